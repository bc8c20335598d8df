"""How the data and the service stand: the health points and their history, scans, quarantine, checks. Asked through
reading.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, with_messages


@cached
def health_points(path: str) -> list[dict[str, Any]]:
    """The seven rows of marts.health_points by number."""
    return ask(
        path,
        f"""SELECT point, name, status, figure, limit_value, message, severity, evidence_at, code, args
           FROM {with_messages("marts.health_points")} ORDER BY point""",
    ).to_dicts()


@cached
def scans(path: str) -> list[dict[str, Any]]:
    """collection, required, outcome, watermark, completed_at, detail of each collection, required first."""
    return ask(
        path,
        """SELECT collection, required, outcome, watermark, completed_at, detail FROM ops.scans
           ORDER BY required DESC, collection""",
    ).to_dicts()


@cached
def newest_booking_at(path: str) -> datetime | None:
    """The instant (naive UTC) at which the newest booking was made, tests and deleted ones left out."""
    rows = ask(
        path,
        """SELECT max(created_at) FROM core.bookings WHERE NOT coalesce(is_test, false) AND deleted_at IS NULL""",
    ).rows()
    return rows[0][0] if rows else None


@cached
def quarantine(path: str) -> dict[str, Any]:
    """count, oldest_first_seen_at and reasons (reason → rows): the rows that could not be taken."""
    frame = ask(path, "SELECT reasons::VARCHAR AS reasons, first_seen_at FROM ops.quarantine")
    reasons: dict[str, int] = {}
    for written in frame["reasons"].to_list():
        for reason in _reasons(written):
            reasons[reason] = reasons.get(reason, 0) + 1
    return {"count": frame.height, "oldest_first_seen_at": frame["first_seen_at"].min(), "reasons": reasons}


def _reasons(written: str | None) -> list[str]:
    """A JSON list, DuckDB's text of a list, or words parted by commas: the reasons alone."""
    return [part.strip(" \"'") for part in (written or "").strip("[]").split(",") if part.strip(" \"'")]


@cached
def failing_checks(path: str) -> list[dict[str, Any]]:
    """check_name, asset, severity, failed_rows of the checks that did not hold in this snapshot's run."""
    return ask(
        path,
        """SELECT check_name, asset, severity, failed_rows FROM ops.check_results
           WHERE NOT passed AND run_id = (SELECT run_id FROM ops.snapshot LIMIT 1)
           ORDER BY severity, check_name""",
    ).to_dicts()


@cached
def check_counts(path: str) -> tuple[int, int]:
    """How many checks held and how many did not, in the run of this snapshot."""
    rows = ask(
        path,
        """SELECT count(*) FILTER (passed), count(*) FILTER (NOT passed) FROM ops.check_results
           WHERE run_id = (SELECT run_id FROM ops.snapshot LIMIT 1)""",
    ).rows()
    return int(rows[0][0]), int(rows[0][1])


# History ------------------------------------------------------------------------------------------

SPELLS_DRAWN = 1_000  # a course of so many changes is not legible, and each is an element of the page


@cached
def health_uptime(path: str) -> list[dict[str, Any]]:
    """point, time_window, working_share (null: nothing measured), broken_seconds, unknown_seconds,
    measured_seconds (working or broken), unmeasured_seconds (nobody looked), status_since."""
    return ask(
        path,
        """SELECT point, time_window, working_share, broken_seconds, unknown_seconds, measured_seconds,
                  unmeasured_seconds, status_since
           FROM marts.health_uptime ORDER BY point""",
    ).to_dicts()


#: point, name, status, since, until (null = now), seconds, message: the newest spell first.
HISTORY = Query(
    "health_history",
    f"""SELECT point, name, status, since, until, seconds, message, code, args
        FROM {with_messages("marts.health_history")} ORDER BY since DESC, point""",
    columns=(
        Column("name", "health.point", words="point", of="point"),
        Column("status", "col.state", words="status"),
        Column("since", "uptime.since"),
        Column("until", "uptime.until"),
        Column("seconds", "uptime.lasted"),
        Column("message", "uptime.message", told=True),
    ),
)


@cached
def health_since(path: str) -> dict[tuple[Any, Any], datetime]:
    """Since when (naive UTC) each point is in the state it is in: (point, status) → instant."""
    rows = ask(
        path, "SELECT point, status, since FROM marts.health_history WHERE until IS NULL ORDER BY since"
    )
    return {(row["point"], row["status"]): row["since"] for row in rows.iter_rows(named=True)}


@cached
def health_spells_since(path: str, begin: datetime) -> pl.DataFrame:
    """point, status, since, until of the spells that reach past ``begin``; of very many the newest."""
    return ask(
        path,
        f"""SELECT point, status, since, until FROM marts.health_history WHERE until IS NULL OR until > ?
            ORDER BY since DESC LIMIT {SPELLS_DRAWN}""",
        [begin],
    )
