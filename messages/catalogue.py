"""The catalogues, one a language, as gettext has them (Babel reads them): the code is the msgid, the sentence the
msgstr. They are read when the first sentence is said. What belongs to one thing may stand beside them in a file of its
own, both languages in it (cities.toml: a table a language, in it ``page`` for the labels of pages).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from messages.message import Arg, Message, Words
from messages.places import Place, parts_of

#: The language the published texts, alerts and files are in.
ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "id")

LABEL: Final = "page."
"""What the name of a label begins with, beside the catalogues; the others are codes."""
_HERE: Final = Path(__file__).parent


@cache
def sentences(language: str) -> Mapping[str, str]:
    """Code → sentence with places, of a language. Raises FileNotFoundError for one we do not speak, ValueError for a
    code that is said twice."""
    from babel.messages.pofile import read_po

    with (_HERE / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    catalogue = {str(entry.id): str(entry.string) for entry in entries if entry.id}
    more = {code: text for code, text in beside(language).items() if not code.startswith(LABEL)}
    if twice := catalogue.keys() & more.keys():
        raise ValueError(f"{', '.join(sorted(twice))}: said twice in {language!r}.")
    return catalogue | more


def labels(language: str) -> dict[str, str]:
    """Name → label, of those that stand beside the catalogues."""
    return {
        name.removeprefix(LABEL): text for name, text in beside(language).items() if name.startswith(LABEL)
    }


@cache
def beside(language: str) -> dict[str, str]:
    """Name → text, of the files beside the catalogues. Raises KeyError where one does not speak the language."""
    return {
        name: text
        for path in sorted(_HERE.glob("*.toml"))
        for name, text in flat(tomllib.loads(path.read_text(encoding="utf-8"))[language])
    }


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each text of a table with its dotted name."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(cast("dict[str, Any]", value), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


@cache
def parts(code: str, language: str = ENGLISH) -> tuple[str | Place, ...]:
    """A sentence as words and places. Raises KeyError for a code that is in no catalogue."""
    return parts_of(sentences(language)[code])


def named(name: str, language: str = ENGLISH) -> str:
    """A word that stands for itself, such as ``named.amount`` for an amount that is not known."""
    return sentences(language)[name]


def say(message: Message, language: str = ENGLISH, numbers: str | None = None) -> str:
    """A message in a language; ``numbers``: by whose custom (en, id) a page groups them, else as they are published.
    Raises KeyError for a code or an argument that is not there: a text is never made up."""
    return "".join(
        part if isinstance(part, str) else _placed(part, message.args[part.name], language, numbers)
        for part in parts(message.code, language)
    )


def _placed(place: Place, value: Arg, language: str, numbers: str | None) -> str:
    """An argument in its place; one that is a message itself is said in the same language."""
    if isinstance(value, Message):
        return say(value, language, numbers)
    return place.written(value, lambda name: named(name, language), numbers)


def english(words: Words) -> str:
    """What was told, in the language of published texts; words that are no message stand as they are."""
    return words if isinstance(words, str) else say(words)


def understood(message: Message) -> bool:
    """Whether the catalogues know it: a message of another version may have a code or arguments of its own."""
    if message.code not in sentences(ENGLISH):
        return False
    try:
        say(message)
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return True
