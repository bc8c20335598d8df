"""Whether a report is still what was exported: its files, its manifest, the ledger, the chain. Changes nothing."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

import orjson
import polars as pl
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from marketplace.difference import Difference
from pipelines.exports.commissions import KIND, TABLES, Column, Part, Table, file_name, parts
from pipelines.exports.csv_writer import REPORT
from pipelines.exports.folder import BESIDE, strangers_in
from pipelines.exports.manifest import (
    MANIFEST,
    MONTH_KIND,
    TABLE_KIND,
    DamagedManifest,
    FileEntry,
    Manifest,
    SheetEntry,
    read_manifest,
    sha256_of_bytes,
)
from pipelines.exports.month import package
from pipelines.exports.month.proof import Package, prove_month
from pipelines.exports.month.table import PackageTable
from pipelines.exports.notes import Notes
from pipelines.exports.reading import Unreadable, csv_rows, json_rows, whole
from pipelines.exports.report_files import MONEY_SUFFIX, TOTAL, Summing, sha256_of, summed
from pipelines.exports.same import json_difference, safe_difference, sheet_difference
from pipelines.exports.signature import judge
from pipelines.exports.tables import ROWS, table_file_name
from pipelines.exports.time_stamp import judge_stamp
from pipelines.exports.workbook import SHEET_ROWS
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.instants import z_text_of
from resources.ledger import ExportEntry, Ledger, LedgerTooNew
from resources.report_keys import PublicKey, known_keys
from resources.rewrites import Kind, Rewrites
from resources.seals import SnapshotChanged, require_unchanged

# A workbook is read whole; three sheets of SHEET_ROWS rows unpack to a fifth of this.
_LARGEST_WORKBOOK: Final = 2 << 30
_FORMATS: Final = {
    KIND: ("csv", "json", "xlsx"),
    TABLE_KIND: ("csv", "parquet", "json", "xlsx"),
    MONTH_KIND: (package.FORM,),
}
_MONTH_FORMS: Final[tuple[tuple[Literal["csv", "json"], bool], ...]] = (
    ("csv", False),
    ("csv", True),
    ("json", False),
)
#: Files that are no table: their bytes are held to the manifest, their words to the snapshot.
_DOCUMENTS: Final = (".pdf", ".md")


@dataclass(frozen=True)
class Verdict:
    """``differences`` are sentences; ``not_checked`` what could not be told; ``rewritten``: when and why the report was
    written anew; ``proven``: what is known of it beside that it holds (who signed, who made it, when it was
    time-stamped). ``rows`` counts all data files' rows."""

    folder: Path
    files: int
    rows: int
    differences: tuple[str, ...]
    not_checked: tuple[str, ...]
    rewritten: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.differences


@dataclass(frozen=True)
class Trust:
    """What the reader trusts beside the ledger: the public ``key`` reports must be signed with (None: this home's), and
    the root certificates (PEM) of time-stamping authorities (None: whoever stamped is said, and not believed)."""

    key: PublicKey | None = None
    stamp_roots: Path | None = None


HOME_ALONE: Final = Trust()


def verify_export(
    folder: Path,
    ledger: Path,
    *,
    previous: Path | None = None,
    alone: bool = False,
    trust: Trust = HOME_ALONE,
) -> Verdict:
    """Re-compute everything the manifest in ``folder`` says, and compare it with the ledger and the chain.

    ``ledger`` is the ledger's file, which need not exist; ``previous`` a folder the report before this one was moved
    to; ``alone`` does without that report. Memory does not grow with the report.
    Raises UsageError when ``folder`` is no export.
    """
    try:
        folder = folder.resolve()
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.", "Give the folder of an export.")
        entries = ledger_entries(ledger)
        path = folder / MANIFEST
        if not path.is_file():
            if not any(folder.glob(f"{KIND}_*")) and all(entry.folder != str(folder) for entry in entries):
                raise UsageError(
                    f"{folder} holds no export: there is no {MANIFEST} in it.", "Give an export's folder."
                )
            return Verdict(folder, 0, 0, (f"{MANIFEST} is gone; without it nothing here can be proven.",), ())
        return _verify(folder, path.read_bytes(), ledger, entries, previous, alone, trust)
    except OSError as refused:
        raise BookwatchError(
            f"{folder} cannot be read to the end ({refused.strerror or type(refused).__name__}).",
            "Make its files readable for this user and verify again.",
        ) from None


