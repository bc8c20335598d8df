"""Dagster's instance for runs of our own process: the same SQLite files, written over connections that stay open.

Dagster opens a connection, commits and closes it for each of a run's 700 writes, twice for most events, and reads as
often: of a warm run's time that was more than everything bookwatch does itself. Here a shard keeps its connection while
the instance lives, the events of a step are one transaction, and a commit does not wait for the disk (a power cut can
cost the last events of Dagster's history, never a row of ours). The web server and the daemon read the same files their
own way.
"""

# SQLAlchemy's and Dagster's storages are only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster
import sqlalchemy
from dagster import AssetCheckEvaluation, AssetKey, DagsterInstance
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
    DagsterEventType,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.base import AssetRecord
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.dialects.sqlite import insert as insert_or_update
from sqlalchemy.event import listen
from sqlalchemy.pool import NullPool, QueuePool

#: Dagster hands events over in batches only where this is set; 116 assets and checks are planned in one.
_BATCH = {"DAGSTER_EVENT_BATCH_SIZE": "1000"}
#: A new run's file is a copy of this one; migrations belong to a version.
_EMPTY = f"empty-run-{dagster.__version__}"
_INDEX = "index"

_OF_RUNS = frozenset(EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
#: Events that other runs' queries find too, in the file of all runs.
_MIRRORED = ASSET_EVENTS | ASSET_CHECK_EVENTS | _OF_RUNS
#: Events that are written at once, with all that wait.
_AT_ONCE = _OF_RUNS | {DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE}
_MOST_WAITING = 1_000
_PLANNED = AssetCheckExecutionRecordStatus.PLANNED.value
_SUCCEEDED = AssetCheckExecutionRecordStatus.SUCCEEDED.value
_FAILED = AssetCheckExecutionRecordStatus.FAILED.value

#: An event, its row, its number in the file of all runs.
_Numbered = tuple[EventLogEntry, dict[str, Any], int]

_BUSY_S = 30


def _engine(url: str) -> sqlalchemy.Engine:
    """An engine that keeps its connections; one at a time is lent, to whichever thread."""
    engine = sqlalchemy.create_engine(
        url, poolclass=QueuePool, connect_args={"timeout": _BUSY_S, "check_same_thread": False}
    )
    listen(engine, "connect", _no_wait)
    return engine


def _no_wait(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


class KeptEventLog(SqliteEventLogStorage):
    """Dagster's event log with a connection a shard, which writes the events of a step together.

    Events wait in memory until their step has ended, until something is read that they may change, or until the run's
    own state changes; a process that is killed loses the events of the step it was in, and nothing that stands in a
    file of ours.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        self._waiting: list[EventLogEntry] = []
        self._flushing = threading.RLock()
        self._writing = False
        self._tables: set[str] = set()
        self._assets: dict[AssetKey, AssetRecord] = {}
        self._outdated: set[AssetKey] = set()
        super().__init__(base_dir, inst_data)

    def delete_events(self, run_id: str) -> None:
        """As Dagster does, and let go of the run's file, which may then be deleted."""
        super().delete_events(run_id)
        with self._db_lock:
            engine = self._engines.pop(run_id, None)
            self._initialized_dbs.discard(run_id)
        if engine is not None:
            engine.dispose()

    def has_table(self, table_name: str) -> bool:
        """Dagster asks this for most events; a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _initdb(self, engine: sqlalchemy.Engine, for_index_shard: bool = False) -> None:
        """A run's file starts as a copy of an empty one: Dagster's migrations take a quarter of a second each."""
        path = Path(engine.url.database or "")
        if for_index_shard or path.exists():
            super()._initdb(engine, for_index_shard)
            return
        empty = path.with_name(_EMPTY)
        if not empty.exists():
            made = Path(f"{empty}.{os.getpid()}")
            super()._initdb(sqlalchemy.create_engine(f"sqlite:///{made}", poolclass=NullPool))
            made.replace(empty)
        # In one step: a process killed amid a copy would leave a run whose end nobody could enter.
        copy = path.with_name(f"{path.name}.{os.getpid()}")
        shutil.copyfile(empty, copy)
        copy.replace(path)

    @contextmanager
    def _connect(self, shard: str) -> Generator[sqlalchemy.Connection]:
        self.flush()
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                self._let_go(but=shard)
                engine = self._engines[shard] = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as con, con.begin():
                yield con

    def _let_go(self, but: str) -> None:
        """Close the files of runs before."""
        for shard in self._engines.keys() - {_INDEX, but}:
            self._engines.pop(shard).dispose()

    def store_event(self, event: EventLogEntry) -> None:
        """Keep an event for the end of its step; one of the run itself is written at once, with all before it."""
        if event.run_id:
            self.store_event_batch([event])
        else:
            # What somebody reported outside of any run.
            super().store_event(event)
            self._forget(list(self._assets))

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        self._waiting.extend(events)
        kinds = {event.dagster_event_type for event in events}
        if None in kinds or kinds & _AT_ONCE or len(self._waiting) >= _MOST_WAITING:
            self.flush()

    def get_asset_records(self, asset_keys: Sequence[AssetKey] | None = None) -> Sequence[AssetRecord]:
        """As Dagster does. A run asks for one asset after another: what changed since is read together, and kept."""
        if asset_keys is None:
            return super().get_asset_records()
        if self._changed(asset_keys):
            self.flush()
        if any(key not in self._assets for key in asset_keys):
            unread = (self._outdated | set(asset_keys)) - self._assets.keys()
            self._outdated.clear()
            for record in super().get_asset_records(list(unread)):
                self._assets[record.asset_entry.asset_key] = record
        return [self._assets[key] for key in asset_keys if key in self._assets]

    def _changed(self, asset_keys: Sequence[AssetKey]) -> bool:
        """Whether an event that waits changes what is known of these assets."""
        keys = set(asset_keys)
        return any(
            event.dagster_event_type in ASSET_EVENTS and event.get_dagster_event().asset_key in keys
            for event in self._waiting
        )

    def _forget(self, asset_keys: Iterable[AssetKey | None]) -> None:
        for key in asset_keys:
            if key is not None:
                self._assets.pop(key, None)
                self._outdated.add(key)

    def flush(self) -> None:
        """Write the events that wait. Raises what Dagster raises where one cannot be stored; it is not tried again."""
        with self._flushing:
            if self._writing or not self._waiting:
                return
            self._writing = True
            waiting, self._waiting = self._waiting, []
            try:
                for run_id in dict.fromkeys(event.run_id for event in waiting):
                    self._write(run_id, [event for event in waiting if event.run_id == run_id])
            finally:
                self._writing = False

    def _write(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        """One transaction for the run's file, one for the file of all runs."""
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as con:
            con.execute(SqlEventLogStorageTable.insert(), rows)
        mirrored = [
            (event, row)
            for event, row in zip(events, rows, strict=True)
            if event.dagster_event_type in _MIRRORED
        ]
        if not mirrored:
            return
        if any(event.dagster_event_type in _OF_RUNS for event, _ in mirrored):
            # Another process may have made assets before this run began.
            self._forget(list(self._assets))
        insert = SqlEventLogStorageTable.insert().returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        with self.index_transaction() as con:
            numbers = con.execute(insert, [row for _, row in mirrored]).scalars().all()
            numbered = [(event, row, n) for (event, row), n in zip(mirrored, numbers, strict=True)]
            self._note_assets(
                con, [entry for entry in numbered if entry[0].dagster_event_type in ASSET_EVENTS]
            )
            self._note_checks(con, numbered)

    def _note_assets(self, con: sqlalchemy.Connection, events: Sequence[_Numbered]) -> None:
        """What each asset's own row tells of its latest events, and their tags."""
        if not events:
            return
        self._store_asset_event_tags(
            con, [event for event, _, _ in events], [number for _, _, number in events]
        )
        self._forget(AssetKey.from_db_string(row["asset_key"]) for _, row, _ in events)
        by_columns: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
        for event, row, number in events:
            values = self._get_asset_entry_values(event, number, has_asset_key_index_cols=True)
            if values:
                # The last event of an asset is the one that counts.
                by_columns.setdefault(tuple(values), {})[row["asset_key"]] = values
        for columns, assets in by_columns.items():
            known = insert_or_update(AssetKeyTable)
            upsert = known.on_conflict_do_update(
                index_elements=["asset_key"], set_={column: known.excluded[column] for column in columns}
            )
            con.execute(upsert, [{"asset_key": key, **values} for key, values in assets.items()])

    def _note_checks(self, con: sqlalchemy.Connection, events: Sequence[_Numbered]) -> None:
        """The state of each check of a run: planned, then evaluated. None of ours has partitions."""
        planned: list[dict[str, Any]] = []
        for event, row, number in events:
            told = event.get_dagster_event().event_specific_data
            noted = {
                "evaluation_event": row["event"],
                "evaluation_event_timestamp": row["timestamp"],
                "evaluation_event_storage_id": number,
            }
            if isinstance(told, AssetCheckEvaluationPlanned):
                planned.append(_check_of(event, told) | {"execution_status": _PLANNED} | noted)
            elif isinstance(told, AssetCheckEvaluation):
                target = told.target_materialization_data
                noted["execution_status"] = _SUCCEEDED if told.passed else _FAILED
                noted["materialization_event_storage_id"] = target.storage_id if target else None
                check = _check_of(event, told)
                update = AssetCheckExecutionsTable.update().filter_by(**check).values(**noted)
                if not con.execute(update).rowcount:
                    con.execute(AssetCheckExecutionsTable.insert(), [check | noted])
        if planned:
            con.execute(AssetCheckExecutionsTable.insert(), planned)

    def dispose(self) -> None:
        self.flush()
        super().dispose()
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


def _check_of(
    event: EventLogEntry, told: AssetCheckEvaluation | AssetCheckEvaluationPlanned
) -> dict[str, Any]:
    """What names the state of a check within a run."""
    return {
        "asset_key": told.asset_key.to_string(),
        "check_name": told.check_name,
        "run_id": event.run_id,
    }


class KeptRuns(SqliteRunStorage):
    """Dagster's run storage with one connection."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept = _engine(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Generator[sqlalchemy.Connection]:
        with self._kept.connect() as con, con.begin():
            yield con

    def dispose(self) -> None:
        self._kept.dispose()


class KeptStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage, in the same files."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = KeptRuns.from_local(os.path.join(base_dir, "history", ""))
        self._event_log_storage = KeptEventLog(os.path.join(base_dir, "history", "runs", ""))
        self._schedule_storage = SqliteScheduleStorage.from_local(os.path.join(base_dir, "schedules"))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> KeptStorage:
        return cls.from_local(inst_data=inst_data, **config_value)


@contextmanager
def own_instance(folder: Path) -> Generator[DagsterInstance]:
    """The instance of a DAGSTER_HOME for runs of this process."""
    os.environ.update(_BATCH)
    storage = {
        "custom": {"module": __name__, "class": KeptStorage.__name__, "config": {"base_dir": str(folder)}}
    }
    with DagsterInstance.from_ref(
        InstanceRef.from_dir(str(folder), overrides={"storage": storage})
    ) as instance:
        yield instance
