"""Each health point driven to working, broken and unknown by rows of the mirror, through core and marts, under a frozen
clock: around its limits, around midnight and the quiet hours of each zone."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest

from marketplace.health import HEALTH_POINTS
from messages.catalogue import english
from messages.figures import counted_in
from messages.rules import component
from tests.health.market import DAY, HOUR, MINUTE, NOW, Market, stamp, statuses

BROKEN_MESSAGES = {
    1: "No bookings in database - Connection may be broken",
    2: "No chat window bookings found",
    3: "No scheduled bookings found",
    4: "No immediate bookings found",
    5: "No recent bookings flowing to admin dashboard",
    6: "Notification delivery rate below 80%",
    7: "Payment tracking system not recording commissions",
}
SEVERITIES = {1: "critical", 2: "medium", 3: "medium", 4: "high", 5: "critical", 6: "high", 7: "critical"}


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path / "home")


def healthy(market: Market, now: datetime = NOW) -> None:
    """Rows under which every point works at ``now``."""
    market.booking("now", now - 5 * MINUTE, source="chatWindow", mode="immediate")
    market.booking("later", now - DAY, source="menuSlider", mode="scheduled")
    accepted = stamp(now - HOUR)
    market.booking("earns", now - HOUR, status="accepted", acceptedAt=accepted)
    market.commission("c1", "earns", now - HOUR)
    market.notifications(now - HOUR, delivered=4, of=5)
    market.scanned(now)


def test_all_seven_work(market: Market) -> None:
    healthy(market)
    points = market.judge()
    assert set(statuses(points).values()) == {"working"}
    for number, point in points.items():
        rule = HEALTH_POINTS[number]
        assert (point["severity"], point["limit_value"], point["unit"], point["component"]) == (
            SEVERITIES[number],
            rule.limit,
            counted_in(rule.metric),
            english(component(number)),
        )
        assert point["code"] == f"point.{number}.working"
    figures = {number: point["figure"] for number, point in points.items()}
    assert figures == {1: 3.0, 2: 1.0, 3: 1.0, 4: 2.0, 5: 5.0, 6: 0.8, 7: 0.0}
    evidence = {number: point["evidence_at"] for number, point in points.items()}
    newest = NOW - 5 * MINUTE
    assert evidence == {1: newest, 2: newest, 3: NOW - DAY, 4: newest, 5: newest, 6: NOW - HOUR, 7: NOW}


def test_nothing_was_ever_scanned(market: Market) -> None:
    points = market.judge()
    assert set(statuses(points).values()) == {"unknown"}
    assert {point["code"] for point in points.values()} == {
        *(f"point.{n}.unknown" for n in (1, 5, 6, 7)),
        *(f"point.{n}.unread" for n in (2, 3, 4)),
    }


def test_1_3_and_5_are_broken_where_bookings_stopped_a_day_ago(market: Market) -> None:
    healthy(market)
    points = market.judge(NOW + DAY)
    assert statuses(points) == {
        1: "broken",
        2: "working",
        3: "working",
        4: "unknown",
        5: "broken",
        6: "unknown",
        7: "working",
    }
    assert points[1]["message"] == BROKEN_MESSAGES[1]
    assert points[1]["component"] == english(component(1))
    assert points[5]["component"] == (
        "the scans of bookings, chat_messages, commission_records; bookings created by the app"
    )
    assert "0 bookings" in points[4]["message"]


def test_2_3_4_6_and_7_are_broken_each_with_its_words(market: Market) -> None:
    market.booking("a", NOW - 61 * MINUTE, source="direct", mode="scheduled", status="accepted")
    market.notifications(NOW - HOUR, delivered=3, of=4)
    market.scanned()
    points = market.judge()
    assert statuses(points) == {
        1: "working",
        2: "broken",
        3: "working",
        4: "broken",
        5: "broken",
        6: "broken",
        7: "broken",
    }
    market.booking("b", NOW - 62 * MINUTE, source="direct", mode="immediate")
    market.raw.delete("bookings", "a")
    after = market.judge()
    assert statuses(after)[3] == "broken"
    for number, point in {**points, 3: after[3]}.items():
        if point["status"] == "broken":
            assert point["message"] == BROKEN_MESSAGES[number]
            assert point["severity"] == SEVERITIES[number]
    assert (points[6]["figure"], points[6]["limit_value"]) == (0.75, 0.8)
    assert (points[7]["figure"], points[7]["limit_value"]) == (1.0, 0.0)
    assert points[5]["figure"] == pytest.approx(61.0)
    assert points[5]["component"] == "bookings created by the app"


def test_2_3_and_4_are_unknown_where_no_booking_carries_the_attribute(market: Market) -> None:
    market.booking("a", NOW - HOUR, source=None, mode=None)
    market.booking("b", NOW - HOUR, source=None, mode=None)
    market.scanned()
    points = market.judge()
    assert statuses(points)[1] == "working"
    for number in (2, 3, 4):
        assert points[number]["status"] == "unknown"
        assert "(2 bookings in that time)" in points[number]["message"]


def test_test_rows_are_no_evidence(market: Market) -> None:
    market.booking("flag", NOW - MINUTE, source="chatWindow", isTest=True)
    market.booking("name", NOW - MINUTE, source="chatWindow", customerName="Admin Test", status="accepted")
    market.scanned()
    assert statuses(market.judge()) == {
        1: "broken",
        2: "unknown",
        3: "unknown",
        4: "unknown",
        5: "broken",
        6: "unknown",
        7: "unknown",
    }


@pytest.mark.parametrize(
    ("minutes", "status"), [(59, "working"), (60, "working"), (60.02, "broken"), (61, "broken")]
)
def test_5_an_hour_is_the_limit(market: Market, minutes: float, status: str) -> None:
    market.booking("a", NOW - minutes * MINUTE)
    market.scanned()
    point = market.judge()[5]
    assert (point["status"], point["figure"]) == (status, pytest.approx(minutes, abs=1e-4))


@pytest.mark.parametrize("collection", ["bookings", "chat_messages", "commission_records"])
def test_5_a_required_scan_may_be_10_minutes_old(market: Market, collection: str) -> None:
    market.booking("a", NOW - MINUTE)
    market.scanned()
    market.scanned(NOW - 10 * MINUTE, collections=(collection,))
    assert market.judge()[5]["status"] == "working"
    market.scanned(NOW - 10 * MINUTE - MINUTE / 60, collections=(collection,))
    point = market.judge()[5]
    assert (point["status"], point["component"]) == ("broken", f"the scans of {collection}")
    assert point["message"] == BROKEN_MESSAGES[5]


@pytest.mark.parametrize(("delivered", "of", "status"), [(199, 249, "broken"), (200, 250, "working")])
def test_6_four_fifths_are_the_limit(market: Market, delivered: int, of: int, status: str) -> None:
    """199 of 249 are 79.9 %. Those under two minutes old are on their way."""
    market.notifications(NOW - 2 * MINUTE, delivered, of)
    market.notifications(NOW - 2 * MINUTE + MINUTE / 60, delivered=0, of=30)
    market.notifications(NOW - DAY - MINUTE / 60, delivered=0, of=30)
    market.scanned()
    point = market.judge()[6]
    assert (point["status"], point["figure"]) == (status, pytest.approx(delivered / of))


ZONES = {"Asia/Jakarta": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}


@pytest.mark.parametrize("zone", list(ZONES))
def test_5_quiet_hours_are_those_of_the_zone(market: Market, zone: str) -> None:
    """Midnight and six o'clock, half-open, while the newest booking is five hours old."""
    found: dict[str, str] = {}
    for local in ("23:59:59", "00:00:00", "05:59:59", "06:00:00"):
        day = datetime(2026, 3, 16 if local < "12" else 15)
        at = datetime.combine(day, time.fromisoformat(local)) - ZONES[zone] * HOUR
        market.booking(f"b{local}", at - 5 * HOUR)
        market.scanned(at)
        point = market.judge(at, zone)[5]
        found[local] = point["status"]
        assert ("quiet hours" in point["message"]) is (point["status"] == "working")
        market.raw.delete("bookings", f"b{local}")
    assert found == {"23:59:59": "broken", "00:00:00": "working", "05:59:59": "working", "06:00:00": "broken"}
    late = datetime(2026, 3, 15, 18)  # 01:00 to 03:00 in the three zones
    market.booking("fresh", late - MINUTE)
    market.scanned(late - 11 * MINUTE)
    assert market.judge(late, zone)[5]["status"] == "broken"


@pytest.mark.parametrize("zone", list(ZONES))
def test_a_window_does_not_end_at_midnight(market: Market, zone: str) -> None:
    """24 hours are 24 hours, also across a local midnight."""
    just_after_midnight = datetime(2026, 3, 16, 0, 5) - ZONES[zone] * HOUR
    market.booking("yesterday", just_after_midnight - 24 * HOUR)
    market.scanned(just_after_midnight)
    points: dict[int, dict[str, Any]] = market.judge(just_after_midnight, zone)
    assert (points[1]["status"], points[4]["status"]) == ("working", "working")
    points = market.judge(just_after_midnight + MINUTE / 60, zone)
    assert (points[1]["status"], points[4]["status"]) == ("broken", "unknown")
