"""What an operation plans and what it writes, as values. Nothing here asks or writes anything.

A plan and its application are two runs: the plan names the row, what is seen of it and what is to become of it; what is
written is made of the row as Appwrite has it when its turn comes (``Kind.writes``), so that no name, phone or sentence
needs to stand in a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from marketplace.operations import Operation
from messages.message import Message
from resources.appwrite.writing import Row, Write
from resources.settings import Settings

if TYPE_CHECKING:  # services use what is written, and never load what reads a snapshot
    from operations.port import Published


@dataclass(frozen=True)
class Proposed:
    """One action as planned. ``before`` and ``after``: the attributes that change, by their name in Appwrite or in
    core, without a personal value. ``rule``: the rule of the business it rests on (a policy line, a section of the
    docs). ``arguments``: what the kind needs to write it, also without a personal value: the ids of the rows beside the
    first one."""

    collection: str
    row_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: Message
    rule: str
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Action:
    """One action that stands in a plan of the ledger. ``by`` and ``reason``: who has it applied, and why. ``wrote``:
    (collection, id) of what it wrote, where it is to be taken back."""

    action_id: str
    plan_id: str
    operation: Operation
    proposed: Proposed
    planned_at: datetime
    by: str
    reason: str = ""
    wrote: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Skip:
    """The action is not to be done: what the row says by now."""

    why: Message


class Asking(Protocol):
    """Rows as Appwrite has them at this moment, read with the acting key."""

    def row(self, collection: str, row_id: str) -> Row | None:
        """A row, None where there is none. Raises CallFailure."""
        ...

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        """The first rows that fit, by ``appwrite.query.Query`` strings. Raises CallFailure."""
        ...

    def has(self, collection: str, attribute: str) -> bool:
        """Whether the collection has a column of that name: apps differ in their spellings. Raises CallFailure."""
        ...


@dataclass(frozen=True)
class Moment:
    """What holds while a plan is made or applied: the instant, and the settings a rule may ask for. At application
    ``now`` is the earlier of our clock and the server's where they differ by more than a minute: what is past is past
    by both."""

    now: datetime
    time_zone: str
    languages: tuple[str, ...] = ("en", "id")


class Kind(Protocol):
    """One operation. It stands in a file of operations/kinds/ as ``KIND``."""

    operation: Operation
    collection: str
    """Whose rows the share of a run is counted of."""
    description: str
    """One sentence, for people who list the operations."""

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        """What is to be done by what is published. ``ordered``: row and arguments of an admin's order, else empty.
        Raises UsageError for an order that cannot be planned."""
        ...

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        """Rows beside the proposed one that ``writes`` and ``undo`` ask for, as (collection, id): those of many
        actions are read by one call."""
        ...

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """What to write, by the row as Appwrite has it now; the first write is of the row itself (or creates what is
        proposed of it). The same action and rows give the same writes: ids are derived. All of them or none come to
        stand where the server has transactions; where it has none they are written in this order, whose every prefix
        is a state the pipeline calls awaiting or unknown, never wrong."""
        ...

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """What takes a done action back, or why the business has no way back (a new action is the answer then)."""
        ...


Unsent = tuple[Literal["skipped", "failed"], Message]


@runtime_checkable
class Sending(Protocol):
    """A kind whose actions send something somewhere before their row is written, and which keeps account of that in the
    ledger: what was sent is not sent again, whatever becomes of the write."""

    def still_due(
        self, settings: Settings, published: Published, proposals: Sequence[Proposed]
    ) -> Sequence[Proposed]:
        """What of a plan is still to be sent by that account, and what it adds to it."""
        ...

    def send(
        self, settings: Settings, rows: Mapping[str, tuple[Action, Row]], ask: Asking
    ) -> Mapping[str, Unsent]:
        """Send what is not sent yet. ``rows``: action id → the action and its row as it is now. Those that ``writes``
        is not to be asked of, and why. Raises CallFailure, UsageError, ActingStopped, sqlite3.Error."""
        ...
