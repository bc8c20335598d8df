"""Why the account a report said is not the account now: the causes of a correction, as rules over a ledger line and its
record in two snapshots. Finding the lines that differ is the export's (pipelines/exports/month/corrections.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from marketplace.commission import EntryPart
from marketplace.statuses import values


@dataclass(frozen=True)
class LineState:
    """A line of the ledger as a snapshot has it, before the end of the period or after; None in a field that is not
    known. ``in_closing``: its day is before the period's end, so it is in the closing."""

    provider_id: str
    local_date: date
    amount_idr: int
    in_closing: bool


@dataclass(frozen=True)
class RecordState:
    """The record of a line as a snapshot has it. ``paid_at``: when it was paid, else verified."""

    status: str | None = None
    commission_idr: int | None = None
    fee_idr: int | None = None
    paid_at: datetime | None = None
    deleted: bool = False
    is_test: bool = False


@dataclass(frozen=True)
class Change:
    """A ledger line and its record, as reported and as they are now; None: there is none. ``same_rules``: both
    snapshots are of one version of the rules and one zone. ``part``: what the line is of, the commission or its
    fee."""

    line_before: LineState | None
    line_now: LineState | None
    record_before: RecordState | None
    record_now: RecordState | None
    part: str = EntryPart.COMMISSION.value
    same_rules: bool = True


class Cause(StrEnum):
    """Why a line of a closing differs from what was reported; columns hold the plain word."""

    RECORD_ADDED = "record_added"
    RECORD_GONE = "record_gone"
    RECORD_BACK = "record_back"
    TEST_CHANGED = "test_changed"
    AMOUNT_CHANGED = "amount_changed"
    FEE_CHANGED = "fee_changed"
    STATUS_CHANGED = "status_changed"
    PAYMENT_CHANGED = "payment_changed"
    PROVIDER_CHANGED = "provider_changed"
    DAY_CHANGED = "day_changed"
    RULES_CHANGED = "rules_changed"
    BOOKING_CHANGED = "booking_changed"
    NOT_TOLD = "not_told"


CAUSES: Final = values(*Cause)


@dataclass(frozen=True)
class CauseRule:
    """A cause, when it is the one, and what it is in a sentence of the trade."""

    cause: Cause
    holds: Callable[[Change], bool]
    sentence: str


def _both(change: Change, differs: Callable[[RecordState, RecordState], bool]) -> bool:
    before, now = change.record_before, change.record_now
    return before is not None and now is not None and differs(before, now)


def _lines(change: Change, differs: Callable[[LineState, LineState], bool]) -> bool:
    before, now = change.line_before, change.line_now
    return before is not None and now is not None and differs(before, now)


#: In this order: the first that holds is the cause. What the record itself says goes before what follows from it.
RULES: Final = (
    CauseRule(
        Cause.RECORD_ADDED,
        lambda c: c.record_before is None and c.record_now is not None,
        "The record was not there when the report was made.",
    ),
    CauseRule(
        Cause.RECORD_GONE,
        lambda c: (
            (c.record_before is not None and c.record_now is None)
            or _both(c, lambda before, now: now.deleted and not before.deleted)
        ),
        "The record has vanished from the app since.",
    ),
    CauseRule(
        Cause.RECORD_BACK,
        lambda c: _both(c, lambda before, now: before.deleted and not now.deleted),
        "The record had vanished from the app and is back.",
    ),
    CauseRule(
        Cause.TEST_CHANGED,
        lambda c: _both(c, lambda before, now: before.is_test != now.is_test),
        "The record was marked as a test since, or is one no more.",
    ),
    CauseRule(
        Cause.AMOUNT_CHANGED,
        lambda c: (
            c.part == EntryPart.COMMISSION.value
            and _both(c, lambda before, now: before.commission_idr != now.commission_idr)
        ),
        "The commission on the record is another.",
    ),
    CauseRule(
        Cause.FEE_CHANGED,
        lambda c: (
            c.part == EntryPart.FEE.value
            and _both(c, lambda before, now: (before.fee_idr or 0) != (now.fee_idr or 0))
        ),
        "The late fee on the record is another.",
    ),
    CauseRule(
        Cause.STATUS_CHANGED,
        lambda c: _both(c, lambda before, now: before.status != now.status),
        "The record's status is another.",
    ),
    CauseRule(
        Cause.PAYMENT_CHANGED,
        lambda c: _both(c, lambda before, now: before.paid_at != now.paid_at),
        "The record says another moment of payment.",
    ),
    CauseRule(
        Cause.RULES_CHANGED,
        lambda c: not c.same_rules,
        "The record is the same; the rules it is read by, or the zone, are others.",
    ),
    CauseRule(
        Cause.PROVIDER_CHANGED,
        lambda c: _lines(c, lambda before, now: before.provider_id != now.provider_id),
        "The record charges another provider.",
    ),
    CauseRule(
        Cause.DAY_CHANGED,
        lambda c: _lines(c, lambda before, now: before.local_date != now.local_date),
        "The line moved to another day.",
    ),
    CauseRule(
        Cause.BOOKING_CHANGED,
        lambda c: _both(c, lambda _before, _now: True),
        "The record is the same; its booking, or the provider's zone, is another.",
    ),
    CauseRule(Cause.NOT_TOLD, lambda _c: True, "Neither snapshot says of what record the line is."),
)


def cause_of(change: Change) -> CauseRule:
    """The cause of a line that differs.

    >>> paid, open_ = RecordState("paid", 75_000), RecordState("pending", 75_000)
    >>> cause_of(Change(None, None, open_, paid)).cause.value
    'status_changed'
    >>> cause_of(Change(None, None, None, paid)).cause.value
    'record_added'
    """
    return next(rule for rule in RULES if rule.holds(change))
