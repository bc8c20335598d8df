"""A discount code as its row stands now, and how a use of it is counted: in the same transaction as the booking, in the
code's own row. What a code takes off is in marketplace/discounts.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from marketplace.app_rows import instant_like
from marketplace.discounts import DISCOUNTS, Discount, discount_of, refused
from marketplace.operations import discount_id
from marketplace.statuses import BookingStatus, values
from resources.appwrite.writing import Change, Row
from services.booking.customers import Customer
from services.store import View

NOT_SERVED: Final = values(
    BookingStatus.CANCELLED, BookingStatus.DECLINED, BookingStatus.EXPIRED, BookingStatus.REASSIGNED
)
"""A booking in one of these is no use of a code by its customer."""
_LATEST: Final = 40
"""So many uses are kept by their booking: what a dead process counted is known by them."""


@dataclass(frozen=True)
class Use:
    """A booking that a code was used for. ``at``: naive UTC."""

    booking: str
    at: datetime


@dataclass(frozen=True)
class Code:
    """A code and its row, which is watched."""

    discount: Discount
    row: Row

    @property
    def used(self) -> int:
        """Bookings that were made with it, whatever became of them."""
        told = self.row.get("used")
        return told if isinstance(told, int) else 0

    @property
    def latest(self) -> list[Use]:
        """The latest of them."""
        lines = cast("list[list[str]]", json.loads(str(self.row.get("latest") or "[]")))
        return [Use(booking, datetime.fromisoformat(at).replace(tzinfo=None)) for booking, at in lines]

    def refused(self, at: datetime, customer: Customer | None, booking: str) -> str | None:
        """Why it does not count for a booking now, a code of messages/; None where it does. Raises CallFailure."""
        discount, others = self.discount, self.used - any(one.booking == booking for one in self.latest)
        theirs = 0
        if discount.per_customer is not None and customer is not None:
            made = customer.with_code(discount.code)
            theirs = sum(one.status not in NOT_SERVED and one.booking_id != booking for one in made)
        return refused(discount, at, others, theirs)

    def counting(self, booking: str, at: datetime) -> Change | None:
        """The write that counts a use; None where it is counted."""
        if any(one.booking == booking for one in self.latest):
            return None
        return self._changed(self.used + 1, [*self.latest, Use(booking, at)])

    def giving_back(self, bookings: set[str]) -> Change:
        """The write that takes uses back whose bookings never came to be."""
        still = [one for one in self.latest if one.booking not in bookings]
        return self._changed(max(0, self.used - (len(self.latest) - len(still))), still)

    def _changed(self, used: int, latest: list[Use]) -> Change:
        lines = [[one.booking, instant_like(None, one.at)] for one in latest[-_LATEST:]]
        data: dict[str, Any] = {"used": used, "latest": json.dumps(lines, separators=(",", ":"))}
        return Change(DISCOUNTS, str(self.row["$id"]), data, str(self.row["$updatedAt"]))


def code_of(view: View, code: str) -> Code | None:
    """A code that somebody wrote, in its normal form; None where there is none that takes anything off. Raises
    CallFailure."""
    if not view.has(DISCOUNTS, "code"):
        return None
    row = view.row(DISCOUNTS, discount_id(code))
    discount = discount_of(row) if row is not None else None
    return Code(discount, row) if row is not None and discount is not None and discount.code == code else None
