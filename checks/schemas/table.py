"""How a table is declared: a Pandera model whose columns say what they hold. Everything else that
must know a table, from its DDL to its documentation, asks the declaration.

Which tables there are stands in the modules beside this one, by subject; no rule about money or
health is here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pandera.polars as pa
import polars as pl
from pandera.api.polars.model_config import BaseConfig

from checks.schemas.figures import Figure, additive, other

#: What a column's name or type says of its unit, where its declaration says nothing else.
_UNITS: Final = (
    ("_idr", "rupiah"),
    ("_ppm", "millionths"),
    ("_minutes", "minutes"),
    ("_seconds", "seconds"),
    ("_s", "seconds"),
)
#: Of each type: its name in DuckDB and in Ibis.
_TYPES: Final[Mapping[Any, tuple[str, str]]] = {
    pl.String: ("VARCHAR", "string"),
    pl.Int32: ("INTEGER", "int32"),
    pl.Int64: ("BIGINT", "int64"),
    pl.Float64: ("DOUBLE", "float64"),
    pl.Boolean: ("BOOLEAN", "boolean"),
    pl.Date: ("DATE", "date"),
    pl.Datetime: ("TIMESTAMP", "timestamp"),
}


_NUMBERS: Final = (pl.Int32, pl.Int64, pl.Float64)
#: Units of which a sum says nothing.
_OF_ONE_ROW: Final = ("millionths", "minutes", "seconds", "share")


#: What the columns of a message hold, beside its sentence in English.
MESSAGE_CODE: Final = "what the sentence says, by the catalogues' code"
MESSAGE_ARGS: Final = "the values in the sentence by name, as JSON; never a personal value"


def column(
    what: str,
    *,
    key: bool = False,
    null: bool = False,
    unit: str | None = None,
    words: Iterable[Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    figure: Figure | None = None,
    before: str | None = None,
    **rules: Any,
) -> Any:
    """A column of a table: ``what`` it holds, in a sentence.

    ``key``: it is part of what tells a row from every other. ``words``: the values it may have.
    ``unit``: left out where name or type tell it (``_idr``, instants). ``fields`` of a struct, by
    name. ``figure``: what kind of figure it is; left out where it adds up, or is none (``Column.figure``).
    ``before``: the word that rows of a version without the column have in it. ``rules`` are
    Pandera's (ge, le, eq, str_matches …): what no data can break.
    """
    if words is not None:
        words = tuple(words)
        rules["isin"] = words
    told = {
        "unit": unit,
        "words": words,
        "key": key,
        "fields": fields,
        "declared_figure": figure,
        "before": before,
    }
    return pa.Field(description=what, nullable=null, metadata=told, **rules)


@dataclass(frozen=True)
class Column:
    """A declared column; ``kind`` is its Polars type."""

    name: str
    what: str
    kind: Any
    null: bool
    unit: str | None
    words: tuple[Any, ...] | None
    key: bool
    fields: Mapping[str, Any] | None
    declared_figure: Figure | None = None
    before: str | None = None

    @property
    def figure(self) -> Figure | None:
        """What kind of figure it is: as declared; else additive where it counts things or rupiah, other where it is no
        number; None for a number of which nothing is declared, and for what tells rows apart."""
        if self.key or self.declared_figure is not None:
            return None if self.key else self.declared_figure
        if self.kind not in _NUMBERS:
            return other()
        counts = self.kind is pl.Int64 and self.unit is not None and self.unit not in _OF_ONE_ROW
        return additive() if counts else None

    @property
    def told(self) -> str:
        """What it holds, with its unit."""
        return self.what if self.unit is None else f"{self.what}; {self.unit}"

    @property
    def sql(self) -> str:
        """Its type in DuckDB."""
        if self.fields is not None:
            inner = ", ".join(f"{name} {_TYPES[kind][0]}" for name, kind in self.fields.items())
            return f"STRUCT({inner})"
        return _TYPES[self.kind][0]

    @property
    def polars(self) -> Any:
        if self.fields is not None:
            return pl.Struct(dict(self.fields))
        return pl.Datetime("us") if self.kind is pl.Datetime else self.kind()

    @property
    def ibis(self) -> str:
        """Its type by Ibis's name."""
        if self.fields is not None:
            return f"struct<{', '.join(f'{name}: {_TYPES[kind][1]}' for name, kind in self.fields.items())}>"
        return _TYPES[self.kind][1]


