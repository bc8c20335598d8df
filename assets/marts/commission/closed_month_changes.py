"""The mart marts.closed_month_changes."""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import rupiah
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.commission import ClosedMonthChanges
from marketplace.closed_months import CLOSED_MONTH_CHANGED


@mart(ClosedMonthChanges)
def closed_month_changes(closed_changes: Any, waivers: Any) -> ir.Table:
    """Figures of closed months that changed between two snapshots, with both values. What changed
    is found and kept by assets/closed_months.py; this says it in words and whether it was
    acknowledged."""
    c = closed_changes
    acknowledged = waivers.select(acknowledged="finding_id").distinct()
    rows = c.left_join(acknowledged, c.finding_id == acknowledged.acknowledged)

    def shown(value: Any) -> Any:
        return ibis.cases((rows.figure.endswith("_idr"), rupiah(value)), else_=value.cast("string"))

    detail = (
        rows.figure
        + " of "
        + rows.local_month.strftime("%Y-%m")
        + ", a closed month, was "
        + shown(rows.previous_value)
        + " in snapshot "
        + rows.previous_snapshot_id
        + " and became "
        + shown(rows.current_value)
        + "."
    )
    return rows.select(
        "finding_id",
        finding=ibis.literal(CLOSED_MONTH_CHANGED),
        local_month=rows.local_month,
        figure=rows.figure,
        previous_value=rows.previous_value,
        current_value=rows.current_value,
        previous_snapshot_id=rows.previous_snapshot_id,
        seen_at=rows.seen_at,
        detail=detail,
        waived=rows.acknowledged.notnull(),
    )
