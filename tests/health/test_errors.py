"""Errors: the rate a minute and its alarm, slow operations, percentiles, the export."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from assets.ops import create_ops, mirror_calls, mirror_errors
from checks.every import registry_of
from marketplace.error_rate import ERRORS_A_MINUTE
from pipelines.cli import errors as command
from pipelines.health_fallback import enter_failure
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.ledger import Ledger, LedgerCall
from resources.run_report import CheckOutcome, Run, RunReport
from resources.settings import Settings

NOW = datetime(2026, 11, 22, 10, 0, 0)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
CHECK = registry_of({})["error_rate"]


def call(
    number: int, at: datetime, *, failed: bool = True, seconds: float = 0.1, category: str = "booking"
) -> LedgerCall:
    return LedgerCall(
        run_id="r",
        number=number,
        at=at,
        operation="list_rows",
        collection="bookings",
        seconds=seconds,
        outcome="transient" if failed else "ok",
        status=503 if failed else 200,
        category=category,
        severity="error" if failed else "warning" if seconds > 3 else "info",
        attempts=4 if failed else 1,
        reason="server_error" if failed else "",
        slow=seconds > 3,
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    create_ops(con)
    con.execute(
        "INSERT INTO ops.health_changes (change_id, point, status, since, evaluated_at, message)"
        " VALUES (1, 1, 'working', ?, ?, '')",
        [NOW, NOW],
    )
    return con


def mirrored(con: duckdb.DuckDBPyConnection, home: Home, calls: list[LedgerCall]) -> None:
    ledger = Ledger(home.ledger)
    ledger.record_calls(calls)
    mirror_calls(con, ledger, NOW)


def test_ten_errors_in_a_minute_alarm_nine_do_not(home: Home, warehouse: duckdb.DuckDBPyConnection) -> None:
    calls = [call(n, NOW - 59 * SECOND + n * 6 * SECOND) for n in range(ERRORS_A_MINUTE)]
    mirrored(warehouse, home, calls[:-1])
    assert CHECK.run(warehouse).passed
    mirrored(warehouse, home, [calls[-1]])
    result = CHECK.run(warehouse)
    assert (result.passed, result.severity, result.failed_rows) == (False, "WARN", ERRORS_A_MINUTE)
    assert result.broken_rules == (
        "10 error events in the minute to 09:59:55 UTC, limit 10: booking list_rows 10",
    )


def test_a_minute_is_any_minute_not_the_clock_s(home: Home, warehouse: duckdb.DuckDBPyConnection) -> None:
    mirrored(warehouse, home, [call(n, NOW - 2 * MINUTE - 5 * SECOND + n * SECOND) for n in range(10)])
    assert not CHECK.run(warehouse).passed
    assert [
        tuple(row)
        for row in warehouse.sql("SELECT minute, events FROM ops.error_rates ORDER BY 1").fetchall()
    ] == [
        (NOW - 3 * MINUTE, 5),
        (NOW - 2 * MINUTE, 5),
    ]


def test_ten_errors_in_two_minutes_slow_calls_and_old_errors_are_no_alarm(
    home: Home, warehouse: duckdb.DuckDBPyConnection
) -> None:
    spread = [call(n, NOW - 120 * SECOND + n * 12 * SECOND) for n in range(10)]
    slow = [call(20 + n, NOW - n * SECOND, failed=False, seconds=4) for n in range(20)]
    old = [call(50 + n, NOW - 6 * MINUTE) for n in range(20)]
    mirrored(warehouse, home, [*spread, *slow, *old])
    assert CHECK.run(warehouse).passed


def test_a_collection_that_is_not_there_says_so_at_each_run_and_is_no_alarm(
    home: Home, warehouse: duckdb.DuckDBPyConnection
) -> None:
    said = [replace(call(n, NOW), outcome="permanent", status=404, reason="not_found") for n in range(20)]
    mirrored(warehouse, home, said)
    assert CHECK.run(warehouse).passed
    assert warehouse.sql("SELECT sum(events) FROM ops.error_rates").fetchall() == [(20,)]


def test_the_alarm_names_what_fails_most(home: Home, warehouse: duckdb.DuckDBPyConnection) -> None:
    calls = [call(n, NOW, category="network") for n in range(7)]
    calls += [call(10 + n, NOW, category="payment") for n in range(5)]
    mirrored(warehouse, home, calls)
    (sentence,) = CHECK.run(warehouse).broken_rules
    assert sentence.endswith("limit 10: network list_rows 7, payment list_rows 5")


def test_slow_operations_are_those_over_three_seconds_and_percentiles_are_of_all(
    home: Home, warehouse: duckdb.DuckDBPyConnection
) -> None:
    calls = [call(n, NOW, failed=False, seconds=n / 100) for n in range(1, 102)]
    calls += [call(200, NOW, failed=False, seconds=3.0), call(201, NOW, failed=False, seconds=3.001)]
    mirrored(warehouse, home, calls)
    assert [row[3] for row in warehouse.sql("FROM ops.slow_operations").fetchall()] == [3.001]
    (row,) = warehouse.sql("FROM ops.operation_timings").fetchall()
    assert row[:4] == ("list_rows", 103, 0, 1)
    assert row[4:8] == pytest.approx((0.52, 0.979, 2.9602, 3.001), abs=0.05)


def test_errors_of_a_failed_run_are_shown_and_wait_on(
    home: Home, warehouse: duckdb.DuckDBPyConnection
) -> None:
    ledger = Ledger(home.ledger)
    ledger.record_calls([call(1, NOW), call(2, NOW, failed=False)])
    for _ in range(2):
        mirror_errors(warehouse, ledger, NOW - MINUTE)
    assert warehouse.sql("SELECT call_number FROM ops.errors").fetchall() == [(1,)]
    assert mirror_calls(warehouse, ledger, NOW) == 2
    assert warehouse.sql("SELECT call_number FROM ops.errors").fetchall() == [(1,)]
    assert warehouse.sql("SELECT count(*) FROM ops.timings").fetchall() == [(2,)]


# what fails in the run itself


def begun(home: Home) -> RunReport:
    settings = Settings(home=home.root, now=NOW)
    return RunReport(Run(settings, "r1", 1, NOW.replace(tzinfo=UTC)))


def test_a_failing_step_is_a_critical_event_without_what_the_library_said(home: Home) -> None:
    broken = ValueError("Ibu Sari +62811")
    enter_failure(begun(home).fail(BookwatchError("The step 'marts' failed."), broken, step="marts"))
    (event,) = Ledger(home.ledger).waiting_errors(NOW)
    assert (event.severity, event.category, event.operation, event.reason, event.number) == (
        "critical",
        "pipeline",
        "step marts",
        "value_error",
        0,
    )
    assert "Sari" not in repr(event)


@pytest.mark.parametrize(
    ("asset", "category"),
    [
        ("core/bookings", "booking"),
        ("core/commissions", "payment"),
        ("core/messages", "chat"),
        ("marts/x", "pipeline"),
    ],
)
def test_a_blocking_check_is_an_event_of_the_table_it_guards(home: Home, asset: str, category: str) -> None:
    run = replace(begun(home), checks=(CheckOutcome("a_schema", asset, False, "critical", blocking=True),))
    enter_failure(run.fail(BookwatchError("Nothing was published: a_schema failed."), step="checks"))
    (event,) = Ledger(home.ledger).waiting_errors(NOW)
    assert (event.category, event.operation) == (category, "step checks")


# the export


def published(home: Home, calls: list[LedgerCall]) -> None:
    path = home.published / "20261122T100000Z-000001.duckdb"
    with duckdb.connect(str(path)) as con:
        create_ops(con)
        mirrored(con, home, calls)
    home.current.symlink_to(path.name)


def test_errors_are_those_of_the_snapshot_and_those_that_wait_each_once(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", NOW.isoformat())
    published(home, [call(1, NOW - MINUTE), call(2, NOW - 26 * 60 * MINUTE), call(3, NOW, failed=False)])
    Ledger(home.ledger).record_calls([call(1, NOW - MINUTE), call(4, NOW)])
    command.errors(since="24h", format=command.Format.csv, json=False)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["call_number"] for row in rows] == ["4", "1"]
    assert set(rows[0]) == set(command.COLUMNS)
    command.errors(since="2d", format=command.Format.table, json=True)
    found = json.loads(capsys.readouterr().out)
    assert [row["call_number"] for row in found] == [4, 1, 2]
    assert found[0]["called_at"] == "2026-11-22T10:00:00Z"
    command.errors(since="30m", format=command.Format.table, json=False)
    assert "2 events in the last 30m" in capsys.readouterr().out


def test_before_the_first_run_there_are_no_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "none"))
    command.errors(since="24h", format=command.Format.table, json=True)
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("written", ["", "24", "h", "-1h", "1w"])
def test_a_wrong_length_of_time_is_wrong_usage(written: str) -> None:
    with pytest.raises(UsageError, match="no length of time"):
        command.length(written)
