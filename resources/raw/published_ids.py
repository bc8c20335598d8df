"""The published form of a mirror's ids: which words are keys of stored rows, which ``$id``s are no plain ids, and the
names that follow from both. Core, the private file, and the sentences and tables made beside them all name rows by it.

A ``$id`` may be a phone, or any text of a server that lets clients choose it. What form an id has, and what stands for
one that has none, is marketplace/pseudonyms.py's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import duckdb
import polars as pl

from marketplace.collections import INGESTED
from marketplace.identifiers import TOKEN
from marketplace.pseudonyms import PREFIX, Pseudonyms
from resources.sql import quoted

NAMELESS: Final = "$sequence:"
"""What a row without a usable ``$id`` stands under among the rejected ones, before its number. Appwrite's ids begin
with no such letter."""
_NAMELESS: Final = rf"^\{NAMELESS}-?\d{{1,19}}$"
_LIKE_A_PHONE: Final = (
    "regexp_matches(lower(_id), '^(whatsapp:|tel:|(https?://)?wa\\.me/)?[^0-9a-z+]*(\\+|0|62)[^a-z]*$')"
)
"""A first look, wider than what phones are: marketplace/identifiers.py decides."""


def is_nameless(ids: pl.Series) -> pl.Series:
    """Boolean: what stands for a row without a usable ``$id``."""
    return ids.str.contains(_NAMELESS).fill_null(False)


class RowNames:
    """Names of the rows of the mirror that ``con`` has as ``catalog``, and of what refers to them. ``key``: the home's
    secret. ``con`` must be a cursor of its own where another result is being read."""

    def __init__(self, con: duckdb.DuckDBPyConnection, key: bytes, catalog: str) -> None:
        self._con = con
        self._catalog = catalog
        self.names = Pseudonyms(key, self._words, self.odd_ids)
        self._tables = {
            str(row[0])
            for row in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main'",
                [catalog],
            ).fetchall()
        }

    def published(self, collection: str, ids: pl.Series) -> pl.Series:
        """Of each ``$id`` what core publishes of that row. What stands for a row without one is told as it is."""
        nameless = is_nameless(ids)
        some = ids.set(nameless, None)
        stored = some.is_in(self._stored(collection, some)).fill_null(False)
        # A row that could never be read is no stored row: a word is then no more than a word.
        told = self.names.row_ids(collection, some).values.zip_with(stored, self.names.ids(some).values)
        return ids.zip_with(nameless, told)

    def written(self, collection: str, published: pl.Series) -> pl.Series:
        """Published ids of rows of a collection → their ``$id``s."""
        if not published.str.starts_with(PREFIX).any():
            return published
        odd = self.odd_ids(collection)
        table = pl.DataFrame({"id": self.names.row_ids(collection, odd).values, "written": odd})
        found = published.to_frame("id").join(table, on="id", how="left", maintain_order="left")
        return found.select(pl.coalesce("written", "id")).to_series()

    def odd_ids(self, collection: str, *, after: int | None = None) -> pl.Series:
        """The ``$id``s of a collection (of rows changed ``after``) among which are all that may not be published as
        they are: few, if any."""
        if collection not in self._tables:
            return pl.Series([], dtype=pl.String)
        changed = "true" if after is None else f"_change > {after}"
        found = self._con.sql(
            f"SELECT _id FROM {self._table(collection)} WHERE {changed} AND ("
            f"NOT regexp_full_match(_id, '{TOKEN}') OR {_LIKE_A_PHONE})"
        ).pl()
        return found["_id"].cast(pl.String)

    def new_words(self, after: int) -> list[str]:
        """Keys of rows changed after ``after`` that are a word each (no digit in them), in lower case."""
        keys = " UNION ".join(
            f"SELECT lower(_id) AS word FROM {table} "
            f"WHERE _change > {after} AND regexp_full_match(_id, '[A-Za-z._:/-]+')"
            for table in self._of_collections()
        )
        return sorted(word for (word,) in self._con.execute(keys).fetchall()) if keys else []

    def _table(self, collection: str) -> str:
        return ".".join(map(quoted, (self._catalog, "main", collection)))

    def _of_collections(self) -> list[str]:
        return [self._table(collection) for collection in INGESTED if collection in self._tables]

    def _stored(self, collection: str, ids: pl.Series) -> list[str]:
        if collection not in self._tables:
            return []
        found = self._con.execute(
            f"SELECT _id FROM {self._table(collection)} WHERE list_contains(?, _id)",
            [ids.drop_nulls().to_list()],
        ).fetchall()
        return [str(row[0]) for row in found]

    def _words(self, asked: Collection[str]) -> Collection[str]:
        """Of some words in lower case those that are the key of a stored row, in any case."""
        keys = " UNION ".join(
            f"SELECT lower(_id) AS word FROM {table} WHERE lower(_id) IN (SELECT unnest($1::VARCHAR[]))"
            for table in self._of_collections()
        )
        found = self._con.execute(keys, [list(asked)]).fetchall() if keys else []
        return {str(word) for (word,) in found}
