"""What is kept, as records: databases, their tables, columns, indexes, rows. Nothing is read or written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

TEXT_SIZES = {"text": 65535, "mediumtext": 16777215, "longtext": 4294967295}
FORMATS = ("enum", "email", "url", "ip")
STRINGS = ("string", "varchar", "text", "mediumtext", "longtext", *FORMATS)
SERVED_TYPES = {"float": "double", "enum": "string", "email": "string", "url": "string", "ip": "string"}


@dataclass
class StoredColumn:
    """A column: ``kind`` is the last segment of the path that made it (varchar, enum, bigint, relationship …)."""

    key: str
    kind: str
    required: bool = False
    array: bool = False
    default: Any = None
    size: int | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    elements: list[str] | None = None
    encrypt: bool = False
    created: str = ""
    updated: str = ""
    # of a relationship
    related: str | None = None
    relation: str = "manyToOne"
    two_way: bool = False
    two_way_key: str | None = None
    on_delete: str = "restrict"
    side: str = "parent"

    @property
    def type(self) -> str:
        return SERVED_TYPES.get(self.kind, self.kind)

    @property
    def is_text(self) -> bool:
        return self.kind in STRINGS


@dataclass
class StoredIndex:
    key: str
    type: str
    columns: list[str]
    orders: list[str]
    lengths: list[int]
    number: int
    created: str = ""
    updated: str = ""
    built: str = ""  # until this instant it is said to be processing
    error: str = ""  # and is said to have failed then, where this says why

    def status(self, now: str) -> str:
        if now < self.built:
            return "processing"
        return "failed" if self.error else "available"


@dataclass
class StoredTable:
    id: str
    name: str
    number: int
    database: str
    permissions: list[str] = field(default_factory=list)
    row_security: bool = False
    enabled: bool = True
    created: str = ""
    updated: str = ""
    columns: dict[str, StoredColumn] = field(default_factory=dict)
    indexes: dict[str, StoredIndex] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        return f"rows_{self.number}"


@dataclass
class StoredDatabase:
    id: str
    name: str
    kind: str = "tablesdb"
    enabled: bool = True
    created: str = ""
    updated: str = ""
    tables: dict[str, StoredTable] = field(default_factory=dict)


@dataclass
class Row:
    """A row outside the file: system fields apart, attributes in ``data``."""

    id: str
    data: dict[str, Any]
    created: str
    updated: str
    permissions: list[str] = field(default_factory=list)
    sequence: int = 0


class DuplicateRow(Exception):
    """A row of this id exists. The sequence numbers it would have had are used up, as in MariaDB."""


class NotUnique(Exception):
    """A unique index holds these values already. Its sequence numbers are used up too."""


class EventLike(Protocol):
    """What the simulator yields (see sandbox/simulator/events.py)."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def row_id(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
