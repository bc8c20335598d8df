"""How a page of the reference is written: Markdown whose lines are 100 columns at most. Lists instead of tables, since
the row of a table cannot be wrapped. What a page says does not live here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Final

WIDTH: Final = 100
#: A blank that is not broken at: within code, and so that no line begins with what Markdown would take for a list, a
#: heading or a quote.
_KEPT: Final = "\x00"
_WOULD_BEGIN: Final = re.compile(r" (?=(?:[-+*>#|=]+|\d+[.)])(?: |$))")
_CODE: Final = re.compile(r"(`[^`]*`)")
MADE: Final = "Made by `make reference` from what the code declares: change {where}, not this page."


def whole(title: str, where: str, *blocks: str) -> str:
    """A whole page: its title, where it comes from, then its blocks."""
    return "\n".join([f"# {title}\n", paragraph(MADE.format(where=where)), *blocks])


def heading(text: str, level: int = 2) -> str:
    return f"{'#' * level} {text}\n"


def paragraph(text: str) -> str:
    """A text, wrapped. Its own line breaks say nothing."""
    return _wrapped(text) + "\n"


def bullets(items: Iterable[str]) -> str:
    """A list, an item a point."""
    return "\n".join(_wrapped(item, "- ") for item in items) + "\n"


def code(text: object) -> str:
    return f"`{text}`"


def listed(words: Iterable[object]) -> str:
    """Words as code, with commas."""
    return ", ".join(code(word) for word in words)


def sentence(text: str) -> str:
    """A text that ends as a sentence."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _wrapped(text: str, begin: str = "") -> str:
    plain = "".join(
        part.replace(" ", _KEPT) if part.startswith("`") else part.replace("<", "&lt;")
        for part in _CODE.split(" ".join(text.split()))
    )
    lines = textwrap.wrap(
        _WOULD_BEGIN.sub(_KEPT, plain),
        WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace(_KEPT, " ")
