"""The checklist before the launch: proven, failed or unknown by evidence alone, and never fine without any."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from messages.catalogue import LANGUAGES, say, understood
from messages.message import Message
from pipelines.cli.prelaunch import prelaunch
from pipelines.prelaunch import LINES, Line, LineState, checklist, exit_status, score
from resources import acting, doctor_answers
from resources.errors import DONE, PROBLEMS, BookwatchError
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.alerts import AlertStore, Delivery
from resources.settings import Settings

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
AT = NOW.replace(tzinfo=None) - timedelta(minutes=3)


def settings_of(folder: Path, **more: Any) -> Settings:
    home = Home(folder / "home")
    home.create()
    return Settings(home=home, now=NOW, **more)


def ran(settings: Settings, at: datetime, status: int) -> None:
    ledger = Ledger(settings.home.ledger)
    _, sequence = ledger.start_run(at)
    ledger.finish_run(sequence, at, status, "s", "")


def answers(*rows: Mapping[str, Any], of: str) -> Any:
    """What a snapshot answers to a question of a table; nothing of others."""

    def ask(sql: str) -> Sequence[Mapping[str, Any]]:
        return rows if of in sql else ()

    return ask


def lines(settings: Settings, ask: Any = None) -> dict[str, Line]:
    return {line.line: line for line in checklist(settings, ask)}


def test_where_there_is_no_evidence_nothing_is_fine(tmp_path: Path) -> None:
    found = lines(settings_of(tmp_path))
    assert {name for name, line in found.items() if line.state is LineState.FAILED} == {
        "alerts_delivered",  # no channel is set
        "login_configured",
    }
    assert all(line.state is LineState.UNKNOWN for name, line in found.items() if name not in
               ("alerts_delivered", "login_configured"))  # fmt: skip
    assert score(list(found.values())) == 0
    assert exit_status(list(found.values())) == PROBLEMS


def test_every_line_has_a_name_and_every_evidence_a_sentence_in_each_language(tmp_path: Path) -> None:
    for line in checklist(settings_of(tmp_path), None):
        for language in LANGUAGES:
            assert say(Message(f"prelaunch.is.{line.line}"), language)
            assert understood(line.evidence)
            assert say(line.evidence, language)


def test_points_and_checks_stand_as_the_newest_run_judged_them_for_as_long_as_it_speaks(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path)
    ran(settings, AT, DONE)
    points = [
        {"point": 1, "status": "working"},
        {"point": 2, "status": "broken"},
        {"point": 3, "status": "unknown"},
    ]
    settings.home.published.mkdir(exist_ok=True)
    settings.home.status.write_text(json.dumps({"health": {"points": points}}))
    verdict = {
        "check_name": "zero_missing_commission",
        "severity": "critical",
        "failed_rows": 0,
        "evaluated_at": AT,
    }
    ask = answers({**verdict, "passed": True}, of="check_results")
    found = lines(settings, ask)
    assert [found[f"health_point_{n}"].state for n in (1, 2, 3, 4)] == [
        "proven",
        "failed",
        "unknown",
        "unknown",
    ]
    assert found["runs_end_well"].state is LineState.PROVEN
    assert (found["zero_missing_commission"].state, found["checks_hold"].state) == ("proven", "proven")
    assert found["zero_missing_commission"].at == AT.replace(tzinfo=UTC)
    assert found["every_row_accounted_for"].state is LineState.UNKNOWN
    broken = lines(settings, answers({**verdict, "passed": False, "failed_rows": 2}, of="check_results"))
    assert (broken["zero_missing_commission"].state, broken["checks_hold"].state) == ("failed", "failed")
    # An hour later nobody has looked again.
    late = settings.model_copy(update={"now": NOW + timedelta(hours=1)})
    found = lines(late, ask)
    assert {
        found[name].state for name in ("health_point_1", "health_point_2", "zero_missing_commission")
    } == {"unknown"}


def test_a_run_that_failed_since_is_said(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    ran(settings, AT, DONE)
    ran(settings, AT + timedelta(minutes=1), 11)
    assert lines(settings)["runs_end_well"].state is LineState.FAILED


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    ran(settings, AT, DONE)

    def ask(sql: str) -> Sequence[Mapping[str, Any]]:
        raise BookwatchError("damaged")

    assert lines(settings, ask)["collections_read"].state is LineState.UNKNOWN


def test_alerts_are_proven_by_a_message_that_arrived_at_every_channel(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, alert_urls="json://h/a mailto://u:p@h.id")
    store = AlertStore(settings.home.ledger)
    sent = Delivery(NOW - timedelta(hours=1), "test", 0, "json", True, 1)
    store.record_sent([], [sent])
    assert lines(settings)["alerts_delivered"].state is LineState.UNKNOWN
    store.record_sent([], [replace(sent, channel="mailto")])
    assert lines(settings)["alerts_delivered"].state is LineState.PROVEN
    store.record_sent([], [replace(sent, delivered=False)])
    assert lines(settings)["alerts_delivered"].state is LineState.FAILED


def test_keys_are_proven_by_what_doctor_found_and_the_switch_by_its_use(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, appwrite_api_key=SecretStr("a"), appwrite_write_key=SecretStr("b"))
    found = [("scopes", "ok", "writing"), ("acting key", "ok", ""), ("indexes", "warning", "")]
    doctor_answers.keep(settings.home, found, NOW - timedelta(days=1))
    acting.stop(settings.home, by="Ani", reason="drill", at=NOW)
    acting.resume(settings.home, by="Ani", reason="drill", at=NOW)
    told = lines(settings)
    states = {
        name: told[name].state.value
        for name in ("reading_key_cannot_write", "acting_key_apart", "stop_tried")
    }
    assert set(states.values()) == {"proven"}
    assert told["doctor_finds_nothing"].state is LineState.FAILED
    doctor_answers.keep(settings.home, [("scopes", "warning", "writing")], NOW)
    assert lines(settings)["reading_key_cannot_write"].state is LineState.FAILED
    doctor_answers.keep(settings.home, found, NOW - timedelta(days=9))
    assert lines(settings)["reading_key_cannot_write"].state is LineState.UNKNOWN


def test_the_score_is_whole_only_where_everything_is_proven() -> None:
    proven = [Line(name, LineState.PROVEN, Message("prelaunch.stop_tried"), NOW) for name in LINES]
    assert (score(proven), exit_status(proven)) == (100, DONE)
    proven[0] = replace(proven[0], state=LineState.UNKNOWN)
    assert score(proven) < 100
    assert exit_status(proven) == PROBLEMS


def test_the_command_prints_what_is_published(
    published_home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    run = Ledger(published_home.ledger).newest_runs(1)[0]
    assert run.finished_at is not None
    monkeypatch.setenv("BOOKWATCH_NOW", (run.finished_at + timedelta(minutes=1)).isoformat() + "Z")
    assert prelaunch(json=True) == PROBLEMS
    told = json.loads(capsys.readouterr().out)
    assert [line["line"] for line in told["lines"]] == list(LINES)
    assert {*told["lines"][0]} == {"line", "state", "evidence", "at"}
    states = {line["line"]: line["state"] for line in told["lines"]}
    assert (
        states["runs_end_well"] == states["collections_read"] == states["every_row_accounted_for"] == "proven"
    )
    assert states["backup_verified"] == "unknown"
    assert told["score"] == 100 * sum(state == "proven" for state in states.values()) // len(states)
    assert prelaunch() == PROBLEMS
    assert "proven: Runs end well" in capsys.readouterr().out
