"""What a booking owes: revenue statuses, integer commission arithmetic, states of a row and of the whole.

The dated rates live in policy.py, the findings in findings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from marketplace.collections import RECORDS
from marketplace.durations import between, short
from marketplace.statuses import BookingStatus, CommissionStatus, values

REVENUE_STATUSES: Final = values(BookingStatus.ACCEPTED, BookingStatus.CONFIRMED, BookingStatus.COMPLETED)
#: A booking that ended without earning: a live record on it is not due.
ENDED_STATUSES: Final = values(
    BookingStatus.CANCELLED, BookingStatus.DECLINED, BookingStatus.EXPIRED, BookingStatus.REASSIGNED
)


class RowState(StrEnum):
    """How a row of the reconciliation stands. Columns hold the plain word (``value``), as with statuses."""

    AWAITING = "awaiting"
    MISSING = "missing"
    MATCHED = "matched"
    MISMATCHED = "mismatched"
    FREE = "free"
    ORPHAN = "orphan"
    NOT_DUE = "not_due"
    UNKNOWN = "unknown"


class WholeState(StrEnum):
    """How the whole stands; as above."""

    PERFECT = "perfect"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class RestrictionVerdict(StrEnum):
    """Whether an account that should be restricted is, and the other way round; as above."""

    AGREES = "agrees"
    NOT_RESTRICTED = "not_restricted"
    RESTRICTED_WRONGLY = "restricted_wrongly"
    UNKNOWN = "unknown"


ROW_STATES: Final = values(*RowState)
#: States of an earning booking whose commission was recorded.
TRACKED_STATES: Final = values(RowState.MATCHED, RowState.MISMATCHED)
WHOLE_STATES: Final = values(*WholeState)
RESTRICTION_VERDICTS: Final = values(*RestrictionVerdict)

#: Commission statuses that are unpaid whatever else the record says.
UNPAID_STATUSES: Final = values(CommissionStatus.PENDING, CommissionStatus.REJECTED, CommissionStatus.OVERDUE)
#: Unpaid unless its proof came before the deadline.
SUBMITTED_STATUS: Final = CommissionStatus.AWAITING_VERIFICATION.value
PAID_STATUS: Final = CommissionStatus.PAID.value
#: Read as paid where the record says when it was paid; what such a record still owes cannot be told.
UNKNOWN_STATUS: Final = CommissionStatus.UNKNOWN.value
#: A negative record (a refund) with one of these gave money back; "refunded" is read as reversed.
GIVEN_BACK_STATUSES: Final = values(CommissionStatus.PAID, CommissionStatus.REVERSED)
#: Column of a record → the word for it: the first of these instants that is known tells the day of its payment.
PAYMENT_MOMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {"paid_at": "paidAt", "verified_at": "verifiedAt", "created_at": "creation"}
)
PAYMENT_RULES: Final = tuple(PAYMENT_MOMENTS.values())
#: Of a booking's live records the one with the first of these is its own, then any other; then the earliest.
OWN_RECORD_ORDER: Final = (PAID_STATUS, SUBMITTED_STATUS)
OVERDUE_STATUS: Final = CommissionStatus.OVERDUE.value

#: Where one age of an unpaid amount ends and the next begins: the time since the end of its service.
_AGE_STEPS: Final = (timedelta(hours=3), timedelta(hours=24), timedelta(days=7))
#: What an age is called, and where it ends; half-open, in this order.
AGES: Final[tuple[tuple[str, timedelta | None], ...]] = (
    *((between(start, end, "-"), end) for start, end in pairwise((timedelta(0), *_AGE_STEPS))),
    (f"over {short(_AGE_STEPS[-1])}", None),
)
#: The service has not ended yet; when it ended is not known.
NOT_ENDED, AGE_UNKNOWN = "not_ended", "unknown"
#: Every age, in the order in which they are read: from not yet begun to long past.
AGE_WORDS: Final = (NOT_ENDED, *(word for word, _ in AGES), AGE_UNKNOWN)
#: Stands for the provider of a record or booking that names none. The word counts as empty in the data, so no
#: provider can have this id.
NO_PROVIDER: Final = "none"


class EntryKind(StrEnum):
    """What a line of the ledger tells of; as above."""

    ACCRUAL = "accrual"
    FEE = "fee"
    PAYMENT = "payment"
    REVERSAL = "reversal"
    REFUND = "refund"


class EntryPart(StrEnum):
    """What a line of the ledger is about; as above."""

    COMMISSION = "commission"
    FEE = "fee"


class Unentered(StrEnum):
    """Why a record has no line in the ledger; as above."""

    TEST = "test"
    UNDATED = "undated"
    AMOUNT_UNKNOWN = "amount_unknown"


class Unreconciled(StrEnum):
    """Why a record stands in no row of the reconciliation, the first that holds: it gives money back, it was deleted,
    its status ended it, it is a further one of its booking; as above."""

    REFUND = "refund"
    GONE = "gone"
    NOT_LIVE = "not_live"
    FURTHER = "further"


ENTRY_KINDS: Final = values(*EntryKind)
ENTRY_PARTS: Final = values(*EntryPart)
UNENTERED: Final = values(*Unentered)
UNRECONCILED: Final = values(*Unreconciled)
#: What a month of the ledger is made of, each with its sign: their sum is its closing.
LEDGER_SIGNS: Final[Mapping[str, int]] = MappingProxyType(
    {"opening_idr": 1, "accrued_idr": 1, "fees_idr": 1, "paid_idr": -1, "reversed_idr": -1}
)
#: That sum as people and SQL write it.
LEDGER_CLOSING: Final = " ".join(
    f"{'+' if sign > 0 else '-'} {name}" for name, sign in LEDGER_SIGNS.items()
).removeprefix("+ ")

MILLION: Final = 1_000_000
#: A record's deadline may differ by this much from the policy's before it is a finding.
DEADLINE_TOLERANCE: Final = timedelta(minutes=5)
#: The collection whose newest complete scan bounds what may be called missing.
COMMISSION_COLLECTION: Final = RECORDS


def age_column(word: str) -> str:
    """The column of marts.commission_balances that sums what is of an age.

    >>> [age_column(word) for word in ("3-24 h", "over 7 d", "unknown", "not_ended")]
    ['age_3_24h_idr', 'age_over_7d_idr', 'age_unknown_idr', 'not_ended_idr']
    """
    if word == NOT_ENDED:
        return f"{word}_idr"
    *said, unit = word.rsplit(" ", 1)
    return f"age_{''.join(said).replace('-', '_').replace(' ', '_')}{unit}_idr"


def judged_at(
    now: datetime, completed_at: datetime | None, watermark: datetime | None, *, frozen: bool
) -> datetime | None:
    """The earlier of the clock and the newest complete scan of commission_records; None if never scanned.

    All naive UTC. A running clock is compared with the scan's watermark: a record created between the
    watermark and the end of the scan was not seen, and its booking must not be called missing for it. A
    frozen clock cannot be compared with the server's, so there the instant at which the scan completed is
    taken, which is of the same clock.
    """
    if completed_at is None:
        return None
    scanned = completed_at if frozen or watermark is None else min(completed_at, watermark)
    return min(now, scanned)


def rupiah(amount: int) -> str:
    """An amount as people here write it.

    >>> rupiah(1250000)
    'Rp 1.250.000'
    """
    return f"{'-' if amount < 0 else ''}Rp {abs(amount):,}".replace(",", ".")
