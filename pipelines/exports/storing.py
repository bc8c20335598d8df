"""A finished package or report brought to a store: its files whole, its manifest last. What is in them is made
elsewhere, and stays where it was made."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipelines.exports.manifest import MANIFEST
from resources.errors import BookwatchError, UsageError
from resources.objects import Objects, objects_of
from resources.settings import Settings

EXPORTS: Final = "exports"
REPORTS: Final = "reports"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def store_named(settings: Settings) -> Objects:
    """The store of the settings. Raises UsageError where none is named: the home's own folder is no second place."""
    if not settings.store:
        raise UsageError.of("failure.store_unnamed")
    return objects_of(settings)


def store_export(objects: Objects, folder: Path, *, before: str | None = None) -> str:
    """Bring a finished export to ``exports/<name of its folder>``; returns where it lies. ``before``: the hash of the
    manifest that it had, where it was written anew. Raises StoreFailure, and UsageError where the store has another
    export of this name."""
    prefix = f"{EXPORTS}/{_named(folder)}"
    manifest = f"{prefix}/{MANIFEST}"
    there = stored_manifest(objects, folder)
    if there is not None and there not in (
        hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        before,
    ):
        raise UsageError.of("failure.store_taken", place=f"{objects.place}/{prefix}")
    objects.delete(manifest)  # what is not whole has none
    _bring(objects, folder, prefix, last=(MANIFEST,))
    return f"{objects.place}/{prefix}"


def stored_manifest(objects: Objects, folder: Path) -> str | None:
    """The SHA-256 of the manifest that the store has for an export's folder; None where it has none."""
    content = objects.get(f"{EXPORTS}/{_named(folder)}/{MANIFEST}")
    return None if content is None else hashlib.sha256(content).hexdigest()


def store_reports(objects: Objects, folder: Path) -> str:
    """Bring the reports of a day to ``reports/<day>``; returns where they lie."""
    prefix = f"{REPORTS}/{_named(folder)}"
    _bring(objects, folder, prefix)
    return f"{objects.place}/{prefix}"


def drop_report(objects: Objects, path: Path) -> None:
    """Take a report away that was deleted here."""
    objects.delete(f"{REPORTS}/{path.parent.name}/{path.name}")


def can_be_stored(folder: Path) -> bool:
    """Whether a folder's name can be a name of the store."""
    return _NAME.fullmatch(folder.name) is not None


def _named(folder: Path) -> str:
    if not can_be_stored(folder):
        raise UsageError.of("failure.store_name", name=folder.name)
    return folder.name


def _bring(objects: Objects, folder: Path, prefix: str, *, last: Sequence[str] = ()) -> None:
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    }
    for name in (*(name for name in files if name not in last), *(name for name in last if name in files)):
        try:
            objects.put(f"{prefix}/{name}", files[name])
        except OSError as refused:
            why = refused.strerror or type(refused).__name__
            raise BookwatchError.of("failure.store", place=str(folder), doing="read", why=why) from None
    for one in list(objects.listed(prefix)):
        if one.key.removeprefix(f"{prefix}/") not in files:
            objects.delete(one.key)
