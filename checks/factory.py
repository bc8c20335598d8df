"""Holds a table of the warehouse to its schema: eager Pandera on chunks, keys in SQL, a CheckResult always.

A check that fails itself returns a failed result with the reason's class; it never raises and never repeats
a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import pandera.polars as pa
import polars as pl

from checks.proven import Contents, Proof, digest, known, prove, trusted
from checks.results import SAMPLE, CheckResult, violations
from messages.message import Message
from resources.sql import quoted

Schema = type[pa.DataFrameModel] | pa.DataFrameSchema

#: The verdicts on contents, newest last, each with its schema, which keeps its id while it stands here: a warm process
#: judges the same small tables every few seconds.
_VERDICTS: dict[tuple[object, ...], tuple[CheckResult, Schema]] = {}
_MOST_VERDICTS = 1_000


def _remember(content: tuple[object, ...], schema: Schema, result: CheckResult) -> CheckResult:
    _VERDICTS[content] = (result, schema)
    while len(_VERDICTS) > _MOST_VERDICTS:
        del _VERDICTS[next(iter(_VERDICTS))]
    return result


def _qualified(table: str) -> str:
    return ".".join(quoted(part) for part in table.split("."))


def guarded(result: CheckResult, evaluate: Callable[[CheckResult], CheckResult]) -> CheckResult:
    """Evaluate; if that fails itself, the failed result says so with the error's class (its text may hold
    values)."""
    try:
        return evaluate(result)
    except Exception as broken:  # noqa: BLE001 - a check that raises would record no evaluation at all
        return replace(
            result,
            passed=False,
            made=False,
            found=(Message("broken.check_failed", {"kind": type(broken).__name__}),),
            what_to_do=Message("check.failed_do"),
        )


def validate(
    con: duckdb.DuckDBPyConnection,
    schema: Schema,
    table: str,
    *,
    result: CheckResult,
    id_column: str,
    unique_where_present: Sequence[Sequence[str]] = (),
    chunk_rows: int = 250_000,
) -> CheckResult:
    """Validate ``schema.table`` whole: types, values and order by Pandera on DataFrames of ``chunk_rows``,
    uniqueness over the whole table in SQL. Fills ``result``; never raises.

    The verdict depends on the rows alone. Of a table of which all is known (proven.py) none is read: they were judged
    before, or validated as they were written, and nobody else can have written it since. Where somebody may have, a
    digest of every value tells whether they are the same. A check that could not be made is made again each time."""

    def evaluate(result: CheckResult) -> CheckResult:
        uniques = tuple(map(tuple, unique_where_present))
        proof = trusted(con, schema, table)
        if proof is not None and _stands(con, schema, table, proof, uniques, id_column):
            return replace(result, passed=True)
        shape, contents = _contents(con, table)
        content = (id(schema), result, chunk_rows, uniques, shape, contents)
        if content in _VERDICTS:
            said = _VERDICTS[content][0]
            if said.passed:
                prove(con, schema, table, contents)
            return said
        resolved: Any = schema.to_schema() if isinstance(schema, type) else schema
        rules: dict[str, None] = {}
        ids: list[str] = []
        failed = 0
        relation = con.sql(f"FROM {_qualified(table)}")
        # That a key is one is asked of all rows at once, in SQL: no chunk sees them all.
        checked = _of_a_model(schema) if isinstance(schema, type) else _without_unique(resolved)
        proof = known(con, schema, table)
        if proof is not None and proof.contents != contents:
            proof = None
        if proof is not None:  # each row was looked at before; the columns are, once more
            checked = _columns_of_a_model(schema) if isinstance(schema, type) else _of_columns(checked)
            frames: Iterable[pl.DataFrame] = [relation.limit(0).pl()]
        else:
            frames = [relation.pl()] if contents.rows <= chunk_rows else _chunks(con, table, chunk_rows)
        for frame in frames:
            broken = violations(checked, frame)
            if broken is None:
                continue
            rules |= dict.fromkeys(broken.rules)
            failed += frame.height if broken.whole_frame and not broken.positions else len(broken.positions)
            if id_column in frame.columns and len(ids) < SAMPLE:
                ids += [str(frame[id_column][position]) for position in broken.positions[:SAMPLE]]
        for columns, where_present in () if proof is not None and proof.keys else _keys(resolved, uniques):
            twice, sample = _duplicates(con, table, columns, where_present, id_column=id_column)
            if twice:
                rules[f"{', '.join(columns)}: unique"] = None
                failed += twice
                ids += sample
        if not rules:
            prove(con, schema, table, contents)
            return _remember(content, schema, replace(result, passed=True))
        found = replace(
            result,
            passed=False,
            failed_rows=failed,
            sample_ids=tuple(dict.fromkeys(ids))[:SAMPLE],
            found=tuple(rules),
        )
        return _remember(content, schema, found)

    return guarded(result, evaluate)


def _stands(
    con: duckdb.DuckDBPyConnection,
    schema: Schema,
    table: str,
    proof: Proof,
    uniques: tuple[tuple[str, ...], ...],
    id_column: str,
) -> bool:
    """Whether a table whose rows are known holds to its schema: its columns, its keys where they were not looked at
    yet, and that there are as many rows as are known."""
    rows = con.execute(f"SELECT count(*) FROM {_qualified(table)}").fetchone()
    if rows != (proof.contents.rows,):
        return False
    columns = _columns_of_a_model(schema) if isinstance(schema, type) else _of_columns(schema)
    if violations(columns, con.sql(f"FROM {_qualified(table)}").limit(0).pl()) is not None:
        return False
    if proof.keys:
        return True
    resolved: Any = schema.to_schema() if isinstance(schema, type) else schema
    if any(_duplicates(con, table, *key, id_column=id_column)[0] for key in _keys(resolved, uniques)):
        return False
    prove(con, schema, table, proof.contents)
    return True


def _keys(schema: Any, uniques: tuple[tuple[str, ...], ...]) -> list[tuple[tuple[str, ...], bool]]:
    """(columns, whether of the rows alone that have a value in each of them) of each key."""
    return [*([(tuple(schema.unique), False)] if schema.unique else []), *((one, True) for one in uniques)]


def _contents(con: duckdb.DuckDBPyConnection, table: str) -> tuple[tuple[str, ...], Contents]:
    """Names and types of a table's columns; its rows and a digest of all their values, whatever their order."""
    relation = con.sql(f"FROM {_qualified(table)}")
    found = con.execute(f"SELECT {digest(relation.columns)} FROM {_qualified(table)}").fetchone()
    if found is None:
        raise AssertionError("an aggregate without groups has one row")
    return (*relation.columns, *map(str, relation.types)), Contents(int(found[0]), int(found[1]))


