"""Pages of a scan from the beginning, kept on disk as they came until DuckDB reads them in one go.

A page is looked at only as far as the next request needs: where its rows begin, their $sequence, whether a value is an
object or a list. That it is JSON all through, DuckDB tells on reading it in; what it does not take is decoded page by
page (sync.py). It takes NaN and Infinity, which are no JSON: a text column that seems to say one has the bytes looked
at. (Not for nan, inf and the like, which it takes as well and no JSON writer writes.) What a row means, and where a
scan stands, is not known here.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from resources.appwrite.bounds import LARGE_ROW, is_plain_name
from resources.appwrite.columns import SYSTEM, Position, Storage, StoredColumn
from resources.appwrite.failures import Malformed
from resources.sql import literal

ROW_GROUP = 122_880
"""Rows DuckDB compresses and writes as one. A commit of exactly as many goes past the write-ahead log, and no
checkpoint writes it again; 124,000 rows a commit cost twice the processor time, as the small rests were merged."""
SPOOL_BYTES = 256 << 20
LARGEST_PLAIN = 32 << 20
"""Bytes of an answer beyond which it is not looked at: where its brackets stand may take eight times as much."""

MOST_AT_ONCE = 200
"""Columns: a row group of more takes more memory than DuckDB has."""

LARGEST_OBJECT = 4 << 20
"""What DuckDB's reader is told of the largest row: it sets aside twice as much memory. No plain row comes near it."""

BLOCK = 1 << 16

INSTANT = "%Y-%m-%dT%H:%M:%S.%g+00:00"
"""As Appwrite writes it, for DuckDB's strftime."""

CONSTANT = "a constant, or a text that reads like one"
"""What the error of a reading says that met NaN or Infinity."""

_Bounds = tuple[int, int]
_Bytes: TypeAlias = "NDArray[np.uint8]"
_Places: TypeAlias = "NDArray[np.intp]"


@dataclass(frozen=True)
class PlainPage:
    """The rows of one answer as JSON text without the brackets, where the commas between them stand, and their
    $sequence, rising."""

    text: _Bytes
    commas: _Places
    sequences: Sequence[int]

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def first(self) -> int | None:
        return self.sequences[0] if self.sequences else None

    @property
    def last(self) -> int | None:
        return self.sequences[-1] if self.sequences else None

    def follows(self, after: Position | None) -> bool:
        """Whether all its rows lie behind a $sequence."""
        return not isinstance(after, int) or not self.sequences or self.sequences[0] > after

    def split(self, rows: int) -> tuple[PlainPage, PlainPage]:
        """The first ``rows`` of it (at least one, not all), and the others."""
        comma = self.commas[rows - 1]
        return (
            PlainPage(self.text[:comma], self.commas[: rows - 1], self.sequences[:rows]),
            PlainPage(self.text[comma + 1 :], self.commas[rows:] - comma - 1, self.sequences[rows:]),
        )

    def lines_in(self, room: _Bytes) -> memoryview:
        """A row a line, made at the beginning of ``room``, which is at least as large as the text."""
        lines = room[: self.text.size]
        lines[:] = self.text
        lines[self.commas] = ord("\n")
        return lines.data


NO_ROWS = PlainPage(np.empty(0, np.uint8), np.empty(0, np.intp), ())


class PageGlance:
    """Tells whether an answer is plain: nothing in it but one list of rows whose values are no objects or lists.

    ``list_key`` is ``rows`` (tablesdb) or ``documents`` (databases). Decoding every row only to see that took a sixth
    of the processor time of a first load; looking at the few bytes that matter takes an eighth of that.
    """

    def __init__(self, list_key: str) -> None:
        self._head = re.compile(rb'\{"total":\d+,"%b":\[' % list_key.encode())

    def look(self, body: bytes) -> PlainPage | None:
        """The page, or None where it needs the closer look of PageDecoder. Raises Malformed on a wrong order."""
        head = self._head.match(body)
        # A line feed within a text is written \\n.
        if head is None or not body.endswith(b"]}") or b"\n" in body or len(body) > LARGEST_PLAIN:
            return None
        text = np.frombuffer(body, np.uint8)[head.end() : -2]
        if not text.size:
            return NO_ROWS
        if bytes(text[:2]) != b'{"' or text[-1] != ord("}"):
            return None
        starts = _row_starts(text)
        sequences = None if starts is None else _sequences(text, starts)
        if starts is None or sequences is None:
            return None
        if (np.diff(starts, append=text.size) > LARGE_ROW).any():
            return None
        if not (np.diff(sequences) > 0).all():
            raise Malformed
        return PlainPage(text, starts[1:] - 1, sequences.tolist())


