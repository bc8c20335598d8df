"""When a local month is closed, and which of its figures may not change unseen. Comparing is done elsewhere."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_COLLECTIONS, RECORDS

#: A month is closed this long after it ended in the marketplace's zone: late records and proofs have come in by then.
CLOSED_AFTER: Final = timedelta(hours=24)
#: The code of a finding on a figure of a closed month.
CLOSED_MONTH_CHANGED: Final = "closed_month_changed"

#: Figures by month of creation, of payment (collected), of accrual (expected to unrecorded), of the ledger's lines.
MONTH_FIGURES: Final = (
    "bookings",
    "booked_idr",
    "completed_idr",
    "collected_idr",
    "expected_idr",
    "actual_idr",
    "ledger_accrued_idr",
    "ledger_fees_idr",
    "ledger_paid_idr",
    "ledger_reversed_idr",
)


#: What these figures are made from: bookings and records, in the zones of their providers.
MONTH_COLLECTIONS: Final = (*BOOKING_COLLECTIONS, RECORDS, *PROVIDER_COLLECTIONS)


def month_after(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def closes_at(month: date, utc_offset: timedelta) -> datetime:
    """The instant (naive UTC) from which a local month, given by its first day, is closed.

    >>> closes_at(date(2026, 9, 1), timedelta(hours=8))
    datetime.datetime(2026, 10, 1, 16, 0)
    """
    after = month_after(month)
    return datetime(after.year, after.month, 1) - utc_offset + CLOSED_AFTER  # noqa: DTZ001 - naive UTC


def newest_closed_month(at: datetime, utc_offset: timedelta) -> date:
    """The first day of the newest month that is closed at a naive UTC instant."""
    local = at + utc_offset - CLOSED_AFTER
    return date(local.year - (local.month == 1), (local.month - 2) % 12 + 1, 1)


def finding_id(figure: str, month: date, previous_snapshot_id: str) -> str:
    """The id of a change: the same figure may change again between two later snapshots."""
    return f"{CLOSED_MONTH_CHANGED}:{figure}:{month:%Y-%m}:{previous_snapshot_id}"
