"""What is left of a forgotten person in texts that are published or kept: found by keyed hashes of their values, as
the values themselves are gone, and taken out.

Pure, of texts. Which files there are, and how they are written anew, is in resources/ and pipelines/.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

import polars as pl

from marketplace.erasure import PersonValues
from marketplace.pseudonyms import PREFIX, Pseudonyms
from marketplace.text import BLANK

ERASED: Final = "(erased)"
"""Stands in a sentence for what was taken out of it."""

MarkKind = Literal["name", "word", "shared", "place", "phone", "mobile", "mail"]
"""``name``: of several words. ``word``: of one, which no other customer has; ``shared``: of one that others have too.
``place``: of several words. ``mobile``: a phone as Indonesia's mobiles are, ``phone``: any other."""
CellKind = Literal["id", "written", "people", "sentence"]
"""``id``: a reference or a key. ``written``: a word as the marketplace wrote it. ``people``: words of people who work
with bookwatch. ``sentence``: everything else, mostly sentences and words of our own."""

_LONGEST_NAME: Final = 12
"""Words: a name or place of more is sought only by these many of its first."""
_SHORTEST_PLACE: Final = 8
_WORD: Final = re.compile(r"\w+")
_BETWEEN: Final = r"[\s\u00a0().\-/_:]{0,2}"
_NUMBER: Final = re.compile(rf"\+?\d(?:{_BETWEEN}\d){{7,}}")
_GROUP: Final = re.compile(r"\d+")
_DIGITS: Final = range(8, 18)
_MOST_GROUPS: Final = 24
_MAIL: Final = re.compile(
    r"[^\s@<>()\"',;:/\\\[\]{}]+@[^\s@<>()\"',;:/\\\[\]{}]+\.[^\s@<>()\"',;:/\\\[\]{}.]+"
)
_KEY_PREFIX: Final = "c:"
"""What stands before a customer's id in customer_key."""

_ANY_NUMBER: Final = r"[0-9]([\s().\-/_:]{0,2}[0-9]){7,}"
# A number that begins as mobiles do: not the instants and counters that most ids end with.
_MOBILE_NUMBER: Final = r"(^|[^0-9])(0|62|[\s().\-/_:])*8([\s().\-/_:]{0,2}[0-9]){7,}"

