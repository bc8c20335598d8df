"""The notebooks: every cell of each, on what the pipeline published, on an empty snapshot, on one of an older version,
on none; and one as marimo itself exports it."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dashboards.notebook import report
from dashboards.notebook.asked import Asked
from dashboards.notebook.book import Book
from dashboards.notebook.shown import Chart, Shown
from dashboards.wording import LANGUAGES, count, rupiah
from resources.errors import BookwatchError
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards import snapshot
from tests.published import PUBLISHED_AT, changed, changing, empty_snapshot

NAMES = ("commissions", "data_quality", "demand", "health", "revenue")


@pytest.fixture
def home(published_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", f"{PUBLISHED_AT.isoformat()}Z")
    return published_home


def said(name: str, **asked: object) -> str:
    """The text of every cell of a notebook, without markup."""
    return text_of(report.cells(name, Asked(**asked)))  # type: ignore[arg-type] - a test names what it asks for


def text_of(cells: Sequence[Shown]) -> str:
    markup = "".join(part for cell in cells for part in cell.parts if isinstance(part, str))
    return html.unescape(re.sub(r"<[^>]+>", " ", markup))


def sections(name: str) -> int:
    """How many sections a notebook's file has."""
    return report.notebook(name).read_text(encoding="utf-8").count("book.section(")


def test_there_are_these() -> None:
    assert report.names() == NAMES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_shows_what_was_published(home: Home, name: str, language: str) -> None:
    cells = report.cells(name, Asked(lang=language))
    assert len(cells) == sections(name) + 1
    charts = [part for cell in cells for part in cell.parts if isinstance(part, Chart)]
    assert all(chart.alt and chart.figure.data for chart in charts)
    texts = text_of(cells)
    assert require_snapshot(home).stem in texts
    assert "SQL ·" in texts
    assert "SELECT" in texts


def test_revenue_shows_the_figures_of_the_snapshot(
    publication: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = snapshot.build(publication, tmp_path / "home")
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BOOKWATCH_NOW", snapshot.NOW_SETTING)
    first, last = date(2026, 10, 1), date(2026, 11, 10)
    text = said("revenue", first=first, last=last)
    for figure in ("booked_idr", "completed_idr", "collected_idr"):
        assert rupiah(truth.total(figure, first, last)) in text
    assert "DATE '2026-10-01'" in text
    assert "1 Oct – 10 Nov 2026" in text
    text = said("commissions")
    assert f"{count(12)}" in text
    assert truth.missing[0][0] in text


def test_a_named_snapshot_is_read(home: Home) -> None:
    newest = require_snapshot(home).stem
    (older,) = {path.stem for path in home.published.glob("2*.duckdb")} - {newest}
    text = said("revenue", snapshot=older)
    assert older in text
    assert newest not in text


def test_one_that_is_not_there_is_told(home: Home) -> None:
    text = said("health", snapshot="20200101T000000Z-000001")
    assert "20200101T000000Z-000001" in text
    assert "SQL" not in text


@pytest.mark.parametrize("name", NAMES)
def test_without_a_snapshot_it_says_what_to_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    text = said(name)
    assert "bookwatch run" in text
    assert "SQL" not in text


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_snapshot_is_told_and_never_fine(publication: Path, home: Home, name: str) -> None:
    with changing(home, of=empty_snapshot(publication)):
        pass
    cells = report.cells(name, Asked())
    assert len(cells) == sections(name) + 1
    assert not [part for cell in cells for part in cell.parts if isinstance(part, Chart)]
    text = text_of(cells)
    assert "Nothing here" in text
    assert "Not in this snapshot" not in text
    for fine in ("Perfect", "Healthy", "Working"):
        assert fine not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_without_the_tables_says_so_in_their_place(home: Home, name: str) -> None:
    with changing(home) as con:
        tables = con.execute(
            "SELECT concat(schema_name, '.', table_name), 'TABLE' FROM duckdb_tables()"
            " UNION SELECT concat(schema_name, '.', view_name), 'VIEW' FROM duckdb_views() WHERE NOT internal"
            " ORDER BY 2 DESC"
        ).fetchall()
        for table, kind in tables:
            if table != "ops.snapshot":
                con.execute(f"DROP {kind} {table}")
    cells = report.cells(name, Asked())
    assert len(cells) == sections(name) + 1
    assert text_of(cells).count("Not in this snapshot: ") >= sections(name)


def test_a_column_that_came_later_is_named_where_it_lacks(home: Home) -> None:
    changed(home, "ALTER TABLE marts.commission_balances DROP COLUMN restriction_due")
    text = said("commissions")
    assert "Not in this snapshot: marts.commission_balances: restriction_due" in text
    assert text.count("Not in this snapshot") == 1


def test_what_was_not_read_to_its_end_is_told_first(home: Home) -> None:
    changed(home, "UPDATE ops.scans SET outcome = 'partial' WHERE collection = 'chat_messages'")
    text = said("demand")
    assert "Not everything was read" in text
    assert "chat_messages" in text


def test_a_cell_that_fails_fails_the_report(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (
        report.notebook("demand").read_text(encoding="utf-8").replace("FROM marts.decline_reasons", "FORM it")
    )
    shutil.copytree(report.NOTEBOOKS, tmp_path / "notebooks")
    (tmp_path / "notebooks" / "demand.py").write_text(broken, encoding="utf-8")
    monkeypatch.setattr(report, "NOTEBOOKS", tmp_path / "notebooks")
    with pytest.raises(BookwatchError, match="ParserException"):
        report.report("demand", Asked())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("word", ["private.duckdb", "raw.duckdb", "customer_name", "phone", "customer_key"])
def test_it_asks_for_no_personal_data(name: str, word: str) -> None:
    assert word not in report.notebook(name).read_text(encoding="utf-8")


def test_marimo_finds_nothing_to_say() -> None:
    files = [str(report.notebook(name)) for name in NAMES]
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", *files],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def export(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "marimo",
            "export",
            "html",
            str(report.notebook("health")),
            "-o",
            str(out),
            "--",
            *words,
        ],
        cwd=out.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_marimo_exports_one_as_it_is_asked_for(home: Home, tmp_path: Path) -> None:
    done = export(tmp_path / "health.html", "--lang", "id", "--theme", "dark", "--from", "2026-11-20")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "health.html").read_text(encoding="utf-8").replace("\\u2013", "–")
    assert "Kesehatan dan peringatan" in page
    assert "20–22 Nov 2026" in page


def test_marimo_refuses_a_word_that_is_not_known(home: Home, tmp_path: Path) -> None:
    done = export(tmp_path / "health.html", "--lang", "fr")
    assert done.returncode == 1
    assert "lang is fr, which is not known" in done.stderr + done.stdout


def test_a_sum_says_how_many_amounts_are_not_in_it(home: Home) -> None:
    for query in (
        "SELECT count(*) FILTER (NOT waived AND variance_idr IS NULL) FROM marts.commission_findings",
        "SELECT count(*) FILTER (owed_idr IS NULL) FROM marts.commission_open",
    ):
        con = duckdb.connect(str(require_snapshot(home)), read_only=True)
        ((unknown,),) = con.execute(query).fetchall()
        con.close()
        assert unknown
    shown = said("commissions")
    assert "Amounts unknown" in shown
    assert shown.count("Not in the difference") == 2


def test_what_happened_is_never_written_as_impossible(home: Home) -> None:
    book = Book.opened("health", Asked())
    assert [book.written("likelihood", value) for value in (4e-5, 0.0123, 0.0)] == [
        "< 0,1\u00a0%",
        "1,2\u00a0%",
        "0\u00a0%",
    ]
