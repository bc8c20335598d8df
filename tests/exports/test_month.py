"""The month's package as a whole: one command, one folder, what its manifest says, and that its bytes repeat."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import orjson
import polars as pl
import pytest

from pipelines.exports.manifest import MANIFEST, MONTH_VERSION, Manifest, read_manifest
from pipelines.exports.month import package as packages
from pipelines.exports.month import rows
from pipelines.exports.month.cover import DOCUMENT as COVER
from pipelines.exports.month.files import TableFiles
from pipelines.exports.month.instants import local_text
from pipelines.exports.month.package import tables
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable
from pipelines.exports.report_files import Summing, Tally
from pipelines.exports.spreadsheet import unguarded
from resources.home import Home
from resources.ledger import ExportEntry, Ledger
from tests.exports.conftest import Outcome
from tests.exports.published import OCTOBER, SNAPSHOT, Contents, Row

Cli = Callable[..., Outcome]
Package = Callable[..., Path]
MINE = ("commissions", "findings", "waivers", "summary")


@pytest.fixture(autouse=True)
def without_documents(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workbook and cover take longer than all tables of so few rows, and have tests of their own; but in one test."""
    if request.function is not test_one_command_makes_every_file_and_nothing_else:
        monkeypatch.setattr(packages, "documents", tuple)


@pytest.fixture
def package(cli: Cli, tmp_path: Path) -> Package:
    """October's package in a folder of that name, which must succeed."""

    def run(name: str = "out", *more: str, of: tuple[str, ...] = ("2026-10",)) -> Path:
        outcome = cli("export", "month", *of, "--out", str(tmp_path / name), *more)
        assert outcome.status == 0, outcome
        return tmp_path / name

    return run


def manifest_of(folder: Path) -> Manifest:
    return read_manifest((folder / MANIFEST).read_bytes())


def stem_of(folder: Path) -> str:
    manifest = manifest_of(folder)
    return f"{packages.label_of(manifest)}_{manifest.snapshot}"


def table_of(folder: Path, table: str, ending: str = ".csv", separator: str = ",") -> list[dict[str, str]]:
    text = (folder / f"{stem_of(folder)}_{table}{ending}").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))


def objects_of(folder: Path, table: str) -> list[dict[str, Any]]:
    return orjson.loads((folder / f"{stem_of(folder)}_{table}.json").read_bytes())


def hashes(folder: Path) -> dict[str, str]:
    """The data files by name: all that is not known at the time of making alone."""
    return {
        file.name: file.sha256
        for file in manifest_of(folder).files
        if file.name.endswith((".csv", ".json", ".xlsx", ".md"))
    }


# -- files ---------------------------------------------------------------------------------------------------


def test_one_command_makes_every_file_and_nothing_else(october: Home, package: Package) -> None:
    folder = package()
    listed = {file.name for file in manifest_of(folder).files}
    for table in tables():
        for ending in (".csv", "_spreadsheet.csv", ".json"):
            assert f"2026-10_{SNAPSHOT}_{table.name}{ending}" in listed
    assert {f"2026-10_{SNAPSHOT}{ending}" for ending in (".xlsx", "_rules.md", "_cover.pdf")} <= listed
    assert {path.name for path in folder.iterdir()} == listed | {MANIFEST}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())


def test_the_rows_of_the_package_are_those_of_the_commission_report(
    october: Home, package: Package, export: Callable[..., Outcome], tmp_path: Path
) -> None:
    folder = package()
    export(tmp_path / "report")
    report = {file.name: file for file in manifest_of(tmp_path / "report").files}
    for table, suffix in (("commissions", ""), ("findings", "_findings"), ("summary", "_summary")):
        for safe in ("", "_spreadsheet"):
            mine = folder / f"{stem_of(folder)}_{table}{safe}.csv"
            name = f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}{suffix}{safe}.csv"
            assert mine.read_bytes() == (tmp_path / "report" / name).read_bytes()
            assert name in report


