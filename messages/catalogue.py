"""The catalogues, one a language, as gettext has them (Babel reads them): the code is the msgid, the sentence the
msgstr. They are read when the first sentence is said. What belongs to one thing may stand beside them in a file of its
own, both languages in it (cities.toml: a table a language, in it ``page`` for the labels of pages).
"""

from __future__ import annotations

import re
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
_FIGURE: Final = re.compile(r"\[\[(\w+)(?:\.(short|is))?(:lower)?\]\]")


@cache
def sentences(language: str) -> Mapping[str, str]:
    """Code → sentence with places, of a language. Raises FileNotFoundError for one we do not speak, ValueError for a
    code that is said twice."""
    from babel.messages.pofile import read_po

    with (_HERE / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    catalogue = {str(entry.id): figures_named(str(entry.string), language) for entry in entries if entry.id}
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
    """Name → text, of the files beside the catalogues. Raises KeyError where one does not speak the language, or a
    text names a figure that there is none."""
    return {
        name: figures_named(text, language)
        for path in sorted(_HERE.glob("*.toml"))
        for name, text in flat(tomllib.loads(path.read_text(encoding="utf-8"))[language])
    }


@cache
def _figures(language: str) -> dict[str, str]:
    """The names, short names and sentences of the figures that people quote, as metrics.toml has them."""
    told = tomllib.loads((_HERE / "metrics.toml").read_text(encoding="utf-8"))[language]["page"]
    return dict(
        flat({group: told[group] for group in ("metric", "metric_short", "metric_is", "metric_made")})
    )


def figures_named(text: str, language: str) -> str:
    """A text with each figure it speaks of called as metrics.toml has it. Raises KeyError for one that is none."""
    return _FIGURE.sub(lambda found: figure_text(*found.groups(), language=language), text)


def figure_text(name: str, form: str | None = None, lower: str | None = None, *, language: str) -> str:
    """What a figure is called (``form`` "short": in a heading), "is" in a sentence, or how it is "made" of the columns
    beside it; ``lower``: within a text. Raises KeyError for a name that is none, or that does not say so."""
    told = _figures(language)
    said = told[f"metric.{name}"]
    if form == "short":
        said = told.get(f"metric_short.{name}", said)
    elif form is not None:
        said = told[f"metric_{form}.{name}"]
    return f"{said[:1].lower()}{said[1:]}" if lower else said


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
