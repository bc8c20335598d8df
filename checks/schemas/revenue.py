"""What is booked, carried out and collected, by day, source and service, and what is in no such figure."""

from __future__ import annotations

from typing import Final

import polars as pl

from checks.schemas.table import MartTable, column
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