@pytest.mark.parametrize(("locale", "separator"), [("en", ","), ("id", ";")])
def test_the_three_forms_of_a_table_say_the_same(
    october: Home, package: Package, locale: str, separator: str
) -> None:
    folder = package("out", "--locale", locale)
    for table in tables():
        raw = table_of(folder, table.name)
        safe = table_of(folder, table.name, "_spreadsheet.csv", separator)
        written = objects_of(folder, table.name)
        assert len(raw) == len(safe) == len(written)
        for one, marked, object_ in zip(raw, safe, written, strict=True):
            assert list(object_) == list(one) == list(marked) == table.names
            for column in table.columns:
                cell = one[column.name]
                assert cell == _as_cell(object_[column.name])
                spreadsheet = marked[column.name]
                if locale == "id" and column.kind == "decimal":
                    spreadsheet = spreadsheet.replace(",", ".")
                assert cell in (spreadsheet, unguarded(spreadsheet))


def _as_cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_text_that_a_spreadsheet_would_run_is_marked_in_its_file_alone(
    october: Home, package: Package
) -> None:
    folder = package()
    refs = {row["booking_ref"] for row in table_of(folder, "commissions")}
    marked = {row["booking_ref"] for row in table_of(folder, "commissions", "_spreadsheet.csv")}
    assert "=HYPERLINK(1)" in refs
    assert "'=HYPERLINK(1)" in marked


def test_an_instant_and_text_with_line_breaks_keep_a_line_each_in_json(
    october: Home, package: Package
) -> None:
    lines = (package() / f"2026-10_{SNAPSHOT}_commissions.json").read_bytes().splitlines()
    assert lines[0] == b"["
    assert lines[-1] == b"]"
    rows_ = [orjson.loads(line.removesuffix(b",")) for line in lines[1:-1]]
    assert "@Bali\nMassage" in {row["provider_name"] for row in rows_}


# -- the manifest --------------------------------------------------------------------------------------------


def test_a_total_line_is_never_counted_with_the_others(october: Home, package: Package) -> None:
    folder = package()
    manifest = manifest_of(folder)
    entries = {file.name.removeprefix(f"{stem_of(folder)}_"): file for file in manifest.files}
    summary, commissions = entries["summary.csv"], entries["commissions.csv"]
    assert summary.rows == len(table_of(folder, "summary"))
    assert summary.totals["actual_idr"] == commissions.totals["actual_idr"] == 435_000
    (total,) = (row for row in table_of(folder, "summary") if row["source"] == "total")
    assert int(total["actual_idr"]) == commissions.totals["actual_idr"]


def test_the_manifest_holds_the_figures_the_hashes_and_what_it_rests_on(
    october: Home, package: Package
) -> None:
    folder = package("out", "--made-by", "Wayan")
    data = (folder / MANIFEST).read_bytes()
    manifest = read_manifest(data)
    assert manifest.to_bytes() == data
    assert (manifest.manifest_version, manifest.report) == (MONTH_VERSION, "month")
    said = manifest.month
    assert said is not None
    assert manifest.made_by == "Wayan"
    assert said.clock_frozen is True  # of the tests
    assert said.snapshot_sha256 is not None
    assert len(said.snapshot_sha256) == 64
    rows_ = objects_of(folder, "commissions")
    assert said.figures["rows"] == len(rows_) == 7
    assert said.figures["missing"] == 1
    for name in ("booking_amount_idr", "expected_idr", "actual_idr", "variance_idr"):
        assert said.figures[name] == sum(row[name] or 0 for row in rows_)
    assert said.figures["findings"] == len(table_of(folder, "findings"))
    assert said.figures["findings_waived"] == 1
    assert said.figures["closing_idr"] == 0
    assert manifest.findings_without_day == 1


