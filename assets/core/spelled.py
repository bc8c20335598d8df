"""Which names of people stand in core otherwise than in lower case: each once, in lower case, in ``since.spelled``.

A user who is new changes no row that names them exactly. One that names them but for case it does, and to find it every
row would have to be read: so it is known of all rows together whether one names anybody in other letters. The names of
rows that went stay there: then rows are looked through for nothing. Which rows are read anew is engine.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import duckdb
import polars as pl

from assets.core.since import SCHEMA
from resources.sql import quoted

NAME: Final = "spelled"
_TABLE: Final = f"{SCHEMA}.{NAME}"


class Spelled:
    """Of one run. ``people``: table of core → its columns that name a provider or a customer."""

    def __init__(self, con: duckdb.DuckDBPyConnection, people: Mapping[str, tuple[str, ...]]) -> None:
        self._con = con
        self._people = people

    def begin(self, *, anew: bool) -> None:
        """Find out what there is, in the transaction that derives core. ``anew``: core holds no row."""
        if not anew and self._stands():
            return
        self._con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        self._con.execute(f"CREATE OR REPLACE TABLE {_TABLE} (folded VARCHAR)")
        if not anew:
            for table, columns in self._people.items():
                self._add(f"core.{quoted(table)}", columns)

    def added(self, table: str, rows: pl.DataFrame) -> None:
        """Rows that were inserted."""
        columns = self._people.get(table, ())
        named = [rows[name].drop_nulls().unique() for name in columns]
        others = [names.filter(names.str.to_lowercase() != names) for names in named]
        if not any(len(names) for names in others) or not self._stands():
            return
        rows_spelled = pl.concat(names.rename("name") for names in others).to_frame().to_arrow()
        self._con.execute(
            f"INSERT INTO {_TABLE} SELECT DISTINCT lower(name) FROM rows_spelled"
            f" WHERE lower(name) NOT IN (FROM {_TABLE})"
        )
        del rows_spelled

    def any_of(self, names: pl.Series) -> bool:
        """Whether a row may name one of these, which are in lower case, in other letters."""
        if not self._stands():
            return True
        names_asked = names.to_frame("name").to_arrow()
        found = self._con.execute(
            f"SELECT 1 FROM {_TABLE} WHERE folded IN (SELECT name FROM names_asked) LIMIT 1"
        ).fetchone()
        del names_asked
        return found is not None

    def _add(self, rows: str, columns: tuple[str, ...]) -> None:
        for name in map(quoted, columns):
            self._con.execute(
                f"INSERT INTO {_TABLE} SELECT DISTINCT lower({name}) FROM {rows}"
                f" WHERE {name} <> lower({name}) AND lower({name}) NOT IN (FROM {_TABLE})"
            )

    def _stands(self) -> bool:
        """Not where what changed in core was forgotten (since.py): it may name who is to be named nowhere."""
        return (
            self._con.execute(
                "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database()"
                f" AND schema_name = '{SCHEMA}' AND table_name = '{NAME}'"
            ).fetchone()
            is not None
        )


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Let what there is be found out once more."""
    con.execute(f"DROP TABLE IF EXISTS {_TABLE}")
