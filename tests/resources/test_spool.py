"""What other processes spool of their working: written at once or counted, taken in once whatever is cut off, and no
personal value among it."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.ops import create_ops, mirror_calls
from checks.every import registry_of
from dashboards.queries import operations
from marketplace.collection import Category
from marketplace.error_rate import ERRORS_A_MINUTE, SLOW_IN_WINDOW, SLOW_SECONDS
from marketplace.events import CallOutcome
from resources import spool as spooling
from resources import spooled
from resources.home import Home
from resources.ledger import Ledger, LedgerCall
from resources.spool import Spool
from resources.spooled import take_in

NOW = datetime(2026, 11, 22, 10, 20)
SECOND = timedelta(seconds=1)
ACCEPT = "POST /bookings/{booking_id}/accept"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def ledger(home: Home) -> Ledger:
    return Ledger(home.ledger)


@pytest.fixture
def spool(home: Home) -> Iterator[Spool]:
    spool = Spool(home, "services")
    yield spool
    spool.close()


@pytest.fixture
def warehouse() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    create_ops(con)
    return con


def files(home: Home) -> list[Path]:
    return sorted(home.spool.iterdir()) if home.spool.exists() else []


def waiting(ledger: Ledger) -> list[tuple[str, int]]:
    """Operation and number of each call in the ledger."""
    return [(call.operation, call.number) for call in ledger.calls()[0]]


def drain(home: Home, ledger: Ledger) -> None:
    while take_in(home.spool, ledger, NOW):
        pass


def test_a_request_becomes_a_timing_and_one_that_failed_an_error_with_its_source_and_context(
    home: Home, ledger: Ledger, spool: Spool, warehouse: duckdb.DuckDBPyConnection
) -> None:
    spool.note(NOW, "POST /bookings", 0.02, status=201, category=Category.BOOKING)
    spool.note(NOW, ACCEPT, 0.01, status=409, context={"booking": "bk_1a", "code": "already_accepted"})
    spool.note(NOW, "list_rows", 3.5, status=200, context={"collection": "bookings"})
    spool.note(
        NOW,
        "commit",
        0.4,
        CallOutcome.TRANSIENT,
        503,
        category=Category.NETWORK,
        context={"reason": "server_error", "attempts": 4, "booking": "bk_1a", "round": 2},
    )
    drain(home, ledger)
    assert mirror_calls(warehouse, ledger, NOW) == 4
    assert warehouse.sql(
        "SELECT source, operation, collection, seconds, outcome, status, attempts, slow"
        " FROM ops.timings ORDER BY call_number"
    ).fetchall() == [
        ("services", "POST /bookings", "", 0.02, "ok", 201, 1, False),
        ("services", ACCEPT, "", 0.01, "ok", 409, 1, False),
        ("services", "list_rows", "bookings", 3.5, "ok", 200, 1, True),
        ("services", "commit", "", 0.4, "transient", 503, 4, False),
    ]
    found = warehouse.sql(
        "SELECT source, severity, category, operation, reason, context FROM ops.errors ORDER BY call_number"
    ).fetchall()
    assert [row[:5] for row in found] == [
        ("services", "warning", "appwrite", "list_rows", "slow"),
        ("services", "error", "network", "commit", "server_error"),
    ]
    assert [row[5] for row in found] == [None, '{"booking":"bk_1a","round":2}']


@pytest.mark.parametrize(
    ("operation", "context"),
    [
        ("POST /bookings/6281234567890/accept", {}),
        ("Ayu Lestari", {}),
        ("list_rows", {"booking": "6281234567890"}),
        ("list_rows", {"booking": "+6281234567890"}),
        ("list_rows", {"provider": "Ayu"}),
        ("list_rows", {"room": "ayu1@example.com"}),
        ("list_rows", {"reason": "Ayu was not there"}),
        ("list_rows", {"attempts": 6281234567890}),
        ("list_rows", {"customer": "Ayu"}),
        ("list_rows", {"user": "u1a"}),
        ("list_rows", {"code": "see https://ayu.example"}),
    ],
)
def test_nothing_personal_gets_in(
    home: Home, ledger: Ledger, spool: Spool, operation: str, context: dict[str, Any]
) -> None:
    spool.note(NOW, operation, 0.1, CallOutcome.PERMANENT, context=context)
    (written,) = files(home)
    text = written.read_text()
    assert not any(secret in text for secret in ("Ayu", "ayu", "62812", "u1a"))
    drain(home, ledger)
    ((call,), _) = ledger.calls()
    assert call.operation == ("unfit" if operation != "list_rows" else operation)
    assert call.context == ('{"unfit":1}' if context else "")


def test_files_are_this_user_s_alone_and_go_when_they_were_read_and_left(
    home: Home, ledger: Ledger, spool: Spool
) -> None:
    spool.note(NOW, "ping", 0.1)
    (written,) = files(home)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.spool.stat().st_mode) == 0o700
    drain(home, ledger)
    assert files(home) == [written], "its process may go on writing"
    spool.note(NOW, "version", 0.1)
    spool.close()
    drain(home, ledger)
    drain(home, ledger)
    assert waiting(ledger) == [("ping", 1), ("version", 2)]
    assert (files(home), ledger.spooled_files()) == ([], [])


def test_a_full_file_is_followed_by_another(
    home: Home, ledger: Ledger, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "FILE_BYTES", 300)
    for _ in range(9):
        spool.note(NOW, "ping", 0.1)
    assert len(files(home)) > 2
    drain(home, ledger)
    assert len(waiting(ledger)) == 9
    assert len(files(home)) == 1


def test_a_torn_last_line_waits_for_its_end_and_is_told_where_nobody_will_write_it(
    home: Home, ledger: Ledger, spool: Spool
) -> None:
    spool.note(NOW, "ping", 0.1)
    (written,) = files(home)
    whole = written.read_bytes()
    with written.open("ab") as file:
        file.write(whole[:30])
    drain(home, ledger)
    assert waiting(ledger) == [("ping", 1)]
    with written.open("ab") as file:
        file.write(whole[30:] + whole[:30])
    drain(home, ledger)
    assert waiting(ledger) == [("ping", 1), ("ping", 2)]
    spool.close()
    drain(home, ledger)
    assert waiting(ledger) == [("ping", 1), ("ping", 2), ("spool", -3)]
    assert ledger.calls()[0][-1].reason == "unreadable_line"
    assert files(home) == []


def test_lines_that_are_none_of_ours_are_counted_and_said_once(
    home: Home, ledger: Ledger, spool: Spool, warehouse: duckdb.DuckDBPyConnection
) -> None:
    spool.note(NOW, "ping", 0.1)
    (written,) = files(home)
    good = json.loads(written.read_text())
    with written.open("a") as file:
        file.write("no JSON\n[]\n\n")
        for change in (
            {"at": "yesterday"},
            {"seconds": None},
            {"status": 1e300},
            {"outcome": "fine"},
            {"operation": "Ayu Lestari"},
            {"context": {"booking": "6281234567890"}},
        ):
            file.write(json.dumps(good | change) + "\n")
        file.write(json.dumps(good) + "\n")
    drain(home, ledger)
    drain(home, ledger)
    mirror_calls(warehouse, ledger, NOW)
    assert warehouse.sql("SELECT call_number FROM ops.timings ORDER BY 1").fetchall() == [(1,), (11,)]
    assert warehouse.sql("SELECT source, category, reason, context FROM ops.errors").fetchall() == [
        ("services", "pipeline", "unreadable_line", '{"lines":9}')
    ]


def test_a_link_in_the_place_of_a_file_is_not_followed_and_said(
    home: Home, ledger: Ledger, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text('{"at": "2026-11-22T10:00:00"}\n')
    home.spool.mkdir()
    (home.spool / "services-1-a.jsonl").symlink_to(elsewhere)
    (home.spool / "notes.txt").write_text("not ours")
    drain(home, ledger)
    assert [call.reason for call in ledger.calls()[0]] == ["spool_unreadable"]


def test_a_full_disk_fails_nothing_and_is_told_by_the_next_line(
    home: Home, ledger: Ledger, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.note(NOW, "ping", 0.1)

    def full(descriptor: int, line: bytes) -> int:
        real(descriptor, line[:20])  # part of a line fits
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    real = os.write
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        spool.note(NOW, "version", 0.1)
        spool.note(NOW, "version", 0.1)
        disk.setattr(os, "write", lambda descriptor, line: real(descriptor, line[:20]))
        spool.note(NOW, "version", 0.1)
    assert spool.lost == 3
    spool.note(NOW, "commit", 0.1)
    spool.close()
    assert len(files(home)) == 1  # and not another one for each line that could not be written
    drain(home, ledger)
    told = [(call.operation, call.reason, call.context) for call in ledger.calls()[0]]
    assert told == [("ping", "", ""), ("spool", "lines_lost", '{"lines":3}'), ("commit", "", "")]


def test_what_no_run_takes_in_is_bounded_and_errors_are_kept_longest(home: Home, ledger: Ledger) -> None:
    spool = Spool(home, "services", kept_bytes=7_000)
    for _ in range(60):
        spool.note(NOW, "ping", 0.1)
    for _ in range(2):  # the file was begun before it was full: the next one looks
        spool.close()
        spool.note(NOW, "ping", 0.1)
        spool.note(NOW, "commit", 0.1, CallOutcome.TRANSIENT)
    assert spool.lost == 2
    assert sum(path.stat().st_size for path in files(home)) < 20_000
    for _ in range(200):
        spool.note(NOW, "commit", 0.1, CallOutcome.TRANSIENT)
    assert spool.lost > 100
    spool.close()


def test_more_than_a_run_takes_at_once_goes_through_in_turns(
    home: Home,
    ledger: Ledger,
    spool: Spool,
    warehouse: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spooled, "AT_ONCE", 1_000)
    for n in range(100):
        spool.note(NOW + n * SECOND, "ping", 0.1)
    turns = 0
    while take_in(home.spool, ledger, NOW, most=20):
        turns += 1
        mirror_calls(warehouse, ledger, NOW)
    mirror_calls(warehouse, ledger, NOW)
    assert turns > 2
    assert warehouse.sql("SELECT count(*), count(DISTINCT call_number) FROM ops.timings").fetchall() == [
        (100, 100)
    ]


def test_nothing_is_taken_in_while_too_much_waits_for_the_warehouse(
    home: Home, ledger: Ledger, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        spool.note(NOW, "ping", 0.1)
    monkeypatch.setattr(spooled, "KEEP_CALLS", 8)
    assert take_in(home.spool, ledger, NOW) is True  # four, the file's five are one part
    spool.note(NOW, "ping", 0.1)
    assert take_in(home.spool, ledger, NOW) is True
    assert len(waiting(ledger)) == 5


def test_two_threads_and_a_fork_write_whole_lines_each_to_its_own_file(
    home: Home, ledger: Ledger, spool: Spool
) -> None:
    def many() -> None:
        for _ in range(200):
            spool.note(NOW, "ping", 0.1)

    threads = [threading.Thread(target=many) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child = os.fork()
    if not child:
        spool.note(NOW, "version", 0.1)
        os._exit(0)
    os.waitpid(child, 0)
    assert len(files(home)) == 2
    drain(home, ledger)
    assert sorted(waiting(ledger)) == [*(("ping", n) for n in range(1, 401)), ("version", 1)]


def test_killed_at_any_instruction_of_taking_in_no_line_is_lost_or_doubled(
    home: Home, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child takes in and dies at its n-th line of our code, for every n there is; the next one goes on."""
    # The same number of lines each round: what was taken in and left is written again.
    monkeypatch.setattr(spooled, "AT_ONCE", 400)
    ledger = Ledger(home.ledger)
    ledger.record_calls([])
    sent = 0
    for n in range(1, 1_000):
        if n % 7 == 1:
            spool.close()
            for _ in range(4):
                sent += 1
                spool.note(NOW, "ping", 0.1)
        child = os.fork()
        if not child:
            _die_at(n * 8 - n % 5, lambda: drain(home, ledger))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    else:
        pytest.fail("it never came to its end")
    spool.close()
    drain(home, ledger)
    found = [(call.run_id, call.number) for call in ledger.calls()[0]]
    assert len(found) == len(set(found)) == sent
    assert not files(home)


