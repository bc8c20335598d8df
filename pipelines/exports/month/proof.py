"""What proves a month's package beyond its files: the kept snapshot gives the same digests, figures and tables once
more, the bridges close, the earlier reports it names are those of the ledger, and how it is known who made it.

The files are held to the manifest, and to each other, in verify.py.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl

from marketplace.bridges import LineKind
from pipelines.exports.commissions import facts_of
from pipelines.exports.csv_writer import REPORT
from pipelines.exports.digests import mart_digests
from pipelines.exports.maker import HOW
from pipelines.exports.manifest import MANIFEST, FileEntry, Manifest, MonthEntry
from pipelines.exports.month.document import Contents
from pipelines.exports.month.earlier import reported_file
from pipelines.exports.month.figures import figures_of
from pipelines.exports.month.findings import date_findings
from pipelines.exports.month.opening import LEDGER_FILE
from pipelines.exports.month.package import (
    BRIDGES,
    QUERY_MEMORY,
    ages_as_of,
    asked_again,
    documents,
    label_of,
    tables,
    told_of_snapshot,
)
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked, Earlier, PackageTable
from pipelines.exports.notes import Notes
from pipelines.exports.pdf_content import NotAsWeDraw, unpacked
from pipelines.exports.reading import csv_rows
from resources.home import Home
from resources.instants import z_text_of
from resources.ledger import ExportEntry, Ledger, LedgerTooNew
from resources.ledger.sign_offs import CLOSED
from resources.snapshots import open_snapshot
from resources.told import told_name

#: What shows the policy's text: where the snapshot keeps none (ops.snapshot.policy), that of the file beside bookwatch.
_OF_POLICY: Final = ("rules", "_rules.md")
_POLICY_KEPT: Final = (
    "SELECT bool_or(policy IS NOT NULL) FROM (SELECT NULL::VARCHAR AS policy WHERE false UNION ALL BY NAME"
    " FROM ops.snapshot)"
)
#: Tables that are made of an earlier report as well.
_OF_EARLIER: Final = ("changes", "corrections", BRIDGES)
#: Figures that are the control total of a table's column, or its rows where the column is None.
_IN_TABLES: Final = (
    ("rows", "commissions", None),
    ("booking_amount_idr", "commissions", "booking_amount_idr"),
    ("expected_idr", "commissions", "expected_idr"),
    ("actual_idr", "commissions", "actual_idr"),
    ("variance_idr", "commissions", "variance_idr"),
    ("findings", "findings", None),
    ("opening_idr", "ledger", "opening_idr"),
    ("accrued_idr", "ledger", "accrued_idr"),
    ("fees_idr", "ledger", "fees_idr"),
    ("paid_gross_idr", "ledger", "paid_gross_idr"),
    ("refunds_idr", "ledger", "refunds_idr"),
    ("paid_idr", "ledger", "paid_idr"),
    ("reversed_idr", "ledger", "reversed_idr"),
    ("closing_idr", "ledger", "closing_idr"),
)
_WORKBOOK: Final = ".xlsx"
_COVER: Final = "_cover.pdf"
_WHOLE: Final = "whole"
_PROVIDER: Final = "provider"
_TOLD: Final = 5


@dataclass(frozen=True)
class Package:
    """The package that is proven: its folder and manifest, the kept snapshot (None: not here), the ledger's file, its
    reports, and the hash that a manifest has since it was rewritten."""

    folder: Path
    manifest: Manifest
    told: MonthEntry
    snapshot: Path | None
    home: Home
    entries: list[ExportEntry]
    now: Callable[[str], str | None]

    def file(self, table: str, ending: str = ".csv") -> FileEntry | None:
        """The file of a table."""
        name = f"{label_of(self.manifest)}_{self.manifest.snapshot}_{table}{ending}"
        return next((entry for entry in self.manifest.files if entry.name == name), None)


def prove_month(package: Package, notes: Notes) -> None:
    """Note what the package's snapshot, its bridges and the ledger say of it. Raises BookwatchError where the snapshot
    cannot be read to its end."""
    _say_who(package, notes)
    _check_earlier(package, notes)
    _check_signed_off(package, notes)
    _check_figures_of_files(package, notes)
    _check_bridges(package, notes)
    check_rows(package.told.figures, notes)
    if package.snapshot is None:
        notes.not_checked.append(
            "without the snapshot the figures, the digests of its marts and the rows of each table cannot be made once"
            " more; they are compared with each other alone."
        )
        return
    try:
        _check_seal(package, notes)
        _check_digests(package, package.snapshot, notes)
        _check_again(package, package.snapshot, notes)
    except duckdb.Error as refused:
        notes.not_checked.append(
            f"the snapshot {package.manifest.snapshot} cannot be asked by this bookwatch ({type(refused).__name__}):"
            f" verify with {package.told.bookwatch_version}, which made the package."
        )


def _say_who(package: Package, notes: Notes) -> None:
    told = package.told
    known = HOW.get(told.made_by_how)  # pyright: ignore[reportArgumentType, reportCallIssue] - any word may stand there
    by, under = told_name(package.manifest.made_by), told_name(told.made_under)
    who = f"made by {by} under the account {under} of the system"
    if known is None:
        notes.differences.append(
            f"{MANIFEST} says {told.made_by_how!r} of how its maker is known, which is no word."
        )
    elif told.made_by_how == "signed-in":
        notes.proven.append(f"{who}, {known}.")
    else:
        notes.not_checked.append(f"{who}, {known}.")
    if told.clock_frozen:
        notes.not_checked.append(
            "the clock was stopped (BOOKWATCH_NOW) when the package was made:"
            f" {package.manifest.created_at} is what it was told, not when it was."
        )


def _check_earlier(package: Package, notes: Notes) -> None:
    """The reports it was compared with are ones the ledger knows, and were made from what the manifest says."""
    if not package.entries:
        return
    for what, named in (("supersedes", package.told.supersedes), ("opening_from", package.told.opening_from)):
        if named is None:
            continue
        digest = package.now(str(named.get("manifest_sha256")))
        entry = next((one for one in package.entries if one.manifest_sha256 == digest), None)
        if entry is None or (entry.snapshot_id, entry.made_by) != (
            named.get("snapshot"),
            named.get("made_by"),
        ):
            notes.differences.append(
                f"{MANIFEST}: {what} names the report {named.get('manifest_sha256')} of {named.get('made_by')}, which"
                " the ledger does not know so."
            )


def _check_figures_of_files(package: Package, notes: Notes) -> None:
    """A figure that is a table's control total is what the manifest says of that table."""
    for name, table, column in _IN_TABLES:
        entry, figure = package.file(table), package.told.figures.get(name)
        if entry is None or figure is None:
            continue
        found = entry.rows if column is None else entry.totals.get(column)
        if found is not None and found != figure:
            notes.differences.append(
                f"{MANIFEST}: the figure {name} is {figure:,}; of the table {table} it is {found:,}."
            )


