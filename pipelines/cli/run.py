"""`bookwatch run`: one run, from Appwrite to the published snapshot, told to a person or a program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json
from resources.settings import load_settings

if TYPE_CHECKING:
    from resources.run_report import CollectionScan, CollectionSweep, RunReport


def as_json(done: RunReport) -> dict[str, Any]:
    """A run for programs."""
    return {
        "run_id": done.run_id,
        "exit_status": done.exit_status,
        "snapshot_id": done.snapshot_id,
        "published": done.snapshot_changed,
        "message": str(done.failure) if done.failure else "",
        "warnings": [{"step": warning.step, "problem": warning.problem} for warning in done.warnings],
        "collections": [in_english(scan) for scan in done.scans],
        "failing_checks": [check.check_name for check in done.failed_checks],
    }


def in_english(told: CollectionScan | CollectionSweep) -> dict[str, Any]:
    """The fields of a scan or a sweep; why it did not read all of it is its ``detail``."""
    return {name: value for name, value in vars(told).items() if name != "why"}


def summary(done: RunReport) -> list[str]:
    """What a run did, for a person."""
    fetched = sum(scan.fetched for scan in done.scans)
    changed = sum(scan.inserted + scan.updated + scan.deleted for scan in done.scans)
    rejected = sum(scan.rejected for scan in done.scans)
    lines = [
        f"{fetched:,} rows read, {changed:,} of them new or changed"
        + (f", {rejected:,} quarantined" if rejected else "")
        + "."
    ]
    if done.snapshot_changed:
        lines.append(f"Published snapshot {done.snapshot_id}.")
    elif done.postponed:
        lines.append(f"Snapshot {done.snapshot_id} stands a little longer: a copy of it takes long.")
    else:
        lines.append(f"Nothing changed; snapshot {done.snapshot_id} stands.")
    lines += [f"Collection {s.collection}: {s.outcome}. {s.detail}".strip() for s in done.unread_collections]
    failing = done.failed_checks
    if failing:
        shown = ", ".join(
            f"{check.check_name} ({check.failed_rows})" if check.failed_rows else check.check_name
            for check in failing
        )
        lines.append(f"{len(failing)} of {len(done.checks)} checks found problems: {shown}.")
    else:
        lines.append(f"All {len(done.checks)} checks hold.")
    return lines


def debugging() -> bool:
    """Whether --debug was given."""
    return os.environ.get("BOOKWATCH_DEBUG") == "1"


def run(
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read everything again and rebuild core and marts.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """One run: ingest, check, derive, publish; then what was ordered in the dashboards meanwhile."""
    from pipelines.orders import OrderTaker
    from pipelines.run import run as run_once
    from resources.run_report import RunOrder

    settings = load_settings()
    order = RunOrder(full_refresh=full_refresh, say=lambda line: echo(line, err=True))
    done = run_once(settings, order)
    taker = OrderTaker(settings)
    taker.look()
    taker.finish()
    if json:
        import orjson

        echo_json(orjson.dumps(as_json(done), option=orjson.OPT_INDENT_2).decode())
    if done.failure is not None:
        if debugging() and done.cause is not None:
            raise done.failure from done.cause
        raise done.failure
    if not json:
        for line in summary(done):
            echo(line)
    return done.exit_status
