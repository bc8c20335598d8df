"""Restores a backup into an empty database, goes on where a killed restore left off, and compares the two to the row.

Rows keep ids, instants and permissions; their number is the server's to give, so they are made in their order, and the
next backup has the same bytes. What a restore began stands in the ledger; how far it came is asked of the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from messages.message import Message
from operations.backup.create import backups_lock
from operations.backup.definitions import differing, relaxed_keys
from operations.backup.manifest import FileEntry, Manifest, TableEntry
from operations.backup.parts import file_sha256, identity_of, lines_of
from operations.backup.rows import line_of, row_of, values_of
from operations.backup.scan import Pass, read_table
from operations.backup.tables import Table, database_settings, relations_of
from operations.backup.target import ROWS_A_CALL, RowsRefused, Target
from operations.backup.verify import manifest_of
from resources.appwrite.failures import CallEvent, CallFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.page_threads import PageThreads
from resources.appwrite.unavailable import source_unavailable
from resources.errors import BookwatchError, UsageError
from resources.ledger import Ledger
from resources.settings import Settings
from resources.store import Store, open_store

_DATABASE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")

Say = Callable[[Message], object]
Reached = Callable[[str], object]
TOLD_EVERY: Final = 50_000
"""Rows, a line of progress."""


@dataclass
class Restored:
    """What was restored. ``rows``: that stand as they are in the backup; ``differences``: rows that do not, or tables
    that are made otherwise; ``wrong`` says which, ``said`` what is to be known besides. ``seconds``: of making them."""

    backup_id: str
    database: str
    tables: int = 0
    rows: int = 0
    differences: int = 0
    resumed: bool = False
    wrong: list[Message] = field(default_factory=list[Message])
    said: list[Message] = field(default_factory=list[Message])

    @property
    def same(self) -> bool:
        return not self.wrong


def restore_backup(
    settings: Settings,
    backup_id: str,
    *,
    into: str | None = None,
    identity: Path | None = None,
    say: Say = lambda line: None,
    on_call: Callable[[CallEvent], None] = lambda event: None,
    reached: Reached = lambda step: None,
) -> Restored:
    """Restore a backup into a database of the server, by default the one of the settings, with the acting key.

    Raises UsageError (no such backup, a database that is not empty, no acting key), BookwatchError where it cannot be
    done; nothing was written then, or the next call goes on.
    """
    if into is not None and _DATABASE_ID.fullmatch(into) is None:
        raise UsageError.of("failure.restore_id")
    acting = database_settings(settings.acting(), into)
    key = None if identity is None else identity_of(identity)
    store = open_store(settings)
    with backups_lock(settings):
        manifest, _ = manifest_of(store, backup_id)
        require_whole(store, manifest)
        ledger = Ledger(settings.home.ledger)
        with Gateway(acting, acting.clock, on_call) as gateway:
            where = "|".join((gateway.endpoint, gateway.project, gateway.database))
            try:
                target = Target(gateway)
                resumed = _opened(target, manifest, ledger, where)
                number, _ = ledger.begin_restore(backup_id, where, at=settings.clock.now())
                reached("begun")
                if target.tables() is None:
                    target.make_database(gateway.database)
                reached("database")
                done = restore_into(
                    target, store, manifest, key=key, resumed=resumed, say=say, reached=reached
                )
            except CallFailure as failed:
                raise source_unavailable(failed, gateway) from None
        ledger.finish_restore(number, at=settings.clock.now(), rows=done.rows, differences=done.differences)
        reached("entered")
        return done


def require_whole(store: Store, manifest: Manifest) -> None:
    """Raises BookwatchError where a file is not as it was written: half a backup is not restored."""
    there = store.files(manifest.backup_id)
    damaged = 0
    for file in manifest.files:
        if there.get(file.name) != file.bytes:
            damaged += 1
            continue
        with store.local(manifest.backup_id, file.name) as path:
            damaged += file_sha256(path) != file.sha256
    if damaged:
        raise BookwatchError.of("failure.restore_damaged", backup=manifest.backup_id, n=damaged)


def _opened(target: Target, manifest: Manifest, ledger: Ledger, where: str) -> bool:
    """Whether a restore that was begun is gone on with. Raises UsageError where the database has tables of others."""
    tables = target.tables()
    if not tables:
        return False
    ours = {table.id for table in manifest.tables}
    if ledger.restore_begun(manifest.backup_id, where) and {table.id for table in tables} <= ours:
        return True
    raise UsageError.of("failure.restore_not_empty", database=target.gateway.database, n=len(tables))


def restore_into(
    target: Target,
    store: Store,
    manifest: Manifest,
    *,
    key: Any = None,
    resumed: bool = False,
    say: Say = lambda line: None,
    reached: Reached = lambda step: None,
) -> Restored:
    """Make every table, its rows and relationships, then compare. Raises BookwatchError, CallFailure."""
    done = Restored(manifest.backup_id, target.gateway.database, len(manifest.tables), resumed=resumed)
    standing = {table.id for table in target.tables() or []}
    refused: dict[str, int] = {}
    for table in manifest.tables:
        relaxed = relaxed_keys(table.columns, table.nulls)
        if table.id in standing:
            target.complete(table, relaxed)
        else:
            target.make_table(table, relaxed)
        reached(f"table {table.id}")
        filling = _Filling(target, store, manifest, table, key, table.id in standing, say, reached)
        count = filling.fill()
        if count:
            refused[table.id] = count
        if filling.unbound:
            done.said.append(Message("backup.index_after", {"table": table.id}))
        reached(f"rows {table.id}")
    for table in manifest.tables:
        target.mend_columns(table, relaxed_keys(table.columns, table.nulls))
    reached("columns")
    for table in manifest.tables:
        target.make_relations(table)
        reached(f"relations {table.id}")
    for table in manifest.tables:
        _relate(target, store, manifest, table, key)
    reached("related")
    for name, count in refused.items():
        done.wrong.append(Message("backup.rows_refused", {"table": name, "n": count}))
    _say_what_is_not_there(manifest, key, done)
    compare(target, store, manifest, done, key=key)
    reached("compared")
    return done


def _say_what_is_not_there(manifest: Manifest, key: Any, done: Restored) -> None:
    left_out = [table.id for table in manifest.tables if table.left_out]
    if left_out:
        done.said.append(Message("backup.not_here", {"names": left_out}))
    closed = [table.id for table in manifest.tables if table.files and table.sealed and key is None]
    if closed:
        done.said.append(Message("backup.still_sealed", {"names": closed}))


def rows_of_table(store: Store, manifest: Manifest, table: TableEntry, key: Any) -> Iterator[list[bytes]]:
    """The lines of a table, part by part."""
    for file in line_files(table, key):
        yield part_lines(store, manifest, file, key)


def line_files(table: TableEntry, key: Any) -> list[FileEntry]:
    """The files of lines that can be read: what is sealed opens with its key alone."""
    return [file for file in table.files if file.form == "jsonl" and (key is not None or not file.sealed)]


def part_lines(store: Store, manifest: Manifest, file: FileEntry, key: Any) -> list[bytes]:
    with store.local(manifest.backup_id, file.name) as path:
        return [line for some in lines_of(path, file, manifest.backup_id, identity=key) for line in some]


class _Filling:
    """The rows of one table on their way into a database."""

    def __init__(
        self,
        target: Target,
        store: Store,
        manifest: Manifest,
        table: TableEntry,
        key: Any,
        standing: bool,
        say: Say,
        reached: Reached,
    ) -> None:
        self.target, self.store, self.manifest, self.table = target, store, manifest, table
        self.key, self.standing, self.say, self.reached = key, standing, say, reached
        self.own = [one.key for one in relations_of(table.columns) if one.own]
        self.unbound = False

    def fill(self) -> int:
        """Make the rows that are not there; how many the server refuses."""
        refused = made = 0
        for lines in rows_of_table(self.store, self.manifest, self.table, self.key):
            # Rows are made in their order and a hundred at once or none: where the last of a part is, all are.
            if self.standing and lines and self._all_there(lines[-1:]):
                made += len(lines)
                continue
            for start in range(0, len(lines), ROWS_A_CALL):
                some = lines[start : start + ROWS_A_CALL]
                if self.standing:
                    if self._all_there(some):
                        made += len(some)
                        continue
                    # Only what a kill left is looked for: behind the first that is not there, nothing is.
                    self.standing = False
                refused += self._make(some)
                made += len(some)
                self.reached(f"batch {self.table.id}")
                if made % TOLD_EVERY < ROWS_A_CALL:
                    told = {"table": self.table.id, "rows": made, "total": self.table.rows}
                    self.say(Message("backup.restoring", {**told}))
        if self.unbound:
            self.target.make_indexes(
                self.table, {str(index["key"]) for index in self.target.definition(self.table.id).indexes}
            )
        return refused

    def _all_there(self, lines: Sequence[bytes]) -> bool:
        ids = [str(row_of(line)["$id"]) for line in lines]
        return len(self.target.there(self.table.id, ids)) == len(ids)

    def _make(self, lines: Sequence[bytes]) -> int:
        sent = [self._without_relations(line) for line in lines] if self.own else list(lines)
        try:
            self.target.make_rows(self.table.id, sent)
            return 0
        except RowsRefused as failed:
            refusal = failed
        if refusal.unique and not self.unbound and self.target.drop_unique_indexes(self.table):
            # Its rows broke the index where they come from, too: one over duplicates binds nothing.
            self.unbound = True
            return self._make(lines)
        if len(sent) == 1:
            return 1
        return sum(self._make_one(line) for line in sent)

    def _make_one(self, line: bytes) -> int:
        try:
            self.target.make_rows(self.table.id, [line])
        except RowsRefused:
            return 1
        return 0

    def _without_relations(self, line: bytes) -> bytes:
        return line_of({name: value for name, value in row_of(line).items() if name not in self.own})


def _relate(target: Target, store: Store, manifest: Manifest, table: TableEntry, key: Any) -> None:
    own = [one.key for one in relations_of(table.columns) if one.own]
    if not own:
        return
    for lines in rows_of_table(store, manifest, table, key):
        for line in lines:
            row = row_of(line)
            if any(row.get(name) for name in own):
                target.relate(table.id, row, own)


# -- comparing -----------------------------------------------------------------------------------------------


def compare(target: Target, store: Store, manifest: Manifest, done: Restored, *, key: Any = None) -> None:
    """Compare every table and row of a database with a backup. Raises CallFailure, DamagedBackup."""
    there = {table.id: table for table in target.tables() or []}
    begun = datetime(9999, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with PageThreads(2, "compare") as threads:
        for entry in manifest.tables:
            table = there.get(entry.id)
            if table is None:
                done.wrong.append(Message("backup.table_other", {"table": entry.id, "what": ["-"]}))
                done.differences += max(1, entry.rows)
                continue
            what = _differing(entry, table)
            if what:
                done.differences += len(what)
                done.wrong.append(Message("backup.table_other", {"table": entry.id, "what": what}))
            if entry.left_out or (entry.sealed and key is None):
                continue
            _compare_rows(target.gateway, table, threads, begun, store, manifest, entry, key, done)


def _differing(entry: TableEntry, table: Table) -> list[str]:
    what = differing(entry.columns, entry.indexes, table.columns, table.indexes)
    told = {
        "name": (entry.name, table.name),
        "enabled": (entry.enabled, table.enabled),
        "row security": (entry.row_security, table.row_security),
        "permissions": (sorted(entry.permissions), sorted(table.permissions)),
    }
    return what + [name for name, (mine, theirs) in told.items() if mine != theirs]


@dataclass
class _Waiting:
    """Rows of one side that the other side has not come to yet: by id, what they say."""

    rows: dict[str, Any] = field(default_factory=dict[str, Any])


def _compare_rows(
    gateway: Gateway,
    table: Table,
    threads: PageThreads,
    begun: datetime,
    store: Store,
    manifest: Manifest,
    entry: TableEntry,
    key: Any,
    done: Restored,
) -> None:
    kept = (line for lines in rows_of_table(store, manifest, entry, key) for line in lines)
    missing, more = _Waiting(), _Waiting()
    other = same = 0
    found = Pass()

    def again() -> None:
        raise CallFailure("probe_rows", "no_order", collection=table.id)

    def met(row: dict[str, Any], own: _Waiting, others: _Waiting) -> None:
        """A row of one side whose place on the other side another one has."""
        nonlocal other, same
        known = others.rows.pop(str(row["$id"]), None)
        if known is None:
            own.rows[str(row["$id"])] = row
        elif known == row:
            same += 1
        else:
            other += 1

    def judge(mine: bytes, theirs: bytes) -> None:
        nonlocal other, same
        if mine == theirs:
            same += 1
            return
        a, b = values_of(mine), values_of(theirs)
        if a["$id"] == b["$id"]:
            same, other = (same + 1, other) if a == b else (same, other + 1)
            return
        met(a, missing, more)
        met(b, more, missing)

    for page in read_table(gateway, table, threads, begun, found, restart=again, pack=False):
        for line in page.lines:
            mine = next(kept, None)
            if mine is not None:
                judge(mine, line)
            else:
                met(values_of(line), more, missing)
    for line in kept:
        met(values_of(line), missing, more)
    done.rows += same
    for code, count in (
        ("backup.row_missing", len(missing.rows)),
        ("backup.row_other", other),
        ("backup.row_more", len(more.rows)),
    ):
        if count:
            done.differences += count
            done.wrong.append(Message(code, {"table": entry.id, "n": count}))
