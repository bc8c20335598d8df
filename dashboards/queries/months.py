"""Which months there are, what became of those that were closed, and up to when the snapshot knows of them.

Asked through reading.py; what follows from it is marketplace/months.py's.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from dashboards.queries.reading import NotInSnapshot, ask, cached


@cached
def months(path: str) -> list[date]:
    """Every local month that has a figure, the newest first."""
    rows = ask(path, "SELECT DISTINCT local_month FROM marts.month_figures ORDER BY local_month DESC")
    return rows["local_month"].to_list()


@cached
def changes(path: str) -> dict[date, list[dict[str, Any]]] | None:
    """Month → changes after it closed (previous_snapshot_id, seen_at, waived); None where the snapshot has no such
    table."""
    try:
        rows = ask(
            path, "SELECT local_month, previous_snapshot_id, seen_at, waived FROM marts.closed_month_changes"
        )
    except NotInSnapshot:
        return None
    found: dict[date, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault(row["local_month"], []).append(row)
    return found


@cached
def compared(path: str) -> bool | None:
    """Whether this snapshot's closed months were compared with those before; None where it does not say."""
    try:
        rows = ask(path, "SELECT count(*) AS n FROM marts.closed_month_gaps WHERE is_newest")
    except NotInSnapshot:
        return None
    return rows["n"][0] == 0


@cached
def judged(path: str) -> datetime | None:
    """The instant (naive UTC) at which commissions were judged; None where their records were never read."""
    rows = ask(path, "SELECT as_of FROM marts.commission_summary")
    return rows["as_of"][0] if rows.height else None
