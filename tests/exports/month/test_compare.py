"""`bookwatch compare`: what differs between two reports, by figure and by row; what could not be compared is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from resources.home import Home
from tests.exports.conftest import Outcome
from tests.exports.published import OCTOBER, SNAPSHOT, Contents, Row

Cli = Callable[..., Outcome]
LATER = "20261106T000000Z-000001"


def later() -> Contents:
    """October as it was a day later: the missing commission came, a record was paid, one is gone, one is new."""
    rows = [row for row in OCTOBER.rows if row.commission_id != "c-orphan"]
    for number, row in enumerate(rows):
        if row.booking_id == "b-missing":
            rows[number] = replace(row, commission_id="c-late", actual_idr=90_000, state="matched", records=1)
        if row.booking_id == "b-wrong":
            rows[number] = replace(row, actual_idr=90_000, state="matched")
    rows.append(Row(datetime(2026, 10, 20), 'b-"new",\n', "c-new"))
    findings = tuple(f for f in OCTOBER.findings if f.finding != "missing")
    return replace(OCTOBER, rows=tuple(rows), findings=findings)


@pytest.fixture
def made(october: Home, cli: Cli, publish: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """A report of October from the snapshot before, or after it changed."""

    def run(name: str, *words: str, of: str = SNAPSHOT) -> Path:
        if of == LATER and not (october.published / f"{LATER}.duckdb").exists():
            publish(october, later(), LATER)
        period = ("2026-10",) if words[0] == "month" else ("--from", "2026-10-01", "--to", "2026-11-01")
        outcome = cli("export", words[0], *period, "--out", str(tmp_path / name), "--as-of", of, *words[1:])
        assert outcome.status == 0, outcome
        return tmp_path / name

    return run


def told(cli: Cli, *folders: Path) -> dict[str, Any]:
    outcome = cli("compare", *map(str, folders), "--json")
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)


def check(table: dict[str, Any]) -> None:
    assert (table["rows"], table["changed"], table["added"], table["gone"]) == ([7, 7], 2, 1, 1)
    rows = {row["key"]: row for row in table["differing"]}
    assert rows["b-missing"]["values"]["commission_id"] == ["", "c-late"]
    assert rows["b-missing"]["values"]["state"] == ["missing", "matched"]
    assert rows["b-wrong"]["values"]["actual_idr"] == ["60000", "90000"]
    assert rows["c-orphan"]["what"] == "gone"
    assert rows['b-"new",\n']["what"] == "added"
    assert table["totals"]["actual_idr"]["change"] == 90_000 + 30_000 - 75_000 + 90_000
    assert table["columns"]["state"] == 2


def test_two_packages_of_a_month_are_compared_figure_by_figure_and_row_by_row(
    made: Callable[..., Path], cli: Cli
) -> None:
    first, second = made("first", "month"), made("second", "month", of=LATER)
    content = told(cli, first, second)
    assert (content["same"], content["supersedes"]) == (False, True)
    assert content["figures"]["missing"] == {"first": 1, "second": 0, "change": -1}
    assert content["figures"]["orphan"]["change"] == -1
    tables = {table["table"]: table for table in content["tables"]}
    check(tables["commissions"])
    assert (tables["findings"]["gone"], tables["findings"]["differing"][0]["key"]) == (1, "missing:b-missing")
    assert tables["waivers"]["differing"] == []
    text = cli("compare", str(first), str(second)).out
    assert "The second says that it supersedes the first." in text
    assert "missing: 1 -> 0 (-1)" in text
    assert "commissions: 7 -> 7 rows; 2 changed, 1 added, 1 gone." in text
    assert "changed b-wrong: state mismatched -> matched; actual_idr 60000 -> 90000" in text


@pytest.mark.parametrize("forms", [("csv", "csv"), ("csv", "json"), ("json", "json"), ("xlsx", "xlsx")])
def test_reports_of_either_form_are_compared(
    made: Callable[..., Path], cli: Cli, forms: tuple[str, str]
) -> None:
    first = made("first", "commissions", "--format", forms[0])
    second = made("second", "commissions", "--format", forms[1], of=LATER)
    tables = {table["table"]: table for table in told(cli, first, second)["tables"]}
    if forms[0] != "xlsx":
        check(tables["commissions"])
    assert (tables["commissions"]["changed"], tables["commissions"]["added"]) == (2, 1)
    assert tables["findings"]["gone"] == 1
    assert tables["summary"]["changed"] > 0


def test_the_same_report_is_the_same_and_what_cannot_be_compared_is_not(
    made: Callable[..., Path], cli: Cli, tmp_path: Path
) -> None:
    first, again = made("first", "month"), made("again", "month")
    assert told(cli, first, again)["same"]
    assert "Every figure and every row is the same." in cli("compare", str(first), str(again)).out
    book = made("book", "commissions", "--format", "xlsx")
    content = told(cli, first, book)
    assert not content["same"]
    assert any("different forms: not compared" in note for note in content["notes"])
    assert any(note.startswith("waivers is not in") for note in content["notes"])
    # A file that is not what was handed out says nothing.
    (edited,) = first.glob("*_commissions.csv")
    edited.chmod(0o600)
    edited.write_bytes(edited.read_bytes().replace(b"60000", b"90000"))
    content = told(cli, first, again)
    assert not content["same"]
    assert [note for note in content["notes"] if edited.name in note]
    for wrong in (tmp_path, tmp_path / "nowhere"):
        outcome = cli("compare", str(first), str(wrong))
        assert (outcome.status, "holds no report" in outcome.err) == (2, True)


def test_a_table_is_compared_with_itself_alone(made: Callable[..., Path], cli: Cli, tmp_path: Path) -> None:
    report = made("report", "commissions", of=LATER)
    for name, of in (("one", SNAPSHOT), ("two", LATER)):
        words = ("marts.commission_findings", "--out", str(tmp_path / name), "--as-of", of)
        assert cli("export", "table", *words).status == 0
    content = told(cli, tmp_path / "one", tmp_path / "two")
    (table,) = content["tables"]
    assert (table["table"], table["gone"], table["added"]) == ("marts.commission_findings", 1, 0)
    outcome = cli("compare", str(report), str(tmp_path / "one"))
    assert (outcome.status, "no rows in common" in outcome.err) == (2, True)
