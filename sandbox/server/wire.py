"""What goes over the wire: query strings, bodies, headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.server.calls import Answer


async def send_answer(
    send: Any, answer: Answer, date: bytes, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    headers = [
        (b"date", date),
        (b"server", b"Appwrite"),
        (b"x-appwrite-project-region", b"default"),
        (b"access-control-allow-origin", b"*"),
        *extra,
    ]
    # the SDK reads a content type of every answer, so those without a body have one too
    kind = answer.content_type if answer.status != 204 else "text/html; charset=UTF-8"
    headers.append((b"content-type", kind.encode()))
    headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def read_query(text: str) -> dict[str, Any]:
    """A query string as PHP reads it: ``name[0]=a`` and ``name[]=a`` make lists."""
    result: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found = re.fullmatch(r"([^\[]+)\[([^\]]*)\]", name)
        if found is None:
            result[name] = value
            continue
        kept = result.get(found[1])
        values = kept if isinstance(kept, list) else []
        result[found[1]] = [*values, value]
    return result


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """A body's parameters; one that cannot be read has none."""
    if not body:
        return {}
    if "json" in content_type or not content_type:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}
    return read_query(body.decode("utf-8", "replace"))
