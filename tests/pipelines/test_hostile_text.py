"""Text from outside that would steer a terminal is shown by every command, and left as it is where programs read."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.cli import main
from resources.home import Home
from resources.status_file import write_status
from tests.published import add, changing, empty_snapshot

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"

WORD = "SELECT reason AS word FROM ops.errors"


@pytest.fixture
def home(publication: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home").create()
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setenv("COLUMNS", "300")
    with changing(home, of=empty_snapshot(publication), snapshot_id="20261101T000000Z-000001") as con:
        add(
            con,
            "marts.commission_findings",
            "finding_id finding severity expected_idr actual_idr variance_idr detail waived",
            [("f", HOSTILE, HOSTILE, 1, 2, 1, HOSTILE, False)],
        )
        now = datetime.now(UTC).replace(tzinfo=None)
        add(
            con,
            "ops.errors",
            "called_at severity category operation collection reason status attempts run_id call_number",
            [(now, *[HOSTILE] * 5, 500, 1, "r", 1)],
        )
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
        ("sql", WORD),
        ("sql", 'SELECT 1 AS "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"'),
        ("sql", f"SELECT error('{HOSTILE}')"),
        ("errors", "--since", "7d"),
        ("status",),
        ("waive", "f", "--by", HOSTILE, "--reason", "known"),
        ("waive", "f" + HOSTILE, "--by", "me", "--undo"),
        ("export", "commissions", "--from", HOSTILE, "--to", "2026-01-01", "--out", "x"),
        ("verify", HOSTILE),
        ("close", HOSTILE, "--by", "me"),
        ("compare", HOSTILE, "x"),
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
        "refused month",
        "refused report",
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
    text = said(capsys, "sql", WORD, "--json")
    assert json.loads(text) == [{"word": HOSTILE}]
    assert not any(unicodedata.category(letter) == "Cc" and letter != "\n" for letter in text)
    assert list(csv.reader(io.StringIO(said(capsys, "sql", WORD, "--format", "csv"), newline=""))) == [
        ["word"],
        [HOSTILE],
    ]
    assert json.loads(said(capsys, "status", "--json"))["run_id"] == HOSTILE