def test_figures_of_the_ledger_are_of_the_period_and_what_came_before(
    home: Home, publish: Callable[..., Path], package: Package
) -> None:
    lines = (
        ("accrual", "2026-09-30", 50_000),
        ("accrual", "2026-10-01", 90_000),
        ("fee", "2026-10-02", 25_000),
        ("payment", "2026-10-31", -60_000),
        ("refund", "2026-10-31", 10_000),
        ("reversal", "2026-10-15", -5_000),
        ("payment", "2026-11-01", -50_000),
    )
    made = ", ".join(
        f"('{kind}:{number}', '{kind}', 'c{number}', 'p1', DATE '{day}', {amount}, '', 'commission', 'x', '{{}}')"
        for number, (kind, day, amount) in enumerate(lines)
    )
    columns = "entry_id, kind, commission_id, provider_id, local_date, amount_idr, detail, part, code, args"
    publish(home, Contents(), also=(f"INSERT INTO marts.commission_entries ({columns}) VALUES {made}",))
    said = manifest_of(package()).month
    assert said is not None
    assert {name: value for name, value in said.figures.items() if name in _LEDGER} == {
        "opening_idr": 50_000,
        "accrued_idr": 90_000,
        "fees_idr": 25_000,
        "paid_gross_idr": 60_000,
        "refunds_idr": 10_000,
        "paid_idr": 50_000,
        "reversed_idr": 5_000,
        "closing_idr": 110_000,
    }


_LEDGER = (
    "opening_idr", "accrued_idr", "fees_idr", "paid_gross_idr", "refunds_idr", "paid_idr", "reversed_idr",
    "closing_idr",
)  # fmt: skip


def test_an_acknowledged_finding_says_who_when_and_why(
    home: Home, publish: Callable[..., Path], package: Package
) -> None:
    waived = "INSERT INTO ops.waivers VALUES ('wrong_amount:c-wrong', 'agreed', 'Komang', TIMESTAMP '2026-11-01 02:03')"
    publish(home, OCTOBER, also=(waived,))
    (row,) = objects_of(package(), "waivers")
    assert (row["finding_id"], row["waived_by"], row["reason"]) == (
        "wrong_amount:c-wrong",
        "Komang",
        "agreed",
    )
    assert row["waived_at_utc"] == "2026-11-01T02:03:00.000000Z"
    assert row["variance_idr"] == -30_000


# -- which period, whose -------------------------------------------------------------------------------------


def test_a_month_without_rows_has_every_file(
    home: Home, publish: Callable[..., Path], package: Package
) -> None:
    publish(home, Contents())
    folder = package()
    manifest = manifest_of(folder)
    assert {path.name for path in folder.iterdir()} == {file.name for file in manifest.files} | {MANIFEST}
    for table in MINE[:-1]:
        assert table_of(folder, table) == objects_of(folder, table) == []
    (total,) = objects_of(folder, "summary")
    assert (total["source"], total["rows"]) == ("total", 0)


@pytest.mark.parametrize(
    ("judged_at", "is_open", "over"),
    [
        # Midnight in Makassar is 16:00 UTC; a month closes a day later.
        (datetime(2026, 10, 31, 15, 59), True, False),
        (datetime(2026, 11, 1, 15, 59), True, True),
        (datetime(2026, 11, 1, 16, 0), False, True),
        (None, True, False),
    ],
)
def test_an_open_month_is_made_and_marked_open(
    home: Home,
    publish: Callable[..., Path],
    package: Package,
    judged_at: datetime | None,
    is_open: bool,
    over: bool,
) -> None:
    publish(home, replace(OCTOBER, as_of=judged_at))
    manifest = manifest_of(package())
    assert manifest.month is not None
    assert (manifest.month.open, manifest.period_over) == (is_open, over)


def test_any_period_has_a_package_under_its_own_name(october: Home, package: Package) -> None:
    folder = package(of=("--from", "2026-10-10", "--to", "2026-10-13"))
    assert {row["booking_id"] for row in table_of(folder, "commissions")} == {"b-wrong", "b-missing"}
    assert (folder / f"2026-10-10_2026-10-13_{SNAPSHOT}_summary.json").is_file()


