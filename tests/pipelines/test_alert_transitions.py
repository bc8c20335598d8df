"""Alerts: one message when a check turns, one when it turns back, none in between, and none lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.alerting.deliver import alert
from pipelines.alerting.message import compose
from pipelines.alerting.transitions import transitions
from resources.clock import Clock
from resources.home import Home
from resources.ledger import Ledger
from resources.notifier import Notifier
from resources.run_context import CheckOutcome, RunContext
from resources.settings import Settings

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


class RecordingNotifier(Notifier):
    """Keeps what it was asked to send; refuses while ``broken``."""

    def __init__(self, urls: tuple[str, ...] = ("json://127.0.0.1",)) -> None:
        super().__init__(urls)
        object.__setattr__(self, "sent", [])
        object.__setattr__(self, "broken", False)

    def send(self, title: str, body: str) -> bool:
        if self.broken:
            return False
        self.sent.append((title, body))
        return True


def check(name: str, passed: bool, **more: object) -> CheckOutcome:
    return CheckOutcome(check_name=name, asset="marts/x", passed=passed, severity="critical", **more)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Home(tmp_path).create().ledger)


def run_with(tmp_path: Path, *checks: CheckOutcome, minutes: int = 0) -> RunContext:
    now = NOW + timedelta(minutes=minutes)
    settings = Settings(bookwatch_home=tmp_path, bookwatch_now=now)
    assert settings.clock == Clock(now)
    run = RunContext(settings=settings, run_id="r", sequence=1, started_at=now)
    run.checks = list(checks)
    return run


def test_a_failing_check_is_told_once_and_its_return_once(tmp_path: Path, ledger: Ledger) -> None:
    notifier = RecordingNotifier()
    for minute, passed in enumerate([True, False, False, False, True, True]):
        alert(run_with(tmp_path, check("zero_missing", passed), minutes=minute), ledger, notifier)
    titles = [title for title, _ in notifier.sent]
    assert titles == ["bookwatch: 1 check failing", "bookwatch: 1 resolved"]


def test_a_check_that_fails_at_first_sight_is_told(tmp_path: Path, ledger: Ledger) -> None:
    notifier = RecordingNotifier()
    alert(run_with(tmp_path, check("a", False), check("b", True)), ledger, notifier)
    assert len(notifier.sent) == 1
    assert "a (critical)" in notifier.sent[0][1]
    assert "b (critical)" not in notifier.sent[0][1]


def test_many_checks_that_turn_at_once_are_one_message(tmp_path: Path, ledger: Ledger) -> None:
    notifier = RecordingNotifier()
    alert(run_with(tmp_path, *(check(f"c{i}", False) for i in range(50))), ledger, notifier)
    assert [title for title, _ in notifier.sent] == ["bookwatch: 50 checks failing"]


def test_a_message_that_was_not_delivered_is_sent_again(tmp_path: Path, ledger: Ledger) -> None:
    notifier = RecordingNotifier()
    object.__setattr__(notifier, "broken", True)
    alert(run_with(tmp_path, check("a", False)), ledger, notifier)
    assert not ledger.alert_states()["marts/x:a"].announced
    object.__setattr__(notifier, "broken", False)
    alert(run_with(tmp_path, check("a", False), minutes=1), ledger, notifier)
    assert len(notifier.sent) == 1
    assert "since 2026-11-22 04:00" in notifier.sent[0][1]
    assert ledger.alert_states()["marts/x:a"].announced


def test_a_failure_nobody_was_told_of_is_not_resolved_aloud(tmp_path: Path, ledger: Ledger) -> None:
    notifier = RecordingNotifier()
    object.__setattr__(notifier, "broken", True)
    alert(run_with(tmp_path, check("a", False)), ledger, notifier)
    object.__setattr__(notifier, "broken", False)
    alert(run_with(tmp_path, check("a", True), minutes=1), ledger, notifier)
    assert notifier.sent == []
    alert(run_with(tmp_path, check("a", False), minutes=2), ledger, notifier)
    assert len(notifier.sent) == 1


def test_an_undelivered_resolve_is_sent_again(tmp_path: Path, ledger: Ledger) -> None:
    notifier = RecordingNotifier()
    alert(run_with(tmp_path, check("a", False)), ledger, notifier)
    object.__setattr__(notifier, "broken", True)
    alert(run_with(tmp_path, check("a", True), minutes=1), ledger, notifier)
    object.__setattr__(notifier, "broken", False)
    alert(run_with(tmp_path, check("a", True), minutes=2), ledger, notifier)
    assert [title for title, _ in notifier.sent] == ["bookwatch: 1 check failing", "bookwatch: 1 resolved"]


def test_without_a_channel_the_past_does_not_flood_one_added_later(tmp_path: Path, ledger: Ledger) -> None:
    alert(run_with(tmp_path, check("a", False)), ledger, Notifier(()))
    later = RecordingNotifier()
    alert(run_with(tmp_path, check("a", False), minutes=1), ledger, later)
    assert later.sent == []


def test_a_check_that_was_not_evaluated_is_not_resolved() -> None:
    ledger_state = {t.state.name: t.state for t in transitions({}, [check("a", False)], now=NOW)}
    assert transitions(ledger_state, [], now=NOW) == []


def test_the_message_shows_count_ids_and_what_to_do() -> None:
    failing = check(
        "a", False, failed_rows=7, sample_ids=tuple("bcdefgh"), detail="7 missing.", what_to_do="Look."
    )
    _, body = compose(transitions({}, [failing], now=NOW))
    assert "7 rows" in body
    assert "ids: b, c, d, e, f and 2 more" in body
    assert "Look." in body
