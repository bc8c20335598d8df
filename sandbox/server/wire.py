"""What goes over the wire: query strings, bodies, headers."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from sandbox.server.calls import Answer


async def send_answer(
    send: Any, answer: Answer, date: bytes, extra: Sequence[tuple[bytes, bytes]] = (), method: str = "GET"
) -> None:
    headers = [
        (b"date", date),
        (b"server", b"Appwrite"),
        (b"x-appwrite-project-region", b"default"),
        *extra,
        *answer.headers,
    ]
    if answer.status >= 400:
        headers += [
            (b"cache-control", b"no-cache, no-store, must-revalidate"),
            (b"x-content-type-options", b"nosniff"),
        ]
    # the SDK reads a content type of every answer, so those without a body have one too
    kind = answer.content_type if answer.status != 204 else "text/html; charset=UTF-8"
    headers.append((b"content-type", kind.encode()))
    if not answer.streamed and method != "HEAD":
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def read_multipart(content_type: str, body: bytes) -> tuple[dict[str, Any], tuple[str, bytes] | None]:
    """A multipart body's parameters, and its file by name and content; one that cannot be read has none."""
    fields: list[str] = []
    found: list[tuple[str, bytes]] = []

    def on_field(field: Field) -> None:
        fields.append(urlencode({_decoded(field.field_name): _decoded(field.value)}))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        found.append((_decoded(file.file_name), file.file_object.read()))

    headers = {"Content-Type": content_type.encode(), "Content-Length": b"%d" % len(body)}
    try:
        parse_form(headers, io.BytesIO(body), on_field, on_file)
    except FormParserError:
        return {}, None
    return read_query("&".join(fields)), found[0] if found else None


def _decoded(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", "replace")


def read_query(text: str) -> dict[str, Any]:
    """A query string as PHP reads it: ``name[0]=a`` and ``name[]=a`` make lists, ``name[key]=a`` an object."""
    result: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found = re.fullmatch(r"([^\[]+)\[([^\]]*)\]", name)
        if found is None:
            result[name] = value
            continue
        kept = result.get(found[1])
        if found[2] and not found[2].isdigit():
            result[found[1]] = {**(kept if isinstance(kept, dict) else {}), found[2]: value}
            continue
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
