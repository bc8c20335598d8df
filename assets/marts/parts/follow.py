"""Follows keys from row to row until nothing comes to what was touched. Which tables and keys those are stands in the
units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resources.sql import quoted


@dataclass(frozen=True)
class Followed:
    """A table whose rows are known by, or name others by, the texts of some columns, in whatever case. ``ids``: the
    table in ``temp`` that the ids of its touched rows go to, from the column ``key``; None: they have none. ``which``:
    a condition of the rows that count."""

    table: str
    names: tuple[str, ...]
    key: str | None = None
    ids: str | None = None
    which: str = "true"


def follow(con: Any, tables: Sequence[Followed], keys: str) -> None:
    """Add to the ids and to the keys (the table ``keys`` in ``temp``, its column ``folded``, in lower case) whatever
    has a key in common with one that is there, or is there by its id."""
    new, found, rows = (f"temp.{keys}_{name}" for name in ("new", "found", "rows"))
    for one in tables:
        if one.ids:
            # First the keys of what is touched by its id: to ask for an id costs a fraction of asking for keys.
            of_each = ", ".join(f"lower({quoted(name)})" for name in one.names)
            con.execute(
                f"INSERT INTO temp.{keys} SELECT DISTINCT folded FROM (SELECT unnest([{of_each}]) AS folded"
                f" FROM {one.table} WHERE {one.which} AND {one.key} IN (FROM temp.{one.ids}))"
                f" WHERE folded IS NOT NULL AND folded NOT IN (FROM temp.{keys})"
            )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {keys}_new AS FROM temp.{keys}")
    while con.execute(f"SELECT 1 FROM {new} LIMIT 1").fetchone():
        con.execute(f"CREATE OR REPLACE TEMP TABLE {keys}_found (folded VARCHAR)")
        for one in tables:
            has = " OR ".join(f"lower({quoted(name)}) IN (FROM {new})" for name in one.names)
            columns = ", ".join(map(quoted, dict.fromkeys((*([one.key] if one.key else []), *one.names))))
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {keys}_rows AS"
                f" SELECT {columns} FROM {one.table} WHERE {one.which} AND ({has})"
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
