"""Every fault at every step of a scan and of a sweep: once, it is healed; while it lasts, nothing is lost or told as
done; and what came through the fault is equal to the server afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resources.appwrite.failures import CallEvent
from resources.appwrite.sweep import sweep
from resources.errors import SourceUnavailable
from resources.progress import Quiet
from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    DATABASE,
    accept_all,
    ask,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    reconciles,
    run,
    settings_for,
)
from tests.sandbox_server import SandboxProcess

ROWS, PAGE = 25, 10
TIME_OUT = 0.1

TRANSIENT: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "retry_after": 1},
    "503": {"kind": "status", "status": 503},
    "html-200": {"kind": "html", "status": 200},
    "html-502": {"kind": "html", "status": 502},
    "empty": {"kind": "empty"},
    "truncate": {"kind": "truncate", "keep": 0.6},
    "reset": {"kind": "reset"},
    "stall": {"kind": "stall"},
}
PERMANENT: dict[str, dict[str, Any]] = {
    "401": {"kind": "status", "status": 401},
    "403": {"kind": "status", "status": 403},
    "404": {"kind": "status", "status": 404},
    "html-404": {"kind": "html", "status": 404},
}
HARMLESS: dict[str, dict[str, Any]] = {
    "latency": {"kind": "latency", "seconds": 0.03},
    "skew-behind": {"kind": "skew", "seconds": -7200},
    "skew-ahead": {"kind": "skew", "seconds": 7200},
}
# What is asked at a step, and how a scan (or sweep) ends while only that fails: the first of its kinds that applies.
SCAN_STEPS: dict[str, tuple[dict[str, Any], str]] = {
    "ping": ({"path": DATABASE}, "refused"),
    "columns": ({"path": "/columns"}, "failed"),
    "first page": ({"path": "/rows"}, "failed"),
    "second page": ({"path": "/rows", "skip": 1}, "partial"),
    "last page": ({"path": "/rows", "skip": 2}, "partial"),
}
SWEEP_STEPS: dict[str, tuple[dict[str, Any], str]] = {
    "first range": ({"path": "/rows"}, "partial"),
    "repair": ({"path": "/rows", "skip": 1}, "partial"),
    "second range": ({"path": "/rows", "skip": 2}, "partial"),
}


class Scene:
    """A mirrored table, changed by the app before each scan or sweep in a way that only that one can see."""

    def __init__(self, server: SandboxProcess, home: Path, table: str, store: RawStore) -> None:
        self.server, self.home, self.table, self.store = server, home, table, store
        self.settings = settings_for(server, home, tables={"bookings": table}, page_size=PAGE)
        self.number = 0
        self.time_out = 10.0
        make_table(server, table)
        fill(server, table, ROWS)

    def changed(self) -> None:
        """A row on each page, each under an older time than the last scan's."""
        self.number += 1
        for n in (1, 12, 24):
            data = {
                "title": f"change {self.number}",
                "$updatedAt": f"2026-02-01T00:00:{self.number % 60:02d}.{n:03d}+00:00",
            }
            ask(self.server, "patch", f"/tables/{self.table}/rows/r{n:05d}", data=data)

    def scanned(self) -> tuple[str, list[CallEvent]]:
        gateway, recorder = gateway_for(self.settings, timeouts=(10.0, self.time_out))
        try:
            outcome = run(gateway, self.store, ["bookings"], run_id=f"run{self.number}", full=True)[
                "bookings"
            ]
        except SourceUnavailable:
            return "refused", recorder.events
        assert reconciles([outcome])
        return outcome.outcome, recorder.events

    def swept(self) -> tuple[str, list[CallEvent]]:
        gateway, recorder = gateway_for(
            self.settings.model_copy(update={"page_size": 4}), timeouts=(10.0, self.time_out)
        )
        try:
            (outcome,) = sweep(
                gateway,
                self.store,
                ["bookings"],
                settings=self.settings,
                run_id=f"sweep{self.number}",
                reject_reasons=accept_all,
                progress=Quiet(),
            )
        except SourceUnavailable:
            return "refused", recorder.events
        return outcome.outcome, recorder.events


