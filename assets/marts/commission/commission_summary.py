"""The mart marts.commission_summary."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, where
from assets.marts.commission.commission_reconciliation import reconciled
from assets.marts.expressions import bookings_read, record_references_unread, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionSummary
from marketplace.commission import REVENUE_STATUSES, TRACKED_STATES, RowState, WholeState
from marketplace.difference import COLUMNS


@mart(CommissionSummary, clock_columns=("as_of",))
def commission_summary(commission_reconciliation: Any, scans: Any, at: Instants) -> ir.Table:
    """The state of all commissions in one row. Counts are of earning bookings (eligible = tracked +
    missing + awaiting + unknown + free); the sums are of all reconciled rows. ``tracking_rate``
    (free ones are not in it) is null where ``state`` is unknown; the difference and what is not in
    it (variance_idr, unknown_rows, unknown_expected_idr, unknown_actual_idr) are
    marketplace/difference.py's."""
    r = commission_reconciliation
    # Counted by status and state first: the few groups are judged by words, not each of millions of rows.
    groups = r.group_by("booking_status", "state").aggregate(
        n=r.count(), expected_idr=r.expected_idr.sum(), actual_idr=r.actual_idr.sum(), **_difference(r)
    )
    # A row without a booking has no booking's status.
    eligible = groups.booking_status.isin(REVENUE_STATUSES).fill_null(False)

    def of(rows: Any) -> Any:
        return groups.n.sum(where=rows).fill_null(0)

    whole = groups.aggregate(
        eligible=of(eligible),
        tracked=of(eligible & groups.state.isin(TRACKED_STATES)),
        missing=of(groups.state == RowState.MISSING.value),
        awaiting=of(groups.state == RowState.AWAITING.value),
        unknown=of(eligible & (groups.state == RowState.UNKNOWN.value)),
        free=of(groups.state == RowState.FREE.value),
        expected_idr=groups.expected_idr.sum().fill_null(0),
        actual_idr=groups.actual_idr.sum().fill_null(0),
        **{name: groups[name].sum().fill_null(0) for name in COLUMNS},
    )
    judgeable = whole.tracked + whole.missing
    # None missing among the bookings that were read says nothing of those that were not, nor of those whose times
    # were not; one missing is missing. Nor where records may belong to any of them, as their references cannot be read.
    told = bookings_read(scans) & zones_read(scans) & ~record_references_unread(scans)
    unknown = at.judged_at.isnull() | ((whole.missing == 0) & ~told)
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
            (unknown, WholeState.UNKNOWN.value),
            (whole.missing == 0, WholeState.PERFECT.value),
            (whole.missing == 1, WholeState.WARNING.value),
            else_=WholeState.CRITICAL.value,
        ),
        expected_idr=whole.expected_idr,
        actual_idr=whole.actual_idr,
        **{name: whole[name] for name in COLUMNS},
        as_of=ibis.coalesce(at.judged_at, at.now),
        free=whole.free,
    )


def _difference(r: Any) -> dict[str, Any]:
    """As marketplace.difference.AGGREGATES says in SQL."""
    unknown = r.variance_idr.isnull()
    return {
        "variance_idr": r.variance_idr.sum(),
        "unknown_rows": r.count(where=unknown),
        "unknown_expected_idr": r.expected_idr.sum(where=unknown),
        "unknown_actual_idr": r.actual_idr.sum(where=unknown),
    }


@behind(commission_summary)
def commission_summary_rows(commission_reconciliation: Any) -> ir.Table:
    """The reconciled rows: of bookings that earn in the counts, all of them in the sums."""
    r = reconciled(commission_reconciliation)
    eligible = r.booking_status.isin(REVENUE_STATUSES).fill_null(False)
    tracked = eligible & r.state.isin(TRACKED_STATES)
    missing = r.state == RowState.MISSING.value
    unknown = r.variance_idr.isnull()
    return r.select(
        "id",
        "of",
        "origin",
        "commission_id",
        "provider_id",
        "booking_status",
        "policy_version",
        "expected_idr",
        "actual_idr",
        "variance_idr",
        row_state="state",
        eligible=where(eligible),
        tracked=where(tracked),
        missing=where(missing),
        awaiting=where(r.state == RowState.AWAITING.value),
        unknown=where(eligible & (r.state == RowState.UNKNOWN.value)),
        tracked_or_missing=where(tracked | missing),
        unknown_rows=where(unknown),
        unknown_expected_idr=where(unknown, r.expected_idr),
        unknown_actual_idr=where(unknown, r.actual_idr),
        free=where(r.state == RowState.FREE.value),
    )
