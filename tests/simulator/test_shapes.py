"""Every alias, word and hazard of docs/domain.md occurs with the default parameters, in about its share."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from sandbox.simulator import Simulation
from tests.simulator import reading
from tests.simulator.reading import BOOKING, COMMISSION, MODE, SOURCE, empty, first, folded
from tests.simulator.world import UNTIL, World, replay
from tests.simulator.world import world as small_world

BOOKING_ALIASES = """
    customerName userName guestName hotelGuestName customerDetails.name createdAt booking.createdAt
    customerWhatsApp customerPhone customerphone customerDetails.phone userId customerId customerDetails.id
    assigned_therapist providerId therapistId businessId therapistDetails.id
    duration serviceDuration service serviceDetails.duration
    startTime scheduledTime scheduledDate time date bookingDate bookingDateTime checkInDate
    responseDeadline responcedeadline confirmationDeadline
    acceptedAt confirmedAt declinedAt rejectedAt respondedAt completedAt cancelledAt
    declineReason cancellationReason cancelReason statusReason expirationReason
    roomNumber roomnumber hotelRoomNumber
    totalCost totalPrice totalAmount paymentAmount pricing.total price
    status bookingStatus providerResponseStatus mode bookingType metadata.bookingType source chatWindowOpen
    discountCode isTest bookingId hotelVillaId location paymentMethod providerType providerName
"""
COMMISSION_ALIASES = """
    bookingId bookingDocId bookingAmount serviceAmount totalPrice commissionAmount adminCommission
    therapistId providerId paymentStatus status paymentProofUrl paymentProofImage reactivationFeeAmount
    lateFee totalAmountDue totalDue commissionRate source createdAt paymentDeadline paidAt verifiedAt
    paymentProofUploadedAt restrictedAt reactivationFeeRequired isTest therapistName bookingDate serviceDate
"""
MESSAGE_ALIASES = """
    conversationId roomId message content originalText senderRole senderType receiverName receiverId
    receiverRole messageType bookingId isRead timestamp metadata senderName