def ledger_entries(ledger: Path) -> list[ExportEntry]:
    """What the ledger knows of exports, the oldest first; nothing where there is none. Raises BookwatchError."""
    if not ledger.is_file():
        return []
    try:
        return Ledger(ledger).exports()
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise BookwatchError(
            f"The ledger {ledger} cannot be read.",
            "Make it writable for this user (SQLite needs that to read it), or set BOOKWATCH_HOME to its folder.",
        ) from None


def _rewritten(ledger: Path, kind: Kind = "export") -> dict[str, str]:
    """Hash of a manifest (of a file of another kind) → of the one that took its place when a person was forgotten."""
    if not ledger.is_file():
        return {}
    try:
        done = Rewrites(ledger).done()
    except sqlite3.Error:
        return {}  # its exports were read: what is not told here shows as a difference
    return {entry.sha256_before: entry.sha256_after for entry in done if entry.kind == kind}


def _now(digest: str | None, anew: dict[str, str]) -> str | None:
    """The hash of the manifest that stands for the one that had this hash."""
    seen: set[str] = set()
    while digest is not None and digest in anew and digest not in seen:
        seen.add(digest)
        digest = anew[digest]
    return digest


def _compare_rewritings(manifest: Manifest, digest: str, anew: dict[str, str], notes: Notes) -> None:
    """The manifest names the manifests that the ledger says it took the place of."""
    told = {entry.manifest_sha256_before for entry in manifest.rewritten}
    known = {before for before in anew if _now(before, anew) == digest}
    if told != known:
        notes.differences.append(
            f"{MANIFEST} says that it took the place of {', '.join(sorted(told)) or 'no manifest'}, the ledger of"
            f" {', '.join(sorted(known)) or 'none'}."
        )


