"""A question with its headings: the screen shows its first rows, a download holds all of them. Asked through
reading.py; what is asked stands in the module of its subject.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from dashboards.queries.reading import ask, cached


@dataclass(frozen=True)
class Column:
    """A column that the screen shows. ``heading``: the name of a text, which may tell the zone of its instants.

    ``words``: the group of texts its values are said by (of ``of``, where that is another column); ``stretches``: its
    values are stretches of time of that group (messages/rules.py). ``told``: it is the English of the message in
    ``code`` and ``args``; ``all_told``: that of the messages in the column of that name. ``written``: the heading is
    this stretch of time, of the group that ``heading`` names.
    """

    name: str
    heading: str
    words: str | None = None
    stretches: str | None = None
    told: bool = False
    all_told: str | None = None
    of: str | None = None
    written: str | None = None


class Rows(Protocol):
    """Rows with a name and headings, wherever they are from."""

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    def first(self, path: str, limit: int) -> pl.DataFrame: ...
    def all(self, path: str) -> pl.DataFrame: ...
    def count(self, path: str) -> int: ...


@dataclass(frozen=True)
class Query:
    """A question to the snapshot. ``name``: of its file and of its place on the page. ``sql`` says the order and no
    limit. Without ``columns`` the screen shows every column of the answer (kit/grid.py). Raises what reading.ask
    raises."""

    name: str
    sql: str
    parameters: tuple[Any, ...] = ()
    columns: tuple[Column, ...] = ()

    def first(self, path: str, limit: int) -> pl.DataFrame:
        """The first ``limit`` rows: for the screen, so kept."""
        return _first(path, self, limit)

    def all(self, path: str) -> pl.DataFrame:
        """Every row: for a download, so not kept."""
        return ask(path, self.sql, self._bound())

    def count(self, path: str) -> int:
        return _count(path, self)

    def _bound(self) -> list[Any]:
        return [list(value) if isinstance(value, tuple) else value for value in self.parameters]


@cached
def _first(path: str, query: Query, limit: int) -> pl.DataFrame:
    return ask(path, f"{query.sql} LIMIT ?", [*query._bound(), limit])


@cached
def _count(path: str, query: Query) -> int:
    return int(ask(path, f"SELECT count(*) AS n FROM ({query.sql})", query._bound())["n"][0])


@dataclass(frozen=True, eq=False)
class Held:
    """Rows that are at hand already, as they go into the file; the screen shows the last of them first."""

    name: str
    frame: pl.DataFrame
    columns: tuple[Column, ...]

    def first(self, path: str, limit: int) -> pl.DataFrame:
        return self.frame.reverse().head(limit)

    def all(self, path: str) -> pl.DataFrame:
        return self.frame

    def count(self, path: str) -> int:
        return self.frame.height
