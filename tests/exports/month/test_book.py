"""The package's workbook and its files for spreadsheets, as the programs read them that people open them with: every id
and every amount as in the raw file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from pipelines.exports import workbook
from pipelines.exports.month import book, columns, package
from pipelines.exports.spreadsheet import unguarded
from resources.home import Home
from tests.exports.month.conftest import Package
from tests.exports.month.conftest import package as made
from tests.exports.published import Contents, Row

Cell = Any


def as_text(value: Cell) -> str:
    """A cell as the raw file writes it; an instant without its offset, to the second."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def same(cell: str, raw: str) -> bool:
    """Whether a cell of a spreadsheet says what the raw file does."""
    if cell == raw:
        return True
    if len(raw) > 19 and raw[10:11] == "T":
        return cell[:19].replace(" ", "T") == raw[:19]
    try:
        return float(cell) == float(raw) and ("." in raw or "." in cell)
    except ValueError:
        return len(raw) == 10 and raw[4:5] == "-" and cell == f"{raw}T00:00:00"


def sheets(path: Path) -> Iterator[tuple[str, list[list[Cell]]]]:
    book = openpyxl.load_workbook(path, read_only=True)
    for sheet in book:
        yield sheet.title, [list(row) for row in sheet.iter_rows()]
    book.close()


def test_openpyxl_reads_every_table_cell_by_cell(of_provider: Package) -> None:
    names = []
    for name, (header, *rows) in sheets(of_provider.file(".xlsx")):
        names.append(name)
        raw = of_provider.table(name)
        assert [cell.value for cell in header] == raw.columns
        assert len(rows) == raw.height, name
        for cells, wanted in zip(rows, raw.iter_rows(), strict=True):
            # A sheet ends a row at its last cell that holds something.
            cells += [None] * (len(wanted) - len(cells))
            for cell, text, column in zip(cells, wanted, raw.columns, strict=True):
                value = None if cell is None else cell.value
                assert same(as_text(value), text), (name, column, value, text)
                if cell is None or value is None:
                    continue
                assert cell.data_type != "f"
                if column.endswith("_idr"):
                    assert isinstance(value, int), (name, column)
                if column.endswith("_id"):
                    assert isinstance(value, str), (name, column)
    assert names == [table.name for table in package.tables()]


def test_the_manifest_tells_each_sheet_as_its_table(whole: Package) -> None:
    entry = next(file for file in whole.manifest.files if file.name.endswith(".xlsx"))
    raw = {file.name: file for file in whole.manifest.files}
    assert entry.sheets is not None
    assert [sheet.name for sheet in entry.sheets] == [table.name for table in package.tables()]
    for sheet in entry.sheets:
        told = raw[whole.file(f"_{sheet.name}.csv").name]
        # A line that sums up others is a row, and in no control total.
        assert (sheet.rows, sheet.totals, sheet.file) == (told.rows, told.totals, None)


def test_a_table_too_long_for_a_sheet_is_named_there(
    home_of_packages: Home, whole: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 100)
    monkeypatch.setattr(package, "documents", lambda: (book.DOCUMENT,))
    short = made(home_of_packages, tmp_path / "out")
    told = dict(sheets(short.file(".xlsx")))
    commissions = short.file("_commissions.csv").name
    assert told["commissions"][0][0].value.endswith(f"are too many for a sheet: they are in {commissions}.")
    assert told["commissions"][1][0].value.endswith(f"{short.file('_commissions_spreadsheet.csv').name}.")
    assert len(told["summary"]) == whole.table("summary").height + 1


def test_the_guide_lists_every_column_of_every_file(whole: Package) -> None:
    guide = whole.table("columns")
    for table in package.tables():
        header = whole.file(f"_{table.name}.csv").read_text("utf-8-sig").splitlines()[0].split(",")
        mine = guide.filter(pl.col("table") == table.name)
        assert mine["column"].to_list() == ["", *header]
        assert mine["sentence"].str.len_chars().min() > 5, table.name
        assert [column for column, total in mine.select("column", "total").iter_rows() if total] == (
            [table.total] if table.total else []
        )
    assert guide.filter(pl.col("table") == columns.TABLE.name).height == len(columns.COLUMNS) + 1
    assert set(guide.filter(pl.col("column").str.ends_with("_idr"))["kind"]) == {"rupiah"}


