"""A booking's row, as one service reads it: by the rules by which core reads all of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketplace import booking_rows
from marketplace.app_rows import instant_of, plain_instant
from marketplace.booking_rows import (
    _plain,  # pyright: ignore[reportPrivateUsage] - the short way
    _read_any,  # pyright: ignore[reportPrivateUsage] - the long one
    read_bookings,
)
from marketplace.entries import Entry, mode_of, source_of
from marketplace.instants import read
from marketplace.money import DEFAULT_BOUNDS
from marketplace.new_bookings import NewBooking, booking_row
from marketplace.text import as_text

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
    done = ROW | {
        "$id": "b3",
        "status": "completed",
        "completedAt": "2026-03-15T13:00:00+01:00",
        "isTest": True,
    }
    first, second, third = read_bookings([ROW, old, done], 480)
    assert first.booking_id == "b1"
    assert (second.status, second.provider_id, second.mode) == ("confirmed", "t2", "scheduled")
    assert second.starts_at == datetime(2026, 3, 16, 1)
    assert (second.amount_idr, second.ends_at, second.is_test) == (300_000, datetime(2026, 3, 16, 2), True)
    assert (third.ends_at, third.is_test) == (NOON, True)
    # It ended before it was to begin: it takes no time.
    assert not third.overlaps(NOON, NOON + timedelta(hours=9))


MADE = {"createdAt": "2026-03-15T12:00:00.000Z"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        MADE,
        MADE | {"mode": "scheduled", "scheduledTime": "2026-03-16T14:00:00.000Z", "bookingType": "scheduled"},
        MADE | {"completedAt": "2026-03-15T14:30:00.000Z", "status": "completed"},
        MADE | {"responseDeadline": "2026-03-15T12:05:00.123Z"},
        MADE | {"customerName": "Ayu Lestari", "customerWhatsApp": "+6281234567890"},
        MADE | {"customerName": "A Test"},
        MADE | {"customerWhatsApp": "+62000000000"},
        MADE | {"startTime": "2026-03-15T14:00:00"},
        MADE | {"totalCost": 9_999},
        MADE | {"totalCost": 19_999},
        MADE | {"totalCost": 0, "discountCode": "FREE"},
        MADE | {"totalCost": 10**8},
        MADE | {"duration": "60"},
        MADE | {"duration": 0},
        MADE | {"currency": "USD"},
        MADE | {"source": "whatsapp"},
        MADE | {"source": "nowhere", "mode": "later"},
        {"createdAt": "2026-03-15T12:30:00.000Z"},
        {"createdAt": "2026-03-15T11:30:00.000Z", "isTest": False, "chatWindowOpen": True},
        {"createdAt": "2026-02-30T11:30:00.000Z"},
        {"createdAt": "2009-02-28T11:30:00.000Z"},
    ],
)
def test_the_short_way_says_what_the_long_one_says(more: dict[str, object], monkeypatch: Any) -> None:
    row = ROW | more
    short = read_bookings([row], 480)
    monkeypatch.setattr(booking_rows, "_plain", lambda row, bounds: None)
    assert short == read_bookings([row], 480)


def test_what_services_write_goes_the_short_way(monkeypatch: Any) -> None:
    monkeypatch.setattr(booking_rows, "_read_any", None)
    assert read_bookings([ROW | MADE], 0)[0].booking_id == "b1"


def test_no_row_no_booking() -> None:
    assert read_bookings([], 0) == []


# Rows as services write them -----------------------------------------------------------------------------

WRITTEN = {
    "$id": "bk_1",
    "$createdAt": "2026-03-15T12:00:00.012+00:00",
    "$updatedAt": "2026-03-15T12:00:00.012+00:00",
    **booking_row(
        NewBooking(
            booking_id="bk_1",
            user_id="u1",
            provider_id="t1",
            provider_type="therapist",
            provider_name="Wayan",
            minutes=90,
            starts_at=NOON + timedelta(hours=2),
            price_idr=250_000,
            amount_idr=250_000,
            discount_code=None,
            made_at=NOON,
            deadline=NOON + timedelta(minutes=5),
            source=source_of(Entry.MENU),
            mode=mode_of(Entry.MENU, NOON, None),
            chat_window_open=False,
            customer_name="Anna Müller",
            phone="+628123456789",
            location="Jl. Hanoman 5",
        ),
        lambda name: True,
    ),
}
#: What may stand in an attribute instead, of an app that means the same or another thing by it.
INSTEAD = {
    "status": ("accepted", "done", "cancelled", None, "?"),
    "duration": (60, 0, 90.0, "90", True, 10**9, None),
    "service": ("120", "menit", None),
    "source": ("direct", "kiosk", "", None, "unknown", ["direct"]),
    "mode": ("scheduled", "now", None, "unknown", {}),
    "bookingType": ("scheduled", None),
    "metadata": ('{"bookingType": "scheduled"}', "{", None),
    "createdAt": (
        *("2026-03-15T12:00:00.000+00:00", "2026-03-15 20:00", "2026-13-15T12:00:00.000Z", None),
        *("2026-03-15T12:00:00Z", "2099-03-15T12:00:00.000Z", "1999-03-15T12:00:00.000Z", 1_773_576_000_000),
    ),
    "$updatedAt": ("2026-03-16T12:00:00.000+00:00", "2026-03-14T12:00:00.000+00:00", None),
    "startTime": ("2026-03-16T12:00:00.000Z", "19:00", "soon", None, "2026-03-15T24:00:00.000Z"),
    "scheduledTime": ("2026-03-17T12:00:00.000Z", "19:00"),
    "scheduledDate": ("2026-03-17",),
    "responseDeadline": ("2026-03-15T12:09:00.000Z", "never", None),
    "responcedeadline": ("2026-03-15T12:08:00.000Z",),
    "completedAt": ("2026-03-15T15:45:00.000Z", "2026-03-15T15:45", None),
    "totalCost": (180_000, 250, 9_999, 10_000, 25_000_000, 0, -5, 250_000.5, "250000", True, None),
    "price": (180, 250_000, None),
    "totalPrice": (180_000.0,),
    "discountCode": ("BALI10",),
    "currency": ("USD", "IDR"),
    "pricing": ('{"total": 100000, "currency": "USD"}',),
    "isTest": (True, False, "yes", 0, None),
    "customerName": ("Admin Test", "Prateſt", "teSTing9", "", None, 7),
    "customerWhatsApp": ("+62000000000", "0000000", "+12025550123", "08123", None, "+6200000001"),
    "customerDetails": ('{"name": "Admin Test"}',),
    "providerId": (None, "T1"),
    "providerType": ("Places", None),
    "chatWindowOpen": (True, None),
}


def test_a_plain_row_says_what_the_rules_for_columns_say_of_it() -> None:
    rows = [WRITTEN, *({**WRITTEN, name: value} for name, values in INSTEAD.items() for value in values)]
    chance = random.Random(17)
    for _ in range(300):
        names = chance.sample(sorted(INSTEAD), 3)
        rows.append(WRITTEN | {name: chance.choice(INSTEAD[name]) for name in names})
    plain = [_plain(row, DEFAULT_BOUNDS) for row in rows]
    by_columns = _read_any(rows, 480, DEFAULT_BOUNDS)
    pairs = list(zip(rows, plain, by_columns, strict=True))
    assert [(row, quick) for row, quick, slow in pairs if quick is not None and quick != slow] == []
    assert plain[0] is not None, "what services write is plain"
    assert 40 < sum(booking is not None for booking in plain) < len(rows) / 2
    assert read_bookings(rows, 480) == by_columns


def test_an_instant_in_its_plain_form_is_read_as_any_other() -> None:
    texts = [value for name in ("createdAt", "startTime", "completedAt") for value in INSTEAD[name]]
    texts += ["2026-02-29T12:00:00.000Z", "2026-03-15T12:00:60.000Z", "٢٠٢٦-03-15T12:00:00.000Z", "", 7, 2.5]
    for text in texts:
        plain = plain_instant(text)
        slow = read(as_text(pl.Series([text])), pl.Series([480], dtype=pl.Int64)).values[0]
        assert plain in (None, slow)
        assert instant_of(text, 480) == slow
