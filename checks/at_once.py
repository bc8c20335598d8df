"""A schema as one query that tells of each of its rules whether some rows hold to it.

Pandera copies a schema deep and asks a rule at a time, whatever there is to find: of a table of a few rows that took a
hundred times what the rules take. The rules here are Pandera's own, by their own functions, and what breaks one is left
to Pandera to tell (results.py). A schema that asks for anything else is not put together here, but left to it whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.backends.polars.register import register_polars_backends

Schema = type[pa.DataFrameModel] | pa.DataFrameSchema

#: What a rule is called here that is Pandera's without being a check.
NOT_NULL: Final = "not_nullable"
UNIQUE: Final = "multiple_fields_uniqueness"
#: Of a schema and of a column: what is understood here, by attribute. Any other value is Pandera's to judge.
_OF_A_SCHEMA: Final[Mapping[str, Any]] = {
    "_dtype": None,
    "_coerce": False,
    "parsers": [],
    "drop_invalid_rows": False,
    "index": None,
    "strict": True,
    "add_missing_columns": False,
    "unique_column_names": False,
}
_OF_A_COLUMN: Final[Mapping[str, Any]] = {
    "coerce": False,
    "parsers": [],
    "drop_invalid_rows": False,
    "unique": False,
    "default": None,
    "required": True,
    "regex": False,
}
_OF_A_CHECK: Final[Mapping[str, Any]] = {"element_wise": False, "raise_warning": False, "groupby": None}
#: What Polars calls that looks at nothing but a row, as it writes an expression.
_BY_ROW: Final = frozenset(
    {
        *(
            "is_null",
            "is_not_null",
            "is_nan",
            "is_not_nan",
            "is_in",
            "is_between",
            "fill_null",
            "not",
            "eq_missing",
        ),
        *("max_horizontal", "min_horizontal", "all_horizontal", "any_horizontal", "sum_horizontal"),
        *("when", "then", "otherwise", "cast", "strict_cast", "abs", "dt.day", "dt.weekday"),
        *("str.starts_with", "str.ends_with", "str.contains", "str.len_chars"),
    }
)


class _NotUnderstood(Exception):
    """A schema asks for something that is not put together here."""


class _Asked:
    """Stands for a frame where a check is asked what it looks for: keeps what it selects."""

    def __init__(self) -> None:
        self.selected: tuple[Any, ...] = ()

    def select(self, *selected: Any) -> _Asked:
        if self.selected:
            raise _NotUnderstood
        self.selected = selected
        return self


@dataclass(frozen=True)
class AtOnce:
    """The rules of a schema: (column, ``""`` for the rows together; name) and whether it holds, in one row.
    ``by_row``: each but the keys asks something of one row, whatever the others are."""

    schema: pa.DataFrameSchema
    names: tuple[tuple[str, str], ...]
    rules: tuple[pl.Expr, ...]
    by_row: bool
    _fitting: dict[tuple[Any, ...], bool] = field(default_factory=dict, compare=False)

    def broken(self, frame: pl.DataFrame) -> tuple[tuple[str, str], ...] | None:
        """The rules that some of these rows break; None where they cannot be asked: the columns are others."""
        if not self._fits(frame):
            return None
        try:
            holds = frame.select(self.rules).row(0) if self.rules else ()
        except pl.exceptions.PolarsError:
            return None
        return tuple(name for name, held in zip(self.names, holds, strict=True) if not held)

    def _fits(self, frame: pl.DataFrame) -> bool:
        """Whether the columns are the declared ones, in their order and of their types."""
        shape = (*frame.columns, *frame.dtypes)
        if shape not in self._fitting:
            columns = self.schema.columns
            self._fitting[shape] = frame.columns == list(columns) and all(
                bool(column.dtype.check(kind, None))
                for column, kind in zip(columns.values(), frame.dtypes, strict=True)
            )
        return self._fitting[shape]


#: The newest schemas, each with what was made of it; a schema keeps its id while it stands here.
_MADE: dict[int, tuple[Schema, AtOnce | None]] = {}
_MOST_MADE: Final = 1_000


def at_once(schema: Schema) -> AtOnce | None:
    """The query of a schema; None for one that asks for more than is understood here."""
    known = _MADE.get(id(schema))
    if known is None:
        known = schema, _made(schema.to_schema() if isinstance(schema, type) else schema)
        _MADE[id(schema)] = known
        while len(_MADE) > _MOST_MADE:
            del _MADE[next(iter(_MADE))]
    return known[1]


def holds_at_once(schema: Schema, frame: pl.DataFrame) -> bool:
    """Whether the rows are known to hold to a schema. False where they do not, or Pandera alone can tell."""
    asked = at_once(schema)
    return asked is not None and asked.broken(frame) == ()


def _made(schema: Any) -> AtOnce | None:
    register_polars_backends()  # Pandera's own checks have no function before
    rules: dict[tuple[str, str], pl.Expr] = {}
    by_row = True

    def put(column: str, name: str, rule: pl.Expr) -> None:
        known = rules.get((column, name))
        rules[column, name] = rule if known is None else known & rule

    try:
        _understood(schema, _OF_A_SCHEMA)
        for name, column in schema.columns.items():
            _understood(column, _OF_A_COLUMN)
            if column.dtype is None:
                raise _NotUnderstood
            if not column.nullable:
                put(name, NOT_NULL, _never_null(name, column.dtype.type))
            for check in column.checks:
                rule = _of_rows(check, name)
                by_row = by_row and _of_a_row(rule)
                put(name, str(check.name), _holds(check, rule))
        for check in schema.checks:
            rule = _of_rows(check, None)
            by_row = by_row and _of_a_row(rule)
            put("", str(check.name), _holds(check, rule))
        for key in _keys(schema.unique):
            put("", UNIQUE, ~pl.struct(key).is_duplicated().any())
    except _NotUnderstood:
        return None
    return AtOnce(
        schema,
        tuple(rules),
        tuple(rule.alias(str(place)) for place, rule in enumerate(rules.values())),
        by_row,
    )


def _understood(one: Any, only: Mapping[str, Any]) -> None:
    if any(getattr(one, attribute) != value for attribute, value in only.items()):
        raise _NotUnderstood


def _never_null(column: str, kind: Any) -> pl.Expr:
    """To Pandera a number that is none is a null."""
    there = pl.col(column).is_not_null()
    if kind in (pl.Float32, pl.Float64):
        there = there & pl.col(column).is_not_nan()
    return there.all()


def _of_rows(check: Any, column: str | None) -> pl.Expr:
    """What a check says of the rows, by its own function."""
    _understood(check, _OF_A_CHECK)
    asked = _Asked()
    stands_for: Any = asked
    try:
        answer = _function(check)(PolarsData(stands_for, column or "*"), **check._check_kwargs)
    except (AttributeError, TypeError):  # it asks the frame for something else
        raise _NotUnderstood from None
    if answer is not asked or len(asked.selected) != 1:
        raise _NotUnderstood
    (rule,) = asked.selected
    if not isinstance(rule, pl.Expr) or rule.meta.has_multiple_outputs():
        raise _NotUnderstood
    return rule


def _of_a_row(rule: pl.Expr) -> bool:
    """Whether a rule says of each row something that no other row has a part in, as far as is known here: for anything
    that is not, the answer is no."""
    if not rule.meta.is_length_preserving() and not rule.meta.is_literal():
        return False
    called = set(re.findall(r"\.([a-z_.0-9]+)\(", str(rule)))
    return called <= _BY_ROW and all(_of_a_row(part) for part in rule.meta.pop())


def _holds(check: Any, rule: pl.Expr) -> pl.Expr:
    """Whether a check holds of every row. One that says nothing of a row (null) lets it pass."""
    return (rule | rule.is_null()).all() if check.ignore_na else rule.fill_null(False).all()


def _function(check: Any) -> Any:
    """As Pandera does: the copy of a check may know its own checks for other kinds of frames alone."""
    name = getattr(check._check_fn, "__name__", None)
    if name is not None and pa.Check.is_builtin_check(name):
        return pa.Check.get_builtin_check_fn(name)
    return check._check_fn


def _keys(unique: Any) -> list[list[str]]:
    if not unique:
        return []
    return [list(unique)] if all(isinstance(name, str) for name in unique) else [list(key) for key in unique]
