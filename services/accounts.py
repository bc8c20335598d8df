"""Whose JWT it is: asked of Appwrite without a key, and kept for a minute. What an account may do stands with the
commands.

A JWT dies with its session, silently: the server then takes its caller for a guest. Who an account is as a provider is
told by the provider's row, never by preferences, which users write themselves.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar, cast

from appwrite.query import Query
from pydantic import SecretStr

from marketplace.app_rows import names_somebody
from marketplace.transitions import Actor
from resources.appwrite.failures import CallEvent, PermanentFailure
from resources.appwrite.gateway import PooledClient, json_object
from resources.appwrite.writing import Row
from resources.clock import Clock
from resources.settings import Settings
from services.callers import Caller
from services.patience import seconds_left
from services.problems import Problem
from services.store import Gateway

KEPT_S: Final = 60.0
MOST_KEPT: Final = 10_000
ADMIN_LABEL: Final = "admin"
PROVIDER_COLLECTIONS: Final = ("therapists", "places")
OWNER_ATTRIBUTES: Final = ("userId", "accountId")
"""Attributes of a provider's row that name the account it is."""
LANGUAGE_OF: Final = {Actor.CUSTOMER: "en", Actor.PROVIDER: "id", Actor.ADMIN: "en"}
"""In which language each is told what is wrong, where they say nothing of it."""
LONGEST_JWT: Final = 4096
LONGEST_WORD: Final = 16
"""Of what an app writes where an id belongs: a word for a role, a phone. Appwrite's own ids are longer."""
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

K = TypeVar("K")


class Kept(Generic[K]):
    """What was learned, each for so many seconds, the one used longest ago given up first. Safe for threads."""

    def __init__(self, most: int = MOST_KEPT, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most, self._monotonic = most, monotonic
        self._held: OrderedDict[str, tuple[float, K]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> K | None:
        with self._lock:
            held = self._held.get(key)
            if held is None or held[0] <= self._monotonic():
                self._held.pop(key, None)
                return None
            self._held.move_to_end(key)
            return held[1]

    def put(self, key: str, value: K, seconds: float) -> None:
        with self._lock:
            self._held[key] = (self._monotonic() + seconds, value)
            self._held.move_to_end(key)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def __len__(self) -> int:
        return len(self._held)


@dataclass(frozen=True)
class Nobody:
    """A JWT that proves nobody: ``blocked`` where its account is shut out."""

    blocked: bool = False


class Accounts:
    """Callers by their JWT. ``gateway``: rows of providers are read with it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        gateway: Gateway,
        on_call: Callable[[CallEvent], None] = lambda event: None,
        *,
        timeouts: tuple[float, float],
        longest_wait: float,
    ) -> None:
        # With a key beside it a JWT would not count: this client has none.
        keyless = settings.model_copy(update={"appwrite_api_key": SecretStr(""), "workers": 16})
        self._client = PooledClient(
            keyless, clock, on_call, timeouts=timeouts, longest_wait=longest_wait, seconds_left=seconds_left
        )
        self._gateway = gateway
        self._callers: Kept[Caller] = Kept()
        self._nobody: Kept[Nobody] = Kept()

    def close(self) -> None:
        self._client.close()

    def caller(self, jwt: str, language: str | None = None) -> Caller:
        """Who calls. ``language``: the one they asked for. Raises Problem (401, 403), CallFailure."""
        if len(jwt) > LONGEST_JWT or _JWT.fullmatch(jwt) is None:
            raise Problem(401, "not_signed_in")
        key = hashlib.sha256(jwt.encode()).hexdigest()
        known = self._callers.get(key)
        if known is None:
            nobody = self._nobody.get(key)
            found = self._asked(jwt) if nobody is None else nobody
            if isinstance(found, Nobody):
                self._nobody.put(key, found, KEPT_S)
                raise Problem(403, "account_blocked") if found.blocked else Problem(401, "not_signed_in")
            known = found
            self._callers.put(key, known, min(KEPT_S, _seconds_valid(jwt)))
        return replace(known, language=language) if language else known

    def _asked(self, jwt: str) -> Caller | Nobody:
        try:
            account = self._client.request(
                "get_account",
                "",
                "get",
                "/account",
                {},
                json_object,
                headers={"x-appwrite-jwt": jwt, "x-appwrite-key": None},
                expected=True,
            ).value
        except PermanentFailure as refused:
            if refused.status in (401, 404) or refused.error_type == "user_blocked":
                return Nobody(blocked=refused.error_type == "user_blocked")
            raise
        user_id, labels = account.get("$id"), account.get("labels")
        if not isinstance(user_id, str) or not user_id or account.get("status") is False:
            return Nobody(blocked=account.get("status") is False)
        if isinstance(labels, list) and ADMIN_LABEL in labels:
            return Caller(user_id, Actor.ADMIN, LANGUAGE_OF[Actor.ADMIN])
        if _means_nobody(user_id):
            return Nobody()
        provider = self._provider(user_id)
        if provider is None:
            return Caller(user_id, Actor.CUSTOMER, LANGUAGE_OF[Actor.CUSTOMER])
        collection, row_id = provider
        return Caller(user_id, Actor.PROVIDER, LANGUAGE_OF[Actor.PROVIDER], row_id, collection)

    def _provider(self, user_id: str) -> tuple[str, str] | None:
        """The row of a provider that an account is: one that names it, or one of its id that names nobody else."""
        for collection in PROVIDER_COLLECTIONS:
            for name in OWNER_ATTRIBUTES:
                if self._gateway.has(collection, name):
                    rows = self._gateway.rows(collection, [Query.equal(name, [user_id]), Query.limit(1)])
                    if rows and self._is_first(collection, rows[0]):
                        return collection, str(rows[0]["$id"])
            row = self._gateway.row(collection, user_id)
            if row is not None and _owner(row) in (None, user_id) and self._is_first(collection, row):
                return collection, str(row["$id"])
        return None

    def _is_first(self, collection: str, row: Row) -> bool:
        """Whether a row is the one that its id tells of. Bookings, offers and rooms name a provider by the id alone:
        whoever gave a row of another collection an id that stands already is not let into what is another's."""
        for other in PROVIDER_COLLECTIONS:
            twin = self._gateway.row(other, str(row["$id"])) if other != collection else None
            if twin is None or (_owner(twin) or str(twin["$id"])) == (_owner(row) or str(row["$id"])):
                continue
            if str(twin.get("$createdAt") or "") <= str(row.get("$createdAt") or ""):
                return False
        return True


def _owner(row: Mapping[str, Any]) -> str | None:
    """Whom a provider's row names as its account."""
    return next((str(row[name]) for name in OWNER_ATTRIBUTES if row.get(name)), None)


def _means_nobody(user_id: str) -> bool:
    """Whether rows that are not this account's bear its id: people may choose the id of the account they register, and
    the app writes ``guest``, ``admin`` or a phone where it knows no id."""
    return len(user_id) <= LONGEST_WORD and not names_somebody(user_id)


def _seconds_valid(jwt: str) -> float:
    """Seconds until a JWT that the server took ends by itself; it is not kept for longer."""
    try:
        part = jwt.split(".")[1]
        claims: object = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        ends = cast("dict[str, Any]", claims)["exp"]
        return max(0.0, float(ends) - time.time())
    except (ValueError, TypeError, KeyError):
        return 0.0
