"""`bookwatch sql` on what the pipeline itself published: every table and view answers, in each format the same rows."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.cli import query as query_command
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.published import changed, kept_open

TABLES = (
    "SELECT schema_name || '.' || table_name AS name, column_count AS columns FROM duckdb_tables() UNION ALL"
    " SELECT schema_name || '.' || view_name, column_count FROM duckdb_views() WHERE NOT internal ORDER BY 1"
)


@pytest.fixture
def home(published_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    monkeypatch.setenv("COLUMNS", "300")
    return published_home


def _said(capsys: pytest.CaptureFixture[str], query: str, form: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["sql", query, "--format", form])
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, ""), query
    return out


def _rows(capsys: pytest.CaptureFixture[str], query: str) -> list[dict[str, Any]]:
    return json.loads(_said(capsys, query, "json"))


def test_every_table_and_view_is_answered_in_every_format(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = _rows(capsys, TABLES)
    assert len(tables) > 50
    with kept_open(require_snapshot(home), query_command):
        _answered(tables, capsys)


def _answered(tables: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    for table in tables:
        query = f"FROM {table['name']} LIMIT 7"
        rows = _rows(capsys, query)
        written = list(csv.reader(io.StringIO(_said(capsys, query, "csv"), newline="")))
        assert len(written[0]) == table["columns"]
        assert len(written) == len(rows) + 1
        for row, cells in zip(rows, written[1:], strict=True):
            assert list(row) == written[0]
            for value, cell in zip(row.values(), cells, strict=True):
                assert (cell == "") == (value is None or value == ""), (table["name"], value, cell)
        shown = _said(capsys, query, "table")
        assert written[0][0] in shown


def test_marts_say_the_same_when_they_are_asked_by_themselves_and_joined(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (summary,) = _rows(capsys, "FROM marts.commission_summary")
    (counted,) = _rows(
        capsys,
        "SELECT count(*) FILTER (state = 'missing') AS missing, count(*) FILTER (state = 'free') AS free,"
        " sum(expected_idr)::BIGINT AS expected_idr, sum(actual_idr)::BIGINT AS actual_idr"
        " FROM marts.commission_reconciliation",
    )
    assert counted == {name: summary[name] for name in counted}
    (found,) = _rows(
        capsys,
        "SELECT count(*) AS missing FROM marts.commission_findings JOIN marts.commission_reconciliation"
        " USING (booking_id) WHERE finding = 'missing' AND state = 'missing'",
    )
    assert found["missing"] == summary["missing"]


def test_the_newest_snapshot_is_asked(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = require_snapshot(home).stem
    query = "SELECT snapshot_id, (SELECT count(*) FROM marts.peak_hours) AS hours FROM ops.snapshot"
    (first,) = _rows(capsys, query)
    assert first["snapshot_id"] == before
    assert first["hours"] > 0
    newest = changed(home, "DELETE FROM marts.peak_hours")
    assert _rows(capsys, query) == [{"snapshot_id": newest, "hours": 0}]
