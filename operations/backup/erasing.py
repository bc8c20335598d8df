"""Takes a forgotten person out of backups: rows of theirs lose their personal values, and so do copies of them in other
rows, as in the mirror. Parts that held any are written anew under another name, then the manifest, then the old parts
go: a kill leaves the backup as it was or as it is to be, and the next call takes away what belongs to neither.

Whose a row is: resources/forgotten.py. What is sealed cannot be looked through, and holds no customer.
"""

# DuckDB's and pyarrow's frames carry no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import polars as pl

from marketplace.collections import COLLECTIONS
from marketplace.erasure import blanked, personal
from marketplace.traces import Traces
from operations.backup.manifest import (
    MANIFEST,
    SIGNATURE,
    FileEntry,
    Manifest,
    RewriteEntry,
    TableEntry,
    read_manifest,
    sha256_of,
)
from operations.backup.parts import PartWriter, lines_of, packed
from operations.backup.rows import Frames, line_of, parquet_name, row_of
from operations.backup.scan import watched_columns
from resources.appwrite.columns import columns_of
from resources.forgotten import Forgotten
from resources.instants import z_text_of
from resources.ledger import Ledger, Seal
from resources.report_keys import signer
from resources.rewrites import Rewrite, Rewrites
from resources.settings import Settings
from resources.sql import quoted
from resources.store import Store

BECAUSE: Final = "an erasure"
IDS: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]{4,}")
"""What a backup is called."""
ROWS_AT_ONCE: Final = 5_000
_COMMENT: Final = f"file:{MANIFEST}\thashed"
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_LONG_NUMBER: Final = re.compile(r"[0-9](?:[\s().\-/_:]{0,2}[0-9]){7}")


@dataclass(frozen=True)
class Person:
    """Whom to take out. ``own``: (collection, ``$id``) of their rows; ``mirror``: a connection to the mirror."""

    customer_id: str
    by: str
    at: datetime
    own: frozenset[tuple[str, str]]
    traces: Traces
    forgotten: Forgotten
    mirror: duckdb.DuckDBPyConnection


@dataclass
class Held:
    """What a backup holds of a person: table → rows."""

    backup_id: str
    manifest: Manifest
    manifest_sha256: str
    rows: dict[str, int] = field(default_factory=dict[str, int])
    sealed: list[str] = field(default_factory=list[str])
    parts: dict[str, set[int]] = field(default_factory=dict[str, "set[int]"])