def _verify(
    folder: Path,
    data: bytes,
    ledger: Path,
    entries: list[ExportEntry],
    previous: Path | None,
    alone: bool,
    trust: Trust,
) -> Verdict:
    notes = Notes()
    digest = sha256_of_bytes(data)
    kind = next((entry.kind for entry in entries if entry.manifest_sha256 == digest), None)
    if kind is not None:
        entries = [entry for entry in entries if entry.kind == kind]  # each kind is a chain of its own
    place = next((i for i, entry in enumerate(entries) if entry.manifest_sha256 == digest), None)
    if place is None and entries:
        known = next((entry for entry in reversed(entries) if entry.folder == str(folder)), None)
        notes.differences.append(
            f"{MANIFEST} has the SHA-256 {digest}, which the ledger {ledger} does not know"
            + (
                f"; it recorded {known.manifest_sha256} for this folder: the manifest was edited."
                if known
                else ": it was edited, made under another BOOKWATCH_HOME, or its export was killed before it was"
                " entered (then export again into the same folder)."
            )
        )
    try:
        manifest = read_manifest(data)
    except DamagedManifest as damaged:
        notes.differences.append(f"{MANIFEST} {damaged}.")
        return Verdict(folder, 0, 0, tuple(notes.differences), tuple(notes.not_checked))
    if (folder / MANIFEST).is_symlink():
        notes.differences.append(f"{MANIFEST} is not a plain file.")
    if manifest.to_bytes() != data:
        notes.differences.append(f"{MANIFEST} is not written as bookwatch writes it: it was edited.")
    anew = _rewritten(ledger)
    if place is not None:
        _compare_entry(manifest, entries[place], notes)
        _compare_rewritings(manifest, digest, anew, notes)
        _check_snapshot(manifest.snapshot, ledger, notes)
    # A table is a link of no auditor's chain: the ones before it may be thrown away.
    alone = alone or manifest.report == TABLE_KIND
    _check_chain(folder, manifest, entries, place, anew, previous, alone, notes)
    _check_names(folder, manifest, notes)
    signed = _check_beside(folder, manifest, data, ledger, trust, notes)
    if not entries and not signed:
        notes.not_checked.append(
            f"no ledger with exports at {ledger}: whether {MANIFEST} was edited cannot be told."
        )
    summing = _summing(manifest)
    found = {
        entry.name: _check_file(folder, entry, manifest, summing.get(entry.name), notes)
        for entry in manifest.files
        if _is_plain(entry.name)
    }
    for part in _parts(manifest):
        if part.safe or manifest.report == MONTH_KIND:
            _check_pair(folder, manifest, part, found, notes)
    # The machine rows: the CSV, where there is one (beside a workbook that cannot hold them), else the first file.
    machine = found.get(_name(manifest, _tables(manifest)[0].suffix, "csv"), next(iter(found.values()), None))
    _check_difference(manifest, machine, notes)
    if manifest.month is not None:
        snapshot = _snapshot(manifest.snapshot, ledger) if place is not None else None
        home, anew = Home(ledger.parent), anew | _rewritten(ledger, "snapshot")
        prove_month(
            Package(
                folder, manifest, manifest.month, snapshot, home, entries, lambda digest: _now(digest, anew)
            ),
            notes,
        )
    rows = sum(seen.rows for seen in found.values() if seen)
    return Verdict(
        folder,
        len(manifest.files),
        rows,
        tuple(notes.differences),
        tuple(notes.not_checked),
        tuple(
            f"the report was rewritten at {entry.at} because of {entry.because}; its manifest was"
            f" {entry.manifest_sha256_before} before. Written anew: {', '.join(entry.files)}."
            for entry in manifest.rewritten
        ),
        tuple(notes.proven),
    )


def _check_beside(
    folder: Path, manifest: Manifest, data: bytes, ledger: Path, trust: Trust, notes: Notes
) -> bool:
    """The signature and the time-stamp, which are made of the manifest and lie beside it; whether it is signed with a
    key that is trusted."""
    signed = judge(
        folder,
        data,
        signed_with=None if manifest.month is None else manifest.month.signed_with,
        known=known_keys(Home(ledger.parent)),
        given=trust.key,
        must_say=manifest.month is not None,
    )
    earlier = [entry.manifest_sha256_before for entry in manifest.rewritten]
    stamped = judge_stamp(folder, data, earlier_sha256=earlier, roots=trust.stamp_roots)
    notes.differences.extend(said for said in (signed.difference, stamped.difference) if said)
    notes.not_checked.extend(said for said in (signed.not_checked, stamped.not_checked) if said)
    notes.proven.extend(said for said in (signed.signed, stamped.stamped) if said)
    return signed.signed is not None


def _compare_entry(manifest: Manifest, entry: ExportEntry, notes: Notes) -> None:
    """The ledger's own words on who, what and from where must be the manifest's."""
    for what, ours, theirs in (
        ("snapshot", manifest.snapshot, entry.snapshot_id),
        ("made_by", manifest.made_by, entry.made_by),
        ("made_at", manifest.created_at, z_text_of(entry.made_at)),
        ("report", manifest.report, entry.kind),
        ("filters", manifest.in_ledger, entry.filters),
    ):
        if ours != theirs:
            notes.differences.append(
                f"the ledger says {what} {theirs}, the manifest {ours}: the ledger was edited."
            )


def _check_snapshot(snapshot_id: str, ledger: Path, notes: Notes) -> None:
    """The snapshot a report rests on is kept for good: it must still be the file that was published."""
    path = _snapshot(snapshot_id, ledger)
    if path is None:
        notes.not_checked.append(
            f"the snapshot {snapshot_id}, which the report was made from, is not in {Home(ledger.parent).published}."
        )
        return
    try:
        require_unchanged(path, in_full=True)
    except SnapshotChanged as changed:
        notes.differences.append(changed.problem)


