"""ops.actions: what a snapshot tells of the actions in the ledger, without what a person is known by."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from assets import ops
from marketplace.backups import BackupState
from marketplace.operations import Operation
from messages.message import Message
from resources.home import Home
from resources.ledger import Ledger
from tests.acted import NOW, WHY, planned, settled

COLUMNS = (
    'row_id, state, "by", reason, planned_at, settled_at, duration, before, after, why, code, outcome, answer'
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def mirrored(home: Home, columns: str = COLUMNS) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        ops.create_ops(con)
        ops.mirror_actions(con, Ledger(home.ledger))
        ops.mirror_actions(con, Ledger(home.ledger))  # replaced, not added
        return con.execute(f"SELECT {columns} FROM ops.actions ORDER BY row_id").fetchall()


def test_an_action_stands_as_the_ledger_has_it(home: Home) -> None:
    change = ({"status": "pending"}, {"status": "expired"})
    ids = planned(home, Operation.EXPIRE_BOOKINGS, [("b1", *change), ("b2", *change)])
    settled(home, ids[1:], "failed", said=Message("as_written", {"text": "The server answered 500."}))
    at = NOW.replace(tzinfo=None)
    first, second = mirrored(home)
    before, after = (json.dumps(said, separators=(",", ":")) for said in change)
    said = (before, after, "Nobody answered in time.", WHY.code)
    assert first == ("b1", "planned", "schedule", None, at, None, None, *said, None, None)
    assert second[1] == "failed"
    assert second[5:7] == (at.replace(second=2), 0.21)
    assert second[-2:] == ("The server answered 500.", "500")


def test_what_reads_like_a_phone_or_an_address_stays_in_the_ledger(home: Home) -> None:
    planned(
        home, Operation.CANCEL_BOOKING, [("b1", {}, {"status": "cancelled"})], by="made@example.test",
        reason="she called from +62 812 9876 5432",
    )  # fmt: skip
    ((by, reason),) = mirrored(home, '"by", reason')
    assert "made@example.test" not in str(by)
    assert "9876" not in str(reason)


def test_a_sentence_of_another_version_stands_as_its_code(home: Home) -> None:
    ids = planned(home, Operation.CLOSE_ROOMS, [("r1", {}, {"status": "closed"})], collection="chat_rooms")
    settled(home, ids, "skipped", said=Message("of.another_version", {"x": 1}))
    assert mirrored(home, "outcome, outcome_code") == [("of.another_version", "of.another_version")]


def test_the_latest_are_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "KEEP_ACTIONS_ROWS", 2)
    planned(home, Operation.MARK_OVERDUE, [(f"c{n}", {}, {"status": "overdue"}) for n in range(4)])
    assert len(mirrored(home)) == 2


def test_backups_stand_without_where_they_lie(home: Home) -> None:
    ledger = Ledger(home.ledger)
    whole = ledger.begin_backup(NOW, "20261122T060400Z", store="s3://secret/place")
    ledger.finish_backup(whole, BackupState.WHOLE, at=NOW, rows=7, size=512)
    ledger.enter_verified(whole, at=NOW, holds=True)
    broken = ledger.begin_backup(NOW, "20261122T060500Z", store="s3://secret/place")
    ledger.enter_verified(broken, at=NOW, holds=False)
    with duckdb.connect() as con:
        ops.create_ops(con)
        ops.mirror_backups(con, ledger)
        rows = con.execute("FROM ops.backups ORDER BY backup_id").fetchall()
    at = NOW.replace(tzinfo=None)
    assert rows == [(whole, at, at, "whole", 7, 512, at), (broken, at, None, "running", None, None, None)]
