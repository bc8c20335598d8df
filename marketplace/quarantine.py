"""Which rows are quarantined: those without a usable id, or without a creation time that can be read and believed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, cast

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.instants import INSTANT, believed_until, creation, default_offsets
from marketplace.rules import EARLIEST_INSTANT, LATEST_INSTANT
from marketplace.text import nulls

NO_ID: Final = "id_missing"
CREATION: Final = "creation_unreadable"
NOT_YET: Final = "creation_in_the_future"
UNREAD: Final = "row_unread"
"""Of a row that Appwrite has and that could not be had from it: no rule judges that, it is told by the mirror."""
READ: Final = tuple(dict.fromkeys(name.split(".")[0] for name in ALIASES["creation"]))
"""The attributes the rules read, beside the mirror's own columns (``$createdAt``, ``$updatedAt`` and the clock at which
the version was first stored among them)."""
REASONS: Final = {
    NO_ID: "The row has no usable $id.",
    CREATION: "The creation time of the row cannot be read.",
    NOT_YET: "The creation time of the row, and $createdAt with it, lies after it was last changed and first stored.",
    UNREAD: "The row is in Appwrite, and Appwrite fails or the answer is too large where it is asked for.",
}

_WRITTEN_PLAINLY: Final = (
    r"^20(?:1[6-9]|[2-8][0-9]|9[0-7])-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-2]):?[0-5][0-9])$"
)
"""Creation times that need not be parsed to know that they can be: a real day well inside the plausible years."""
_LARGEST_OFFSET: Final = timedelta(hours=13)
"""More than any offset written plainly."""
_TO_THE_SECOND: Final = "%Y-%m-%dT%H:%M:%S"


def reject_reasons(collection: str, frame: pl.DataFrame) -> pl.Series:
    """For each row of a batch of ``collection`` (columns as in the raw tables): a JSON list of reasons, or
    null.

    The rules are the same for every collection. A bare local time is judged in the default zone: the hours
    between zones do not make a readable time unreadable.
    """
    del collection
    attributes = Attributes(frame)
    ids = attributes.own("_id", pl.String).str.strip_chars()
    no_id = (ids.is_null() | (ids == "")).fill_null(True)
    unreadable, not_yet = _creation_faults(frame)
    if not (no_id.any() or unreadable.any() or not_yet.any()):
        return nulls(frame.height, pl.String)
    return pl.DataFrame({NO_ID: no_id, CREATION: unreadable, NOT_YET: not_yet}).select(
        pl.when(pl.any_horizontal(NO_ID, CREATION, NOT_YET)).then(
            pl.format(
                "[{}]",
                pl.concat_str(
                    *(pl.when(word).then(pl.lit(f'"{word}"')) for word in (NO_ID, CREATION, NOT_YET)),
                    separator=",",
                    ignore_nulls=True,
                ),
            )
        )
    ).to_series()  # fmt: skip


def _creation_faults(frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Rows whose creation time cannot be read, and rows where none that is written can be believed. Nearly all are told
    at a glance, many times faster than by reading each as core does; only what is left is read so."""
    rest = ~frame.select(_plainly_readable(frame)).to_series().fill_null(False)
    unreadable, refused = rest.clone(), rest.clone()
    if not rest.any():
        return unreadable, refused
    closely = frame.filter(rest)
    found = creation(Attributes(closely), default_offsets(closely.height))
    rows = rest.arg_true()
    return (
        unreadable.scatter(rows, found.values.is_null() & ~found.refused),
        refused.scatter(rows, found.refused),
    )


def _plainly_readable(frame: pl.DataFrame) -> pl.Expr:
    """Whether the first name of the creation time has it as text, or none of the names has anything and Appwrite's
    own $createdAt is a plausible one; and whether it surely lies before the row was changed or stored."""
    first, second = ALIASES["creation"]
    until = believed_until(Attributes(frame))
    there = pl.lit(False)
    nothing = pl.lit(True)
    if first in frame.columns:
        nothing = pl.col(first).is_null()
        if frame.schema[first] == pl.String:
            there = pl.col(first).str.contains(_WRITTEN_PLAINLY) & _surely_past(first, until)
    holder = second.split(".")[0]
    for name in (holder, "_misfits"):
        if name in frame.columns:
            nothing = nothing & pl.col(name).is_null()
    if frame.schema.get("_created_at") != INSTANT:
        return there & pl.repeat(True, pl.len())
    own = pl.col("_created_at").is_between(EARLIEST_INSTANT, LATEST_INSTANT, closed="left")
    own = own & (pl.col("_created_at") <= until).fill_null(True)
    return there | (nothing & own)


def _surely_past(name: str, until: pl.Series) -> pl.Expr:
    """Whether a time written plainly lies before all of ``until``, compared as text: one in UTC as it stands, one with
    an offset by more hours than that has. What does not is read closely."""
    earliest = cast("datetime | None", until.min())
    if earliest is None:
        return pl.lit(True)
    utc = pl.lit(earliest.strftime(_TO_THE_SECOND))
    anywhere = pl.lit((earliest - _LARGEST_OFFSET).strftime(_TO_THE_SECOND))
    text = pl.col(name)
    return (text < anywhere) | ((text < utc) & text.str.ends_with("Z"))
