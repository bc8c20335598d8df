"""What stands in a plan, and what is left out of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace.operations import ActionState, grows, most_actions, pause_after
from messages.message import Message
from operations import applying
from operations.applying import undo_action
from resources.errors import UsageError
from resources.ledger.actions import Settled
from tests.operations.desk import Desk
from tests.operations.test_applying import at


def test_the_limits_are_those_of_the_settings_and_never_less_than_a_few() -> None:
    assert most_actions(1_000_000) == 200
    assert most_actions(1_000) == 20
    assert most_actions(3) == 10
    assert most_actions(1_000_000, a_run=50_000, share=0.01) == 10_000


def test_the_same_plan_is_not_entered_again_and_another_one_takes_its_place(desk: Desk) -> None:
    desk.kind.rows = ["a", "b"]
    first = desk.plan()
    assert desk.plan() == first
    desk.kind.rows = ["a", "b", "c"]
    second = desk.plan()
    assert second != first
    assert sorted(a.row_id for a in desk.ledger.actions()) == ["a", "b", "c"]
    kept = desk.ledger.plan(first)
    assert kept is not None
    assert (kept.proposed, kept.replaced_by) == (2, second)
    with pytest.raises(UsageError, match="There is no plan"):
        desk.apply("nothing")


def test_of_two_proposals_on_a_row_one_is_planned(desk: Desk) -> None:
    desk.kind.rows = ["a", "a"]
    plan = desk.ledger.plan(desk.plan())
    assert plan is not None
    assert plan.proposed == 1


def test_what_came_to_nothing_is_tried_again_after_longer_and_longer(desk: Desk) -> None:
    assert [pause_after(n, failed=False) / timedelta(minutes=1) for n in (1, 2, 3, 20)] == [0, 1, 2, 360]
    assert [pause_after(n, failed=True) / timedelta(minutes=1) for n in (1, 2, 9)] == [1, 2, 256]
    desk.kind.rows = ["gone"]
    now = datetime.now(UTC)
    tried = []
    for minute in range(8):
        at(desk, now + timedelta(minutes=minute, seconds=minute))
        plan = desk.ledger.plan(desk.plan())
        assert plan is not None
        if plan.proposed:
            tried.append(minute)
            desk.apply(plan.plan_id)
    assert tried == [0, 1, 2, 4]
    assert {a.state for a in desk.ledger.actions()} == {ActionState.SKIPPED}


def test_a_row_that_was_done_since_the_snapshot_is_not_planned_again(desk: Desk) -> None:
    desk.bookings(1)
    desk.apply(desk.plan())
    plan = desk.ledger.plan(desk.plan())
    assert plan is not None
    assert plan.proposed == 0
    at(desk, datetime.now(UTC) + applying.PLAN_HOLDS_FOR)
    plan = desk.ledger.plan(desk.plan())
    assert plan is not None
    assert plan.proposed == 1


def test_a_plan_grows_where_it_finds_twice_as_much_as_an_hour_ago(desk: Desk) -> None:
    assert not grows(10, 0)
    assert grows(11, 0)
    assert not grows(30, 16)
    assert grows(30, 15)
    desk.kind.rows = [f"b{n}" for n in range(7)]
    now = datetime.now(UTC)
    at(desk, now)
    desk.plan()
    desk.kind.rows = [f"b{n}" for n in range(40)]
    at(desk, now + timedelta(hours=1))
    desk.plan()
    operation = desk.kind.operation
    assert desk.ledger.backlog(operation, at=now + timedelta(hours=1)) == 40
    assert desk.ledger.backlog(operation, at=now + timedelta(minutes=59)) == 7
    assert desk.ledger.backlog(operation, at=now - timedelta(hours=1)) is None


def test_what_a_person_took_back_is_not_done_again_by_itself(desk: Desk) -> None:
    (row,) = desk.bookings(1)
    desk.apply(desk.plan())
    undo_action(desk.settings, desk.ledger.actions()[0].action_id, by="Made", reason="they called")
    at(desk, datetime.now(UTC) + timedelta(hours=1))
    again = desk.ledger.plan(desk.plan())
    assert (again.proposed if again else None, desk.statuses()) == (0, ["pending"])
    desk.kind.why = Message("operations.row_gone")  # another reason is another matter
    other = desk.ledger.plan(desk.plan())
    assert other is not None
    assert [a.row_id for a in desk.ledger.actions(plan_id=other.plan_id)] == [row]


def test_an_action_found_not_done_after_its_plan_was_replaced_waits_no_more(desk: Desk) -> None:
    desk.kind.rows = ["a"]
    first = desk.plan()
    (action,) = desk.ledger.actions()
    called = {"purpose": "apply", "by": "Ani", "reason": "", "at": datetime.now(UTC)}
    calls = desk.ledger.begin_calls([(action.action_id, [])], **called)
    desk.kind.rows = ["b"]
    assert desk.plan() != first
    ended = Settled(calls[action.action_id], action.action_id, "not_done")
    desk.ledger.settle_calls([ended], at=datetime.now(UTC))
    left = desk.ledger.action(action.action_id)
    assert left is not None
    assert (left.state, left.said) == (ActionState.SKIPPED, Message("operations.planned_anew"))
