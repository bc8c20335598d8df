"""Conditions in SQL on instants, as the units ask for them. Which instants tell what stands in each unit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from assets.marts.parts.part import Change


def between(columns: Iterable[str], first: datetime, last: datetime) -> str:
    """That one of these lies from ``first`` to ``last``, both included."""
    span = f"BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
    return f"({' OR '.join(f'{column} {span}' for column in columns)})"


def edges(columns: Iterable[str], change: Change, *lengths: timedelta) -> list[str]:
    """Conditions of rows of which one of these came to the clock, or left a window of one of these lengths up to it, or
    entered one, between the build before and this one."""
    return [
        between((column,), change.before.now - length, change.now.now - length)
        for column in columns
        for length in (timedelta(), *lengths)
    ]


def each_once(table: str, conditions: Iterable[str]) -> str:
    """The rows of which any of these conditions holds, each row once: looked up by one condition after the other, so
    that each leaves out the blocks of rows that lie beside it."""
    queries: list[str] = []
    before = ""
    for condition in conditions:
        queries.append(f"SELECT * FROM {table} WHERE {condition}{before}")
        before += f" AND NOT coalesce({condition}, false)"
    return " UNION ALL ".join(queries)
