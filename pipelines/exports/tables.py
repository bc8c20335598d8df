"""A table of the snapshot as files: any one, all its rows, as it stands there.

What the tables are is declared in checks/schemas/. How files get into a folder is folder.py's, proving them again
verify.py's.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
import pyarrow as pa

from pipelines.exports.commissions import BATCH_ROWS, Part, Table, parts
from pipelines.exports.folder import Exported, Order, Written, export
from pipelines.exports.manifest import DEFAULT_LOCALE, MANIFEST, TABLE_KIND, FileEntry, Manifest
from pipelines.exports.parquet_file import ParquetFile
from pipelines.exports.report_files import CsvFile, JsonFile, ReportFile, TableFormat, TakesRows
from pipelines.exports.workbook import SHEET_ROWS, Workbook
from resources.clock import Clock
from resources.errors import UsageError
from resources.home import Home
from resources.instants import z_text_of
from resources.snapshots import NOT_OFFERED, open_snapshot, require_snapshot
from resources.sql import literal, quoted

#: What of the report a table is: one part, whose columns are the table's own.
ROWS: Final = Table("rows", "", "", (), by_day=False)
# A table is read as it lies there; a view may sort and sum before it answers.
_MEMORY: Final = "512MB"
_NEAREST: Final = 3
_EVERY: Final = (
    "SELECT schema_name || '.' || table_name, false FROM duckdb_tables()"
    f" WHERE NOT internal AND schema_name <> '{NOT_OFFERED}' UNION ALL"
    " SELECT schema_name || '.' || view_name, true FROM duckdb_views() WHERE NOT internal ORDER BY 1"
)
_INSTANTS: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
#: Kept as they are; a type that is none of these, nor named below, is written as text.
_PLAIN: Final = frozenset(
    {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
        "DOUBLE", "VARCHAR", "DATE",
    }
)  # fmt: skip


def table_file_name(table: str, snapshot_id: str, suffix: str, form: str) -> str:
    """The name of a file of a table: ``<schema>.<name>_<snapshot><suffix>.<form>``."""
    return f"{table}_{snapshot_id}{suffix}.{form}"


@dataclass(frozen=True)
class _Column:
    """A column of the table as it is written. ``instant``: a moment, as ISO 8601 text or (Parquet) typed; ``utc``: of
    UTC, which all are but those named ``local_``."""

    name: str
    sql: str
    instant: bool
    utc: bool


def _column(name: str, kind: str, form: TableFormat) -> _Column:
    source = quoted(name)
    instant = kind in _INSTANTS
    utc = instant and not name.startswith("local_")
    if kind == "TIMESTAMP WITH TIME ZONE":
        source = f"make_timestamp(epoch_us({source}))"
    if instant and form != "parquet":
        source = f"strftime({source}, '%Y-%m-%dT%H:%M:%S.%f{'Z' if utc else ''}')"
    elif kind in ("HUGEINT", "UHUGEINT"):
        source = f"CAST({source} AS BIGINT)"  # what sums are of; one beyond it fails and is told
    elif kind.startswith("DECIMAL"):
        source = f"CAST({source} AS VARCHAR)" if form == "json" else source
    elif kind.startswith(("STRUCT", "MAP")) or kind.endswith("]") or kind == "JSON":
        source = source if form == "parquet" and kind != "JSON" else f"CAST(to_json({source}) AS VARCHAR)"
    elif not instant and kind not in _PLAIN:
        source = f"CAST({source} AS VARCHAR)"
    return _Column(name, source, instant, utc)


def _found(con: duckdb.DuckDBPyConnection, asked: str) -> tuple[str, bool]:
    """The table's name as the snapshot has it, and whether it is a view. Raises UsageError with the nearest names."""
    every: dict[str, bool] = dict(con.execute(_EVERY).fetchall())
    by_case = {name.lower(): name for name in every}
    name = by_case.get(asked.strip().lower())
    if name is not None:
        return name, every[name]
    wanted = asked.strip().lower()
    bare = {other.partition(".")[2]: other for other in by_case}
    near = [
        *([bare[wanted]] if wanted in bare else []),
        *difflib.get_close_matches(wanted, list(by_case), _NEAREST, 0.6),
        *(
            bare[other]
            for other in difflib.get_close_matches(wanted.rpartition(".")[2], list(bare), _NEAREST, 0.6)
        ),
    ]
    names = [by_case[other] for other in dict.fromkeys(near)][:_NEAREST]
    raise UsageError(
        f"The snapshot has no table {asked!r}.",
        (f"The nearest are {', '.join(names)}; " if names else "")
        + '`bookwatch sql "SHOW ALL TABLES"` lists all.',
    )


