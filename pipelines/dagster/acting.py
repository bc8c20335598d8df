"""Operations in Dagster: a job each, which plans and applies where it is enforced, and a schedule each.

A schedule plans in the process of our code, which is there already: a process for a plan of which nothing may be
written, every minute, would cost more than the run that publishes. It starts the job where there is something to apply.
"""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
import sqlite3
from datetime import timedelta

from dagster import (
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    OpDefinition,
    OpExecutionContext,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    in_process_executor,
    job,
    op,
    schedule,
)

from marketplace.operations import RHYTHMS, Operation
from messages.catalogue import english
from operations.every import every_kind
from pipelines.environment import prepare
from pipelines.operations import idle_reason, line_of, plan_turn, turn, waits
from resources.errors import BookwatchError, RunActive
from resources.settings import load_settings


def _cron(every: timedelta) -> str:
    minutes = int(every / timedelta(minutes=1))
    return "* * * * *" if minutes == 1 else "9 * * * *" if minutes == 60 else f"*/{minutes} * * * *"


def _description(operation: Operation) -> str:
    kind = every_kind().get(operation)
    return f"{'' if kind is None else kind.description} Planned; applied where it is enforced.".strip()


def _op(operation: Operation) -> OpDefinition:
    @op(name=f"{operation}_turn", description=_description(operation))
    def operate(context: OpExecutionContext) -> str:
        settings = load_settings()
        prepare(settings)
        try:
            found = turn(settings, operation)
        except BookwatchError as refused:
            raise Failure(description=str(refused), allow_retries=False) from None
        if found.idle is not None:
            return english(found.idle)
        if found.applied is not None and found.applied.problem is not None:
            raise Failure(description=str(found.applied.problem), allow_retries=False)
        said = line_of(found) or "There was nothing to do, or nothing that may be written."
        context.log.info(said)
        return said

    return operate


def _job(operation: Operation) -> JobDefinition:
    turned = _op(operation)

    @job(name=operation.value, executor_def=in_process_executor, description=_description(operation))
    def operate() -> None:
        turned()

    return operate


JOBS = {operation: _job(operation) for operation in RHYTHMS}


def _schedule(operation: Operation) -> ScheduleDefinition:
    @schedule(
        job=JOBS[operation],
        name=f"plan_{operation}",
        cron_schedule=_cron(RHYTHMS[operation]),
        default_status=DefaultScheduleStatus.RUNNING,
        description="Plans it; starts the job where it is enforced and there is something to do. Not while acting is"
        " stopped.",
    )
    def rhythm(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        settings = load_settings()
        idle = idle_reason(settings, operation)
        if idle is not None:
            return SkipReason(english(idle))
        try:
            plan = plan_turn(settings, operation).plan
        except RunActive as busy:
            return SkipReason(str(busy))
        except (BookwatchError, sqlite3.Error) as refused:
            return SkipReason(f"It could not be planned: {refused}")
        if plan is None or not waits(settings, plan):
            return SkipReason("Planned; there is nothing to apply, or nothing that may be written.")
        return RunRequest()

    return rhythm


SCHEDULES = [_schedule(operation) for operation in RHYTHMS]
