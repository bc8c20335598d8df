"""The catalogues, one a language, as gettext has them (Babel reads them): the code is the msgid, the sentence the
msgstr. They are read when the first sentence is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from messages.message import Arg, Message, Words
from messages.places import Place, parts_of

#: The language the published texts, alerts and files are in.
ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "id")


@cache
def sentences(language: str) -> Mapping[str, str]:
    """Code → sentence with places, of a language. Raises FileNotFoundError for one we do not speak."""
    from babel.messages.pofile import read_po

    with (Path(__file__).parent / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    return {str(entry.id): str(entry.string) for entry in entries if entry.id}


@cache
def parts(code: str, language: str = ENGLISH) -> tuple[str | Place, ...]:
    """A sentence as words and places. Raises KeyError for a code that is in no catalogue."""
    return parts_of(sentences(language)[code])


def named(name: str, language: str = ENGLISH) -> str:
    """A word that stands for itself, such as ``named.amount`` for an amount that is not known."""
    return sentences(language)[name]


def say(message: Message, language: str = ENGLISH) -> str:
    """A message in a language. Raises KeyError for a code or an argument that is not there: a text is never made up."""
    return "".join(
        part if isinstance(part, str) else _placed(part, message.args[part.name], language)
        for part in parts(message.code, language)
    )


def _placed(place: Place, value: Arg, language: str) -> str:
    """An argument in its place; one that is a message itself is said in the same language."""
    if isinstance(value, Message):
        return say(value, language)
    return place.written(value, lambda name: named(name, language))


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
