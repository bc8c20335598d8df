"""Step: how fast each provider answers."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.part import Ranks
from assets.marts.parts.requests import NAME
from marketplace.services import MEDIAN, TAIL

_QUANTILES: Final = {"p50_us": MEDIAN, "p95_us": TAIL}


@step(ranks=Ranks(NAME, "response_rows", "provider_id", "took_us", _QUANTILES))
def provider_responses(response_rows: Any) -> ir.Table:
    """provider_id, p50_us and p95_us: microseconds to its answers, of those that answered anything."""
    r = response_rows
    return r.group_by("provider_id").aggregate(
        **{name: r.took_us.quantile(fraction) for name, fraction in _QUANTILES.items()}
    )
