"""What is behind a published figure: the rows, what each adds, and the total that they make.

A snapshot says itself which rows those are (the views behind.*) and how a figure follows from them (ops.figures), so
nothing of a mart is known here, and a snapshot is explained by the rules it was made by. A condition on the mart's rows
is judged before it runs and is answered within bounds, as any SQL of a person (questions.py).

The facts that led to a finding are put together in pipelines/chains.py; how an explanation is shown is not decided
here.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import duckdb
import orjson

from resources.errors import BookwatchError, UsageError
from resources.questions import Bounds, answer, nodes, select_of
from resources.sql import quoted

#: So many rows are listed; how many there are, and what they add up to, is told of all.
ROWS_LISTED: Final = 1_000
ADDITIVE, RATIO, MEAN, QUANTILE, OTHER = "additive", "ratio", "mean", "quantile", "other"
#: Two sums of the same fractions in another order differ by less.
_NOISE: Final = 1e-9
_NAMES: Final = 5


@dataclass(frozen=True)
class Figure:
    """A row of ops.figures."""

    figure: str
    mart: str
    name: str
    kind: str
    of: tuple[str, ...]
    level: float | None
    over: tuple[str, ...] | None
    otherwise: float | None
    keys: tuple[str, ...]
    own: bool
    what: str
    unit: str | None

    @property
    def table(self) -> str:
        return f"marts.{quoted(self.mart)}"

    @property
    def behind(self) -> str:
        return f"behind.{quoted(self.mart)}"


@dataclass(frozen=True)
class Explanation:
    """A figure, and what makes it up. ``total``: of all ``count`` rows, equal to ``value``; None where the figure
    cannot be told, or adds up to nothing (kind other). ``rows``: the first of them, ``complete`` where those are all.
    ``parts``: of a ratio its numerator and denominator. ``inputs``: of one that adds up to nothing, the columns of its
    rows that it follows from. ``level``: of a quantile. ``untold``: in so many rows of the mart the figure is null; of
    a sum or a share they are not in it. ``unread``: the collections of which there may be more rows than are known.
    """

    figure: str
    where: str | None
    kind: str
    what: str
    unit: str | None
    value: Any
    total: Any
    count: int
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    parts: dict[str, Any] | None = None
    inputs: tuple[str, ...] = ()
    level: float | None = None
    untold: int = 0
    unread: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return len(self.rows) == self.count


@dataclass(frozen=True)
class Question:
    """A figure of the rows of its mart for which ``where`` holds, as questions to its snapshot. One object for whoever
    asks: the command line, a page, a notebook."""

    figure: Figure
    where: str | None = None
    #: The columns of the rows that say what they add to the mart's other figures.
    hidden: tuple[str, ...] = ()
    #: The condition is on the mart's keys alone, which the rows behind have too: it is asked of them at once.
    on_keys: bool = False

    @property
    def _picked(self) -> str:
        """The rows of the mart."""
        return f"SELECT * FROM {self.figure.table}{self._condition}"

    @property
    def _told(self) -> str:
        """Those of them in which a sum or a share is known: what the others rest on is not put together with it. All
        where none knows it."""
        if self.figure.kind not in (ADDITIVE, RATIO):
            return self._picked
        return _known_of(self._picked, self.figure.name)

    @property
    def _condition(self) -> str:
        # On a line of its own: a condition may end in a comment.
        return "" if self.where is None else f" WHERE ({self.where}\n)"

    @property
    def _own(self) -> bool:
        """Whether the rows behind are those of the mart: nothing is joined then."""
        return self.figure.own or self.figure.kind == OTHER

    @property
    def rows(self) -> str:
        """SQL of all rows behind the figure, the largest first: id, of, adds, of a ratio numerator and denominator, and
        what else is told of them."""
        f = self.figure
        if f.kind == OTHER:
            return f"SELECT id, of, NULL::DOUBLE AS adds, * EXCLUDE (id, of) FROM ({self._behind}) ORDER BY id, of"
        adds, order = "adds", "abs(adds) DESC NULLS LAST, id, of"
        if f.kind == RATIO:
            adds, order = "numerator AS adds, numerator, denominator", "numerator DESC NULLS LAST, id, of"
        elif f.kind == QUANTILE:
            order = "adds, id, of"
        known = ("id", "of", "adds") if f.kind != RATIO else ("id", "of", "numerator", "denominator")
        left_out = ", ".join(map(quoted, (*known, *self.hidden)))
        told = f"SELECT id, of, {adds}, * EXCLUDE ({left_out})"
        return f"{told} FROM ({self._adding}) WHERE {self._kept} ORDER BY {order}"

    @property
    def _kept(self) -> str:
        """Which of the rows are behind this figure. What a row of the mart itself adds may not be known; another that
        adds nothing is not behind it."""
        if self.figure.kind == RATIO:
            return "(numerator IS NOT NULL OR denominator IS NOT NULL)"
        return "true" if self.figure.own else "adds IS NOT NULL"

    @property
    def sums(self) -> str:
        """SQL of one row: how many rows are behind the figure, and what they make."""
        f = self.figure
        if f.kind == OTHER:
            return f"SELECT count(*), NULL FROM ({self._picked})"
        made = {
            ADDITIVE: "sum(adds)",
            MEAN: "avg(adds)",
            QUANTILE: f"quantile_cont(adds, {f.level})",
            RATIO: "sum(numerator), sum(denominator)",
        }[f.kind]
        return f"SELECT count(*), {made} FROM ({self._adding}) WHERE {self._kept}"

    @property
    def value(self) -> str:
        """SQL of one row: how many rows of the mart there are, in how many of them the figure is known, and what it is
        in the only one; of one that adds up the sum."""
        name = quoted(self.figure.name)
        told = f"sum({name})" if self.figure.kind == ADDITIVE else f"any_value({name})"
        return f"SELECT count(*), count({name}), {told} FROM ({self._picked})"

    @property
    def _behind(self) -> str:
        """The rows behind all rows that were picked."""
        f = self.figure
        if self._own:
            own = f"SELECT * FROM {f.behind}{self._condition}" if f.own else self._mart_rows
            return _known_of(own, f.name) if f.kind == RATIO else own
        if not f.keys:
            return f"SELECT b.* FROM {f.behind} AS b WHERE EXISTS ({self._picked})"
        behind = f"(SELECT * FROM {f.behind}{self._condition})" if self.on_keys else f.behind
        return f"SELECT b.* FROM {behind} AS b SEMI JOIN ({self._told}) AS m ON {_same(f.keys, 'm', 'b')}"

    @property
    def _mart_rows(self) -> str:
        """The mart's rows by their keys, where others stand behind its other figures."""
        f = self.figure
        ids = ", ".join(f"{quoted(key)}::VARCHAR" for key in f.keys) or f"'{f.mart}'"
        return f"SELECT concat_ws(' · ', {ids}) AS id, 'marts.{f.mart}' AS of, * FROM ({self._picked})"

    @property
    def _adding(self) -> str:
        """The rows behind with what they add, without what they add to other figures."""
        f = self.figure
        if f.kind != RATIO:
            return f"SELECT {quoted(f.of[0])} AS adds, * FROM ({self._behind})"
        low, high = (quoted(name) for name in f.of)
        if f.over is None:
            return f"SELECT {low} AS numerator, {high} AS denominator, * FROM ({self._behind})"
        scope = (
            f"SELECT DISTINCT {', '.join(map(quoted, f.over))} FROM ({self._told})" if f.over else "SELECT 1"
        )
        return (
            f"SELECT CASE WHEN p.picked THEN b.{low} END AS numerator, b.{high} AS denominator, b.*"
            f" FROM {f.behind} AS b SEMI JOIN ({scope}) AS s ON {_same(f.over, 's', 'b')}"
            f" LEFT JOIN (SELECT *, true AS picked FROM ({self._told})) AS p ON {_same(f.keys, 'p', 'b')}"
        )


