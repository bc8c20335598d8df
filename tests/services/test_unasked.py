"""A booking whose expiry or cancellation was taken back waits again: somebody is asked for it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from marketplace.collections import OFFERS
from marketplace.offers import OfferState, answered
from services.sweeping.unasked import asked_again, sweep_unasked
from tests.services.moves_desk import TERMS, Desk, iso
from tests.services.moves_held import held


def _ask(desk: Desk) -> int:
    found = sweep_unasked(desk.server, desk.server.clock, TERMS)
    assert found.failed == 0
    return found.done


def _taken_back(desk: Desk, state: OfferState = OfferState.EXPIRED, **row: object) -> None:
    """What an operation and its undoing leave: the offers ended, the booking pending, changed just now."""
    for offer in desk.rows(OFFERS).values():
        offer |= answered(state, desk.server.now)
    desk.booking().update(status="pending", **row)
    desk.booking()["$updatedAt"] = iso(desk.server.now)


@pytest.mark.parametrize("transactions", [True, False])
@pytest.mark.parametrize("state", [OfferState.EXPIRED, OfferState.WITHDRAWN])
def test_the_next_provider_is_asked_once(transactions: bool, state: OfferState) -> None:
    desk = Desk(3, transactions=transactions)
    desk.book()
    desk.passes(minutes=7)
    _taken_back(desk, state)
    desk.passes(seconds=30)
    assert _ask(desk) == 0, "whoever took it back may be at it"
    desk.passes(seconds=31)
    assert _ask(desk) == 1
    assert desk.offers() == [("t1", state.value), ("t2", "offered")]
    assert desk.booking()["status"] == "pending"
    desk.passes(minutes=2)
    assert _ask(desk) == 0
    desk.accept("t2")
    desk.passes(minutes=2)
    desk.sweep()
    held(desk)


def test_it_stays_with_the_person_where_nobody_is_left_to_be_asked() -> None:
    desk = Desk(1)
    desk.book()
    desk.passes(minutes=7)
    _taken_back(desk)
    desk.passes(minutes=2)
    before = dict(desk.booking())
    assert _ask(desk) == 0
    assert desk.booking() == before


def test_what_services_never_offered_or_an_operation_handed_over_is_let_be() -> None:
    desk = Desk(3)
    desk.book(offered=False)
    desk.passes(minutes=7)
    assert _ask(desk) == 0
    desk = Desk(3)
    desk.book()
    desk.passes(minutes=2)
    _taken_back(
        desk,
        OfferState.WITHDRAWN,
        providerId="t3",
        responseDeadline=iso(desk.server.now + timedelta(minutes=5)),
    )
    desk.passes(minutes=2)
    assert _ask(desk) == 0, "t3 may answer"
    desk.passes(minutes=4)
    assert _ask(desk) == 1
    assert desk.offers() == [("t1", "withdrawn"), ("t2", "offered")]


def test_of_two_sweepers_one_asks() -> None:
    desk = Desk(3)
    desk.book()
    desk.passes(minutes=7)
    _taken_back(desk)
    desk.passes(minutes=2)
    at_it = [True]

    def fail(call: str, before: bool) -> None:
        if call == "stage" and before and at_it[0]:
            at_it[0] = False
            assert _ask(desk) == 1

    desk.server.fail = fail
    assert desk.do(partial(asked_again, booking_id="b1", terms=TERMS)) is False, "it looks again, and sees"
    assert desk.offers() == [("t1", "expired"), ("t2", "offered")]
