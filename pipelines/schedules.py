"""When the jobs run: every minute, skipped while a run is active; the housekeeping once a day."""

from __future__ import annotations

from dagster import (
    DagsterRunStatus,
    DefaultScheduleStatus,
    RunRequest,
    RunsFilter,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from pipelines.jobs import MAIN_JOB, housekeeping, main_job
from resources.lock import is_run_active
from resources.settings import load_settings

_ACTIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


@schedule(
    job=main_job,
    name="every_minute",
    cron_schedule="* * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="The main job, every minute; skipped while a run is active.",
)
def every_minute(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    active = context.instance.get_runs_count(RunsFilter(job_name=MAIN_JOB, statuses=_ACTIVE))
    if active:
        return SkipReason("A run of the main job is active.")
    if is_run_active(load_settings().home):
        return SkipReason("A run started from the command line is active.")
    return RunRequest()


@schedule(
    job=housekeeping,
    name="daily_housekeeping",
    cron_schedule="17 3 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Delete the history of runs older than a week.",
)
def daily_housekeeping() -> RunRequest:
    return RunRequest()
