"""What people call a check or an alert. The technical name stays what data, silences and files are keyed with."""

from __future__ import annotations

import re
from typing import Final

from messages.catalogue import sentences
from messages.message import Message

#: Names made of a collection or a table, the longest first: the pattern, the code, and its argument.
_MADE: Final = (
    (re.compile(r"raw_([a-z]\w*)_rows_match_source"), "name.rows_match", "collection"),
    (re.compile(r"raw_([a-z]\w*)_counts"), "name.counts", "collection"),
    (re.compile(r"(core|marts|ops)_([a-z]\w*)_schema"), "name.schema", "table"),
)


def name_of(technical: str) -> Message | None:
    """The name of a check or an alert for people; None for one that the catalogues do not know."""
    code = f"name.{technical}"
    if code in sentences("en"):
        return Message(code)
    for pattern, made, argument in _MADE:
        if found := pattern.fullmatch(technical):
            return Message(made, {argument: ".".join(found.groups())})
    return None
