"""Who calls: an API key by its scopes, a user by a token or a session, or a guest."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from http.cookies import SimpleCookie

from sandbox.server.calls import Access
from sandbox.server.errors import Failure
from sandbox.server.tokens import COOKIE, claims_of, session_of
from sandbox.storage.clock import Clock
from sandbox.storage.people import People, User

GUEST_SCOPES = frozenset(
    ("public", "rows.read", "rows.write", "documents.read", "documents.write", "files.read", "files.write")
)
USER_SCOPES = GUEST_SCOPES | {"account"}
READ_SCOPES = ("rows.read", "tables.read", "documents.read", "collections.read")
ALL_SCOPES = (
    "databases.read", "databases.write", "tables.read", "tables.write", "collections.read",
    "collections.write", "columns.read", "columns.write", "attributes.read", "attributes.write",
    "indexes.read", "indexes.write",
    "rows.read", "rows.write", "documents.read", "documents.write", "health.read",
    "buckets.read", "buckets.write", "files.read", "files.write", "users.read", "users.write", "sessions.write",
)  # fmt: skip


class Keys:
    """The keys of one project, and its users."""

    def __init__(self, project: str, people: People, clock: Clock) -> None:
        self._project, self._people, self._clock = project, people, clock
        self._by_secret: dict[str, Access] = {}

    def add(self, scopes: Sequence[str], secret: str | None = None) -> str:
        """Make a key of these scopes known; its secret."""
        secret = secret or f"standard_{secrets.token_hex(64)}"
        self._by_secret[secret] = Access(frozenset(scopes), secret)
        return secret

    def identify(self, headers: Mapping[str, str]) -> Access:
        """Who a request comes from. Raises Failure where it names no project, or another, shows a token that is
        none, or is a blocked user."""
        project, secret = headers.get("x-appwrite-project"), headers.get("x-appwrite-key")
        if not project:
            if secret:
                raise Failure(
                    403,
                    "project_id_missing",
                    "When using project API key, make sure to pass x-appwrite-project header with your "
                    "project ID.",
                )
        elif project != self._project:
            raise Failure(
                404,
                "project_not_found",
                "Project with the requested ID could not be found. Please check the value of the "
                "X-Appwrite-Project header to ensure the correct project ID is being used.",
            )
        return self._by_secret.get(secret or "") or self._user(headers) or Access(GUEST_SCOPES)

    def _user(self, headers: Mapping[str, str]) -> Access | None:
        """The user who calls; None where a user, or the session it was told by, is no more."""
        token = headers.get("x-appwrite-jwt")
        if token:
            claims = claims_of(self._people.secret, token, self._clock.now())
            user, session = self._people.user(claims["userId"]), self._people.session(claims["sessionId"])
            if user is None or (claims["sessionId"] and session is None):
                return None
            return _access(user, claims["sessionId"], by_token=True)
        cookie = SimpleCookie(headers.get("cookie", "")).get(f"{COOKIE}{self._project}")
        told = headers.get("x-appwrite-session") or (cookie.value if cookie is not None else "")
        identity, secret = session_of(told)
        user = self._people.user(identity)
        for session in self._people.sessions(identity) if user is not None else ():
            if user is not None and secrets.compare_digest(session["secret"], secret):
                return _access(user, session["$id"], by_token=False)
        return None


def _access(user: User, session: str, *, by_token: bool) -> Access:
    """Raises Failure where the user is blocked."""
    if not user["status"]:
        raise Failure(403, "user_blocked", "The current user has been blocked.")
    name, state = user["$id"], "verified" if user["emailVerification"] else "unverified"
    labels = tuple(f"label:{label}" for label in user["labels"])
    roles = ("any", "users", f"user:{name}", f"user:{name}/{state}", f"users/{state}", *labels)
    return Access(USER_SCOPES, user=user, session=session, by_token=by_token, roles=roles)
