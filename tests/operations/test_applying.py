"""A plan applied on the sandbox: what is written, what the ledger says, and what is not done."""

from __future__ import annotations

from marketplace.operations import ActionState
from tests.operations.desk import Desk


def test_a_plan_is_applied_once_and_all_of_it(desk: Desk) -> None:
    desk.bookings(120)
    plan = desk.plan()
    applied = desk.apply(plan)
    assert applied.problem is None
    assert applied.counts == {"planned": 0, "done": 120, "skipped": 0, "failed": 0, "undone": 0}
    assert set(desk.statuses()) == {"expired"}
    messages = desk.all("chat_messages")
    assert sorted(row["bookingRef"] for row in messages.values()) == sorted(desk.kind.rows)
    assert all(row["$permissions"] == ['read("any")'] for row in messages.values())
    assert desk.server.writes()["writes"] == 240
    entry = desk.ledger.actions(state=ActionState.DONE, limit=1)[0]
    assert (entry.by, entry.reason, entry.answer, entry.tries) == ("Ani", "deadline", "200 committed", 1)
    again = desk.apply(plan)
    assert again.counts["done"] == 120
    assert desk.server.writes()["writes"] == 240
