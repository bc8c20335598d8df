"""A4 pages as PDF: headings, facts, tables that go on over pages. What stands on them is cover.py's.

Nothing in it depends on when or where it is drawn: fonts lie beside this module, the date is given, no file of the
machine is read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

_FONTS: Final = Path(__file__).parent / "fonts"
_FAMILY: Final = "DejaVu"
_MARGIN: Final = 15.0
_PLAIN: Final = 8.0
#: What stands for a character that the font does not have.
_NO_GLYPH: Final = "\N{REPLACEMENT CHARACTER}"
_GREY: Final = (105, 105, 105)
_BLACK: Final = (0, 0, 0)
_RED: Final = (160, 0, 0)
_RULE: Final = (190, 190, 190)

Orientation = Literal["portrait", "landscape"]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, its share of the width, and whether its cells are numbers."""

    heading: str
    share: float
    right: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a table. ``strong``: a total."""

    cells: Sequence[str]
    strong: bool = False


class Paper:
    """The pages, filled from the top to the bottom."""

    def __init__(self, *, title: str, language: str, made_at: datetime, foot: str, page_of: str) -> None:
        """``foot`` stands on every page, beside ``page_of`` (with places ``number`` and ``total``)."""
        self._pdf = _Pages(foot, page_of)
        self._pdf.set_title(_plain(title))
        self._pdf.set_lang(language)
        self._pdf.set_creator("bookwatch")
        self._pdf.set_creation_date(made_at)
        for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self._pdf.add_font(_FAMILY, style, _FONTS / file)
        self._pdf.set_margin(_MARGIN)
        self._pdf.set_auto_page_break(True, _MARGIN + 5)
        font = self._pdf.fonts[_FAMILY.lower()]
        assert isinstance(font, TTFFont)
        self._known = frozenset(font.cmap)

    def page(self, orientation: Orientation = "portrait") -> None:
        """Begin a page."""
        self._pdf.add_page(orientation)
        self._font(_PLAIN)

    def heading(self, text: str, *, size: float = 11, room: float = 25) -> None:
        """A heading, on a new page where less than ``room`` mm are left below it."""
        if self._pdf.y + room > self._bottom:
            self._pdf.add_page(same=True)
        self._pdf.ln(3 if size < 14 else 0)
        self._font(size, strong=True)
        self._text(text, size * 0.5)
        self._pdf.ln(0.8)
        self._font(_PLAIN)

    def note(self, text: str, *, warn: bool = False) -> None:
        """A sentence; ``warn``: one that must not be overlooked."""
        self._pdf.set_text_color(*(_RED if warn else _GREY))
        self._font(_PLAIN, strong=warn)
        self._text(text, 4.2)
        self._pdf.set_text_color(*_BLACK)
        self._font(_PLAIN)

    def facts(self, facts: Iterable[tuple[str, str]], *, first: float = 0.24) -> None:
        """Names with what they are, a line each."""
        self.table((Column("", first), Column("", 1 - first)), [Row(fact) for fact in facts], headed=False)

    def table(
        self,
        columns: Sequence[Column],
        rows: Iterable[Row],
        *,
        headed: bool = True,
        size: float = _PLAIN,
    ) -> None:
        """A table; its heading stands again on each page it goes on to. A cell takes the lines it needs."""
        self._font(size)
        widths = [column.share * self._pdf.epw for column in columns]
        height = size * 0.5

        def head() -> None:
            if headed:
                self._line([column.heading for column in columns], columns, widths, size, height, strong=True)
                self._rule()

        head()
        for row in rows:
            self._font(size, strong=row.strong)
            cells = [self._wrapped(cell, width - 1.5) for cell, width in zip(row.cells, widths, strict=True)]
            tall = max(map(len, cells)) * height + 0.8
            if self._pdf.y + tall > self._bottom:
                self._pdf.add_page(same=True)
                head()
                self._font(size, strong=row.strong)
            self._cells(cells, columns, widths, height, tall)
        self._font(_PLAIN)

    def blanks(self, names: Iterable[str]) -> None:
        """Lines to write on by hand."""
        for name in names:
            if self._pdf.y + 12 > self._bottom:
                self._pdf.add_page(same=True)
            self._pdf.ln(7)
            self._pdf.cell(40, 4, self._shown(name), new_x=XPos.RIGHT, new_y=YPos.TOP)
            self._pdf.set_draw_color(*_RULE)
            self._pdf.line(self._pdf.x, self._pdf.y + 4, self._pdf.l_margin + self._pdf.epw, self._pdf.y + 4)
            self._pdf.ln(4)

    def to_bytes(self) -> bytes:
        """The file."""
        return bytes(self._pdf.output())

    @property
    def _bottom(self) -> float:
        return self._pdf.page_break_trigger

    def _font(self, size: float, *, strong: bool = False) -> None:
        self._pdf.set_font(_FAMILY, "B" if strong else "", size)

    def _rule(self) -> None:
        self._pdf.set_draw_color(*_RULE)
        self._pdf.line(self._pdf.l_margin, self._pdf.y, self._pdf.l_margin + self._pdf.epw, self._pdf.y)
        self._pdf.ln(0.6)

    def _text(self, text: str, height: float) -> None:
        for line in self._wrapped(text, self._pdf.epw):
            self._pdf.cell(0, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _line(
        self,
        texts: Sequence[str],
        columns: Sequence[Column],
        widths: Sequence[float],
        size: float,
        height: float,
        *,
        strong: bool,
    ) -> None:
        self._font(size, strong=strong)
        cells = [self._wrapped(text, width - 1.5) for text, width in zip(texts, widths, strict=True)]
        self._cells(cells, columns, widths, height, max(map(len, cells)) * height + 0.8)

    def _cells(
        self,
        cells: Sequence[Sequence[str]],
        columns: Sequence[Column],
        widths: Sequence[float],
        height: float,
        tall: float,
    ) -> None:
        top = self._pdf.y
        for number in range(max(map(len, cells))):
            left = self._pdf.l_margin
            for lines, column, width in zip(cells, columns, widths, strict=True):
                if number < len(lines) and lines[number]:
                    self._pdf.set_xy(left, top + number * height)
                    self._pdf.cell(width, height, lines[number], align="R" if column.right else "L")
                left += width
        self._pdf.set_xy(self._pdf.l_margin, top + tall)

    def _wrapped(self, text: str, width: float) -> list[str]:
        """The text in lines that fit; what has no blank to break at is cut where it must be, never left out."""
        lines: list[str] = []
        line = ""
        for word in self._shown(text).split(" "):
            longer = f"{line} {word}" if line else word
            if self._pdf.get_string_width(longer) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            while self._pdf.get_string_width(word) > width:
                fits = self._fitting(word, width)
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        return [*lines, line]

    def _fitting(self, word: str, width: float) -> int:
        """How many characters of a word fit, at least one."""
        low, high = 1, len(word)
        while low < high:
            middle = (low + high + 1) // 2
            if self._pdf.get_string_width(word[:middle]) <= width:
                low = middle
            else:
                high = middle - 1
        return low

    def _shown(self, text: str) -> str:
        """The text in characters that the font has."""
        return "".join(c if ord(c) in self._known else _NO_GLYPH for c in _plain(text))


def _plain(text: str) -> str:
    """One line without marks nobody sees: a name must not turn what stands beside it round."""
    composed = unicodedata.normalize("NFC", text)
    kept = (" " if c.isspace() else c for c in composed if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


class _Pages(FPDF):
    """Pages with a foot."""

    def __init__(self, foot: str, page_of: str) -> None:
        super().__init__("portrait", "mm", "A4")
        self._foot = foot
        self._page_of = page_of
        self.alias_nb_pages()

    def footer(self) -> None:
        self.set_y(-_MARGIN)
        self.set_font(_FAMILY, "", 6.5)
        self.set_text_color(*_GREY)
        self.cell(0, 4, _plain(self._foot), align="L", new_x=XPos.LMARGIN, new_y=YPos.TOP)
        self.cell(0, 4, self._page_of.format(number=self.page_no(), total=self.str_alias_nb_pages), align="R")
        self.set_text_color(*_BLACK)
