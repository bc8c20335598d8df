"""Fills a store with a simulated marketplace: history as final rows, then live events as their time comes."""

from __future__ import annotations

import json
import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson

from sandbox.server.columns import stored_value
from sandbox.storage.clock import stamp
from sandbox.storage.records import EventLike, StoredColumn, StoredTable
from sandbox.storage.store import Store

LIVE_STEP = 0.25  # seconds between two looks at the clock
TRUTH_STEP = 300.0  # seconds between two writings of truth.json


class SimulationLike(Protocol):
    """What sandbox/simulator offers."""

    def run_until(self, t: datetime) -> Iterator[EventLike]: ...


def create_tables(store: Store, database: str, tables: Mapping[str, Iterable[Any]]) -> None:
    """The database and its tables, from records with key, kind, size, required, elements, array."""
    with store.writing():
        _create_tables(store, database, tables)


def _create_tables(store: Store, database: str, tables: Mapping[str, Iterable[Any]]) -> None:
    made = store.create_database(database, "Marketplace")
    for name, columns in tables.items():
        table = store.create_table(made, name, name.replace("_", " ").title())
        for column in columns:
            store.create_column(
                table,
                StoredColumn(
                    column.key,
                    column.kind,
                    required=column.required,
                    array=column.array,
                    size=column.size,
                    elements=list(column.elements) if column.elements else None,
                ),
            )


def dates_of(table: StoredTable) -> list[StoredColumn]:
    """The columns whose values are served in another form than they may be written in."""
    return [column for column in table.columns.values() if column.kind == "datetime"]


def as_stored(dates: Iterable[StoredColumn], data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data as it is served: dates in UTC with milliseconds."""
    result = dict(data)
    for column in dates:
        value = result.get(column.key)
        if value is not None and not (len(value) == 29 and value.endswith("+00:00")):
            result[column.key] = stored_value(column, value)
    return result


def fold(store: Store, database: str, events: Iterable[EventLike]) -> dict[str, list[dict[str, Any]]]:
    """The final rows of each table, by order of creation; deleted ones leave a gap in $sequence."""
    tables = store.databases[database].tables
    standing: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in tables}
    made = dict.fromkeys(tables, 0)
    dates = {name: dates_of(table) for name, table in tables.items()}
    for event in events:
        rows = standing[event.table]
        if event.kind == "delete":
            rows.pop(event.row_id, None)
        elif event.kind == "create":
            made[event.table] += 1
            at = stamp(event.at)
            rows[event.row_id] = {
                "$id": event.row_id,
                "$sequence": made[event.table],
                "$createdAt": at,
                "$updatedAt": at,
                **as_stored(dates[event.table], event.data),
            }
        elif event.row_id in rows:
            rows[event.row_id] |= as_stored(dates[event.table], event.data) | {"$updatedAt": stamp(event.at)}
    return {name: list(rows.values()) for name, rows in standing.items()}


def fill(store: Store, database: str, seed: int, days: int, until: datetime) -> SimulationLike:
    """Simulate ``days`` of history up to ``until`` into a new database; writes truth.json beside the data."""
    from sandbox.simulator.schema import TABLES
    from sandbox.simulator.simulation import Simulation
    from sandbox.simulator.truth import truth

    simulation = Simulation(seed, days, until)
    create_tables(store, database, TABLES)
    rows = fold(store, database, simulation.run_until(until))

    def tell() -> None:
        write_truth(store.folder, truth(simulation))

    if "fork" not in multiprocessing.get_all_start_methods():
        tell()
        load(store, database, rows)
        return simulation
    # the truth takes seconds to work out: a child does, while this process loads the rows
    child = multiprocessing.get_context("fork").Process(target=tell)
    child.start()
    load(store, database, rows)
    child.join()
    if child.exitcode:
        raise OSError(f"truth.json could not be written (exit status {child.exitcode}).")
    return simulation


def load(store: Store, database: str, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> int:
    """Load each table's rows; how many."""
    tables = store.databases[database].tables
    return sum(store.bulk_load(tables[name], content) for name, content in rows.items())


def write_truth(folder: Path, content: Mapping[str, Any]) -> None:
    """truth.json: what was planted and the true figures. The pipeline never reads it."""
    new = folder / "truth.json.new"
    new.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    new.replace(folder / "truth.json")


def live(
    store: Store,
    database: str,
    simulation: SimulationLike,
    stop: threading.Event,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Apply the simulation's events as their time comes, until told to stop; ``after`` each time any was."""
    while not stop.wait(LIVE_STEP):
        if catch_up(store, database, simulation):
            after()


def catch_up(store: Store, database: str, simulation: SimulationLike) -> int:
    """Apply the events whose time has come; how many."""
    made = store.databases[database]
    applied = 0
    for event in simulation.run_until(store.clock.now()):
        store.apply(made, _Stored(event, as_stored(dates_of(made.tables[event.table]), event.data)))
        applied += 1
    return applied


def truth_writer(store: Store, simulation: SimulationLike) -> Callable[[], None]:
    """Writes truth.json anew, at most every ``TRUTH_STEP`` seconds: working it out takes a second or two."""
    from sandbox.simulator.truth import truth

    last = time.monotonic()

    def write() -> None:
        nonlocal last
        if time.monotonic() - last >= TRUTH_STEP:
            write_truth(store.folder, truth(simulation))  # pyright: ignore[reportArgumentType]
            last = time.monotonic()

    return write


class _Stored:
    """An event with its data as served."""

    def __init__(self, event: EventLike, data: Mapping[str, Any]) -> None:
        self.at, self.kind, self.table, self.row_id, self.data = (
            event.at,
            event.kind,
            event.table,
            event.row_id,
            data,
        )


# -- benchmark data --


def enlarge(store: Store, database: str, bookings: int, messages: int, seed: int, until: datetime) -> None:
    """Fill bookings and chat_messages up to the given numbers with copies of the simulated rows.

    A copy has an id, a bookingId and a time of its own (spread over the 180 days before ``until``); all
    else is its model's, so that sizes and shapes are those of the simulation.
    """
    tables = store.databases[database].tables
    chance = random.Random(seed)
    for name, wanted in (("bookings", bookings), ("chat_messages", messages)):
        table = tables[name]
        missing = wanted - store.count(table)
        if missing > 0:
            models = [
                row[0]
                for row in store.reader().execute(f"SELECT doc FROM {table.sql} ORDER BY seq LIMIT 2000")
            ]
            store.bulk_load(table, _copies(models, missing, name, chance, until))


def _copies(
    models: list[bytes], count: int, name: str, chance: random.Random, until: datetime
) -> Iterator[dict[str, Any]]:
    if not models:
        raise ValueError(f"No {name} to copy: let --days be at least 1.")
    parsed = [{k: v for k, v in orjson.loads(m).items() if k[0] != "$"} for m in models]
    first = until - timedelta(days=180)
    step = timedelta(days=180) / count
    for number in range(count):
        at = stamp(first + step * number)
        row = dict(parsed[chance.randrange(len(parsed))])
        if row.get("bookingId"):
            row["bookingId"] = f"BK{number:09d}"
        yield {"$id": f"{name[0]}{number:09d}x", "$createdAt": at, "$updatedAt": at, **row}
