"""What is thrown away of Dagster's history: old runs, with the files Dagster itself leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

FINISHED: Final = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
#: A watch makes some 17,000 runs a day of 1.7 MB each: of those that succeeded so many are kept.
KEEP_WATCHED_RUNS: Final = 1_000


def delete_old_runs(instance: DagsterInstance, *, before: datetime, limit: int = 20_000) -> int:
    """Delete finished runs created before an instant (aware); how many."""
    records = instance.get_run_records(
        RunsFilter(statuses=list(FINISHED), created_before=before), limit=limit, ascending=True
    )
    return _delete(instance, [record.dagster_run.run_id for record in records])


def delete_surplus_runs(instance: DagsterInstance, *, keep: int, limit: int = 20) -> int:
    """Delete the oldest successful runs beyond the newest ``keep``, at most ``limit`` of them; how many."""
    successful = RunsFilter(statuses=[DagsterRunStatus.SUCCESS])
    surplus = instance.get_runs_count(successful) - keep
    if surplus <= 0:
        return 0
    records = instance.get_run_records(successful, limit=min(surplus, limit), ascending=True)
    return _delete(instance, [record.dagster_run.run_id for record in records])


def _delete(instance: DagsterInstance, run_ids: Sequence[str]) -> int:
    """Delete runs. Dagster empties a run's event file but keeps it at its full size, and its captured output, and the
    verdicts of its checks: those go too."""
    folder = Path(instance.root_directory)
    for run_id in run_ids:
        instance.delete_run(run_id)
        for left in (folder / "history" / "runs").glob(f"{run_id}.db*"):
            left.unlink(missing_ok=True)
        shutil.rmtree(folder / "storage" / run_id, ignore_errors=True)
    storage = instance.event_log_storage
    if run_ids and isinstance(storage, SqliteEventLogStorage):
        with storage.index_connection() as con:
            for run_id in run_ids:
                con.execute(
                    sqlalchemy.delete(AssetCheckExecutionsTable).where(
                        AssetCheckExecutionsTable.c.run_id == run_id
                    )
                )
    return len(run_ids)