def test_a_providers_package_holds_nothing_of_others(october: Home, package: Package) -> None:
    folder = package("p2", "--provider", "p2")
    assert [row["booking_id"] for row in table_of(folder, "commissions")] == ["b-unknown"]
    assert table_of(folder, "findings") == []
    assert (folder / f"2026-10_p2_{SNAPSHOT}_commissions.csv").is_file()
    whole = package("whole")
    figures = []
    for provider in ("p1", "p2", "+62", "-x", "none"):
        said = manifest_of(package(f"of {provider}", f"--provider={provider}")).month
        assert said is not None
        figures.append(said.figures)
    said = manifest_of(whole).month
    assert said is not None
    for name in ("rows", "expected_idr", "actual_idr", "variance_idr", "unknown_rows", "findings"):
        assert sum(each[name] or 0 for each in figures) == said.figures[name]


def test_an_id_that_is_no_file_name_stands_as_its_hash(october: Home, package: Package) -> None:
    folder = package("out", "--provider=+62")
    assert "+" not in stem_of(folder)
    assert [row["commission_id"] for row in table_of(folder, "commissions")] == ["c-orphan"]


@pytest.mark.parametrize("report", ["month", "commissions"])
def test_a_provider_nobody_knows_is_refused_in_a_sentence(
    october: Home, cli: Cli, tmp_path: Path, report: str
) -> None:
    days = "--from", "2026-10-01", "--to", "2026-11-01"
    outcome = cli("export", report, *days, "--out", str(tmp_path / "out"), "--provider", "p'9")
    assert outcome.status == 2
    assert 'knows no provider "p\'9"' in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_providers_commission_report_holds_and_is_named_after_it(
    october: Home, export: Callable[..., Outcome], cli: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "p2", "--provider", "p2")
    assert (tmp_path / "p2" / f"commissions_2026-10-01_2026-11-01_p2_{SNAPSHOT}.csv").is_file()
    manifest = manifest_of(tmp_path / "p2")
    assert manifest.filters["provider"] == "p2"
    assert (manifest.rows_without_day, manifest.findings_without_day) == (0, 0)
    assert manifest.files[0].rows == 1
    assert cli("verify", str(tmp_path / "p2")).status == 0
    # The whole and a provider's are two reports.
    assert "cannot take this report" in _refused(cli, tmp_path / "p2")


def _refused(cli: Cli, folder: Path) -> str:
    days = "--from", "2026-10-01", "--to", "2026-11-01"
    outcome = cli("export", "commissions", *days, "--out", str(folder))
    assert outcome.status == 1
    return outcome.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("2026-13",),
        ("2026-1",),
        ("October",),
        ("2026-10", "--from", "2026-10-01"),
        ("--from", "2026-10-01"),
        ("--from", "2026-11-01", "--to", "2026-10-01"),
        ("2026-10", "--ageing-at", "yesterday"),
    ],
)
def test_a_period_that_is_none_is_refused(october: Home, cli: Cli, words: tuple[str, ...]) -> None:
    outcome = cli("export", "month", *words, "--out", "out")
    assert outcome.status == 2
    assert not Path("out").exists()


# -- again ---------------------------------------------------------------------------------------------------


