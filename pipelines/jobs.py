"""The jobs: one that makes everything, one that deletes the history of old runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dagster import (
    DagsterRunStatus,
    OpExecutionContext,
    RunsFilter,
    define_asset_job,
    in_process_executor,
    job,
    op,
)

MAIN_JOB = "bookwatch"
KEEP_RUNS_FOR = timedelta(days=7)

# Quiet by default: our own lines tell a person what happens, Dagster's events are in its instance.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

main_job = define_asset_job(
    MAIN_JOB,
    selection="*",
    executor_def=in_process_executor,
    config=QUIET,
    description="Appwrite → raw → core → marts → checks → published snapshot.",
)


@op
def delete_old_runs(context: OpExecutionContext) -> int:
    """Delete finished runs older than a week: each leaves about 1 MB in the instance. Returns how many went."""
    before = datetime.now(UTC) - KEEP_RUNS_FOR
    finished = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
    deleted = 0
    for record in context.instance.get_run_records(
        RunsFilter(statuses=finished, created_before=before), limit=20_000
    ):
        context.instance.delete_run(record.dagster_run.run_id)
        deleted += 1
    return deleted


@job(executor_def=in_process_executor, description="Delete the history of runs older than a week.")
def housekeeping() -> None:
    delete_old_runs()
