"""Who is looking, and what they may: asked anew at each drawing, by each page, action, download and parameter. No
figure, no widget.

With BOOKWATCH_LOGIN it is who the identity provider says, by a token that Streamlit keeps in a signed cookie; Streamlit
does not look whether it has expired, so this does. Without, it is the local user of a server that only this machine
reaches (dashboards/server.py refuses any other).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import streamlit as st

from marketplace.roles import Right, Role, RoleRules, allows
from resources.clock import Clock
from resources.errors import BookwatchError, UsageError
from resources.roles_file import load_roles
from resources.settings import Settings, load_settings

Claims = Mapping[str, object]
_CLAIMS_OF_A_SESSION: Final = ("iss", "sub", "aud", "iat", "exp", "nonce")


@dataclass(frozen=True)
class Viewer:
    """A person at a page. ``name``: who the ledger says did something; ``known``: whether an identity provider said
    so, else it is the local user of a server that only this machine reaches. ``provider``: the therapist or place that
    somebody of that role is."""

    name: str
    role: Role
    known: bool
    provider: str | None = None

    def may(self, right: Right) -> bool:
        return allows(self.role, right)


#: Whoever is at this machine, where no identity provider is set up: works, and reveals nothing.
LOCAL: Final = Viewer("local user", Role.OPERATOR, known=False)


class Outside(StrEnum):
    """Why somebody is not let in."""

    SIGNED_OUT = "signed_out"
    EXPIRED = "expired"
    NO_ROLE = "no_role"


class Guarded:
    """Whether this process serves with a login. Once it does, no later change of a .env can take that back."""

    _login = False
    _ready = False
    _https = False

    @classmethod
    def begin(cls, settings: Settings) -> None:
        cls._login, cls._https = True, settings.dashboards.startswith("https://")

    @classmethod
    def ready(cls) -> None:
        """Streamlit was told all that a login takes; it is told once, when the server starts."""
        cls._ready = True

    @classmethod
    def begun(cls) -> bool:
        return cls._login

    @classmethod
    def by_https(cls) -> bool:
        return cls._https

    @classmethod
    def holds(cls, settings: Settings) -> bool:
        return cls._login or bool(settings.login)

    @classmethod
    def require_ready(cls) -> None:
        if not cls._ready:
            raise UsageError.of("failure.login_later")


def current(settings: Settings) -> Viewer | Outside:
    """Who is at this page now. Raises UsageError where it cannot be told who may see what: then nobody is let in."""
    if not Guarded.holds(settings):
        return LOCAL
    return of_claims(claims(), _rules(settings), Clock().now())


def may(right: Right) -> bool:
    """Whether who is at this page now has a right; where that cannot be told, nobody has."""
    try:
        who = current(load_settings())
    except BookwatchError:
        return False
    return isinstance(who, Viewer) and who.may(right)


def stands(who: Viewer, settings: Settings) -> bool:
    """Whether a viewer is still who is at this page, in the same role: a page stands open for hours, and meanwhile a
    token expires, a role is taken away, somebody signs out in another tab."""
    if not Guarded.holds(settings):
        return True
    try:
        return current(settings) == who
    except BookwatchError:
        return False


def at_request(settings: Settings, said: Claims) -> Viewer | Outside:
    """Who a request is of, by the claims of its signed cookie ({} where it has none). Raises as ``current``."""
    return of_claims(said, _rules(settings), Clock().now()) if Guarded.holds(settings) else LOCAL


def of_claims(said: Claims, rules: RoleRules, now: datetime) -> Viewer | Outside:
    """Who claims are of, at an instant. ``exp`` is the token's own end, in seconds of Unix time; one that does not say
    when it ends has ended."""
    if said.get("is_logged_in") is not True:
        return Outside.SIGNED_OUT
    ends = said.get("exp")
    if isinstance(ends, bool) or not isinstance(ends, int | float) or now.timestamp() >= ends:
        return Outside.EXPIRED
    if Ended.holds(said):
        return Outside.SIGNED_OUT
    role = rules.role_of(said)
    name = rules.email_of(said) or said.get("sub")
    if role is None or not isinstance(name, str) or not name:
        return Outside.NO_ROLE
    return Viewer(name, role, known=True, provider=rules.provider_of(said) if role is Role.PROVIDER else None)


def claims() -> Claims:
    """What Streamlit knows of the person of this session: the claims of the token, and whether there is one."""
    return dict(st.user.to_dict())


class Ended:
    """Sessions that were signed out of before their token expired: a cookie that somebody kept, or another tab, opens
    nothing any more. As long as this process lives; the next one knows none of the cookies of before."""

    _lock = threading.Lock()
    _until: Final[dict[str, float]] = {}

    @classmethod
    def enter(cls, said: Claims) -> None:
        ends, now = said.get("exp"), Clock().now().timestamp()
        if not isinstance(ends, int | float) or ends <= now:
            return
        with cls._lock:
            for gone in [name for name, until in cls._until.items() if until <= now]:
                del cls._until[gone]
            cls._until[_session(said)] = float(ends)

    @classmethod
    def holds(cls, said: Claims) -> bool:
        with cls._lock:
            return _session(said) in cls._until


def _session(said: Claims) -> str:
    """What tells one signing in from another."""
    told = json.dumps([said.get(name) for name in _CLAIMS_OF_A_SESSION], default=str)
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _rules(settings: Settings) -> RoleRules:
    settings.require_login()
    Guarded.require_ready()
    return load_roles(settings.roles_file)
