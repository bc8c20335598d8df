"""Conditions in SQL on instants, as the units ask for them. Which instants tell what stands in each unit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def between(columns: Iterable[str], first: datetime, last: datetime) -> str:
    """That one of these lies from ``first`` to ``last``, both included."""
    span = f"BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
    return f"({' OR '.join(f'{column} {span}' for column in columns)})"
