"""Rows that fail stop none behind them; what fails for good slows nothing down and is told once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from marketplace.events import CallOutcome
from resources.appwrite.failures import PermanentFailure, TransientFailure
from services.going_on import FIRST_AGAIN_S, LONGEST_AGAIN_S, MOST_FAILURES, Aside, Round, conclude
from services.noting import NoNotes
from services.store import Contended
from tests.services.memory import EPOCH


class Kept(NoNotes):
    def __init__(self) -> None:
        self.notes: list[tuple[str, CallOutcome, Any]] = []

    def note(self, *told: Any, **named: Any) -> None:
        self.notes.append((told[1], told[3], named["context"]))


def _raise(failure: Exception) -> int:
    raise failure


def test_what_fails_for_good_is_tried_again_ever_more_seldom() -> None:
    clock = [0.0]
    aside, tried = Aside(lambda: clock[0]), list[float]()

    def act() -> int:
        tried.append(clock[0])
        raise ValueError

    while clock[0] < 5 * LONGEST_AGAIN_S:
        Round(aside).do("b1", act)
        clock[0] += FIRST_AGAIN_S / 2
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert waits[:6] == [FIRST_AGAIN_S * 2**n for n in range(6)]
    assert max(waits) == LONGEST_AGAIN_S
    assert aside.count == 1
    assert Round(aside).do("b1", lambda: 1) is False, "it is not its turn"
    clock[0] += LONGEST_AGAIN_S
    assert Round(aside).do("b1", lambda: 1) is True
    assert aside.count == 0


def test_a_step_fails_by_what_passes_and_not_by_what_is_set_aside() -> None:
    notes, aside = Kept(), Aside()
    good = Round(aside)
    good.do("b1", lambda: _raise(PermanentFailure("commit", "bad_request", status=400)))
    good.do("b2", lambda: 2)
    conclude(notes, EPOCH, "dispatch", {"booking": good})
    assert (good.done, good.failed) == (2, 1)
    assert notes.notes == [
        ("loop_dispatch", CallOutcome.PERMANENT, {"reason": "bad_request", "booking": "b1"})
    ]
    passing = Round(aside)
    passing.do("b3", lambda: _raise(Contended()))
    with pytest.raises(Contended):
        conclude(notes, EPOCH, "dispatch", {"booking": passing})
    assert len(notes.notes) == 1
    unnamed = Round(aside)
    unnamed.do("somebody", lambda: _raise(ValueError("+62811 Ann")))
    conclude(notes, EPOCH, "sweep", {"row": unnamed})
    assert notes.notes[1:] == [("loop_sweep", CallOutcome.PERMANENT, {"reason": "ValueError"})]


def test_a_server_that_answers_nothing_is_let_be() -> None:
    found = Round()
    for number in range(MOST_FAILURES):
        assert not found.is_hopeless
        found.do(f"b{number}", lambda: _raise(TransientFailure("commit", "time_out")))
    assert found.is_hopeless
    assert isinstance(found.failure, TransientFailure)


def test_where_all_fails_for_good_it_is_not_the_rows() -> None:
    aside = Aside()
    for number in range(MOST_FAILURES):
        assert Round(aside).failure is None
        Round(aside).do(f"b{number}", lambda: _raise(PermanentFailure("commit", "forbidden", status=403)))
    assert isinstance(Round(aside).failure, PermanentFailure)
    Round(aside).do("good", lambda: 1)
    assert Round(aside).failure is None


def test_one_row_that_fails_for_months_is_no_fault_of_the_step() -> None:
    clock = [0.0]
    aside = Aside(lambda: clock[0])
    for _ in range(2_000):
        Round(aside).do("b1", lambda: _raise(ValueError()))
        assert Round(aside).failure is None
        clock[0] += LONGEST_AGAIN_S
    assert aside.count == 1


def test_rows_that_are_met_no_more_make_no_step_fail() -> None:
    clock = [0.0]
    aside = Aside(lambda: clock[0])
    for number in range(MOST_FAILURES):
        Round(aside).do(f"b{number}", lambda: _raise(ValueError()))
    assert isinstance(Round(aside).failure, ValueError)
    clock[0] += 3 * LONGEST_AGAIN_S
    assert Round(aside).failure is None, "somebody put them right, and nothing came since"
    assert aside.count == 0
