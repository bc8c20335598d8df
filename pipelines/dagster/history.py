"""What is thrown away of Dagster's history: old runs, with the files Dagster itself leaves behind, and what `watch`
told.

Dagster deletes neither a run's verdicts nor what was reported outside of a run: those go from its file directly, as
pipelines/stopped.py reads it, or from the database it lies in. Where they have another form than known nothing is
deleted.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from resources import postgres
from resources.errors import BookwatchError
from resources.settings import Settings

FINISHED: Final = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_BUSY_S: Final = 30

_VERDICTS_OF_RUN: Final = "DELETE FROM asset_check_executions WHERE run_id = {run_id}"
#: Told outside of a run, but for the newest of each asset and check: that is what Dagster shows.
_OLD_TOLD: Final = (
    """
    DELETE FROM asset_check_executions WHERE run_id = '' AND evaluation_event_timestamp < {before} AND id NOT IN
        (SELECT max(id) FROM asset_check_executions GROUP BY asset_key, check_name)
    """,
    """
    DELETE FROM event_logs WHERE run_id = '' AND timestamp < {before} AND id NOT IN
        (SELECT max(id) FROM event_logs GROUP BY asset_key, dagster_event_type)
        AND id NOT IN (SELECT evaluation_event_storage_id FROM asset_check_executions
                       WHERE evaluation_event_storage_id IS NOT NULL)
    """,
)


def delete_old_runs(
    instance: DagsterInstance, settings: Settings, *, before: datetime, limit: int = 20_000
) -> int:
    """Delete finished runs created before an instant (aware), and what was told outside of a run before it; how many
    runs. ``settings``: those the instance was made ready with."""
    records = instance.get_run_records(
        RunsFilter(statuses=list(FINISHED), created_before=before), limit=limit, ascending=True
    )
    run_ids = [record.dagster_run.run_id for record in records]
    folder = Path(instance.root_directory)
    for run_id in run_ids:
        instance.delete_run(run_id)
        # Dagster empties a run's event file but keeps it at its full size, and its captured output.
        for left in (folder / "history" / "runs").glob(f"{run_id}.db*"):
            left.unlink(missing_ok=True)
        shutil.rmtree(folder / "storage" / run_id, ignore_errors=True)
    if url := settings.dagster_postgres.get_secret_value():
        _delete_of_database(url, run_ids, before)
    else:
        _delete_of_file(folder / "history" / "runs" / "index.db", run_ids, before)
    return len(run_ids)


def _delete_of_file(index: Path, run_ids: Sequence[str], before: datetime) -> None:
    if not index.exists():
        return
    moment = before.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    # An OperationalError: a table or column is not there, or the file is held; the next time may tell.
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(index, timeout=_BUSY_S)) as db, db:
        db.executemany(_VERDICTS_OF_RUN.format(run_id="?"), [(run_id,) for run_id in run_ids])
        for statement in _OLD_TOLD:
            db.execute(statement.format(before="?"), (moment,))


def _delete_of_database(url: str, run_ids: Sequence[str], before: datetime) -> None:
    moment = before.astimezone(UTC).replace(tzinfo=None)
    # As above: a table or column is not there, or the database is away.
    with suppress(BookwatchError), postgres.opened(url) as con, con.cursor() as ask:
        ask.executemany(_VERDICTS_OF_RUN.format(run_id="%s"), [(run_id,) for run_id in run_ids])
        for statement in _OLD_TOLD:
            ask.execute(statement.format(before="%s"), (moment,))
