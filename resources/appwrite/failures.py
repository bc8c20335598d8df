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

from appwrite.exception import AppwriteException

from marketplace.collection import Category
from marketplace.collections import category_of
from marketplace.error_rate import SLOW_SECONDS
from marketplace.events import CallOutcome, EventSeverity

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

# What happened, in words that never repeat anything the server or a row said.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "unauthorized": "Appwrite does not accept the API key",
        "expired": "the API key has expired",
        "scope": "the API key lacks a scope",
        "forbidden": "Appwrite forbids it",
        "region": "the project is not served in the region of this endpoint",
        "paused": "the project is paused or blocked",
        "quota": "a limit of the plan is used up",
        "service_off": "the service is switched off",
        "https": "Appwrite wants to be called over https",
        "no_project": "Appwrite does not have the project",
        "not_found": "Appwrite does not have it",
        "unknown_route": "the endpoint does not know this address",
        "bad_request": "Appwrite does not accept the request",
        "redirect": "the endpoint answers with a redirect, refused because the key would travel along",
        "certificate": "the endpoint's certificate is not trusted",
        "bad_setting": "the endpoint or the key cannot be used as it is written",
        "no_date": "the endpoint sends no Date header",
        "no_sequence": "rows carry no numeric $sequence",
        "no_order": "rows have neither a numeric $sequence nor an order by $id",
        "rate_limited": "Appwrite asks to wait",
        "server_error": "Appwrite failed",
        "proxy_error": "a proxy or balancer before Appwrite answered with a page of its own",
        "time_out": "Appwrite did not answer in time",
        "connection": "the connection failed",
        "web_page": "a web page came, which is no answer of Appwrite's API",
        "too_large": "the answer is larger than 64 MiB",
        "malformed": "the answer was not the JSON expected (empty or cut off)",
        "circuit_open": "calls are paused after repeated failures",
    }
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
        super().__init__(self.sentence, status or 0, self.error_type or None, None)

    @property
    def sentence(self) -> str:
        """One sentence: what was asked, and what happened."""
        return f"{self.cause} ({self.told})" if self.told else self.cause

    @property
    def cause(self) -> str:
        """The sentence without what the answer says of itself."""
        what = f"{self.operation} of {self.collection}" if self.collection else self.operation
        wait = f" {self.retry_after:,.0f} s" if self.reason == "rate_limited" and self.retry_after else ""
        return f"{what}: {REASONS.get(self.reason, self.reason)}{wait}"

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
            "ok",
            status,
            area,
            "warning" if hindered else "info",
            attempts,
        )
    outcome: CallOutcome = (
        "open"
        if isinstance(failure, CircuitOpen)
        else "transient"
        if isinstance(failure, TransientFailure)
        else "permanent"
    )
    refused = failure.status in (401, 402, 403)
    category: Category = (
        "auth"
        if refused
        else "network"
        if failure.reason in ("connection", "time_out", "certificate", "redirect") and failure.status is None
        else area
    )
    severity: EventSeverity = "info" if expected else "critical" if failure.status == 401 else "error"
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
