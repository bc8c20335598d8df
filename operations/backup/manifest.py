"""manifest.json of a backup: which tables there were, how they were made, which files hold their rows, and their
hashes. Writes and reads it; compares nothing.

It names tables and columns, and counts. It holds no value of a row.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from resources.errors import BookwatchError

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = f"{MANIFEST}.minisig"
MANIFEST_VERSION: Final = 1
KIND: Final = "bookwatch backup"


class DamagedBackup(BookwatchError):
    """A backup, or its manifest, cannot be read."""


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file with rows: ``form`` jsonl or parquet. ``part``: files of the same part hold the same rows in the same
    order."""

    name: str
    form: str
    part: int
    rows: int
    bytes: int
    sha256: str
    sealed: bool = False


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table as the server told of it. ``columns`` and ``indexes`` are as served, in the words of tables.

    ``nulls``: columns that must have a value, or have a default, and rows without one all the same: so many.
    ``rows_sha256``: of all lines in their order, each with a line end; None of a sealed table. ``counted``: rows by the
    server's own count, where it counts to the end. ``left_out``: why its rows are not here (sealed, unreadable).
    ``unread``: rows that the server could not give. ``unread_columns``: relationship columns that rows do not carry.
    """

    id: str
    name: str
    enabled: bool
    row_security: bool
    permissions: list[str]
    columns: list[dict[str, Any]]
    indexes: list[dict[str, Any]]
    order: str
    rows: int
    rows_sha256: str | None
    nulls: dict[str, int]
    counted: int | None
    files: list[FileEntry]
    sealed: bool = False
    left_out: str | None = None
    unread: int = 0
    unread_columns: list[str] = []


class RewriteEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The backup was written anew: when (ISO 8601 UTC), why, the tables, and the hash of the manifest before."""

    at: str
    because: str
    tables: list[str]
    manifest_sha256_before: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A backup. ``source``: endpoint, project, database, api, server version. ``recipient``: the public key that sealed
    files are encrypted to. ``signed_with``: the public key (minisign) of the signature beside it; None: none."""

    kind: str
    manifest_version: int
    backup_id: str
    state: str
    started_at: str
    finished_at: str
    bookwatch_version: str
    source: dict[str, str | None]
    recipient: str | None
    signed_with: str | None
    tables: list[TableEntry]
    rewritten: list[RewriteEntry] = []

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def files(self) -> list[FileEntry]:
        return [file for table in self.tables for file in table.files]

    @property
    def bytes(self) -> int:
        """Of the files it names."""
        return sum(file.bytes for file in self.files)

    def to_bytes(self) -> bytes:
        """As it is written: indented JSON and a final newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_manifest(data: bytes, backup_id: str) -> Manifest:
    """The manifest in ``data``. Raises DamagedBackup where it is none, another backup's, or a newer version's."""
    try:
        told = msgspec.json.decode(data, type=dict[str, Any])
        if told.get("kind") == KIND and isinstance(version := told.get("manifest_version"), int):
            if version > MANIFEST_VERSION:
                raise DamagedBackup.of("failure.backup_newer", backup=backup_id)
            manifest = msgspec.convert(told, Manifest)
            if manifest.backup_id == backup_id:
                return manifest
    except (msgspec.ValidationError, msgspec.DecodeError):
        pass
    raise DamagedBackup.of("failure.backup_manifest", backup=backup_id)


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
