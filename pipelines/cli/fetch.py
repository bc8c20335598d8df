"""`bookwatch fetch`: a snapshot from a store, for who reads without the pipeline's home; and which commands such a home
has no use for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, BookwatchError, UsageError
from resources.settings import load_settings

#: Commands that take a pipeline of one's own, or its ledger.
NOT_HERE: Final = frozenset(
    {
        *(
            "run",
            "watch",
            "sweep",
            "forget",
            "orders",
            "adopt",
            "waive",
            "close",
            "reopen",
            "verify",
            "alerts",
        ),
        *("backup", "export", "indexes", "operations", "services", "prelaunch", "doctor", "errors"),
    }
)


def refuse_in_a_readers_home(words: list[str]) -> None:
    """Raises UsageError for a command that a reader's home cannot do."""
    named = next((word for word in words if not word.startswith("-")), "")
    if named not in NOT_HERE or "--help" in words:
        return
    try:
        settings = load_settings()
    except BookwatchError:
        return  # the command itself says what is wrong with them
    from pipelines.following import require_own

    require_own(settings)


def fetch(
    snapshot: Annotated[
        str | None,
        typer.Option("--snapshot", metavar="ID", help="A shared snapshot (default: the newest)."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="A folder of your own (default: BOOKWATCH_HOME/published)."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on: fetch each newer one, until stopped.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="S", min=1, max=3600, help="With --follow: how often to look.")
    ] = 15,
    json: Annotated[bool, typer.Option("--json", help="Print what was fetched as JSON.")] = False,
) -> int:
    """A snapshot from the store of BOOKWATCH_FOLLOW (else BOOKWATCH_STORE): whole, proven by its hash, gone on with
    where it broke off."""
    if follow and snapshot is not None:
        raise UsageError(
            "--follow fetches the newest, --snapshot one that was named.", "Give one of them, not both."
        )
    settings = load_settings()
    from pipelines.following import Follower, fetch_home, store_of
    from resources.shared import fetching

    def once() -> fetching.Fetched:
        if to is None:
            return fetch_home(settings, snapshot_id=snapshot)
        folder = to.expanduser()
        if folder.resolve() == settings.home.published.resolve():
            fetching.require_no_pipeline(settings.home)
        return fetching.fetch(store_of(settings), folder, snapshot_id=snapshot, at=settings.clock.now())

    if follow:
        follower = Follower(once, lambda line: echo(line, err=True), every_s=every)
        follower.follow()
        return DONE
    fetched = once()
    if json:
        import orjson

        content = {
            "snapshot_id": fetched.snapshot_id,
            "path": str(fetched.path),
            "sha256": fetched.sha256,
            "bytes": fetched.bytes,
            "received": fetched.received,
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        came = f"{fetched.received / 1e6:,.1f} MB came" if fetched.received else "it was here"
        echo(f"{fetched.snapshot_id}  {fetched.path}  ({came})")
    return DONE
