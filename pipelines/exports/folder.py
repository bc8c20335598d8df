"""How the files of an export get into a folder whole or not at all, with their manifest and the ledger's entry.

Knows no report: what the files hold is commissions.py's and tables.py's, proving them again verify.py's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from pipelines.exports.manifest import (
    DEFAULT_LOCALE,
    MANIFEST,
    MANIFEST_VERSION,
    DamagedManifest,
    FileEntry,
    Manifest,
    ledger_words,
    read_manifest,
    sha256_of_bytes,
)
from pipelines.exports.report_files import sha256_of
from pipelines.exports.signature import SIGNATURE, signature_of
from pipelines.exports.time_stamp import STAMP
from resources.clock import Clock
from resources.errors import BookwatchError
from resources.home import Home
from resources.ledger import Ledger, LedgerTooNew
from resources.own_files import sync, sync_open
from resources.report_keys import signer
from resources.seals import require_unchanged
from resources.snapshots import require_snapshot

_WORKSHOP_PREFIX: Final = ".bookwatch-partial-"
#: What may lie beside a manifest and is listed in none: it is made of the manifest.
BESIDE: Final = (SIGNATURE, STAMP)


@dataclass(frozen=True)
class Exported:
    """A report in its folder. ``already_there``: the same report was, byte for byte, and nothing was entered again."""

    folder: Path
    manifest: Manifest
    manifest_sha256: str
    already_there: bool
    strangers: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """What is exported: the kind of report, its form, what it is limited to, and who asks for it."""

    kind: str
    form: str
    locale: str
    filters: dict[str, str]
    made_by: str


@dataclass(frozen=True)
class Written:
    """The finished data files in the workshop, and their manifest after the one of that hash, made at that instant."""

    files: list[FileEntry]
    manifest_after: Callable[[str | None, datetime], Manifest]
    #: Makes the files that show the manifest itself (a cover), from one that lists the others.
    papers: Callable[[Manifest], list[FileEntry]] | None = None


def strangers_in(folder: Path, names: set[str]) -> list[str]:
    """What lies in ``folder`` and is not among ``names``: files, folders and links, hidden ones too.

    Left out is the workshop of an export that is writing there at this moment.
    """
    return sorted(
        f"{entry.name}/" if entry.is_dir() and not entry.is_symlink() else entry.name
        for entry in folder.iterdir()
        if entry.name not in names and not is_at_work(entry)
    )


def is_at_work(path: Path) -> bool:
    """Whether ``path`` is the workshop of an export that lives: a killed one's lock is gone with it."""
    if not path.name.startswith(_WORKSHOP_PREFIX) or path.is_symlink() or not path.is_dir():
        return False
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def export(
    home: Home,
    clock: Clock,
    order: Order,
    *,
    out: Path,
    write: Callable[[Path, Path], Written],
    snapshot_id: str | None = None,
) -> Exported:
    """Export from one kept snapshot into ``out``; ``write`` is given the snapshot's file and the folder to write into.

    Files are written beside their place and renamed, the manifest last and in one transaction with the ledger's entry.
    Exporting the same into the same folder again restores files that are gone and enters nothing.

    Raises BookwatchError for a snapshot or folder that cannot serve, and what ``write`` raises.
    """
    path = require_snapshot(home, snapshot_id)
    chosen = path.stem
    ledger = Ledger(home.ledger)
    made_at = clock.now()
    # Read first: a key that cannot be used is said before anything is written.
    signing = signer(home)

    def sign(folder: Path, workshop: Path, data: bytes) -> None:
        if signing is not None and not (folder / SIGNATURE).exists():
            signature = signature_of(data, signing, made_at, clock_frozen=clock.frozen is not None)
            _put(folder, workshop, SIGNATURE, signature)

    try:
        with ledger.pinned(chosen), _folder(out) as folder:
            standing = _standing(folder, ledger, order, chosen)
            with _workshop(folder) as workshop:
                # Once more, now that the pin holds: a run may have dropped it a moment ago.
                path = require_snapshot(home, chosen)
                seal = require_unchanged(path, in_full=True)
                written = write(path, workshop)
                files = written.files
                drawn: set[str] = set()
                if require_unchanged(path) != seal:
                    raise BookwatchError(
                        f"The snapshot {chosen} was written anew while it was exported, as a person was forgotten.",
                        "No report was made; export again.",
                    )
                if written.papers is not None:
                    shown = standing[0] if standing else written.manifest_after(None, made_at)
                    papers = written.papers(replace(shown, files=files))
                    files = [*files, *papers]
                    if all(entry.folder != str(folder) for entry in ledger.exports()):
                        # They show when they are made: those of an export that was killed are others, and nobody
                        # was told of them.
                        drawn = {entry.name for entry in papers}
                if standing is not None:
                    manifest, digest = standing
                    _refuse_other_bytes(folder, manifest, files)
                    _settle(folder, workshop, files)
                    sign(folder, workshop, manifest.to_bytes())
                else:
                    settled: list[Manifest] = []

                    def settle(previous: str | None) -> str:
                        if (folder / MANIFEST).exists():
                            raise _other_export(folder, "another export was written there meanwhile")
                        manifest = replace(written.manifest_after(previous, made_at), files=files)
                        _settle(folder, workshop, files, drawn)
                        settled.append(manifest)
                        data = manifest.to_bytes()
                        for (
                            left
                        ) in BESIDE:  # of an export that was killed: they are of a manifest that never was
                            (folder / left).unlink(missing_ok=True)
                        sign(folder, workshop, data)
                        _put(folder, workshop, MANIFEST, data)
                        return sha256_of_bytes(data)

                    def undo() -> None:
                        for made in (MANIFEST, *BESIDE):
                            (folder / made).unlink(missing_ok=True)

                    digest = ledger.chain_export(
                        made_at=made_at,
                        made_by=order.made_by,
                        kind=order.kind,
                        filters=ledger_words(order.filters, order.form, order.locale),
                        snapshot_id=chosen,
                        folder=str(folder),
                        settle=settle,
                        undo=undo,
                    )
                    manifest = settled[0]
            names = {entry.name for entry in manifest.files} | {MANIFEST, *BESIDE}
            return Exported(
                folder, manifest, digest, standing is not None, tuple(strangers_in(folder, names))
            )
    except OSError as refused:
        raise BookwatchError(
            f"The report could not be written to {out} ({refused.strerror or type(refused).__name__}).",
            "No half report was left; choose a folder you may write, or make room there.",
        ) from None
    except duckdb.Error as refused:
        raise _snapshot_error(chosen, refused) from None
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise BookwatchError(
            f"The ledger {home.ledger} could not be written, and no report is made that it does not know.",
            "Make it writable for this user, or wait for the process that holds it, and export again.",
        ) from None


