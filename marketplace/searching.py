"""How a person searches in words: whatever the case and the accents, every sign for itself, white space as one space;
and what is shown of a text around a hit. Pure; where words are kept and asked for does not live here.

``SQL_FOLDED`` is the same folding as DuckDB does it, so that a search need not read texts out to compare them.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

SQL_FOLDED: Final = "lower(strip_accents({text}))"
"""SQL of a text as it is compared."""
SHOWN_AROUND: Final = 80
"""Letters of a text that are shown before and after a hit."""


@dataclass(frozen=True)
class Excerpt:
    """A part of a text around the first hit. ``cut_before``, ``cut_after``: there is more of it. Where nothing of the
    text is the hit by this folding, ``hit`` is empty and ``before`` is how the text begins."""

    before: str
    hit: str
    after: str
    cut_before: bool
    cut_after: bool


def asked(words: str) -> str:
    """What somebody typed, as it is searched for; "" where they typed nothing."""
    return " ".join(words.split())


def folded(text: str) -> tuple[str, list[int]]:
    """A text without case and accents, its white space as single spaces, and of each letter of that where in ``text``
    it stands."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        if letter.isspace():
            if not letters or letters[-1] != " ":
                letters.append(" ")
                places.append(place)
            continue
        for part in unicodedata.normalize("NFD", letter):
            if unicodedata.combining(part):
                continue
            for small in part.lower():
                if not unicodedata.combining(small):
                    letters.append(small)
                    places.append(place)
    return "".join(letters), places


def excerpt(text: str, words: str, around: int = SHOWN_AROUND) -> Excerpt:
    """What is shown of a text in which ``words`` were found: at most ``around`` letters on each side of the hit."""
    sought, _ = folded(asked(words))
    plain, places = folded(text)
    found = plain.find(sought) if sought else -1
    if found < 0:
        return Excerpt(text[: 2 * around], "", "", False, len(text) > 2 * around)
    first, last = places[found], places[found + len(sought) - 1] + 1
    while last < len(text) and unicodedata.combining(text[last]):
        last += 1
    begin, end = max(0, first - around), min(len(text), last + around)
    return Excerpt(text[begin:first], text[first:last], text[last:end], begin > 0, end < len(text))
