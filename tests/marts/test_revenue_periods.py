"""Revenue by week, month and kind, what discounts gave, and peak hours beside their baseline."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.marts.warehouse import NOW, Warehouse

SECOND, HOUR, DAY, WEEK = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
FIGURES = ("bookings", "booked_idr", "completed_idr", "collected_idr")


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def made(w: Warehouse, mart: str) -> list[dict[str, Any]]:
    w.stand(mart)
    return w.rows(f"FROM marts.{mart} ORDER BY ALL")


def figures(row: dict[str, Any], prefix: str = "") -> tuple[Any, ...]:
    return tuple(row[f"{prefix}{name}"] for name in FIGURES)


def test_a_month_stands_beside_the_month_before(w: Warehouse) -> None:
    w.booking("b1", created_at=datetime(2025, 12, 10), amount_idr=100_000)
    w.commission("c1", "b1", paid_at=datetime(2026, 1, 31, 12), commission_idr=30_000)
    w.booking("b2", created_at=datetime(2026, 1, 10), amount_idr=200_000, status="accepted")
    w.booking("b3", created_at=datetime(2026, 3, 10), amount_idr=400_000)
    w.booking("b4", created_at=datetime(2026, 3, 10), status="cancelled")
    w.booking("test", created_at=datetime(2026, 3, 10), is_test=True)
    rows = made(w, "revenue_monthly")
    assert [(r["local_month"], figures(r), figures(r, "previous_"), r["is_complete"]) for r in rows] == [
        (date(2025, 12, 1), (1, 100_000, 100_000, 0), (None,) * 4, True),
        (date(2026, 1, 1), (1, 200_000, 0, 30_000), (1, 100_000, 100_000, 0), True),
        # In February nothing was.
        (date(2026, 3, 1), (2, 400_000, 400_000, 0), (0, 0, 0, 0), False),
    ]


def test_a_week_begins_on_monday_and_stands_beside_the_week_before(w: Warehouse) -> None:
    # 2 March 2026 is a Monday; in Bali it begins at 16:00 UTC of the day before.
    monday = datetime(2026, 3, 1, 16)
    w.booking("b1", created_at=monday - SECOND, amount_idr=100_000)
    w.booking("b2", created_at=monday, amount_idr=200_000)
    w.booking("b3", created_at=monday + WEEK - SECOND, amount_idr=300_000)
    w.booking("b4", created_at=monday + WEEK, amount_idr=400_000)
    rows = made(w, "revenue_weekly")
    assert [(r["local_week"], r["booked_idr"], r["previous_booked_idr"], r["is_complete"]) for r in rows] == [
        (date(2026, 2, 23), 100_000, None, True),
        (date(2026, 3, 2), 500_000, 100_000, True),
        (date(2026, 3, 9), 400_000, 500_000, False),
    ]


@pytest.mark.parametrize("offset", [420, 480, 540])
def test_a_month_goes_by_the_booking_s_own_zone(w: Warehouse, offset: int) -> None:
    march = datetime(2026, 3, 1) - timedelta(minutes=offset)
    w.booking("b1", created_at=march - SECOND, utc_offset_minutes=offset, amount_idr=100_000)
    w.booking("b2", created_at=march, utc_offset_minutes=offset, amount_idr=200_000)
    w.booking("b3", created_at=march, utc_offset_minutes=None)
    found = [(r["local_month"], r["booked_idr"]) for r in made(w, "revenue_monthly")]
    assert found == [(date(2026, 2, 1), 100_000), (date(2026, 3, 1), 200_000)]


@pytest.mark.parametrize(
    ("now", "over"), [(datetime(2026, 2, 28, 16, 59, 59), False), (datetime(2026, 2, 28, 17), True)]
)
def test_a_month_is_over_when_it_is_in_the_last_zone(now: datetime, over: bool) -> None:
    w = Warehouse(now)
    w.booking("b1", created_at=datetime(2026, 2, 10), utc_offset_minutes=540)
    assert [r["is_complete"] for r in made(w, "revenue_monthly")] == [over]


@pytest.mark.parametrize("unread", ["bookings", "hotel_bookings", "places", "commission_records"])
@pytest.mark.parametrize("mart", ["revenue_weekly", "revenue_monthly"])
def test_a_period_of_which_not_all_was_read_is_not_final(w: Warehouse, mart: str, unread: str) -> None:
    w.booking("b1", created_at=NOW - 60 * DAY)
    w.booking("b2", created_at=NOW)
    w.begun(unread)
    assert [r["is_complete"] for r in made(w, mart)] == [None, False]


def test_therapists_places_and_hotels_stand_apart_and_add_up_to_the_day(w: Warehouse) -> None:
    w.provider("p1")
    w.provider("p2", provider_type="place")
    w.provider("both")
    w.provider("both", provider_type="place")
    day = {"created_at": NOW - 2 * DAY}
    w.booking("b1", amount_idr=100_000, **day)
    # What a provider is there as tells, not what the booking says.
    w.booking("b2", provider_id="p2", provider_type="therapist", amount_idr=200_000, status="accepted", **day)
    w.booking("b3", provider_id="both", provider_type="place", amount_idr=300_000, **day)
    w.booking("b4", provider_id="left", provider_type="place", amount_idr=400_000, **day)
    w.booking("b5", provider_id="left", provider_type=None, amount_idr=500_000, **day)
    w.booking("b6", origin="hotel_bookings", amount_idr=600_000, **day)
    w.booking("b7", origin="hotel_bookings", provider_id=None, provider_type=None, amount_idr=None, **day)
    for number in range(1, 7):
        owner = {"b2": "p2", "b3": "both", "b4": "left", "b5": "left"}.get(f"b{number}", "p1")
        w.commission(
            f"c{number}", f"b{number}", paid_at=NOW - DAY, commission_idr=1_000 * number, provider_id=owner
        )
    # Whom a record charges paid it, whosever the booking was.
    w.booking("b8", amount_idr=700_000, **day)
    w.commission("wrong", "b8", paid_at=NOW - DAY, commission_idr=300, provider_id="p2")
    w.commission("orphan", "ghost", paid_at=NOW - DAY, commission_idr=50, provider_id="p2")
    w.build(["revenue_by_kind", "revenue_daily"])
    rows = w.rows("FROM marts.revenue_by_kind ORDER BY ALL")
    assert [(r["local_date"].day, r["kind"], *figures(r)) for r in rows] == [
        (13, "hotel", 2, 600_000, 600_000, 0),
        (13, "place", 3, 900_000, 700_000, 0),
        (13, "therapist", 2, 800_000, 800_000, 0),
        (13, "unknown", 1, 500_000, 500_000, 0),
        (14, "hotel", 0, 0, 0, 6_000),
        (14, "place", 0, 0, 0, 9_350),
        (14, "therapist", 0, 0, 0, 1_000),
        (14, "unknown", 0, 0, 0, 5_000),
    ]
    summed = ", ".join(f"sum({name})::BIGINT AS {name}" for name in FIGURES)
    assert w.rows(
        f"SELECT local_date, {summed} FROM marts.revenue_by_kind GROUP BY ALL ORDER BY ALL"
    ) == w.rows("FROM marts.revenue_daily ORDER BY ALL")


def test_what_discounts_gave_is_told_where_both_amounts_are_known(w: Warehouse) -> None:
    code: dict[str, Any] = {"created_at": NOW - 2 * DAY, "discounted": True}
    w.booking("b1", amount_idr=200_000, amount_before_idr=250_000, **code)
    w.booking("b2", amount_idr=0, amount_before_idr=300_000, amount_rule="free", status="accepted", **code)
    w.booking("b3", amount_idr=150_000, **code)
    w.booking("b4", amount_idr=None, amount_before_idr=300_000, **code)
    w.booking("b5", amount_idr=100_000, amount_before_idr=250_000, **{**code, "status": "cancelled"})
    w.booking("b6", amount_idr=100_000, amount_before_idr=250_000, **{**code, "is_test": True})
    w.booking("plain", created_at=NOW - 2 * DAY)
    assert made(w, "discounts") == [
        {
            "local_date": date(2026, 3, 13),
            "bookings": 5,
            "discounted": 4,
            "share": 0.8,
            "free": 1,
            "known": 2,
            "unknown": 2,
            "before_idr": 550_000,
            "after_idr": 200_000,
            "given_idr": 350_000,
        }
    ]


@pytest.mark.parametrize("offset", [420, 480, 540])
def test_a_discount_is_given_on_the_local_day_of_creation(w: Warehouse, offset: int) -> None:
    midnight = datetime(2026, 3, 1) - timedelta(minutes=offset)
    for name, at in (("before", midnight - SECOND), ("after", midnight)):
        w.booking(name, created_at=at, utc_offset_minutes=offset, discounted=True)
    assert [row["local_date"] for row in made(w, "discounts")] == [date(2026, 2, 28), date(2026, 3, 1)]


def hours(w: Warehouse) -> dict[tuple[str, int, int], tuple[Any, ...]]:
    return {
        (row["basis"], row["weekday"], row["hour"]): (
            row["bookings"],
            row["recent_bookings"],
            row["baseline_bookings"],
            row["baseline"],
            row["change"],
        )
        for row in made(w, "peak_hours")
    }


def test_an_hour_of_the_week_stands_beside_the_mean_of_four_weeks_before(w: Warehouse) -> None:
    # NOW is Sunday, 20:00 in Bali.
    for number, weeks in enumerate((0, 0, 1, 1, 2, 5, 6)):
        w.booking(f"b{number}", created_at=NOW - weeks * WEEK - HOUR)
    w.booking("edge", created_at=NOW - WEEK)  # the last days begin after it
    w.booking("first", created_at=NOW - 5 * WEEK)  # and so do the four weeks before
    w.booking("monday", created_at=NOW - 6 * DAY)
    assert hours(w) == {
        ("created", 7, 19): (7, 2, 3, 0.75, pytest.approx(2 / 0.75)),
        ("created", 7, 20): (2, 0, 1, 0.25, 0.0),
        ("created", 1, 20): (1, 1, 0, 0.0, None),
    }


@pytest.mark.parametrize("unread", [None, "bookings", "places"])
def test_a_baseline_that_is_not_all_there_is_none(w: Warehouse, unread: str | None) -> None:
    w.booking("b1", created_at=NOW - WEEK - HOUR)
    if unread:
        w.booking("old", created_at=NOW - 7 * WEEK)
        w.begun(unread)
    assert hours(w)["created", 7, 19][1:] == (0, None, None, None)


@pytest.mark.parametrize(
    "mart", ["revenue_weekly", "revenue_monthly", "revenue_by_kind", "discounts", "peak_hours"]
)
def test_nothing_booked_is_no_row(w: Warehouse, mart: str) -> None:
    assert made(w, mart) == []
