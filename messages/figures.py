"""What a figure that people quote is called and what it is, in a language: its one definition (marketplace/metrics.py,
messages/metrics.toml), for whoever tells it by its record. A text of the catalogues names it by ``[[name]]``.
"""

from __future__ import annotations

from marketplace.metrics import METRICS
from messages.catalogue import ENGLISH, figure_text


def called(name: str, language: str = ENGLISH) -> str:
    """Its name. Raises KeyError for a figure that is none."""
    return figure_text(METRICS[name].name, language=language)


def sentence(name: str, language: str = ENGLISH, *, within: bool = False) -> str:
    """What it is, without a full stop; ``within``: as it stands within a text. Raises KeyError likewise."""
    return figure_text(METRICS[name].name, "is", ":lower" if within else None, language=language)


def made(name: str, language: str = ENGLISH) -> str:
    """How it is made of what stands in the columns beside it, in words. Raises KeyError for a figure that does not say
    so."""
    return figure_text(METRICS[name].name, "made", language=language)


def counted_in(name: str) -> str:
    """What stands behind its number, in English, where nothing else names it: ``3 missing commissions``, ``7 rows``; a
    share stands in percent. Raises KeyError likewise."""
    metric = METRICS[name]
    return figure_text(name, None, ":lower", language=ENGLISH) if metric.counted else metric.unit.value
