"""Step: how long each provider served while its status was known."""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import earning
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.accounts import SERVED_NAME
from assets.marts.parts.part import Difference


@step(difference=Difference(SERVED_NAME, ("provider_id",), ("served_us", "lines"), "lines"))
def provider_served(bookings: Any, provider_known: Any) -> ir.Table:
    """provider_id, served_us (whole microseconds); ``lines``: of how many bookings."""
    rows = services(bookings, provider_known)
    return rows.group_by("provider_id").aggregate(
        served_us=rows.inside_us.sum().cast("int64"), lines=rows.count()
    )


def services(bookings: Any, known: Any) -> Any:
    """Bookings that earn, with how much of their service (inside_us, whole microseconds) lies between when the
    provider's status was first known and when last."""
    b = earning(bookings)
    b = b.filter(b.starts_at.notnull() & b.service_minutes.notnull())
    k = known.select("since_at", "until_at", seen="provider_id")
    rows = b.inner_join(k, b.provider_id == k.seen)
    over_at = rows.starts_at + ibis.interval(minutes=1) * rows.service_minutes
    first: Any = ibis.greatest(rows.starts_at, rows.since_at)
    last: Any = ibis.least(over_at, rows.until_at)
    inside = last.delta(first, unit="microsecond")
    return rows.mutate(inside_us=ibis.greatest(inside, ibis.literal(0).cast("int64")))
