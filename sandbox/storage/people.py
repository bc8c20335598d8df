"""The users of the project and their sessions, kept in the SQLite file. Knows no HTTP, no permission."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sandbox.storage.clock import unique_id
from sandbox.storage.store import Store

User = dict[str, Any]


class People:
    """Users and sessions by id, as they are served; what begins with ``_`` is not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = store.meta("people") or {"users": {}, "sessions": {}, "secret": secrets.token_hex(32)}
        self._users: dict[str, User] = kept["users"]
        self._sessions: dict[str, dict[str, Any]] = kept["sessions"]
        self.secret = str(kept["secret"]).encode()  # signs the tokens of users

    def _keep(self) -> None:
        kept = {"users": self._users, "sessions": self._sessions, "secret": self.secret.decode()}
        self._store.set_meta("people", kept)

    def users(self) -> list[User]:
        return list(self._users.values())

    def user(self, identity: str) -> User | None:
        return self._users.get(identity)

    def by_email(self, email: str) -> User | None:
        return next((u for u in self._users.values() if u["email"] and u["email"] == email.lower()), None)

    def add(self, user: User, password: str | None) -> User | None:
        """A new user; None where its id or email is another's."""
        with self._store.lock:
            if user["$id"] in self._users or (user["email"] and self.by_email(user["email"])):
                return None
            if password is not None:
                user["_salt"] = secrets.token_hex(8)
                user["password"] = _hashed(password, user["_salt"])
            self._users[user["$id"]] = user
            self._keep()
        return user

    def is_password(self, user: User, password: str) -> bool:
        return "_salt" in user and secrets.compare_digest(user["password"], _hashed(password, user["_salt"]))

    def change(self, user: User, **what: Any) -> None:
        with self._store.lock:
            user.update(what)
            self._keep()

    def delete(self, identity: str) -> None:
        """A user goes with its sessions."""
        with self._store.lock:
            del self._users[identity]
            self._sessions = {k: s for k, s in self._sessions.items() if s["userId"] != identity}
            self._keep()

    def sessions(self, user: str) -> list[dict[str, Any]]:
        return [session for session in self._sessions.values() if session["userId"] == user]

    def session(self, identity: str) -> dict[str, Any] | None:
        return self._sessions.get(identity)

    def open_session(self, session: dict[str, Any]) -> dict[str, Any]:
        """A new session, with its secret."""
        with self._store.lock:
            opened = {**session, "$id": unique_id(), "secret": secrets.token_hex(32)}
            self._sessions[opened["$id"]] = opened
            self._keep()
        return opened

    def end_session(self, identity: str) -> None:
        with self._store.lock:
            self._sessions.pop(identity, None)
            self._keep()


def _hashed(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=1024, r=8, p=1).hex()
