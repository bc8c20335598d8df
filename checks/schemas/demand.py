"""When and where customers book, what becomes of it, and what is odd about it."""

from __future__ import annotations

import polars as pl

from checks.schemas.figures import other, ratio
from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, MartTable, column
from marketplace.peaks import BASES
from marketplace.services import ANOMALIES
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