def check_rows(figures: dict[str, int | None], notes: Notes) -> None:
    """In and out are every row of the mirror, and what figures are made of was read to its end."""
    lost, unread = figures.get("rows_unaccounted"), figures.get("collections_not_read")
    if lost:
        notes.differences.append(
            f"{lost:,} rows of the mirror are neither in the figures of a period nor out of them, or counted twice."
        )
    elif lost is None:
        notes.not_checked.append("that every row of the mirror is in or out: its rows were not counted.")
    if unread:
        notes.not_checked.append(
            f"what {unread:,} collections held that were not read to their end: rows of the period may be missing."
        )


# -- bridges -------------------------------------------------------------------------------------------------


def _check_bridges(package: Package, notes: Notes) -> None:
    """Each bridge of the table adds up, line by line, and the manifest repeats those of the whole."""
    entry = package.file(BRIDGES)
    if entry is None or not (package.folder / entry.name).is_file():
        return
    whole: dict[str, dict[str, int | None]] = {}
    wrong: list[str] = []
    scope = _WHOLE if package.manifest.filters.get("provider") is None else _PROVIDER
    for of, lines in _bridges(package.folder / entry.name):
        bridge, of_scope, provider, day = of
        if not day and of_scope == scope:
            whole[bridge] = {line: amount for line, _, amount in lines}
        problem = _adds_up([(kind, amount or 0) for _, kind, amount in lines])
        if problem:
            where = " ".join(part for part in (provider and f"of {provider}", day and f"on {day}") if part)
            wrong.append(f"the bridge {bridge}{f' {where}' if where else ''} {problem}")
    notes.differences.extend(f"{one}." for one in wrong[:_TOLD])
    if len(wrong) > _TOLD:
        notes.differences.append(f"{len(wrong) - _TOLD:,} more bridges do not close.")
    if _said(package.told.bridges) != _said(whole):
        notes.differences.append(f"{MANIFEST} repeats other lines of the bridges than {entry.name} holds.")


