"""Commissions, messages, rooms, notifications and providers, rule by rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.core.batch import Batch, Derived
from assets.core.chat_rooms import derive_chat_rooms
from assets.core.commissions import derive_commissions
from assets.core.messages import derive_messages
from assets.core.notifications import derive_notifications
from assets.core.offers import derive_offers
from assets.core.providers import derive_providers
from checks.derived_rows import violations
from marketplace.offers import OfferState, answered, offer_row
from marketplace.pseudonyms import Pseudonyms
from marketplace.zones import ProviderZones

CREATED = datetime(2025, 11, 20, 3, 0)
CHANGED = datetime(2025, 11, 20, 12, 0)
SIX = datetime(2025, 11, 20, 6, 0)
NAMES = Pseudonyms(b"k", lambda words: words)
ZONES = ProviderZones(480, {"jkt": 420}, {})
DERIVE: dict[str, tuple[str, Callable[[Batch], Derived]]] = {
    "commission_records": ("commissions", derive_commissions),
    "chat_messages": ("messages", derive_messages),
    "chat_rooms": ("chat_rooms", derive_chat_rooms),
    "notifications": ("notifications", derive_notifications),
    "therapists": ("providers", derive_providers),
    "places": ("providers", derive_providers),
    "booking_offers": ("booking_offers", derive_offers),
}


def derive(
    collection: str, gone: frozenset[str] = frozenset(), **row: Any
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    table, function = DERIVE[collection]
    frame = pl.DataFrame([{"_id": "r", "_created_at": CREATED, "_updated_at": CHANGED, "_change": 3, **row}])
    derived = function(Batch(collection, frame, ZONES, gone, names=NAMES))
    assert violations(table, derived.rows) == []
    found = derived.findings
    return derived.rows.row(0, named=True), set(zip(found["finding"], found["attribute"], strict=True))


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ({"bookingId": " BK1 "}, "booking_ref", "BK1"),
        ({"bookingDocId": "doc"}, "booking_doc_ref", "doc"),
        ({"therapistId": "t", "providerId": "p"}, "provider_id", "t"),
        ({"providerId": "p"}, "provider_id", "p"),
        ({"therapistName": "Spa"}, "provider_name", "Spa"),
        ({"paymentStatus": "verified", "status": "pending"}, "status", "paid"),
        ({"status": "pending_collection"}, "status", "pending"),
        ({"paymentStatus": "", "status": "Refunded"}, "status", "reversed"),
        ({"paymentStatus": "odd"}, "status", "unknown"),
        ({"paymentStatus": "odd"}, "raw_status", "odd"),
        ({"paymentStatus": "odd"}, "is_live", True),
        ({}, "status", "unknown"),
        ({}, "is_live", True),
        ({"status": "cancelled"}, "is_live", False),
        ({"status": "reversed"}, "is_live", False),
        ({"status": "partially_refunded"}, "status", "paid"),
        ({"paymentStatus": "Partial Refund"}, "status", "paid"),
        ({"paymentStatus": "Partial Refund"}, "raw_status", "Partial Refund"),
        ({"paymentStatus": "PARTIALLY-REFUNDED"}, "is_live", True),
        ({"bookingAmount": 250_000, "commissionAmount": -75_000}, "commission_idr", -75_000),
        ({"bookingAmount": 25_000_000, "commissionAmount": 7_500_000}, "is_implausible", True),
        ({"bookingAmount": 250_000, "commissionAmount": 75_000}, "is_implausible", False),
        ({}, "is_implausible", False),
        ({"commissionRate": 0.29999999999999993}, "rate_ppm", 300_000),
        ({"commissionRate": 29.999999999999996}, "rate", 0.3),
        ({"status": "rejected"}, "is_live", True),
        ({"source": "booknow"}, "source", "bookingButton"),
        ({"source": "odd"}, "source", "unknown"),
        ({"source": "none"}, "source", None),
        ({}, "source", None),
        ({"createdAt": "2025-11-20T14:00:00"}, "created_at", SIX),
        ({"createdAt": "2025-11-20T13:00:00", "therapistId": "jkt"}, "created_at", SIX),
        ({"paymentDeadline": 1763618400000}, "deadline_at", SIX),
        ({"paidAt": "2025-11-20T14:00:00+08:00"}, "paid_at", SIX),
        ({"verifiedAt": "2025-11-20 14:00"}, "verified_at", SIX),
        ({"paymentProofUploadedAt": "2025-11-20T06:00:00Z"}, "proof_at", SIX),
        ({"restrictedAt": "2025-11-20T06:00:00Z"}, "restricted_at", SIX),
        ({"paymentProofUrl": "https://x"}, "proof_state", "present"),
        ({"paymentProofUrl": None, "paymentProofImage": "img"}, "proof_state", "present"),
        ({"paymentProofUrl": "none"}, "proof_state", "empty"),
        ({"paymentProofImage": None}, "proof_state", "empty"),
        ({}, "proof_state", "absent"),
        ({"reactivationFeeAmount": 25000}, "fee_idr", 25000),
        ({"lateFee": "Rp 25.000"}, "fee_idr", 25000),
        ({"lateFee": 25000}, "fee_state", "present"),
        ({"lateFee": None}, "fee_state", "empty"),
        ({}, "fee_state", "absent"),
        ({"reactivationFeeRequired": "true"}, "fee_required", True),
        ({"totalAmountDue": 100000.0}, "due_idr", 100000),
        ({"totalDue": "100000"}, "due_idr", 100000),
        ({"commissionRate": 30}, "rate", 0.3),
        ({"paidAt": "2025-11-19", "verifiedAt": "2025-11-20"}, "paid_rule", "paidAt"),
        ({"verifiedAt": "2025-11-20"}, "paid_rule", "verifiedAt"),
        ({"paidAt": "soon"}, "paid_rule", "creation"),
        ({"verifiedBy": "none", "verifiedByAdmin": "66f1c0aa0012"}, "verified_by", "66f1c0aa0012"),
        ({"verifiedBy": "admin"}, "verified_by", "admin"),
        ({"verifiedBy": "Ketut Rai"}, "verified_by", NAMES.of("Ketut Rai")),
        ({}, "verified_by", None),
        ({"paymentProofUrl": "https://files.example/p/1.jpg"}, "proof_kind", "link"),
        ({"paymentProofUrl": "data:image/png;base64,AAAA"}, "proof_kind", "embedded"),
        ({"paymentProofImage": "66f1c0aa0012"}, "proof_kind", "file"),
        ({"paymentProofImage": "sent by WhatsApp"}, "proof_kind", "other"),
        ({"paymentProofImage": "none"}, "proof_kind", None),
        ({"commissionRate": "0.30"}, "rate_ppm", 300000),
        ({"isTest": True}, "is_test", True),
        ({}, "is_test", False),
        ({"_deleted_at": SIX}, "deleted_at", SIX),
    ],
)
def test_commission_records(row: dict[str, Any], column: str, value: object):
    assert derive("commission_records", **row)[0][column] == value


def test_an_attribute_the_deployment_dropped_is_absent():
    row, _ = derive("commission_records", frozenset({"lateFee"}), lateFee=None)
    assert row["fee_state"] == "absent"


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ({"status": "odd"}, ("status_unknown", "status")),
        ({}, ("status_unknown", "paymentStatus")),
        ({"status": "paid", "bookingAmount": "abc"}, ("number_unreadable", "bookingAmount")),
        ({"status": "paid", "adminCommission": "abc"}, ("number_unreadable", "adminCommission")),
        ({"status": "paid", "commissionRate": "thirty"}, ("rate_unreadable", "commissionRate")),
        ({"status": "paid", "commissionRate": 3000}, ("rate_unreadable", "commissionRate")),
        ({"status": "paid", "source": "odd"}, ("source_unknown", "source")),
        ({"status": "paid", "paidAt": "1970"}, ("time_unreadable", "paidAt")),
        ({"status": "paid", "lateFee": "much"}, ("number_unreadable", "lateFee")),
        ({"status": "paid", "totalDue": "much"}, ("number_unreadable", "totalDue")),
        ({"status": "paid", "serviceAmount": 25_000_000}, ("amount_implausible", "serviceAmount")),
        (
            {"status": "paid", "bookingAmount": 250_000, "adminCommission": 300_000},
            ("amount_implausible", "adminCommission"),
        ),
        ({"status": "paid", "lateFee": 30_000_000}, ("amount_implausible", "lateFee")),
        ({"status": "paid", "currency": "USD"}, ("amount_currency", "currency")),
        ({"status": "paid", "commissionAmount": "USD 5"}, ("amount_currency", "commissionAmount")),
        ({"status": "partially_refunded"}, ("refund_amount_unknown", "status")),
        ({"paymentStatus": "partial refund"}, ("refund_amount_unknown", "paymentStatus")),
        ({"status": "paid", "reactivationFeeRequired": "hm"}, ("flag_unreadable", "reactivationFeeRequired")),
    ],
)
def test_bad_values_of_a_record_are_findings(row: dict[str, Any], finding: tuple[str, str]):
    assert finding in derive("commission_records", **row)[1]


def test_a_clean_record_has_no_finding():
    row = {"status": "paid", "bookingAmount": 250000, "commissionAmount": 75000, "commissionRate": 0.3}
    assert derive("commission_records", **row)[1] == set()


_WRITTEN = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(
        ["250", "75", "-75000", "25000000", "1,25", "USD 5", "paid", "partial refund", "30%", "1e12"]
    ),
    st.integers(-(10**13), 10**13).map(str),
)
_ATTRIBUTES = (
    "bookingAmount", "commissionAmount", "adminCommission", "commissionRate", "lateFee", "totalDue", "currency",
    "status", "paymentStatus",
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(_ATTRIBUTES, _WRITTEN)), min_size=1, max_size=20))
def test_records_of_any_text_keep_the_schema_and_no_amount_out_of_range(rows: list[dict[str, Any]]):
    frame = pl.DataFrame(
        [{"_id": f"r{i}", "_created_at": CREATED, "_change": 3, **row} for i, row in enumerate(rows)],
        schema_overrides=dict.fromkeys(_ATTRIBUTES, pl.String),
    )
    derived = derive_commissions(Batch("commission_records", frame, ZONES, names=NAMES))
    assert violations("commissions", derived.rows) == []
    assert not derived.findings.height or violations("data_findings", derived.findings) == []
    for record in derived.rows.iter_rows(named=True):
        base, commission = record["booking_amount_idr"], record["commission_idr"]
        assert base is None or base == 0 or 20_000 <= base <= 20_000_000
        assert commission is None or abs(commission) <= (base or 20_000_000)
        assert not (record["is_implausible"] and base is not None and commission is not None)
        assert record["fee_idr"] is None or abs(record["fee_idr"]) <= 20_000_000


def test_what_is_not_believed_of_a_record_is_told_once():
    record, found = derive(
        "commission_records",
        status="paid",
        bookingAmount=25_000_000,
        commissionAmount=7_500_000,
        lateFee=25_000,
    )
    assert found == {("amount_implausible", "bookingAmount")}
    assert (record["booking_amount_idr"], record["commission_idr"], record["fee_idr"]) == (None, None, 25_000)
    record, found = derive(
        "commission_records",
        status="paid",
        bookingAmount=250,
        commissionAmount=75,
        lateFee=25,
        currency="SGD",
    )
    assert found == {("amount_currency", "currency")}
    assert {record[column] for column in ("booking_amount_idr", "commission_idr", "fee_idr", "due_idr")} == {
        None
    }


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ({"conversationId": "c", "roomId": "r"}, "conversation_id", "c"),
        ({"roomId": "r"}, "conversation_id", "r"),
        ({"bookingId": "b"}, "booking_ref", "b"),
        ({"senderRole": "Therapist"}, "sender_role", "therapist"),
        ({"senderType": "customer"}, "sender_role", "customer"),
        ({"senderRole": "ghost"}, "sender_role", "unknown"),
        ({}, "sender_role", "unknown"),
        ({"receiverRole": "admin"}, "receiver_role", "admin"),
        ({}, "receiver_role", None),
        ({"messageType": "Status Update"}, "kind", "status-update"),
        ({"messageType": "text"}, "kind", "text"),
        ({"messageType": "video"}, "kind", "unknown"),
        ({"timestamp": "2025-11-20T06:00:00Z"}, "sent_at", SIX),
        ({"timestamp": "2025-11-20T13:00:00", "senderId": "jkt", "senderRole": "therapist"}, "sent_at", SIX),
        ({"timestamp": "2025-11-20T13:00:00", "receiverId": "jkt", "senderRole": "customer"}, "sent_at", SIX),
        ({}, "sent_at", CREATED),
        ({"timestamp": "soon"}, "sent_at", None),
        ({"isRead": "false"}, "is_read", False),
        ({"isRead": None}, "is_read", None),
    ],
)
def test_messages(row: dict[str, Any], column: str, value: object):
    assert derive("chat_messages", **row)[0][column] == value


def test_the_text_of_a_message_does_not_leave():
    row, found = derive(
        "chat_messages", message="zzsecret", senderName="zzsecret", metadata="{zzsecret", messageType="x"
    )
    assert "zzsecret" not in json.dumps([row, sorted(found)], default=str)


@pytest.mark.parametrize(
    ("collection", "row", "column", "value"),
    [
        ("chat_rooms", {"status": "Canceled"}, "status", "cancelled"),
        ("chat_rooms", {"status": "odd"}, "status", "unknown"),
        ("chat_rooms", {"therapistId": "jkt", "expiresAt": "2025-11-20T13:00:00"}, "expires_at", SIX),
        ("chat_rooms", {"customerId": "c"}, "customer_id", "c"),
        ("chat_rooms", {"therapistId": "jkt"}, "utc_offset_minutes", 420),
        ("chat_rooms", {}, "utc_offset_minutes", 480),
        ("notifications", {"recipientId": "p", "type": "booking"}, "kind", "booking"),
        ("notifications", {"deliveredAt": "2025-11-20T06:00:00Z"}, "delivered_at", SIX),
        ("notifications", {"failedAt": 1763618400000.0}, "failed_at", SIX),
        ("notifications", {"read": 1}, "is_read", True),
        ("notifications", {}, "sent_at", None),
        ("therapists", {"status": "available"}, "status", "AVAILABLE"),
        ("therapists", {"status": "asleep"}, "status", None),
        ("therapists", {"name": "Ketut Spa"}, "provider_name", "Ketut Spa"),
        ("therapists", {"timezone": "Asia/Jayapura"}, "utc_offset_minutes", 540),
        ("places", {"timezone": "Mars/Base"}, "utc_offset_minutes", 480),
        ("places", {"timezone": "Mars/Base"}, "timezone", None),
        ("places", {}, "provider_type", "place"),
        ("places", {"notificationsEnabled": "false", "soundEnabled": True}, "notifications_enabled", False),
        ("places", {"timezone": "WIB", "lastSeenAt": "2025-11-20T13:00:00"}, "last_seen_at", SIX),
        ("places", {"capacity": 3}, "capacity", 3),
        ("places", {"capacity": 0, "maxCapacity": 2}, "capacity", None),  # 0 is a value, and says nothing
        ("places", {"capacity": None, "beds": "4"}, "capacity", 4),
        ("places", {"maxConcurrentBookings": 2.5}, "capacity", None),
        ("places", {"capacity": 5_000}, "capacity", None),
        ("places", {}, "capacity", None),
        ("therapists", {"capacity": 3}, "capacity", None),
    ],
)
def test_rooms_notifications_and_providers(collection: str, row: dict[str, Any], column: str, value: object):
    assert derive(collection, **row)[0][column] == value


@pytest.mark.parametrize(
    ("collection", "row", "finding"),
    [
        ("chat_rooms", {"status": "odd"}, ("status_unknown", "status")),
        ("chat_messages", {"messageType": "video"}, ("kind_unknown", "messageType")),
        ("chat_messages", {"senderRole": "ghost"}, ("role_unknown", "senderRole")),
        ("notifications", {"sentAt": "1970"}, ("time_unreadable", "sentAt")),
        ("therapists", {"timezone": "Mars/Base"}, ("timezone_unknown", "timezone")),
        ("therapists", {"status": "asleep"}, ("status_unknown", "status")),
        ("places", {"beds": "a few"}, ("number_unreadable", "beds")),
        ("places", {"capacity": -1}, ("number_unreadable", "capacity")),
    ],
)
def test_their_bad_values_are_findings(collection: str, row: dict[str, Any], finding: tuple[str, str]):
    assert finding in derive(collection, **row)[1]


def test_an_offer_is_read_as_services_write_it() -> None:
    offer_id, written = offer_row("b1", "jkt", "therapist", 2, CREATED, SIX)
    row, found = derive(
        "booking_offers", **written | answered(OfferState.DECLINED, datetime(2025, 11, 20, 4))
    )
    assert offer_id.startswith("of_")
    assert found == set()
    assert {name: row[name] for name in ("booking_id", "provider_id", "provider_type", "round", "state")} == {
        "booking_id": "b1",
        "provider_id": "jkt",
        "provider_type": "therapist",
        "round": 2,
        "state": "declined",
    }
    assert (row["offered_at"], row["deadline"], row["answered_at"]) == (
        CREATED,
        SIX,
        datetime(2025, 11, 20, 4),
    )


def test_what_no_service_wrote_of_an_offer_is_unknown_and_said() -> None:
    row, found = derive("booking_offers", bookingId="b1", round="first", state="maybe", offeredAt="soon")
    assert (row["state"], row["round"], row["offered_at"]) == ("unknown", None, None)
    assert found == {
        ("status_unknown", "state"),
        ("number_unreadable", "round"),
        ("time_unreadable", "offeredAt"),
    }
