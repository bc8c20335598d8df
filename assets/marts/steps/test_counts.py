"""Step: how many bookings and records are tests (marts.test_rows). The counts follow from the rows that change."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import NAME
from assets.marts.parts.part import Difference
from marketplace.collections import RECORDS


@step(difference=Difference(NAME, ("collection",), ("rows",), "rows"))
def test_counts(bookings: Any, commission_links: Any, commissions: Any) -> ir.Table:
    """collection, and how many of its rows are tests; of none there is no row."""
    b = bookings.filter(bookings.deleted_at.isnull() & bookings.is_test.fill_null(False))
    links = commission_links.filter(commission_links.is_test)
    c = commissions.filter(commissions.deleted_at.isnull()).semi_join(links, "commission_id")
    rows: Any = ibis.union(
        b.select(collection=b.origin), c.select(collection=ibis.literal(RECORDS)), distinct=False
    )
    return rows.group_by("collection").aggregate(rows=rows.count())
