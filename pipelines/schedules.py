"""When the jobs run: every minute, a sweep once an hour (both skipped while a run is active), the housekeeping once
a day."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from datetime import UTC, datetime

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    RunRequest,
    RunsFilter,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from pipelines.jobs import MAIN_JOB, SWEEP_JOB, housekeeping, main_job, sweep_job
from resources.lock import is_run_active
from resources.settings import load_settings

_ACTIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


# A sweep that finds a run active is asked for again five minutes later, four times an hour: with a run every minute
# a single try would often be the one that is skipped.
SWEEP_MINUTES = (41, 46, 51, 56)


def _active(instance: DagsterInstance) -> str | None:
    """Why no run may start now, None when one may."""
    for job_name in (MAIN_JOB, SWEEP_JOB):
        if instance.get_runs_count(RunsFilter(job_name=job_name, statuses=_ACTIVE)):
            return f"A run of the job {job_name} is active."
    if is_run_active(load_settings().home):
        return "A run started from the command line is active."
    return None


def _sweep_due(instance: DagsterInstance, at: datetime) -> bool:
    """Whether this minute is one of the sweep's and the hour has had none yet."""
    if at.minute not in SWEEP_MINUTES:
        return False
    since = at.astimezone(UTC).replace(minute=SWEEP_MINUTES[0], second=0, microsecond=0)
    return not instance.get_runs_count(RunsFilter(job_name=SWEEP_JOB, created_after=since))


@schedule(
    job=main_job,
    name="every_minute",
    cron_schedule="* * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="The main job, every minute; skipped while a run is active.",
)
def every_minute(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    active = _active(context.instance)
    if active:
        return SkipReason(active)
    if _sweep_due(context.instance, context.scheduled_execution_time):
        return SkipReason("This minute is the hourly sweep's, which is a run as well.")
    return RunRequest()


@schedule(
    job=sweep_job,
    name="hourly_sweep",
    cron_schedule=f"{','.join(map(str, SWEEP_MINUTES))} * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="A run with a sweep, once an hour; skipped while a run is active, and tried again in that hour.",
)
def hourly_sweep(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    if not _sweep_due(context.instance, context.scheduled_execution_time):
        return SkipReason("This hour has had its sweep.")
    active = _active(context.instance)
    return SkipReason(active) if active else RunRequest()


@schedule(
    job=housekeeping,
    name="daily_housekeeping",
    cron_schedule="17 3 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Delete the history of runs older than a week.",
)
def daily_housekeeping() -> RunRequest:
    return RunRequest()