def _snapshot(snapshot_id: str, ledger: Path) -> Path | None:
    path = Home(ledger.parent).published / f"{snapshot_id}.duckdb"
    return path if Path(snapshot_id).name == snapshot_id and path.is_file() else None


def _check_chain(
    folder: Path,
    manifest: Manifest,
    entries: list[ExportEntry],
    place: int | None,
    anew: dict[str, str],
    moved_to: Path | None,
    alone: bool,
    notes: Notes,
) -> None:
    """The manifest names the one before it: that must be the ledger's, and the report must still stand."""
    # A report that was written anew since has another hash: the ledger says which.
    named = _now(manifest.previous_manifest_sha256, anew)
    before = entries[place - 1] if place else None
    if place is not None and named != (before.manifest_sha256 if before else None):
        notes.differences.append(
            f"a link of the chain is missing: the report before this one is {named or 'none'} by the manifest,"
            f" {before.manifest_sha256 if before else 'none'} by the ledger."
        )
        return
    if named is None or alone:
        return
    entry = before or next((known for known in entries if known.manifest_sha256 == named), None)
    asked = [moved_to] if moved_to else []
    recorded = [Path(entry.folder)] if entry else []
    beside = sorted(path for path in folder.parent.iterdir() if path.is_dir() and path != folder)
    if any(_manifest_sha256(candidate) == named for candidate in (*asked, *recorded, *beside)):
        return
    if entry is None:
        notes.not_checked.append(
            f"the report before this one (manifest {named}) is not beside it; --previous DIR says where it lies."
        )
        return
    what = (
        f"the report before this one ({entry.kind} {entry.filters}, made {entry.made_at:%Y-%m-%d %H:%M} UTC"
    )
    what += f" by {entry.made_by}, manifest {named})"
    standing = _manifest_sha256(Path(entry.folder)) if Path(entry.folder) != folder else None
    if standing is not None and all(known.manifest_sha256 != standing for known in entries):
        notes.differences.append(f"{what} was changed in {entry.folder}.")
    elif any(is_same_report(known, entry) and _stands(known) for known in entries):
        # Exported again from the same snapshot, the data files are the same bytes: nothing is lost with the old one.
        notes.not_checked.append(f"{what} is gone; the same report, exported again, stands.")
    else:
        notes.differences.append(
            f"a link of the chain is missing: {what} is not in {entry.folder} any more."
            " If it was moved, say where with --previous DIR; --alone does without it."
        )


def is_same_report(one: ExportEntry, other: ExportEntry) -> bool:
    """Whether two exports are of the same data files."""
    return (one.kind, one.filters, one.snapshot_id) == (other.kind, other.filters, other.snapshot_id)


def _stands(entry: ExportEntry) -> bool:
    return _manifest_sha256(Path(entry.folder)) == entry.manifest_sha256


def _manifest_sha256(folder: Path) -> str | None:
    try:
        return sha256_of(folder / MANIFEST)
    except OSError:
        return None


def _is_plain(name: str) -> bool:
    return (
        bool(name)
        and name not in (".", "..", MANIFEST)
        and "/" not in name
        and "\\" not in name
        and "\0" not in name
    )


def _check_names(folder: Path, manifest: Manifest, notes: Notes) -> None:
    """The files a manifest must list follow from what it is of; the folder must hold these and no more."""
    listed = [entry.name for entry in manifest.files]
    if manifest.format not in _FORMATS.get(manifest.report, ()) or manifest.locale not in REPORT:
        notes.differences.append(
            f"{MANIFEST} is of a {manifest.format} {manifest.report} report"
            f" (locale {manifest.locale}), which is not made."
        )
    else:
        book = [_name(manifest, "", "xlsx")] if manifest.format == "xlsx" else []
        expected = [*book, *(_name(manifest, part.suffix, part.form) for part in _parts(manifest))]
        if manifest.report == MONTH_KIND:
            stem = f"{package.label_of(manifest)}_{manifest.snapshot}"
            expected.extend(f"{stem}{document.suffix}" for document in package.documents())
        if listed != expected:
            notes.differences.append(
                f"{MANIFEST} lists {', '.join(listed)} where it must list {', '.join(expected)}."
            )
    notes.differences.extend(
        f"{MANIFEST} lists {name!r}, which is no file name of a report."
        for name in listed
        if not _is_plain(name)
    )
    notes.differences.extend(
        f"{name} does not belong to this report."
        for name in strangers_in(folder, {*listed, MANIFEST, *BESIDE})
    )