def _said(bridges: dict[str, Any]) -> dict[str, Any]:
    """Lines whose amount is known."""
    return {
        bridge: {line: amount for line, amount in lines.items() if amount is not None}
        for bridge, lines in bridges.items()
        if lines
    }


def _adds_up(lines: list[tuple[str, int]]) -> str | None:
    """What is wrong with a bridge's lines, in their order, as kind and rupiah."""
    upto = 0
    total: int | None = None
    for kind, amount in lines:
        if kind == LineKind.COMPONENT:
            upto += amount
        elif kind == LineKind.SUBTOTAL and amount != upto:
            return f"has a subtotal of Rp {amount:,} where its lines come to Rp {upto:,}"
        elif kind == LineKind.TOTAL:
            total = amount
        elif kind == LineKind.DIFFERENCE and amount != upto - (total or 0):
            return f"says that it is off by Rp {amount:,}; its lines are off by Rp {upto - (total or 0):,}"
        elif kind == LineKind.DIFFERENCE and amount:
            return f"does not close: Rp {amount:,} are left"
    return None


_Of = tuple[str, str, str, str]


def _bridges(path: Path) -> Iterator[tuple[_Of, list[tuple[str, str, int | None]]]]:
    """Each bridge (its code, scope, provider and day) with its lines: code, kind and rupiah (None: unknown)."""
    with open(path, "rb") as file:
        rows = csv_rows(file, "en")
        next(rows)
        of: _Of | None = None
        lines: list[tuple[str, str, int | None]] = []
        for row in rows:
            this: _Of = (row["bridge"], row["scope"], row["provider_id"], row["local_date"])
            if of is not None and this != of:
                yield of, lines
                lines = []
            of = this
            amount = row["amount_idr"]
            lines.append((row["line"], row["kind"], int(amount) if amount else None))
        if of is not None:
            yield of, lines


# -- the snapshot --------------------------------------------------------------------------------------------


def _check_seal(package: Package, notes: Notes) -> None:
    """The manifest names the hash of the snapshot that the ledger sealed; an erasure may have made another of it."""
    named, snapshot = package.told.snapshot_sha256, package.manifest.snapshot
    try:
        seal, _ = Ledger(package.home.ledger).seal(snapshot)
    except LedgerTooNew:
        raise
    if named is None or seal is None or seal.sha256 is None:
        notes.not_checked.append(f"no hash of the snapshot {snapshot} was kept when the package was made.")
    elif seal.sha256 != named:
        if package.now(named) == seal.sha256:
            notes.not_checked.append(
                f"the snapshot {snapshot} was written anew since because of an erasure: its SHA-256 was {named}."
            )
        else:
            notes.differences.append(
                f"{MANIFEST} names the SHA-256 {named} of the snapshot {snapshot}; the one published has {seal.sha256}."
            )


def _same_version(package: Package) -> bool:
    return package.told.bookwatch_version == version("bookwatch")


def _check_digests(package: Package, snapshot: Path, notes: Notes) -> None:
    held, found = package.told.mart_digests, mart_digests(snapshot)
    differing = sorted(name for name in held.keys() | found.keys() if held.get(name) != found.get(name))
    if not differing:
        notes.proven.append(f"the {len(found)} marts of the snapshot have the digests that {MANIFEST} names.")
        return
    said = f"the rows of {', '.join(differing[:_TOLD])}"
    said += f" and {len(differing) - _TOLD} more marts" if len(differing) > _TOLD else ""
    named = package.told.snapshot_sha256
    seal, _ = Ledger(package.home.ledger).seal(package.manifest.snapshot)
    if named is not None and seal is not None and package.now(named) == seal.sha256 != named:
        notes.not_checked.append(
            f"{said} are others since the snapshot was written anew because of an erasure."
        )
    elif not _same_version(package):
        notes.not_checked.append(
            f"{said} have other digests by this bookwatch than by {package.told.bookwatch_version}, which made the"
            " package: its DuckDB may write them in other words."
        )
    else:
        notes.differences.append(f"{said} have other digests than {MANIFEST} names.")