@dataclass(frozen=True)
class Declaration:
    """A declared table. ``id_column``: whose values name a row that breaks a rule. ``unique_where_present``: columns
    that are a key of the rows in which none of them is null. ``primary_key``: the DDL says the key too."""

    layer: str
    name: str
    subject: str
    what: str
    model: type[Table]
    view: bool
    checked: bool
    primary_key: bool
    unique_where_present: tuple[tuple[str, ...], ...]
    _id_column: str | None

    @property
    def table(self) -> str:
        """Its name in the warehouse, with its schema."""
        return f"{self.layer}.{self.name}"

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns in order."""
        found: list[Column] = []
        for name, (annotation, field) in self.model.__fields__.items():
            told = dict(field.properties["metadata"])
            kind = annotation.arg
            told["unit"] = told["unit"] or _unit_of(name, kind)
            found.append(
                Column(
                    name,
                    str(field.properties["description"]),
                    kind,
                    bool(field.properties["nullable"]),
                    **told,
                )
            )
        return tuple(found)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns no two rows have the same values in; () where rows are not told apart."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def id_column(self) -> str:
        ids = [name for name in self.key if name.endswith("_id")]
        return self._id_column or (ids[-1] if ids else self.columns[0].name)

    @property
    def sql_columns(self) -> dict[str, str]:
        """Column → its type in DuckDB."""
        return {column.name: column.sql for column in self.columns}

    @property
    def polars_schema(self) -> pl.Schema:
        """Column → its type in Polars."""
        return pl.Schema({column.name: column.polars for column in self.columns})

    @property
    def ibis_schema(self) -> dict[str, str]:
        """Column → the name of its type in Ibis."""
        return {column.name: column.ibis for column in self.columns}


def _unit_of(name: str, kind: Any) -> str | None:
    if kind is pl.Datetime:
        return "UTC"
    if kind is pl.Date:
        return "local day"
    if kind not in (pl.Int32, pl.Int64, pl.Float64):
        return None
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), None)


_TABLES: Final[dict[str, Declaration]] = {}


def declared(layer: str) -> dict[str, Declaration]:
    """Name → table, of those of a layer (core, marts, ops) that were declared so far, in that order."""
    return {one.name: one for one in _TABLES.values() if one.layer == layer}


def declaration_of(model: type[Table]) -> Declaration:
    """What a model declares."""
    return next(one for one in _TABLES.values() if one.model is model)


class Table(pa.DataFrameModel):
    """A declared table: its docstring says what one row is, its module is its subject, its name in snake case the
    table's (``name`` where two layers have one of the same name). Declaring it makes it known; one of a name that is
    taken is refused (ValueError)."""

    class Config(BaseConfig):
        strict = True
        ordered = True

    def __init_subclass__(
        cls,
        *,
        layer: str | None = None,
        name: str | None = None,
        id_column: str | None = None,
        view: bool = False,
        checked: bool = True,
        primary_key: bool = False,
        unique_where_present: tuple[tuple[str, ...], ...] = (),
        **options: Any,
    ) -> None:
        if layer is not None:  # the base of a layer's tables
            _LAYERS[cls] = layer
            super().__init_subclass__(**options)
            return
        key = [
            name
            for name in inspect.get_annotations(cls)
            if (cls.__dict__[name].properties["metadata"] or {}).get("key")
        ]
        cls.Config = type("Config", (cls.Config,), {"unique": key or None})
        super().__init_subclass__(**options)
        layer = next(_LAYERS[base] for base in cls.__mro__ if base in _LAYERS)
        one = Declaration(
            layer,
            name or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(),
            cls.__module__.rsplit(".", 1)[-1],
            " ".join((cls.__doc__ or "").split()),
            cls,
            view,
            checked and layer != "ops",
            primary_key,
            unique_where_present,
            id_column,
        )
        if one.table in _TABLES:
            raise ValueError(f"{one.table} is declared twice.")
        _TABLES[one.table] = one


_LAYERS: Final[dict[type, str]] = {}


class CoreTable(Table, layer="core"):
    """A table derived from the mirror."""


class MartTable(Table, layer="marts"):
    """A table of figures, made from core."""


class OpsTable(Table, layer="ops"):
    """A table of bookwatch's own working."""
