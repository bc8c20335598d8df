"""A command by its Idempotency-Key: carried out once, and answered the same however often it is asked.

What was answered is a row that comes to stand with the command's own writes, so that neither is without the other. A
command that could not be done wrote nothing and is remembered nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from pydantic_core import to_jsonable_python

from marketplace.operations import request_id
from resources.appwrite.failures import CircuitOpen, PermanentFailure, TransientFailure
from resources.appwrite.writing import Create, Row
from services.patience import RETRIED_UNTIL_S, seconds_left
from services.problems import Problem
from services.store import Decision, Doubtful, Gateway, View, carry_out
from services.tables import REQUESTS

A = TypeVar("A")

LONGEST_KEY: Final = 255
KEY: Final = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")
"""What an Idempotency-Key may be: visible ASCII, so that a UUID and an opaque string both are."""
_TRIES: Final = 3


@dataclass(frozen=True)
class Reply:
    """What a command was answered: the status of HTTP, the body as JSON has it."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """What is asked, by whom. ``what``: a word for it (create_booking); ``key``: the caller's Idempotency-Key;
    ``where`` and ``body``: path and body of the request, which tell it from another one of the same key."""

    what: str
    user_id: str
    key: str
    where: str = ""
    body: bytes = b""

    @property
    def request_id(self) -> str:
        """The id of the row it is remembered in. Ids of rows that a command makes may be derived of it: on a server
        without transactions, too, the same key then makes the same rows."""
        return request_id(self.user_id, self.key)

    @property
    def digest(self) -> str:
        """Tells its request from another one. The key is in it, which nobody else knows: without it nobody finds out
        by trying what was asked."""
        parts = (self.what.encode(), self.where.encode(), _canonical(self.body))
        return hmac.new(self.key.encode(), b"\0".join(parts), hashlib.sha256).hexdigest()


def _canonical(body: bytes) -> bytes:
    """A body of JSON as everybody writes it who says the same; any other as it is."""
    try:
        return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return body


def perform(
    gateway: Gateway,
    now: Callable[[], datetime],
    command: Command,
    decide: Callable[[View], Decision[A]],
    *,
    status: int | Callable[[A], int] = 200,
) -> Reply:
    """Carry a command out, or answer as it was answered before. What ``decide`` answers is a model or a record. Raises
    Problem (also ``idempotency_key_reused``), CallFailure, Contended, Doubtful."""
    asked_before = not gateway.has_transactions
    """Whether it is to be looked first whether the request was carried out: where rows are written together, the row
    that remembers it refuses the second time, and the first time spares the call."""

    def remembered(view: View) -> Decision[Reply]:
        nonlocal asked_before
        if asked_before:
            held = _known(view, command)
            if held is not None:
                return Decision(held)
        asked_before = True
        try:
            decision = decide(view)
        except Problem:
            # The first time may be why it cannot be done now: then it is that answer.
            held = _known(view, command)
            if held is None:
                raise
            return Decision(held)
        code = status if isinstance(status, int) else status(decision.answer)
        reply = Reply(code, to_jsonable_python(decision.answer, by_alias=True, exclude_none=True))
        kept = _kept(command, reply, view.now)
        if decision.writes:
            return Decision(reply, (*decision.writes, kept))
        try:
            view.gateway.create(kept)
        except PermanentFailure as refused:
            held = _known(view, command) if refused.status == 409 else None
            if held is None:
                raise
            return Decision(held)
        return Decision(reply)

    tries = _TRIES if gateway.has_transactions else 1
    while True:
        tries -= 1
        try:
            return carry_out(gateway, now, remembered)
        except CircuitOpen:
            raise
        except TransientFailure:
            # Nothing was committed: it is begun anew, as long as the caller waits.
            if not tries or seconds_left() < RETRIED_UNTIL_S:
                raise
        except Doubtful:
            if not tries or seconds_left() < RETRIED_UNTIL_S:
                raise


def _known(view: View, command: Command) -> Reply | None:
    """What the request was answered before. Raises Problem where its key was another request's."""
    row = view.glance(REQUESTS, command.request_id)
    if row is None:
        return None
    if row.get("digest") != command.digest:
        raise Problem(422, "idempotency_key_reused")
    return _reply(row)


def _reply(row: Row) -> Reply:
    told: object = json.loads(str(row.get("answer") or "{}"))
    return Reply(int(row["status"]), cast("dict[str, Any]", told if isinstance(told, dict) else {}))


def _kept(command: Command, reply: Reply, now: datetime) -> Create:
    return Create(
        REQUESTS,
        command.request_id,
        {
            "what": command.what,
            "digest": command.digest,
            "status": reply.status,
            "answer": json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")),
            "at": now.replace(tzinfo=UTC).isoformat(timespec="milliseconds"),
        },
    )
