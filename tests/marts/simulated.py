"""A simulated marketplace read into a warehouse in this process, without a server: mirror, core, marts.

Holds no expectation. What the app deleted from its commission records was seen before and is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson
import polars as pl

from assets.core.engine import process
from assets.marts.build import build
from assets.ops import create_ops
from marketplace.quarantine import reject_reasons
from marketplace.rules import RULES_VERSION
from resources.appwrite.columns import PageDecoder
from resources.raw.column_types import Column
from resources.raw.store import RawStore
from sandbox.fill import as_stored
from sandbox.simulator import Simulation, truth
from sandbox.simulator.schema import TABLES
from sandbox.storage.clock import stamp
from sandbox.storage.records import StoredColumn
from tests.policies import DEFAULT_POLICY
from tests.simulator.world import UNTIL

#: What commissions are judged from. Messages, rooms and notifications are left out: they are most of the rows.
READ = ("users", "therapists", "places", "bookings", "hotel_bookings", "commission_records")
MARTS = (
    "commission_reconciliation",
    "commission_findings",
    "commission_summary",
    "commission_ledger",
    "commission_balances",
    "commission_open",
    "unentered_records",
    "unreconciled_records",
    "revenue_daily",
    "booking_anomalies",
    "data_findings",
)
#: What people do is read from these as well.
OF_PEOPLE = (*READ, "chat_rooms", "chat_messages", "reviews")
_RUN = "simulated"
#: An answer has a largest size.
_PAGE = 5_000


@dataclass(frozen=True)
class Read:
    """The truth of a world, and the warehouse bookwatch makes of its rows.

    ``raw``: these rows, by table, as the app answers them; those that it deleted since are there as well, of commission
    records and of what is watched (``gone``: their ids by table)."""

    truth: dict[str, Any]
    con: duckdb.DuckDBPyConnection
    raw: dict[str, list[dict[str, Any]]]
    gone: dict[str, list[str]]

    def rows(self, query: str) -> list[dict[str, Any]]:
        found = self.con.sql(query)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@dataclass(frozen=True)
class _Served:
    """Rows as a server would have answered them, by table and id: the newest, and of the tables that are watched each
    version before, oldest first; by table those of them that were deleted since."""

    rows: dict[str, dict[str, dict[str, Any]]]
    versions: dict[str, dict[str, list[dict[str, Any]]]]
    gone: dict[str, list[str]]


def _served(simulation: Simulation, tables: tuple[str, ...], watched: tuple[str, ...]) -> _Served:
    dates = {
        name: [StoredColumn(c.key, c.kind, required=c.required) for c in TABLES[name] if c.kind == "datetime"]
        for name in tables
    }
    rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in tables}
    versions: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in watched}
    gone: dict[str, list[str]] = {name: [] for name in ("commission_records", *watched)}
    made = 0
    for event in simulation.run_until(UNTIL):
        if event.table not in rows:
            continue
        table = rows[event.table]
        if event.kind == "delete" and event.table in gone:
            gone[event.table].append(event.row_id)
        elif event.kind == "delete":
            table.pop(event.row_id, None)
        elif event.kind == "create":
            at, made = stamp(event.at), made + 1
            table[event.row_id] = {
                "$id": event.row_id,
                "$sequence": str(made),
                "$createdAt": at,
                "$updatedAt": at,
                **as_stored(dates[event.table], event.data),
            }
        elif event.row_id in table:
            table[event.row_id] |= as_stored(dates[event.table], event.data) | {"$updatedAt": stamp(event.at)}
        # versions that differ in when a phone was last seen only tell nothing that is asked here
        if event.table in versions and event.data.keys() - {"lastSeenAt"}:
            versions[event.table].setdefault(event.row_id, []).append(dict(table[event.row_id]))
    return _Served(rows, versions, gone)


def _pages(served: _Served, name: str) -> Iterator[list[dict[str, Any]]]:
    """A table's rows, after those that were seen before: each row once a page."""
    versions = list(served.versions.get(name, {}).values())
    versions.sort(key=lambda of_row: int(of_row[0]["$sequence"]))
    for number in range(max(map(len, versions), default=0)):
        yield [of_row[number] for of_row in versions if len(of_row) > number]
    newest = list(served.rows[name].values())
    for first in range(0, max(len(newest), 1), _PAGE):
        yield newest[first : first + _PAGE]


def read(
    seed: int,
    folder: Path,
    *,
    days: int = 2,
    rate: float = 250,
    tables: tuple[str, ...] = READ,
    watched: tuple[str, ...] = (),
    marts: tuple[str, ...] = MARTS,
) -> Read:
    """Simulate ``days`` of history, mirror its rows, make core and the marts as of the end. Of the tables that are
    ``watched`` every version was seen, of the others the newest."""
    simulation = Simulation(seed, days, UNTIL, bookings_per_day=rate)
    served = _served(simulation, tables, watched)
    now = UNTIL.replace(tzinfo=None)
    raw, warehouse = folder / "raw.duckdb", folder / "warehouse.duckdb"
    with RawStore(raw) as store:
        store.source.claim("http://a/v1", "p", "d", now)
        for name in tables:
            store.columns.reconcile(name, [Column(c.key, c.kind, c.array) for c in TABLES[name]], now)
            store.watermarks.begin_scan(name, bound=now, overlap=timedelta(0), run_id=_RUN)
            decoder = PageDecoder(store.columns.of(name))
            pages = list(_pages(served, name))
            for number, page in enumerate(pages, 1):
                store.merge.page(
                    name,
                    decoder.decode(orjson.dumps({"rows": page})).frame,
                    run_id=_RUN,
                    now=now,
                    reject_reasons=reject_reasons,
                    rules_version=RULES_VERSION,
                    complete=number == len(pages),
                )
        for name, ids in served.gone.items():
            if ids:
                deleted = pl.Series("_id", ids, dtype=pl.String)
                store.merge.mark_deleted(name, deleted, run_id=_RUN, now=now)
    process(raw, warehouse, timezone="Asia/Makassar", rules_version=RULES_VERSION, now=now)
    con = duckdb.connect(str(warehouse))
    create_ops(con)
    _scans(con, now, tables)
    build(con, now=now, policy=DEFAULT_POLICY, tables=marts, clock_frozen=True)
    raw_rows = {name: list(of_table.values()) for name, of_table in served.rows.items()}
    return Read(truth(simulation), con, raw_rows, served.gone)


def _scans(con: duckdb.DuckDBPyConnection, now: datetime, tables: tuple[str, ...]) -> None:
    con.executemany(
        "INSERT INTO ops.scans (collection, watermark, completed_at, required, outcome)"
        " VALUES (?, ?, ?, true, 'complete')",
        [[name, now, now] for name in tables],
    )
