"""What scans learned of the size of a collection's pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Learned:
    """What is remembered of a collection's pages: ``rows`` that could be had (None: as many as were asked for),
    ``failed`` (so many could not), ``row_bytes`` a row weighs (None: not known)."""

    rows: int | None = None
    failed: int | None = None
    row_bytes: int | None = None
