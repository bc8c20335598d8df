"""`bookwatch run`: one run, from Appwrite to the published snapshot, recorded in Dagster's instance."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json
from pipelines.environment import prepare
from resources.errors import BookwatchError
from resources.run_context import SweepOrder
from resources.settings import Settings, load_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, ExecuteInProcessResult

    from resources.run_context import RunContext


def execute(
    settings: Settings,
    *,
    full_refresh: bool = False,
    quiet: bool = False,
    sweep: SweepOrder | None = None,
    say: Callable[[str], None] = lambda line: None,
    instance: DagsterInstance | None = None,
) -> RunContext:
    """One run of the main job (``sweep``: of the sweep job) in this process. ``instance``: one that is open already.

    Raises RunActive, UsageError; other failures stand in the context.
    """
    settings.require_appwrite()
    prepare(settings.home)
    from pipelines.run import open_run

    with open_run(settings, full_refresh=full_refresh, sweep=sweep, quiet=quiet, say=say) as context:
        from dagster import ResourceDefinition

        from assets.reports import finish
        from assets.step import stopped
        from pipelines.definitions import build_definitions
        from pipelines.instance import own_instance
        from pipelines.jobs import MAIN_JOB, SWEEP_JOB
        from pipelines.sensors import RUN_TAG

        definitions = build_definitions(run=ResourceDefinition.hardcoded_resource(context))
        with nullcontext(instance) if instance else own_instance(settings.home.dagster) as opened:
            result = definitions.resolve_job_def(SWEEP_JOB if sweep else MAIN_JOB).execute_in_process(
                instance=opened, raise_on_error=False, tags={RUN_TAG: context.run_id}
            )
        if not result.success and context.failure is None and _was_interrupted(result):
            context.stopped = True
            context.fail(stopped())
            context.finished = False
        elif not result.success and context.failure is None:
            context.fail(
                BookwatchError(
                    "The run failed outside its steps.",
                    "The last good snapshot is still served. Run again with --debug to see the details.",
                )
            )
            context.finished = False
        finish(context)
        return context


def _was_interrupted(result: ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C or SIGTERM came between two steps: Dagster then ends the run itself."""
    from dagster._core.events import JobFailureData, RunFailureReason

    return any(
        isinstance(event.event_specific_data, JobFailureData)
        and event.event_specific_data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION
        for event in result.all_events
    )


def as_json(context: RunContext) -> dict[str, Any]:
    """A run for programs."""
    return {
        "run_id": context.run_id,
        "exit_status": context.exit_status,
        "snapshot_id": context.snapshot_id,
        "published": context.snapshot_changed,
        "message": str(context.failure) if context.failure else "",
        "warnings": [asdict(warning) for warning in context.warnings],
        "collections": [scan.__dict__ for scan in context.scans],
        "failing_checks": [check.check_name for check in context.failed_checks],
    }


def summary(context: RunContext) -> list[str]:
    """What a run did, for a person."""
    fetched = sum(scan.fetched for scan in context.scans)
    changed = sum(scan.inserted + scan.updated + scan.deleted for scan in context.scans)
    rejected = sum(scan.rejected for scan in context.scans)
    lines = [
        f"{fetched:,} rows read, {changed:,} of them new or changed"
        + (f", {rejected:,} quarantined" if rejected else "")
        + "."
    ]
    if context.snapshot_changed:
        lines.append(f"Published snapshot {context.snapshot_id}.")
    elif context.postponed:
        lines.append(f"Snapshot {context.snapshot_id} stands a little longer: a copy of it takes long.")
    else:
        lines.append(f"Nothing changed; snapshot {context.snapshot_id} stands.")
    lines += [
        f"Collection {s.collection}: {s.outcome}. {s.detail}".strip() for s in context.unread_collections
    ]
    failing = context.failed_checks
    if failing:
        shown = ", ".join(
            f"{check.check_name} ({check.failed_rows})" if check.failed_rows else check.check_name
            for check in failing
        )
        lines.append(f"{len(failing)} of {len(context.checks)} checks found problems: {shown}.")
    else:
        lines.append(f"All {len(context.checks)} checks hold.")
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
    """One run: ingest, check, derive, publish."""
    context = execute(load_settings(), full_refresh=full_refresh, say=lambda line: echo(line, err=True))
    if json:
        import orjson

        echo_json(orjson.dumps(as_json(context), option=orjson.OPT_INDENT_2).decode())
    if context.failure is not None:
        if debugging() and context.cause is not None:
            raise context.failure from context.cause
        raise context.failure
    if not json:
        for line in summary(context):
            echo(line)
    return context.exit_status
