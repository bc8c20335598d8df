"""Whether a backup still is what was written: its manifest, the signature beside it, every file by its hash, and
whether each can be read to its end. Changes nothing but what the ledger knows of it.
"""

# pyarrow carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import minisign  # pyright: ignore[reportMissingTypeStubs] - it has types, and no py.typed
import pyarrow as pa
import pyarrow.parquet as pq

from messages.message import Message
from operations.backup.manifest import (
    MANIFEST,
    SIGNATURE,
    DamagedBackup,
    FileEntry,
    Manifest,
    TableEntry,
    read_manifest,
    sha256_of,
)
from operations.backup.parts import file_sha256, lines_of
from resources.errors import UsageError
from resources.ledger import Ledger
from resources.report_keys import known_keys
from resources.settings import Settings
from resources.store import Store, open_store


@dataclass
class Verdict:
    """``wrong``: how it is not what was written; ``noted``: what is to be known besides. ``damaged``: the files that do
    not hold."""

    backup_id: str
    manifest: Manifest
    wrong: list[Message] = field(default_factory=list[Message])
    noted: list[Message] = field(default_factory=list[Message])
    damaged: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool:
        return not self.wrong


def manifest_of(store: Store, backup_id: str) -> tuple[Manifest, bytes]:
    """The manifest of a backup in the store. Raises UsageError where there is no such backup, DamagedBackup."""
    if not backup_id or "/" in backup_id or backup_id.startswith("."):
        raise UsageError.of("failure.backup_gone", backup=backup_id)
    data = store.read(backup_id, MANIFEST)
    if data is None:
        raise UsageError.of("failure.backup_gone", backup=backup_id)
    return read_manifest(data, backup_id), data


def verify_backup(settings: Settings, backup_id: str) -> Verdict:
    """Look at every file of a backup, and enter what was found. Raises UsageError, StoreFailure."""
    store = open_store(settings)
    ledger = Ledger(settings.home.ledger)
    try:
        manifest, data = manifest_of(store, backup_id)
    except DamagedBackup:
        if ledger.backup(backup_id) is not None:
            ledger.enter_verified(backup_id, at=settings.clock.now(), holds=False)
        raise
    found = Verdict(backup_id, manifest)
    entry = ledger.backup(backup_id)
    if entry is not None and entry.manifest_sha256 not in (None, sha256_of(data)):
        found.wrong.append(Message("backup.manifest_other"))
    _judge_signature(settings, store, data, found)
    there = store.files(backup_id)
    for table in manifest.tables:
        _judge_table(store, table, there, found)
    known = {MANIFEST, SIGNATURE, *(file.name for file in manifest.files)}
    found.noted += [Message("backup.stray", {"file": name}) for name in there if name not in known]
    if entry is not None:
        ledger.enter_verified(backup_id, at=settings.clock.now(), holds=found.holds)
    return found


def _judge_signature(settings: Settings, store: Store, data: bytes, found: Verdict) -> None:
    written = store.read(found.backup_id, SIGNATURE)
    if written is None:
        signed = found.manifest.signed_with is not None
        (found.wrong if signed else found.noted).append(
            Message("backup.signature_gone" if signed else "backup.not_signed")
        )
        return
    try:
        signature = minisign.Signature.from_bytes(written)
    except minisign.Error:
        found.wrong.append(Message("backup.signature_other"))
        return
    known = [key.text for key in known_keys(settings.home)]
    named = found.manifest.signed_with
    for text in (*known, *([named] if named else [])):
        try:
            minisign.PublicKey.from_base64(text).verify(data, signature)
        except minisign.Error:
            continue
        if text not in known:
            found.noted.append(Message("backup.key_unknown", {"key": text}))
        return
    found.wrong.append(Message("backup.signature_other"))


def _of_file(
    store: Store, backup_id: str, file: FileEntry, there: dict[str, int], digest: Any
) -> Message | None:
    """What is wrong with a file; None where nothing is. ``digest`` takes its lines."""
    if file.name not in there:
        return Message("backup.file_gone", {"file": file.name})
    if there[file.name] != file.bytes:
        return Message("backup.file_other", {"file": file.name})
    with store.local(backup_id, file.name) as path:
        if file_sha256(path) != file.sha256:
            return Message("backup.file_other", {"file": file.name})
        if file.sealed:
            return None  # it opens with a key that is not here; its bytes are those that were written
        if file.form == "parquet":
            try:
                rows = pq.ParquetFile(path).metadata.num_rows
            except (OSError, pa.ArrowException):
                return Message("backup.file_unread", {"file": file.name})
        else:
            rows = 0
            try:
                for lines in lines_of(path, file, backup_id):
                    rows += len(lines)
                    digest.update(b"\n".join(lines) + b"\n")
            except DamagedBackup:
                return Message("backup.file_unread", {"file": file.name})
        if rows != file.rows:
            return Message("backup.file_rows", {"file": file.name, "rows": rows, "told": file.rows})
    return None


def _judge_table(store: Store, table: TableEntry, there: dict[str, int], found: Verdict) -> None:
    """Whether each file of a table is what was written, and whether they make up what the manifest tells of it."""
    digest = hashlib.sha256()
    damaged = False
    for file in table.files:
        wrong = _of_file(store, found.backup_id, file, there, digest)
        if wrong is not None:
            damaged = True
            found.wrong.append(wrong)
            found.damaged.append(file.name)
    rows = sum(file.rows for file in table.files if file.form == "jsonl")
    if rows != (0 if table.left_out else table.rows):
        found.wrong.append(Message("backup.file_rows", {"file": table.id, "rows": rows, "told": table.rows}))
    if not damaged and table.rows_sha256 not in (None, digest.hexdigest()):
        found.wrong.append(Message("backup.file_other", {"file": table.id}))
