"""What the API tells a provider is what the marts say of the same rows, to the rupiah: of everything that the
publication of the session was made of."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards.queries import mine, reading
from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_COLLECTIONS, RECORDS
from marketplace.transitions import Actor
from resources.home import Home
from resources.policy_file import load_policy
from resources.snapshots import require_snapshot
from services.callers import Caller
from services.members import earnings
from services.members.own import Rules
from services.store import View
from tests.published import PUBLISHED_AT
from tests.services.memory import Memory

MONTH = date(2026, 11, 1)
THIRD = 3
"""Of every third provider: all of them take seven seconds, and agreed when this was written."""
OWN = {"_id": "$id", "_created_at": "$createdAt", "_updated_at": "$updatedAt"}


@pytest.fixture(scope="module")
def server(publication: Path) -> Memory:
    """The rows of the mirror, as Appwrite has them."""
    found = Memory(now=PUBLISHED_AT)
    with duckdb.connect(str(Home(publication).raw), read_only=True) as con:
        for table in (*BOOKING_COLLECTIONS, *PROVIDER_COLLECTIONS, RECORDS):
            rows = con.execute(f"SELECT * FROM {table} WHERE _deleted_at IS NULL").pl().to_dicts()
            found.tables[table] = {row["_id"]: _as_answered(row) for row in rows}
            found.columns[table] = frozenset(name for row in rows[:1] for name in row if name[0] != "_")
    return found


def _as_answered(row: dict[str, Any]) -> dict[str, Any]:
    def written(value: Any) -> Any:
        return value.isoformat(timespec="milliseconds") + "+00:00" if isinstance(value, datetime) else value

    return {
        OWN.get(name, name): written(value) for name, value in row.items() if name in OWN or name[0] != "_"
    }


def test_earnings_and_debts_are_those_of_the_marts(server: Memory, read_publication: Home) -> None:
    path, rules = str(require_snapshot(read_publication)), Rules(load_policy())
    # Of these the marts know more than their rows say now (when an acceptance was seen, what is not told yet), or take
    # nothing at all: a row in quarantine is in no figure, and a provider sees it all the same.
    odd = set(
        reading.ask(
            path,
            """SELECT booking_id FROM core.bookings WHERE accepted_rule = 'observed'
               UNION SELECT booking_id FROM marts.commission_reconciliation WHERE state = 'unknown'
               UNION SELECT row_id FROM core.quarantined""",
        )["booking_id"]
    )
    compared = amounts = 0
    for collection in PROVIDER_COLLECTIONS:
        for provider in sorted(server.tables[collection])[::THIRD]:
            caller = Caller("u", Actor.PROVIDER, "id", provider, collection)
            told = earnings.earnings(View(server, server.now), caller, rules, f"{MONTH:%Y-%m}")
            said = {
                row["booking_id"]: (
                    row["gross_idr"],
                    row["commission_idr"],
                    row["net_idr"],
                    row["commission_id"],
                )
                for row in mine.earnings(provider, MONTH).all(path).to_dicts()
                if row["booking_id"] not in odd
            }
            found = {
                one.booking_id: (one.gross_idr, one.commission_idr, one.net_idr, one.commission_id)
                for one in told.bookings
                if one.booking_id not in odd
            }
            assert found == said, provider
            owed = {
                row["commission_id"]: (row["owed_idr"], row["fee_idr"], row["is_due"], row["is_overdue"])
                for row in mine.owed(provider).all(path).to_dicts()
            }
            open_now = {
                one.commission_id: (one.owed_idr, one.fee_idr, one.is_due, one.is_overdue)
                for one in told.owed.records
            }
            assert open_now == owed, provider
            compared += len(found) + len(open_now)
            amounts += told.owed.total_idr
    assert compared > 100
    assert amounts > 500_000