def _check_again(package: Package, snapshot: Path, notes: Notes) -> None:
    """Figures and tables are made once more from the snapshot, with as little memory as it can be done in."""
    asked = asked_again(package.home, package.manifest, package.told, package.now)
    *tries, last = QUERY_MEMORY
    for limit in (*tries, last):
        again = Notes()
        try:
            _within(package, snapshot, asked, limit, again)
        except duckdb.OutOfMemoryException:
            if limit == last:
                raise
            continue
        notes.differences.extend(again.differences)
        notes.not_checked.extend(again.not_checked)
        notes.proven.extend(again.proven)
        return


def _within(package: Package, snapshot: Path, asked: Asked, memory: str, notes: Notes) -> None:
    with tempfile.TemporaryDirectory(prefix="bookwatch-verify-") as name:
        folder = Path(name)
        with open_snapshot(snapshot, memory_limit=memory, spill_folder=folder / "spill") as con:
            _check_facts(package, con, asked, notes)
            _check_figures(package, figures_of(con, asked), notes)
            _check_tables(package, con, asked, notes)
            _check_documents(package, con, asked, folder, notes)


def _check_facts(package: Package, con: duckdb.DuckDBPyConnection, asked: Asked, notes: Notes) -> None:
    """What the manifest says of the snapshot and of the period: whether it was closed, as of when, what is in none."""
    date_findings(con)
    facts = facts_of(con, period_of(asked))
    manifest = package.manifest
    held = asdict(manifest) | asdict(package.told)
    found = told_of_snapshot(facts, asked.until, manifest.time_zone)
    found["ageing_at"] = z_text_of(ages_as_of(manifest.filters, manifest.time_zone, facts["as_of"]))
    for name in sorted(found):
        if held[name] == found[name]:
            continue
        said = f"{MANIFEST} says {name} {held[name]}; by the snapshot it is {found[name]}."
        (notes.differences if _same_version(package) else notes.not_checked).append(said)


def _check_signed_off(package: Package, notes: Notes) -> None:
    """Who is said to have signed the period off did so, by the log."""
    if not package.entries or not package.told.signed_off:
        return
    log = {
        (f"{entry.local_month:%Y-%m}", entry.by, z_text_of(entry.at))
        for entry in Ledger(package.home.ledger).sign_off_log()
        if entry.action == CLOSED
    }
    notes.differences.extend(
        f"{MANIFEST} says that {named.get('by')} signed off {named.get('month')} at {named.get('at')}, which the ledger"
        " does not know."
        for named in package.told.signed_off
        if (named.get("month"), named.get("by"), named.get("at")) not in log
    )


def _check_figures(package: Package, found: dict[str, int | None], notes: Notes) -> None:
    held = package.told.figures
    differing = [name for name in found if name in held and held[name] != found[name]]
    for name in differing:
        notes.differences.append(
            f"{MANIFEST}: the figure {name} is {_number(held[name])}; computed once more from the snapshot it is"
            f" {_number(found[name])}."
        )
    for name in sorted(held.keys() - found.keys()):
        notes.not_checked.append(f"this bookwatch does not know the figure {name}.")
    if not differing and found.keys() <= held.keys():
        notes.proven.append(f"the {len(found)} figures are those of the snapshot, computed once more.")


def _number(figure: int | None) -> str:
    return "unknown" if figure is None else f"{figure:,}"


def _check_tables(package: Package, con: duckdb.DuckDBPyConnection, asked: Asked, notes: Notes) -> None:
    rewritten = {name for entry in package.manifest.rewritten for name in entry.files}
    agreed = 0
    for table in tables():
        entry = package.file(table.name)
        if entry is None:
            continue  # said: the manifest does not list it
        if entry.name in rewritten:
            notes.not_checked.append(
                f"{entry.name} was rewritten: whether its other cells are the snapshot's."
            )
            continue
        if _raw_sha256(table, con, asked) == entry.sha256:
            agreed += 1
            continue
        what = f"{entry.name} does not say what the snapshot {package.manifest.snapshot} gives for it"
        gone = _earlier_gone(package)
        if table.name in _OF_EARLIER and gone:
            notes.not_checked.append(f"{what}: the earlier report it is compared with is gone ({gone}).")
        elif _in_other_words(package, table.name, con):
            notes.not_checked.append(
                f"{what} by this bookwatch and its policy file; it was made by {package.told.bookwatch_version}."
            )
        else:
            notes.differences.append(f"{what}.")
    if agreed:
        notes.proven.append(f"{agreed} tables are, row by row, what the snapshot gives for them once more.")


