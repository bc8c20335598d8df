"""How much of an answer is taken, and what of it is set aside by name: size, nesting, columns, names.

Appwrite bounds little of it, and one odd row must stop no collection. How an answer becomes rows: columns.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from marketplace.json_values import DEEPEST, mended
from resources.appwrite.failures import Malformed, TooLarge
from resources.told import a_few, told_name

LARGEST_ANSWER: Final = 64 << 20
"""Bytes of one answer, unpacked: four are read at a time, and the whole process keeps under 1 GB. A page that is larger
is asked for again with fewer rows."""
MOST_ROWS: Final = 10_000
"""Rows in one answer: more than are ever asked for."""
MOST_NESTED: Final = 1_000_000
"""Lists and objects in one answer: each takes a hundred times the two bytes it may be written in."""
MOST_COLUMNS: Final = 500
"""Columns a collection is mirrored with: each takes memory for every row group written. InnoDB allows 1,017."""
MOST_LISTED: Final = 20_000
"""Columns of a collection that are looked at, to choose those from."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.$ -]{1,200}")
_USABLE_NAME: Final = re.compile(r"(?!\$)[^\x00-\x1f\x7f\"\\\ud800-\udfff]{1,200}")

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{\]}]', re.DOTALL)
_DEEP: Final = "\x00deep"
"""The only key of the object that stands for a value nested too deep, while an answer is parsed."""
_VALUES: Final = 3
"""Levels around a value: the answer, its list, a row."""


class Told(Protocol):
    @property
    def key(self) -> str: ...


C = TypeVar("C", bound=Told)


class Deep(str):
    """The JSON text of a value that is nested too deep to be read."""


def is_plain_name(name: str) -> bool:
    """Whether a name can stand in SQL and in a frame as it is: Appwrite makes no others."""
    return _PLAIN_NAME.fullmatch(name) is not None


def is_usable_name(name: str) -> bool:
    """Whether an attribute of that name can be mirrored at all."""
    return _USABLE_NAME.fullmatch(name) is not None


def chosen(listed: Sequence[C], known: frozenset[str], named: frozenset[str]) -> tuple[list[C], str]:
    """Of the columns of a collection those to mirror, and a sentence on the others (empty where there are none).

    Set aside are columns without a name, ones that are called as Appwrite's own (``$…``), names that no reader of JSON
    takes (quotes, control characters) or longer than 200 letters, and what is more than MOST_COLUMNS: first come those
    the rules have a name for (``named``), then those mirrored already (``known``).
    """
    usable: dict[str, C] = {}
    odd: list[str] = []
    for column in listed:
        if is_usable_name(column.key):
            usable[column.key] = column
        else:
            odd.append(f"'{told_name(column.key)}'" if column.key else "one without a name")
    rank = {key: (key not in named, key not in known, place) for place, key in enumerate(usable)}
    kept = frozenset(sorted(usable, key=rank.__getitem__)[:MOST_COLUMNS])
    more = [f"'{told_name(key)}'" for key in usable if key not in kept]
    parts: list[str] = []
    if odd:
        parts.append(f"columns set aside, as their names cannot be used: {a_few(odd)}")
    if more:
        parts.append(f"columns set aside, as more than {MOST_COLUMNS} are not mirrored: {a_few(more)}")
    return [column for key, column in usable.items() if key in kept], "; ".join(parts)


def check_count(body: bytes) -> None:
    """Raises TooLarge where an answer of a few bytes would become many objects in memory."""
    braces = body.count(b"{")
    if len(body) > 2 * MOST_NESTED and braces + body.count(b"[") > MOST_NESTED:
        raise TooLarge
    if braces > 2 * MOST_ROWS and _row_count(body) > MOST_ROWS:
        raise TooLarge


def _row_count(body: bytes) -> int:
    """Objects in the list of an answer; those within texts and values do not count."""
    depth = rows = 0
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
            rows += depth == _VALUES
        elif mark in b"]}":
            depth -= 1
    return rows


# -- reading an answer that the fast readers refuse --------------------------------------------------------


def _refuse_constant(_: str) -> None:
    raise ValueError


def _whole(digits: str) -> int | str:
    # Python refuses to make a number of 4,300 digits and more; as it was written it is a text that fits no column.
    return int(digits) if len(digits) < 300 else digits


def _fraction(written: str) -> float | str:
    number = float(written)
    return number if abs(number) != float("inf") else written


def loads(body: bytes) -> Any:
    """An answer by Python's own reader: it keeps integers beyond 64 bits whole and takes half a surrogate pair, where
    orjson rounds the one and refuses the other; one odd value must not stop a collection. Numbers that are none here
    (1e400) stay the text they were written in, values nested too deep become Deep. Raises Malformed.
    """
    try:
        return _loads(body)
    except RecursionError:
        pass
    try:
        return _loads(flattened(body), _deep)
    except RecursionError:
        pass
    raise Malformed


def _loads(body: bytes, hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    try:
        return mended(
            json.loads(
                body.decode("utf-8", "replace"),
                parse_constant=_refuse_constant,
                parse_int=_whole,
                parse_float=_fraction,
                object_hook=hook,
            )
        )
    except ValueError:
        pass
    raise Malformed


def _deep(found: dict[str, Any]) -> Any:
    text = found.get(_DEEP) if len(found) == 1 else None
    return Deep(text) if isinstance(text, str) else found


def flattened(body: bytes) -> bytes:
    """An answer in which each value that is nested more than DEEPEST levels is told by its text.

    Looks at brackets and strings only, without going down into anything: no nesting is too deep for it.
    """
    parts: list[bytes] = []
    copied = start = depth = deepest = 0
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
            if depth == _VALUES + 1:
                start, deepest = token.start(), depth
            deepest = max(deepest, depth)
        elif mark in b"]}":
            if depth == _VALUES + 1 and deepest - _VALUES > DEEPEST:
                text = body[start : token.end()].decode("utf-8", "replace")
                parts += [body[copied:start], json.dumps({_DEEP: text}).encode()]
                copied = token.end()
            depth -= 1
    return b"".join([*parts, body[copied:]])
