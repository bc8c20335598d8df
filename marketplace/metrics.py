"""The figures that people quote, each with one definition: what it is made of, in which unit, and whether it adds up.

A record names the mart it is read from and the columns that are added up there; its view ``metrics.<name>`` of a
snapshot, docs/reference/metrics.md and the names on the pages come from it. Its name and sentence in each language
stand in messages/metrics.toml. How a mart makes those columns is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marketplace.commission import RowState
from marketplace.registry import Registry


class Unit(StrEnum):
    """What a metric is counted in."""

    RUPIAH = "rupiah"
    BOOKINGS = "bookings"
    CUSTOMERS = "customers"
    NOTIFICATIONS = "notifications"
    MESSAGES = "messages"
    SHARE = "share"
    SECONDS = "seconds"
    STARS = "stars"


@dataclass(frozen=True)
class Metric:
    """A figure by name, by the dimensions ``by`` of the mart it is read from.

    ``adds``: the columns whose sum it is (none: its rows are counted); ``per``: of a share the columns whose sum is its
    denominator. ``stands``: the column it stands in as it is, since it does not follow from sums of others. ``where``:
    which rows of the mart, as SQL. ``made_of``: the tables of core behind it.
    """

    name: str
    unit: Unit
    mart: str
    by: tuple[str, ...]
    adds: tuple[str, ...] = ()
    per: tuple[str, ...] = ()
    stands: str | None = None
    where: str | None = None
    made_of: tuple[str, ...] = ("core.bookings",)

    @property
    def is_additive(self) -> bool:
        """Whether its values of several rows add up."""
        return not self.per and self.stands is None

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures it is made of, as `bookwatch explain` takes them."""
        columns = (*([self.stands] if self.stands else ()), *self.adds, *self.per)
        return tuple(dict.fromkeys(f"marts.{self.mart}.{column}" for column in columns))

    @property
    def formula(self) -> str:
        """How it is computed of the rows that are looked at."""
        if self.stands is not None and not self.per:
            return f"{self.stands}, as it stands"
        low = _sum(self.adds)
        return f"{low} ÷ {_sum(self.per)}" if self.per else low

    @property
    def sql(self) -> str:
        """Its value by its dimensions, of a share with numerator and denominator, which are to be added up before they
        are divided."""
        by = "".join(f"{name}, " for name in self.by)
        rows = f"FROM marts.{self.mart}{f' WHERE {self.where}' if self.where else ''}"
        grouped = f"{rows} GROUP BY {', '.join(self.by)}" if self.by else rows
        if self.per:
            low, high = _sum(self.adds), _sum(self.per)
            value = f"any_value({self.stands})" if self.stands else f"{low} / nullif({high}, 0)"
            return f"SELECT {by}{value} AS value, {low} AS numerator, {high} AS denominator {grouped}"
        if self.stands is not None:
            return f"SELECT {by}{self.stands} AS value {rows}"
        return f"SELECT {by}{_sum(self.adds)} AS value {grouped}"


def _sum(columns: Iterable[str]) -> str:
    """A whole number: DuckDB's sums of BIGINT are wider."""
    names = tuple(columns)
    return f"sum({' + '.join(names)})::BIGINT" if names else "count(*)"


_DAYS: Final = ("local_date", "source")
_RECORDS: Final = ("core.bookings", "core.commissions")
_MISSING: Final = f"state = '{RowState.MISSING.value}'"
#: Rows of a reconciled booking or record.
_RECONCILED: Final = ("local_date", "source", "provider_id")

METRICS: Final[Registry[str, Metric]] = Registry(
    (
        Metric("bookings", Unit.BOOKINGS, "revenue_by_source", _DAYS, ("bookings",)),
        Metric("booked", Unit.RUPIAH, "revenue_by_source", _DAYS, ("booked_idr",)),
        Metric("completed", Unit.RUPIAH, "revenue_by_source", _DAYS, ("completed_idr",)),
        Metric(
            "collected",
            Unit.RUPIAH,
            "revenue_daily",
            ("local_date",),
            ("collected_idr",),
            made_of=("core.commissions",),
        ),
        Metric("discounts_given", Unit.RUPIAH, "discounts", ("local_date",), ("given_idr",)),
        Metric(
            "tracking_rate",
            Unit.SHARE,
            "commission_summary",
            (),
            ("tracked",),
            ("tracked", "missing"),
            stands="tracking_rate",
            made_of=_RECORDS,
        ),
        Metric(
            "missing_commissions",
            Unit.BOOKINGS,
            "commission_reconciliation",
            _RECONCILED,
            where=_MISSING,
            made_of=_RECORDS,
        ),
        Metric(
            "missing_commission_idr",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("expected_idr",),
            where=_MISSING,
            made_of=_RECORDS,
        ),
        Metric(
            "expected_commission",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("expected_idr",),
            made_of=_RECORDS,
        ),
        Metric(
            "recorded_commission",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("actual_idr",),
            made_of=_RECORDS,
        ),
        Metric(
            "open_commission",
            Unit.RUPIAH,
            "commission_open",
            ("provider_id", "age", "status"),
            ("owed_idr",),
            made_of=("core.commissions",),
        ),
        Metric(
            "open_fees",
            Unit.RUPIAH,
            "commission_open",
            ("provider_id", "age", "status"),
            ("fee_idr",),
            made_of=("core.commissions",),
        ),
        Metric(
            "overdue_commission",
            Unit.RUPIAH,
            "commission_balances",
            ("provider_id",),
            ("overdue_idr",),
            made_of=("core.commissions",),
        ),
        Metric(
            "acceptance_rate",
            Unit.SHARE,
            "source_conversion",
            _DAYS,
            ("accepted",),
            ("decided",),
        ),
        Metric("conversion", Unit.SHARE, "source_conversion", _DAYS, ("completed",), ("created",)),
        Metric("cancellation_rate", Unit.SHARE, "source_conversion", _DAYS, ("cancelled",), ("created",)),
        Metric("never_answered", Unit.BOOKINGS, "response_times", _DAYS, ("never_answered",)),
        Metric("response_p50", Unit.SECONDS, "response_times", _DAYS, stands="p50_response_s"),
        Metric("response_p95", Unit.SECONDS, "response_times", _DAYS, stands="p95_response_s"),
        Metric("success_rate", Unit.SHARE, "service_figures", (), stands="success_rate"),
        Metric(
            "delivery_rate",
            Unit.SHARE,
            "delivery_rates",
            ("channel", "recipient_type"),
            ("delivered",),
            ("sent",),
            made_of=("core.notifications",),
        ),
        Metric(
            "retention",
            Unit.SHARE,
            "customer_retention",
            ("cohort_month", "months_after"),
            ("returned",),
            ("customers",),
            where="is_complete",
        ),
        Metric(
            "utilisation",
            Unit.SHARE,
            "providers",
            ("provider_id",),
            stands="utilisation",
            made_of=("core.bookings", "core.provider_states"),
        ),
        Metric(
            "rating",
            Unit.STARS,
            "providers",
            ("provider_id",),
            stands="rating",
            made_of=("core.reviews",),
        ),
    ),
    key=lambda metric: metric.name,
)
