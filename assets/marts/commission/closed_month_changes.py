"""The mart marts.closed_month_changes."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.said import either, said
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

    values = {
        "figure": rows.figure,
        "month": rows.local_month.strftime("%Y-%m"),
        "before": rows.previous_value,
        "snapshot": rows.previous_snapshot_id,
        "now": rows.current_value,
    }
    message = either(
        (rows.figure.endswith("_idr"), said("closed_month.amount", **values)),
        else_=said("closed_month.count", **values),
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
        detail=message.text,
        waived=rows.acknowledged.notnull(),
        code=message.code,
        args=message.args,
    )


itself(closed_month_changes)