"""


@pytest.fixture(scope="module")
def default_world() -> World:
    """The default of the demo: 60 days, seed 7."""
    simulation = Simulation(7, 60, UNTIL)
    events = list(simulation.run_until(UNTIL))
    return World(simulation, events, {}, replay(events))


def _bookings(made: World) -> list[dict[str, Any]]:
    return [*made.tables["bookings"].values(), *made.tables["hotel_bookings"].values()]


def _share(rows: list[dict[str, Any]], holds: Any) -> float:
    return sum(1 for row in rows if holds(row)) / len(rows)


def test_the_default_is_of_the_announced_size(default_world: World) -> None:
    assert 14_000 < len(_bookings(default_world)) < 17_000
    assert 110_000 < len(default_world.tables["chat_messages"]) < 140_000


@pytest.mark.parametrize(
    ("table", "aliases"),
    [
        ("bookings", BOOKING_ALIASES),
        ("commission_records", COMMISSION_ALIASES),
        ("chat_messages", MESSAGE_ALIASES),
    ],
)
def test_every_alias_occurs(default_world: World, table: str, aliases: str) -> None:
    rows = _bookings(default_world) if table == "bookings" else list(default_world.tables[table].values())
    assert [
        alias for alias in aliases.split() if not any(first(row, alias) is not None for row in rows)
    ] == []


def test_every_alias_is_the_one_that_counts_in_some_row(default_world: World) -> None:
    rows = _bookings(default_world)
    chains = (
        ("customerName", "userName", "guestName", "hotelGuestName", "customerDetails.name"),
        ("customerWhatsApp", "customerPhone", "customerDetails.phone"),
        ("userId", "customerId", "customerDetails.id"),
        ("assigned_therapist", "providerId", "therapistId", "businessId", "therapistDetails.id"),
        ("totalCost", "totalPrice", "totalAmount", "paymentAmount", "pricing.total", "price"),
        ("duration", "serviceDuration", "service", "serviceDetails.duration"),
        ("responseDeadline", "responcedeadline", "confirmationDeadline"),
        ("createdAt", "booking.createdAt", "$createdAt"),
    )
    for chain in chains:
        for number, alias in enumerate(chain):
            assert any(
                first(row, alias) is not None and all(first(row, a) is None for a in chain[:number])
                for row in rows
            ), alias
    records = list(default_world.tables["commission_records"].values())
    for early, late in (("therapistId", "providerId"), ("paymentStatus", "status")):
        assert any(first(row, early) is None and first(row, late) is not None for row in records)


@pytest.mark.parametrize(
    ("tables", "attributes", "words"),
    [
        (("bookings", "hotel_bookings"), ("status", "bookingStatus"), BOOKING),
        (("commission_records",), ("paymentStatus", "status"), COMMISSION),
        (("bookings", "hotel_bookings"), ("source",), SOURCE),
        (("bookings", "hotel_bookings"), ("mode", "bookingType", "metadata.bookingType"), MODE),
    ],
)
def test_every_word_stands_in_the_tables_and_unknown_ones_too(
    default_world: World, tables: tuple[str, ...], attributes: tuple[str, ...], words: dict[str, str]
) -> None:
    rows = [row for table in tables for row in default_world.tables[table].values()]
    seen = {folded(value) for row in rows for a in attributes if (value := first(row, a)) is not None}
    known = {word for group in words.values() for word in group.split()}
    assert known <= seen
    if words is not MODE:
        assert seen - known


def test_words_are_spelled_in_several_ways(default_world: World) -> None:
    spellings = {row.get("status") for row in _bookings(default_world)}
    assert {"in_progress", "In Progress", "in-progress", "IN_PROGRESS"} & spellings
    assert len([s for s in spellings if s and folded(s) == "paymentreceived"]) > 2


def test_nothing_is_written_in_several_ways(default_world: World) -> None:
    values = {v for row in _bookings(default_world) for v in row.values() if isinstance(v, str) and empty(v)}
    assert {"", "none", "undefined", "null", "-"} <= values


def test_money_hazards_occur_in_their_shares(default_world: World) -> None:
    rows = _bookings(default_world)
    assert 0.3 < _share(rows, lambda r: 0 < (r.get("price") or 0) < 10_000) < 0.6
    assert 0.05 < _share(rows, lambda r: (r.get("price") or 0) >= 10_000) < 0.13
    rounded = [r for r in rows if r.get("price") and r.get("totalCost") and r["totalCost"] % 1000 == 500]
    assert any(r["price"] * 1000 == r["totalCost"] + 500 for r in rounded)
    assert any(r.get("totalCost") == 0 and r.get("totalPrice") for r in rows)
    codes = [r for r in rows if not empty(r.get("discountCode"))]
    assert any((r.get("totalCost") or 0) < (r.get("price") or 0) * 1000 for r in codes)
    disagree = [r for r in rows if empty(r.get("discountCode")) and r.get("price") and r.get("totalCost")]
    assert any(abs(r["price"] * 1000 - r["totalCost"]) > 500 for r in disagree)
    rules = Counter(reading.amount(r)[1] for r in rows)
    assert rules["discounted"] > 200
    assert rules["free"] == 4
    assert rules[None] >= 15
    found = Counter(code for r in rows for code in reading.amount(r)[2])
    assert all(
        2 < found[code] < 30 for code in ("amount_in_thousands", "amount_implausible", "amount_currency")
    )
    # with a code the list price stands beside it, in a total or a price, or there is no other amount at all
    assert any(r.get("totalPrice") and r["totalCost"] < r["totalPrice"] for r in codes if r.get("totalCost"))
    assert any(r.get("totalCost") == 0 and empty(r.get("discountCode")) for r in rows)
    currencies = {str(r.get("currency")).strip().lower() for r in rows if not empty(r.get("currency"))}
    assert currencies > reading.RUPIAH
    records = list(default_world.tables["commission_records"].values())
    rates = {r.get("commissionRate") for r in records}
    assert {None, 0.3, 30.0} <= rates
    assert {0.300001, 30.0001} & rates
    assert {0.29999999999999993, 29.999999999999996} & rates
    assert any(
        0 < float(first(r, "bookingAmount", "serviceAmount", "totalPrice") or 0) < 10_000 for r in records
    )


def test_half_rupiah_are_rounded_up_in_commissions(default_world: World) -> None:
    odd = [b for b in default_world.simulation.bookings.values() if b.amount and b.amount * 3 % 10 == 5]
    assert odd
    for booking in odd:
        for record in booking.records:
            if not record.marks:
                assert record.commission == booking.amount * 3 // 10 + 1


def test_phones_occur_in_every_shape(default_world: World) -> None:
    names = ("customerWhatsApp", "customerPhone", "customerphone", "customerDetails.phone")
    phones = [str(first(row, *names) or "") for row in _bookings(default_world)]
    shapes = (
        r"\+628\d{8,}$",
        r"08\d{8,}$",
        r"\+6208\d+$|\+6208",
        r"\+62\+628\d+$",
        r"628\d{8,}$",
        r"\+61|\+44|\+1|\+49",
    )
    for shape in (*shapes, r"000000000$", r"\+62 \d", r"[a-zA-Z]"):
        assert sum(1 for p in phones if re.match(shape, p)) >= 5, shape


def test_times_occur_in_every_shape(default_world: World) -> None:
    rows = _bookings(default_world)
    shapes = Counter()
    for row in rows:
        value = str(row.get("createdAt") or "")
        shapes["z"] += value.endswith("Z")
        shapes["offset"] += bool(re.search(r"\+0[789]:00$", value))
        shapes["epoch"] += bool(re.fullmatch(r"\d{13}", value))
        shapes["bare"] += bool(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}", value))
        shapes["hhmm"] += bool(re.fullmatch(r"\d\d:\d\d", str(row.get("startTime"))))
    assert all(shapes[s] > 0.05 * len(rows) for s in ("z", "offset", "epoch", "bare", "hhmm")), shapes
    offsets = {str(r.get("createdAt"))[-6:] for r in rows if "+0" in str(r.get("createdAt"))}
    assert offsets == {"+07:00", "+08:00", "+09:00"}
    for date in ("scheduledDate", "date", "bookingDate"):
        order = ("scheduledDate", "date", "bookingDate")
        hours = [r for r in rows if len(str(r.get("startTime"))) == 5]
        assert any(next((d for d in order if not empty(r.get(d))), None) == date for r in hours)


def test_test_rows_occur_in_all_three_ways(default_world: World) -> None:
    rows = _bookings(default_world)
    assert sum(1 for r in rows if r.get("isTest")) > 20
    assert sum(1 for r in rows if "Admin Test" in r.values()) > 5
    assert sum(1 for r in rows if "000000000" in r.values()) > 5
    assert 0.002 < _share(rows, lambda r: r.get("isTest")) < 0.02


def test_double_clicks_reassignments_and_deletes_occur(default_world: World) -> None:
    from sandbox.simulator import truth

    figures = truth(default_world.simulation)
    assert len(figures["duplicate_bookings"]) > 20
    assert len(figures["counts"]["bookings"]["deleted"]) >= 8
    assert len(figures["counts"]["commission_records"]["deleted"]) == 5
    assert figures["counts"]["chat_messages"]["deleted"]
    decoys = [
        r
        for r in _bookings(default_world)
        if not empty(r.get("assigned_therapist")) and not empty(r.get("providerId"))
    ]
    assert any(r["assigned_therapist"] != r["providerId"] for r in decoys)


def test_local_times_without_a_zone_stand_on_records_that_name_nobody_of_other_zones(
    default_world: World,
) -> None:
    """Their booking's zone is not the default one: read in that, the deadline would be an hour off."""
    nameless = [
        (default_world.simulation.records[id_], row)
        for id_, row in default_world.tables["commission_records"].items()
        if first(row, "therapistId", "providerId") is None
    ]
    assert len(nameless) == 2
    for record, row in nameless:
        assert record.booking is not None
        assert record.booking.provider.offset != 480
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}", row["paymentDeadline"])


