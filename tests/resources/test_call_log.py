"""Every call to Appwrite ends as one row of ops.timings (and ops.errors), whatever happens on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from assets import ops
from assets.ops import create_ops, mirror_calls
from resources.appwrite.failures import CallEvent, PermanentFailure, TransientFailure, event_of
from resources.call_log import CallLog
from resources.errors import BookwatchError
from resources.ledger import Ledger, LedgerCall

NOW = datetime(2026, 11, 22, 10, 20)
KEY = "standard_f00d5ecret"


def called(n: int = 0, seconds: float = 0.02, attempts: int = 1, failure: str = "") -> CallEvent:
    told = {
        "refused": PermanentFailure("list_rows", "unauthorized", collection="bookings", status=401),
        "broken": TransientFailure("list_rows", "connection", collection="chat_messages"),
    }.get(failure)
    collection = told.collection if told else "bookings"
    return event_of(
        "list_rows",
        collection,
        seconds,
        attempts,
        NOW + timedelta(seconds=n),
        status=None if told else 200,
        failure=told,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        create_ops(con)
        yield con


def log(ledger: Ledger, run_id: str, *events: CallEvent) -> None:
    with CallLog(ledger, run_id, []) as calls:
        for event in events:
            calls(event)


def test_what_is_written_of_a_call_is_plain_words(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[LedgerCall] = []
    monkeypatch.setattr(ledger, "record_calls", written.extend)
    log(ledger, "r1", called(0), called(1, failure="broken"))
    assert [(call.outcome, call.category, call.severity) for call in written] == [
        ("ok", "booking", "info"),
        ("transient", "network", "error"),
    ]
    assert {type(word) for call in written for word in (call.outcome, call.category, call.severity)} == {str}


def test_a_call_becomes_a_timing_and_a_bad_one_an_error_too(
    ledger: Ledger, warehouse: duckdb.DuckDBPyConnection
) -> None:
    log(
        ledger,
        "r1",
        called(0),
        called(1, seconds=3.5),
        called(2, seconds=0.9, attempts=3),
        called(3, failure="refused"),
        called(4, failure="broken"),
    )
    assert mirror_calls(warehouse, ledger, NOW) == 5
    assert warehouse.sql(
        "SELECT run_id, call_number, operation, collection, seconds, outcome, status, slow"
        " FROM ops.timings ORDER BY call_number"
    ).fetchall() == [
        ("r1", 1, "list_rows", "bookings", 0.02, "ok", 200, False),
        ("r1", 2, "list_rows", "bookings", 3.5, "ok", 200, True),
        ("r1", 3, "list_rows", "bookings", 0.9, "ok", 200, False),
        ("r1", 4, "list_rows", "bookings", 0.02, "permanent", 401, False),
        ("r1", 5, "list_rows", "chat_messages", 0.02, "transient", None, False),
    ]
    assert warehouse.sql(
        "SELECT severity, category, operation, collection, reason, status, attempts"
        " FROM ops.errors ORDER BY call_number"
    ).fetchall() == [
        ("warning", "booking", "list_rows", "bookings", "slow", 200, 1),
        ("warning", "booking", "list_rows", "bookings", "retried", 200, 3),
        ("critical", "auth", "list_rows", "bookings", "unauthorized", 401, 1),
        ("error", "network", "list_rows", "chat_messages", "connection", None, 1),
    ]


def test_percentiles_stand_for_every_hour_operation_and_collection(
    ledger: Ledger, warehouse: duckdb.DuckDBPyConnection
) -> None:
    log(ledger, "r1", *(called(n, seconds=(n + 1) / 100) for n in range(60)))
    mirror_calls(warehouse, ledger, NOW)
    # A later run of the same hour: the hour's line is made of all its calls.
    log(ledger, "r2", *(called(n, seconds=(n + 1) / 100, attempts=2) for n in range(60, 101)))
    mirror_calls(warehouse, ledger, NOW)
    (line,) = warehouse.sql("SELECT * FROM ops.timing_summary").fetchall()
    assert line[:7] == (datetime(2026, 11, 22, 10), "list_rows", "bookings", 101, 0, 41, 0)
    assert line[11] == "appwrite"
    assert line[7:11] == pytest.approx((0.51, 0.96, 1.0, 1.01))


def test_a_run_cut_off_between_warehouse_and_ledger_doubles_no_call(
    ledger: Ledger, warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(ledger, "failed", called(0, failure="broken"))
    log(ledger, "r2", called(1), called(2))
    with monkeypatch.context() as cut:
        cut.setattr(ledger, "drop_calls", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            mirror_calls(warehouse, ledger, NOW)
    log(ledger, "r3", called(3))
    mirror_calls(warehouse, ledger, NOW)
    assert warehouse.sql("SELECT run_id, call_number FROM ops.timings ORDER BY ALL").fetchall() == [
        ("failed", 1),
        ("r2", 1),
        ("r2", 2),
        ("r3", 1),
    ]
    assert warehouse.sql("SELECT sum(calls) FROM ops.timing_summary").fetchall() == [(4,)]
    assert warehouse.sql("SELECT run_id FROM ops.errors").fetchall() == [("failed",)]
    assert mirror_calls(warehouse, ledger, NOW) == 0


def _interrupted(upto: int) -> None:
    raise KeyboardInterrupt


def test_calls_reach_the_ledger_also_when_the_run_fails(ledger: Ledger) -> None:
    def a_run_that_fails() -> None:
        with CallLog(ledger, "r1", []) as calls:
            calls(called())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        a_run_that_fails()
    assert [(c.run_id, c.number) for c in ledger.calls()[0]] == [("r1", 1)]


def test_calls_are_written_down_while_a_long_run_goes_on(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.call_log.WRITE_SECONDS", 0.0)
    calls = CallLog(ledger, "r1", [])
    for n in range(3):
        calls(called(n))
        assert [c.number for c in ledger.calls()[0]] == list(range(1, n + 2))


def test_a_ledger_that_cannot_be_written_stops_no_call_and_is_said_at_the_end(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.call_log.WRITE_SECONDS", 0.0)
    kept: list[CallEvent] = []
    ledger.record_calls([])
    holder = sqlite3.connect(ledger.path)
    holder.execute("ALTER TABLE calls RENAME TO others")
    holder.commit()
    unwritten = pytest.raises(BookwatchError, match=r"ledger.sqlite could not be written")
    with unwritten, CallLog(ledger, "r1", kept) as calls:
        calls(called(0))
        calls(called(1))
    assert len(kept) == 2
    holder.execute("ALTER TABLE others RENAME TO calls")
    holder.commit()
    with CallLog(ledger, "r2", []) as calls:
        calls(called(2))
    assert [c.run_id for c in ledger.calls()[0]] == ["r2"]


def test_the_tables_stay_small_and_hours_whole(
    ledger: Ledger, warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops, "KEEP_CALLS_ROWS", 90)
    monkeypatch.setattr(ops, "KEEP_ERRORS_ROWS", 5)
    hour = 3600
    old = [called(-40 * 24 * hour, failure="broken")]
    log(ledger, "r1", *old, *(called(n * hour // 40, failure="broken") for n in range(200)))
    mirror_calls(warehouse, ledger, NOW)
    counts = warehouse.sql(
        "SELECT date_trunc('hour', called_at) AS hour, count(*) FROM ops.timings GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    summed = dict(warehouse.sql("SELECT hour, sum(calls) FROM ops.timing_summary GROUP BY ALL").fetchall())
    assert 90 <= sum(count for _, count in counts) < 90 + 40
    assert all(summed[hour] == count for hour, count in counts)
    assert sum(summed.values()) == 200
    assert warehouse.sql("SELECT count(*) FROM ops.errors").fetchall() == [(6,)]


def test_the_ledger_is_bounded_too(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.ledger.calls.KEEP_CALLS", 10)
    log(ledger, "r1", *(called(n) for n in range(25)))
    assert [c.number for c in ledger.calls()[0]] == list(range(16, 26))
