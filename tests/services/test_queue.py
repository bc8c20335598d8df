"""The queue: who is asked next, in which order requests wait, and what dispatchers do, one or more of them."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketplace.collections import OFFERS
from marketplace.operations import counter_id
from marketplace.queue import MOST_OFFERS
from marketplace.transitions import Actor
from sandbox.simulator.simulation import Simulation
from services.callers import Caller
from services.going_on import Aside
from services.problems import Problem
from services.queue.dispatching import dispatch_once
from services.queue.positions import position_to_come
from services.queue.waiting import queue_of
from services.store import View
from tests.services.memory import EPOCH, no_answer
from tests.services.moves_desk import ADMIN, NOON, TERMS, Desk, customer, iso, provider

MINUTE = timedelta(minutes=1)


def test_after_a_decline_the_next_provider_is_asked() -> None:
    desk = Desk()
    desk.book()
    moved = desk.decline("t1", reason="too far")
    assert (moved.status, moved.provider_id) == ("pending", "t2")
    assert moved.response_deadline == desk.booking()["responseDeadline"] == iso(NOON + 5 * MINUTE)
    assert desk.offers() == [("t1", "declined"), ("t2", "offered")]
    assert desk.booking()["providerId"] == "t1", "the first one asked, until somebody accepts"
    assert desk.told() == ["booking_offered", "booking_offered_on"]
    with pytest.raises(Problem) as late:
        desk.accept("t1")
    assert (late.value.code, late.value.state) == ("not_offered", "pending")
    desk.accept("t2")
    assert (desk.booking()["providerId"], desk.booking()["status"]) == ("t2", "accepted")
    assert [record["therapistId"] for record in desk.records()] == ["t2"]


def test_an_unanswered_offer_goes_on_when_its_time_is_over() -> None:
    desk = Desk(2)
    desk.book()
    desk.passes(minutes=4, seconds=59)
    assert desk.dispatch() == 0
    desk.passes(seconds=1)
    assert desk.dispatch() == 1
    assert desk.dispatch() == 0
    assert desk.offers() == [("t1", "expired"), ("t2", "offered")]
    desk.passes(minutes=5)
    assert desk.dispatch() == 1
    assert desk.offers() == [("t1", "expired"), ("t2", "expired")]
    assert (desk.booking()["status"], desk.booking()["expirationReason"]) == ("expired", "no answer in time")
    assert "booking_expired" in desk.told()
    assert desk.records() == []


def test_with_the_last_decline_the_booking_is_declined() -> None:
    desk = Desk(2)
    desk.book()
    desk.decline("t1")
    assert desk.decline("t2", reason="ill").status == "declined"
    booking = desk.booking()
    assert (booking["status"], booking["declinedAt"], booking["declineReason"]) == (
        "declined",
        iso(NOON),
        "ill",
    )
    assert "booking_declined" in desk.told()


def test_a_booking_is_offered_so_often_and_no_more() -> None:
    desk = Desk(MOST_OFFERS + 3)
    desk.book(starts=timedelta(hours=10))
    for _ in range(MOST_OFFERS + 3):
        desk.passes(minutes=30)
        desk.dispatch()
    assert desk.booking()["status"] == "expired"
    assert len(desk.offers()) == len(set(desk.offers())) == MOST_OFFERS


@pytest.mark.parametrize(
    "unfit",
    [
        {"status": "RESTRICTED"},
        {"status": "OFFLINE"},
        {"status": "BUSY"},
        {"city": "Denpasar"},
        {"pricing": '{"90": 250}'},
        {"pricing": '{"60": 301}'},
        {"pricing": '{"60": 199}'},
        {"pricing": "none"},
    ],
)
def test_who_is_not_free_or_not_of_the_kind_is_not_asked(unfit: dict[str, str]) -> None:
    desk = Desk(1)
    desk.provider("t2", **unfit)
    desk.book()
    assert desk.decline("t1").status == "declined"


@pytest.mark.parametrize("price", ["300", "200", "250000"])
def test_the_price_band_has_both_its_ends(price: str) -> None:
    desk = Desk(1)
    desk.provider("t2", pricing=f'{{"60": {price}}}')
    desk.book()
    assert desk.decline("t1").provider_id == "t2"


def test_who_has_another_booking_then_is_not_asked() -> None:
    desk = Desk(2)
    desk.book("b0", "t2", by="u2", starts=timedelta(hours=3), answers=timedelta(minutes=30))
    desk.accept("t2", "b0")
    desk.book("b1", starts=timedelta(hours=3, minutes=30))
    assert desk.decline("t1").status == "declined"


def test_the_one_offered_longest_ago_comes_first() -> None:
    desk = Desk(4)
    desk.book("b0", "t2", by="u0")
    desk.passes(minutes=1)
    desk.book("b1", "t3", by="u1")
    desk.passes(minutes=1)
    # t4 was never offered anything, then t2, then t3.
    for number, expected in enumerate(["t4", "t2", "t3", "t4"], 2):
        desk.book(f"b{number}", by=f"u{number}")
        assert desk.decline("t1", f"b{number}").provider_id == expected
        desk.passes(seconds=10)


@pytest.mark.parametrize("transactions", [True, False])
@pytest.mark.parametrize("at", range(6))
def test_one_provider_does_not_get_two_turns(at: int, transactions: bool) -> None:
    desk = Desk(3, transactions=transactions)
    for number in (1, 2):
        desk.book(f"b{number}", by=f"u{number}", starts=timedelta(hours=number))
    calls = [0]

    def fail(call: str, before: bool) -> None:
        calls[0] += 1
        if calls[0] == at + 1:
            desk.decline("t1", "b2")

    desk.server.fail = fail
    desk.decline("t1", "b1")
    asked = {desk.offers(booking)[-1] for booking in ("b1", "b2")}
    assert asked <= {("t2", "offered"), ("t3", "offered"), ("t1", "offered")}
    if calls[0] > at:
        assert asked == {("t2", "offered"), ("t3", "offered")}


def test_many_customers_and_few_providers_are_all_served_in_turn() -> None:
    desk = Desk(5)
    for number in range(20):
        desk.book(f"b{number}", by=f"u{number}", starts=timedelta(hours=1 + number), answers=5 * MINUTE)
        desk.passes(seconds=1)
    for _ in range(40):
        desk.passes(minutes=6)
        desk.dispatch()
    assert {row["status"] for row in desk.rows("bookings").values()} == {"expired"}
    asked = Counter(row["providerId"] for row in desk.rows(OFFERS).values() if row["round"] > 1)
    assert set(asked) == {"t2", "t3", "t4", "t5"}
    assert max(asked.values()) - min(asked.values()) <= 2, "nobody has more turns than their share"
    for number in range(20):
        assert len({whose for whose, _ in desk.offers(f"b{number}")}) == len(desk.offers(f"b{number}"))


def test_of_the_sandboxs_providers_two_thirds_have_somebody_who_can_be_asked_next() -> None:
    """The sandbox's world has 52 providers in ten cities, so that not everybody has a neighbour of their kind and
    price; where all are on line 34 have. The rows are as its app writes them."""
    desk = Desk(0)
    world = Simulation(42, 1, datetime(2026, 3, 15, tzinfo=UTC))._stage.people.providers
    for one in world:
        menu = json.dumps({str(minutes): price // 1000 for minutes, price in one.prices.items()})
        desk.provider(one.id, one.table, city=one.city, timezone=one.timezone, pricing=menu)
    after: Counter[str] = Counter()
    for number, one in enumerate(world):
        desk.book(f"b{number}", one.id, by=f"u{number}", kind=one.kind)
        caller = Caller(one.id, Actor.PROVIDER, "id", one.id, one.table)
        after[desk.decline(caller, f"b{number}").status] += 1
    assert after == {"pending": 34, "declined": 18}


def test_one_that_cannot_be_ended_does_not_hold_up_the_others() -> None:
    desk = Desk()
    desk.book("b1")
    desk.book("b2", by="u2")
    desk.passes(minutes=5)
    calls = [0]

    def fail(call: str, before: bool) -> None:
        if call == "stage" and before:
            calls[0] += 1
            if calls[0] == 1:
                raise no_answer(call)

    desk.server.fail = fail
    assert desk.dispatch() == 1
    assert desk.dispatch() == 1
    assert all(len(desk.offers(booking)) == 2 for booking in ("b1", "b2"))


def test_offers_that_cannot_be_ended_hold_up_none_behind_them() -> None:
    desk = Desk(2)
    for number in range(25):
        desk.book(f"a{number}", by=f"u{number}", answers=5 * MINUTE)
        desk.server.put("service_counters", counter_id("bookings", f"c:u{number}"), instants="[[")
    desk.book("b1", by="other", answers=6 * MINUTE)
    desk.passes(minutes=6)
    aside = Aside(lambda: (desk.server.now - EPOCH).total_seconds())
    done = dispatch_once(desk.server, desk.server.clock, TERMS, aside)
    assert (done.done, done.failed, len(done.set_aside), aside.count) == (1, 25, 25, 25)
    assert {type(failure) for _, failure in done.set_aside} == {json.JSONDecodeError}
    assert done.failure is None, "those that can be ended go on at full pace"
    assert desk.offers("b1") == [("t1", "expired"), ("t2", "offered")]

    desk.passes(seconds=30)
    calls = desk.server.calls["fresh"]
    again = dispatch_once(desk.server, desk.server.clock, TERMS, aside)
    assert (again.failed, desk.server.calls["fresh"]) == (0, calls), "they are let be for a minute"
    desk.passes(seconds=31)
    for number in range(24):
        desk.server.put("service_counters", counter_id("bookings", f"c:u{number}"), instants="[]")
    later = dispatch_once(desk.server, desk.server.clock, TERMS, aside)
    assert (later.done, later.failed, later.set_aside, aside.count) == (24, 1, [], 1), "told once"
    assert desk.offers("a0") == [("t1", "expired"), ("t2", "offered")]


def test_nobody_is_asked_to_serve_themselves() -> None:
    desk = Desk(1)
    desk.provider("t2", userId="owner")
    desk.provider("t3")
    desk.book(by="owner")
    desk.decline("t1")
    assert desk.offers() == [("t1", "declined"), ("t3", "offered")]


def test_who_is_offered_something_meanwhile_is_not_next_for_another_too() -> None:
    desk = Desk(3)
    for number in (2, 3):
        desk.book(f"before{number}", f"t{number}", by=f"u-{number}", starts=timedelta(hours=8))
        desk.passes(seconds=1)
    desk.book("b1", "t1", by="u1", starts=timedelta(hours=2))
    desk.book("b2", "t1", by="u2", starts=timedelta(hours=4))
    listed, seen = desk.server.rows, 0

    def rows(collection: str, queries: Sequence[str]) -> list[Mapping[str, Any]]:
        nonlocal seen
        found = listed(collection, queries)
        if collection == OFFERS and "offeredAt" in "".join(queries) and not seen:
            seen = 1
            desk.decline("t1", "b2")
        return found

    desk.server.rows = rows
    desk.decline("t1", "b1")
    assert seen
    assert [desk.offers(booking)[1] for booking in ("b2", "b1")] == [
        ("t2", "offered"),
        ("t3", "offered"),
    ]


@pytest.mark.parametrize("transactions", [True, False])
def test_two_dispatchers_do_no_more_than_one(transactions: bool) -> None:
    desk = Desk(6, transactions=transactions)
    for number in range(6):
        desk.book(f"b{number}", by=f"u{number}", starts=timedelta(hours=2), answers=5 * MINUTE)
    desk.passes(minutes=5)
    threads = [threading.Thread(target=desk.dispatch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.dispatch()
    for number in range(6):
        offers = desk.offers(f"b{number}")
        assert [state for _, state in offers] == ["expired", "offered"]


def test_an_acceptance_and_the_end_of_its_time_are_one_or_the_other() -> None:
    desk = Desk(2)
    desk.book()
    seen = [False]

    def fail(call: str, before: bool) -> None:
        # Between its reading and its commit the time is over, and the dispatcher comes.
        if call == "commit" and before and not seen[0]:
            seen[0] = True
            desk.passes(minutes=5)
            desk.dispatch()

    desk.server.fail = fail
    with pytest.raises(Problem) as late:
        desk.accept("t1")
    assert late.value.code == "not_offered"
    assert desk.offers() == [("t1", "expired"), ("t2", "offered")]
    assert desk.records() == []


# As the API tells it ------------------------------------------------------------------------------------


def test_ten_customers_wait_for_one_provider_in_the_order_they_came() -> None:
    desk = Desk(1)
    for number in range(10):
        desk.book(f"b{number}", by=f"u{number}", answers=timedelta(minutes=30))
        desk.passes(seconds=1)
    view = View(desk.server, desk.server.now)
    assert position_to_come(view, "t1") == 11
    told = queue_of(view, provider("t1"), "t1")
    assert [(one.booking_id, one.position) for one in told.requests] == [(f"b{n}", n + 1) for n in range(10)]
    mine = queue_of(view, customer("u4"), "t1")
    assert (mine.waiting, [(one.booking_id, one.position) for one in mine.requests]) == (10, [("b4", 5)])
    assert mine.requests[0].expected_wait_seconds == 30 * 60 - 6
    assert queue_of(view, ADMIN, "t1") == told
    for who, whose in ((provider("t2"), "t1"), (ADMIN, "t9")):
        with pytest.raises(Problem) as hidden:
            queue_of(view, who, whose)
        assert hidden.value.status == 404


def test_the_wait_goes_by_how_long_a_provider_takes() -> None:
    desk = Desk(1)
    for number in range(4):
        desk.book(f"a{number}", by=f"v{number}", answers=timedelta(minutes=30))
    for number in range(3):
        desk.passes(minutes=2)
        desk.decline("t1", f"a{number}")
    desk.book("b1", by="u1", answers=timedelta(minutes=30))
    told = queue_of(View(desk.server, desk.server.now), customer("u1"), "t1").requests
    assert [(one.position, one.expected_wait_seconds) for one in told] == [(2, 2 * 4 * 60)]
