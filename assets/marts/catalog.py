"""Which marts there are, in dependency order, and what each needs.

How one is made stands in the module of its name.

Nothing heavy is imported here: names and order are wanted where no mart is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from marketplace.registry import Registry


@dataclass(frozen=True)
class Mart:
    """A table to make, by the module of the same name.

    ``needs`` are steps and marts it reads; a step is temporary and not published.

    ``moving`` columns change with the clock alone: they count neither for the digest nor as a change, but
    are always written.
    """

    name: str
    needs: tuple[str, ...] = ()
    step: bool = False
    by_policy: bool = False
    moving: tuple[str, ...] = ()


#: In dependency order. Their names are the names of the tables.
MARTS: Final[Registry[str, Mart]] = Registry(
    (
        Mart("commission_matches", step=True),
        Mart("reference_cases", ("commission_matches",), step=True),
        Mart("commission_links", ("commission_matches", "reference_cases"), step=True),
        Mart("commission_unsettled", ("commission_links",), step=True),
        Mart("commission_reviews", ("commission_links", "commission_unsettled"), step=True, by_policy=True),
        Mart("commission_suspects", ("commission_reviews",), step=True),
        Mart(
            "commission_reconciliation",
            ("reference_cases", "commission_links", "commission_unsettled", "commission_reviews"),
            by_policy=True,
        ),
        Mart(
            "commission_findings",
            ("commission_suspects", "commission_reviews", "commission_reconciliation"),
            by_policy=True,
        ),
        Mart("commission_summary", ("commission_reconciliation",), moving=("as_of",)),
        Mart("commission_entries", ("commission_reviews",)),
        Mart("commission_ledger", ("commission_reviews", "commission_reconciliation", "commission_entries")),
        Mart("commission_open", ("commission_reviews",), by_policy=True, moving=("age",)),
        Mart(
            "commission_balances",
            ("commission_open",),
            moving=(
                "not_ended_idr",
                "age_0_3h_idr",
                "age_3_24h_idr",
                "age_1_7d_idr",
                "age_over_7d_idr",
                "age_unknown_idr",
            ),
        ),
        Mart("commission_restrictions", ("commission_balances",)),
        Mart("data_findings", ("reference_cases", "commission_links")),
        Mart("health_measures", step=True),
        Mart(
            "health_points",
            ("commission_summary", "health_measures"),
            moving=("figure", "message", "evidence_at"),
        ),
        Mart("health_history", moving=("seconds",)),
        Mart(
            "health_uptime",
            moving=(
                "working_share",
                "broken_seconds",
                "unknown_seconds",
                "measured_seconds",
                "unmeasured_seconds",
            ),
        ),
        Mart("service_figures", ("health_measures",)),
        Mart("source_conversion", ("commission_reconciliation",)),
        Mart("peak_hours"),
        Mart("revenue_daily", ("commission_reviews",)),
        Mart("revenue_by_source"),
        Mart("member_health", moving=("last_seen_at",)),
        Mart("service_mix"),
        Mart("response_times"),
        Mart("response_distribution"),
        Mart("delivery_rates"),
        Mart("link_states", ("reference_cases", "commission_reconciliation"), step=True),
        Mart("broken_links", ("link_states",)),
        Mart("broken_link_rows", ("link_states",)),
        Mart("decline_reasons"),
        Mart("overlap_suspects", step=True),
        Mart("booking_anomalies", ("overlap_suspects",)),
        Mart("test_rows", ("commission_links",)),
        Mart("undated_rows", ("commission_reviews",)),
        Mart("month_figures", ("revenue_daily", "commission_reconciliation", "commission_ledger")),
        Mart("closed_month_changes"),
        Mart("closed_month_gaps", moving=("is_newest",)),
    ),
    key=lambda mart: mart.name,
)

#: The published marts, without steps.
MART_NAMES: Final = tuple(name for name, mart in MARTS.items() if not mart.step)
