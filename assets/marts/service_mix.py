"""Mart: which lengths of service are booked, by local day of creation."""

from __future__ import annotations

import ibis.expr.types as ir

from assets.marts.expressions import counted, local_day
from assets.marts.tables import Instants, Tables
from marketplace.commission import REVENUE_STATUSES


def table(t: Tables, at: Instants) -> ir.Table:
    """local_date, service_minutes (null where unknown), bookings (all created), booked_idr."""
    b = counted(t.bookings)
    b = b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes))
    return b.group_by("local_date", "service_minutes").aggregate(
        bookings=b.count(), booked_idr=b.amount_idr.sum(where=b.status.isin(REVENUE_STATUSES)).fill_null(0)
    )
