"""Tables of the warehouse as Parquet files in a store, for engines that run elsewhere. A version is a manifest that
names every file; it becomes visible at once, when all its files are there.

A table with instants and zones lies in a part for each local month, any other in one. A part whose rows are as the
version before has them is named again, not written again: rows are compared by a digest of all their columns, so a row
that changed, came, went or moved to another month is seen however it did. Which tables those are is not known here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from resources.errors import BookwatchError
from resources.objects import Objects, Tag
from resources.settings import Settings
from resources.sql import literal, quoted

_NEWEST: Final = "manifests/newest.json"
_BEFORE: Final = "manifests/before.json"
_TABLES: Final = "tables"
#: Changes when files of an earlier form are not to be read.
_FORM: Final = 1
#: What a part is called whose rows have no month, and the only one of a table without.
_WHOLE: Final = "all"
_UNDATED: Final = "none"
#: Partitions that DuckDB writes at a time keep a row group each in memory.
_ROW_GROUP: Final = 122_880


class LakeDamaged(BookwatchError):
    """The manifest cannot be read, or names what is not there."""


@dataclass(frozen=True)
class Source:
    """A table to lay out. ``layer`` None: a temporary table. ``month``: SQL of its month as text, null where none is
    known; None where it lies in one part."""

    layer: str | None
    name: str
    month: str | None = None

    @property
    def folder(self) -> str:
        return f"{self.layer or 'given'}-{self.name}"

    @property
    def sql(self) -> str:
        return f"{quoted(self.layer or 'temp')}.{quoted(self.name)}"


@dataclass(frozen=True)
class File:
    """A file of a part: its name in the table's folder, its size in bytes and the SHA-256 of its content."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """The rows of a month, or of a table without months. ``digest``: of all their columns, whatever their order."""

    rows: int
    digest: str
    files: tuple[File, ...]


@dataclass(frozen=True)
class Version:
    """What a manifest says. ``state``: what the rows were made from, as the caller told it. ``writer``: of the digests;
    those of another version of DuckDB are not compared. ``tables``: folder → part → its rows and files."""

    number: int
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    writer: str = ""
    columns: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict[str, Sequence[Sequence[str]]])
    tables: Mapping[str, Mapping[str, Part]] = field(default_factory=dict[str, Mapping[str, Part]])

    def keys(self, source: Source) -> list[str]:
        """The keys of a table's files in the store."""
        return [
            key_of(source.folder, file) for part in self.tables[source.folder].values() for file in part.files
        ]


def key_of(folder: str, file: File) -> str:
    """The key of a file of a table's folder in the store."""
    return f"{_TABLES}/{folder}/{file.name}"


@dataclass(frozen=True)
class Written:
    """A version, and how many parts and bytes of it were written now."""

    version: Version
    parts: int
    bytes: int


def write(
    con: duckdb.DuckDBPyConnection,
    sources: Iterable[Source],
    store: Objects,
    state: Mapping[str, Any],
    *,
    making: Path,
) -> Written:
    """Lay out what changed since the newest version, then make the new version visible; where nothing did the newest
    stands. Files that neither it nor the version before names are removed. Files are made in ``making``, a folder of
    this machine that is gone afterwards.

    Raises StoreFailure (Outrun where another wrote a version meanwhile), LakeDamaged, duckdb.Error; then the newest
    version is as it was.
    """
    found = _look(store)
    newest, tag = found or (None, None)
    writer = duckdb.__version__
    known: Mapping[str, Mapping[str, Part]] = newest.tables if newest and newest.writer == writer else {}
    tables: dict[str, dict[str, Part]] = {}
    columns: dict[str, list[list[str]]] = {}
    parts = size = 0
    for source in sources:
        columns[source.folder] = _columns(con, source)
        before: Mapping[str, Part] = known.get(source.folder, {})
        if (
            newest
            and [list(pair) for pair in newest.columns.get(source.folder, ())] != columns[source.folder]
        ):
            before = {}
        now = _parts(con, source)
        same = {
            name: before[name] for name, told in now.items() if name in before and _same(before[name], told)
        }
        due = {name: part for name, part in now.items() if name not in same}
        fresh = _write(con, source, due, store, making)
        parts += len(fresh)
        size += sum(file.size for part in fresh.values() for file in part.files)
        tables[source.folder] = {name: (same | fresh)[name] for name in now}
    if newest and not parts and newest.tables == tables and dict(newest.state) == dict(state):
        return Written(newest, 0, 0)
    version = Version(newest.number + 1 if newest else 1, state, writer, columns, tables)
    if newest is not None:
        store.put(_BEFORE, _manifest(newest))
    store.put_if(_NEWEST, _manifest(version), tag)
    _clear(store, [version, *([newest] if newest else [])])
    return Written(version, parts, size)


def read(store: Objects) -> Version | None:
    """The newest version; None where there is none. Raises LakeDamaged, StoreFailure."""
    found = _look(store)
    return found and found[0]


