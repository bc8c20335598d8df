"""What a call to Appwrite can end in: permanent and transient failures, and the event each call leaves.

Not here: how often a call is tried again (patience.py), and the errors a person reads (resources/errors.py).
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appwrite.exception import AppwriteException

from marketplace.collection import Category
from marketplace.collections import category_of
from marketplace.error_rate import SLOW_SECONDS
from marketplace.events import CallOutcome, EventSeverity
from messages.catalogue import say
from messages.message import Arg, Message

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

# What happened: the words of each (cause.*) never repeat anything the server or a row said.
REASONS: Final = frozenset(
    (
        "unauthorized",
        "expired",
        "scope",
        "forbidden",
        "region",
        "paused",
        "quota",
        "service_off",
        "https",
        "no_project",
        "not_found",
        "unknown_route",
        "bad_request",
        "redirect",
        "certificate",
        "bad_setting",
        "no_date",
        "no_sequence",
        "no_order",
        "rate_limited",
        "server_error",
        "proxy_error",
        "time_out",
        "connection",
        "web_page",
        "too_large",
        "malformed",
        "circuit_open",
    )
)

_TYPE = re.compile(r"[a-z][a-z0-9_]{1,63}")


class CallFailure(AppwriteException):
    """A call to Appwrite that failed for good (for this call). Carries no key, no row value and no server
    text. ``host``: that was asked, with its port; set by the gateway.

    It is an AppwriteException, so that the SDK's typed services raise what their users expect.
    """

    retried = False
    may_be_size = False
    """Whether it may be due to the size of the answer, so that fewer rows may be had."""

    def __init__(
        self,
        operation: str,
        reason: str,
        *,
        collection: str = "",
        status: int | None = None,
        error_type: str = "",
        retry_after: float | None = None,
        attempts: int = 1,
    ) -> None:
        self.operation = operation
        self.reason = reason
        self.collection = collection
        self.status = status
        self.error_type = error_type if _TYPE.fullmatch(error_type) else ""
        self.retry_after = retry_after
        self.attempts = attempts
        self.host = ""
        # What it says is made when somebody reads it: the most are tried again and heard of no more.
        super().__init__("", status or 0, self.error_type or None, None)

    @property
    def sentence(self) -> str:
        """One sentence, in English: what was asked, and what happened."""
        return say(self.said)

    @property
    def said(self) -> Message:
        """What was asked, and what happened, for any language."""
        cause = self.cause_said
        return Message("call.failed_answer", {**cause.args, "answer": self.told}) if self.told else cause

    @property
    def cause_said(self) -> Message:
        """The same without what the answer says of itself."""
        named: dict[str, Arg] = {"operation": self.operation, "collection": self.collection}
        reason: Arg = Message(f"cause.{self.reason}") if self.reason in REASONS else self.reason
        if self.reason == "rate_limited" and self.retry_after:
            reason = Message("call.wait", {"reason": reason, "seconds": round(self.retry_after)})
        what: Arg = Message("call.of", named) if self.collection else self.operation
        return Message("call.failed", {"what": what, "reason": reason})

    @property
    def told(self) -> str:
        """Code, type and host of the answer, such as ``403, project_paused, cloud.example``; '' where none came."""
        if self.status is None:
            return ""
        return ", ".join(str(part) for part in (self.status, self.error_type, self.host) if part)

    def __str__(self) -> str:
        return self.sentence


class PermanentFailure(CallFailure):
    """Asking again gives the same answer: a refused key, a missing collection, a wrong request."""


class TransientFailure(CallFailure):
    """Asking later may work.

    A time-out, a broken connection, an overloaded or failing server, a mangled answer.
    """

    def __init__(self, operation: str, reason: str, *, retried: bool = True, **told: object) -> None:
        super().__init__(operation, reason, **told)  # type: ignore[arg-type] - what CallFailure asks for, handed on
        self.retried = retried


class CircuitOpen(TransientFailure):
    """Not asked at all: the breaker is open."""


class Malformed(Exception):
    """An answer with status 200 that is not what was asked for.

    Becomes a transient failure; carries no content.
    """


class NoSequence(Malformed):
    """Rows without a numeric $sequence, of a server that has none (order.py). Becomes a permanent failure."""


class TooLarge(Malformed):
    """An answer with more bytes or values in it than are taken (bounds.py)."""


@dataclass(frozen=True)
class CallEvent:
    """One call, its retries included. ``seconds`` includes the waits; ``at`` is the clock's, naive UTC."""

    at: datetime
    operation: str
    collection: str
    seconds: float
    outcome: CallOutcome
    status: int | None
    category: Category
    severity: EventSeverity
    attempts: int
    reason: str = ""
    error_type: str = ""
    host: str = ""

    @property
    def slow(self) -> bool:
        """Slower than 3 s: flagged."""
        return self.seconds > SLOW_SECONDS


def event_of(
    operation: str,
    collection: str,
    seconds: float,
    attempts: int,
    at: datetime,
    *,
    status: int | None = None,
    failure: CallFailure | None = None,
    expected: bool = False,
) -> CallEvent:
    """The event of a call. ``expected``: a failure that is an answer (a probe), so it alarms nobody."""
    area = category_of(collection)
    if failure is None:
        hindered = attempts > 1 or seconds > SLOW_SECONDS
        return CallEvent(
            at,
            operation,
            collection,
            seconds,
            CallOutcome.OK,
            status,
            area,
            EventSeverity.WARNING if hindered else EventSeverity.INFO,
            attempts,
        )
    outcome = (
        CallOutcome.OPEN
        if isinstance(failure, CircuitOpen)
        else CallOutcome.TRANSIENT
        if isinstance(failure, TransientFailure)
        else CallOutcome.PERMANENT
    )
    refused = failure.status in (401, 402, 403)
    category = (
        Category.AUTH
        if refused
        else Category.NETWORK
        if failure.reason in ("connection", "time_out", "certificate", "redirect") and failure.status is None
        else area
    )
    severity = (
        EventSeverity.INFO
        if expected
        else EventSeverity.CRITICAL
        if failure.status == 401
        else EventSeverity.ERROR
    )
    return CallEvent(
        at,
        operation,
        collection,
        seconds,
        outcome,
        failure.status,
        category,
        severity,
        attempts,
        failure.reason,
        failure.error_type,
        failure.host,
    )
