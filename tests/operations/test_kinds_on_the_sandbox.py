"""From what a run saw to what the next run says of what was done: kinds, engine and command line on a server."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from marketplace.operations import commission_id
from tests.bookwatch_process import Bookwatch, settings_for
from tests.marketplace_tables import ALL_TABLES, Marketplace
from tests.sandbox_server import SandboxProcess

TABLES = ("bookings", "commission_records", "chat_messages", "chat_rooms", "notifications", "therapists")
OPERATIONS = ("expire_bookings", "complete_bookings", "record_missing_commissions", "mark_overdue")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_what_is_seen_is_done_once_and_the_next_run_calls_it_right(
    empty_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    with empty_sandbox.own_database() as server:
        market, now = Marketplace(server, {name: ALL_TABLES[name] for name in TABLES}), server.now()

        def ago(age: timedelta) -> str:
            return (now - age).isoformat(timespec="milliseconds")

        def booking(row_id: str, age: timedelta, **values: Any) -> None:
            given = {"providerId": "p1", "userId": "u1", "totalCost": 202_500, "createdAt": ago(age), "duration": 60,
                     "source": "button", "customerName": "Anna"} | values  # fmt: skip
            market.add("bookings", row_id, ago(age), **given)

        market.add("therapists", "p1", ago(9 * HOUR), name="Spa One", status="AVAILABLE")
        booking("late", HOUR, status="waiting", responseDeadline=ago(50 * MINUTE))
        market.add("chat_rooms", "room", ago(HOUR), bookingId="late", customerId="u1", status="active")
        booking("unrecorded", 3 * HOUR, status="done", startTime=ago(2 * HOUR), completedAt=ago(HOUR))
        market.add("therapists", "p2", ago(9 * HOUR), name="Spa Two", status="BUSY")
        booking("over", 4 * HOUR, status="confirmed", providerId="p2", acceptedAt=ago(4 * HOUR),
                startTime=ago(3 * HOUR))  # fmt: skip
        market.add(
            "commission_records", "c-over", ago(4 * HOUR), bookingId="over", therapistId="p2",
            bookingAmount=202_500, commissionAmount=60_750, commissionRate=30, paymentStatus="paid",
            paidAt=ago(HOUR), paymentProofUrl="https://files.example/1.jpg",
        )  # fmt: skip
        booking("unpaid", 9 * HOUR, status="completed", startTime=ago(6 * HOUR), completedAt=ago(5 * HOUR))
        market.add(
            "commission_records", "c-unpaid", ago(9 * HOUR), bookingId="unpaid", therapistId="p1",
            bookingAmount=202_500, commissionAmount=60_750, commissionRate=30, paymentStatus="unpaid",
        )  # fmt: skip
        server.a_second_passes()
        bookwatch = Bookwatch(
            tmp_path / "home",
            {
                **settings_for(server),
                "APPWRITE_WRITE_KEY": server.new_key("rows.read", "rows.write", "tables.read"),
                "BOOKWATCH_OPERATIONS": json.dumps(dict.fromkeys(OPERATIONS, "enforce")),
            },
        )
        bookwatch.run()
        plans = {}
        for name in OPERATIONS:
            done = bookwatch("operations", "plan", name, "--by", "Ani", "--json")
            assert done.returncode == 0, done.stderr
            plans[name] = json.loads(done.stdout)["plan_id"]
        server.forget_writes()
        for name, plan in plans.items():
            done = bookwatch("operations", "apply", plan, "--by", "Ani", "--reason", "seen", "--json")
            assert done.returncode == 0, done.stderr
            assert [action["state"] for action in json.loads(done.stdout)["actions"]] == ["done"], name
        # Booking, message, notification; booking, provider, notification; record and notification; record and
        # notification: each once.
        assert server.writes()["writes"] == 10
        server.a_second_passes()
        bookwatch.run()
        assert bookwatch.rows(
            "SELECT booking_id, status FROM core.bookings WHERE booking_id IN ('late', 'over') ORDER BY 1"
        ) == [{"booking_id": "late", "status": "expired"}, {"booking_id": "over", "status": "completed"}]
        assert bookwatch.rows("SELECT status FROM core.providers WHERE provider_id = 'p2'") == [
            {"status": "AVAILABLE"}
        ]
        assert bookwatch.rows(
            "SELECT booking_id, state, commission_id, actual_idr, commission_status"
            " FROM marts.commission_reconciliation ORDER BY booking_id"
        ) == [
            {"booking_id": "over", "state": "matched", "commission_id": "c-over", "actual_idr": 60_750,
             "commission_status": "paid"},
            {"booking_id": "unpaid", "state": "matched", "commission_id": "c-unpaid", "actual_idr": 60_750,
             "commission_status": "overdue"},
            {"booking_id": "unrecorded", "state": "matched", "commission_id": commission_id("bookings", "unrecorded"),
             "actual_idr": 60_750, "commission_status": "pending"},
        ]  # fmt: skip
        # In the first days of a month there are lines of the month before.
        assert bookwatch.rows(
            "SELECT closing_idr FROM marts.commission_ledger WHERE provider_id = 'p1'"
            " ORDER BY local_month DESC LIMIT 1"
        ) == [{"closing_idr": 121_500}]
        # Restriction is another operation's; late is what the record is.
        assert bookwatch.rows("SELECT finding FROM marts.commission_findings ORDER BY finding") == [
            {"finding": "restriction_mismatch"}
        ]
        for name in OPERATIONS:
            done = bookwatch("operations", "plan", name, "--by", "Ani", "--json")
            assert json.loads(done.stdout)["actions"] == [], name
