"""The figures of a package: what its cover shows, what two reports are compared by, what `verify` computes once more.

Each is one query over the snapshot. They are sums of what the marts say; no rule stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb

from marketplace.closed_months import MONTH_COLLECTIONS
from marketplace.commission import EntryKind
from marketplace.difference import AGGREGATES
from marketplace.events import NOT_THERE, ScanOutcome
from messages.figures import sentence
from pipelines.exports.commissions import STATES, in_period, of_period, of_provider
from pipelines.exports.month.exclusions import told_in
from pipelines.exports.month.findings import date_findings
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked


@dataclass(frozen=True)
class Figure:
    """A figure: its name (``_idr``: rupiah, else a count), the aggregate that makes it, and what it is."""

    name: str
    sql: str
    sentence: str


def _entries(kind: EntryKind, sign: str = "") -> str:
    return f"coalesce({sign}sum(amount_idr) FILTER (kind = '{kind.value}' AND local_date >= CAST($first AS DATE)), 0)"


def _of(metric: str) -> str:
    return sentence(metric, within=True)


#: Of the reconciled rows of the period.
OF_ROWS: Final = (
    Figure("rows", "count(*)", "reconciled bookings and records"),
    *(Figure(state, f"count(*) FILTER (state = '{state}')", f"of them {state}") for state in STATES),
    *(
        Figure(name, f"coalesce(sum({name}), 0)", _of(metric))
        for name, metric in (
            ("booking_amount_idr", "reconciled_amounts"),
            ("expected_idr", "expected_commission"),
            ("actual_idr", "recorded_commission"),
        )
    ),
    *(
        Figure(name, f"coalesce({sql}, 0)", what)
        for (name, sql), what in zip(
            AGGREGATES.items(),
            (
                _of("commission_difference"),
                _of("rows_without_difference"),
                "what is expected of them",
                "what was recorded of them",
            ),
            strict=True,
        )
    ),
)
#: Of the period's findings.
OF_FINDINGS: Final = (
    Figure("findings", "count(*)", "findings"),
    Figure("findings_waived", "count(*) FILTER (waived)", "of them acknowledged"),
)
#: Of the ledger's lines up to the period's end.
OF_ENTRIES: Final = (
    Figure(
        "opening_idr",
        "coalesce(sum(amount_idr) FILTER (local_date < CAST($first AS DATE)), 0)",
        _of("opening_balance"),
    ),
    Figure("accrued_idr", _entries(EntryKind.ACCRUAL), _of("accrued_commission")),
    Figure("fees_idr", _entries(EntryKind.FEE), _of("late_fees")),
    Figure("paid_gross_idr", _entries(EntryKind.PAYMENT, "-"), _of("paid_gross")),
    Figure("refunds_idr", _entries(EntryKind.REFUND), _of("given_back")),
    Figure(
        "paid_idr",
        f"{_entries(EntryKind.PAYMENT, '-')} - {_entries(EntryKind.REFUND)}",
        _of("paid"),
    ),
    Figure("reversed_idr", _entries(EntryKind.REVERSAL, "-"), _of("taken_back")),
    Figure("closing_idr", "coalesce(sum(amount_idr), 0)", _of("closing_balance")),
)
#: Of what is out of the period's figures (marts.exclusions); and of the whole mirror, whoever's rows.
OF_EXCLUSIONS: Final = (
    Figure("rows_out", "count(*)", "rows out of the figures, each with its reason"),
    Figure(
        "rows_unaccounted",
        "(SELECT sum(abs(m.rows - coalesce(t.rows, 0))) FROM ops.mirror_rows AS m LEFT JOIN (SELECT collection,"
        " sum(rows) AS rows FROM marts.completeness GROUP BY collection) AS t ON t.collection = m.collection)",
        "rows of the mirror, of any period, that are neither in nor out",
    ),
)
#: Of how what figures are made of was read. A collection that is not there, or was always forbidden, has no rows to
#: miss; one that has been read and cannot be any more has rows that nobody keeps up to date.
OF_SCANS: Final = (
    Figure(
        "collections_not_read",
        f"CASE WHEN count(*) > 0 THEN count(*) FILTER (collection IN {MONTH_COLLECTIONS}"
        f" AND outcome <> '{ScanOutcome.COMPLETE.value}'"
        f" AND (outcome NOT IN {NOT_THERE} OR completed_at IS NOT NULL)) END",
        "collections that figures are made of, and that the run did not read to their end",
    ),
)
_SOURCES: Final = (
    (OF_ROWS, f"marts.commission_reconciliation WHERE {in_period()}"),
    (OF_FINDINGS, f"temp.dated_findings WHERE {in_period()}"),
    (
        OF_ENTRIES,
        "marts.commission_entries WHERE local_date < CAST($until AS DATE) AND " + of_provider("provider_id"),
    ),
    (OF_EXCLUSIONS, f"marts.exclusions WHERE {in_period()}"),
    (OF_SCANS, "ops.scans"),
)
FIGURES: Final = tuple(figure for figures, _ in _SOURCES for figure in figures)


def figures_of(con: duckdb.DuckDBPyConnection, asked: Asked) -> dict[str, int | None]:
    """Each figure by name, in the order of ``FIGURES``."""
    date_findings(con)
    made: dict[str, int | None] = {}
    for figures, source in _SOURCES:
        if figures is OF_EXCLUSIONS and not told_in(con):
            made |= {figure.name: None for figure in figures}  # a snapshot of an older version
            continue
        chosen = ", ".join(f"CAST({figure.sql} AS BIGINT)" for figure in figures)
        ((*values,),) = con.execute(of_period(f"SELECT {chosen} FROM {source}", period_of(asked))).fetchall()
        made |= {figure.name: value for figure, value in zip(figures, values, strict=True)}
    return made
