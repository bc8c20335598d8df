"""What commission is owed, what was recorded and paid, what is wrong with it, and what closed months said before."""

from __future__ import annotations

from typing import Final

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import additive, other, ratio
from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, MartTable, column
from marketplace.closed_months import CLOSED_MONTH_CHANGED, MONTH_FIGURES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import (
    AGE_WORDS,
    AGES,
    ENTRY_KINDS,
    ENTRY_PARTS,
    RESTRICTION_VERDICTS,
    ROW_STATES,
    UNENTERED,
    UNRECONCILED,
    WHOLE_STATES,
)
from marketplace.findings import FINDINGS, SEVERITIES
from marketplace.money import MICRO
from marketplace.statuses import BOOKING_STATUSES, COMMISSION_STATUSES, SOURCES

#: The ages that have a length, in words.
_AGES: Final = tuple(word for word, _ in AGES)
#: What moves a provider's account in a month.
_MOVED: Final = ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
#: Whether a restriction that is due is in force, and one in force is due.


class CommissionReconciliation(
    MartTable, id_column="booking_id", unique_where_present=(("origin", "booking_id"), ("commission_id",))
):
    """A booking that earns against its own commission record, or a live record without such a booking."""

    booking_id: pl.String = column("the booking; null: a record without one", null=True, key=True)
    commission_id: pl.String = column("its record; null: there is none", null=True, key=True)
    booking_ref: pl.String = column("the record's reference as written", null=True)
    provider_id: pl.String = column("the provider", null=True)
    source: pl.String = column("where the booking was made", null=True, words=SOURCES)
    booking_status: pl.String = column("the booking's status", null=True, words=BOOKING_STATUSES)
    booking_amount_idr: pl.Int64 = column("the booking's amount", null=True)
    rate: pl.Float64 = column("the record's rate", null=True, unit="share", figure=other("commission_id"))
    expected_idr: pl.Int64 = column("what is owed by the policy", null=True, ge=0)
    actual_idr: pl.Int64 = column("what the record charges; 0 without one", null=True)
    variance_idr: pl.Int64 = column("actual less expected; null where a side is unknown", null=True)
    state: pl.String = column("how it stands (docs/commission.md)", words=ROW_STATES)
    local_date: pl.Date = column(
        "the day it accrues: acceptance, else creation; of the record where there is no booking; null where the zone"
        " cannot be known",
        null=True,
    )
    accrued_at: pl.Datetime = column("the instant of that day")
    utc_offset_minutes: pl.Int64 = column(
        "the zone of local_date, null with it", null=True, figure=other("provider_id")
    )
    policy_version: pl.String = column(
        "the rule of the policy; null where it depends on a day that is not known", null=True
    )
    policy_rate_ppm: pl.Int64 = column(
        "the policy's rate, null as policy_version", null=True, ge=0, le=MICRO, figure=other("policy_version")
    )
    deadline_at: pl.Datetime = column("until when it is to be paid", null=True)
    commission_status: pl.String = column("the record's status", null=True, words=COMMISSION_STATUSES)
    paid_at: pl.Datetime = column("when the record was paid", null=True)
    records: pl.Int64 = column("live records of this booking, refunds left out", unit="records", ge=0)
    origin: pl.String = column("the booking's collection", null=True, words=BOOKING_COLLECTIONS, key=True)

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


class CommissionFindings(MartTable):
    """Something wrong with a commission: one finding."""

    finding_id: pl.String = column("its id, the same as long as it stands", key=True)
    finding: pl.String = column("what is wrong", words=FINDINGS)
    severity: pl.String = column("how bad that is", words=SEVERITIES)
    booking_id: pl.String = column("the booking", null=True)
    booking_ref: pl.String = column("the record's reference as written", null=True)
    commission_id: pl.String = column("the record", null=True)
    provider_id: pl.String = column("the provider", null=True)
    expected_idr: pl.Int64 = column("what should be", null=True)
    actual_idr: pl.Int64 = column("what is", null=True)
    variance_idr: pl.Int64 = column("actual less expected", null=True)
    detail: pl.String = column("the finding in a sentence; never repeats a personal value")
    origin: pl.String = column(
        "the collection its booking stands in; null without one", null=True, words=BOOKING_COLLECTIONS
    )
    waived: pl.Boolean = column("somebody acknowledged it")
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)


