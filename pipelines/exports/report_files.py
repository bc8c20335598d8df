"""One file of a report: rows to bytes, counted, summed and hashed as they are written. Knows no column by name."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import orjson
import polars as pl

from pipelines.exports.csv_writer import REPORT, Locale
from pipelines.exports.manifest import FileEntry
from resources.own_files import sync_open

Format = Literal["csv", "json", "xlsx"]
TableFormat = Literal["csv", "parquet", "json", "xlsx"]

MONEY_SUFFIX = "_idr"
TOTAL = "total"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_file(path: Path) -> io.BufferedWriter:
    """A file that was not there, 0600 whatever the umask: a report is for whom its maker gives it to."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@dataclass(frozen=True)
class Summing:
    """What of a table is in no control total. ``total``: a column that says ``total`` in lines that sum up others:
    these are rows, and in no sum. ``without``: columns whose sum would say nothing."""

    total: str | None = None
    without: frozenset[str] = frozenset()


def summed(columns: Iterable[str], summing: Summing | None) -> list[str]:
    """The columns that have a control total: rupiah whose sum says something."""
    without = summing.without if summing else ()
    return [column for column in columns if column.endswith(MONEY_SUFFIX) and column not in without]


class Tally:
    """The rows that went by, and the sum of every ``_idr`` column, nulls left out."""

    def __init__(self, columns: list[str], summing: Summing | None = None) -> None:
        self.rows = 0
        self._total = None if summing is None else summing.total
        self.totals = dict.fromkeys(summed(columns, summing), 0)

    def count(self, batch: pl.DataFrame) -> None:
        self.rows += batch.height
        if self._total is not None:
            batch = batch.filter(pl.col(self._total).ne_missing(TOTAL))
        for column in self.totals:
            # Wider than the column: a sum that wrapped round would be a wrong rupiah nobody sees.
            self.totals[column] += int(batch[column].cast(pl.Int128).sum())


class TakesRows(Protocol):
    """What takes the rows of a table, batch by batch, in their order."""

    def add(self, batch: pl.DataFrame) -> None: ...


class ReportFile(TakesRows, Protocol):
    """A file of one table; closing it says what it has become."""

    def close(self) -> FileEntry: ...


class _Counted:
    """A file under a temporary name; every byte goes through the hash, every row through the tally."""

    def __init__(self, folder: Path, name: str, columns: list[str]) -> None:
        self.name = name
        self.columns = columns
        self._tally = Tally(columns)
        self._size = 0
        self._hash = hashlib.sha256()
        self._file = new_file(folder / name)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    def _finish(self) -> FileEntry:
        sync_open(self._file)
        self._file.close()
        return FileEntry(
            self.name, self._tally.rows, self._size, dict(self._tally.totals), self._hash.hexdigest()
        )


class CsvFile(_Counted):
    """A table in the dialect of the reports (csv_writer.py). ``instants``: where a spreadsheet is to open it safely,
    the columns whose text is an instant; None: as it is."""

    def __init__(
        self,
        folder: Path,
        name: str,
        columns: list[str],
        instants: Collection[str] | None = None,
        locale: Locale = "en",
    ) -> None:
        super().__init__(folder, name, columns)
        self._instants = instants
        self._dialect = REPORT[locale]
        self._write(self._dialect.header(columns))

    def add(self, batch: pl.DataFrame) -> None:
        self._tally.count(batch)
        safe = self._instants is not None
        self._write(self._dialect.lines(batch, safe=safe, leave=self._instants or ()))

    def close(self) -> FileEntry:
        return self._finish()


class JsonFile(_Counted):
    """A JSON array of objects, one a line; keys in the order of the columns, null as null, dates as ISO text."""

    def __init__(self, folder: Path, name: str, columns: list[str]) -> None:
        super().__init__(folder, name, columns)
        self._write(b"[")

    def add(self, batch: pl.DataFrame) -> None:
        before = self._tally.rows
        self._tally.count(batch)
        lines = [orjson.dumps(row) for row in batch.iter_rows(named=True)]
        if lines:
            self._write((b",\n" if before else b"\n") + b",\n".join(lines))

    def close(self) -> FileEntry:
        self._write(b"\n]\n")
        return self._finish()
