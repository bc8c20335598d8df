"""What is booked, carried out and collected, by day, source and service, and what is in no such figure."""

from __future__ import annotations

from typing import Any, Final

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import ratio
from checks.schemas.table import MartTable, column
from marketplace.provider_kinds import PROVIDER_KINDS
from marketplace.statuses import SOURCES

COUNTED_COLLECTIONS: Final = ("bookings", "hotel_bookings", "commission_records")


class RevenueDaily(MartTable, id_column="local_date"):
    """A local day of the marketplace."""

    local_date: pl.Date = column("the day", key=True)
    bookings: pl.Int64 = column("counted bookings", unit="bookings", ge=0)
    booked_idr: pl.Int64 = column("what was booked")
    completed_idr: pl.Int64 = column("what was carried out")
    collected_idr: pl.Int64 = column("commission that came in, refunds taken off")


class RevenueBySource(MartTable, id_column="local_date"):
    """A local day and the source its bookings came from."""

    local_date: pl.Date = column("the day", key=True)
    source: pl.String = column("where in the app they were made", words=SOURCES, key=True)
    bookings: pl.Int64 = column("counted bookings", unit="bookings", ge=1)
    booked_idr: pl.Int64 = column("what was booked")
    completed_idr: pl.Int64 = column("what was carried out")


class ServiceMix(MartTable, id_column="local_date"):
    """A local day and the length of the services booked."""

    local_date: pl.Date = column("the day", key=True)
    service_minutes: pl.Int64 = column("the length; null: not written", null=True, key=True)
    bookings: pl.Int64 = column("counted bookings", unit="bookings", ge=1)
    booked_idr: pl.Int64 = column("what was booked")


class TestRows(MartTable, id_column="collection"):
    """A collection: its tests, which are kept out of every figure."""

    __test__ = False  # pytest takes it for one of its own

    collection: pl.String = column("the collection", words=COUNTED_COLLECTIONS, key=True)
    rows: pl.Int64 = column("rows kept out of every figure", unit="rows", ge=0)


class UndatedRows(MartTable, id_column="collection"):
    """A collection: what has no local day, for the providers' zones were not all read yet. It is in no figure by day or
    month and in no ledger, and in the sums of the whole."""

    collection: pl.String = column("the collection", words=COUNTED_COLLECTIONS, key=True)
    rows: pl.Int64 = column("rows without a local day", unit="rows", ge=0)
    booked_idr: pl.Int64 = column("what was booked")
    completed_idr: pl.Int64 = column("what was carried out")
    collected_idr: pl.Int64 = column("commission that came in")


def _before(what: str, **more: Any) -> Any:
    return column(f"{what} of the period before; null: nothing is known of it", null=True, **more)


class RevenueWeekly(MartTable, id_column="local_week"):
    """A local week, by its Monday, beside the week before: the sums of marts.revenue_daily."""

    local_week: pl.Date = column("the week, by its Monday", key=True)
    bookings: pl.Int64 = column("counted bookings made in it", unit="bookings", ge=0)
    booked_idr: pl.Int64 = column("what was booked of them")
    completed_idr: pl.Int64 = column("what was carried out of them")
    collected_idr: pl.Int64 = column("commission that came in in it, refunds taken off")
    previous_bookings: pl.Int64 = _before("bookings", unit="bookings", ge=0)
    previous_booked_idr: pl.Int64 = _before("what was booked")
    previous_completed_idr: pl.Int64 = _before("what was carried out")
    previous_collected_idr: pl.Int64 = _before("commission that came in")
    is_complete: pl.Boolean = column(
        "the week is over in every zone; null: it is, but bookings or zones were not all read", null=True
    )

    @pa.dataframe_check
    def a_week_is_named_by_its_monday(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("local_week").dt.weekday() == 1)


class RevenueMonthly(MartTable, id_column="local_month"):
    """A local month beside the month before: the sums of marts.revenue_daily."""

    local_month: pl.Date = column("the month, by its first day", key=True)
    bookings: pl.Int64 = column("counted bookings made in it", unit="bookings", ge=0)
    booked_idr: pl.Int64 = column("what was booked of them")
    completed_idr: pl.Int64 = column("what was carried out of them")
    collected_idr: pl.Int64 = column("commission that came in in it, refunds taken off")
    previous_bookings: pl.Int64 = _before("bookings", unit="bookings", ge=0)
    previous_booked_idr: pl.Int64 = _before("what was booked")
    previous_completed_idr: pl.Int64 = _before("what was carried out")
    previous_collected_idr: pl.Int64 = _before("commission that came in")
    is_complete: pl.Boolean = column(
        "the month is over in every zone; null: it is, but bookings or zones were not all read", null=True
    )

    @pa.dataframe_check
    def a_month_is_named_by_its_first_day(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("local_month").dt.day() == 1)


class RevenueByKind(MartTable, id_column="local_date"):
    """A local day and the kind of provider: therapists, places and hotels apart. Over the kinds of a day the sums are
    marts.revenue_daily's."""

    local_date: pl.Date = column("the day", key=True)
    kind: pl.String = column(
        "whose: a hotel's where it stands in hotel_bookings, else the provider's",
        words=PROVIDER_KINDS,
        key=True,
    )
    bookings: pl.Int64 = column("counted bookings made on it", unit="bookings", ge=0)
    booked_idr: pl.Int64 = column("what was booked of them")
    completed_idr: pl.Int64 = column("what was carried out of them")
    collected_idr: pl.Int64 = column("commission that came in on it, refunds taken off")


class Discounts(MartTable, id_column="local_date"):
    """A local day of creation: what discount codes gave on bookings that earn."""

    local_date: pl.Date = column("the day they were made", key=True)
    bookings: pl.Int64 = column("counted bookings that earn", unit="bookings", ge=1)
    discounted: pl.Int64 = column("of them, those with a discount code", unit="bookings", ge=0)
    share: pl.Float64 = column(
        "discounted ÷ bookings", unit="share", ge=0, le=1, figure=ratio("discounted", "bookings")
    )
    free: pl.Int64 = column("of the discounted, those that cost nothing", unit="bookings", ge=0)
    known: pl.Int64 = column(
        "of the discounted, those whose amounts before and after are known", unit="bookings", ge=0
    )
    unknown: pl.Int64 = column(
        "of the discounted, the others: what was given is not known", unit="bookings", ge=0
    )
    before_idr: pl.Int64 = column("what the known cost before", ge=0)
    after_idr: pl.Int64 = column("what the known cost", ge=0)
    given_idr: pl.Int64 = column("before_idr − after_idr", ge=0)

    @pa.dataframe_check
    def what_was_given_is_the_difference(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(
            (pl.col("given_idr") == pl.col("before_idr") - pl.col("after_idr"))
            & (pl.col("discounted") == pl.col("known") + pl.col("unknown"))
        )
