"""The mart marts.broken_link_rows."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.health import BrokenLinkRows
from marketplace.links import LINK_ROWS_SHOWN, LinkState


@mart(BrokenLinkRows)
def broken_link_rows(link_states: Any) -> ir.Table:
    """The bookings at each break, the newest 200 a hop. ``since``: when the next step was due. All
    of them are counted in marts.broken_links."""
    rows = link_states.filter(link_states.verdict == LinkState.BROKEN.value)
    rank = ibis.row_number().over(group_by=rows.hop, order_by=[rows.since.desc(), rows.row_id, rows.origin])
    rows = rows.mutate(rank=rank)
    rows = rows.filter(rows.rank < LINK_ROWS_SHOWN)
    return rows.select("hop", "row_id", "since", "origin")


itself(broken_link_rows, of="core.bookings")
