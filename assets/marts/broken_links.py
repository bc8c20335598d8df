"""Mart: booking → room → message → notification → acceptance → commission → payment, one row a hop."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.tables import Instants, Tables
from marketplace.links import HOPS


def table(t: Tables, at: Instants) -> ir.Table:
    """Always six rows. ``entered`` = passed + broken + unknown. Broken if any is; unknown if any can't be told, or
    nothing entered; else working."""
    rows = t.link_states
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
        from_step=ibis.literal(hop.from_step),
        to_step=ibis.literal(hop.to_step),
        entered=passed + broken + unknown,
        passed=passed,
        broken=broken,
        unknown=unknown,
        state=ibis.cases((broken > 0, "broken"), ((unknown > 0) | (passed == 0), "unknown"), else_="working"),
    )
