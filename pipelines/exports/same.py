"""Whether two files of one table say the same, cell by cell: the machine's CSV beside what people or programs open."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from math import isclose
from pathlib import Path
from typing import Any, Final

from pipelines.exports.reading import csv_rows, json_rows
from pipelines.exports.spreadsheet import unguarded
from pipelines.exports.workbook import CELL_LENGTH

_DECIMAL: Final = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
#: What XML cannot hold, or does not hold as it is: as itself, and as a workbook writes it.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]|_x00[01][0-9A-Fa-f]_")

Same = Callable[[str, str, Any], bool]
"""(column, cell of the machine's CSV, value of the other file) → whether they say the same."""


def safe_difference(raw: Path, safe: Path, locale: str, decimals: Collection[str]) -> str | None:
    """Where the first cell of a spreadsheet's CSV stands that is not the raw one once its marks are taken off."""
    commas = decimals if locale == "id" else ()

    def same(column: str, cell: str, written: Any) -> bool:
        if column in commas and _DECIMAL.fullmatch(cell):
            cell = cell.replace(".", ",")
        return written == cell or unguarded(written) == cell

    with open(safe, "rb") as file:
        return _first(raw, csv_rows(file, locale), same)


def json_difference(raw: Path, json: Path) -> str | None:
    """Where the first value of a table's JSON stands that its CSV does not say."""
    with open(json, "rb") as file:
        return _first(raw, json_rows(file), _same_value, without_rows=True)


def sheet_difference(raw: Path, rows: Iterable[dict[str, Any]]) -> str | None:
    """Where the first cell of a workbook's sheet stands that the table's CSV does not say. ``rows`` as csv_rows gives
    them: the header first."""
    return _first(raw, rows, _same_cell)


def _first(
    raw: Path, rows: Iterable[dict[str, Any]], same: Same, *, without_rows: bool = False
) -> str | None:
    """``without_rows``: the other file names its columns in its rows, so none where there is no row."""
    with open(raw, "rb") as raw_file:
        cells, others = csv_rows(raw_file, "en"), iter(rows)
        header, other_header = list(next(cells)), list(next(others))
        if header != other_header and not (without_rows and not other_header):
            return "its header is another"
        for number, (one, other) in enumerate(zip(cells, others, strict=True), 1):
            for column, cell in one.items():
                if column not in other or not same(column, cell, other[column]):
                    return f"row {number:,}, {column}"
    return None


def _same_value(column: str, cell: str, value: Any) -> bool:
    del column
    if value is None or value == "":
        return cell == ""
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if isinstance(value, float):
        return _number(cell) == value
    return cell == str(value)


def _same_cell(column: str, cell: str, value: Any) -> bool:
    if isinstance(value, datetime):
        if len(cell) == len("2026-10-01"):
            return value.isoformat(" ") == f"{cell} 00:00:00"
        moment = datetime.fromisoformat(cell).replace(tzinfo=None)
        # A spreadsheet counts days in a float: it has no more than some microseconds.
        return abs((moment - value).total_seconds()) < 0.01
    if isinstance(value, date):  # also an instant at midnight
        return cell.partition("T")[0] == value.isoformat() and cell[10:19] in ("", "T00:00:00")
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _number(cell)
        # A spreadsheet keeps 15 digits of a fraction; of a whole number it is given no more.
        return number == value or (
            number is not None and isclose(number, value, rel_tol=1e-14) and "." in cell
        )
    if isinstance(value, str) and value:
        if len(cell) > CELL_LENGTH:
            return value == cell[: CELL_LENGTH - 1] + "…"
        return _CONTROL.sub("", value) == _CONTROL.sub("", cell)
    return _same_value(column, cell, value)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
