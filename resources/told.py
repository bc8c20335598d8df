"""How names that others made are told in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LONGEST_TOLD: Final = 60
"""Letters of a name that are told."""


def told_name(name: str) -> str:
    """A name as it may be told: printable, on one line, not longer than a line."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable if len(printable) <= LONGEST_TOLD else f"{printable[:LONGEST_TOLD]}…"


def a_few(names: Sequence[str]) -> str:
    """A few of the names, and how many more there are."""
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown
