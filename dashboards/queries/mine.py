"""What one provider has, and nothing of any other: its account, requests, bookings, days, earnings, debts and
notifications. Asked through reading.py.

Every question is of one provider, by its first parameter, and each row says whose it is (``provider_id``): tests hold
every row of every question to that. Of a booking or a record that is another's by now not even the id is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, holds
from marketplace.commission import REVENUE_STATUSES
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus, Mode, values

OFFERS: Final = "core.booking_offers"
LISTS: Final = ("accepted", "scheduled", "completed")
_TOOK: Final = values(BookingStatus.ACCEPTED, BookingStatus.CONFIRMED)
_COUNTED: Final = "b.deleted_at IS NULL AND NOT b.is_test"
_DAY: Final = "(b.starts_at + to_minutes(b.utc_offset_minutes))::DATE"

#: Of a row of the reconciliation: what its own record charges, else what the policy expects.
_COMMISSION: Final = """CASE WHEN r.commission_id IS NOT NULL THEN r.actual_idr
                             WHEN r.state <> 'unknown' THEN r.expected_idr END"""

_BOOKING_COLUMNS: Final = (
    Column("booking_id", "col.booking_id"),
    Column("status", "col.status", words="booking_status"),
    Column("starts_at", "mine.starts"),
    Column("service_minutes", "mine.minutes"),
    Column("amount_idr", "col.booking_amount"),
    Column("source", "col.source", words="source"),
    Column("created_at", "mine.made"),
)


def accounts(provider_id: str) -> Query:
    """The rows of a provider, one a kind: status, when it was last seen, whether it is told of requests, and how."""
    return Query(
        "my_accounts",
        """SELECT provider_id, provider_type, provider_name, city, status, last_seen_at, notifications_enabled,
                  sound_enabled
           FROM core.providers WHERE provider_id = ? AND deleted_at IS NULL ORDER BY provider_type""",
        (provider_id,),
    )


def requests(provider_id: str, *, offers: bool = False) -> Query:
    """What waits for a provider's answer, in the order in which it came (``position``), each until when. ``offers``:
    the snapshot knows of offers: then an open one is a request, and a booking that was offered to anybody is none by
    itself."""
    legacy = f"""SELECT b.provider_id, b.booking_id, b.created_at AS came_at, b.response_deadline AS deadline_at,
                        b.service_minutes, b.starts_at, b.amount_idr, b.source, b.mode
                 FROM core.bookings b
                 WHERE b.provider_id = ? AND b.status = '{BookingStatus.PENDING.value}' AND {_COUNTED}"""
    found = legacy
    if offers:
        found = f"""{legacy} AND b.booking_id NOT IN (
                        SELECT booking_id FROM {OFFERS} WHERE booking_id IS NOT NULL AND deleted_at IS NULL)
                    UNION ALL
                    SELECT o.provider_id, b.booking_id, o.offered_at, o.deadline, b.service_minutes, b.starts_at,
                           b.amount_idr, b.source, b.mode
                    FROM {OFFERS} o JOIN core.bookings b ON b.booking_id = o.booking_id
                    WHERE o.provider_id = ? AND o.state = '{OfferState.OFFERED.value}' AND o.deleted_at IS NULL
                      AND b.status = '{BookingStatus.PENDING.value}' AND {_COUNTED}"""
    return Query(
        "my_requests",
        f"""SELECT provider_id, booking_id, came_at, deadline_at, service_minutes, starts_at, amount_idr, source, mode,
                   row_number() OVER (ORDER BY came_at, booking_id) AS position
            FROM ({found}) ORDER BY came_at, booking_id""",
        (provider_id, provider_id) if offers else (provider_id,),
    )


def bookings(provider_id: str, which: str, at: datetime) -> Query:
    """Those of a list, the newest first. Scheduled is what was taken for later and has not begun at an instant (naive
    UTC); accepted what was taken else and is not over."""
    later = f"b.mode = '{Mode.SCHEDULED.value}' AND coalesce(b.starts_at > ?, true)"
    conditions = {
        "accepted": f"b.status IN {_TOOK} AND NOT ({later})",
        "scheduled": f"b.status IN {_TOOK} AND {later}",
        "completed": f"b.status = '{BookingStatus.COMPLETED.value}'",
    }
    return Query(
        f"my_{which}",
        f"""SELECT b.provider_id, b.booking_id, b.status, b.starts_at, b.service_minutes, b.amount_idr, b.source,
                   b.created_at
            FROM core.bookings b WHERE b.provider_id = ? AND {conditions[which]} AND {_COUNTED}
            ORDER BY b.created_at DESC, b.booking_id""",
        (provider_id,) if which == "completed" else (provider_id, at),
        columns=_BOOKING_COLUMNS,
    )


def days(provider_id: str, first: date, last: date) -> Query:
    """Local days from ``first`` to ``last`` on which something was taken: how much."""
    return Query(
        "my_days",
        f"""SELECT min(b.provider_id) AS provider_id, {_DAY} AS local_date, count(*)::BIGINT AS bookings,
                   CASE WHEN count(b.service_minutes) = count(*) THEN sum(b.service_minutes)::BIGINT END AS minutes,
                   min(b.starts_at) AS first_at, max(b.ends_at) AS last_at
            FROM core.bookings b
            WHERE b.provider_id = ? AND b.status IN {REVENUE_STATUSES} AND {_COUNTED} AND {_DAY} BETWEEN ? AND ?
            GROUP BY 2 ORDER BY 2""",
        (provider_id, first, last),
    )


def undated(provider_id: str) -> Query:
    """What was taken, is to come, and nobody knows when."""
    return Query(
        "my_undated",
        f"""SELECT b.provider_id, b.booking_id, b.status, b.starts_at, b.service_minutes, b.amount_idr, b.source,
                   b.created_at
            FROM core.bookings b
            WHERE b.provider_id = ? AND b.status IN {_TOOK} AND {_COUNTED} AND {_DAY} IS NULL
            ORDER BY b.created_at DESC, b.booking_id""",
        (provider_id,),
        columns=_BOOKING_COLUMNS,
    )


def earnings(provider_id: str, month: date) -> Query:
    """Bookings that earn and accrue in a month: what the customer pays, the commission on it (by its own record, else
    what the policy expects; null where which record is its own cannot be told), the rest, and until when it is to be
    paid."""
    return Query(
        "my_earnings",
        f"""SELECT r.provider_id, r.booking_id, r.local_date, r.booking_status, r.booking_amount_idr AS gross_idr,
                   {_COMMISSION} AS commission_idr, r.booking_amount_idr - {_COMMISSION} AS net_idr,
                   CASE WHEN {_COMMISSION} IS NULL THEN NULL WHEN r.commission_id IS NULL THEN 'policy' ELSE 'record'
                   END AS commission_from,
                   CASE WHEN coalesce(c.provider_id = r.provider_id, true) THEN r.commission_id END AS commission_id,
                   r.commission_status, r.deadline_at
            FROM marts.commission_reconciliation r
            LEFT JOIN core.commissions c ON c.commission_id = r.commission_id
            WHERE r.provider_id = ? AND r.booking_status IN {REVENUE_STATUSES} AND r.booking_id IS NOT NULL
              AND r.local_date >= ? AND r.local_date < ?::DATE + INTERVAL 1 MONTH
            ORDER BY r.accrued_at DESC, r.booking_id""",
        (provider_id, month, month),
        columns=(
            Column("booking_id", "col.booking_id"),
            Column("local_date", "mine.day"),
            Column("gross_idr", "mine.gross"),
            Column("commission_idr", "mine.commission"),
            Column("net_idr", "mine.net"),
            Column("commission_from", "mine.from", words="commission_from"),
            Column("commission_status", "mine.payment", words="commission_status"),
            Column("deadline_at", "mine.pay_by"),
        ),
    )


def sums(provider_id: str, month: date) -> Query:
    """The sums of those of ``earnings`` of which all is known, so that they tie, and how many others there are
    (``untold``)."""
    rows = earnings(provider_id, month)
    return Query(
        "my_sums",
        f"""SELECT min(provider_id) AS provider_id, count(*)::BIGINT AS bookings,
                   coalesce(sum(gross_idr) FILTER (net_idr IS NOT NULL), 0)::BIGINT AS gross_idr,
                   coalesce(sum(commission_idr) FILTER (net_idr IS NOT NULL), 0)::BIGINT AS commission_idr,
                   coalesce(sum(net_idr), 0)::BIGINT AS net_idr,
                   count(*) FILTER (net_idr IS NULL)::BIGINT AS untold
            FROM ({rows.sql}) HAVING count(*) > 0""",
        rows.parameters,
    )


def balance(provider_id: str) -> Query:
    """What a provider owes now; no row where nothing is open."""
    return Query(
        "my_balance",
        """SELECT provider_id, owed_idr, fees_idr, (owed_idr + fees_idr)::BIGINT AS total_idr, overdue_idr, not_due_idr,
                  unknown_amount_records, restriction_due, restriction_due_at
           FROM marts.commission_balances WHERE provider_id = ?""",
        (provider_id,),
    )


def owed(provider_id: str) -> Query:
    """The open commission records, the earliest deadline first."""
    return Query(
        "my_owed",
        """SELECT o.provider_id, o.commission_id, b.booking_id, o.status, o.owed_idr, o.fee_idr, o.deadline_at,
                  o.is_due, o.is_overdue, o.restriction_at
           FROM marts.commission_open o
           LEFT JOIN (SELECT DISTINCT booking_id, provider_id FROM core.bookings) b
               ON b.booking_id = o.booking_id AND b.provider_id = o.provider_id
           WHERE o.provider_id = ? ORDER BY o.deadline_at NULLS LAST, o.commission_id""",
        (provider_id,),
        columns=(
            Column("commission_id", "col.commission_id"),
            Column("booking_id", "col.booking_id"),
            Column("status", "col.status", words="commission_status"),
            Column("owed_idr", "commissions.commission_owed"),
            Column("fee_idr", "receivables.fee"),
            Column("deadline_at", "mine.pay_by"),
            Column("is_due", "mine.is_due"),
            Column("is_overdue", "receivables.overdue"),
            Column("restriction_at", "receivables.restriction_from"),
        ),
    )


def notifications(provider_id: str) -> Query:
    """What a provider was told, the newest first; its words are in the app alone."""
    return Query(
        "my_notifications",
        """SELECT n.recipient_id AS provider_id, n.notification_id, n.kind, n.channel, b.booking_id, n.sent_at,
                  n.delivered_at, n.failed_at, n.is_read
           FROM core.notifications n
           LEFT JOIN (SELECT DISTINCT booking_id, provider_id FROM core.bookings) b
               ON b.booking_id = n.booking_ref AND b.provider_id = n.recipient_id
           WHERE n.recipient_id = ? AND n.deleted_at IS NULL
           ORDER BY coalesce(n.sent_at, n.created_at) DESC, n.notification_id""",
        (provider_id,),
        columns=(
            Column("kind", "mine.kind", words="notification_kind"),
            Column("booking_id", "col.booking_id"),
            Column("sent_at", "mine.sent"),
            Column("delivered_at", "mine.delivered"),
            Column("failed_at", "mine.failed"),
            Column("is_read", "mine.read"),
        ),
    )


#: Every question there is of one provider, as the page asks it of some month and instant.
QUESTIONS: Final[Mapping[str, Callable[[str, datetime], Query]]] = MappingProxyType(
    {
        "accounts": lambda provider, at: accounts(provider),
        "requests": lambda provider, at: requests(provider),
        "offers": lambda provider, at: requests(provider, offers=True),
        **{
            # Its list is bound as a default, which the type of the others has no place for.
            which: (lambda provider, at, which=which: bookings(provider, which, at))  # type: ignore[misc]
            for which in LISTS
        },
        "days": lambda provider, at: days(provider, date(at.year, 1, 1), date(at.year, 12, 31)),
        "undated": lambda provider, at: undated(provider),
        "earnings": lambda provider, at: earnings(provider, at.date().replace(day=1)),
        "sums": lambda provider, at: sums(provider, at.date().replace(day=1)),
        "balance": lambda provider, at: balance(provider),
        "owed": lambda provider, at: owed(provider),
        "notifications": lambda provider, at: notifications(provider),
    }
)


def offers_known(path: str) -> bool:
    """Whether the snapshot has offers at all."""
    return holds(path, OFFERS)


@cached
def providers(path: str) -> dict[str, str]:
    """Provider id → its name, for who may see any: the one question here that is of all."""
    rows = ask(
        path,
        """SELECT provider_id, min(provider_name) AS name FROM core.providers WHERE deleted_at IS NULL
           GROUP BY 1 ORDER BY 2 NULLS LAST, 1""",
    ).rows()
    return {provider: f"{name} ({provider})" if name else provider for provider, name in rows}


def one(path: str, question: Query) -> dict[str, Any] | None:
    """The first row of a question; None where it has none."""
    rows = question.first(path, 1).to_dicts()
    return rows[0] if rows else None
