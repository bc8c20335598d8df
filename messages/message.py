"""What is told: a code with arguments. How it reads in a language is the catalogue's business."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union, cast

#: A value of an argument: what it is written as depends on the place it has in the sentence (places.py). One that is a
#: message is said in the language of the sentence.
Arg = Union[int, str, list[str], None, "Message"]


@dataclass(frozen=True)
class Message:
    """A code of the catalogues and the values of its places. Holds published values only."""

    code: str
    args: Mapping[str, Arg] = field(default_factory=dict[str, Arg])

    def __hash__(self) -> int:
        return hash((self.code, self.args_json))

    @property
    def args_json(self) -> str:
        """The arguments as JSON text, keys in the order they were given."""
        return json.dumps(self.plain["args"], ensure_ascii=False, separators=(",", ":"))

    @property
    def plain(self) -> dict[str, Any]:
        """The message as an object of JSON; an argument that is a message is such an object itself."""
        args = {name: arg.plain if isinstance(arg, Message) else arg for name, arg in self.args.items()}
        return {"code": self.code, "args": args}

    @property
    def json(self) -> str:
        """The message as JSON text."""
        return json.dumps(self.plain, ensure_ascii=False, separators=(",", ":"))


#: What is told: a message, where a page or an alert may show it; else English words.
Words = str | Message


def as_message(words: Words) -> Message:
    """Words as a message: English ones are said as they are written, whatever the language."""
    return words if isinstance(words, Message) else Message("as_written", {"text": words})


def in_a_row(words: Sequence[Words], code: str = "failure.both") -> Words:
    """Several as one, apart by semicolons, or as the sentence of ``code`` has it; '' where there is none."""
    if not words:
        return ""
    first, *rest = words
    if not rest:
        return first
    return Message(code, {"first": as_message(first), "then": as_message(in_a_row(rest, code))})


def message_in(held: object) -> Message | None:
    """A message from an object of JSON as ``plain`` makes it; None where it is none of ours."""
    given = cast("dict[str, Any]", held if isinstance(held, dict) else {})
    code, args = given.get("code"), given.get("args")
    if not isinstance(code, str) or not code or not isinstance(args, dict):
        return None
    values = cast("dict[str, Any]", args)
    return Message(code, {name: message_in(arg) or cast("Arg", arg) for name, arg in values.items()})


def message_of(code: object, args: object) -> Message | None:
    """A message from a code and the JSON text of its arguments; None where there is none or it is none of ours."""
    try:
        held: Any = json.loads(args) if isinstance(args, str) and args else {}
    except ValueError:
        return None
    return message_in({"code": code, "args": held})


def messages_of(written: object) -> tuple[Message, ...] | None:
    """Messages from the JSON text of a list of them; None where it is none."""
    try:
        held: Any = json.loads(written) if isinstance(written, str) else None
    except ValueError:
        return None
    return messages_in(held)


def messages_in(held: object) -> tuple[Message, ...] | None:
    """Messages from a list of objects of JSON; None where it is none."""
    if not isinstance(held, list):
        return None
    found = tuple(message_in(one) for one in cast("list[object]", held))
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None
