"""Findings by cause and by what people have entered of them: open, taken care of, waived. Asked through reading.py.

Who waived what is given by who asks, as the ledger has it now: the snapshot may be a run older.
"""

from __future__ import annotations

from typing import Any, Final

from dashboards.queries.reading import ask, cached
from marketplace.difference import AGGREGATES
from marketplace.findings import SEVERITIES

_DIFFERENCE: Final = ", ".join(f"({sql})::BIGINT AS {name}" for name, sql in AGGREGATES.items())

Entered = tuple[tuple[str, ...] | None, tuple[str, ...]]
"""The findings that are waived (None: as the snapshot has it) and those somebody takes care of."""


def _standing(entered: Entered) -> tuple[str, list[Any]]:
    """Each finding with ``standing``: open, acknowledged or waived; and the parameters."""
    waived, acknowledged = entered
    is_waived = "coalesce(waived, false)" if waived is None else "list_contains(?::VARCHAR[], finding_id)"
    sql = f"""SELECT *, CASE WHEN {is_waived} THEN 'waived'
                        WHEN list_contains(?::VARCHAR[], finding_id) THEN 'acknowledged' ELSE 'open' END AS standing
              FROM {{table}}"""
    return sql, [*([] if waived is None else [list(waived)]), list(acknowledged)]


@cached
def causes(path: str, entered: Entered) -> list[dict[str, Any]]:
    """finding, standing, severity (the worst), findings, the difference and what is not in it
    (marketplace/difference.py), oldest (when the oldest of their bookings accrued, naive UTC; null where none has one);
    the worst and most frequent first."""
    sql, parameters = _standing(entered)
    return ask(
        path,
        f"""WITH found AS ({sql.format(table="marts.commission_findings")}),
            ranked AS (
              SELECT *, coalesce(list_position({list(SEVERITIES)}, severity), 99) AS weight FROM found),
            accrued AS (
              SELECT booking_id, min(accrued_at) AS accrued_at FROM marts.commission_reconciliation
              WHERE booking_id IN (SELECT booking_id FROM found) GROUP BY booking_id)
            SELECT finding, standing, arg_max(severity, weight) AS severity, count(*)::BIGINT AS findings,
                   {_DIFFERENCE}, min(accrued_at) AS oldest
            FROM ranked LEFT JOIN accrued USING (booking_id)
            GROUP BY finding, standing ORDER BY max(weight) DESC, findings DESC, finding""",
        parameters,
    ).to_dicts()


@cached
def foremost(path: str, entered: Entered, standing: str, limit: int) -> list[dict[str, Any]]:
    """The findings of most severity and, of these, of most rupiah: finding_id, finding, severity, variance_idr,
    booking_id, commission_id, provider_id."""
    sql, parameters = _standing(entered)
    return ask(
        path,
        f"""SELECT finding_id, finding, severity, variance_idr, booking_id, commission_id, provider_id
            FROM ({sql.format(table="marts.commission_findings")})
            WHERE standing = ?
            ORDER BY coalesce(list_position({list(SEVERITIES)}, severity), 99) DESC,
                     abs(variance_idr) DESC NULLS LAST, finding_id LIMIT ?""",
        [*parameters, standing, limit],
    ).to_dicts()


@cached
def changed_months(path: str, entered: Entered) -> list[dict[str, Any]]:
    """Figures of closed months that changed: standing, changes, oldest (when the oldest was seen)."""
    sql, parameters = _standing(entered)
    return ask(
        path,
        f"""SELECT standing, count(*)::BIGINT AS changes, min(seen_at) AS oldest
            FROM ({sql.format(table="marts.closed_month_changes")}) GROUP BY standing""",
        parameters,
    ).to_dicts()
