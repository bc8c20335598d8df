"""Appwrite's column types and how each is kept in raw: the attribute, its column, the type of its values.

How an answer becomes values of these types is resources/appwrite/columns.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import polars as pl

Storage = Literal["text", "integer", "float", "boolean", "instant", "json", "reference"]

STORAGE_OF_KIND: Mapping[str, Storage] = MappingProxyType(
    {
        "string": "text",
        "varchar": "text",
        "char": "text",
        "text": "text",
        "mediumtext": "text",
        "longtext": "text",
        "enum": "text",
        "email": "text",
        "url": "text",
        "ip": "text",
        "integer": "integer",
        "bigint": "integer",
        "double": "float",
        "float": "float",
        "boolean": "boolean",
        "datetime": "instant",
        "relationship": "reference",
    }
)
"""Any other kind (point, line, polygon, object, vector, one not yet known) is kept as JSON text. Of a relationship the
related $id is kept, of one to many a JSON list of them.
"""

SQL_TYPE: Mapping[Storage, str] = MappingProxyType(
    {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "float": "DOUBLE",
        "boolean": "BOOLEAN",
        "instant": "TIMESTAMP",
        "json": "VARCHAR",
        "reference": "VARCHAR",
    }
)
FRAME_TYPE: Mapping[Storage, pl.DataType] = MappingProxyType(
    {
        "text": pl.String(),
        "integer": pl.Int64(),
        "float": pl.Float64(),
        "boolean": pl.Boolean(),
        "instant": pl.Datetime("us"),
        "json": pl.String(),
        "reference": pl.String(),
    }
)

Order = Literal["$sequence", "$id"]
"""What rows are followed by: a number that never changes, or their id where a server has no such number."""
Position = int | str
"""A row's $sequence or its $id: where a scan stands."""

SYSTEM: tuple[tuple[str, str, Storage], ...] = (
    ("$id", "_id", "text"),
    ("$sequence", "_sequence", "integer"),
    ("$createdAt", "_created_at", "instant"),
    ("$updatedAt", "_updated_at", "instant"),
)


@dataclass(frozen=True)
class Column:
    """A column as Appwrite lists it.

    ``kind`` is its ``type``; enum, email, url and ip say ``string`` there. ``unread``: a relationship that rows do not
    carry, however they are asked for (relations.py).
    """

    key: str
    kind: str
    is_array: bool = False
    unread: bool = False

    @property
    def storage(self) -> Storage:
        return "json" if self.is_array else STORAGE_OF_KIND.get(self.kind, "json")


@dataclass(frozen=True)
class StoredColumn:
    """An attribute and the raw column that holds it (its name differs where two attributes differ only by
    case).
    """

    attribute: str
    name: str
    storage: Storage


def instants(texts: pl.Series) -> pl.Series:
    """ISO 8601 texts as naive UTC microseconds.

    Null where a text is no instant. Without an offset, UTC is meant.
    """
    if texts.null_count() == len(texts):
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.Datetime("us"))
    zoned = texts.str.replace(r"(?i)z$", "+00:00").str.replace(" ", "T", literal=True)
    zoned = zoned.str.replace(r"(T[0-9:.]+)$", "${1}+00:00")
    return zoned.str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False
    ).dt.replace_time_zone(None)
