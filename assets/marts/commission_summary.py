"""Mart: the state of all commissions in one row."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from assets.marts.tables import Instants, Tables
from marketplace.commission import REVENUE_STATUSES, TRACKED_STATES


def table(t: Tables, at: Instants) -> ir.Table:
    """Counts are of earning bookings (eligible = tracked + missing + awaiting + unknown); the sums are of
    all reconciled rows."""
    r = t.commission_reconciliation
    eligible = r.booking_id.notnull() & r.booking_status.isin(REVENUE_STATUSES).fill_null(False)
    whole = r.aggregate(
        eligible=r.count(where=eligible),
        tracked=r.count(where=eligible & r.state.isin(TRACKED_STATES)),
        missing=r.count(where=r.state == "missing"),
        awaiting=r.count(where=r.state == "awaiting"),
        unknown=r.count(where=eligible & (r.state == "unknown")),
        expected_idr=r.expected_idr.sum().fill_null(0),
        actual_idr=r.actual_idr.sum().fill_null(0),
    )
    judgeable = whole.tracked + whole.missing
    return whole.select(
        "eligible",
        "tracked",
        "missing",
        "awaiting",
        "unknown",
        tracking_rate=ibis.cases((judgeable == 0, 1.0), else_=whole.tracked / judgeable.nullif(0)),
        state=ibis.cases(
            (at.judged_at.isnull(), "unknown"),
            (whole.missing == 0, "perfect"),
            (whole.missing == 1, "warning"),
            else_="critical",
        ),
        expected_idr=whole.expected_idr,
        actual_idr=whole.actual_idr,
        as_of=ibis.coalesce(at.judged_at, at.now),
    )
