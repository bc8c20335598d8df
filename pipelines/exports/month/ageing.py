"""The table ``ageing``: what was open as of a date, by provider down to the record, and how late it was.

Which records those are is ageing_records.py's; what standings and ages mean, marketplace/ageing.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import duckdb
import polars as pl

from marketplace.ageing import (
    AGE_CLASSES,
    AGE_UNKNOWN,
    APART,
    NOT_DUE,
    STANDINGS,
    SUM_COLUMNS,
    AgeClass,
    Standing,
    apart_column,
)
from pipelines.exports.month.ageing_records import open_records
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

RECORD: Final = "record"
TOTAL: Final = "total"


def _meaning(one: AgeClass) -> str:
    if one == NOT_DUE:
        return "of what is to be paid: not past its deadline, rupiah"
    if one == AGE_UNKNOWN:
        return f"where {STANDINGS[Standing.UNKNOWN]}, rupiah"
    return f"of what is to be paid: {one.word} past its deadline, rupiah"


COLUMNS: Final = (
    PackageColumn(
        "line",
        "",
        f"{RECORD}: an open record; {TOTAL}: the sum of a provider's, and at the end of all (no provider)",
    ),
    PackageColumn("provider_id", "", "whom the record charges; none where nobody is named"),
    PackageColumn("provider_name", "", "the provider's business name"),
    PackageColumn("commission_id", "", "the record"),
    PackageColumn("booking_id", "", "its booking"),
    PackageColumn("local_date", "", "the day it accrued, local to the provider"),
    PackageColumn("commission_status", "", "the record's status as the snapshot has it"),
    PackageColumn(
        "standing",
        "",
        "what it was as of the date: "
        + "; ".join(f"{word.value}: {what}" for word, what in STANDINGS.items()),
    ),
    PackageColumn(
        "deadline_at_local",
        "",
        "until when it was to be paid, with its offset; empty: not known",
        "instant",
    ),
    PackageColumn("deadline_at_utc", "", "the same in UTC", "instant"),
    PackageColumn(
        "days_overdue",
        "",
        "whole days past the deadline as of the date; empty where it is not late, or that cannot be told",
    ),
    PackageColumn(
        "age",
        "",
        "its class by the time past the deadline: " + ", ".join(one.word for one in AGE_CLASSES),
    ),
    PackageColumn("records", "", "open records"),
    PackageColumn("unknown_amount_records", "", "of them those whose commission is not known"),
    PackageColumn("commission_idr", "", "commission that was open; empty: not known"),
    PackageColumn("fee_idr", "", "late fee that was open"),
    PackageColumn(
        "open_idr",
        "",
        "both, as far as known: the sum of the columns that follow; of a provider the ledger's closing as of the date",
    ),
    *(PackageColumn(one.column, "", _meaning(one)) for one in AGE_CLASSES),
    *(
        PackageColumn(apart_column(standing), "", f"apart from these: {STANDINGS[standing]}, rupiah")
        for standing in APART
    ),
)
_SUMS: Final = ("records", "unknown_amount_records", "commission_idr", "fee_idr", "open_idr", *SUM_COLUMNS)
_PLACE: Final = "place"


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    names = [column.name for column in COLUMNS]
    for frame in with_totals(_lines(con, asked)):
        yield frame.select(names)


def _lines(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    for frame in open_records(con, asked):
        yield frame.select(
            pl.lit(RECORD).alias("line"),
            pl.col("status").alias("commission_status"),
            pl.lit(1, dtype=pl.Int64).alias("records"),
            pl.col("commission_idr").is_null().cast(pl.Int64).alias("unknown_amount_records"),
            *(
                column.name
                for column in COLUMNS
                if column.name not in ("line", "commission_status", "records", "unknown_amount_records")
            ),
        )


def with_totals(records: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Records by provider, in batches → the same, behind those of each provider their sum, and last that of all."""
    whole = pl.DataFrame({name: [0] for name in _SUMS}, schema=dict.fromkeys(_SUMS, pl.Int64))
    # The sum of the provider whose records the batch before ended with: more of them may come.
    begun: list[pl.DataFrame] = []
    for frame in records:
        placed = frame.with_columns(pl.int_range(pl.len()).cast(pl.Float64).alias(_PLACE))
        here = placed.select("provider_id", "provider_name", _PLACE, *_SUMS)
        sums = (
            pl.concat([*begun, here])
            .group_by("provider_id", maintain_order=True)
            .agg(pl.col("provider_name").first(), pl.col(_PLACE).max() + 0.5, pl.col(_SUMS).sum())
        )
        whole = pl.concat([whole, here.select(_SUMS)]).sum()
        begun = [sums.tail(1).with_columns(pl.lit(-1.0).alias(_PLACE))]
        done = _total(sums.head(-1))
        yield pl.concat([placed, done], how="diagonal").sort(_PLACE)
    last = pl.concat([*(_total(sums) for sums in begun), _total(whole)], how="diagonal")
    columns = {column.name: pl.String for column in COLUMNS if column.name not in _SUMS}
    columns |= {"local_date": pl.Date, "days_overdue": pl.Int64}
    yield last.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in columns.items() if name not in last.columns
    )


def _total(sums: pl.DataFrame) -> pl.DataFrame:
    return sums.with_columns(pl.lit(TOTAL).alias("line"))


TABLE: Final = PackageTable(
    "ageing",
    "A record that was open as of the date, with how late it was; then the sum of its provider's, and of all.",
    COLUMNS,
    _rows,
    total="line",
)
