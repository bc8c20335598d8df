"""A process killed at every point of a run, and a server that fails after it wrote: nothing is done twice, nothing is
lost, and the ledger says what is true.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from marketplace.operations import ActionState
from operations import steps
from operations.applying import settle_open, undo_action
from tests.operations.desk import Desk
from tests.operations.test_applying import counts

TOGETHER = ("read", "opened", "staged", "looked_again", "begun", "committed", "settled")
ONE_BY_ONE = ("read", "looked_again", "begun", "wrote_0", "wrote_1", "wrote_2", "settled")


def killed(work: Callable[[], object], point: str, nth: int = 1) -> None:
    """Do it in a process of its own that is killed when it reaches a point for the n-th time."""
    child = os.fork()
    if child == 0:
        left = nth

        def reached(name: str) -> None:
            nonlocal left
            left -= name == point
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        steps.reached = reached
        try:
            work()
        finally:
            os._exit(7)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{point} was not reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


def agrees(desk: Desk) -> None:
    """The ledger and the marketplace say the same: what is done is there with its messages, once; nothing else is."""
    told = [row["bookingRef"] for row in desk.all("chat_messages").values()]
    bookings = desk.all("bookings")
    done = {a.row_id for a in desk.ledger.actions(state=ActionState.DONE)}
    assert {row for row, one in bookings.items() if one["status"] == "expired"} == done
    assert sorted(told) == sorted([*done] * desk.kind.messages)
    assert desk.ledger.open_calls() == []


@pytest.fixture
def three(desk: Desk) -> Desk:
    desk.bookings(3)
    desk.kind.messages = 2
    return desk


@pytest.mark.parametrize("point", TOGETHER)
def test_a_run_that_was_killed_is_finished_by_the_next_one(three: Desk, point: str) -> None:
    plan = three.plan()
    killed(lambda: three.apply(plan), point)
    written = three.server.writes()["writes"]
    assert written in (0, 9), "all of a transaction, or nothing"
    applied = three.apply(plan)
    assert (applied.problem, counts(applied)) == (None, {"done": 3})
    assert three.server.writes()["writes"] == 9, "nothing is written twice"
    agrees(three)


@pytest.mark.parametrize(
    ("point", "nth"), [(point, 1 + 2 * (number % 2)) for number, point in enumerate(ONE_BY_ONE)]
)
def test_without_transactions_what_a_kill_cut_is_finished(three: Desk, point: str, nth: int) -> None:
    three.server.settings(transactions=False)
    plan = three.plan()
    killed(lambda: three.apply(plan), point, nth)
    assert settle_open(three.settings) == 0
    applied = three.apply(plan)
    assert (applied.problem, counts(applied)) == (None, {"done": 3})
    assert three.server.writes()["writes"] == 9
    agrees(three)


@pytest.mark.parametrize("point", ["found_out", "wrote_the_rest"])
def test_whoever_finishes_may_be_killed_too(three: Desk, point: str) -> None:
    three.server.settings(transactions=False)
    plan = three.plan()
    killed(lambda: three.apply(plan), "wrote_0", 2)
    killed(lambda: settle_open(three.settings), point)
    applied = three.apply(plan)
    assert counts(applied) == {"done": 3}
    assert three.server.writes()["writes"] == 9
    agrees(three)


def test_what_was_cut_and_changed_since_is_left_to_a_person(three: Desk) -> None:
    three.server.settings(transactions=False)
    plan = three.plan()
    killed(lambda: three.apply(plan), "wrote_0", 1)
    three.change("b00000", status="accepted", seats="4")
    applied = three.apply(plan)
    assert counts(applied) == {"done": 2, "failed": 1}
    assert three.all("bookings")["b00000"]["status"] == "accepted"
    assert three.ledger.failing(since=applied.plan.planned_at) == {three.kind.operation: 1}


@pytest.mark.parametrize("point", ["staged", "begun", "committed", "settled"])
def test_an_undo_that_was_killed_is_true_in_the_ledger(desk: Desk, point: str) -> None:
    desk.bookings(1)
    desk.apply(desk.plan())
    action = desk.ledger.actions()[0].action_id
    killed(lambda: undo_action(desk.settings, action, by="Made", reason="a mistake"), point)
    settle_open(desk.settings)
    entry = desk.ledger.action(action)
    assert entry is not None
    undone = desk.statuses() == ["pending"]
    assert entry.state is (ActionState.UNDONE if undone else ActionState.DONE)
    if undone:
        assert (entry.undone_by, entry.undo_reason) == ("Made", "a mistake")
    assert undone == (point in ("committed", "settled"))


@pytest.mark.parametrize("death", ["reset", "status"])
def test_a_server_that_fails_after_it_committed_is_asked_and_not_told_twice(three: Desk, death: str) -> None:
    plan = three.plan()
    three.server.faults(
        {
            "kind": "after",
            "method": "PATCH",
            "path": "/transactions/",
            "death": death,
            "status": 500,
            "count": 1,
        }
    )
    applied = three.apply(plan)
    assert counts(applied) == {"done": 3}
    assert three.server.writes()["writes"] == 9
    assert {a.tries for a in applied.actions} == {1}
    agrees(three)


@pytest.mark.parametrize("method", ["PATCH", "POST"])
@pytest.mark.parametrize("kind", ["after", "status"])
def test_without_transactions_a_write_without_an_answer_is_looked_for(
    three: Desk, kind: str, method: str
) -> None:
    """Written and not answered, or neither: it is read before it is sent again."""
    three.server.settings(transactions=False)
    plan = three.plan()
    three.server.faults(
        {"kind": kind, "method": method, "path": "/rows", "status": 503, "skip": 1, "count": 1}
    )
    applied = three.apply(plan)
    assert counts(applied) == {"done": 3}
    assert three.server.writes()["writes"] == 9
    agrees(three)


def test_what_no_answer_tells_stays_open_and_is_found_out_by_the_next_run(three: Desk) -> None:
    plan = three.plan()
    three.server.faults(
        {"kind": "after", "method": "PATCH", "path": "/transactions/", "death": "reset", "count": 1},
        {"kind": "status", "status": 503, "method": "GET", "path": "/transactions/"},
    )
    applied = three.apply(plan)
    assert applied.problem is not None
    assert counts(applied) == {"planned": 3}
    assert len(three.ledger.open_calls()) == 3
    three.server.faults()
    assert three.ledger.plan(three.plan()) is not None  # what is open is not planned again
    assert settle_open(three.settings) == 0
    assert three.server.writes()["writes"] == 9
    agrees(three)
