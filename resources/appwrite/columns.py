"""Appwrite's column types, how each is kept in raw, and how a page of rows becomes a frame of those types.

The good path is one strict pass of a typed reader; a page in which any value does not fit is read again row by row,
so that the value is kept as a misfit. Nothing here is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

import msgspec
import polars as pl

from marketplace.json_values import is_deep
from resources.appwrite.bounds import Deep, check_count, loads
from resources.appwrite.failures import Malformed, NoSequence
from resources.raw.column_types import (
    FRAME_TYPE,
    SYSTEM,
    Column,
    Order,
    Position,
    Storage,
    StoredColumn,
    instants,
)
from resources.raw.misfits import LARGEST_VALUE, json_text, misfits_text, without_texts

_SEQUENCE = b'"$sequence":'
_ID = b'"$id":"'
_NUMBER = re.compile(r"0|-?[1-9][0-9]*")

READ_AS: Mapping[Storage, Any] = MappingProxyType(
    {
        "text": str | None,
        "integer": int | None,
        "float": float | None,
        "boolean": bool | None,
        "instant": str | None,
        "json": Any,
        "reference": Any,
    }
)
_HELD_AS: Mapping[Storage, pl.DataType] = MappingProxyType({**FRAME_TYPE, "instant": pl.String()})


@dataclass(frozen=True)
class Page:
    """Rows of one answer, in its order. ``last`` is where its last row stands, None on an empty page."""

    frame: pl.DataFrame
    last: Position | None

    def follows(self, after: Position | None) -> bool:
        """Whether all its rows lie behind a position, as far as can be told: ids are ordered as the server does."""
        if after is None or not self.frame.height:
            return True
        if isinstance(after, int):
            return int(self.frame["_sequence"][0]) > after
        return after not in self.frame["_id"]

    @cached_property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return int(self.frame.estimated_size())

    def __len__(self) -> int:
        return self.frame.height


def _typed(texts: pl.Series, storage: Storage) -> pl.Series:
    """Texts as the type of ``storage``; null where a text does not fit."""
    match storage:
        case "integer":
            return texts.cast(pl.Int64, strict=False)
        case "float":
            numbers = texts.cast(pl.Float64, strict=False)
            return numbers.set(~numbers.is_finite().fill_null(True), None)
        case "boolean":
            return texts.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
        case "instant":
            return instants(texts)
        case "text" | "json" | "reference":
            return texts


def _reference(value: object) -> str | None:
    """The $id of a related row that came whole, as a bare id, or among others; None where there is none."""
    if isinstance(value, dict):
        identity = cast("dict[str, Any]", value).get("$id")
        return identity if isinstance(identity, str) else None
    if isinstance(value, list):
        ids = [_reference(item) for item in cast("list[object]", value)]
        return None if any(identity is None for identity in ids) else json_text(ids)
    return _as_text(value, "text")


def _longest(frame: pl.DataFrame) -> int:
    """Bytes of the longest text in a frame, told ten times faster than by looking at each column."""
    texts = pl.col(pl.String).str.len_bytes().max().fill_null(0)
    return int(frame.select(pl.max_horizontal(texts)).item())


def _as_text(value: object, storage: Storage) -> str | None:
    """A JSON value as the text ``_typed`` reads; None for a value that cannot fit (or is null)."""
    if value is None or (isinstance(value, Deep) and storage != "json"):
        return None
    if storage == "reference":
        return _reference(value)
    if storage == "json":
        return value if isinstance(value, str) else json_text(value)
    if isinstance(value, str):
        return value if storage != "boolean" else None
    if isinstance(value, bool):
        return ("true" if value else "false") if storage in ("boolean", "text") else None
    if isinstance(value, float) and storage == "integer":
        # 5.0 is 5; 5.5 is not.
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, int | float) and storage in ("integer", "float", "text"):
        return repr(value)
    return None


def _is_other_text(sequence: object) -> bool:
    """Whether a $sequence is a text that is no number as Appwrite writes one. A server compares such as texts: beside
    "0000000012" its greaterThan("12") passes over every row to come."""
    return isinstance(sequence, str) and sequence != "" and _NUMBER.fullmatch(sequence) is None


@dataclass(frozen=True)
class PageDecoder:
    """Turns answers of one collection into frames: _id, _sequence, _created_at, _updated_at, its columns,
    _misfits.

    ``list_key`` is ``rows`` (tablesdb) or ``documents`` (databases). ``order``: what rows are followed by; by $id,
    their _sequence is null, whatever stands there. None: rows that are here already, whose order nobody asks.
    """

    columns: tuple[StoredColumn, ...]
    list_key: str = "rows"
    order: Order | None = "$sequence"

    @cached_property
    def _all(self) -> tuple[tuple[str, str, Storage], ...]:
        return (*SYSTEM, *((c.attribute, c.name, c.storage) for c in self.columns))

    @cached_property
    def attributes(self) -> Mapping[str, str]:
        """The attribute of each raw column."""
        return {name: attribute for attribute, name, _ in self._all}

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """The schema of every frame this decoder gives."""
        return {**{name: FRAME_TYPE[storage] for _, name, storage in self._all}, "_misfits": pl.String()}

    @cached_property
    def _reader(self) -> Any:
        """A reader of answers whose rows are objects with one slot a column, typed as strictly as stored.

        68 columns, 1,000 rows, 1.7 MB: 5 ms, where pl.read_json took 22 and orjson 17 for its dictionaries.
        """
        number: Any = str | int | None if self.order == "$sequence" else Any
        slots = [(f"c{n}", READ_AS[storage] if key != "$sequence" else number, None)
                 for n, (key, _, storage) in enumerate(self._all)]  # fmt: skip
        row = msgspec.defstruct(
            "Row", slots, rename={f"c{n}": key for n, (key, _, _) in enumerate(self._all)}, gc=False
        )
        answer = msgspec.defstruct("Answer", [("rows", list[row])], rename={"rows": self.list_key})
        return msgspec.json.Decoder(answer)

    def decode(self, body: bytes) -> Page:
        """Raises Malformed if the answer is not a list of rows with rising $sequence (followed by $id: of different
        ones), NoSequence where none of them has a numeric one, or one has a text."""
        check_count(body)
        frame = self._in_one_pass(body)
        if frame is None:
            frame = self._row_by_row(body)
        if len(body) > LARGEST_VALUE and _longest(frame) > LARGEST_VALUE:
            frame = without_texts(frame, self.attributes, LARGEST_VALUE)
        if not frame.height or self.order is None:
            return Page(frame, None)
        if self.order == "$id":
            ids = frame["_id"]
            if ids.null_count() or ids.n_unique() < len(ids) or not (ids != "").all():
                raise Malformed
            return Page(frame, str(ids[-1]))
        sequence = frame["_sequence"]
        if sequence.null_count() == frame.height:
            raise NoSequence
        if sequence.null_count() or not (sequence.diff().drop_nulls() > 0).all():
            raise Malformed
        return Page(frame, int(cast("int", sequence[-1])))

    def _in_one_pass(self, body: bytes) -> pl.DataFrame | None:
        """The frame, or None if a value does not fit or the answer needs a closer look."""
        rows = self.read(body)
        return None if rows is None else self.typed(rows)

    def read(self, body: bytes) -> list[Any] | None:
        """The rows of an answer, a slot each for a value; None if one does not fit."""
        try:
            # Half a surrogate pair is an error to this reader, and left to the slow path.
            return cast("list[Any]", self._reader.decode(body).rows)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None

    def typed(self, rows: Sequence[Any]) -> pl.DataFrame | None:
        """The frame of rows that were read, of several answers too; None if a value does not fit."""
        values = list(zip(*map(msgspec.structs.astuple, rows), strict=True)) if rows else []
        values = values[: len(self._all)] or [()] * len(self._all)
        try:
            read = pl.DataFrame(
                [self._series(key, name, storage, column)
                 for (key, name, storage), column in zip(self._all, values, strict=True)]
            )  # fmt: skip
        except (pl.exceptions.PolarsError, TypeError, OverflowError, RecursionError):
            return None
        cast_names = list(self._casts)
        typed = read.with_columns(self._casts.values())
        if any(typed[name].null_count() != read[name].null_count() for name in cast_names):
            return None
        return typed.with_columns(pl.lit(None, pl.String).alias("_misfits"))

    def _series(self, key: str, name: str, storage: Storage, values: Sequence[Any]) -> pl.Series:
        """A column as read: instants and (as Appwrite writes it) $sequence still as text."""
        if key == "$sequence" and self.order != "$sequence":
            return pl.Series(name, [None] * len(values), pl.Int64)
        if storage == "json":
            return pl.Series(name, [_as_text(value, "json") for value in values], pl.String)
        if storage == "reference":
            ids = [_reference(value) for value in values]
            if any(
                identity is None and value is not None for identity, value in zip(ids, values, strict=True)
            ):
                raise TypeError  # a closer look keeps it as a misfit
            return pl.Series(name, ids, pl.String)
        if key == "$sequence" and values and isinstance(values[0], int):
            return pl.Series(name, values, pl.Int64)
        if key == "$sequence" and any(_is_other_text(value) for value in values):
            raise TypeError  # a closer look says so
        return pl.Series(name, values, pl.String if key == "$sequence" else _HELD_AS[storage])

    @cached_property
    def _casts(self) -> dict[str, pl.Expr]:
        """What is still to be made of texts, by raw column."""
        numbered = self.order == "$sequence"
        casts = {"_sequence": pl.col("_sequence").cast(pl.Int64, strict=False)} if numbered else {}
        for _, name, storage in self._all:
            if storage == "instant":
                # Appwrite writes 2026-11-15T10:00:00.000+00:00. Cutting the constant end off is three
                # times faster than %z; any other spelling is left to the slow path.
                text = pl.col(name)
                constant = (text.str.len_bytes() == 29) & text.str.ends_with("+00:00")
                casts[name] = pl.when(constant).then(
                    text.str.slice(0, 23).str.to_datetime(
                        "%Y-%m-%dT%H:%M:%S%.3f", time_unit="us", strict=False, cache=False
                    )
                ).alias(name)  # fmt: skip
        return casts

    def _row_by_row(self, body: bytes) -> pl.DataFrame:
        """Raises Malformed, and NoSequence where one is a text."""
        answer = loads(body)
        rows: Any = cast("dict[str, Any]", answer).get(self.list_key) if isinstance(answer, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[Any]", rows)):
            raise Malformed
        listed = cast("list[dict[str, Any]]", rows)
        misfits: list[dict[str, Any]] = [{} for _ in listed]
        data: list[pl.Series] = []
        for attribute, name, storage in self._all:
            unread = attribute == "$sequence" and self.order != "$sequence"
            if (
                attribute == "$sequence"
                and not unread
                and any(_is_other_text(r.get(attribute)) for r in listed)
            ):
                raise NoSequence
            values = [None if unread else row.get(attribute) for row in listed]
            texts = pl.Series(name, [_as_text(value, storage) for value in values], dtype=pl.String)
            typed = _typed(texts, storage)
            for index, (value, kept) in enumerate(zip(values, typed, strict=True)):
                if value is not None and kept is None:
                    # Nested deep it could not be read again with what is put around it.
                    misfits[index][attribute] = json_text(value) if is_deep(value) else value
            data.append(typed)
        data.append(pl.Series("_misfits", [misfits_text(found) for found in misfits], dtype=pl.String))
        return pl.DataFrame(data)


def last_sequence(body: bytes) -> int | None:
    """The last $sequence in an answer, found without parsing it: a guess to fetch ahead by."""
    start = body.rfind(_SEQUENCE)
    if start < 0:
        return None
    digits = body[start + len(_SEQUENCE) : start + len(_SEQUENCE) + 24].lstrip(b' "')
    length = next((i for i, byte in enumerate(digits) if not 48 <= byte <= 57), len(digits))
    return int(digits[:length]) if 0 < length < 19 else None


def last_id(body: bytes) -> str | None:
    """The last $id in an answer, likewise. Only where no row holds another one."""
    start = body.rfind(_ID)
    end = body.find(b'"', start + len(_ID))
    found = body[start + len(_ID) : end] if 0 <= start < end else b""
    return found.decode("ascii", "replace") if found and b"\\" not in found else None


def first_updated(body: bytes) -> datetime | None:
    """The $updatedAt of the first row of an answer, naive UTC; None where there is no row. Raises Malformed."""
    answer = loads(body)
    values: list[Any] = list(cast("dict[str, Any]", answer).values()) if isinstance(answer, dict) else []
    listed = [cast("list[Any]", value) for value in values if isinstance(value, list)]
    if len(listed) != 1:
        raise Malformed
    rows = listed[0]
    if not rows:
        return None
    told = cast("dict[str, Any]", rows[0]).get("$updatedAt") if isinstance(rows[0], dict) else None
    moment: datetime | None = (
        instants(pl.Series([told], dtype=pl.String))[0] if isinstance(told, str) else None
    )
    if moment is None:
        raise Malformed
    return moment


def columns_of(listed: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Columns of Appwrite's list that rows can carry (``status`` available, or not told), whatever their names; which
    of them are mirrored: bounds.py.

    Raises Malformed.
    """
    found: list[Column] = []
    for entry in listed:
        key, kind = entry.get("key"), entry.get("type")
        if not isinstance(key, str) or not isinstance(kind, str):
            raise Malformed
        if entry.get("status", "available") == "available":
            found.append(Column(key, kind, bool(entry.get("array"))))
    return found
