"""Every file that is kept and may hold a trace of a forgotten person: found, and with ``rewrite`` written anew.

Snapshots, the warehouse, status.json, reports and backups of ours, under the run lock. What a trace is:
marketplace/traces.py; how one kind of file is written: resources/kept_files.py, pipelines/exports/erasing.py.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from assets.core import since, spelled
from assets.marts.parts.kept_steps import drop_steps
from marketplace.backups import BackupState
from marketplace.collections import BOOKING_COLLECTIONS, USERS
from marketplace.pseudonyms import Pseudonyms
from marketplace.traces import CellKind, Traces, cell_kind
from operations.backup import bucket
from operations.backup import erasing as backups
from operations.backup.create import settle
from operations.backup.erasing import IDS
from pipelines.exports import erasing
from pipelines.exports.storing import (
    EXPORTS,
    REPORTS,
    can_be_stored,
    drop_report,
    store_export,
    stored_manifest,
)
from pipelines.report_texts import texts_in, texts_of
from pipelines.reports import days
from resources import own_files
from resources.appwrite.failures import CallFailure
from resources.erasure import Erased, erase, rewrite, still_held
from resources.errors import BookwatchError
from resources.forgotten import Forgotten
from resources.home import Home
from resources.kept_files import LOOKING, Found, OwnRows, is_duckdb, look, remove, tables_of, write_without
from resources.ledger import BackupEntry, Ledger
from resources.objects import Objects, objects_of
from resources.raw.store import RawStore
from resources.rewrites import Kind, Rewrites
from resources.seals import require_unchanged, sealed
from resources.settings import Settings
from resources.shared.listing import FOLDER as SHARED
from resources.shared.listing import STATUS
from resources.shared.sharing import Source, restore, share_status, shared_hashes, withdraw
from resources.snapshots import drop_spare, published_snapshots
from resources.store import Store, open_store
from resources.warehouse import open_warehouse

MAKING: Final = "rewriting"
_CELLS: Final[tuple[CellKind, ...]] = ("id", "written", "sentence")
"""What a text of a report may be: it does not say."""
_PRIVATE_BOOKINGS: Final = ("customer_name", "customer_phone", "room_number", "location", "decline_words")


@dataclass
class Kept:
    """A file (of a report its folder) that holds a trace. ``where``: table.column → cells, of a report file → lines;
    empty of a file that was published after one that holds a trace, from a warehouse that held it. ``rewritten``: it
    was written anew. ``why``: one sentence where it was not, though asked, or not looked through."""

    kind: Kind
    path: str
    where: dict[str, int] = field(default_factory=dict[str, int])
    rewritten: bool = False
    sha256_before: str | None = None
    sha256_after: str | None = None
    why: str | None = None


@dataclass
class Search:
    """What was found. ``gone``: folders of reports that are not there any more. ``unknown``: files among the backups
    that are none of ours."""

    kept: list[Kept] = field(default_factory=list[Kept])
    gone: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Task:
    """Whose traces are sought, and who asked for it."""

    settings: Settings
    customer_id: str
    erased: Erased
    traces: Traces
    by: str
    at: datetime
    anew: bool
    clock_frozen: bool = False

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def rewrites(self) -> Rewrites:
        return Rewrites(self.home.ledger)


def finish_what_was_begun(home: Home, *, at: datetime) -> None:
    """End what a killed process left: files that have their place are entered, half-made ones are removed."""
    rewrites = Rewrites(home.ledger)
    for begun in rewrites.unfinished():
        path = Path(begun.path)
        if begun.kind == "backup" and IDS.fullmatch(path.name):
            continue  # one of the database: finish_backups, in the store it lies in
        if begun.kind == "export":
            erasing.finish(begun, rewrites, at=at)
        elif path.is_file() and _sha256(path) == begun.sha256_after:
            rewrites.finish(begun, at=at)
        else:
            rewrites.give_up(begun)
    for folder in (home.root, home.published, *_folders(home.backups)):
        for leftover in (*folder.glob(f".*.{MAKING}*"), *folder.glob(f".*.{LOOKING}")):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def _folders(folder: Path) -> list[Path]:
    return [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]


def search(task: Task) -> Search:
    """Look through every kept file, and write those anew that hold a trace, if asked."""
    found = Search()
    _snapshots(task, found)
    _status(task, found)
    _reports(task, found)
    _morning_reports(task, found)
    _backups(task, found)
    _database_backups(task, found)
    _stored(task, found)
    return found


def _sha256(path: Path) -> str:
    return erasing.sha256_of(path)


def _making(path: Path) -> Path:
    return path.with_name(f".{path.name}.{MAKING}")


def _try(kept: Kept, work: Callable[[], tuple[str, str]]) -> None:
    """Write a file anew; one sentence where that could not be done, and the rest goes on."""
    try:
        kept.sha256_before, kept.sha256_after = work()
        kept.rewritten = True
    except BookwatchError as refused:
        kept.why = f"{refused.problem} {refused.next_step}"
    except OSError as refused:
        kept.why = (
            f"{kept.path} could not be written anew ({refused.strerror}). Make room there and run this again."
        )


# -- DuckDB files --------------------------------------------------------------------------------------------


def _snapshots(task: Task, found: Search) -> None:
    home = task.home
    paths = sorted(
        path
        for path in home.published.glob("*.duckdb")
        if not path.is_symlink() and not path.name.startswith((".", "private_"))
    )
    drop_spare(home)  # it may hold the same, and nothing rests on it
    held = False
    for path in paths:
        kept, traces = _looked(task, "snapshot", path)
        held = held or bool(traces)
        if held and kept.why is None and task.anew:
            # Of those published after one that held a trace as well: they were copied from the same file, whose freed
            # blocks may hold it.
            _try(kept, lambda path=path, traces=traces: _anew(task, "snapshot", path, traces))
        if traces or kept.why or kept.rewritten:
            found.kept.append(kept)
    if home.warehouse.exists():
        kept, traces = _looked(task, "warehouse", home.warehouse)
        if (traces or held) and kept.why is None and task.anew:
            _try(kept, lambda: _warehouse_anew(task, home.warehouse, traces))
        if traces or kept.why or kept.rewritten:
            found.kept.append(kept)


def _warehouse_anew(task: Task, path: Path, traces: Found) -> tuple[str, str]:
    """Write the warehouse anew. What is replaced in its rows is no change that core noted: all marts are made again,
    and the steps that were kept for it go."""
    try:
        with open_warehouse(path) as con:
            since.whole(con, "values of a person were erased")
            spelled.forget(con)
    except duckdb.Error as broken:
        raise BookwatchError(
            f"{path.name} could not be written ({type(broken).__name__}).",
            "It stands as it was, and holds the values: make room beside it and run this again.",
        ) from None
    drop_steps(path)
    return _anew(task, "warehouse", path, traces)


def _looked(task: Task, kind: Kind, path: Path, own: tuple[OwnRows, ...] = ()) -> tuple[Kept, Found]:
    try:
        if kind == "snapshot":
            require_unchanged(path)
        traces = look(path, task.traces, own)
    except BookwatchError as refused:
        return Kept(kind, str(path), why=f"{refused.problem} {refused.next_step}"), Found()
    except OSError as refused:
        why = f"{path} could not be looked through ({refused.strerror})."
        return Kept(kind, str(path), why=why), Found()
    return Kept(kind, str(path), traces.cells), traces


def _anew(task: Task, kind: Kind, path: Path, traces: Found) -> tuple[str, str]:
    """Write a DuckDB file anew in its place: (hash before, hash after)."""
    if kind == "snapshot":
        before = require_unchanged(path, in_full=True)
        sha256 = (before.sha256 if before is not None else None) or _sha256(path)
    else:
        sha256 = _sha256(path)
    making = _making(path)
    after = write_without(path, making, traces, mode=path.stat().st_mode & 0o777)
    try:
        if look(making, task.traces):
            raise BookwatchError(
                f"{path.name} could not be written anew: a value would be left.", "Please report this."
            )
        return _settle(task, kind, path, making, sha256, after)
    finally:
        remove(making)


def _settle(task: Task, kind: Kind, path: Path, making: Path, before: str, after: str) -> tuple[str, str]:
    """Put the file made into its place, entered in the ledger before and after."""
    seal = sealed(path, after, os.stat(making))
    begun = task.rewrites.begin(
        task.customer_id, by=task.by, at=task.at, kind=kind, path=path, before=before, after=seal
    )
    os.replace(making, path)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    own_files.sync(path.parent)
    task.rewrites.finish(begun, at=task.at)
    return before, after


# -- status.json ---------------------------------------------------------------------------------------------


def _status(task: Task, found: Search) -> None:
    path = task.home.status
    try:
        data = path.read_bytes()
        content = json.loads(data)
    except (OSError, ValueError):
        return  # there is none, or the next run puts a whole one in its place
    fresh, cells = _walked(content, "message", task.traces)
    if not cells:
        return
    kept = Kept("status", str(path), {"texts": cells})
    if task.anew:
        making = _making(path)

        def work() -> tuple[str, str]:
            own_files.replace(making, json.dumps(fresh, ensure_ascii=False, indent=2).encode())
            return _settle(task, "status", path, making, _sha256(path), _sha256(making))

        _try(kept, work)
    found.kept.append(kept)


def _walked(value: Any, name: str, traces: Traces) -> tuple[Any, int]:
    """A JSON value without traces, and how many texts held one. ``name``: the key it stands under."""
    if isinstance(value, dict):
        pairs = {key: _walked(item, str(key), traces) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, sum(count for _, count in pairs.values())
    if isinstance(value, list):
        items = [_walked(item, name, traces) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    kind = cell_kind("status", name)
    if not isinstance(value, str) or kind is None:
        return value, 0
    told = traces.replacements([value], kind)
    return (told[value], 1) if value in told else (value, 0)


# -- reports -------------------------------------------------------------------------------------------------


def _reports(task: Task, found: Search) -> None:
    entries = Ledger(task.home.ledger).exports()
    standing: set[str] = set()
    for entry in reversed(entries):
        if entry.folder in standing:
            continue  # exported again into the same folder since
        report = erasing.look(entry, task.traces)
        if report is None:
            if entry.folder not in found.gone:
                found.gone.append(entry.folder)
            continue
        standing.add(entry.folder)
        if not report.lines and report.refused is None:
            continue
        kept = Kept("export", entry.folder, report.lines)
        if report.refused is not None:
            kept.why = f"The report in {entry.folder} was left as it is: {report.refused}."
        elif task.anew:

            def work(report: erasing.ReportTraces = report) -> tuple[str, str]:
                after = erasing.rewrite(
                    report,
                    task.traces,
                    task.rewrites,
                    customer_id=task.customer_id,
                    by=task.by,
                    at=task.at,
                    clock_frozen=task.clock_frozen,
                )
                return report.entry.manifest_sha256, after

            _try(kept, work)
        found.kept.append(kept)
    found.gone = [folder for folder in found.gone if folder not in standing]


# -- reports of notebooks ------------------------------------------------------------------------------------


def _morning_reports(task: Task, found: Search) -> None:
    """Reports of notebooks: one that holds a trace is deleted, for it can be made again, from a snapshot without."""
    for folder in days(task.home):
        for path in sorted(folder.glob("*.html")):
            try:
                texts = texts_of(path)
            except (OSError, ValueError) as refused:
                why = f"{path} could not be looked through ({type(refused).__name__})."
                found.kept.append(Kept("report", str(path), why=why))
                continue
            cells = _named(task, texts)
            if not cells:
                continue
            kept = Kept("report", str(path), {"cells": cells})
            if task.anew:
                try:
                    if task.settings.store:
                        drop_report(objects_of(task.settings), path)
                    path.unlink(missing_ok=True)
                    found.gone.append(str(path))
                    continue
                except BookwatchError as refused:
                    # It stands here as well, so that the next call still knows of the copy.
                    kept.why = f"{refused.problem} {refused.next_step}"
            found.kept.append(kept)


def _named(task: Task, texts: set[str]) -> int:
    """How many texts of a report hold a trace."""
    return len(set().union(*(task.traces.replacements(texts, kind) for kind in _CELLS)))


# -- copies in the store -------------------------------------------------------------------------------------


def _stored(task: Task, found: Search) -> None:
    """What was shared, and packages and reports brought there: they follow what became of the files here. A snapshot
    that has no file here any more cannot be looked through, and goes where anything is written anew; a package is
    named; a report is looked through there."""
    if not task.settings.store:
        return
    try:
        objects = objects_of(task.settings)
        if task.anew and task.home.status.exists() and objects.size(STATUS) is not None:
            share_status(objects, task.home.status.read_bytes())
        _shared_snapshots(task, found, objects)
        _stored_exports(task, found, objects)
        _stored_reports(task, found, objects)
    except BookwatchError as refused:
        found.kept.append(Kept("snapshot", task.settings.store, why=f"{refused.problem} {refused.next_step}"))


def _shared_snapshots(task: Task, found: Search, objects: Objects) -> None:
    shared = shared_hashes(objects)
    if not shared:
        return
    here = {path.stem: path for path in published_snapshots(task.home)}
    held = {Path(one.path).stem for one in found.kept if one.kind == "snapshot" and not one.why}
    others = {name for name in shared if name in here and _sealed_as(here[name]) != shared[name]}
    place = f"{objects.place}/{SHARED}"
    if not task.anew:
        found.kept += [
            Kept("snapshot", f"{place}/{name}", {"shared": 1}) for name in sorted(held & {*shared})
        ]
        found.unknown += [f"{place}/{name}" for name in sorted({*shared} - {*here})]
        return
    if not (held | others) & {*shared} and {*shared} <= {*here}:
        return
    kept = Kept("snapshot", place, {"shared": len(shared)})
    found.kept.append(kept)
    try:
        # All of them: the bytes of one may lie in the object of another.
        withdraw(objects)
        kept.rewritten = True
        for number, path in enumerate(here[name] for name in shared if name in here):
            source = Source(path, _sealed_as(path), None, None)
            restore(objects, source, newest=number == 0)
    except BookwatchError as refused:
        kept.why = f"{refused.problem} {refused.next_step}"


def _sealed_as(path: Path) -> str:
    seal = require_unchanged(path, in_full=True)
    return _sha256(path) if seal is None or seal.sha256 is None else seal.sha256


def _stored_exports(task: Task, found: Search, objects: Objects) -> None:
    held = {one.path: one for one in found.kept if one.kind == "export"}
    before: dict[str, set[str]] = {}
    for one in task.rewrites.done():
        if one.kind == "export":
            before.setdefault(one.path, set()).add(one.sha256_before)
    for folder in dict.fromkeys(entry.folder for entry in Ledger(task.home.ledger).exports()):
        path, kept = Path(folder), held.get(folder)
        if not can_be_stored(path):
            continue
        if folder in found.gone:
            if stored_manifest(objects, path) is not None:
                found.unknown.append(f"{objects.place}/{EXPORTS}/{path.name}")
            continue
        if kept is None and folder not in before:
            continue
        there = stored_manifest(objects, path)
        follows = there in before.get(folder, ())
        if there is None or not (follows or (kept is not None and not kept.rewritten)):
            continue
        copy = Kept("export", f"{objects.place}/{EXPORTS}/{path.name}", {} if kept is None else kept.where)
        if follows and task.anew:
            try:
                store_export(objects, path, before=there)
                copy.rewritten = True
            except BookwatchError as refused:
                copy.why = f"{refused.problem} {refused.next_step}"
        found.kept.append(copy)


def _stored_reports(task: Task, found: Search, objects: Objects) -> None:
    """Reports of notebooks of which the file here is another, or gone: here they go after a while, there they stay."""
    for held in list(objects.listed(REPORTS)):
        here = task.home.reports.joinpath(*held.key.split("/")[1:])
        if here.suffix != ".html" or (here.is_file() and here.stat().st_size == held.bytes):
            continue
        kept = Kept("report", f"{objects.place}/{held.key}")
        try:
            cells = _named(task, texts_in((objects.get(held.key) or b"").decode()))
        except ValueError as refused:
            kept.why = f"{kept.path} could not be looked through ({type(refused).__name__})."
            found.kept.append(kept)
            continue
        if cells and task.anew:
            objects.delete(held.key)
            found.gone.append(kept.path)
        elif cells:
            kept.where = {"cells": cells}
            found.kept.append(kept)


# -- backups -------------------------------------------------------------------------------------------------


def _backups(task: Task, found: Search) -> None:
    home = task.home
    # Also what was moved aside: a warehouse that was damaged, a mirror of another server.
    aside = [path for path in home.root.glob("*.duckdb") if path not in (home.raw, home.warehouse)]
    for path in (*sorted(home.backups.rglob("*")), *sorted(aside)):
        if IDS.fullmatch(path.parent.name):
            continue  # of a backup of the database
        if not path.is_file() or path.is_symlink() or path.name.endswith(".wal"):
            continue
        if not is_duckdb(path):
            found.unknown.append(str(path))
            continue
        try:
            tables = tables_of(path)
        except BookwatchError as refused:
            found.kept.append(Kept("backup", str(path), why=f"{refused.problem} {refused.next_step}"))
            continue
        if "main._mirror" in tables:
            _mirror_backup(task, path, found)
        else:
            private = {"main.bookings", "main.messages"} <= tables
            # One of an earlier version of bookwatch has fewer tables.
            own = tuple(rows for rows in _own_rows(task) if f"main.{rows.table}" in tables) if private else ()
            kept, traces = _looked(task, "backup", path, own)
            if traces and task.anew:
                _try(kept, lambda path=path, traces=traces: _anew(task, "backup", path, traces))
            if traces or kept.why:
                found.kept.append(kept)


def finish_backups(settings: Settings, *, at: datetime) -> None:
    """End what killed processes left of backups of the database, and rewritings of them: half-made ones hold rows too,
    and go. For whoever holds the backups' lock. Raises StoreFailure."""
    rewrites = Rewrites(settings.home.ledger)
    store = open_store(settings)
    settle(settings, store, Ledger(settings.home.ledger))
    for begun in rewrites.unfinished():
        path = Path(begun.path)
        if begun.kind == "backup" and IDS.fullmatch(path.name) and path.parent == Path(store.place):
            backups.finish(settings, store, begun, rewrites, at=at)


