"""Texts that are longer than what they stand for: core keeps names, not whatever an attribute holds.

What they are read from is not known here.
"""

from __future__ import annotations

import polars as pl

from assets.core.batch import FINDINGS_SCHEMA, Derived, told
from marketplace.codes import LONGEST_PUBLISHED
from marketplace.text import BLANK
from messages.message import Message


def too_long(texts: pl.Series) -> pl.Series:
    """Which of some texts are longer than LONGEST_PUBLISHED letters."""
    long = (texts.str.len_bytes() > LONGEST_PUBLISHED).fill_null(False)
    if not long.any():
        return long
    return long & (texts.str.len_chars() > LONGEST_PUBLISHED).fill_null(False)


def without_long_texts(collection: str, key: str, frame: pl.DataFrame, derived: Derived) -> Derived:
    """Derived rows (``key``: their column of ids, which stays) without texts beyond LONGEST_PUBLISHED, and a finding
    for each, named by the attribute of ``frame`` that holds the text."""
    rows, found = derived.rows, [derived.findings]
    for column in [c for c, dtype in rows.schema.items() if dtype == pl.String and c != key]:
        long = too_long(rows[column])
        if not long.any():
            continue
        where = long.arg_true().to_list()
        found.append(
            pl.DataFrame(
                {
                    "finding": ["text_too_long"] * len(where),
                    "collection": [collection] * len(where),
                    "row_id": rows[key].gather(where),
                    "attribute": [_attribute(frame, place, rows[column][place]) or column for place in where],
                    "change": rows["change"].gather(where),
                    **told(
                        [
                            Message("noted.long_text", {"letters": len(rows[column][place])})
                            for place in where
                        ],
                        len(where),
                    ),
                },
                schema=FINDINGS_SCHEMA,
            )
        )
        rows = rows.with_columns(rows[column].set(long, None))
    if len(found) == 1:
        return derived
    findings = pl.concat(found).unique(["finding", "row_id", "attribute"], keep="first", maintain_order=True)
    return Derived(rows, findings)


def _attribute(frame: pl.DataFrame, place: int, text: str) -> str | None:
    """The attribute of a row that holds a text, or begins with what it was made of."""
    for name, dtype in frame.schema.items():
        if dtype == pl.String and not name.startswith("_"):
            held = frame[name][place]
            if held is not None and len(held) > LONGEST_PUBLISHED and text.endswith(held.strip(BLANK)):
                return name
    return None
