"""SQL that the tables of accounts share: days of a period, one provider or all, sums by line. A period stands in it as
it is asked for: it is never bound (pipelines/exports/commissions.py says why).

What the tables are stands beside this: ledger.py, statements.py, bridges.py, opening.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from marketplace.commission import NO_PROVIDER
from pipelines.exports.commissions import literal
from pipelines.exports.month.table import Asked

#: Whose account a reconciled row is beside: nobody's has a word of its own.
OF_REPORT: Final = f"coalesce(provider_id, '{NO_PROVIDER}')"


def day(value: date) -> str:
    """A day as SQL."""
    return f"DATE '{value.isoformat()}'"


def words(values: Iterator[str] | tuple[str, ...]) -> str:
    """Words as the list of an IN."""
    return "(" + ", ".join(literal(value) for value in values) + ")"


def within(asked: Asked, column: str = "local_date") -> str:
    """That a local day lies in the period."""
    return f"({column} >= {day(asked.first)} AND {column} < {day(asked.until)})"


def of_provider(asked: Asked, column: str = "provider_id") -> str:
    """That a row is of the provider asked for; true where all are."""
    return "true" if asked.provider is None else f"{column} = {literal(asked.provider)}"


def whole_months(asked: Asked) -> bool:
    """Whether the period is of whole local months, of which the ledger has figures of its own."""
    return asked.first.day == 1 and asked.until.day == 1


def summed(amount: str, where: str = "true", *, sign: int = 1) -> tuple[str, str]:
    """What a line sums up of grouped rows, as SQL: rupiah, and of how many rows. ``sign``: as it adds up."""
    total = f"coalesce(sum({amount}) FILTER (WHERE {where}), 0)"
    return f"{'-' if sign < 0 else ''}({total})", f"count({amount}) FILTER (WHERE {where})"


def counted(where: str = "true") -> tuple[str, str]:
    """Rows of which no amount is known."""
    return "NULL", f"count(*) FILTER (WHERE {where})"


def lines_of(bridge: str, rows: str, lines: Mapping[str, tuple[str, str]], *, by: str = "provider_id") -> str:
    """SQL of the sums of a bridge's lines: bridge, line, amount_idr, n, provider_id, local_date; a row a line and
    group of ``rows``. ``by``: one of the last two, by which they are grouped."""
    facts = ", ".join(
        f"{{'line': {literal(code)}, 'amount_idr': ({amount})::BIGINT, 'n': ({rows_})::BIGINT}}"
        for code, (amount, rows_) in lines.items()
    )
    provider, local = ("provider_id", "NULL") if by == "provider_id" else ("NULL", by)
    return (
        f"SELECT {literal(bridge)} AS bridge, {provider}::VARCHAR AS provider_id, {local}::DATE AS local_date,"
        f" unnest(facts, recursive := true) FROM (SELECT {by}, [{facts}] AS facts FROM ({rows}) GROUP BY {by})"
    )