def _database_backups(task: Task, found: Search) -> None:
    """Backups of the database, in the store of the settings; what another store holds is named."""
    settings = task.settings
    try:
        store = open_store(settings)
        names = backups.backups_in(store)
    except BookwatchError as refused:
        found.kept.append(Kept("backup", settings.store, why=f"{refused.problem} {refused.next_step}"))
        return
    ledger = Ledger(task.home.ledger)
    entries = {entry.backup_id: entry for entry in ledger.backups()}
    for entry in entries.values():
        if entry.state in (BackupState.WHOLE, BackupState.PARTIAL) and entry.store != store.place:
            found.unknown.append(f"{entry.store}/{entry.backup_id}")
        if entry.bucket is not None and entry.backup_id not in names:
            found.unknown.append(f"{entry.bucket}/{entry.backup_id}")  # the backup is gone, its copy is not
    if not names:
        return
    with RawStore(task.home.raw, read_only=True) as mirror, mirror.transaction() as con:
        person = backups.Person(
            task.customer_id,
            task.by,
            task.at,
            task.erased.own,
            task.traces,
            Forgotten.load(con, task.home.raw, only=task.customer_id),
            con,
        )
        for name in names:
            _one_backup(task, found, store, person, name, entries.get(name))


def _one_backup(
    task: Task,
    found: Search,
    store: Store,
    person: backups.Person,
    name: str,
    entry: BackupEntry | None,
) -> None:
    kept = Kept("backup", f"{store.place}/{name}")
    try:
        held = backups.look(task.settings, store, person, name)
    except BookwatchError as refused:
        kept.why = f"{refused.problem} {refused.next_step}"
        found.kept.append(kept)
        return
    if held is None:
        found.unknown += [f"{kept.path}/{file}" for file in store.files(name)]  # half-made: nobody can tell
        return
    found.unknown += [f"{kept.path}/{file}" for file in held.sealed]
    if held.rows:
        kept.where = dict(held.rows)
        found.kept.append(kept)
        if task.anew:
            _try(kept, lambda: backups.rewrite(task.settings, store, person, held, task.rewrites))
    if (
        entry is None
        or not entry.bucket
        or not (kept.rewritten or (held.manifest.rewritten and not entry.copied))
    ):
        return
    # Also the copy of one that was written anew before, but not its copy: it may have been out of reach then.
    if not task.anew:
        found.unknown.append(f"{entry.bucket}/{name}")
    else:
        try:
            bucket.copy(task.settings, store, Ledger(task.home.ledger), name, name=entry.bucket)
        except (BookwatchError, CallFailure):
            kept.rewritten = False
            kept.why = (
                f"Its copy in Appwrite's bucket {entry.bucket} may hold them still: it could not be written. Set"
                " APPWRITE_WRITE_KEY and run this again, or delete its files there."
            )
            if kept not in found.kept:
                found.kept.append(kept)


