"""core.bookings, rule by rule: each alias, word and hazard of the rules through the whole derivation."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.core.batch import Batch, Derived
from assets.core.bookings import derive_bookings
from checks.derived_rows import violations
from marketplace.instants import NO_ZONE
from marketplace.pseudonyms import Pseudonyms
from marketplace.zones import ProvidersRead, ProviderZones

CREATED = datetime(2025, 11, 20, 3, 0)
CHANGED = datetime(2025, 11, 20, 12, 0)
ISO = "2025-11-20T03:00:00.000Z"


def derive(
    *rows: dict[str, Any], collection: str = "bookings", zones: ProviderZones | None = None
) -> Derived:
    frame = pl.DataFrame(
        [
            {"_id": f"b{i}", "_created_at": CREATED, "_updated_at": CHANGED, "_change": i, **row}
            for i, row in enumerate(rows)
        ],
        infer_schema_length=None,
    )
    names = Pseudonyms(b"k", lambda words: words)
    return derive_bookings(Batch(collection, frame, zones or ProviderZones(480, {}, {}), names=names))


def one(**row: Any) -> dict[str, Any]:
    return derive(row).rows.row(0, named=True)


def codes(**row: Any) -> set[tuple[str, str]]:
    found = derive(row).findings
    return set(zip(found["finding"].to_list(), found["attribute"].to_list(), strict=True))


CLEAN = {"status": "pending", "totalCost": 250000, "createdAt": ISO}


def test_a_clean_booking_has_no_finding():
    assert codes(**CLEAN) == set()


ALIASES = [
        ({"createdAt": "2025-11-20T11:00:00"}, "created_at", CREATED),
        ({"createdAt": None, "booking": json.dumps({"createdAt": "2025-11-20T05:00:00Z"})}, "created_rule",
         "booking.createdAt"),
        ({"createdAt": "none"}, "created_rule", "$createdAt"),
        ({"bookingId": "BK1"}, "business_id", "BK1"),
        ({"userId": "u", "customerId": "c"}, "customer_id", "u"),
        ({"userId": "none", "customerId": "c"}, "customer_id", "c"),
        ({"customerDetails": '{"id": 7}'}, "customer_id", "7"),
        ({"assigned_therapist": "a", "providerId": "p"}, "provider_id", "a"),
        ({"providerId": "p", "therapistId": "t"}, "provider_id", "p"),
        ({"therapistId": "t", "businessId": "x"}, "provider_id", "t"),
        ({"businessId": "x"}, "provider_id", "x"),
        ({"therapistDetails": '{"id": "td"}'}, "provider_id", "td"),
        ({"providerType": "Place"}, "provider_type", "place"),
        ({"providerName": "Spa Bali"}, "provider_name", "Spa Bali"),
        ({"duration": 90}, "service_minutes", 90),
        ({"duration": 90.0}, "service_minutes", 90),
        ({"duration": "90 min"}, "service_minutes", 90),
        ({"serviceDuration": "120"}, "service_minutes", 120),
        ({"service": "60"}, "service_minutes", 60),
        ({"service": "Balinese", "serviceDetails": '{"duration": "120"}'}, "service_minutes", 120),
        ({"service": "Balinese"}, "service_minutes", None),
        ({"responseDeadline": "2025-11-20T03:20:00Z"}, "response_deadline", datetime(2025, 11, 20, 3, 20)),
        ({"responcedeadline": "2025-11-20T03:20:00Z"}, "response_deadline", datetime(2025, 11, 20, 3, 20)),
        ({"confirmationDeadline": 1763608800000}, "response_deadline", datetime(2025, 11, 20, 3, 20)),
        ({"confirmationDeadline": 1763608800000}, "deadline_rule", "explicit"),
        ({"mode": "now"}, "response_deadline", datetime(2025, 11, 20, 3, 5)),
        ({"mode": "scheduled"}, "response_deadline", datetime(2025, 11, 20, 3, 30)),
        ({"mode": "scheduled"}, "deadline_rule", "default"),
        ({}, "response_deadline", None),
        ({}, "deadline_rule", None),
        ({"acceptedAt": "2025-11-20T03:02:00Z", "confirmedAt": "2025-11-20T03:01:00Z"}, "accepted_at",
         datetime(2025, 11, 20, 3, 2)),
        ({"confirmedAt": "2025-11-20T03:01:00Z"}, "accepted_at", datetime(2025, 11, 20, 3, 1)),
        ({"confirmedAt": "2025-11-20T03:01:00Z"}, "accepted_rule", "explicit"),
        ({"declinedAt": "2025-11-20T03:01:00Z"}, "responded_at", datetime(2025, 11, 20, 3, 1)),
        ({"rejectedAt": "2025-11-20T03:01:00Z"}, "responded_at", datetime(2025, 11, 20, 3, 1)),
        ({"respondedAt": "2025-11-20T03:01:00Z"}, "responded_at", datetime(2025, 11, 20, 3, 1)),
        ({"acceptedAt": "2025-11-20T03:04:00Z", "declinedAt": "2025-11-20T03:01:00Z"}, "responded_at",
         datetime(2025, 11, 20, 3, 1)),
        ({"acceptedAt": "2025-11-20T03:04:00Z", "respondedAt": "2025-11-20T03:01:00Z"}, "responded_at",
         datetime(2025, 11, 20, 3, 4)),
        ({"completedAt": "2025-11-20T06:01:00Z", "startTime": "2025-11-20T04:00:00Z", "duration": 60}, "ends_at",
         datetime(2025, 11, 20, 6, 1)),
        ({"startTime": "2025-11-20T04:00:00Z", "duration": 90}, "ends_at", datetime(2025, 11, 20, 5, 30)),
        ({"startTime": "2025-11-20T04:00:00Z"}, "ends_at", None),
        ({"cancelledAt": "2025-11-20T04:00:00Z"}, "cancelled_at", datetime(2025, 11, 20, 4)),
        ({"declineReason": "terlalu jauh", "statusReason": "busy"}, "decline_reason", "too_far"),
        ({"cancellationReason": "busy"}, "decline_reason", "busy"),
        ({"cancelReason": "busy"}, "decline_reason", "busy"),
        ({"statusReason": "busy"}, "decline_reason", "busy"),
        ({"expirationReason": "no response"}, "decline_reason", "no_response"),
        ({"paymentMethod": "cash"}, "payment_method", "cash"),
        ({"discountCode": "BALI10"}, "discounted", True),
        ({"discountCode": "BALI10", "totalPrice": 225_000, "price": 250}, "amount_before_idr", 250_000),
        ({"discountCode": "none"}, "discounted", False),
        ({"userId": "u", "customerPhone": "081234567890"}, "customer_key", "c:u"),
        ({"isTest": True}, "is_test", True),
        ({"isTest": "true"}, "test_rule", "isTest"),
        ({"customerName": "Admin Test"}, "test_rule", "name"),
        ({"userName": "Admin Test"}, "test_rule", "name"),
        ({"guestName": "admin test"}, "test_rule", "name"),
        ({"hotelGuestName": "Admin  Test"}, "test_rule", "name"),
        ({"customerDetails": '{"name": "Admin Test", "phone": "0812"}'}, "test_rule", "name"),
        ({"customerWhatsApp": "000000000"}, "test_rule", "phone"),
        ({"customerPhone": "000000000"}, "test_rule", "phone"),
        ({"customerphone": 0.0, "customerDetails": '{"phone": "000000000"}'}, "is_test", False),
        ({"customerDetails": '{"phone": "000000000"}'}, "test_rule", "phone"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "column", "value"), ALIASES)
def test_each_alias_and_default(row: dict[str, Any], column: str, value: object):
    assert one(**{**CLEAN, **row})[column] == value


@pytest.mark.parametrize(
    ("row", "status", "raw"),
    [
        ({"status": "On The Way"}, "accepted", "On The Way"),
        ({"status": "pending", "bookingStatus": "done"}, "completed", "done"),
        ({"status": "pending", "bookingStatus": None}, "pending", "pending"),
        ({"status": "pending", "bookingStatus": "null"}, "pending", "pending"),
        ({"status": "completed", "bookingStatus": "whatever"}, "unknown", "whatever"),
        ({"status": "cancelled", "providerResponseStatus": "Declined"}, "declined", "cancelled"),
        ({"status": "canceled", "providerResponseStatus": "DECLINED"}, "declined", "canceled"),
        ({"status": "cancelled", "providerResponseStatus": "Accepted"}, "cancelled", "cancelled"),
        ({"status": "completed", "providerResponseStatus": "Declined"}, "completed", "completed"),
        ({"status": "5"}, "unknown", "5"),
        ({"status": 5}, "unknown", "5"),
        ({"status": ""}, "unknown", None),
        ({}, "unknown", None),
    ],
)
def test_status(row: dict[str, Any], status: str, raw: str | None):
    found = derive({**row, "totalCost": 250000})
    booking = found.rows.row(0, named=True)
    assert (booking["status"], booking["raw_status"]) == (status, raw)
    assert booking["earns"] is (status in ("accepted", "confirmed", "completed"))
    assert ("status_unknown" in found.findings["finding"].to_list()) is (status == "unknown")


@pytest.mark.parametrize(
    ("row", "source", "rule"),
    [
        ({"source": "BookNow"}, "bookingButton", "explicit"),
        ({"source": "chat", "mode": "scheduled"}, "chatWindow", "explicit"),
        ({"source": "instagram", "mode": "scheduled"}, "unknown", "explicit"),
        ({"source": "", "mode": "scheduled"}, "scheduled", "mode"),
        ({"bookingType": "Scheduled"}, "scheduled", "mode"),
        ({"mode": "immediate", "bookingType": "scheduled"}, "scheduled", "mode"),
        ({"scheduledTime": "2025-11-21T10:00:00Z"}, "scheduled", "scheduled_time"),
        ({"mode": "now", "scheduledTime": "2025-11-21T10:00:00Z"}, "unknown", "none"),
        (
            {"mode": "now", "scheduledTime": "2025-11-21T10:00:00Z", "chatWindowOpen": True},
            "chatWindow",
            "chat_window",
        ),
        ({"chatWindowOpen": "true"}, "chatWindow", "chat_window"),
        ({"chatWindowOpen": False}, "unknown", "none"),
        ({"metadata": '{"bookingType": "scheduled"}'}, "unknown", "none"),
        ({}, "unknown", "none"),
    ],
)
def test_source(row: dict[str, Any], source: str, rule: str):
    found = one(**{**CLEAN, **row})
    assert (found["source"], found["source_rule"]) == (source, rule)


@pytest.mark.parametrize(
    ("row", "mode", "rule"),
    [
        ({"mode": "Book Now", "bookingType": "scheduled"}, "immediate", "mode"),
        ({"mode": "none", "bookingType": "now"}, "immediate", "bookingType"),
        ({"metadata": '{"bookingType": "book_now"}'}, "immediate", "metadata"),
        ({"scheduledTime": "2025-11-20T03:10:00Z"}, "scheduled", "scheduled_time"),
        ({"startTime": "2025-11-20T05:00:00Z"}, "immediate", "start"),
        ({"startTime": "2025-11-20T05:00:01Z"}, "scheduled", "start"),
        (
            {"startTime": "2025-11-20T06:00:00Z", "responseDeadline": "2025-11-20T03:05:00Z"},
            "scheduled",
            "start",
        ),
        ({"responseDeadline": "2025-11-20T03:10:00Z"}, "immediate", "deadline"),
        ({"responseDeadline": "2025-11-20T03:10:01Z"}, "unknown", "none"),
        ({"mode": "home"}, "unknown", "none"),
        ({}, "unknown", "none"),
    ],
)
def test_mode(row: dict[str, Any], mode: str, rule: str):
    found = one(**{**CLEAN, **row})
    assert (found["mode"], found["mode_rule"]) == (mode, rule)


@pytest.mark.parametrize(
    ("row", "flags"),
    [
        ({}, (False, False, False)),
        ({"source": "none", "mode": "", "scheduledTime": "-"}, (False, False, False)),
        ({"source": "x", "bookingType": "y", "scheduledTime": "14:30"}, (True, True, True)),
        ({"mode": "now"}, (False, True, False)),
    ],
)
def test_what_a_row_carries_is_told_apart_from_what_was_derived(row: dict[str, Any], flags: tuple[bool, ...]):
    found = one(**{**CLEAN, **row})
    assert (found["has_source_value"], found["has_mode_value"], found["has_schedule_value"]) == flags


@pytest.mark.parametrize(
    ("row", "finding", "attribute"),
    [
        ({"totalCost": None}, "amount_unknown", "totalCost"),
        ({"totalCost": "abc"}, "number_unreadable", "totalCost"),
        ({"totalCost": "abc"}, "amount_unknown", "totalCost"),
        ({"totalCost": -1}, "amount_negative", "totalCost"),
        ({"totalCost": -1}, "amount_unknown", "totalCost"),
        ({"totalCost": 0}, "amount_unknown", "totalCost"),
        ({"totalCost": 250}, "amount_in_thousands", "totalCost"),
        ({"pricing": '{"total": 250}'}, "amount_in_thousands", "pricing.total"),
        ({"totalCost": 25_000_000}, "amount_implausible", "totalCost"),
        ({"paymentAmount": "1,25"}, "amount_implausible", "paymentAmount"),
        ({"price": 19_999}, "amount_implausible", "price"),
        ({"currency": "USD"}, "amount_currency", "currency"),
        (
            {"totalCost": None, "pricing": '{"total": 20, "currency": "USD"}'},
            "amount_currency",
            "pricing.currency",
        ),
        ({"totalCost": "USD 20"}, "amount_currency", "totalCost"),
        ({"price": 300}, "amount_disagrees", "totalCost"),
        ({"status": "odd"}, "status_unknown", "status"),
        ({"bookingStatus": "odd"}, "status_unknown", "bookingStatus"),
        ({"status": None}, "status_unknown", "status"),
        ({"source": "instagram"}, "source_unknown", "source"),
        ({"mode": "home"}, "mode_unknown", "mode"),
        ({"bookingType": "home"}, "mode_unknown", "bookingType"),
        ({"metadata": '{"bookingType": "home"}'}, "mode_unknown", "metadata.bookingType"),
        ({"startTime": "soon"}, "time_unreadable", "startTime"),
        ({"startTime": "14:30"}, "time_unreadable", "startTime"),
        ({"checkInDate": "1970"}, "time_unreadable", "checkInDate"),
        ({"responseDeadline": "45000"}, "time_unreadable", "responseDeadline"),
        ({"acceptedAt": 45000.0}, "time_unreadable", "acceptedAt"),
        ({"completedAt": "x"}, "time_unreadable", "completedAt"),
        ({"cancelledAt": "x"}, "time_unreadable", "cancelledAt"),
        ({"rejectedAt": "x"}, "time_unreadable", "rejectedAt"),
        ({"respondedAt": "x"}, "time_unreadable", "respondedAt"),
        ({"duration": "an hour"}, "minutes_unreadable", "duration"),
        ({"duration": 0}, "minutes_unreadable", "duration"),
        ({"customerPhone": "call me"}, "phone_unreadable", "customerPhone"),
        ({"chatWindowOpen": "perhaps"}, "flag_unreadable", "chatWindowOpen"),
        ({"isTest": "perhaps"}, "flag_unreadable", "isTest"),
        ({"providerType": "robot"}, "provider_type_unknown", "providerType"),
        ({"pricing": "{broken"}, "json_unreadable", "pricing"),
        ({"_misfits": '{"duration": "soon"}'}, "type_mismatch", "duration"),
        ({"_misfits": '{"duration": "soon"}'}, "minutes_unreadable", "duration"),
    ],
)
def test_each_bad_value_is_a_finding_and_no_crash(row: dict[str, Any], finding: str, attribute: str):
    assert (finding, attribute) in codes(**{**CLEAN, **row})


@pytest.mark.parametrize(
    ("row", "idr", "rule", "findings"),
    [
        ({"totalCost": 250}, 250_000, "totalCost", {("amount_in_thousands", "totalCost")}),
        ({"totalCost": 25_000_000}, None, None, {("amount_implausible", "totalCost")}),
        (
            {"totalCost": 25_000_000, "price": 250}, 250_000, "price_thousands",
            {("amount_implausible", "totalCost")},
        ),
        ({"currency": "EUR"}, None, None, {("amount_currency", "currency")}),
        ({"currency": "rp."}, 250_000, "totalCost", set()),
        (
            {"totalCost": "abc", "totalPrice": 1.25}, None, None,
            {("number_unreadable", "totalCost"), ("amount_implausible", "totalPrice")},
        ),
        ({"discountCode": "FREE", "totalCost": 0, "price": 250}, 0, "free", set()),
        ({"discountCode": "BALI10", "totalPrice": 225_000, "price": 250}, 225_000, "discounted", set()),
        ({"discountCode": "none", "totalCost": 0, "price": 250}, 250_000, "price_thousands", set()),
        ({"totalCost": 0}, None, None, {("amount_unknown", "totalCost")}),
    ],
)  # fmt: skip
def test_an_amount_that_is_not_taken_as_written_is_told_once(
    row: dict[str, Any], idr: int | None, rule: str | None, findings: set[tuple[str, str]]
):
    found = one(**{**CLEAN, **row})
    assert (found["amount_idr"], found["amount_rule"]) == (idr, rule)
    assert codes(**{**CLEAN, **row}) == findings


DOCUMENTED = [
    ({"totalCost": 250}, 250_000, "totalCost", {"amount_in_thousands"}),
    ({"totalCost": 25_000_000}, 250_000, "price_thousands", {"amount_implausible"}),
    ({"totalCost": "1,25"}, 250_000, "price_thousands", {"amount_implausible"}),
    ({"totalCost": 250_000, "currency": "USD"}, None, None, {"amount_currency"}),
    ({"totalCost": "$ 250"}, None, None, {"amount_currency"}),
    ({"totalCost": 250_000, "pricing": '{"total": 16, "currency": "USD"}'}, 250_000, "totalCost", set()),
    ({"totalCost": 0}, 250_000, "price_thousands", set()),
    ({"totalCost": 0, "discountCode": "FREE"}, 0, "free", set()),
    ({"totalCost": 250_000, "totalPrice": 200_000, "discountCode": "BALI"}, 200_000, "discounted", set()),
    ({"discountCode": "BALI"}, 250_000, "price_thousands", set()),
    ({"totalCost": "ask", "discountCode": "BALI"}, None, None, {"number_unreadable", "amount_unknown"}),
]


@pytest.mark.parametrize(("row", "idr", "rule", "findings"), DOCUMENTED)
def test_the_examples_of_the_documentation(
    row: dict[str, Any], idr: int | None, rule: str | None, findings: set[str]
):
    """docs/data_findings.md, Amounts of a booking."""
    found = derive({"status": "pending", "createdAt": ISO, "price": 250, **row})
    booking = found.rows.row(0, named=True)
    assert (booking["amount_idr"], booking["amount_rule"]) == (idr, rule)
    assert set(found.findings["finding"]) == findings


def test_the_detail_of_an_amount_that_is_not_believed_holds_the_bounds_and_no_value():
    found = derive({**CLEAN, "totalCost": 25_123_456}).findings
    assert found["detail"].to_list() == ["not between 20000 and 20000000 rupiah"]


def test_a_value_of_another_type_that_can_be_read_is_used_and_told():
    found = derive({**CLEAN, "totalCost": None, "_misfits": '{"totalCost": "250000"}'})
    assert found.rows["amount_idr"][0] == 250000
    assert found.findings["finding"].to_list() == ["type_mismatch"]


SECRETS = {
    "customerName": "Wayan Zzsecret", "customerWhatsApp": "zz-secret-phone", "roomNumber": "zzsecret 12",
    "location": "Jalan Zzsecret", "declineReason": "zzsecret words", "message": "zzsecret",
}  # fmt: skip


def test_no_personal_value_leaves_in_rows_or_findings():
    found = derive(
        {**CLEAN, **SECRETS, "customerDetails": '{"name": "zzsecret"', "_misfits": '{"location": "zzsecret"}'}
    )
    assert found.findings.height
    everything = json.dumps([found.rows.to_dicts(), found.findings.to_dicts()], default=str).lower()
    assert "zzsecret" not in everything
    assert "zz-secret" not in everything


def test_the_same_phone_in_two_spellings_is_the_same_customer():
    rows = derive(
        {"customerPhone": "081234567890"}, {"customerPhone": "+62081234567890"}, {"userId": "x"}
    ).rows
    keys = rows["customer_key"].to_list()
    assert keys[0] == keys[1]
    assert keys[0].startswith("p:")
    assert keys[2] == "c:x"


def test_bare_times_are_read_in_the_zone_of_the_provider():
    rows = derive(
        {"providerId": "jkt", "startTime": "14:30", "date": "2025-11-20", "createdAt": "2025-11-20T10:00:00"},
        {
            "providerId": "bali",
            "startTime": "14:30",
            "date": "2025-11-20",
            "createdAt": "2025-11-20T10:00:00",
        },
        zones=ProviderZones(480, {"jkt": 420}, {}),
    ).rows
    assert rows["starts_at"].to_list() == [datetime(2025, 11, 20, 7, 30), datetime(2025, 11, 20, 6, 30)]
    assert rows["created_at"].to_list() == [datetime(2025, 11, 20, 3), datetime(2025, 11, 20, 2)]
    assert rows["utc_offset_minutes"].to_list() == [420, 480]


UNREAD = ProviderZones(480, {}, {}, read=ProvidersRead(begun=True))
WAITS = {"status": "accepted", "totalCost": 250000, "createdAt": ISO, "providerId": "jkt", "duration": 60}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"startTime": "14:30", "date": "2025-11-20"}, {"starts_at": None, "ends_at": None}),
        ({"startTime": "14:30", "date": "2025-11-20T22:00:00Z"}, {"starts_at": None}),
        ({"startTime": "2025-11-20"}, {"starts_at": None}),
        # The time says itself in which zone it is.
        ({"startTime": "14:30 WIB", "date": "2025-11-20"}, {"starts_at": datetime(2025, 11, 20, 7, 30)}),
        ({"startTime": "2025-11-20T07:30:00Z"}, {"ends_at": datetime(2025, 11, 20, 8, 30), "mode": "scheduled"}),
        # Nothing that would be said if it were not written is said in its place.
        ({"startTime": "23:30", "date": "2025-11-20", "responseDeadline": "2025-11-20T03:05:00Z"},
         {"mode": "unknown", "mode_rule": "none", "response_deadline": datetime(2025, 11, 20, 3, 5)}),
        ({"mode": "immediate", "responseDeadline": "2025-11-20 10:30"},
         {"response_deadline": None, "deadline_rule": None}),
        ({"mode": "immediate"}, {"response_deadline": datetime(2025, 11, 20, 3, 5), "deadline_rule": "default"}),
        ({"startTime": "2025-11-20T07:30:00Z", "completedAt": "2025-11-20 16:00"},
         {"completed_at": None, "ends_at": None}),
        ({"acceptedAt": "2025-11-20 10:01", "respondedAt": "2025-11-20T03:09:00Z"},
         {"accepted_at": None, "responded_at": None}),
    ],
)  # fmt: skip
def test_a_bare_time_of_a_provider_who_was_not_read_is_unknown_and_so_is_what_rests_on_it(
    row: dict[str, Any], found: dict[str, Any]
):
    derived = derive({**WAITS, **row}, zones=UNREAD)
    booking = derived.rows.row(0, named=True)
    assert {name: booking[name] for name in found} == found
    assert booking["utc_offset_minutes"] is None
    assert violations("bookings", derived.rows) == []
    unplaced = {name for name, value in row.items() if name.endswith(("At", "Deadline", "Time")) and "Z" not in value
                and "WIB" not in value}  # fmt: skip
    assert {
        f["attribute"] for f in derived.findings.iter_rows(named=True) if f["code"] == NO_ZONE
    } == unplaced


def test_hotel_bookings_are_bookings_of_their_own_origin():
    row = derive(
        {
            "guestName": "G",
            "checkInDate": "2025-11-21T10:00:00Z",
            "totalPrice": "300000",
            "status": "confirmed",
        },
        collection="hotel_bookings",
    ).rows.row(0, named=True)
    assert (row["origin"], row["amount_idr"], row["earns"]) == ("hotel_bookings", 300000, True)


def test_an_empty_batch_has_the_columns_of_the_table():
    frame = pl.DataFrame(schema={"_id": pl.String, "_change": pl.Int64, "status": pl.String})
    derived = derive_bookings(Batch("bookings", frame, ProviderZones(480, {}, {})))
    assert violations("bookings", derived.rows) == []


TEXTS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(["scheduled", "now", "immediate", "none", "chat", "Menu"]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(dict.fromkeys(("source", "mode", "bookingType", "scheduledTime"), TEXTS)),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_source_and_mode_follow_their_rules_for_any_words(rows: list[dict[str, Any]], chat: bool):
    from marketplace.statuses import MODE, SOURCE, normalised
    from marketplace.text import json_text

    def says(value: str | None) -> str | None:
        text = json_text(value)
        return None if text is None else MODE.get(normalised(text))

    found = derive(*({**row, "chatWindowOpen": chat} for row in rows)).rows
    for row, booking in zip(rows, found.iter_rows(named=True), strict=True):
        written, scheduled = json_text(row["source"]), json_text(row["scheduledTime"]) is not None
        mode, kind = says(row["mode"]), says(row["bookingType"])
        if written is not None:
            source = SOURCE.get(normalised(written), "unknown")
        elif "scheduled" in (mode, kind) or (mode is None and kind is None and scheduled):
            source = "scheduled"
        else:
            source = "chatWindow" if chat else "unknown"
        assert booking["source"] == source
        expected = mode or kind or ("scheduled" if scheduled else "unknown")
        assert booking["mode"] == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=-600, max_value=600))
def test_mode_by_start_and_the_deadline_that_follows(minutes: int):
    start = CREATED + timedelta(minutes=minutes)
    found = one(**CLEAN, startTime=start.isoformat() + "Z")
    assert found["mode"] == ("immediate" if minutes <= 120 else "scheduled")
    assert found["response_deadline"] - CREATED == timedelta(minutes=5 if minutes <= 120 else 30)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=20
    )
)
def test_rows_of_any_text_keep_the_schema(rows: list[tuple[str, str, str]]):
    derived = derive(
        *(
            {
                "status": a, "bookingStatus": b, "providerResponseStatus": c, "createdAt": ISO, "totalCost": a,
                "price": b, "duration": c, "startTime": a, "time": b, "date": c, "customerPhone": a, "isTest": b,
                "acceptedAt": c, "declineReason": a, "providerType": b, "pricing": "{" + c, "customerName": a,
                "discountCode": c, "totalPrice": c, "currency": c[:1],
            }
            for a, b, c in rows
        )
    )  # fmt: skip
    assert violations("bookings", derived.rows) == []
    assert not derived.findings.height or violations("data_findings", derived.findings) == []