class CommissionSummary(MartTable, id_column="state"):
    """The whole of commission, one row: eligible = tracked + missing + awaiting + unknown + free; actual − expected =
    variance + unknown_actual − unknown_expected."""

    eligible: pl.Int64 = column("bookings that earn", unit="bookings", ge=0)
    tracked: pl.Int64 = column("with a record of their own", unit="bookings", ge=0)
    missing: pl.Int64 = column("without one after the grace", unit="bookings", ge=0)
    awaiting: pl.Int64 = column("without one within the grace", unit="bookings", ge=0)
    unknown: pl.Int64 = column("of which it cannot be told", unit="bookings", ge=0)
    tracking_rate: pl.Float64 = column(
        "tracked among those that are to have a record; null where the state is unknown",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("tracked", "tracked_or_missing", empty=1.0),
    )
    state: pl.String = column("the state of the whole", words=WHOLE_STATES)
    expected_idr: pl.Int64 = column("the sum of what is expected")
    actual_idr: pl.Int64 = column("the sum of what was recorded")
    variance_idr: pl.Int64 = column("the difference: the sum of known variances")
    unknown_rows: pl.Int64 = column("rows without a variance: a side is unknown", unit="rows", ge=0)
    unknown_expected_idr: pl.Int64 = column("what is expected of these rows, where known", ge=0)
    unknown_actual_idr: pl.Int64 = column("what was recorded of these rows, where known")
    as_of: pl.Datetime = column("the instant it was judged at")
    free: pl.Int64 = column("that a discount code made free", unit="bookings", ge=0)

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


class CommissionEntries(MartTable, id_column="entry_id"):
    """A line of the ledger; a refund record has one, and nothing without a local day has any."""

    entry_id: pl.String = column(
        "<kind>:<commission id>, of a fee's payment, reversal or refund with :fee", key=True
    )
    kind: pl.String = column("what happened", words=ENTRY_KINDS)
    commission_id: pl.String = column("the record")
    booking_id: pl.String = column("its booking", null=True)
    provider_id: pl.String = column("whom the record charges; none where nobody is named")
    local_date: pl.Date = column("the day of it")
    amount_idr: pl.Int64 = column("signed: accrual and fee +, payment and reversal −, refund +")
    detail: pl.String = column("the line in words")
    part: pl.String = column("of the commission or of its fee", words=ENTRY_PARTS)
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)


class CommissionLedger(MartTable, id_column="provider_id"):
    """A provider's local month, none left out; opening + accrued + fees − paid − reversed = closing. The last three
    columns are beside the account."""

    provider_id: pl.String = column("the provider; none where nobody is named", key=True)
    provider_name: pl.String = column("the provider's public name", null=True)
    local_month: pl.Date = column("the month, by its first day", key=True)
    opening_idr: pl.Int64 = column(
        "owed as the month began: the closing before", figure=other("closing_idr", *_MOVED)
    )
    accrued_idr: pl.Int64 = column("commission that came up")
    fees_idr: pl.Int64 = column("fees that came up")
    paid_idr: pl.Int64 = column("what was paid, net of refunds")
    reversed_idr: pl.Int64 = column("what was taken back")
    closing_idr: pl.Int64 = column("owed as the month ended", figure=other("opening_idr", *_MOVED))
    expected_idr: pl.Int64 = column("what its bookings owe by the policy", ge=0)
    unrecorded_idr: pl.Int64 = column("expected of bookings missing or awaiting", ge=0)
    unknown_amount_records: pl.Int64 = column(
        "records whose amount is unknown: they have no line", unit="records", ge=0
    )
    holds: pl.Boolean = column("opening + accrued + fees − paid − reversed is its closing, to the rupiah")
    lines: pl.Int64 = column(
        "of how many lines of the account, reconciled rows and records of unknown amount it is made; 0: in this month"
        " nothing happened",
        unit="rows",
        ge=0,
    )

    @pa.dataframe_check
    def a_month_is_named_by_its_first_day(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("local_month").dt.day() == 1)


class CommissionOpen(MartTable):
    """A live record that is not paid. Refunds are not listed."""

    commission_id: pl.String = column("the record", key=True)
    booking_id: pl.String = column("its booking", null=True)
    booking_ref: pl.String = column("the record's reference as written", null=True)
    provider_id: pl.String = column("whom the record charges; none where nobody is named")
    provider_name: pl.String = column("the provider's public name", null=True)
    status: pl.String = column("the record's status", words=COMMISSION_STATUSES)
    owed_idr: pl.Int64 = column(
        "what is owed; null: unknown, also of a record of unknown status with a paidAt", null=True
    )
    fee_idr: pl.Int64 = column("its late fee")
    service_ended_at: pl.Datetime = column("when the service ended, from which its age counts", null=True)
    deadline_at: pl.Datetime = column("until when it is to be paid", null=True)
    is_overdue: pl.Boolean = column("it is late; null: cannot be told", null=True)
    restriction_at: pl.Datetime = column("from when its provider is to be restricted", null=True)
    age: pl.String = column("how long ago the service ended", words=AGE_WORDS)
    is_due: pl.Boolean = column(
        "the booking earns; false: an orphan, not due, a free booking's, or an unpaid duplicate of a paid record; null:"
        " cannot be told",
        null=True,
    )
    is_unpaid: pl.Boolean = column("false: a proof came in time, or the status is unknown")
    booking_status: pl.String = column("the booking's status", null=True, words=BOOKING_STATUSES)
    local_date: pl.Date = column("the day it accrues; null: not known", null=True)

    @pa.dataframe_check
    def only_what_is_due_is_overdue(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(~(pl.col("is_overdue") & ~pl.col("is_due")).fill_null(False))


class CommissionBalances(MartTable):
    """A provider with anything open."""

    provider_id: pl.String = column("the provider; none where nobody is named", key=True)
    provider_name: pl.String = column("the provider's public name", null=True)
    owed_idr: pl.Int64 = column("commission owed")
    fees_idr: pl.Int64 = column("fees owed")
    overdue_idr: pl.Int64 = column("of both, what is late")
    records: pl.Int64 = column("open records", unit="records", ge=1)
    overdue_records: pl.Int64 = column("of them, those that are late", unit="records", ge=0)
    not_ended_idr: pl.Int64 = column("owed of services that have not ended")
    age_0_3h_idr: pl.Int64 = column(f"owed of services that ended {_AGES[0]} ago")
    age_3_24h_idr: pl.Int64 = column(f"… {_AGES[1]} ago")
    age_1_7d_idr: pl.Int64 = column(f"… {_AGES[2]} ago")
    age_over_7d_idr: pl.Int64 = column(f"… {_AGES[3]} ago")
    age_unknown_idr: pl.Int64 = column("… nobody knows when")
    oldest_deadline_at: pl.Datetime = column("the first deadline of all", null=True)
    restriction_due: pl.Boolean = column("it is to be restricted; null: cannot be told", null=True)
    restriction_due_at: pl.Datetime = column("since when, or from when", null=True)
    restriction_actual: pl.Boolean = column("it is restricted; null: its status is unknown", null=True)
    provider_status: pl.String = column("its status in the app", null=True)
    unknown_amount_records: pl.Int64 = column("open records whose amount is unknown", unit="records", ge=0)
    not_due_idr: pl.Int64 = column("of what is owed, what is not due")

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


class CommissionRestrictions(MartTable):
    """An account that should be restricted or is, or of which that cannot be told."""

    provider_id: pl.String = column("the provider", key=True)
    provider_name: pl.String = column("the provider's public name", null=True)
    due: pl.Boolean = column("it should be restricted; null: cannot be told", null=True)
    actual: pl.Boolean = column("it is restricted; null: not known", null=True)
    restriction_due_at: pl.Datetime = column("since when, or from when; as of its balance", null=True)
    overdue_records: pl.Int64 = column("records that are late; 0 without a balance", unit="records", ge=0)
    overdue_idr: pl.Int64 = column("owed and fees that are late; 0 without a balance")
    verdict: pl.String = column("whether both agree", words=RESTRICTION_VERDICTS)


class UnenteredRecords(MartTable):
    """A commission record that has no line in the ledger, and why; a row a reason."""

    commission_id: pl.String = column("the record", key=True)
    reason: pl.String = column("why", words=UNENTERED, key=True)
    booking_id: pl.String = column("its booking", null=True)
    provider_id: pl.String = column(
        "whom it charges, none where nobody is named; null of a test's", null=True
    )
    local_date: pl.Date = column("the day it accrues; null of a test, or where it cannot be known", null=True)
    collected_idr: pl.Int64 = column("of one without a local day: the commission that came in", null=True)


class MonthFigures(MartTable, id_column="figure"):
    """A figure of a month, by which closed months are compared; one that is not listed is 0."""

    local_month: pl.Date = column("the month, by its first day", key=True)
    figure: pl.String = column("which figure", words=MONTH_FIGURES, key=True)
    value: pl.Int64 = column("its value: bookings or rupiah", figure=additive())


class ClosedMonthChanges(MartTable):
    """A figure of a closed month that changed between two snapshots."""

    finding_id: pl.String = column("its id, the same as long as it stands", key=True)
    finding: pl.String = column("what it is", eq=CLOSED_MONTH_CHANGED)
    local_month: pl.Date = column("the month, by its first day")
    figure: pl.String = column("which figure, as marts.month_figures")
    previous_value: pl.Int64 = column("what it was", figure=other("figure", "previous_snapshot_id"))
    current_value: pl.Int64 = column("what it is", figure=other("figure", "local_month"))
    previous_snapshot_id: pl.String = column("the snapshot in which it was so")
    seen_at: pl.Datetime = column("when the change was seen")
    detail: pl.String = column("the change in a sentence")
    waived: pl.Boolean = column("somebody acknowledged it")
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)

    @pa.dataframe_check
    def the_values_differ(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("previous_value") != pl.col("current_value"))


