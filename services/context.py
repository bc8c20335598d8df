"""What a route works with: the one Appwrite of the app, the clock, who calls, and by which key.

@ROUTER.post("/bookings/{booking_id}/accept")
def accept(booking_id: BookingId, body: Acceptance, asked: Asked) -> JSONResponse:
    return asked.command("accept_booking", lambda view: accept_booking(view, asked.caller, booking_id, body))
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Protocol, TypeVar, cast

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from resources.appwrite.files import FileStore
from resources.appwrite.writing import WritingGateway
from resources.settings import Settings
from services.accounts import Accounts
from services.callers import Caller
from services.commands import KEY, LONGEST_KEY, Command, perform
from services.going_on import Asides
from services.noting import NoNotes, Notes, note_calls
from services.patience import seconds_left
from services.problems import Problem
from services.store import Decision, Gateway, View, carry_out

A = TypeVar("A")
T = TypeVar("T")

CONNECT_S: Final = 1.0
READ_S: Final = 3.0
FILE_READ_S: Final = 6.0
LONGEST_WAIT_S: Final = 2.0
"""A server that asks to be left alone for longer gets its wish, and the caller is told to come again."""
CONNECTIONS: Final = 16
APART: Final = timedelta(minutes=1)
"""So far our clock and the server's may be apart; beyond, the later one judges."""


class Proving(Protocol):
    """Who tells whose JWT it is: accounts.py."""

    def caller(self, jwt: str, language: str | None = None) -> Caller: ...
    def close(self) -> None: ...


@dataclass
class Services:
    """One an app; safe for threads. ``notes``: where requests and calls are noted."""

    settings: Settings
    gateway: Gateway
    accounts: Proving
    notes: Notes = field(default_factory=NoNotes)
    server_now: Callable[[], datetime | None] = lambda: None
    """The server's clock, naive UTC; None before its first answer."""
    asides: Asides = field(default_factory=Asides)
    """What failed for good in the loops."""
    _ones: dict[type, Any] = field(default_factory=dict[type, Any])
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def one(self, kind: type[T], make: Callable[[Services], T]) -> T:
        """The one object of its kind in this process (a cache, a watcher): made when it is first asked for, closed with
        the app where it has a ``close``."""
        with self._lock:  # what is made may ask for another one
            if kind not in self._ones:
                self._ones[kind] = make(self)
            return self._ones[kind]

    def ending(self) -> None:
        """The process is to end: answers that would go on for long end first (an object's ``ending``)."""
        with self._lock:
            ones = list(self._ones.values())
        for one in ones:
            ending = getattr(one, "ending", None)
            if ending is not None:
                ending()

    def now(self) -> datetime:
        """Naive UTC: our clock; where the server's is more than a minute off, the later one of both."""
        ours = self.settings.clock.naive_now()
        theirs = self.server_now() if self.settings.now is None else None
        return ours if theirs is None or abs(theirs - ours) <= APART else max(ours, theirs)

    def files(self) -> FileStore:
        """Appwrite Storage, within the bounds of a request. Raises UsageError where there is no acting key."""

        def made(services: Services) -> FileStore:
            return FileStore(
                services.settings,
                services.settings.clock,
                note_calls(services.notes),
                timeouts=(CONNECT_S, FILE_READ_S),
                seconds_left=seconds_left,
                longest_wait=LONGEST_WAIT_S,
            )

        return self.one(FileStore, made)

    def view(self) -> View:
        """Rows as they are now, for an answer that writes nothing."""
        return View(self.gateway, self.now())

    def carry_out(self, decide: Callable[[View], Decision[T]]) -> T:
        """Decide and write, for what no request asks: dispatching, sweeping. Raises CallFailure, Contended, Doubtful,
        and what ``decide`` raises."""
        return carry_out(self.gateway, self.now, decide)

    def close(self) -> None:
        with self._lock:
            ones, self._ones = list(self._ones.values()), {}
        for one in (*reversed(ones), self.accounts, self.gateway, self.notes):
            close = getattr(one, "close", None)
            if close is not None:
                close()