_OPERATORS: Final = frozenset(
    {
        "made_by", "waived_by", "entered_by", "erased_by", "rewritten_by", "author", "by", "folder", "path",
        "acknowledged_by", "ordered_by", "viewer", "planned_by", "acted_by", "called_by", "undone_by",
    }
)  # fmt: skip
"""Names of people who work with bookwatch, and paths on this machine: left as they are."""
_WRITTEN: Final = frozenset(
    {
        "provider_name", "city", "raw_status", "payment_method", "commission_plan", "browser", "recipient_type",
        "channel", "timezone",
    }
)  # fmt: skip
_PEOPLE: Final = frozenset(
    {
        "waivers", "waiver_log", "alert_silences", "sign_off_log", "acknowledgements", "plans", "actions",
        "action_calls", "acting_log",
    }
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Mark:
    """A value of a person by its keyed hash. ``words``: of how many words it is (0: a phone or an address)."""

    kind: MarkKind
    words: int
    digest: str


def cell_kind(table: str, column: str) -> CellKind | None:
    """What texts of a column are; None for one that is never changed. ``table`` is without its schema."""
    if column in _OPERATORS:
        return None
    if column == "id" or column.endswith(("_id", "_ref", "_key")):
        return "id"
    if table in _PEOPLE and column in ("reason", "undo_reason", "matcher", "note"):
        return "people"
    if column in _WRITTEN or (table == "notifications" and column == "kind"):
        return "written"
    return "sentence"


def _digest(kind: str, normal: str, key: bytes) -> str:
    return hashlib.blake2b(f"{kind}:{normal}".encode(), key=key, digest_size=16).hexdigest()


def _words(text: str) -> list[re.Match[str]]:
    return list(_WORD.finditer(text))


def _normal(words: Iterable[str]) -> str:
    return " ".join(word.casefold() for word in words)


def _national(digits: str) -> str:
    """Digits of a phone without what is written before it or left out: zeros and the country's 62."""
    rest = digits.lstrip("0")
    while rest.startswith("62"):
        rest = rest[2:].lstrip("0")
    return rest


def marks_of(values: PersonValues, key: bytes, is_shared: Callable[[str], bool]) -> set[Mark]:
    """The marks of a person's values. ``is_shared``: whether another customer has the same name or place."""
    found: set[Mark] = set()
    for name in values.whole_names:
        words = [word[0] for word in _words(name)][:_LONGEST_NAME]
        if not words:
            continue
        kind: MarkKind = "name" if len(words) > 1 else "shared" if is_shared(name) else "word"
        found.add(Mark(kind, len(words), _digest("name", _normal(words), key)))
    for place in values.places:
        words = [word[0] for word in _words(place)][:_LONGEST_NAME]
        told = place.lstrip()[:1] not in ("{", "[") and any(word.isalpha() for word in words)
        if len(words) > 1 and len(place) >= _SHORTEST_PLACE and told and not is_shared(place):
            found.add(Mark("place", len(words), _digest("name", _normal(words), key)))
    for phone in values.phones:
        digits = "".join(_GROUP.findall(phone))
        if len(digits) in _DIGITS:
            national = _national(digits)
            found.add(
                Mark("mobile" if national.startswith("8") else "phone", 0, _digest("phone", national, key))
            )
    for mail in values.addresses:
        found.add(Mark("mail", 0, _digest("mail", mail, key)))
    return found


@dataclass
class Traces:
    """A person's values to be sought. ``published``: what is published of their id; ``alone``: theirs in any case.
    ``businesses``: names of therapists and places and the cities they are in: no trace, whoever else is called so.
    """

    names: Pseudonyms
    published: str
    alone: bool
    marks: frozenset[Mark]
    businesses: Collection[str] = ()
    _known: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str], init=False)

    @property
    def by_id(self) -> bool:
        """Whether their id itself is no id: what was published of it by an earlier version goes as well."""
        return self.published.startswith(PREFIX)

    def __bool__(self) -> bool:
        return bool(self.marks) or self.by_id

    # -- what is looked at -----------------------------------------------------------------------------------

    @cached_property
    def _by_words(self) -> Mapping[int, Mapping[str, frozenset[MarkKind]]]:
        found: dict[int, dict[str, frozenset[MarkKind]]] = {}
        for mark in self.marks:
            if mark.words:
                kinds = found.setdefault(mark.words, {})
                of_this: frozenset[MarkKind] = frozenset((mark.kind,))
                kinds[mark.digest] = kinds.get(mark.digest, frozenset[MarkKind]()) | of_this
        return found

    @cached_property
    def _others(self) -> frozenset[str]:
        return frozenset(mark.digest for mark in self.marks if not mark.words)

    @cached_property
    def number_pattern(self) -> str | None:
        """What a text with a phone of theirs in it has, for a first look by DuckDB; None where they have none."""
        kinds = {mark.kind for mark in self.marks}
        return _ANY_NUMBER if "phone" in kinds else _MOBILE_NUMBER if "mobile" in kinds else None

    @cached_property
    def _kept(self) -> frozenset[tuple[str, ...]]:
        """The words of each business that a name of theirs stands in."""
        kept: set[tuple[str, ...]] = set()
        for business in self.businesses:
            words = _words(business)
            if any(True for _ in self._named(words)):
                kept.add(tuple(word[0].casefold() for word in words))
        return frozenset(kept)

    def _hash(self, kind: str, normal: str) -> str:
        told = self._known.get((kind, normal))
        if told is None:
            if len(self._known) > 1 << 18:
                self._known.clear()
            told = self._known[kind, normal] = _digest(kind, normal, self.names.key)
        return told

    # -- finding ---------------------------------------------------------------------------------------------

    def _named(self, words: list[re.Match[str]]) -> Iterator[tuple[int, int, frozenset[MarkKind]]]:
        """(first word, words, kinds) of each name or place among some words."""
        folded = [word[0].casefold() for word in words]
        for size, kinds in self._by_words.items():
            for first in range(len(words) - size + 1):
                found = kinds.get(self._hash("name", " ".join(folded[first : first + size])))
                if found is not None:
                    yield first, size, found

    def _of_names(self, text: str, kind: CellKind) -> Iterator[tuple[int, int]]:
        words = _words(text)
        if kind == "id" and not re.search(r"\s", text.strip()):
            return  # one token: an id, of which a name would be a part by chance
        found = list(self._named(words))
        if not found:
            return
        whole = len(words)
        kept: set[int] = set()
        folded = [word[0].casefold() for word in words]
        for business in self._kept:
            for first in range(whole - len(business) + 1):
                if tuple(folded[first : first + len(business)]) == business:
                    kept.update(range(first, first + len(business)))
        for first, size, kinds in found:
            if kept.issuperset(range(first, first + size)):
                continue
            start, end = words[first].start(), words[first + size - 1].end()
            if kinds & {"name", "place"} or self._is_meant(text[start:end], kind, kinds, size == whole):
                yield start, end

    def _is_meant(self, piece: str, kind: CellKind, kinds: frozenset[MarkKind], whole: bool) -> bool:
        """Whether one word is a name. In our own sentences only with a capital: "Made" is one, "made" is not."""
        if whole:
            return kind in ("written", "people")
        if "word" not in kinds:
            return False
        return kind in ("written", "people") or piece != piece.lower() or not piece.isascii()

    def _of_numbers(self, text: str) -> Iterator[tuple[int, int]]:
        if self.number_pattern is None:
            return
        for run in _NUMBER.finditer(text):
            groups = list(_GROUP.finditer(text, run.start(), run.end()))[:_MOST_GROUPS]
            for first, begins in enumerate(groups):
                digits = ""
                for ends in groups[first:]:
                    digits += ends[0]
                    if len(digits) >= _DIGITS.stop:
                        break
                    if len(digits) in _DIGITS and self._hash("phone", _national(digits)) in self._others:
                        start = begins.start()
                        yield start - (text[start - 1 : start] == "+"), ends.end()

    def _of_mails(self, text: str) -> Iterator[tuple[int, int]]:
        if "@" not in text:
            return
        for found in _MAIL.finditer(text):
            start = found.start() + (7 if found[0].casefold().startswith("mailto:") else 0)
            if self._hash("mail", text[start : found.end()].casefold()) in self._others:
                yield start, found.end()

    def without(self, text: str, kind: CellKind) -> str | None:
        """A text without their values: None where it held nothing else, the same where it held none.

        Of an id they are hashed, as core does with what is none, so that rows still refer to each other.
        """
        spans = [*self._of_names(text, kind), *self._of_numbers(text), *self._of_mails(text)]
        if not spans:
            return text
        merged: list[tuple[int, int]] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        rest, place = "", 0
        for start, end in merged:
            rest += text[place:start] + (self.names.of(text[start:end]) if kind == "id" else ERASED)
            place = end
        rest += text[place:]
        if kind != "id" and not _WORD.search(rest.replace(ERASED, "")):
            return None
        return rest

    def replacements(self, texts: Collection[str], kind: CellKind) -> dict[str, str | None]:
        """Of some texts of one column those that hold a trace, and what remains of each."""
        found: dict[str, str | None] = self._ids_of(texts) if kind == "id" and self.by_id else {}
        for text in texts:
            if text not in found:
                rest = self.without(text, kind)
                if rest != text:
                    found[text] = rest
        return found

    def _ids_of(self, texts: Collection[str]) -> dict[str, str | None]:
        """References that an earlier version published as they were written: what is published of them now."""
        written = pl.Series(list(texts), dtype=pl.String)
        keyed = written.str.starts_with(_KEY_PREFIX)
        bare = written.zip_with(~keyed, written.str.slice(len(_KEY_PREFIX))).str.strip_chars(BLANK)
        told = self.names.ids(bare).values
        found: dict[str, str | None] = {}
        for text, before, after, is_key in zip(written, bare, told, keyed, strict=True):
            if before != after and self.is_theirs(after):
                found[text] = (_KEY_PREFIX if is_key else "") + after
        return found

    def is_theirs(self, published: str | None) -> bool:
        """Whether a published id is the person's."""
        if published is None:
            return False
        return published == self.published or (self.alone and published.lower() == self.published.lower())


__all__ = [
    "ERASED",
    "CellKind",
    "Mark",
    "MarkKind",
    "Traces",
    "cell_kind",
    "marks_of",
]
