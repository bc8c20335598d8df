"""Ctrl-C and SIGTERM: a run that is asked to stop stops, one that reports reports first."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import run as one_run
from pipelines.interrupts import held_back, terminable
from resources.ledger import Ledger
from resources.run_report import RunReport
from resources.settings import Settings
from resources.status_file import read_status


@pytest.fixture(autouse=True)
def same_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


def test_sigterm_is_as_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), terminable():
        ask(signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_waits_for_the_end_of_the_block_the_second_does_not(number: int) -> None:
    done: list[str] = []

    def work(asked: int) -> None:
        with terminable(), held_back():
            for _ in range(asked):
                ask(number)
            done.append(f"told after {asked}")

    for asked in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            work(asked)
    assert done == ["told after 1"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", "")
    return Settings(
        home=tmp_path / "home",
        appwrite_endpoint="http://127.0.0.1:1/v1",
        appwrite_project_id="p",
        appwrite_api_key="k",  # type: ignore[arg-type] - read as a secret
        appwrite_database_id="d",
    )


def stopped_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def asked(found: RunReport) -> RunReport:
        ask(signal.SIGTERM)
        return found

    monkeypatch.setattr(one_run, name, asked)


def test_a_run_that_is_stopped_between_two_steps_reports_that(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at(monkeypatch, "ingest")
    found = one_run.run(settings)
    assert found.stopped
    assert found.exit_status == 1
    status = read_status(settings.home)
    assert status is not None
    assert status["run"]["message"].startswith("The run was stopped before it published.")
    assert Ledger(settings.home.ledger).run_ended(found.run_id) == (1, True)
    assert status["alerts"] == []


def test_a_run_that_is_stopped_while_it_reports_reports_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = one_run.keep_verdicts

    def asked(found: RunReport) -> RunReport:
        ask(signal.SIGINT)
        return real(found)

    monkeypatch.setattr(one_run, "keep_verdicts", asked)
    monkeypatch.setattr(one_run, "steps_of", lambda order: ())
    with pytest.raises(KeyboardInterrupt):
        one_run.run(settings)
    status = read_status(settings.home)
    assert status is not None
    assert status["run"]["outcome"] == "unchanged"
    assert Ledger(settings.home.ledger).run_ended(status["run_id"]) == (1, True)


def test_a_report_that_cannot_be_told_is_a_failure_not_a_traceback(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(one_run, "steps_of", lambda order: ())
    monkeypatch.setattr(one_run, "write_status", full)
    found = one_run.run(settings)
    assert str(found.failure).startswith("The disk is full.")
    assert Ledger(settings.home.ledger).run_ended(found.run_id) == (1, True)
