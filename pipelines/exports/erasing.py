"""Reports that hold a trace of a forgotten person: where, and the same report written anew without it.

Cells are replaced one by one, in the bytes that stand there: every other byte of a file stays. Amounts, rows and their
order are not touched. What is a trace is marketplace/traces.py's.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, unescape

import duckdb
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from marketplace.traces import Traces, cell_kind
from pipelines.exports.csv_writer import BOM, REPORT, Locale
from pipelines.exports.manifest import (
    MANIFEST,
    MONTH_KIND,
    DamagedManifest,
    FileEntry,
    Manifest,
    MonthEntry,
    RewriteEntry,
    read_manifest,
    sha256_of_bytes,
)
from pipelines.exports.month.document import Contents
from pipelines.exports.report_files import new_file, sha256_of
from pipelines.exports.signature import SIGNATURE, signature_of
from pipelines.exports.spreadsheet import guarded, unguarded
from resources.errors import BookwatchError
from resources.home import Home
from resources.ledger import ExportEntry, Seal
from resources.own_files import sync
from resources.report_keys import signer
from resources.rewrites import Rewrite, Rewrites
from resources.snapshots import open_snapshot

WORKSHOP: Final = ".bookwatch-rewriting"
BECAUSE: Final = "an erasure"
TABLE: Final = "report"
WAIVERS: Final = "waivers"

_CELL: Final = re.compile(r'("(?:[^"]|"")*"|[^"\r\n{sep}]*)({sep}|\r\n|$)'.replace("{sep}", "SEP"))
#: Rules, and what is drawn of the other files: it is drawn anew where one of them is written anew.
_DOCUMENTS: Final = (".pdf", ".md")
_QUOTE: Final = re.compile(r'["\r\n]')
_XML_CELL: Final = re.compile(
    r'<c r="([A-Z]+)(\d+)"([^>]*) t="inlineStr"><is><t([^>]*)>(.*?)</t></is></c>', re.DOTALL
)
_ENTITIES: Final = {"&quot;": '"', "&apos;": "'"}

Told = Callable[[str, str], str | None]
"""(column, text) → what remains of it."""


@dataclass
class ReportTraces:
    """A report and where it holds traces. ``lines``: file → lines (cells of a workbook) that hold one. ``refused``: why
    it cannot be looked through or rewritten."""

    entry: ExportEntry
    lines: dict[str, int] = field(default_factory=dict[str, int])
    manifest: Manifest | None = None
    refused: str | None = None

    @property
    def folder(self) -> Path:
        return Path(self.entry.folder)


class _Teller:
    """Judges cells, each text once."""

    def __init__(self, traces: Traces, manifest: Manifest) -> None:
        self._traces = traces
        # A table is judged as it is in the snapshot; any other report is one of its own. In a package a reason is what
        # people wrote, in whichever table.
        of_month = manifest.report == MONTH_KIND
        self._table = WAIVERS if of_month else manifest.filters.get("table", TABLE).rpartition(".")[2]
        self._known: dict[tuple[str | None, str], str | None] = {}

    def __call__(self, column: str, text: str) -> str | None:
        kind = cell_kind(self._table, column)
        if kind is None or not text:
            return text
        if (kind, text) not in self._known:
            if len(self._known) > 1 << 18:
                self._known.clear()
            self._known[kind, text] = self._traces.replacements([text], kind).get(text, text)
        return self._known[kind, text]


def look(entry: ExportEntry, traces: Traces) -> ReportTraces | None:
    """What a report holds of a person; None where it is not in its folder any more, or another one took its place."""
    found = ReportTraces(entry)
    path = found.folder / MANIFEST
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as refused:
        found.refused = f"{path} cannot be read ({refused.strerror})"
        return found
    try:
        manifest = read_manifest(data)
        told = _Teller(traces, manifest)
        edited = sha256_of_bytes(data) != entry.manifest_sha256
        for file in manifest.files:
            lines = _rewrite_file(found.folder / file.name, None, manifest, told)
            if lines:
                found.lines[file.name] = lines
            edited = edited or sha256_of(found.folder / file.name) != file.sha256
    except (DamagedManifest, OSError, UnicodeDecodeError, zipfile.BadZipFile, ValueError) as broken:
        found.refused = (
            f"it cannot be read to the end ({type(broken).__name__}): `bookwatch verify` says more"
        )
        return found
    if edited:
        found.refused = "it is not as it was exported: `bookwatch verify` says how"
    found.manifest = manifest
    return found


def rewrite(
    report: ReportTraces,
    traces: Traces,
    rewrites: Rewrites,
    *,
    customer_id: str,
    by: str,
    at: datetime,
    clock_frozen: bool = False,
) -> str:
    """Write a report anew in its folder, without the traces; returns the new manifest's hash. ``clock_frozen``: ``at``
    is what a stopped clock says, which the new signature marks.

    All files are made in a hidden folder first and entered in the ledger; from then on ``finish`` completes it whatever
    happens. Raises BookwatchError where that cannot be done, and the report stands as it was then.
    """
    manifest = report.manifest
    if manifest is None or report.refused is not None:
        raise ValueError("a report that may not be written anew")
    workshop = report.folder / WORKSHOP
    # The old signature is of a manifest that will be gone: the report is signed anew, by the key there is today.
    signed = (report.folder / SIGNATURE).exists()
    signing = signer(Home(rewrites.path.parent)) if signed else None
    try:
        shutil.rmtree(workshop, ignore_errors=True)
        workshop.mkdir(mode=0o700)
        told = _Teller(traces, manifest)
        files: list[FileEntry] = []
        for file in manifest.files:
            if file.name not in report.lines:
                files.append(file)
                continue
            made = workshop / file.name
            _rewrite_file(report.folder / file.name, made, manifest, told)
            files.append(replace(file, bytes=made.stat().st_size, sha256=sha256_of(made)))
        entry = RewriteEntry(
            at.isoformat().replace("+00:00", "Z"), BECAUSE, sorted(report.lines), report.entry.manifest_sha256
        )
        month = manifest.month and replace(
            manifest.month, signed_with=None if signing is None else signing.public.text
        )
        fresh_manifest = replace(manifest, files=files, rewritten=[*manifest.rewritten, entry], month=month)
        if month is not None:
            fresh_manifest = _with_its_cover(report.folder, workshop, fresh_manifest, month, rewrites)
        content = fresh_manifest.to_bytes()
        _new(workshop / MANIFEST, content)
        if signed:  # an empty one: there is no key any more, and the old signature goes
            fresh = b"" if signing is None else signature_of(content, signing, at, clock_frozen=clock_frozen)
            _new(workshop / SIGNATURE, fresh)
        sync(workshop)
    except BookwatchError:
        shutil.rmtree(workshop, ignore_errors=True)
        raise
    except OSError as refused:
        shutil.rmtree(workshop, ignore_errors=True)
        raise BookwatchError(
            f"The report in {report.folder} could not be written anew ({refused.strerror or type(refused).__name__}).",
            "It stands as it was: make its folder writable for this user, or make room there, and run this again.",
        ) from None
    digest = sha256_of_bytes(content)
    begun = rewrites.begin(
        customer_id,
        by=by,
        at=at,
        kind="export",
        path=report.folder,
        before=report.entry.manifest_sha256,
        after=Seal(MANIFEST, digest, len(content), 0, 0),
    )
    finish(begun, rewrites, at=at)
    return digest


def _with_its_cover(
    folder: Path, workshop: Path, manifest: Manifest, told: MonthEntry, rewrites: Rewrites
) -> Manifest:
    """Draw a package's cover anew in ``workshop``: it shows the hashes of files that were just written anew and, of one
    provider's package, cells of theirs. The manifest with it.

    Raises BookwatchError where it would show a trace still, as the snapshot it is drawn from is not there any more.
    """
    from pipelines.exports.month import cover, package  # they load what draws pages

    suffix = cover.DOCUMENT.suffix
    old = next((file for file in manifest.files if file.name.endswith(suffix)), None)
    snapshot = Home(rewrites.path.parent).published / f"{manifest.snapshot}.duckdb"
    if old is None:
        return manifest
    if not snapshot.is_file():
        if "provider" not in manifest.filters:
            return manifest  # no cell of a row stands in it
        raise BookwatchError(
            f"The cover in {folder} shows a provider's account and cannot be drawn anew: its snapshot"
            f" {manifest.snapshot} is gone.",
            "The report stands as it was: put the snapshot back, or delete the report.",
        )
    after = {entry.sha256_before: entry.sha256_after for entry in rewrites.done()}

    def now(digest: str) -> str:
        seen: set[str] = set()
        while digest in after and digest not in seen:
            seen.add(digest)
            digest = after[digest]
        return digest

    documents = tuple(document.suffix for document in package.documents())
    tables = [file for file in manifest.files if not file.name.endswith(documents)]
    making = workshop / "making"
    making.mkdir(mode=0o700)
    for file in tables:
        written = workshop / file.name
        (making / file.name).symlink_to(written if written.exists() else folder / file.name)
    asked = package.asked_again(Home(rewrites.path.parent), manifest, told, now)
    try:
        with open_snapshot(snapshot, memory_limit=package.QUERY_MEMORY[-1]) as con:
            contents = Contents(
                replace(manifest, files=tables), asked, package.tables(), con, making / package.SPOOL
            )
            made = cover.DOCUMENT.write(contents, making, old.name)
    except duckdb.Error as refused:
        raise BookwatchError(
            f"The cover in {folder} cannot be drawn anew: the snapshot {manifest.snapshot} cannot be asked by this"
            f" bookwatch ({type(refused).__name__}).",
            f"The report stands as it was: run this with {told.bookwatch_version}, which made it, or delete it.",
        ) from None
    os.replace(making / old.name, workshop / old.name)
    shutil.rmtree(making)
    *earlier, entry = manifest.rewritten
    return replace(
        manifest,
        files=[made if file is old else file for file in manifest.files],
        rewritten=[*earlier, replace(entry, files=sorted({*entry.files, old.name}))],
    )


def finish(begun: Rewrite, rewrites: Rewrites, *, at: datetime) -> None:
    """Put the files made into their places, the manifest last, and enter it; whatever of it was done already."""
    folder = Path(begun.path)
    workshop = folder / WORKSHOP
    if workshop.is_dir():
        made = sorted(workshop.iterdir(), key=lambda path: path.name == MANIFEST)
        for path in made:
            if path.name == SIGNATURE and path.stat().st_size == 0:
                (folder / SIGNATURE).unlink(missing_ok=True)
                path.unlink()
            else:
                os.replace(path, folder / path.name)
        sync(folder)
        workshop.rmdir()
    try:
        stands = sha256_of(folder / MANIFEST) == begun.sha256_after
    except OSError:
        stands = False
    if stands:
        rewrites.finish(begun, at=at)
    else:
        rewrites.give_up(begun)  # the folder was taken away meanwhile


# -- files ---------------------------------------------------------------------------------------------------


def _rewrite_file(path: Path, made: Path | None, manifest: Manifest, told: Told) -> int:
    """Lines (of a workbook cells) that hold a trace; ``made``: written there without them."""
    if path.suffix in _DOCUMENTS:
        return 0
    if path.suffix == ".xlsx":
        return _rewrite_workbook(path, made, told)
    if path.suffix == ".parquet":
        return _rewrite_parquet(path, made, told)
    if path.suffix == ".json":
        return _write(made, _json_lines(path, told))
    safe = path.stem.endswith("_spreadsheet")
    locale: Locale = "id" if safe and manifest.locale == "id" else "en"
    return _write(made, _csv_lines(path, REPORT[locale].separator, safe, told))


def _new(path: Path, content: bytes) -> None:
    with new_file(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _write(made: Path | None, lines: Iterator[tuple[bytes, bool]]) -> int:
    if made is None:
        return sum(changed for _, changed in lines)
    count = 0
    with new_file(made) as file:
        for line, changed in lines:
            file.write(line)
            count += changed
        file.flush()
        os.fsync(file.fileno())
    return count


def _json_lines(path: Path, told: Told) -> Iterator[tuple[bytes, bool]]:
    with open(path, "rb") as file:
        for line in file:
            bare = line.rstrip(b"\r\n")
            body = bare.removesuffix(b",")
            if not body.startswith(b"{"):
                yield line, False
                continue
            row: dict[str, Any] = orjson.loads(body)
            fresh = {
                name: told(name, value) if isinstance(value, str) else value for name, value in row.items()
            }
            if fresh == row:
                yield line, False
            else:
                yield orjson.dumps(fresh) + line[len(body) :], True


def _records(path: Path) -> Iterator[str]:
    """The records of a CSV, each with its line end: a break inside quotes ends none."""
    with open(path, encoding="utf-8", newline="") as file:
        held = ""
        for line in file:
            held += line
            if held.count('"') % 2 == 0 and held.endswith("\r\n"):
                yield held
                held = ""
        if held:
            yield held


def _csv_lines(path: Path, separator: str, safe: bool, told: Told) -> Iterator[tuple[bytes, bool]]:
    cell = re.compile(_CELL.pattern.replace("SEP", re.escape(separator)))
    columns: list[str] = []
    for record in _records(path):
        if not columns:
            columns = record.rstrip("\r\n").removeprefix(BOM.decode()).split(separator)
            yield record.encode(), False
            continue
        pieces: list[str] = []
        changed, place = False, 0
        for column in columns:
            found = cell.match(record, place)
            if found is None:
                raise ValueError("a record of other cells")
            written = found[1]
            text = written[1:-1].replace('""', '"') if written.startswith('"') else written
            before = unguarded(text) if safe else text
            after = told(column, before)
            if after != before:
                written, changed = _field(after, separator, safe), True
            pieces.append(written + found[2])
            place = found.end()
        yield ("".join(pieces) if changed else record).encode(), changed


def _field(text: str | None, separator: str, safe: bool) -> str:
    if text is None:
        return ""
    if safe:
        text = str(guarded(pl.DataFrame({"text": [text]}))["text"].item())
    if separator in text or _QUOTE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _rewrite_parquet(path: Path, made: Path | None, told: Told) -> int:
    """Row group by row group, in the groups and types that stand there; texts within a STRUCT are sought as well."""
    count = 0
    with pq.ParquetFile(path) as old:
        if made is None:
            return sum(_without(old.read_row_group(group), told)[1] for group in range(old.num_row_groups))
        with new_file(made) as file:
            with pq.ParquetWriter(file, old.schema_arrow, compression="zstd") as writer:
                for group in range(old.num_row_groups):
                    rows, lines = _without(old.read_row_group(group), told)
                    writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
                    count += lines
            file.flush()
            os.fsync(file.fileno())
    return count


def _without(rows: pa.Table, told: Told) -> tuple[pa.Table, int]:
    """Rows without traces, and how many held one."""
    lines: set[int] = set()
    for place, column in enumerate(rows.schema):
        before = rows.column(place).to_pylist()
        after = [_retold(column.name, value, told) for value in before]
        changed = {line for line, (one, other) in enumerate(zip(before, after, strict=True)) if one != other}
        if changed:
            lines |= changed
            rows = rows.set_column(place, column, pa.chunked_array([pa.array(after, column.type)]))
    return rows, len(lines)


def _retold(column: str, value: Any, told: Told) -> Any:
    if isinstance(value, str):
        return told(column, value)
    if isinstance(value, dict):
        return {name: _retold(name, item, told) for name, item in value.items()}
    if isinstance(value, list):
        return [_retold(column, item, told) for item in value]
    return value


def _rewrite_workbook(path: Path, made: Path | None, told: Told) -> int:
    count = 0
    with zipfile.ZipFile(path) as old:
        fresh: list[tuple[zipfile.ZipInfo, bytes]] = []
        for part in old.infolist():
            data = old.read(part)
            if part.filename.startswith("xl/worksheets/sheet"):
                text, cells = _sheet(data.decode(), told)
                count += cells
                data = text.encode() if cells else data
            fresh.append((part, data))
    if made is not None:
        with new_file(made) as file:
            with zipfile.ZipFile(file, "w") as book:
                for part, data in fresh:
                    book.writestr(part, data, compress_type=part.compress_type)
            file.flush()
            os.fsync(file.fileno())
    return count


def _sheet(xml: str, told: Told) -> tuple[str, int]:
    columns: dict[str, str] = {}
    count = 0

    def cell(found: re.Match[str]) -> str:
        nonlocal count
        column, row, style, space, written = found.groups()
        text = unescape(written, _ENTITIES)
        if row == "1":
            columns[column] = text
            return found[0]
        after = told(columns.get(column, ""), text)
        if after == text:
            return found[0]
        count += 1
        if after is None:
            return ""
        del space
        keep = ' xml:space="preserve"' if after != after.strip() or "\n" in after else ""
        return f'<c r="{column}{row}"{style} t="inlineStr"><is><t{keep}>{escape(after)}</t></is></c>'

    return _XML_CELL.sub(cell, xml), count
