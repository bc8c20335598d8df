"""The three figures of a period and the equal period before, and which days a choice means."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from dashboards.figures import daily, revenue_figures
from dashboards.period import Period, chosen

TODAY = date(2026, 11, 22)


def days(first: date, amounts: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "local_date": [first + timedelta(days=n) for n in range(len(amounts))],
            "bookings": [1] * len(amounts),
            "booked_idr": amounts,
            "completed_idr": [amount // 2 for amount in amounts],
            "collected_idr": [amount // 10 for amount in amounts],
        }
    )


def test_a_period_is_compared_with_as_many_days_before_it() -> None:
    frame = days(date(2026, 11, 1), list(range(100, 1100, 100)))
    booked, completed, collected = revenue_figures(frame, Period(date(2026, 11, 6), date(2026, 11, 10)))
    assert (booked.name, completed.name, collected.name) == ("booked", "completed", "collected")
    assert (booked.amount_idr, booked.previous_idr) == (
        600 + 700 + 800 + 900 + 1000,
        100 + 200 + 300 + 400 + 500,
    )
    assert (completed.amount_idr, collected.amount_idr) == (2000, 400)
    assert booked.change == pytest.approx((4000 - 1500) / 1500)
    assert booked.daily_idr == (600, 700, 800, 900, 1000)


def test_a_period_before_the_data_began_is_no_comparison_instead_of_zero() -> None:
    frame = days(date(2026, 11, 4), [100] * 7)
    figure = revenue_figures(frame, Period(date(2026, 11, 6), date(2026, 11, 10)))[0]
    assert figure.previous_idr is None
    assert figure.change is None


def test_a_day_without_a_row_is_zero_once_the_data_has_begun_and_not_before() -> None:
    frame = (
        days(date(2026, 11, 4), [100, 200])
        .filter(pl.col("booked_idr") != 200)
        .vstack(days(date(2026, 11, 7), [300]))
    )
    shown = daily(frame, Period(date(2026, 11, 1), date(2026, 11, 8)))
    assert shown["local_date"].to_list() == [date(2026, 11, n) for n in range(4, 9)]
    assert shown["booked_idr"].to_list() == [100, 0, 0, 300, 0]


def test_no_data_at_all_gives_no_days() -> None:
    figure = revenue_figures(days(TODAY, []), Period(TODAY, TODAY))[0]
    assert (figure.amount_idr, figure.previous_idr, figure.daily_idr) == (0, None, ())


@pytest.mark.parametrize(
    ("choice", "custom", "first", "last"),
    [
        (None, None, date(2026, 11, 16), TODAY),
        ("today", None, TODAY, TODAY),
        ("30d", None, date(2026, 10, 24), TODAY),
        ("nonsense", None, date(2026, 11, 16), TODAY),
        ("custom", (date(2026, 11, 1), date(2026, 11, 3)), date(2026, 11, 1), date(2026, 11, 3)),
        ("custom", (date(2026, 11, 2),), date(2026, 11, 2), date(2026, 11, 2)),
        ("custom", (), date(2026, 11, 16), TODAY),
    ],
)
def test_choices(choice: str | None, custom: tuple[date, ...] | None, first: date, last: date) -> None:
    period = chosen(choice, custom, TODAY)
    assert (period.first, period.last, period.running) == (first, last, last >= TODAY)


def test_the_previous_period_ends_the_day_before_and_is_as_long() -> None:
    period = Period(date(2026, 11, 16), TODAY)
    assert period.days == 7
    assert period.previous == Period(date(2026, 11, 9), date(2026, 11, 15))


@pytest.mark.parametrize(
    ("choice", "today", "days", "before", "counterpart"),
    [
        ("today", "2026-11-22", ("2026-11-22", "2026-11-22"), ("2026-11-21", "2026-11-21"), 1),
        ("yesterday", "2026-11-22", ("2026-11-21", "2026-11-21"), ("2026-11-20", "2026-11-20"), None),
        ("week", "2026-11-19", ("2026-11-16", "2026-11-19"), ("2026-11-09", "2026-11-12"), 7),
        ("week", "2026-11-16", ("2026-11-16", "2026-11-16"), ("2026-11-09", "2026-11-09"), 7),
        ("last_week", "2026-11-22", ("2026-11-09", "2026-11-15"), ("2026-11-02", "2026-11-08"), None),
        ("month", "2026-11-22", ("2026-11-01", "2026-11-22"), ("2026-10-01", "2026-10-22"), 31),
        # October had no more days than September: nothing is left out, and whole days are compared.
        ("month", "2026-10-31", ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30"), None),
        ("month", "2026-03-01", ("2026-03-01", "2026-03-01"), ("2026-02-01", "2026-02-01"), 28),
        ("last_month", "2026-01-15", ("2025-12-01", "2025-12-31"), ("2025-11-01", "2025-11-30"), None),
        ("7d", "2026-11-22", ("2026-11-16", "2026-11-22"), ("2026-11-09", "2026-11-15"), 7),
        ("90d", "2026-11-22", ("2026-08-25", "2026-11-22"), ("2026-05-27", "2026-08-24"), 90),
    ],
)
def test_like_is_compared_with_like(
    choice: str, today: str, days: tuple[str, str], before: tuple[str, str], counterpart: int | None
) -> None:
    period = chosen(choice, None, date.fromisoformat(today))
    said = [tuple(day.isoformat() for day in (one.first, one.last)) for one in (period, period.previous)]
    assert said == [days, before]
    assert period.counterpart == counterpart


def test_a_running_period_is_never_compared_with_whole_days() -> None:
    frame = days(TODAY - timedelta(days=9), [100] * 10)
    period = chosen("today", None, TODAY)
    assert [figure.previous_idr for figure in revenue_figures(frame, period)] == [None] * 3
    before = {"booked_idr": 60, "completed_idr": 10, "collected_idr": 5}
    figures = revenue_figures(frame, period, before)
    assert [figure.previous_idr for figure in figures] == [60, 10, 5]
    assert all(figure.cut for figure in figures)
