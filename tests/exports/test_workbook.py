"""The workbook: text is text, amounts are numbers, days and instants are such; the same bytes again; never too long."""

from __future__ import annotations

import json
import os
import re
import time
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from pipelines.exports import commissions, verify, workbook
from pipelines.exports.commissions import FINDING_COLUMNS, ROW_COLUMNS, SUMMARY_COLUMNS
from pipelines.exports.report_files import sha256_of
from pipelines.exports.verify import verify_export
from pipelines.exports.workbook import Workbook
from resources.home import Home
from resources.ledger import Ledger
from tests.exports.conftest import Outcome
from tests.exports.published import SNAPSHOT, Contents, Finding, Row

Publish = Callable[..., Path]

NAME = f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}"
Cli = Callable[..., Outcome]


def sheet(path: Path, name: str) -> list[dict[str, Any]]:
    with CalamineWorkbook.from_path(path) as book:
        header, *rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def texts_in(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


def test_ids_are_text_amounts_numbers_days_and_instants_dates(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "out", "--format", "xlsx")
    path = tmp_path / "out" / f"{NAME}.xlsx"
    assert {entry.name for entry in (tmp_path / "out").iterdir()} == {path.name, "manifest.json"}
    with CalamineWorkbook.from_path(path) as book:
        assert book.sheet_names == ["rows", "findings", "summary"]
    rows = {row["booking_id"] or row["commission_id"]: row for row in sheet(path, "rows")}
    assert rows["b-wrong"] == {
        "local_date": date(2026, 10, 10),
        "time_zone": "Asia/Makassar",
        "utc_offset_minutes": 480,
        "accrued_at_local": datetime(2026, 10, 10, 11, 4, 5, 123000),
        "accrued_at_utc": datetime(2026, 10, 10, 3, 4, 5, 123000),
        "booking_id": "b-wrong",
        "commission_id": "c-wrong",
        "booking_ref": "",
        "provider_id": "p1",
        "provider_name": 'Ayu "Spa", Ubud',
        "source": "chatWindow",
        "booking_status": "completed",
        "commission_status": "paid",
        "state": "mismatched",
        "booking_amount_idr": 300_000,
        "policy_version": "2024-1",
        "policy_rate_ppm": 300_000,
        "rate": 0.3,
        "expected_idr": 90_000,
        "actual_idr": 60_000,
        "variance_idr": -30_000,
        "records": 1,
        "deadline_at_local": datetime(2026, 10, 10, 16),
        "deadline_at_utc": datetime(2026, 10, 10, 8),
        "paid_at_local": datetime(2026, 10, 11, 9, 2, 3),
        "paid_at_utc": datetime(2026, 10, 11, 1, 2, 3),
    }
    assert rows["c-orphan"]["booking_ref"] == "=HYPERLINK(1)"
    assert rows["c-orphan"]["booking_amount_idr"] == ""
    findings = sheet(path, "findings")
    assert [column.name for column in FINDING_COLUMNS] == list(findings[0])
    assert [(row["finding_id"], row["waived"]) for row in findings][:2] == [
        ("wrong_amount:c-wrong", True),
        ("missing:b-missing", False),
    ]
    summary = sheet(path, "summary")
    assert [column.name for column in SUMMARY_COLUMNS] == list(summary[0])
    assert summary[-1]["source"] == "total"
    assert summary[-1]["actual_idr"] == sum(row["actual_idr"] for row in rows.values())
    inside = texts_in(path)
    assert "<f>" not in inside
    assert "hyperlink" not in inside


def test_the_manifest_tells_each_sheet_and_verify_proves_it(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "csv")
    outcome = export(tmp_path / "xlsx", "--format", "xlsx")
    assert "sheet findings: 4 rows" in outcome.out
    manifest = json.loads((tmp_path / "xlsx" / "manifest.json").read_text())
    of_csv = {e["name"]: e for e in json.loads((tmp_path / "csv" / "manifest.json").read_text())["files"]}
    (entry,) = manifest["files"]
    assert entry["sha256"] == sha256_of(tmp_path / "xlsx" / f"{NAME}.xlsx")
    assert (entry["rows"], entry["totals"]) == (7, of_csv[f"{NAME}.csv"]["totals"])
    for told, suffix in zip(entry["sheets"], ("", "_findings", "_summary"), strict=True):
        raw = of_csv[f"{NAME}{suffix}.csv"]
        assert (told["rows"], told["totals"], told["file"]) == (raw["rows"], raw["totals"], None)
    assert json.loads(Ledger(october.ledger).exports()[1].filters)["format"] == "xlsx"
    assert cli("verify", str(tmp_path / "xlsx")).status == 0


def test_the_bytes_repeat_at_another_time_in_another_zone_and_umask(
    october: Home, export: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "one", "--format", "xlsx", "--by", "Rani")
    monkeypatch.setenv("BOOKWATCH_NOW", "2027-01-01T00:00:00Z")
    monkeypatch.setenv("TZ", "Asia/Jayapura")
    time.tzset()
    before = os.umask(0o027)
    try:
        export(tmp_path / "two", "--format", "xlsx", "--by", "Budi", "--locale", "id")
    finally:
        os.umask(before)
        monkeypatch.delenv("TZ")
        time.tzset()
    one, two = ((tmp_path / folder / f"{NAME}.xlsx").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert "already there" in export(tmp_path / "one", "--format", "xlsx").out


def test_a_table_too_long_for_a_sheet_lies_beside_it_as_csv(
    home: Home, export: Cli, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Publish
) -> None:
    for module in (workbook, commissions, verify):
        monkeypatch.setattr(module, "SHEET_ROWS", 4)
    publish(
        home,
        Contents(
            rows=tuple(Row(datetime(2026, 10, 2) + timedelta(days=n), f"b{n}", f"c{n}") for n in range(5)),
            findings=tuple(Finding("duplicate", f"b{n}", f"c{n}") for n in range(4)),
        ),
    )
    out = tmp_path / "out"
    said = export(out, "--format", "xlsx", "--locale", "id").out
    assert f"sheet rows: 5 rows, in {NAME}.csv" in said
    assert {path.name for path in out.iterdir()} == {
        f"{NAME}.xlsx",
        f"{NAME}.csv",
        f"{NAME}_spreadsheet.csv",
        "manifest.json",
    }
    with CalamineWorkbook.from_path(out / f"{NAME}.xlsx") as book:
        told = [cell for row in book.get_sheet_by_name("rows").to_python() for cell in row]
    assert told == [
        f"5 rows are too many for a sheet: they are in {NAME}.csv.",
        f"To open in a spreadsheet: {NAME}_spreadsheet.csv.",
    ]
    assert len(sheet(out / f"{NAME}.xlsx", "findings")) == 4
    assert sheet(out / f"{NAME}.xlsx", "summary")[-1]["actual_idr"] == 5 * 90_000
    assert b";c3;" in (out / f"{NAME}_spreadsheet.csv").read_bytes()
    manifest = json.loads((out / "manifest.json").read_text())
    book, raw, _ = manifest["files"]
    assert (book["rows"], book["totals"]["actual_idr"]) == (0, 0)
    assert (book["sheets"][0]["rows"], book["sheets"][0]["file"]) == (5, f"{NAME}.csv")
    assert raw["rows"] == 5
    outcome = cli("verify", str(out))
    assert outcome.status == 0, outcome
    manifest["files"][0]["sheets"][0]["totals"]["actual_idr"] = 1
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    said = verify_export(out, tmp_path / "none.sqlite").differences
    assert "sheet rows is not told as the CSV beside the workbook is." in said
    (out / f"{NAME}.csv").unlink()
    assert "is gone" in cli("verify", str(out)).out + cli("verify", str(out)).err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s[1].update(rows=3), "sheet findings has 4 rows, not 3"),
        (lambda s: s[2]["totals"].update(actual_idr=1), "sheet summary: actual_idr sums to"),
        (lambda s: s.pop(), "not told sheet by sheet"),
        (lambda s: s[0].update(file=f"{NAME}.csv"), "does not name"),
        (lambda s: s[0].update(rows=100_001), "must list"),
        (lambda s: s[0].update(stranger=1), "does not belong there"),
    ],
)
def test_sheets_that_are_not_as_told_are_seen(
    october: Home, export: Cli, tmp_path: Path, change: Callable[[list[Any]], None], says: str
) -> None:
    out = tmp_path / "out"
    export(out, "--format", "xlsx")
    manifest = json.loads((out / "manifest.json").read_text())
    change(manifest["files"][0]["sheets"])
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    verdict = verify_export(out, tmp_path / "none.sqlite")
    assert any(says in said for said in verdict.differences), verdict


