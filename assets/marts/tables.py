"""What the marts are made from, as Ibis tables: the columns of core and ops they read, and what a build is given
(given.py). No rule lives here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ibis

from assets.marts.given import GIVEN, INSTANTS
from checks.schemas import CORE, OPS

#: What marts are made from.
_READ: Final = (
    "core.bookings",
    "core.commissions",
    "core.messages",
    "core.chat_rooms",
    "core.notifications",
    "core.providers",
    "core.data_findings",
    "core.quarantined",
    "ops.health_changes",
    "ops.scans",
)
#: The columns of each table of core and ops, with Ibis's type names.
SOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    one.table: one.ibis_schema for one in (*CORE.values(), *OPS.values()) if one.table in _READ
}


class Tables:
    """Ibis tables by their short name: sources (``t.bookings``), steps and marts already made
    (``t.commission_reviews``)."""

    def __init__(self, made: Mapping[str, Any] | None = None) -> None:
        self._tables: dict[str, Any] = dict(made or {})

    @classmethod
    def of_sources(cls) -> Tables:
        """Unbound tables of every source."""
        tables = cls()
        for name, columns in SOURCES.items():
            schema, table = name.split(".")
            tables.add(table, ibis.schema(dict(columns)), schema)
        for name, columns in GIVEN.items():
            tables.add(name, ibis.schema(dict(columns)), None)
        return tables

    def add(self, name: str, schema: Any, database: str | None) -> None:
        """Make a table known to those that come after it."""
        self._tables[name] = ibis.table(schema, name=name, database=database)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._tables[name]
        except KeyError:
            raise AttributeError(f"no table {name!r} was made before this one") from None


class Instants:
    """The instants as scalars of a one-row table, so that compiled SQL does not change with the clock."""

    def __init__(self, row: Any | None = None) -> None:
        self.row = row if row is not None else ibis.table(dict(INSTANTS), name="instants")

    @property
    def now(self) -> Any:
        """The clock: naive UTC."""
        return self.row.select("now").as_scalar()

    @property
    def judged_at(self) -> Any:
        """The earlier of the clock and the newest complete scan of commission_records; null if never
        scanned."""
        return self.row.select("judged_at").as_scalar()

    @property
    def quiet(self) -> Any:
        """Whether the clock lies in the quiet hours."""
        return self.row.select("quiet").as_scalar()

    @property
    def local_month(self) -> Any:
        """The first day of the clock's month in the marketplace's zone: a date."""
        return self.row.select("local_month").as_scalar()
