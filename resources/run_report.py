"""What a run is asked for, what its steps work with, what each of them found, and the report of it all. Decides
nothing.

Everything here is frozen. A step takes what the steps before it found and returns what it found; how they follow one
another is pipelines/run.py's. Two things outlive a step that fails, and are written down as they happen: the calls it
made and the warnings it gave (``Journal``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from marketplace.events import ScanOutcome
from messages.catalogue import english
from messages.message import Message, Words
from resources.clock import Clock
from resources.errors import DONE, PROBLEMS, BookwatchError
from resources.home import Home
from resources.settings import Settings
from resources.warehouse import HeldWarehouse

if TYPE_CHECKING:
    from resources.appwrite.failures import CallEvent

Say = Callable[[str], None]


def _silence(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class CollectionScan:
    """How one collection's scan of this run ended. Counts are rows. ``unread``: relationship columns Appwrite did not
    hand out; what refers by them is unknown. ``why`` it did not read all of it, which ``detail`` tells in English."""

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
    why: Words = ""

    @property
    def is_read(self) -> bool:
        """Whether everything of it is in the mirror."""
        return self.outcome == ScanOutcome.COMPLETE and not self.unread


@dataclass(frozen=True)
class SweepOrder:
    """That a run sweeps, and how. ``deep`` reads whole rows; ``accept_deletes`` lifts the guard on mass deletes."""

    deep: bool = False
    accept_deletes: bool = False


@dataclass(frozen=True)
class RunOrder:
    """What a run is asked for. ``full_refresh``: everything is read and derived again. ``say`` takes each line for a
    person; ``quiet``: no progress is drawn."""

    full_refresh: bool = False
    sweep: SweepOrder | None = None
    quiet: bool = False
    say: Say = _silence


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
    why: Words = ""


@dataclass(frozen=True)
class CheckOutcome:
    """A check's verdict as it is stored, alarmed and shown: counts and ids, never row contents.

    One that could not be ``made`` has not passed, and says nothing about what it watches. ``detail`` is what was
    ``found``, in English.
    """

    check_name: str
    asset: str
    passed: bool
    severity: str
    failed_rows: int = 0
    blocking: bool = False
    sample_ids: tuple[str, ...] = ()
    detail: str = ""
    found: tuple[Message, ...] = ()
    what_to_do: Words = ""
    waived_rows: int = 0
    made: bool = True


@dataclass(frozen=True)
class RunWarning:
    """What failed after the snapshot was published, in one sentence without values."""

    step: str
    words: Words

    @property
    def problem(self) -> str:
        """The sentence, in English."""
        return english(self.words)


@dataclass(frozen=True)
class Journal:
    """What is written down while steps work, and stands also when one of them fails."""

    calls: list[CallEvent] = field(default_factory=list["CallEvent"])
    warnings: list[RunWarning] = field(default_factory=list[RunWarning])


@dataclass(frozen=True)
class Run:
    """One run, as its steps know it: who it is and what it works with."""

    settings: Settings
    run_id: str
    sequence: int
    started_at: datetime
    order: RunOrder = field(default_factory=RunOrder)
    journal: Journal = field(default_factory=Journal)
    warehouse: HeldWarehouse = field(init=False, repr=False, compare=False)
    """From core's checks to the end of the run. Who makes the run closes it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "warehouse", HeldWarehouse(self.home.warehouse))

    @property
    def clock(self) -> Clock:
        return self.settings.clock

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def sweep_id(self) -> str:
        """The run id under which what a sweep repaired is entered, apart from the run's own scan."""
        return f"{self.run_id}-sweep"

    def say(self, line: str) -> None:
        """Tell a person who looks on."""
        self.order.say(line)

    def warn(
        self,
        step: str,
        problem: Words,
        *,
        then: str = " The snapshot is published; the next run tries this again",
    ) -> None:
        """Record and tell what failed, or was lost, without undoing what was published. ``then``: what follows."""
        self.journal.warnings.append(RunWarning(step, problem))
        self.say(f"Warning: {english(problem)}{then} ({step}).")


