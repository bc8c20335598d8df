"""Rows as a backup holds them: a line of JSON each, as the server wrote it, without what a restored row cannot keep.

A row's number, its database and its table are given by the server that holds it. Lines are cut out of an answer without
reading the values: what one server writes twice is the same bytes. Where rows are related, the related ids stand in
their place, and a line is written by us.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import msgspec
import orjson
import polars as pl

from resources.appwrite.bounds import loads
from resources.appwrite.columns import Page, PageDecoder
from resources.appwrite.failures import Malformed
from resources.raw.column_types import Column, Order, StoredColumn

OF_THE_SERVER: Final = ("$sequence", "$databaseId", "$tableId", "$collectionId", "$tenant")
"""What a row is given where it stands: a restored one has others."""
OF_THE_ROW: Final = ("$id", "$createdAt", "$updatedAt", "$permissions")

# A name with its quotes and colon cannot stand inside a text: there a quote has a backslash before it, and the one that
# ends a text has no colon behind it.
_NAMES: Final = b"|".join(name[1:].encode() for name in OF_THE_SERVER)
_VALUE: Final = rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]++|null)'
_GIVEN: Final = re.compile(rb'"\$(?:' + _NAMES + rb')":' + _VALUE + rb",")
_LAST: Final = re.compile(rb',"\$(?:' + _NAMES + rb')":' + _VALUE + rb"(?=\})")

_WRITTEN: Final = tuple(f'"{name}":'.encode() for name in OF_THE_SERVER)
_NONE: Final = msgspec.Raw(b"null")

PERMISSIONS: Final = "$permissions"
_RESERVED: Final = frozenset({"_id", "_sequence", "_created_at", "_updated_at", "_misfits"})


@dataclass(frozen=True)
class Relation:
    """A relationship column. ``own``: it was made on this table, so its rows say whom they are related to; of the
    other side it is implied. ``many``: a row is related to several."""

    key: str
    own: bool
    many: bool


@dataclass(frozen=True)
class RowsPage(Page):
    """Rows of one answer: beside their frame the lines they are kept as, in its order."""

    lines: tuple[bytes, ...] = ()


def parquet_name(attribute: str) -> str:
    """What a column of the frame is called by: the attribute, but for those that are called as ours."""
    return f"{attribute}_" if attribute in _RESERVED else attribute


@dataclass(frozen=True)
class RowsDecoder:
    """Turns answers of one table into pages. ``relations``: its relationship columns; ``unread`` ones are not carried.
    ``order``: what rows are followed by."""

    columns: Sequence[Column]
    list_key: str
    order: Order
    relations: Sequence[Relation] = ()

    @cached_property
    def _frames(self) -> PageDecoder:
        stored: list[StoredColumn] = []
        taken = {PERMISSIONS}
        for column in self.columns:
            name = parquet_name(column.key)
            if name not in taken:
                taken.add(name)
                stored.append(StoredColumn(column.key, name, column.storage))
        return PageDecoder(tuple(stored), self.list_key, self.order)

    @cached_property
    def _raw(self) -> Any:
        """Reads an answer as its rows, each as it is written."""
        answer = msgspec.defstruct(
            "Answer", [("rows", list[msgspec.Raw])], rename={"rows": self.list_key}, gc=False
        )
        return msgspec.json.Decoder(answer)

    @cached_property
    def _permissions(self) -> Any:
        row = msgspec.defstruct(
            "Row", [("given", msgspec.Raw, _NONE)], rename={"given": PERMISSIONS}, gc=False
        )
        answer = msgspec.defstruct("Answer", [("rows", list[row])], rename={"rows": self.list_key}, gc=False)
        return msgspec.json.Decoder(answer)

    def decode(self, body: bytes) -> RowsPage:
        """Raises Malformed, NoSequence, TooLarge as PageDecoder's."""
        page = self._frames.decode(body)
        lines = self._lines(body)
        if len(lines) != page.frame.height:
            raise Malformed
        return RowsPage(page.frame.with_columns(self._given(body, lines)), page.last, tuple(lines))

    def _given(self, body: bytes, lines: Sequence[bytes]) -> pl.Series:
        """Who may do what with each row, as JSON."""
        try:
            found = [bytes(row.given).decode() for row in self._permissions.decode(body).rows]
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            found = [json.dumps(row_of(line).get(PERMISSIONS)) for line in lines]
        return pl.Series(PERMISSIONS, found, pl.String)

    def _lines(self, body: bytes) -> list[bytes]:
        if not self.relations and b"\n" not in body:
            try:
                rows: list[msgspec.Raw] = self._raw.decode(body).rows
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return self._written(body)
            return cut(b"\n".join([bytes(row) for row in rows])).split(b"\n") if rows else []
        return self._written(body)

    def _written(self, body: bytes) -> list[bytes]:
        answer = loads(body)
        listed = cast("dict[str, Any]", answer).get(self.list_key) if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise Malformed
        return [line_of(self._own(row)) for row in cast("list[dict[str, Any]]", listed)]

    def _own(self, row: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if name not in OF_THE_SERVER}
        for relation in self.relations:
            value = kept.pop(relation.key, None)
            if relation.own:
                kept[relation.key] = related(value)
        return kept


def cut(rows: bytes) -> bytes:
    """Rows of JSON without what the server gave them."""
    rest = _GIVEN.sub(b"", rows)
    return _LAST.sub(b"", rest) if any(name in rest for name in _WRITTEN) else rest


def related(value: Any) -> Any:
    """The id of a related row, or the ids of several in the order of their letters: they have none of their own."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get("$id")
    if isinstance(value, list):
        ids = [related(item) for item in cast("list[Any]", value)]
        return sorted(str(identity) for identity in ids if identity is not None)
    return value


def line_of(row: Mapping[str, Any]) -> bytes:
    """A row as a line."""
    try:
        return orjson.dumps(row)
    except (TypeError, orjson.JSONEncodeError):  # an integer beyond 64 bits, half a surrogate pair
        return json.dumps(row, separators=(",", ":")).encode()


def row_of(line: bytes) -> dict[str, Any]:
    """The row of a line. Raises Malformed."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        row = loads(line)
    if not isinstance(row, dict):
        raise Malformed
    return cast("dict[str, Any]", row)


def values_of(line: bytes) -> dict[str, Any]:
    """What a row says, for comparing: a value that is not there is null."""
    return {name: value for name, value in row_of(line).items() if value is not None}


__all__ = [
    "OF_THE_ROW",
    "Relation",
    "RowsDecoder",
    "RowsPage",
    "cut",
    "line_of",
    "parquet_name",
    "related",
    "row_of",
    "values_of",
]