def _tables(manifest: Manifest) -> tuple[Table, ...]:
    if manifest.report == MONTH_KIND:
        return tuple(_as_table(table) for table in package.tables())
    return (ROWS,) if manifest.report == TABLE_KIND else TABLES


def _as_table(table: PackageTable) -> Table:
    columns = tuple(Column(column.name, "", column.kind) for column in table.columns)
    return Table(table.name, f"_{table.name}", "", columns)


def _summing(manifest: Manifest) -> dict[str, Summing]:
    """Of each file of a package's table: what is in no control total."""
    if manifest.report != MONTH_KIND:
        return {}
    of = {table.name: table.summing for table in package.tables()}
    return {_name(manifest, part.suffix, part.form): of[part.table.name] for part in _parts(manifest)}


def _name(manifest: Manifest, suffix: str, form: str) -> str:
    if manifest.report == TABLE_KIND:
        return table_file_name(manifest.filters.get("table", ""), manifest.snapshot, suffix, form)
    if manifest.report == MONTH_KIND:
        return f"{package.label_of(manifest)}_{manifest.snapshot}{suffix}.{form}"
    days = manifest.filters.get("from", ""), manifest.filters.get("to", "")
    return file_name(*days, manifest.snapshot, suffix, form, manifest.filters.get("provider"))


def _parts(manifest: Manifest) -> list[Part]:
    """The files of single tables that a report of this form has: beside a workbook those too long for its sheets."""
    if manifest.report == MONTH_KIND:
        return [Part(table, form, safe) for table in _tables(manifest) for form, safe in _MONTH_FORMS]
    if manifest.format == "xlsx":
        sheets = (manifest.files[0].sheets or []) if manifest.files else []
        return parts("xlsx", {sheet.name for sheet in sheets if sheet.rows > SHEET_ROWS}, _tables(manifest))
    if manifest.format in ("json", "parquet"):
        return parts(manifest.format, tables=_tables(manifest))
    # The first version had no safe file of the summary.
    return [
        part
        for part in parts("csv", tables=_tables(manifest))
        if manifest.manifest_version > 1 or (part.table.name, part.safe) != ("summary", True)
    ]


@dataclass(frozen=True)
class _Seen:
    """``difference``: of the rows, where they have both sides of one."""

    rows: int
    totals: dict[str, int]
    difference: Difference


def _check_file(
    folder: Path, entry: FileEntry, manifest: Manifest, summing: Summing | None, notes: Notes
) -> _Seen | None:
    path = folder / entry.name
    if path.is_symlink() or not path.is_file():
        notes.differences.append(
            f"{entry.name} is gone." if not path.exists() else f"{entry.name} is not a plain file."
        )
        return None
    size = path.stat().st_size
    if size != entry.bytes:
        notes.differences.append(f"{entry.name} has {size:,} bytes, not {entry.bytes:,}.")
    digest = sha256_of(path)
    if digest != entry.sha256:
        notes.differences.append(f"{entry.name} was changed: its SHA-256 is {digest}, not {entry.sha256}.")
    try:
        if path.suffix == ".xlsx":
            # Changed bytes are not unpacked: nothing good comes of them, and the difference is said.
            return _check_workbook(path, entry, manifest, notes) if digest == entry.sha256 else None
        seen = _recount(path, manifest.locale, summing)
    except Unreadable as broken:
        notes.differences.append(f"{entry.name} {broken}.")
        return None
    _compare_counts(entry.name, seen, entry.rows, entry.totals, notes)
    return seen


