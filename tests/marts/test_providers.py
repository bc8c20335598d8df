"""Providers, hand-overs and capacity against figures worked by hand on small worlds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.marts.warehouse import NOW, Warehouse

T0 = datetime(2026, 3, 10, 2)  # 10:00 in Bali
ZONES = {"Jakarta": 420, "Bali": 480, "Jayapura": 540}


def hours(number: float) -> datetime:
    return T0 + timedelta(hours=number)


@pytest.fixture
def w() -> Warehouse:
    w = Warehouse()
    for collection in ("therapists", "places", "reviews", "hotel_bookings"):
        w.scan(collection)
    return w


def providers_of(w: Warehouse) -> dict[str, dict[str, Any]]:
    w.stand("providers")
    return {row["provider_id"]: row for row in w.rows("FROM marts.providers")}


def reassigned(w: Warehouse) -> list[tuple[Any, ...]]:
    w.stand("reassignments")
    return [
        tuple(row.values())
        for row in w.rows(
            "SELECT booking_id, number, from_provider_id, to_provider_id, to_booking_id, reassigned_at, told_by,"
            " outcome FROM marts.reassignments ORDER BY booking_id, origin, number"
        )
    ]


def capacity_of(w: Warehouse) -> dict[tuple[datetime, str | None], tuple[Any, ...]]:
    w.stand("capacity")
    return {
        (row["local_hour"], row["city"]): tuple(row.values())[2:]
        for row in w.rows(
            "SELECT local_hour, city, requests, accepted, unanswered, providers_online, providers_busy, providers_free "
            "FROM marts.capacity"
        )
    }


# hand-overs


def test_a_change_of_provider_is_a_hand_over_and_a_first_sight_is_none(w: Warehouse) -> None:
    w.booking("b1", provider_id="p3", status="completed")
    w.held("b1", (hours(0), "p1"), (hours(1), "p2"), (hours(2), "p3"))
    w.booking("b2", provider_id="p1")
    w.held("b2", (hours(0), "p1"))
    w.booking("b3", provider_id="p1")
    w.held("b3", (hours(0), None), (hours(1), "p1"))
    w.booking("test", provider_id="p2", is_test=True)
    w.held("test", (hours(0), "p1"), (hours(1), "p2"))
    assert reassigned(w) == [
        ("b1", 1, "p1", "p2", None, hours(1), "observed", "completed"),
        ("b1", 2, "p2", "p3", None, hours(2), "observed", "completed"),
    ]


def test_nobody_in_between_is_one_hand_over_and_nobody_at_the_end_is_one_to_nobody(w: Warehouse) -> None:
    w.booking("b1", provider_id="p2", status="accepted")
    w.held("b1", (hours(0), "p1"), (hours(1), None), (hours(2), "p2"))
    w.booking("b2", provider_id=None, status="pending")
    w.held("b2", (hours(0), "p1"), (hours(1), None))
    w.booking("b3", provider_id="p1", status="declined")
    w.held("b3", (hours(0), "p1"), (hours(1), None), (hours(2), "p1"))
    assert reassigned(w) == [
        ("b1", 1, "p1", "p2", None, hours(2), "observed", "accepted"),
        ("b2", 1, "p1", None, None, hours(1), "observed", "pending"),
    ]


def test_what_a_booking_says_is_one_where_it_was_not_observed(w: Warehouse) -> None:
    w.booking("unseen", provider_id="p2", status="completed")
    w.held("unseen", (hours(3), "p2"))
    w.add("core.booking_handovers", booking_id="unseen", handed_from_ref="p1", handed_at=hours(1))
    w.booking("seen", provider_id="p2", status="expired")
    w.held("seen", (hours(0), "p1"), (hours(3), "p2"))
    w.add("core.booking_handovers", booking_id="seen", handed_from_ref="p1", handed_at=hours(1))
    w.booking("before", provider_id="p3", status="cancelled")
    w.held("before", (hours(2), "p2"), (hours(3), "p3"))
    w.add("core.booking_handovers", booking_id="before", handed_from_ref="p1")
    w.booking("default", provider_id="p1")
    w.add("core.booking_handovers", booking_id="default", handed_from_ref="p1")
    w.booking("to", provider_id="p1", status="accepted")
    w.add("core.booking_handovers", booking_id="to", handed_to_ref="p9", handed_at=hours(1))
    assert reassigned(w) == [
        ("before", 1, "p1", "p2", None, None, "written", "cancelled"),
        ("before", 2, "p2", "p3", None, hours(3), "observed", "cancelled"),
        ("seen", 1, "p1", "p2", None, hours(1), "observed", "expired"),
        ("to", 1, "p1", "p9", None, hours(1), "written", "accepted"),
        ("unseen", 1, "p1", "p2", None, hours(1), "written", "completed"),
    ]


def test_a_reassigned_booking_goes_to_the_provider_of_the_one_in_its_place(w: Warehouse) -> None:
    at = hours(5)
    w.booking("a", business_id="BK-A", provider_id="p1", status="reassigned")
    w.add(
        "core.booking_events", booking_id="a", from_status="pending", to_status="reassigned", observed_at=at
    )
    w.booking("a2", provider_id="p2", status="completed", created_at=hours(6))
    w.add("core.booking_handovers", booking_id="a2", from_booking_ref="bk-a", handed_from_ref="p1")
    w.booking("b", provider_id="p1", status="reassigned")
    w.add("core.booking_handovers", booking_id="b", to_booking_ref="b2", handed_at=hours(4))
    w.booking("b2", provider_id="p3", status="declined")
    w.booking("c", provider_id="p1", status="reassigned")
    w.booking("d", provider_id="p1", status="reassigned")
    w.provider("p4")
    w.add("core.booking_handovers", booking_id="d", handed_to_ref="p4")
    w.booking("e", provider_id="p1", status="reassigned")
    w.booking("e2", provider_id="p5", status="pending", created_at=hours(7))
    w.add("core.booking_handovers", booking_id="e", handed_to_ref="e2")
    assert reassigned(w) == [
        ("a", 1, "p1", "p2", "a2", at, "status", "completed"),
        ("b", 1, "p1", "p3", "b2", hours(4), "status", "declined"),
        ("c", 1, "p1", None, None, None, "status", "unknown"),
        ("d", 1, "p1", "p4", None, None, "status", "unknown"),
        ("e", 1, "p1", "p5", "e2", hours(7), "status", "pending"),
    ]


def test_a_booking_that_names_itself_and_one_in_the_place_of_a_declined_one_say_whose_they_were(
    w: Warehouse,
) -> None:
    w.booking("self", business_id="BK-S", provider_id="p2", status="completed")
    w.add("core.booking_handovers", booking_id="self", from_booking_ref="BK-S", handed_from_ref="p1")
    w.booking("own", provider_id="p1", status="reassigned")
    w.add("core.booking_handovers", booking_id="own", from_booking_ref="own", to_booking_ref="own")
    w.booking("a", provider_id="p1", status="declined")
    w.booking("a2", provider_id="p2", status="completed")
    w.add(
        "core.booking_handovers",
        booking_id="a2",
        from_booking_ref="a",
        handed_from_ref="p1",
        handed_at=hours(2),
    )
    assert reassigned(w) == [
        ("a2", 1, "p1", "p2", None, hours(2), "written", "completed"),
        ("own", 1, "p1", None, None, None, "status", "unknown"),
        ("self", 1, "p1", "p2", None, None, "written", "completed"),
    ]


def test_a_hand_over_in_the_write_that_ends_it_is_one_and_in_another_two(w: Warehouse) -> None:
    for name, ended in (("once", 2), ("twice", 3)):
        w.booking(name, provider_id="p2", status="reassigned")
        w.held(name, (hours(0), "p1"), (hours(1), "p2"))
        w.add(
            "core.booking_events", booking_id=name, from_status="pending", to_status="reassigned",
            observed_at=hours(1 if ended == 2 else 2), change=ended,
        )  # fmt: skip
    assert reassigned(w) == [
        ("once", 1, "p1", "p2", None, hours(1), "observed", "reassigned"),
        ("twice", 1, "p1", "p2", None, hours(1), "observed", "reassigned"),
        ("twice", 2, "p2", None, None, hours(2), "status", "unknown"),
    ]


def test_a_reference_that_fits_two_bookings_means_neither(w: Warehouse) -> None:
    w.booking("a", provider_id="p1", status="reassigned")
    w.add("core.booking_handovers", booking_id="a", to_booking_ref="TWO")
    w.booking("x", business_id="two", provider_id="p2")
    w.booking("y", business_id="Two", provider_id="p3")
    w.booking("h", origin="hotel_bookings", provider_id="p1", status="reassigned")
    w.add("core.booking_handovers", booking_id="h", origin="hotel_bookings", to_booking_ref="x")
    assert [row[:5] for row in reassigned(w)] == [("a", 1, "p1", None, None), ("h", 1, "p1", "p2", "x")]


@pytest.mark.parametrize("zone", ZONES)
def test_the_day_of_a_hand_over_is_local(w: Warehouse, zone: str) -> None:
    midnight = datetime(2026, 3, 1) - timedelta(minutes=ZONES[zone])
    w.booking("b1", provider_id="p3", utc_offset_minutes=ZONES[zone])
    w.held("b1", (hours(-300), "p1"), (midnight - timedelta(seconds=1), "p2"), (midnight, "p3"))
    w.booking("b2", provider_id="p2", utc_offset_minutes=None)
    w.held("b2", (hours(0), "p1"), (midnight, "p2"))
    w.stand("reassignments")
    days = w.rows(
        "SELECT strftime(local_date, '%m-%d') AS day FROM marts.reassignments ORDER BY booking_id, number"
    )
    assert [row["day"] for row in days] == ["02-28", "03-01", None]


# providers


def test_a_provider_by_what_became_of_its_requests(w: Warehouse) -> None:
    w.provider("p1", city="Ubud")
    w.provider("idle", provider_name="Idle", provider_type="place")
    w.provider("gone", deleted_at=NOW)
    made = {"provider_id": "p1", "created_at": hours(0)}
    answered = {"responded_at": hours(0) + timedelta(seconds=60)}
    w.booking(
        "b1", status="completed", accepted_at=hours(1), responded_at=hours(0) + timedelta(seconds=30), **made
    )
    w.booking("b2", status="cancelled", accepted_at=hours(1), cancelled_by="customer", **answered, **made)
    w.booking("b3", status="declined", responded_at=hours(0) + timedelta(seconds=90), **made)
    w.booking("b4", status="expired", **made)
    w.booking("b5", status="pending", response_deadline=NOW - timedelta(minutes=1), **made)
    w.booking("b6", status="pending", response_deadline=NOW + timedelta(minutes=1), **made)
    w.booking("b7", status="cancelled", cancelled_by="therapist", **made)
    w.booking("b8", status="cancelled", cancelled_by="system", **made)
    w.booking("b9", status="cancelled", cancelled_by="unknown", **made)
    w.booking("b10", status="declined", accepted_at=hours(1), **made)
    w.booking("test", is_test=True, **made)
    w.booking("deleted", deleted_at=NOW, **made)
    w.booking("nobody", **{**made, "provider_id": "therapist"})
    w.booking("strange", **{**made, "provider_id": "p9"})
    found = providers_of(w)
    assert set(found) == {"p1", "idle", "p9"}
    one = found["p1"]
    expected = {
        "provider_type": "therapist", "city": "Ubud", "requests": 10, "answered": 4, "accepted": 3, "declined": 2,
        "expired": 1, "unanswered": 2, "decided": 5, "acceptance_rate": 3 / 5, "responses": 3, "p50_response_s": 60.0,
        "p95_response_s": pytest.approx(87), "completed": 1, "cancelled": 4, "cancelled_by_customer": 1,
        "cancelled_by_provider": 1, "cancelled_by_admin": 1, "cancelled_by_unknown": 1, "booked_minutes": 60,
        "is_complete": True,
    }  # fmt: skip
    assert {name: one[name] for name in expected} == expected
    idle = found["idle"]
    assert (idle["provider_type"], idle["requests"], idle["acceptance_rate"], idle["p50_response_s"]) == (
        "place", 0, None, None,
    )  # fmt: skip
    assert (found["p9"]["provider_type"], found["p9"]["requests"]) == (None, 1)


def test_a_rating_is_of_three_and_of_no_test(w: Warehouse) -> None:
    for name in ("p1", "p2", "p3"):
        w.provider(name)
    w.booking("test", business_id="BKT", provider_id="p2", is_test=True)
    w.booking("b1", business_id="BK1", provider_id="p1")
    w.review("v1", 5)
    w.review("v2", 4)
    w.review("v3", 3, provider_id=None, booking_ref="bk1")
    w.review("v4", None)
    w.review("v5", 1, deleted_at=NOW)
    w.review("v6", 5, provider_id="p2")
    w.review("v7", 1, provider_id="p2")
    w.review("v8", 1, provider_id="p2", booking_ref="BKT")
    w.review("v9", 1, provider_id=None, booking_ref="nothing")
    found = providers_of(w)
    assert {name: (row["ratings"], row["rating"]) for name, row in found.items()} == {
        "p1": (3, 4.0), "p2": (2, None), "p3": (0, None),
    }  # fmt: skip


def test_availability_is_what_was_seen_and_utilisation_is_of_that_time(w: Warehouse) -> None:
    for name in ("p1", "unseen", "off"):
        w.provider(name)
    w.states(
        "p1", (hours(0), "AVAILABLE"), (hours(1), "BUSY"), (hours(2), "OFFLINE"), (hours(3), "RESTRICTED"),
        (hours(51), None),
    )  # fmt: skip
    w.states("off", (hours(0), "OFFLINE"), (hours(1), None))
    served = {"provider_id": "p1", "service_minutes": 60, "status": "completed"}
    w.booking("b1", starts_at=hours(1), **served)
    w.booking("b2", starts_at=hours(-0.5), **served)
    w.booking("b3", starts_at=hours(-20), **served)
    w.booking("b4", starts_at=hours(1), **{**served, "status": "cancelled"})
    found = providers_of(w)
    one = found["p1"]
    assert (one["booked_minutes"], one["seen_minutes"], one["available_minutes"]) == (180, 51 * 60, 120)
    assert (one["booked_seen_minutes"], one["utilisation"], one["restricted_days"]) == (90, 90 / 120, 2.0)
    never = found["unseen"]
    assert [
        never[name] for name in ("seen_minutes", "available_minutes", "utilisation", "restricted_days")
    ] == [None] * 4
    assert (found["off"]["available_minutes"], found["off"]["utilisation"]) == (0, None)


def test_a_status_lasts_to_the_last_whole_scan_and_without_one_not_at_all(w: Warehouse) -> None:
    w.provider("p1")
    w.provider("place", provider_type="place")
    w.states("p1", (NOW - timedelta(hours=3), "AVAILABLE"))
    w.states("place", (NOW - timedelta(hours=3), "AVAILABLE"), provider_type="place")
    w.scan("therapists", at=NOW - timedelta(hours=1))
    w.begun("places")
    found = providers_of(w)
    assert found["p1"]["available_minutes"] == 120
    assert found["place"]["available_minutes"] is None
    assert found["p1"]["acceptance_rate"] is None
    assert found["p1"]["is_complete"] is None


def test_commission_discipline(w: Warehouse) -> None:
    w.provider("p1")
    deadline = hours(4)
    for name, paid_at in (("b1", hours(3)), ("b2", hours(5)), ("b3", None)):
        w.booking(name, created_at=hours(0), accepted_at=hours(0), starts_at=hours(0), service_minutes=60)
        w.commission(f"c{name}", name, created_at=hours(0), paid_at=paid_at, verified_at=paid_at and hours(6))
    w.booking("b4", created_at=hours(0), starts_at=hours(0))
    w.commission("c4", "b4", status="overdue", created_at=hours(0), fee_idr=25_000)
    w.booking("b5", created_at=hours(0), starts_at=hours(0))
    w.commission("c5", "b5", status="reversed", is_live=False, created_at=hours(0), fee_idr=25_000)
    one = providers_of(w)["p1"]
    assert (one["paid_in_time"], one["paid_late"], one["paid_undated"], one["fees_idr"]) == (1, 1, 1, 25_000)
    assert w.rows(
        "SELECT DISTINCT deadline_at FROM marts.commission_reconciliation WHERE paid_at IS NOT NULL"
    ) == [{"deadline_at": deadline}]


def test_hand_overs_of_a_provider(w: Warehouse) -> None:
    for name in ("p1", "p2"):
        w.provider(name)
    w.booking("b1", provider_id="p2")
    w.held("b1", (hours(0), "p1"), (hours(1), "p2"))
    w.booking("b2", provider_id="p1", status="reassigned")
    found = providers_of(w)
    assert {name: (row["reassigned_away"], row["reassigned_to"]) for name, row in found.items()} == {
        "p1": (2, 0), "p2": (0, 1),
    }  # fmt: skip
    assert found["p2"]["requests"] == 1


def test_what_was_never_read_is_null_and_not_0() -> None:
    w = Warehouse(scanned=False)
    w.provider("p1")
    w.booking("b1")
    w.review("v1")
    (one,) = providers_of(w).values()
    unknown = ("acceptance_rate", "ratings", "rating", "paid_in_time", "paid_late", "paid_undated", "fees_idr",
               "seen_minutes", "utilisation", "is_complete")  # fmt: skip
    assert [name for name in unknown if one[name] is not None] == []
    (hour,) = capacity_of(w).values()
    assert hour == (1, 1, 0, None, None, None)
    assert w.rows("SELECT is_complete FROM marts.capacity") == [{"is_complete": None}]


def test_an_id_of_a_therapist_and_a_place_is_one_provider(w: Warehouse) -> None:
    w.provider("p1", city="Ubud", provider_name="A")
    w.provider("p1", city="Kuta", provider_name="B", provider_type="place")
    w.booking("b1", created_at=T0)
    w.states("p1", (hours(0), "AVAILABLE"), (hours(1), "OFFLINE"))
    w.states("p1", (hours(0), "AVAILABLE"), (hours(1), "OFFLINE"), provider_type="place")
    found = providers_of(w)
    assert (found["p1"]["provider_type"], found["p1"]["city"], found["p1"]["requests"]) == (
        "therapist",
        "Ubud",
        1,
    )
    assert capacity_of(w)[datetime(2026, 3, 10, 10), "Ubud"] == (1, 1, 0, 1, 0, 1)


def test_an_id_of_a_therapist_and_a_place_was_there_for_no_longer_than_the_therapist(w: Warehouse) -> None:
    w.provider("p1", city="Ubud")
    w.provider("p1", city="Kuta", provider_type="place", utc_offset_minutes=420)
    w.booking("b1", created_at=T0, starts_at=hours(0))
    w.states("p1", (hours(0), "AVAILABLE"), (hours(2), "OFFLINE"), (hours(4), None))
    w.states("p1", (hours(-9), "RESTRICTED"), (hours(1), "BUSY"), (hours(9), None), provider_type="place")
    one = providers_of(w)["p1"]
    assert {name: one[name] for name in ("seen_minutes", "available_minutes", "restricted_days", "utilisation")} == {
        "seen_minutes": 240, "available_minutes": 120, "restricted_days": 0, "utilisation": 0.5,
    }  # fmt: skip
    found = {(hour.hour, city): counts[3:] for (hour, city), counts in capacity_of(w).items()}
    assert found == {
        (10, "Ubud"): (1, 0, 1),
        (11, "Ubud"): (1, 0, 1),
        (12, "Ubud"): (0, 0, 0),
        (13, "Ubud"): (0, 0, 0),
    }


def test_a_review_is_of_the_booking_that_it_names_and_of_nobody_where_that_is_not_told(w: Warehouse) -> None:
    w.booking("X", provider_id="p2")
    w.booking("Y", business_id="x", provider_id="p3")
    w.booking("T", business_id="bk-9", provider_id="p8", is_test=True)
    w.booking("R", business_id="bk-9", provider_id="p4")
    for name in ("p2", "p3", "p4", "p8"):
        w.provider(name)
    for number, named in enumerate(("X", "x", "x", "bk-9", "BK-9", "T")):
        w.review(f"v{number}", booking_ref=named, provider_id=None)
    assert {name: row["ratings"] for name, row in providers_of(w).items()} == {
        "p2": 1,
        "p3": 2,
        "p4": 2,
        "p8": 0,
    }
    w.booking("Z", business_id="BK-x", provider_id="p2")
    w.booking("W", business_id="bk-X", provider_id="p3")
    w.review("both", booking_ref="bk-x", provider_id=None)
    assert {name: row["ratings"] for name, row in providers_of(w).items()} == {
        "p2": 1,
        "p3": 2,
        "p4": 2,
        "p8": 0,
    }


def test_nothing_gives_nothing(w: Warehouse) -> None:
    assert providers_of(w) == {}
    assert reassigned(w) == []
    assert capacity_of(w) == {}


# capacity


@pytest.mark.parametrize("zone", ZONES)
def test_an_hour_is_local_also_at_the_end_of_a_month(w: Warehouse, zone: str) -> None:
    offset = ZONES[zone]
    w.provider("p1", city="Here", utc_offset_minutes=offset)
    midnight = datetime(2026, 3, 1) - timedelta(minutes=offset)
    second = timedelta(seconds=1)
    w.booking("b1", created_at=midnight - second, utc_offset_minutes=offset)
    w.booking("b2", created_at=midnight, utc_offset_minutes=offset)
    w.states("p1", (midnight - second, "AVAILABLE"), (midnight, "BUSY"), (midnight + second, None))
    assert capacity_of(w) == {
        (datetime(2026, 2, 28, 23), "Here"): (1, 1, 0, 1, 0, 1),
        (datetime(2026, 3, 1, 0), "Here"): (1, 1, 0, 1, 1, 0),
    }


def test_requests_of_an_hour_and_a_city_by_what_became_of_them(w: Warehouse) -> None:
    w.provider("p1", city="Ubud")
    w.provider("p2", city=None)
    for name, values in {
        "b1": {"status": "completed"}, "b2": {"status": "expired"}, "b3": {"status": "declined"},
        "b4": {"status": "pending", "response_deadline": hours(1)},
        "b5": {"provider_id": "p2"}, "b6": {"provider_id": None}, "b7": {"is_test": True},
        "b8": {"utc_offset_minutes": None},
    }.items():  # fmt: skip
        w.booking(name, created_at=T0, **values)
    assert capacity_of(w) == {
        (datetime(2026, 3, 10, 10), "Ubud"): (4, 1, 2, None, None, None),
        (datetime(2026, 3, 10, 10), None): (2, 2, 0, None, None, None),
    }


def test_a_provider_counts_once_in_each_hour_that_it_was_on_line_in(w: Warehouse) -> None:
    for name in ("p1", "p2", "p3"):
        w.provider(name, city="Ubud")
    half = timedelta(minutes=30)
    w.states(
        "p1", (hours(0), "AVAILABLE"), (hours(0) + half, "OFFLINE"), (hours(0.75), "AVAILABLE"), (hours(1.5), "BUSY"),
        (hours(1.75), "AVAILABLE"), (hours(3), "OFFLINE"), (hours(5.5), None),
    )  # fmt: skip
    w.states("p2", (hours(1.9), "BUSY"), (hours(2.1), "RESTRICTED"), (hours(3), None))
    w.states("p3", (hours(0), None))
    w.booking("late", created_at=hours(7))
    found = {hour.hour: counts[3:] for (hour, _), counts in capacity_of(w).items()}
    assert found == {
        10: (1, 0, 1),
        11: (2, 2, 0),
        12: (2, 1, 1),
        13: (0, 0, 0),
        14: (0, 0, 0),
        15: (0, 0, 0),
        17: (None, None, None),
    }
    w.stand("capacity")
    seen = w.rows("SELECT hour(local_hour) AS h, providers_seen FROM marts.capacity ORDER BY 1")
    assert [row["providers_seen"] for row in seen] == [1, 2, 2, 1, 1, 1, 0]


def test_an_hour_is_complete_once_it_is_over_everywhere_and_nothing_of_it_is_undecided(w: Warehouse) -> None:
    w.provider("p1", city="Ubud")
    w.booking("b1", created_at=NOW - timedelta(hours=3))
    w.booking("b2", created_at=NOW)
    w.booking(
        "b3",
        status="pending",
        created_at=NOW - timedelta(hours=5),
        response_deadline=NOW + timedelta(hours=1),
    )
    w.stand("capacity")
    rows = w.rows("SELECT is_complete FROM marts.capacity ORDER BY local_hour")
    assert [row["is_complete"] for row in rows] == [False, True, False]


def test_times_that_run_backwards_make_no_overlap(w: Warehouse) -> None:
    w.provider("p1")
    w.states("p1", (hours(0), "AVAILABLE"), (hours(2), "BUSY"), (hours(1), "OFFLINE"), (hours(3), None))
    one = providers_of(w)["p1"]
    assert (one["seen_minutes"], one["available_minutes"]) == (180, 120)
