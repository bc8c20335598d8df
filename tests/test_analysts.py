"""docs/analysts.md and docs/questions: every command and every query runs against a published snapshot, and the sums
of the answers are the marts'."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.query import bound
from resources.home import Home
from resources.questions import answer
from resources.snapshots import open_snapshot, require_snapshot
from tests.published import changed

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
QUESTIONS = sorted((ROOT / "docs" / "questions").glob("*.sql"))
LIST = (ROOT / "docs" / "questions" / "README.md").read_text(encoding="utf-8")
#: What each $name of a question is tried with: all of the publication's days.
GIVEN = {"from": "2026-09-01", "until": "2026-12-01", "least": "1"}
NOT_OURS = ("harlequin", "hsql")


def _blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", text)


def _commands(text: str) -> list[str]:
    """Each command of the page's shell blocks; a line that ends with a backslash goes on."""
    return [line for block in _blocks("sh", text) for line in block.replace("\\\n", "").splitlines() if line]


@pytest.fixture
def work(published_home: Home, tmp_path: Path) -> Path:
    """A folder with docs/ in it, as the page's commands find it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "docs").symlink_to(ROOT / "docs")
    return tmp_path / "work"


def _run(words: list[str], work: Path, home: Home) -> str:
    beside = Path(sys.executable).parent
    environment = {
        **os.environ,
        "BOOKWATCH_HOME": str(home.root),
        "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(words, cwd=work, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def test_every_command_of_the_page_runs(work: Path, published_home: Home) -> None:
    first, *commands = _commands(PAGE)
    assert first.startswith("SNAPSHOT=")
    ours = [line for line in commands if line.split()[0] not in NOT_OURS]
    assert {line.split()[0] for line in ours} == {"bookwatch", "duckdb", "echo"}
    before = require_snapshot(published_home).stat()
    # In one shell, for starting bookwatch is what takes time here.
    _run(["bash", "-euo", "pipefail", "-c", "\n".join([first, *ours])], work, published_home)
    for name in (
        "bookings.parquet",
        "peak_hours.parquet",
        "conversion/manifest.json",
        "revenue/manifest.json",
    ):
        assert (work / name).is_file(), name
    after = require_snapshot(published_home).stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


@pytest.mark.parametrize("block", range(len(_blocks("python", PAGE))))
def test_every_block_of_python_runs(block: int, work: Path, published_home: Home) -> None:
    assert "shape: (" in _run([sys.executable, "-c", _blocks("python", PAGE)[block]], work, published_home)


@pytest.mark.skipif(shutil.which("hsql") is None, reason="Harlequin has an environment of its own")
def test_harlequin_reads_the_snapshot(work: Path, published_home: Home) -> None:
    first, *commands = _commands(PAGE)
    asked = [line for line in commands if line.startswith("hsql")]
    assert "bookings" in _run(["bash", "-euc", "\n".join([first, *asked])], work, published_home)


# the questions --------------------------------------------------------------------------------------------


def test_the_page_lists_ten_questions_as_their_files_say_them() -> None:
    assert len(QUESTIONS) == 10
    rows = re.findall(r"(?m)^\| (.+?) \| \[(.+?)\]\((.+?)\) \|(.*?)\|$", LIST)
    listed = {file: (question, re.findall(r"`(\w+)`", names)) for question, file, _, names in rows}
    assert list(listed) == [path.name for path in QUESTIONS]
    for path in QUESTIONS:
        text = path.read_text(encoding="utf-8")
        question, names = listed[path.name]
        assert text.startswith(f"-- {question}\n")
        comment = "\n".join(line for line in text.splitlines() if line.startswith("--"))
        assert names == sorted(set(re.findall(r"\$(\w+)", text))), path.name
        assert all(f"${name}" in comment for name in names), path.name
        assert max(map(len, text.splitlines())) <= 100, path.name


def _answer(home: Home, number: int) -> list[dict[str, Any]]:
    query = QUESTIONS[number - 1].read_text(encoding="utf-8")
    given = {name: bound(text) for name, text in GIVEN.items() if f"${name}" in query}
    with open_snapshot(require_snapshot(home)) as con:
        names, rows = answer(con, query, None, given)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _one(home: Home, query: str) -> Any:
    with open_snapshot(require_snapshot(home)) as con:
        ((value,),) = con.execute(query).fetchall()
    return value


def test_every_question_has_an_answer_that_adds_up(published_home: Home) -> None:
    answers = {number: _answer(published_home, number) for number in range(1, 11)}
    # Four days are no history: nobody has stayed away for two weeks.
    assert [number for number, rows in answers.items() if not rows] == [7]

    def total(number: int, column: str) -> int:
        return sum(row[column] or 0 for row in answers[number])

    counted = "FROM core.bookings WHERE NOT is_test AND deleted_at IS NULL"
    records = "FROM marts.commission_reconciliation WHERE"
    failed = (
        "SELECT sum(failed_rows) FROM ops.check_results JOIN ops.snapshot USING (run_id) WHERE NOT passed"
    )
    for number, column, query in (
        (1, "booked_idr", "SELECT sum(booked_idr) FROM marts.revenue_daily WHERE local_date >= DATE '2026-10-05'"),
        (2, "made", f"SELECT count(*) {counted}"),
        (2, "paid", "SELECT sum(paid) FROM marts.booking_funnel"),
        (3, "asked", f"SELECT count(*) {counted}"),
        (4, "missing_idr", f"SELECT sum(expected_idr) {records} state = 'missing'"),
        (5, "overdue_idr", "SELECT sum(overdue_idr) FROM marts.commission_balances"),
        (6, "requests", f"SELECT count(*) {counted} AND provider_id IS NOT NULL"),
        (8, "customers", f"SELECT 4 * count(DISTINCT customer_key) {counted} AND customer_key LIKE 'c:%'"),
        (10, "rows", f"SELECT ({failed}) + (SELECT count(*) FROM marts.data_findings)"),
    ):  # fmt: skip
        assert total(number, column) == _one(published_home, query), number


def test_what_was_not_read_to_its_end_is_known_against_the_figures(published_home: Home) -> None:
    one = "(SELECT min(collection) FROM ops.scans)"
    changed(published_home, f"UPDATE ops.scans SET outcome = 'partial' WHERE collection = {one}")
    told = [row for row in _answer(published_home, 10) if row["what"] == "collection not read to its end"]
    assert [(row["more"], row["rows"]) for row in told] == [("partial", None)]


def test_this_week_shows_eight_and_missing_ones_of_unknown_amount_are_told(published_home: Home) -> None:
    """A day amid a week, as its Monday, has eight weeks."""
    changed(
        published_home,
        "DELETE FROM marts.revenue_weekly WHERE local_week < (SELECT max(local_week) FROM marts.revenue_weekly)",
        "INSERT INTO marts.revenue_weekly SELECT w.* REPLACE (w.local_week - 7 * r.n::INT AS local_week)"
        " FROM (FROM marts.revenue_weekly ORDER BY local_week DESC LIMIT 1) AS w, range(1, 20) AS r(n)",
        "UPDATE marts.commission_reconciliation SET state = 'missing', expected_idr = NULL",
    )
    query = QUESTIONS[0].read_text(encoding="utf-8")
    newest = _one(published_home, "SELECT max(local_week) FROM marts.revenue_weekly")
    with open_snapshot(require_snapshot(published_home)) as con:
        for days in (1, 3, 7):
            _, rows = answer(con, query, None, {"until": newest + timedelta(days=days)})
            assert len(rows) == 8, days
    missing = _answer(published_home, 4)
    assert missing
    assert all(row["missing_unpriced"] == row["missing"] > 0 == row["missing_idr"] for row in missing)


def test_every_question_is_answered_on_an_empty_snapshot(published_home: Home) -> None:
    with open_snapshot(require_snapshot(published_home)) as con:
        tables = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name IN ('core', 'marts')"
        ).fetchall()
    changed(published_home, *(f"DELETE FROM {name}" for (name,) in tables), "DELETE FROM ops.check_results")
    assert [_answer(published_home, number) for number in range(1, 11)] == [[]] * 10