def export_table(
    home: Home,
    clock: Clock,
    *,
    table: str,
    out: Path,
    made_by: str,
    snapshot_id: str | None = None,
    form: TableFormat = "csv",
) -> Exported:
    """Write a table or view (``schema.name``) of one kept snapshot into ``out``: all its rows, in its order.

    Rows are read and written in batches: memory does not grow with them. Raises UsageError for a table that is not
    there, BookwatchError for a snapshot or folder that cannot serve.
    """
    with open_snapshot(require_snapshot(home, snapshot_id)) as con:
        name, _ = _found(con, table)  # before a folder is made
    filters = {"table": name}

    def write(path: Path, workshop: Path) -> Written:
        with open_snapshot(path, memory_limit=_MEMORY, spill_folder=workshop / "spill") as con:
            facts = con.execute(_FACTS).fetchall() or [(None,) * 5]
            files = _write(con, name, workshop, form, path.stem)
        published_at, rules_version, endpoint, project, database = facts[0]

        def manifest_after(previous: str | None, made_at: datetime) -> Manifest:
            return Manifest(
                report=TABLE_KIND,
                format=form,
                locale=DEFAULT_LOCALE,
                snapshot=path.stem,
                published_at=z_text_of(published_at),
                as_of=None,
                period_over=None,
                created_at=z_text_of(made_at),
                made_by=made_by,
                time_zone="UTC",
                time_zones={},
                rules_version=rules_version,
                policy_versions=[],
                source={"endpoint": endpoint, "project": project, "database": database},
                filters=filters,
                rows_without_day=0,
                findings_without_day=0,
                difference=None,
                files=files,
                previous_manifest_sha256=previous,
            )

        return Written(files, manifest_after)

    order = Order(TABLE_KIND, form, DEFAULT_LOCALE, filters, made_by)
    return export(home, clock, order, out=out, write=write, snapshot_id=snapshot_id)


_FACTS: Final = (
    "SELECT published_at, rules_version, source.endpoint, source.project, source.database FROM ops.snapshot"
)


def _write(
    con: duckdb.DuckDBPyConnection, table: str, workshop: Path, form: TableFormat, snapshot_id: str
) -> list[FileEntry]:
    name, is_view = _found(con, table)
    schema, _, bare = name.partition(".")
    columns = [
        _column(column, kind, form)
        for column, kind in con.execute(
            "SELECT column_name, data_type FROM duckdb_columns()"
            f" WHERE schema_name = {literal(schema)} AND table_name = {literal(bare)} ORDER BY column_index"
        ).fetchall()
    ]
    names = [column.name for column in columns]
    instants = frozenset(column.name for column in columns if column.instant)
    place = f"{quoted(schema)}.{quoted(bare)}"
    # A table is read in the order it lies in the file, the same every time; a view has none of its own.
    chosen = ", ".join(f"{column.sql} AS {quoted(column.name)}" for column in columns)
    sql = f"SELECT {chosen} FROM {place}{' ORDER BY ALL' if is_view else ''}"

    def file_name(suffix: str, ending: str) -> str:
        return table_file_name(name, snapshot_id, suffix, ending)

    rows = con.execute(f"SELECT count(*) FROM {place}").fetchall()[0][0] if form == "xlsx" else 0
    too_long = {ROWS.name} if rows > SHEET_ROWS else set[str]()
    reader = con.sql(sql).to_arrow_reader(BATCH_ROWS)
    book = Workbook(workshop, file_name("", "xlsx"), workshop / "sheets") if form == "xlsx" else None
    writers: list[ReportFile] = [
        _file_of(
            part, workshop, file_name(part.suffix, part.form), names, instants, _typed(reader.schema, columns)
        )
        for part in parts(form, too_long, (ROWS,))
    ]
    takers: list[TakesRows] = list(writers)
    if book and not too_long:
        takers.append(book.sheet(ROWS.name, names, instants))
    for batch in reader:
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        for taker in takers:
            taker.add(frame)
    entries = [writer.close() for writer in writers]
    if book and too_long:
        raw, safe = entries
        book.elsewhere(ROWS.name, raw, safe.name)
    return [book.close(), *entries] if book else entries


def _typed(schema: Any, columns: list[_Column]) -> Any:
    """The Arrow schema of a Parquet file: an instant says that it is of UTC."""
    utc = {column.name for column in columns if column.utc}
    return pa.schema(
        [
            pa.field(field.name, pa.timestamp("us", "UTC"))
            if field.name in utc and pa.types.is_timestamp(field.type)
            else field
            for field in schema
        ]
    )


def _file_of(
    part: Part, workshop: Path, name: str, columns: list[str], instants: frozenset[str], schema: Any
) -> ReportFile:
    if part.form == "parquet":
        return ParquetFile(workshop, name, schema)
    if part.form == "json":
        return JsonFile(workshop, name, columns)
    return CsvFile(workshop, name, columns, instants if part.safe else None)


def describe(exported: Exported, say: Callable[[str], None]) -> None:
    """Tell a person what was exported: the table, its files, their rows and control totals."""
    manifest = exported.manifest
    say(f"{manifest.filters['table']} of the snapshot {manifest.snapshot}; instants are UTC.")
    for entry in manifest.files:
        totals = "".join(f"; {column} {total:,}" for column, total in entry.totals.items())
        say(f"  {entry.name}: {entry.rows:,} rows{totals}")
        for sheet in entry.sheets or []:
            if sheet.file:
                say(
                    f"    {sheet.rows:,} rows are more than the {SHEET_ROWS:,} a sheet takes: they are in {sheet.file}"
                )
    say(f"Manifest {exported.folder / MANIFEST} (SHA-256 {exported.manifest_sha256})")
    if exported.already_there:
        say("This export was already there, byte for byte: no new entry was made in the ledger.")