def test_a_package_made_again_is_the_same_bytes(
    october: Home, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = package("first", "--made-by", "Wayan")
    monkeypatch.setenv("TZ", "America/New_York")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("BOOKWATCH_NOW", "2027-03-04T05:06:07Z")
    second = package("second", "--made-by", "Ketut")
    assert hashes(first) == hashes(second)
    assert manifest_of(second).previous_manifest_sha256 is not None


def test_a_bridge_that_does_not_close_is_said(
    october: Home, publish: Callable[..., Path], cli: Cli, tmp_path: Path
) -> None:
    """These worlds are made by hand: what their rows charge is in no ledger."""
    outcome = cli("export", "month", "2026-10", "--out", str(tmp_path / "out"))
    assert outcome.status == 0
    assert "DOES NOT CLOSE" in outcome.out
    publish(october, Contents(), "20261106T000000Z-000002")
    outcome = cli("export", "month", "2026-10", "--out", str(tmp_path / "empty"))
    assert "DOES NOT CLOSE" not in outcome.out


def test_a_package_made_again_in_its_folder_puts_back_what_is_gone(
    october: Home, package: Package, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = package()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / f"2026-10_{SNAPSHOT}_summary.json").unlink()
    monkeypatch.setenv("BOOKWATCH_NOW", "2027-03-04T05:06:07Z")
    outcome = cli("export", "month", "2026-10", "--out", str(folder), "--made-by", "Ketut")
    assert outcome.status == 0, outcome
    assert "already there" in outcome.out
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_old_snapshot_exported_once_more_is_not_what_is_superseded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.ledger.touch()
    october, september = (
        {"from": f"2026-{m}-01", "to": f"2026-{n}-01"} for m, n in (("10", "11"), ("09", "10"))
    )
    made = [
        ExportEntry(
            number,
            datetime(2026, 11, number),
            "Rani",
            "month",
            orjson.dumps(said).decode(),
            snapshot,
            "/f",
            f"h{number}",
        )
        for number, (said, snapshot) in enumerate(
            (
                (october, "s1"),
                (september, "s2"),
                (october, "s2"),
                (october, "s1"),
                (september, "s1"),
                (october, "s3"),
            ),
            1,
        )
    ]
    monkeypatch.setattr(Ledger, "exports", lambda _: made)
    found = packages._earlier(  # pyright: ignore[reportPrivateUsage] - which report it is, without making six
        home, home.root / "out", october, "en", "s3"
    )
    assert [entry and entry.manifest_sha256 for entry in found] == ["h3", "h2"]


def test_a_cover_of_an_export_that_was_killed_gives_way_and_one_that_was_handed_out_does_not(
    october: Home, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cover shows when it is made, so it never is the same bytes again."""
    monkeypatch.setattr(packages, "documents", lambda: (COVER,))
    left = tmp_path / "killed" / f"2026-10_{SNAPSHOT}_cover.pdf"
    left.parent.mkdir()
    left.write_bytes(b"%PDF drawn a minute ago")
    outcome = cli("export", "month", "2026-10", "--out", str(left.parent))
    assert outcome.status == 0, outcome
    assert sha256(left.read_bytes()).hexdigest() in {entry.sha256 for entry in manifest_of(left.parent).files}
    (left.parent / MANIFEST).unlink()
    left.write_bytes(b"%PDF with notes of the auditor's")
    assert cli("export", "month", "2026-10", "--out", str(left.parent)).status != 0
    assert left.read_bytes() == b"%PDF with notes of the auditor's"


def test_a_package_of_a_later_snapshot_supersedes_the_one_handed_out(
    october: Home, publish: Callable[..., Path], package: Package
) -> None:
    other = package("september", of=("2026-09",))
    first = package("first")
    copy = package("copy")
    changed = replace(OCTOBER, rows=(*OCTOBER.rows, Row(datetime(2026, 10, 20), "b-later", "c-later")))
    publish(october, changed, "20261106T000000Z-000002")
    second = package("second")
    said = manifest_of(second).month
    assert said is not None
    assert said.supersedes is not None
    assert said.supersedes["snapshot"] == SNAPSHOT
    assert said.supersedes["manifest_sha256"] == packages_hash(copy)  # the newest that was handed out
    assert said.opening_from is not None
    assert said.opening_from["manifest_sha256"] == packages_hash(other)
    of_first = manifest_of(first).month
    assert of_first is not None
    assert of_first.supersedes is None
    # A package handed out since changes nothing in one that stands.
    (second / f"2026-10_{manifest_of(second).snapshot}_summary.json").unlink()
    package("september again", of=("2026-09",))
    package("second")


def packages_hash(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


# -- writing within memory -----------------------------------------------------------------------------------


def test_slices_give_every_row_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "SLICE_ROWS", 7)
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE t AS SELECT i, DATE '2026-10-01' + (i % 3)::INT AS day,"
        " TIMESTAMP '2026-10-01' + to_hours((hash(i) % 5)::INT) AS seen, 'p' || (i % 4) AS provider"
        " FROM range(100) t(i)"
    )
    period: rows.Period = {"first": "2026-10-01", "until": "2026-10-03", "provider": None}
    where = "day < CAST($until AS DATE)"
    for keys in (("day", "seen"), ("provider",), ("provider", "day", "seen")):
        by = ", ".join(keys)
        found = [
            row
            for part in list(rows.slices(con, f"t WHERE {where}", keys, period))
            for batch in rows.batches(
                con, f"SELECT i FROM t WHERE {where} AND {part} ORDER BY {by}, i", period
            )
            for row in batch["i"].to_list()
        ]
        whole = con.execute(f"SELECT i FROM t WHERE day < '2026-10-03' ORDER BY {by}, i").fetchall()
        assert found == [i for (i,) in whole]
    assert list(rows.slices(con, "t WHERE false", ("day",), period)) == []


def test_a_table_that_runs_out_of_memory_is_made_anew_with_more(
    october: Home, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[str] = []

    def greedy(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
        ((limit,),) = con.execute("SELECT current_setting('memory_limit')").fetchall()
        limits.append(limit)
        yield pl.DataFrame({"amount_idr": [1, 2]})
        if len(limits) == 1:
            raise duckdb.OutOfMemoryException("too little")
        yield pl.DataFrame({"amount_idr": [3]})

    table = PackageTable("ageing", "A row.", (PackageColumn("amount_idr", "", "an amount"),), greedy)
    monkeypatch.setattr(packages, "tables", lambda: (table,))
    folder = package()
    assert [row["amount_idr"] for row in objects_of(folder, "ageing")] == [1, 2, 3]
    assert limits[0] != limits[1]


def test_batches_are_written_behind_each_other_and_other_columns_refused(tmp_path: Path) -> None:
    columns = PackageColumn("id", "", "an id"), PackageColumn("rate", "", "a share", "decimal")
    table = PackageTable("ageing", "A row.", columns, lambda con, asked: iter(()))
    with ThreadPoolExecutor(2) as pool:
        files = TableFiles(tmp_path, "x", table, "id", pool)
        files.add(pl.DataFrame({"id": ["00042", None], "rate": [0.25, None]}))
        files.add(pl.DataFrame({"id": [], "rate": []}, schema={"id": pl.String, "rate": pl.Float64}))
        files.add(pl.DataFrame({"id": ["a\nb"], "rate": [1.0]}))
        with pytest.raises(ValueError, match="are declared"):
            files.add(pl.DataFrame({"rate": [1.0], "id": ["a"]}))
        raw, safe, json = files.close()
    assert (tmp_path / raw.name).read_bytes().decode() == '\ufeffid,rate\r\n00042,0.25\r\n,\r\n"a\nb",1.0\r\n'
    assert (
        tmp_path / safe.name
    ).read_bytes().decode() == '\ufeffid;rate\r\n\'00042;0,25\r\n;\r\n"a\nb";1,0\r\n'
    assert orjson.loads((tmp_path / json.name).read_bytes()) == [
        {"id": "00042", "rate": 0.25},
        {"id": None, "rate": None},
        {"id": "a\nb", "rate": 1.0},
    ]
    assert raw.rows == safe.rows == json.rows == 3


def test_a_running_balance_is_in_no_control_total() -> None:
    (statements,) = (table for table in tables() if table.name == "statements")
    assert statements.summing == Summing("counts", frozenset({"balance_idr"}))
    tally = Tally(statements.names, statements.summing)
    assert sorted(tally.totals) == ["amount_idr", "booking_amount_idr", "expected_idr"]


def test_an_instant_is_told_in_every_zone() -> None:
    sql = local_text("TIMESTAMP '2026-10-31 23:30:00.5'", "o")
    told = duckdb.sql(
        f"SELECT {sql} FROM (VALUES (420), (480), (540), (0), (-210), (345), (NULL)) t(o)"
    ).fetchall()
    assert [text for (text,) in told] == [
        "2026-11-01T06:30:00.500000+07:00",
        "2026-11-01T07:30:00.500000+08:00",
        "2026-11-01T08:30:00.500000+09:00",
        "2026-10-31T23:30:00.500000+00:00",
        "2026-10-31T20:00:00.500000-03:30",
        "2026-11-01T05:15:00.500000+05:45",
        None,
    ]
