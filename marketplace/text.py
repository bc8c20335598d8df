"""A column of any type as text, trimmed, with every way of writing nothing as null. Knows no attribute's
meaning."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import orjson
import polars as pl

EMPTY_WORDS: Final = ("", "none", "null", "undefined", "-")
"""What stands for nothing, in any case, after trimming."""

BLANK: Final = "".join(
    map(chr, (*range(33), 0x7F, 0x85, 0xA0, 0x200B, 0x2028, 0x2029, 0x202F, 0x3000, 0xFEFF))
)
"""What is trimmed: blanks, control characters, and the invisible ones that come with copying."""

_LARGEST_EXACT: Final = 10**15
_TWO_PLACES: Final = r"\.[0-9]{2}$"


def nulls(height: int, dtype: Any) -> pl.Series:
    """A column of nothing."""
    return pl.Series([None], dtype=dtype).new_from_index(0, height) if height else pl.Series([], dtype=dtype)


def as_text(column: pl.Series) -> pl.Series:
    """Any column → String: 250000.0 becomes "250000", a timestamp ISO with Z, nested values JSON; empty →
    null.

    A fraction that was a number gets trailing zeros ("250.1250", "1.2500"), so that it never has three digits
    behind the point, the Indonesian way of grouping thousands in text ("250.125", "1.250").
    """
    dtype = column.dtype
    if dtype == pl.String:
        return without_empty(column.str.strip_chars(BLANK))
    if dtype == pl.Null or column.null_count() == len(column):
        return nulls(len(column), pl.String)
    if dtype.is_integer() or dtype == pl.Boolean:
        return column.cast(pl.String)
    if dtype.is_decimal():
        column, dtype = column.cast(pl.Float64), pl.Float64()
    if dtype.is_float():
        value = pl.col("v")
        whole = (value == value.floor()) & (value.abs() < _LARGEST_EXACT)
        written = value.cast(pl.String)
        return column.rename("v").to_frame().select(
            pl.when(~value.is_finite()).then(None)
            .when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String))
            .when(written.str.contains("e", literal=True)).then(written)
            .when(written.str.contains(_TWO_PLACES)).then(written + "00")
            .otherwise(written + "0")
        ).to_series()  # fmt: skip
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    if dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if dtype == pl.Time:
        return column.dt.strftime("%H:%M:%S")
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return as_text(column.cast(pl.String))
    return pl.Series([json_text(value) for value in column.to_list()], dtype=pl.String)


def without_empty(text: pl.Series) -> pl.Series:
    """Trimmed text → the same, null where it stands for nothing."""
    empty = text.str.to_lowercase().is_in(EMPTY_WORDS)
    return text.set(empty, None) if empty.any() else text


def json_text(value: object) -> str | None:
    """A value out of JSON as text, in the same form as ``as_text``; null for one nested too deep to be written."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        if value.is_integer() and abs(value) < _LARGEST_EXACT:
            return str(int(value))
        written = repr(value)
        if "e" in written:
            return written
        return written + ("00" if re.search(_TWO_PLACES, written) else "0")
    if isinstance(value, str):
        stripped = value.strip(BLANK)
        return None if stripped.lower() in EMPTY_WORDS else stripped
    try:
        return orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:
        return None


def coalesce(first: pl.Series, second: pl.Series) -> pl.Series:
    """First where it has a value, else second."""
    if first.null_count() == 0 or second.null_count() == len(second):
        return first
    if first.null_count() == len(first):
        return second
    return first.zip_with(first.is_not_null(), second)


def read_rest(
    fast: pl.Series, text: pl.Series, slow: Callable[[pl.DataFrame], pl.Series], **beside: pl.Series
) -> pl.Series:
    """Fill what a fast reader left null, running ``slow`` on only those rows (columns ``text`` and
    ``beside``).

    ``fast`` must be a fresh series: it is filled in place.
    """
    rest = fast.is_null() & text.is_not_null()
    if not rest.any():
        return fast
    rows = pl.DataFrame({"text": text, **beside}).filter(rest)
    return fast.scatter(rest.arg_true(), slow(rows))