class ClosedMonthGaps(MartTable, id_column="snapshot_id"):
    """A run that could compare closed months with no snapshot."""

    snapshot_id: pl.String = column("the run")
    previous_snapshot_id: pl.String = column(
        "the newest snapshot that could have served; null: there was none", null=True
    )
    compared_at: pl.Datetime = column("when it was tried")
    reason: pl.String = column("why nothing was compared")
    is_newest: pl.Boolean = column("it is that of this very snapshot")
    code: pl.String = column(f"{MESSAGE_CODE}; null of an older version", null=True)
    args: pl.String = column(f"{MESSAGE_ARGS}; null of an older version", null=True)


class UnreconciledRecords(MartTable):
    """A record that no row of the reconciliation shows; the ledger has its lines. Tests are left out."""

    commission_id: pl.String = column("the record", key=True)
    reason: pl.String = column(
        "why: it gives money back, was deleted, does not stand by its status, or is a further one of its booking",
        words=UNRECONCILED,
    )
    booking_id: pl.String = column("its booking", null=True)
    origin: pl.String = column("the booking's collection", null=True, words=BOOKING_COLLECTIONS)
    provider_id: pl.String = column("whom the record charges; none where nobody is named")
    status: pl.String = column("the record's status", words=COMMISSION_STATUSES)
    local_date: pl.Date = column("the day it accrues; null: not known", null=True)
    deadline_at: pl.Datetime = column("until when it was to be paid", null=True)
    is_due: pl.Boolean = column("as in commission_open, as of the time it stood", null=True)
    commission_idr: pl.Int64 = column("what it charges; negative: a refund; null: unknown", null=True)
    fee_idr: pl.Int64 = column("its late fee", null=True)
