"""One row as the app has it: read by the alias table, written in its own shape."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from marketplace.aliases import ALIASES
from marketplace.app_rows import (
    attribute,
    booking_status,
    changed_at,
    first_of,
    instant_like,
    instant_of,
    key_of,
    language_of,
    names_somebody,
    readers,
    record_status,
    status_written,
    text_at,
)
from marketplace.new_records import amounts_written, fee_written, owed_idr, rate_like
from marketplace.statuses import BOOKING_STATUS
from marketplace.whatsapp import whatsapp_link

AT = datetime(2026, 3, 15, 12, 0, 5, 123_456)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"status": "Waiting for_location"}, "pending"),
        ({"status": "pending", "bookingStatus": "On-The-Way"}, "accepted"),
        ({"status": "pending", "bookingStatus": " none "}, "pending"),
        ({"status": "pending", "bookingStatus": "no_show"}, "unknown"),
        ({"status": "canceled", "providerResponseStatus": "declined"}, "declined"),
        ({}, "unknown"),
    ],
)
def test_a_booking_is_in_the_state_that_the_pipeline_reads(row: dict[str, Any], status: str) -> None:
    assert booking_status(row) == status


@pytest.mark.parametrize(
    ("row", "written"),
    [
        ({"status": "pending"}, {"status": "expired"}),
        ({"status": "pending", "bookingStatus": ""}, {"status": "expired"}),
        ({"status": "pending", "bookingStatus": "idle"}, {"bookingStatus": "expired", "status": "expired"}),
        # what is no state of a booking stays what it is
        ({"status": "v2", "bookingStatus": "idle"}, {"bookingStatus": "expired"}),
        ({}, {"bookingStatus": "expired"}),
    ],
)
def test_a_state_is_written_where_one_is_read(row: dict[str, Any], written: dict[str, str]) -> None:
    names = ALIASES["booking.status"]
    assert status_written(row, names, BOOKING_STATUS, "expired", lambda name: True) == written
    assert booking_status(row | written) == "expired"


def test_a_meaning_is_read_by_the_alias_table_also_out_of_json_and_of_related_rows() -> None:
    row = {"userId": "none", "customerId": {"$id": "u7", "name": "x"}, "customerDetails": '{"id": "u8"}'}
    names = ALIASES["booking.customer_id"]
    assert first_of(row, names) == ("customerId", "u7")
    assert first_of(row | {"customerId": None}, names) == ("customerDetails.id", "u8")
    assert first_of({"customerDetails": "{broken"}, names) is None
    assert text_at({"totalCost": 250_000.0}, "totalCost") == "250000"
    assert record_status({"paymentStatus": "-", "status": "Submitted"}) == "awaiting_verification"


def test_an_attribute_that_is_used_goes_before_the_canonical_one() -> None:
    names = ALIASES["commission.fee"]
    assert attribute(names, lambda name: True) == "reactivationFeeAmount"
    assert attribute(names, lambda name: True, {"lateFee": 0}) == "lateFee"
    assert attribute(names, lambda name: name == "lateFee") == "lateFee"
    assert attribute(names, lambda name: False) is None


@pytest.mark.parametrize(
    ("sample", "written"),
    [
        (None, "2026-03-15T12:00:05.123Z"),
        ("2026-03-01T10:00:00Z", "2026-03-15T12:00:05.123Z"),
        ("2026-03-01T10:00:00.000+00:00", "2026-03-15T12:00:05.123+00:00"),
        ("2026-03-01T10:00:00-0130", "2026-03-15T10:30:05.123-01:30"),
        ("2026-03-01 10:00", "2026-03-15T20:00:05.123+08:00"),
        (1_773_000_000_000, 1_773_576_005_123),
        (1_773_000_000, 1_773_576_005),
        ("1773000000000", "1773576005123"),
        ("someday", "2026-03-15T12:00:05.123Z"),
    ],
)
def test_an_instant_is_written_as_it_stands_there_and_read_back_as_it_was(
    sample: object, written: object
) -> None:
    assert instant_like(sample, AT, 480) == written
    read = instant_of(written, 480)
    assert read is not None
    assert abs((read - AT).total_seconds()) < 1


@pytest.mark.parametrize(
    ("row", "language"),
    [
        ({}, "en"),
        ({"language": "id-ID"}, "id"),
        ({"locale": "fr"}, "en"),
        ({"metadata": '{"language": "id"}'}, "id"),
    ],
)
def test_a_customer_reads_english_unless_told_otherwise(row: dict[str, Any], language: str) -> None:
    assert language_of(row) == language


def test_a_phone_or_a_role_is_nobody_to_write_to() -> None:
    assert names_somebody("6650f0c1a2b3")
    assert not any(
        map(names_somebody, ("+6281234567890", "081234567890", "guest", "Anna Smith", "hash_ab", None))
    )


def test_a_reference_that_differs_in_case_is_the_key_it_means() -> None:
    assert key_of("P1", "p1") == "p1"
    assert key_of("Spa One", "hash_abc") == "Spa One"
    assert key_of(None, "p1") == "p1"


def test_those_who_may_read_a_row() -> None:
    row = {"$permissions": ['read("user:u1")', 'update("user:u1")', 'read("team:staff")']}
    assert readers(row) == ('read("user:u1")', 'read("team:staff")')
    assert readers(row, "u1") == ('read("user:u1")',)
    assert readers({}) is readers(row, "u9") is None
    assert changed_at({"$updatedAt": "2026-03-15T20:00:00.000+08:00"}) == datetime(2026, 3, 15, 12, 0)


@pytest.mark.parametrize(
    ("amount", "ppm", "owed"), [(202_500, 300_000, 60_750), (1, 500_000, 1), (3, 500_000, 2)]
)
def test_commission_is_half_up(amount: int, ppm: int, owed: int) -> None:
    assert owed_idr(amount, ppm) == owed


def test_a_rate_is_a_fraction_unless_the_collection_has_hundredths() -> None:
    assert [rate_like(sample, 275_000) for sample in (None, 0.3, 30.0, 30, "0.3")] == [
        0.275, 0.275, 27.5, 27.5, "0.275",
    ]  # fmt: skip
    assert rate_like(30, 300_000) == 30


def test_amounts_are_written_wherever_they_stand_in_the_type_that_stands_there() -> None:
    row = {"totalPrice": "250", "commissionAmount": 75.0, "adminCommission": 75, "totalDue": 75}
    charge = {"base": 250_000, "commission": 75_000, "rate_ppm": 300_000}
    assert amounts_written(row, charge, lambda name: True) == {
        "totalPrice": "250000", "commissionAmount": 75_000, "adminCommission": 75_000, "totalDue": 75_000,
        "commissionRate": 0.3,
    }  # fmt: skip
    assert fee_written({"lateFee": None, "totalDue": 75_000}, 25_000, 75_000, lambda name: True) == {
        "reactivationFeeRequired": True, "reactivationFeeAmount": 25_000, "totalDue": 100_000,
    }  # fmt: skip


def test_a_link_of_whatsapp_carries_its_text() -> None:
    assert whatsapp_link("+6281", "a & b?") == "https://wa.me/6281?text=a%20%26%20b%3F"
