"""The package's guide to its columns: every table, every column, what it is. Made of the tables' own declarations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.month.package import tables
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable
from pipelines.exports.report_files import MONEY_SUFFIX, TOTAL

COLUMNS: Final = (
    PackageColumn("table", "", "the table, as in file names and as a sheet"),
    PackageColumn(
        "position", "", "the place of the column in it, from 1; empty: the line is about the whole table"
    ),
    PackageColumn("column", "", "the column; empty: the line is about the whole table"),
    PackageColumn(
        "kind", "", "how it is written: rupiah, day, month, instant (ISO 8601), decimal, or text or number"
    ),
    PackageColumn("sentence", "", "what it is; of a table, what one row of it is"),
    PackageColumn("total", "", "the value of this column in lines that sum up others; empty: there are none"),
)
_SCHEMA: Final = {column.name: pl.Int64 if column.name == "position" else pl.String for column in COLUMNS}


def guide(tables: Sequence[PackageTable]) -> pl.DataFrame:
    """A line a table, then a line each of its columns."""
    return pl.DataFrame([line for table in tables for line in _lines(table)], schema=_SCHEMA, orient="row")


def _lines(table: PackageTable) -> Iterator[tuple[str, int | None, str | None, str | None, str, str | None]]:
    yield table.name, None, None, None, table.sentence, None
    for place, column in enumerate(table.columns, 1):
        total = TOTAL if column.name == table.total else None
        yield table.name, place, column.name, _kind(column), column.sentence, total


def _kind(column: PackageColumn) -> str:
    """What a reader must expect in its cells. A name says it, as everywhere in bookwatch's tables."""
    if column.kind is not None:
        return column.kind
    if column.name.endswith(MONEY_SUFFIX):
        return "rupiah"
    for end, kind in (("_date", "day"), ("_month", "month")):
        if column.name.endswith(end):
            return kind
    return "text or number"


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    yield guide(tables())


TABLE: Final = PackageTable("columns", "A table of the package, or a column of one.", COLUMNS, _rows)