@pytest.fixture
def scene(server: SandboxProcess, home: Path, table: str) -> Any:
    with RawStore(home / "raw.duckdb") as store:
        yield Scene(server, home, table, store)


def of_table(scene: Scene, where: Mapping[str, Any]) -> dict[str, Any]:
    """The filter of a step; the ping, which comes first, belongs to no table."""
    return dict(where) if where["path"] == DATABASE else {**where, "path": f"{scene.table}{where['path']}"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_a_passing_fault_is_healed_at_every_step_and_a_lasting_one_loses_nothing(
    scene: Scene, fault: dict[str, Any]
) -> None:
    scene.time_out = TIME_OUT if fault["kind"] == "stall" else scene.time_out
    for step, (where, ending) in SCAN_STEPS.items():
        scene.changed()
        scene.server.faults({**fault, **of_table(scene, where), "count": 1})
        outcome, events = scene.scanned()
        assert (step, outcome) == (step, "complete")
        assert (step, any(e.attempts > 1 for e in events)) == (step, True)
        assert {e.outcome for e in events} == {"ok"}
        assert_mirrors(scene.store, scene.server, scene.table, "bookings")
        scene.changed()
        mark = scene.store.watermarks.of("bookings").watermark
        scene.server.faults({**fault, **of_table(scene, where)})
        outcome, events = scene.scanned()
        assert (step, outcome) == (step, ending)
        assert {e.outcome for e in events if e.attempts > 1} == {"transient"}
        assert scene.store.watermarks.of("bookings").watermark == mark
        scene.server.faults()
        assert scene.scanned()[0] == "complete"
        assert_mirrors(scene.store, scene.server, scene.table, "bookings")
    for step, (where, ending) in SWEEP_STEPS.items():
        scene.changed()
        scene.server.faults({**fault, **of_table(scene, where), "count": 1})
        outcome, _ = scene.swept()
        assert (step, outcome) == (step, "complete")
        assert_mirrors(scene.store, scene.server, scene.table, "bookings")
        scene.changed()
        scene.server.faults({**fault, **of_table(scene, where)})
        outcome, _ = scene.swept()
        assert (step, outcome) == (step, ending)
        scene.server.faults()
        assert scene.swept()[0] == "complete"
        assert scene.swept()[0] == "complete"  # rows changed behind the place where it broke off
        assert_mirrors(scene.store, scene.server, scene.table, "bookings")


@pytest.mark.parametrize("fault", PERMANENT.values(), ids=PERMANENT)
def test_a_refusal_is_asked_once_at_every_step_and_loses_nothing(scene: Scene, fault: dict[str, Any]) -> None:
    scene.scanned()
    for step, (where, _) in [*SCAN_STEPS.items(), *SWEEP_STEPS.items()]:
        act = scene.scanned if step in SCAN_STEPS else scene.swept
        scene.changed()
        mark = scene.store.watermarks.of("bookings").watermark
        scene.server.faults({**fault, **of_table(scene, where)})
        outcome, events = act()
        assert (step, outcome) != (step, "complete")
        # Two where the next page was being asked for already.
        refused = [e.attempts for e in events if e.outcome == "permanent"]
        assert (step, refused[:1], set(refused), len(refused) <= 2) == (step, [1], {1}, True)
        assert scene.store.watermarks.of("bookings").watermark == mark
        scene.server.faults()
        assert act()[0] == "complete"
        assert act()[0] == "complete"
        assert_mirrors(scene.store, scene.server, scene.table, "bookings")


@pytest.mark.parametrize("fault", HARMLESS.values(), ids=HARMLESS)
def test_a_slow_server_and_a_wrong_clock_lose_nothing(scene: Scene, fault: dict[str, Any]) -> None:
    scene.scanned()
    scene.changed()
    scene.server.faults(fault)
    assert scene.scanned()[0] == "complete"
    assert scene.swept()[0] == "complete"
    scene.changed()
    scene.server.faults()
    assert scene.scanned()[0] == "complete"
    assert scene.swept()[0] == "complete"
    assert_mirrors(scene.store, scene.server, scene.table, "bookings")
