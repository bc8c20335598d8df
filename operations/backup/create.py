"""Makes a backup: every table the server lists, read once from end to end, as files, a manifest and its signature;
placed whole or not at all. Backups that were kept for their time go.

It reads with the reading key alone. A copy in a bucket of Appwrite's is bucket.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from filelock import Timeout

from marketplace.backups import BACKUP_KEPT_FOR, SEALED_COLLECTION, BackupState, is_sealed
from messages.message import Message, in_a_row
from operations.backup import bucket
from operations.backup.manifest import (
    KIND,
    MANIFEST,
    MANIFEST_VERSION,
    SIGNATURE,
    Manifest,
    TableEntry,
    read_manifest,
    sha256_of,
)
from operations.backup.parts import PartWriter, recipient_of, slug
from operations.backup.rows import Frames
from operations.backup.scan import UNREACHED, Pass, counted, read_table, watched_columns
from operations.backup.tables import Table, database_settings, list_tables, reading_order
from resources.appwrite.failures import CallEvent, CallFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.page_threads import PageThreads
from resources.appwrite.unavailable import source_unavailable
from resources.errors import BookwatchError, RunActive
from resources.instants import stamp_of, z_text_of
from resources.ledger import Ledger
from resources.lock import file_lock
from resources.own_files import create, sync_open
from resources.report_keys import signer
from resources.settings import Settings
from resources.store import Store, StoreFailure, open_store
from resources.version import bookwatch_version

SEALED, UNREADABLE = "sealed", "unreadable"
REWRITING: Final = "-rewriting"
_COMMENT: Final = f"file:{MANIFEST}\thashed"

Say = Callable[[Message], object]
Reached = Callable[[str], object]


@dataclass
class Made:
    """A backup that was made. ``said``: what is to be known of it."""

    backup_id: str
    state: BackupState
    rows: int
    bytes: int
    place: str
    tables: int
    bucket: str | None = None
    said: list[Message] = field(default_factory=list[Message])


class BackupActive(RunActive):
    """Another process makes, restores or deletes backups of this home."""


def make_backup(
    settings: Settings,
    *,
    say: Say = lambda line: None,
    on_call: Callable[[CallEvent], None] = lambda event: None,
    reached: Reached = lambda step: None,
) -> Made:
    """Make a backup of the database of the settings.

    ``say``: told of each table and of what is left out; ``reached``: of each step, for who tries what a kill leaves.
    Raises BookwatchError where none could be made (the ledger says so too), BackupActive, UsageError.
    """
    settings.require_appwrite()
    recipient = recipient_of(settings.backup_recipient) if settings.backup_recipient else None
    store = open_store(settings)
    with backups_lock(settings):
        ledger = Ledger(settings.home.ledger)
        settle(settings, store, ledger)
        at = settings.clock.now()
        backup_id = ledger.begin_backup(at, stamp_of(at), store=store.place)
        reached("begun")
        failure: BookwatchError
        with Gateway(database_settings(settings), settings.clock, on_call) as gateway:
            try:
                made = _Making(
                    settings, gateway, store, ledger, backup_id, at, recipient, say, reached
                ).make()
            except BookwatchError as refused:
                failure = refused
            except CallFailure as refused:
                failure = source_unavailable(refused, gateway)
            except OSError as refused:  # no room where the files are made
                why = refused.strerror or type(refused).__name__
                failure = StoreFailure.of("failure.store", place=store.place, doing="write", why=why)
            except BaseException:
                _not_made(settings, store, ledger, backup_id, Message("backup.stopped"))
                raise
            else:
                _after(settings, store, ledger, made, say, reached)
                return made
        _not_made(settings, store, ledger, backup_id, failure.why)
        raise failure


def _not_made(settings: Settings, store: Store, ledger: Ledger, backup_id: str, why: Message) -> None:
    """It was not made, unless its manifest stands already: then the next to come enters it."""
    try:
        if store.read(backup_id, MANIFEST) is not None:
            return
        delete(store, backup_id)
    except StoreFailure:
        return  # what stands there is not known: the next to come looks again
    ledger.finish_backup(backup_id, BackupState.FAILED, at=settings.clock.now(), why=why)


class backups_lock:
    """Hold the lock of a home's backups. Raises BackupActive where another process has it."""

    def __init__(self, settings: Settings) -> None:
        settings.home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = file_lock(settings.home.root / "backup.lock")

    def __enter__(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BackupActive.of("failure.backup_active") from None

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def settle(settings: Settings, store: Store, ledger: Ledger) -> None:
    """End what a killed process left: one whose manifest stands was made, any other was not, and its files go."""
    entries = ledger.backups()
    known = {entry.backup_id for entry in entries}
    # A rewriting is of a backup of whichever home.
    store.clear_workshops(lambda folder: folder in known or folder.endswith(REWRITING))
    for entry in entries:
        if entry.store != store.place:
            continue
        if entry.state == BackupState.RUNNING:
            data = store.read(entry.backup_id, MANIFEST)
            now = settings.clock.now()
            if data is None:
                store.close(entry.backup_id)
                ledger.finish_backup(
                    entry.backup_id, BackupState.FAILED, at=now, why=Message("backup.stopped")
                )
                continue
            manifest = read_manifest(data, entry.backup_id)
            ledger.finish_backup(
                entry.backup_id,
                BackupState(manifest.state),
                at=now,
                rows=manifest.rows,
                size=manifest.bytes,
                manifest_sha256=sha256_of(data),
                why=in_one(left_out_of(manifest)),
            )
        elif entry.state == BackupState.EXPIRED and store.files(entry.backup_id):
            delete(store, entry.backup_id)


def delete(store: Store, backup_id: str) -> None:
    """Delete a backup, its manifest first: what is left of it by a kill is none that could be taken for one."""
    for name in (MANIFEST, SIGNATURE):
        store.remove(backup_id, name)
    for name in store.files(backup_id):
        store.remove(backup_id, name)
    store.close(backup_id)


class _Making:
    """One backup on its way."""

    def __init__(
        self,
        settings: Settings,
        gateway: Gateway,
        store: Store,
        ledger: Ledger,
        backup_id: str,
        at: datetime,
        recipient: Any,
        say: Say,
        reached: Reached,
    ) -> None:
        self.settings, self.gateway, self.store, self.ledger = settings, gateway, store, ledger
        self.backup_id, self.at, self.recipient = backup_id, at, recipient
        self.say, self.reached = say, reached

    def make(self) -> Made:
        gateway = self.gateway
        gateway.ping()
        tables = reading_order(list_tables(gateway), self.settings)
        entries: list[TableEntry] = []
        with self.store.workshop(self.backup_id) as folder, PageThreads(2, "backup") as threads:
            for number, table in enumerate(tables, 1):
                entries.append(self._table(folder, threads, number, table))
                self.reached(f"table {table.id}")
            return self._placed(folder, tables, entries)

    def _table(self, folder: Path, threads: PageThreads, number: int, table: Table) -> TableEntry:
        sealed = is_sealed(table.id, table.name, self.settings.table_id(SEALED_COLLECTION))
        if sealed and self.recipient is None:
            return _entry(table, Pass(), None, sealed=True, left_out=SEALED)
        done = Pass()
        frames, watched = Frames(table.readable, self.gateway.api.list_key), watched_columns(table.columns)

        def parts() -> PartWriter:
            name = slug(number, table.id)
            return PartWriter(folder, name, frames, watched, recipient=self.recipient, sealed=sealed)

        writer = parts()

        def restart() -> None:
            nonlocal writer
            writer.discard()
            writer = parts()

        self.say(Message("backup.reading", {"table": table.id}))
        before = rows_after = None
        try:
            begun = self.gateway.server_now().replace(tzinfo=None)
            before = counted(self.gateway, table.id)
            for page in read_table(self.gateway, table, threads, begun, done, restart=restart):
                writer.add(len(page), page.block, page.packed, page.read)
            rows_after = counted(self.gateway, table.id)
        except CallFailure as failed:
            if failed.reason in UNREACHED:
                raise
            writer.discard()
            self.say(Message("backup.unreadable", {"table": table.id, "why": failed.said}))
            return _entry(table, Pass(), None, sealed=sealed, left_out=UNREADABLE)
        writer.end_part()
        # Rows that came or went while it was read are in neither count, or in one.
        expected = None if before is None or rows_after is None else min(before, rows_after)
        self.say(Message("backup.read", {"table": table.id, "rows": done.rows}))
        return _entry(table, done, writer, sealed=sealed, counted=expected)

    def _placed(self, folder: Path, tables: Sequence[Table], entries: list[TableEntry]) -> Made:
        gateway, settings = self.gateway, self.settings
        signing = signer(settings.home)
        state = BackupState.PARTIAL if any(problems_of(entry) for entry in entries) else BackupState.WHOLE
        manifest = Manifest(
            KIND,
            MANIFEST_VERSION,
            self.backup_id,
            state,
            str(z_text_of(self.at)),
            str(z_text_of(settings.clock.now())),
            bookwatch_version(),
            {
                "endpoint": gateway.endpoint,
                "project": gateway.project,
                "database": gateway.database,
                "api": settings.appwrite_api,
                "server_version": gateway.server_version(),
            },
            _named(settings.backup_recipient) if self.recipient is not None else None,
            None if signing is None else signing.public.text,
            entries,
        )
        data = manifest.to_bytes()
        self.reached("files")
        for file in manifest.files:
            self.store.place_file(self.backup_id, file.name, folder / file.name)
            self.reached(f"placed {file.name}")
        if signing is not None:
            self._put(folder, SIGNATURE, signing.sign(data, _COMMENT))
            self.reached("signature")
        self._put(folder, MANIFEST, data)
        self.reached("manifest")
        said = left_out_of(manifest)
        self.ledger.finish_backup(
            self.backup_id,
            state,
            at=settings.clock.now(),
            rows=manifest.rows,
            size=manifest.bytes,
            manifest_sha256=sha256_of(data),
            why=in_one(said),
        )
        self.reached("entered")
        return Made(
            self.backup_id, state, manifest.rows, manifest.bytes, self.store.place, len(tables), said=said
        )

    def _put(self, folder: Path, name: str, content: bytes) -> None:
        with create(folder / name) as file:
            file.write(content)
            sync_open(file)
        self.store.place_file(self.backup_id, name, folder / name)


def _named(recipient: str) -> str:
    """A public key as a manifest names it: the comment behind one of SSH names a person."""
    return " ".join(recipient.split()[:2])


def _entry(
    table: Table,
    done: Pass,
    writer: PartWriter | None,
    *,
    sealed: bool,
    left_out: str | None = None,
    counted: int | None = None,
) -> TableEntry:
    return TableEntry(
        table.id,
        table.name,
        table.enabled,
        table.row_security,
        list(table.permissions),
        list(table.columns),
        list(table.indexes),
        done.order,
        done.rows,
        None if writer is None else writer.rows_sha256,
        {} if writer is None else writer.nulls,
        counted,
        [] if writer is None else writer.files,
        sealed,
        left_out,
        done.unread,
        list(done.unread_columns),
    )


def problems_of(entry: TableEntry) -> list[Message]:
    """Why a table is not whole in a backup. What is left out on purpose is none."""
    found: list[Message] = []
    if entry.left_out == UNREADABLE:
        found.append(Message("backup.table_left_out", {"table": entry.id}))
    if entry.unread:
        found.append(Message("backup.rows_unread", {"table": entry.id, "n": entry.unread}))
    if entry.unread_columns:
        found.append(Message("backup.columns_unread", {"table": entry.id, "names": entry.unread_columns}))
    if entry.counted is not None and entry.rows + entry.unread < entry.counted:
        found.append(
            Message("backup.rows_missing", {"table": entry.id, "rows": entry.rows, "counted": entry.counted})
        )
    return found


def left_out_of(manifest: Manifest) -> list[Message]:
    """What is to be known of a backup: what it lacks, on purpose and not."""
    found = [problem for entry in manifest.tables for problem in problems_of(entry)]
    sealed = [entry.id for entry in manifest.tables if entry.left_out == SEALED]
    if sealed:
        found.append(Message("backup.sealed_left_out", {"names": sealed}))
    return found


def in_one(said: Sequence[Message]) -> Message | None:
    """Several sentences as one message; None where there is none."""
    told = in_a_row(list(said))
    return told if isinstance(told, Message) else None


def _after(settings: Settings, store: Store, ledger: Ledger, made: Made, say: Say, reached: Reached) -> None:
    """What follows a backup that stands: its copy, and the end of old ones. Neither undoes it."""
    for line in made.said:
        say(line)
    if not settings.backup_bucket:
        made.said.append(Message("backup.no_bucket"))
    elif not settings.appwrite_write_key.get_secret_value():
        made.said.append(Message("backup.no_write_key"))
    else:
        try:
            bucket.copy(settings, store, ledger, made.backup_id, reached)
            made.bucket = settings.backup_bucket
            for earlier in _uncopied(store, ledger, made.backup_id):
                bucket.copy(settings, store, ledger, earlier, reached)
        except (BookwatchError, CallFailure) as refused:
            why = refused.why if isinstance(refused, BookwatchError) else refused.said
            made.said.append(Message("backup.bucket_failed", {"bucket": settings.backup_bucket, "why": why}))
    reached("copied")
    try:
        expire(settings, store, ledger)
    except (BookwatchError, CallFailure) as refused:
        made.said.append(refused.why if isinstance(refused, BookwatchError) else refused.said)
    reached("settled")


def _uncopied(store: Store, ledger: Ledger, newest: str) -> list[str]:
    """The backups before the newest that should have a copy and have none, for a process died or the bucket was out of
    reach: those since the last one that was copied. Where none ever was, the bucket is a new one, and begins now."""
    missing: list[str] = []
    for entry in ledger.backups():
        if entry.store != store.place or entry.backup_id == newest:
            continue
        if entry.copied:
            return missing
        if entry.state in (BackupState.WHOLE, BackupState.PARTIAL):
            missing.append(entry.backup_id)
    return []


def expire(settings: Settings, store: Store, ledger: Ledger) -> list[str]:
    """Delete the backups that were kept for their time; which. The newest whole one stays, however old it is."""
    before = settings.clock.now() - BACKUP_KEPT_FOR
    entries = [entry for entry in ledger.backups() if entry.store == store.place]
    newest = next((entry.backup_id for entry in entries if entry.state == BackupState.WHOLE), None)
    old = [
        entry.backup_id
        for entry in entries
        if entry.state in (BackupState.WHOLE, BackupState.PARTIAL)
        and entry.started_at < before
        and entry.backup_id != newest
    ]
    ledger.expire_backups(old)
    for backup_id in old:
        delete(store, backup_id)
    # Copies of earlier ones as well: those that could not be deleted with them.
    for entry in ledger.backups():
        if entry.state == BackupState.EXPIRED and entry.bucket is not None:
            bucket.remove(settings, ledger, entry.backup_id)
    return old