def _known_of(rows: str, name: str) -> str:
    """The rows in which a column is known; all of them where it is in none."""
    known = f"{quoted(name)} IS NOT NULL"
    return f"SELECT * FROM ({rows}) WHERE {known} OR NOT EXISTS (SELECT 1 FROM ({rows}) WHERE {known})"


def _same(names: Sequence[str], one: str, other: str) -> str:
    return (
        " AND ".join(f"{one}.{quoted(name)} IS NOT DISTINCT FROM {other}.{quoted(name)}" for name in names)
        or "true"
    )


def question(
    con: duckdb.DuckDBPyConnection, figure: str, where: str | None = None, bounds: Bounds | None = None
) -> Question:
    """A figure by its name (marts.<table>.<column>), of the rows of its mart for which a condition holds.

    Raises UsageError for a name or a condition that is none, BookwatchError where the snapshot is older than
    explanations.
    """
    known = _figures(con)
    if figure not in known:
        _unknown(con, figure, known)
    f = known[figure]
    adding = {name for one in known.values() if one.mart == f.mart and one.kind != OTHER for name in one.of}
    hidden = () if f.own else tuple(sorted(adding - set(f.keys)))
    on_keys = False if where is None else _columns(con, f, where, bounds) <= {key.lower() for key in f.keys}
    return Question(f, where, hidden, on_keys)