def _mirror_backup(task: Task, path: Path, found: Search) -> None:
    """A copy of raw.duckdb: the person is erased from it as from the mirror."""
    kept = Kept("backup", str(path))
    try:
        with closing(RawStore(path, read_only=True)) as store:
            held = still_held(store, task.customer_id, mirror=task.home.raw)
    except BookwatchError as refused:
        kept.why = f"{refused.problem} {refused.next_step}"
        found.kept.append(kept)
        return
    if not held:
        return
    kept.where = {"rows of the mirror": held}
    if task.anew:
        making = _making(path)

        def work() -> tuple[str, str]:
            before = _sha256(path)
            try:
                shutil.copyfile(path, making)
                log = path.with_name(f"{path.name}.wal")
                if log.exists():
                    shutil.copyfile(log, making.with_name(f"{making.name}.wal"))
                with RawStore(making) as store:
                    erase(store, task.customer_id, now=task.at.replace(tzinfo=None), mirror=task.home.raw)
                rewrite(making)
                return _settle(task, "backup", path, making, before, _sha256(making))
            finally:
                remove(making)

        _try(kept, work)
    found.kept.append(kept)


def _own_rows(task: Task) -> tuple[OwnRows, ...]:
    """The person's rows in a copy of private.duckdb."""
    names: Pseudonyms = task.traces.names
    bookings = {
        f"{collection}:{name}"
        for collection, row_id in task.erased.own
        if collection in BOOKING_COLLECTIONS
        for name in (row_id, names.id_of(row_id))
    }
    messages = {
        name
        for collection, row_id in task.erased.own
        if collection == "chat_messages"
        for name in (row_id, names.id_of(row_id))
    }
    customers = {
        name
        for collection, row_id in task.erased.own
        if collection == USERS
        for name in (row_id, names.id_of(row_id))
    }
    return (
        OwnRows("bookings", "origin || ':' || booking_id", frozenset(bookings), _PRIVATE_BOOKINGS),
        OwnRows("messages", "message_id", frozenset(messages), ("text",)),
        OwnRows("customers", "customer_id", frozenset(customers), ("name", "phone")),
    )


__all__ = ["Kept", "Search", "Task", "finish_backups", "finish_what_was_begun", "search"]
