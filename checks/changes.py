"""Rows that change in a declared table, against its declaration: what is added is looked at, what stays was before. The
verdict on the table (factory.py) is then that of looking at all of it, without doing so.

What is known of a table, and where it is kept, is proven.py's.
"""

from __future__ import annotations

import duckdb
import polars as pl

from checks.at_once import at_once
from checks.proven import Contents, Writing, contents_of
from checks.results import violations
from checks.schemas.table import Declaration, Table
from resources.sql import quoted

CHUNK_ROWS = 250_000


def taken_by(con: duckdb.DuckDBPyConnection, one: Declaration, where: str) -> Contents:
    """The contents of the rows of a declared table for which a condition holds, before they are taken out of it."""
    return contents_of(con, one, f"(FROM {one.table} WHERE {where})")


def prove_change(
    con: duckdb.DuckDBPyConnection,
    writing: Writing,
    one: Declaration,
    *,
    taken: Contents,
    added: str,
    apart: tuple[str, ...] = (),
    chunk_rows: int = CHUNK_ROWS,
) -> bool:
    """Look at the rows that came into a declared table in the transaction of ``writing``; whether they hold to its
    declaration as far as they do by themselves. Where they do not nothing is known of the table any more, and its check
    looks at all of it.

    ``taken``: what was taken out of it. ``added``: a relation of SQL (a table, a subquery) of the rows that came, with
    the columns of the table by name. That no other row has one of their keys is asked when the transaction has been
    committed (``Writing.committed``), of the table as it then is, unless ``apart`` says that no other can
    (``Writing.added``). A table with a rule on its rows together is never known by its changes.
    """
    columns = ", ".join(
        f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in one.sql_columns.items()
    )
    typed = f"SELECT {columns} FROM {added}"
    if not _by_row(one.model):
        writing.lost(one)
        return False
    keys: list[pl.DataFrame] = []
    names = list(dict.fromkeys(name for key in (one.key, *one.unique_where_present) for name in key))
    for batch in con.sql(typed).to_arrow_reader(chunk_rows):
        frame = pl.DataFrame(pl.from_arrow(batch)).cast(one.polars_schema)
        if violations(one.model, frame) is not None:
            writing.lost(one)
            return False
        keys.append(frame.select(names))
    writing.taken(one, taken)
    if keys:
        writing.added(one, contents_of(con, one, f"({typed})"), pl.concat(keys), apart=apart)
    return True


def _by_row(model: type[Table]) -> bool:
    """Whether what holds of the rows that come and of those that stay holds of all."""
    asked = at_once(model)
    return asked is not None and asked.by_row
