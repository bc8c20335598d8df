"""What must hold of every mart, structurally: columns and their order, types, enumerations, ranges that no
data can break, unique keys.

Money and health rules are not here: they never block publishing (points.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandera.polars as pa
import polars as pl
from pandera.api.polars.model_config import BaseConfig

from marketplace.closed_months import CLOSED_MONTH_CHANGED, MONTH_FIGURES
from marketplace.commission import (
    AGE_WORDS,
    ENTRY_KINDS,
    ENTRY_PARTS,
    ROW_STATES,
    WHOLE_STATES,
)
from marketplace.findings import FINDINGS, SEVERITIES
from marketplace.health import HEALTH_POINTS, POINT_STATUSES, UPTIME_WINDOWS
from marketplace.links import HOPS, LINK_ROWS_SHOWN, LINK_STATES, STEPS
from marketplace.members import MEMBER_HEALTH
from marketplace.peaks import BASES
from marketplace.services import ALL_SOURCES, NEVER_ANSWERED, RESPONSE_BUCKETS
from marketplace.words import BOOKING_STATUSES, COMMISSION_STATUSES, SOURCES

#: Whether a restriction that is due is in force, and one in force is due.
RESTRICTION_VERDICTS: Final = ("agrees", "not_restricted", "restricted_wrongly", "unknown")
ANOMALIES: Final = ("duplicate_booking", "overlapping_bookings", "abuse_bookings", "abuse_messages")
COUNTED_COLLECTIONS: Final = ("bookings", "hotel_bookings", "commission_records")


class MartTable(pa.DataFrameModel):
    """Rules of every mart."""

    class Config(BaseConfig):
        strict = True
        ordered = True


class CommissionReconciliation(MartTable):
    booking_id: pl.String = pa.Field(nullable=True)
    commission_id: pl.String = pa.Field(nullable=True)
    booking_ref: pl.String = pa.Field(nullable=True)
    provider_id: pl.String = pa.Field(nullable=True)
    source: pl.String = pa.Field(nullable=True, isin=SOURCES)
    booking_status: pl.String = pa.Field(nullable=True, isin=BOOKING_STATUSES)
    booking_amount_idr: pl.Int64 = pa.Field(nullable=True)
    rate: pl.Float64 = pa.Field(nullable=True)
    expected_idr: pl.Int64 = pa.Field(nullable=True, ge=0)
    actual_idr: pl.Int64 = pa.Field(nullable=True)
    variance_idr: pl.Int64 = pa.Field(nullable=True)
    state: pl.String = pa.Field(isin=ROW_STATES)
    local_date: pl.Date = pa.Field(nullable=True)
    accrued_at: pl.Datetime
    utc_offset_minutes: pl.Int64 = pa.Field(nullable=True)
    policy_version: pl.String = pa.Field(nullable=True)
    policy_rate_ppm: pl.Int64 = pa.Field(nullable=True, ge=0, le=1_000_000)
    deadline_at: pl.Datetime = pa.Field(nullable=True)
    commission_status: pl.String = pa.Field(nullable=True, isin=COMMISSION_STATUSES)
    paid_at: pl.Datetime = pa.Field(nullable=True)
    records: pl.Int64 = pa.Field(ge=0)
    origin: pl.String = pa.Field(nullable=True, isin=("bookings", "hotel_bookings"))

    @pa.dataframe_check
    def variance_is_actual_minus_expected(cls, data: pa.PolarsData) -> pl.LazyFrame:
        row = pl.col("variance_idr").eq_missing(pl.col("actual_idr") - pl.col("expected_idr"))
        return data.lazyframe.select(row)

    @pa.dataframe_check
    def a_day_is_known_where_its_zone_is(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("local_date").is_null() == pl.col("utc_offset_minutes").is_null())

    @pa.dataframe_check
    def a_free_booking_owes_nothing(cls, data: pa.PolarsData) -> pl.LazyFrame:
        nothing = (pl.col("expected_idr") == 0) & pl.col("actual_idr").fill_null(0).eq(0)
        return data.lazyframe.select((pl.col("state") != "free") | nothing.fill_null(False))

    @pa.dataframe_check
    def a_row_has_a_booking_or_a_record(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(
            pl.col("booking_id").is_not_null() | pl.col("commission_id").is_not_null()
        )

    class Config(MartTable.Config):
        unique = ["origin", "booking_id", "commission_id"]  # noqa: RUF012 - Pandera reads a list


class CommissionFindings(MartTable):
    finding_id: pl.String
    finding: pl.String = pa.Field(isin=tuple(FINDINGS))
    severity: pl.String = pa.Field(isin=SEVERITIES)
    booking_id: pl.String = pa.Field(nullable=True)
    booking_ref: pl.String = pa.Field(nullable=True)
    commission_id: pl.String = pa.Field(nullable=True)
    provider_id: pl.String = pa.Field(nullable=True)
    expected_idr: pl.Int64 = pa.Field(nullable=True)
    actual_idr: pl.Int64 = pa.Field(nullable=True)
    variance_idr: pl.Int64 = pa.Field(nullable=True)
    detail: pl.String
    origin: pl.String = pa.Field(nullable=True, isin=("bookings", "hotel_bookings"))
    waived: pl.Boolean

    class Config(MartTable.Config):
        unique = ["finding_id"]  # noqa: RUF012 - Pandera reads a list


class CommissionSummary(MartTable):
    eligible: pl.Int64 = pa.Field(ge=0)
    tracked: pl.Int64 = pa.Field(ge=0)
    missing: pl.Int64 = pa.Field(ge=0)
    awaiting: pl.Int64 = pa.Field(ge=0)
    unknown: pl.Int64 = pa.Field(ge=0)
    tracking_rate: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    state: pl.String = pa.Field(isin=WHOLE_STATES)
    expected_idr: pl.Int64
    actual_idr: pl.Int64
    variance_idr: pl.Int64
    unknown_rows: pl.Int64 = pa.Field(ge=0)
    unknown_expected_idr: pl.Int64 = pa.Field(ge=0)
    unknown_actual_idr: pl.Int64
    as_of: pl.Datetime
    free: pl.Int64 = pa.Field(ge=0)

    @pa.dataframe_check
    def the_sums_are_as_far_apart_as_the_difference_and_what_is_not_in_it(
        cls, data: pa.PolarsData
    ) -> pl.LazyFrame:
        apart = pl.col("variance_idr") + pl.col("unknown_actual_idr") - pl.col("unknown_expected_idr")
        return data.lazyframe.select(pl.col("actual_idr") - pl.col("expected_idr") == apart)

    @pa.dataframe_check
    def eligible_is_the_sum_of_its_parts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(
            pl.col("eligible") == pl.sum_horizontal("tracked", "missing", "awaiting", "unknown", "free")
        )

    @pa.dataframe_check
    def a_rate_is_told_where_the_state_is_known(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col("state") == "unknown") == pl.col("tracking_rate").is_null())

    @pa.dataframe_check
    def has_one_row(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == 1)


class CommissionEntries(MartTable):
    entry_id: pl.String
    kind: pl.String = pa.Field(isin=ENTRY_KINDS)
    commission_id: pl.String
    booking_id: pl.String = pa.Field(nullable=True)
    provider_id: pl.String
    local_date: pl.Date
    amount_idr: pl.Int64
    detail: pl.String
    part: pl.String = pa.Field(isin=ENTRY_PARTS)

    class Config(MartTable.Config):
        unique = ["entry_id"]  # noqa: RUF012 - Pandera reads a list


class CommissionLedger(MartTable):
    provider_id: pl.String
    provider_name: pl.String = pa.Field(nullable=True)
    local_month: pl.Date
    opening_idr: pl.Int64
    accrued_idr: pl.Int64
    fees_idr: pl.Int64
    paid_idr: pl.Int64
    reversed_idr: pl.Int64
    closing_idr: pl.Int64
    expected_idr: pl.Int64 = pa.Field(ge=0)
    unrecorded_idr: pl.Int64 = pa.Field(ge=0)
    unknown_amount_records: pl.Int64 = pa.Field(ge=0)

    @pa.dataframe_check
    def a_month_is_named_by_its_first_day(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("local_month").dt.day() == 1)

    class Config(MartTable.Config):
        unique = ["provider_id", "local_month"]  # noqa: RUF012 - Pandera reads a list


class CommissionOpen(MartTable):
    commission_id: pl.String
    booking_id: pl.String = pa.Field(nullable=True)
    booking_ref: pl.String = pa.Field(nullable=True)
    provider_id: pl.String
    provider_name: pl.String = pa.Field(nullable=True)
    status: pl.String = pa.Field(isin=COMMISSION_STATUSES)
    owed_idr: pl.Int64 = pa.Field(nullable=True)
    fee_idr: pl.Int64
    service_ended_at: pl.Datetime = pa.Field(nullable=True)
    deadline_at: pl.Datetime = pa.Field(nullable=True)
    is_overdue: pl.Boolean = pa.Field(nullable=True)
    restriction_at: pl.Datetime = pa.Field(nullable=True)
    age: pl.String = pa.Field(isin=AGE_WORDS)
    is_due: pl.Boolean = pa.Field(nullable=True)
    is_unpaid: pl.Boolean
    booking_status: pl.String = pa.Field(nullable=True, isin=BOOKING_STATUSES)
    local_date: pl.Date = pa.Field(nullable=True)

    @pa.dataframe_check
    def only_what_is_due_is_overdue(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~(pl.col("is_overdue") & ~pl.col("is_due")).fill_null(False))

    class Config(MartTable.Config):
        unique = ["commission_id"]  # noqa: RUF012 - Pandera reads a list


class CommissionRestrictions(MartTable):
    provider_id: pl.String = pa.Field(unique=True)
    provider_name: pl.String = pa.Field(nullable=True)
    due: pl.Boolean = pa.Field(nullable=True)
    actual: pl.Boolean = pa.Field(nullable=True)
    restriction_due_at: pl.Datetime = pa.Field(nullable=True)
    overdue_records: pl.Int64 = pa.Field(ge=0)
    overdue_idr: pl.Int64
    verdict: pl.String = pa.Field(isin=RESTRICTION_VERDICTS)


class CommissionBalances(MartTable):
    provider_id: pl.String
    provider_name: pl.String = pa.Field(nullable=True)
    owed_idr: pl.Int64
    fees_idr: pl.Int64
    overdue_idr: pl.Int64
    records: pl.Int64 = pa.Field(ge=1)
    overdue_records: pl.Int64 = pa.Field(ge=0)
    not_ended_idr: pl.Int64
    age_0_3h_idr: pl.Int64
    age_3_24h_idr: pl.Int64
    age_1_7d_idr: pl.Int64
    age_over_7d_idr: pl.Int64
    age_unknown_idr: pl.Int64
    oldest_deadline_at: pl.Datetime = pa.Field(nullable=True)
    restriction_due: pl.Boolean = pa.Field(nullable=True)
    restriction_due_at: pl.Datetime = pa.Field(nullable=True)
    restriction_actual: pl.Boolean = pa.Field(nullable=True)
    provider_status: pl.String = pa.Field(nullable=True)
    unknown_amount_records: pl.Int64 = pa.Field(ge=0)
    not_due_idr: pl.Int64

    @pa.dataframe_check
    def the_ages_are_all_that_is_owed(cls, data: pa.PolarsData) -> pl.LazyFrame:
        ages = pl.sum_horizontal(
            "not_ended_idr",
            "age_0_3h_idr",
            "age_3_24h_idr",
            "age_1_7d_idr",
            "age_over_7d_idr",
            "age_unknown_idr",
        )
        return data.lazyframe.select(ages == pl.col("owed_idr") + pl.col("fees_idr"))

    class Config(MartTable.Config):
        unique = ["provider_id"]  # noqa: RUF012 - Pandera reads a list


class MonthFigures(MartTable):
    local_month: pl.Date
    figure: pl.String = pa.Field(isin=MONTH_FIGURES)
    value: pl.Int64

    class Config(MartTable.Config):
        unique = ["local_month", "figure"]  # noqa: RUF012 - Pandera reads a list


class ClosedMonthChanges(MartTable):
    finding_id: pl.String
    finding: pl.String = pa.Field(eq=CLOSED_MONTH_CHANGED)
    local_month: pl.Date
    figure: pl.String
    previous_value: pl.Int64
    current_value: pl.Int64
    previous_snapshot_id: pl.String
    seen_at: pl.Datetime
    detail: pl.String
    waived: pl.Boolean

    @pa.dataframe_check
    def the_values_differ(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("previous_value") != pl.col("current_value"))

    class Config(MartTable.Config):
        unique = ["finding_id"]  # noqa: RUF012 - Pandera reads a list


class ClosedMonthGaps(MartTable):
    snapshot_id: pl.String
    previous_snapshot_id: pl.String = pa.Field(nullable=True)
    compared_at: pl.Datetime
    reason: pl.String
    is_newest: pl.Boolean


class DataFindings(MartTable):
    finding: pl.String
    collection: pl.String
    row_id: pl.String
    attribute: pl.String = pa.Field(nullable=True)
    detail: pl.String = pa.Field(nullable=True)


class HealthPoints(MartTable):
    point: pl.Int32 = pa.Field(isin=tuple(HEALTH_POINTS))
    name: pl.String = pa.Field(isin=tuple(point.name for point in HEALTH_POINTS.values()))
    status: pl.String = pa.Field(isin=POINT_STATUSES)
    figure: pl.Float64 = pa.Field(nullable=True)
    limit_value: pl.Float64
    message: pl.String
    severity: pl.String = pa.Field(isin=SEVERITIES)
    evidence_at: pl.Datetime = pa.Field(nullable=True)
    component: pl.String
    unit: pl.String = pa.Field(isin=tuple(point.unit for point in HEALTH_POINTS.values()))

    @pa.dataframe_check
    def has_seven_rows(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == len(HEALTH_POINTS))

    class Config(MartTable.Config):
        unique = ["point"]  # noqa: RUF012 - Pandera reads a list


class HealthHistory(MartTable):
    point: pl.Int32 = pa.Field(isin=tuple(HEALTH_POINTS))
    name: pl.String = pa.Field(isin=tuple(point.name for point in HEALTH_POINTS.values()))
    status: pl.String = pa.Field(isin=POINT_STATUSES)
    since: pl.Datetime
    until: pl.Datetime = pa.Field(nullable=True)
    seconds: pl.Float64 = pa.Field(ge=0)
    message: pl.String

    @pa.dataframe_check
    def a_point_is_in_one_state_at_most_now(cls, data: pa.PolarsData) -> pl.LazyFrame:
        now = pl.col("point").filter(pl.col("until").is_null())
        return data.lazyframe.select(now.n_unique() == now.len())


class HealthUptime(MartTable):
    point: pl.Int32 = pa.Field(isin=tuple(HEALTH_POINTS))
    name: pl.String = pa.Field(isin=tuple(point.name for point in HEALTH_POINTS.values()))
    time_window: pl.String = pa.Field(isin=tuple(name for name, _ in UPTIME_WINDOWS))
    working_share: pl.Float64 = pa.Field(nullable=True, ge=0, le=1)
    broken_seconds: pl.Float64 = pa.Field(ge=0)
    unknown_seconds: pl.Float64 = pa.Field(ge=0)
    measured_seconds: pl.Float64 = pa.Field(ge=0)
    status_since: pl.Datetime
    unmeasured_seconds: pl.Float64 = pa.Field(ge=0)

    class Config(MartTable.Config):
        unique = ["point", "time_window"]  # noqa: RUF012 - Pandera reads a list


class ServiceFigures(MartTable):
    avg_response_s: pl.Float64 = pa.Field(nullable=True, ge=0)
    p95_response_s: pl.Float64 = pa.Field(nullable=True, ge=0)
    success_rate: pl.Float64 = pa.Field(nullable=True, ge=0, le=1)
    delivery_rate: pl.Float64 = pa.Field(nullable=True, ge=0, le=1)
    newest_booking_at: pl.Datetime = pa.Field(nullable=True)
    bookings_24h: pl.Int64 = pa.Field(ge=0)

    @pa.dataframe_check
    def has_one_row(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == 1)


class SourceConversion(MartTable):
    local_date: pl.Date
    source: pl.String = pa.Field(isin=SOURCES)
    created: pl.Int64 = pa.Field(ge=1)
    accepted: pl.Int64 = pa.Field(ge=0)
    completed: pl.Int64 = pa.Field(ge=0)
    declined: pl.Int64 = pa.Field(ge=0)
    expired: pl.Int64 = pa.Field(ge=0)
    cancelled: pl.Int64 = pa.Field(ge=0)
    booked_idr: pl.Int64
    completed_idr: pl.Int64
    commissions: pl.Int64 = pa.Field(ge=0)

    class Config(MartTable.Config):
        unique = ["local_date", "source"]  # noqa: RUF012 - Pandera reads a list


class PeakHours(MartTable):
    basis: pl.String = pa.Field(isin=BASES)
    weekday: pl.Int64 = pa.Field(ge=1, le=7)
    hour: pl.Int64 = pa.Field(ge=0, le=23)
    bookings: pl.Int64 = pa.Field(ge=1)
    share: pl.Float64 = pa.Field(gt=0, le=1)

    class Config(MartTable.Config):
        unique = ["basis", "weekday", "hour"]  # noqa: RUF012 - Pandera reads a list


class RevenueDaily(MartTable):
    local_date: pl.Date
    bookings: pl.Int64 = pa.Field(ge=0)
    booked_idr: pl.Int64
    completed_idr: pl.Int64
    collected_idr: pl.Int64

    class Config(MartTable.Config):
        unique = ["local_date"]  # noqa: RUF012 - Pandera reads a list


class RevenueBySource(MartTable):
    local_date: pl.Date
    source: pl.String = pa.Field(isin=SOURCES)
    bookings: pl.Int64 = pa.Field(ge=1)
    booked_idr: pl.Int64
    completed_idr: pl.Int64

    class Config(MartTable.Config):
        unique = ["local_date", "source"]  # noqa: RUF012 - Pandera reads a list


class MemberHealth(MartTable):
    provider_id: pl.String
    health: pl.String = pa.Field(isin=MEMBER_HEALTH)
    last_seen_at: pl.Datetime = pa.Field(nullable=True)
    bookings: pl.Int64 = pa.Field(ge=0)
    missed_requests: pl.Int64 = pa.Field(ge=0)
    unread_messages: pl.Int64 = pa.Field(ge=0)
    notifications_enabled: pl.Boolean = pa.Field(nullable=True)
    sound_enabled: pl.Boolean = pa.Field(nullable=True)
    reasons: pl.String
    provider_name: pl.String = pa.Field(nullable=True)
    provider_type: pl.String = pa.Field(isin=("therapist", "place"))
    browser: pl.String = pa.Field(nullable=True)

    class Config(MartTable.Config):
        unique = ["provider_id", "provider_type"]  # noqa: RUF012 - Pandera reads a list


class ServiceMix(MartTable):
    local_date: pl.Date
    service_minutes: pl.Int64 = pa.Field(nullable=True)
    bookings: pl.Int64 = pa.Field(ge=1)
    booked_idr: pl.Int64

    class Config(MartTable.Config):
        unique = ["local_date", "service_minutes"]  # noqa: RUF012 - Pandera reads a list


class ResponseTimes(MartTable):
    local_date: pl.Date
    source: pl.String = pa.Field(isin=SOURCES)
    responded: pl.Int64 = pa.Field(ge=0)
    never_answered: pl.Int64 = pa.Field(ge=0)
    avg_response_s: pl.Float64 = pa.Field(nullable=True, ge=0)
    p50_response_s: pl.Float64 = pa.Field(nullable=True, ge=0)
    p95_response_s: pl.Float64 = pa.Field(nullable=True, ge=0)

    class Config(MartTable.Config):
        unique = ["local_date", "source"]  # noqa: RUF012 - Pandera reads a list


class ResponseDistribution(MartTable):
    source: pl.String = pa.Field(isin=(ALL_SOURCES, *SOURCES))
    bucket: pl.Int32 = pa.Field(ge=1, le=NEVER_ANSWERED.number)
    label: pl.String = pa.Field(isin=tuple(bucket.label for bucket in (*RESPONSE_BUCKETS, NEVER_ANSWERED)))
    from_s: pl.Float64 = pa.Field(ge=0)
    to_s: pl.Float64 = pa.Field(nullable=True, gt=0)
    bookings: pl.Int64 = pa.Field(ge=0)
    share: pl.Float64 = pa.Field(nullable=True, ge=0, le=1)

    class Config(MartTable.Config):
        unique = ["source", "bucket"]  # noqa: RUF012 - Pandera reads a list


class DeliveryRates(MartTable):
    channel: pl.String
    recipient_type: pl.String
    sent: pl.Int64 = pa.Field(ge=1)
    delivered: pl.Int64 = pa.Field(ge=0)
    failed: pl.Int64 = pa.Field(ge=0)
    pending: pl.Int64 = pa.Field(ge=0)
    rate: pl.Float64 = pa.Field(ge=0, le=1)

    @pa.dataframe_check
    def sent_is_the_sum_of_its_parts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("sent") == pl.sum_horizontal("delivered", "failed", "pending"))

    class Config(MartTable.Config):
        unique = ["channel", "recipient_type"]  # noqa: RUF012 - Pandera reads a list


class BrokenLinks(MartTable):
    hop: pl.Int32 = pa.Field(isin=tuple(HOPS))
    from_step: pl.String = pa.Field(isin=STEPS)
    to_step: pl.String = pa.Field(isin=STEPS)
    entered: pl.Int64 = pa.Field(ge=0)
    passed: pl.Int64 = pa.Field(ge=0)
    broken: pl.Int64 = pa.Field(ge=0)
    unknown: pl.Int64 = pa.Field(ge=0)
    state: pl.String = pa.Field(isin=LINK_STATES)

    @pa.dataframe_check
    def entered_is_the_sum_of_its_parts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("entered") == pl.sum_horizontal("passed", "broken", "unknown"))

    @pa.dataframe_check
    def has_a_row_a_hop(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == len(HOPS))

    class Config(MartTable.Config):
        unique = ["hop"]  # noqa: RUF012 - Pandera reads a list


class BrokenLinkRows(MartTable):
    hop: pl.Int32 = pa.Field(isin=tuple(HOPS))
    row_id: pl.String
    since: pl.Datetime
    origin: pl.String = pa.Field(isin=("bookings", "hotel_bookings"))

    @pa.dataframe_check
    def a_hop_shows_so_many_at_most(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len().over("hop") <= LINK_ROWS_SHOWN)

    class Config(MartTable.Config):
        unique = ["hop", "origin", "row_id"]  # noqa: RUF012 - Pandera reads a list


class DeclineReasons(MartTable):
    local_date: pl.Date
    reason: pl.String
    bookings: pl.Int64 = pa.Field(ge=1)

    class Config(MartTable.Config):
        unique = ["local_date", "reason"]  # noqa: RUF012 - Pandera reads a list


class BookingAnomalies(MartTable):
    anomaly: pl.String = pa.Field(isin=ANOMALIES)
    booking_id: pl.String = pa.Field(nullable=True)
    other_booking_id: pl.String = pa.Field(nullable=True)
    actor_id: pl.String
    provider_id: pl.String = pa.Field(nullable=True)
    observed_at: pl.Datetime
    count: pl.Int64 = pa.Field(ge=2)
    detail: pl.String


class UndatedRows(MartTable):
    collection: pl.String = pa.Field(isin=COUNTED_COLLECTIONS)
    rows: pl.Int64 = pa.Field(ge=0)
    booked_idr: pl.Int64
    completed_idr: pl.Int64
    collected_idr: pl.Int64

    class Config(MartTable.Config):
        unique = ["collection"]  # noqa: RUF012 - Pandera reads a list


class TestRows(MartTable):
    collection: pl.String = pa.Field(isin=COUNTED_COLLECTIONS)
    rows: pl.Int64 = pa.Field(ge=0)

    class Config(MartTable.Config):
        unique = ["collection"]  # noqa: RUF012 - Pandera reads a list


@dataclass(frozen=True)
class MartSchema:
    """A mart's Pandera model, the column whose values name a bad row, and column sets that are unique where
    none is null."""

    table: str
    model: type[MartTable]
    id_column: str
    unique_where_present: tuple[tuple[str, ...], ...] = ()


MART_SCHEMAS: Final[Mapping[str, MartSchema]] = {
    schema.table: schema
    for schema in (
        MartSchema(
            "commission_reconciliation",
            CommissionReconciliation,
            "booking_id",
            (("origin", "booking_id"), ("commission_id",)),
        ),
        MartSchema("commission_findings", CommissionFindings, "finding_id"),
        MartSchema("commission_summary", CommissionSummary, "state"),
        MartSchema("commission_entries", CommissionEntries, "entry_id"),
        MartSchema("commission_ledger", CommissionLedger, "provider_id"),
        MartSchema("commission_open", CommissionOpen, "commission_id"),
        MartSchema("commission_balances", CommissionBalances, "provider_id"),
        MartSchema("commission_restrictions", CommissionRestrictions, "provider_id"),
        MartSchema("month_figures", MonthFigures, "figure"),
        MartSchema("closed_month_changes", ClosedMonthChanges, "finding_id"),
        MartSchema("closed_month_gaps", ClosedMonthGaps, "snapshot_id"),
        MartSchema("data_findings", DataFindings, "row_id"),
        MartSchema("health_points", HealthPoints, "point"),
        MartSchema("health_history", HealthHistory, "point"),
        MartSchema("health_uptime", HealthUptime, "point"),
        MartSchema("service_figures", ServiceFigures, "bookings_24h"),
        MartSchema("source_conversion", SourceConversion, "local_date"),
        MartSchema("peak_hours", PeakHours, "basis"),
        MartSchema("revenue_daily", RevenueDaily, "local_date"),
        MartSchema("revenue_by_source", RevenueBySource, "local_date"),
        MartSchema("member_health", MemberHealth, "provider_id"),
        MartSchema("service_mix", ServiceMix, "local_date"),
        MartSchema("response_times", ResponseTimes, "local_date"),
        MartSchema("response_distribution", ResponseDistribution, "bucket"),
        MartSchema("delivery_rates", DeliveryRates, "channel"),
        MartSchema("broken_links", BrokenLinks, "hop"),
        MartSchema("broken_link_rows", BrokenLinkRows, "row_id"),
        MartSchema("decline_reasons", DeclineReasons, "local_date"),
        MartSchema("booking_anomalies", BookingAnomalies, "booking_id"),
        MartSchema("test_rows", TestRows, "collection"),
        MartSchema("undated_rows", UndatedRows, "collection"),
    )
}
