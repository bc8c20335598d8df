"""The mirror opened: raw.duckdb's stores, one a subject, over one file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import polars as pl

from resources.phone_key import read_phone_key
from resources.raw.columns import Columns
from resources.raw.file import RawFile
from resources.raw.merging import Merge
from resources.raw.pages import PageSizes
from resources.raw.published_ids import RowNames
from resources.raw.rejects import Rejects
from resources.raw.runs import IngestRuns
from resources.raw.source import Source
from resources.raw.sweeps import Sweeps
from resources.raw.versions import Versions
from resources.raw.watermarks import Watermarks


class RawStore:
    """The mirror. Opens (and makes) ``path``; not safe to use from several threads at once.

    ``source``: what it mirrors; ``merge`` brings rows in; ``pages``: sizes learned; the others are called by what they
    keep. Raises StoreFailure where the file cannot be read or written (also: another process has it open).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        read_only: bool = False,
        memory_limit: str = "400MB",
        most_memory: int | None = None,
    ) -> None:
        """``memory_limit``: what DuckDB may hold; because of large rows up to ``most_memory`` bytes (half of this
        machine's memory)."""
        self.file = RawFile(
            Path(path), read_only=read_only, memory_limit=memory_limit, most_memory=most_memory
        )
        self.source = Source(self.file)
        self.pages = PageSizes(self.file)
        self.sweeps = Sweeps(self.file)
        self.watermarks = Watermarks(self.file, self.sweeps)
        self.runs = IngestRuns(self.file, self.watermarks)
        self.columns = Columns(self.file, self.watermarks)
        self.rejects = Rejects(self.file, self.columns)
        self.versions = Versions(self.file, self.columns)
        self.merge = Merge(self.file, self.columns, self.watermarks, self.rejects, self.versions)

    def __enter__(self) -> RawStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        return self.file.connection

    def transaction(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """All or nothing: whatever is raised inside rolls everything back."""
        return self.file.transaction()

    def published_ids(self, collection: str, ids: Sequence[str]) -> list[str]:
        """``$id``s of rows as they may be told: one that is a phone, or no id at all, by its hash."""
        if not ids:
            return []
        catalog = str(self.file.rows("SELECT current_database()")[0][0])
        with self.file.translated_errors("be read"):
            names = RowNames(self.file.connection, read_phone_key(self.file.path), catalog)
            return names.published(collection, pl.Series(list(ids), dtype=pl.String)).to_list()
