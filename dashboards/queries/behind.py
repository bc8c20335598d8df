"""What is behind a figure, for a page: the rows that `bookwatch explain` lists, by the same question to the snapshot.
Asked through reading.py."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dashboards.queries.query import Column
from dashboards.queries.reading import ask, cached, reading
from resources.explanations import Explanation, explain, question


@dataclass(frozen=True)
class Behind:
    """The rows behind a figure (``marts.<table>.<column>``), the largest first. ``where``: a condition on the mart's
    rows, which the page writes; never what a person typed. ``name``: of its file and of its place on the page. Raises
    what reading.ask raises, BookwatchError where the snapshot is older than explanations."""

    name: str
    figure: str
    where: str | None = None
    columns: tuple[Column, ...] = ()

    def first(self, path: str, limit: int) -> pl.DataFrame:
        """The first ``limit`` rows: for the screen, so kept."""
        return _first(path, self, limit)

    def all(self, path: str) -> pl.DataFrame:
        """Every row: for a download, so not kept."""
        return ask(path, _rows(path, self))

    def count(self, path: str) -> int:
        return self.explained(path).count

    def explained(self, path: str) -> Explanation:
        """Its value and the total of all rows, without the rows."""
        return _explained(path, self)


def _rows(path: str, behind: Behind) -> str:
    with reading(path) as con:
        return question(con, behind.figure, behind.where).rows


@cached
def _first(path: str, behind: Behind, limit: int) -> pl.DataFrame:
    return ask(path, f"{_rows(path, behind)} LIMIT {limit}")


@cached
def _explained(path: str, behind: Behind) -> Explanation:
    with reading(path) as con:
        return explain(con, behind.figure, behind.where, limit=0)
