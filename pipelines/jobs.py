"""The jobs: one that makes everything, the same with a sweep, one that deletes the history of old runs."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from datetime import UTC, datetime, timedelta

from dagster import (
    AssetSelection,
    DagsterRunStatus,
    OpExecutionContext,
    RunsFilter,
    define_asset_job,
    in_process_executor,
    job,
    op,
)

from checks.asset_checks import sweep_checks

MAIN_JOB = "bookwatch"
SWEEP_JOB = "sweep"
SWEEP_TAG = "bookwatch/sweep"
DEEP_TAG = "bookwatch/deep_sweep"
KEEP_RUNS_FOR = timedelta(days=7)

# Quiet by default: our own lines tell a person what happens, Dagster's events are in its instance.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

main_job = define_asset_job(
    MAIN_JOB,
    # A run without a sweep has nothing to judge these by: their last verdicts stand.
    selection=AssetSelection.all() - AssetSelection.checks(sweep_checks),
    executor_def=in_process_executor,
    config=QUIET,
    description="Appwrite → raw → core → marts → checks → published snapshot.",
)


sweep_job = define_asset_job(
    SWEEP_JOB,
    selection=AssetSelection.all(),
    executor_def=in_process_executor,
    config=QUIET,
    tags={SWEEP_TAG: "true"},
    description="The main job with a sweep after the scan: every row compared with Appwrite, deletes found.",
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
