"""Where backups lie: folders of one level with files in them, in a store of objects (objects.py). What they are is not
known here.

Files are made in a folder of this machine, and get their name in the store when they are whole.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from resources.objects import FolderObjects, Objects, StoreFailure, fetched, objects_of
from resources.settings import Settings

__all__ = ["Store", "StoreFailure", "open_store"]

_MAKING: Final = ".making"
_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Store:
    """Folders of files over a store of objects. Raises StoreFailure. ``beside``: the folder of this machine in which
    files are made and looked through; ``shared``: other homes make theirs in it too."""

    def __init__(self, objects: Objects, beside: Path, *, shared: bool = False) -> None:
        self._objects, self._beside, self._shared = objects, beside, shared

    @property
    def place(self) -> str:
        return self._objects.place

    def folders(self) -> list[str]:
        return [name for name in self._objects.folders() if _FOLDER.fullmatch(name)]

    def files(self, folder: str) -> dict[str, int]:
        """Name → bytes."""
        named = {one.key.rpartition("/"): one.bytes for one in self._objects.listed(folder)}
        return dict(sorted((name, size) for (of, _, name), size in named.items() if of == folder))

    def read(self, folder: str, name: str) -> bytes | None:
        return self._objects.get(f"{folder}/{name}")

    @contextmanager
    def local(self, folder: str, name: str) -> Generator[Path]:
        """The file on this machine, for as long as it is looked at."""
        if isinstance(self._objects, FolderObjects):
            yield self._objects.path(f"{folder}/{name}")
            return
        with self._trying("read"):
            self._beside.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, path = tempfile.mkstemp(prefix=".fetched-", suffix=_MAKING, dir=self._beside)
            try:
                with os.fdopen(handle, "wb") as file:
                    fetched(self._objects, f"{folder}/{name}", file)
            except BaseException:
                os.unlink(path)
                raise
        try:
            yield Path(path)
        finally:
            Path(path).unlink(missing_ok=True)

    @contextmanager
    def _trying(self, doing: str) -> Generator[None]:
        try:
            yield
        except OSError as refused:
            why = refused.strerror or type(refused).__name__
            failure = StoreFailure.of("failure.store", place=str(self._beside), doing=doing, why=why)
        else:
            return
        raise failure

    def write(self, folder: str, name: str, content: bytes) -> None:
        self._objects.put(f"{folder}/{name}", content)

    def place_file(self, folder: str, name: str, path: Path) -> None:
        self._objects.take(f"{folder}/{name}", path)

    def remove(self, folder: str, name: str) -> None:
        self._objects.delete(f"{folder}/{name}")

    def close(self, folder: str) -> None:
        """Take away what is left of a folder, half-written files of a killed process too."""
        for one in list(self._objects.listed(folder)):
            self._objects.delete(one.key)
        if isinstance(self._objects, FolderObjects):
            shutil.rmtree(self._objects.path(folder), ignore_errors=True)

    @contextmanager
    def workshop(self, folder: str) -> Generator[Path]:
        """A folder of this machine, in which the files of ``folder`` are made; gone afterwards."""
        making = self._beside / f".{folder}{_MAKING}"
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
        for leftover in self._beside.glob(f".*{_MAKING}"):
            if leftover.is_file():
                leftover.unlink(missing_ok=True)
            elif not self._shared or whose(leftover.name[1 : -len(_MAKING)]):
                shutil.rmtree(leftover, ignore_errors=True)


def open_store(settings: Settings) -> Store:
    """The store of the settings. Raises UsageError."""
    objects = objects_of(settings)
    if isinstance(objects, FolderObjects):
        # Made where they will lie: what is whole gets its name by a rename.
        return Store(objects, objects.root, shared=True)
    return Store(objects, settings.home.backups)
