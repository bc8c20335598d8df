"""What a notebook is asked for, by the address or on the command line: snapshot, from, to, lang, theme. Reads nothing
but what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from dashboards.period import EARLIEST, Period
from dashboards.wording import LANGUAGES
from resources.errors import UsageError

THEMES: tuple[str, ...] = ("auto", "light", "dark")
"""``auto``: as whoever looks has it."""
DAYS_SHOWN = 30
"""As many days as are shown where none are asked for, the last of them the snapshot's own."""


@dataclass(frozen=True)
class Asked:
    """The answers to what may be asked for; None: not asked. ``first`` and ``last`` are local days, both included."""

    snapshot: str | None = None
    first: date | None = None
    last: date | None = None
    lang: str = LANGUAGES[0]
    theme: str = THEMES[0]

    def period(self, today: date) -> Period:
        """The days to show. ``today``: the local day of the snapshot."""
        last = self.last or max(today, self.first or today)
        first = self.first or max(EARLIEST, last - timedelta(days=DAYS_SHOWN - 1))
        return Period(first, last)

    def words(self) -> dict[str, str]:
        """What was asked for as words of an address or a command line, what goes without saying left out."""
        said = {name: getattr(self, name) for name in (f.name for f in fields(self))}
        given = {NAMES[name]: str(value) for name, value in said.items() if value is not None}
        return {name: value for name, value in given.items() if value not in (LANGUAGES[0], THEMES[0])}


#: By the field: the name under which it is asked for.
NAMES = {"snapshot": "snapshot", "first": "from", "last": "to", "lang": "lang", "theme": "theme"}


def asked(*given: Mapping[str, Any]) -> Asked:
    """What is asked for by names and words; the later one wins, and an empty word asks for nothing. Raises UsageError
    for a word that is none of those that may be asked for; other names are not ours."""
    words: dict[str, str] = {}
    for one in given:
        for name in NAMES.values():
            word = _word(one, name)
            if word:
                words[name] = word
    first, last = (_day(name, words.get(name)) for name in ("from", "to"))
    if first and last and first > last:
        raise UsageError.of("notebook.turned", first=first.isoformat(), last=last.isoformat())
    return Asked(
        words.get("snapshot"),
        first,
        last,
        _one_of("lang", words.get("lang", LANGUAGES[0]), LANGUAGES),
        _one_of("theme", words.get("theme", THEMES[0]), THEMES),
    )


def _word(given: Mapping[str, Any], name: str) -> str:
    """The word under a name; of several the last. (An address may say a name twice.)"""
    word = given.get(name)
    if isinstance(word, list):
        word = word[-1] if word else None
    return "" if word is None else str(word).strip()


def _day(name: str, word: str | None) -> date | None:
    if word is None:
        return None
    try:
        day = date.fromisoformat(word)
    except ValueError:
        day = None
    if day is None or day < EARLIEST:
        raise UsageError.of("notebook.no_day", name=name, word=word)
    return day


def _one_of(name: str, word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise UsageError.of("notebook.no_word", name=name, word=word, known=list(known))
    return word
