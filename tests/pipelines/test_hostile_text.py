"""Text from outside that would steer a terminal is shown by every command, and left as it is where programs read."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import duckdb
import pytest

from pipelines.cli import main
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import copy_closed_file, point_link, snapshot_path
from resources.status_file import write_status

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home").create()
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setenv("COLUMNS", "300")
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE SCHEMA ops; CREATE SCHEMA marts")
        con.execute("CREATE TABLE marts.t AS SELECT ? AS word", [HOSTILE])
        con.execute("CREATE TABLE marts.commission_findings AS SELECT 'f' AS finding_id, ? AS finding, ? AS severity,"
                    " NULL AS booking_id, NULL AS booking_ref, NULL AS commission_id, NULL AS provider_id, 1 AS"
                    " expected_idr, 2 AS actual_idr, 1 AS variance_idr, ? AS detail", [HOSTILE] * 3)  # fmt: skip
        con.execute("CREATE TABLE ops.errors AS SELECT now()::TIMESTAMP AS called_at, ? AS severity, ? AS category,"
                    " ? AS operation, ? AS collection, ? AS reason, 500 AS status, 1 AS attempts, 'r' AS run_id, 1 AS"
                    " call_number", [HOSTILE] * 5)  # fmt: skip
    path = snapshot_path(home, "20261101T000000Z-000001")
    copy_closed_file(home.warehouse, path, Ledger(home.ledger).record_seal)
    point_link(home.current, path)
    at = "2026-11-01T00:00:00Z"
    write_status(
        home,
        {
            "run_id": HOSTILE,
            "run": {"outcome": HOSTILE, "finished_at": at, "message": HOSTILE},
            "snapshot": {"snapshot_id": HOSTILE, "published_at": at},
            "freshness": {
                "newest_booking_at": at,
                "collections": [{"collection": HOSTILE, "outcome": HOSTILE, "detail": HOSTILE}],
            },
            "health": {
                "system": HOSTILE,
                "points": [{"point": 1, "name": HOSTILE, "status": "broken", "message": HOSTILE}],
            },
            "commission": None,
            "quarantine": {"count": 1, "oldest_first_seen_at": at, "reasons": {HOSTILE: 1}},
            "checks": {
                "passed": 0,
                "failed": 1,
                "failing": [{"severity": HOSTILE, "check_name": HOSTILE, "failed_rows": 1}],
            },
            "alerts": [
                {"name": HOSTILE, "since": at, "announced": False, "severity": HOSTILE, "summary": HOSTILE}
            ],
            "silences": [{"matcher": HOSTILE, "ends_at": at, "author": HOSTILE}],
        },
    )
    return home


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        main(list(words))
    out, err = capsys.readouterr()
    return out + err


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "FROM marts.t"),
        ("sql", 'SELECT 1 AS "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"'),
        ("sql", f"SELECT error('{HOSTILE}')"),
        ("errors", "--since", "7d"),
        ("status",),
        ("waive", "f", "--by", HOSTILE, "--reason", "known"),
        ("waive", "f" + HOSTILE, "--by", "me", "--undo"),
        ("export", "commissions", "--from", HOSTILE, "--to", "2026-01-01", "--out", "x"),
        ("verify", HOSTILE),
    ],
    ids=[
        "row",
        "column",
        "engine",
        "errors",
        "status",
        "finding",
        "refused id",
        "refused day",
        "refused folder",
    ],
)
def test_what_a_person_is_shown_steers_no_terminal(
    home: Home, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    told = said(capsys, *words)
    assert SHOWN in told or repr(HOSTILE)[1:-1] in told, told
    for letter in told:
        assert letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Zl", "Zp"), repr(told)
        assert letter != "\u202e"


def test_programs_get_the_value_as_it_is(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "sql", "FROM marts.t", "--json")
    assert json.loads(text) == [{"word": HOSTILE}]
    assert not any(unicodedata.category(letter) == "Cc" and letter != "\n" for letter in text)
    assert list(
        csv.reader(io.StringIO(said(capsys, "sql", "FROM marts.t", "--format", "csv"), newline=""))
    ) == [
        ["word"],
        [HOSTILE],
    ]
    assert json.loads(said(capsys, "status", "--json"))["run_id"] == HOSTILE
