"""How the service goes: the chain from booking to payment, the members, what was answered and delivered. Asked through
reading.py.
"""

from __future__ import annotations

from typing import Any

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached


@cached
def broken_links(path: str) -> list[dict[str, Any]]:
    """hop, from_step, to_step, entered, passed, broken, unknown, state: one row a hop, in order."""
    return ask(
        path,
        """SELECT hop, from_step, to_step, entered, passed, broken, "unknown", state
           FROM marts.broken_links ORDER BY hop""",
    ).to_dicts()


def at_the_break(hop: int) -> Query:
    """row_id, origin and since of the bookings at the break of a hop, the newest first (200 at most are kept)."""
    return Query(
        f"broken_link_{hop}",
        "SELECT row_id, origin, since FROM marts.broken_link_rows WHERE hop = ? ORDER BY since DESC, row_id",
        (hop,),
        columns=(
            Column("row_id", "col.booking_id"),
            Column("origin", "links.origin"),
            Column("since", "links.since"),
        ),
    )


# Members ------------------------------------------------------------------------------------------


@cached
def member_counts(path: str) -> dict[str, int]:
    """health → members."""
    rows = ask(
        path,
        "SELECT coalesce(health, 'unknown') AS health, count(*) AS n FROM marts.member_health GROUP BY 1",
    )
    return dict(rows.rows())


@cached
def service_figures(path: str) -> dict[str, Any] | None:
    """The one row of marts.service_figures, or None where it is empty."""
    rows = ask(path, "SELECT * FROM marts.service_figures LIMIT 1").to_dicts()
    return rows[0] if rows else None


@cached
def response_distribution(path: str, source: str) -> list[dict[str, Any]]:
    """bucket, label, bookings, share (null: no booking) of a source ('all': of every one), in order."""
    return ask(
        path,
        """SELECT bucket, label, bookings, share FROM marts.response_distribution WHERE source = ? ORDER BY bucket""",
        [source],
    ).to_dicts()


@cached
def response_sources(path: str) -> list[str]:
    """The sources response times are counted by, 'all' first."""
    rows = ask(
        path, "SELECT DISTINCT source FROM marts.response_distribution ORDER BY source <> 'all', source"
    )
    return rows["source"].to_list()


@cached
def delivery_rates(path: str) -> list[dict[str, Any]]:
    """channel, recipient_type, sent, delivered, failed, pending, rate of the last 24 h, the most sent first."""
    return ask(
        path,
        """SELECT channel, recipient_type, sent, delivered, failed, pending, rate FROM marts.delivery_rates
           ORDER BY sent DESC, channel, recipient_type""",
    ).to_dicts()
