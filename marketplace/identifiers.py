"""Which texts have the form of an id, and the normal form of those that have not.

Pure, of columns of text. How what has no form is hidden is in pseudonyms.py; codes and words are in codes.py.
"""

from __future__ import annotations

from typing import Any, Final, cast

import polars as pl

from marketplace.json_values import read_json
from marketplace.phones import bare, e164
from marketplace.text import BLANK, coalesce, json_text, nulls

LONGEST_ID: Final = 128
"""Characters of an id that is published as it is written."""
ROLE_WORDS: Final = ("guest", "admin", "system", "customer", "therapist")
"""Words that writers put where an id belongs: they name a role, and nobody."""

TOKEN: Final = rf"[A-Za-z0-9._:/-]{{1,{LONGEST_ID}}}"
"""One token. SQL and Polars read the same expression."""
_ID: Final = rf"^{TOKEN}$"
_TELLS: Final = r"[0-9]|[A-Za-z][._:/-]+[A-Za-z]"
"""A digit, or a separator inside: what a word, or a name, has not."""
_BETWEEN: Final = r"\s\u00a0\u200b\u202a-\u202e()./_:-"
_PERHAPS_PHONE: Final = (
    rf"^(?i:whatsapp:|tel:|(?:https?://)?wa\.me/)?[{_BETWEEN}]*(?:\+|0|62)[0-9+{_BETWEEN}]*$"
)
_MAIL: Final = r"(?i)^(?:mailto:)?([^@\s]+@[^@\s]+\.[^@\s]+)$"


def is_nobody(text: pl.Series) -> pl.Series:
    """Boolean: a role word in an id's place."""
    return text.str.to_lowercase().is_in(ROLE_WORDS).fill_null(False)


def named(text: pl.Series) -> pl.Series:
    """References as written → of a JSON object its ``$id``, else the same. Relationships are written so, also as a
    list of one."""
    nested = text.str.contains(r'^[\[{"]').fill_null(False)
    if not nested.any():
        return text
    where = nested.arg_true()
    found = pl.Series([_named(written) for written in text.gather(where).to_list()], dtype=pl.String)
    return text.clone().scatter(where, found)


def _named(written: str) -> str:
    found: object = written
    for _ in range(2):
        if not isinstance(found, str):
            break
        try:
            found = read_json(found)
        except ValueError:
            return written
    if isinstance(found, list) and len(cast("list[Any]", found)) == 1:
        found = cast("list[object]", found)[0]
    if isinstance(found, dict):
        return json_text(cast("dict[str, Any]", found).get("$id")) or written
    return written


def phones(text: pl.Series) -> pl.Series:
    """E.164 where a text is nothing but a phone: digits (and what people put between them) that begin with +, 0 or 62
    and that the rules of phones accept. Else null: other digits are a number of the app's own."""
    perhaps = text.str.contains(_PERHAPS_PHONE).fill_null(False)
    if not perhaps.any():
        return nulls(len(text), pl.String)
    where = perhaps.arg_true()
    # The rules of phones know no _ and : between digits; of an id they are letters, and hide nothing.
    digits = bare(text.gather(where)).str.replace_all("[_:]", "")
    number, _ = e164(digits)
    begins = digits.str.contains(r"^(?:\+|0|62)[0-9+]*$").fill_null(False)
    return nulls(len(text), pl.String).scatter(where, number.set(~begins, None))


def is_open(text: pl.Series, phone: pl.Series) -> pl.Series:
    """Boolean: published as it is written, whoever is stored (``phone``: what ``phones`` says of the same texts)."""
    token = text.str.contains(_ID) & (text.str.contains(_TELLS) | is_nobody(text))
    return (token & phone.is_null()).fill_null(False)


def is_word(text: pl.Series) -> pl.Series:
    """Boolean: one token without a digit or an inner separator: published only where it is a key of a stored row."""
    return (text.str.contains(_ID) & ~text.str.contains(_TELLS)).fill_null(False)


def is_key(text: pl.Series, phone: pl.Series) -> pl.Series:
    """Boolean, of keys of stored rows: published as they are written."""
    return (text.str.contains(_ID) & phone.is_null()).fill_null(False)


def normal_forms(text: pl.Series) -> pl.Series:
    """What texts that are no id are hidden by: a phone as E.164, an address in lower case, else the text, trimmed."""
    number = coalesce(phones(text), e164(text)[0])
    trimmed = text.str.strip_chars(BLANK)
    mail = trimmed.str.extract(_MAIL).str.to_lowercase()
    return coalesce(coalesce(number, mail), trimmed)
