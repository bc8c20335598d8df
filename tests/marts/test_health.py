"""The seven points driven to working, broken and unknown around their limits; members and system state."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from marketplace.health import HEALTH_POINTS, QuietHours, system_state
from tests.marts.warehouse import NOW, Warehouse

MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def points(w: Warehouse, **options: Any) -> dict[int, dict[str, Any]]:
    w.build(["health_points"], **options)
    return {row["point"]: row for row in w.rows("FROM marts.health_points")}


def test_there_are_always_seven_rows_also_on_an_empty_warehouse() -> None:
    found = points(Warehouse(scanned=False))
    assert sorted(found) == [1, 2, 3, 4, 5, 6, 7]
    assert {row["status"] for row in found.values()} == {"unknown"}
    assert all(row["message"] and row["name"] == HEALTH_POINTS[n].name for n, row in found.items())


@pytest.mark.parametrize(("age", "status"), [(DAY, "working"), (DAY + SECOND, "broken"), (-SECOND, "broken")])
def test_1_a_booking_in_the_last_24_hours(w: Warehouse, age: timedelta, status: str) -> None:
    w.booking(created_at=NOW - age)
    row = points(w)[1]
    assert row["status"] == status
    assert row["severity"] == "critical"
    if status == "broken":
        assert row["message"] == "No bookings in database - Connection may be broken"
        assert (row["figure"], row["limit_value"]) == (0.0, 1.0)
    else:
        assert row["evidence_at"] == NOW - age


def test_1_a_scanned_but_empty_database_is_broken(w: Warehouse) -> None:
    assert points(w)[1]["status"] == "broken"


def test_1_test_and_deleted_bookings_are_left_out(w: Warehouse) -> None:
    w.booking("b1", created_at=NOW - HOUR, is_test=True)
    w.booking("b2", created_at=NOW - HOUR, deleted_at=NOW)
    assert points(w)[1]["status"] == "broken"


@pytest.mark.parametrize(
    ("point", "attribute", "value", "other", "window", "message"),
    [
        (2, "source", "chatWindow", "direct", 7 * DAY, "No chat window bookings found"),
        (3, "mode", "scheduled", "immediate", 7 * DAY, "No scheduled bookings found"),
        (4, "mode", "immediate", "scheduled", DAY, "No immediate bookings found"),
    ],
)
def test_2_3_4_a_booking_of_a_kind_in_its_window(
    point: int, attribute: str, value: str, other: str, window: timedelta, message: str
) -> None:
    working = Warehouse()
    working.booking(created_at=NOW - window, **{attribute: value})
    assert points(working)[point]["status"] == "working"

    broken = Warehouse()
    broken.booking("old", created_at=NOW - window - SECOND, **{attribute: value})
    broken.booking("new", created_at=NOW - window, **{attribute: other})
    row = points(broken)[point]
    assert (row["status"], row["message"], row["figure"]) == ("broken", message, 0.0)

    unknown = Warehouse()
    absent = {"has_source_value": False, "has_mode_value": False, "has_schedule_value": False}
    guessed = {"source": "unknown", "mode": "unknown", "mode_rule": "none"}
    unknown.booking("b1", created_at=NOW - window + SECOND, **absent, **guessed)
    unknown.booking("b2", created_at=NOW - window + SECOND, **absent, **guessed)
    unknown.booking("old", created_at=NOW - window - SECOND)
    row = points(unknown)[point]
    assert row["status"] == "unknown"
    assert "2 bookings" in row["message"]


def test_3_a_mode_guessed_from_the_start_does_not_measure_scheduling(w: Warehouse) -> None:
    w.booking(created_at=NOW - HOUR, has_mode_value=False, mode="immediate", mode_rule="start")
    found = points(w)
    assert (found[3]["status"], found[4]["status"]) == ("unknown", "working")


def test_2_a_booking_recognised_by_its_open_chat_window_counts(w: Warehouse) -> None:
    w.booking(created_at=NOW - HOUR, has_source_value=False, source="chatWindow", source_rule="chat_window")
    assert points(w)[2]["status"] == "working"


@pytest.mark.parametrize("collection", ["bookings", "hotel_bookings"])
def test_while_bookings_were_only_begun_what_is_not_there_is_unknown(w: Warehouse, collection: str) -> None:
    w.begun(collection)
    w.booking(created_at=NOW - HOUR, origin="hotel_bookings", source="direct", mode=None)
    w.commission()
    found = points(w)
    assert {n: found[n]["status"] for n in (2, 3, 4, 7)} == dict.fromkeys((2, 3, 4, 7), "unknown")
    assert "not all read yet" in found[2]["message"]
    w.scan(collection)
    found = points(w)
    assert {n: found[n]["status"] for n in (2, 3, 4, 7)} == {
        2: "broken",
        3: "broken",
        4: "broken",
        7: "working",
    }
    assert "not all read yet" not in found[2]["message"]


def test_while_bookings_were_only_begun_what_is_there_still_counts(w: Warehouse) -> None:
    w.begun("bookings")
    w.booking(created_at=NOW - HOUR, source="chatWindow", mode="scheduled")
    found = points(w)
    assert [found[n]["status"] for n in (1, 2, 3)] == ["working"] * 3
    assert found[7]["status"] == "broken"


def test_6_is_unknown_while_notifications_were_only_begun(w: Warehouse) -> None:
    w.notification("n", age=HOUR)
    w.begun("notifications")
    w.build(["health_points", "service_figures"])
    assert points(w)[6]["status"] == "unknown"
    assert w.rows("SELECT delivery_rate FROM marts.service_figures") == [{"delivery_rate": None}]


@pytest.mark.parametrize("collection", ["bookings", "chat_messages"])
def test_a_member_is_not_healthy_by_what_was_not_read(w: Warehouse, collection: str) -> None:
    w.provider()
    w.begun(collection)
    w.build(["member_health"])
    (row,) = w.rows("FROM marts.member_health")
    assert (row["health"], row["reasons"]) == ("unknown", "bookings or messages not all read yet")
    w.scan(collection)
    w.build(["member_health"])
    (row,) = w.rows("FROM marts.member_health")
    assert (row["health"], row["reasons"]) == ("healthy", "")


@pytest.mark.parametrize(
    ("age", "status"),
    [(59 * MIN, "working"), (60 * MIN, "working"), (60 * MIN + SECOND, "broken"), (61 * MIN, "broken")],
)
def test_5_the_newest_booking_is_at_most_an_hour_old(w: Warehouse, age: timedelta, status: str) -> None:
    w.booking(created_at=NOW - age)
    row = points(w)[5]
    assert row["status"] == status
    assert row["figure"] == pytest.approx(age / MIN)
    assert row["limit_value"] == 60.0
    if status == "broken":
        assert row["message"] == "No recent bookings flowing to admin dashboard"


@pytest.mark.parametrize("collection", ["bookings", "chat_messages", "commission_records"])
@pytest.mark.parametrize(("age", "status"), [(10 * MIN, "working"), (10 * MIN + SECOND, "broken")])
def test_5_every_required_collection_was_scanned_in_the_last_10_minutes(
    w: Warehouse, collection: str, age: timedelta, status: str
) -> None:
    w.booking(created_at=NOW - MIN)
    w.scan(collection, at=NOW - age)
    assert points(w)[5]["status"] == status


def test_5_a_required_collection_never_scanned_is_broken_an_optional_one_no_matter(w: Warehouse) -> None:
    w.booking(created_at=NOW - MIN)
    w.con.execute("DELETE FROM ops.scans WHERE collection = 'notifications'")
    assert points(w)[5]["status"] == "working"
    w.con.execute("DELETE FROM ops.scans WHERE collection = 'chat_messages'")
    assert points(w)[5]["status"] == "broken"


@pytest.mark.parametrize(
    ("local", "judged"),
    [("23:59:59", True), ("00:00:00", False), ("03:00:00", False), ("05:59:59", False), ("06:00:00", True)],
)
def test_5_the_age_of_bookings_is_not_judged_in_quiet_hours(local: str, judged: bool) -> None:
    at = datetime.combine(datetime(2026, 3, 15), time.fromisoformat(local)) - 8 * HOUR
    w = Warehouse(now=at)
    w.booking(created_at=at - 5 * HOUR)
    row = points(w)[5]
    assert row["status"] == ("broken" if judged else "working")
    assert ("quiet hours" in row["message"]) is not judged


def test_5_stale_scans_are_broken_in_quiet_hours_too() -> None:
    at = datetime(2026, 3, 14, 18)
    w = Warehouse(now=at)
    w.booking(created_at=at - MIN)
    w.scan("bookings", at=at - 11 * MIN)
    assert points(w)[5]["status"] == "broken"


@pytest.mark.parametrize(
    ("start", "end", "local", "quiet"),
    [
        (time(22), time(6), "21:59", False),
        (time(22), time(6), "22:00", True),
        (time(22), time(6), "00:00", True),
        (time(22), time(6), "05:59", True),
        (time(22), time(6), "06:00", False),
        (time(0), time(0), "00:00", False),
    ],
)
def test_quiet_hours_may_cross_midnight(start: time, end: time, local: str, quiet: bool) -> None:
    at = datetime.combine(datetime(2026, 3, 15), time.fromisoformat(local)) - 8 * HOUR
    assert QuietHours(start, end).cover(at, 8 * HOUR) is quiet


@pytest.mark.parametrize(
    ("delivered", "of", "status"),
    [(799, 1000, "broken"), (800, 1000, "working"), (4, 5, "working"), (3, 4, "broken"), (0, 0, "unknown")],
)
def test_6_at_least_80_percent_were_delivered(w: Warehouse, delivered: int, of: int, status: str) -> None:
    w.con.execute(
        "INSERT INTO core.notifications (notification_id, sent_at, created_at, delivered_at, change)"
        " SELECT i::VARCHAR, ?, ?, CASE WHEN i < ? THEN ?::TIMESTAMP END, 1 FROM range(?) r(i)",
        [NOW - HOUR, NOW - HOUR, delivered, NOW - HOUR, of],
    )
    row = points(w)[6]
    assert row["status"] == status
    assert row["figure"] == (delivered / of if of else None)
    if status == "broken":
        assert row["message"] == "Notification delivery rate below 80%"


@pytest.mark.parametrize(
    ("age", "counts"),
    [(DAY + SECOND, False), (DAY, True), (2 * MIN, True), (2 * MIN - SECOND, False), (-SECOND, False)],
)
def test_6_counts_the_last_24_hours_but_for_the_last_2_minutes(
    w: Warehouse, age: timedelta, counts: bool
) -> None:
    w.notification("n1", age=age, delivered=False)
    assert points(w)[6]["status"] == ("broken" if counts else "unknown")


def test_7_follows_missing_commissions(w: Warehouse) -> None:
    assert points(w)[7]["status"] == "unknown"
    w.booking("b1")
    w.commission("c1", "b1")
    assert points(w)[7]["status"] == "working"
    w.booking("b2")
    row = points(w)[7]
    assert (row["status"], row["figure"]) == ("broken", 1.0)
    assert row["message"] == "Payment tracking system not recording commissions"


def test_7_is_unknown_where_commission_records_were_never_scanned() -> None:
    w = Warehouse(scanned=False)
    w.booking()
    w.commission()
    assert points(w)[7]["status"] == "unknown"


def test_7_a_booking_within_its_grace_is_not_missing(w: Warehouse) -> None:
    w.booking(created_at=NOW - MIN)
    assert points(w)[7]["status"] == "working"


@pytest.mark.parametrize(
    ("broken", "state"),
    [((), "healthy"), ((2,), "degraded"), ((6, 7), "degraded"), ((1,), "down"), ((2, 5), "down")],
)
def test_the_system_is_down_when_a_vital_point_is_broken(broken: tuple[int, ...], state: str) -> None:
    assert system_state((n, "broken" if n in broken else "working") for n in HEALTH_POINTS) == state


def test_the_system_is_unknown_when_nothing_was_measured() -> None:
    assert system_state((n, "unknown") for n in HEALTH_POINTS) == "unknown"
    assert system_state([(1, "working"), (2, "unknown")]) == "healthy"


# members


def member(w: Warehouse) -> dict[str, Any]:
    w.build(["member_health"])
    (row,) = w.rows("FROM marts.member_health")
    return row


@pytest.mark.parametrize(
    ("seen", "health"),
    [(None, "unknown"), (NOW - 10 * MIN, "offline"), (NOW - 10 * MIN + SECOND, "healthy"), (NOW, "healthy")],
)
def test_a_member_is_offline_when_not_seen_for_10_minutes(
    w: Warehouse, seen: datetime | None, health: str
) -> None:
    w.provider(last_seen_at=seen)
    assert member(w)["health"] == health


@pytest.mark.parametrize(
    ("missed", "health"), [(0, "healthy"), (1, "warning"), (3, "warning"), (4, "critical")]
)
def test_missed_requests_make_a_member_warning_then_critical(w: Warehouse, missed: int, health: str) -> None:
    w.provider()
    for number in range(missed):
        late = (
            {"status": "pending", "response_deadline": NOW - SECOND} if number % 2 else {"status": "expired"}
        )
        w.booking(f"b{number}", created_at=NOW - HOUR, **late)
    w.booking("older", created_at=NOW - DAY - SECOND, status="expired")
    w.booking("open", created_at=NOW - MIN, status="pending", response_deadline=NOW + MIN)
    row = member(w)
    assert (row["health"], row["missed_requests"], row["bookings"]) == (health, missed, missed + 2)


@pytest.mark.parametrize(
    ("change", "health", "reason"),
    [
        ({"notifications_enabled": False}, "critical", "notifications off"),
        ({"sound_enabled": False}, "warning", "sound off"),
        ({"notifications_enabled": None, "sound_enabled": None}, "healthy", ""),
    ],
)
def test_a_member_who_cannot_be_reached(
    w: Warehouse, change: dict[str, Any], health: str, reason: str
) -> None:
    w.provider(**change)
    row = member(w)
    assert (row["health"], row["reasons"]) == (health, reason)


@pytest.mark.parametrize(("unread", "health"), [(10, "healthy"), (11, "warning")])
def test_over_10_unread_messages_are_a_warning(w: Warehouse, unread: int, health: str) -> None:
    w.provider()
    for number in range(unread):
        w.message(f"m{number}", receiver_id="p1", is_read=False)
    w.message("read", receiver_id="p1", is_read=True)
    row = member(w)
    assert (row["health"], row["unread_messages"]) == (health, unread)


def test_an_offline_member_shows_every_reason(w: Warehouse) -> None:
    w.provider(last_seen_at=NOW - DAY, notifications_enabled=False)
    row = member(w)
    assert (row["health"], row["reasons"]) == ("offline", "not seen for 10 minutes; notifications off")
