"""Which checks turned from holding to failing, or back, since people were last told. Pure; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from resources.ledger import AlertState
from resources.run_context import CheckOutcome


@dataclass(frozen=True)
class Transition:
    """A check that turned: the new state, and the verdict that shows it."""

    state: AlertState
    check: CheckOutcome


def alert_name(check: CheckOutcome) -> str:
    """The identity of the alert of a check."""
    return f"{check.asset}:{check.check_name}"


def transitions(
    known: Mapping[str, AlertState], checks: Iterable[CheckOutcome], *, now: datetime
) -> list[Transition]:
    """The transitions people have not been told of yet, in the order of the checks.

    A check never seen before is a transition only if it fails. A transition whose message was not delivered
    (``announced`` is False) is returned again until it is, or until the check turns back.
    """
    found: list[Transition] = []
    for check in checks:
        name = alert_name(check)
        before = known.get(name)
        failing = not check.passed
        told = before.firing if before and before.announced else _last_told(before)
        if failing == told:
            continue
        since = before.since if before and before.firing == failing else now
        found.append(Transition(AlertState(name, failing, since, announced=False), check))
    return found


def _last_told(before: AlertState | None) -> bool:
    """What people believe: nothing said yet means holding; an unannounced change means its opposite."""
    return False if before is None else not before.firing


def settled(
    known: Mapping[str, AlertState], checks: Iterable[CheckOutcome], pending: list[Transition]
) -> list[AlertState]:
    """States that turned back before anyone was told: recorded as announced, since people still believe the truth."""
    waiting = {t.state.name for t in pending}
    result: list[AlertState] = []
    for check in checks:
        name = alert_name(check)
        before = known.get(name)
        if name in waiting or before is None or before.announced:
            continue
        result.append(AlertState(name, not check.passed, before.since, announced=True))
    return result
