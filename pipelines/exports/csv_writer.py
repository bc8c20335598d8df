"""The one writer of CSV that people open: the reports' files and the dashboards' downloads, each in its dialect. What
of a text a spreadsheet would not leave as it is gets its mark here (spreadsheet.py), and nowhere else.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from pipelines.exports.spreadsheet import guarded

Locale = Literal["en", "id"]
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()


@dataclass(frozen=True)
class Dialect:
    """How cells stand in a line. UTF-8 with BOM, one header, quoted where needed, null an empty cell, empty text ``""``
    in each. ``instants``: how typed ones are written; the reports hold them as text."""

    separator: str = ","
    decimal_comma: bool = False
    line_end: str = "\r\n"
    instants: str | None = None

    def header(self, columns: Collection[str]) -> bytes:
        """The first line, with what tells a spreadsheet that it is UTF-8."""
        return BOM + self.separator.join(columns).encode() + self.line_end.encode()

    def lines(self, frame: pl.DataFrame, *, safe: bool, leave: Collection[str] = ()) -> bytes:
        """The rows. ``safe``: text is marked so that no spreadsheet runs it or takes it for a number or a date, but in
        the columns of ``leave``, whose text is an instant."""
        made = io.BytesIO()
        (guarded(frame, leave) if safe else frame).write_csv(
            made,
            include_header=False,
            separator=self.separator,
            decimal_comma=self.decimal_comma,
            line_terminator=self.line_end,
            quote_style="necessary",
            datetime_format=self.instants,
        )
        return made.getvalue()


#: RFC 4180; the separator and the decimal sign are the locale's.
REPORT: Final[dict[Locale, Dialect]] = {"en": Dialect(), "id": Dialect(separator=";", decimal_comma=True)}
DOWNLOAD: Final = Dialect(line_end="\n", instants="%Y-%m-%dT%H:%M:%SZ")
