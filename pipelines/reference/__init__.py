"""``docs/reference/``: pages that are made of what the code declares, ``python -m pipelines.reference`` (``make
reference``). A test and CI compare what stands there with what would be made; nothing is said in a page that a
declaration does not say.

A page is a module beside this one with ``page() -> str``. The form of all is in layout.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pipelines.reference import alerts, checks, commands, findings, health, metrics, settings, tables

FOLDER: Final = "docs/reference"
"""Where they stand, from the project's root."""

PAGES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        f"{FOLDER}/{name}.md": page
        for name, page in {
            "tables": tables.page,
            "metrics": metrics.page,
            "checks": checks.page,
            "findings": findings.page,
            "health": health.page,
            "alerts": alerts.page,
            "settings": settings.page,
            "commands": commands.page,
        }.items()
    }
)
"""Path from the project's root → what makes the page."""
