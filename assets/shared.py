"""The published snapshot in a store, for readers elsewhere: which one is brought there, and what of it is told beside.
How it is brought is resources/shared's."""

from __future__ import annotations

from resources.instants import z_text_of
from resources.objects import objects_of
from resources.run_report import Run
from resources.seals import require_unchanged
from resources.shared.sharing import Shared, Source, share
from resources.snapshots import open_snapshot, snapshot_path


def share_newest(run: Run, snapshot_id: str, cited: set[str]) -> Shared:
    """Bring the snapshot that people read to BOOKWATCH_STORE, also one that an earlier run could not bring. Raises
    BookwatchError; the snapshot of this home stands whatever comes of it."""
    path = snapshot_path(run.home, snapshot_id)
    seal = require_unchanged(path)
    if seal is None or seal.sha256 is None:
        seal = require_unchanged(path, in_full=True)
    assert seal is not None
    assert seal.sha256 is not None  # looked at in full, one that had none is given one
    with open_snapshot(path) as con:
        told = con.execute("SELECT published_at, rules_version FROM ops.snapshot").fetchone() or (None, None)
    shared = share(
        objects_of(run.settings),
        Source(path, seal.sha256, z_text_of(told[0], "seconds"), None if told[1] is None else str(told[1])),
        changes_only=run.settings.share_snapshots == "changes",
        base=run.home.published,
        now=run.clock.now(),
        cited=cited,
    )
    if shared.sent:
        run.say(f"The snapshot is in the store: {shared.sent / 1e6:,.1f} of {seal.bytes / 1e6:,.1f} MB sent.")
    return shared
