"""Text that a spreadsheet must not take for a formula. Numbers never come here: a negative amount stays a number."""

from __future__ import annotations

from typing import Final

import polars as pl

# OWASP, CSV injection: a cell that begins with one of these may be run as a formula. The full-width forms are
# taken for the plain ones under some East Asian locales; a leading NUL is dropped by some programs before they look.
FORMULA_STARTS: Final = "=+-@\t\r\n\0＝＋－＠"
# An apostrophe makes the cell text; spreadsheets show it only in the formula bar.
GUARD: Final = "'"


def neutralised(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with ``'`` before each text cell that begins with a formula character; every other cell unchanged."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    first = {name: pl.col(name).str.slice(0, 1) for name in texts}
    return frame.with_columns(
        pl.when(first[name].is_in(list(FORMULA_STARTS)))
        .then(pl.concat_str(pl.lit(GUARD), pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )
