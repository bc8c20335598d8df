"""What differs between two reports: what they rest on, their figures, and the rows of their tables, by their keys.

Reads only the two folders. Whether each is what was handed out is verify.py's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
from python_calamine import CalamineError, CalamineWorkbook

from pipelines.exports.commissions import KIND as COMMISSIONS
from pipelines.exports.manifest import (
    MANIFEST,
    TABLE_KIND,
    DamagedManifest,
    FileEntry,
    Manifest,
    read_manifest,
    sha256_of_bytes,
)
from pipelines.exports.report_files import MONEY_SUFFIX, sha256_of
from resources.errors import BookwatchError, UsageError
from resources.sql import quoted

#: The columns that tell a row of a table from every other; of other tables it is the whole row.
KEYS: Final = {
    "commissions": ("booking_id", "commission_id"),
    "findings": ("finding_id",),
    "waivers": ("finding_id",),
    "summary": ("source",),
    "exclusions": ("collection", "id", "reason"),
    "completeness": ("collection", "reason"),
    "payments": ("commission_id",),
    "ageing": ("commission_id",),
    "ledger": ("line", "provider_id"),
    "bridges": ("bridge", "scope", "provider_id", "local_date", "line"),
}
#: Of these the first that is there: a booking that has its record by now is the same row.
FIRST_OF: Final = frozenset({"commissions"})
#: What a report may say of itself that another of the same rows need not.
HEADS: Final = (
    "report",
    "snapshot",
    "as_of",
    "rules_version",
    "policy_versions",
    "time_zone",
    "source",
    "filters",
)
_MEMORY: Final = "384MB"
_SAFE: Final = "_spreadsheet"


@dataclass(frozen=True)
class Report:
    """A folder with its manifest."""

    folder: Path
    manifest: Manifest
    manifest_sha256: str

    @property
    def tables(self) -> dict[str, FileEntry]:
        """Its raw files by what they hold; a workbook is of every table it has a sheet of its own for."""
        found: dict[str, FileEntry] = {}
        for entry in self.manifest.files:
            named = _table_of(self.manifest, entry)
            if named is not None and not named.endswith(_SAFE):
                found.setdefault(named, entry)
            for sheet in entry.sheets or []:
                if sheet.file is None:
                    found.setdefault("commissions" if sheet.name == "rows" else sheet.name, entry)
        return found


@dataclass
class TableDifference:
    """How a table differs. ``totals``: rupiah column → both sums, where they differ; ``columns``: column → in how many
    changed rows; ``rows``: the first of them: what became of it, its key, and column → both values."""

    table: str
    first_rows: int
    second_rows: int
    added: int = 0
    gone: int = 0
    changed: int = 0
    totals: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    columns: dict[str, int] = field(default_factory=dict[str, int])
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def same(self) -> bool:
        return not (self.added or self.gone or self.changed)


@dataclass(frozen=True)
class Comparison:
    """``heads``: what they say of themselves → both values, where they differ; ``figures`` likewise. ``notes``: what
    could not be compared, or is not as its manifest says, in sentences."""

    first: Report
    second: Report
    heads: dict[str, tuple[Any, Any]]
    figures: dict[str, tuple[int | None, int | None]]
    tables: list[TableDifference]
    notes: tuple[str, ...]
    supersedes: bool

    @property
    def same(self) -> bool:
        """Whether every figure and row is. False where something could not be compared."""
        return not self.figures and not self.notes and all(table.same for table in self.tables)


def report_in(folder: Path) -> Report:
    """The report in a folder. Raises UsageError where there is none, or its manifest cannot be read."""
    try:
        folder = folder.expanduser().resolve()
        data = (folder / MANIFEST).read_bytes()
        return Report(folder, read_manifest(data), sha256_of_bytes(data))
    except OSError:
        raise UsageError(f"{folder} holds no report that can be read.", "Give the folder of one.") from None
    except DamagedManifest as damaged:
        raise UsageError(
            f"{folder / MANIFEST} {damaged}.", "`bookwatch verify` says more; export the report again."
        ) from None


def compare(first: Report, second: Report, *, shown: int = 1_000) -> Comparison:
    """What differs between two reports, the rows up to ``shown`` a table. Memory does not grow with the rows.

    Raises UsageError for two tables of the snapshot that are not the same, BookwatchError for files that cannot be
    read.
    """
    tables = first.manifest.filters.get("table"), second.manifest.filters.get("table")
    if tables[0] != tables[1]:
        raise UsageError(
            f"One is {tables[0] or 'a report'}, the other {tables[1] or 'a report'}: they have no rows in common.",
            "Give two reports, or one table exported twice.",
        )
    notes: list[str] = []
    found: list[TableDifference] = []
    try:
        for name, ours in first.tables.items():
            theirs = second.tables.get(name)
            if theirs is None:
                notes.append(f"{name} is not in {second.folder}: not compared.")
            elif not _comparable(ours, theirs):
                notes.append(f"{ours.name} and {theirs.name} are of different forms: not compared.")
            elif proven := [
                f"{entry.name} in {report.folder} is not what its manifest says: not compared."
                for report, entry in ((first, ours), (second, theirs))
                if not _as_handed_out(report, entry)
            ]:
                notes += proven
            elif ours.sha256 == theirs.sha256:
                found.append(TableDifference(name, ours.rows, theirs.rows))
            else:
                found.append(_table(name, (first, ours), (second, theirs), shown))
        notes += [
            f"{name} is not in {first.folder}: not compared." for name in second.tables.keys() - first.tables
        ]
    except (OSError, duckdb.Error, CalamineError) as refused:
        raise BookwatchError(
            f"The reports could not be read to the end ({type(refused).__name__}).",
            "`bookwatch verify` says what is wrong with their files.",
        ) from None
    told = second.manifest.month
    return Comparison(
        first,
        second,
        {
            name: (ours, theirs)
            for name in HEADS
            if (ours := getattr(first.manifest, name)) != (theirs := getattr(second.manifest, name))
        },
        _figures(first.manifest, second.manifest),
        found,
        tuple(sorted(set(notes))),
        bool(told and told.supersedes and told.supersedes.get("manifest_sha256") == first.manifest_sha256),
    )


def _figures(first: Manifest, second: Manifest) -> dict[str, tuple[int | None, int | None]]:
    """The figures that differ; of reports without figures the difference that their manifest has."""
    ours, theirs = (
        report.month.figures if report.month else dict(report.difference or {}) for report in (first, second)
    )
    return {
        name: (ours.get(name), theirs.get(name))
        for name in {**ours, **theirs}
        if (name in ours and name in theirs) or (first.month and second.month)
        if ours.get(name) != theirs.get(name)
    }


def _table_of(manifest: Manifest, entry: FileEntry) -> str | None:
    """What a file holds, by its name: what follows the snapshot's."""
    before, snapshot, rest = entry.name.rpartition(manifest.snapshot)
    stem, _, form = rest.rpartition(".")
    if not before or not snapshot or form not in ("csv", "json", "parquet"):
        return None
    name = stem.removeprefix("_")
    if manifest.report == TABLE_KIND:
        return f"{manifest.filters.get('table')}{stem}"
    return f"commissions{stem}" if manifest.report == COMMISSIONS and name in ("", _SAFE[1:]) else name


