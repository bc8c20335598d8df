"""A move that is cut at any of its calls: nothing is left in the middle once the sweeper and the dispatcher came by,
with transactions and without."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from operations.calendar import GUARDS
from resources.appwrite.failures import CallFailure
from services.problems import Problem
from services.store import Contended, Doubtful
from tests.services.memory import no_answer
from tests.services.moves_desk import Desk, iso
from tests.services.moves_held import held

WRITES = ("create", "change", "stage", "commit")


class Dead(Exception):
    """The process is gone."""


def _accepted(desk: Desk) -> None:
    desk.book(starts=timedelta(hours=1))
    desk.accept("t1")
    _settle(desk)


def _offered(desk: Desk) -> None:
    desk.book(starts=timedelta(hours=1))


def _asked_once(desk: Desk) -> None:
    desk.book(starts=timedelta(hours=1))
    for number in (2, 3):
        desk.rows("therapists")[f"t{number}"]["status"] = "OFFLINE"


def _settle(desk: Desk) -> None:
    desk.passes(minutes=2)
    desk.sweep()


def _expire(desk: Desk) -> None:
    desk.passes(minutes=5)
    desk.dispatch()


MOVES: dict[str, tuple[Callable[[Desk], None], Callable[[Desk], object]]] = {
    "accept": (_offered, lambda desk: desk.accept("t1")),
    "decline": (_offered, lambda desk: desk.decline("t1")),
    "decline_last": (_asked_once, lambda desk: desk.decline("t1")),
    "expire": (_offered, _expire),
    "expire_last": (_asked_once, _expire),
    "cancel": (_accepted, lambda desk: desk.cancel("u1", reason="ill")),
    "cancel_request": (_offered, lambda desk: desk.cancel("u1")),
    "complete": (_accepted, lambda desk: desk.complete("t1")),
    "reassign": (_accepted, lambda desk: desk.reassign("t2")),
}


@pytest.mark.parametrize("transactions", [True, False])
@pytest.mark.parametrize("move", MOVES)
def test_a_move_that_is_cut_is_finished_or_as_if_it_had_not_been(move: str, transactions: bool) -> None:
    prepare, do = MOVES[move]
    calls = 0
    while True:
        left = False
        for before in (True, False):
            for dies in (True, False):
                desk = Desk(transactions=transactions)
                prepare(desk)
                left |= _cut(desk, do, calls, before=before, dies=dies)
        if not left:
            break
        calls += 1
    assert calls >= 2


def _cut(desk: Desk, do: Callable[[Desk], object], at: int, *, before: bool, dies: bool) -> bool:
    """Cut at the n-th call that writes; whether there was one."""
    seen, cut = [0], [False]

    def fail(call: str, is_before: bool) -> None:
        if cut[0] and dies:
            raise Dead
        if call in WRITES and is_before == before:
            seen[0] += 1
            if seen[0] == at + 1:
                cut[0] = True
                raise Dead if dies else no_answer(call)

    desk.server.fail = fail
    with suppress(Dead, CallFailure, Contended, Doubtful):
        do(desk)
    desk.server.fail = lambda call, before: None
    held(desk, at_rest=False)
    # Asked again, as whoever got no answer does.
    with suppress(Problem):
        do(desk)
    held(desk, at_rest=False)
    for _ in range(2):
        desk.passes(minutes=6)
        desk.sweep()
        desk.dispatch()
    desk.sweep()
    held(desk)
    return cut[0]


def test_what_is_left_is_finished_however_much_stands_before_it() -> None:
    desk = Desk(transactions=False)
    _accepted(desk)
    (guard,) = [row for row in desk.rows(GUARDS).values() if row["kind"] == "acceptance"]
    guard["state"] = "claimed"
    for number in range(105):  # more than a page, of bookings that are gone
        desk.server.put(
            GUARDS, f"gone{number}", kind="acceptance", bookingId=f"g{number}", providerId="t1",
            state="claimed", version=1, at=iso(desk.server.now - timedelta(days=1)),
        )  # fmt: skip
    desk.passes(minutes=2)
    assert desk.sweep() == 1
    assert guard["state"] == "settled"
