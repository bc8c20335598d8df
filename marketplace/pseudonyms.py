"""The hash that stands for what may not be published: keyed in a home, the same for the same value wherever it stands.

What is hidden is decided in identifiers.py and codes.py; the key and the keys of stored rows are given, and live
elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from marketplace.identifiers import is_key, is_nobody, is_open, is_word, named, normal_forms, phones

PREFIX: Final = "hash_"
"""What a hash begins with, so that it reads as one and has the form of an id."""
SHARED: Final = rf"^{PREFIX}[A-Pa-p]{{32}}_"
"""What the published id of a row begins with whose ``$id`` is hidden, where another row's is the same but for how it is
written: one phone, one address."""
NOT_AN_ID: Final = "not_an_id"
"""The data finding on what was hidden."""
_LETTERS: Final = "abcdefghijklmnop"
_FOLDED_BYTES, _SPELLING_BYTES = 16, 4


@dataclass(frozen=True)
class Published:
    """``values``: what is published of some texts (null where there is none); ``hidden`` (Boolean): a hash stands for
    it."""

    values: pl.Series
    hidden: pl.Series


def pseudonym(normal: str, key: bytes) -> str:
    """The hash of a normal form (identifiers.normal_forms): keyed BLAKE2b, of 128 bits in 32 letters.

    The letters are of the text in lower case, and which of them are capitals of the text as it is: two texts that are
    the same but for case have hashes that are the same but for case, so that what is matched by case is matched
    hidden, too.
    """
    folded = normal.lower()
    digest = hashlib.blake2b(folded.encode(), key=key, digest_size=_FOLDED_BYTES).digest()
    letters = "".join(_LETTERS[byte >> 4] + _LETTERS[byte & 15] for byte in digest)
    if normal != folded:
        spelling = int.from_bytes(
            hashlib.blake2b(normal.encode(), key=key, digest_size=_SPELLING_BYTES).digest()
        )
        letters = "".join(
            letter.upper() if spelling >> place & 1 else letter for place, letter in enumerate(letters)
        )
    return PREFIX + letters


def nothing_stored(words: Collection[str]) -> Collection[str]:
    """For texts of which no row is known."""
    return ()


@dataclass
class Pseudonyms:
    """Publishes ids. ``stored``: of some words in lower case → those that are keys of stored rows in any case (such a
    reference is published as it is written). ``odd``: collection → those of its ``$id``s among which are all that are
    hidden; two with one normal form are told apart by their spelling, as a row is never lost."""

    key: bytes
    stored: Callable[[Collection[str]], Collection[str]] = nothing_stored
    odd: Callable[[str], pl.Series] | None = None
    _known: dict[str, bool] = field(default_factory=dict[str, bool], init=False)
    _twins: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]], init=False)

    def ids(self, written: pl.Series, of: Iterable[str] = ()) -> Published:
        """References to people, bookings, rooms and records, as written (trimmed; null for nothing).

        ``of``: collections whose rows they may name. What is spelled as the ``$id`` of one of them is published as that
        row is, also where another row differs in spelling alone.
        """
        text = named(written)
        nested = (text != written).fill_null(False)
        phone = phones(text)
        told = is_open(text, phone)
        rest = text.is_not_null() & ~told
        if not rest.any():
            return Published(text, nested)
        words = rest & is_word(text) & phone.is_null()
        if words.any():
            spelled = text.str.to_lowercase()
            known = self._stored(spelled.filter(words).unique().to_list())
            told = told | (words & spelled.is_in(list(known)))
        return self._told_apart(text, self._hiding(text, text.is_not_null() & ~told, nested), of)

    def row_ids(self, collection: str, ids: pl.Series) -> Published:
        """The ``$id``s of stored rows: what is one token, and no phone, is published. Never two rows as one."""
        phone = phones(ids)
        hidden = ids.is_not_null() & ~is_key(ids, phone)
        none = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(ids))
        return self._told_apart(ids, self._hiding(ids, hidden, none), (collection,))

    def of(self, text: str) -> str:
        """The hash of one text that is hidden."""
        return pseudonym(normal_forms(pl.Series([text], dtype=pl.String)).item(), self.key)

    def id_of(self, text: str) -> str:
        """What is published of one reference."""
        return self.ids(pl.Series([text], dtype=pl.String)).values.item()

    def hide(self, text: pl.Series, where: pl.Series) -> Published:
        """A hash in the place of each text ``where`` it has to be hidden."""
        none = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(text))
        return self._hiding(text, where & text.is_not_null(), none)

    def _hiding(self, text: pl.Series, hidden: pl.Series, beside: pl.Series) -> Published:
        hidden = hidden.fill_null(False)
        if not hidden.any():
            return Published(text, beside)
        where = hidden.arg_true()
        written = text.gather(where)
        unique = written.unique()
        normal = normal_forms(unique).to_list()
        table = {
            value: pseudonym(form, self.key) for value, form in zip(unique.to_list(), normal, strict=True)
        }
        values = text.clone().scatter(where, written.replace_strict(table, return_dtype=pl.String))
        return Published(values, hidden | beside)

    def _stored(self, words: list[str]) -> list[str]:
        asked = [word for word in words if word not in self._known]
        if asked:
            found = frozenset(self.stored(asked))
            self._known |= {word: word in found for word in asked}
        return [word for word in words if self._known[word]]

    def _told_apart(self, written: pl.Series, published: Published, collections: Iterable[str]) -> Published:
        """The same, with ids of their own for ``$id``s that share a normal form with another of their collection."""
        if not published.hidden.any():
            return published
        own = {twin: told for collection in collections for twin, told in self._twins_of(collection).items()}
        if not own:
            return published
        values = written.replace_strict(own, default=published.values, return_dtype=pl.String)
        return Published(values, published.hidden)

    def _twins_of(self, collection: str) -> dict[str, str]:
        """``$id``s of a collection that share their normal form with another → what is published of each."""
        if self.odd is None:
            return {}
        if collection not in self._twins:
            ids = self.odd(collection)
            ids = ids.filter(~is_key(ids, phones(ids))).unique()
            shared = pl.DataFrame({"id": ids, "normal": normal_forms(ids)}).filter(
                pl.col("normal").is_duplicated()
            )
            self._twins[collection] = {
                row_id: f"{pseudonym(normal, self.key)}_{pseudonym(row_id, self.key)[len(PREFIX) :][:8]}"
                for row_id, normal in shared.iter_rows()
            }
        return self._twins[collection]


def mean_somebody(ids: pl.Series) -> pl.Series:
    """Published ids → null for a role word: it names nobody who could be counted."""
    return ids.set(is_nobody(ids), None)
