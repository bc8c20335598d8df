"""What a table of the month's package is: its columns with a sentence each, and how its rows are asked for.

What the tables are stands in the modules beside this one; writing them into files is package.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from pipelines.exports.report_files import Summing


@dataclass(frozen=True)
class Earlier:
    """A report of this kind that was handed out before: its manifest's hash, its folder, and the snapshot it rests on
    (None: not kept any more)."""

    manifest_sha256: str
    folder: Path
    snapshot: Path | None


@dataclass(frozen=True)
class Asked:
    """What a package is made of: local days [first, until), one provider or all, ages as of ``as_of`` (naive UTC).

    ``supersedes``: the newest report of the same period and provider that was handed out; ``opening_from``: the newest
    of the period that ends where this one begins; None where there is none.
    """

    first: date
    until: date
    provider: str | None
    as_of: datetime
    time_zone: str
    supersedes: Earlier | None = None
    opening_from: Earlier | None = None
    #: As of when what was open as the period ended is told, whatever ages are asked for: its end, or the instant the
    #: snapshot was judged at where that is earlier; None: ``as_of``.
    ended: datetime | None = None
    #: What the snapshot does not hold and a table needs (texts of the policy, bookwatch's version), by name.
    texts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class PackageColumn:
    """A column: its name, the SQL it is made of ("" where rows are not made by SQL), and what it is in one sentence.

    ``kind``: what its text is where it is not just text (an ISO 8601 instant), and which numbers have decimals. Names
    that end in ``_idr`` are whole rupiah and get a control total in the manifest, but for those of lines that are
    totals of others (``total`` of the table), and unless ``summed`` says that their sum would say nothing.
    """

    name: str
    sql: str
    sentence: str
    kind: Literal["instant", "decimal"] | None = None
    summed: bool = True


@dataclass(frozen=True)
class PackageTable:
    """A table: its name (in file names and as a sheet), what a row of it is, its columns, and its rows.

    ``rows`` gives batches of some 10,000 rows in a fixed order, with exactly these columns; memory must not grow with
    them. ``total``: the SQL-free name of a column whose value is ``total`` in lines that sum up others; these are never
    counted with the others.
    """

    name: str
    sentence: str
    columns: tuple[PackageColumn, ...]
    rows: Callable[[duckdb.DuckDBPyConnection, Asked], Iterator[pl.DataFrame]]
    total: str | None = None

    @property
    def names(self) -> list[str]:
        """Its columns by name, in their order."""
        return [column.name for column in self.columns]

    @property
    def summing(self) -> Summing:
        """What of it is in no control total."""
        return Summing(self.total, frozenset(column.name for column in self.columns if not column.summed))
