"""What services did and how long it took, for who runs them: every request and every call to Appwrite, on its way to
ops.timings and ops.errors. No values, no ids of people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from marketplace.collection import Category
from marketplace.events import CallOutcome
from resources.appwrite.failures import CallEvent
from resources.spool import Spool

SOURCE: Final = "services"
_AREAS: Final = (
    ("/rooms", Category.CHAT),
    ("/support", Category.CHAT),
    ("/me/earnings", Category.PAYMENT),
    ("/me/commissions", Category.PAYMENT),
    ("/bookings", Category.BOOKING),
    ("/providers", Category.BOOKING),
    ("/me", Category.BOOKING),
)
"""What a failure of a path hinders, by its beginning."""


class NoNotes:
    """Nowhere."""

    lost = 0

    def note(self, *told: Any, **named: Any) -> None:
        """Nothing is kept."""


Notes = Spool | NoNotes
"""Where it goes; neither ever raises."""


def note_calls(notes: Notes) -> Callable[[CallEvent], None]:
    """Notes each call to Appwrite, as a gateway's ``on_call``."""

    def note(event: CallEvent) -> None:
        context: dict[str, str | int] = {
            "collection": event.collection,
            "reason": event.reason,
            "error_type": event.error_type,
            "attempts": event.attempts,
        }
        notes.note(
            event.at,
            event.operation,
            event.seconds,
            event.outcome,
            event.status,
            category=event.category,
            severity=event.severity,
            context={name: value for name, value in context.items() if value},
        )

    return note


def note_request(
    notes: Notes, at: datetime, method: str, route: str, seconds: float, status: int, code: str = ""
) -> None:
    """Notes a request. ``route``: its path as it is declared, without what was asked for; ``code``: of a problem.
    That a caller asks for what cannot be is an answer, and no error of ours."""
    outcome = (
        CallOutcome.TRANSIENT if status == 503 else CallOutcome.PERMANENT if status >= 500 else CallOutcome.OK
    )
    area = next((category for path, category in _AREAS if route.startswith(path)), Category.APPWRITE)
    context = {"code": code} if code else {}
    notes.note(at, f"{method} {route}", seconds, outcome, status, category=area, context=context)
