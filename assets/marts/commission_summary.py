"""Mart: the state of all commissions in one row."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import bookings_read, zones_read
from assets.marts.tables import Instants, Tables
from marketplace.commission import REVENUE_STATUSES, TRACKED_STATES


def table(t: Tables, at: Instants) -> ir.Table:
    """Counts are of earning bookings (eligible = tracked + missing + awaiting + unknown + free); the sums are of
    all reconciled rows. ``tracking_rate`` (free ones are not in it) is null where ``state`` is unknown."""
    r = t.commission_reconciliation
    # Counted by status and state first: the few groups are judged by words, not each of millions of rows.
    groups = r.group_by("booking_status", "state").aggregate(
        n=r.count(), expected_idr=r.expected_idr.sum(), actual_idr=r.actual_idr.sum()
    )
    # A row without a booking has no booking's status.
    eligible = groups.booking_status.isin(REVENUE_STATUSES).fill_null(False)

    def of(rows: Any) -> Any:
        return groups.n.sum(where=rows).fill_null(0)

    whole = groups.aggregate(
        eligible=of(eligible),
        tracked=of(eligible & groups.state.isin(TRACKED_STATES)),
        missing=of(groups.state == "missing"),
        awaiting=of(groups.state == "awaiting"),
        unknown=of(eligible & (groups.state == "unknown")),
        free=of(groups.state == "free"),
        expected_idr=groups.expected_idr.sum().fill_null(0),
        actual_idr=groups.actual_idr.sum().fill_null(0),
    )
    judgeable = whole.tracked + whole.missing
    # None missing among the bookings that were read says nothing of those that were not, nor of those whose times
    # were not; one missing is missing.
    unknown = at.judged_at.isnull() | ((whole.missing == 0) & ~(bookings_read(t) & zones_read(t)))
    return whole.select(
        "eligible",
        "tracked",
        "missing",
        "awaiting",
        "unknown",
        tracking_rate=ibis.cases(
            (unknown, ibis.null("float64")), (judgeable == 0, 1.0), else_=whole.tracked / judgeable.nullif(0)
        ),
        state=ibis.cases(
            (unknown, "unknown"),
            (whole.missing == 0, "perfect"),
            (whole.missing == 1, "warning"),
            else_="critical",
        ),
        expected_idr=whole.expected_idr,
        actual_idr=whole.actual_idr,
        as_of=ibis.coalesce(at.judged_at, at.now),
        free=whole.free,
    )
