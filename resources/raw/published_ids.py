"""The published form of rows' ``$id``s, for the sentences and tables that are made outside of core.

A ``$id`` may be a phone, or any text of a server that lets clients choose it. What form an id has, and what stands for
one that has none, is marketplace/pseudonyms.py's.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from marketplace.collections import INGESTED
from marketplace.identifiers import phones
from marketplace.pseudonyms import Pseudonyms
from resources.phone_key import read_phone_key
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
    """Publishes ``$id``s of the mirror that ``con`` has as ``catalog``, with the key beside ``raw_path``; each is what
    core publishes of that row."""

    def __init__(self, con: duckdb.DuckDBPyConnection, raw_path: Path, catalog: str) -> None:
        self._con = con
        self._catalog = catalog
        self._names = Pseudonyms(read_phone_key(raw_path), self._words, self._phones)
        self._tables = {
            str(row[0])
            for row in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main'",
                [catalog],
            ).fetchall()
        }

    def published(self, collection: str, ids: pl.Series) -> pl.Series:
        """Of each id what may be told. What stands for a row without one is told as it is."""
        nameless = is_nameless(ids)
        some = ids.set(nameless, None)
        stored = some.is_in(self._stored(collection, some)).fill_null(False)
        # A row that could never be read is no stored row: a word is then no more than a word.
        told = self._names.row_ids(collection, some).values.zip_with(stored, self._names.ids(some).values)
        return ids.zip_with(nameless, told)

    def _table(self, collection: str) -> str:
        return ".".join(map(quoted, (self._catalog, "main", collection)))

    def _stored(self, collection: str, ids: pl.Series) -> list[str]:
        if collection not in self._tables:
            return []
        found = self._con.execute(
            f"SELECT _id FROM {self._table(collection)} WHERE list_contains(?, _id)",
            [ids.drop_nulls().to_list()],
        ).fetchall()
        return [str(row[0]) for row in found]

    def _words(self, asked: Collection[str]) -> Collection[str]:
        tables = [self._table(collection) for collection in INGESTED if collection in self._tables]
        found: set[str] = set()
        for table in tables:
            rows = self._con.execute(
                f"SELECT DISTINCT lower(_id) FROM {table} WHERE list_contains(?, lower(_id))", [list(asked)]
            ).fetchall()
            found |= {str(row[0]) for row in rows}
        return found

    def _phones(self, collection: str) -> list[str]:
        if collection not in self._tables:
            return []
        alike = self._con.execute(
            f"SELECT _id FROM {self._table(collection)} WHERE {_LIKE_A_PHONE}"
        ).fetchall()
        ids = pl.Series([row[0] for row in alike], dtype=pl.String)
        return ids.filter(phones(ids).is_not_null()).to_list()
