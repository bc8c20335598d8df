"""What `watch` tells Dagster of its runs: assets that changed and verdicts that changed, as events outside of any run.

At most once a minute, from a thread of its own: no run waits for it. What could not be told is told the next time.
Dagster is loaded by that thread alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from marketplace.health import SCAN_AGE
from resources.run_report import CheckOutcome, RunReport, Say

if TYPE_CHECKING:
    from dagster import DagsterInstance

EVERY_S: Final = 60.0
AGAIN_S: Final = SCAN_AGE.total_seconds() / 2
"""An asset that did not change is told so often: Dagster calls one overdue that it heard nothing of for SCAN_AGE."""
LOOK_S: Final = 3_600.0
"""How often old runs of Dagster's history are thrown away."""
OLD_RUNS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Fact:
    """An asset as a run left it, or (``verdict``) what a check of it found."""

    asset: str
    metadata: tuple[tuple[str, str | int], ...] = ()
    changed: bool = True
    verdict: CheckOutcome | None = None

    @property
    def about(self) -> tuple[str, str]:
        return self.asset, self.verdict.check_name if self.verdict else ""


def facts_of(found: RunReport) -> Iterator[Fact]:
    """Everything a run has to say, in the order of its steps."""
    for scan in found.scans:
        counts = {name: value for name, value in vars(scan).items() if name in _SHOWN_OF_A_SCAN}
        moved = bool(scan.inserted or scan.updated or scan.deleted)
        yield Fact(f"raw/{scan.collection}", tuple(counts.items()), moved)
    if found.derived:
        for table, rows in found.derived.rows.items():
            yield Fact(f"core/{table}", (("rows_written", rows),), rows > 0)
    if found.built:
        for table, rows in found.built.rows.items():
            layer = "ops" if table in ("errors", "timings") else "marts"
            yield Fact(f"{layer}/{table}", (("rows", rows),), table in found.built.changed)
    if found.published:
        told = (("snapshot", found.published.snapshot_id), ("copied", int(found.published.changed)))
        yield Fact("published/snapshot", told, found.published.changed)
    for verdict in found.checks:
        yield Fact(verdict.asset, verdict=verdict)


_SHOWN_OF_A_SCAN: Final = ("outcome", "fetched", "inserted", "updated", "unchanged", "rejected")


class Telling:
    """Use as a context manager; ``take`` each report. Leaving it ends the thread after the event it is at."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._waiting: dict[tuple[str, str], Fact] = {}
        self._told: dict[tuple[str, str], tuple[Fact, float]] = {}
        self._due = clock()
        self._look_at = clock() + EVERY_S
        self._ending = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="telling Dagster")
        self._sending: Future[None] | None = None

    def __enter__(self) -> Telling:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._ending.set()
        self._thread.shutdown(wait=True)

    def take(self, found: RunReport) -> None:
        """Note what a run changed; told now, where the minute is over and the last telling has ended."""
        now = self._clock()
        for fact in facts_of(found):
            if self._is_news(fact, now):
                self._waiting[fact.about] = fact
        if not self._waiting or now < self._due or (self._sending is not None and not self._sending.done()):
            return
        self._due = now + EVERY_S
        waiting, self._waiting = self._waiting, {}
        self._told |= {about: (fact, now) for about, fact in waiting.items()}
        self._sending = self._thread.submit(self._send, waiting)

    def _is_news(self, fact: Fact, now: float) -> bool:
        known = self._told.get(fact.about)
        if known is None:
            return True
        if fact.verdict is not None:
            return known[0].verdict != fact.verdict
        return fact.changed or now - known[1] >= AGAIN_S

    def _send(self, waiting: Mapping[tuple[str, str], Fact]) -> None:
        """In the thread. What could not be told is no longer known as told, and so is news again."""
        left = dict(waiting)
        try:
            from dagster import DagsterInstance

            with ExitStack() as stack:
                instance = stack.enter_context(DagsterInstance.get())
                for about, fact in waiting.items():
                    if self._ending.is_set():
                        break
                    instance.report_runless_asset_event(_event(fact))
                    del left[about]
                if self._clock() >= self._look_at and not self._ending.is_set():
                    self._look_at = self._clock() + LOOK_S
                    look_after(instance)
        except Exception as refused:  # noqa: BLE001 - whatever Dagster raises: a run goes on without its history
            self._say(
                f"Dagster could not be told what changed ({type(refused).__name__}); it is tried again."
            )
        for about in left:
            self._told.pop(about, None)


def _event(fact: Fact) -> Any:
    from dagster import AssetCheckEvaluation, AssetKey, AssetMaterialization

    from pipelines.dagster.asset_checks import severity_of, verdict_metadata

    key = AssetKey(fact.asset.split("/"))
    if fact.verdict is None:
        return AssetMaterialization(key, metadata=dict(fact.metadata))
    return AssetCheckEvaluation(
        asset_key=key,
        check_name=fact.verdict.check_name,
        passed=fact.verdict.passed,
        severity=severity_of(fact.verdict),
        metadata=verdict_metadata(fact.verdict),
        blocking=True,
    )


def look_after(instance: DagsterInstance) -> None:
    """Throw old runs of Dagster's history away."""
    from pipelines.dagster.history import delete_old_runs
    from pipelines.dagster.jobs import KEEP_RUNS_FOR
    from resources.settings import load_settings

    # Dagster's instance keeps real time, whatever BOOKWATCH_NOW says.
    delete_old_runs(
        instance, load_settings(), before=datetime.now(UTC) - KEEP_RUNS_FOR, limit=OLD_RUNS_AT_ONCE
    )
