"""Rows of core against the declaration of their table, before they are written. What a table in the warehouse must hold
is factory.py's."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from pandera.errors import SchemaErrors

from checks.at_once import holds_at_once
from checks.schemas import CORE


@dataclass(frozen=True)
class Violation:
    """A rule of a declaration that does not hold. ``rows``: how many rows break it, null where it is about the
    whole table."""

    table: str
    column: str
    check: str
    rows: int | None


def violations(table: str, frame: pl.DataFrame) -> list[Violation]:
    """What a frame breaks of the declaration of its core table; never a value of a row. Raises TypeError for anything
    but a DataFrame: a LazyFrame would be validated without its data."""
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("only a DataFrame is validated; on a LazyFrame every data check would be skipped")
    if holds_at_once(CORE[table].model, frame):
        return []
    try:
        CORE[table].model.validate(frame, lazy=True)
    except SchemaErrors as broken:
        counted: dict[tuple[str, str], int | None] = {}
        for error in broken.schema_errors:
            column = str(getattr(error.schema, "name", None) or "")
            check = str(getattr(error.check, "name", None) or error.check or error.reason_code)
            cases = error.failure_cases
            rows = cases.height if isinstance(cases, pl.DataFrame) else None
            counted[(column if column in frame.columns else "", check.split("(")[0])] = rows
        return [Violation(table, column, check, rows) for (column, check), rows in counted.items()]
    return []
