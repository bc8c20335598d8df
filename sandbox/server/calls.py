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


@dataclass(frozen=True)
class Access:
    """One API key, or the guest (no secret)."""

    scopes: frozenset[str]
    secret: str = ""

    @property
    def is_key(self) -> bool:
        return bool(self.secret)


@dataclass
class Call:
    """One request, read."""

    words: Words
    path: dict[str, str]
    given: dict[str, Any]
    access: Access
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def reply(status: int, body: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else orjson.dumps(body))
