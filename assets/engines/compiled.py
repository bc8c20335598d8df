"""What an engine makes of a mart's expression: SQL with its columns. No dialect is known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import duckdb

    from assets.marts.mart import Mart
    from marketplace.policy import Policy

#: Columns of sentences: one that long ids would make longer than anything published is cut; what it is about stands in
#: columns beside it.
SENTENCES = ("detail", "message", "reasons")


@dataclass(frozen=True)
class Compiled:
    """A mart as SQL of an engine: (column, type) pairs and the query."""

    name: str
    columns: tuple[tuple[str, str], ...]
    sql: str


class Engine(Protocol):
    """Compiles the marts' expressions to SQL of its dialect."""

    def compiled(self, name: str, expression: Any) -> Compiled:
        """An Ibis expression as SQL that reads the instants as the engine gives them. Raises Ibis's
        UnsupportedOperationError, or OperationNotDefinedError, where the engine cannot say it."""
        ...


@dataclass(frozen=True)
class Wanted:
    """What is to be made: ``marts`` and steps, each after those it reads, judged at ``instants`` (one value for each
    column of ``INSTANTS``) by a policy. ``cache``: the folder where compiled SQL is kept; None: nowhere."""

    marts: Sequence[Mart]
    instants: Sequence[Any]
    policy: Policy
    cache: Path | None


class Elsewhere(Protocol):
    """Makes marts on other machines than this."""

    def make(self, con: duckdb.DuckDBPyConnection, wanted: Wanted) -> Mapping[str, Compiled]:
        """Name → each of the marts wanted as a query of DuckDB's on what was made of it."""
        ...
