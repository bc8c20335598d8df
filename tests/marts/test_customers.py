"""Customers and whether they come back: who is one, what counts, and in which local month."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.marts.warehouse import NOW, Warehouse

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def customers(w: Warehouse) -> list[dict[str, Any]]:
    w.stand("customers")
    return w.rows("FROM marts.customers ORDER BY customer_id")


def retention(w: Warehouse) -> dict[tuple[date, int], tuple[Any, ...]]:
    """(cohort, months after) → customers, returned, share, is_complete."""
    w.stand("customer_retention")
    return {
        (row["cohort_month"], row["months_after"]): (
            row["customers"],
            row["returned"],
            row["share"],
            row["is_complete"],
        )
        for row in w.rows("FROM marts.customer_retention")
    }


def by(w: Warehouse, booking_id: str, customer: str, created_at: datetime, **values: Any) -> None:
    w.booking(booking_id, created_at=created_at, customer_id=customer, customer_key=f"c:{customer}", **values)


def test_a_customer_has_what_they_booked_and_what_became_of_it(w: Warehouse) -> None:
    first = datetime(2026, 1, 5, 3)
    by(w, "b1", "u1", first, source="menuSlider", status="cancelled")
    by(w, "b2", "u1", first + DAY, amount_idr=200_000)
    by(w, "b3", "u1", first + 2 * DAY, amount_idr=None, amount_rule=None)
    by(w, "b4", "u1", first + 3 * DAY, status="accepted", amount_idr=900_000)
    by(w, "b5", "u1", first + 4 * DAY, status="declined")
    by(w, "b6", "u1", first + 5 * DAY, origin="hotel_bookings", amount_idr=300_000)
    by(w, "test", "u1", first - DAY, is_test=True)
    by(w, "gone", "u1", first + 9 * DAY, deleted_at=NOW)
    by(w, "b7", "u2", first)
    one, two = customers(w)
    assert one == {
        "customer_id": "u1",
        "first_booking_at": first,
        "last_booking_at": first + 5 * DAY,
        "bookings": 6,
        "completed": 3,
        "spent_idr": 500_000,
        "unknown_amounts": 1,
        "first_source": "menuSlider",
        "first_local_date": date(2026, 1, 5),
        "declined": 1,
        "reassigned": 0,
        "is_complete": True,
    }
    assert (two["customer_id"], two["bookings"]) == ("u2", 1)


def test_what_was_declined_or_reassigned_once_was_so_whatever_came_after(w: Warehouse) -> None:
    by(w, "b1", "u1", NOW - 3 * DAY)
    for change, status in enumerate(("pending", "reassigned", "pending", "declined", "completed")):
        w.add("core.booking_events", booking_id="b1", to_status=status, observed_at=NOW, change=change)
    by(w, "b2", "u1", NOW - 2 * DAY, status="reassigned")
    by(w, "b3", "u1", NOW - DAY, provider_id="p2")
    for change, (giver, taker) in enumerate(((None, "p1"), ("p1", "p2"))):
        w.add(
            "core.booking_providers",
            booking_id="b3",
            origin="bookings",
            from_provider_id=giver,
            to_provider_id=taker,
            observed_at=NOW - DAY,
            change=change,
        )
    # Of another collection it is another booking.
    by(w, "b1", "u2", NOW - 3 * DAY, origin="hotel_bookings")
    one, two = customers(w)
    assert (one["bookings"], one["declined"], one["reassigned"]) == (3, 1, 3)
    assert (two["bookings"], two["declined"], two["reassigned"]) == (1, 0, 0)


def test_a_phone_is_no_customer_and_two_spellings_of_an_id_are_one(w: Warehouse) -> None:
    w.booking("guest", customer_key="p:" + "0" * 32)
    w.booking("nobody", customer_id="guest")
    w.booking("upper", customer_id="Ani", customer_key="c:ani", created_at=NOW - 2 * DAY)
    w.booking("lower", customer_id="ani", customer_key="c:ani", created_at=NOW - DAY)
    (row,) = customers(w)
    assert (row["customer_id"], row["bookings"]) == ("Ani", 2)


def test_of_two_bookings_of_one_instant_one_is_the_first_whatever_their_order() -> None:
    found = []
    for order in ((0, 1), (1, 0)):
        w = Warehouse()
        pair = [("b1", "scheduled"), ("b2", "chatWindow")]
        for booking_id, source in (pair[at] for at in order):
            by(w, booking_id, "u1", NOW - DAY, source=source)
        found.append(customers(w))
    assert found[0] == found[1]
    assert found[0][0]["first_source"] == "chatWindow"


def test_the_day_of_a_first_booking_without_a_zone_is_not_known(w: Warehouse) -> None:
    by(w, "b1", "u1", NOW - 3 * DAY, utc_offset_minutes=None)
    by(w, "b2", "u1", NOW - DAY)
    (row,) = customers(w)
    assert (row["first_booking_at"], row["first_local_date"]) == (NOW - 3 * DAY, None)


def test_the_first_local_date_is_that_of_the_first_booking_also_where_two_zones_meet(w: Warehouse) -> None:
    # Half past midnight in Jayapura comes before half past eleven of the evening before in Jakarta.
    by(w, "east", "u1", datetime(2026, 1, 10, 15, 30), utc_offset_minutes=540)
    by(w, "west", "u1", datetime(2026, 1, 10, 16, 30), utc_offset_minutes=420)
    (row,) = customers(w)
    assert row["first_local_date"] == date(2026, 1, 11)


def test_kept_is_who_booked_in_that_very_month_whatever_became_of_it() -> None:
    w = Warehouse(datetime(2026, 3, 15, 12))
    for customer in ("u1", "u2", "u3", "u4"):
        by(w, f"{customer}-first", customer, datetime(2025, 9, 10))
    by(w, "again", "u1", datetime(2025, 9, 30))  # in the very month: nobody came back by that
    by(w, "b1", "u1", datetime(2025, 10, 1), status="cancelled")
    by(w, "b2", "u1", datetime(2025, 10, 2))
    by(w, "b3", "u2", datetime(2025, 10, 20))
    by(w, "b4", "u2", datetime(2025, 12, 20))
    by(w, "b5", "u3", datetime(2026, 1, 20))  # in the fourth month after: in none that is asked
    by(w, "b6", "u4", datetime(2026, 3, 1))
    by(w, "test", "u4", datetime(2025, 10, 2), is_test=True)
    by(w, "new", "u5", datetime(2026, 2, 1))
    september, february = date(2025, 9, 1), date(2026, 2, 1)
    assert retention(w) == {
        (september, 1): (4, 2, 0.5, True),
        (september, 2): (4, 0, 0.0, True),
        (september, 3): (4, 1, 0.25, True),
        (september, 6): (4, 1, 0.25, False),  # March runs still
        (february, 1): (1, 0, 0.0, False),
        (february, 2): (1, None, None, False),
        (february, 3): (1, None, None, False),
        (february, 6): (1, None, None, False),
    }


@pytest.mark.parametrize("offset", [420, 480, 540])
def test_a_month_begins_and_ends_by_the_booking_s_own_zone(offset: int) -> None:
    w = Warehouse(datetime(2026, 6, 1))
    zone = timedelta(minutes=offset)
    new_year, february = datetime(2026, 1, 1) - zone, datetime(2026, 2, 1) - zone
    by(w, "b1", "old", new_year - SECOND, utc_offset_minutes=offset)
    by(w, "b2", "old", february - SECOND, utc_offset_minutes=offset)
    by(w, "b3", "new", new_year, utc_offset_minutes=offset)
    by(w, "b4", "new", february, utc_offset_minutes=offset)
    found = retention(w)
    assert {key: row[:2] for key, row in found.items() if key[1] < 3} == {
        (date(2025, 12, 1), 1): (1, 1),
        (date(2025, 12, 1), 2): (1, 0),
        (date(2026, 1, 1), 1): (1, 1),
        (date(2026, 1, 1), 2): (1, 0),
    }


@pytest.mark.parametrize(
    ("now", "complete"),
    [(datetime(2026, 2, 28, 16, 59, 59), False), (datetime(2026, 2, 28, 17), True)],
)
def test_a_month_is_over_when_it_is_in_the_last_zone(now: datetime, complete: bool) -> None:
    w = Warehouse(now)
    by(w, "b1", "u1", datetime(2026, 1, 10), utc_offset_minutes=540)
    assert retention(w)[date(2026, 1, 1), 1] == (1, 0, 0.0, complete)


@pytest.mark.parametrize(
    ("now", "returned"),
    [(datetime(2026, 1, 31, 14, 59, 59), None), (datetime(2026, 1, 31, 15), 0)],
)
def test_a_month_has_figures_from_when_it_begins_in_the_first_zone(
    now: datetime, returned: int | None
) -> None:
    w = Warehouse(now)
    by(w, "b1", "u1", datetime(2026, 1, 10))
    assert retention(w)[date(2026, 1, 1), 1][:2] == (1, returned)


@pytest.mark.parametrize("unread", ["bookings", "hotel_bookings", "places"])
def test_what_was_not_all_read_is_not_final(w: Warehouse, unread: str) -> None:
    by(w, "b1", "u1", datetime(2025, 12, 10))
    w.begun(unread)
    found = retention(w)
    assert [found[date(2025, 12, 1), months][3] for months in (1, 2, 3, 6)] == [None, None, False, False]


def test_a_customer_of_whom_not_all_was_read_may_have_booked_more(w: Warehouse) -> None:
    by(w, "b1", "u1", NOW - DAY)
    w.begun("hotel_bookings")
    assert [row["is_complete"] for row in customers(w)] == [None]


def test_nobody_booked_is_no_customer_and_no_cohort(w: Warehouse) -> None:
    assert customers(w) == []
    assert retention(w) == {}
