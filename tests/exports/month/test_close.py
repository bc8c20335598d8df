"""`bookwatch close`, `bookwatch reopen`: who answers for a closed month, in a log that is only appended to."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from marketplace.traces import Traces
from resources.home import Home
from resources.ledger import Ledger, Seal
from resources.ledger_texts import blank_texts
from resources.rewrites import Rewrites
from resources.snapshots import drop_old_snapshots, require_snapshot
from tests.exports.conftest import Outcome
from tests.exports.published import OCTOBER, SNAPSHOT

Cli = Callable[..., Outcome]
NAME = "Ketuttari Wulandari"
MONTH = date(2026, 10, 1)
PERIOD = ("--from", "2026-10-01", "--to", "2026-11-01")


def test_a_closed_month_is_signed_off_and_no_mart_changes(october: Home, cli: Cli) -> None:
    before = hashlib.sha256(require_snapshot(october).read_bytes()).hexdigest()
    outcome = cli("close", "2026-10", "--by", " Rani ")
    assert outcome.status == 0, outcome
    assert f"2026-10 is signed off by Rani, as snapshot {SNAPSHOT} shows it." in outcome.out
    assert "No report of it was made yet" in outcome.out
    (entry,) = Ledger(october.ledger).sign_offs(MONTH)
    assert (entry.by, entry.snapshot_id, entry.manifest_sha256) == ("Rani", SNAPSHOT, None)
    assert entry.at == datetime(2026, 11, 6, 1, 2, 3, tzinfo=UTC)
    assert hashlib.sha256(require_snapshot(october).read_bytes()).hexdigest() == before
    # What was signed is kept for good.
    assert Ledger(october.ledger).cited_snapshots() == {SNAPSHOT}
    cited = Ledger(october.ledger).cited_snapshots()
    drop_old_snapshots(october, now=datetime.now(UTC) + timedelta(days=900), cited=cited)
    assert require_snapshot(october).stem == SNAPSHOT


def test_a_month_that_is_open_cannot_be_signed_off(
    october: Home, cli: Cli, publish: Callable[..., Path]
) -> None:
    outcome = cli("close", "2026-11", "--by", "Rani")
    assert outcome.status == 2
    assert "2026-11 is not closed yet: it closes at 2026-12-02 00:00 (Asia/Makassar)" in outcome.err
    # It is closed by now, and the newest snapshot was made while it was open: its figures may lack what came after.
    for what, as_of in (
        ("it was read at 2026-11-01 20:00", "TIMESTAMP '2026-11-01 12:00:00'"),
        ("never read", "NULL"),
    ):
        publish(october, OCTOBER, also=(f"UPDATE marts.commission_summary SET as_of = {as_of}",))
        outcome = cli("close", "2026-10", "--by", "Rani")
        assert outcome.status == 2
        assert what in outcome.err
        assert "bookwatch run" in outcome.err
    for words in (
        ("2026-10", "--by", " "),
        # Nobody's words stand in the place of ours.
        ("2026-10", "--by", "Rani\n2026-10 is signed off by Budi"),
        ("2026-13", "--by", "R"),
        ("2026-1", "--by", "R"),
        ("october", "--by", "R"),
    ):
        assert cli("close", *words).status == 2
    assert Ledger(october.ledger).sign_off_log() == []


def test_what_is_wrong_with_a_month_is_said_and_not_hidden(
    october: Home, cli: Cli, publish: Callable[..., Path]
) -> None:
    change = (
        "INSERT INTO marts.closed_month_changes BY NAME SELECT 'closed_month_changed:x:2026-10:s' AS finding_id,"
        " DATE '2026-10-01' AS local_month, 'booked_idr' AS figure, 1 AS previous_value, 2 AS current_value,"
        " 's' AS previous_snapshot_id, TIMESTAMP '2026-11-04' AS seen_at, false AS waived"
    )
    gap = (
        "INSERT INTO marts.closed_month_gaps BY NAME SELECT 's' AS snapshot_id, TIMESTAMP '2026-11-05' AS compared_at,"
        " 'none' AS reason, true AS is_newest"
    )
    publish(october, OCTOBER, also=(change, gap))
    told = json.loads(cli("close", "2026-10", "--by", "Rani", "--json").out)
    assert (told["outcome"], told["unacknowledged_changes"], told["compared"]) == ("closed", 1, False)
    outcome = cli("close", "2026-10", "--by", "Budi")
    assert "1 of its figures changed after it had closed" in outcome.out
    assert "cannot be told" in outcome.out
    assert "It was signed off before by Rani" in outcome.out


def test_a_report_of_the_open_month_and_what_was_not_read_are_said(
    october: Home, cli: Cli, publish: Callable[..., Path], tmp_path: Path
) -> None:
    judged = "UPDATE marts.commission_summary SET as_of = TIMESTAMP '2026-10-31 12:00:00'"
    publish(october, OCTOBER, also=(judged,))
    assert cli("export", "commissions", *PERIOD, "--out", str(tmp_path / "out")).status == 0
    scan = (
        "INSERT INTO ops.scans (collection, completed_at, required, outcome)"
        " VALUES ('bookings', TIMESTAMP '2026-10-01', true, 'partial')"
    )
    publish(october, OCTOBER, "20261105T000001Z-000002", also=("DELETE FROM ops.scans", scan))
    outcome = cli("close", "2026-10", "--by", "Rani")
    assert "while it was OPEN" in outcome.out, outcome
    assert "1 of the collections that figures are made of were not read" in outcome.out
    (tmp_path / "out" / "manifest.json").unlink()
    told = json.loads(cli("close", "2026-10", "--by", "Rani", "--json").out)
    assert (told["report_of_open_month"], told["collections_not_read"]) == (None, 1)


def test_signing_again_reopening_and_signing_anew_are_all_kept(
    october: Home, cli: Cli, tmp_path: Path
) -> None:
    assert cli("reopen", "2026-10", "--by", "Budi").status == 2
    cli("close", "2026-10", "--by", "Rani", "--reason", "as discussed")
    again = cli("close", "2026-10", "--by", "Rani")
    assert "nothing was entered" in again.out
    assert cli("export", "commissions", *PERIOD, "--out", str(tmp_path / "out")).status == 0
    # A report was made since: signing now is of that.
    assert "The newest report of it lies in" in cli("close", "2026-10", "--by", "Rani").out
    undone = cli("reopen", "2026-10", "--by", "Budi", "--reason", "a refund is to come")
    assert undone.out.count("It was signed off by Rani") == 2
    assert cli("reopen", "2026-10", "--by", "Budi").status == 2
    ledger = Ledger(october.ledger)
    assert ledger.sign_offs(MONTH) == []
    cli("close", "2026-10", "--by", "Ayu")
    assert [entry.by for entry in ledger.sign_offs(MONTH)] == ["Ayu"]
    log = ledger.sign_off_log()
    assert [(entry.action, entry.by) for entry in log] == [
        ("closed", "Rani"),
        ("closed", "Rani"),
        ("reopened", "Budi"),
        ("closed", "Ayu"),
    ]
    assert [bool(entry.manifest_sha256) for entry in log] == [False, True, False, True]


@pytest.mark.parametrize("change", ["UPDATE sign_off_log SET entered_by = 'x'", "DELETE FROM sign_off_log"])
def test_the_log_is_only_appended_to(october: Home, cli: Cli, change: str) -> None:
    cli("close", "2026-10", "--by", "Rani")
    with (
        closing(sqlite3.connect(october.ledger)) as db,
        pytest.raises(sqlite3.IntegrityError, match="only appended"),
    ):
        db.execute(change)


class Forgotten:
    """The traces of a person, as blank_texts asks for them."""

    def replacements(self, texts: list[str], _kind: str) -> dict[str, str]:
        return {text: text.replace(NAME, "(erased)") for text in texts if NAME in text}


def test_a_forgotten_person_leaves_the_log_and_it_follows_the_report_made_anew(
    october: Home, cli: Cli, tmp_path: Path
) -> None:
    cli("export", "commissions", *PERIOD, "--out", str(tmp_path / "out"))
    cli("close", "2026-10", "--by", "Rani", "--reason", f"{NAME} agreed")
    (export,) = Ledger(october.ledger).exports()
    assert blank_texts(Ledger(october.ledger), cast("Traces", Forgotten())) == {"sign_off_log.reason": 1}
    rewrites, at = Rewrites(october.ledger), datetime(2026, 11, 7, tzinfo=UTC)
    after = Seal("manifest", "f" * 64, 1, 1, 1)
    begun = rewrites.begin(
        "u1",
        by="Ayu",
        at=at,
        kind="export",
        path=tmp_path / "out",
        before=export.manifest_sha256,
        after=after,
    )
    rewrites.finish(begun, at=at)
    (entry,) = Ledger(october.ledger).sign_offs(MONTH)
    assert (entry.by, entry.manifest_sha256) == ("Rani", "f" * 64)
    assert entry.reason == "(erased) agreed"


def test_who_signed_off_stands_in_the_next_package(october: Home, cli: Cli, tmp_path: Path) -> None:
    cli("close", "2026-10", "--by", "Rani")
    cli("export", "month", "2026-10", "--out", str(tmp_path / "out"))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert [(entry["month"], entry["by"]) for entry in manifest["signed_off"]] == [("2026-10", "Rani")]
    # One that stands already stays as it was handed out.
    cli("reopen", "2026-10", "--by", "Budi")
    again = json.loads(cli("export", "month", "2026-10", "--out", str(tmp_path / "out"), "--json").out)
    assert again["already_there"]
    assert len(again["manifest"]["month"]["signed_off"]) == 1
