"""A copy of a backup in a bucket of Appwrite Storage, as the marketplace asks: the same files, large ones in pieces,
for a bucket takes no file over 30 MB. It is written with the acting key.

What stands there is compared by size and MD5, which is what Appwrite tells of a file, so that a copy that broke off is
gone on with.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from appwrite.query import Query
from urllib3.filepost import encode_multipart_formdata

from operations.backup.manifest import MANIFEST, SIGNATURE, read_manifest
from resources.appwrite.failures import CallFailure, Malformed
from resources.appwrite.gateway import PooledClient, json_object
from resources.errors import BookwatchError
from resources.ledger import Ledger
from resources.settings import Settings
from resources.store import Store

PIECE_BYTES: Final = 20_000_000
CHUNK_BYTES: Final = 5 << 20
"""What one request may bring of a file."""
UPLOAD_SECONDS: Final = 120.0
LISTED: Final = 100


class CopyFailed(BookwatchError):
    """A bucket did not take a file as it is."""


@dataclass(frozen=True)
class _Standing:
    """A file of the bucket, as Appwrite tells of it."""

    id: str
    size: int
    md5: str
    whole: bool


def file_id(name: str) -> str:
    """The id of a file in a bucket: derived, so that none is there twice."""
    return f"bk_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


class Bucket:
    """One bucket, written with the acting key."""

    def __init__(self, settings: Settings, bucket: str) -> None:
        acting = settings.acting()
        self._client = PooledClient(acting, acting.clock, lambda event: None)
        self._path = f"/storage/buckets/{quote(bucket, safe='')}/files"

    def __enter__(self) -> Bucket:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def standing(self, prefix: str) -> dict[str, _Standing]:
        """The files whose name begins so, by id. Raises CallFailure."""
        found: dict[str, _Standing] = {}
        last: str | None = None
        while True:
            queries = [Query.starts_with("name", prefix), Query.limit(LISTED)]
            if last is not None:
                queries.append(Query.cursor_after(last))
            listed = self._client.request(
                "list_files", "", "get", self._path, {"queries": queries}, _files
            ).value
            if not listed:
                return found
            for entry in listed:
                found[str(entry["$id"])] = _standing(entry)
            last = str(listed[-1]["$id"])

    def put(self, name: str, content: bytes) -> None:
        """Upload a file and compare what the server says of it. Raises CallFailure, CopyFailed."""
        identity, size = file_id(name), len(content)
        told: dict[str, Any] = {}
        for start in range(0, max(size, 1), CHUNK_BYTES):
            chunk = content[start : start + CHUNK_BYTES]
            body, kind = encode_multipart_formdata(
                {"fileId": identity, "file": (name, chunk, "application/octet-stream")}
            )
            headers: dict[str, str | None] = {"content-type": kind}
            if size > CHUNK_BYTES:
                headers["content-range"] = f"bytes {start}-{start + len(chunk) - 1}/{size}"
                headers["x-appwrite-id"] = identity
            told = self._client.request(
                "create_file",
                "",
                "post",
                self._path,
                {},
                json_object,
                headers=headers,
                body=body,
                within=UPLOAD_SECONDS,
            ).value
        if not _same(_standing(told), content):
            raise CopyFailed.of("failure.bucket_file")

    def remove(self, identity: str) -> None:
        """Delete a file; one that is not there is fine. Raises CallFailure."""
        try:
            self._client.request(
                "delete_file",
                "",
                "delete",
                f"{self._path}/{quote(identity, safe='')}",
                {},
                lambda body, kind: None,
                expected=_is_gone,
            )
        except CallFailure as failed:
            if not _is_gone(failed):
                raise


def _is_gone(failure: CallFailure) -> bool:
    return failure.status == 404


def _files(body: bytes, kind: str) -> list[dict[str, Any]]:
    listed = json_object(body, kind).get("files")
    if not isinstance(listed, list):
        raise Malformed
    return cast("list[dict[str, Any]]", listed)


def _standing(entry: dict[str, Any]) -> _Standing:
    return _Standing(
        str(entry.get("$id")),
        int(entry.get("sizeOriginal") or 0),
        str(entry.get("signature") or ""),
        entry.get("chunksTotal") == entry.get("chunksUploaded"),
    )


def _same(standing: _Standing, content: bytes) -> bool:
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return standing.whole and standing.size == len(content) and standing.md5 == digest


def _pieces(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """A file as it lies in a bucket: one file, or several in their order."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        if size <= PIECE_BYTES:
            yield name, file.read()
            return
        number = 0
        while piece := file.read(PIECE_BYTES):
            number += 1
            yield f"{name}.{number:03d}", piece


def copy(
    settings: Settings,
    store: Store,
    ledger: Ledger,
    backup_id: str,
    reached: Callable[[str], object] = lambda step: None,
    *,
    name: str = "",
) -> None:
    """Bring the copy of a backup in a bucket (that of the settings by default) to what the store has; its manifest
    last. What stands there of it besides goes. The ledger knows of it before its first file is sent: one that broke off
    holds rows too. Raises CallFailure, BookwatchError."""
    name = name or settings.backup_bucket
    data = store.read(backup_id, MANIFEST)
    if data is None:
        raise BookwatchError.of("failure.backup_gone", backup=backup_id)
    names = [file.name for file in read_manifest(data, backup_id).files]
    names += [file for file in (SIGNATURE, MANIFEST) if file in store.files(backup_id)]
    with Bucket(settings, name) as there:
        standing = there.standing(f"{backup_id}.")
        ledger.enter_copy(backup_id, name, whole=False)
        wanted: set[str] = set()
        for file in names:
            with store.local(backup_id, file) as path:
                for piece, content in _pieces(path, f"{backup_id}.{file}"):
                    identity = file_id(piece)
                    wanted.add(identity)
                    known = standing.get(identity)
                    if known is not None and _same(known, content):
                        continue
                    if known is not None:
                        there.remove(identity)
                    there.put(piece, content)
                    reached(f"copied {file}")
        for identity in standing.keys() - wanted:
            there.remove(identity)
    ledger.enter_copy(backup_id, name, whole=True)


def remove(settings: Settings, ledger: Ledger, backup_id: str) -> None:
    """Delete the copy of a backup, where it has one, and enter that it is gone. Raises CallFailure, UsageError."""
    entry = ledger.backup(backup_id)
    if entry is None or entry.bucket is None:
        return
    with Bucket(settings, entry.bucket) as there:
        try:
            standing = there.standing(f"{backup_id}.")
        except CallFailure as failed:
            if not _is_gone(failed):
                raise
            standing = {}  # the bucket is gone, and the copy with it
        for identity in standing:
            there.remove(identity)
    ledger.enter_copy(backup_id, None, whole=False)