def _snapshot_error(snapshot_id: str, refused: duckdb.Error) -> BookwatchError:
    if isinstance(refused, duckdb.CatalogException | duckdb.BinderException):
        return BookwatchError(
            f"The snapshot {snapshot_id} has not all the tables and columns this report is made of.",
            "It was published by another version of bookwatch; export with that version, or from a newer snapshot.",
        )
    if isinstance(refused, duckdb.ConversionException | duckdb.OutOfRangeException):
        return BookwatchError(
            f"The snapshot {snapshot_id} holds amounts or instants of this period that are too large to write or sum.",
            "No report was written; marts.data_findings names the rows to correct.",
        )
    return BookwatchError(
        f"The snapshot {snapshot_id} could not be read to the end ({type(refused).__name__}).",
        "No report was written; make room on the disk, or export from another snapshot.",
    )


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """The folder of the report, made if need be and taken away again if nothing came into it."""
    made = not out.exists()
    if not made and not out.is_dir():
        raise BookwatchError(f"{out} is a file.", "Give a folder as --out.")
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = out.resolve()
    try:
        yield folder
    except BaseException:
        if made and not any(folder.iterdir()):
            folder.rmdir()
        raise


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder``, so that a rename stays on one file system; gone afterwards.

    A killed export leaves its own behind, whose lock went with it: those go here.
    """
    for left in folder.glob(f"{_WORKSHOP_PREFIX}*"):
        if not is_at_work(left):
            shutil.rmtree(left, ignore_errors=True)
    workshop, lock = _locked_folder(folder)
    try:
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        os.close(lock)


def _locked_folder(folder: Path) -> tuple[Path, int]:
    """A new workshop and the descriptor that holds its lock."""
    while True:
        workshop = Path(tempfile.mkdtemp(prefix=_WORKSHOP_PREFIX, dir=folder))
        try:
            lock = os.open(workshop, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if workshop.is_dir():
            return workshop, lock
        os.close(lock)  # another export took it for a leftover before it was locked


def _other_export(folder: Path, why: str) -> BookwatchError:
    return BookwatchError(
        f"{folder} cannot take this report: {why}.", "Give each report a folder of its own as --out."
    )


def _standing(folder: Path, ledger: Ledger, order: Order, snapshot_id: str) -> tuple[Manifest, str] | None:
    """The manifest of this same report if ``folder`` holds it already. Raises for one of anything else."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    data = path.read_bytes()
    digest = sha256_of_bytes(data)
    try:
        manifest = read_manifest(data)
    except DamagedManifest as damaged:
        raise _other_export(folder, f"its {MANIFEST} {damaged}") from None
    wanted = order.kind, order.form, order.locale, snapshot_id, tuple(sorted(order.filters.items()))
    if manifest.same_report != wanted:
        what = (
            manifest.filters.get("table") or f"{manifest.filters.get('from')} to {manifest.filters.get('to')}"
        )
        raise _other_export(
            folder,
            f"it holds the {manifest.format} report of {what} from snapshot {manifest.snapshot}"
            + ("" if manifest.locale == DEFAULT_LOCALE else f", written for the locale {manifest.locale}"),
        )
    entered = [entry.manifest_sha256 for entry in ledger.exports() if entry.kind == order.kind]
    if digest not in entered and manifest.previous_manifest_sha256 == (entered[-1] if entered else None):
        # An export that was killed between its last rename and the ledger's commit: it was to be the next link, and
        # nobody was told of it. (An edited manifest follows the link before its own, never the newest.)
        path.unlink()
        return None
    if digest not in entered:
        raise _other_export(
            folder, f"its {MANIFEST} is not in the ledger, so it was edited or made elsewhere"
        )
    return manifest, digest


def _refuse_other_bytes(folder: Path, manifest: Manifest, files: list[FileEntry]) -> None:
    if manifest.files != files:
        earlier = manifest.manifest_version < MANIFEST_VERSION
        raise _other_export(
            folder,
            "the same report there was made of other bytes"
            + (", by an earlier bookwatch: it is still proven by `bookwatch verify`" if earlier else ""),
        )


def _settle(
    folder: Path, workshop: Path, files: list[FileEntry], drawn: Collection[str] = frozenset()
) -> None:
    """Rename the finished files into ``folder``; all or none when one of other bytes stands there. One that is among
    ``drawn`` takes the place of such a one."""
    for entry in files:
        target = folder / entry.name
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise _other_export(folder, f"{entry.name} there is not a plain file")
        if entry.name not in drawn and target.exists() and sha256_of(target) != entry.sha256:
            raise _other_export(folder, f"{entry.name} is already there with different bytes")
    for entry in files:
        os.replace(workshop / entry.name, folder / entry.name)
    sync(folder)


def _put(folder: Path, workshop: Path, name: str, data: bytes) -> None:
    """Put the manifest, or what is made of it, in its place."""
    partial = workshop / name
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        sync_open(file)
    os.replace(partial, folder / name)
    sync(folder)
