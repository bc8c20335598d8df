"""Pages of a scan from the beginning, kept on disk as they came until DuckDB reads them in one go.

A page is looked at only as far as a retry may need: that it is JSON of the asked kind, its rows in rising $sequence.
What a row means, and where a scan stands, is not known here.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import lt
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from resources.appwrite.columns import SYSTEM, Storage, StoredColumn
from resources.appwrite.failures import Malformed

ROW_GROUP = 122_880
"""Rows DuckDB compresses and writes as one. A commit of exactly as many goes past the write-ahead log, and no
checkpoint writes it again; 124,000 rows a commit cost twice the processor time, as the small rests were merged."""
SPOOL_BYTES = 256 << 20
LARGEST_ROW = 4 << 20
"""A row beyond this is left to the row by row reader: DuckDB sets aside twice as much memory."""

_Bounds = tuple[int, int]


@dataclass(frozen=True)
class PlainPage:
    """The rows of one answer as JSON text without the brackets, and their $sequence, rising."""

    text: memoryview
    sequences: Sequence[int]

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def first(self) -> int | None:
        return self.sequences[0] if self.sequences else None

    @property
    def last(self) -> int | None:
        return self.sequences[-1] if self.sequences else None

    def split(self, rows: int) -> tuple[PlainPage, PlainPage]:
        """The first ``rows`` of it, and the others."""
        listed = msgspec.json.decode(b"[%b]" % self.text, type=list[msgspec.Raw])
        parts = (listed[:rows], listed[rows:])
        numbers = (self.sequences[:rows], self.sequences[rows:])
        first, second = (
            PlainPage(memoryview(b",".join(map(bytes, part))), seen)
            for part, seen in zip(parts, numbers, strict=True)
        )
        return first, second


NO_ROWS = PlainPage(memoryview(b""), ())


class PageGlance:
    """Tells whether an answer is plain: nothing in it but one list of rows whose values are no objects or lists.

    ``list_key`` is ``rows`` (tablesdb) or ``documents`` (databases).
    """

    def __init__(self, list_key: str) -> None:
        # $permissions is asked for because it is the one list every row has: see _flat().
        row = msgspec.defstruct(
            "Row",
            [("sequence", str | int), ("permissions", list[str])],
            rename={"sequence": "$sequence", "permissions": "$permissions"},
            gc=False,
        )
        answer = msgspec.defstruct(
            "Answer",
            [("rows", list[row]), ("total", int, 0)],
            rename={"rows": list_key},
            forbid_unknown_fields=True,
        )
        self._reader: Any = msgspec.json.Decoder(answer)
        self._head = re.compile(rb'\{"total":\d+,"%b":\[' % list_key.encode())

    def look(self, body: bytes) -> PlainPage | None:
        """The page, or None where it needs the closer look of PageDecoder. Raises Malformed on a wrong order."""
        head = self._head.match(body)
        if head is None or not body.endswith(b"]}"):
            return None
        try:
            rows = cast("list[Any]", self._reader.decode(body).rows)
            sequences = [int(row.sequence) for row in rows]
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        if not all(map(lt, sequences, sequences[1:])):
            raise Malformed
        return PlainPage(memoryview(body)[head.end() : -2], sequences) if _flat(body, len(rows)) else None


def _flat(body: bytes, rows: int) -> bool:
    """Whether no value but $permissions is an object or a list. A quote within a text has a backslash before it."""
    objects, lists = body.count(b'":{'), body.count(b'":[') - rows - 1
    return (not objects or objects == body.count(b'\\":{')) and (not lists or lists == body.count(b'\\":['))


class Spool:
    """Plain pages on disk, in a file that has no name: it is gone with the process, however that ends.

    One thread fills it and hands it over; ``stored`` is set by the one that took it.
    """

    def __init__(self, folder: Path, most: int = ROW_GROUP) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by close()
        self._pages: list[_Bounds] = []
        self._size = 0
        self._most = most
        self.rows = 0
        self.first: int | None = None
        self.last: int | None = None
        self.stored = threading.Event()

    @property
    def room(self) -> int:
        """Rows it still takes."""
        return 0 if self._size >= SPOOL_BYTES else self._most - self.rows

    @property
    def path(self) -> str:
        """Where the file can be opened, as long as it is not closed."""
        return f"/dev/fd/{self._file.fileno()}"

    def add(self, page: PlainPage) -> None:
        """Raises OSError where it cannot be written."""
        if not page.sequences:
            return
        lead = b"," if self._pages else b"["
        self._write(lead)
        self._pages.append((self._size, len(page.text)))
        self._write(page.text)
        self.rows += len(page)
        self.first = page.sequences[0] if self.first is None else self.first
        self.last = page.sequences[-1]

    def end(self) -> None:
        """Make it one JSON array. Nothing is added afterwards."""
        self._write(b"]" if self._pages else b"[]")

    def _write(self, content: bytes | memoryview) -> None:
        left = memoryview(content)
        while left:
            written = self._file.write(left)
            self._size += written
            left = left[written:]

    def answers(self, list_key: str) -> Iterator[bytes]:
        """Its pages as the server answered them."""
        for start, length in self._pages:
            text = os.pread(self._file.fileno(), length, start)
            yield b'{"%b":[%b]}' % (list_key.encode(), text)

    def close(self) -> None:
        self._file.close()
        self.stored.set()


@dataclass(frozen=True)
class BulkReading:
    """How DuckDB reads a spool as typed columns. A value that does not fit its column is an error of the whole."""

    columns: tuple[StoredColumn, ...]
    _system: tuple[tuple[str, str, Storage], ...] = field(default=SYSTEM, repr=False)

    @cached_property
    def _all(self) -> tuple[tuple[str, str, Storage], ...]:
        return (*self._system, *((c.attribute, c.name, c.storage) for c in self.columns))

    @property
    def possible(self) -> bool:
        """Not where two attributes differ only by case: DuckDB's reader takes them for one."""
        return len({attribute.lower() for attribute, _, _ in self._all}) == len(self._all)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The raw columns it gives, in its order."""
        return tuple(name for _, name, _ in self._all)

    def source(self, path: str) -> str:
        """``read_json(…)`` on a spool's path."""
        kinds = ", ".join(f"{_literal(a)}: '{_read_as(a, storage)}'" for a, _, storage in self._all)
        return (
            f"read_json({_literal(path)}, format = 'array', columns = {{{kinds}}}, "
            f"maximum_object_size = {LARGEST_ROW}, compression = 'uncompressed')"
        )

    @cached_property
    def selected(self) -> str:
        """The select list: one expression a column, by name."""
        return ", ".join(
            f"{_typed(_identifier(attribute), attribute, storage)} AS {_identifier(name)}"
            for attribute, name, storage in self._all
        )


