"""What is told: a code with arguments. How it reads in a language is the catalogue's business."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

#: A value of an argument: what it is written as depends on the place it has in the sentence (places.py).
Arg = int | str | list[str] | None

_NONE: Mapping[str, Arg] = MappingProxyType({})


@dataclass(frozen=True)
class Message:
    """A code of the catalogues and the values of its places. Holds published values only."""

    code: str
    args: Mapping[str, Arg] = field(default_factory=lambda: _NONE)

    @property
    def args_json(self) -> str:
        """The arguments as JSON text, keys in the order they were given."""
        return json.dumps(dict(self.args), ensure_ascii=False, separators=(",", ":"))

    @property
    def json(self) -> str:
        """The message as JSON text."""
        told = {"code": self.code, "args": dict(self.args)}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def message_of(code: object, args: object) -> Message | None:
    """A message from a code and the JSON text of its arguments; None where there is none or it is none of ours."""
    if not isinstance(code, str) or not code:
        return None
    try:
        held: Any = json.loads(args) if isinstance(args, str) and args else {}
    except ValueError:
        return None
    return Message(code, cast("dict[str, Arg]", held)) if isinstance(held, dict) else None


def messages_of(written: object) -> tuple[Message, ...] | None:
    """Messages from the JSON text of a list of them; None where it is none."""
    try:
        held: Any = json.loads(written) if isinstance(written, str) else None
    except ValueError:
        return None
    if not isinstance(held, list):
        return None
    told: list[Message] = []
    for one in cast("list[Any]", held):
        named = cast("dict[str, Any]", one if isinstance(one, dict) else {})
        args = named.get("args")
        if not isinstance(named.get("code"), str) or not isinstance(args, dict):
            return None
        told.append(Message(str(named["code"]), cast("dict[str, Arg]", args)))
    return tuple(told)
