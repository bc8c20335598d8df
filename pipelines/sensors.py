"""What Dagster notices and our own code could not: runs that crashed, were cancelled or never began, told as alerts."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
import sqlite3
from datetime import UTC, datetime, timedelta

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunsFilter,
    RunStatusSensorContext,
    SensorEvaluationContext,
    SkipReason,
    run_failure_sensor,
    run_status_sensor,
    sensor,
)

from pipelines.alerting.observe import died
from pipelines.alerting.turn import alert_turn, show_alerts
from pipelines.dagster.jobs import MAIN_JOB, SWEEP_JOB, main_job, sweep_job
from pipelines.environment import prepare
from resources.ledger import Ledger
from resources.lock import is_run_active
from resources.settings import load_settings

RUN_TAG = "bookwatch/run_id"
"""On a Dagster run: the run of ours it is. Without it, it ended before our code began."""
BUSY_TAG = "bookwatch/busy"
"""On a Dagster run that found another one active, and so was none."""

SENSOR_SECONDS = 15
GONE_AFTER = timedelta(minutes=5)
"""A started run that holds no run lock so long after its start has lost its process: loading its code takes seconds,
on a machine overloaded ten times a minute or two."""


def tell_of_death(run: DagsterRun) -> str:
    """Raise the alert of a run that ended without a word of its own; says what was done. Once for each run."""
    if BUSY_TAG in run.tags:
        return "Another run was active, so this one was none."
    settings = load_settings()
    prepare(settings)
    run_id = run.tags.get(RUN_TAG)
    numbers: list[int] = []
    if run_id is not None:
        try:
            entered = Ledger(settings.home.ledger).run_ended(run_id)
        except sqlite3.Error:
            entered = None  # history that can't be read keeps nothing from being told
        if entered is not None:
            number, ended = entered
            if ended:
                return f"The run {run_id} told its end itself, or its death was told already."
            numbers = [number]
    said: list[str] = []
    with alert_turn(
        settings, lambda known: [died([run_id or run.run_id])], say=said.append, died=numbers
    ) as turn:
        turn.send()
        show_alerts(settings.home, turn.state, turn.now)
    return " ".join([f"The death of run {run_id or run.run_id} is an alert.", *said])


@run_failure_sensor(
    name="failed_runs",
    monitored_jobs=[main_job, sweep_job],
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=DefaultSensorStatus.RUNNING,
    description="An alert for a run that failed without being able to say so: crashed, killed, never begun.",
)
def failed_runs(context: RunFailureSensorContext) -> SkipReason:
    return SkipReason(tell_of_death(context.dagster_run))


@run_status_sensor(
    run_status=DagsterRunStatus.CANCELED,
    name="cancelled_runs",
    monitored_jobs=[main_job, sweep_job],
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=DefaultSensorStatus.RUNNING,
    description="An alert for a run that was cancelled before it could say so.",
)
def cancelled_runs(context: RunStatusSensorContext) -> SkipReason:
    return SkipReason(tell_of_death(context.dagster_run))


def fail_lost_runs(instance: DagsterInstance, *, now: datetime) -> list[str]:
    """Mark as failed the runs Dagster believes started whose process is gone; their ids.

    Dagster's own monitoring does not look after runs of the command line or of a code server that died with its run:
    one would stand as started for ever, and no schedule would start another. Whoever runs holds the run lock.
    """
    started: list[DagsterRun] = []
    for job in (MAIN_JOB, SWEEP_JOB):
        for record in instance.get_run_records(
            RunsFilter(job_name=job, statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
        ):
            began = record.start_time or record.create_timestamp.timestamp()
            if now.timestamp() - began > GONE_AFTER.total_seconds():
                started.append(record.dagster_run)
    if not started or is_run_active(load_settings().home):
        return []
    for run in started:
        instance.report_run_failed(run, "Its process is gone: it does not hold the run lock.")
    return [run.run_id for run in started]


@sensor(
    name="lost_runs",
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process is gone, so that the next may start and their death is told.",
)
def lost_runs(context: SensorEvaluationContext) -> SkipReason:
    lost = fail_lost_runs(context.instance, now=datetime.now(UTC))
    return SkipReason(f"Their process was gone: {', '.join(lost)}." if lost else "No run is lost.")


SENSORS = (failed_runs, cancelled_runs, lost_runs)
