"""The API for people to read: one page made of its OpenAPI, without a script and without a file from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b;
  background: #fff }
code, pre { font: 14px/1.4 ui-monospace, monospace } h2 { margin-top: 2.5rem; border-bottom: 1px solid #bbb }
details { border: 1px solid #ccc; border-radius: 6px; margin: .6rem 0; padding: .4rem .8rem }
summary { cursor: pointer } b.m { display: inline-block; min-width: 4.2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top;
  border-bottom: 1px solid #e2e2e2; padding: .25rem .6rem .25rem 0 }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } a { color: #9ecbff }
  details, h2, th, td { border-color: #444 } }
"""


def page_of(told: Mapping[str, Any]) -> str:
    """The page of an OpenAPI."""
    return "".join(_page(told))


def _page(told: Mapping[str, Any]) -> Iterator[str]:
    info = told["info"]
    title = escape(info["title"])
    yield (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(info.get('description', ''))}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a>. Who calls is told by a JWT of Appwrite\'s as'
        " bearer; each POST takes an <code>Idempotency-Key</code>. Problems are answered as RFC 9457 has them.</p>"
    )
    subjects: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            tag = next(iter(operation.get("tags", ())), "more")
            subjects.setdefault(tag, []).append((path, method, operation))
    for subject, operations in sorted(subjects.items()):
        yield f"<h2>{escape(subject.capitalize())}</h2>"
        for path, method, operation in operations:
            yield from _operation(path, method, operation)
    yield "<h2>Shapes</h2>"
    for name, schema in sorted(told.get("components", {}).get("schemas", {}).items()):
        yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        yield f"<p>{escape(schema.get('description', ''))}</p><table>"
        needed = schema.get("required", ())
        for field, of in schema.get("properties", {}).items():
            yield _row(field + ("" if field in needed else "?"), _kind(of), of.get("description", ""))
        yield "</table></details>"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f'<details><summary><b class="m">{method.upper()}</b> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary><p>{escape(operation.get('description', ''))}</p><table>"
    )
    for one in operation.get("parameters", ()):
        name = f"{one['name']} ({one['in']})" + ("" if one.get("required") else "?")
        yield _row(name, _kind(one.get("schema", {})), one.get("description", ""))
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        yield _row("body", _kind(body.get("schema", {})), media)
    for status, answer in operation["responses"].items():
        kinds = ", ".join(_kind(content.get("schema", {})) for content in answer.get("content", {}).values())
        yield _row(status, kinds, answer.get("description", ""))
    yield "</table></details>"


def _row(name: str, kind: str, said: str) -> str:
    return f"<tr><th><code>{escape(name)}</code><td>{kind}<td>{escape(said)}"


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value is, as HTML."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(_kind(one) for one in schema[word])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(" ".join(str(schema[word]) for word in ("type", "format") if word in schema))
