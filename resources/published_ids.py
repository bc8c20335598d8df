"""The published form of rows' ``$id``s, for the sentences and tables that are made outside of core.

A ``$id`` may be a phone, or any text of a server that lets clients choose it. What form an id has, and what stands for
one that has none, is marketplace/pseudonyms.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl

from marketplace.pseudonyms import Pseudonyms
from resources.phone_key import read_phone_key

NAMELESS = "$sequence:"
"""What a row without a usable ``$id`` stands under among the rejected ones, before its number. Appwrite's ids begin with
no such letter."""
_NAMELESS = rf"^\{NAMELESS}-?\d{{1,19}}$"
_LIKE_A_PHONE = (
    "regexp_matches(lower(_id), '^(whatsapp:|tel:|(https?://)?wa\\.me/)?[^0-9a-z+]*(\\+|0|62)[^a-z]*$')"
)
"""A first look, wider than what phones are: marketplace/identifiers.py decides."""


def names_of_rows(con: duckdb.DuckDBPyConnection, raw_path: Path, catalog: str) -> Pseudonyms:
    """What publishes ids of the rows that ``con`` has in a ``catalog``; the key is read beside ``raw_path``."""

    def alike(collection: str) -> Iterable[str]:
        there = con.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main' AND table_name = ?",
            [catalog, collection],
        ).fetchone()
        if there is None:
            return ()
        table = ".".join('"' + name.replace('"', '""') + '"' for name in (catalog, "main", collection))
        return [
            str(row[0]) for row in con.execute(f"SELECT _id FROM {table} WHERE {_LIKE_A_PHONE}").fetchall()
        ]

    return Pseudonyms(read_phone_key(raw_path), same_phone=alike)


def published_ids(names: Pseudonyms, collection: str, ids: pl.Series) -> pl.Series:
    """The ``$id``s of rows of a collection as core publishes them; what stands for a row without one as it is."""
    nameless = ids.str.contains(_NAMELESS).fill_null(False)
    return ids.zip_with(nameless, names.row_ids(collection, ids.set(nameless, None)).values)
