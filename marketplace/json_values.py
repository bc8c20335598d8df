"""JSON that people wrote, read so that one odd number or letter in it does not hide the rest; and the mark that stands
for a value that was not kept.

What a value means is not known here.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

import orjson

DEEPEST: Final = 100
"""Levels of lists and objects within one value beyond which it is kept as the text it was written in. Writers of JSON
stop at 254 levels, readers at 1,000: a value must stay readable with what is put around it."""

_MOST_DIGITS: Final = 300
_SET_ASIDE: Final = "$set_aside"
#: A text, up to the end where it has none: its brackets are none.
_BRACKETS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)
_WHOLE: Final = range(-(2**63), 2**64)


def read_json(text: str, *, ours: bool = False) -> Any:
    """The value of a JSON text. Raises ValueError where it is none, or nested beyond what can be read. ``ours``: one
    of the mirror's own texts, in which an earlier version wrote Infinity, which is no JSON.

    The fast reader refuses a whole object for one number beyond a double (1e400) or for half a surrogate pair in it:
    the number is then infinite, the half letter a question mark, and the rest is as it was written.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            return mended(json.loads(text, parse_constant=float if ours else _refused, parse_int=_whole))
        except (ValueError, RecursionError):
            pass
    raise ValueError("not JSON")


def _refused(_: str) -> None:
    raise ValueError


def _whole(digits: str) -> int | float:
    # As orjson reads it; Python refuses to make a number of 4,300 digits and more.
    if len(digits) >= _MOST_DIGITS:
        return float("-inf" if digits[0] == "-" else "inf")
    number = int(digits)
    return number if number in _WHOLE else float(number)


def mended(value: Any) -> Any:
    """The same value with half surrogate pairs replaced, which no database takes. Raises RecursionError."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "replace").decode()
        return value
    if isinstance(value, dict):
        return {mended(key): mended(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [mended(item) for item in cast("list[Any]", value)]
    return value


def is_deep(value: object, most: int = DEEPEST) -> bool:
    """Whether lists and objects are nested in a value more than so many levels."""
    level: list[Any] = [value]
    for _ in range(most + 1):
        level = [item for one in level if isinstance(one, dict | list) for item in _within(one)]
        if not level:
            return False
    return True


def is_nested_deep(text: bytes, most: int = DEEPEST) -> bool:
    """Whether brackets of a JSON text are nested more than so many levels: of one that need not be valid, told without
    reading it."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        mark = text[token.start()]
        if mark in b"[{":
            depth += 1
            if depth > most:
                return True
        elif mark in b"]}":
            depth -= 1
    return False


def _within(nested: Any) -> list[Any]:
    # A list or an object that is empty is a level all the same.
    items: list[Any] = [*(nested.values() if isinstance(nested, dict) else nested)]  # pyright: ignore[reportUnknownVariableType] - JSON is Any
    return items or [None]


def set_aside(why: str) -> dict[str, str]:
    """What stands among the misfits of a row for a value that was not kept: why, without a value of it."""
    return {_SET_ASIDE: why}


def why_set_aside(value: object) -> str | None:
    """Why a value is not there, where it is such a mark."""
    if not isinstance(value, dict):
        return None
    marked = cast("dict[str, Any]", value)
    why = marked.get(_SET_ASIDE)
    return why if len(marked) == 1 and isinstance(why, str) else None
