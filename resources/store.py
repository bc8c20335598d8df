"""Where backups lie: a folder, or an object store by its address. Files in folders of one level; what they are is not
known here.

An object store takes each file whole or not at all; in a folder a file gets its name when it is whole.
"""

# What obstore lists may be Arrow's, which carries no types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from resources import own_files
from resources.errors import BookwatchError, UsageError
from resources.home import Home

PART_BYTES: Final = 8 << 20
_MAKING: Final = ".making"
_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class StoreFailure(BookwatchError):
    """The store could not be read or written."""


def _failure(place: str, doing: str, why: str) -> StoreFailure:
    return StoreFailure.of("failure.store", place=place, doing=doing, why=why)


class Folder:
    """A store in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        return str(self._root)

    @contextmanager
    def _trying(self, doing: str) -> Generator[None]:
        try:
            yield
        except OSError as refused:
            failure = _failure(self.place, doing, refused.strerror or type(refused).__name__)
        else:
            return
        raise failure

    def folders(self) -> list[str]:
        with self._trying("read"):
            if not self._root.is_dir():
                return []
            return sorted(
                entry.name
                for entry in os.scandir(self._root)
                if entry.is_dir(follow_symlinks=False) and _FOLDER.fullmatch(entry.name)
            )

    def files(self, folder: str) -> dict[str, int]:
        with self._trying("read"):
            path = self._root / folder
            if not path.is_dir():
                return {}
            return {
                entry.name: entry.stat().st_size
                for entry in sorted(os.scandir(path), key=lambda entry: entry.name)
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
            }

    def read(self, folder: str, name: str) -> bytes | None:
        with self._trying("read"):
            try:
                with open(self._root / folder / name, "rb", opener=own_files.no_link) as file:
                    return file.read()
            except (FileNotFoundError, NotADirectoryError):
                return None

    @contextmanager
    def local(self, folder: str, name: str) -> Generator[Path]:
        yield self._root / folder / name

    def write(self, folder: str, name: str, content: bytes) -> None:
        with self._trying("write"):
            (self._root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            own_files.replace(self._root / folder / name, content)

    def place_file(self, folder: str, name: str, path: Path) -> None:
        with self._trying("write"):
            (self._root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            own_files.sync(path)
            os.replace(path, self._root / folder / name)
            own_files.sync(self._root / folder)

    def remove(self, folder: str, name: str) -> None:
        with self._trying("write"):
            (self._root / folder / name).unlink(missing_ok=True)

    def close(self, folder: str) -> None:
        with self._trying("write"):
            shutil.rmtree(self._root / folder, ignore_errors=True)

    @contextmanager
    def workshop(self, folder: str) -> Generator[Path]:
        making = self._root / f".{folder}{_MAKING}"
        with self._trying("write"):
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True, mode=0o700)
        try:
            yield making
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def clear_workshops(self, whose: Callable[[str], bool] = lambda folder: True) -> None:
        """Take away what killed processes left half-made; for whoever holds the backups' lock. ``whose``: whether a
        folder is its own: another home may be making one beside it."""
        for leftover in self._root.glob(f".*{_MAKING}"):
            if whose(leftover.name[1 : -len(_MAKING)]):
                shutil.rmtree(leftover, ignore_errors=True)


class ObjectStore:
    """A store behind an address, as obstore opens it. Its credentials are its own variables' (AWS_…, GOOGLE_…,
    AZURE_…), never part of the address. Files are made and looked through in ``beside``, a folder of this machine."""

    def __init__(self, place: str, store: Any, beside: Path) -> None:
        self._place, self._store = place, store
        self._beside = Folder(beside)

    @classmethod
    def open(cls, address: str, beside: Path) -> ObjectStore:
        """Raises UsageError for an address that is none."""
        import obstore.store

        try:
            if address.startswith("memory://"):
                return cls(address, obstore.store.MemoryStore(), beside)
            return cls(address, obstore.store.from_url(address), beside)
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
        except Exception as refused:  # noqa: BLE001 - each backend raises its own, with words that may hold a signed address
            failure = _failure(self._place, doing, type(refused).__name__)
        else:
            return
        raise failure

    def folders(self) -> list[str]:
        import obstore

        with self._trying("read"):
            found = cast("dict[str, Any]", obstore.list_with_delimiter(self._store))
            names = [str(prefix).rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]]
        return sorted(name for name in names if _FOLDER.fullmatch(name))

    def files(self, folder: str) -> dict[str, int]:
        import obstore

        with self._trying("read"):
            found: dict[str, int] = {}
            for listed in cast("Iterator[list[dict[str, Any]]]", obstore.list(self._store, prefix=folder)):
                for one in listed:
                    found[str(one["path"]).rpartition("/")[2]] = int(one["size"])
        return dict(sorted(found.items()))

    def read(self, folder: str, name: str) -> bytes | None:
        import obstore

        with self._trying("read"):
            try:
                return bytes(obstore.get(self._store, f"{folder}/{name}").bytes())
            except FileNotFoundError:
                return None

    @contextmanager
    def local(self, folder: str, name: str) -> Generator[Path]:
        import obstore

        with self._trying("read"):
            self._beside_folder()
            handle, path = tempfile.mkstemp(prefix=".fetched-", suffix=_MAKING, dir=self._beside.place)
            try:
                with os.fdopen(handle, "wb") as file:
                    for part in obstore.get(self._store, f"{folder}/{name}").stream(
                        min_chunk_size=PART_BYTES
                    ):
                        file.write(part)
            except BaseException:
                os.unlink(path)
                raise
        try:
            yield Path(path)
        finally:
            Path(path).unlink(missing_ok=True)

    def write(self, folder: str, name: str, content: bytes) -> None:
        import obstore

        with self._trying("write"):
            obstore.put(self._store, f"{folder}/{name}", content)

    def place_file(self, folder: str, name: str, path: Path) -> None:
        import obstore

        with self._trying("write"):
            obstore.put(self._store, f"{folder}/{name}", path)
            told = obstore.head(self._store, f"{folder}/{name}")["size"]
            if told != path.stat().st_size:
                raise _failure(self._place, "write", "another size")
            path.unlink()

    def remove(self, folder: str, name: str) -> None:
        import obstore

        with self._trying("write"):
            try:
                obstore.delete(self._store, f"{folder}/{name}")
            except FileNotFoundError:
                return

    def close(self, folder: str) -> None:
        for name in self.files(folder):
            self.remove(folder, name)

    def _beside_folder(self) -> None:
        Path(self._beside.place).mkdir(parents=True, exist_ok=True, mode=0o700)

    def workshop(self, folder: str) -> Any:
        return self._beside.workshop(folder)

    def clear_workshops(self, whose: Callable[[str], bool] = lambda folder: True) -> None:
        """As Folder's; what lies beside is this home's alone."""
        self._beside.clear_workshops()
        for leftover in Path(self._beside.place).glob(f".fetched-*{_MAKING}"):
            leftover.unlink(missing_ok=True)


def open_store(address: str, home: Home) -> Folder | ObjectStore:
    """The store of BOOKWATCH_STORE: BOOKWATCH_HOME/backups where nothing is set. Raises UsageError."""
    if "://" in address:
        return ObjectStore.open(address, home.backups)
    if not address:
        return Folder(home.backups)
    folder = Path(address).expanduser()
    return Folder(folder if folder.is_absolute() else home.root / folder)


Store = Folder | ObjectStore
"""Both read and write alike and raise StoreFailure."""