def _places(text: _Bytes, byte: str, mask: int = 0xFF) -> _Places:
    """Where a byte stands, but for the bits left out of the mask."""
    # In blocks: a page as a whole would leave the processor's cache, and get fresh memory for every step.
    kept, wanted = np.uint8(mask), np.uint8(ord(byte))
    return np.concatenate(
        [
            np.flatnonzero((text[start : start + BLOCK] & kept) == wanted) + start
            for start in range(0, text.size, BLOCK)
        ]
    )


def _reads(text: _Bytes, at: _Places, what: bytes) -> NDArray[np.bool_]:
    """Whether ``what`` stands at each place."""
    size = len(what)
    windows = np.ndarray((max(text.size - size + 1, 0),), f"V{size}", text, strides=(1,))
    return windows[at] == np.void(what)


_SEQUENCE = b'"$sequence":'
_PERMISSIONS = b'"$permissions":['
_MOST_DIGITS = 18


def _row_starts(text: _Bytes) -> _Places | None:
    """Where each row begins; None where a value other than $permissions is an object or a list.

    Told by the bytes around a bracket. A quote within a text has a backslash before it, so an object or a list as
    a value stands behind `":` without one; and behind `},{"` a row begins, where no value ends with that quote.
    """
    # { and [ differ by one bit: both are found at once.
    brackets = _places(text, "[", 0xDF)
    opened = text[brackets] == ord("{")
    braces, lists = brackets[opened], _values(text, brackets[~opened])
    if _values(text, braces).size:
        return None
    names = lists - len(_PERMISSIONS) + 1
    between = braces[(braces >= 2) & (braces < text.size - 2)]
    follows = text[between + 2]
    ended = (follows == ord(",")) | (follows == ord("}")) | (follows == ord(":")) | (follows == ord("]"))
    starts = np.concatenate(([0], between[_reads(text, between - 2, b'},{"') & ~ended]))
    if lists.size != starts.size or (names < 0).any() or not _reads(text, names, _PERMISSIONS).all():
        return None
    return starts


def _values(text: _Bytes, brackets: _Places) -> _Places:
    """Those brackets that open a value."""
    behind = brackets[brackets >= 3]
    return behind[_reads(text, behind - 2, b'":') & (text[behind - 3] != ord("\\"))]


def _sequences(text: _Bytes, starts: _Places) -> NDArray[np.int64] | None:
    """The $sequence of each row; None where a row has none, or one that is no whole number."""
    # Ids of one length: it stands at the same place of each row.
    names = starts + max(bytes(text[:1024]).find(_SEQUENCE), 0)
    last = text.size - len(_SEQUENCE) - 2
    if (names > last).any() or not _reads(text, names, _SEQUENCE).all():
        names = _places(text, "$") - 1
        names = names[(names <= last) & (names >= 0)]
        names = names[text[names + 2] == ord("s")]
        names = names[_reads(text, names, _SEQUENCE)]
    if names.size != starts.size or (names < starts).any() or (names[:-1] > starts[1:]).any():
        return None
    first = names + len(_SEQUENCE)
    quoted = text[first] == ord('"')
    first = first + quoted
    if (text[first] == ord("0")).any():
        return None  # a text of digits that is compared as a text, perhaps: columns.py looks closer
    numbers, at = np.zeros(names.size, np.int64), first.copy()
    for _ in range(_MOST_DIGITS):
        digits = text[at] - np.uint8(ord("0"))
        here = digits < 10
        if not here.any():
            break
        numbers = np.where(here, numbers * 10 + digits, numbers)
        at += here
    end = text[at]
    closed = (quoted & (end == ord('"'))) | (~quoted & ((end == ord(",")) | (end == ord("}"))))
    return numbers if closed.all() and (at > first).all() else None


