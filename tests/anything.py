"""Any attribute holds anything: names and values that writers of an app have, or might have, put into a collection.

A value is JSON as text, for Python's own writer could not make most of them. `rows()` is the Hypothesis strategy for
tests of any layer; `HOSTILE_VALUES` and `HOSTILE_NAMES` are the tables it draws from, by kind, for a test each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

DEEP = "[" * 265 + "]" * 265
"""531 bytes with what closes it: one level more than orjson writes."""
DEEPER = "[" * 1500 + "]" * 1500
DEEPEST = '{"a":' * 9_000 + "1" + "}" * 9_000
LARGE_TEXT = "é" * 40_000
OVERSIZED_TEXT = "x" * ((1 << 20) + 1)

HOSTILE_VALUES: dict[str, str] = {
    "lists in lists": DEEP,
    "lists beyond any reader": DEEPER,
    "objects without end": DEEPEST,
    "deep text": json.dumps(DEEP),
    "deeper text": json.dumps(DEEPER),
    "deep under a key in text": json.dumps('{"total":' + DEEP + ',"bookingType":' + DEEP + ',"id":' + DEEP + "}"),
    "deep under a key": '{"total":' + DEEP + ',"createdAt":' + DEEPER + "}",
    "a number no double holds": "1e400",
    "a negative one": "-1e400",
    "the smallest one": "1e-400",
    "such a number in text": json.dumps('{"total": 250000, "createdAt": 1e400}'),
    "such a number in an object": '{"total":250000,"x":1e400}',
    "30 digits": "123456789012345678901234567890",
    "5,000 digits": "9" * 5000,
    "5,000 digits in text": json.dumps('{"total":' + "9" * 5000 + "}"),
    "the largest whole number": "9223372036854775807",
    "one more": "9223372036854775808",
    "half a surrogate pair": '"a\\ud800b"',
    "half a pair in a key": '{"\\ud800":1}',
    "half a pair in text in text": json.dumps('{"total":"\\ud800"}'),
    "a NUL": '"a\\u0000b"',
    "only a NUL": '"\\u0000"',
    "a NUL in a key": '{"\\u0000deep":"x"}',
    "quotes and SQL": json.dumps("'; DROP TABLE bookings; -- \" \\ $$ {{x}} %s"),
    "text of NaN": '"NaN"',
    "text of null": '"null"',
    "nothing": '""',
    "blank": '" \\t\\n\\u200b"',
    "a list": "[1,2,3]",
    "an empty list": "[]",
    "an object": '{"a":{"b":null}}',
    "a mark of ours": '{"$set_aside":"a text of 1 byte is not kept"}',
    "yes": "true",
    "zero": "0",
    "below zero": "-1",
    "a fraction": "0.1",
    "a year": "1970",
    "an instant": '"2026-13-45T99:99:99Z"',
    "a large text": json.dumps(LARGE_TEXT),
    "an oversized text": json.dumps(OVERSIZED_TEXT),
    "letters of all kinds": json.dumps("naïve 😀 \u202e\u0301 \r\n\t"),
}  # fmt: skip

HOSTILE_NAMES: tuple[str, ...] = (
    "_id",
    "_ID",
    "_sequence",
    "_change",
    "_misfits",
    "_rejected",
    "_deleted_at",
    "_replaced_at",
    "rowid",
    "select",
    "select * from bookings; --",
    'a"b',
    "a'b",
    "a\\b",
    "*",
    "^.*$",
    "a.b",
    "pricing.total",
    "pricing.",
    ".",
    "",
    " ",
    "$id",
    "$sequence",
    "$updatedAt",
    "$permissions",
    "Status",
    "STATUS",
    "a\x00b",
    "naïve",
    "\ud800",
    "x" * 10_000,
    "%s",
    "{}",
    "\n",
)


def values() -> st.SearchStrategy[str]:
    """JSON of a value: one of the hostile kinds, or whatever Hypothesis makes of JSON."""
    plain = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=30),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    return st.sampled_from(list(HOSTILE_VALUES.values())) | plain.map(json.dumps)


def rows(
    attributes: Sequence[str], *, good: Mapping[str, Any] | None = None, most: int = 5
) -> st.SearchStrategy[list[dict[str, str]]]:
    """Up to ``most`` rows: attribute → JSON, of which each holds anything, or what is ``good`` for it."""
    fair = {name: json.dumps(value) for name, value in (good or {}).items()}
    one = st.fixed_dictionaries(
        {},
        optional={
            name: (st.just(fair[name]) | values()) if name in fair else values() for name in attributes
        },
    )
    return st.lists(one, min_size=1, max_size=most)


def answer(
    listed: Sequence[Mapping[str, str]],
    *,
    key: str = "rows",
    first: int = 1,
    at: str = "2026-01-01T03:00:00.000+00:00",
) -> bytes:
    """An answer of rows (attribute → JSON), each with what Appwrite adds: $id (``r1`` …), $sequence, $createdAt, …"""
    texts: list[str] = []
    for n, row in enumerate(listed, first):
        own = {
            "$id": f'"r{n}"', "$sequence": f'"{n}"', "$createdAt": f'"{at}"', "$updatedAt": f'"{at}"',
            "$permissions": "[]",
        }  # fmt: skip
        pairs = [f"{json.dumps(name)}:{text}" for name, text in {**own, **row}.items()]
        texts.append("{" + ",".join(pairs) + "}")
    return f'{{"total":{len(texts)},"{key}":[{",".join(texts)}]}}'.encode()
