"""A ledger in which operations were planned and done: what tests of the page and of ops.actions stand on. Holds no test
and asks no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from marketplace.operations import Mode, Operation, action_id
from messages.message import Message
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.actions import NewAction, Plan, Settled

NOW = datetime(2026, 11, 22, 6, 4, tzinfo=UTC)
BY, REASON = "wayan@example.test", "agreed with the owner"
WHY = Message("as_written", {"text": "Nobody answered in time."})
Change = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def planned(
    home: Home,
    operation: Operation,
    changes: Sequence[Change],
    *,
    collection: str = "bookings",
    at: datetime = NOW,
    by: str = "schedule",
    reason: str = "",
    ordered: Mapping[str, str] | None = None,
    left_out: int = 0,
) -> list[str]:
    """Enter a plan of these changes (row, before, after); the ids of its actions."""
    plan_id = f"{at:%Y%m%dT%H%M%SZ}-{operation.value}"
    actions = [
        NewAction(
            action_id(operation, plan_id, collection, row),
            collection,
            row,
            before,
            after,
            WHY,
            "policy: an answer within five minutes",
        )
        for row, before, after in changes
    ]
    plan = Plan(
        plan_id, operation, Mode.ENFORCE, "20261122T060512Z-000003", at, dict(ordered or {}), by, reason, 200,
        len(actions), left_out,
    )  # fmt: skip
    Ledger(home.ledger).enter_plan(plan, actions)
    return [action.action_id for action in actions]


def settled(home: Home, actions: Sequence[str], end: Any = "done", *, said: Message | None = None) -> None:
    """Begin these actions, and enter that they ended so."""
    ledger = Ledger(home.ledger)
    begun = ledger.begin_calls(
        [(one, [{}]) for one in actions], purpose="apply", by=BY, reason=REASON, at=NOW
    )
    answer = {"done": "200", "failed": "500", "skipped": "409 row_update_conflict"}[end]
    ledger.settle_calls(
        [Settled(call, one, end, said, answer, 0.21) for one, call in begun.items()],
        at=NOW + timedelta(seconds=2),
    )
