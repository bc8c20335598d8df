"""What an answer that is none says: Appwrite's own error, a web page of something else, and the cause behind it.

Of its message only what is known beforehand is looked for; no word of it goes on. What a person is told to do is in
unavailable.py, how a refusal travels in failures.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import orjson

from resources.appwrite.failures import RETRIED_STATUSES, CallFailure, PermanentFailure, TransientFailure

_PAGE_KINDS = ("text/html", "application/xhtml")
_PAGE_BEGINS = (b"<!doctype html", b"<html")

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "general_region_access_denied": "region",
        "project_paused": "paused",
        # Cloud's word for a project that is paused for inactivity or blocked for a bill.
        "general_resource_blocked": "paused",
        "general_service_disabled": "service_off",
        "general_api_disabled": "service_off",
        "project_key_expired": "expired",
        "api_key_expired": "expired",
        "general_protocol_unsupported": "https",
        "general_access_forbidden": "forbidden",
        "general_unknown_origin": "forbidden",
        "user_ip_not_whitelisted": "forbidden",
        "project_not_found": "no_project",
        "project_unknown": "no_project",
        "project_id_missing": "no_project",
        "general_rate_limit_exceeded": "rate_limited",
    }
)
"""Appwrite's error types that name their cause whatever the status (a service that is off is 503 before 1.5)."""

_BY_WORD: tuple[tuple[re.Pattern[str], str], ...] = (
    # limit_databases_reads_exceeded, billing_limit_exceeded …: of an organisation's plan, not of a minute.
    (re.compile(r"^limit_\w+_exceeded$|billing|quota|(^|_)plan(_|$)|budget"), "quota"),
    (re.compile(r"(^|_)paused(_|$)"), "paused"),
    (re.compile(r"(^|_)region(_|$)"), "region"),
    (re.compile(r"key_expired$"), "expired"),
)
"""Types that are not in the list (Appwrite Cloud has its own), by the word that makes them."""

PASSES_BY_ITSELF = frozenset(
    {"rate_limited", "server_error", "proxy_error", "time_out", "connection", "circuit_open", "malformed"}
)
"""Reasons for which trying again later can be enough."""

_BY_MESSAGE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bregions?\b", re.IGNORECASE), "region"),
    (re.compile(r"\bpaused\b", re.IGNORECASE), "paused"),
    (re.compile(r"\bkey\b.{0,40}\bexpired\b", re.IGNORECASE), "expired"),
)
"""And by the words of its message, where the status says no more than no."""
_REFUSED = frozenset({401, 402, 403, 404, 423, 451})
"""Of these alone the message is looked at: that of a 400 repeats what was asked, and a column may be named region."""

REFUSALS = frozenset(
    {
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
    }
)
"""Reasons of an answer that says: not you, not here, not now."""


@dataclass(frozen=True)
class ErrorAnswer:
    """An answer with a status of 300 or more. ``is_json``: Appwrite's own form; ``is_page``: HTML; ``as_guest``: the
    server took the caller for one; ``says``: the cause its message speaks of; ``to_page``: a redirect to the
    console."""

    status: int
    error_type: str = ""
    is_json: bool = False
    is_page: bool = False
    as_guest: bool = False
    says: str = ""
    to_page: bool = False


def is_refusal(failure: CallFailure) -> bool:
    """Whether Appwrite (or what stands before it) will not let us have it: the key, the project, the plan, a switch."""
    return isinstance(failure, PermanentFailure) and (
        failure.status in (401, 402, 403) or failure.reason in REFUSALS
    )


def is_page(body: bytes, kind: str) -> bool:
    """Whether an answer is a web page, by its Content-Type or its beginning."""
    return kind.startswith(_PAGE_KINDS) or body[:64].lstrip().lower().startswith(_PAGE_BEGINS)


def read_error(status: int, body: bytes, headers: Mapping[str, str], endpoint: str) -> ErrorAnswer:
    """What an error answer says of itself."""
    kind = headers.get("Content-Type", "").lower()
    page = is_page(body, kind)
    if 300 <= status < 400:
        target = urlsplit(urljoin(endpoint, headers.get("Location") or ""))
        inside = target.netloc == urlsplit(endpoint).netloc
        return ErrorAnswer(status, is_page=page, to_page=inside and target.path.startswith("/console"))
    error: Any = None
    if kind.startswith("application/json"):
        try:
            error = orjson.loads(body)
        except orjson.JSONDecodeError:
            error = None
    if not isinstance(error, dict):
        return ErrorAnswer(status, is_page=page)
    told = cast("dict[str, Any]", error)
    error_type, message = told.get("type"), told.get("message")
    words = message if isinstance(message, str) else ""
    return ErrorAnswer(
        status,
        error_type if isinstance(error_type, str) else "",
        is_json=True,
        as_guest=words.startswith("User (role: guest"),
        says=_said(words) if status in _REFUSED else "",
    )


def _said(message: str) -> str:
    # What stands in quotes is an id or a scope, not a word of the server's.
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "", message)
    return next((cause for words, cause in _BY_MESSAGE if words.search(plain)), "")


def reason_of(answer: ErrorAnswer) -> str:
    """The cause an error answer names, a word of failures.REASONS."""
    status, error_type = answer.status, answer.error_type
    named = CAUSES.get(error_type) or next(
        (cause for word, cause in _BY_WORD if word.search(error_type)), None
    )
    if answer.says and named in (None, "forbidden", "no_project"):
        return answer.says
    if named is not None and not (named == "rate_limited" and status != 429):
        return named
    if status == 402:
        return "quota"
    if answer.is_page and status in (502, 503):
        return "proxy_error"
    if status in RETRIED_STATUSES or status >= 500:
        return "rate_limited" if status == 429 else "time_out" if status in (408, 504) else "server_error"
    if 300 <= status < 400:
        return "web_page" if answer.to_page else "redirect"
    if status == 404:
        known = answer.is_json and error_type != "general_route_not_found"
        return "not_found" if known else "unknown_route"
    if answer.is_page:
        return "web_page"
    if status == 401:
        lacks = error_type == "general_unauthorized_scope" and not answer.as_guest
        return "scope" if lacks else "unauthorized"
    return "forbidden" if status == 403 else "bad_request"


def failure_of_answer(
    operation: str, collection: str, answer: ErrorAnswer, retry_after: float | None
) -> CallFailure:
    """The failure an error answer stands for.

    ``as_guest``: a key the server does not know is none, so that where guests lack a scope a wrong key is answered as
    a key without the scope is, but for that word.
    """
    reason = reason_of(answer)
    status, error_type = answer.status, answer.error_type
    if reason in PASSES_BY_ITSELF:
        return TransientFailure(
            operation,
            reason,
            retried=status in RETRIED_STATUSES,
            collection=collection,
            status=status,
            error_type=error_type,
            retry_after=retry_after,
        )
    return PermanentFailure(operation, reason, collection=collection, status=status, error_type=error_type)
