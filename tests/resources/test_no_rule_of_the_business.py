"""resources/ keeps, reads and writes; what a collection is, what it calls its attributes and whose a row is stands in
marketplace/.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from marketplace.aliases import ALIASES
from marketplace.collections import COLLECTIONS
from marketplace.erasure import CUSTOMER_ROLES
from marketplace.statuses import BOOKING_STATUSES, COMMISSION_STATUSES

ROOM = Path(__file__).parents[2] / "resources"

#: Words that are also somebody else's: a state of a run or a cell, a kind of value, a key of JSON, a setting.
OTHERS = {"unknown", "name", "status", "type", "data", "message", "title", "read", "email", "date", "time", "address",
          "pending", "completed", "rejected", "expired", "duration", "service", "mode", "price", "user", "client",
          "currency", "timestamp", "content", "location", "body", "source", "channel", "timezone",
          "state", "answer", "deadline", "seen", "instants"}  # fmt: skip
WORDS = (
    {collection.name for collection in COLLECTIONS}
    | {name for names in ALIASES.values() for name in names}
    | {
        name
        for c in COLLECTIONS
        for name in (*c.personal, *c.published, *(n for e in c.expected for n in e.names))
    }
    | {*CUSTOMER_ROLES, *BOOKING_STATUSES, *COMMISSION_STATUSES, "therapist", "place", "city"}
) - OTHERS


def named(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in WORDS:
            yield node.value
        if isinstance(node, ast.ImportFrom) and node.module == "marketplace.aliases":
            yield "marketplace.aliases"


def test_no_module_of_resources_names_a_collection_an_attribute_or_a_word_of_the_business() -> None:
    found = {
        path.relative_to(ROOM).as_posix(): sorted(set(named(path))) for path in sorted(ROOM.rglob("*.py"))
    }
    assert {path: words for path, words in found.items() if words} == {}
