"""Fills a store with the history of a simulated marketplace, as final rows. What comes after it: live.py."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.server.columns import stored_value
from sandbox.simulator.disturbances import Disturbances
from sandbox.simulator.schema import TABLES
from sandbox.simulator.simulation import Simulation
from sandbox.simulator.truth import truth
from sandbox.storage.clock import stamp
from sandbox.storage.records import EventLike, StoredColumn, StoredTable
from sandbox.storage.store import Store
from sandbox.truth_file import write_truth


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


def fill(
    store: Store,
    database: str,
    seed: int,
    days: int,
    until: datetime,
    disturbances: Disturbances | None = None,
) -> Simulation:
    """Simulate ``days`` of history up to ``until`` into a new database; writes truth.json beside the data."""
    simulation = Simulation(seed, days, until, disturbances=disturbances)
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
