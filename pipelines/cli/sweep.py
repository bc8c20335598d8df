"""`bookwatch sweep`: a run that also compares every row with Appwrite: deletes, backdated, silently changed and
missed rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marketplace.events import ScanOutcome
from pipelines.cli.printed import echo, echo_json
from pipelines.cli.run import as_json, debugging, in_english, summary
from resources.settings import load_settings

if TYPE_CHECKING:
    from resources.run_report import CollectionSweep, RunReport


def found(sweeps: Sequence[CollectionSweep]) -> list[str]:
    """What a sweep found, for a person: the sum, then each collection that needs attention."""
    deleted, repaired = sum(s.deleted for s in sweeps), sum(s.repaired for s in sweeps)
    compared = [s for s in sweeps if s.outcome == ScanOutcome.COMPLETE]
    rows = sum(s.server_rows for s in compared)
    told = f"{deleted:,} deleted in Appwrite, {repaired:,} repaired."
    lines = [f"{rows:,} rows of {len(compared)} collections compared: {told}"]
    for swept in sweeps:
        if swept.held:
            lines.append(
                f"Collection {swept.collection}: {swept.detail}. If they were deleted on purpose:"
                " `bookwatch sweep --accept-deletes`."
            )
        elif swept.outcome != ScanOutcome.COMPLETE:
            lines.append(
                f"Collection {swept.collection} could not be compared ({swept.outcome}). {swept.detail}".strip()
            )
        elif swept.deleted or swept.repaired:
            lines.append(
                f"Collection {swept.collection}: {swept.deleted:,} deleted, {swept.repaired:,} repaired."
            )
    return lines


def as_report(done: RunReport) -> dict[str, Any]:
    """A sweep for programs: the run's own content and what was found in each collection."""
    return {**as_json(done), "sweeps": [in_english(swept) for swept in done.sweeps]}


def sweep(
    deep: Annotated[
        bool,
        typer.Option(
            "--deep/--quick",
            help="Read whole rows (also finds those changed under an unchanged $updatedAt), or their times only.",
        ),
    ] = True,
    accept_deletes: Annotated[
        bool,
        typer.Option(
            "--accept-deletes", help="Mark rows deleted even if more than 5 % of a collection are gone."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Find deletes, backdated and silent changes, repair the mirror, and publish what that changes."""
    from pipelines.run import run as run_once
    from resources.run_report import RunOrder, SweepOrder

    order = RunOrder(
        sweep=SweepOrder(deep=deep, accept_deletes=accept_deletes), say=lambda line: echo(line, err=True)
    )
    done = run_once(load_settings(), order)
    if json:
        import orjson

        echo_json(orjson.dumps(as_report(done), option=orjson.OPT_INDENT_2).decode())
    if done.failure is not None:
        if debugging() and done.cause is not None:
            raise done.failure from done.cause
        raise done.failure
    if not json:
        for line in (*found(done.sweeps), *summary(done)):
            echo(line)
    return done.exit_status
