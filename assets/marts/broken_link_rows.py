"""Mart: the bookings at each break, the newest 200 a hop."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from assets.marts.tables import Instants, Tables
from marketplace.links import LINK_ROWS_SHOWN


def table(t: Tables, at: Instants) -> ir.Table:
    """hop INTEGER, row_id (the booking's $id), since: when the next step was due. All of them are counted in
    marts.broken_links."""
    rows = t.link_states.filter(t.link_states.verdict == "broken")
    place = ibis.row_number().over(group_by=rows.hop, order_by=[rows.since.desc(), rows.row_id, rows.origin])
    rows = rows.mutate(place=place)
    rows = rows.filter(rows.place < LINK_ROWS_SHOWN)
    return rows.select("hop", "row_id", "since", "origin")
