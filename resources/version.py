"""Which bookwatch this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def bookwatch_version() -> str:
    """The version of the installed distribution; ``unknown`` where the source is run without being installed."""
    try:
        return version("bookwatch")
    except PackageNotFoundError:
        return "unknown"
