"""What stands in a plan, and what is left out of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace.operations import ActionState, grows, most_actions, pause_after
from operations import applying
from resources.errors import UsageError
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
