"""Marts as SQL of DuckDB: the instants are variables of the connection, and every column has the type Ibis knows.

Not here: which marts there are (every.py), where their SQL is kept (sql_cache.py), and when it runs (build.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import duckdb

from assets.engines.compiled import SENTENCES, Compiled
from assets.marts.given import INSTANTS
from marketplace.codes import LONGEST_PUBLISHED
from resources.sql import quoted

#: What the names of the instants' variables begin with.
_VARIABLE: Final = "bookwatch_"


class DuckDB:
    """The engine that is always there. ``variables``: the instants are variables of the connection; else they are
    columns of whatever table the expression has them in."""

    def __init__(self, *, variables: bool = True) -> None:
        from ibis.backends.sql.compilers import DuckDBCompiler

        self._compiler: Any = DuckDBCompiler()
        self._variables = variables

    def compiled(self, name: str, expression: Any) -> Compiled:
        columns = tuple(
            (column, str(self._compiler.type_mapper.to_string(kind)))
            for column, kind in expression.schema().items()
        )
        query = self._compiler.to_sqlglot(expression)
        if self._variables:
            query = _by_variables(query)
        return Compiled(name, columns, _in_order(query).sql("duckdb"))


def _by_variables(query: Any) -> Any:
    """The query with each ``(SELECT "now" FROM "instants")`` as the variable ``set_instants`` sets.

    To DuckDB a variable is a constant: it leaves out the blocks of a table that hold no row of a window, and plans no
    join with the one row of a table a hundred times.
    """
    from sqlglot import exp

    def variable(column: str) -> Any:
        name = exp.Literal.string(_VARIABLE + column)
        return exp.cast(exp.Anonymous(this="getvariable", expressions=[name]), INSTANTS[column])

    return with_instants(query, variable)


def with_instants(query: Any, value: Any) -> Any:
    """The syntax tree of a query with each ``(SELECT "now" FROM "instants")`` as ``value("now")``."""
    from sqlglot import exp

    def replaced(node: Any) -> Any:
        if not isinstance(node, exp.Subquery) or not isinstance(node.this, exp.Select):
            return node
        source = node.this.args.get("from_") or node.this.args.get("from")
        if source is None or not isinstance(source.this, exp.Table) or source.this.name != "instants":
            return node
        (column,) = node.this.expressions
        given = value(column.name)
        return exp.alias_(given, node.alias, quoted=True) if node.alias else given

    return query.transform(replaced)


def _in_order(query: Any) -> Any:
    """The query with the columns that a ``*`` leaves out by name: Ibis has them in a set, whose order is another in
    each process, and SQL that says the same is to be the same."""
    from sqlglot import exp

    for star in query.find_all(exp.Star):
        if left_out := star.args.get("except_"):
            star.set("except_", sorted(left_out, key=lambda column: column.name))
    return query


def set_instants(con: duckdb.DuckDBPyConnection, values: Sequence[Any]) -> None:
    """Let the compiled marts be judged at these instants: one value for each column of ``INSTANTS``."""
    for name, value in zip(INSTANTS, values, strict=True):
        set_instant(con, name, value)


def set_instant(con: duckdb.DuckDBPyConnection, name: str, value: Any) -> None:
    """Let them be judged at another value of one of the columns of ``INSTANTS``."""
    con.execute(f"SET VARIABLE {_VARIABLE}{name} = CAST(? AS {INSTANTS[name]})", [value])


def asked_instants(query: str) -> frozenset[str]:
    """Which of the columns of ``INSTANTS`` compiled SQL asks for."""
    return frozenset(re.findall(rf"'{_VARIABLE}(\w+)'", query)) & INSTANTS.keys()


def forget_instants(con: duckdb.DuckDBPyConnection) -> None:
    for name in INSTANTS:
        con.execute(f"RESET VARIABLE {_VARIABLE}{name}")


def typed(made: Compiled) -> str:
    """The query with each column cast to its own type: DuckDB's sums of BIGINT are HUGEINT. A sentence that is too long
    is cut."""
    columns = ", ".join(f"{_value(name, kind)} AS {quoted(name)}" for name, kind in made.columns)
    return f"SELECT {columns} FROM ({made.sql})"


def _value(name: str, kind: str) -> str:
    value = f"CAST({quoted(name)} AS {kind})"
    if name not in SENTENCES:
        return value
    return (
        f"if(length({value}) > {LONGEST_PUBLISHED}, left({value}, {LONGEST_PUBLISHED - 1}) || '…', {value})"
    )
