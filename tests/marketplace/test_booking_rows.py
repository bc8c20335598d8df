"""A booking's row, as one service reads it: by the rules by which core reads all of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.booking_rows import read_bookings

ROW = {
    "$id": "b1",
    "$createdAt": "2026-03-15T12:00:00.000+00:00",
    "$updatedAt": "2026-03-15T12:01:00.000+00:00",
    "status": "active",
    "providerId": "t1",
    "providerType": "Therapists",
    "userId": "u1",
    "duration": 90,
    "startTime": "2026-03-15T14:00:00.000Z",
    "totalCost": 250_000,
    "price": 250,
    "source": "booknow",
    "mode": "book_now",
}
NOON = datetime(2026, 3, 15, 12)


def test_a_booking_as_services_write_it() -> None:
    (now,) = read_bookings([ROW], 480)
    assert (now.status, now.provider_type, now.source, now.mode) == (
        "accepted",
        "therapist",
        "bookingButton",
        "immediate",
    )
    assert (now.amount_idr, now.minutes, now.is_test) == (250_000, 90, False)
    assert (now.created_at, now.starts_at) == (NOON, NOON + timedelta(hours=2))
    assert now.ends_at == NOON + timedelta(hours=3, minutes=30)
    assert now.overlaps(NOON, NOON + timedelta(hours=2, minutes=1))
    # [start, end): what touches does not overlap
    assert not now.overlaps(NOON, NOON + timedelta(hours=2))
    assert not now.overlaps(NOON + timedelta(hours=3, minutes=30), NOON + timedelta(hours=5))


def test_bookings_of_older_apps_in_one_reading() -> None:
    old = {
        "$id": "b2",
        "$createdAt": "2026-03-15T12:00:00.000+00:00",
        "bookingStatus": "in_progress",
        "therapistId": "t2",
        "service": "60",
        "date": "2026-03-16",
        "time": "09:00",
        "price": 0.3 * 1000,
        "metadata": '{"bookingType": "scheduled"}',
        "customerName": "Admin Test",
    }
    done = ROW | {"$id": "b3", "status": "completed", "completedAt": "2026-03-15T13:00:00+01:00", "isTest": True}
    first, second, third = read_bookings([ROW, old, done], 480)
    assert first.booking_id == "b1"
    assert (second.status, second.provider_id, second.mode) == ("confirmed", "t2", "scheduled")
    assert second.starts_at == datetime(2026, 3, 16, 1)
    assert (second.amount_idr, second.ends_at, second.is_test) == (300_000, datetime(2026, 3, 16, 2), True)
    assert (third.ends_at, third.is_test) == (NOON, True)
    # It ended before it was to begin: it takes no time.
    assert not third.overlaps(NOON, NOON + timedelta(hours=9))


def test_no_row_no_booking() -> None:
    assert read_bookings([], 0) == []
