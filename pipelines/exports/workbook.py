"""The report as one workbook: a sheet a table, ids as text, amounts as numbers, days and instants as such. Knows no
column by name; which tables there are is commissions.py's.

Nothing in it is a formula or a link, whatever the text says, and nothing in it depends on when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines.exports.manifest import FileEntry, SheetEntry
from pipelines.exports.report_files import MONEY_SUFFIX, Summing, Tally, new_file, sha256_of
from resources.own_files import sync_open

# More open slowly in Excel on the machines this is for; what a sheet can hold at all is ten times as much.
SHEET_ROWS: Final = 100_000
# Excel keeps 32,767 UTF-16 units of a cell's text; what is longer (none of ours is) ends in "…", and is whole as CSV.
CELL_LENGTH: Final = 32_767 // 2
# A spreadsheet keeps 15 digits of a number: a longer one stays text, so that no digit is lost.
_EXACT: Final = 10**15
# Excel counts days from 1900 on and takes that year for a leap year: days before March 1900 are text.
_FIRST_DAY: Final = date(1900, 3, 1)
_CREATED: Final = datetime(1980, 1, 1, tzinfo=UTC)

Write = Callable[[int, int, Any], object]


class Workbook:
    """The file under its temporary name in ``folder``; what it needs while it is made goes into ``spill``."""

    def __init__(self, folder: Path, name: str, spill: Path) -> None:
        self.name = name
        self._path = folder / name
        spill.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = new_file(self._path)
        # constant_memory: a row is written when the next one begins, so memory does not grow with the rows.
        self._book = xlsxwriter.Workbook(self._file, {"constant_memory": True, "tmpdir": str(spill)})
        self._book.set_properties({"created": _CREATED})
        # The text format and the quote keep a cell text also when someone edits it.
        text: dict[str, Any] = {"num_format": "@", "quote_prefix": True}
        self.text = self._book.add_format(text)
        self.plain = self._book.add_format()
        self.header = self._book.add_format({"bold": True, **text})
        self.day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self.instant = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.amount = self._book.add_format({"num_format": "#,##0"})
        self._sheets: list[Sheet | SheetEntry] = []

    def sheet(
        self, name: str, columns: list[str], instants: Collection[str], summing: Summing | None = None
    ) -> Sheet:
        """A sheet for a table. ``instants``: the columns whose text is an ISO 8601 instant. ``summing``: what
        is in no control total."""
        sheet = Sheet(self, self._book.add_worksheet(name), name, columns, instants, summing)
        self._sheets.append(sheet)
        return sheet

    def elsewhere(self, name: str, lies_in: FileEntry, safe: str) -> None:
        """A sheet that says where its rows are, for they are too many."""
        page = self._book.add_worksheet(name)
        page.set_column(0, 0, 100)
        page.write_string(
            0, 0, f"{lies_in.rows:,} rows are too many for a sheet: they are in {lies_in.name}.", self.text
        )
        page.write_string(1, 0, f"To open in a spreadsheet: {safe}.", self.text)
        self._sheets.append(SheetEntry(name, lies_in.rows, lies_in.totals, lies_in.name))

    def close(self) -> FileEntry:
        """Finish the file. Its rows and totals are those its first sheet holds."""
        for sheet in self._sheets:
            if isinstance(sheet, Sheet):
                sheet.finish()
        self._book.close()
        sync_open(self._file)
        self._file.close()
        entries = [sheet.entry() if isinstance(sheet, Sheet) else sheet for sheet in self._sheets]
        first = entries[0]
        held = first.file is None
        return FileEntry(
            self.name,
            first.rows if held else 0,
            self._path.stat().st_size,
            first.totals if held else dict.fromkeys(first.totals, 0),
            sha256_of(self._path),
            entries,
        )


class Sheet:
    """A header and the rows of one table. Null is an empty cell."""

    def __init__(
        self,
        book: Workbook,
        page: Worksheet,
        name: str,
        columns: list[str],
        instants: Collection[str],
        summing: Summing | None = None,
    ) -> None:
        self._book = book
        self._page = page
        self._name = name
        self._columns = columns
        self._instants = instants
        self._tally = Tally(columns, summing)
        page.freeze_panes(1, 0)
        # An id of digits is text on purpose: no green corners.
        page.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        for place, column in enumerate(columns):
            page.set_column(place, place, 20 if column in instants else max(12, len(column) + 2))
            page.write_string(0, place, column, book.header)

    def add(self, batch: pl.DataFrame) -> None:
        writers = [self._writer(name, batch.schema[name]) for name in self._columns]
        for number, row in enumerate(batch.select(self._columns).iter_rows(), self._tally.rows + 1):
            for place, (value, write) in enumerate(zip(row, writers, strict=True)):
                if value is not None:
                    write(number, place, value)
        self._tally.count(batch)

    def finish(self) -> None:
        self._page.autofilter(0, 0, self._tally.rows, len(self._columns) - 1)

    def entry(self) -> SheetEntry:
        return SheetEntry(self._name, self._tally.rows, dict(self._tally.totals), None)

    def _writer(self, column: str, kind: pl.DataType) -> Write:
        if column in self._instants:
            return self._instant
        if kind == pl.Date:
            return lambda row, place, value: self._moment(row, place, value, self._book.day)
        if kind == pl.Boolean:
            return self._page.write_boolean
        if kind.is_integer():
            style = self._book.amount if column.endswith(MONEY_SUFFIX) else None
            return lambda row, place, value: self._number(row, place, value, style)
        if kind.is_float():
            return lambda row, place, value: self._number(row, place, value, None)
        return self._text

    def _text(self, row: int, place: int, value: object) -> None:
        text = str(value)
        if len(text) > CELL_LENGTH:
            text = text[: CELL_LENGTH - 1] + "…"
        if text.startswith("<r>") and text.endswith("</r>"):
            # XlsxWriter takes such text for markup of its own and writes it unescaped; in two pieces it is text.
            self._page.write_rich_string(row, place, "<", self._book.plain, text[1:], self._book.text)
            return
        self._page.write_string(row, place, text, self._book.text)

    def _number(self, row: int, place: int, value: float, style: Format | None) -> None:
        if -_EXACT < value < _EXACT:
            self._page.write_number(row, place, value, style)
        else:
            self._text(row, place, value)  # also what is no number at all: nan

    def _instant(self, row: int, place: int, value: str) -> None:
        """Wall-clock time of the column's zone; the offset stands in a column of its own."""
        try:
            moment = datetime.fromisoformat(value).replace(tzinfo=None)
        except ValueError:
            self._text(row, place, value)  # a year that no calendar of Python's has
            return
        self._moment(row, place, moment, self._book.instant)

    def _moment(self, row: int, place: int, value: date, style: Format) -> None:
        if (value.date() if isinstance(value, datetime) else value) < _FIRST_DAY:
            self._text(row, place, value.isoformat())
        else:
            self._page.write_datetime(row, place, value, style)  # pyright: ignore[reportArgumentType] - the library takes dates too
