"""Values that did not fit their columns, or are not kept, as a row tells of them in ``_misfits``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

import polars as pl

from marketplace.json_values import set_aside

LARGEST_VALUE: Final = 1 << 20
"""Bytes of one value that are kept. DuckDB holds the values of 2,048 rows of a column in memory whenever it writes
them: with larger ones it would be gigabytes."""


def json_text(value: object) -> str:
    # Python's own writer: a number beyond 64 bits is exactly what may stand here.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def misfits_text(found: Mapping[str, Any]) -> str | None:
    """What did not fit its columns, by attribute, as JSON text; of values that are too large only that they are."""
    texts = {attribute: json_text(value) for attribute, value in found.items()}
    left = sum(map(len, texts.values()))
    for attribute in sorted(texts, key=lambda name: -len(texts[name])):
        size = len(texts[attribute])
        if left <= LARGEST_VALUE or size <= 1000:
            break
        texts[attribute] = json_text(set_aside(f"a value of {size:,} letters is not kept"))
        left -= size
    joined = ",".join(f"{json_text(attribute)}:{text}" for attribute, text in texts.items())
    return f"{{{joined}}}" if joined else None


def without_texts(
    frame: pl.DataFrame,
    attributes: Mapping[str, str],
    beyond: int,
    why: str = "",
    among: pl.Series | None = None,
) -> pl.DataFrame:
    """Rows (``among``: of these, one Boolean each) without their texts of more than ``beyond`` bytes: a mark among the
    misfits says what is not there, and ``why``. ``attributes``: raw column → attribute."""
    marks: dict[int, dict[str, Any]] = {}
    for name, attribute in attributes.items():
        if frame.schema[name] != pl.String:
            continue
        sizes = frame[name].str.len_bytes()
        large = (sizes > beyond).fill_null(False)
        large = large if among is None else large & among
        if not large.any():
            continue
        for place in large.arg_true().to_list():
            told = f"a text of {int(sizes[place]):,} bytes is not kept{why}"
            marks.setdefault(place, {})[attribute] = set_aside(told)
        frame = frame.with_columns(frame[name].set(large, None))
    if not marks:
        return frame
    misfits = cast("list[str | None]", frame["_misfits"].to_list())
    for place, marked in marks.items():
        misfits[place] = misfits_text({**json.loads(misfits[place] or "{}"), **marked})
    return frame.with_columns(pl.Series("_misfits", misfits, dtype=pl.String))
