"""One file of a report: rows to bytes, counted, summed and hashed as they are written. Knows no column by name."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import orjson
import polars as pl

from pipelines.exports.manifest import FileEntry

Format = Literal["csv", "json"]

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
MONEY_SUFFIX = "_idr"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ReportFile(Protocol):
    """What takes the rows of a file, batch by batch, in their order."""

    def add(self, batch: pl.DataFrame) -> None: ...

    def close(self) -> FileEntry: ...


class _Counted:
    """A file under a temporary name; every byte goes through the hash, every ``_idr`` column into its total."""

    def __init__(self, folder: Path, name: str, columns: list[str]) -> None:
        self.name = name
        self.columns = columns
        self._rows = 0
        self._size = 0
        self._totals = {column: 0 for column in columns if column.endswith(MONEY_SUFFIX)}
        self._hash = hashlib.sha256()
        # 0600 whatever the umask: a report is for whom its maker gives it to.
        self._file = os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    def _count(self, batch: pl.DataFrame) -> None:
        self._rows += batch.height
        for column in self._totals:
            # Wider than the column: a sum that wrapped round would be a wrong rupiah nobody sees.
            self._totals[column] += int(batch[column].cast(pl.Int128).sum())

    def _finish(self) -> FileEntry:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return FileEntry(self.name, self._rows, self._size, dict(self._totals), self._hash.hexdigest())


class CsvFile(_Counted):
    """UTF-8 with BOM, RFC 4180 (CRLF, quoted where needed), one header. Null is an empty cell, empty text is ``""``."""

    def __init__(
        self,
        folder: Path,
        name: str,
        columns: list[str],
        change: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    ) -> None:
        super().__init__(folder, name, columns)
        self._change = change
        self._write(BOM + ",".join(columns).encode() + b"\r\n")

    def add(self, batch: pl.DataFrame) -> None:
        self._count(batch)
        text = io.BytesIO()
        rows = self._change(batch) if self._change else batch
        rows.write_csv(text, include_header=False, line_terminator="\r\n", quote_style="necessary")
        self._write(text.getvalue())

    def close(self) -> FileEntry:
        return self._finish()


class JsonFile(_Counted):
    """A JSON array of objects, one a line; keys in the order of the columns, null as null, dates as ISO text."""

    def __init__(self, folder: Path, name: str, columns: list[str]) -> None:
        super().__init__(folder, name, columns)
        self._write(b"[")

    def add(self, batch: pl.DataFrame) -> None:
        before = self._rows
        self._count(batch)
        lines = [orjson.dumps(row) for row in batch.iter_rows(named=True)]
        if lines:
            self._write((b",\n" if before else b"\n") + b",\n".join(lines))

    def close(self) -> FileEntry:
        self._write(b"\n]\n")
        return self._finish()
