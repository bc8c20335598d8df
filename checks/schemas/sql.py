"""The declared tables as DuckDB's statements: making them, bringing an older home's up to them, and telling in
the file itself what they hold."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from checks.schemas.table import Column, Declaration
from resources.sql import literal, quoted


def create_table(one: Declaration, *, anew: bool = False) -> str:
    """The statement that makes a declared table where it is not there yet, or ``anew`` in the place of one that is."""
    columns = [_definition(column) for column in one.columns]
    if one.primary_key:
        columns.append(f"PRIMARY KEY ({', '.join(map(quoted, one.key))})")
    how = "CREATE OR REPLACE TABLE" if anew else "CREATE TABLE IF NOT EXISTS"
    return f"{how} {one.layer}.{quoted(one.name)} ({', '.join(columns)})"


def _definition(column: Column) -> str:
    known = "" if column.before is None else f" DEFAULT {literal(column.before)}"
    return f"{quoted(column.name)} {column.sql}{known}"


def bring_up(con: duckdb.DuckDBPyConnection, tables: Iterable[Declaration]) -> None:
    """Make the tables that are not there, and add the columns that those of an older home lack, in place and with all
    their rows. A column that is there keeps its place; none is taken away."""
    present = _present(con)
    for one in tables:
        if one.view:
            continue
        if one.table not in present:
            con.execute(create_table(one))
            continue
        for column in one.columns:
            if column.name not in present[one.table]:
                con.execute(f"ALTER TABLE {one.layer}.{quoted(one.name)} ADD COLUMN {_definition(column)}")


def tell(con: duckdb.DuckDBPyConnection, tables: Iterable[Declaration]) -> None:
    """Write what each table and column holds beside it, where it does not stand there: a table that was made anew has
    lost it, one of an earlier version may say something else, one that is as it was costs nothing."""
    told: dict[str, str | None] = dict(
        con.execute(
            "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()"
            " WHERE database_name = current_database()"
            " UNION ALL"
            " SELECT schema_name || '.' || view_name, comment FROM duckdb_views()"
            " WHERE database_name = current_database() AND NOT internal"
        ).fetchall()
    )
    columns = {
        (table, column): comment
        for table, column, comment in con.execute(
            "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns()"
            " WHERE database_name = current_database() AND NOT internal"
        ).fetchall()
    }
    statements: list[str] = []
    for one in tables:
        if one.table not in told:
            continue
        name = f"{one.layer}.{quoted(one.name)}"
        statements += [
            f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {literal(column.told)}"
            for column in one.columns
            if columns.get((one.table, column.name), column.told) != column.told
        ]
        if told[one.table] != one.what:
            statements.append(f"COMMENT ON {'VIEW' if one.view else 'TABLE'} {name} IS {literal(one.what)}")
    if statements:
        con.execute("BEGIN; " + "; ".join(statements) + "; COMMIT")


def _present(con: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Table with its schema → the columns it has."""
    present: dict[str, set[str]] = {}
    for layer, table, column in con.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns()"
        " WHERE database_name = current_database() AND NOT internal"
    ).fetchall():
        present.setdefault(f"{layer}.{table}", set()).add(column)
    return present
