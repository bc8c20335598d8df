"""`bookwatch export table`: any table of the snapshot, in every form the same rows, proven by `bookwatch verify`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from pipelines.exports import folder, tables
from pipelines.exports.folder import Exported
from pipelines.exports.tables import export_table
from pipelines.exports.verify import verify_export
from resources.clock import Clock
from resources.errors import UsageError
from resources.home import Home
from resources.ledger import Ledger
from resources.seals import require_unchanged
from resources.snapshots import NOT_OFFERED, open_snapshot, require_snapshot
from tests.exports.conftest import Outcome
from tests.published import changed, kept_open

FORMS = ("csv", "parquet", "json", "xlsx")
EVERY = (
    "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
    f" WHERE schema_name <> '{NOT_OFFERED}' UNION ALL"
    " SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
)
VIEWS = ("ops.error_rates", "ops.operation_timings", "ops.slow_operations")
BOOKINGS = "core.bookings"
FINDINGS = "marts.commission_findings"


def _export(home: Home, table: str, out: Path, form: Any = "csv") -> Exported:
    return export_table(home, Clock(), table=table, out=out, made_by="Komang", form=form)


def _asked(home: Home, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(home)) as con:
        return con.execute(query).fetchall()


def test_every_table_is_exported_with_all_its_rows_and_holds(
    published_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_snapshot(require_snapshot(published_home)) as con:
        every = {
            name: (
                con.execute(f"SELECT count(*) FROM {name}").fetchall(),
                [column for column, *_ in con.execute(f"DESCRIBE {name}").fetchall()],
            )
            for (name,) in con.execute(EVERY).fetchall()
        }
    assert len(every) > 50
    # That none is exported that was changed is proven in test_seals.py: this one is hashed once, not for each table.
    require_unchanged(require_snapshot(published_home), in_full=True)
    monkeypatch.setattr(folder, "require_unchanged", lambda path, **_: require_unchanged(path))
    with kept_open(require_snapshot(published_home), tables):
        for name, (((rows,),), columns) in every.items():
            exported = _export(published_home, name, tmp_path / name, "parquet")
            (file,) = exported.manifest.files
            frame = pl.read_parquet(exported.folder / file.name)
            assert frame.height == file.rows == rows
            assert frame.columns == columns
    for name in VIEWS:
        verdict = verify_export(tmp_path / name, published_home.ledger)
        assert (verdict.holds, verdict.not_checked) == (True, ()), (name, verdict)


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_the_same_rows_in_every_form(form: str, published_home: Home, tmp_path: Path) -> None:
    exported = _export(published_home, BOOKINGS, tmp_path / "out", form)
    assert verify_export(exported.folder, published_home.ledger).holds
    expected = _asked(published_home, f"SELECT booking_id, amount_idr, created_at, is_test FROM {BOOKINGS}")
    path = exported.folder / exported.manifest.files[0].name
    assert path.name == f"core.bookings_{require_snapshot(published_home).stem}.{form}"
    assert _read(path) == expected
    total = sum(amount or 0 for _, amount, *_ in expected)
    assert {file.totals["amount_idr"] for file in exported.manifest.files} == {total}


def _read(path: Path) -> list[tuple[Any, ...]]:
    """Booking, amount, when it was made (naive UTC) and whether it is a test, of whatever form."""
    names = ["booking_id", "amount_idr", "created_at", "is_test"]
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        assert frame.schema["created_at"] == pl.Datetime("us", "UTC")
        return frame.with_columns(pl.col("created_at").dt.replace_time_zone(None)).select(names).rows()
    if path.suffix == ".xlsx":
        page = CalamineWorkbook.from_path(path).get_sheet_by_name("rows")
        cells: list[list[Any]] = page.to_python(skip_empty_area=False)
        header, *rows = cells
        # A sheet keeps a moment as a fraction of a day.
        return [
            (
                row["booking_id"],
                _whole(row["amount_idr"]),
                row["created_at"].replace(tzinfo=None),
                row["is_test"],
            )
            for row in (dict(zip(header, line, strict=True)) for line in rows)
        ]
    if path.suffix == ".json":
        rows = json.loads(path.read_bytes())
        return [(r["booking_id"], r["amount_idr"], _instant(r["created_at"]), r["is_test"]) for r in rows]
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            (r["booking_id"], _whole(r["amount_idr"]), _instant(r["created_at"]), r["is_test"] == "true")
            for r in csv.DictReader(file)
        ]


def _whole(cell: object) -> int | None:
    return None if cell == "" else int(cell)  # type: ignore[call-overload] - a number or its digits


def _instant(text: str) -> datetime:
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def test_text_that_a_spreadsheet_would_run_is_marked_in_its_file_alone(
    published_home: Home, tmp_path: Path
) -> None:
    changed(published_home, f"UPDATE {FINDINGS} SET detail = '=1+1', expected_idr = -5")
    exported = _export(published_home, FINDINGS, tmp_path / "out")
    raw, safe = ((exported.folder / file.name).read_text("utf-8-sig") for file in exported.manifest.files)
    assert "'=1+1" not in raw
    assert "'=1+1" in safe
    assert "'-5" not in safe
    assert verify_export(exported.folder, published_home.ledger).holds


def test_rows_too_many_for_a_sheet_lie_beside_the_workbook(
    published_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SHEET_ROWS", 100)
    monkeypatch.setattr("pipelines.exports.verify.SHEET_ROWS", 100)
    exported = _export(published_home, FINDINGS, tmp_path / "out", "xlsx")
    book, raw, safe = exported.manifest.files
    assert (book.rows, raw.rows) == (0, safe.rows)
    assert raw.rows > 100
    (sheet,) = book.sheets or []
    assert (sheet.rows, sheet.file) == (raw.rows, raw.name)
    said: list[str] = []
    tables.describe(exported, said.append)
    assert any("more than the 100 a sheet takes" in line and raw.name in line for line in said)
    assert verify_export(exported.folder, published_home.ledger).holds


def test_the_same_export_again_is_entered_once_and_another_is_refused(
    published_home: Home, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for form in FORMS:
        folder = out / form
        first = _export(published_home, FINDINGS, folder, form)
        again = _export(published_home, FINDINGS, folder, form)
        assert (first.already_there, again.already_there) == (False, True)
        assert again.manifest_sha256 == first.manifest_sha256
    entries = [entry for entry in Ledger(published_home.ledger).exports() if entry.kind == "table"]
    assert [entry.made_by for entry in entries] == ["Komang"] * len(FORMS)
    assert require_snapshot(published_home).stem in Ledger(published_home.ledger).cited_snapshots()
    with pytest.raises(Exception, match=r"cannot take this report: it holds the csv report of marts\.comm"):
        _export(published_home, BOOKINGS, out / "csv")


def test_a_table_that_is_thrown_away_breaks_no_auditors_chain(
    published_home: Home, cli: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))

    def report(name: str) -> Path:
        days = ("--from", "2026-11-01", "--to", "2026-11-20")
        assert cli("export", "commissions", *days, "--out", str(tmp_path / name)).status == 0
        return tmp_path / name

    report("a")
    table = _export(published_home, FINDINGS, tmp_path / "t").folder
    for file in table.iterdir():
        file.unlink()
    assert cli("verify", str(report("b"))).status == 0
    later = _export(published_home, FINDINGS, tmp_path / "u").folder
    assert cli("verify", str(later)).status == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_changed_file_is_found(form: str, published_home: Home, tmp_path: Path) -> None:
    exported = _export(published_home, FINDINGS, tmp_path / "out", form)
    path = exported.folder / exported.manifest.files[0].name
    path.write_bytes(path.read_bytes().replace(b"late", b"LATE", 1) + b" ")
    assert not verify_export(exported.folder, published_home.ledger).holds


def test_a_table_that_is_not_there_is_one_sentence_with_the_nearest_names(
    published_home: Home, tmp_path: Path
) -> None:
    for asked, nearest in (
        ("marts.revenu_daily", "marts.revenue_daily"),
        ("revenue_daily", "marts.revenue_daily"),
        ("mart.peak_hours", "marts.peak_hours"),
    ):
        with pytest.raises(UsageError) as refused:
            _export(published_home, asked, tmp_path / "out")
        assert asked in refused.value.problem
        assert nearest in str(refused.value)
    for asked in (
        "x'; DROP TABLE core.bookings --",
        "",
        "pg_catalog.pg_class",
        "information_schema.tables",
        "since.bookings",
    ):
        with pytest.raises(UsageError):
            _export(published_home, asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_ends_as_others_do(
    published_home: Home, cli: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    out = str(tmp_path / "out")
    done = cli("export", "table", "MARTS.Revenue_Daily", "--out", out, "--json")
    assert (done.status, done.err) == (0, "")
    told = json.loads(done.out)
    assert told["manifest"]["filters"] == {"table": "marts.revenue_daily"}
    assert told["manifest"]["period_over"] is told["manifest"]["difference"] is None
    unknown = cli("export", "table", "marts.nothing", "--out", out)
    assert (unknown.status, unknown.out) == (2, "")
    assert len(unknown.err.strip().splitlines()) == 1
    assert cli("export", "table", "marts.peak_hours", "--out", out).status == 1
    assert cli("export", "table", "marts.peak_hours", "--out", out, "--format", "ods").status == 2
