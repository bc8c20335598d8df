"""Marts as SQL of Spark: the same expressions, said so that Spark 4 means what DuckDB means by them.

Instants are markers (``:bookwatch_now``) whose values a run gives as text, timestamps are TIMESTAMP_NTZ (no zone, as
DuckDB's TIMESTAMP) in a session whose zone is UTC, and ANSI mode is on: what overflows fails, as in DuckDB. A table
``core.bookings`` is the view ``core__bookings``: a view of a session is in no schema.

Not here: the cluster (resources/spark.py), its tables (resources/lake.py) and what comes of its results
(spark_build.py). To compile needs Ibis alone, neither Java nor pyspark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Final

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL, SQLGlotCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.backends.sql.datatypes import PySparkType

from assets.engines.compiled import SENTENCES, Compiled
from assets.engines.duckdb import with_instants
from assets.marts.given import INSTANTS
from marketplace.codes import LONGEST_PUBLISHED

#: What the names of the instants' markers begin with.
_MARKER: Final = "bookwatch_"
#: What stands between the schema and the name of a table in the name of its view.
_JOINED: Final = "__"
#: Types of given columns and instants, by Ibis's name.
SQL_TYPES: Final = {
    "string": "STRING",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP_NTZ",
    "date": "DATE",
}
#: Types that DuckDB calls otherwise: DuckDB's name → Spark's.
TYPES: Final = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ", "INTEGER": "INT"}
#: strftime's parts as patterns of Java.
_PATTERNS: Final = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"}


class Spark:
    """Spark 4."""

    def __init__(self) -> None:
        self._compiler: Any = _Compiler()

    def compiled(self, name: str, expression: Any) -> Compiled:
        columns = tuple((column, spark_type(kind)) for column, kind in expression.schema().items())
        query = with_instants(self._compiler.to_sqlglot(expression), _marker)
        return Compiled(name, columns, _with_views(query).sql("spark"))


def spark_type(kind: Any) -> str:
    """The name of an Ibis type in Spark."""
    return "TIMESTAMP_NTZ" if kind.is_timestamp() else str(PySparkType.to_string(kind))


def view(layer: str | None, name: str) -> str:
    """The view in which Spark finds a table; one without a layer is what a build is given."""
    return name if layer is None else f"{layer}{_JOINED}{name}"


def typed(made: Compiled) -> str:
    """The query with each column cast to its own type, and a sentence that is too long cut."""
    columns = ", ".join(f"{_value(name, kind)} AS `{name}`" for name, kind in made.columns)
    return f"SELECT {columns} FROM ({made.sql})"


def _value(name: str, kind: str) -> str:
    value = f"CAST(`{name}` AS {kind})"
    if name not in SENTENCES:
        return value
    short = f"concat(left({value}, {LONGEST_PUBLISHED - 1}), '…')"
    return f"if(char_length({value}) > {LONGEST_PUBLISHED}, {short}, {value})"


def markers(values: Sequence[Any]) -> dict[str, Any]:
    """The instants (one value for each column of ``INSTANTS``) as the values of the markers: texts, so that no zone of
    any machine is read into them."""
    return {_MARKER + name: _text(value) for name, value in zip(INSTANTS, values, strict=True)}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return None if value is None else str(value)


def _marker(column: str) -> Any:
    """An instant as a marker of its type. Spark reads it as a constant."""
    return _cast(sge.Placeholder(this=_MARKER + column), SQL_TYPES[INSTANTS[column]])


def _cast(value: Any, kind: str) -> Any:
    # TIMESTAMP_NTZ is a type that sqlglot names differently from version to version: as text it is what we say.
    return sge.Cast(this=sge.convert(value), to=sge.DataType(this=sge.DataType.Type.USERDEFINED, kind=kind))


def _with_views(query: Any) -> Any:
    """The query on the views of its tables."""

    def viewed(node: Any) -> Any:
        if isinstance(node, sge.Table) and node.db:
            return sge.Table(
                this=sg.to_identifier(view(node.db, node.name), quoted=True), alias=node.args.get("alias")
            )
        return node

    # What stands before it was copied: Ibis puts one node into many places, where each would be replaced once.
    return query.transform(viewed, copy=False)


class _Compiler(PySparkCompiler):
    """Ibis's compiler for Spark, where what it writes means something else than what it writes for DuckDB."""

    __slots__ = ()

    # 64 bits, and of null a value, as DuckDB's hash; Spark's own has 32. No mart shows one. (A method of an operation
    # that stands in this table is made over one that is written.)
    SIMPLE_OPS: ClassVar[dict[Any, str]] = {ops.Hash: "xxhash64"}

    # Of NaN Ibis's own makes null, by an option that only its backend (and pyspark) brings; DuckDB keeps NaN.
    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        if dtype.is_floating() and math.isfinite(value):
            return _cast(
                value, "DOUBLE"
            )  # 0.1 alone is a decimal, and what is divided by it one of ten digits
        if dtype.is_floating():
            return SQLGlotCompiler.visit_NonNullLiteral(self, op, value=value, dtype=dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_Field(self, op: Any, *, rel: Any, name: str) -> Any:
        return SQLGlotCompiler.visit_Field(self, op, rel=rel, name=name)

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:
        return arg.is_(sg.not_(NULL))

    def cast(self, arg: Any, to: Any) -> Any:
        return _cast(arg, "TIMESTAMP_NTZ") if to.is_timestamp() else super().cast(arg, to)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        before = op.arg.dtype
        if to.is_json() and before.is_struct():
            # Spark leaves out what is null unless told not to.
            return self.f.to_json(arg, self.f.anon.map(sge.convert("ignoreNullFields"), sge.convert("false")))
        if before.is_floating() and to.is_integer():
            return self.cast(self.f.anon.rint(arg), to)  # DuckDB rounds, Spark cuts
        if before.is_floating() and to.is_string():
            return self._number_as_text(arg)
        return super().visit_Cast(op, arg=arg, to=to)

    def _number_as_text(self, arg: Any) -> Any:
        """A number as DuckDB writes it: Java has exponents from 10^7 on and below a thousandth, and writes them
        otherwise."""
        text = self.cast(arg, dt.string)
        size = self.f.abs(arg)
        # From the text of a double a decimal is made: the digits are the same.
        decimals = self.cast(_cast(arg, "DECIMAL(38, 18)"), dt.string)
        plain = self.f.regexp_replace(self.f.regexp_replace(decimals, "0+$", ""), r"\.$", ".0")
        exponent = text
        for pattern, by in ((r"\.0E", "E"), (r"E(\d)", "e+$1"), ("E-", "e-"), (r"(e[+-])(\d)$", "$10$2")):
            exponent = self.f.regexp_replace(exponent, pattern, by)
        return sge.Case(
            ifs=[
                self.if_(self.f.isnan(arg), "nan"),
                self.if_(arg.eq(self.POS_INF), "inf"),
                self.if_(arg.eq(self.NEG_INF), "-inf"),
                self.if_(sg.or_(arg.eq(0), sg.and_(size >= 1e-3, size < 1e7)), text),
                self.if_(sg.and_(size >= 1e-4, size < 1e16), plain),
            ],
            default=exponent,
        )

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:
        """DuckDB divides by zero as floating point does; Spark fails."""
        if isinstance(op.right, ops.Literal) and op.right.value:
            return self.binop(sge.Div, left, right)
        none = sge.Case(
            ifs=[
                self.if_(left.eq(0), self.NAN),
                self.if_(left > 0, self.POS_INF),
                self.if_(left < 0, self.NEG_INF),
            ]
        )
        return self.if_(right.eq(0), none, self.binop(sge.Div, left, right))

    def visit_Lowercase(self, op: Any, *, arg: Any) -> Any:
        # Java's depends on what stands beside a letter, and makes two of one.
        return self.f.lower(self.f.anon.translate(arg, "İΣ", "iσ"))

    def visit_Strftime(self, op: Any, *, arg: Any, format_str: Any) -> Any:
        return self.f.anon.date_format(arg, _pattern(op.format_str.value))

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:
        """Java names groups by a dollar sign."""
        by = op.replacement.value
        if "$" in by:
            raise ValueError(f"A replacement holds a dollar sign: {by}")
        return self.f.regexp_replace(arg, pattern, sge.convert(by.replace("\\", "$")))

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        # Ibis's own adds up ones, which is null where there is no row.
        return super().visit_CountStar(op, arg=arg, where=None) if where is None else self.f.count_if(where)

    def visit_ArgMin(self, op: Any, *, arg: Any, key: Any, where: Any) -> Any:
        return self._aggregates.min_by(arg, self._nulls_last(key, first=False), where=where)

    def visit_ArgMax(self, op: Any, *, arg: Any, key: Any, where: Any) -> Any:
        return self._aggregates.max_by(arg, self._nulls_last(key, first=True), where=where)

    @property
    def _aggregates(self) -> Any:
        return self.agg  # functions by any name

    def _nulls_last(self, key: Any, *, first: bool) -> Any:
        """DuckDB takes a row without a key where no other is left; Spark none."""
        null = key.is_(sg.not_(NULL)) if first else key.is_(NULL)
        return self.f.anon.struct(null, key)

    def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:
        return _cast(self.f.anon.date_trunc(unit.singular, arg), "TIMESTAMP_NTZ")

    def visit_DateTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:
        return _cast(self.f.anon.date_trunc(unit.singular, arg), "DATE")

    def visit_IntegerRange(self, op: Any, *, start: Any, stop: Any, step: Any) -> Any:
        """From start to before stop, by ones: none where there is nothing between."""
        if op.step.value != 1:
            raise ValueError("Only a range by ones is said for Spark.")
        last = stop - 1
        return self.if_(last >= start, self.f.anon.sequence(start, last), self.f.anon.array())


def _pattern(format_str: str) -> str:
    """A format of strftime as Java's pattern: what is no part of it stands in quotes."""
    made, plain = "", ""
    rest = format_str
    while rest:
        if rest[0] == "%":
            made += f"'{plain}'" if plain else ""
            made, plain, rest = made + _PATTERNS[rest[:2]], "", rest[2:]
        else:
            plain, rest = plain + rest[0], rest[1:]
    return made + (f"'{plain}'" if plain else "")
