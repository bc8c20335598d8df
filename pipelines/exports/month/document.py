"""What a file of the package is that is no table: a workbook, the rules, a cover. What each holds stands in a module of
its own beside this one, with a ``DOCUMENT``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.exports.manifest import FileEntry, Manifest
from pipelines.exports.month.table import Asked, PackageTable


@dataclass(frozen=True)
class Contents:
    """What documents are made of: the manifest as it will be, with the tables' files and without theirs.

    ``rows`` asks for a table's rows once more, in the same order. ``con``: the snapshot.
    """

    manifest: Manifest
    asked: Asked
    tables: tuple[PackageTable, ...]
    con: duckdb.DuckDBPyConnection

    def rows(self, table: PackageTable) -> Iterator[pl.DataFrame]:
        return table.rows(self.con, self.asked)

    def entry(self, table: PackageTable, ending: str = ".csv") -> FileEntry:
        """The file of a table: its name ends in the table's and this."""
        return next(file for file in self.manifest.files if file.name.endswith(f"_{table.name}{ending}"))


@dataclass(frozen=True)
class Document:
    """A file: the end of its name after ``<label>_<snapshot>`` (``_cover.pdf``), and what writes it.

    ``write(contents, folder, name)`` makes the file ``name`` in ``folder`` and says what it has become. It may hold
    what the manifest says of the making: it comes out the same from the same manifest.
    """

    suffix: str
    write: Callable[[Contents, Path, str], FileEntry]