class Spool:
    """Plain pages on disk, in a file that has no name: it is gone with the process, however that ends.

    One thread fills it and hands it over; ``stored`` is set by the one that took it. Where a page of it could not be
    read, that one says so (``refused``) and how far it came: ``reached``, at first the $sequence before the spool.
    """

    def __init__(
        self, folder: Path, most: int = ROW_GROUP, reached: int | None = None, used: Spool | None = None
    ) -> None:
        """``used``: one that is stored, whose file is written over: room for a new one costs as much as the writing."""
        if used is None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by close()
            self._lines = np.empty(BLOCK, np.uint8)
        else:
            self._file, self._lines = used._file, used._lines
            self._file.seek(0)
        self._pages: list[_Bounds] = []
        self._lasts: list[int] = []
        self._size = 0
        self._most = most
        self.rows = 0
        self.first: int | None = None
        self.last: int | None = None
        self.reached = reached
        self.refused = False
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
        if self._pages:
            self._write(b"\n")
        self._pages.append((self._size, page.text.size))
        self._lasts.append(page.sequences[-1])
        if self._lines.size < page.text.size:
            self._lines = np.empty(page.text.size, np.uint8)
        self._write(page.lines_in(self._lines))
        self.rows += len(page)
        self.first = page.sequences[0] if self.first is None else self.first
        self.last = page.sequences[-1]

    def _write(self, content: bytes | memoryview) -> None:
        left = memoryview(content)
        while left:
            written = self._file.write(left)
            self._size += written
            left = left[written:]

    def answers(self, list_key: str) -> Iterator[tuple[bytes, int]]:
        """Its pages as the server answered them, and the last $sequence the glance saw in each."""
        for (start, length), last in zip(self._pages, self._lasts, strict=True):
            text = os.pread(self._file.fileno(), length, start)
            yield b'{"%b":[%b]}' % (list_key.encode(), text.replace(b"\n", b",")), last

    @property
    def is_json(self) -> bool:
        """Whether it is JSON to the letter. Looks at every byte (2 ms a page)."""
        try:
            for answer, _ in self.answers("rows"):
                msgspec.json.decode(answer, type=msgspec.Raw)
        except msgspec.DecodeError:
            return False
        return True

    def end(self) -> None:
        """Nothing more is added. Raises OSError."""
        self._file.truncate(self._size)

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class BulkReading:
    """How DuckDB reads a spool as typed columns. A value that does not fit its column is an error of the whole; so is
    a text NaN, Infinity or -Infinity, unless the spool is known to be JSON."""

    columns: tuple[StoredColumn, ...]
    is_json: bool = False
    _system: tuple[tuple[str, str, Storage], ...] = field(default=SYSTEM, repr=False)

    @cached_property
    def _all(self) -> tuple[tuple[str, str, Storage], ...]:
        return (*self._system, *((c.attribute, c.name, c.storage) for c in self.columns))

    @property
    def possible(self) -> bool:
        """Not where two attributes differ only by case, which DuckDB's reader takes for one, nor where the name of one
        could mean something in SQL, nor of so many that its reader needs more memory than it has."""
        names = {attribute.lower() for attribute, _, _ in self._all}
        return len(names) == len(self._all) <= MOST_AT_ONCE and all(map(is_plain_name, names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The raw columns it gives, in its order."""
        return tuple(name for _, name, _ in self._all)

    def source(self, path: str) -> str:
        """``read_json(…)`` on a spool's path."""
        kinds = ", ".join(f"{literal(a)}: '{_read_as(a, storage)}'" for a, _, storage in self._all)
        return (
            f"read_json({literal(path)}, format = 'newline_delimited', columns = {{{kinds}}}, "
            f"maximum_object_size = {LARGEST_OBJECT}, compression = 'uncompressed')"
        )

    @cached_property
    def selected(self) -> str:
        """The select list: one expression a column, by name."""
        return ", ".join(
            f"{self._typed(_identifier(attribute), attribute, storage)} AS {_identifier(name)}"
            for attribute, name, storage in self._all
        )

    def _typed(self, column: str, attribute: str, storage: Storage) -> str:
        if storage != "text" or self.is_json:
            return _typed(column, attribute, storage)
        # Two or three constants are compared one by one; more of them become a join, for twice the time of the whole.
        constant = f"{column} IN ('NaN', 'Infinity', '-Infinity')"
        return f"CASE WHEN {constant} THEN error({literal(CONSTANT)}) ELSE {column} END"


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
        case "reference":
            # A bare id: a page with a related row in it is not plain.
            fits, value = f"json_type({column}) = 'VARCHAR'", f"({column} ->> '$')"
        case "instant":
            # Written back it is the same text, or it was another spelling (a regular expression took twice as long).
            value = f"CAST({column} AS TIMESTAMP)"
            # But for infinity, which is an instant to DuckDB.
            endless = f"{column} IN ('infinity', '-infinity')"
            return _unless(f"strftime({value}, '{INSTANT}') IS DISTINCT FROM {column} OR {endless}", value)
        case "boolean":
            fits, value = f"{text} IN ('true', 'false')", f"{text} = 'true'"
        case "integer":
            value = f"CAST({text} AS BIGINT)"
            return _unless(f"{value}::VARCHAR IS DISTINCT FROM {text}", value)
        case "float":
            # The same double either way; numbers with an exponent take the longer way.
            fits = f"regexp_full_match({text}, '-?[0-9]{{1,15}}([.][0-9]{{1,17}})?')"
            value = f"CAST({text} AS DOUBLE)"
        case "json":
            fits, value = f"{text} = '[]'", text
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {fits} THEN {value} ELSE error('misfit') END"


def _unless(misfit: str, value: str) -> str:
    return f"CASE WHEN {misfit} THEN error('misfit') ELSE {value} END"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
