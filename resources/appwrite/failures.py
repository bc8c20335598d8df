"""What a call to Appwrite can end in: permanent and transient failures, and the event each call leaves.

Not here: how often a call is tried again (patience.py), and the errors a person reads (resources/errors.py).
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from appwrite.exception import AppwriteException

Outcome = Literal["ok", "permanent", "transient", "open"]
Category = Literal["booking", "chat", "payment", "auth", "appwrite", "network"]
Severity = Literal["critical", "error", "warning", "info"]

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
SLOW_SECONDS = 3.0

CATEGORY_OF_COLLECTION: Mapping[str, Category] = MappingProxyType(
    {
        "bookings": "booking",
        "hotel_bookings": "booking",
        "chat_rooms": "chat",
        "chat_messages": "chat",
        "admin_messages": "chat",
        "commission_records": "payment",
        "payment_transactions": "payment",
    }
)

# What happened, in words that never repeat anything the server or a row said.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "unauthorized": "Appwrite does not accept the API key",
        "scope": "the API key lacks a scope",
        "forbidden": "Appwrite forbids it",
        "not_found": "Appwrite does not have it",
        "unknown_route": "the endpoint does not know this address",
        "bad_request": "Appwrite does not accept the request",
        "redirect": "the endpoint answers with a redirect, refused because the key would travel along",
        "certificate": "the endpoint's certificate is not trusted",
        "bad_setting": "the endpoint or the key cannot be used as it is written",
        "no_date": "the endpoint sends no Date header",
        "no_sequence": "rows carry no $sequence, or it does not rise",
        "rate_limited": "Appwrite asks to wait",
        "server_error": "Appwrite failed",
        "time_out": "Appwrite did not answer in time",
        "connection": "the connection failed",
        "too_large": "the answer is larger than 64 MiB",
        "malformed": "the answer was not the JSON expected (HTML, empty or cut off)",
        "circuit_open": "calls are paused after repeated failures",
    }
)

_TYPE = re.compile(r"[a-z][a-z0-9_]{1,63}")


class CallFailure(AppwriteException):
    """A call to Appwrite that failed for good (for this call). Carries no key, no row value and no server
    text.

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
        super().__init__(self.sentence, status or 0, self.error_type or None, None)

    @property
    def sentence(self) -> str:
        """One sentence: what was asked, and what happened."""
        what = f"{self.operation} of {self.collection}" if self.collection else self.operation
        told = ", ".join(str(part) for part in (self.status, self.error_type) if part)
        return f"{what}: {REASONS.get(self.reason, self.reason)}{f' ({told})' if told else ''}"

    def __str__(self) -> str:
        return self.sentence


class PermanentFailure(CallFailure):
    """Asking again gives the same answer: a refused key, a missing collection, a wrong request."""


class TransientFailure(CallFailure):
    """Asking later may work.

    A time-out, a broken connection, an overloaded or failing server, a mangled answer.
    """

    def __init__(self, operation: str, reason: str, *, retried: bool = True, **told: object) -> None:
        super().__init__(operation, reason, **told)  # type: ignore[arg-type]
        self.retried = retried


class CircuitOpen(TransientFailure):
    """Not asked at all: the breaker is open."""


class Malformed(Exception):
    """An answer with status 200 that is not what was asked for.

    Becomes a transient failure; carries no content.
    """


class TooLarge(Malformed):
    """An answer with more bytes or values in it than are taken (bounds.py)."""


def failure_of_status(
    operation: str,
    collection: str,
    status: int,
    error_type: str,
    is_json: bool,
    retry_after: float | None,
    *,
    as_guest: bool = False,
) -> CallFailure:
    """The failure an HTTP status of 300 or more stands for.

    ``as_guest``: the server took the caller for one. A key it does not know is none, so that where guests lack a scope
    a wrong key is answered as a key without the scope is, but for that word.
    """
    if status in RETRIED_STATUSES or status >= 500:
        return TransientFailure(
            operation,
            "rate_limited" if status == 429 else "time_out" if status in (408, 504) else "server_error",
            retried=status in RETRIED_STATUSES,
            collection=collection,
            status=status,
            error_type=error_type,
            retry_after=retry_after,
        )
    if 300 <= status < 400:
        reason = "redirect"
    elif status == 401:
        lacks = error_type == "general_unauthorized_scope" and not as_guest
        reason = "scope" if lacks else "unauthorized"
    elif status == 403:
        reason = "forbidden"
    elif status == 404:
        reason = "not_found" if is_json and error_type != "general_route_not_found" else "unknown_route"
    else:
        reason = "bad_request"
    return PermanentFailure(operation, reason, collection=collection, status=status, error_type=error_type)


@dataclass(frozen=True)
class CallEvent:
    """One call, its retries included. ``seconds`` includes the waits; ``at`` is the clock's, naive UTC."""

    at: datetime
    operation: str
    collection: str
    seconds: float
    outcome: Outcome
    status: int | None
    category: Category
    severity: Severity
    attempts: int
    reason: str = ""
    error_type: str = ""

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
    area = CATEGORY_OF_COLLECTION.get(collection, "appwrite")
    if failure is None:
        hindered = attempts > 1 or seconds > SLOW_SECONDS
        return CallEvent(
            at,
            operation,
            collection,
            seconds,
            "ok",
            status,
            area,
            "warning" if hindered else "info",
            attempts,
        )
    outcome: Outcome = (
        "open"
        if isinstance(failure, CircuitOpen)
        else "transient"
        if isinstance(failure, TransientFailure)
        else "permanent"
    )
    refused = failure.status in (401, 403)
    category: Category = (
        "auth"
        if refused
        else "network"
        if failure.reason in ("connection", "time_out", "certificate", "redirect") and failure.status is None
        else area
    )
    severity: Severity = "info" if expected else "critical" if failure.status == 401 else "error"
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
    )
