"""Why a row of the mirror is in no figure of a month: the reasons, in the order in which one is the row's own.

A row may have several; the first in this order is its reason, so that rows and sums of reasons are disjoint, and the
others stand beside it. Which rows have which is told by marts.exclusions; in words by messages/exclusions.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.statuses import BookingStatus, CommissionStatus, values

#: The collections that the figures of a month are made of; row by row only what is out of these is listed, and what is
#: quarantined of any.
MONEY_COLLECTIONS: Final = (*BOOKING_COLLECTIONS, RECORDS)
#: Stands beside the reasons where rows are counted: in the figures. Of a booking: it earns, and its amount is booked.
#: Of a record: it stands in the reconciliation, and its commission is recorded.
IN: Final = "in"


class Exclusion(StrEnum):
    """Why a row is out, the first that holds first: what was not read, what is not there, what is no business, what
    gives money back, what did not earn, what another row counts, what has no amount, what has no day, and last what no
    figure is made of. Columns hold the plain word."""

    QUARANTINED = "quarantined"
    DELETED = "deleted"
    TEST = "test"
    REFUND = "refund"
    PENDING = "pending"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"
    REASSIGNED = "reassigned"
    STATUS_UNKNOWN = "status_unknown"
    REVERSED = "reversed"
    DUPLICATE = "duplicate"
    OTHER_CURRENCY = "other_currency"
    NOT_BELIEVED = "not_believed"
    NO_AMOUNT = "no_amount"
    NO_DAY = "no_day"
    NO_FIGURE = "no_figure"


EXCLUSIONS: Final = values(*Exclusion)
#: What stands in marts.completeness.
ACCOUNTED: Final = (IN, *EXCLUSIONS)
#: Of a booking: the statuses that earn nothing, each its own reason.
BY_BOOKING_STATUS: Final[Mapping[str, Exclusion]] = MappingProxyType(
    {
        BookingStatus.PENDING.value: Exclusion.PENDING,
        BookingStatus.CANCELLED.value: Exclusion.CANCELLED,
        BookingStatus.DECLINED.value: Exclusion.DECLINED,
        BookingStatus.EXPIRED.value: Exclusion.EXPIRED,
        BookingStatus.REASSIGNED.value: Exclusion.REASSIGNED,
        BookingStatus.UNKNOWN.value: Exclusion.STATUS_UNKNOWN,
    }
)
#: Of a commission record: the statuses that are not live.
BY_RECORD_STATUS: Final[Mapping[str, Exclusion]] = MappingProxyType(
    {
        CommissionStatus.CANCELLED.value: Exclusion.CANCELLED,
        CommissionStatus.REVERSED.value: Exclusion.REVERSED,
    }
)
