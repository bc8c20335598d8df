"""Which rows are quarantined: only those without a usable id or without a readable creation time."""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.instants import creation
from marketplace.rules import DEFAULT_TIMEZONE, EARLIEST_INSTANT, LATEST_INSTANT
from marketplace.text import nulls
from marketplace.zones import resolve

NO_ID: Final = "id_missing"
CREATION: Final = "creation_unreadable"
UNREAD: Final = "row_unread"
"""Of a row that Appwrite has and that could not be had from it: no rule judges that, it is told by the mirror."""
READ: Final = tuple(dict.fromkeys(name.split(".")[0] for name in ALIASES["creation"]))
"""The attributes the rules read, beside the mirror's own columns."""
REASONS: Final = {
    NO_ID: "The row has no usable $id.",
    CREATION: "The creation time of the row cannot be read.",
    UNREAD: "The row is in Appwrite, and Appwrite fails or the answer is too large where it is asked for.",
}

_WRITTEN_PLAINLY: Final = (
    r"^20(?:1[6-9]|[2-8][0-9]|9[0-7])-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-2]):?[0-5][0-9])$"
)
"""Creation times that need not be parsed to know that they can be: a real day well inside the plausible years."""


def reject_reasons(collection: str, frame: pl.DataFrame) -> pl.Series:
    """For each row of a batch of ``collection`` (columns as in the raw tables): a JSON list of reasons, or
    null.

    The rules are the same for every collection. A bare local time is judged in the default zone: the hours
    between
    zones do not make a readable time unreadable.
    """
    del collection
    attributes = Attributes(frame)
    ids = attributes.own("_id", pl.String).str.strip_chars()
    no_id = (ids.is_null() | (ids == "")).fill_null(True)
    unreadable = _unreadable(frame)
    if not (no_id.any() or unreadable.any()):
        return nulls(frame.height, pl.String)
    return pl.DataFrame({"i": no_id, "c": unreadable}).select(
        pl.when(pl.col("i") & pl.col("c")).then(pl.lit(f'["{NO_ID}","{CREATION}"]'))
        .when("i").then(pl.lit(f'["{NO_ID}"]'))
        .when("c").then(pl.lit(f'["{CREATION}"]'))
    ).to_series()  # fmt: skip


def _unreadable(frame: pl.DataFrame) -> pl.Series:
    """Rows whose creation time cannot be read. Nearly all are told at a glance, many times faster than by reading
    each as core does; only what is left is read so."""
    rest = ~frame.select(_plainly_readable(frame)).to_series().fill_null(False)
    unreadable = rest.clone()
    if not rest.any():
        return unreadable
    closely = frame.filter(rest)
    zone = resolve(DEFAULT_TIMEZONE)
    offset = pl.Series([zone.offset_minutes if zone else 0], dtype=pl.Int64)
    found, _ = creation(Attributes(closely), offset.new_from_index(0, closely.height))
    return unreadable.scatter(rest.arg_true(), found.values.is_null())


def _plainly_readable(frame: pl.DataFrame) -> pl.Expr:
    """Whether the first name of the creation time has it as text, or none of the names has anything and Appwrite's
    own $createdAt is a plausible one."""
    first, second = ALIASES["creation"]
    there = pl.lit(False)
    nothing = pl.lit(True)
    if first in frame.columns:
        nothing = pl.col(first).is_null()
        if frame.schema[first] == pl.String:
            there = pl.col(first).str.contains(_WRITTEN_PLAINLY)
    holder = second.split(".")[0]
    for name in (holder, "_misfits"):
        if name in frame.columns:
            nothing = nothing & pl.col(name).is_null()
    if frame.schema.get("_created_at") != pl.Datetime("us"):
        return there & pl.repeat(True, pl.len())
    own = pl.col("_created_at").is_between(EARLIEST_INSTANT, LATEST_INSTANT, closed="left")
    return there | (nothing & own)
