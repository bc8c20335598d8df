"""How old a debt is as of a moment, and of what standing it is: the classes of a receivables report.

Ages count from the deadline. (marts.commission_open's count from the end of service; it says what is asked of providers
today.) Which records are open as of a day is told by the lines of the ledger, elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from marketplace.commission import (
    ENDED_STATUSES,
    REVENUE_STATUSES,
    SUBMITTED_STATUS,
    UNKNOWN_STATUS,
    RowState,
)
from marketplace.durations import short
from marketplace.statuses import values


class Standing(StrEnum):
    """What an open record is, the first that holds. Columns hold the plain word (``value``), as with statuses."""

    REFUND = "refund"
    CREDIT = "credit"
    NOT_OWED = "not_owed"
    UNKNOWN = "unknown"
    AWAITING_VERIFICATION = "awaiting_verification"
    UNPAID = "unpaid"


STANDINGS: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        Standing.REFUND: "money that was given back while the charge stands",
        Standing.CREDIT: "money that came before it was charged",
        Standing.NOT_OWED: "charged where nothing is owed: an orphan, a booking that ended or was free, or a further"
        " record of a paid booking",
        Standing.UNKNOWN: "its status, its booking or its deadline is not known: whether it is late cannot be told",
        Standing.AWAITING_VERIFICATION: "a proof of payment was handed in, and nobody had looked at it",
        Standing.UNPAID: "to be paid",
    }
)
#: Standings of what has an age: it is to be paid, or a proof says it was.
AGED: Final = values(Standing.UNPAID, Standing.AWAITING_VERIFICATION)
#: Standings whose sums stand apart from those of the ages, each in a column of its own.
APART: Final = (Standing.AWAITING_VERIFICATION, Standing.NOT_OWED, Standing.CREDIT, Standing.REFUND)


@dataclass(frozen=True)
class AgeClass:
    """A class: its word, the column that sums it, and where it ends (time past the deadline; None: never). Half-open;
    each begins where the one before ends."""

    word: str
    column: str
    end: timedelta | None


NOT_DUE: Final = AgeClass("not_due", "not_due_idr", timedelta(0))
#: Nothing tells when it was to be paid, or whether.
AGE_UNKNOWN: Final = AgeClass("unknown", "unknown_idr", None)
_HOURS: Final = (3, 24)
#: Last whole days past the deadline of each class; over the last is the rest.
_LAST_DAYS: Final = (7, 30, 60, 90)


def _late() -> tuple[AgeClass, ...]:
    found: list[AgeClass] = []
    begin = 0
    for end in _HOURS:
        found.append(AgeClass(f"{begin}-{end} h", f"late_{begin}_{end}h_idr", timedelta(hours=end)))
        begin = end
    begin = 1
    for last in _LAST_DAYS:
        # A debt of 7 days and 5 hours is 7 days old, as people count: the class ends with the day after.
        found.append(AgeClass(f"{begin}-{last} d", f"late_{begin}_{last}d_idr", timedelta(days=last + 1)))
        begin = last + 1
    over = timedelta(days=_LAST_DAYS[-1])
    return (*found, AgeClass(f"over {short(over)}", f"late_over_{over.days}d_idr", None))


#: From just late to long past.
LATE_CLASSES: Final = _late()
#: Every class, in the order in which they are read.
AGE_CLASSES: Final = (NOT_DUE, *LATE_CLASSES, AGE_UNKNOWN)


def age_class(past: timedelta | None) -> AgeClass:
    """The class of a debt so long past its deadline; negative or zero: not yet.

    >>> [age_class(timedelta(hours=hours)).word for hours in (0, 2, 3, 24, 24 * 8 - 1, 24 * 8, 24 * 91)]
    ['not_due', '0-3 h', '3-24 h', '1-7 d', '1-7 d', '8-30 d', 'over 90 d']
    >>> age_class(None).word
    'unknown'
    """
    if past is None:
        return AGE_UNKNOWN
    if past <= timedelta(0):
        return NOT_DUE
    return next(one for one in LATE_CLASSES if one.end is None or past < one.end)


def days_overdue(past: timedelta | None) -> int | None:
    """Whole days past the deadline: 0 on the first, None where it is not late or nobody knows.

    >>> days_overdue(timedelta(hours=47)), days_overdue(timedelta(0)), days_overdue(None)
    (1, None, None)
    """
    return None if past is None or past <= timedelta(0) else past // timedelta(days=1)


def counted_before(as_of: datetime, judged_at: datetime | None, until: date, time_zone: str) -> date:
    """The first local day whose lines do not count as of an instant (naive UTC): a whole day counts or does not.

    As of a local midnight that is the day which begins then. As of what a snapshot itself knows (it was judged at that
    instant), every line it has counts; within a period that is not over, those before its end (``until``), which is
    the closing of its ledger.
    """
    local = as_of.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(time_zone))
    first = local.date() if local.time() == time() else local.date() + timedelta(days=1)
    if judged_at is None or as_of < judged_at or first == until:
        return first
    return until if first < until else date.max


def apart_column(standing: Standing) -> str:
    """The column of a standing that is summed apart.

    >>> apart_column(Standing.REFUND)
    'refund_idr'
    """
    return f"{standing.value}_idr"


#: What every open rupiah is in one of, in the order in which they are shown.
SUM_COLUMNS: Final = (*(one.column for one in AGE_CLASSES), *map(apart_column, APART))


def judged(records: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Records that were open as of an instant (naive UTC) → the same with standing, days_overdue, age, open_idr, and
    the columns of SUM_COLUMNS (each record's rupiah in one of them, null in the others).

    Reads: commission_idr (null: unknown), fee_idr, is_refund, is_open_now, status, proof_at, deadline_at; is_due, or of
    its row of the reconciliation booking_status, booking_amount_idr and state. What its booking was is as it is known
    now. Of its status only what is dated can be told of an earlier day: a proof that was handed in by then.
    """
    rows = records.with_columns(
        open_idr=pl.col("commission_idr").fill_null(0) + pl.col("fee_idr"), is_due=_is_due()
    )
    rows = rows.with_columns(standing=_standing(as_of))
    rows = rows.with_columns(late=_late_by(as_of))
    rows = rows.with_columns(
        days_overdue=pl.when(pl.col("late") > timedelta(0)).then(pl.col("late").dt.total_days()),
        age=_age(),
    )
    bucket = (
        pl.when(pl.col("standing").is_in(values(*APART)))
        .then(pl.col("standing") + "_idr")
        .otherwise(pl.col("age").replace_strict({one.word: one.column for one in AGE_CLASSES}, default=None))
    )
    return rows.with_columns(
        pl.when(bucket == name).then(pl.col("open_idr")).alias(name) for name in SUM_COLUMNS
    ).drop("late")