def _die_at(lines: int, work: Callable[[], object]) -> None:
    left = lines

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal left
        if "/resources/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
        os._exit(0)


def test_ten_errors_of_the_services_in_a_minute_alarm(
    home: Home, ledger: Ledger, spool: Spool, warehouse: duckdb.DuckDBPyConnection
) -> None:
    check = registry_of({})["error_rate"]
    for n in range(ERRORS_A_MINUTE):
        drain(home, ledger)
        mirror_calls(warehouse, ledger, NOW)
        assert check.run(warehouse).passed
        spool.note(NOW + n * SECOND, ACCEPT, 0.1, CallOutcome.PERMANENT, 500, category=Category.BOOKING)
    drain(home, ledger)
    mirror_calls(warehouse, ledger, NOW)
    (sentence,) = check.run(warehouse).broken_rules
    assert sentence.endswith(f"limit {ERRORS_A_MINUTE}: booking {ACCEPT} 10")


def test_what_an_older_home_has_is_appwrite_s(tmp_path: Path) -> None:
    con = duckdb.connect(str(tmp_path / "old.duckdb"))
    create_ops(con)
    con.execute("DROP VIEW ops.error_rates; DROP VIEW ops.slow_operations; DROP VIEW ops.operation_timings")
    for table in ("timings", "errors", "timing_summary"):
        con.execute(f"ALTER TABLE ops.{table} DROP COLUMN source")
    con.execute(
        "INSERT INTO ops.timings VALUES ('r', 1, TIMESTAMP '2026-11-22', 'ping', '', 0.1, 'ok', 200, 1, false)"
    )
    create_ops(con)
    assert con.sql("SELECT run_id, source FROM ops.timings").fetchall() == [("r", "appwrite")]
    assert con.sql("SELECT source, calls FROM ops.operation_timings").fetchall() == [("appwrite", 1)]


