"""Objects in a folder of this machine or behind the address of an object store: put, got, listed, deleted, and put on
condition, one way for both. What is in them is not known here.

An object is there whole or not at all, also for who looks while it is put, and also after a kill.
"""

# What obstore lists may be Arrow's, which carries no types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast
from urllib.parse import urlsplit

from resources import own_files
from resources.errors import BookwatchError, UsageError
from resources.own_hosts import is_loopback

if TYPE_CHECKING:
    from resources.settings import Settings

PART_BYTES: Final = 8 << 20
"""What is asked for and sent at once: a transfer is stopped and gone on with between two of them."""
AT_ONCE: Final = 4
"""Parts that are sent side by side: each lies in memory."""
LEFTOVER_S: Final = 24 * 3600
"""A file of the making this old is nobody's any more."""

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(?:/[A-Za-z0-9][A-Za-z0-9._=-]*)*")
_PARTIAL: Final = ".partial"
_LOCK: Final = ".lock"
_CLIENT: Final = {"connect_timeout": "5s", "timeout": "120s"}
_RETRY: Final = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT")
# obstore heeds it before all else, also before what it is told.
_FIRST_ENDPOINT: Final = "AWS_ENDPOINT_URL_S3"
# Found in the words of a failure, which are never repeated: they may hold a signed address.
_KNOWN: Final = (
    (re.compile(r"NoSuchBucket|ContainerNotFound"), "failure.store_bucket"),
    (re.compile(r"169\.254\.169\.254|metadata\.google|No credentials"), "failure.store_credentials"),
    (
        re.compile(r"403 Forbidden|401 Unauthorized|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch"),
        "failure.store_denied",
    ),
    (re.compile(r"error sending request|timed? ?out|connection closed|[Cc]onnect"), "failure.store_away"),
)


class StoreFailure(BookwatchError):
    """The store could not be read or written."""


class Outrun(StoreFailure):
    """An object that was to be put on condition is another by now: somebody else was faster."""


class Unconditional(StoreFailure):
    """The store takes no object on condition."""


@dataclass(frozen=True)
class Tag:
    """What tells one content of an object from the next, in the store's own words."""

    e_tag: str | None
    version: str | None = None


@dataclass(frozen=True)
class Held:
    """An object of the store. ``bytes``: its size."""

    key: str
    bytes: int
    changed_at: datetime


@dataclass(frozen=True)
class Tagged:
    """A content and what tells it from the next."""

    content: bytes
    tag: Tag


UNCHANGED: Final = Tagged(b"", Tag(None))
"""What ``look`` gives where the object is still the one that was known."""

Content = bytes | Path | Iterable[bytes]


