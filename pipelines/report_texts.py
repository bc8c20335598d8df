"""What a morning report says, text by text, without its markup and scripts: to be looked through for a forgotten
person's values. Decides nothing and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class _Texts(HTMLParser):
    """Gathers what is read: the words between elements, and those of the charts' figures."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "style"):
            self._inside = "figure" if given.get("type") == "application/json" else tag
        self.found |= {given[name] or "" for name in ("title", "aria-label") if name in given}

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.add(data.strip())
        elif self._inside == "figure":
            self.found |= set(_words(json.loads(data)))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _words(one)


def texts_of(path: Path) -> set[str]:
    """Every text of a report. Raises OSError where it cannot be read, ValueError where it is none."""
    return texts_in(path.read_text(encoding="utf-8"))


def texts_in(report: str) -> set[str]:
    """Every text of a report that was read. Raises ValueError where it is none."""
    parser = _Texts()
    parser.feed(report)
    parser.close()
    return parser.found - {""}
