"""The figures that people quote, each with one definition: what it is made of, in which unit, and whether it adds up.

A record names the table it is read from and the columns that are added up there; its view ``metrics.<name>`` of a
snapshot, docs/reference/metrics.md and its name wherever it is told (pages, notebooks, exports, alerts) come from it.
Its name and sentence in each language stand in messages/metrics.toml; messages/figures.py says them. How a mart makes
those columns is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from marketplace.commission import EntryKind, RowState
from marketplace.registry import Registry
from marketplace.statuses import CommissionStatus
from marketplace.unusual import SERIES, Usualness


class Unit(StrEnum):
    """What a metric is counted in."""

    RUPIAH = "rupiah"
    BOOKINGS = "bookings"
    CUSTOMERS = "customers"
    NOTIFICATIONS = "notifications"
    MESSAGES = "messages"
    ROOMS = "rooms"
    PROVIDERS = "providers"
    RECORDS = "records"
    FINDINGS = "findings"
    HAND_OVERS = "hand-overs"
    REVIEWS = "reviews"
    ROWS = "rows"
    SERIES = "series"
    SHARE = "share"
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    STARS = "stars"
    PAYMENTS = "payments"
    CHECKS = "checks"
    ERRORS_IN_A_MINUTE = "errors in a minute"


@dataclass(frozen=True)
class Metric:
    """A figure by name, by the dimensions ``by`` of the table it is read from.

    ``adds``: the columns whose sum it is (none: its rows are counted), ``negated``: with the other sign; ``per``: of a
    share the columns whose sum is its denominator. ``stands``: the column, or the SQL of a value, in which it stands as
    it is, since it does not follow from sums of others. ``where``: which rows of the table, as SQL. ``made_of``: the
    tables of core behind it. ``schema``: of the table; only figures of marts can be explained.

    ``columns``: what a column is called that holds it, or a part of its rows, wherever that is: its heading is the
    metric's name. ``counted``: by its own name it is counted where a number is told without one ("3 missing
    commissions"), else by its unit.
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
    columns: tuple[str, ...] = ()
    negated: bool = False
    schema: str = "marts"
    counted: bool = False

    @property
    def table(self) -> str:
        """The table it is read from, with its schema."""
        return f"{self.schema}.{self.mart}"

    @property
    def is_additive(self) -> bool:
        """Whether its values of several rows add up."""
        return not self.per and self.stands is None

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures it is made of, as `bookwatch explain` takes them; none where its rows are counted, or it does not
        stand in a mart."""
        if self.schema != "marts":
            return ()
        columns = (*([self.stands] if self.stands else ()), *self.adds, *self.per)
        return tuple(dict.fromkeys(f"{self.table}.{column}" for column in columns))

    @property
    def formula(self) -> str:
        """How it is computed of the rows that are looked at."""
        if self.stands is not None and not self.per:
            return f"{self.stands}, as it stands"
        low = self._low
        return f"{low} ÷ {self._high}" if self.per else low

    @property
    def _low(self) -> str:
        return f"{'-' if self.negated else ''}{_sum(self.adds)}"

    @property
    def _high(self) -> str:
        return _sum(self.per) if len(self.per) == 1 else f"({_sum(self.per)})"

    @property
    def sql(self) -> str:
        """Its value by its dimensions, of a share with numerator and denominator, which are to be added up before they
        are divided."""
        by = "".join(f"{name}, " for name in self.by)
        rows = f"FROM {self.table}{f' WHERE {self.where}' if self.where else ''}"
        grouped = f"{rows} GROUP BY {', '.join(self.by)}" if self.by else rows
        if self.per:
            low, high = self._low, self._high
            value = f"any_value({self.stands})" if self.stands else f"{low} / nullif({high}, 0)"
            return f"SELECT {by}{value} AS value, {low} AS numerator, {high} AS denominator {grouped}"
        if self.stands is not None:
            return f"SELECT {by}{self.stands} AS value {rows}"
        return f"SELECT {by}{self._low} AS value {grouped}"


def _sum(columns: Iterable[str]) -> str:
    """A whole number: DuckDB's sums of BIGINT are wider. Of several columns a null in one takes none of the others
    away."""
    names = tuple(columns)
    if len(names) > 1:
        return " + ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in names)
    return f"sum({names[0]})::BIGINT" if names else "count(*)"


_DAYS: Final = ("local_date", "source")
_DAY: Final = ("local_date",)
_PROVIDER: Final = ("provider_id",)
_RECORDS: Final = ("core.bookings", "core.commissions")
_OF_COMMISSIONS: Final = ("core.commissions",)
_OF_STATES: Final = ("core.provider_states",)
_OF_TALK: Final = ("core.messages", "core.chat_rooms")
_SENT: Final = ("core.notifications",)
_MISSING: Final = f"state = '{RowState.MISSING.value}'"
#: Rows of a reconciled booking or record.
_RECONCILED: Final = ("local_date", "source", "provider_id")
_OPEN: Final = ("provider_id", "age", "status")


def _funnel(name: str, column: str, *columns: str, made_of: tuple[str, ...] = ("core.bookings",)) -> Metric:
    """Bookings of a day and source that went so far, or went lost so; a time of them stands as it is."""
    if column.endswith("_s"):
        return Metric(
            name,
            Unit.SECONDS,
            "booking_funnel",
            _DAYS,
            stands=column,
            columns=(column, *columns),
            made_of=made_of,
        )
    return Metric(name, Unit.BOOKINGS, "booking_funnel", _DAYS, (column,), columns=columns, made_of=made_of)


def _of_provider(
    name: str, unit: Unit, column: str, made_of: tuple[str, ...] = ("core.bookings",), *, adds: bool = True
) -> Metric:
    value: dict[str, tuple[str, ...] | str] = {"adds": (column,)} if adds else {"stands": column}
    return Metric(
        name,
        unit,
        "providers",
        _PROVIDER,
        made_of=made_of,
        columns=(column,),
        **value,  # type: ignore[arg-type] - either of both
    )


def _ledger(name: str, kinds: Iterable[EntryKind], *, negated: bool = False, column: str = "") -> Metric:
    """What the lines of these kinds add up to, by provider and day."""
    said = ", ".join(f"'{kind.value}'" for kind in kinds)
    return Metric(
        name,
        Unit.RUPIAH,
        "commission_entries",
        ("provider_id", "local_date"),
        ("amount_idr",),
        where=f"kind IN ({said})",
        made_of=_OF_COMMISSIONS,
        columns=(column,) if column else (),
        negated=negated,
    )


def _rooms(name: str, unit: Unit, column: str, *columns: str, adds: bool = True) -> Metric:
    value: dict[str, tuple[str, ...] | str] = {"adds": (column,)} if adds else {"stands": column}
    return Metric(
        name,
        unit,
        "chat_rooms_daily",
        _DAY,
        made_of=_OF_TALK,
        columns=columns,
        **value,  # type: ignore[arg-type] - either of both
    )


def _of_point(name: str, unit: Unit, point: int, made_of: str = "core.bookings") -> Metric:
    """What a health point is measured by."""
    return Metric(
        name, unit, "health_points", (), stands="figure", where=f"point = {point}", made_of=(made_of,)
    )


def _series() -> Iterator[Metric]:
    """What is watched for being unusual, by the hour."""
    for series in SERIES.values():
        yield Metric(
            f"hourly_{series.name}",
            Unit.SHARE if series.shares else Unit(series.unit),
            "unusual",
            ("source", "hour_start"),
            stands="figure",
            where=f"series = '{series.name}'",
            made_of=_OF_SERIES[series.name],
        )


_OF_SERIES: Final = {
    "bookings": ("core.bookings",),
    "acceptance": ("core.bookings",),
    "cancellation": ("core.bookings",),
    "response_time": ("core.bookings",),
    "messages": ("core.messages",),
    "delivery": _SENT,
    "payments": _OF_COMMISSIONS,
    "rows": ("core.bookings", "core.commissions", *_OF_TALK, *_SENT, "core.reviews"),
}
_OLDEST_READ: Final = "epoch((SELECT max(now) FROM ops.judged) - min(completed_at)) / 60"
_OF_THIS_RUN: Final = "run_id = (SELECT max(run_id) FROM ops.snapshot)"

METRICS: Final[Registry[str, Metric]] = Registry(
    (
        # What was booked and what came in.
        Metric("bookings", Unit.BOOKINGS, "revenue_by_source", _DAYS, ("bookings",), columns=("bookings",)),
        Metric("booked", Unit.RUPIAH, "revenue_by_source", _DAYS, ("booked_idr",), columns=("booked_idr",)),
        Metric(
            "completed",
            Unit.RUPIAH,
            "revenue_by_source",
            _DAYS,
            ("completed_idr",),
            columns=("completed_idr",),
        ),
        Metric(
            "collected",
            Unit.RUPIAH,
            "revenue_daily",
            _DAY,
            ("collected_idr",),
            made_of=_OF_COMMISSIONS,
            columns=("collected_idr",),
        ),
        Metric("discounts_given", Unit.RUPIAH, "discounts", _DAY, ("given_idr",), columns=("given_idr",)),
        Metric(
            "cost_before_discount", Unit.RUPIAH, "discounts", _DAY, ("before_idr",), columns=("before_idr",)
        ),
        Metric("cost_after_discount", Unit.RUPIAH, "discounts", _DAY, ("after_idr",), columns=("after_idr",)),
        Metric(
            "discounted_bookings", Unit.BOOKINGS, "discounts", _DAY, ("discounted",), columns=("discounted",)
        ),
        Metric("free_bookings", Unit.BOOKINGS, "discounts", _DAY, ("free",), columns=("free",)),
        # Commission against the policy.
        Metric(
            "tracking_rate",
            Unit.SHARE,
            "commission_summary",
            (),
            ("tracked",),
            ("tracked", "missing"),
            stands="tracking_rate",
            made_of=_RECORDS,
            columns=("tracking_rate",),
        ),
        Metric(
            "missing_commissions",
            Unit.BOOKINGS,
            "commission_reconciliation",
            _RECONCILED,
            where=_MISSING,
            made_of=_RECORDS,
            counted=True,
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
            "reconciled_amounts",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("booking_amount_idr",),
            made_of=_RECORDS,
            columns=("booking_amount_idr",),
        ),
        Metric(
            "expected_commission",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("expected_idr",),
            made_of=_RECORDS,
            columns=("expected_idr",),
        ),
        Metric(
            "recorded_commission",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("actual_idr",),
            made_of=_RECORDS,
            columns=("actual_idr",),
        ),
        Metric(
            "commission_difference",
            Unit.RUPIAH,
            "commission_reconciliation",
            _RECONCILED,
            ("variance_idr",),
            made_of=_RECORDS,
            columns=("variance_idr",),
        ),
        Metric(
            "rows_without_difference",
            Unit.ROWS,
            "commission_reconciliation",
            _RECONCILED,
            where="variance_idr IS NULL",
            made_of=_RECORDS,
            columns=("unknown_rows",),
        ),
        Metric(
            "unrecorded_commission",
            Unit.RUPIAH,
            "commission_ledger",
            ("provider_id", "local_month"),
            ("unrecorded_idr",),
            made_of=_RECORDS,
            columns=("unrecorded_idr",),
        ),
        Metric(
            "open_findings",
            Unit.FINDINGS,
            "commission_findings",
            ("finding", "severity"),
            where="NOT waived",
            made_of=_RECORDS,
            columns=("open_findings",),
        ),
        Metric(
            "waived_findings",
            Unit.FINDINGS,
            "commission_findings",
            ("finding", "severity"),
            where="waived",
            made_of=_RECORDS,
            columns=("waived_findings",),
        ),
        # What is owed now.
        Metric(
            "open_records",
            Unit.RECORDS,
            "commission_open",
            _OPEN,
            made_of=_OF_COMMISSIONS,
            columns=("open_records",),
        ),
        Metric(
            "open_commission",
            Unit.RUPIAH,
            "commission_open",
            _OPEN,
            ("owed_idr",),
            made_of=_OF_COMMISSIONS,
            columns=("owed_idr",),
        ),
        Metric(
            "open_fees",
            Unit.RUPIAH,
            "commission_open",
            _OPEN,
            ("fee_idr",),
            made_of=_OF_COMMISSIONS,
            columns=("fee_idr",),
        ),
        Metric(
            "owed_now",
            Unit.RUPIAH,
            "commission_open",
            _OPEN,
            ("owed_idr", "fee_idr"),
            made_of=_OF_COMMISSIONS,
        ),
        Metric(
            "overdue_commission",
            Unit.RUPIAH,
            "commission_balances",
            _PROVIDER,
            ("overdue_idr",),
            made_of=_OF_COMMISSIONS,
            columns=("overdue_idr",),
        ),
        Metric(
            "overdue_records",
            Unit.RECORDS,
            "commission_balances",
            _PROVIDER,
            ("overdue_records",),
            made_of=_OF_COMMISSIONS,
            columns=("overdue_records",),
        ),
        Metric(
            "awaiting_verification",
            Unit.RECORDS,
            "commission_open",
            ("provider_id", "age"),
            where=f"status = '{CommissionStatus.AWAITING_VERIFICATION.value}'",
            made_of=_OF_COMMISSIONS,
        ),
        # The account.
        Metric(
            "opening_balance",
            Unit.RUPIAH,
            "commission_ledger",
            ("provider_id", "local_month"),
            stands="opening_idr",
            made_of=_OF_COMMISSIONS,
            columns=("opening_idr",),
        ),
        _ledger("accrued_commission", (EntryKind.ACCRUAL,), column="accrued_idr"),
        _ledger("late_fees", (EntryKind.FEE,), column="fees_idr"),
        _ledger("paid_gross", (EntryKind.PAYMENT,), negated=True),
        _ledger("given_back", (EntryKind.REFUND,)),
        _ledger("paid", (EntryKind.PAYMENT, EntryKind.REFUND), negated=True, column="paid_idr"),
        _ledger("taken_back", (EntryKind.REVERSAL,), negated=True, column="reversed_idr"),
        Metric(
            "closing_balance",
            Unit.RUPIAH,
            "commission_ledger",
            ("provider_id", "local_month"),
            stands="closing_idr",
            made_of=_OF_COMMISSIONS,
            columns=("closing_idr",),
        ),
        # What becomes of bookings.
        Metric(
            "acceptance_rate",
            Unit.SHARE,
            "source_conversion",
            _DAYS,
            ("accepted",),
            ("decided",),
            columns=("acceptance_rate",),
        ),
        Metric(
            "conversion",
            Unit.SHARE,
            "source_conversion",
            _DAYS,
            ("completed",),
            ("created",),
            columns=("completed_share",),
        ),
        Metric("cancellation_rate", Unit.SHARE, "source_conversion", _DAYS, ("cancelled",), ("created",)),
        _funnel("created_bookings", "created", "created"),
        _funnel("answered_bookings", "answered", "answered", "responded"),
        _funnel("accepted_bookings", "accepted", "accepted"),
        _funnel("completed_bookings", "completed", "completed"),
        _funnel("recorded_bookings", "recorded", "recorded", made_of=_RECORDS),
        _funnel("paid_bookings", "paid", "paid", made_of=_RECORDS),
        _funnel("declined_bookings", "declined", "declined"),
        _funnel("unanswered_bookings", "unanswered", "unanswered"),
        _funnel("expired_after_answer", "expired_answered", "expired_answered"),
        _funnel("cancelled_bookings", "cancelled", "cancelled"),
        _funnel("reassigned_bookings", "reassigned", "reassigned"),
        _funnel("still_open_bookings", "still_open", "still_open"),
        _funnel("time_to_answer", "p50_answer_s"),
        _funnel("time_to_answer_p95", "p95_answer_s"),
        _funnel("time_to_acceptance", "p50_acceptance_s"),
        _funnel("time_to_completion", "p50_completion_s"),
        _funnel("time_to_record", "p50_record_s", made_of=_RECORDS),
        _funnel("time_to_payment", "p50_payment_s", made_of=_RECORDS),
        _funnel("time_to_payment_p95", "p95_payment_s", made_of=_RECORDS),
        Metric(
            "expired_bookings",
            Unit.BOOKINGS,
            "source_conversion",
            _DAYS,
            ("expired",),
            columns=("expired",),
        ),
        Metric(
            "never_answered",
            Unit.BOOKINGS,
            "response_times",
            _DAYS,
            ("never_answered",),
            columns=("never_answered",),
        ),
        Metric(
            "average_response",
            Unit.SECONDS,
            "response_times",
            _DAYS,
            stands="avg_response_s",
            columns=("avg_response_s",),
        ),
        Metric(
            "response_p50",
            Unit.SECONDS,
            "response_times",
            _DAYS,
            stands="p50_response_s",
            columns=("p50_response_s",),
        ),
        Metric(
            "response_p95",
            Unit.SECONDS,
            "response_times",
            _DAYS,
            stands="p95_response_s",
            columns=("p95_response_s",),
        ),
        Metric(
            "success_rate",
            Unit.SHARE,
            "service_figures",
            (),
            stands="success_rate",
            columns=("success_rate",),
        ),
        # Notifications and members.
        Metric(
            "delivery_rate",
            Unit.SHARE,
            "delivery_rates",
            ("channel", "recipient_type"),
            ("delivered",),
            ("sent",),
            made_of=_SENT,
            columns=("delivery_rate", "rate"),
        ),
        *(
            Metric(
                f"notifications_{column}",
                Unit.NOTIFICATIONS,
                "delivery_rates",
                ("channel", "recipient_type"),
                (column,),
                made_of=_SENT,
                columns=(column,),
            )
            for column in ("sent", "delivered", "failed", "pending")
        ),
        Metric(
            "missed_requests",
            Unit.BOOKINGS,
            "member_health",
            ("provider_id", "provider_type"),
            ("missed_requests",),
            columns=("missed_requests",),
        ),
        Metric(
            "unread_messages",
            Unit.MESSAGES,
            "member_health",
            ("provider_id", "provider_type"),
            ("unread_messages",),
            made_of=("core.messages",),
            columns=("unread_messages",),
        ),
        Metric(
            "uptime",
            Unit.SHARE,
            "health_uptime",
            ("point", "time_window"),
            stands="working_share",
            columns=("working_share",),
        ),
        *(
            Metric(
                f"hop_{column}",
                Unit.BOOKINGS,
                "broken_links",
                ("hop",),
                (column,),
                made_of=_RECORDS,
                columns=("hop_unknown" if column == "unknown" else column,),
            )
            for column in ("entered", "passed", "broken", "unknown")
        ),
        # Customers.
        Metric("customers", Unit.CUSTOMERS, "customers", ("first_source",), columns=("customers",)),
        Metric("came_back", Unit.CUSTOMERS, "customers", ("first_source",), where="bookings > 1"),
        Metric("spent", Unit.RUPIAH, "customers", ("customer_id",), ("spent_idr",), columns=("spent_idr",)),
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
            "returned_customers",
            Unit.CUSTOMERS,
            "customer_retention",
            ("cohort_month", "months_after"),
            ("returned",),
            columns=("returned",),
        ),
        # Providers.
        _of_provider("requests", Unit.BOOKINGS, "requests"),
        _of_provider("utilisation", Unit.SHARE, "utilisation", ("core.bookings", *_OF_STATES), adds=False),
        _of_provider("rating", Unit.STARS, "rating", ("core.reviews",), adds=False),
        _of_provider("ratings", Unit.REVIEWS, "ratings", ("core.reviews",)),
        _of_provider("cancelled_by_provider", Unit.BOOKINGS, "cancelled_by_provider"),
        _of_provider("paid_in_time", Unit.BOOKINGS, "paid_in_time", _RECORDS),
        _of_provider("paid_late", Unit.BOOKINGS, "paid_late", _RECORDS),
        Metric("provider_fees", Unit.RUPIAH, "providers", _PROVIDER, ("fees_idr",), made_of=_OF_COMMISSIONS),
        _of_provider("restricted_days", Unit.DAYS, "restricted_days", _OF_STATES),
        _of_provider("handed_away", Unit.HAND_OVERS, "reassigned_away"),
        _of_provider("handed_to", Unit.HAND_OVERS, "reassigned_to"),
        # Demand.
        *(
            Metric(
                name,
                Unit.PROVIDERS,
                "capacity",
                ("local_hour", "city"),
                stands=None if adds else name,
                adds=(name,) if adds else (),
                made_of=_OF_STATES,
                columns=(name,),
            )
            for name, adds in (
                ("providers_seen", True),
                ("providers_online", True),
                ("providers_busy", True),
                ("providers_free", False),
            )
        ),
        Metric(
            "undecided_bookings",
            Unit.BOOKINGS,
            "capacity",
            ("local_hour", "city"),
            ("undecided",),
            columns=("undecided",),
        ),
        Metric(
            "unserved_bookings",
            Unit.BOOKINGS,
            "short_hours",
            ("city", "weekday", "hour"),
            ("unserved",),
            made_of=("core.bookings", *_OF_STATES),
            columns=("unserved",),
        ),
        Metric(
            "short_hours",
            Unit.HOURS,
            "short_hours",
            ("city", "weekday", "hour"),
            ("short_hours",),
            made_of=("core.bookings", *_OF_STATES),
            columns=("short_hours",),
        ),
        # The chat.
        _rooms("rooms_opened", Unit.ROOMS, "rooms", "rooms"),
        _rooms("rooms_spoken", Unit.ROOMS, "rooms_spoken", "rooms_spoken"),
        _rooms("rooms_replied", Unit.ROOMS, "rooms_replied", "rooms_replied"),
        _rooms("rooms_unanswered", Unit.ROOMS, "unanswered", "rooms_unanswered"),
        Metric(
            "rooms_unanswered_share",
            Unit.SHARE,
            "chat_rooms_daily",
            _DAY,
            ("unanswered",),
            ("rooms_spoken",),
            made_of=_OF_TALK,
            columns=("unanswered_share",),
        ),
        _rooms("reply_p50", Unit.SECONDS, "p50_reply_s", "p50_reply_s", adds=False),
        _rooms("reply_p95", Unit.SECONDS, "p95_reply_s", "p95_reply_s", adds=False),
        _rooms("room_messages", Unit.MESSAGES, "messages", "messages"),
        _rooms("messages_sent", Unit.MESSAGES, "messages_sent", "messages_sent"),
        _rooms("messages_not_read", Unit.MESSAGES, "unread", "unread"),
        Metric("waiting_rooms", Unit.ROOMS, "chat_waiting", ("waiting_for_role",), made_of=_OF_TALK),
        # What is watched by the hour, and what alerts are told of.
        *_series(),
        Metric(
            "unusual_series",
            Unit.SERIES,
            "unusual",
            ("series", "source"),
            where=f"is_open AND state = '{Usualness.UNUSUAL.value}'",
            made_of=_OF_SERIES["rows"],
        ),
        _of_point("bookings_of_a_day", Unit.BOOKINGS, 1),
        _of_point("chat_window_bookings", Unit.BOOKINGS, 2),
        _of_point("scheduled_bookings", Unit.BOOKINGS, 3),
        _of_point("immediate_bookings", Unit.BOOKINGS, 4),
        _of_point("newest_booking_age", Unit.MINUTES, 5),
        Metric(
            "last_read_age",
            Unit.MINUTES,
            "scans",
            (),
            stands=_OLDEST_READ,
            where="required",
            made_of=(),
            schema="ops",
        ),
        Metric(
            "quarantined_rows",
            Unit.ROWS,
            "quarantine",
            ("collection",),
            made_of=(),
            schema="ops",
        ),
        Metric(
            "doubtful_values",
            Unit.ROWS,
            "data_findings",
            ("finding", "collection"),
            made_of=("core.bookings", "core.commissions"),
        ),
        Metric(
            "failed_rows",
            Unit.ROWS,
            "check_results",
            ("check_name", "asset"),
            ("failed_rows",),
            where=_OF_THIS_RUN,
            made_of=(),
            schema="ops",
            columns=("failed_rows",),
        ),
        Metric(
            "checks_failed",
            Unit.CHECKS,
            "check_results",
            (),
            where=f"{_OF_THIS_RUN} AND NOT passed",
            made_of=(),
            schema="ops",
            columns=("checks_failed",),
        ),
        Metric(
            "errors_a_minute",
            Unit.ERRORS_IN_A_MINUTE,
            "error_rates",
            ("minute", "severity", "category", "operation"),
            ("events",),
            made_of=(),
            schema="ops",
        ),
    ),
    key=lambda metric: metric.name,
)
#: What a column is called that holds a metric → the metric's name.
COLUMNS: Final = MappingProxyType(
    {column: metric.name for metric in METRICS.values() for column in metric.columns}
)
