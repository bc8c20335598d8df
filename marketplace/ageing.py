"""How old a debt is as of a moment, and of what standing it is: the classes of a receivables report.

Ages count from the deadline. (marts.commission_open's count from the end of service; it says what is asked of providers
today.) Which records are open as of a day is told by the lines of the ledger, elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from marketplace.durations import short
from marketplace.statuses import values


class Standing(StrEnum):
    """What an open record is, the first that holds. Columns hold the plain word (``value``), as with statuses."""

    REFUND = "refund"
    CREDIT = "credit"
    NOT_OWED = "not_owed"
    UNKNOWN = "unknown"
    AWAITING_VERIFICATION = "awaiting_verification"
    UNPAID = "unpaid"


STANDINGS: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        Standing.REFUND: "money that was given back while the charge stands",
        Standing.CREDIT: "money that came before it was charged",
        Standing.NOT_OWED: "charged where nothing is owed: an orphan, a booking that ended or was free, or a further"
        " record of a paid booking",
        Standing.UNKNOWN: "its status, its booking or its deadline is not known: whether it is late cannot be told",
        Standing.AWAITING_VERIFICATION: "a proof of payment was handed in, and nobody had looked at it",
        Standing.UNPAID: "to be paid",
    }
)
STANDING_WORDS: Final = values(*Standing)


@dataclass(frozen=True)
class AgeClass:
    """A class: its word, the column that sums it, and where it ends (time past the deadline; None: never). Half-open;
    each begins where the one before ends."""

    word: str
    column: str
    end: timedelta | None


NOT_DUE: Final = AgeClass("not_due", "not_due_idr", timedelta(0))
#: Nothing tells when it was to be paid, or whether.
AGE_UNKNOWN: Final = AgeClass("unknown", "unknown_idr", None)
_HOURS: Final = (3, 24)
#: Last whole days past the deadline of each class; over the last is the rest.
_LAST_DAYS: Final = (7, 30, 60, 90)


def _late() -> tuple[AgeClass, ...]:
    found: list[AgeClass] = []
    begin = 0
    for end in _HOURS:
        found.append(AgeClass(f"{begin}-{end} h", f"late_{begin}_{end}h_idr", timedelta(hours=end)))
        begin = end
    begin = 1
    for last in _LAST_DAYS:
        # A debt of 7 days and 5 hours is 7 days old, as people count: the class ends with the day after.
        found.append(AgeClass(f"{begin}-{last} d", f"late_{begin}_{last}d_idr", timedelta(days=last + 1)))
        begin = last + 1
    over = timedelta(days=_LAST_DAYS[-1])
    return (*found, AgeClass(f"over {short(over)}", f"late_over_{over.days}d_idr", None))


#: From just late to long past.
LATE_CLASSES: Final = _late()
#: Every class, in the order in which they are read.
AGE_CLASSES: Final = (NOT_DUE, *LATE_CLASSES, AGE_UNKNOWN)


def age_class(past: timedelta | None) -> AgeClass:
    """The class of a debt so long past its deadline; negative or zero: not yet.

    >>> [age_class(timedelta(hours=hours)).word for hours in (0, 2, 3, 24, 24 * 8 - 1, 24 * 8, 24 * 91)]
    ['not_due', '0-3 h', '3-24 h', '1-7 d', '1-7 d', '8-30 d', 'over 90 d']
    >>> age_class(None).word
    'unknown'
    """
    if past is None:
        return AGE_UNKNOWN
    if past <= timedelta(0):
        return NOT_DUE
    return next(one for one in LATE_CLASSES if one.end is None or past < one.end)


def days_overdue(past: timedelta | None) -> int | None:
    """Whole days past the deadline: 0 on the first, None where it is not late or nobody knows.

    >>> days_overdue(timedelta(hours=47)), days_overdue(timedelta(0)), days_overdue(None)
    (1, None, None)
    """
    return None if past is None or past <= timedelta(0) else past // timedelta(days=1)


def counted_before(as_of: datetime, judged_at: datetime | None, until: date, time_zone: str) -> date:
    """The first local day whose lines do not count as of an instant (naive UTC): a whole day counts or does not.

    As of a local midnight that is the day which begins then. As of what a snapshot itself knows (it was judged at that
    instant), every line it has counts; within a period that is not over, those before its end (``until``), which is
    the closing of its ledger.
    """
    local = as_of.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(time_zone))
    first = local.date() if local.time() == time() else local.date() + timedelta(days=1)
    if judged_at is None or as_of < judged_at or first == until:
        return first
    return until if first < until else date.max
