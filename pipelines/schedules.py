"""When the jobs run: every minute, a sweep once an hour (both skipped while a run is active), the housekeeping and the
morning's reports once a day."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

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

from marketplace.backups import DRILL_LOCAL_HOUR, DRILL_WEEKDAY, BackupState
from pipelines.dagster.backups import backup_job, drill_job
from pipelines.dagster.jobs import (
    DEEP_TAG,
    MAIN_JOB,
    SWEEP_JOB,
    housekeeping,
    main_job,
    report_job,
    sweep_job,
)
from resources.ledger import Ledger
from resources.lock import is_run_active
from resources.settings import load_settings
from resources.snapshots import current_snapshot
from resources.sweep_mark import last_sweep_age

_ACTIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


# A sweep that finds a run active is asked for again five minutes later, four times an hour: with a run every minute
# a single try would often be the one that is skipped.
SWEEP_MINUTES = (41, 46, 51, 56)


# One sweep a night reads whole rows, and so finds what was changed under an unchanged $updatedAt as well.
DEEP_LOCAL_HOURS = range(1, 6)
DEEP_APART = timedelta(hours=12)

# When a day's reports are due where the business is: before people come. Where nothing runs then, later that day.
REPORT_LOCAL_HOUR = 6


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
    swept = last_sweep_age(load_settings().home)
    if swept is not None and datetime.now(UTC) - swept >= since:
        return False  # by hand or by `watch`: those are no runs of Dagster's
    return not instance.get_runs_count(RunsFilter(job_name=SWEEP_JOB, created_after=since))


def deep_due(instance: DagsterInstance, at: datetime) -> bool:
    """Whether it is night where the business is and this night has had no deep sweep yet."""
    if at.astimezone(ZoneInfo(load_settings().timezone)).hour not in DEEP_LOCAL_HOURS:
        return False
    since = at.astimezone(UTC) - DEEP_APART
    done = RunsFilter(job_name=SWEEP_JOB, tags={DEEP_TAG: "true"}, created_after=since)
    return not instance.get_runs_count(done)


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
    description="A run with a sweep, once an hour, of whole rows once a night; skipped while a run is active, and tried"
    " again in that hour.",
)
def hourly_sweep(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    if not _sweep_due(context.instance, context.scheduled_execution_time):
        return SkipReason("This hour has had its sweep.")
    active = _active(context.instance)
    if active:
        return SkipReason(active)
    deep = deep_due(context.instance, context.scheduled_execution_time)
    return RunRequest(tags={DEEP_TAG: "true"} if deep else {})


@schedule(
    job=housekeeping,
    name="daily_housekeeping",
    cron_schedule="17 3 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Delete the history of runs older than a week.",
)
def daily_housekeeping() -> RunRequest:
    return RunRequest()


@schedule(
    job=report_job,
    name="morning_report",
    cron_schedule="4,34 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="The notebooks as HTML files, once a local day, from six in the morning on.",
)
def morning_report(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    settings = load_settings()
    local = context.scheduled_execution_time.astimezone(ZoneInfo(settings.timezone))
    if local.hour < REPORT_LOCAL_HOUR:
        return SkipReason("It is not morning yet.")
    if current_snapshot(settings.home) is None:
        return SkipReason("Nothing has been published yet.")
    return RunRequest(run_key=local.date().isoformat())  # of one key Dagster starts one run


BACKUP_LOOKED_FOR: Final = timedelta(minutes=5)


@schedule(
    job=backup_job,
    name="daily_backup",
    cron_schedule=f"*/{BACKUP_LOOKED_FOR // timedelta(minutes=1)} * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="A backup of the database, once a local day, from the time of BOOKWATCH_BACKUP_AT on.",
)
def daily_backup(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    settings = load_settings()
    local = context.scheduled_execution_time.astimezone(ZoneInfo(settings.timezone))
    hours, minutes = map(int, settings.backup_at.split(":"))
    due = local.replace(hour=hours, minute=minutes, second=0, microsecond=0)
    if local < due:
        due -= timedelta(days=1)
        if (
            local - due >= BACKUP_LOOKED_FOR
        ):  # else it was due between two looks, the second of them after midnight
            return SkipReason("It is not time yet.")
    return RunRequest(run_key=due.date().isoformat())  # of one key Dagster starts one run


@schedule(
    job=drill_job,
    name="weekly_drill",
    cron_schedule="11,41 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="The newest backup restored into the sandbox and compared, once a week, in the night to Sunday.",
)
def weekly_drill(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    settings = load_settings()
    local = context.scheduled_execution_time.astimezone(ZoneInfo(settings.timezone))
    if (local.weekday(), local.hour) < (DRILL_WEEKDAY, DRILL_LOCAL_HOUR):
        return SkipReason("It is not time yet.")
    if not any(entry.state == BackupState.WHOLE for entry in Ledger(settings.home.ledger).backups()):
        return SkipReason("There is no whole backup to try out.")
    year, week, _ = local.isocalendar()
    return RunRequest(run_key=f"{year}-W{week:02d}")
