"""The rules of docs/domain.md a second time, for one booking or one record. Shares nothing with what they test."""

from __future__ import annotations

from sandbox.simulator.times import HOUR, MINUTE, zulu
from sandbox.simulator.world import Booking, Provider, Record

POLICY_PPM = 300_000
POLICY_FEE = 25_000
GRACE = 2 * MINUTE
PAYABLE_WITHIN = 3 * HOUR
RESTRICTED_AFTER = 30 * MINUTE
DEADLINE_TOLERANCE = 5 * MINUTE
BALI_OFFSET = 480
EARNING = frozenset({"accepted", "confirmed", "completed"})
ENDED = frozenset({"cancelled", "declined", "expired", "reassigned"})
NOT_LIVE = frozenset({"cancelled", "reversed"})
UNPAID = frozenset({"pending", "rejected", "overdue", "awaiting_verification"})
ON_LINE = frozenset({"AVAILABLE", "BUSY"})
OWN_FIRST = {"paid": 0, "awaiting_verification": 1}  # any other live record: 2


def quantile(values: list[float], share: float) -> float | None:
    """Between the two nearest of them, linearly; None of none."""
    if not values:
        return None
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (place - low)


def text_of(ms: int | None) -> str | None:
    return None if ms is None else zulu(ms)


def commission_on(amount: int) -> int:
    """30 % of whole rupiah, half up."""
    return (amount * 3 + 5) // 10


def expected_of(booking: Booking | None) -> int | None:
    return None if booking is None or booking.amount is None else commission_on(booking.amount)


def settled_at(record: Record) -> int:
    """When the money of a record moved, as far as it says."""
    return next(m for m in (record.paid_at, record.verified_at, record.created) if m is not None)


def is_refund(record: Record) -> bool:
    return record.commission is not None and record.commission < 0


def is_collected(record: Record) -> bool:
    """Whether the record's commission came in (or, of a refund, went back)."""
    if is_refund(record):
        return record.status in ("paid", "reversed")
    return record.status == "paid" or (record.status == "unknown" and record.paid_at is not None)


def end_of(booking: Booking) -> int | None:
    if booking.known_completed is not None:
        return booking.known_completed
    if booking.known_start is None or booking.known_minutes is None:
        return None
    return booking.known_start + booking.known_minutes * MINUTE


def was_accepted(booking: Booking) -> bool:
    """Whether it earns now, or was ever accepted."""
    return booking.status in EARNING or booking.known_accepted is not None


def was_answered(booking: Booking) -> bool:
    """Whether it was accepted or declined, at any time."""
    return was_accepted(booking) or booking.known_responded is not None or booking.status == "declined"


def was_ignored(booking: Booking, now: int) -> bool:
    """Whether its time to be answered passed without an answer."""
    late = booking.status == "pending" and booking.known_deadline is not None and booking.known_deadline < now
    return not was_answered(booking) and (booking.status == "expired" or late)


def spans_of(provider: Provider, now: int) -> list[tuple[str, int, int]]:
    """(status, from, to), half-open: a status lasts until the next one is written, the newest until now."""
    written = [(at, status) for at, status in provider.statuses if at < now]
    ends = [at for at, _ in written[1:]] + [now]
    return [
        (status, begun, ended) for (begun, status), ended in zip(written, ends, strict=True) if begun < ended
    ]


def is_free(booking: Booking) -> bool:
    return booking.amount_rule == "free"


def owes(booking: Booking | None) -> bool:
    return booking is not None and booking.status in EARNING and not is_free(booking)
