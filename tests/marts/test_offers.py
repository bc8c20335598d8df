"""Bookings that services offer to one provider after another: what was asked counts by the offer, what came of it by
the booking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from checks.every import registry_of
from tests.marts.warehouse import NOW, Warehouse

MINUTE = timedelta(minutes=1)
MADE = NOW - timedelta(hours=3)
CHECKS = registry_of({})


def _bookings() -> Warehouse:
    """b1: Ani declined it after a minute, Budi let it pass, Citra accepted it after two; it was completed. b2: Ani was
    asked, the customer cancelled it. b3: Budi has it offered now, past his deadline; b4: offered to Citra, in time. b5:
    without offers, Ani accepted it after three minutes."""
    w = Warehouse()
    for collection in ("therapists", "places", "booking_offers", "hotel_bookings", "reviews"):
        w.scan(collection)
    for provider in ("ani", "budi", "citra"):
        w.provider(provider, provider_name=provider.title())
    made: dict[str, Any] = {"created_at": MADE, "amount_idr": 250_000}
    w.booking(
        "b1", provider_id="citra", accepted_at=MADE + 8 * MINUTE, responded_at=MADE + 8 * MINUTE, **made
    )
    w.offer("b1", "ani", "declined", at=MADE, answer=MINUTE)
    w.offer("b1", "budi", "expired", at=MADE + MINUTE, answer=5 * MINUTE, round=2)
    w.offer("b1", "citra", "accepted", at=MADE + 6 * MINUTE, answer=2 * MINUTE, round=3)
    w.held("b1", (MADE, "ani"), (MADE + 8 * MINUTE, "citra"))
    w.booking("b2", provider_id="ani", status="cancelled", **made)
    w.offer("b2", "ani", "withdrawn", at=MADE, answer=MINUTE)
    w.booking("b3", provider_id="ani", status="pending", response_deadline=NOW - MINUTE, **made)
    w.offer("b3", "ani", "declined", at=NOW - 10 * MINUTE, answer=4 * MINUTE)
    w.offer("b3", "budi", "offered", at=NOW - 6 * MINUTE, round=2)
    w.booking("b4", provider_id="citra", status="pending", response_deadline=NOW + MINUTE, **made)
    w.offer("b4", "citra", "offered", at=NOW - 4 * MINUTE)
    w.booking("b5", provider_id="ani", accepted_at=MADE + 3 * MINUTE, responded_at=MADE + 3 * MINUTE, **made)
    return w


@pytest.fixture
def world() -> Warehouse:
    return _bookings()


@pytest.fixture(scope="module")
def built() -> Warehouse:
    """The same with its marts, and by chat with other providers: b6, which an administrator took from Dewi; b7, which
    Dewi declined and Eka accepted, and b8 and b9, two clicks on Eka just then."""
    w = _bookings()
    chat: dict[str, Any] = {
        "provider_id": "eka",
        "source": "chatWindow",
        "created_at": MADE,
        "amount_idr": 250_000,
    }
    w.booking("b6", status="accepted", **chat)
    w.offer("b6", "dewi", "withdrawn", at=MADE, answer=MINUTE)
    w.offer("b6", "eka", "accepted", at=MADE + MINUTE, answer=MINUTE, round=2)
    w.held("b6", (MADE, "dewi"), (MADE + 2 * MINUTE, "eka"))
    for booking, minutes in (("b7", 0), ("b8", 2), ("b9", 3)):
        at = {"created_at": MADE + minutes * MINUTE}
        w.booking(booking, customer_id="u", customer_key="c:u", **chat | at)
    w.offer("b7", "dewi", "declined", at=MADE, answer=MINUTE)
    w.offer("b7", "eka", "accepted", at=MADE + MINUTE, answer=MINUTE, round=2)
    w.held("b7", (MADE, "dewi"), (MADE + 2 * MINUTE, "eka"))
    w.con.execute("UPDATE core.providers SET status = 'OFFLINE'")
    w.build(
        (
            *(
                "booking_anomalies",
                "booking_funnel",
                "member_health",
                "provider_calls",
                "providers",
                "reassignments",
            ),
            *("response_distribution", "response_times", "service_figures"),
        )
    )
    return w


def rows(w: Warehouse, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in w.con.sql(query).fetchall()]


def test_a_provider_is_asked_by_offers_and_carries_out_bookings(built: Warehouse) -> None:
    found = rows(
        built,
        "SELECT provider_id, requests, answered, accepted, declined, expired, unanswered, decided, responses,"
        " p50_response_s, completed, cancelled, booked_minutes, acceptance_rate"
        " FROM marts.providers WHERE provider_id < 'd' ORDER BY provider_id",
    )
    assert found == [
        # b1, b2 (withdrawn), b3, and b5, which was never offered; b2 is cancelled, b5 is carried out.
        ("ani", 4, 3, 1, 2, 0, 0, 3, 3, 180.0, 1, 1, 60, pytest.approx(1 / 3)),
        ("budi", 2, 0, 0, 0, 1, 2, 1, 0, None, 0, 0, 0, 0.0),
        ("citra", 2, 1, 1, 0, 0, 0, 1, 1, 120.0, 1, 0, 60, 1.0),
    ]


def test_who_let_an_offer_pass_missed_it(built: Warehouse) -> None:
    assert rows(
        built,
        "SELECT provider_id, bookings, missed_requests FROM marts.member_health WHERE bookings + missed_requests > 0"
        " ORDER BY provider_id",
    ) == [("ani", 3, 0), ("budi", 0, 2), ("citra", 2, 0)]


def test_who_has_the_open_offer_is_waited_for(built: Warehouse) -> None:
    assert rows(
        built,
        "SELECT provider_id, open_requests, past_deadline FROM marts.provider_calls ORDER BY provider_id",
    ) == [("budi", 1, 1), ("citra", 1, 0)]


def test_answers_are_timed_from_the_offer(built: Warehouse) -> None:
    assert rows(
        built,
        "SELECT sum(responded), sum(never_answered), sum(avg_response_s * responded) FROM marts.response_times"
        " WHERE source = 'bookingButton'",
    ) == [(4, 2, 60.0 + 120 + 240 + 180)]
    assert rows(
        built,
        "SELECT sum(bookings) FROM marts.response_distribution WHERE source = 'bookingButton' AND to_s IS NOT NULL",
    ) == [(4,)]
    assert rows(built, "SELECT avg_response_s FROM marts.service_figures") == [
        (pytest.approx((60 + 120 + 240 + 180 + 3 * 60) / 7),)
    ]


def test_a_booking_is_one_in_the_funnel_and_was_answered_when_its_first_offer_was(built: Warehouse) -> None:
    assert rows(
        built,
        "SELECT sum(created), sum(answered), sum(accepted), sum(completed), sum(cancelled), sum(still_open),"
        " sum(unanswered) FROM marts.booking_funnel WHERE source = 'bookingButton'",
    ) == [(5, 3, 2, 2, 1, 2, 0)]


def test_who_accepts_an_offer_has_the_booking_and_nobody_handed_it_over(built: Warehouse) -> None:
    assert rows(built, "SELECT booking_id, from_provider_id, to_provider_id FROM marts.reassignments") == [
        ("b6", "dewi", "eka")  # an administrator took it from her
    ]


def test_double_clicks_are_of_who_was_asked_first(built: Warehouse) -> None:
    assert rows(
        built,
        "SELECT booking_id, other_booking_id FROM marts.booking_anomalies WHERE anomaly = 'duplicate_booking'",
    ) == [("b9", "b8")]


def of(name: str) -> Callable[[Warehouse], tuple[bool, tuple[str, ...]]]:
    def verdict(w: Warehouse) -> tuple[bool, tuple[str, ...]]:
        found = CHECKS[name].run(w.con)
        return found.passed, found.sample_ids

    return verdict


def test_a_booking_that_was_accepted_has_one_accepted_offer_its_provider_s(world: Warehouse) -> None:
    verdict = of("offer_accepted")

    def state(offer: str, word: str) -> None:
        world.con.execute("UPDATE core.booking_offers SET state = ? WHERE offer_id = ?", [word, offer])

    assert verdict(world) == (True, ())
    world.con.execute("DELETE FROM core.booking_providers")
    state("of_b1_budi", "accepted")  # two accepted it, and nobody handed it over
    assert verdict(world) == (False, ("b1",))
    world.held("b1", (MADE, "budi"), (MADE + 8 * MINUTE, "citra"))
    assert verdict(world) == (True, ())
    world.con.execute(
        "UPDATE core.booking_offers SET answered_at = answered_at + INTERVAL 1 HOUR WHERE round = 2"
    )
    assert verdict(world) == (False, ("b1",))  # who accepted it last does not have it
    world.con.execute("UPDATE core.booking_offers SET state = 'expired' WHERE booking_id = 'b1'")
    assert verdict(world) == (False, ("b1",))
    # Written after the other collection was read: the next run sees both.
    world.con.execute("UPDATE core.booking_offers SET updated_at = ? WHERE booking_id = 'b1'", [NOW + MINUTE])
    assert verdict(world) == (True, ())


def test_no_offer_stays_open_on_a_booking_that_ended(world: Warehouse) -> None:
    verdict = of("offer_closed")
    assert verdict(world) == (True, ())
    world.con.execute("UPDATE core.bookings SET status = 'cancelled' WHERE booking_id = 'b4'")
    assert verdict(world) == (False, ("b4",))