def open_services(settings: Settings, notes: Notes | None = None) -> Services:
    """The services of a marketplace. Raises UsageError where a setting or the writing key is missing."""
    notes = notes or NoNotes()
    on_call, timeouts = note_calls(notes), (CONNECT_S, READ_S)
    wide = settings.model_copy(update={"workers": CONNECTIONS})
    gateway = WritingGateway(
        wide,
        settings.clock,
        on_call,
        timeouts=timeouts,
        seconds_left=seconds_left,
        longest_wait=LONGEST_WAIT_S,
    )
    accounts = Accounts(
        settings, settings.clock, gateway, on_call, timeouts=timeouts, longest_wait=LONGEST_WAIT_S
    )

    def server_now() -> datetime | None:
        told = gateway.server_clock.now()
        return None if told is None else told.replace(tzinfo=None)

    return Services(settings, gateway, accounts, notes, server_now)


@dataclass(frozen=True)
class Asking:
    """A request of a proven caller."""

    services: Services
    caller: Caller
    key: str | None
    request: Request
    body: bytes

    @property
    def gateway(self) -> Gateway:
        return self.services.gateway

    def now(self) -> datetime:
        return self.services.now()

    def view(self) -> View:
        """Rows as they are now, for an answer that writes nothing."""
        return self.services.view()

    def command_of(self, what: str, body: bytes | None = None) -> Command:
        """The command that this request is. Raises Problem where it has no usable Idempotency-Key. ``body``: what tells
        it from another one of the same key, where it came in parts."""
        if not self.key:
            raise Problem(400, "idempotency_key_missing")
        if KEY.fullmatch(self.key) is None:
            raise Problem(400, "idempotency_key_unusable", args={"most": LONGEST_KEY})
        return Command(what, self.caller.user_id, self.key, self.request.url.path, body or self.body)

    def command(
        self,
        what: str,
        decide: Callable[[View], Decision[A]],
        *,
        status: int | Callable[[A], int] = 200,
        body: bytes | None = None,
    ) -> JSONResponse:
        """Carry a command out, once for its Idempotency-Key. Its answer, a model, is kept: it holds ids, states,
        amounts and instants, and nothing of a person. ``status``: of HTTP, or how an answer gives it; ``body``: as
        of ``command_of``."""
        reply = perform(self.gateway, self.now, self.command_of(what, body), decide, status=status)
        return JSONResponse(dict(reply.body), reply.status)


_BEARER: Final = HTTPBearer(
    scheme_name="AppwriteJWT",
    bearerFormat="JWT",
    description="A JWT of Appwrite's (account.createJWT).",
    auto_error=False,
)
SPOKEN: Final = ("en", "id")


def services_of(request: Request) -> Services:
    """The services of the app."""
    return cast("Services", request.app.state.services)


def language_asked(header: str | None) -> str | None:
    """The language of ours that an Accept-Language header likes best; None where it names none."""
    liked: list[tuple[float, int, str]] = []
    for place, part in enumerate((header or "").split(",")[:20]):
        word, _, parameters = part.strip().partition(";")
        code = word.strip().lower().partition("-")[0]
        weight = parameters.strip().removeprefix("q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        # "in" is what Indonesian was called before.
        code = {"in": "id"}.get(code, code)
        if code in SPOKEN and 0 < quality <= 1:
            liked.append((-quality, place, code))
    return min(liked)[2] if liked else None


def caller_of(
    request: Request, told: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)] = None
) -> Caller:
    """Who calls. Raises Problem (401, 403), CallFailure."""
    if told is None:
        raise Problem(401, "not_signed_in")
    language = language_asked(request.headers.get("accept-language"))
    caller = services_of(request).accounts.caller(told.credentials, language)
    request.state.caller = caller
    return caller


async def _body_of(request: Request) -> bytes:
    try:
        return await request.body()
    except RuntimeError:
        return b""  # it came in parts, and those are read by then: the route tells them apart


async def _asking(
    request: Request,
    caller: Annotated[Caller, Depends(caller_of)],
    body: Annotated[bytes, Depends(_body_of)],
) -> Asking:
    return Asking(services_of(request), caller, None, request, body)


async def _asking_once(
    asked: Annotated[Asking, Depends(_asking)],
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Yours for this request: asked again with it, it is answered the same and done once.",
        ),
    ] = None,
) -> Asking:
    once = Asking(asked.services, asked.caller, key, asked.request, asked.body)
    once.command_of("")
    return once


#: What a GET or PUT takes: any proven account.
Asked = Annotated[Asking, Depends(_asking)]
#: What a POST takes: with an Idempotency-Key (400 without one).
AskedOnce = Annotated[Asking, Depends(_asking_once)]
