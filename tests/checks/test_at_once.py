"""A schema as one query says of every rule what Pandera says, whatever the rows are."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.errors import SchemaErrors

from checks.at_once import at_once, holds_at_once
from checks.results import violations
from checks.schemas import CORE, MARTS, OPS
from checks.schemas.table import Column, Declaration

ALL = {one.table: one for layer in (CORE, MARTS, OPS) for one in layer.values()}
AT = datetime(2025, 11, 20, 4, 30)
#: Of each type, a value that most rules let pass, and others.
VALUES: dict[Any, tuple[Any, ...]] = {
    pl.String: ("a", "", "zzbad", '["id_missing"]'),
    pl.Int32: (1, 0, -1, 2**31 - 1),
    pl.Int64: (1, 0, -1, 2**62),
    pl.Float64: (0.5, -0.5, math.nan, math.inf, -math.inf),
    pl.Boolean: (True, False),
    pl.Date: (date(2025, 11, 1), date(1970, 1, 2), date(2100, 1, 31)),
    pl.Datetime: (AT, datetime(1970, 1, 1), datetime(2100, 1, 1)),
}


def found_by_pandera(schema: Any, frame: pl.DataFrame) -> set[tuple[str, str]]:
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as broken:
        return {
            (
                name if (name := getattr(error.schema, "name", None)) in frame.columns else "",
                str(getattr(error.check, "name", None) or error.check),
            )
            for error in broken.schema_errors
        }
    return set()


def values_of(column: Column, schema: Any) -> list[Any]:
    """A value that should pass, then null, what stands at, below and above each limit, each word and others."""
    if column.fields is not None:
        return [dict.fromkeys(column.fields), None]
    words = list(column.words or ())
    limits = [
        limit
        for check in schema.columns[column.name].checks
        for name, limit in check.statistics.items()
        if name in ("min_value", "max_value", "value") and not isinstance(limit, str)
    ]
    step: Any = timedelta(microseconds=1) if column.kind is pl.Datetime else 1
    step = 1e-9 if column.kind is pl.Float64 else step
    step = timedelta(days=1) if column.kind is pl.Date else step
    around = [value for limit in limits for value in (limit, limit - step, limit + step)]
    plain = list(VALUES[column.kind])
    return [
        *([words[0]] if words else around[:1] or plain[:1]),
        None,
        *around,
        *plain,
        *words[1:3],
        *words[-1:],
    ]


def frames_of(one: Declaration, schema: Any) -> Iterator[pl.DataFrame]:
    values = {column.name: values_of(column, schema) for column in one.columns}
    usual = {name: choice[0] for name, choice in values.items()}

    def frame(*rows: dict[str, Any]) -> pl.DataFrame:
        return pl.DataFrame(list(rows), schema=one.polars_schema, orient="row")

    yield frame()
    bare = {column.name: None if column.null else usual[column.name] for column in one.columns}
    yield frame(*[usual] * 2, *[bare] * 201)
    for place in range(
        1, max(map(len, values.values()))
    ):  # each value of each column once, beside one that passes
        odd = {name: choice[place] if place < len(choice) else choice[0] for name, choice in values.items()}
        yield frame(usual, odd)
    chance = random.Random(one.table)
    for column in one.columns:
        values[column.name] += column.words or ()
    yield frame(*({name: chance.choice(choice) for name, choice in values.items()} for _ in range(60)))


@pytest.mark.parametrize("table", ALL)
def test_each_rule_of_a_declared_table_holds_where_pandera_says_so(table: str) -> None:
    one = ALL[table]
    schema = one.model.to_schema()
    asked = at_once(one.model)
    assert asked is not None, "Pandera would be asked each time"
    seen: set[tuple[str, str]] = set()
    for frame in frames_of(one, schema):
        broken = asked.broken(frame)
        assert broken is not None, "these are the declared columns"
        assert set(broken) == found_by_pandera(schema, frame), frame
        assert holds_at_once(one.model, frame) == (violations(one.model, frame) is None)
        seen |= set(broken)
    assert set(asked.names) == seen, "a rule that no value here breaks is not proven"


@pytest.mark.parametrize("table", ALL)
def test_other_columns_are_never_found_to_hold(table: str) -> None:
    good = pl.DataFrame(schema=ALL[table].polars_schema)
    last, retyped = good.columns[-1], pl.Int32 if good.dtypes[-1] != pl.Int32 else pl.Int64
    for wrong in (
        good.drop(last),
        good.with_columns(pl.lit(1).alias("surplus")),
        good.select(reversed(good.columns)) if good.width > 1 else good.rename({last: "other"}),
        good.with_columns(pl.lit(None, dtype=retyped).alias(last)),
    ):
        asked = at_once(ALL[table].model)
        assert asked is not None
        assert asked.broken(wrong) is None


def test_a_schema_that_asks_for_more_is_left_to_pandera() -> None:
    number = pa.Column(pl.Int64)
    for schema in (
        pa.DataFrameSchema({"n": number}),  # other columns beside it are allowed
        pa.DataFrameSchema({"n": pa.Column(pl.Int64, coerce=True)}, strict=True),
        pa.DataFrameSchema({"n": pa.Column(pl.Int64, unique=True)}, strict=True),
        pa.DataFrameSchema({"n": pa.Column(pl.Int64, required=False)}, strict=True),
        pa.DataFrameSchema({"^n$": pa.Column(pl.Int64, regex=True)}, strict=True),
        pa.DataFrameSchema({"n": pa.Column()}, strict=True),
        pa.DataFrameSchema(
            {"n": pa.Column(pl.Int64, pa.Check(lambda n: n > 0, element_wise=True))}, strict=True
        ),
        pa.DataFrameSchema({"n": pa.Column(pl.Int64, pa.Check.unique_values_eq({1}))}, strict=True),
        pa.DataFrameSchema(
            {"n": number}, checks=pa.Check(lambda data: data.lazyframe.filter(pl.col("n") > 0)), strict=True
        ),
        pa.DataFrameSchema(
            {"n": number}, checks=pa.Check(lambda data: data.lazyframe.select("n", "n")), strict=True
        ),
        pa.DataFrameSchema(
            {"n": number}, checks=pa.Check(lambda data: data.lazyframe.select(pl.all() > 0)), strict=True
        ),
    ):
        assert at_once(schema) is None, schema


def test_a_null_verdict_passes_unless_the_check_says_otherwise() -> None:
    frame = pl.DataFrame({"n": [1, None]}, schema={"n": pl.Int64})
    for check, nullable in (
        (pa.Check.ge(0), True),
        (pa.Check.ge(0, ignore_na=False), True),
        (pa.Check.ge(0), False),
    ):
        schema = pa.DataFrameSchema({"n": pa.Column(pl.Int64, check, nullable=nullable)}, strict=True)
        asked = at_once(schema)
        assert asked is not None
        assert set(asked.broken(frame) or ()) == found_by_pandera(schema, frame)


def test_two_rules_of_one_name_are_both_asked() -> None:
    schema = pa.DataFrameSchema({"n": pa.Column(pl.Int64, [pa.Check.ge(0), pa.Check.ge(10)])}, strict=True)
    asked = at_once(schema)
    assert asked is not None
    assert asked.broken(pl.DataFrame({"n": [5]})) == (("n", "greater_than_or_equal_to"),)
    assert asked.broken(pl.DataFrame({"n": [10]})) == ()
