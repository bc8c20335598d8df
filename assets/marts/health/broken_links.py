"""The mart marts.broken_links."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, one, where
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.health import BrokenLinks
from marketplace.links import HOPS, LINK_VERDICTS, LinkState


@mart(BrokenLinks)
def broken_links(link_states: Any) -> ir.Table:
    """Booking → room → message → notification → acceptance → commission → payment, one row a hop.
    Always six rows. ``entered`` = passed + broken + unknown. Broken if any is; unknown if any can't
    be told, or nothing entered; else working."""
    rows = link_states
    counts: Any = rows.aggregate(
        **{
            f"{verdict}_{hop}": rows.count(where=(rows.hop == hop) & (rows.verdict == verdict))
            for hop in HOPS
            for verdict in ("passed", "broken", "unknown")
        }
    )
    return ibis.union(*(_hop(counts, number) for number in HOPS), distinct=False)


def _hop(counts: Any, number: int) -> Any:
    hop = HOPS[number]
    passed, broken, unknown = (counts[f"{verdict}_{number}"] for verdict in ("passed", "broken", "unknown"))
    return counts.select(
        hop=ibis.literal(number).cast("int32"),
        from_step=ibis.literal(hop.from_step.value),
        to_step=ibis.literal(hop.to_step.value),
        entered=passed + broken + unknown,
        passed=passed,
        broken=broken,
        unknown=unknown,
        state=ibis.cases(
            (broken > 0, LinkState.BROKEN.value),
            ((unknown > 0) | (passed == 0), LinkState.UNKNOWN.value),
            else_=LinkState.WORKING.value,
        ),
    )


@behind(broken_links)
def broken_links_rows(link_states: Any) -> ir.Table:
    """The bookings that came to each hop."""
    rows = link_states
    return rows.select(
        "hop",
        "origin",
        "since",
        "verdict",
        id=rows.row_id,
        of=ibis.literal("core.bookings"),
        entered=one(),
        **{verdict: where(rows.verdict == verdict) for verdict in LINK_VERDICTS},
    )
