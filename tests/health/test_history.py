"""Since when a point is what it is, and its uptime: changes, silences, restarts, a frozen clock, failed runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.guard import guard
from assets.ops import create_ops, mirror_health
from marketplace.health import HEALTH_POINTS, UNMEASURED_AFTER
from pipelines.run import conclude, open_run
from resources.errors import SourceUnavailable
from resources.ledger import HealthVerdict, Ledger
from resources.run_report import RunReport
from tests.health.market import DAY, HOUR, MINUTE, NOW, Market
from tests.marts.warehouse import Warehouse


class History:
    """Verdicts on one point, entered as runs do, and the marts made of them."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.w = Warehouse()
        create_ops(self.w.con)

    def found(self, status: str, *moments: datetime, point: int = 6) -> None:
        for at in moments:
            self.ledger.record_health([HealthVerdict(point, status, status)], at=at, silence=UNMEASURED_AFTER)

    def marts(self, now: datetime) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        mirror_health(self.w.con, self.ledger, now)
        self.w.now = now
        self.w.build(["health_history", "health_uptime"])
        history = self.w.rows("FROM marts.health_history ORDER BY point, since")
        uptime = self.w.rows("FROM marts.health_uptime WHERE point = 6")
        return history, {row["time_window"]: row for row in uptime}


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def every(minutes: int, start: datetime, end: datetime) -> list[datetime]:
    return [start + n * minutes * MINUTE for n in range(int((end - start) / (minutes * MINUTE)) + 1)]


def test_a_state_lasts_until_the_next_verdict_that_differs(history: History) -> None:
    history.found("working", *every(5, NOW, NOW + HOUR))
    history.found("broken", *every(5, NOW + 65 * MINUTE, NOW + 80 * MINUTE))
    history.found("working", NOW + 85 * MINUTE)
    rows, uptime = history.marts(NOW + 90 * MINUTE)
    assert [(r["status"], r["since"], r["until"], r["seconds"]) for r in rows] == [
        ("working", NOW, NOW + 65 * MINUTE, 3900.0),
        ("broken", NOW + 65 * MINUTE, NOW + 85 * MINUTE, 1200.0),
        ("working", NOW + 85 * MINUTE, None, 300.0),
    ]
    assert {r["name"] for r in rows} == {HEALTH_POINTS[6].name}
    day = uptime["24 h"]
    assert (day["measured_seconds"], day["broken_seconds"], day["unknown_seconds"]) == (5400.0, 1200.0, 0.0)
    assert day["working_share"] == pytest.approx(4200 / 5400)
    assert day["unmeasured_seconds"] == 86_400 - 5400
    assert day["status_since"] == NOW + 85 * MINUTE


def test_a_silence_is_not_measured_whatever_stood_on_both_sides(history: History) -> None:
    history.found("working", NOW, NOW + UNMEASURED_AFTER)
    history.found("working", NOW + 3 * HOUR)
    rows, uptime = history.marts(NOW + 3 * HOUR + MINUTE)
    assert [(r["since"], r["until"]) for r in rows] == [
        (NOW, NOW + UNMEASURED_AFTER),
        (NOW + 3 * HOUR, None),
    ]
    assert uptime["24 h"]["measured_seconds"] == 660.0
    assert uptime["24 h"]["working_share"] == 1.0


def test_just_within_the_limit_is_measured_a_second_more_is_not(history: History) -> None:
    history.found("working", NOW, NOW + UNMEASURED_AFTER)
    assert len(history.marts(NOW + UNMEASURED_AFTER)[0]) == 1
    history.found("working", NOW + 2 * UNMEASURED_AFTER + timedelta(seconds=1))
    assert len(history.marts(NOW + 3 * UNMEASURED_AFTER)[0]) == 2


def test_a_watch_that_died_speaks_for_no_time_after_its_last_verdict(history: History) -> None:
    history.found("working", NOW, NOW + 5 * MINUTE)
    rows, uptime = history.marts(NOW + HOUR)
    assert [(r["until"], r["seconds"]) for r in rows] == [(NOW + 5 * MINUTE, 300.0)]
    assert uptime["24 h"]["measured_seconds"] == 300.0


def test_unknown_counts_apart_and_nothing_measured_is_null(history: History) -> None:
    history.found("unknown", NOW, NOW + 10 * MINUTE)
    _, uptime = history.marts(NOW + 10 * MINUTE)
    day = uptime["24 h"]
    assert (day["working_share"], day["unknown_seconds"], day["measured_seconds"]) == (None, 600.0, 0.0)


def test_windows_cut_what_began_before_them(history: History) -> None:
    history.found("broken", *every(10, NOW, NOW + 2 * DAY))
    history.found("working", *every(10, NOW + 2 * DAY + 10 * MINUTE, NOW + 3 * DAY))
    rows, uptime = history.marts(NOW + 3 * DAY)
    assert len(rows) == 2
    assert uptime["24 h"]["broken_seconds"] == 600.0
    assert uptime["24 h"]["measured_seconds"] == 86_400.0
    assert uptime["7 d"]["broken_seconds"] == 2 * 86_400 + 600.0
    assert uptime["7 d"]["measured_seconds"] == uptime["30 d"]["measured_seconds"] == 3 * 86_400.0
    for name, length in {"24 h": 1, "7 d": 7, "30 d": 30}.items():
        row = uptime[name]
        parts = row["measured_seconds"] + row["unknown_seconds"] + row["unmeasured_seconds"]
        assert parts == length * 86_400


