"""A booking through services: what is written, what is refused, all of it or nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from marketplace.booking_rows import read_bookings
from marketplace.money import AmountBounds
from marketplace.new_bookings import CANONICAL
from marketplace.operations import discount_id, room_id
from marketplace.transitions import Actor
from messages.catalogue import LANGUAGES, say
from services.booking.beside import beside
from services.booking.create import Terms
from services.booking.providers import provider_of
from services.callers import Caller
from services.store import View
from tests.services.booking_world import ANN, PHONE, asked, codes, make, marketplace, refusal
from tests.services.memory import EPOCH, Memory

ALL = ("bookings", "chat_rooms", "chat_messages", "booking_offers", "notifications", "service_counters")


@pytest.mark.parametrize(
    ("entry", "more", "source", "mode", "minutes_to_answer"),
    [
        ("bookNow", {}, "bookingButton", "immediate", 5),
        ("schedule", {"startsAt": "2026-03-16T10:00"}, "scheduled", "scheduled", 30),
        ("menu", {"price": 250_000}, "menuSlider", "immediate", 5),
        ("chat", {"startsAt": "2026-03-15T13:30:00Z"}, "chatWindow", "immediate", 5),
        ("direct", {"startsAt": "2026-03-15T22:30:00+08:00"}, "direct", "scheduled", 30),
    ],
)
def test_each_entry_has_its_source_mode_and_deadline(
    entry: str, more: dict[str, object], source: str, mode: str, minutes_to_answer: int
) -> None:
    server = marketplace()
    told = make(server, entry=entry, **more)
    row = server.tables["bookings"][told.booking_id]
    assert (told.source, told.mode, told.queue_position, told.duplicate) == (source, mode, 1, None)
    assert (row["source"], row["mode"], row["chatWindowOpen"]) == (source, mode, entry == "chat")
    assert datetime.fromisoformat(row["responseDeadline"][:-1]) - server.now == timedelta(
        minutes=minutes_to_answer
    )
    assert json.loads(row["metadata"]).keys() == {"sourceRule", "modeRule"}
    assert told.response_deadline == row["responseDeadline"]


def test_what_is_written_is_the_canonical_shape_and_nothing_else() -> None:
    server = marketplace()
    told = make(
        server,
        entry="schedule",
        startsAt="2026-03-16T10:00",
        location=" Jl. Raya 1 ",
        hotelId="grand-hotel",
        roomNumber="12",
    )
    row = server.tables["bookings"][told.booking_id]
    assert {name for name in row if not name.startswith("$")} <= set(CANONICAL)
    assert (row["bookingId"], row["userId"], row["status"], row["service"]) == (
        told.booking_id,
        "ann1",
        "pending",
        "60",
    )
    assert (row["price"], row["totalCost"], row["customerWhatsApp"]) == (250, 250_000, PHONE)
    assert (row["startTime"], row["scheduledTime"]) == ("2026-03-16T02:00:00.000Z",) * 2
    assert (row["location"], row["hotelVillaId"], row["roomNumber"]) == ("Jl. Raya 1", "grand-hotel", "12")
    assert row["$permissions"] == ['read("user:ann1")', 'read("user:t1")']
    assert "discountCode" not in row
    room = server.tables["chat_rooms"][told.room_id or ""]
    assert (room["bookingId"], room["customerId"], room["therapistId"], room["status"]) == (
        *(told.booking_id, "ann1", "t1"),
        "active",
    )
    (offer,) = server.tables["booking_offers"].values()
    assert (offer["bookingId"], offer["providerId"], offer["round"], offer["state"]) == (
        told.booking_id,
        "t1",
        1,
        "offered",
    )
    assert offer["deadline"] == row["responseDeadline"]


def test_what_stands_beside_a_booking_is_told_by_its_row_alone() -> None:
    server = marketplace()
    told = make(server, entry="schedule", startsAt="2026-03-16T10:00", minutes=90)
    provider = provider_of(View(server, server.now), "t1", "Asia/Makassar")
    assert provider is not None
    row = server.tables["bookings"][told.booking_id]
    (booking,) = read_bookings([row], provider.zone.offset_minutes)
    for made in beside(View(server, server.now), row, booking, provider.row, "therapist", 480):
        stands = server.tables[made.collection][made.row_id]
        assert {name: stands[name] for name in made.data} == made.data


def test_the_messages_are_in_both_languages_in_order_and_tell_nothing_of_a_person() -> None:
    server = marketplace()
    make(server, location="Jl. Raya 1")
    messages = sorted(server.tables["chat_messages"].values(), key=lambda row: row["timestamp"])
    assert [row["messageType"] for row in messages] == ["system", "booking", "system"]
    assert len({row["timestamp"] for row in messages}) == 3
    text = "\n".join(row["message"] for row in messages)
    assert "Welcome!" in text
    assert "Selamat datang!" in text
    assert "Rp 250.000" in text
    assert "5 minutes" in text
    assert not any(word in text for word in ("Ann", "Ayu", "8123", "Raya"))


def test_a_booking_for_now_begins_when_the_provider_can_be_there_and_is_free() -> None:
    server = marketplace()
    server.put(
        "bookings",
        "old",
        providerId="t1",
        status="accepted",
        startTime="2026-03-15T12:40:00.000Z",
        duration=60,
        createdAt="2026-03-15T09:00:00.000Z",
    )
    told = make(server)
    assert server.tables["bookings"][told.booking_id]["startTime"] == "2026-03-15T13:40:00.000Z"
    assert make(server, providerId="t2", key="k2").booking_id
    starts = {row["startTime"] for row in server.tables["bookings"].values() if row.get("providerId") == "t2"}
    assert starts == {"2026-03-15T12:30:00.000Z"}


def test_everything_that_is_wrong_is_told_at_once_and_nothing_of_it_repeated() -> None:
    body = {
        "entry": "sms",
        "providerId": "ghost9",
        "minutes": 75,
        "startsAt": "tomorrow",
        "price": "cheap",
        "discountCode": 5,
        "customer": {"name": " ", "whatsapp": "0812", "mail": "x"},
        "hotelId": "grand",
        "surprise": 1,
    }
    problem = refusal(marketplace(), body)
    assert problem.status == 422
    assert codes(problem) == {
        "": "unknown_field",
        "/customer": "unknown_field",
        "/entry": "not_one_of",
        "/providerId": "provider_unknown",
        "/minutes": "not_one_of",
        "/startsAt": "start_unreadable",
        "/price": "not_a_number",
        "/discountCode": "not_text",
        "/customer/name": "missing",
        "/customer/whatsapp": "phone_too_short",
        "/roomNumber": "hotel_needs_room",
    }


@pytest.mark.parametrize(
    ("given", "where", "code"),
    [
        ({"startsAt": "2026-03-15T11:59:59Z"}, "/startsAt", "start_past"),
        ({"startsAt": "2026-03-15T19:30"}, "/startsAt", "start_past"),
        ({"startsAt": "0001-01-01T00:00"}, "/startsAt", "start_past"),
        ({"startsAt": "2027-03-16T12:00Z"}, "/startsAt", "start_too_far"),
        ({"startsAt": "9999-12-31T23:59"}, "/startsAt", "start_too_far"),
        ({"startsAt": "9999-12-31T23:59-23:59"}, "/startsAt", "start_unreadable"),
        ({"entry": "schedule"}, "/startsAt", "start_missing"),
        ({"price": 249_999}, "/price", "price_differs"),
        ({"price": 249}, "/price", "price_differs"),
        ({"price": 0}, "/price", "price_differs"),
        ({"minutes": None}, "/minutes", "missing"),
        ({"minutes": 30}, "/minutes", "not_one_of"),
        ({"whatsapp": "000000000"}, "/customer/whatsapp", "phone_not_a_number"),
        ({"roomNumber": "12"}, "/hotelId", "room_needs_hotel"),
        ({"name": "x" * 97}, "/customer/name", "too_long"),
        ({"location": "a\x00b"}, "/location", "not_text"),
        ({"whatsapp": "081999999999"}, "/providerId", "own_booking"),
        ({"by": Caller("t1", Actor.PROVIDER, "id", "t1", "therapists")}, "/providerId", "own_booking"),
    ],
)
def test_what_is_wrong_is_refused(given: dict[str, object], where: str, code: str) -> None:
    problem = refusal(marketplace(), **given)
    assert problem.status == 422
    assert codes(problem) == {where: code}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("RESTRICTED", "provider_restricted"),
        ("OFFLINE", "provider_offline"),
        ("holiday", "provider_offline"),
        (None, "provider_offline"),
    ],
)
def test_a_provider_who_takes_no_bookings_is_not_booked(status: str | None, code: str) -> None:
    server = marketplace()
    server.tables["therapists"]["t1"]["status"] = status
    problem = refusal(server)
    assert (problem.status, codes(problem)) == (409, {"/providerId": code})


def test_a_busy_provider_is_asked_and_one_without_a_menu_is_not() -> None:
    server = marketplace()
    server.tables["therapists"]["t1"]["status"] = "BUSY"
    assert make(server).queue_position == 1
    for pricing, minutes, told in (
        (None, 60, {"/providerId": "no_menu"}),
        ("{", 60, {"/providerId": "no_menu"}),
        ('{"60": 250}', 90, {"/minutes": "no_price"}),
        ('{"60": 25000000, "90": 300}', 60, {"/minutes": "no_price"}),
    ):
        server.tables["therapists"]["t2"]["pricing"] = pricing
        assert codes(refusal(server, providerId="t2", minutes=minutes)) == told


def test_the_bounds_of_the_settings_hold_for_prices() -> None:
    terms = Terms(AmountBounds(300_000, 400_000), "Asia/Makassar")
    assert codes(refusal(marketplace(), terms=terms)) == {"/minutes": "no_price"}
    assert make(marketplace(), minutes=90, terms=terms).amount_idr == 350_000


def test_nothing_is_charged_that_would_be_read_as_thousands() -> None:
    server, terms = marketplace(), Terms(AmountBounds(1_000, 400_000), "Asia/Makassar")
    server.tables["therapists"]["t1"]["pricing"] = '{"60": 5, "90": 10}'
    assert codes(refusal(server, terms=terms)) == {"/minutes": "no_price"}
    _code(server, percent=None, idr=1)
    problem = refusal(server, minutes=90, discountCode="BALI10", terms=terms)
    assert codes(problem) == {"/discountCode": "discount_leaves_too_little"}
    assert problem.errors[0].args == {"amount": 10_000}
    assert make(server, minutes=90, terms=terms).amount_idr == 10_000


def test_a_slot_that_an_accepted_booking_takes_is_refused_and_touching_is_none() -> None:
    server = marketplace()
    server.put(
        "bookings", "old", providerId="t1", status="confirmed", startTime="2026-03-16T02:00:00Z", duration=90,
        createdAt="2026-03-15T09:00:00Z",
    )  # fmt: skip
    for start, code in (("02:30", "slot_taken"), ("01:30", "slot_taken")):
        assert codes(refusal(server, startsAt=f"2026-03-16T{start}Z")) == {"/startsAt": code}
    assert make(server, startsAt="2026-03-16T03:30Z").booking_id
    assert make(server, startsAt="2026-03-16T01:00Z", by=Caller("bob2", Actor.CUSTOMER), key="k2").booking_id


def test_a_place_takes_as_many_as_it_says() -> None:
    server = marketplace()
    for n in range(2):
        assert make(
            server,
            providerId="p1",
            startsAt="2026-03-16T02:00Z",
            by=Caller(f"u{n}", Actor.CUSTOMER),
            key=f"k{n}",
        )
    for n, row in enumerate(server.tables["bookings"].values()):
        row["status"] = "accepted"
        if n == 0:
            assert make(
                server,
                providerId="p1",
                startsAt="2026-03-16T02:30Z",
                by=Caller("u8", Actor.CUSTOMER),
                key="k8",
            )
            break
    for row in server.tables["bookings"].values():
        row["status"] = "accepted"
    problem = refusal(server, providerId="p1", startsAt="2026-03-16T02:30Z", by=Caller("u9", Actor.CUSTOMER))
    assert codes(problem) == {"/startsAt": "slot_taken"}


def test_a_customer_named_as_a_test_is_marked_as_one_and_an_administrator_does_not_book() -> None:
    server = marketplace()
    told = make(server, name="Admin Test")
    assert server.tables["bookings"][told.booking_id]["isTest"] is True
    assert refusal(server, by=Caller("root", Actor.ADMIN)).status == 403


def test_ten_customers_of_one_provider_stand_in_line() -> None:
    server = marketplace()
    places = [
        make(server, by=Caller(f"user{n}", Actor.CUSTOMER), key=f"k{n}").queue_position for n in range(10)
    ]
    assert places == list(range(1, 11))


# discounts ----------------------------------------------------------------------------------------------------


def _code(server: Memory, code: str = "BALI10", **given: object) -> None:
    server.put("discount_codes", discount_id(code), code=code, **given)


def test_a_code_lowers_what_is_paid_and_its_use_is_counted_with_the_booking() -> None:
    server = marketplace()
    _code(server, percent=33, uses=2, perCustomer=1)
    told = make(server, discountCode=" bali10 ")
    row = server.tables["bookings"][told.booking_id]
    assert (told.amount_idr, row["totalCost"], row["price"], row["discountCode"]) == (
        167_500,
        167_500,
        250,
        "BALI10",
    )
    assert server.tables["discount_codes"][discount_id("BALI10")]["used"] == 1
    assert codes(refusal(server, providerId="t2", key="k2", discountCode="BALI10")) == {
        "/discountCode": "discount_used_by_you"
    }
    bob = Caller("bob", Actor.CUSTOMER)
    assert make(server, by=bob, key="k3", discountCode="bali10").amount_idr == 167_500
    assert codes(refusal(server, by=Caller("cid", Actor.CUSTOMER), discountCode="bali10")) == {
        "/discountCode": "discount_used_up"
    }


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"percent": 10, "validFrom": "2026-03-15T12:00:00.001Z"}, "discount_not_yet"),
        ({"percent": 10, "validTo": "2026-03-15T12:00:00.000Z"}, "discount_over"),
        ({"percent": 10, "active": False}, "discount_unknown"),
        ({"percent": 10, "idr": 5_000}, "discount_unknown"),
        ({"percent": 101}, "discount_unknown"),
        ({}, "discount_unknown"),
        ({"idr": 240_000}, "discount_leaves_too_little"),
        ({"percent": 10, "uses": 0}, "discount_used_up"),
    ],
)
def test_a_code_that_does_not_count_is_refused(given: dict[str, object], code: str) -> None:
    server = marketplace()
    _code(server, **given)
    assert codes(refusal(server, discountCode="BALI10")) == {"/discountCode": code}


def test_a_code_may_make_it_free() -> None:
    server = marketplace()
    _code(server, idr=300_000)
    told = make(server, discountCode="BALI10")
    assert (told.amount_idr, server.tables["bookings"][told.booking_id]["totalCost"]) == (0, 0)


def test_an_unknown_code_is_refused_also_where_there_is_no_collection_of_codes() -> None:
    server = marketplace()
    server.columns["discount_codes"] = frozenset()
    assert codes(refusal(server, discountCode="X")) == {"/discountCode": "discount_unknown"}


# words --------------------------------------------------------------------------------------------------------


def test_every_refusal_can_be_said_in_each_language() -> None:
    server = marketplace()
    _code(server, idr=240_000)
    problems = [
        refusal(server, startsAt="2027-03-16T12:00Z"),
        refusal(server, price=1),
        refusal(server, discountCode="BALI10"),
        refusal(server, providerId="t9"),
    ]
    for problem in problems:
        for language in LANGUAGES:
            for wrong in problem.errors:
                assert say(wrong.message, language)


def test_a_room_is_found_by_its_booking() -> None:
    server = marketplace()
    told = make(server)
    assert told.room_id == room_id("bookings", told.booking_id)
    assert set(server.tables) >= set(ALL)
    assert server.now == EPOCH
    assert asked()["entry"] == "bookNow"
    assert ANN.actor is Actor.CUSTOMER