def _comparable(ours: FileEntry, theirs: FileEntry) -> bool:
    """CSV and JSON hold the same texts; a workbook and Parquet have types of their own."""
    forms = {Path(ours.name).suffix, Path(theirs.name).suffix}
    return len(forms) == 1 or forms <= {".csv", ".json"}


def _as_handed_out(report: Report, entry: FileEntry) -> bool:
    path = report.folder / entry.name
    return (
        Path(entry.name).name == entry.name
        and path.is_file()
        and not path.is_symlink()
        and sha256_of(path) == entry.sha256
    )


def _table(
    name: str, ours: tuple[Report, FileEntry], theirs: tuple[Report, FileEntry], shown: int
) -> TableDifference:
    with _workshop() as con:
        columns = [_columns(con, side, name, *where) for side, where in (("ours", ours), ("theirs", theirs))]
        both = (
            [column for column in columns[0] if column in columns[1]]
            if all(columns)
            else columns[0] or columns[1]
        )
        for side, there in zip(("ours", "theirs"), columns, strict=True):
            _view(con, side, both, empty=not there)
        for side in ("ours", "theirs"):
            con.execute(
                f"CREATE TEMP TABLE {side}_prints AS SELECT {_print(both)} AS print, count(*) AS n FROM {side}"
                " GROUP BY print"
            )
        con.execute(
            "CREATE TEMP TABLE other AS SELECT print FROM ours_prints o FULL JOIN theirs_prints t USING (print)"
            " WHERE o.n IS DISTINCT FROM t.n"
        )
        key = _key(name, both)
        chosen = _list(both)
        for side in ("ours", "theirs"):
            con.execute(
                f"CREATE TEMP TABLE {side}_kept AS SELECT {chosen} FROM {side} WHERE {_print(both)} IN (FROM other)"
            )
        for side, other in (("ours", "theirs"), ("theirs", "ours")):
            # Rows that one side has more often than the other: what both have as often is the same.
            con.execute(
                f"CREATE TEMP TABLE {side}_only AS SELECT {key} AS row_key, count(*) OVER (PARTITION BY {key})"
                f" AS alike, * FROM (SELECT * FROM {side}_kept EXCEPT ALL SELECT * FROM {other}_kept)"
            )
        return _told(con, name, both, (ours[1], theirs[1]), shown)


