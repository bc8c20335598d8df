"""What a check found, without any row's content, and the Pandera call every check goes through. Which checks
exist: every.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from checks.at_once import holds_at_once
from marketplace.findings import Severity
from messages.catalogue import english
from messages.message import Words

CheckSeverity = Literal["ERROR", "WARN"]
SAMPLE: Final = 20


@dataclass(frozen=True)
class CheckResult:
    """The result of one check; one that could not be ``made`` has not passed.

    ``sample_ids`` are at most 20 of the ``failed_rows`` ids; ``found`` names the rules that do not hold,
    never values."""

    check_name: str
    asset: str
    passed: bool
    severity: CheckSeverity
    failed_rows: int = 0
    sample_ids: tuple[str, ...] = ()
    what_to_do: Words = ""
    found: tuple[Words, ...] = ()
    level: Severity = Severity.CRITICAL
    made: bool = True

    @property
    def broken_rules(self) -> tuple[str, ...]:
        """What was found, in English."""
        return tuple(english(words) for words in self.found)

    def with_ids(self, ids: Iterable[str], total: int) -> CheckResult:
        """The same result with another count and a capped sample of ids."""
        return replace(self, failed_rows=total, sample_ids=tuple(ids)[:SAMPLE])


@dataclass(frozen=True)
class Violations:
    """What a frame breaks of a schema: rule names, and the positions of rows that break one (None: the whole
    frame)."""

    rules: tuple[str, ...]
    positions: tuple[int, ...]
    whole_frame: bool


def violations(
    schema: type[pa.DataFrameModel] | pa.DataFrameSchema, frame: pl.DataFrame
) -> Violations | None:
    """Validate eagerly and completely; None if everything holds.

    Raises TypeError for anything but a DataFrame: on a LazyFrame Pandera silently skips every data check.
    """
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("only a DataFrame is validated: on a LazyFrame every data check would be skipped")
    if holds_at_once(schema, frame):
        return None
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as broken:
        # The failure cases hold values of rows: only positions, columns and names of rules leave this
        # function.
        cases: Any = broken.failure_cases
        rules: dict[str, None] = {}
        positions: set[int] = set()
        whole = False
        for column, rule, index in cases.select("column", "check", "index").iter_rows():
            rules[_rule_name(column, rule, frame.columns)] = None
            if index is None:
                whole = True
            else:
                positions.add(int(index))
        return Violations(tuple(rules), tuple(sorted(positions)), whole)
    return None


def _rule_name(column: object, rule: object, columns: list[str]) -> str:
    name = str(rule).split("(")[0]
    return f"{column}: {name}" if column in columns else name
