"""The jobs: one that makes everything, the same with a sweep, one that deletes the history of old runs. Those of
operations are in acting.py."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from datetime import UTC, datetime, timedelta

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    OpExecutionContext,
    define_asset_job,
    in_process_executor,
    job,
    op,
)

from checks.verdicts import SWEEP
from pipelines.dagster.history import delete_old_runs
from resources.settings import load_settings

MAIN_JOB = "bookwatch"
SWEEP_JOB = "sweep"
REPORT_JOB = "reports"
REPORT_KEY = AssetKey(["monitoring_report"])
"""Made once a morning, by a job of its own: no run waits for it."""
SWEEP_TAG = "bookwatch/sweep"
DEEP_TAG = "bookwatch/deep_sweep"
FULL_REFRESH_TAG = "bookwatch/full_refresh"
KEEP_RUNS_FOR = timedelta(days=7)

# Quiet by default: our own lines tell a person what happens, Dagster's events are in its instance.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

_SWEEP_CHECKS = [AssetCheckKey(AssetKey(check.asset.split("/")), check.name) for check in SWEEP.checks]

_EVERY_RUN = AssetSelection.all() - AssetSelection.assets(REPORT_KEY)

main_job = define_asset_job(
    MAIN_JOB,
    # A run without a sweep has nothing to judge these by: their last verdicts stand.
    selection=_EVERY_RUN - AssetSelection.checks(*_SWEEP_CHECKS),
    executor_def=in_process_executor,
    config=QUIET,
    description="Appwrite → raw → core → marts → checks → published snapshot.",
)


sweep_job = define_asset_job(
    SWEEP_JOB,
    selection=_EVERY_RUN,
    executor_def=in_process_executor,
    config=QUIET,
    tags={SWEEP_TAG: "true"},
    description="The main job with a sweep after the scan: every row compared with Appwrite, deletes found.",
)


report_job = define_asset_job(
    REPORT_JOB,
    selection=AssetSelection.assets(REPORT_KEY),
    executor_def=in_process_executor,
    config=QUIET,
    description="The notebooks as HTML files, once a morning.",
)


@op(name="delete_old_runs")
def delete_old_runs_op(context: OpExecutionContext) -> int:
    """Delete finished runs older than a week: each leaves more than 1 MB in the instance. Returns how many went."""
    return delete_old_runs(context.instance, load_settings(), before=datetime.now(UTC) - KEEP_RUNS_FOR)


@job(executor_def=in_process_executor, description="Delete the history of runs older than a week.")
def housekeeping() -> None:
    delete_old_runs_op()
