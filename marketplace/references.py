"""Which row a reference names: the one whose key it is, else the one key that differs from it by case alone.

Pure, of columns of ids. Who refers to whom, and where the keys are kept, does not live here. References to bookings and
rooms are matched in SQL by the same rule (assets/marts/reference_cases.py): there are millions of those keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

#: The data finding on a reference that was matched except for case, and the code of what was found.
REFERENCE_CASE: Final = "reference_case"
CASE_DETAIL: Final = "noted.reference_case"


@dataclass(frozen=True)
class Resolved:
    """``key``: the key a reference names, else the reference as written. ``by_case`` (Boolean): it was found only
    except for case. ``known`` (Boolean): some key is the same except for case, though perhaps two are."""

    key: pl.Series
    by_case: pl.Series
    known: pl.Series


@dataclass(frozen=True)
class Keys:
    """The keys of rows that are there, and of rows that were deleted: a mirror that saw a row deleted and one made
    afterwards agree where a key that is there fits."""

    there: pl.Series
    gone: pl.Series

    @classmethod
    def none(cls) -> Keys:
        empty = pl.Series([], dtype=pl.String)
        return cls(empty, empty)

    def __or__(self, other: Keys) -> Keys:
        """The keys of both."""
        return Keys(
            pl.concat([self.there, other.there]).unique(), pl.concat([self.gone, other.gone]).unique()
        )

    def resolve(self, written: pl.Series) -> Resolved:
        """References as written (null where there is none) → the keys they name.

        In this order: a key that is there, the one that is there and differs by case alone, a deleted key, the one
        deleted that differs by case alone. Two that differ by case alone are none: nothing is guessed.
        """
        no, yes = (
            pl.Series([value], dtype=pl.Boolean).new_from_index(0, len(written)) for value in (False, True)
        )
        asked = written.drop_nulls().unique().to_frame("written")
        if not asked.height or not (len(self.there) or len(self.gone)):
            return Resolved(written, no, no)
        loose = asked.join(self.there.to_frame("written"), on="written", how="anti")
        if not loose.height:
            return Resolved(written, no, written.is_not_null() & yes)
        found = loose.with_columns(pl.col("written").str.to_lowercase().alias("folded")).join(
            self._folded, on="folded", how="left"
        )
        exactly_gone = pl.col("written").is_in(self.gone.implode())
        found = found.select(
            "written",
            pl.when(pl.col("there") == 1).then("there_key")
            .when(exactly_gone).then("written")
            .when(pl.col("there").fill_null(0).eq(0) & (pl.col("gone") == 1)).then("gone_key").alias("key"),
            pl.col("folded_known").fill_null(False).alias("known"),
        )  # fmt: skip
        rows = written.to_frame("written").join(found, on="written", how="left", maintain_order="left")
        key = rows.select(pl.coalesce("key", "written")).to_series().rename(written.name)
        return Resolved(
            key,
            (key != written).fill_null(False),
            written.is_not_null() & rows["known"].fill_null(True),
        )

    def alike(self, ids: pl.Series) -> pl.DataFrame:
        """Of the keys that are one of these ids but for case: id, folded."""
        every = pl.concat([self.there, self.gone]).unique().to_frame("id")
        return every.with_columns(pl.col("id").str.to_lowercase().alias("folded")).filter(
            pl.col("folded").is_in(ids.str.to_lowercase().unique().implode())
        )

    @cached_property
    def _folded(self) -> pl.DataFrame:
        """folded → how many keys are there and the first of them, the same of deleted ones; folded_known."""
        sides = [
            keys.unique().to_frame(f"{name}_key")
            .group_by(pl.col(f"{name}_key").str.to_lowercase().alias("folded"))
            .agg(pl.len().alias(name), pl.col(f"{name}_key").min())
            for name, keys in (("there", self.there), ("gone", self.gone))
        ]  # fmt: skip
        return (
            sides[0]
            .join(sides[1], on="folded", how="full", coalesce=True)
            .with_columns(folded_known=pl.lit(True))
        )


@dataclass(frozen=True)
class People:
    """Whom a row may name: providers (therapists and places) and customers (users)."""

    providers: Keys
    customers: Keys

    @classmethod
    def nobody(cls) -> People:
        return cls(Keys.none(), Keys.none())

    @cached_property
    def anyone(self) -> Keys:
        """The keys of both, for what a provider or a customer may stand in: a sender, a recipient."""
        return self.providers | self.customers