def _look(store: Objects) -> tuple[Version | None, Tag] | None:
    """The newest version, None where it is of another form, and what tells its manifest from the next."""
    seen = store.look(_NEWEST)
    if seen is None:
        return None
    try:
        told = json.loads(seen.content)
        if told["form"] != _FORM:
            return None, seen.tag
        tables = {
            folder: {
                part: Part(one["rows"], one["digest"], tuple(File(**file) for file in one["files"]))
                for part, one in parts.items()
            }
            for folder, parts in told["tables"].items()
        }
        return Version(told["number"], told["state"], told["writer"], told["columns"], tables), seen.tag
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LakeDamaged.of("failure.lake_damaged", place=store.place) from None


def _manifest(version: Version) -> bytes:
    return json.dumps({"form": _FORM, **asdict(version)}, indent=1, sort_keys=True, default=str).encode()


def _clear(store: Objects, kept: Sequence[Version]) -> None:
    """Remove files that no manifest names: of earlier versions, and of writers that were killed."""
    named = {
        key_of(folder, file)
        for version in kept
        for folder, parts in version.tables.items()
        for part in parts.values()
        for file in part.files
    }
    for held in list(store.listed(_TABLES)):
        if held.key not in named:
            store.delete(held.key)
    store.clear()


def _columns(con: duckdb.DuckDBPyConnection, source: Source) -> list[list[str]]:
    return [[row[0], row[1]] for row in con.execute(f"DESCRIBE SELECT * FROM {source.sql}").fetchall()]


def _month(source: Source) -> str:
    return f"coalesce({source.month}, {literal(_UNDATED)})" if source.month else literal(_WHOLE)


def _parts(con: duckdb.DuckDBPyConnection, source: Source) -> dict[str, tuple[int, str]]:
    """Part → its rows and their digest. A table without months has its one part also where it has no row."""
    found = con.execute(
        f"SELECT part, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM (SELECT {_month(source)} AS part, t"
        f" FROM {source.sql} AS t) GROUP BY part ORDER BY part"
    ).fetchall()
    return {part: (rows, digest) for part, rows, digest in found} or {_WHOLE: (0, "0")}


def _same(part: Part, found: tuple[int, str]) -> bool:
    return (part.rows, part.digest) == found


def _write(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    parts: Mapping[str, tuple[int, str]],
    store: Objects,
    making: Path,
) -> dict[str, Part]:
    """Write these parts, all in one reading of the table, and put their files into the store under names that no file
    of another content has."""
    if not parts:
        return {}
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    try:
        whole = source.month is None or list(parts) == [_WHOLE]
        form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}"
        if whole:
            con.execute(f"COPY (FROM {source.sql}) TO {literal(str(making / 'data_0.parquet'))} ({form})")
        else:
            chosen = ", ".join(literal(part) for part in parts)
            con.execute(
                f"COPY (SELECT *, {_month(source)} AS bw_part FROM {source.sql} WHERE {_month(source)} IN ({chosen}))"
                f" TO {literal(str(making / 'parts'))}"
                f" ({form}, PARTITION_BY (bw_part), WRITE_PARTITION_COLUMNS false)"
            )
        written: dict[str, Part] = {}
        for name, (rows, digest) in parts.items():
            found = making if whole else making / "parts" / f"bw_part={name}"
            made = sorted(found.glob("*.parquet"))
            if _rows(con, made) != rows:
                raise AssertionError(f"Not every row of {source.folder} was written.")
            files = tuple(_put(store, source, name, path) for path in made)
            written[name] = Part(rows, digest, files)
        return written
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _rows(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> int:
    """The rows of Parquet files, as they say themselves."""
    if not files:
        return 0
    listed = ", ".join(literal(str(file)) for file in files)
    found = con.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata([{listed}])").fetchone()
    return int(found[0]) if found else 0


def _put(store: Objects, source: Source, part: str, path: Path) -> File:
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    file = File(f"{part}-{sha256[:24]}.parquet", path.stat().st_size, sha256)
    store.take(key_of(source.folder, file), path)
    return file


def folder_of(settings: Settings) -> Path | None:
    """Where the lake lies: in BOOKWATCH_STORE's folder, else in the home. None where that is an object store."""
    if "://" in settings.store:
        return None
    root = Path(settings.store).expanduser() if settings.store else Path()
    return (root if root.is_absolute() else settings.home.root / root) / "lake"


def working_folder(settings: Settings) -> Path:
    """Where an engine that reads the lake keeps its own files while it works."""
    return settings.home.root / "spark"


def drop(settings: Settings) -> None:
    """Take away the lake, all versions of it, and what engines left of it: who must forget a row forgets it here too.
    The next run that needs it writes it anew. For who holds the run's lock."""
    for folder in (folder_of(settings), working_folder(settings)):
        if folder is not None and folder.exists():
            shutil.rmtree(folder)
