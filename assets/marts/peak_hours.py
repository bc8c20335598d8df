"""Mart: when customers book and when services start, by local weekday and hour of the last 8 weeks."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import counted, interval, local
from assets.marts.tables import Instants, Tables
from marketplace.peaks import PEAK_WINDOW, Basis


def table(t: Tables, at: Instants) -> ir.Table:
    """basis, weekday (1 = Monday), hour, bookings, share of all bookings of that basis; hours without
    bookings have no row. A booking whose zone is not known yet is in no hour, and in no share."""
    b = counted(t.bookings)
    return ibis.union(
        _counted_by(b, "created", b.created_at, at), _counted_by(b, "starts", b.starts_at, at), distinct=False
    )


def _counted_by(b: Any, basis: Basis, instant: Any, at: Instants) -> Any:
    recent = b.filter(
        (instant >= at.now - interval(PEAK_WINDOW)) & (instant <= at.now) & b.utc_offset_minutes.notnull()
    )
    wall = local(instant, b.utc_offset_minutes)
    hours = recent.select(
        weekday=(wall.day_of_week.index() + 1).cast("int64"), hour=wall.hour().cast("int64")
    )
    counts = hours.group_by("weekday", "hour").aggregate(bookings=hours.count())
    return counts.select(
        basis=ibis.literal(basis),
        weekday=counts.weekday,
        hour=counts.hour,
        bookings=counts.bookings,
        share=counts.bookings / counts.bookings.sum().over(ibis.window()),
    )
