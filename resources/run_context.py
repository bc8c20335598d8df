"""What the steps of one run share: its settings, its identity, what each step found. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from resources.clock import Clock
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import Settings
from resources.warehouse import HeldWarehouse


@dataclass(frozen=True)
class CollectionScan:
    """How one collection's scan of this run ended. Counts are rows. ``unread``: relationship columns Appwrite did not
    hand out; what refers by them is unknown."""

    collection: str
    required: bool
    outcome: str
    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    detail: str = ""
    unread: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether everything of it is in the mirror."""
        return self.outcome == "complete" and not self.unread


@dataclass(frozen=True)
class SweepOrder:
    """That a run sweeps, and how. ``deep`` reads whole rows; ``accept_deletes`` lifts the guard on mass deletes."""

    deep: bool = False
    accept_deletes: bool = False


@dataclass(frozen=True)
class CollectionSweep:
    """How one collection's sweep ended. Counts are rows: ``deleted`` found gone in Appwrite and marked, ``repaired``
    brought in line; ``held``: so many were missing (``missing``) that none was marked deleted."""

    collection: str
    outcome: str
    server_rows: int = 0
    mirror_rows: int = 0
    deleted: int = 0
    repaired: int = 0
    missing: int = 0
    held: bool = False
    detail: str = ""


@dataclass(frozen=True)
class CheckOutcome:
    """A check's verdict as it is stored, alarmed and shown: counts and ids, never row contents.

    One that could not be ``made`` has not passed, and says nothing about what it watches.
    """

    check_name: str
    asset: str
    passed: bool
    severity: str
    failed_rows: int = 0
    blocking: bool = False
    sample_ids: tuple[str, ...] = ()
    detail: str = ""
    what_to_do: str = ""
    waived_rows: int = 0
    made: bool = True


@dataclass(frozen=True)
class RunWarning:
    """What failed after the snapshot was published, in one sentence without values."""

    step: str
    problem: str


@dataclass
class RunContext:
    """One run. Steps run in one process, one after another, and leave their outcome here."""

    settings: Settings
    run_id: str
    sequence: int
    started_at: datetime
    full_refresh: bool = False
    sweep: SweepOrder | None = None
    say: Callable[[str], None] = lambda line: None
    quiet: bool = False
    finishers: tuple[Callable[[RunContext], None], ...] = ()
    calls: list[Any] = field(default_factory=list[Any])
    scans: list[CollectionScan] = field(default_factory=list[CollectionScan])
    sweeps: list[CollectionSweep] = field(default_factory=list[CollectionSweep])
    checks: list[CheckOutcome] = field(default_factory=list[CheckOutcome])
    checks_kept: int = 0
    figures_changed: bool = False
    snapshot_id: str | None = None
    snapshot_changed: bool = False
    postponed: bool = False
    publishing_seconds: float = 0.0
    warnings: list[RunWarning] = field(default_factory=list["RunWarning"])
    failure: BookwatchError | None = None
    cause: BaseException | None = None
    stopped: bool = False
    finished: bool = False
    points_judged: bool = False
    failed_step: str = ""

    @cached_property
    def warehouse(self) -> HeldWarehouse:
        """The warehouse, from core's checks to the end of the run. Who makes the context closes it."""
        return HeldWarehouse(self.home.warehouse)

    @property
    def clock(self) -> Clock:
        return self.settings.clock

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def failed_checks(self) -> list[CheckOutcome]:
        return [check for check in self.checks if not check.passed]

    @property
    def unread_collections(self) -> list[CollectionScan]:
        return [scan for scan in self.scans if not scan.is_read]

    @property
    def sweep_id(self) -> str:
        """The run id under which what a sweep repaired is entered, apart from the run's own scan."""
        return f"{self.run_id}-sweep"

    @property
    def exit_status(self) -> int:
        """The exit status of docs/contract.md for this run as it stands."""
        if self.failure is not None:
            return self.failure.exit_status
        if self.failed_checks or self.unread_collections or self.warnings:
            return 10
        return 0

    def fail(self, failure: BookwatchError, cause: BaseException | None = None, *, step: str = "") -> None:
        """Record why the run failed, and in which step. The first failure stands: what follows from it explains
        less."""
        if self.failure is None:
            self.failure = failure
            self.cause = cause
            self.failed_step = step

    def warn(
        self,
        step: str,
        problem: str,
        *,
        then: str = " The snapshot is published; the next run tries this again",
    ) -> None:
        """Record and tell what failed, or was lost, without undoing what was published. ``then``: what follows."""
        self.warnings.append(RunWarning(step, problem))
        self.say(f"Warning: {problem}{then} ({step}).")
