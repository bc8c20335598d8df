"""Codes and words that are published though they are no ids: what each may look like.

Pure, of columns of text. Which attribute is read as which is in assets/core; what has no such form is hidden by
pseudonyms.py.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.browsers import family_and_version
from marketplace.identifiers import phones
from marketplace.pseudonyms import Pseudonyms, Published
from marketplace.statuses import canonical

LONGEST_CODE: Final = 32
LONGEST_CITY: Final = 60
LONGEST_PUBLISHED: Final = 256
"""Characters of anything that is published."""
_CODE: Final = rf"^[A-Za-z0-9._:/-]{{1,{LONGEST_CODE}}}$"
_CITY: Final = rf"^[\p{{L}}\p{{M}} ]{{1,{LONGEST_CITY}}}$"


def codes(text: pl.Series, names: Pseudonyms, words: dict[str, str] | None = None) -> Published:
    """A status, source, kind, channel, recipient type, payment method or discount code: one token, or one of the known
    ``words``, however it is written; else a hash."""
    token = text.str.contains(_CODE) & phones(text).is_null()
    if words is not None:
        token = token | ((text.str.len_chars() <= LONGEST_PUBLISHED) & canonical(text, words).is_not_null())
    return names.hide(text, ~token.fill_null(True))


def cities(text: pl.Series, names: Pseudonyms) -> Published:
    """The city of a provider: letters and blanks; else a hash."""
    return names.hide(text, ~text.str.contains(_CITY).fill_null(True))


def browsers(text: pl.Series, names: Pseudonyms) -> Published:
    """A browser: its family and major version ("Chrome 142"); of anything else a hash."""
    unique = text.drop_nulls().unique().to_list()
    known = {written: told for written in unique if (told := family_and_version(written)) is not None}
    hidden = names.hide(text, text.is_not_null() & ~text.is_in(list(known)))
    return Published(
        hidden.values.replace_strict(known, default=hidden.values, return_dtype=pl.String), hidden.hidden
    )
