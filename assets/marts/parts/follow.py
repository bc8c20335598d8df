"""Follows keys from row to row until nothing comes to what was touched. Which tables and keys those are stands in the
units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resources.few_rows import rows_where
from resources.sql import quoted


@dataclass(frozen=True)
class Followed:
    """A table whose rows are known by, or name others by, the texts of some columns, in whatever case. ``ids``: the
    table in ``temp`` that the ids of its touched rows go to, from the column ``key``; None: they have none. ``which``:
    a condition of the rows that count. ``mixed``: a condition of its rows in the step steps/mixed_case_keys.py, which
    knows them from the build before; None: they are not among them."""

    table: str
    names: tuple[str, ...]
    key: str | None = None
    ids: str | None = None
    which: str = "true"
    mixed: str | None = None

    def having(self, keys: str) -> list[str]:
        """Conditions of which one holds of the rows that have one of the keys (a table of lower case)."""
        if self.mixed is None:
            return [f"{self.which} AND lower({quoted(name)}) IN (FROM {keys})" for name in self.names]
        # As it is written: else each row's would have to be made lower case first, and no block could be left out. Of
        # what changed since the build before the ids are touched.
        spelled = [
            f"{self.which} AND {quoted(name)} IN (SELECT {case} FROM {keys})"
            for name in self.names
            for case in ("folded", "upper(folded)")
        ]
        mixed = f"SELECT row_id FROM temp.mixed_case_keys WHERE {self.mixed} AND folded IN (FROM {keys})"
        return [*spelled, f"{self.which} AND {self.key} IN ({mixed})"]


def follow(con: Any, tables: Sequence[Followed], keys: str) -> None:
    """Add to the ids and to the keys (the table ``keys`` in ``temp``, its column ``folded``, in lower case) whatever
    has a key in common with one that is there, or is there by its id."""
    new, found, rows = (f"temp.{keys}_{name}" for name in ("new", "found", "rows"))
    for one in tables:
        if one.ids:
            # First the keys of what is touched by its id: to ask for an id costs a fraction of asking for keys.
            of_each = ", ".join(f"lower({quoted(name)})" for name in one.names)
            touched = rows_where(con, one.table, [f"{one.which} AND {one.key} IN (FROM temp.{one.ids})"])
            con.execute(
                f"INSERT INTO temp.{keys} SELECT DISTINCT folded FROM (SELECT unnest([{of_each}]) AS folded"
                f" FROM {one.table} WHERE {touched})"
                f" WHERE folded IS NOT NULL AND folded NOT IN (FROM temp.{keys})"
            )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {keys}_new AS FROM temp.{keys}")
    while con.execute(f"SELECT 1 FROM {new} LIMIT 1").fetchone():
        con.execute(f"CREATE OR REPLACE TEMP TABLE {keys}_found (folded VARCHAR)")
        for one in tables:
            has = rows_where(con, one.table, one.having(new))
            columns = ", ".join(map(quoted, dict.fromkeys((*([one.key] if one.key else []), *one.names))))
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {keys}_rows AS SELECT {columns} FROM {one.table} WHERE {has}"
            )
            if one.ids:
                con.execute(
                    f"INSERT INTO temp.{one.ids} SELECT DISTINCT {one.key} FROM {rows}"
                    f" WHERE {one.key} NOT IN (FROM temp.{one.ids})"
                )
            for name in map(quoted, one.names):
                con.execute(
                    f"INSERT INTO {found} SELECT DISTINCT lower({name}) FROM {rows} WHERE {name} IS NOT NULL"
                )
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {keys}_new AS SELECT DISTINCT folded FROM {found}"
            f" WHERE folded NOT IN (FROM temp.{keys})"
        )
        con.execute(f"INSERT INTO temp.{keys} FROM {new}")


def left_by(keys: str) -> tuple[str, ...]:
    """The tables that ``follow`` leaves in ``temp``."""
    return tuple(f"{keys}_{name}" for name in ("new", "found", "rows"))