def _compare_counts(name: str, seen: _Seen, rows: int, totals: dict[str, int], notes: Notes) -> None:
    if seen.rows != rows:
        notes.differences.append(f"{name} has {seen.rows:,} rows, not {rows:,}.")
    for column in sorted(seen.totals.keys() | totals.keys()):
        # A JSON file without rows names no column: nothing sums to 0.
        ours, theirs = seen.totals.get(column, None if seen.rows else 0), totals.get(column)
        if ours != theirs:
            notes.differences.append(
                f"{name}: {column} sums to {_amount(ours)}, not {_amount(theirs)} as the manifest says."
            )


def _check_workbook(path: Path, entry: FileEntry, manifest: Manifest, notes: Notes) -> _Seen | None:
    """Each sheet against its entry; of one whose rows lie in a CSV, that it names the file."""
    sheets = entry.sheets or []
    tables = _tables(manifest)
    if [sheet.name for sheet in sheets] != [table.name for table in tables]:
        raise Unreadable(f"is not told sheet by sheet in {MANIFEST}")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _LARGEST_WORKBOOK:
                raise Unreadable("unpacks to more than any workbook of ours")
        with CalamineWorkbook.from_path(path) as book:
            if book.sheet_names != [sheet.name for sheet in sheets]:
                raise Unreadable(f"has the sheets {', '.join(book.sheet_names)}")
            seen = [
                _check_sheet(book.get_sheet_by_name(sheet.name), table, sheet, path.parent, manifest, notes)
                for table, sheet in zip(tables, sheets, strict=True)
            ]
    except (CalamineError, zipfile.BadZipFile):
        raise Unreadable("cannot be read as XLSX") from None
    _compare_counts(entry.name, seen[0], entry.rows, entry.totals, notes)
    return seen[0]


def _check_sheet(
    page: CalamineSheet, table: Table, sheet: SheetEntry, folder: Path, manifest: Manifest, notes: Notes
) -> _Seen:
    """What the sheet holds, compared with what the manifest says of it."""
    where = f"sheet {sheet.name}"
    if (sheet.file is not None) != (sheet.rows > SHEET_ROWS):
        notes.differences.append(
            f"{where}: {sheet.rows:,} rows belong {'into a CSV' if sheet.file is None else 'into the sheet'}."
        )
    if sheet.file is not None:
        if not any(sheet.file in str(cell) for row in page.iter_rows() for cell in row):
            notes.differences.append(f"{where} does not name {sheet.file}.")
        beside = next((other for other in manifest.files if other.name == sheet.file), None)
        if (
            beside is None
            or sheet.file != _name(manifest, table.suffix, "csv")
            or (beside.rows, beside.totals) != (sheet.rows, sheet.totals)
        ):
            notes.differences.append(f"{where} is not told as the CSV beside the workbook is.")
        return _Seen(0, dict.fromkeys(sheet.totals, 0), Difference(0, 0, 0, 0))

    def read() -> Iterator[dict[str, Any]]:
        rows = page.iter_rows()
        names = next(rows, [])
        if table.columns and names != table.names:
            raise Unreadable(f"has other columns than {', '.join(table.names)} in the sheet {sheet.name}")
        header = dict.fromkeys(str(name) for name in names)
        return chain([header], (dict(zip(header, row, strict=True)) for row in rows))

    raw = folder / _name(manifest, table.suffix, "csv")
    seen = _sum(read(), _summing(manifest).get(raw.name))
    _compare_counts(where, seen, sheet.rows, sheet.totals, notes)
    if manifest.report == MONTH_KIND and raw.is_file():
        try:
            differing = sheet_difference(raw, read())
        except ValueError as broken:
            differing = str(broken)
        if differing:
            notes.differences.append(f"{where} does not say what {raw.name} says: {differing}.")
    return seen


def _amount(total: int | None) -> str:
    return "nothing" if total is None else f"{total:,}"