def one_sheet(folder: Path, frame: pl.DataFrame, instants: tuple[str, ...] = ()) -> Path:
    path = folder / "one.xlsx"
    path.unlink(missing_ok=True)
    made = Workbook(folder, path.name, folder / "spill")
    made.sheet("rows", frame.columns, instants).add(frame)
    made.close()
    return path


HOSTILE = (
    "=1+1",
    "{=1+1}",
    "http://evil.test/",
    "mailto:a@b.test",
    "00042",
    "12E5",
    "2026-10-01",
    "true",
    " lead and trail ",
    "a\tb\r\nc",
    "_x0041_",
    "<b>&amp;</b>",
    # XlsxWriter would write this unescaped, as markup of its own.
    '<r></r></is></c><c r="Z99"><f>1+1</f></c><c t="inlineStr"><is><r></r>',
)


def test_hostile_text_is_the_text_it_is(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, pl.DataFrame({"t": HOSTILE}))
    assert [row["t"] for row in sheet(path, "rows")] == list(HOSTILE)
    with zipfile.ZipFile(path) as archive:
        page = archive.read("xl/worksheets/sheet1.xml").decode()
        assert not any("rels" in name and "sheet" in name for name in archive.namelist())
    assert "<f>" not in page
    # Every cell is inline text, and of the style that stays text when someone edits it.
    cells = re.findall(r"<c ([^>]*)>", page)
    assert len(cells) == len(HOSTILE) + 1
    assert all('t="inlineStr"' in cell and ' s="' in cell for cell in cells)
    assert "quotePrefix" in texts_in(path)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_any_text_makes_a_workbook_that_opens(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = one_sheet(tmp_path_factory.getbasetemp(), pl.DataFrame({"n": range(len(texts)), "t": texts}))
    read = [row["t"] for row in sheet(path, "rows")]
    for given_text, found in zip(texts, read, strict=True):
        if given_text.isprintable():
            assert found == given_text


def test_no_digit_is_lost_and_what_a_calendar_of_excel_has_not_is_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "a_idr": [10**15 - 1, 9_007_199_254_740_993, -(10**15)],
            "day": [date(2026, 10, 1), date(1899, 12, 31), None],
            "at": ["2026-10-01T23:59:59.000000+08:00", "10000-01-01T00:00:00.000000Z", None],
            "long": ["x" * 40_000, "y", None],
        }
    )
    one, two, three = sheet(one_sheet(tmp_path, frame, ("at",)), "rows")
    assert (one["a_idr"], two["a_idr"], three["a_idr"]) == (
        10**15 - 1,
        "9007199254740993",
        "-1000000000000000",
    )
    assert (one["day"], two["day"], three["day"]) == (date(2026, 10, 1), "1899-12-31", "")
    assert (one["at"], two["at"]) == (datetime(2026, 10, 1, 23, 59, 59), "10000-01-01T00:00:00.000000Z")
    assert one["long"].endswith("x…")


def test_rows_and_columns_of_the_sheet_are_those_of_the_machine_file() -> None:
    assert {column.name for column in ROW_COLUMNS if column.kind == "instant"} == {
        column.name for column in ROW_COLUMNS if "_at_" in column.name
    }
    assert [column.name for column in (*ROW_COLUMNS, *SUMMARY_COLUMNS) if column.kind == "decimal"] == [
        "rate",
        "tracking_rate",
    ]
