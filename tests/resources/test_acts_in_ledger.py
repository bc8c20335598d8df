"""What people do in the dashboards, in the ledger: acknowledgements, orders, and the log of what was shown."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from messages.message import Message
from resources.ledger import Ledger

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def order(ledger: Ledger, at: datetime = NOW, **arguments: str) -> int:
    return ledger.enter_order("package", arguments, by="Ayu", role="auditor", known=True, at=at).order_id


def test_an_acknowledgement_stands_until_taken_back_and_the_log_keeps_every_one(ledger: Ledger) -> None:
    for by in ("Ayu", "Budi"):
        ledger.acknowledge("finding", "missing:b1", by=by, role="operator", at=NOW, note="calls them")
    assert ledger.acknowledged("finding")["missing:b1"].by == "Budi"
    assert ledger.acknowledged("alert") == {}
    assert ledger.end_acknowledgement("finding", "missing:b1", by="Ayu", at=LATER)
    assert not ledger.end_acknowledgement("finding", "missing:b1", by="Ayu", at=LATER)
    assert ledger.acknowledged("finding") == {}
    log = ledger.acknowledgement_log("finding", "missing:b1")
    assert [(entry.by, entry.ended_by, entry.ended_at) for entry in log] == [
        ("Ayu", "Budi", NOW),
        ("Budi", "Ayu", LATER),
    ]


def test_the_same_order_is_entered_once_while_it_waits(ledger: Ledger) -> None:
    first = order(ledger, month="2026-10")
    assert order(ledger, LATER, month="2026-10") == first
    assert order(ledger, month="2026-09") != first
    assert ledger.orders_waiting() == 2
    taken = ledger.take_order(at=LATER)
    assert taken is not None
    assert order(ledger, LATER, month="2026-10") == first
    ledger.end_order(first, "done", [], at=LATER)
    assert order(ledger, LATER, month="2026-10") != first


def test_orders_are_begun_one_after_the_other_and_one_cut_short_first(ledger: Ledger) -> None:
    first, second = order(ledger, month="2026-10"), order(ledger, month="2026-09")
    begun = ledger.take_order(at=NOW)
    assert begun is not None
    assert (begun.order_id, begun.state, begun.attempts) == (first, "running", 1)
    again = ledger.take_order(at=LATER)
    assert again is not None
    assert (again.order_id, again.attempts, again.started_at) == (first, 2, NOW)
    ledger.tell_progress(first, Message("as_written", {"text": "half"}), at=LATER)
    assert ledger.orders()[1].progress == Message("as_written", {"text": "half"})
    ledger.end_order(first, "failed", [Message("as_written", {"text": "why"})], at=LATER)
    ledger.end_order(first, "done", [], at=LATER)  # what ended stays so
    ledger.tell_progress(first, Message("as_written", {"text": "late"}), at=LATER)
    taken = ledger.take_order(at=LATER)
    assert taken is not None
    assert taken.order_id == second
    ended = ledger.orders("package")[1]
    assert (ended.state, ended.progress, ended.outcome) == (
        "failed",
        None,
        (Message("as_written", {"text": "why"}),),
    )
    assert ledger.orders("sweep") == []
    ledger.end_order(second, "done", [], at=LATER)
    assert ledger.take_order(at=LATER) is None


@pytest.mark.parametrize("change", ["DELETE FROM revealed", "UPDATE revealed SET viewer = 'x'"])
def test_the_log_of_what_was_shown_is_only_appended_to(ledger: Ledger, change: str) -> None:
    with ledger.writing() as db:
        db.execute(
            "INSERT INTO revealed (revealed_at, viewer, role, kind, of_kind, of_id)"
            " VALUES ('2026-11-22T05:00:00+00:00', 'Ayu', 'support', 'contact', 'booking', 'b1')"
        )
    with pytest.raises(sqlite3.IntegrityError, match="only appended to"), ledger.writing() as db:
        db.execute(change)


def test_what_was_typed_with_an_order_stands_so_that_a_name_in_it_can_be_found(ledger: Ledger) -> None:
    order(ledger, month="2026-10", reason="as Jos\u00e9 asked")
    with sqlite3.connect(ledger.path) as db:
        (written,) = db.execute("SELECT arguments FROM orders").fetchone()
    assert "Jos\u00e9" in written
    assert ledger.orders()[0].arguments["reason"] == "as Jos\u00e9 asked"
