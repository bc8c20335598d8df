"""Changes of one value between the versions of rows that the mirror keeps. What the value is, the modules beside this
one say."""

from __future__ import annotations

import polars as pl

from marketplace.attributes import Attributes
from marketplace.instants import INSTANT


def observed(attributes: Attributes) -> dict[str, pl.Series]:
    """observed_at and change of each version.

    A change happened when the server says, but never after it was seen: under a frozen clock the server's own
    runs ahead, and an acceptance in the clock's future would keep its booking within its grace for good.
    """
    when = pl.DataFrame(
        {
            "updated": attributes.own("_updated_at", INSTANT),
            "ingested": attributes.own("_ingested_at", INSTANT),
        }
    )
    return {
        "observed_at": when.select(pl.min_horizontal("updated", "ingested")).to_series(),
        "change": attributes.own("_change", pl.Int64),
    }


def changes(seen: pl.DataFrame, key: str, to: str, before: str = "before") -> pl.DataFrame:
    """All versions of some rows (``key``, ``to``, change …) → those that show another value in ``to`` than the version
    before them, and the first of each row; in the order they were stored. ``before``: that other value, null at first
    sight."""
    ordered = seen.sort(key, "change")
    first = pl.col(key).ne_missing(pl.col(key).shift(1))
    earlier = pl.when(~first).then(pl.col(to).shift(1))
    return ordered.with_columns(earlier.alias(before)).filter(first | pl.col(to).ne_missing(pl.col(before)))