def _check_pair(
    folder: Path, manifest: Manifest, part: Part, found: dict[str, _Seen | None], notes: Notes
) -> None:
    """A file of a table that has a machine's CSV holds the same rows and money, and says the same cell by cell."""
    name, raw_name = _name(manifest, part.suffix, part.form), _name(manifest, part.table.suffix, "csv")
    other, raw = found.get(name), found.get(raw_name)
    if name == raw_name or not other or not raw:
        return  # said already
    if other.rows != raw.rows or (other != raw and other.rows):
        notes.differences.append(f"{name} does not hold the same rows and totals as the raw file.")
        return
    if manifest.manifest_version == 1:
        return
    path, raw_path = folder / name, folder / raw_name
    try:
        differing = (
            json_difference(raw_path, path)
            if part.form == "json"
            else safe_difference(raw_path, path, manifest.locale, part.table.of_kind("decimal"))
        )
    except ValueError as broken:
        differing = str(broken)
    if differing:
        notes.differences.append(f"{name} does not say what the raw file says: {differing}.")


def _recount(path: Path, locale: str, summing: Summing | None = None) -> _Seen:
    """Rows and totals of a data file, read by another reader than the writer; of a document there are none."""
    if path.suffix in _DOCUMENTS:
        return _Seen(0, {}, Difference(0, 0, 0, 0))
    spreadsheet = path.stem.endswith("_spreadsheet")
    try:
        with open(path, "rb") as file:
            if path.suffix == ".parquet":
                return _of_parquet(file)
            if path.suffix == ".csv":
                return _sum(csv_rows(file, locale if spreadsheet else "en"), summing)
            return _sum(json_rows(file), summing)
    except (UnicodeDecodeError, csv.Error, orjson.JSONDecodeError, pl.exceptions.PolarsError):
        raise Unreadable(f"cannot be read as {path.suffix[1:].upper()}") from None


def _of_parquet(file: io.BufferedReader) -> _Seen:
    """Column by column, with Polars' reader: pyarrow wrote it."""
    names = [name for name in pl.read_parquet_schema(file) if name.endswith(MONEY_SUFFIX)]
    file.seek(0)
    sums = [pl.col(name).cast(pl.Int128).sum() for name in names]
    found = pl.scan_parquet(file).select(pl.len().alias(" rows"), *sums).collect(engine="streaming").row(0)
    return _Seen(found[0], dict(zip(names, map(int, found[1:]), strict=True)), Difference(0, 0, 0, 0))


def _sum(rows: Iterable[dict[str, Any]], summing: Summing | None = None) -> _Seen:
    """The first item is the header: its keys are the columns, its values are not summed."""
    total = summing.total if summing else None
    iterator = iter(rows)
    totals = dict.fromkeys(summed(next(iterator, {}), summing), 0)
    count = variance = unknown = unknown_expected = unknown_actual = 0
    for row in iterator:
        count += 1
        if total is not None and row.get(total) == TOTAL:
            continue
        amounts: dict[str, int] = {}
        for name in totals:
            value = row.get(name)
            if value is None or value == "":
                continue
            try:
                amounts[name] = whole(value)
            except (TypeError, ValueError):
                raise Unreadable(
                    f"holds an amount in {name} that is no whole number (row {count:,})"
                ) from None
            totals[name] += amounts[name]
        expected, actual = amounts.get("expected_idr"), amounts.get("actual_idr")
        if expected is not None and actual is not None:
            variance += actual - expected
        else:
            unknown += 1
            unknown_expected += expected or 0
            unknown_actual += actual or 0
    return _Seen(count, totals, Difference(variance, unknown, unknown_expected, unknown_actual))


def _check_difference(manifest: Manifest, seen: _Seen | None, notes: Notes) -> None:
    """The manifest's difference is that of the machine file's rows, taken row by row."""
    if manifest.difference is None or seen is None:
        return
    for name, amount in seen.difference.columns().items():
        if manifest.difference[name] != amount:
            notes.differences.append(
                f"{MANIFEST}: the difference's {name} is {manifest.difference[name]:,}; of the rows it is {amount:,}."
            )
