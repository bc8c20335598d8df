"""How a command comes to stand: it reads rows as they are now, decides, and writes all it decided or nothing.

Where a row it rests on changed meanwhile it reads and decides again; a command that was done before is answered as it
was then. What is read and written is the commands' own.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol, TypeVar

from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.writing import Change, Create, Row, Write

T = TypeVar("T")

TRIES: Final = 12
"""So often a command is decided anew because others were at the same rows."""
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.3


class Gateway(Protocol):
    """What services need of Appwrite (resources/appwrite/writing.py). Every method raises CallFailure."""

    def row(self, collection: str, row_id: str) -> Row | None: ...
    def fresh(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row | None]: ...
    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]: ...
    def has(self, collection: str, attribute: str) -> bool: ...
    def kind(self, collection: str, attribute: str) -> str: ...
    def server_now(self) -> datetime: ...
    def create(self, write: Create) -> None: ...
    def change(self, write: Change) -> None: ...
    def remove(self, collection: str, row_ids: Sequence[str]) -> None: ...
    @property
    def has_transactions(self) -> bool: ...
    def open_transaction(self) -> str: ...
    def stage(self, transaction: str, writes: Sequence[Write]) -> None: ...
    def commit(self, transaction: str) -> None: ...
    def roll_back(self, transaction: str) -> bool: ...
    def status_of(self, transaction: str) -> str: ...


class Contended(Exception):
    """Too many others were at the same rows for too long: nothing was written, and it may be asked again."""


class Doubtful(Exception):
    """Whether it was written could not be found out: asked again with the same key, it is told."""


class Underway(Exception):
    """What a decision rests on is being written by another, on a server without transactions: it is taken again."""


class _Moved(Exception):
    """A row that was read is not as it was: read and decide again."""


@dataclass
class View:
    """One reading of rows for one decision; it is the ``Asking`` of operations. ``now``: naive UTC. Rows read by id are
    watched: one that changed before the decision stands makes it be taken again. Those of ``rows`` and ``glance`` are
    not: a decision that rests on which rows there are changes a guard that everybody who adds one changes, too."""

    gateway: Gateway
    now: datetime
    watched: dict[tuple[str, str], Row | None] = field(default_factory=dict[tuple[str, str], "Row | None"])

    def row(self, collection: str, row_id: str) -> Row | None:
        """A row, None where there is none; watched."""
        if (collection, row_id) not in self.watched:
            self.read([(collection, row_id)])
        return self.watched[collection, row_id]

    def read(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Read rows, (collection, id) each, a collection a call: ``row`` knows them then."""
        asked = [key for key in dict.fromkeys(wanted) if key not in self.watched]
        if asked:
            self.watched |= self.gateway.fresh(asked)

    def glance(self, collection: str, row_id: str) -> Row | None:
        """A row that may change without changing the decision; not watched."""
        return self.gateway.row(collection, row_id)

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        """The first rows that fit; not watched."""
        return self.gateway.rows(collection, queries)

    def has(self, collection: str, attribute: str) -> bool:
        """Whether the collection has an attribute of that name."""
        return self.gateway.has(collection, attribute)


@dataclass(frozen=True)
class Decision(Generic[T]):
    """What a command writes, and its answer. The order of ``writes`` is that in which they are made on a server without
    transactions: each prefix is a state the pipeline calls awaiting or unknown, never wrong. ``claims``: so many of
    them decide there who goes on. ``resumes``: taken again, the decision goes on from what it wrote itself, wherever
    somebody came between."""

    answer: T
    writes: Sequence[Write] = ()
    claims: int = 1
    resumes: bool = False


def carry_out(gateway: Gateway, now: Callable[[], datetime], decide: Callable[[View], Decision[T]]) -> T:
    """Decide on rows as they are and write the decision, whole. What ``decide`` raises passes through, and nothing was
    written then; where it raises Underway it is asked again. Raises CallFailure, Contended, Doubtful."""
    for attempt in range(TRIES):
        view = View(gateway, now())
        try:
            decision = decide(view)
            if decision.writes:
                _write(gateway, view, decision)
        except (_Moved, Underway):
            # Random: two that met must not meet again.
            time.sleep(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt) * random.random())
            continue
        return decision.answer
    raise Contended


def _write(gateway: Gateway, view: View, decision: Decision[Any]) -> None:
    if gateway.has_transactions:
        _together(gateway, view, decision.writes)
    else:
        _in_order(gateway, decision)


def _together(gateway: Gateway, view: View, writes: Sequence[Write]) -> None:
    transaction = gateway.open_transaction()
    try:
        gateway.stage(transaction, writes)
        # A change between the first reading and the staging is no conflict to the server: only this look finds it.
        # A row that was found by a query, and not read by its id, was seen when it was found.
        seen = {(w.collection, w.row_id): w.seen for w in writes if isinstance(w, Change)} | {
            key: _version(row) for key, row in view.watched.items()
        }
        # A row that was not there and is made here needs no look: of two who make it the commit refuses one.
        made = {(w.collection, w.row_id) for w in writes if isinstance(w, Create)}
        seen = {key: version for key, version in seen.items() if version is not None or key not in made}
        now = gateway.fresh(seen)
        moved = any(_version(now[key]) != version for key, version in seen.items())
    except CallFailure:
        _drop(gateway, transaction)
        raise
    if moved:
        _drop(gateway, transaction)
        raise _Moved
    try:
        gateway.commit(transaction)
    except PermanentFailure as refused:
        if refused.status in (404, 409, 410):
            raise _Moved from None
        raise
    except CallFailure:
        _find_out(gateway, transaction)


def _drop(gateway: Gateway, transaction: str) -> None:
    """Give a transaction up; one that cannot be reached ends by itself, uncommitted."""
    try:
        gateway.roll_back(transaction)
    except CallFailure:
        return


def _find_out(gateway: Gateway, transaction: str) -> None:
    """Whether a commit without an answer was carried out. Raises _Moved where it was not, Doubtful."""
    for _ in range(3):
        try:
            status = gateway.status_of(transaction)
            if status == "committed":
                return
            if status == "failed" or (status == "pending" and gateway.roll_back(transaction)):
                raise _Moved
        except CallFailure:
            time.sleep(_LONGEST_PAUSE_S)  # the server did not answer: it is let be for longest
            continue
        time.sleep(_FIRST_PAUSE_S)  # the commit is under way, and ends within moments
    raise Doubtful


def _in_order(gateway: Gateway, decision: Decision[Any]) -> None:
    """Without transactions the first write decides, or the first few: who makes them goes on, whoever finds one made
    decides again."""
    for n, write in enumerate(decision.writes):
        try:
            if isinstance(write, Create):
                gateway.create(write)
            else:
                gateway.change(write)
        except PermanentFailure as refused:
            if refused.status != 409:
                raise
            if n < decision.claims or (decision.resumes and isinstance(write, Change)):
                raise _Moved from None
            if isinstance(write, Change):
                raise Doubtful from None


def _version(row: Row | None) -> object:
    return None if row is None else row.get("$updatedAt")


def utc_now() -> datetime:
    """This machine's clock, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
