"""The edge: real ledger, real receiver on loopback; crashes, refusals, a lost ledger, runs that died, the heartbeat."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.every import all_checks
from checks.verdicts import outcome_of
from pipelines.alerting import turn as edge
from pipelines.alerting.engine import Observation
from pipelines.alerting.turn import alert_turn
from pipelines.run import open_run, report
from resources.errors import BookwatchError, SourceUnavailable
from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.alerts import AlertStore
from resources.notifier import Notifier
from resources.run_report import CheckOutcome, Published, RunOrder, RunReport
from resources.settings import Settings
from tests.marts.warehouse import Warehouse
from tests.resources.receiver import Receiver

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits between tries are test_notifier.py's."""
    monkeypatch.setattr(edge, "Notifier", lambda: Notifier(sleep=lambda _: None))


class Place:
    """A home, a clock and where alerts go."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.home = Home(folder / "home").create()
        self.urls: tuple[str, ...] = (f"json://{receiver.address}/alerts",)
        self.heartbeat = ""
        self.now = NOW
        self.said: list[str] = []

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home.root,
            now=self.now,
            alert_urls=self.urls,
            heartbeat_url=self.heartbeat,
        )

    def turn(self, *seen: Observation, minutes: float = 1) -> None:
        self.now += timedelta(minutes=minutes)
        with alert_turn(self.settings, lambda known: seen, say=self.said.append) as turn:
            turn.send()

    def run(
        self,
        *checks: CheckOutcome,
        minutes: float = 1,
        change: Callable[[RunReport], RunReport] = lambda found: found,
    ) -> RunReport:
        """A run whose steps found ``checks``; as ``change`` leaves it."""
        self.now += timedelta(minutes=minutes)
        with open_run(self.settings, RunOrder(say=self.said.append)) as begun:
            return report(change(replace(begun, checks=checks, published=Published("s"))))

    def status(self) -> dict[str, Any]:
        return json.loads(self.home.status.read_text())

    def open_alerts(self) -> dict[str, dict[str, Any]]:
        return {alert["alert_id"]: alert for alert in self.status()["alerts"]}

    def stored(self) -> dict[str, Any]:
        return {alert.alert_id: alert for alert in AlertStore(self.home.ledger).load()[0]}

    def deliveries(self) -> list[tuple[str, int, str, bool, int]]:
        kept = AlertStore(self.home.ledger).deliveries()
        return [(d.kind, d.alerts, d.channel, d.delivered, d.attempts) for _, d in kept]


@pytest.fixture
def place(tmp_path: Path, receiver: Receiver) -> Place:
    return Place(tmp_path, receiver)


def bad(name: str, severity: str = "critical") -> Observation:
    return Observation(name, True, severity, f"{name} is bad", page="/revenue")


def good(name: str) -> Observation:
    return Observation(name, False)


def check(passed: bool, name: str = "no_missing") -> CheckOutcome:
    rows = 0 if passed else 7
    return CheckOutcome(name, "marts/commission_findings", passed, "critical", failed_rows=rows)


NO_MISSING = "no_missing{asset=marts/commission_findings}"


def test_a_run_tells_its_alerts_and_shows_them_in_its_status(place: Place, receiver: Receiver) -> None:
    place.run(check(False))
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]
    shown = place.open_alerts()[NO_MISSING]
    assert (shown["state"], shown["severity"], shown["figure"], shown["limit_value"]) == (
        "firing",
        "critical",
        7.0,
        0.0,
    )
    assert (shown["since"], shown["last_sent_at"], shown["announced"]) == (
        "2026-11-22T04:01:00Z",
        "2026-11-22T04:01:00Z",
        True,
    )
    place.run(check(False))
    assert len(receiver.taken) == 1
    place.run(check(True))
    assert receiver.titles[1:] == ["bookwatch: 1 resolved"]
    assert place.open_alerts() == {}
    assert place.deliveries() == [("firing", 1, "json", True, 1), ("resolved", 1, "json", True, 1)]


def test_a_storm_of_a_thousand_failing_checks_is_one_message(place: Place, receiver: Receiver) -> None:
    place.turn()
    place.turn(*(bad(f"no_{n}") for n in range(1_000)))
    assert receiver.titles == ["bookwatch: 1,000 firing (1,000 critical)"]
    assert len(receiver.taken[0]["message"].splitlines()) < 45
    place.turn(*(good(f"no_{n}") for n in range(1_000)))
    assert receiver.titles[1:] == ["bookwatch: 1,000 resolved"]


def test_money_comes_first_among_equals_and_the_link_is_the_dashboards(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_DASHBOARDS", "https://bookwatch.example/")
    money = Observation("no_missing", True, "high", "money is missing", page="/revenue")
    other = Observation("a_thing", True, "high", "a thing is broken", page="/overview")
    place.turn(other, money, bad("z_critical"))
    lines = receiver.taken[0]["message"].splitlines()
    assert [line.split()[1] for line in lines if line.startswith("[")] == [
        "z_critical:",
        "no_missing:",
        "a_thing:",
    ]
    assert lines[-1] == "`bookwatch alerts list` and https://bookwatch.example/alerts show all."


def test_an_alert_is_evaluated_when_ingestion_failed_and_nothing_was_published(
    place: Place, receiver: Receiver
) -> None:
    away = SourceUnavailable("Appwrite does not answer.")
    place.run(check(False))
    for _ in range(3):
        place.run(change=lambda run: run.fail(away))
    assert [line for line in receiver.taken[1]["message"].splitlines() if "[critical]" in line] == [
        "[critical] source_unavailable: Appwrite cannot be read"
    ]
    assert set(place.open_alerts()) == {NO_MISSING, "source_unavailable"}
    assert place.status()["run"]["outcome"] == "failed"
    assert place.open_alerts()[NO_MISSING]["inhibited_by"] == "source_unavailable"
    assert len(receiver.taken) == 2


def test_a_failed_run_is_told_at_once(place: Place, receiver: Receiver) -> None:
    place.run(change=lambda run: run.fail(BookwatchError("The disk is full.")))
    assert "run_failed: A run failed and published nothing" in receiver.taken[0]["message"]
    assert "The disk is full." in receiver.taken[0]["message"]


def test_a_run_that_a_person_stopped_tells_nothing(place: Place, receiver: Receiver) -> None:
    def stop(run: RunReport) -> RunReport:
        return run.fail(BookwatchError("The run was stopped before it published."), stopped=True)

    place.heartbeat = f"http://{receiver.address}/beat"
    place.run(check(False), change=stop)
    assert receiver.asked == []
    assert place.stored() == {}


def test_a_message_that_is_refused_is_tried_again_then_and_at_the_next_turn(
    place: Place, receiver: Receiver
) -> None:
    receiver.status = 500
    place.turn(bad("no_x"))
    assert len(receiver.asked) == 4
    assert not place.stored()["no_x"].told
    assert "could not be delivered to a channel of the kind json (4 tries)" in place.said[0]
    assert "127.0.0.1" not in " ".join(place.said)
    receiver.status = 200
    place.turn()
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]
    assert place.deliveries() == [("firing", 1, "json", False, 4), ("firing", 1, "json", True, 1)]


def test_each_channel_is_remembered_for_itself(place: Place, receiver: Receiver) -> None:
    with Receiver() as urgent:
        urgent.status = 503
        place.urls = (*place.urls, f"critical=json://{urgent.address}/urgent")
        place.turn(bad("no_x"), bad("no_y", "low"))
        urgent.status = 200
        place.turn(bad("no_x"), bad("no_y", "low"))
        assert receiver.titles == ["bookwatch: 2 firing (1 critical, 1 low)"]
        assert urgent.titles == ["bookwatch: 1 firing (1 critical)"]


def test_an_address_apprise_cannot_use_is_said_without_repeating_it(place: Place) -> None:
    place.urls = ("nonsense-secret-token",)
    place.turn(bad("no_x"))
    assert "is none that Apprise can use" in place.said[0]
    assert "secret" not in place.said[0]


def test_a_crash_between_send_and_record_sends_again(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(AlertStore, "record_sent", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            place.turn(bad("no_x"))
    assert len(receiver.taken) == 1
    place.turn()
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"] * 2
    place.turn(bad("no_x"))
    assert len(receiver.taken) == 2


def test_after_a_crash_between_send_and_record_the_end_is_told_all_the_same(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(AlertStore, "record_sent", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            place.turn(bad("no_x"))
    place.turn(good("no_x"))
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)", "bookwatch: 1 resolved"]


def test_a_crash_before_the_send_sends_at_the_next_turn(place: Place, receiver: Receiver) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        alert_turn(place.settings, lambda known: [bad("no_x")], say=place.said.append),
    ):
        raise KeyboardInterrupt
    assert receiver.taken == []
    place.turn()
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]


def test_an_unreadable_ledger_is_told_with_all_that_is_wrong_once_and_its_end_too(
    place: Place, receiver: Receiver
) -> None:
    place.run(check(False))
    good_bytes = place.home.ledger.read_bytes()
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (place.home.root / name).unlink(missing_ok=True)
    place.home.ledger.write_bytes(b"this is no database, whatever it was before" * 100)
    run = place.run(check(False))
    assert run.exit_status == 1
    assert run.failure is not None
    assert "ledger.sqlite cannot be read" in run.failure.problem
    message = receiver.taken[1]["message"]
    for name in ("ledger_unreadable", "no_missing", "run_failed"):
        assert f"[critical] {name}: " in message
    assert "What was told before could not be read" in message
    assert set(place.open_alerts()) == {"ledger_unreadable", "run_failed", NO_MISSING}
    place.run(check(False))
    assert len(receiver.taken) == 2, "told at every turn"
    place.run(check(False), check(False, "no_orphan"))
    assert receiver.titles[2:] == ["bookwatch: 1 firing (1 high)"]
    place.home.ledger.write_bytes(good_bytes)
    place.run(check(False), check(True, "no_orphan"), minutes=5)
    assert receiver.titles[3:] == ["bookwatch: 3 resolved"]
    assert set(place.open_alerts()) == {NO_MISSING}
    place.run(check(True))
    assert receiver.titles[4:] == ["bookwatch: 1 resolved"]


def test_a_ledger_that_can_be_read_but_not_written_is_told_once_too(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run(check(False))
    monkeypatch.setattr("resources.ledger.connection.PATIENCE_S", 0.0)
    holder = sqlite3.connect(place.home.ledger, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        place.run(check(False))
    assert len(receiver.taken) == 2, "told at every turn"
    assert "[critical] ledger_unreadable: " in receiver.taken[1]["message"]
    holder.execute("ROLLBACK")
    holder.close()
    place.run(check(True), minutes=5)
    assert receiver.titles[2:] == ["bookwatch: 3 resolved"]


def test_a_ledger_of_a_newer_version_fails_the_run_in_one_sentence_and_is_told(
    place: Place, receiver: Receiver
) -> None:
    place.run()
    with sqlite3.connect(place.home.ledger) as db:
        db.execute("PRAGMA user_version = 1000")
    run = place.run(check(False))
    assert run.exit_status == 1
    assert run.failure is not None
    assert run.failure.problem.startswith("ledger.sqlite was written by a newer bookwatch")
    assert "Run the newer version here" in run.failure.next_step
    assert place.status()["run"]["message"] == str(run.failure)
    assert "[critical] ledger_unreadable: " in receiver.taken[-1]["message"]


def test_a_ledger_that_cannot_be_written_keeps_nothing_from_being_told(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(AlertStore, "save", full)
    monkeypatch.setattr(AlertStore, "record_sent", full)
    place.turn(bad("no_x"))
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]
    assert len(place.said) == 2


def test_a_status_that_cannot_be_written_keeps_nobody_from_being_told(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("pipelines.run.write_status", full)
        with pytest.raises(OSError, match="No space left"):
            place.run(check(False))
    assert len(receiver.taken) == 1
    with sqlite3.connect(place.home.ledger) as db:
        assert db.execute("SELECT count(*) FROM runs WHERE exit_status = 10").fetchone() == (1,)


def test_a_run_that_died_is_told_by_the_next_before_its_work_and_once(
    place: Place, receiver: Receiver
) -> None:
    place.run()
    run_id, _ = Ledger(place.home.ledger).start_run(place.now)
    place.now += timedelta(minutes=1)
    with open_run(place.settings, RunOrder(say=place.said.append)) as run:
        assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]
        assert f"run {run_id}" in receiver.taken[0]["message"]
        assert "run_died" in place.open_alerts()
        report(run)
    for _ in range(9):
        place.run()
    assert len(receiver.taken) == 1
    place.run()
    assert receiver.titles[1:] == ["bookwatch: 1 resolved"]


def test_runs_that_die_one_after_another_are_one_alert(place: Place, receiver: Receiver) -> None:
    place.run()
    for _ in range(3):
        place.now += timedelta(minutes=1)
        with open_run(place.settings, RunOrder(say=place.said.append)):
            pass  # it never reports: killed
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]


def test_while_another_process_tells_people_this_one_leaves_it_to_the_next_turn(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "LOCK_PATIENCE_S", 0)
    with alert_turn(place.settings, lambda known: [bad("no_x")], say=place.said.append) as first:
        place.turn(bad("no_x"))
        assert receiver.taken == []
        assert "Another process is telling people" in place.said[0]
        first.send()
    place.turn(bad("no_x"))
    assert len(receiver.taken) == 1


def test_a_waived_finding_does_not_alarm(place: Place, receiver: Receiver) -> None:
    def found(waived: bool) -> CheckOutcome:
        w = Warehouse()
        w.commission("c1", booking_ref="gone")
        assert w.findings(waived=["orphan:c1"] if waived else []) == {"orphan:c1"}
        return outcome_of(all_checks()["no_orphan"].run(w.con), blocking=False)

    place.run(found(waived=True))
    assert receiver.taken == []
    place.run(found(waived=False))
    place.run(found(waived=True))
    assert receiver.titles == ["bookwatch: 1 firing (1 high)", "bookwatch: 1 resolved"]


def test_the_heartbeat_beats_after_good_runs_only(place: Place, receiver: Receiver) -> None:
    place.heartbeat = f"http://{receiver.address}/beat/secret-token"
    place.run()
    place.run(check(False))
    assert receiver.asked.count("/beat/secret-token") == 2, "exit status 0, and 10: both published"
    place.run(change=lambda run: run.fail(BookwatchError("It failed.")))
    place.run(change=lambda run: run.fail(SourceUnavailable("It is away.")))
    assert receiver.asked.count("/beat/secret-token") == 2


def test_a_heartbeat_that_is_refused_is_said_and_fails_nothing(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.heartbeat.RETRIES", 0)
    place.heartbeat = f"http://{receiver.address}/beat/secret-token"
    receiver.status = 500
    run = place.run()
    assert run.exit_status == 0
    assert any("heartbeat was not taken" in line and "status 500" in line for line in place.said)
    place.heartbeat = "http://127.0.0.1:1/secret-token"
    place.run()
    assert "secret-token" not in " ".join(place.said)
    assert any("ConnectionError" in line for line in place.said)


def test_no_channel_is_no_error_and_a_wrong_one_fails_no_run(place: Place) -> None:
    place.urls = ()
    assert place.run(check(False)).exit_status == 10
    assert not place.open_alerts()[NO_MISSING]["announced"]
    place.urls = ("nonsense",)
    assert place.run(check(False)).exit_status == 10
    assert place.deliveries() == [("firing", 1, "?", False, 0)]


@pytest.mark.parametrize("content", ["", "{half"])
def test_a_damaged_status_keeps_nobody_from_being_told_and_is_written_anew(
    tmp_path: Path, receiver: Receiver, content: str
) -> None:
    place = Place(tmp_path, receiver)

    def fail(run: RunReport) -> RunReport:
        return run.fail(BookwatchError("The disk is full.", "Make room."))

    place.run(change=fail)
    place.home.status.write_text(content)
    Ledger(place.home.ledger).start_run(place.now)  # one that dies: it is told at the start of the next
    place.run(minutes=2, change=fail)
    assert json.loads(place.home.status.read_bytes())["run"]["message"] == "The disk is full. Make room."
    assert [alert.name for alert in AlertStore(place.home.ledger).load()[0]]


def test_a_damaged_snapshot_keeps_no_failed_run_from_being_told(tmp_path: Path, receiver: Receiver) -> None:
    place = Place(tmp_path, receiver)
    damaged = place.home.published / "20261122T030000Z-000001.duckdb"
    damaged.write_bytes(b"half a file")
    place.home.current.symlink_to(damaged.name)

    def fail(run: RunReport) -> RunReport:
        return run.fail(SourceUnavailable("Appwrite cannot be reached.", "Look."))

    place.run(change=fail)
    status = json.loads(place.home.status.read_bytes())
    assert (status["run"]["outcome"], status["run"]["exit_status"], status["snapshot"]) == (
        "failed",
        11,
        None,
    )
    assert {point["status"] for point in status["health"]["points"]} == {"unknown"}
    assert status["alerts"]
