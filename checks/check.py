"""A check as a record: the asset, the query of the rows that break it, how bad that is and what to do about it. Counts,
samples and verdicts are made of the query here, once for all of them.

Which checks there are stands in the modules beside this one, by subject; every.py has all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import duckdb

from checks.factory import guarded, validate
from checks.results import SAMPLE, CheckResult, CheckSeverity
from checks.schemas.table import Declaration
from marketplace.findings import Severity

#: A query, or how to write it for this warehouse.
Query = str | Callable[[duckdb.DuckDBPyConnection], str]


@dataclass(frozen=True)
class Check:
    """A check on one asset (key as text, parts joined by '/').

    ``bad_rows``: a query of the rows that break it: the rule that does not hold, then what names the row (parts are
    joined by a blank; null: it has no name). It holds where there is none, so a waiver is a condition of the query.
    ``unknown``: a query of sentences about what could not be told; they stand in the verdict and fail nothing.
    ``looks_for``: the same in words, as docs/reference/checks.md has it.
    A ``blocking`` check that fails keeps the snapshot from being published; money and health never do, they are why
    people look.
    """

    name: str
    asset: str
    bad_rows: Query
    level: Severity
    what_to_do: str
    severity: CheckSeverity = "WARN"
    blocking: bool = False
    unknown: Query | None = None
    looks_for: str = ""

    def run(self, con: duckdb.DuckDBPyConnection) -> CheckResult:
        """Evaluate on a warehouse or snapshot. Never raises."""
        blank = CheckResult(
            self.name, self.asset, False, self.severity, what_to_do=self.what_to_do, level=self.level
        )
        return guarded(blank, lambda result: self._verdict(con, result))

    def _verdict(self, con: duckdb.DuckDBPyConnection, blank: CheckResult) -> CheckResult:
        rows = con.sql(_written(self.bad_rows, con)).fetchall()
        rules = dict.fromkeys(str(row[0]) for row in rows)
        names = dict.fromkeys(" ".join(str(part) for part in row[1:] if part is not None) for row in rows)
        told = [] if self.unknown is None else con.sql(_written(self.unknown, con)).fetchall()
        return replace(
            blank,
            passed=not rows,
            failed_rows=len(rows),
            sample_ids=tuple(name for name in names if name)[:SAMPLE],
            broken_rules=(*rules, *(str(sentence) for (sentence,) in told)),
        )


def _written(query: Query, con: duckdb.DuckDBPyConnection) -> str:
    return query if isinstance(query, str) else query(con)


@dataclass(frozen=True)
class TableCheck:
    """That a table is as it is declared: columns, types, words and ranges, and that its key is one. It blocks."""

    table: Declaration
    severity: CheckSeverity = "ERROR"
    level: Severity = "critical"
    blocking: bool = True

    @property
    def name(self) -> str:
        return f"{self.table.layer}_{self.table.name}_schema"

    @property
    def asset(self) -> str:
        return f"{self.table.layer}/{self.table.name}"

    @property
    def looks_for(self) -> str:
        return (
            "a column, type, word or range that is not the declared one, and a key that two rows have"
            " ([tables.md](tables.md))"
        )

    @property
    def what_to_do(self) -> str:
        return (
            f"A row of {self.table.table} breaks its schema: this is an error of bookwatch;"
            " the last snapshot stays published; report it."
        )

    def run(self, con: duckdb.DuckDBPyConnection) -> CheckResult:
        """Evaluate on a warehouse or snapshot. Never raises."""
        return validate(
            con,
            self.table.model,
            self.table.table,
            result=CheckResult(
                self.name, self.asset, False, self.severity, what_to_do=self.what_to_do, level=self.level
            ),
            id_column=self.table.id_column,
            unique_where_present=self.table.unique_where_present,
        )
