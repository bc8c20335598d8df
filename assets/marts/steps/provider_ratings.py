"""Step: how each provider is rated."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.links import NAME
from assets.marts.parts.part import Difference


@step(difference=Difference(NAME, ("provider_id",), ("ratings", "stars"), "ratings"))
def provider_ratings(rated_reviews: Any) -> ir.Table:
    """provider_id, ratings (how many) and stars (their sum)."""
    r = rated_reviews
    return r.group_by(provider_id="of").aggregate(ratings=r.count(), stars=r.rating.sum().cast("int64"))
