"""The points between which a process that acts may die, and others may do something, by name: a test can be there.

Nothing happens at them in what is not a test.
"""

from __future__ import annotations

from collections.abc import Callable


def _go_on(point: str) -> None:
    """Nothing."""


reached: Callable[[str], None] = _go_on
"""Called at each point with its name. Tests end the process there, or change a row; nobody else sets it."""