@dataclass(frozen=True)
class Ingested:
    """What was read: how each collection's scan ended, and its sweep where one was asked for."""

    scans: tuple[CollectionScan, ...] = ()
    sweeps: tuple[CollectionSweep, ...] = ()


@dataclass(frozen=True)
class Derived:
    """What core became: rows written of each table; whether the warehouse was written at all."""

    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    changed: bool = False


@dataclass(frozen=True)
class Built:
    """What the marts became: rows of each, and those whose figures changed."""

    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Published:
    """Which snapshot people are served. ``changed``: this run copied it (in ``seconds``, as of
    ``published_at``, naive UTC); ``postponed``: it had to be copied, and waits, because a copy takes long."""

    snapshot_id: str
    published_at: datetime | None = None
    changed: bool = False
    postponed: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class RunFailure:
    """Why a run failed, in which step. ``cause`` is kept in memory for --debug; ``stopped``: somebody ended the run."""

    error: BookwatchError
    cause: BaseException | None = None
    step: str = ""
    stopped: bool = False


@dataclass(frozen=True)
class RunReport:
    """A run as far as it came: what each step found, None where it was not done, and why it failed."""

    run: Run
    ingested: Ingested | None = None
    derived: Derived | None = None
    built: Built | None = None
    published: Published | None = None
    checks: tuple[CheckOutcome, ...] = ()
    failed: RunFailure | None = None
    points_judged: bool = False
    """Whether the health points stand in the warehouse as of this run."""

    @property
    def settings(self) -> Settings:
        return self.run.settings

    @property
    def home(self) -> Home:
        return self.run.home

    @property
    def clock(self) -> Clock:
        return self.run.clock

    @property
    def warehouse(self) -> HeldWarehouse:
        return self.run.warehouse

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def started_at(self) -> datetime:
        return self.run.started_at

    @property
    def scans(self) -> tuple[CollectionScan, ...]:
        return self.ingested.scans if self.ingested else ()

    @property
    def sweeps(self) -> tuple[CollectionSweep, ...]:
        return self.ingested.sweeps if self.ingested else ()

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        return tuple(self.run.journal.warnings)

    @property
    def snapshot_id(self) -> str | None:
        """The snapshot this run published, or stands by."""
        return self.published.snapshot_id if self.published else None

    @property
    def snapshot_changed(self) -> bool:
        return self.published is not None and self.published.changed

    @property
    def postponed(self) -> bool:
        return self.published is not None and self.published.postponed

    @property
    def failure(self) -> BookwatchError | None:
        return self.failed.error if self.failed else None

    @property
    def cause(self) -> BaseException | None:
        return self.failed.cause if self.failed else None

    @property
    def stopped(self) -> bool:
        """Whether a person or the system asked for the end of the run."""
        return self.failed is not None and self.failed.stopped

    @property
    def failed_checks(self) -> list[CheckOutcome]:
        return [check for check in self.checks if not check.passed]

    @property
    def blocked(self) -> list[CheckOutcome]:
        """The failed checks that keep everything after them from being done."""
        return [check for check in self.failed_checks if check.blocking]

    @property
    def unread_collections(self) -> list[CollectionScan]:
        return [scan for scan in self.scans if not scan.is_read]

    @property
    def exit_status(self) -> int:
        """The exit status of docs/contract.md for this run as it stands."""
        if self.failed is not None:
            return self.failed.error.exit_status
        if self.failed_checks or self.unread_collections or self.warnings:
            return PROBLEMS
        return DONE

    def fail(
        self,
        error: BookwatchError,
        cause: BaseException | None = None,
        *,
        step: str = "",
        stopped: bool = False,
    ) -> RunReport:
        """The same with why the run failed. The first failure stands: what follows from it explains less. That somebody
        stopped the run is told whatever failed before."""
        if self.failed is None:
            return replace(self, failed=RunFailure(error, cause, step, stopped))
        if stopped and not self.failed.stopped:
            return replace(self, failed=replace(self.failed, stopped=True))
        return self
