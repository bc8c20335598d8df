"""Step: from when to when a provider's status is known."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.steps.account_spans import seen
from assets.marts.tables import Instants


@step(remembered=True)
def provider_known(account_spans: Any, scans: Any, at: Instants) -> ir.Table:
    """provider_id, since_at, until_at."""
    return seen(account_spans, scans, at).select("provider_id", "since_at", "until_at")
