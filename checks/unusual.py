"""That no series of marts.unusual is unusual now. One that cannot be told is no failure, and not shown as usual."""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.findings import Severity
from marketplace.services import ALL_SOURCES
from marketplace.unusual import SERIES, UNSEEN
from messages.message import Message

_COUNT: Final = """{'since': strftime(counted_from, '%Y-%m-%dT%H:%MZ'), 'figure': figure::BIGINT,
    'expected': round(expected)::BIGINT, 'low': round(low)::BIGINT, 'high': round(high)::BIGINT, 'source': source}"""
_SHARE: Final = """{'since': strftime(counted_from, '%Y-%m-%dT%H:%MZ'), 'hits': numerator, 'of': denominator,
    'figure': round(figure * 1e3)::BIGINT * 1000, 'expected': round(expected * 1e3)::BIGINT * 1000}"""


_UNTOLD: Final = f"""CASE WHEN since IS NOT NULL THEN '{UNSEEN}' WHEN why = 'holiday' THEN 'unusual.untold_holiday'
    WHEN why = 'history' THEN 'unusual.untold_history' ELSE 'unusual.untold_unread' END"""


def _usual(
    name: str,
    series: str,
    level: Severity,
    which: str,
    looks_for: str,
    says: str,
    to_do: Message,
    untold: str | None = None,
) -> Check:
    """``which``: the rows of the series, as SQL; ``untold``: those of them that are unknown, where others are, since
    what was counted decides which and of them nothing may be. ``says``: SQL of the code of what is told of one."""
    open_now = f"FROM marts.unusual WHERE series = '{series}' AND is_open"
    args = _SHARE if SERIES[series].shares else _COUNT
    return Check(
        name,
        "marts/unusual",
        f"SELECT {says} AS code, {args} AS args, source {open_now} AND ({which}) AND state = 'unusual' ORDER BY source",
        level=level,
        looks_for=looks_for,
        what_to_do=to_do,
        unknown=f"SELECT {_UNTOLD} AS code,"
        f" {{'series': series, 'source': source}} AS args {open_now} AND ({untold or which}) AND state = 'unknown'"
        " ORDER BY source",
    )


_IN_ALL: Final = f"source = '{ALL_SOURCES}'"
_TRY_TO_BOOK: Final = Message("check.unusual_bookings_do")

CHECKS: Final = (
    _usual(
        "bookings_silent",
        "bookings",
        Severity.CRITICAL,
        f"{_IN_ALL} AND coalesce(figure, 0) = 0",
        "nobody booking for so long that chance does not do it",
        "'unusual.bookings_silent'",
        _TRY_TO_BOOK,
    ),
    _usual(
        "unusual_bookings",
        "bookings",
        Severity.HIGH,
        f"{_IN_ALL} AND coalesce(figure, 1) > 0",
        "far fewer or more bookings in all than this weekday and hour let expect",
        "'unusual.bookings'",
        _TRY_TO_BOOK,
        untold=_IN_ALL,
    ),
    _usual(
        "unusual_entry_points",
        "bookings",
        Severity.HIGH,
        f"NOT {_IN_ALL}",
        "an entry point that is silent, or far from what this weekday and hour let expect",
        "if(figure = 0, 'unusual.entry_point_silent', 'unusual.entry_point')",
        _TRY_TO_BOOK,
        # Where no entry point was ever seen, what is known of all of them is known of each.
        untold=f"NOT {_IN_ALL} OR NOT EXISTS (FROM marts.unusual WHERE series = 'bookings' AND NOT {_IN_ALL})",
    ),
    _usual(
        "unusual_acceptance",
        "acceptance",
        Severity.HIGH,
        "true",
        "far fewer requests accepted than this weekday and hour let expect",
        "'unusual.acceptance'",
        Message("check.unusual_acceptance_do"),
    ),
    _usual(
        "unusual_cancellation",
        "cancellation",
        Severity.MEDIUM,
        "true",
        "far more bookings cancelled than this weekday and hour let expect",
        "'unusual.cancellation'",
        Message("check.unusual_cancellation_do"),
    ),
    _usual(
        "unusual_response_time",
        "response_time",
        Severity.MEDIUM,
        "true",
        "far more slow answers than this weekday and hour let expect",
        "'unusual.response_time'",
        Message("check.unusual_response_time_do"),
    ),
    _usual(
        "unusual_messages",
        "messages",
        Severity.MEDIUM,
        "true",
        "far fewer or more messages than this weekday and hour let expect",
        "'unusual.messages'",
        Message("check.unusual_messages_do"),
    ),
    _usual(
        "unusual_delivery",
        "delivery",
        Severity.MEDIUM,
        "true",
        "far fewer notifications arriving than this weekday and hour let expect",
        "'unusual.delivery'",
        Message("check.unusual_delivery_do"),
    ),
    _usual(
        "unusual_payments",
        "payments",
        Severity.MEDIUM,
        "true",
        "far fewer or more commissions paid than this weekday and hour let expect",
        "'unusual.payments'",
        Message("check.unusual_payments_do"),
    ),
    _usual(
        "unusual_rows",
        "rows",
        Severity.MEDIUM,
        "true",
        "far fewer or more rows arriving in a collection than this weekday and hour let expect",
        "'unusual.rows'",
        Message("check.unusual_rows_do"),
    ),
)