class _Judge:
    """What of the rows of one table must go."""

    def __init__(self, settings: Settings, person: Person, table: TableEntry) -> None:
        names = {settings.table_id(one.name): one.name for one in COLLECTIONS}
        self._person = person
        self._collection = names.get(table.id, "")
        self._columns = tuple((str(c["key"]), parquet_name(str(c["key"]))) for c in table.columns)
        self._frames = Frames(columns_of(table.columns))

    def without(self, lines: Sequence[bytes]) -> dict[int, bytes]:
        """Of some lines those that hold something of theirs, without it, by place."""
        frame = self._frames.of(b"\n".join(lines) + b"\n")
        rows = {place: row_of(lines[place]) for place in self._suspects(frame)}
        found: dict[int, bytes] = {}
        unknown = self._unknown(frame)
        for place in sorted(rows.keys() | unknown):
            row = rows.get(place) or row_of(lines[place])
            fresh = self._own(row, frame["_updated_at"][place])
            if place in unknown:
                fresh = {name: self._sought(name, value) for name, value in fresh.items()}
            if fresh != row:
                found[place] = line_of(fresh)
        return found

    def _suspects(self, frame: pl.DataFrame) -> list[int]:
        """Rows of which something must go by whose they are, or by what the mirror found in them."""
        if not self._collection:
            return []
        after = self._person.forgotten.blank(self._collection, frame, self._columns)
        differs = [frame[name].ne_missing(after[name]) for name in frame.columns]
        changed = pl.select(pl.any_horizontal(differs)).to_series()
        ids = [row_id for collection, row_id in self._person.own if collection == self._collection]
        return (changed | frame["_id"].is_in(ids)).arg_true().to_list()

    def _own(self, row: dict[str, Any], updated_at: datetime | None) -> dict[str, Any]:
        if not self._collection:
            return row
        view = {name: value for name, value in row.items() if not name.startswith("$")}
        view["_id"] = row.get("$id")
        gone = self._person.forgotten.attributes_of(self._collection, view, updated_at)
        if (self._collection, str(row.get("$id"))) in self._person.own:
            gone = gone | personal(self._collection)
        return {
            name: blanked(name, value, view) if name in gone and value is not None else value
            for name, value in row.items()
        }

    def _unknown(self, frame: pl.DataFrame) -> set[int]:
        """Rows that the mirror does not have as they are here: nobody has looked for values in them yet."""
        ids = frame.select("_id", "_updated_at").with_row_index("place")
        held = self._mirrored()
        if not held:
            return set(range(frame.height))
        con = self._person.mirror
        con.register("_backed_up", ids.to_arrow())
        try:
            known = con.execute(
                "SELECT DISTINCT place FROM _backed_up JOIN ("
                + " UNION ALL ".join(f"SELECT _id, _updated_at FROM {quoted(name)}" for name in held)
                + ") USING (_id, _updated_at)"
            ).fetchall()
        finally:
            con.unregister("_backed_up")
        return set(range(frame.height)) - {int(row[0]) for row in known}

    def _mirrored(self) -> list[str]:
        """The mirror's tables of the collection."""
        if not self._collection:
            return []
        names = [self._collection, f"{self._collection}_history"]
        found = self._person.mirror.execute(
            "SELECT table_name FROM duckdb_tables() WHERE list_contains(?, table_name)", [names]
        ).fetchall()
        return [str(row[0]) for row in found]

    def _sought(self, name: str, value: Any) -> Any:
        if name.startswith("$"):
            return value
        if isinstance(value, list):
            return [self._sought(name, item) for item in value]
        if not isinstance(value, str) or not _may_hold(value):
            return value
        return self._person.traces.replacements([value], "sentence").get(value, value)


def _may_hold(text: str) -> bool:
    """A first look: an instant and a token without a long number are no value of a person's."""
    if _INSTANT.match(text):
        return False
    return "@" in text or any(c.isspace() for c in text.strip()) or _LONG_NUMBER.search(text) is not None


def look(settings: Settings, store: Store, person: Person, backup_id: str) -> Held | None:
    """What a backup holds of a person; None where there is no such backup. Raises DamagedBackup, StoreFailure."""
    data = store.read(backup_id, MANIFEST)
    if data is None:
        return None
    held = Held(backup_id, read_manifest(data, backup_id), sha256_of(data))
    for table in held.manifest.tables:
        judge = _Judge(settings, person, table)
        for file in table.files:
            if file.form != "jsonl":
                continue
            if file.sealed:
                held.sealed.append(file.name)
                continue
            rows = 0
            with store.local(backup_id, file.name) as path:
                for lines in _some_at_once(path, file, backup_id):
                    rows += len(judge.without(lines))
            if rows:
                held.rows[table.id] = held.rows.get(table.id, 0) + rows
                held.parts.setdefault(table.id, set()).add(file.part)
    return held


def _some_at_once(path: Path, file: FileEntry, backup_id: str) -> Iterator[list[bytes]]:
    held: list[bytes] = []
    for lines in lines_of(path, file, backup_id):
        held += lines
        while len(held) >= ROWS_AT_ONCE:
            yield held[:ROWS_AT_ONCE]
            held = held[ROWS_AT_ONCE:]
    if held:
        yield held


