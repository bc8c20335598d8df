"""Ibis expressions by which a mart says whether a day, a month or a cohort is final. The numbers are in
marketplace/cohorts.py.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.behind import gather
from assets.marts.expressions import bookings_read, zones_read
from assets.marts.later import ibis
from assets.marts.tables import Instants
from marketplace.cohorts import FIRST_ZONE, LAST_ZONE


def begins(day: Any) -> Any:
    """The instant (naive UTC) at which a local day begins in the first zone of Indonesia."""
    return day.cast("timestamp") - ibis.interval(minutes=FIRST_ZONE.offset_minutes)


def is_over_before(next_day: Any) -> Any:
    """The instant (naive UTC) at which all before a local day is over: it begins in the last zone as well."""
    return next_day.cast("timestamp") - ibis.interval(minutes=LAST_ZONE.offset_minutes)


def ends(last_day: Any) -> Any:
    """The instant (naive UTC) at which a local day is over in every zone of Indonesia."""
    return is_over_before(last_day + ibis.interval(days=1))


def month_of(day: Any) -> Any:
    """The first day of a local day's month."""
    return day.truncate("M")


def is_final(old_enough: Any, all_read: Any) -> Any:
    """True: final; false: too young; null: old enough, and not all that it rests on was read."""
    return ibis.cases((~old_enough, False), (all_read, True), else_=ibis.null("boolean"))


def dated_bookings_read(scans: Any) -> Any:
    """Whether every booking there is was read and has its local day: a scalar, never null."""
    return bookings_read(scans) & zones_read(scans)


_FIGURES: Final = ("bookings", "booked_idr", "completed_idr", "collected_idr")


def beside_the_one_before(
    revenue_daily: Any, period: Any, name: str, length: Any, scans: Any, at: Instants
) -> Any:
    """The figures of marts.revenue_daily by period (its first day, in the column ``name``), ``previous_…`` of the
    period before, and is_complete. ``length`` is the interval from one period to the next.

    Before the first period nothing is known; between two of them one that has no row is 0.
    """
    d = revenue_daily.mutate(**{name: period})
    rows = d.group_by(name).aggregate(**{figure: d[figure].sum().cast("int64") for figure in _FIGURES})
    before = rows.select(
        came_before=(rows[name] + length).cast("date"),
        **{f"previous_{figure}": rows[figure] for figure in _FIGURES},
    )
    earliest = rows[name].min().as_scalar()
    rows = rows.left_join(before, rows[name] == before.came_before)
    known = rows[name] > earliest
    read = dated_bookings_read(scans) & at.judged_at.notnull()
    return rows.select(
        name,
        *_FIGURES,
        **{
            f"previous_{figure}": ibis.cases((known, rows[f"previous_{figure}"].fill_null(0)))
            for figure in _FIGURES
        },
        is_complete=is_final(is_over_before((rows[name] + length).cast("date")) <= at.now, read),
    )


def days_beside_those_before(revenue_daily: Any, period: Any, name: str, length: Any) -> Any:
    """The rows behind ``beside_the_one_before``: the days of each period, and again in the period after it."""
    d = revenue_daily.mutate(
        id=revenue_daily.local_date.cast("string"), of=ibis.literal("marts.revenue_daily"), **{name: period}
    )
    return gather(
        d.select("id", "of", name, *_FIGURES),
        d.select(
            "id",
            "of",
            **{name: (d[name] + length).cast("date")},
            **{f"previous_{figure}": d[figure] for figure in _FIGURES},
        ),
    )
