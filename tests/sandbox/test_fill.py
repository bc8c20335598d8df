"""Events of a simulation become the rows a server would hold; live events are applied as their time comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import fill, live
from sandbox.storage.clock import Clock
from sandbox.storage.documents import parse_row
from sandbox.storage.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Column:
    key: str
    kind: str
    size: int | None = None
    required: bool = False
    elements: tuple[str, ...] | None = None
    array: bool = False


@dataclass(frozen=True)
class Event:
    at: datetime
    kind: str
    table: str
    row_id: str
    data: dict[str, Any] = field(default_factory=dict)


TABLES = {"things": (Column("name", "varchar", 20), Column("due", "datetime"), Column("rate", "float"))}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


EVENTS = [
    Event(at(1), "create", "things", "a", {"name": "A", "due": "2026-01-02T08:00:00+08:00"}),
    Event(at(2), "create", "things", "b", {"name": "B", "rate": 2.0}),
    Event(at(3), "create", "things", "c", {}),
    Event(at(4.5), "update", "things", "a", {"name": "A2"}),
    Event(at(5), "delete", "things", "b"),
    Event(at(6), "update", "things", "b", {"name": "too late"}),
    Event(at(7), "create", "things", "d", {}),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    fill.create_tables(store, "m", TABLES)
    yield store
    store.close()


def rows(store: Store) -> dict[str, dict[str, Any]]:
    table = store.databases["m"].tables["things"]
    found = [parse_row(r[0]) for r in store.reader().execute(f"SELECT doc FROM {table.sql} ORDER BY seq")]
    return {
        row.id: {"sequence": row.sequence, "created": row.created, "updated": row.updated, **row.data}
        for row in found
    }


def test_history_is_folded_to_final_rows(store: Store) -> None:
    assert fill.load(store, "m", fill.fold(store, "m", EVENTS)) == 3
    assert rows(store) == {
        "a": {
            "sequence": 1,
            "created": "2026-01-01T00:00:01.000+00:00",
            "updated": "2026-01-01T00:00:04.500+00:00",
            "name": "A2",
            "due": "2026-01-02T00:00:00.000+00:00",
            "rate": None,
        },
        "c": {
            "sequence": 3,
            "created": "2026-01-01T00:00:03.000+00:00",
            "updated": "2026-01-01T00:00:03.000+00:00",
            "name": None,
            "due": None,
            "rate": None,
        },
        "d": {
            "sequence": 4,
            "created": "2026-01-01T00:00:07.000+00:00",
            "updated": "2026-01-01T00:00:07.000+00:00",
            "name": None,
            "due": None,
            "rate": None,
        },
    }


def test_events_applied_one_by_one_give_the_same_rows(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    fill.create_tables(other, "m", TABLES)
    fill.load(other, "m", fill.fold(other, "m", EVENTS))
    database = store.databases["m"]
    for event in EVENTS:
        data = fill.as_stored(fill.dates_of(database.tables["things"]), event.data)
        store.apply(database, Event(event.at, event.kind, event.table, event.row_id, data))
    assert rows(store) == rows(other)
    other.close()


def test_live_events_wait_for_their_time(tmp_path: Path) -> None:
    store = Store(tmp_path, Clock())
    fill.create_tables(store, "m", TABLES)
    now = datetime.now(UTC)

    class Two:
        """Two events, the second a second from now."""

        def __init__(self) -> None:
            self.waiting = [
                Event(now, "create", "things", "first", {}),
                Event(now + timedelta(seconds=1), "create", "things", "second", {}),
            ]

        def run_until(self, t: datetime) -> Iterator[Event]:
            while self.waiting and self.waiting[0].at <= t:
                yield self.waiting.pop(0)

    stop = threading.Event()
    told: list[int] = []
    thread = threading.Thread(target=live.live, args=(store, "m", Two(), stop, lambda: told.append(1)))
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while len(rows(store)) < 1 and time.monotonic() < deadline:
            time.sleep(0.02)  # a thread writes: the store is looked at
        assert list(rows(store)) == ["first"]
        while len(rows(store)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)  # a thread writes: the store is looked at
        assert list(rows(store)) == ["first", "second"]
        assert told
    finally:
        stop.set()
        thread.join()
        store.close()


def test_a_store_opened_again_holds_what_it_held(store: Store, tmp_path: Path) -> None:
    fill.load(store, "m", fill.fold(store, "m", EVENTS))
    before = rows(store)
    store.close()
    again = Store(tmp_path)
    assert rows(again) == before
    assert list(again.databases["m"].tables["things"].columns) == ["name", "due", "rate"]
    again.apply(again.databases["m"], Event(at(9), "create", "things", "e", {}))
    assert rows(again)["e"]["sequence"] == 5
    again.close()


def test_a_failed_write_leaves_catalogue_and_rows_as_they_were(store: Store) -> None:
    def half() -> None:
        with store.writing():
            store.create_table(store.databases["m"], "half", "Half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert "half" not in store.databases["m"].tables


def test_bulk_loading_stores_every_row_in_its_order(store: Store) -> None:
    table = store.databases["m"].tables["things"]
    before = store.count(table)
    rows = (
        {"$id": f"x{n}", "$createdAt": at(n), "$updatedAt": at(n), "name": f"n{n}"} for n in range(20_000)
    )
    assert store.bulk_load(table, rows) == 20_000
    assert store.count(table) == before + 20_000
    first, last = store.get(table, "x0"), store.get(table, "x19999")
    assert first is not None
    assert last is not None
    assert last.sequence - first.sequence == 19_999
