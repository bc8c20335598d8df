"""Mart: why bookings came to nothing, by local day of creation."""

from __future__ import annotations

import ibis.expr.types as ir

from assets.marts.expressions import counted, local_day
from assets.marts.tables import Instants, Tables


def table(t: Tables, at: Instants) -> ir.Table:
    """local_date, reason (from core's fixed list, not_given where none is), bookings declined, cancelled or
    expired."""
    b = counted(t.bookings)
    b = b.filter(
        (b.status == "declined") | (b.status.isin(("cancelled", "expired")) & b.decline_reason.notnull())
    )
    b = b.mutate(
        local_date=local_day(b.created_at, b.utc_offset_minutes),
        reason=b.decline_reason.fill_null("not_given"),
    )
    return b.group_by("local_date", "reason").aggregate(bookings=b.count())
