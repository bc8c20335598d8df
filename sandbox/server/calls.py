"""One request as it was read, one answer as it is to be given: their records. Knows no route, no parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.server.apis import Words


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    streamed: bool = False  # sent without saying how long it is


@dataclass(frozen=True)
class Access:
    """One API key, a user, or the guest (no secret, no user)."""

    scopes: frozenset[str]
    secret: str = ""
    user: dict[str, Any] | None = None
    session: str = ""  # of the user, by its id
    by_token: bool = False  # the user showed a JWT
    roles: tuple[str, ...] = ("any", "guests")  # of one that is no key

    @property
    def is_key(self) -> bool:
        return bool(self.secret)

    @property
    def owner(self) -> str | None:
        """Whose own things alone it may touch; None: a key, which may touch everybody's."""
        if self.is_key:
            return None
        return "" if self.user is None else str(self.user["$id"])


@dataclass
class Call:
    """One request, read."""

    words: Words
    path: dict[str, str]
    given: dict[str, Any]
    access: Access
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    file: tuple[str, bytes] | None = None  # of a multipart body: name and content


def reply(status: int, body: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else orjson.dumps(body))
