"""What SQLite lacks of MariaDB: regular expressions, fulltext search."""

from __future__ import annotations

import re
import unicodedata
from typing import Any


def regexp(pattern: Any, value: Any) -> bool | None:
    """Whether the pattern is in the value, whatever the case. A pattern that cannot be read is in none."""
    if value is None:
        return None
    try:
        return re.search(_text(pattern), _text(value), re.IGNORECASE) is not None
    except re.error:
        return False


def fulltext(value: Any, query: Any) -> bool | None:
    """Boolean mode as Appwrite uses it: any word of the query, of the last one its start; in quotes the phrase."""
    if value is None:
        return None
    wanted, words = _plain(_text(query)).strip(), _indexed(_text(value))
    exact = len(wanted) > 1 and wanted[0] == wanted[-1] == '"'
    parts = re.sub(r"[^\w\s]", " ", wanted).split()
    if exact:
        return f" {' '.join(_indexed(' '.join(parts)))} " in f" {' '.join(words)} "
    return any(part in words for part in parts[:-1]) or any(
        word.startswith(part) for part in parts[-1:] for word in words
    )


# InnoDB's own, which no fulltext index holds.
_STOPWORDS = frozenset((
    "a", "about", "an", "are", "as", "at", "be", "by", "com", "de", "en", "for", "from", "how", "i", "in", "is", "it",
    "la", "of", "on", "or", "that", "the", "this", "to", "was", "what", "when", "where", "who", "will", "with", "und",
    "www",
))  # fmt: skip

_SHORTEST_WORD = 3


def _indexed(text: str) -> list[str]:
    """The words of a text that InnoDB's fulltext index holds."""
    found = re.findall(r"\w+", _plain(text))
    return [word for word in found if len(word) >= _SHORTEST_WORD and word not in _STOPWORDS]


def _plain(text: str) -> str:
    """Without case and accents, which MariaDB's collation does not tell apart."""
    apart = unicodedata.normalize("NFKD", text.lower().replace("\u00df", "ss"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
