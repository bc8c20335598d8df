"""The published snapshot: a copy of the closed warehouse under a name of its own, and the link readers follow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path

import duckdb

from assets.closed_months import newest_complete
from assets.core.personal_store import update_private
from assets.guard import afterwards
from assets.ops import describe_snapshot, record_checks
from assets.shared import share_newest
from marketplace.error_rate import NOT_COUNTED
from marketplace.rules import RULES_VERSION
from resources.errors import BookwatchError
from resources.ledger import Ledger
from resources.run_report import CheckOutcome, Published, Run
from resources.seals import SnapshotChanged, require_unchanged
from resources.snapshots import (
    copy_closed_file,
    current_snapshot,
    drop_old_snapshots,
    open_snapshot,
    point_link,
    snapshot_path,
)
from resources.status_file import read_status

# Ages and counters move with the clock alone. Between two copies they stand in status.json, which every run
# replaces; the snapshot is copied again once its own figures would be older than this.
REFRESH_AFTER = timedelta(minutes=5)
# Publishing may take a tenth of the wall time at most: a copy that took long is not made again at once. Below this many
# seconds a copy costs nobody anything.
WALL_TIME_SHARE = 0.1
QUICK_COPY_S = 5.0
SHARING = "shared snapshot"
"""The step that brings the snapshot to a store, as a warning names it."""


def _content(con: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    """What a warehouse or snapshot shows, apart from ages: its rules, the changes in it, a digest of each mart."""
    state = con.execute("SELECT rules_version, processed_change FROM core.state").fetchone()
    digests = con.execute("SELECT mart, digest FROM ops.mart_digests ORDER BY mart").fetchall()
    # An error is to be seen by the next run's readers, whether or not anything else changed; one that every run meets
    # again (an optional collection that is not there) only when it is new.
    errors = con.execute(
        f"SELECT count(*), max(called_at) FROM ops.errors WHERE reason NOT IN {NOT_COUNTED} OR reason = 'slow'"
    ).fetchone()
    standing = con.execute(
        f"SELECT DISTINCT operation, collection, reason FROM ops.errors WHERE reason IN {NOT_COUNTED} ORDER BY ALL"
    ).fetchall()
    return (state, errors, *standing, *digests)


def _rests(run: Run, current: Path) -> bool:
    """Whether the last copy took so long that the next one has to wait. Durations are real, whatever the clock says."""
    took = float((read_status(run.home) or {}).get("run", {}).get("publishing_seconds") or 0)
    since = time.time() - current.stat().st_mtime
    return took > QUICK_COPY_S and since < took * (1 / WALL_TIME_SHARE - 1)


class Due(Enum):
    """Whether the snapshot has to be copied again."""

    NOW = "now"
    LATER = "later"
    """Something changed, and a copy takes long."""
    NOT = "not"


def copy_due(run: Run, current: Path, *, figures_changed: bool) -> Due:
    """Whether the warehouse shows anything the newest snapshot does not, be it of an earlier run that was stopped.
    ``figures_changed``: this run knows that it does."""
    if run.order.full_refresh:
        return Due.NOW
    try:
        if require_unchanged(current) is None:
            run.say(
                f"The snapshot {current.name} was published before hashes were kept; it is published anew."
            )
            return Due.NOW
        if figures_changed and not _rests(run, current):
            return Due.NOW
        with open_snapshot(current) as con:
            shown = _content(con)
            published_at = con.execute("SELECT published_at FROM ops.snapshot").fetchone()
    except SnapshotChanged as changed:
        run.say(f"{changed.problem} It is published anew.")
        return Due.NOW
    except (duckdb.Error, BookwatchError):
        # Damaged, or of another version: nobody can read it, and the warehouse has all of it.
        run.say(f"The snapshot {current.name} cannot be read; it is published anew.")
        return Due.NOW
    if not figures_changed:
        with run.warehouse.open(read_only=True) as con:
            changed = shown != _content(con)
        stale = published_at is None or abs(run.clock.naive_now() - published_at[0]) >= REFRESH_AFTER
        if not (changed or stale):
            return Due.NOT
    return Due.LATER if _rests(run, current) else Due.NOW


def publish(run: Run, checks: Sequence[CheckOutcome], *, figures_changed: bool) -> Published:
    """Copy the closed warehouse, with its ``checks``, and swap the link.

    When nothing changed the newest snapshot stands and nothing is copied. Once the link points at the snapshot it
    stands: what follows is ``after_publishing``.
    """
    began = time.perf_counter()
    current = current_snapshot(run.home)
    if current is not None:
        due = copy_due(run, current, figures_changed=figures_changed)
        if due is not Due.NOW:
            return Published(current.stem, postponed=due is Due.LATER)
    snapshot_id = run.run_id
    with run.warehouse.open() as con:
        record_checks(con, run, checks)
        published_at = describe_snapshot(con, run, snapshot_id, RULES_VERSION)
        con.execute("CHECKPOINT")
    run.warehouse.close()
    target = snapshot_path(run.home, snapshot_id)
    copy_closed_file(run.home.warehouse, target, Ledger(run.home.ledger).record_seal)
    point_link(run.home.current, target)
    return Published(snapshot_id, published_at, changed=True, seconds=time.perf_counter() - began)


def after_publishing(run: Run, published: Published) -> None:
    """Bring private.duckdb up to the snapshot, drop old ones, and bring the newest to readers elsewhere; what fails
    here is a warning of the run.

    Names follow the figures: a row whose name is not there yet is shown by its id.
    """
    afterwards(run, "private names", lambda: update_private(run.home.raw, run.home.published))
    # Before old ones go: the store is told what changed against one of them.
    if run.settings.share_snapshots != "off":
        afterwards(run, SHARING, lambda: share_newest(run, published.snapshot_id, _rested_on(run)))
    if published.changed:
        afterwards(
            run,
            "old snapshots",
            lambda: drop_old_snapshots(run.home, now=run.clock.now(), cited=_rested_on(run)),
        )


def _rested_on(run: Run) -> set[str]:
    """The snapshots that something rests on: they are kept whatever their age."""
    cited = Ledger(run.home.ledger).cited_snapshots()
    # What later months are compared with, also where ten runs in a row did not read everything.
    complete = newest_complete(run.home)
    return cited | ({complete} if complete else set())
