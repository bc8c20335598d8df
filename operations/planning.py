"""Making a plan: what an operation would do by what is published, within its limits. Writes to the ledger alone.

Beside what its kind proposes a plan leaves out what would only repeat itself: a row on which a call is still open, one
that was done since the snapshot was made, one whose last tries were skipped or failed a moment ago, one that a person
took back and for which there is no other reason by now.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import duckdb
from filelock import Timeout

from marketplace.operations import (
    BY_ORDER,
    ONLY_OF,
    ActionState,
    Mode,
    Operation,
    action_id,
    most_actions,
    pause_after,
)
from operations.action import Kind, Moment, Proposed, Sending
from operations.every import kind_of
from operations.port import Published, published
from resources.errors import BookwatchError, RunActive, UsageError
from resources.instants import stamp_of
from resources.ledger.actions import Actions, LastTry, NewAction, Plan
from resources.lock import file_lock
from resources.settings import Settings

LOCK_PATIENCE_S: Final = 20.0
SEEN_LATE: Final = timedelta(minutes=5)
"""How old what a snapshot shows may be when it is published: what was done since then may not be in it."""


@contextmanager
def operations_lock(settings: Settings, *, patience_s: float = LOCK_PATIENCE_S) -> Generator[None]:
    """Hold the lock under which a home plans, applies and undoes. Raises RunActive where another process holds it for
    longer than ``patience_s``. Released by the system when its holder dies."""
    try:
        settings.home.create()
        lock = file_lock(settings.home.operations_lock)
        lock.acquire(timeout=patience_s)
    except Timeout:
        raise RunActive.of("operations.busy") from None
    except OSError:  # a home that can be read only
        raise BookwatchError.of("operations.ledger", path=str(settings.home.ledger)) from None
    try:
        yield
    finally:
        lock.release()


def make_plan(
    settings: Settings,
    operation: Operation,
    *,
    by: str,
    reason: str = "",
    ordered: Mapping[str, str] | None = None,
    patience_s: float = LOCK_PATIENCE_S,
) -> Plan:
    """Plan an operation from the newest snapshot and enter it. ``ordered``: of an admin's operation the row ("row")
    and its arguments. Raises UsageError (it is off, needs an order, cannot be ordered so), RunActive (another process
    plans or applies), BookwatchError (nothing is published yet, or nothing it can be planned from), sqlite3.Error."""
    kind = kind_of(operation)
    if settings.mode_of(operation) is Mode.OFF:
        raise UsageError.of("operations.is_off", name=operation.value)
    if operation in BY_ORDER and not (ordered or {}).get("row"):
        raise UsageError.of("operations.row_wanted", name=operation.value)
    if unread := [name for name in ordered or {} if name in ONLY_OF and operation not in ONLY_OF[name]]:
        # It would be kept with the plan though nothing looks at it: it may be anything.
        raise UsageError.of("operations.set_unread", name=operation.value, names=unread)
    if operation not in BY_ORDER and ordered:
        raise UsageError.of("operations.no_row_wanted", name=operation.value)
    with operations_lock(settings, patience_s=patience_s):
        return planned(settings, kind, by=by, reason=reason, ordered=ordered or {})


def planned(settings: Settings, kind: Kind, *, by: str, reason: str, ordered: Mapping[str, str]) -> Plan:
    """The same for who holds the lock."""
    now = settings.clock.now()
    ledger = Actions(settings.home.ledger)
    moment = Moment(now, settings.timezone)
    with published(settings.home) as snapshot:
        try:
            rows = rows_of(snapshot, kind.collection)
            proposals = _once_a_row(kind.plan(snapshot, moment, ordered))
            if isinstance(kind, Sending):
                proposals = list(kind.still_due(settings, snapshot, proposals))
        except (
            duckdb.Error
        ) as unread:  # a snapshot of another version: its words are not shown, they quote it
            told = type(unread).__name__
            raise BookwatchError.of("operations.unplanned", name=kind.operation.value, kind=told) from None
        if not ordered:
            proposals = _worth_trying(proposals, ledger, kind.operation, snapshot.at, now)
        most = most_actions(rows, a_run=settings.actions_a_run, share=settings.actions_share)
        snapshot_id = snapshot.snapshot_id
    taken = proposals[:most]
    plan_id = f"{stamp_of(now)}-{secrets.token_hex(4)}"
    plan = Plan(
        plan_id,
        kind.operation,
        settings.mode_of(kind.operation),
        snapshot_id,
        now,
        dict(ordered),
        by,
        reason,
        most,
        len(taken),
        len(proposals) - len(taken),
    )
    actions = [
        NewAction(
            action_id(kind.operation, plan_id, proposed.collection, proposed.row_id),
            proposed.collection,
            proposed.row_id,
            proposed.before,
            proposed.after,
            proposed.why,
            proposed.rule,
            proposed.arguments,
        )
        for proposed in taken
    ]
    return ledger.enter_plan(plan, actions)


def rows_of(snapshot: Published, collection: str) -> int:
    """How many rows a collection has by a snapshot; 0 where it shows none of them."""
    told = snapshot.rows(
        "SELECT rows - deleted AS n FROM ops.mirror_rows WHERE collection = $name", {"name": collection}
    )
    return int(told[0]["n"]) if told else 0


def _once_a_row(proposals: Iterable[Proposed]) -> list[Proposed]:
    """The proposals, of two on one row the first."""
    found: dict[tuple[str, str], Proposed] = {}
    for proposed in proposals:
        found.setdefault((proposed.collection, proposed.row_id), proposed)
    return list(found.values())


def _worth_trying(
    proposals: list[Proposed], ledger: Actions, operation: Operation, seen_at: datetime, now: datetime
) -> list[Proposed]:
    if not proposals or not ledger.path.exists():
        return proposals
    tries = ledger.last_tries(operation)
    at_it = ledger.rows_at_work()
    kept: list[Proposed] = []
    for proposed in proposals:
        key = (proposed.collection, proposed.row_id)
        if key in at_it or ((last := tries.get(key)) is not None and _too_soon(last, proposed, seen_at, now)):
            continue
        kept.append(proposed)
    return kept


def _too_soon(last: LastTry, proposed: Proposed, seen_at: datetime, now: datetime) -> bool:
    if last.state is ActionState.DONE:
        return last.settled_at > seen_at - SEEN_LATE
    if last.state is ActionState.UNDONE:
        return last.why == proposed.why.json  # what a person took back is not done again by itself
    if not last.is_of(proposed.before, proposed.after):
        return False
    return now - last.settled_at < pause_after(last.tries, failed=last.state is ActionState.FAILED)