def test_a_frozen_clock_enters_no_time_and_no_row_twice(history: History) -> None:
    history.found("working", NOW, NOW, NOW)
    history.found("broken", NOW)
    rows, uptime = history.marts(NOW)
    assert [(r["status"], r["seconds"]) for r in rows] == [("working", 0.0), ("broken", 0.0)]
    assert uptime["24 h"]["working_share"] is None


def test_a_clock_set_back_counts_no_second_twice(history: History) -> None:
    history.found("working", NOW, NOW + 8 * MINUTE)
    history.found("broken", NOW + 2 * MINUTE, NOW + 6 * MINUTE)
    rows, uptime = history.marts(NOW + 6 * MINUTE)
    assert [(r["status"], r["seconds"]) for r in rows] == [("working", 120.0), ("broken", 240.0)]
    assert uptime["24 h"]["measured_seconds"] == 360.0


def test_entries_are_only_ever_added(history: History) -> None:
    history.found("working", NOW)
    history.found("broken", NOW + MINUTE)
    before = history.ledger.health_changes(ending_after=NOW)
    history.found("working", NOW + 2 * MINUTE)
    after = history.ledger.health_changes(ending_after=NOW)
    assert [(c.change_id, c.status, c.since) for c in after[:2]] == [
        (c.change_id, c.status, c.since) for c in before
    ]
    assert history.ledger.health_since() == {6: NOW + 2 * MINUTE}


def test_the_mirror_keeps_a_quarter_and_what_reaches_into_it(history: History) -> None:
    history.found("working", NOW)
    history.found("broken", *every(10, NOW + 10 * MINUTE, NOW + HOUR))
    old = NOW + 200 * DAY
    history.found("working", old)
    assert [c.status for c in history.ledger.health_changes(ending_after=old - 92 * DAY)] == [
        "broken",
        "working",
    ]


# runs


def failed_run(market: Market, now: datetime, problem: str = "Appwrite cannot be reached.") -> dict[str, Any]:
    """A run whose ingestion fails at an instant; the status.json it leaves."""
    settings = market.settings(now)
    settings.home.create()

    def refuse() -> RunReport:
        raise SourceUnavailable(problem)

    with open_run(settings) as begun:
        conclude(guard(begun, "ingest", refuse))
    return json.loads(settings.home.status.read_text())


def test_a_run_whose_ingestion_failed_judges_health_by_the_clock(tmp_path: Path) -> None:
    market = Market(tmp_path / "home")
    market.booking("a", NOW - MINUTE, source="chatWindow")
    market.scanned()
    market.run()
    assert market.points()[5]["status"] == "working"
    soon = failed_run(market, NOW + 5 * MINUTE)
    assert {p["point"]: p["status"] for p in soon["health"]["points"]}[5] == "working"
    late = failed_run(market, NOW + 11 * MINUTE)
    (point,) = [p for p in late["health"]["points"] if p["point"] == 5]
    assert (point["status"], point["since"]) == ("broken", "2026-03-15T12:11:00Z")
    assert point["component"] == "the scans of bookings, chat_messages, commission_records"
    assert late["health"]["system"] == "down"
    assert late["run"]["outcome"] == "failed"
    failing = {check["check_name"] for check in late["checks"]["failing"]}
    assert "health_point_5_data_flow_to_admin" in failing
    # The next run that succeeds carries it.
    market.scanned(NOW + 15 * MINUTE)
    market.run(NOW + 15 * MINUTE)
    assert [
        (row["status"], row["since"], row["until"])
        for row in market.rows("FROM marts.health_history WHERE point = 5 ORDER BY since")
    ] == [
        ("working", NOW, NOW + 11 * MINUTE),
        ("broken", NOW + 11 * MINUTE, NOW + 15 * MINUTE),
        ("working", NOW + 15 * MINUTE, None),
    ]
    errors = market.rows("SELECT severity, category, operation, reason FROM ops.errors ORDER BY called_at")
    assert (
        errors
        == [
            {
                "severity": "critical",
                "category": "appwrite",
                "operation": "step ingest",
                "reason": "source_unavailable",
            }
        ]
        * 2
    )
    assert market.rows("SELECT count(*) AS n FROM ops.timings") == [{"n": 0}]


def test_the_first_run_of_all_that_fails_shows_seven_unknown_points(tmp_path: Path) -> None:
    status = failed_run(Market(tmp_path / "home"), NOW)
    assert [(p["point"], p["status"], p["since"]) for p in status["health"]["points"]] == [
        (number, "unknown", "2026-03-15T12:00:00Z") for number in HEALTH_POINTS
    ]
    assert all(p["message"].startswith("Not measured: Appwrite") for p in status["health"]["points"])
    assert status["health"]["system"] == "unknown"


def test_a_stopped_run_judges_nothing(tmp_path: Path) -> None:
    market = Market(tmp_path / "home")
    settings = market.settings(NOW)
    settings.home.create()

    def stop() -> RunReport:
        raise KeyboardInterrupt

    with open_run(settings) as begun:
        run = conclude(guard(begun, "ingest", stop))
    assert run.stopped
    ledger = Ledger(settings.home.ledger)
    assert ledger.health_since() == {}
    assert ledger.waiting_errors(datetime(2000, 1, 1)) == []
    assert run.clock.now() == NOW.replace(tzinfo=UTC)