def test_indonesian_separators_hold_the_same_cells(of_provider: Package) -> None:
    for table in package.tables():
        raw = of_provider.table(table.name)
        path = of_provider.file(f"_{table.name}_spreadsheet.csv")
        safe = pl.read_csv(path, infer_schema=False, separator=";").fill_null("")
        assert safe.columns == raw.columns
        decimals = {column.name for column in table.columns if column.kind == "decimal"}
        for column in raw.columns:
            for cell, text in zip(safe[column], raw[column], strict=True):
                read = cell.replace(",", ".") if column in decimals else unguarded(cell)
                assert read == text, (table.name, column)
    # Of what the file is for there is something: a decimal comma, and text with a comma in it.
    summary = of_provider.file("_summary_spreadsheet.csv").read_text("utf-8-sig")
    assert ";1,0;" in summary or ";0," in summary


def office() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")


def converted(path: Path, out: Path, *filters: str) -> list[Path]:
    """The file as LibreOffice reads it, with a home of its own, as CSV of raw cell contents a sheet."""
    program = office()
    assert program is not None
    done = subprocess.run(
        [program, f"-env:UserInstallation=file://{out}/profile", "--headless", *filters,
         "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1",
         "--outdir", str(out), str(path)],
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return sorted(out.glob("*.csv"))


#: Ids a spreadsheet would take for something else.
IDS = (
    "00042",
    "12E5",
    "1.250.000",
    "2026-10-01",
    "3-4",
    "0,5",
    "=1+1",
    "+62",
    "TRUE",
    "90000000000000000001",
)


@pytest.fixture
def hostile(home: Home, publish: Callable[..., Path], tmp_path: Path) -> Package:
    """October with such ids, and amounts to the last digit."""
    rows = tuple(
        Row(datetime(2026, 10, 2), name, f"{name}9", actual_idr=-(10**number) + 1, rate=0.275)
        for number, name in enumerate(IDS)
    )
    publish(home, Contents(rows=rows))
    return made(home, tmp_path / "out", locale="id", period=(date(2026, 10, 1), date(2026, 11, 1)))


needs_office = pytest.mark.skipif(office() is None, reason="LibreOffice Calc is not on this machine")
#: What LibreOffice is told of a CSV: separator, quote, UTF-8, from line 1, all columns as it takes them, Indonesian.
ID_CSV = "--infilter=CSV:59,34,76,1,,1057,false,true"


@pytest.mark.long
@needs_office
def test_libreoffice_opens_the_workbook_with_ids_and_amounts_intact(
    of_provider: Package, hostile: Package, tmp_path: Path
) -> None:
    for number, of in enumerate((of_provider, hostile)):
        path = of.file(".xlsx")
        made = converted(path, tmp_path / str(number))
        read = {file.stem.removeprefix(f"{path.stem}-"): file for file in made}
        assert set(read) == {table.name for table in package.tables()}
        for name, file in read.items():
            hold_the_same(pl.read_csv(file, infer_schema=False).fill_null(""), of.table(name))


@pytest.mark.long
@needs_office
def test_libreoffice_set_to_indonesian_opens_the_safe_csv(
    of_provider: Package, hostile: Package, tmp_path: Path
) -> None:
    for number, (of, name) in enumerate(
        [(hostile, "commissions"), (of_provider, "statements"), (of_provider, "summary")]
    ):
        (file,) = converted(of.file(f"_{name}_spreadsheet.csv"), tmp_path / str(number), ID_CSV)
        hold_the_same(pl.read_csv(file, infer_schema=False).fill_null(""), of.table(name), unguarded)


def hold_the_same(read: pl.DataFrame, raw: pl.DataFrame, plain: Callable[[str], str] = str) -> None:
    """Every id, amount and rate. Raises AssertionError."""
    assert read.columns == raw.columns
    assert read.height == raw.height
    for column in raw.columns:
        if column.endswith(("_idr", "_id", "rate", "_ppm")):
            for cell, text in zip(read[column], raw[column], strict=True):
                assert same(plain(cell), text), (column, cell, text)
