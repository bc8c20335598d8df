"""Rows as a backup holds them: a line of JSON each, as the server wrote it, without what a restored row cannot keep.

A row's number, its database and its table are given by the server that holds it. Lines are cut out of an answer without
reading the values: what one server writes twice is the same bytes. Where rows are related, the related ids stand in
their place, and a line is written by us.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final, cast

import msgspec
import orjson
import polars as pl

from resources.appwrite.bounds import check_count, loads
from resources.appwrite.columns import READ_AS, Page, PageDecoder
from resources.appwrite.failures import Malformed, NoSequence
from resources.raw.column_types import Column, Order, Position, StoredColumn

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
_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]*")
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
    """Rows of one answer as the lines they are kept as, each with its end, in its order. Its frame is empty: what is in
    the rows is not looked at here. ``made``: when the first of them was made, as the server writes it; '' unknown."""

    rows: int = 0
    first: Position | None = None
    ids: frozenset[str] = frozenset()
    made: str = ""
    block: bytes = b""
    packed: bytes = b""
    read: Sequence[Any] | None = None

    def follows(self, after: Position | None) -> bool:
        if after is None or not self.rows:
            return True
        if isinstance(after, int):
            return isinstance(self.first, int) and self.first > after
        return after not in self.ids

    def __len__(self) -> int:
        return self.rows

    @property
    def lines(self) -> list[bytes]:
        """The lines, without their ends."""
        return self.block.split(b"\n")[:-1]


def parquet_name(attribute: str) -> str:
    """What a column of the frame is called by: the attribute, but for those that are called as ours."""
    return f"{attribute}_" if attribute in _RESERVED else attribute


class _Typing(PageDecoder):
    """A page decoder that reads, beside the values, who may do what with a row, as it is written."""

    @cached_property
    def _reader(self) -> Any:
        slots: list[Any] = [
            (f"c{n}", Any if key == "$sequence" else READ_AS[storage], None)
            for n, (key, _, storage) in enumerate(self._all)
        ]
        names = {f"c{n}": key for n, (key, _, _) in enumerate(self._all)}
        row = msgspec.defstruct(
            "Row", [*slots, ("given", msgspec.Raw, _NONE)], rename={**names, "given": PERMISSIONS}, gc=False
        )
        answer = msgspec.defstruct("Answer", [("rows", list[row])], rename={"rows": self.list_key}, gc=False)
        return msgspec.json.Decoder(answer)


@dataclass(frozen=True)
class Frames:
    """Turns rows into typed frames: what a page decoder gives, and who may do what with a row."""

    columns: Sequence[Column]
    list_key: str = "rows"

    @cached_property
    def _stored(self) -> tuple[StoredColumn, ...]:
        stored: list[StoredColumn] = []
        taken = {PERMISSIONS}
        for column in self.columns:
            name = parquet_name(column.key)
            if name not in taken:
                taken.add(name)
                stored.append(StoredColumn(column.key, name, column.storage))
        return tuple(stored)

    @cached_property
    def _typing(self) -> _Typing:
        return _Typing(self._stored, self.list_key, None)

    @cached_property
    def _of_lines(self) -> _Typing:
        return _Typing(self._stored, "rows", None)

    def read(self, body: bytes) -> list[Any] | None:
        """The rows of an answer, read once for all that is asked of them; None where a value does not fit."""
        rows = self._typing.read(body)
        return None if rows is None or any(not isinstance(row.c0, str) for row in rows) else rows

    def typed(self, rows: Sequence[Any]) -> pl.DataFrame | None:
        """The frame of rows that were read; None where a value does not fit."""
        frame = self._typing.typed(rows)
        if frame is None:
            return None
        known: dict[bytes, str] = {}
        given: list[str] = []
        for row in rows:
            raw = bytes(row.given)
            text = known.get(raw)
            if text is None:
                text = known[raw] = raw.decode()
            given.append(text)
        return frame.insert_column(0, pl.Series(PERMISSIONS, given, pl.String))

    def of(self, block: bytes) -> pl.DataFrame:
        """The frame of some lines, each with its end, whatever is in them. Raises Malformed, TooLarge."""
        body = b'{"rows":[' + block[:-1].replace(b"\n", b",") + b"]}"
        frame = self._of_lines.decode(body).frame
        given = [json.dumps(row_of(line).get(PERMISSIONS)) for line in block[:-1].split(b"\n")]
        return frame.insert_column(0, pl.Series(PERMISSIONS, given, pl.String))


@dataclass(frozen=True)
class RowsDecoder:
    """Turns answers of one table into pages. ``relations``: its relationship columns. ``order``: what rows are followed
    by. ``pack``: what packs the lines of a page; the thread that fetched it does. ``frames``: reads the values, too.
    """

    list_key: str
    order: Order
    relations: Sequence[Relation] = ()
    pack: Callable[[bytes], bytes] | None = None
    frames: Frames | None = None

    @cached_property
    def _raw(self) -> Any:
        """Reads an answer as its rows, each as it is written."""
        answer = msgspec.defstruct(
            "Answer", [("rows", list[msgspec.Raw])], rename={"rows": self.list_key}, gc=False
        )
        return msgspec.json.Decoder(answer)

    @cached_property
    def _heads(self) -> Any:
        """Reads of an answer's rows where each stands, and when it was made."""
        number: Any = str | int | None if self.order == "$sequence" else Any
        row = msgspec.defstruct(
            "Row",
            [("c0", str), ("c1", number, None), ("c2", Any, None)],
            rename={"c0": "$id", "c1": "$sequence", "c2": "$createdAt"},
            gc=False,
        )
        answer = msgspec.defstruct("Answer", [("rows", list[row])], rename={"rows": self.list_key}, gc=False)
        return msgspec.json.Decoder(answer)

    def decode(self, body: bytes) -> RowsPage:
        """Raises Malformed for what is no list of rows in the order asked for, NoSequence where they have no number,
        TooLarge."""
        check_count(body)
        read = self.frames.read(body) if self.frames is not None else None
        try:
            heads: list[Any] = self._heads.decode(body).rows if read is None else read
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            heads = self._slow_heads(body)
        empty = pl.DataFrame()
        if not heads:
            return RowsPage(empty, None)
        positions = self._positions(heads)
        block = self._block(body, len(heads))
        made = [head.c2 for head in heads]
        return RowsPage(
            empty,
            positions[-1],
            len(heads),
            positions[0],
            frozenset() if self.order == "$sequence" else frozenset(str(one) for one in positions),
            min(made) if all(isinstance(one, str) for one in made) else "",
            block,
            self.pack(block) if self.pack else b"",
            read,
        )

    def _positions(self, heads: Sequence[Any]) -> list[Position]:
        if self.order == "$id":
            ids: list[Position] = [head.c0 for head in heads]
            if len(set(ids)) < len(ids) or "" in ids:
                raise Malformed
            return ids
        found: list[Position] = []
        for head in heads:
            number = head.c1
            if number is None:
                raise NoSequence if all(one.c1 is None for one in heads) else Malformed
            if isinstance(number, str):
                if _NUMBER.fullmatch(number) is None:
                    raise NoSequence  # a text is compared as one: rows would be passed over
                number = int(number)
            if found and number <= cast("int", found[-1]):
                raise Malformed
            found.append(number)
        return found

    def _slow_heads(self, body: bytes) -> list[Any]:
        answer = loads(body)
        listed = cast("dict[str, Any]", answer).get(self.list_key) if isinstance(answer, dict) else None
        rows = cast("list[Any]", listed) if isinstance(listed, list) else None
        if rows is None or not all(isinstance(row, dict) for row in rows):
            raise Malformed
        told = cast("list[dict[str, Any]]", rows)
        if not all(isinstance(row.get("$id"), str) for row in told):
            raise Malformed
        return [SimpleNamespace(c0=r["$id"], c1=r.get("$sequence"), c2=r.get("$createdAt")) for r in told]

    def _block(self, body: bytes, count: int) -> bytes:
        """The lines of so many rows, each with its end. Raises Malformed where there are others."""
        if not self.relations and b"\n" not in body:
            # Within a text a quote has a backslash before it: this stands between two rows alone.
            start, end = body.find(b'[{"$'), body.rfind(b"}]")
            rows = body[start + 1 : end + 1].replace(b'},{"$', b'}\n{"$') if 0 < start < end else b""
            if rows and rows.count(b"\n") == count - 1:
                return cut(rows, count) + b"\n"
        lines = self._lines(body)
        if len(lines) != count:
            raise Malformed
        return b"\n".join(lines) + b"\n"

    def _lines(self, body: bytes) -> list[bytes]:
        if not self.relations and b"\n" not in body:
            try:
                rows: list[msgspec.Raw] = self._raw.decode(body).rows
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return self._written(body)
            return cut(b"\n".join([bytes(row) for row in rows]), len(rows)).split(b"\n")
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


def cut(rows: bytes, count: int) -> bytes:
    """So many rows of JSON, a line each, without what the server gave them."""
    head = rows[: rows.find(b"\n") if count > 1 else len(rows)]
    rest, taken = _GIVEN.subn(b"", rows)
    # Every row has as many of them as the first: all went, unless one stands last and has no comma behind it.
    each = sum(name in head for name in _WRITTEN)
    return rest if taken == each * count else _LAST.sub(b"", rest)


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
    "Frames",
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