def _told(
    con: duckdb.DuckDBPyConnection,
    name: str,
    columns: list[str],
    entries: tuple[FileEntry, FileEntry],
    shown: int,
) -> TableDifference:
    """What the rows that only one side has make up. A key that stands once on each side is a row that changed."""
    paired = "ours_only o JOIN theirs_only t ON o.row_key = t.row_key AND o.alike = 1 AND t.alike = 1"
    differing = {column: f"o.{quoted(column)} IS DISTINCT FROM t.{quoted(column)}" for column in columns}
    changed, *in_columns = _one(
        con,
        f"SELECT count(*), {', '.join(f'count(*) FILTER ({sql})' for sql in differing.values())} FROM {paired}",
    )
    gone, added = (
        int(_one(con, f"SELECT count(*) FROM {side}_only")[0]) - int(changed) for side in ("ours", "theirs")
    )
    found = TableDifference(
        name,
        *(_rows(name, entry) for entry in entries),
        added=added,
        gone=gone,
        changed=int(changed),
        columns={column: n for column, n in zip(columns, in_columns, strict=True) if n},
    )
    for column in columns:
        if column.endswith(MONEY_SUFFIX):
            before, now = (
                int(
                    _one(
                        con,
                        f"SELECT coalesce(sum(TRY_CAST({quoted(column)} AS HUGEINT)), 0) FROM {side}_only",
                    )[0]
                )
                for side in ("ours", "theirs")
            )
            if before != now:
                found.totals[column] = before, now
    pairs = con.execute(
        f"SELECT o.row_key, {_list(columns, 'o')}, {_list(columns, 't')} FROM {paired} ORDER BY o.row_key LIMIT ?",
        [shown],
    )
    for key, *values in pairs.fetchall():
        sides = zip(columns, values[: len(columns)], values[len(columns) :], strict=True)
        found.rows.append(
            {"what": "changed", "key": key, "values": {c: [a, b] for c, a, b in sides if a != b}}
        )
    for what, side, other in (("gone", "ours", "theirs"), ("added", "theirs", "ours")):
        left = con.execute(
            f"SELECT row_key, {_list(columns)} FROM {side}_only s WHERE NOT (s.alike = 1 AND EXISTS"
            f" (FROM {other}_only o WHERE o.row_key = s.row_key AND o.alike = 1)) ORDER BY ALL LIMIT ?",
            [max(shown - len(found.rows), 0)],
        )
        for key, *values in left.fetchall():
            said = {c: value for c, value in zip(columns, values, strict=True) if value not in (None, "")}
            found.rows.append({"what": what, "key": key, "values": said})
    return found


