"""A world whose rows change one by one, of which one warehouse makes parts and another everything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from assets.core.since import Since
from checks.schemas import CORE
from checks.schemas.sql import create_table
from tests.marts.warehouse import DEFAULTS, Warehouse


class Changing:
    """Two warehouses of the same rows, which change as a derivation changes them: the marts of one are made in parts
    (its steps are kept beside its file), those of the other whole. ``marts``: which; None: all."""

    def __init__(self, path: Path, marts: Sequence[str] | None = None) -> None:
        con = duckdb.connect(str(path), config={"threads": 1})
        con.execute("CREATE SCHEMA core")
        con.execute("; ".join(map(create_table, CORE.values())))
        self.parts, self.whole = Warehouse(con=con), Warehouse()
        self._marts = marts

    def put(self, table: str, key: dict[str, str], values: dict[str, Any] | None) -> None:
        """Let the row of that key be another; None: be gone."""
        place = f"core.{table}"
        which = " AND ".join(f"{name} = '{value}'" for name, value in key.items())
        con = self.parts.con
        con.execute("BEGIN")
        since = Since(con)
        since.begin()
        since.taken(table, con.sql(f"FROM {place} WHERE {which}").pl())
        for warehouse in (self.parts, self.whole):
            warehouse.con.execute(f"DELETE FROM {place} WHERE {which}")
            if values is not None:
                warehouse.add(place, **{**DEFAULTS[place], **key, **values})
        since.added(table, con.sql(f"FROM {place} WHERE {which}").pl())
        since.write()
        con.execute("COMMIT")

    def build(self) -> str | None:
        """Make both; why the first was not made in parts."""
        self.whole.build(self._marts)
        return self.parts.build(self._marts, in_parts=True, parts_from=0).whole

    def close(self) -> None:
        self.parts.con.close()
        self.whole.con.close()
