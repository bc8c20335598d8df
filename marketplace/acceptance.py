"""Which rows are quarantined: only those without a usable id or without a readable creation time."""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.attributes import Attributes
from marketplace.instants import creation
from marketplace.rules import DEFAULT_TIMEZONE
from marketplace.text import nulls
from marketplace.zones import resolve

NO_ID: Final = "id_missing"
CREATION: Final = "creation_unreadable"
REASONS: Final = {
    NO_ID: "The row has no usable $id.",
    CREATION: "The creation time of the row cannot be read.",
}


def reject_reasons(collection: str, frame: pl.DataFrame) -> pl.Series:
    """For each row of a batch of ``collection`` (columns as in the raw tables): a JSON list of reasons, or null.

    The rules are the same for every collection. A bare local time is judged in the default zone: the hours between
    zones do not make a readable time unreadable.
    """
    del collection
    attributes = Attributes(frame)
    ids = attributes.own("_id", pl.String).str.strip_chars()
    no_id = (ids.is_null() | (ids == "")).fill_null(True)
    zone = resolve(DEFAULT_TIMEZONE)
    offset = pl.Series([zone.offset_minutes if zone else 0], dtype=pl.Int64)
    found, _ = creation(
        attributes, offset.new_from_index(0, frame.height) if frame.height else offset.clear()
    )
    unreadable = found.values.is_null()
    if not (no_id.any() or unreadable.any()):
        return nulls(frame.height, pl.String)
    return pl.DataFrame({"i": no_id, "c": unreadable}).select(
        pl.when(pl.col("i") & pl.col("c")).then(pl.lit(f'["{NO_ID}","{CREATION}"]'))
        .when("i").then(pl.lit(f'["{NO_ID}"]'))
        .when("c").then(pl.lit(f'["{CREATION}"]'))
    ).to_series()  # fmt: skip
