"""A check as a record: the asset, the query of the rows that break it, how bad that is and what to do about it. Counts,
samples and verdicts are made of the query here, once for all of them.

Which checks there are stands in the modules beside this one, by subject; every.py has all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import duckdb

from checks.factory import guarded, validate
from checks.held import rows_of
from checks.proven import held_of, hold_of
from checks.results import SAMPLE, CheckResult, CheckSeverity
from checks.schemas.table import Declaration
from marketplace.findings import Severity
from messages.message import Message, Words

#: A query, or how to write it for this warehouse.
Query = str | Callable[[duckdb.DuckDBPyConnection], str]


@dataclass(frozen=True)
class Check:
    """A check on one asset (key as text, parts joined by '/').

    ``bad_rows``: a query of the rows that break it: the rule that does not hold, then what names the row (parts are
    joined by a blank; null: it has no name). It holds where there is none, so a waiver is a condition of the query.
    The rule is words, or in a column ``code`` the code of a message, whose arguments are the struct of a second column
    ``args``. ``unknown``: a query of sentences about what could not be told, words or code as before; they stand in the
    verdict and fail nothing.
    ``looks_for``: what the query looks for in words, as docs/reference/checks.md has it.
    A ``blocking`` check that fails keeps the snapshot from being published; money and health never do, they are why
    people look.
    ``of_rows``: it rests on the rows of the tables that it names alone, by the columns that it names, and on no clock;
    where it held of the same rows it is not asked again (held.py).
    """

    name: str
    asset: str
    bad_rows: Query
    level: Severity
    what_to_do: Words
    severity: CheckSeverity = "WARN"
    blocking: bool = False
    unknown: Query | None = None
    looks_for: str = ""
    of_rows: bool = False

    def run(self, con: duckdb.DuckDBPyConnection) -> CheckResult:
        """Evaluate on a warehouse or snapshot. Never raises."""
        return guarded(self._blank(), lambda result: self._known(con, result))

    def look(self, con: duckdb.DuckDBPyConnection) -> CheckResult:
        """The same, whatever is known of the rows."""
        return guarded(self._blank(), lambda result: self._verdict(con, result))

    def _blank(self) -> CheckResult:
        return CheckResult(
            self.name, self.asset, False, self.severity, what_to_do=self.what_to_do, level=self.level
        )

    def _known(self, con: duckdb.DuckDBPyConnection, blank: CheckResult) -> CheckResult:
        """The verdict: of rows of which it held before, without asking."""
        rows = None
        if self.of_rows:
            asked = [_written(query, con) for query in (self.bad_rows, self.unknown) if query is not None]
            rows = rows_of(con, asked)
        if rows is not None and held_of(con, self.name) == rows:
            return replace(blank, passed=True)
        found = self._verdict(con, blank)
        if rows is not None and found.passed and not found.found:
            hold_of(con, self.name, rows)
        return found

    def _verdict(self, con: duckdb.DuckDBPyConnection, blank: CheckResult) -> CheckResult:
        rows = _told(con, self.bad_rows)
        rules = dict.fromkeys(rule for rule, _ in rows)
        names = dict.fromkeys(name for _, name in rows)
        untold = [] if self.unknown is None else _told(con, self.unknown)
        return replace(
            blank,
            passed=not rows,
            failed_rows=len(rows),
            sample_ids=tuple(name for name in names if name)[:SAMPLE],
            found=(*rules, *(sentence for sentence, _ in untold)),
        )


def _written(query: Query, con: duckdb.DuckDBPyConnection) -> str:
    return query if isinstance(query, str) else query(con)


def _told(con: duckdb.DuckDBPyConnection, query: Query) -> list[tuple[Words, str]]:
    """What each row of a query says, and the name of the row ('' where it has none)."""
    asked = con.sql(_written(query, con))
    is_code = asked.columns[0] == "code"
    names = 2 if is_code and asked.columns[1:2] == ["args"] else 1
    return [
        (
            Message(row[0], row[1] if names == 2 else {}) if is_code else str(row[0]),
            " ".join(str(part) for part in row[names:] if part is not None),
        )
        for row in asked.fetchall()
    ]


@dataclass(frozen=True)
class TableCheck:
    """That a table is as it is declared: columns, types, words and ranges, and that its key is one. It blocks."""

    table: Declaration
    severity: CheckSeverity = "ERROR"
    level: Severity = Severity.CRITICAL
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
    def what_to_do(self) -> Message:
        return Message("check.schema_do", {"table": self.table.table})

    def look(self, con: duckdb.DuckDBPyConnection) -> CheckResult:
        """As ``run``: a table is judged by itself."""
        return self.run(con)

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
