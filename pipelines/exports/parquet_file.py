"""Parquet: rows to a file as they come, typed as the snapshot types them, and a file of it put into its place whole.

Instants are written as the batches have them; what is an instant of UTC is said by who makes the batches.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO, Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.exports.manifest import FileEntry
from pipelines.exports.report_files import Tally, new_file
from resources.errors import UsageError
from resources.own_files import sync, sync_open
from resources.questions import Bounds, Parameters, answer_in_batches
from resources.snapshots import open_snapshot

_MAGIC: Final = b"PAR1"
#: A row group is held in memory until it is written; readers skip by them.
GROUP_ROWS: Final = 50_000


class Hashed:
    """A file opened for writing; what goes through is counted and hashed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Who opened the file closes it: it is made durable first."""
        self.closed = True

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Groups:
    """Rows into a Parquet file, a row group at a time; no more than one is held."""

    def __init__(self, file: Hashed, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._held: list[pa.Table] = []
        self._waiting = 0

    def add(self, rows: pa.Table) -> None:
        self._held.append(rows)
        self.rows += rows.num_rows
        self._waiting += rows.num_rows
        if self._waiting >= GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Write what is held and the end of the file; a file without rows has its columns all the same."""
        if self._waiting or not self.rows:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        whole = pa.concat_tables(self._held) if self._held else self._schema.empty_table()
        self._writer.write_table(whole, row_group_size=max(self._waiting, 1))
        self._held, self._waiting = [], 0


class ParquetFile:
    """A table of a report as Parquet. ``schema``: of its rows; instants in it that say UTC are given without."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.name = name
        self._schema = schema
        self._tally = Tally(schema.names)
        self._file = new_file(folder / name)
        self._hashed = Hashed(self._file)
        self._groups = Groups(self._hashed, schema)

    def add(self, batch: pl.DataFrame) -> None:
        self._tally.count(batch)
        self._groups.add(batch.to_arrow().cast(self._schema))

    def close(self) -> FileEntry:
        self._groups.close()
        sync_open(self._file)
        self._file.close()
        totals = dict(self._tally.totals)
        return FileEntry(self.name, self._tally.rows, self._hashed.size, totals, self._hashed.sha256)


def _require_place(target: Path) -> None:
    """A Parquet file may be replaced, and nothing else: the snapshot's link and the mirror are files too."""
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise UsageError(f"{target} is a link or a folder.", "Give the name of a new file as --out.")
    if target.is_file():
        with target.open("rb") as standing:
            if standing.read(len(_MAGIC)) != _MAGIC:
                raise UsageError(
                    f"{target} is there and is no Parquet file.",
                    "Only one of those is replaced: give another name.",
                )


def write_answer(snapshot: Path, query: str, parameters: Parameters, bounds: Bounds, target: Path) -> int:
    """What a query finds in a snapshot, as a Parquet file at ``target``; returns its rows.

    ``target`` is the whole answer or what it was before. Raises as questions.answer does, UsageError where the file
    cannot be written or something else stands in its place.
    """
    partial: Path | None = None
    rows = 0
    try:
        _require_place(target)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        partial = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            hashed = Hashed(file)

            def take(reader: Any) -> None:
                nonlocal rows
                groups = Groups(hashed, reader.schema)
                for batch in reader:
                    groups.add(pa.Table.from_batches([batch]))
                groups.close()
                rows = groups.rows

            with open_snapshot(snapshot, memory_limit=f"{bounds.memory} bytes") as con:
                answer_in_batches(con, query, take, bounds=bounds, parameters=parameters)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
        sync(target.parent)
        return rows
    except pa.ArrowInvalid as refused:
        raise UsageError(f"Parquet has no form for this answer ({type(refused).__name__}).", _CAST) from None
    except pa.ArrowNotImplementedError:
        raise UsageError("Parquet has no form for a type of this answer.", _CAST) from None
    except OSError as refused:
        raise UsageError(
            f"{target} cannot be written ({refused.strerror or type(refused).__name__}).",
            "Give a file in a folder that you may write as --out.",
        ) from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


_CAST: Final = "Cast its columns to plain types (VARCHAR, BIGINT, TIMESTAMP), and give each its own name."
