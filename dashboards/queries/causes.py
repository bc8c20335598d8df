"""What needs action, a record a cause: what is counted, and the page and choices that show its rows. Asked through
reading.py, once a snapshot. How it is said stands in messages/overview.toml, how it looks on the Overview.

A cause that could not be told has no count: that is not none. Whether something is wrong is a column of a mart; here
it is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from dashboards.queries.reading import SnapshotUnreadable, ask, cached
from marketplace.findings import FINDINGS

#: The instant a snapshot was judged at.
_NOW = "coalesce((SELECT now FROM ops.judged), (SELECT published_at FROM ops.snapshot))"
_COUNTED = "NOT coalesce(is_test, false) AND deleted_at IS NULL"
#: Stands in a query for: nobody waived it (as the ledger knows now, else as the snapshot does).
_NOT_WAIVED = "NOT_WAIVED"
#: Checks that say what other causes (and the seven points) say with their rows.
_TOLD_ABOVE = [*(f"no_{code}" for code in FINDINGS), "zero_missing_commission", "bookings_silent"]
_NO_IDR = "NULL::BIGINT AS idr, 0 AS no_amount"


@dataclass(frozen=True)
class Cause:
    """Something that needs action. ``sql``: one row of n (null: it could not be told), idr (of the known amounts;
    null: no rupiah is at stake), no_amount (how many of the n have no known amount), untold (further ones of which it
    could not be told), since (the oldest, naive UTC; null: not known). ``read``: the collections it rests on; where one
    was never read whole, nothing can be told. ``page`` and ``choices``: where its rows are."""

    name: str
    tone: Literal["bad", "warn"]
    sql: str
    page: str
    choices: Mapping[str, str] = field(default_factory=dict[str, str])
    read: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """What is known of a cause."""

    n: int | None = None
    idr: int | None = None
    no_amount: int = 0
    untold: int = 0
    since: datetime | str | None = None

    @property
    def is_quiet(self) -> bool:
        """Judged, and nothing there."""
        return self.n == 0 and not self.untold


def _open(where: str, untold: str = "false") -> str:
    """Of the unpaid records: what is owed with its fees."""
    return f"""SELECT count(*) FILTER ({where}) AS n,
        (sum(coalesce(owed_idr, 0) + coalesce(fee_idr, 0)) FILTER ({where}))::BIGINT AS idr,
        count(*) FILTER (({where}) AND owed_idr IS NULL) AS no_amount, count(*) FILTER ({untold}) AS untold,
        min(deadline_at) FILTER ({where}) AS since FROM marts.commission_open"""


#: What commissions are judged by.
RECORDS: Final = "commission_records"
_MONEY = (RECORDS,)

CAUSES: Final[tuple[Cause, ...]] = (
    Cause(
        "missing",
        "bad",
        f"""WITH found AS (SELECT booking_id, expected_idr FROM marts.commission_findings
                           WHERE finding = 'missing' AND {_NOT_WAIVED})
            SELECT count(*) AS n, sum(expected_idr)::BIGINT AS idr,
                   count(*) FILTER (expected_idr IS NULL) AS no_amount,
                   coalesce((SELECT "unknown" FROM marts.commission_summary), 0) AS untold,
                   (SELECT min(accrued_at) FROM marts.commission_reconciliation
                    WHERE state = 'missing' AND booking_id IN (SELECT booking_id FROM found)) AS since
            FROM found""",
        "findings",
        {"code": "missing"},
        _MONEY,
    ),
    Cause(
        "overdue",
        "bad",
        _open("is_overdue", "is_overdue IS NULL"),
        "commissions",
        {"view": "records", "show": "overdue"},
        _MONEY,
    ),
    Cause(
        "awaiting_verification",
        "warn",
        _open("status = 'awaiting_verification'"),
        "commissions",
        {"view": "records", "show": "awaiting"},
        _MONEY,
    ),
    Cause(
        "findings",
        "bad",
        f"""SELECT count(*) AS n, sum(variance_idr)::BIGINT AS idr,
            count(*) FILTER (variance_idr IS NULL) AS no_amount, 0 AS untold, NULL::TIMESTAMP AS since
            FROM marts.commission_findings WHERE finding <> 'missing' AND {_NOT_WAIVED}""",
        "findings",
        read=_MONEY,
    ),
    Cause(
        "closed_months",
        "bad",
        f"""SELECT count(*) AS n, {_NO_IDR}, 0 AS untold, min(seen_at) AS since
            FROM marts.closed_month_changes WHERE {_NOT_WAIVED}""",
        "months",
        {"view": "changes"},
        _MONEY,
    ),
    Cause(
        "restrictions",
        "warn",
        """SELECT count(*) FILTER (verdict IN ('not_restricted', 'restricted_wrongly')) AS n,
            (sum(overdue_idr) FILTER (verdict IN ('not_restricted', 'restricted_wrongly')))::BIGINT AS idr,
            0 AS no_amount, count(*) FILTER (verdict = 'unknown') AS untold,
            min(restriction_due_at) FILTER (verdict = 'not_restricted') AS since
            FROM marts.commission_restrictions""",
        "commissions",
        {"view": "restrictions"},
        _MONEY,
    ),
    Cause(
        "unanswered",
        "bad",
        f"""SELECT count(*) AS n, sum(amount_idr)::BIGINT AS idr,
            count(*) FILTER (amount_idr IS NULL) AS no_amount, 0 AS untold, min(response_deadline) AS since
            FROM core.bookings
            WHERE status = 'pending' AND responded_at IS NULL AND accepted_at IS NULL
              AND response_deadline < {_NOW} AND {_COUNTED}""",
        "bookings",
        {"show": "unanswered"},
        ("bookings",),
    ),
    Cause(
        "offline",
        "bad",
        f"""SELECT count(*) AS n, {_NO_IDR}, 0 AS untold, min(oldest_request_at) AS since
            FROM marts.provider_calls WHERE reason = 'offline'""",
        "providers",
        read=("bookings",),
    ),
    Cause(
        "rooms",
        "warn",
        f"""SELECT count(*) FILTER (waited_s IS NOT NULL) AS n, {_NO_IDR},
            count(*) FILTER (waited_s IS NULL) AS untold, min(waiting_since) AS since FROM marts.chat_waiting""",
        "chat",
        read=("chat_rooms", "chat_messages"),
    ),
    Cause(
        "anomalies",
        "warn",
        f"""SELECT count(*) AS n, {_NO_IDR}, 0 AS untold, min(observed_at) AS since
            FROM marts.booking_anomalies WHERE observed_at >= {_NOW} - INTERVAL 24 HOURS""",
        "demand",
        {"view": "odd"},
        ("bookings",),
    ),
    Cause(
        "unusual",
        "warn",
        f"""SELECT count(*) FILTER (state = 'unusual') AS n, {_NO_IDR}, 0 AS untold,
            min(since) FILTER (state = 'unusual') AS since FROM marts.unusual WHERE is_open""",
        "demand",
    ),
    Cause(
        "quarantine",
        "warn",
        f"SELECT count(*) AS n, {_NO_IDR}, 0 AS untold, min(first_seen_at) AS since FROM ops.quarantine",
        "data_quality",
        {"show": "quarantine"},
    ),
    Cause(
        "checks",
        "warn",
        f"""SELECT count(*) FILTER (NOT passed) AS n, {_NO_IDR}, 0 AS untold, NULL::TIMESTAMP AS since
            FROM ops.check_results WHERE run_id = (SELECT run_id FROM ops.snapshot)
            AND NOT list_contains({_TOLD_ABOVE}, check_name) AND NOT starts_with(check_name, 'health_point_')
            AND NOT starts_with(check_name, 'unusual_')""",
        "data_quality",
        {"show": "checks"},
    ),
)


@cached
def told(path: str, read: frozenset[str], waived: tuple[str, ...] | None = None) -> dict[str, Told]:
    """What is known of each cause by name. ``read``: the collections that were read whole; ``waived``: the findings
    that are waived by now, None: as the snapshot knows them."""
    return {cause.name: _told(path, cause, read, waived) for cause in CAUSES}


def _told(path: str, cause: Cause, read: frozenset[str], waived: tuple[str, ...] | None) -> Told:
    if not read.issuperset(cause.read):
        return Told()
    standing = (
        "NOT coalesce(waived, false)" if waived is None else "NOT list_contains(?::VARCHAR[], finding_id)"
    )
    given = [] if waived is None else [list(waived)] * cause.sql.count(_NOT_WAIVED)
    try:
        rows: list[dict[str, Any]] = ask(path, cause.sql.replace(_NOT_WAIVED, standing), given).to_dicts()
    except SnapshotUnreadable:  # an older snapshot has not its table, or not all of its columns
        return Told()
    return Told(**rows[0]) if rows else Told()
