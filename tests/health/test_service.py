"""Response times as a distribution, delivery by channel and recipient, and a member's figures, on rows by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.services import NEVER_ANSWERED, RESPONSE_BUCKETS
from tests.marts.warehouse import NOW, Warehouse

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def test_the_buckets_meet_without_gap_or_overlap() -> None:
    assert [b.number for b in (*RESPONSE_BUCKETS, NEVER_ANSWERED)] == list(range(1, 10))
    assert [b.to_s for b in RESPONSE_BUCKETS[:-1]] == [b.from_s for b in RESPONSE_BUCKETS[1:]]
    assert RESPONSE_BUCKETS[-1].to_s is None


def test_each_response_is_in_one_bucket_of_its_source_and_of_all(w: Warehouse) -> None:
    created = NOW - DAY
    for number, seconds in enumerate((0, 29, 30, 60, 119, 120, 300, 600, 1800, 3599, 3600, 90_000)):
        w.booking(f"b{number}", created_at=created, responded_at=created + seconds * SECOND, source="direct")
    w.booking("chat", created_at=created, responded_at=created + SECOND, source="chatWindow")
    w.booking("expired", created_at=created, status="expired", source="direct")
    w.booking("late", created_at=created, status="pending", response_deadline=NOW - SECOND, source="direct")
    w.booking("open", created_at=created, status="pending", response_deadline=NOW + SECOND, source="direct")
    w.booking("before", created_at=created, responded_at=created - SECOND, source="direct")
    w.booking("old", created_at=NOW - 31 * DAY, responded_at=NOW - 31 * DAY, source="direct")
    w.booking("test", created_at=created, responded_at=created, source="direct", is_test=True)
    w.build(["response_distribution"])
    rows = w.rows("FROM marts.response_distribution ORDER BY source, bucket")
    counts = {
        source: [row["bookings"] for row in rows if row["source"] == source]
        for source in {row["source"] for row in rows}
    }
    assert counts == {
        "direct": [2, 1, 2, 1, 1, 1, 2, 2, 2],
        "chatWindow": [1, 0, 0, 0, 0, 0, 0, 0, 0],
        "all": [3, 1, 2, 1, 1, 1, 2, 2, 2],
    }
    assert sum(row["share"] for row in rows if row["source"] == "direct") == pytest.approx(1.0)


def test_without_a_booking_the_whole_has_zeros_and_no_share(w: Warehouse) -> None:
    w.build(["response_distribution"])
    rows = w.rows("FROM marts.response_distribution")
    assert len(rows) == 9
    assert {(row["source"], row["bookings"], row["share"]) for row in rows} == {("all", 0, None)}


def test_delivery_by_channel_and_recipient(w: Warehouse) -> None:
    push = {"channel": "push", "recipient_type": "therapist"}
    w.notification("a", age=HOUR, **push)
    w.notification("b", age=HOUR, delivered=False, failed_at=NOW - HOUR, **push)
    w.notification("c", age=HOUR, delivered=False, **push)
    w.notification("d", age=HOUR, failed_at=NOW - HOUR, **push)  # delivered at the second try
    w.notification("e", age=HOUR, recipient_type=None)
    w.notification("young", age=MINUTE, **push)
    w.notification("old", age=DAY + SECOND, **push)
    w.notification("gone", age=HOUR, deleted_at=NOW, **push)
    w.build(["delivery_rates", "service_figures", "health_points"])
    rows = w.rows("FROM marts.delivery_rates ORDER BY channel")
    assert [tuple(row.values()) for row in rows] == [
        ("push", "therapist", 4, 2, 1, 1, 0.5),
        ("unknown", "unknown", 1, 1, 0, 0, 1.0),
    ]
    (whole,) = w.rows("SELECT delivery_rate FROM marts.service_figures")
    assert whole["delivery_rate"] == sum(r["delivered"] for r in rows) / sum(r["sent"] for r in rows) == 0.6


def test_a_member_shows_bookings_last_seen_browser_and_settings(w: Warehouse) -> None:
    w.provider("p1", browser="Chrome", last_seen_at=NOW - MINUTE)
    w.booking("b1", provider_id="p1")
    w.booking("test", provider_id="p1", is_test=True)
    w.message("m", receiver_id="p1", is_read=None)
    w.build(["member_health"])
    (row,) = w.rows("FROM marts.member_health")
    assert (row["bookings"], row["unread_messages"], row["browser"], row["last_seen_at"]) == (
        1,
        0,
        "Chrome",
        NOW - MINUTE,
    )
    assert (row["notifications_enabled"], row["sound_enabled"], row["health"]) == (True, True, "healthy")


def test_critical_goes_before_warning_and_never_seen_before_all(w: Warehouse) -> None:
    w.provider("never", last_seen_at=None, notifications_enabled=False)
    w.provider("off", notifications_enabled=False, sound_enabled=False)
    w.build(["member_health"])
    assert {r["provider_id"]: (r["health"], r["reasons"]) for r in w.rows("FROM marts.member_health")} == {
        "never": ("unknown", "never seen; notifications off"),
        "off": ("critical", "notifications off; sound off"),
    }
