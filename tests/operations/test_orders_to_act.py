"""What people order in the dashboards about acting, done by the worker: planned, applied, taken back, acted on one row;
under their name, with their right asked again, and once, also where the worker was killed after it."""

from __future__ import annotations

import pytest

from marketplace.operations import ActionState, Mode, Operation
from marketplace.roles import Role, allows
from messages.catalogue import english
from operations import every
from pipelines.orders import work
from resources.acting import stop
from resources.ledger import Ledger
from resources.ledger.orders import NEEDS, OrderKind
from tests.operations.desk import Desk

NAME = Operation.EXPIRE_BOOKINGS.value
REASON = "agreed with the owner"


def ordered(desk: Desk, kind: OrderKind, *, role: Role = Role.ADMIN, **given: str) -> tuple[str, str]:
    """One order, done: its state and what is said of it."""
    desk.home.create()
    ledger, at = Ledger(desk.home.ledger), desk.settings.clock.now()
    ledger.enter_order(kind, given, by="wayan@example.test", role=role.value, known=True, at=at)
    (done,) = work(desk.settings)
    return done.state, " ".join(english(said) for said in done.outcome)


def newest(desk: Desk) -> str:
    return desk.ledger.newest_plans()[Operation.EXPIRE_BOOKINGS].plan_id


def test_a_plan_is_made_applied_and_taken_back_under_the_name_of_who_ordered_it(desk: Desk) -> None:
    desk.bookings(3)
    assert ordered(desk, "plan", operation=NAME) == ("done", f"{NAME}: 3 rows are planned.")
    told = ordered(desk, "apply", plan=newest(desk), operation=NAME, reason=REASON)
    assert told == ("done", "3 done, 0 skipped, 0 failed.")
    assert desk.statuses() == ["expired"] * 3
    done = desk.ledger.actions(state=ActionState.DONE)
    assert {(one.by, one.reason) for one in done} == {("wayan@example.test", REASON)}
    state, _ = ordered(desk, "undo", action=done[0].action_id, reason="they had called us")
    assert state == "done"
    taken = desk.ledger.action(done[0].action_id)
    assert taken is not None
    assert (taken.state, taken.undone_by) == (ActionState.UNDONE, "wayan@example.test")
    assert sorted(desk.statuses()) == ["expired", "expired", "pending"]


def test_the_right_is_asked_again_when_it_is_done(desk: Desk) -> None:
    given = {"operation": NAME, "row": "b00000", "action": "act_1", "plan": "p", "reason": REASON}
    kinds: tuple[OrderKind, ...] = ("plan", "apply", "undo", "act")
    for kind in kinds:
        for role in Role:
            if allows(role, NEEDS[kind]):
                continue
            assert ordered(desk, kind, role=role, **given) == (
                "failed",
                f"The role {role} may not order this. Ask somebody whose role may.",
            )
    assert desk.server.writes()["writes"] == 0


def test_what_is_observed_is_planned_and_nothing_is_written(desk: Desk) -> None:
    desk.bookings(2)
    desk.settings = desk.settings.model_copy(update={"operations": {Operation.EXPIRE_BOOKINGS: Mode.OBSERVE}})
    state, said = ordered(desk, "plan", operation=NAME)
    assert (state, "is observed" in said) == ("done", True)
    state, said = ordered(desk, "apply", plan=newest(desk), operation=NAME, reason=REASON)
    assert state == "failed"
    assert desk.server.writes()["writes"] == 0


def test_a_stop_that_comes_before_its_turn_ends_an_order(desk: Desk) -> None:
    desk.bookings(2)
    ordered(desk, "plan", operation=NAME)
    stop(desk.home, by="Ani", reason="the prices are wrong", at=desk.settings.clock.now())
    state, said = ordered(desk, "apply", plan=newest(desk), operation=NAME, reason=REASON)
    assert state == "failed"
    assert "stopped" in said
    assert desk.server.writes()["writes"] == 0


@pytest.fixture
def of_one_row(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk's kind as one that a person orders of a row."""
    desk.kind.operation = Operation.CANCEL_BOOKING
    monkeypatch.setattr(every, "every_kind", lambda: {desk.kind.operation: desk.kind})
    desk.settings = desk.settings.model_copy(update={"operations": {Operation.CANCEL_BOOKING: Mode.ENFORCE}})
    return desk


def test_one_row_is_acted_on_and_once_where_the_worker_was_killed_after_it(of_one_row: Desk) -> None:
    desk = of_one_row
    (row,) = desk.bookings(1)
    given = {
        "operation": Operation.CANCEL_BOOKING.value,
        "row": row,
        "collection": "bookings",
        "reason": REASON,
    }
    assert ordered(desk, "act", **given) == ("done", "1 done, 0 skipped, 0 failed.")
    assert desk.statuses() == ["expired"]
    ledger = Ledger(desk.home.ledger)
    with ledger.writing() as db:  # as a worker leaves it that is killed before it says so
        db.execute("UPDATE orders SET state = 'running', outcome = NULL, ended_at = NULL")
    desk.server.forget_writes()
    (again,) = work(desk.settings)
    assert (again.state, again.attempts) == ("done", 2)
    assert [english(said) for said in again.outcome] == ["1 done, 0 skipped, 0 failed."]
    assert desk.server.writes()["writes"] == 0


def test_who_was_told_that_nothing_is_written_has_nothing_written_though_it_is_enforced_since(
    of_one_row: Desk,
) -> None:
    (row,) = of_one_row.bookings(1)
    of_one_row.server.forget_writes()
    name = Operation.CANCEL_BOOKING.value
    told = ordered(of_one_row, "act", operation=name, row=row, reason=REASON, observed="yes")
    assert told == ("done", f"{name}: 1 rows are planned.")
    assert of_one_row.server.writes()["writes"] == 0


def test_a_row_that_says_something_else_by_now_is_left_and_it_is_said_why(of_one_row: Desk) -> None:
    desk = of_one_row
    (row,) = desk.bookings(1)
    desk.change(row, status="accepted")
    desk.server.forget_writes()
    given = {"operation": Operation.CANCEL_BOOKING.value, "row": row, "reason": REASON}
    state, said = ordered(desk, "act", **given)
    assert (state, said.startswith("0 done, 1 skipped, 0 failed.")) == ("done", True)
    assert desk.server.writes()["writes"] == 0


def test_what_an_operation_does_not_look_at_is_not_kept_with_its_plan(of_one_row: Desk) -> None:
    (row,) = of_one_row.bookings(1)
    given = {"operation": Operation.CANCEL_BOOKING.value, "row": row, "reason": REASON, "amount": "0812345"}
    state, said = ordered(of_one_row, "act", **given)
    assert (state, "does not look at amount" in said) == ("failed", True)
    assert of_one_row.ledger.newest_plans() == {}
