"""Files of rows: parts of a table, each as lines of JSON (Zstandard) and as Parquet, or sealed as encrypted lines.
Writes and reads them; where they lie is resources/store.py's.
"""

# pyrage and pyarrow carry no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import polars as pl
import pyarrow as pa
import pyrage

from operations.backup.manifest import DamagedBackup, FileEntry
from operations.backup.rows import Frames
from resources.errors import UsageError
from resources.own_files import create, sync_open

PART_ROWS: Final = 50_000
PART_BYTES: Final = 96 << 20
"""Of lines, unpacked: what a part may take in memory while it is written."""
SEALED_BYTES: Final = 24 << 20
"""Encrypted is a part as a whole, from memory: no byte of it reaches the disk before."""
COMPRESSION_LEVEL: Final = 1
"""Level 3 takes a quarter longer and saves a twentieth."""
TYPED_ROWS: Final = 4_000
TYPED_BYTES: Final = 16 << 20
"""Rows and bytes that are read into a frame at once."""
_CHUNK: Final = 1 << 20

_FRAME_NAMES: Final = {
    "_id": "$id",
    "_sequence": "$sequence",
    "_created_at": "$createdAt",
    "_updated_at": "$updatedAt",
    "_misfits": "$misfits",
}


class Recipient(Protocol):
    """Whom sealed files are encrypted to: a public key of age's."""


def recipient_of(text: str) -> Any:
    """The public key of BOOKWATCH_BACKUP_RECIPIENT: age's own or one of SSH. Raises UsageError."""
    for read in (pyrage.x25519.Recipient.from_str, pyrage.ssh.Recipient.from_str):
        try:
            return read(text)
        except pyrage.RecipientError:
            continue
    raise UsageError.of("failure.backup_recipient")


def identity_of(path: Path) -> Any:
    """The secret key in a file, as age-keygen or ssh-keygen write it. Raises UsageError; repeats nothing of it."""
    try:
        content = path.read_bytes()
        lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
        for line in lines:
            if line.startswith("AGE-SECRET-KEY-"):
                return pyrage.x25519.Identity.from_str(line)
        return pyrage.ssh.Identity.from_buffer(content)
    except OSError as refused:
        why = refused.strerror or type(refused).__name__
    except pyrage.IdentityError:
        why = "no secret key"
    raise UsageError.of("failure.backup_identity", path=str(path), why=why)


def slug(number: int, table_id: str) -> str:
    """What files of the n-th table are called by."""
    return f"t{number:03d}-{re.sub(r'[^A-Za-z0-9_-]+', '_', table_id)[:40]}"


def packed(lines: bytes) -> bytes:
    """Lines as one frame of Zstandard: frames one behind the other are a file of theirs."""
    return bytes(pa.Codec("zstd", compression_level=COMPRESSION_LEVEL).compress(lines, asbytes=True))


