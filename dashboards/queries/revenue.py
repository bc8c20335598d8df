"""What came in, by local day and by source. Asked through reading.py."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import polars as pl

from dashboards.queries.query import Column
from dashboards.queries.reading import NotInSnapshot, ask, cached

#: How the screen heads a table of days.
DAYS = (
    Column("local_date", "revenue.day"),
    Column("bookings", "metric.bookings"),
    Column("booked_idr", "metric.booked"),
    Column("completed_idr", "metric.completed"),
    Column("collected_idr", "metric.collected"),
)


@cached
def revenue_daily(path: str) -> pl.DataFrame:
    """local_date, bookings, booked_idr, completed_idr, collected_idr: all days, oldest first."""
    return ask(
        path,
        """SELECT local_date, bookings::BIGINT AS bookings, booked_idr::BIGINT AS booked_idr,
                  completed_idr::BIGINT AS completed_idr, collected_idr::BIGINT AS collected_idr
           FROM marts.revenue_daily WHERE local_date IS NOT NULL ORDER BY local_date""",
    )


@cached
def up_to(path: str, first: date, last: date, cut: datetime) -> dict[str, int] | None:
    """booked_idr, completed_idr, collected_idr of the local days first to last by the instant ``cut`` (naive UTC): what
    was booked by then, carried out by then (where no completion is written: whose service ended by then), paid by then.
    None in a snapshot older than the rows behind figures."""
    # The table's name stands on both sides: with a constant in its condition DuckDB compares every row with every row.
    try:
        return ask(
            path,
            """SELECT coalesce(sum(r.booked_idr) FILTER (coalesce(r.created_at <= $cut, true)), 0)::BIGINT
                          AS booked_idr,
                      coalesce(sum(r.completed_idr) FILTER (coalesce(b.completed_at, b.ends_at, $cut) <= $cut), 0)
                          ::BIGINT AS completed_idr,
                      coalesce(sum(r.collected_idr) FILTER (coalesce(r.paid_at <= $cut, true)), 0)::BIGINT
                          AS collected_idr
               FROM (FROM behind.revenue_daily WHERE local_date BETWEEN $first AND $last) AS r
               LEFT JOIN (SELECT 'core.bookings' AS of, * FROM core.bookings) AS b
                 ON b.of = r.of AND b.booking_id = r.id AND b.origin = r.origin""",
            {"first": first, "last": last, "cut": cut},
        ).to_dicts()[0]
    except NotInSnapshot:
        return None


@cached
def undated(path: str) -> dict[str, int]:
    """rows, booked_idr, completed_idr, collected_idr of what has no local day and so is in no figure of a day; rows 0
    in a snapshot older than that table."""
    try:
        return ask(
            path,
            """SELECT coalesce(sum(rows), 0)::BIGINT AS rows, coalesce(sum(booked_idr), 0)::BIGINT AS booked_idr,
                      coalesce(sum(completed_idr), 0)::BIGINT AS completed_idr,
                      coalesce(sum(collected_idr), 0)::BIGINT AS collected_idr
               FROM marts.undated_rows""",
        ).to_dicts()[0]
    except NotInSnapshot:
        return {"rows": 0}


@cached
def revenue_by_source(path: str, first: date, last: date) -> pl.DataFrame:
    """source, bookings, booked_idr, completed_idr of the days first to last, both included; the largest
    first."""
    return ask(
        path,
        """SELECT source, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
                  sum(completed_idr)::BIGINT AS completed_idr
           FROM marts.revenue_by_source WHERE local_date BETWEEN ? AND ?
           GROUP BY source ORDER BY booked_idr DESC, source""",
        [first, last],
    )


@cached
def revenue_by_day_and_source(path: str, first: date, last: date) -> pl.DataFrame:
    """local_date, source, bookings, booked_idr, completed_idr of the days first to last, both included."""
    return ask(
        path,
        """SELECT local_date, source, bookings::BIGINT AS bookings, booked_idr::BIGINT AS booked_idr,
                  completed_idr::BIGINT AS completed_idr
           FROM marts.revenue_by_source WHERE local_date BETWEEN ? AND ? ORDER BY local_date, source""",
        [first, last],
    )


@cached
def revenue_by_kind(path: str, first: date, last: date) -> pl.DataFrame:
    """kind, bookings, booked_idr, completed_idr, collected_idr of the days first to last, both included; the largest
    first."""
    return ask(
        path,
        """SELECT kind, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
                  sum(completed_idr)::BIGINT AS completed_idr, sum(collected_idr)::BIGINT AS collected_idr
           FROM marts.revenue_by_kind WHERE local_date BETWEEN ? AND ?
           GROUP BY kind ORDER BY booked_idr DESC, kind""",
        [first, last],
    )


_SPAN = """{span} AS first, bookings, booked_idr, completed_idr, collected_idr, previous_bookings, previous_booked_idr,
           previous_completed_idr, previous_collected_idr, is_complete"""


@cached
def weeks(path: str) -> pl.DataFrame:
    """first (its Monday), the four figures, those of the week before (previous_…; null: nothing is known of it),
    is_complete; the newest first."""
    return ask(
        path, f"SELECT {_SPAN.format(span='local_week')} FROM marts.revenue_weekly ORDER BY local_week DESC"
    )


@cached
def months(path: str) -> pl.DataFrame:
    """The same of months, by their first day."""
    return ask(
        path,
        f"SELECT {_SPAN.format(span='local_month')} FROM marts.revenue_monthly ORDER BY local_month DESC",
    )


@cached
def discounts(path: str, first: date, last: date) -> dict[str, int]:
    """bookings that earn, discounted, free, known, unknown, before_idr, after_idr and given_idr (of the known) of the
    days first to last, both included; zeros where there is no row."""
    names = ("bookings", "discounted", "free", "known", "unknown", "before_idr", "after_idr", "given_idr")
    return ask(
        path,
        f"""SELECT {", ".join(f'coalesce(sum("{name}"), 0)::BIGINT AS "{name}"' for name in names)}
            FROM marts.discounts WHERE local_date BETWEEN ? AND ?""",
        [first, last],
    ).row(0, named=True)


_PART: Final = """SELECT r.{key} AS {key}, count(*) FILTER (r.created_at <= $cut)::BIGINT AS bookings,
                     coalesce(sum(r.booked_idr) FILTER (r.created_at <= $cut), 0)::BIGINT AS booked_idr,
                     coalesce(sum(r.completed_idr) FILTER (coalesce(b.completed_at, b.ends_at, $cut) <= $cut), 0)
                         ::BIGINT AS completed_idr
              FROM (FROM behind.revenue_by_{key} WHERE local_date BETWEEN $first AND $last AND bookings = 1) AS r
              LEFT JOIN core.bookings AS b ON b.booking_id = r.id AND b.origin = r.origin
              GROUP BY r.{key}"""


@cached
def part_by_source(path: str, first: date, last: date, cut: datetime) -> pl.DataFrame | None:
    """source, bookings, booked_idr, completed_idr of the local days first to last by the instant ``cut`` (naive UTC),
    as in up_to. None in a snapshot older than the rows behind figures."""
    return _part(path, "source", first, last, cut)


@cached
def part_by_kind(path: str, first: date, last: date, cut: datetime) -> pl.DataFrame | None:
    """The same by kind. What was collected by then is not told by kind."""
    return _part(path, "kind", first, last, cut)


def _part(path: str, key: str, first: date, last: date, cut: datetime) -> pl.DataFrame | None:
    try:
        return ask(path, _PART.format(key=key), {"first": first, "last": last, "cut": cut})
    except NotInSnapshot:
        return None