class Objects(Protocol):
    """A store of objects under keys: names joined by ``/``. Everything raises StoreFailure, in one sentence."""

    @property
    def place(self) -> str:
        """What the store is called by; holds no secret."""
        ...

    def put(self, key: str, content: Content) -> None:
        """Put an object, in place of another. A file and what is iterated are read part by part."""
        ...

    def take(self, key: str, path: Path) -> None:
        """Put a file, which is gone afterwards."""
        ...

    def put_if(self, key: str, content: bytes, tag: Tag | None) -> Tag:
        """Put a small object where the one there is still that of ``tag`` (None: where there is none). Raises Outrun,
        Unconditional."""
        ...

    def get(self, key: str) -> bytes | None:
        """A small object; None where there is none."""
        ...

    def look(self, key: str, known: Tag | None = None) -> Tagged | None:
        """A small object and its tag; ``UNCHANGED`` where it is that of ``known``, None where there is none."""
        ...

    def part(self, key: str, start: int, length: int) -> bytes:
        """``length`` bytes of an object from ``start`` on, fewer where it ends."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        ...

    def listed(self, prefix: str = "") -> Iterator[Held]:
        """The objects under a folder, in no order."""
        ...

    def folders(self) -> list[str]:
        """The names of the folders at the top."""
        ...

    def delete(self, key: str) -> None:
        """Take an object away; it is fine where there is none."""
        ...

    def clear(self) -> None:
        """Take away what killed processes left half-made, of the day before and earlier."""
        ...


def fetched(objects: Objects, key: str, file: BinaryIO, *, start: int = 0, length: int | None = None) -> int:
    """Write an object, from ``start`` on, to a file that stands where it goes on; returns the bytes written. A part
    that was written stays, whatever follows."""
    written = 0
    while length is None or written < length:
        wanted = PART_BYTES if length is None else min(PART_BYTES, length - written)
        part = objects.part(key, start + written, wanted)
        file.write(part)
        written += len(part)
        if len(part) < wanted:
            break
    return written


def _failure(place: str, doing: str, why: str) -> StoreFailure:
    return StoreFailure.of("failure.store", place=place, doing=doing, why=why)


def _checked(key: str, place: str) -> str:
    # A key may come from an object that somebody else wrote.
    if not _KEY.fullmatch(key):
        raise _failure(place, "read", "no key")
    return key


def _parts_of(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(PART_BYTES):
        yield part


class FolderObjects:
    """Objects as the files of a folder, for this user only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        return str(self.root)

    @contextmanager
    def _trying(self, doing: str) -> Generator[None]:
        try:
            yield
        except OSError as refused:
            failure = _failure(self.place, doing, refused.strerror or type(refused).__name__)
        else:
            return
        raise failure

    def path(self, key: str) -> Path:
        """The file of an object, whether or not it is there."""
        return self.root / _checked(key, self.place)

    def _room(self, key: str) -> Path:
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def put(self, key: str, content: Content) -> None:
        with self._trying("write"):
            path = self._room(key)
            partial = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
            try:
                with own_files.create(partial) as file:
                    if isinstance(content, Path):
                        with open(content, "rb") as source:
                            file.writelines(_parts_of(source))
                    elif isinstance(content, bytes):
                        file.write(content)
                    else:
                        file.writelines(content)
                    own_files.sync_open(file)
                os.replace(partial, path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            own_files.sync(path.parent)

    def take(self, key: str, path: Path) -> None:
        with self._trying("write"):
            target = self._room(key)
            own_files.sync(path)
            try:
                os.replace(path, target)
            except OSError:  # another file system: a copy, and what cannot be copied either is told of that
                self.put(key, path)
                path.unlink()
            own_files.sync(target.parent)

    def put_if(self, key: str, content: bytes, tag: Tag | None) -> Tag:
        with self._trying("write"):
            path = self._room(key)
            with open(self.root / _LOCK, "ab", opener=own_files.no_link) as lock:
                # Processes of this machine alone: a folder that several mount needs a file system that locks for all.
                fcntl.flock(lock, fcntl.LOCK_EX)
                there = self._read(path)
                if (None if there is None else _digest(there)) != tag:
                    raise Outrun.of("failure.store_outrun", place=self.place, key=key)
                own_files.replace(path, content)
        return _digest(content)

    @staticmethod
    def _read(path: Path) -> bytes | None:
        try:
            with open(path, "rb", opener=own_files.no_link) as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def get(self, key: str) -> bytes | None:
        with self._trying("read"):
            return self._read(self.path(key))

    def look(self, key: str, known: Tag | None = None) -> Tagged | None:
        content = self.get(key)
        if content is None:
            return None
        tag = _digest(content)
        return UNCHANGED if tag == known else Tagged(content, tag)

    def part(self, key: str, start: int, length: int) -> bytes:
        with self._trying("read"), open(self.path(key), "rb", opener=own_files.no_link) as file:
            file.seek(start)
            return file.read(length)

    def size(self, key: str) -> int | None:
        with self._trying("read"):
            try:
                return os.lstat(self.path(key)).st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def listed(self, prefix: str = "") -> Iterator[Held]:
        def unread(refused: OSError) -> None:
            # What is not there holds nothing; of what cannot be looked at nobody knows.
            if not isinstance(refused, FileNotFoundError):
                raise refused

        with self._trying("read"):
            for folder, below, files in os.walk(self.root / prefix, onerror=unread):
                below[:] = sorted(name for name in below if not name.startswith("."))
                for name in sorted(files):
                    path = Path(folder, name)
                    if name.startswith(".") or path.is_symlink():
                        continue
                    with suppress(FileNotFoundError):  # taken away meanwhile
                        state = path.stat()
                        changed = datetime.fromtimestamp(state.st_mtime, UTC)
                        yield Held(path.relative_to(self.root).as_posix(), state.st_size, changed)

    def folders(self) -> list[str]:
        with self._trying("read"):
            if not self.root.is_dir():
                return []
            found = [e.name for e in os.scandir(self.root) if e.is_dir(follow_symlinks=False)]
        return sorted(name for name in found if _KEY.fullmatch(name))

    def delete(self, key: str) -> None:
        with self._trying("write"):
            path = self.path(key)
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            for folder in path.parents:
                if folder == self.root:
                    break
                try:
                    folder.rmdir()
                except OSError:  # it holds others, or is gone
                    break

    def clear(self) -> None:
        with self._trying("write"):
            for leftover in self.root.rglob(f".*{_PARTIAL}"):
                with suppress(FileNotFoundError):
                    # The file system's own time, whatever the clock of the rules says.
                    if time.time() - leftover.lstat().st_mtime > LEFTOVER_S:
                        leftover.unlink()


def _digest(content: bytes) -> Tag:
    return Tag(hashlib.sha256(content).hexdigest())


class BucketObjects:
    """Objects behind an address, as obstore opens it. Its credentials are its own variables' (AWS_…, GOOGLE_…,
    AZURE_…), never part of the address."""

    def __init__(self, place: str, store: Any) -> None:
        self._place, self._store = place, store

    @classmethod
    def open(cls, address: str, *, endpoint: str = "", allow_http: bool = False) -> BucketObjects:
        """``endpoint``: of a server that speaks S3, where it is not Amazon's. Raises UsageError for an address that is
        none, or one that would be asked unencrypted on another machine."""
        import obstore.store

        client: dict[str, Any] = dict(_CLIENT)
        options: dict[str, Any] = {}
        if address.startswith("s3"):
            known = (
                os.environ.get(_FIRST_ENDPOINT),
                endpoint,
                *(os.environ.get(name) for name in _ENDPOINTS),
            )
            client["allow_http"] = _may_be_plain(next((one for one in known if one), ""), allow_http)
            if endpoint:
                options["config"] = {"endpoint": endpoint}
        try:
            store: Any = obstore.store.from_url(
                address, client_options=cast("Any", client), retry_config=cast("Any", _RETRY), **options
            )
            return cls(address, store)
        except Exception as refused:  # noqa: BLE001 - its words may repeat what the environment holds
            kind = type(refused).__name__
        raise UsageError.of("failure.store_address", kind=kind)

    @property
    def place(self) -> str:
        return self._place

    @contextmanager
    def _trying(self, doing: str) -> Generator[None]:
        # Every backend has failures of its own; none of their words is repeated, they may hold a signed address.
        try:
            yield
        except BookwatchError:
            raise
        except Exception as refused:  # noqa: BLE001 - each backend raises its own; none of their words is repeated
            failure = self._failed(doing, refused)
        else:
            return
        raise failure

    def _failed(self, doing: str, refused: Exception) -> StoreFailure:
        words = str(refused)
        for pattern, code in _KNOWN:
            if pattern.search(words):
                return StoreFailure.of(code, place=self._place)
        return _failure(self._place, doing, type(refused).__name__)

    def put(self, key: str, content: Content) -> None:
        import obstore

        broken: list[BaseException] = []

        def parts(some: Iterable[bytes]) -> Iterator[bytes]:
            # obstore says of a failure here that there was one: it is kept for whoever put.
            try:
                yield from some
            except BaseException as failure:
                broken.append(failure)
                raise

        try:
            with self._trying("write"):
                if isinstance(content, bytes):
                    obstore.put(self._store, key, content)
                else:
                    given = content if isinstance(content, Path) else parts(content)
                    obstore.put(self._store, key, given, chunk_size=PART_BYTES, max_concurrency=AT_ONCE)
        except BaseException:
            if broken:
                raise broken[0] from None
            raise

    def take(self, key: str, path: Path) -> None:
        size = path.stat().st_size
        self.put(key, path)
        if self.size(key) != size:
            raise _failure(self._place, "write", "another size")
        path.unlink()

    def put_if(self, key: str, content: bytes, tag: Tag | None) -> Tag:
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotSupportedError, PreconditionError

        mode: Any = "create"
        if tag is not None:
            mode = {name: one for name, one in (("e_tag", tag.e_tag), ("version", tag.version)) if one}
        with self._trying("write"):
            try:
                told = obstore.put(self._store, key, content, mode=mode)
            except (AlreadyExistsError, PreconditionError):
                pass
            except FileNotFoundError as refused:
                if tag is None:
                    raise
                # A condition on an object that is gone.
                if _KNOWN[0][0].search(str(refused)):
                    raise
            except (NotSupportedError, NotImplementedError):
                raise Unconditional.of("failure.store_unconditional", place=self._place) from None
            else:
                return Tag(told["e_tag"], told["version"])
        raise Outrun.of("failure.store_outrun", place=self._place, key=key)

    def get(self, key: str) -> bytes | None:
        found = self.look(key)
        return None if found is None else found.content

    def look(self, key: str, known: Tag | None = None) -> Tagged | None:
        import obstore
        from obstore.exceptions import NotModifiedError

        options: Any = {} if known is None or known.e_tag is None else {"if_none_match": known.e_tag}
        with self._trying("read"):
            try:
                told = obstore.get(self._store, key, options=options)
                meta = told.meta
                return Tagged(bytes(told.bytes()), Tag(meta["e_tag"], meta["version"]))
            except NotModifiedError:
                return UNCHANGED
            except FileNotFoundError as gone:
                self._require_bucket(gone)
                return None

    def _require_bucket(self, gone: FileNotFoundError) -> None:
        """Where the bucket is not there, no object of it can be said to be missing."""
        if _KNOWN[0][0].search(str(gone)):
            raise self._failed("read", gone) from None

    def part(self, key: str, start: int, length: int) -> bytes:
        import obstore

        if length <= 0:
            return b""
        with self._trying("read"):
            return bytes(obstore.get_range(self._store, key, start=start, length=length))

    def size(self, key: str) -> int | None:
        import obstore

        with self._trying("read"):
            try:
                return int(obstore.head(self._store, key)["size"])
            except FileNotFoundError as gone:
                self._require_bucket(gone)
                return None

    def listed(self, prefix: str = "") -> Iterator[Held]:
        import obstore

        with self._trying("read"):
            for some in cast(
                "Iterator[list[dict[str, Any]]]", obstore.list(self._store, prefix=prefix or None)
            ):
                for one in some:
                    yield Held(str(one["path"]), int(one["size"]), cast("datetime", one["last_modified"]))

    def folders(self) -> list[str]:
        import obstore

        with self._trying("read"):
            found = cast("dict[str, Any]", obstore.list_with_delimiter(self._store))
            names = [str(prefix).rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]]
        return sorted(name for name in names if _KEY.fullmatch(name))

    def delete(self, key: str) -> None:
        import obstore

        with self._trying("write"):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError as gone:
                self._require_bucket(gone)

    def clear(self) -> None:
        """Parts of an upload that was killed are no objects: the bucket's own rule takes them away (docs/store.md)."""


def _may_be_plain(endpoint: str, allowed: bool) -> bool:
    """Whether an endpoint is asked without encryption. Raises UsageError where it may not."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        raise UsageError.of("failure.store_address", kind="endpoint") from None
    if parts.scheme.lower() != "http":
        return False
    if not (allowed or is_loopback(host)):
        raise UsageError.of("failure.store_http")
    return True


def open_objects(address: str, beside: Path, *, endpoint: str = "", allow_http: bool = False) -> Objects:
    """A store by its address: an object store's, or a folder; a relative one lies in ``beside``. Raises UsageError."""
    if "://" in address:
        return BucketObjects.open(address, endpoint=endpoint, allow_http=allow_http)
    folder = Path(address).expanduser()
    return FolderObjects(folder if folder.is_absolute() else beside / folder)


def objects_of(settings: Settings, address: str = "") -> Objects:
    """The store of BOOKWATCH_STORE, or of ``address``; ``BOOKWATCH_HOME/backups`` where neither is set. Raises
    UsageError."""
    return open_objects(
        address or settings.store or str(settings.home.backups.absolute()),
        settings.home.root,
        endpoint=settings.store_endpoint,
        allow_http=settings.allow_http,
    )