def _in_other_words(package: Package, what: str, con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a table or document may say the same in other words than when the package was made."""
    if not _same_version(package):
        return True
    return what in _OF_POLICY and not con.execute(_POLICY_KEPT).fetchall()[0][0]


def _raw_sha256(table: PackageTable, con: duckdb.DuckDBPyConnection, asked: Asked) -> str:
    """The SHA-256 of a table's machine CSV, made and not written."""
    dialect = REPORT["en"]
    digest = hashlib.sha256(dialect.header(table.names))
    for batch in table.rows(con, asked):
        if batch.height:
            digest.update(dialect.lines(batch, safe=False))
    return digest.hexdigest()


def _earlier_gone(package: Package) -> str | None:
    """The earlier report that is neither kept as a snapshot nor stands in its folder as it was handed out."""
    for named in (package.told.supersedes, package.told.opening_from):
        if named is None:
            continue
        digest = package.now(named["manifest_sha256"])
        entry = next((one for one in package.entries if one.manifest_sha256 == digest), None)
        kept = package.home.published / f"{named['snapshot']}.duckdb"
        if kept.is_file() and entry is not None:
            continue
        there = Earlier(entry.manifest_sha256, Path(entry.folder), None) if entry else None
        if there is None or reported_file(there, LEDGER_FILE) is None:
            return named["manifest_sha256"]
    return None


def _check_documents(
    package: Package, con: duckdb.DuckDBPyConnection, asked: Asked, folder: Path, notes: Notes
) -> None:
    """The rules and the cover are made once more of the manifest as it stands. (A workbook is held to the machine's
    CSVs cell by cell.)"""
    manifest = package.manifest
    suffixes = tuple(document.suffix for document in documents())
    of_tables = [entry for entry in manifest.files if not entry.name.endswith(suffixes)]
    for entry in of_tables:  # a document may read the files of the tables beside it
        beside = package.folder / entry.name
        if beside.is_file() and Path(entry.name).name == entry.name:
            (folder / entry.name).symlink_to(beside)
    contents = Contents(replace(manifest, files=of_tables), asked, tables(), con, folder / "spool")
    for document in documents():
        if document.suffix == _WORKBOOK:
            continue
        name = f"{label_of(manifest)}_{manifest.snapshot}{document.suffix}"
        entry = next((one for one in manifest.files if one.name == name), None)
        if entry is None:
            continue
        try:
            made = document.write(contents, folder, name)
        except (OSError, pl.exceptions.PolarsError) as refused:
            notes.not_checked.append(
                f"{name} cannot be made once more of the package's files ({type(refused).__name__})."
            )
            continue
        if made.sha256 == entry.sha256:
            continue
        said = f"{name} is not what is made of the snapshot and {MANIFEST} once more"
        if _in_other_words(package, document.suffix, con):
            notes.not_checked.append(
                f"{said} on this machine; it was made by {package.told.bookwatch_version}, its texts and libraries."
            )
        elif document.suffix == _COVER and manifest.rewritten and name not in manifest.rewritten[-1].files:
            notes.not_checked.append(
                f"{name} was drawn before the report was rewritten: whether it shows anything else than the hashes"
                " that the files had then."
            )
        elif document.suffix == _COVER:
            _compare_covers(package.folder / name, folder / name, said, notes)
        else:
            notes.differences.append(f"{said}.")


def _compare_covers(held: Path, made: Path, said: str, notes: Notes) -> None:
    """Another machine may pack a PDF otherwise: then it says the same. Letters of other shapes are told, as another
    library may cut them so; another page is a difference."""
    if not held.is_file():
        return  # said: it is gone
    try:
        (ours, fonts), (words, shapes) = unpacked(made.read_bytes()), unpacked(held.read_bytes())
    except NotAsWeDraw:
        notes.differences.append(f"{said}: it is not drawn as bookwatch draws.")
        return
    if words != ours:
        notes.differences.append(f"{said}: other words or figures stand on its pages.")
    elif shapes != fonts:
        notes.not_checked.append(
            f"{said} on this machine: its pages say the same, but their letters are drawn otherwise."
        )