def rewrite(
    settings: Settings, store: Store, person: Person, held: Held, rewrites: Rewrites
) -> tuple[str, str]:
    """Write a backup anew without a person: (hash of its manifest before, after). Raises BookwatchError, and the backup
    stands as it was then."""
    backup_id, manifest = held.backup_id, held.manifest
    number = len(manifest.rewritten) + 1
    tables: list[TableEntry] = []
    with store.workshop(f"{backup_id}-rewriting") as folder:
        for table in manifest.tables:
            tables.append(_anew(settings, store, person, held, table, number, folder))
        fresh_files = [file for table in tables for file in table.files]
        standing = {file.name for file in manifest.files}
        for file in fresh_files:
            if file.name not in standing:
                store.place_file(backup_id, file.name, folder / file.name)
    signing = signer(settings.home)
    signed = SIGNATURE in store.files(backup_id)
    entry = RewriteEntry(str(z_text_of(person.at)), BECAUSE, sorted(held.rows), held.manifest_sha256)
    fresh = msgspec.structs.replace(
        manifest,
        tables=tables,
        rewritten=[*manifest.rewritten, entry],
        signed_with=signing.public.text if signed and signing is not None else None,
    )
    data = fresh.to_bytes()
    after = sha256_of(data)
    begun = rewrites.begin(
        person.customer_id,
        by=person.by,
        at=person.at,
        kind="backup",
        path=Path(store.place) / backup_id,
        before=held.manifest_sha256,
        after=Seal(MANIFEST, after, len(data), 0, 0),
    )
    store.write(backup_id, MANIFEST, data)
    finish(settings, store, begun, rewrites, at=person.at)
    return held.manifest_sha256, after


def finish(settings: Settings, store: Store, begun: Rewrite, rewrites: Rewrites, *, at: datetime) -> None:
    """End a rewriting that was begun, whatever of it was done: with the new manifest the old files go, with the old one
    the new ones. Raises StoreFailure, DamagedBackup."""
    backup_id = Path(begun.path).name
    data = store.read(backup_id, MANIFEST)
    if data is None:
        rewrites.give_up(begun)
        return
    manifest = read_manifest(data, backup_id)
    stands = sha256_of(data) == begun.sha256_after
    if stands and SIGNATURE in store.files(backup_id):
        signing = signer(settings.home)
        if signing is None:
            store.remove(backup_id, SIGNATURE)
        else:
            store.write(backup_id, SIGNATURE, signing.sign(data, _COMMENT))
    known = {MANIFEST, SIGNATURE, *(file.name for file in manifest.files)}
    for name in store.files(backup_id):
        if name not in known:
            store.remove(backup_id, name)
    if stands:
        Ledger(settings.home.ledger).enter_rewritten(backup_id, begun.sha256_after, size=manifest.bytes)
        rewrites.finish(begun, at=at)
    else:
        rewrites.give_up(begun)


def _anew(
    settings: Settings,
    store: Store,
    person: Person,
    held: Held,
    table: TableEntry,
    number: int,
    folder: Path,
) -> TableEntry:
    """A table with its parts that held something written anew into ``folder``."""
    due = held.parts.get(table.id)
    if not due:
        return table
    judge = _Judge(settings, person, table)
    frames, watched = Frames(columns_of(table.columns)), watched_columns(table.columns)
    files: list[FileEntry] = []
    nulls: dict[str, int] = {}
    digest = hashlib.sha256()
    for file in table.files:
        if file.form != "jsonl":
            continue
        others = [one for one in table.files if one.part == file.part]
        writer = PartWriter(folder, _renamed(file.name, number), frames, watched, number=file.part)
        with store.local(held.backup_id, file.name) as path:
            for lines in _some_at_once(path, file, held.backup_id):
                if file.part in due:
                    changed = judge.without(lines)
                    lines = [changed.get(n) or line for n, line in enumerate(lines)]
                block = b"\n".join(lines) + b"\n"
                digest.update(block)
                writer.add(len(lines), block, packed(block) if file.part in due else b"")
        writer.type_all()
        for name, count in writer.nulls.items():
            nulls[name] = nulls.get(name, 0) + count
        if file.part in due:
            writer.end_part()
            files += writer.files
        else:
            files += others
    return msgspec.structs.replace(
        table,
        files=files,
        nulls=nulls,
        rows_sha256=digest.hexdigest(),
    )


def _renamed(name: str, number: int) -> str:
    """What the n-th rewriting calls a part: as it was called first, and the number."""
    stem = name.removesuffix(".jsonl.zst")
    return f"{re.sub(r'-r[0-9]+$', '', stem)}-r{number}"


def backups_in(store: Store) -> list[str]:
    """The folders of a store that are called as backups."""
    return [name for name in store.folders() if IDS.fullmatch(name)]