def explain(
    con: duckdb.DuckDBPyConnection,
    figure: str,
    where: str | None = None,
    *,
    bounds: Bounds | None = None,
    limit: int = ROWS_LISTED,
) -> Explanation:
    """What is behind a figure. Raises as ``question``, and TooMuch over ``bounds``."""
    asked = question(con, figure, where, bounds)
    f = asked.figure
    of_mart, known, value = _row(con, asked.value, bounds)
    count, *sums = _row(con, asked.sums, bounds)
    names, listed = answer(con, f"{asked.rows} LIMIT {limit}", bounds)
    rows = [dict(zip(names, row, strict=True)) for row in listed]
    parts: dict[str, Any] | None = None
    unread = _unread(con)
    total = sums[0]
    if f.kind == ADDITIVE:
        # Nothing adds up to 0; what cannot be told does not.
        if (of_mart and not known) or (not of_mart and unread):
            value = total = None
        else:
            value, total = value or 0, total or 0
    elif f.kind == RATIO:
        low, high = (part or 0 for part in sums)
        parts = {"numerator": {"of": f.of[0], "total": low}, "denominator": {"of": f.of[1], "total": high}}
        total = low / high if high else f.otherwise
    if f.kind in (RATIO, MEAN, QUANTILE):
        if not known:
            total = value = None  # it cannot be told, or there is no row to tell it of
        elif of_mart != 1:
            value = total  # of several rows together
    if f.kind == OTHER and of_mart != 1:
        value = None
    if (
        isinstance(value, float)
        and total is not None
        and math.isclose(value, total, rel_tol=_NOISE, abs_tol=_NOISE)
    ):
        total = value
    return Explanation(
        f.figure,
        where,
        f.kind,
        f.what,
        f.unit,
        value,
        total,
        count,
        rows,
        parts,
        f.of if f.kind == OTHER else (),
        f.level,
        of_mart - known,
        unread,
    )


