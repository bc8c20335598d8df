"""The alert tables of the ledger: stored and read back, taken over from the first form, mirrored into ops."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from assets.ops import create_ops, mirror_alerts
from messages.message import Message
from resources.ledger import Ledger
from resources.ledger.alerts import EVERY_CHANNEL, Alert, AlertStore, Delivery, Silence

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)

ALERT = Alert(
    name="no_missing",
    labels=(("asset", "marts/commission_findings"),),
    state="firing",
    severity="critical",
    summary="Bookings without a commission",
    active_since=NOW - timedelta(minutes=5),
    last_active_at=NOW,
    quiet_since=NOW,
    detail="ids: b1",
    figure=3.0,
    limit=0.0,
    unit="rows",
    page="/revenue",
    fired_at=NOW - timedelta(minutes=4),
    silenced_by="1",
    inhibited_by="ingestion_stale",
    told={"abc": NOW},
    last_sent_at=NOW,
)


@pytest.fixture
def store(tmp_path: Path) -> AlertStore:
    return AlertStore(tmp_path / "ledger.sqlite")


def test_an_alert_comes_back_as_it_was_stored(store: AlertStore) -> None:
    assert store.load() == ([], [], False)
    store.save([ALERT], [], now=NOW)
    assert store.load() == ([ALERT], [], True)
    store.save([], [ALERT.alert_id], now=NOW)
    assert store.load() == ([], [], True)


SAID = replace(
    ALERT,
    summary="A commission is missing 3 minutes after its acceptance.",
    said=Message("rule.missing", {"grace_minutes": "3"}),
    more=(
        Message("alert.ids", {"ids": ["b1"]}),
        Message("failure.step", {"step": "x", "problem": Message("failure.disk_full")}),
    ),
)


def test_what_an_alert_says_is_kept_as_code_and_arguments_beside_the_words(
    store: AlertStore, tmp_path: Path
) -> None:
    store.save([SAID], [], now=NOW)
    assert store.load()[0] == [SAID]
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        create_ops(con)
        mirror_alerts(con, store)
        shown = con.execute("SELECT summary, code, args, more FROM ops.alerts").fetchall()
    assert shown == [
        (
            SAID.summary,
            "rule.missing",
            '{"grace_minutes":"3"}',
            (
                '[{"code":"alert.ids","args":{"ids":["b1"]}},{"code":"failure.step","args":{"step":"x","problem":'
                '{"code":"failure.disk_full","args":{}}}}]'
            ),
        )
    ]
    store.save([], [SAID.alert_id], now=NOW)
    with store.reading() as db:
        assert db.execute("SELECT * FROM alert_messages").fetchall() == []


def test_words_that_a_version_without_codes_wrote_since_are_not_said_by_the_codes_of_before(
    store: AlertStore,
) -> None:
    store.save([SAID], [], now=NOW)
    with store.writing() as db:
        db.execute("UPDATE alerts SET summary = 'Something else'")
    (alert,) = store.alerts()
    assert (alert.summary, alert.said, alert.more) == ("Something else", None, ())


def test_a_silence_stands_until_it_is_ended_and_stays_in_the_record(store: AlertStore) -> None:
    silence = store.silence(
        "no_*", author="Ayu", reason="migration", created_at=NOW, ends_at=NOW + timedelta(hours=2)
    )
    assert store.load()[1] == [silence] == [Silence("1", "no_*", "Ayu", "migration", NOW, silence.ends_at)]
    assert silence.holds(NOW)
    assert not silence.holds(silence.ends_at)
    assert store.end_silence("1", by="Made", at=NOW + timedelta(minutes=1)) == silence
    assert store.load()[1] == []
    (ended,) = store.silences()
    assert (ended.ended_at, ended.ended_by) == (NOW + timedelta(minutes=1), "Made")
    assert store.end_silence("1", by="Wayan", at=NOW + timedelta(minutes=2)) == ended
    assert store.silences() == [ended]
    assert store.end_silence("7", by="Made", at=NOW) is None


def old_ledger(path: Path, rows: list[tuple[str, int, str, int]]) -> None:
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE alert_state (name TEXT PRIMARY KEY, firing INTEGER NOT NULL, since TEXT NOT NULL,"
            " announced INTEGER NOT NULL DEFAULT 0)"
        )
        db.executemany("INSERT INTO alert_state VALUES (?, ?, ?, ?)", rows)


def test_a_ledger_of_the_first_form_is_taken_over_once(tmp_path: Path) -> None:
    since = NOW.isoformat()
    old_ledger(
        tmp_path / "ledger.sqlite",
        [
            ("marts/x:told", 1, since, 1),
            ("marts/x:untold", 1, since, 0),
            ("marts/x:holds", 0, since, 1),
            ("marts/x:end_untold", 0, since, 0),
        ],
    )
    store = AlertStore(tmp_path / "ledger.sqlite")
    alerts, _, begun = store.load()
    assert {(a.alert_id, a.state, tuple(a.told)) for a in alerts} == {
        ("told{asset=marts/x}", "firing", (EVERY_CHANNEL,)),
        ("untold{asset=marts/x}", "firing", ()),
        ("end_untold{asset=marts/x}", "resolved", (EVERY_CHANNEL,)),
    }
    assert begun
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alert_state'").fetchall() == []
    assert store.load() == (alerts, [], True)


def test_an_empty_ledger_of_the_first_form_has_no_history(tmp_path: Path) -> None:
    old_ledger(tmp_path / "ledger.sqlite", [])
    assert AlertStore(tmp_path / "ledger.sqlite").load() == ([], [], False)


def test_a_dead_run_is_marked_with_the_alert_that_tells_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    _, finished = ledger.start_run(NOW)
    ledger.finish_run(finished, NOW, 0, None, "")
    died_id, died = ledger.start_run(NOW)
    _, mine = ledger.start_run(NOW)
    assert ledger.dead_runs(before=mine) == [(died, died_id)]
    assert ledger.run_ended(died_id) == (died, False)
    AlertStore(ledger.path).save([ALERT], [], now=NOW, died=[died])
    assert ledger.dead_runs(before=mine) == []
    assert ledger.run_ended(died_id) == (died, True)


def test_ops_shows_what_the_ledger_knows(tmp_path: Path, store: AlertStore) -> None:
    store.save([ALERT], [], now=NOW)
    store.silence("no_*", author="Ayu", reason="r", created_at=NOW, ends_at=NOW + timedelta(hours=2))
    store.record_sent([], [Delivery(NOW, "firing", 3, "json", delivered=True, attempts=2)])
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        create_ops(con)
        for _ in range(2):
            mirror_alerts(con, store)
        alerts = con.execute("SELECT * EXCLUDE (detail, code, args, more) FROM ops.alerts").fetchall()
        silences = con.execute(
            "SELECT silence_id, matcher, author, ends_at FROM ops.alert_silences"
        ).fetchall()
        deliveries = con.execute(
            'SELECT "at", kind, alerts, channel, delivered, attempts FROM ops.alert_deliveries'
        )
        naive = NOW.replace(tzinfo=None)
        assert alerts == [
            (
                "no_missing{asset=marts/commission_findings}",
                "no_missing",
                '{"asset":"marts/commission_findings"}',
                "firing",
                "critical",
                "Bookings without a commission",
                3.0,
                0.0,
                "/revenue",
                naive - timedelta(minutes=5),
                naive - timedelta(minutes=4),
                naive,
                None,
                "1",
                "ingestion_stale",
                "rows",
            )
        ]
        assert silences == [("1", "no_*", "Ayu", naive + timedelta(hours=2))]
        assert deliveries.fetchall() == [(naive, "firing", 3, "json", True, 2)]
