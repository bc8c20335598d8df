"""Operations by themselves: each plans in its rhythm, and where it is enforced its plan is applied. One function, which
Dagster's jobs, `watch` and `serve` call; nothing of it runs while acting is stopped.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Final

from marketplace.operations import RHYTHMS, ActionState, Mode, Operation
from messages.message import Message
from operations.applying import Applied, apply_plan, settle_open
from operations.every import every_kind
from operations.planning import make_plan
from resources.acting import is_stopped
from resources.errors import BookwatchError, RunActive
from resources.ledger.actions import Actions, Plan
from resources.settings import Settings
from resources.snapshots import current_snapshot

SCHEDULE: Final = "schedule"
"""Who acts where no person ordered it."""
SCHEDULE_REASON: Final = "planned and due"
BUSY_PATIENCE_S: Final = 2.0


@dataclass(frozen=True)
class Turned:
    """What came of an operation's turn. ``idle``: why it had none; ``plan``: what was planned; ``applied``: where it is
    enforced and had something to do."""

    operation: Operation
    idle: Message | None = None
    plan: Plan | None = None
    applied: Applied | None = None


def idle_reason(settings: Settings, operation: Operation) -> Message | None:
    """Why an operation has no turn now; None where it has one."""
    if operation not in every_kind():
        return Message("operations.idle_none")
    if settings.mode_of(operation) is Mode.OFF:
        return Message("operations.idle_off")
    if is_stopped(settings.home):
        return Message("operations.idle_stopped")
    if current_snapshot(settings.home) is None:
        return Message("operations.idle_unpublished")
    return None


def find_out(settings: Settings, operation: Operation) -> BookwatchError | None:
    """Settle what an earlier run left open, where it may be asked for; why that could not be. Raises sqlite3.Error."""
    if not _may_write(settings, operation) or is_stopped(settings.home):
        return None
    try:
        settle_open(settings, patience_s=BUSY_PATIENCE_S)
    except BookwatchError as refused:
        return refused
    return None


def plan_turn(settings: Settings, operation: Operation) -> Turned:
    """Plan an operation in its rhythm. Raises as ``make_plan``."""
    idle = idle_reason(settings, operation)
    if idle is not None:
        return Turned(operation, idle)
    if (refused := find_out(settings, operation)) is not None:
        raise refused
    return Turned(operation, plan=make_plan(settings, operation, by=SCHEDULE, patience_s=BUSY_PATIENCE_S))


def turn(settings: Settings, operation: Operation) -> Turned:
    """Plan an operation, and apply the plan where it is enforced. Raises as ``make_plan`` and ``apply_plan``."""
    planned = plan_turn(settings, operation)
    if planned.plan is None or not waits(settings, planned.plan):
        return planned
    applied = apply_plan(
        settings, planned.plan.plan_id, by=SCHEDULE, reason=SCHEDULE_REASON, patience_s=BUSY_PATIENCE_S
    )
    return Turned(operation, plan=applied.plan, applied=applied)


def waits(settings: Settings, plan: Plan) -> bool:
    """Whether a plan has something to apply, and may be applied."""
    if not _may_write(settings, plan.operation):
        return False
    return bool(
        Actions(settings.home.ledger).actions(plan_id=plan.plan_id, state=ActionState.PLANNED, limit=1)
    )


def _may_write(settings: Settings, operation: Operation) -> bool:
    """Whether a turn may apply: an operation that sends takes somewhere to send to."""
    if operation is Operation.RETRY_NOTIFICATIONS and not settings.sends_notifications:
        return False
    return settings.mode_of(operation) is Mode.ENFORCE and bool(
        settings.appwrite_write_key.get_secret_value().strip()
    )


class OperationTurns:
    """The operations of a process that goes on: each has its turn when its time has come."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._due: dict[Operation, float] = dict.fromkeys(RHYTHMS, time.monotonic())

    def look(self) -> list[str]:
        """Give those whose time has come their turn; a line for each that did something, or could not."""
        said: list[str] = []
        for operation, due in self._due.items():
            if time.monotonic() < due:
                continue
            self._due[operation] = time.monotonic() + RHYTHMS[operation].total_seconds()
            try:
                found = turn(self._settings, operation)
            except RunActive:
                continue  # another process is at it: the next turn sees what it left
            except BookwatchError as refused:
                said.append(f"{operation}: {refused}")
            except sqlite3.Error:
                said.append(f"{operation}: the ledger could not be read or written.")
            else:
                if (line := line_of(found)) is not None:
                    said.append(line)
        return said


def line_of(found: Turned) -> str | None:
    """What a turn did, in a line; None where nothing was written."""
    if found.applied is None:
        return None
    counts = ", ".join(f"{number:,} {state}" for state, number in found.applied.counts.items() if number)
    problem = f" {found.applied.problem}" if found.applied.problem is not None else ""
    return f"{found.operation}: {counts}.{problem}"
