"""From raw rows to the account: what is said to have happened in the future moves no figure, and a record without a
provider is judged in the zone of its booking."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.core.engine import process
from assets.marts.build import build
from assets.ops import create_ops
from checks.every import registry_of
from tests.core.raw_file import RawFile
from tests.policies import DEFAULT_POLICY

NOW = datetime(2025, 11, 22)
LAST_MONTH = datetime(2025, 10, 20, 12)
FAR = "2098-07-01T03:00:00Z"
BOOKINGS = (
    "bookingId",
    "status",
    "totalCost",
    "createdAt",
    "completedAt",
    "acceptedAt",
    "startTime",
    "providerId",
)
RECORDS = (
    "bookingId", "bookingAmount", "commissionAmount", "commissionRate", "paymentStatus", "therapistId", "createdAt",
    "paidAt", "verifiedAt", "paymentDeadline", "lateFee", "restrictedAt",
)  # fmt: skip
TABLES = {
    "bookings": dict.fromkeys(BOOKINGS, "VARCHAR"),
    "commission_records": dict.fromkeys(RECORDS, "VARCHAR"),
    "places": {"name": "VARCHAR", "timezone": "VARCHAR"},
}
MARTS = (
    "commission_reconciliation", "commission_findings", "commission_ledger", "commission_entries",
    "commission_balances", "revenue_daily", "month_figures", "source_conversion", "service_mix",
)  # fmt: skip
CHECKS = registry_of({})


class Home:
    """Raw rows and the warehouse made from them."""

    def __init__(self, folder: Path) -> None:
        self.raw = RawFile(folder / "raw.duckdb", TABLES)
        self.path = folder / "warehouse.duckdb"

    def booking(self, name: str, *, at: datetime = LAST_MONTH, **values: Any) -> None:
        row = {
            "status": "completed",
            "totalCost": "250000",
            "createdAt": "2025-10-20T03:00:00Z",
            "providerId": "p1",
        }
        self.raw.put(
            "bookings", {"$id": name, "$createdAt": datetime(2025, 10, 20, 3), **row, **values}, at=at
        )

    def record(self, name: str, *, at: datetime = LAST_MONTH, **values: Any) -> None:
        row = {"bookingId": name, "bookingAmount": "250000", "commissionAmount": "75000", "commissionRate": "0.30",
               "paymentStatus": "paid", "therapistId": "p1", "createdAt": "2025-10-20T03:00:00Z"}  # fmt: skip
        self.raw.put(
            "commission_records",
            {"$id": f"c-{name}", "$createdAt": datetime(2025, 10, 20, 3), **row, **values},
            at=at,
        )

    def run(self) -> None:
        process(self.raw.path, self.path, timezone="Asia/Makassar", rules_version="1", now=NOW)
        with duckdb.connect(str(self.path)) as con:
            create_ops(con)
            con.execute("DELETE FROM ops.scans")
            for collection in ("bookings", "commission_records"):
                con.execute(
                    "INSERT INTO ops.scans BY NAME SELECT ? AS collection, ?::TIMESTAMP AS watermark, "
                    "?::TIMESTAMP AS completed_at, true AS required, 'complete' AS outcome",
                    [collection, NOW, NOW],
                )
            build(con, now=NOW, policy=DEFAULT_POLICY, tables=MARTS)
            for name in ("ledger_balance", "no_future_day"):
                result = CHECKS[name].run(con)
                assert result.passed, (result.broken_rules, result.sample_ids)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as con:
            return con.execute(query).fetchall()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.raw.put("places", {"$id": "p1", "timezone": "WITA"}, {"$id": "jay", "timezone": "Asia/Jayapura"})
    return home


def test_what_is_said_to_happen_in_2098_is_in_no_month_to_come(home: Home) -> None:
    home.booking("created", createdAt=FAR)
    home.booking("accepted", acceptedAt=FAR)
    home.booking("completed", completedAt=FAR, startTime=FAR)
    home.record("created", createdAt=FAR)
    home.record("accepted", paidAt=FAR, verifiedAt="2025-10-21T03:00:00Z", at=datetime(2025, 10, 22))
    home.record("completed", paidAt=FAR, verifiedAt=FAR, lateFee="25000", restrictedAt=FAR)
    home.record("gone", paidAt=FAR, paymentStatus="cancelled", at=datetime(2025, 10, 23))
    home.raw.delete("commission_records", "c-created")
    home.run()
    lines = dict(home.rows("SELECT entry_id, local_date FROM marts.commission_entries"))
    assert lines["payment:c-accepted"] == date(2025, 10, 21)  # verified
    assert lines["payment:c-completed"] == date(2025, 10, 20)  # created
    assert lines["fee:c-completed"] == date(2025, 10, 20)  # by when the record was last written
    assert lines["reversal:c-gone"] == date(2025, 10, 23)
    assert {day.replace(day=1) for day in lines.values()} == {date(2025, 10, 1), date(2025, 11, 1)}
    assert home.rows("SELECT local_month, closing_idr FROM marts.commission_ledger ORDER BY ALL") == [
        (date(2025, 10, 1), 0),
        (date(2025, 11, 1), 0),
    ]
    assert home.rows(
        "SELECT local_date, booked_idr, collected_idr FROM marts.revenue_daily ORDER BY ALL"
    ) == [
        (date(2025, 10, 20), 750_000, 75_000),
        (date(2025, 10, 21), 0, 75_000),
    ]


def test_a_deadline_without_an_offset_is_read_where_the_booking_was(home: Home) -> None:
    """12:00 in Jayapura is 11:00 by the default zone: an hour that was no mismatch."""
    home.booking("east", providerId="jay", completedAt="2025-10-20T09:00:00+09:00")
    home.booking("late", providerId="jay", completedAt="2025-10-20T09:00:00+09:00")
    home.record("east", therapistId=None, paymentDeadline="2025-10-20 12:00")
    home.record("late", therapistId=None, paymentDeadline="2025-10-20 13:00")
    home.run()
    found = home.rows("SELECT finding_id FROM marts.commission_findings WHERE finding = 'deadline_mismatch'")
    assert found == [("deadline_mismatch:c-late",)]