class PartWriter:
    """Writes the rows of one table into ``folder``, part by part. ``nulls``: of each column of ``watched`` (attribute →
    column of the frame) how many rows have no value."""

    def __init__(
        self,
        folder: Path,
        name: str,
        frames: Frames,
        watched: Mapping[str, str],
        *,
        recipient: Any = None,
        sealed: bool = False,
        number: int | None = None,
    ) -> None:
        """``number``: of the one part there is to be, called ``name``; else parts are numbered as they come."""
        self._folder, self._name = folder, name
        self._typed, self._watched = frames, watched
        self._recipient, self._sealed = recipient, sealed
        self.files: list[FileEntry] = []
        self.rows = 0
        self.nulls: dict[str, int] = {}
        self._digest = hashlib.sha256()
        self._part, self._only = 0, number
        self._begin()

    @property
    def rows_sha256(self) -> str | None:
        return None if self._sealed else self._digest.hexdigest()

    def _begin(self) -> None:
        self._held: list[bytes] = []
        self._frames: list[pl.DataFrame] = []
        self._rows = self._bytes = 0
        self._waiting: list[tuple[bytes, Sequence[Any] | None]] = []
        self._waiting_rows = self._waiting_bytes = 0

    def add(self, rows: int, block: bytes, frame: bytes, read: Sequence[Any] | None = None) -> None:
        """Some rows: ``block``: their lines, each with its end; ``frame``: the same, packed; ``read``: what Frames read
        of them already."""
        self.rows += rows
        self._rows += rows
        self._bytes += len(block)
        self._held.append(frame)
        if not self._sealed:
            self._digest.update(block)
        self._waiting.append((block, read))
        self._waiting_rows += rows
        self._waiting_bytes += len(block)
        if self._waiting_rows >= TYPED_ROWS or self._waiting_bytes >= TYPED_BYTES:
            self.type_all()
        if self._only is None and (
            self._rows >= PART_ROWS or self._bytes >= (SEALED_BYTES if self._sealed else PART_BYTES)
        ):
            self.end_part()

    def type_all(self) -> None:
        """Read what waits into a frame: many rows at once, for each reading costs as much as a thousand."""
        if not self._waiting:
            return
        rows: list[Any] = []
        for _, read in self._waiting:
            rows += read or ()
        frame = self._typed.typed(rows) if len(rows) == self._waiting_rows else None
        if frame is None:
            frame = self._typed.of(b"".join([block for block, _ in self._waiting]))
        for name, column in self._watched.items():
            if column in frame.columns and (empty := frame[column].null_count()):
                self.nulls[name] = self.nulls.get(name, 0) + empty
        if not self._sealed:
            self._frames.append(frame)
        self._waiting = []
        self._waiting_rows = self._waiting_bytes = 0

    def end_part(self) -> None:
        """Write what is held as a part."""
        if not self._rows:
            return
        self.type_all()
        self._part = self._part + 1 if self._only is None else self._only
        name = f"{self._name}-{self._part:05d}" if self._only is None else self._name
        content = b"".join(self._held)
        if self._sealed:
            self._put(f"{name}.jsonl.zst.age", "jsonl", pyrage.encrypt(content, [self._recipient]))
        else:
            self._put(f"{name}.jsonl.zst", "jsonl", content)
            self._put(f"{name}.parquet", "parquet", parquet_of(self._frames))
        self._begin()

    def discard(self) -> None:
        """Take away what was written: it does not count."""
        for file in self.files:
            (self._folder / file.name).unlink(missing_ok=True)
        self.files.clear()

    def _put(self, name: str, form: str, content: bytes) -> None:
        with create(self._folder / name) as file:
            file.write(content)
            sync_open(file)
        self.files.append(
            FileEntry(
                name,
                form,
                self._part,
                self._rows,
                len(content),
                hashlib.sha256(content).hexdigest(),
                self._sealed,
            )
        )


def parquet_of(frames: list[pl.DataFrame]) -> bytes:
    """Frames of a page decoder as a Parquet file, columns by the names Appwrite has for them."""
    whole = pl.concat(frames, rechunk=False).drop("_sequence")
    whole = whole.rename({old: new for old, new in _FRAME_NAMES.items() if old in whole.columns})
    made = io.BytesIO()
    whole.write_parquet(made, compression="zstd", compression_level=1, statistics=False)
    return made.getvalue()


@contextmanager
def _opened(path: Path, file: FileEntry, identity: Any, backup_id: str) -> Generator[Any]:
    if file.sealed:
        try:
            content = pyrage.decrypt(path.read_bytes(), [identity])
        except pyrage.DecryptError:
            raise DamagedBackup.of("failure.backup_sealed", file=file.name, backup=backup_id) from None
        source: Any = io.BytesIO(content)
    else:
        source = open(path, "rb")  # noqa: SIM115 - closed below
    with source, pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd") as stream:
        yield stream


def lines_of(path: Path, file: FileEntry, backup_id: str, *, identity: Any = None) -> Iterator[list[bytes]]:
    """The lines of a file of rows, some thousand at a time. Raises DamagedBackup where it cannot be read to its end."""
    rest = b""
    try:
        with _opened(path, file, identity, backup_id) as stream:
            while chunk := bytes(stream.read(_CHUNK)):
                *whole, rest = (rest + chunk).split(b"\n")
                if whole:
                    yield whole
    except (OSError, pa.ArrowException) as broken:
        raise DamagedBackup.of(
            "failure.backup_file", file=file.name, backup=backup_id, why=type(broken).__name__
        ) from None
    if rest:
        raise DamagedBackup.of("failure.backup_file", file=file.name, backup=backup_id, why="cut off")


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