def _rows(name: str, entry: FileEntry) -> int:
    sheet = "rows" if name == "commissions" else name
    return next((found.rows for found in entry.sheets or [] if found.name == sheet), entry.rows)


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return row


def _key(table: str, columns: list[str]) -> str:
    named = list(KEYS.get(table, ()))
    if not named or not set(named) <= set(columns):
        named = columns
    elif table in FIRST_OF:
        there = ", ".join(f"nullif({quoted(column)}, '')" for column in named)
        return f"coalesce({there})"
    return f"concat_ws('|', {_list(named)})"


def _print(columns: list[str]) -> str:
    return f"hash({_list(columns)})"


def _list(columns: list[str], alias: str = "") -> str:
    return ", ".join(f"{alias}.{quoted(column)}" if alias else quoted(column) for column in columns)


@contextmanager
def _workshop() -> Iterator[duckdb.DuckDBPyConnection]:
    with tempfile.TemporaryDirectory(prefix="bookwatch-compare-") as spill:
        con = duckdb.connect(
            config={"memory_limit": _MEMORY, "temp_directory": spill, "preserve_insertion_order": False}
        )
        try:
            con.execute("SET enable_progress_bar = false")
            yield con
        finally:
            con.close()


def _columns(
    con: duckdb.DuckDBPyConnection, side: str, table: str, report: Report, entry: FileEntry
) -> list[str]:
    """Make ``<side>_file`` of a file, and say its columns; none of an empty array, which tells none."""
    path = report.folder / entry.name
    text = "'" + str(path).replace("'", "''") + "'"
    if path.suffix == ".xlsx":
        con.register(f"{side}_file", _sheet(path, table))
    elif path.suffix == ".csv":
        con.execute(
            f"CREATE TEMP VIEW {side}_file AS FROM read_csv({text}, header = true, all_varchar = true, delim = ',',"
            " quote = '\"', escape = '\"')"
        )
    elif path.suffix == ".parquet":
        con.execute(f"CREATE TEMP VIEW {side}_file AS FROM read_parquet({text})")
    elif entry.rows == 0:
        return []
    else:
        told = con.execute(f"DESCRIBE FROM read_json({text}, format = 'array', sample_size = 1)").fetchall()
        kinds = ", ".join(f"{quoted(str(column))}: 'VARCHAR'" for column, *_ in told)
        con.execute(
            f"CREATE TEMP VIEW {side}_file AS FROM read_json({text}, format = 'array', columns = {{{kinds}}})"
        )
    return [str(column) for column, *_ in con.execute(f"DESCRIBE {side}_file").fetchall()]


def _view(con: duckdb.DuckDBPyConnection, side: str, columns: list[str], *, empty: bool) -> None:
    """Make ``side``: every cell as text, what is unknown as ''."""
    cells = ", ".join(
        f"'' AS {quoted(column)}"
        if empty
        else f"coalesce(CAST({quoted(column)} AS VARCHAR), '') AS {quoted(column)}"
        for column in columns
    )
    con.execute(
        f"CREATE TEMP VIEW {side} AS SELECT {cells} {'WHERE false' if empty else f'FROM {side}_file'}"
    )


def _sheet(path: Path, table: str) -> pl.DataFrame:
    """A sheet of a workbook, every cell as text. It has no more than SHEET_ROWS rows."""
    book = CalamineWorkbook.from_path(str(path))
    rows = book.get_sheet_by_name("rows" if table == "commissions" else table).to_python(
        skip_empty_area=False
    )
    head, *body = rows
    return pl.DataFrame(
        [[str(cell) for cell in row] for row in body],
        schema=dict.fromkeys(map(str, head), pl.String),
        orient="row",
    )
