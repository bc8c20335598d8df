"""What a file of the package is that is no table: a workbook, the rules, a cover. What each holds stands in a module of
its own beside this one, with a ``DOCUMENT``."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.exports.manifest import FileEntry, Manifest
from pipelines.exports.month.table import Asked, PackageTable
from pipelines.exports.report_files import new_file
from pipelines.exports.workbook import SHEET_ROWS
from resources.own_files import sync_open


class Spool:
    """The rows of a table that fit into a sheet, kept in ``folder`` for the documents; of a longer one nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)  # of an attempt that ran out of memory
        folder.mkdir(parents=True, mode=0o700)
        self._rows = self._parts = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Keep these rows behind the others."""
        before, self._rows = self._rows, self._rows + batch.height
        if self._rows <= SHEET_ROWS:
            batch.write_ipc(self._folder / f"{self._parts:06}")
            self._parts += 1
        elif before <= SHEET_ROWS:
            shutil.rmtree(self._folder)


@dataclass(frozen=True)
class Contents:
    """What documents are made of: the manifest as it will be, with the tables' files and without theirs.

    ``rows`` gives a table's rows once more, in the same order: of the spool where they fit into a sheet, else they are
    asked for again. ``con``: the snapshot.
    """

    manifest: Manifest
    asked: Asked
    tables: tuple[PackageTable, ...]
    con: duckdb.DuckDBPyConnection
    spool: Path

    def rows(self, table: PackageTable) -> Iterator[pl.DataFrame]:
        kept = self.spool / table.name
        if not kept.is_dir():
            yield from table.rows(self.con, self.asked)
            return
        for part in sorted(kept.iterdir()):
            yield pl.read_ipc(part)

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


def bytes_file(folder: Path, name: str, data: bytes) -> FileEntry:
    """Write a file whole; its entry, which has no rows."""
    with new_file(folder / name) as file:
        file.write(data)
        sync_open(file)
    return FileEntry(name, 0, len(data), {}, hashlib.sha256(data).hexdigest())
