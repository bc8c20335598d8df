"""Who books, how often, and whether they come back. Customers are told by id; no name, no phone."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import ratio
from checks.schemas.table import MartTable, column
from marketplace.cohorts import RETENTION_MONTHS
from marketplace.statuses import SOURCES


class Customers(MartTable):
    """A customer who has an id. Bookings that name none (guests, a phone alone) are nobody's here."""

    customer_id: pl.String = column("the user", key=True)
    first_booking_at: pl.Datetime = column("when they first booked: the first creation")
    last_booking_at: pl.Datetime = column("when they last booked: the last creation")
    bookings: pl.Int64 = column("counted bookings of theirs", unit="bookings", ge=1)
    completed: pl.Int64 = column("of them, those carried out", unit="bookings", ge=0)
    spent_idr: pl.Int64 = column("the amounts of the completed, where known", ge=0)
    unknown_amounts: pl.Int64 = column(
        "of the completed, those whose amount is unknown", unit="bookings", ge=0
    )
    first_source: pl.String = column("where in the app the first was made", words=SOURCES)
    first_local_date: pl.Date = column(
        "the local day of the first; null: its zone is not known yet", null=True
    )
    declined: pl.Int64 = column("of them, those that were ever declined", unit="bookings", ge=0)
    reassigned: pl.Int64 = column(
        "of them, those that were ever reassigned or handed over", unit="bookings", ge=0
    )
    is_complete: pl.Boolean = column("all bookings were read; null: not all", null=True, eq=True)

    @pa.dataframe_check
    def the_first_is_not_after_the_last(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("first_booking_at") <= pl.col("last_booking_at"))

    @pa.dataframe_check
    def what_became_of_bookings_are_some_of_them(cls, data: pa.PolarsData) -> pl.LazyFrame:
        most = pl.max_horizontal("completed", "declined", "reassigned")
        return data.lazyframe.select(
            (most <= pl.col("bookings")) & (pl.col("unknown_amounts") <= pl.col("completed"))
        )


class CustomerRetention(MartTable, id_column="cohort_month"):
    """Customers whose first booking was made in a local month, and how many of them booked again in the n-th local
    month after it."""

    cohort_month: pl.Date = column("the month of the first booking, by its first day", key=True)
    months_after: pl.Int64 = column("how many months later", key=True, unit="months", words=RETENTION_MONTHS)
    customers: pl.Int64 = column("whose first booking was made in the cohort's month", unit="customers", ge=1)
    returned: pl.Int64 = column(
        "of them, those who made a counted booking in that later month; null: it has not begun",
        null=True,
        unit="customers",
        ge=0,
    )
    share: pl.Float64 = column(
        "returned ÷ customers", null=True, unit="share", ge=0, le=1, figure=ratio("returned", "customers")
    )
    is_complete: pl.Boolean = column(
        "that month is over; null: it is, but not all bookings were read", null=True
    )

    @pa.dataframe_check
    def a_month_is_named_by_its_first_day(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("cohort_month").dt.day() == 1)
