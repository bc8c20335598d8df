"""When and where customers book, what becomes of it, and what is odd about it."""

from __future__ import annotations

from itertools import pairwise

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import other, quantile, ratio
from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, MartTable, column
from marketplace.durations import spelled
from marketplace.peaks import BASELINE_WEEKS, BASES, RECENT_DAYS
from marketplace.services import ANOMALIES, MEDIAN, TAIL
from marketplace.statuses import SOURCES


class SourceConversion(MartTable, id_column="local_date"):
    """A local day of creation and a source: what became of its bookings."""

    local_date: pl.Date = column("the day they were made", key=True)
    source: pl.String = column("where in the app they were made", words=SOURCES, key=True)
    created: pl.Int64 = column("bookings made", unit="bookings", ge=1)
    accepted: pl.Int64 = column("that were accepted", unit="bookings", ge=0)
    completed: pl.Int64 = column("that were carried out", unit="bookings", ge=0)
    declined: pl.Int64 = column("that were declined", unit="bookings", ge=0)
    expired: pl.Int64 = column("that nobody answered", unit="bookings", ge=0)
    cancelled: pl.Int64 = column("that were cancelled", unit="bookings", ge=0)
    booked_idr: pl.Int64 = column("what was booked")
    completed_idr: pl.Int64 = column("what was carried out")
    commissions: pl.Int64 = column("bookings with a record of their own", unit="bookings", ge=0)
    decided: pl.Int64 = column(
        "that were ever accepted, are declined or expired: each once", unit="bookings", ge=0
    )


class PeakHours(MartTable, id_column="basis"):
    """When customers book and when services start, by local weekday and hour of the last 8 weeks; without bookings
    whose zone is not known yet."""

    basis: pl.String = column("counted by creation or by start", words=BASES, key=True)
    weekday: pl.Int64 = column("1 = Monday", ge=1, le=7, key=True)
    hour: pl.Int64 = column("the local hour", ge=0, le=23, key=True)
    bookings: pl.Int64 = column("counted bookings", unit="bookings", ge=1)
    share: pl.Float64 = column(
        "of all bookings of that basis",
        unit="share",
        gt=0,
        le=1,
        figure=ratio("bookings", "bookings", over=("basis",)),
    )
    recent_bookings: pl.Int64 = column(
        f"of them, those of the last {spelled(RECENT_DAYS)}", unit="bookings", ge=0
    )
    baseline_bookings: pl.Int64 = column(
        f"those of the {BASELINE_WEEKS} weeks before these; null: bookings do not go back that far, or were not all"
        " read",
        null=True,
        unit="bookings",
        ge=0,
    )
    baseline: pl.Float64 = column(
        f"baseline_bookings ÷ {BASELINE_WEEKS}: what a week had then",
        null=True,
        unit="bookings",
        ge=0,
        figure=other("baseline_bookings"),
    )
    change: pl.Float64 = column(
        "recent_bookings ÷ baseline; null: the baseline is 0 or not known",
        null=True,
        unit="ratio",
        ge=0,
        figure=other("recent_bookings", "baseline"),
    )


class DeclineReasons(MartTable, id_column="local_date"):
    """A local day and why bookings were declined."""

    local_date: pl.Date = column("the day they were made", key=True)
    reason: pl.String = column("why, from a fixed list", key=True)
    bookings: pl.Int64 = column("bookings declined for it", unit="bookings", ge=1)


class BookingAnomalies(MartTable, id_column="booking_id"):
    """A booking or a burst that is odd."""

    anomaly: pl.String = column("what is odd", words=ANOMALIES)
    booking_id: pl.String = column("the booking; null of messages", null=True)
    other_booking_id: pl.String = column("the booking it repeats or overlaps", null=True)
    actor_id: pl.String = column("who did it; of an overlap the provider")
    provider_id: pl.String = column("the provider", null=True)
    observed_at: pl.Datetime = column("when; of an overlap the creation of the booking")
    count: pl.Int64 = column(
        "how many at once; of an overlap: bookings at once when it was first too many",
        ge=2,
        figure=other("anomaly"),
    )
    detail: pl.String = column("it in a sentence")
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)


class BookingFunnel(MartTable, id_column="local_date"):
    """A local day of creation and a source: how far its bookings came, how long each step took, and where the others
    went. Each step is some of the one before: created, answered, accepted, completed, recorded, paid."""

    local_date: pl.Date = column("the day they were made", key=True)
    source: pl.String = column("where in the app they were made", words=SOURCES, key=True)
    created: pl.Int64 = column("bookings made", unit="bookings", ge=1)
    answered: pl.Int64 = column("that were accepted or declined, at any time", unit="bookings", ge=0)
    accepted: pl.Int64 = column("that earn now or were ever accepted", unit="bookings", ge=0)
    completed: pl.Int64 = column("that were carried out", unit="bookings", ge=0)
    recorded: pl.Int64 = column(
        "of the completed: with a live commission record of their own; null: the records were never read whole",
        null=True,
        unit="bookings",
        ge=0,
    )
    paid: pl.Int64 = column(
        "of the recorded: whose commission was paid; null with recorded", null=True, unit="bookings", ge=0
    )
    is_complete: pl.Boolean = column(
        "old enough for every step to have ended; null: old enough, but not all it rests on was read",
        null=True,
    )
    declined: pl.Int64 = column("not completed: declined", unit="bookings", ge=0)
    unanswered: pl.Int64 = column(
        "not completed: expired without an answer, or pending past the deadline for one",
        unit="bookings",
        ge=0,
    )
    expired_answered: pl.Int64 = column(
        "not completed: expired though somebody had answered", unit="bookings", ge=0
    )
    cancelled: pl.Int64 = column("not completed: cancelled", unit="bookings", ge=0)
    reassigned: pl.Int64 = column("not completed: reassigned", unit="bookings", ge=0)
    still_open: pl.Int64 = column(
        "not completed: pending within the deadline, or accepted and not over", unit="bookings", ge=0
    )
    unknown: pl.Int64 = column("not completed: their status is unknown", unit="bookings", ge=0)
    free: pl.Int64 = column(
        "of the completed: a discount code made them free, so none is owed a record", unit="bookings", ge=0
    )
    record_unknown: pl.Int64 = column(
        "of the completed: nobody can tell whether they have a record; null with recorded",
        null=True,
        unit="bookings",
        ge=0,
    )
    recorded_early: pl.Int64 = column(
        "with a live record of their own, accepted and not completed: in no step after accepted; null with recorded",
        null=True,
        unit="bookings",
        ge=0,
    )
    paid_early: pl.Int64 = column(
        "of these, paid already; null with recorded", null=True, unit="bookings", ge=0
    )
    answer_times: pl.Int64 = column("of how many it is known when they were answered", unit="bookings", ge=0)
    p50_answer_s: pl.Float64 = column(
        "creation to answer: half were quicker", null=True, ge=0, figure=quantile("answer_s", MEDIAN)
    )
    p95_answer_s: pl.Float64 = column(
        "creation to answer: 95 of 100 were quicker", null=True, ge=0, figure=quantile("answer_s", TAIL)
    )
    acceptance_times: pl.Int64 = column(
        "of how many it is known when they were accepted", unit="bookings", ge=0
    )
    p50_acceptance_s: pl.Float64 = column(
        "creation to acceptance: half were quicker", null=True, ge=0, figure=quantile("acceptance_s", MEDIAN)
    )
    p95_acceptance_s: pl.Float64 = column(
        "creation to acceptance: 95 of 100 were quicker",
        null=True,
        ge=0,
        figure=quantile("acceptance_s", TAIL),
    )
    completion_times: pl.Int64 = column(
        "of how many completed it is known when they were accepted and completed", unit="bookings", ge=0
    )
    p50_completion_s: pl.Float64 = column(
        "acceptance to completion: half were quicker",
        null=True,
        ge=0,
        figure=quantile("completion_s", MEDIAN),
    )
    p95_completion_s: pl.Float64 = column(
        "acceptance to completion: 95 of 100 were quicker",
        null=True,
        ge=0,
        figure=quantile("completion_s", TAIL),
    )
    record_times: pl.Int64 = column(
        "of how many recorded it is known how long it took", unit="bookings", ge=0
    )
    p50_record_s: pl.Float64 = column(
        "acceptance (else creation) to the record, which is due from then on: half were quicker",
        null=True,
        ge=0,
        figure=quantile("record_s", MEDIAN),
    )
    p95_record_s: pl.Float64 = column(
        "acceptance (else creation) to the record: 95 of 100 were quicker",
        null=True,
        ge=0,
        figure=quantile("record_s", TAIL),
    )
    payment_times: pl.Int64 = column("of how many paid it is known how long it took", unit="bookings", ge=0)
    p50_payment_s: pl.Float64 = column(
        "record to payment: half were quicker", null=True, ge=0, figure=quantile("payment_s", MEDIAN)
    )
    p95_payment_s: pl.Float64 = column(
        "record to payment: 95 of 100 were quicker", null=True, ge=0, figure=quantile("payment_s", TAIL)
    )

    @pa.dataframe_check
    def each_step_is_some_of_the_one_before(cls, data: pa.PolarsData) -> pl.LazyFrame:
        steps = ("created", "answered", "accepted", "completed", "recorded", "paid")
        falls = [(pl.col(after) <= pl.col(before)).fill_null(True) for before, after in pairwise(steps)]
        return data.lazyframe.select(pl.all_horizontal(falls))

    @pa.dataframe_check
    def every_booking_is_completed_or_went_somewhere(cls, data: pa.PolarsData) -> pl.LazyFrame:
        ends = pl.sum_horizontal(
            "completed",
            "declined",
            "unanswered",
            "expired_answered",
            "cancelled",
            "reassigned",
            "still_open",
            "unknown",
        )
        return data.lazyframe.select(pl.col("created") == ends)

    settles_at: pl.Datetime = column(
        "when the last of their services ends, as far as it is known or to be expected; of those that came to"
        " nothing, when they were made"
    )
