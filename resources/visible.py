"""Text from outside as a terminal may have it: what would steer the terminal, or turn text around, is shown, not sent.

Files and pipes have their formats and are left as they are: CSV raw, JSON with escapes that mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

# C0 but for tab and line feed, DEL, C1; line and paragraph separators; what sets the direction of text (UAX #9).
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def visible(text: str) -> str:
    r"""``text`` with each steering character as its escape, such as ``\x1b`` or ``\u202e``: ASCII on any terminal."""
    return _STEERING.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible_in(content: T) -> T:
    """The same lists, mappings and dataclasses with every text in them visible; other values as they are."""
    return cast("T", _visible_in(content))


def _visible_in(content: Any) -> Any:
    if isinstance(content, str):
        return visible(content)
    if isinstance(content, Mapping):
        items = cast("Mapping[Any, Any]", content).items()
        return {_visible_in(key): _visible_in(value) for key, value in items}
    if isinstance(content, list):
        return [_visible_in(item) for item in cast("list[Any]", content)]
    if isinstance(content, tuple):
        return tuple(_visible_in(item) for item in cast("tuple[Any, ...]", content))
    thing: Any = content
    if is_dataclass(thing) and not isinstance(thing, type):
        return replace(
            thing, **{f.name: _visible_in(getattr(thing, f.name)) for f in fields(thing) if f.init}
        )
    return thing


def visible_json(text: str) -> str:
    r"""JSON that reads the same, with what steers a terminal as ``\u`` escapes: its writer leaves most of it raw."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
