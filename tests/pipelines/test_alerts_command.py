"""`bookwatch alerts` as people and programs use it, and what `bookwatch status` says of alerts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.alerting.engine import EngineState
from pipelines.alerting.turn import for_status
from pipelines.cli import main
from resources.home import Home
from resources.ledger.alerts import Alert, AlertStore
from resources.status_file import write_status
from tests.resources.receiver import Receiver

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
FIRING = Alert(
    "no_missing",
    (("asset", "marts/commission_findings"),),
    "firing",
    "critical",
    "A booking that earns has no commission",
    NOW - timedelta(minutes=12),
    NOW,
    figure=7.0,
    limit=0.0,
    unit="rows",
    page="/revenue",
    fired_at=NOW,
)
OVER = Alert("run_died", (), "resolved", "critical", "A run died", NOW, NOW, page="/alerts", resolved_at=NOW)

Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BOOKWATCH_NOW", "2026-11-22T04:00:00Z")
    monkeypatch.delenv("BOOKWATCH_ALERT_URLS", raising=False)
    monkeypatch.setattr("pipelines.cli.alert_silences.os.umask", lambda _: 0)
    return Home(tmp_path / "home")


@pytest.fixture
def filled(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    home.root.mkdir()
    home.published.mkdir()
    AlertStore(home.ledger).save([FIRING, OVER], [], now=NOW)
    return home


@pytest.fixture
def bookwatch(capsys: pytest.CaptureFixture[str]) -> Told:
    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def silence(bookwatch: Told, *more: str, matcher: str = "no_*") -> tuple[int, str, str]:
    return bookwatch(
        "alerts", "silence", matcher, "--for", "2h", "--by", "Ayu", "--reason", "moving the server", *more
    )


def test_what_fires_is_listed_with_its_figure_its_limit_and_its_page(filled: Home, bookwatch: Told) -> None:
    status, out, _ = bookwatch("alerts", "list")
    assert status == 0
    assert out.splitlines() == [
        "firing · critical · no_missing{asset=marts/commission_findings}: A booking that earns has no commission",
        "  7, limit 0 · since 2026-11-22 03:48 UTC (12 min) · page /revenue",
        "  nobody was told yet",
    ]
    _, out, _ = bookwatch("alerts", "list", "--all")
    assert "resolved · critical · run_died: A run died" in out


def test_the_list_is_json_for_programs(filled: Home, bookwatch: Told) -> None:
    silence(bookwatch)
    content: dict[str, Any] = json.loads(bookwatch("alerts", "list", "--json")[1])
    (alert,) = content["alerts"]
    assert alert["alert_id"] == "no_missing{asset=marts/commission_findings}"
    assert (alert["figure"], alert["limit_value"], alert["active_since"]) == (
        7.0,
        0.0,
        "2026-11-22T03:48:00Z",
    )
    (held,) = content["silences"]
    assert (held["author"], held["ends_at"], held["active"]) == ("Ayu", "2026-11-22T06:00:00Z", True)


def test_a_silence_is_entered_listed_and_ended(filled: Home, bookwatch: Told) -> None:
    status, out, _ = silence(bookwatch)
    assert (status, out) == (0, "silence 1: no_* until 2026-11-22 06:00 UTC, by Ayu: moving the server\n")
    assert out in bookwatch("alerts", "list")[1]
    status, out, _ = bookwatch("alerts", "end-silence", "1", "--by", "Made", "--json")
    assert status == 0
    assert (json.loads(out)["ended_by"], json.loads(out)["active"]) == ("Made", False)
    status, _, err = bookwatch("alerts", "end-silence", "1", "--by", "Made")
    assert (status, "is over already" in err) == (2, True)
    assert "silence 1" not in bookwatch("alerts", "list")[1]
    assert "ended 2026-11-22 04:00 UTC by Made" in bookwatch("alerts", "list", "--all")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("silence", "", "--for", "2h", "--by", "Ayu", "--reason", "r"), "matcher is empty"),
        (("silence", "x", "--for", "soon", "--by", "Ayu", "--reason", "r"), "'soon' is not a time"),
        (
            ("silence", "x", "--for", "90d", "--by", "Ayu", "--reason", "r"),
            "not between a second and 30 days",
        ),
        (("silence", "x", "--for", "2h", "--by", " ", "--reason", "r"), "--by is empty"),
        (("silence", "x", "--for", "2h", "--by", "Ayu", "--reason", " "), "--reason is empty"),
        (("silence", "x", "--for", "2h", "--by", "Ayu"), "--reason"),
        (("end-silence", "7", "--by", "Made"), "There is no silence '7'"),
        (("test",), "No channel is set."),
        (("test", "--severity", "urgent"), "'urgent' is no severity"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    filled: Home, bookwatch: Told, words: tuple[str, ...], sentence: str
) -> None:
    status, out, err = bookwatch("alerts", *words)
    assert (status, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_before_the_first_run_it_says_so(home: Home, bookwatch: Told) -> None:
    for words in (("list",), ("silence", "x", "--for", "2h", "--by", "Ayu", "--reason", "r")):
        status, _, err = bookwatch("alerts", *words)
        assert status == 1
        assert "bookwatch run" in err
    assert bookwatch("alerts", "end-silence", "1", "--by", "Ayu")[0] == 2
    assert not home.root.exists()


def test_an_unreadable_ledger_is_one_sentence(filled: Home, bookwatch: Told) -> None:
    for path in filled.root.glob("ledger.sqlite*"):
        path.unlink()
    filled.ledger.write_bytes(b"no database" * 1_000)
    for words in (("list",), ("end-silence", "1", "--by", "Ayu")):
        status, _, err = bookwatch("alerts", *words)
        assert (status, "could not be read or written" in err) == (1, True)


def test_a_test_message_reaches_every_channel_and_says_which_failed(
    filled: Home, bookwatch: Told, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.notifier.RETRIES", 0)
    monkeypatch.setenv(
        "BOOKWATCH_ALERT_URLS",
        f"json://{receiver.address}/a critical=json://127.0.0.1:1/secret-token low=nonsense-secret-token",
    )
    status, out, err = bookwatch("alerts", "test")
    assert status == 1
    assert out.splitlines() == [
        "1. json (all severities): delivered",
        "2. json (critical): not delivered (1 tries)",
        "3. ? (low): not an address Apprise can use",
    ]
    assert receiver.titles == ["bookwatch: test"]
    assert "secret-token" not in out + err
    kept = [d for _, d in AlertStore(filled.ledger).deliveries()]
    assert [(d.kind, d.channel, d.delivered) for d in kept] == [
        ("test", "json", True),
        ("test", "json", False),
        ("test", "?", False),
    ]
    monkeypatch.setenv("BOOKWATCH_ALERT_URLS", f"json://{receiver.address}/a low=nonsense")
    status, out, _ = bookwatch("alerts", "test", "--severity", "high", "--json")
    assert status == 0
    (told,) = json.loads(out)
    assert (told["delivered"], told["shortened"]) == (True, False)
    assert told["letters"] == len(receiver.taken[1]["message"]) > 32_000
    monkeypatch.setattr("resources.notifier.RETRIES", 1)
    receiver.answers = [413]
    assert "delivered, but only 16," in bookwatch("alerts", "test")[1]


def test_a_wrong_route_is_a_wrong_setting_without_its_value(
    filled: Home, bookwatch: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_ALERT_URLS", "urgent=json://secret-token")
    status, _, err = bookwatch("alerts", "test")
    assert status == 2
    assert "BOOKWATCH_ALERT_URLS" in err
    assert "secret-token" not in err


@pytest.mark.parametrize(
    ("finished", "health", "point"),
    [
        ("2026-11-22T03:50:00Z", "Health healthy", "● working  1 user-to-member connection: Bookings arrive"),
        (
            "2026-11-22T03:49:59Z",
            "Health unknown: last judged 10 min ago, healthy then. Run `bookwatch run`.",
            "○ unknown  1 user-to-member connection: (working then) Bookings arrive",
        ),
    ],
)
def test_status_shows_no_verdict_as_todays_that_is_older_than_it_speaks_for(
    filled: Home, bookwatch: Told, finished: str, health: str, point: str
) -> None:
    working = {
        "point": 1,
        "name": "user-to-member connection",
        "status": "working",
        "message": "Bookings arrive",
    }
    content: dict[str, Any] = {
        "run": {"outcome": "published", "finished_at": finished, "message": ""},
        "run_id": "r",
        "snapshot": None,
        "freshness": {"newest_booking_at": None, "collections": []},
        "health": {"system": "healthy", "points": [working]},
        "commission": {
            "state": "warning", "eligible": 9, "missing": 1, "awaiting": 0, "unknown": 1, "expected_idr": 675_000,
            "actual_idr": 690_000, "variance_idr": -75_000, "unknown_rows": 1, "unknown_expected_idr": 0,
            "unknown_actual_idr": 90_000,
        },
        "quarantine": {"count": 0, "oldest_first_seen_at": None, "reasons": {}},
        "checks": {"passed": 1, "failed": 0, "failing": []},
        "alerts": [],
    }  # fmt: skip
    write_status(filled, content)
    said = bookwatch("status")[1]
    lines = [line.strip() for line in said.splitlines()]
    assert health in lines
    assert point in lines
    difference = "Difference -Rp 75.000; not in it: 1 row of which one side is unknown (Rp 90.000 recorded)"
    assert difference in " ".join(said.split())


def test_a_damaged_status_is_one_sentence(filled: Home, bookwatch: Told) -> None:
    filled.status.write_text("{half")
    status, out, err = bookwatch("status")
    assert (status, out) == (1, "")
    assert "status.json is damaged" in " ".join(err.split())


def test_status_says_what_is_open_why_it_is_quiet_and_who_wanted_it(filled: Home, bookwatch: Told) -> None:
    silence(bookwatch)
    alerts, silences, _ = AlertStore(filled.ledger).load()
    state = EngineState({a.alert_id: a for a in alerts}, tuple(silences))
    base: dict[str, Any] = {
        "run": {"outcome": "published", "finished_at": "2026-11-22T04:00:00Z", "message": ""},
        "run_id": "r",
        "snapshot": None,
        "freshness": {"newest_booking_at": None, "collections": []},
        "health": {"system": "unknown", "points": []},
        "commission": None,
        "quarantine": {"count": 0, "oldest_first_seen_at": None, "reasons": {}},
        "checks": {"passed": 1, "failed": 0, "failing": []},
    }
    write_status(filled, {**base, **for_status(state, NOW)})
    lines = [line.strip() for line in bookwatch("status")[1].splitlines()]
    text = " ".join(lines)
    assert (
        "Alert critical: no_missing{asset=marts/commission_findings} since 12 min ago, nobody was told"
        in text
    )
    assert "Silence no_* until 2026-11-22T06:00:00Z, by Ayu" in text
    # A status written before the engine there is now: three keys an alert.
    old = {"name": "marts/x:check", "since": "2026-11-22T03:00:00Z", "announced": True}
    write_status(filled, {**base, "alerts": [old]})
    assert "Alert marts/x:check since 60 min ago" in bookwatch("status")[1]
