"""The dictionary of terms behind a "?": one for all pages. A word is a name with two texts, what it is called and what
it means: ``term.<name>`` and ``term_is.<name>`` (messages/glossary.toml), of a figure that people quote
``metric.<name>`` and ``metric_is.<name>`` (messages/metrics.toml). Holds no word itself and asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st
from markupsafe import Markup

from dashboards.kit.markup import element
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, Section
from dashboards.wording import Wording, texts

_GROUPS = ("term", "metric")


def names() -> tuple[str, ...]:
    """Every word of the dictionary, in the order it stands there."""
    known = texts("en")
    heads = (name.partition(".") for name in known)
    return tuple(dict.fromkeys(name for group, _, name in heads if group in _GROUPS))


def called(say: Wording, name: str) -> str:
    """What a word is called on the pages. Raises KeyError for one that is not in the dictionary."""
    return say(f"{_group(say, name)}.{name}")


def heading(say: Wording, metric: str) -> str:
    """What a figure is called at the head of a column: shorter than its name where that has a short one. Raises
    KeyError likewise."""
    return say.known(f"metric_short.{metric}", "") or say(f"metric.{metric}")


def meaning(say: Wording, name: str) -> str:
    """What a word means, in one sentence: for the ``help`` of a widget or a metric. Raises KeyError likewise."""
    return say(f"{_group(say, name)}_is.{name}")


def _group(say: Wording, name: str) -> str:
    return next((group for group in _GROUPS if say.known(f"{group}.{name}", "")), _GROUPS[0])


def entries(say: Wording, chosen: Iterable[str]) -> Markup:
    """The words with their meanings, in the order of their alphabet."""
    said = sorted(((called(say, name), meaning(say, name)) for name in dict.fromkeys(chosen)), key=str)
    parts = [part for word, is_ in said for part in (element("dt", word), element("dd", is_))]
    return element("dl", *parts, cls="bw-words")


def words(*chosen: str) -> Section:
    """A section that is nothing but a "?": it opens what the words of a page mean, those named here."""

    def drawn(screen: Screen) -> None:
        asked(screen, *chosen)

    return drawn


def asked(screen: Screen, *chosen: str) -> None:
    """The "?" here and now. Nothing is computed when it is opened, and the page does not run again."""
    with st.popover(f"? {screen.text('glossary.words')}", help=screen.text("glossary.help"), type="tertiary"):
        show(entries(screen.text, chosen))
