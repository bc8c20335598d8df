"""The package's workbook: a sheet a table. How a cell is written is workbook.py's.

A table that a sheet does not take lies beside the workbook as CSV, as it does anyway; its sheet says so by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipelines.exports import workbook
from pipelines.exports.manifest import FileEntry
from pipelines.exports.month.document import Contents, Document
from pipelines.exports.workbook import Workbook


def _write(contents: Contents, folder: Path, name: str) -> FileEntry:
    book = Workbook(folder, name, folder / "sheets")
    for table in contents.tables:
        raw = contents.entry(table)
        if raw.rows > workbook.SHEET_ROWS:
            book.elsewhere(table.name, raw, contents.entry(table, "_spreadsheet.csv").name)
            continue
        instants = {column.name for column in table.columns if column.kind == "instant"}
        sheet = book.sheet(table.name, table.names, instants, table.summing)
        for batch in contents.rows(table):
            sheet.add(batch)
    return book.close()


DOCUMENT: Final = Document(".xlsx", _write)
