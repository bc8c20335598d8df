"""The jobs of backups: one a day, and once a week one is tried out. What they do is operations/backup's."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Callable
from typing import TypeVar

from dagster import Failure, OpExecutionContext, in_process_executor, job, op

from messages.catalogue import english
from operations.backup.create import BackupActive, make_backup
from operations.backup.drill import drill
from pipelines.backup_alerts import tell
from pipelines.environment import prepare
from resources.errors import BookwatchError
from resources.settings import load_settings

BACKUP_JOB = "backup"
DRILL_JOB = "drill"
T = TypeVar("T")


def _done(context: OpExecutionContext, do: Callable[..., T]) -> T | None:
    """What was done; None while another one is at it by hand, which is as good. Raises Failure in words."""
    settings = load_settings()
    prepare(settings)
    try:
        done = do(settings, say=lambda line: context.log.info(english(line)))
    except BackupActive as busy:
        context.log.info(str(busy))
        return None
    except BookwatchError as refused:
        tell(settings, context.log.warning)
        raise Failure(description=str(refused), allow_retries=False) from None
    tell(settings, context.log.warning)
    return done


@op(name="make_backup")
def make_backup_op(context: OpExecutionContext) -> str:
    """Every table of the database as files; its id."""
    made = _done(context, make_backup)
    if made is None:
        return ""
    context.add_output_metadata({"rows": made.rows, "bytes": made.bytes, "state": str(made.state)})
    for line in made.said:
        context.log.info(english(line))
    return made.backup_id


@op(name="try_backup_out")
def try_backup_out_op(context: OpExecutionContext) -> float:
    """The newest whole backup restored into the sandbox and compared; the seconds that took."""
    done = _done(context, drill)
    if done is None:
        return 0.0
    context.add_output_metadata({"rows": done.restored.rows, "differences": done.restored.differences})
    if not done.restored.same:
        told = " ".join(english(line) for line in done.restored.wrong)
        raise Failure(description=told, allow_retries=False)
    return done.seconds


@job(
    name=BACKUP_JOB,
    executor_def=in_process_executor,
    description="Every table of the database as files, once a day.",
)
def backup_job() -> None:
    make_backup_op()


@job(
    name=DRILL_JOB,
    executor_def=in_process_executor,
    description="A backup restored into the sandbox and compared to the row, once a week.",
)
def drill_job() -> None:
    try_backup_out_op()
