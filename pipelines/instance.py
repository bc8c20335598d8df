"""Dagster's instance for runs of our own process: the same SQLite files, written over connections that stay open.

Dagster opens a connection, commits and closes it for each of a run's 700 writes, twice for most events: of a warm run's
time that was more than everything bookwatch does itself. Here a shard keeps its connection while the instance lives,
events reported as a batch are one transaction, and a commit does not wait for the disk (a power cut can cost the last
events of Dagster's history, never a row of ours). The web server and the daemon read the same files their own way.
"""

# SQLAlchemy's and Dagster's storages are only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import DagsterInstance
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

#: Dagster stores events in batches only where this is set; 116 assets and checks are planned in one.
_BATCH = {"DAGSTER_EVENT_BATCH_SIZE": "1000"}
_BUSY_S = 30


def _engine(url: str) -> sqlalchemy.Engine:
    """An engine that keeps its connections; one at a time is lent, to whichever thread."""
    engine = sqlalchemy.create_engine(
        url, poolclass=QueuePool, connect_args={"timeout": _BUSY_S, "check_same_thread": False}
    )
    event.listen(engine, "connect", _no_wait)
    return engine


def _no_wait(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


class KeptEventLog(SqliteEventLogStorage):
    """Dagster's event log with a connection a shard."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        super().__init__(base_dir, inst_data)

    def delete_events(self, run_id: str) -> None:
        """As Dagster does, and let go of the run's file, which may then be deleted."""
        super().delete_events(run_id)
        with self._db_lock:
            engine = self._engines.pop(run_id, None)
            self._initialized_dbs.discard(run_id)
        if engine is not None:
            engine.dispose()

    @contextmanager
    def _connect(self, shard: str) -> Generator[sqlalchemy.Connection]:
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                engine = self._engines[shard] = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as con, con.begin():
                yield con

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """The events of one run in one transaction a shard. Others are stored one by one."""
        inserts = [(entry, self.prepare_insert_event(entry)) for entry in events]
        mirrored = ASSET_EVENTS | ASSET_CHECK_EVENTS
        if len({entry.run_id for entry in events}) != 1 or any(
            e.dagster_event_type not in mirrored for e in events
        ):
            super().store_event_batch(events)
            return
        with self.run_connection(events[0].run_id) as con:
            for _, insert in inserts:
                con.execute(insert)
        checks: list[tuple[EventLogEntry, int]] = []
        with self.index_transaction() as con:
            for entry, insert in inserts:
                key = con.execute(insert).inserted_primary_key
                assert key is not None
                if entry.dagster_event_type in ASSET_EVENTS:
                    self._store_asset_event_tags(con, [entry], [key[0]])
                    self._store_asset_event(con, entry, key[0])
                else:
                    checks.append((entry, key[0]))
        for entry, number in checks:
            self.store_asset_check_event(entry, number)

    def dispose(self) -> None:
        super().dispose()
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


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
