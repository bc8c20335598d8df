"""Whom to call, and which hours of the week are short of providers, against figures worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.marts.warehouse import NOW, Warehouse


@pytest.fixture
def w() -> Warehouse:
    w = Warehouse()
    for collection in ("bookings", "hotel_bookings", "therapists", "places", "chat_messages"):
        w.scan(collection)
    return w


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def calls(w: Warehouse) -> list[tuple[Any, ...]]:
    w.stand("provider_calls")
    return [
        tuple(row.values())
        for row in w.rows(
            "SELECT provider_id, reason, open_requests, past_deadline, oldest_request_at, next_deadline_at"
            " FROM marts.provider_calls"
        )
    ]


def asked(w: Warehouse, name: str, provider: str, made: float, due: float) -> None:
    """A booking made so many minutes ago, to be answered in ``due`` minutes (below 0: it was)."""
    w.booking(
        name,
        provider_id=provider,
        status="pending",
        created_at=ago(made),
        response_deadline=ago(-due),
        deadline_rule="explicit",
    )


def test_each_reason_to_call_and_the_next_deadline_first(w: Warehouse) -> None:
    w.provider("off", status="OFFLINE", last_seen_at=ago(1))
    w.provider("gone", last_seen_at=ago(11))
    w.provider("never", last_seen_at=None)
    w.provider("silent", last_seen_at=ago(1), notifications_enabled=False)
    w.provider("late", last_seen_at=ago(1))
    w.provider("there", last_seen_at=ago(1))
    w.provider("idle", status="OFFLINE", last_seen_at=ago(90))
    asked(w, "b1", "off", 3, 2)
    asked(w, "b2", "off", 9, -4)
    asked(w, "b3", "gone", 2, 3)
    asked(w, "b4", "never", 1, 4)
    asked(w, "b5", "silent", 1, 5)
    asked(w, "b6", "late", 8, -3)
    asked(w, "b7", "there", 1, 1)
    asked(w, "dead", "off", 25 * 60, -24 * 60 - 1)
    w.booking("b8", provider_id="idle", status="accepted", created_at=ago(2))
    w.booking("b9", provider_id="idle", status="pending", created_at=ago(2), is_test=True)
    assert calls(w) == [
        ("off", "offline", 2, 1, ago(9), ago(-2)),
        ("gone", "offline", 1, 0, ago(2), ago(-3)),
        ("never", "never_seen", 1, 0, ago(1), ago(-4)),
        ("silent", "silent", 1, 0, ago(1), ago(-5)),
        ("late", "past_deadline", 1, 1, ago(8), None),
    ]


def test_nobody_is_called_for_nothing_or_for_a_booking_of_the_future(w: Warehouse) -> None:
    w.provider("off", status="OFFLINE", last_seen_at=ago(90))
    assert calls(w) == []
    asked(w, "b1", "off", -1, 6)
    assert calls(w) == []


MONDAY = datetime(2026, 3, 9)
"""The local day before NOW's week ends: hours 10 and 11 of Bali are 02:00 and 03:00 UTC."""


def at_ten(week: int) -> datetime:
    return MONDAY + timedelta(hours=2, minutes=20) - timedelta(weeks=week)


def short(w: Warehouse) -> dict[tuple[int, int], tuple[Any, ...]]:
    w.stand("short_hours")
    return {
        (row["weekday"], row["hour"]): tuple(row.values())[2:]
        for row in w.rows(
            "SELECT weekday, hour, hours, seen_hours, requests, accepted, unanswered, unserved, short_hours,"
            " providers_online, providers_free FROM marts.short_hours"
        )
    }


def test_an_hour_is_short_where_a_booking_stayed_unanswered_and_nobody_was_free(w: Warehouse) -> None:
    w.provider("p1", city="Ubud", created_at=MONDAY - timedelta(days=90))
    busy_from, free_from = at_ten(1) - timedelta(hours=3), at_ten(1) + timedelta(hours=3)
    w.states("p1", (busy_from, "BUSY"), (free_from, "AVAILABLE"))
    for week in (0, 1):
        w.booking(f"lost{week}", provider_id="p1", status="expired", created_at=at_ten(week))
        w.booking(f"kept{week}", provider_id="p1", status="completed", created_at=at_ten(week))
    # Before anybody was seen nothing is known of who was free: asked, and in no short hour.
    w.booking("old", provider_id="p1", status="expired", created_at=at_ten(2))
    w.booking("ancient", provider_id="p1", status="expired", created_at=at_ten(5))
    hours, seen, requests, accepted, unanswered, unserved, shorts, online, free = short(w)[1, 10]
    assert (hours, seen, requests, accepted, unanswered) == (3, 2, 5, 2, 3)
    assert (unserved, shorts) == (1, 1)
    assert (online, free) == (1.0, 0.5)


def test_hours_that_are_not_complete_are_not_counted(w: Warehouse) -> None:
    w.provider("p1", city="Ubud")
    asked(w, "b1", "p1", 30, 5)
    assert short(w) == {}
