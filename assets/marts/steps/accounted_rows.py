"""Step: the bookings and records in the figures of a month, and the rows that are out, summed by collection and
reason (marts.completeness). Few rows change, and the sums follow from those. Made of marts."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.data.completeness import counted
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import NAME
from assets.marts.parts.part import Difference

MEASURES: Final = ("rows", "amount_idr", "unknown_amounts")


@step(difference=Difference(NAME, ("collection", "reason"), MEASURES, "rows"))
def accounted_rows(commission_reconciliation: Any, exclusions: Any) -> ir.Table:
    """collection and reason; how many rows, the sum of their amounts in rupiah, and of how many it is not known."""
    columns = ("collection", "reason", "amount_idr")
    rows: Any = ibis.union(
        *(part.select(*columns) for part in (*counted(commission_reconciliation), exclusions)), distinct=False
    )
    return rows.group_by("collection", "reason").aggregate(
        rows=rows.count(),
        amount_idr=rows.amount_idr.sum().fill_null(0).cast("int64"),
        unknown_amounts=rows.count(where=rows.amount_idr.isnull()),
    )