def test_json_texts_are_json_and_both_languages_are_spoken(default_world: World) -> None:
    for row in _bookings(default_world):
        for key in (
            "customerDetails",
            "therapistDetails",
            "serviceDetails",
            "pricing",
            "booking",
            "metadata",
        ):
            if key in row:
                json.loads(row[key])
    said = [
        str(first(m, "message", "content", "originalText"))
        for m in default_world.tables["chat_messages"].values()
    ]
    assert any("Terima kasih" in line for line in said)
    assert any("Thank you" in line for line in said)
    roles = Counter(
        first(m, "senderRole", "senderType") for m in default_world.tables["chat_messages"].values()
    )
    assert set(roles) == {"customer", "therapist", "admin", "system"}
    kinds = {m["messageType"] for m in default_world.tables["chat_messages"].values()}
    assert kinds == {"text", "booking", "system", "status-update"}
    assert any(not m["isRead"] for m in default_world.tables["chat_messages"].values())


def test_commissions_refer_by_either_key_and_by_the_second_one(default_world: World) -> None:
    bookings = default_world.tables["bookings"]
    business = {r["bookingId"] for r in bookings.values() if not empty(r.get("bookingId"))}
    records = list(default_world.tables["commission_records"].values())
    assert _share(records, lambda r: r.get("bookingId") in bookings) > 0.4
    assert _share(records, lambda r: r.get("bookingId") in business) > 0.25
    neither = [
        r for r in records if r.get("bookingId") not in bookings and r.get("bookingId") not in business
    ]
    assert any(r.get("bookingDocId") in bookings for r in neither)


def test_providers_lie_in_three_zones_and_never_ingested_tables_have_rows() -> None:
    tables = small_world(7).tables
    providers = [*tables["therapists"].values(), *tables["places"].values()]
    assert {p["timezone"] for p in providers} == {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}
    assert {p["status"] for p in providers} == {"AVAILABLE", "BUSY", "OFFLINE", "RESTRICTED"}
    assert len(tables["therapists"]) == 40
    assert len(tables["places"]) == 12
    assert len(tables["bank_details"]) == 52
