"""The rows of a report's data files, read by another reader than the writer. Compares nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

import orjson

from pipelines.exports.csv_writer import REPORT

# Our cells are ids, codes and one sentence; what is longer than this is not ours.
_LONGEST_CELL: Final = 1 << 20


class Unreadable(ValueError):
    """A data file that is not of its form. The message follows the file's name."""


def whole(value: object) -> int:
    """An amount as a file holds it: a number (of a workbook a float without a fraction) or its digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value, 10) if isinstance(value, str) else int(value)


def csv_rows(file: io.BufferedReader, locale: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_LONGEST_CELL)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    if text.read(1) != "\N{ZERO WIDTH NO-BREAK SPACE}":
        raise Unreadable("does not begin with the UTF-8 mark that spreadsheets need")
    rows = csv.reader(text, strict=True, delimiter=REPORT.get(locale, REPORT["en"]).separator)  # pyright: ignore[reportArgumentType, reportCallIssue] - one letter, which the stubs do not know of a str
    header = next(rows, [])
    yield dict.fromkeys(header)
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise Unreadable(f"has {len(row)} cells in row {number:,}, not {len(header)}")
        yield dict(zip(header, row, strict=True))


def json_rows(file: io.BufferedReader) -> Iterator[dict[str, Any]]:
    if file.readline() != b"[\n":
        raise Unreadable("is not a JSON array with a row a line")
    header: dict[str, Any] | None = None
    for line in file:
        if line.rstrip() == b"]":
            if header is None:
                yield {}
            return
        row = orjson.loads(line.rstrip().removesuffix(b","))
        if not isinstance(row, dict):
            raise Unreadable("holds a row that is no JSON object")
        if header is None:
            header = row
            yield row
        yield row
    raise Unreadable("ends before its array does")
