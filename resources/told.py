"""How names that others made are told in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from messages.catalogue import english
from messages.message import Message, Words

LONGEST_TOLD: Final = 60
"""Letters of a name that are told."""


def told_name(name: str) -> str:
    """A name as it may be told: printable, on one line, not longer than a line."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable if len(printable) <= LONGEST_TOLD else f"{printable[:LONGEST_TOLD]}…"


def few(names: Sequence[str]) -> Words:
    """A few of the names, and how many more there are, for any language."""
    shown = ", ".join(names[:5])
    more = len(names) - 5
    return Message("scan.few", {"names": list(names[:5]), "more": more}) if more > 0 else shown


def a_few(names: Sequence[str]) -> str:
    """The same in English."""
    return english(few(names))