def _read_as(attribute: str, storage: Storage) -> str:
    # JSON keeps apart what VARCHAR would make the same: 12 and "12", true and "true".
    return "VARCHAR" if attribute == "$sequence" or storage in ("text", "instant") else "JSON"


def _typed(column: str, attribute: str, storage: Storage) -> str:
    """An expression that is strictly of its type, or fails."""
    if attribute == "$sequence":
        return f"CAST({column} AS BIGINT)"
    text = f"{column}::VARCHAR"
    match storage:
        case "text":
            return column
        case "instant":
            fits = f"length({column}) = 29 AND suffix({column}, '+00:00')"
            value = f"CAST(left({column}, 23) AS TIMESTAMP)"
        case "boolean":
            fits, value = f"{text} IN ('true', 'false')", f"{text} = 'true'"
        case "integer":
            fits, value = f"regexp_full_match({text}, '-?[0-9]{{1,18}}')", f"CAST({text} AS BIGINT)"
        case "float":
            # The same double either way; numbers with an exponent take the longer way.
            fits = f"regexp_full_match({text}, '-?[0-9]{{1,15}}([.][0-9]{{1,17}})?')"
            value = f"CAST({text} AS DOUBLE)"
        case "json":
            fits, value = f"{text} = '[]'", text
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {fits} THEN {value} ELSE error('misfit') END"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
