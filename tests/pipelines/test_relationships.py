"""Relationship columns from the server to the account, in this process: judged where read, unknown where refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.core.engine import process
from assets.marts.build import build
from assets.ops import create_ops, mirror_bookkeeping
from assets.raw import ingest
from marketplace.collections import INGESTED
from resources.run_report import Run, RunOrder, RunReport
from resources.warehouse import open_warehouse
from tests.ingest.other_servers import OtherServer, serving
from tests.ingest.test_other_servers import opened
from tests.policies import DEFAULT_POLICY

CREATED = (datetime.now(UTC) - timedelta(days=2)).isoformat(timespec="milliseconds")


def relation(key: str, table: str) -> dict[str, Any]:
    return {
        "key": key,
        "type": "relationship",
        "relatedTable": table,
        "relationType": "manyToOne",
        "side": "parent",
    }


@pytest.fixture
def server() -> Iterator[OtherServer]:
    text = [{"key": key, "type": "string"} for key in ("status", "paymentStatus")]
    money = [{"key": key, "type": "integer"} for key in ("totalCost", "bookingAmount", "commissionAmount")]
    made = OtherServer()
    for collection in INGESTED:
        made.add_table(collection, *text, *money)
    made.columns["bookings"].append({**made.columns["users"][0], **relation("providerId", "therapists")})
    made.columns["commission_records"].append(
        {**made.columns["users"][0], **relation("bookingId", "bookings")}
    )
    made.put("therapists", "p1", CREATED)
    for name in ("b1", "b2"):
        made.put("bookings", name, CREATED, status="completed", totalCost=250_000, providerId="p1")
    made.put(
        "commission_records", "c1", CREATED, paymentStatus="paid", bookingAmount=250_000, commissionAmount=75_000,
        bookingId="b1",
    )  # fmt: skip
    with serving(made):
        yield made


def told(server: OtherServer, home: Path, run_id: str) -> tuple[RunReport, dict[str, Any]]:
    """A run as far as the marts: booking → (provider, state); None → the record that fits no booking."""
    gateway, _ = opened(server, home)
    home.mkdir(exist_ok=True)
    run = Run(gateway.settings, run_id, 1, datetime.now(UTC), RunOrder(quiet=True))
    context = RunReport(run, ingested=ingest(run))
    process(
        context.home.raw,
        context.home.warehouse,
        timezone="Asia/Makassar",
        rules_version="2",
        now=datetime.now(UTC),
    )
    with open_warehouse(context.home.warehouse) as con:
        create_ops(con)
        mirror_bookkeeping(con, run, context.scans)
        build(
            con,
            now=context.clock.naive_now(),
            policy=DEFAULT_POLICY,
            tables=["commission_reconciliation", "commission_summary"],
        )
        rows = con.execute(
            "SELECT booking_id, provider_id, state FROM marts.commission_reconciliation ORDER BY ALL"
        ).fetchall()
        state = con.execute("SELECT state FROM marts.commission_summary").fetchone()
    return context, {"rows": rows, "state": state and state[0]}


def test_references_are_judged_where_they_are_read_and_unknown_where_they_are_refused(
    server: OtherServer, tmp_path: Path
) -> None:
    server.relations = "refused"
    context, found = told(server, tmp_path / "home", "run1")
    assert found == {
        "rows": [("b1", None, "unknown"), ("b2", None, "unknown"), (None, None, "unknown")],
        "state": "unknown",
    }
    unread = {scan.collection: scan.unread for scan in context.scans if scan.unread}
    assert unread == {"bookings": ("providerId",), "commission_records": ("bookingId",)}
    assert context.exit_status == 10
    assert "references not read: providerId" in next(s.detail for s in context.unread_collections)
    # The server is updated: everything is read anew, and judged.
    server.relations = "selected"
    context, found = told(server, tmp_path / "home", "run2")
    assert found == {"rows": [("b1", "p1", "matched"), ("b2", "p1", "missing")], "state": "warning"}
    assert context.exit_status == 0
