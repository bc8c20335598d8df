"""The package's workbook: a sheet a table, made while its rows go by. How a cell is written is workbook.py's.

How many rows a table has is known when the last has gone by: so the rows of one table are held until then, but never
more than a sheet takes; of a table that has more the sheet names the CSV beside the workbook.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.exports import workbook
from pipelines.exports.manifest import FileEntry
from pipelines.exports.month.table import PackageTable
from pipelines.exports.workbook import Workbook

#: What one sheet may hold of text; over it the table lies beside. (The rows of a sheet are held in memory once.)
_HELD_BYTES = 96 * 1024 * 1024


class MonthBook:
    """The file under its temporary name in ``folder``; what it needs while it is made goes into ``spill``."""

    def __init__(self, folder: Path, name: str, spill: Path) -> None:
        self._book = Workbook(folder, name, spill)

    def sheet(self, table: PackageTable) -> MonthSheet:
        """The sheet of a table, in the order they are asked for. One is settled before the next begins."""
        return MonthSheet(self._book, table)

    def close(self) -> FileEntry:
        """Finish the file; the entry has every sheet. Its own rows and totals are those its first sheet holds."""
        return self._book.close()


class MonthSheet:
    """Takes the rows of one table."""

    def __init__(self, book: Workbook, table: PackageTable) -> None:
        self._book = book
        self._table = table
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._bytes = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Rows as the table gives them."""
        self._rows += batch.height
        self._bytes += int(batch.estimated_size())
        if self.too_long:
            self._held.clear()
        else:
            self._held.append(batch)

    @property
    def too_long(self) -> bool:
        """Whether a sheet does not take its rows."""
        return self._rows > workbook.SHEET_ROWS or self._bytes > _HELD_BYTES

    def settle(self, raw: FileEntry, safe: str) -> None:
        """Write the sheet. ``raw`` and ``safe``: the CSV of the same rows, and its name for spreadsheets."""
        if self.too_long:
            self._book.elsewhere(self._table.name, raw, safe)
            return
        instants = {column.name for column in self._table.columns if column.kind == "instant"}
        sheet = self._book.sheet(self._table.name, self._table.names, instants)
        for batch in self._held:
            sheet.add(batch)
        self._held.clear()