def _chunks(con: duckdb.DuckDBPyConnection, table: str, chunk_rows: int) -> Iterator[pl.DataFrame]:
    """DataFrames of about chunk_rows rows, streamed so that memory does not grow with the table.

    The same connection, so that rows of an open transaction are seen; nothing else may be asked of it
    meanwhile.
    """
    for batch in con.sql(f"FROM {_qualified(table)}").to_arrow_reader(chunk_rows):
        frame = pl.from_arrow(batch)
        if not isinstance(frame, pl.DataFrame):
            raise TypeError("a record batch is a frame")
        yield frame


@cache
def _of_a_model(model: type[pa.DataFrameModel]) -> Any:
    """Made once a model: Pandera copies every column deep, which takes as long as judging a small table."""
    return _without_unique(model.to_schema())


@cache
def _columns_of_a_model(model: type[pa.DataFrameModel]) -> Any:
    """Made once a model, as the query that asks it is kept by it."""
    return _of_columns(_of_a_model(model))


def _of_columns(schema: Any) -> Any:
    """Without what is asked of the rows together, which a frame without rows may break: how many there are."""
    return pa.DataFrameSchema(
        columns=schema.columns, strict=schema.strict, ordered=schema.ordered, name=schema.name
    )


def _without_unique(schema: Any) -> Any:
    return pa.DataFrameSchema(
        columns=schema.columns,
        checks=schema.checks,
        strict=schema.strict,
        ordered=schema.ordered,
        name=schema.name,
    )


def _duplicates(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], where_present: bool, *, id_column: str
) -> tuple[int, list[str]]:
    """(rows too many, ids of some of them); a null equals a null unless ``where_present`` leaves such rows
    out."""
    keys = ", ".join(quoted(column) for column in columns)
    present = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns) if where_present else "TRUE"
    twice = (
        f"SELECT any_value({quoted(id_column)})::VARCHAR AS id, count(*) - 1 AS extra"
        f" FROM {_qualified(table)}"
        f" WHERE {present} GROUP BY {keys} HAVING count(*) > 1"
    )
    total = con.sql(f"SELECT coalesce(sum(extra), 0)::BIGINT FROM ({twice})").fetchone()
    if total is None or not total[0]:
        return 0, []
    return int(total[0]), [str(row[0]) for row in con.sql(f"{twice} ORDER BY id LIMIT {SAMPLE}").fetchall()]