def test_the_page_tells_the_services_operations_from_the_pipeline_s(
    home: Home, ledger: Ledger, spool: Spool, tmp_path: Path
) -> None:
    for n in range(20):
        spool.note(NOW, "POST /bookings", 0.1 * (n + 1), status=201)
    spool.note(NOW, "list_rows", 3.5)
    drain(home, ledger)
    ledger.record_calls(
        [LedgerCall("r", 1, NOW, "list_rows", "", 0.5, "ok", 200, "appwrite", "info", 1, "", False)]
    )
    path = str(tmp_path / "snapshot.duckdb")
    with duckdb.connect(path) as con:
        create_ops(con)
        mirror_calls(con, ledger, NOW)
    found = {row["operation"]: row for row in operations.calls(path, NOW - SECOND).to_dicts()}
    assert set(found) == {"list_rows", "services: list_rows", "services: POST /bookings"}
    assert found["services: POST /bookings"]["p95_s"] == pytest.approx(1.905)
    assert found["services: list_rows"]["slow"] == 1
    assert operations.hourly_timings(path, NOW - timedelta(hours=1))["operation"].to_list() == sorted(found)
    slow = operations.slow_calls(NOW - SECOND).first(path, 10)
    assert slow["source"].to_list() == ["services"]


def test_slow_operations_of_the_services_alarm_and_slow_pages_of_a_scan_do_not(
    home: Home, ledger: Ledger, spool: Spool, warehouse: duckdb.DuckDBPyConnection
) -> None:
    check = registry_of({})["slow_operations"]
    for n in range(SLOW_IN_WINDOW):
        drain(home, ledger)
        mirror_calls(warehouse, ledger, NOW)
        assert check.run(warehouse).passed
        spool.note(
            NOW + n * SECOND, ACCEPT, SLOW_SECONDS + 1 + n, CallOutcome.OK, 200, category=Category.BOOKING
        )
    drain(home, ledger)
    mirror_calls(warehouse, ledger, NOW)
    (sentence,) = check.run(warehouse).broken_rules
    longest = SLOW_SECONDS + SLOW_IN_WINDOW
    assert sentence == (
        f"{SLOW_IN_WINDOW} operations of the services took over {SLOW_SECONDS:g} s (at most {longest:.1f} s),"
        f" limit {SLOW_IN_WINDOW}: {ACCEPT} {SLOW_IN_WINDOW}"
    )
    warehouse.execute("UPDATE ops.timings SET source = 'appwrite'")
    assert check.run(warehouse).passed
