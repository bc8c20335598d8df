"""What `watch` tells Dagster: what changed, at most once a minute, and never in a run's way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckEvaluation, AssetMaterialization, DagsterInstance

from assets.core.core_assets import CORE_SOURCES
from assets.core.derive import TABLES
from pipelines.dagster import telling
from pipelines.dagster.telling import AGAIN_S, EVERY_S, Telling, facts_of
from resources.run_report import (
    Built,
    CheckOutcome,
    CollectionScan,
    Derived,
    Ingested,
    Published,
    Run,
    RunReport,
)
from resources.settings import Settings

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)


class Recorder:
    """A Dagster that keeps what it is told; ``refuses``: the first so many events."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.refuses = 0
        self.hold = threading.Event()
        self.hold.set()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None: ...

    def report_runless_asset_event(self, event: Any) -> None:
        self.hold.wait(30)
        if self.refuses:
            self.refuses -= 1
            raise OSError(28, "No space left on device")
        self.told.append(event)

    def names(self) -> list[str]:
        """What was told since the last look."""
        told, self.told = self.told, []
        return [
            one.check_name if isinstance(one, AssetCheckEvaluation) else one.asset_key.to_user_string()
            for one in told
        ]


@pytest.fixture
def dagster(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(DagsterInstance, "get", lambda: recorder)
    monkeypatch.setattr(telling, "look_after", lambda _instance: None)
    return recorder


class Minutes:
    """A clock that stands, and a telling by it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.said: list[str] = []

    def tell(self, *reports: RunReport, apart: float = 5.0) -> Callable[[Telling], None]:
        def told(dagster: Telling) -> None:
            for report in reports:
                dagster.take(report)
                if dagster._sending is not None:
                    dagster._sending.result(30)
                self.now += apart

        return told


def report(folder: Path, *, inserted: int = 0, changed: bool = False, passed: bool = True) -> RunReport:
    run = Run(Settings(home=folder), "r", 1, AT)
    return RunReport(
        run,
        ingested=Ingested((CollectionScan("bookings", True, "complete", fetched=1, inserted=inserted),)),
        derived=Derived({"bookings": inserted}, changed),
        built=Built({"peak_hours": 1, "errors": 0}, frozenset({"peak_hours"} if changed else ())),
        published=Published("s", changed=changed),
        checks=(CheckOutcome("no_missing", "marts/x", passed, "critical", failed_rows=int(not passed)),),
    )


EVERYTHING = [
    "raw/bookings",
    "core/bookings",
    "marts/peak_hours",
    "ops/errors",
    "published/snapshot",
    "no_missing",
]


def test_the_first_run_tells_all_a_later_one_what_changed_and_not_before_the_minute(
    tmp_path: Path, dagster: Recorder
) -> None:
    time = Minutes()
    same = report(tmp_path)
    with Telling(time.said.append, clock=lambda: time.now) as told:
        time.tell(same)(told)
        assert dagster.names() == EVERYTHING
        time.tell(*[report(tmp_path, inserted=1, changed=True)] * 11)(told)
        assert dagster.names() == [], "within the minute nothing is told, and nothing forgotten"
        time.tell(report(tmp_path, passed=False))(told)
        assert dagster.names() == [
            "raw/bookings", "core/bookings", "marts/peak_hours", "published/snapshot", "no_missing"
        ]  # fmt: skip
        time.tell(report(tmp_path, passed=False), apart=EVERY_S)(told)
        assert dagster.names() == []
    assert time.said == []


def test_what_does_not_change_is_told_before_dagster_calls_it_overdue(
    tmp_path: Path, dagster: Recorder
) -> None:
    time = Minutes()
    with Telling(time.said.append, clock=lambda: time.now) as told:
        time.tell(*[report(tmp_path)] * 5, apart=EVERY_S)(told)
        assert dagster.names() == EVERYTHING
        time.now = 1_000.0 + AGAIN_S
        time.tell(report(tmp_path))(told)
        assert dagster.names() == [name for name in EVERYTHING if name != "no_missing"]


def test_a_refusal_is_a_warning_and_what_was_not_told_is_told_the_next_time(
    tmp_path: Path, dagster: Recorder
) -> None:
    time = Minutes()
    dagster.refuses = 1
    with Telling(time.said.append, clock=lambda: time.now) as told:
        time.tell(report(tmp_path), apart=EVERY_S)(told)
        assert dagster.names() == []
        assert time.said == ["Dagster could not be told what changed (OSError); it is tried again."]
        time.tell(report(tmp_path))(told)
        assert dagster.names() == EVERYTHING


def test_no_run_waits_for_dagster(tmp_path: Path, dagster: Recorder) -> None:
    time = Minutes()
    dagster.hold.clear()
    with Telling(time.said.append, clock=lambda: time.now) as told:
        for _ in range(3):
            told.take(report(tmp_path, changed=True))
            time.now += EVERY_S
        assert dagster.told == []
        dagster.hold.set()
        assert told._sending is not None
        told._sending.result(30)
        told.take(report(tmp_path))
    assert sorted(dagster.names()) == sorted([*EVERYTHING, "marts/peak_hours", "published/snapshot"])


def test_a_failed_run_tells_what_it_came_to(tmp_path: Path) -> None:
    whole = report(tmp_path)
    assert [fact.asset for fact in facts_of(replace(whole, derived=None, built=None, published=None))] == [
        "raw/bookings",
        "marts/x",
    ]
    assert list(facts_of(RunReport(whole.run))) == []


def test_every_table_of_core_is_told() -> None:
    assert set(TABLES) == set(CORE_SOURCES)


def test_an_event_holds_counts_and_ids_never_rows(tmp_path: Path) -> None:
    events = [telling._event(fact) for fact in facts_of(report(tmp_path, passed=False))]
    kept = {name for event in events for name in event.metadata}
    assert kept == {
        "outcome", "fetched", "inserted", "updated", "unchanged", "rejected", "rows_written", "rows",
        "snapshot", "copied", "failed_rows", "severity", "sample_ids", "rules", "what_to_do",
    }  # fmt: skip
    assert {type(event) for event in events} == {AssetMaterialization, AssetCheckEvaluation}
