"""Which marts and steps there are: the modules that make them known, and the order that what they read asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from assets.marts import (  # noqa: F401 - importing a module makes its mart known
    booking_anomalies,
    broken_link_rows,
    broken_links,
    closed_month_changes,
    closed_month_gaps,
    commission_balances,
    commission_entries,
    commission_findings,
    commission_ledger,
    commission_open,
    commission_reconciliation,
    commission_restrictions,
    commission_summary,
    data_findings,
    decline_reasons,
    delivery_rates,
    health_history,
    health_points,
    health_uptime,
    member_health,
    month_figures,
    peak_hours,
    response_distribution,
    response_times,
    revenue_by_source,
    revenue_daily,
    service_figures,
    service_mix,
    source_conversion,
    test_rows,
    undated_rows,
)
from assets.marts.mart import Mart, in_order
from assets.marts.steps import (  # noqa: F401 - and its step
    commission_links,
    commission_matches,
    commission_reviews,
    commission_suspects,
    commission_unsettled,
    health_measures,
    link_states,
    overlap_suspects,
    reference_cases,
)

#: Name → mart or step, each after those it reads.
MARTS: Final[Mapping[str, Mart]] = in_order()
#: The published marts, without steps.
MART_NAMES: Final = tuple(name for name, mart in MARTS.items() if not mart.step)
