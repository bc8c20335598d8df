"""Chat rooms: how quickly the other side answers, and who waits now."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.marts.warehouse import NOW, Warehouse

SECOND, MIN, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: Three days before NOW, 20:00 in Bali.
OPENED = NOW - 3 * DAY
_NUMBER = count()


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def days(w: Warehouse) -> list[dict[str, Any]]:
    w.stand("chat_rooms_daily")
    return w.rows("FROM marts.chat_rooms_daily ORDER BY local_date")


def waiting(w: Warehouse) -> list[dict[str, Any]]:
    w.build(["chat_waiting"])
    return w.rows("FROM marts.chat_waiting")


def say(w: Warehouse, room: str, role: str, at: datetime, **values: Any) -> None:
    w.message(f"m{next(_NUMBER)}", conversation_id=room, sender_role=role, sent_at=at, **values)


def test_a_day_s_rooms_and_all_that_was_said_in_them(w: Warehouse) -> None:
    for booking in ("b1", "b2"):
        w.booking(booking)
    for room, booking in (("quick", "b1"), ("slow", "b1"), ("alone", "b2"), ("empty", None)):
        w.room(room, booking, created_at=OPENED)
    say(w, "quick", "system", OPENED)
    say(w, "quick", "customer", OPENED + MIN)
    say(w, "quick", "therapist", OPENED + 2 * MIN, kind="status-update")  # the app, in their name
    say(w, "quick", "admin", OPENED + 2 * MIN)
    say(w, "quick", "customer", OPENED + 3 * MIN)
    say(w, "quick", "therapist", OPENED + 4 * MIN, is_read=False)
    say(w, "slow", "therapist", OPENED + MIN)  # a provider may wait as well
    say(w, "slow", "customer", OPENED + 12 * MIN, is_read=None)
    say(w, "alone", "customer", OPENED + MIN, is_read=False)
    say(w, "alone", "customer", OPENED + DAY, deleted_at=NOW)
    say(w, "nowhere", "customer", OPENED + MIN)
    (row,) = days(w)
    assert row == {
        "local_date": date(2026, 3, 12),
        "rooms": 4,
        "rooms_spoken": 3,
        "rooms_replied": 2,
        "unanswered": 2,
        "unanswered_share": pytest.approx(2 / 3),
        "p50_reply_s": (180 + 660) / 2,
        "p95_reply_s": pytest.approx(180 + 0.95 * 480),
        "messages": 9,
        "bookings": 2,
        "booking_messages": 9,
        "messages_per_booking": 4.5,
        "unread": 2,
        "messages_sent": 9,
        "is_complete": True,
    }


@pytest.mark.parametrize(
    ("wait", "unanswered"), [(10 * MIN, 0), (10 * MIN + SECOND, 1)], ids=["ten minutes", "over ten"]
)
@pytest.mark.parametrize("answered", [True, False])
def test_a_room_is_unanswered_once_its_first_message_waited_over_ten_minutes(
    w: Warehouse, wait: timedelta, unanswered: int, answered: bool
) -> None:
    first = OPENED if answered else NOW - wait
    w.room("r1", None, created_at=OPENED)
    say(w, "r1", "customer", first)
    if answered:
        say(w, "r1", "therapist", first + wait)
    assert days(w)[0]["unanswered"] == unanswered


def test_how_long_a_room_waits_is_told_as_far_as_messages_were_read(w: Warehouse) -> None:
    w.scan("chat_messages", at=NOW - 5 * MIN)
    w.room("r1", None, created_at=OPENED)
    say(w, "r1", "customer", NOW - 12 * MIN)
    assert days(w)[0]["unanswered"] == 0


@pytest.mark.parametrize("offset", [420, 480, 540])
def test_rooms_go_by_the_day_they_were_opened_and_messages_sent_by_their_own(offset: int) -> None:
    w = Warehouse(datetime(2026, 3, 10))
    midnight = datetime(2026, 3, 1) - timedelta(minutes=offset)
    w.room("r1", None, created_at=midnight - SECOND, utc_offset_minutes=offset)
    w.room("r2", None, created_at=midnight, utc_offset_minutes=offset)
    w.room("unzoned", None, created_at=midnight, utc_offset_minutes=None)
    say(w, "r1", "customer", midnight - SECOND)
    say(w, "r1", "therapist", midnight)
    say(w, "r1", "customer", midnight + DAY)
    say(w, "unzoned", "customer", midnight)
    found = [(row["local_date"], row["rooms"], row["messages"], row["messages_sent"]) for row in days(w)]
    assert found == [
        (date(2026, 2, 28), 1, 3, 1),
        (date(2026, 3, 1), 1, 0, 1),
        (date(2026, 3, 2), 0, 0, 1),
    ]


def test_rooms_of_tests_and_deleted_ones_are_in_no_figure(w: Warehouse) -> None:
    w.booking("test", is_test=True, business_id="T1")
    w.booking("real", business_id="R1", status="pending")
    w.booking("namesake", is_test=True, business_id="R1")
    for room, booking in (("t1", "test"), ("t2", "T1"), ("t3", "TEST"), ("real", "R1")):
        w.room(room, booking)
        say(w, room, "customer", NOW - HOUR)
    w.room("gone", None, deleted_at=NOW)
    (row,) = days(w)
    assert (row["rooms"], row["messages"]) == (1, 1)
    assert [(row["room_id"], row["booking_id"]) for row in waiting(w)] == [("real", "real")]


@pytest.mark.parametrize("unread", ["chat_messages", "chat_rooms", "therapists"])
def test_what_was_not_all_read_is_not_final(w: Warehouse, unread: str) -> None:
    w.room("r1", "b1", created_at=OPENED)
    w.room("young", None, created_at=NOW)
    say(w, "r1", "customer", OPENED)
    w.begun(unread)
    old, young = days(w)
    assert (old["is_complete"], young["is_complete"]) == (None, False)
    rest = ("unanswered", "rooms_spoken", "rooms_replied", "messages", "booking_messages", "messages_per_booking",
            "unread", "messages_sent")  # fmt: skip
    assert {name for name in rest if old[name] is None} == (set(rest) if unread == "chat_messages" else set())
    assert (old["rooms"], old["bookings"]) == (1, 1)


def test_nobody_is_known_to_wait_for_longer_than_messages_were_read(w: Warehouse) -> None:
    w.room("r1", None)
    say(w, "r1", "customer", NOW - 3 * HOUR)
    w.scan("chat_messages", read_until=NOW - HOUR)
    assert [row["waited_s"] for row in waiting(w)] == [7_200]
    w.begun("chat_messages")
    assert [row["waited_s"] for row in waiting(w)] == [None]


def test_who_waits_longest_stands_first(w: Warehouse) -> None:
    w.booking("b1", status="pending", business_id="BK1")
    for room in ("r1", "r2", "answered", "silent"):
        w.room(room, "bk1" if room == "r2" else "b1" if room == "r1" else None, customer_id="u1")
    say(w, "r1", "customer", NOW - 90 * MIN)
    say(w, "r1", "therapist", NOW - 60 * MIN)
    say(w, "r1", "customer", NOW - 30 * MIN)
    say(w, "r1", "customer", NOW - 10 * MIN)
    say(w, "r1", "system", NOW - 5 * MIN)
    say(w, "R2", "therapist", NOW - 40 * MIN)
    say(w, "answered", "customer", NOW - 40 * MIN)
    say(w, "answered", "therapist", NOW - 40 * MIN)
    assert waiting(w) == [
        {
            "room_id": "r2",
            "booking_id": "b1",
            "customer_id": "u1",
            "provider_id": "p1",
            "waiting_since": NOW - 40 * MIN,
            "waiting_for_role": "customer",
            "messages": 1,
            "waited_s": 2400.0,
        },
        {
            "room_id": "r1",
            "booking_id": "b1",
            "customer_id": "u1",
            "provider_id": "p1",
            "waiting_since": NOW - 30 * MIN,
            "waiting_for_role": "therapist",
            "messages": 2,
            "waited_s": 1800.0,
        },
    ]


@pytest.mark.parametrize(
    ("room", "booking", "waits"),
    [
        ({}, {"status": "accepted"}, True),
        ({"status": "unknown"}, {"status": "pending"}, True),
        ({"status": "completed"}, {"status": "accepted"}, False),
        ({"status": "cancelled"}, {"status": "accepted"}, False),
        ({"expires_at": NOW}, {"status": "accepted"}, False),
        ({"expires_at": NOW + SECOND}, {"status": "accepted"}, True),
        ({}, {"status": "completed"}, False),
        ({}, {"status": "cancelled"}, False),
        ({}, {"status": "declined"}, False),
        ({}, {"status": "expired"}, False),
        ({}, {"status": "reassigned"}, False),
        ({}, {"status": "unknown"}, True),
    ],
)
def test_nobody_waits_in_a_room_that_is_over(
    w: Warehouse, room: dict[str, Any], booking: dict[str, Any], waits: bool
) -> None:
    w.booking("b1", **booking)
    w.room("r1", "b1", **room)
    say(w, "r1", "customer", NOW - HOUR)
    assert len(waiting(w)) == waits


def test_a_room_that_names_one_of_two_bookings_is_of_none_that_is_known(w: Warehouse) -> None:
    w.booking("b1", business_id="BK", status="completed")
    w.booking("b2", business_id="BK", status="pending")
    w.room("r1", "BK")
    say(w, "r1", "customer", NOW - HOUR)
    (row,) = waiting(w)
    assert row["booking_id"] is None


def test_how_long_somebody_waits_changes_nothing_that_is_told(w: Warehouse) -> None:
    w.room("r1", None)
    say(w, "r1", "customer", NOW - HOUR)
    w.build(["chat_waiting"])
    w.now = NOW + MIN
    w.scan("chat_messages")
    assert w.build(["chat_waiting"]).changed == frozenset()
    assert [row["waited_s"] for row in w.rows("FROM marts.chat_waiting")] == [3660.0]


def test_no_room_is_no_day_and_nobody_waits(w: Warehouse) -> None:
    assert (days(w), waiting(w)) == ([], [])
