"""Text a spreadsheet must leave as it is: what it would run, or read as a number, a date or a truth, gets a mark; and
how the mark is taken off again. Typed cells never come here: a negative amount stays a number, an instant an instant.

What is written that way is csv_writer's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import polars as pl

# The one mark that keeps a cell text in Excel, LibreOffice and Google Sheets alike: none of them takes a cell that
# begins with it for a number, a date or a formula. (A tab is trimmed by some, ="…" is a formula itself.)
GUARD: Final = "'"
# A program that splits lines elsewhere than we do (Excel under another list separator, a line break in a cell that is
# no longer quoted then) begins a new cell after one of these.
_BREAKS: Final = ",;\t\n\v\f\r\\x1c\\x1d\\x1e\\x85\\u2028\\u2029"
# OWASP, CSV injection; the full-width and small forms are taken for the plain ones under some East Asian locales, the
# minus sign for a hyphen.
FORMULA_STARTS: Final = "=+-@＝＋－＠﹦﹢﹣﹫−"
_STARTS: Final = f"[{re.escape(FORMULA_STARTS)}]"
# Dropped by some programs before they look: blanks, marks nobody sees, NUL, a quote that opens a cell of its own.
_DROPPED: Final = r"[\p{Zs}\p{Cf}\x00-\x08\x0e-\x1b\x1f\x7f\"]*"
_FORMULA_BEGINS: Final = rf"^(?:{_DROPPED}{_STARTS}|[\p{{Cc}}\u2028\u2029'])"
_FORMULA_WITHIN: Final = rf"([{_BREAKS}])({_DROPPED}{_STARTS}|')"

# What may stand between the digits of a number, a date, a time or an amount. More is guarded than any one program
# reads: an apostrophe too many is seen, a lost zero is not.
_WORDS: Final = "|".join(
    (
        "e|t|z|am|pm|rp|idr|usd?|sgd|aud|eur|gbp|myr|rm|年|月|日|時|时|分|秒",
        "jan(?:uary|uari)?|feb(?:ruary|ruari)?|mar(?:ch|et)?|apr(?:il)?|may|mei|june?|juni|july?|juli|aug(?:ust)?",
        "ag[tus]|agustus|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cs](?:ember)?",
        "mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?",
        "sen(?:in)?|sel(?:asa)?|rabu?|kam(?:is)?|jum(?:at)?|sab(?:tu)?|min(?:ggu)?|ahad",
    )
)
_ONLY_NUMBERS: Final = (
    rf"(?i)^(?:{_WORDS})?(?:[^\p{{L}}]+(?:{_WORDS})|[^\p{{L}}]*[\p{{Zs}}][ap])*[^\p{{L}}]*$"
)
# A truth, or one of the error values (#N/A, #REF!).
_OTHER_LITERAL: Final = rf"(?i)^{_DROPPED}(?:(?:true|false|benar|salah){_DROPPED}$|#)"

#: Rows that tell whether the texts of a column repeat.
_SAMPLE: Final = 500
_MARK: Final = re.compile(rf"(\A|[{_BREAKS}]){GUARD}")


def guarded(frame: pl.DataFrame, leave: Collection[str] = ()) -> pl.DataFrame:
    """The frame with ``'`` where its text would not stay text in a spreadsheet; typed columns and ``leave`` unchanged.

    The mark stands before the cell (a formula, a number, a date, a truth, an error value, a control character), and
    before each place inside it where another separator would begin a cell with a formula. Text that has an apostrophe
    at such a place gets a second one, so that ``unguarded`` gives back every text exactly.
    """
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name not in leave]
    return frame.with_columns(_marked_once(frame[name]) for name in texts)


def _marked_once(texts: pl.Series) -> pl.Series:
    """The texts marked; each of few different ones is looked at once, not in every row it stands in."""
    if 2 * texts.head(_SAMPLE).n_unique() > min(len(texts), _SAMPLE):
        return _marked(texts)
    different = texts.unique()
    marked = _marked(different)
    if marked.equals(different):
        return texts
    return texts.replace_strict(different, marked, return_dtype=pl.String)


def _marked(texts: pl.Series) -> pl.Series:
    text = pl.col(texts.name)
    within = text.str.replace_all(_FORMULA_WITHIN, "${1}'${2}")
    return (
        texts.to_frame()
        .select(
            pl.when(
                text.str.contains(_FORMULA_BEGINS)
                | (text.str.contains(r"\d") & text.str.contains(_ONLY_NUMBERS))
                | text.str.contains(_OTHER_LITERAL)
            )
            .then(pl.concat_str(pl.lit(GUARD), within))
            .otherwise(within)
            .alias(texts.name)
        )
        .to_series()
    )


def unguarded(text: str) -> str:
    """The text ``guarded`` was given, from the text it made."""
    return _MARK.sub(r"\1", text)