def _is_due() -> pl.Expr:
    earns = pl.col("booking_status").is_in(REVENUE_STATUSES)
    ended = pl.col("booking_status").is_in(ENDED_STATUSES)
    nothing = pl.col("state").is_in(values(RowState.ORPHAN, RowState.NOT_DUE))
    return (
        pl.when(pl.col("is_due").is_not_null())
        .then("is_due")
        .when(earns)
        .then(pl.col("booking_amount_idr").ne_missing(0))
        .when(nothing | ended)
        .then(False)
    )


def _standing(as_of: datetime) -> pl.Expr:
    submitted, unknown = (pl.col("status") == status for status in (SUBMITTED_STATUS, UNKNOWN_STATUS))
    proven = pl.col("proof_at") < as_of
    # What is settled by now was not, then: its proof tells that somebody had still to look at it.
    waits = (submitted & proven.fill_null(True)) | (~pl.col("is_open_now") & proven.fill_null(False))
    return (
        pl.when("is_refund")
        .then(pl.lit(Standing.REFUND.value))
        .when(pl.col("open_idr") < 0)
        .then(pl.lit(Standing.CREDIT.value))
        .when(~pl.col("is_due"))
        .then(pl.lit(Standing.NOT_OWED.value))
        .when(pl.col("is_due").is_null() | unknown)
        .then(pl.lit(Standing.UNKNOWN.value))
        .when(waits)
        .then(pl.lit(Standing.AWAITING_VERIFICATION.value))
        .when(pl.col("deadline_at").is_null())
        .then(pl.lit(Standing.UNKNOWN.value))
        .otherwise(pl.lit(Standing.UNPAID.value))
    )


def _late_by(as_of: datetime) -> pl.Expr:
    """The time past the deadline; nothing is late of which the proof came in time."""
    in_time = (pl.col("standing") == Standing.AWAITING_VERIFICATION.value) & (
        pl.col("proof_at") < pl.col("deadline_at")
    ).fill_null(False)
    past = pl.lit(as_of, dtype=pl.Datetime("us")) - pl.col("deadline_at")
    return pl.when(in_time).then(timedelta(0)).when(pl.col("standing").is_in(AGED)).then(past)


def _age() -> pl.Expr:
    """``age_class`` of a column, null of what has no age."""
    late = pl.col("late")
    age: pl.Expr = pl.lit(LATE_CLASSES[-1].word)
    for one in reversed(LATE_CLASSES):
        if one.end is not None:
            age = pl.when(late < one.end).then(pl.lit(one.word)).otherwise(age)
    return (
        pl.when(~pl.col("standing").is_in((*AGED, Standing.UNKNOWN.value)))
        .then(None)
        .when(late.is_null())
        .then(pl.lit(AGE_UNKNOWN.word))
        .when(late <= timedelta(0))
        .then(pl.lit(NOT_DUE.word))
        .otherwise(age)
    )
