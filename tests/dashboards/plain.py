"""What a page says, as tests compare it: ordinary spaces, and numbers without a language's separators."""

from __future__ import annotations

import re

from tests.dashboards.conftest import Shown

_SEPARATOR = re.compile(r"(?<=\d)[.,](?=\d{3}\b)")


def plain(said: Shown | str) -> str:
    """``Rp 1.250.000`` and ``Rp 1,250,000`` are both ``Rp 1250000``."""
    text = said if isinstance(said, str) else said.text
    text = text.replace("\u00a0", " ")
    while (shorter := _SEPARATOR.sub("", text)) != text:
        text = shorter
    return text
