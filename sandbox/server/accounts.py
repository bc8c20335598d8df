"""What is served of users, and how they log in: for the calls of a server about them, and for their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.server.calls import Answer, Call, reply
from sandbox.server.errors import Failure, argument_invalid
from sandbox.server.project import Project
from sandbox.server.tokens import COOKIE, session_secret, token_of
from sandbox.server.values import is_int, numeric, range_rule
from sandbox.storage.clock import stamp
from sandbox.storage.people import User

SESSION_DAYS = 365
_SERVERS_ONLY = ("hash", "hashOptions", "password")


def user_missing() -> Failure:
    return Failure(404, "user_not_found", "User with the requested ID could not be found.")


def served_user(user: User, own: bool = False) -> dict[str, Any]:
    """``own``: as the user itself is told."""
    left_out = _SERVERS_ONLY if own else ()
    return {key: value for key, value in user.items() if key[0] != "_" and key not in left_out}


def check_active(user: User) -> None:
    """Raises Failure for one that is blocked."""
    if not user["status"]:
        raise Failure(403, "user_blocked", "The current user has been blocked.")


def open_session(project: Project, call: Call, user: User, provider: str) -> Answer:
    """A session; its secret goes to a server in the answer, to anybody else in a cookie."""
    now = project.store.clock.now()
    unknown = (
        "clientCode", "clientEngine", "clientEngineVersion", "clientName", "clientType", "clientVersion",
        "deviceBrand", "deviceModel", "deviceName", "osCode", "osName", "osVersion", "mfaUpdatedAt",
        "providerAccessToken", "providerAccessTokenExpiry", "providerRefreshToken",
    )  # fmt: skip
    session = project.people.open_session(
        {
            **dict.fromkeys(unknown, ""),
            "$createdAt": stamp(now),
            "$updatedAt": stamp(now),
            "userId": user["$id"],
            "expire": stamp(now + timedelta(days=SESSION_DAYS)),
            "provider": provider,
            "providerUid": user["email"] if provider == "email" else "",
            "ip": "127.0.0.1",
            "countryCode": "--",
            "countryName": "Unknown",
            "current": provider == "email",
            "factors": ["password"] if provider == "email" else [provider],
        }
    )
    secret = session_secret(user["$id"], session["secret"])
    if call.access.is_key:
        return reply(201, {**session, "secret": secret})
    cookie = f"{COOKIE}{call.headers.get('x-appwrite-project', '')}"
    headers = (
        (b"set-cookie", f"{cookie}={secret}; path=/; httponly; samesite=none".encode()),
        (b"x-fallback-cookies", f'{{"{cookie}":"{secret}"}}'.encode()),
    )
    answer = reply(201, {**session, "secret": ""})
    return Answer(answer.status, answer.body, headers=headers)


def new_token(project: Project, call: Call, user: User, session: str) -> Answer:
    """A JWT for so many seconds, that dies with the session it was made in. Raises Failure."""
    duration = numeric(call.given.get("duration", 900))
    if not is_int(duration) or not 0 <= duration <= 3600:
        raise argument_invalid("duration", range_rule(0, 3600))
    if not duration:
        raise Failure(500, "general_unknown", "Server Error")
    now = project.store.clock.now().timestamp()
    claims = {"userId": user["$id"], "sessionId": session, "iat": int(now), "exp": now + duration}
    return reply(201, {"jwt": token_of(project.people.secret, claims)})
