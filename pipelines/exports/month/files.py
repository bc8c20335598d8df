"""The files of a package's table, all made in one pass over its rows: CSV as it is, CSV for spreadsheets, JSON.

Each batch is turned into bytes by Polars, the files beside each other on the processors there are.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.exports.csv_writer import REPORT, Locale
from pipelines.exports.manifest import FileEntry
from pipelines.exports.month.table import PackageTable
from pipelines.exports.report_files import Tally, new_file
from resources.own_files import sync_open

#: The forms of a table's file: what follows the table's name.
ENDINGS: Final = (".csv", "_spreadsheet.csv", ".json")
#: Bytes of JSON that are put together at a time.
_PIECE: Final = 64 << 10


class _File:
    """A file that is written from its beginning to its end, every byte through the hash."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._file = new_file(folder / name)
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    def close(self, tally: Tally) -> FileEntry:
        sync_open(self._file)
        self._file.close()
        return FileEntry(self.name, tally.rows, self._size, dict(tally.totals), self._hash.hexdigest())

    def abandon(self) -> None:
        self._file.close()


class TableFiles:
    """The files of one table under their names in ``folder``; ``stem`` is what comes before the form's ending.

    ``pool`` writes them beside each other; a batch is taken when the one before it is written, so no more than two
    are held at a time.
    """

    def __init__(
        self, folder: Path, stem: str, table: PackageTable, locale: Locale, pool: ThreadPoolExecutor
    ) -> None:
        self._pool = pool
        self._names = table.names
        self._tally = Tally(table.names, table.summing)
        instants = frozenset(column.name for column in table.columns if column.kind == "instant")
        raw, safe, json = (_File(folder, stem + ending) for ending in ENDINGS)
        self._files = (raw, safe, json)
        self._running: list[Future[None]] = []
        plain, spreadsheet = REPORT["en"], REPORT[locale]
        raw.write(plain.header(table.names))
        safe.write(spreadsheet.header(table.names))
        json.write(b"[")
        self._jobs: tuple[Callable[[pl.DataFrame], None], ...] = (
            self._tally.count,
            lambda batch: raw.write(plain.lines(batch, safe=False)),
            lambda batch: safe.write(spreadsheet.lines(batch, safe=True, leave=instants)),
            lambda batch: self._write_objects(json, batch),
        )
        self._begun = False

    def add(self, batch: pl.DataFrame) -> None:
        """Write these rows behind the others. Raises ValueError for other columns than the table's."""
        if batch.columns != self._names:
            raise ValueError(f"columns {batch.columns} where {self._names} are declared")
        if not batch.height:
            return
        self._wait()
        self._running = [self._pool.submit(job, batch) for job in self._jobs]

    def _write_objects(self, file: _File, batch: pl.DataFrame) -> None:
        """An object a row, one a line; a line break within a text is escaped, so none but these ends a line."""
        made = io.BytesIO()
        batch.write_ndjson(made)
        file.write(b",\n" if self._begun else b"\n")
        self._begun = True
        with made.getbuffer() as lines:
            end = len(lines) - len(b"\n")
            # In pieces: a copy of all of it costs more to get from the system than to make.
            for at in range(0, end, _PIECE):
                file.write(bytes(lines[at : min(at + _PIECE, end)]).replace(b"\n", b",\n"))

    def _wait(self) -> None:
        running, self._running = self._running, []
        for job in running:
            job.result()

    def close(self) -> list[FileEntry]:
        """Finish the files; what they have become, in the order of ``ENDINGS``."""
        self._wait()
        self._files[-1].write(b"\n]\n")
        return [file.close(self._tally) for file in self._files]

    def abandon(self) -> None:
        """Close the files as they are: they will be made anew."""
        for job in self._running:
            job.exception()
        for file in self._files:
            file.abandon()
