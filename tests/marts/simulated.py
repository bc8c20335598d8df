"""A simulated marketplace read into a warehouse in this process, without a server: mirror, core, commission marts.

Holds no expectation. What the app deleted from its commission records was seen before and is gone.
"""

from __future__ import annotations

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
    "revenue_daily",
    "booking_anomalies",
    "data_findings",
)
_RUN = "simulated"


@dataclass(frozen=True)
class Read:
    """The truth of a world, and the warehouse bookwatch makes of its rows."""

    truth: dict[str, Any]
    con: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[dict[str, Any]]:
        found = self.con.sql(query)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def _served(simulation: Simulation) -> tuple[dict[str, dict[str, dict[str, Any]]], list[str]]:
    """Each table's rows as a server would have answered them, by id; and the commission records among them that
    were deleted since."""
    dates = {
        name: [StoredColumn(c.key, c.kind, required=c.required) for c in TABLES[name] if c.kind == "datetime"]
        for name in READ
    }
    rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in READ}
    gone: list[str] = []
    made = 0
    for event in simulation.run_until(UNTIL):
        if event.table not in rows:
            continue
        table = rows[event.table]
        if event.kind == "delete" and event.table == "commission_records":
            gone.append(event.row_id)
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
    return rows, gone


def read(seed: int, folder: Path, *, days: int = 2, rate: float = 250) -> Read:
    """Simulate ``days`` of history, mirror its rows, make core and the commission marts as of the end."""
    simulation = Simulation(seed, days, UNTIL, bookings_per_day=rate)
    served, gone = _served(simulation)
    now = UNTIL.replace(tzinfo=None)
    raw, warehouse = folder / "raw.duckdb", folder / "warehouse.duckdb"
    with RawStore(raw) as store:
        store.source.claim("http://a/v1", "p", "d", now)
        for name, rows in served.items():
            store.columns.reconcile(name, [Column(c.key, c.kind, c.array) for c in TABLES[name]], now)
            store.watermarks.begin_scan(name, bound=now, overlap=timedelta(0), run_id=_RUN)
            body = orjson.dumps({"rows": list(rows.values())})
            frame = PageDecoder(store.columns.of(name)).decode(body).frame
            store.merge.page(
                name,
                frame,
                run_id=_RUN,
                now=now,
                reject_reasons=reject_reasons,
                rules_version=RULES_VERSION,
                complete=True,
            )
        if gone:
            ids = pl.Series("_id", gone, dtype=pl.String)
            store.merge.mark_deleted("commission_records", ids, run_id=_RUN, now=now)
    process(raw, warehouse, timezone="Asia/Makassar", rules_version=RULES_VERSION, now=now)
    con = duckdb.connect(str(warehouse))
    create_ops(con)
    _scans(con, now)
    build(con, now=now, policy=DEFAULT_POLICY, tables=MARTS, clock_frozen=True)
    return Read(truth(simulation), con)


def _scans(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    con.executemany(
        "INSERT INTO ops.scans (collection, watermark, completed_at, required, outcome)"
        " VALUES (?, ?, ?, true, 'complete')",
        [[name, now, now] for name in READ],
    )