def _unread(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The collections whose first scan has not come to its end: no row is then not nothing."""
    found = con.execute(
        "SELECT collection FROM ops.scans WHERE completed_at IS NULL AND outcome IN ('partial', 'failed') ORDER BY 1"
    ).fetchall()
    return tuple(str(collection) for (collection,) in found)


def _row(con: duckdb.DuckDBPyConnection, query: str, bounds: Bounds | None) -> tuple[Any, ...]:
    _, rows = answer(con, query, bounds)
    return rows[0]


def figures(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The names of all figures of a snapshot. Raises BookwatchError where it is older than explanations."""
    return tuple(_figures(con))


def _figures(con: duckdb.DuckDBPyConnection) -> dict[str, Figure]:
    try:
        found = con.execute(
            'SELECT figure, mart, name, kind, "of", level, "over", otherwise, keys, own, what, unit FROM ops.figures'
        ).fetchall()
    except duckdb.Error:  # no such table, or another form of it
        raise BookwatchError.of("explain.too_old") from None
    return {str(row[0]): _figure(row) for row in found}


def _figure(row: Sequence[Any]) -> Figure:
    figure, mart, name, kind, of, level, over, otherwise, keys, own, what, unit = row
    within = None if over is None else tuple(orjson.loads(over))
    lists = tuple(orjson.loads(of)), tuple(orjson.loads(keys))
    return Figure(figure, mart, name, kind, lists[0], level, within, otherwise, lists[1], own, what, unit)


def _unknown(con: duckdb.DuckDBPyConnection, figure: str, known: dict[str, Figure]) -> NoReturn:
    """A name that is no figure, with those that are near it."""
    of_mart = [name for name in known if name.startswith(f"{figure.removesuffix('.')}.")]
    if of_mart:
        raise UsageError.of("explain.a_table", figure=figure, names=of_mart)
    near = difflib.get_close_matches(figure, known, _NAMES, 0.5)
    keys = {f"marts.{one.mart}.{key}": one.mart for one in known.values() for key in one.keys}
    if figure in keys:
        own = [name for name, one in known.items() if one.mart == keys[figure]]
        raise UsageError.of("explain.a_key", figure=figure, names=own)
    if not near:
        raise UsageError.of("explain.unknown", figure=figure)
    raise UsageError.of("explain.unknown_near", figure=figure, names=near)


def _columns(con: duckdb.DuckDBPyConnection, f: Figure, where: str, bounds: Bounds | None) -> set[str]:
    """The columns that a condition names, in lower case. Raises UsageError unless it is one expression on the columns
    of the mart's row."""
    table = f"marts.{f.mart}"
    query = f"SELECT count(*) FROM {f.table} WHERE ({where}\n)"
    tree = select_of(con, query)
    if tree is None or not _is_condition(tree) or not _is_the_same_twice(con, tree):
        raise UsageError.of("explain.no_condition", table=table)
    try:
        answer(con, query, bounds)
    except UsageError as wrong:
        columns = con.execute(
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'marts' AND table_name = ?"
            " ORDER BY column_index",
            [f.mart],
        ).fetchall()
        names = [str(column) for (column,) in columns]
        raise UsageError.of(
            "explain.wrong_condition", why=wrong.problem, table=table, columns=names
        ) from None
    # A name with dots may be a field of a column: no key then.
    return {
        ".".join(node["column_names"]).lower() for node in nodes(tree) if node.get("class") == "COLUMN_REF"
    }


def _is_the_same_twice(con: duckdb.DuckDBPyConnection, tree: dict[str, Any]) -> bool:
    """Whether a condition holds for the same rows whenever it is asked, of the mart as of what is behind: no chance in
    it, and no column that is not named (COLUMNS(*) are others there)."""
    by_chance = {
        str(name)
        for (name,) in con.execute(
            "SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'"
        ).fetchall()
    }
    return not any(
        node.get("class") == "STAR" or str(node.get("function_name", "")).lower() in by_chance
        for node in nodes(tree)
    )


def _is_condition(tree: dict[str, Any]) -> bool:
    """Whether nothing but the WHERE of this SELECT was added to it: no further statement, no table, no limit."""
    bare = all(
        not tree.get(part)
        for part in ("modifiers", "group_expressions", "group_sets", "having", "qualify", "sample")
    )
    return (
        tree.get("type") == "SELECT_NODE"
        and bare
        and not tree["cte_map"]["map"]
        and tree["from_table"]["type"] == "BASE_TABLE"
        and not any(node.get("class") == "SUBQUERY" for node in nodes(tree))
    )
