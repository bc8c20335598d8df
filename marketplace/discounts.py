"""Discount codes: what one takes off, when and how often it counts. Where its row stands, and how its uses are counted,
does not live here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from marketplace.app_rows import instant_of, text_at
from marketplace.money import AmountBounds
from marketplace.rules import THOUSANDS_BELOW_IDR
from marketplace.statuses import FLAG, normalised

DISCOUNTS: Final = "discount_codes"
"""The collection of codes."""
LONGEST_CODE: Final = 32
_HUNDRED: Final = 100


@dataclass(frozen=True)
class Discount:
    """A code. Exactly one of ``percent`` (1 to 100) and ``idr`` (rupiah) stands, else it takes nothing off.
    ``valid_from``, ``valid_to``: naive UTC, half-open; ``uses``: most bookings in all, ``per_customer``: of one
    customer; None: no limit."""

    code: str
    percent: int | None = None
    idr: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    uses: int | None = None
    per_customer: int | None = None
    is_active: bool = True


def normal_code(written: str) -> str:
    """A code as it is compared and kept.

    >>> normal_code(" bali-10 ")
    'BALI-10'
    """
    return written.strip().upper()


def discount_of(row: Mapping[str, Any]) -> Discount | None:
    """A code as an administrator wrote it; None for one that says no percentage and no rupiah that can be taken off, or
    both."""

    def number(name: str, least: int, most: int | None = None) -> int | None:
        value = row.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            return None
        return value if most is None or value <= most else None

    code, percent, idr = text_at(row, "code"), number("percent", 1, _HUNDRED), number("idr", 1)
    if code is None or (percent is None) == (idr is None) or (row.get("percent") and row.get("idr")):
        return None
    active = text_at(row, "active")
    return Discount(
        normal_code(code),
        percent,
        idr,
        instant_of(row.get("validFrom"), 0),
        instant_of(row.get("validTo"), 0),
        number("uses", 0),
        number("perCustomer", 0),
        active is None or FLAG.get(normalised(active)) == "true",
    )


def discounted(price_idr: int, discount: Discount) -> int:
    """What is paid with a code, in whole rupiah: a percentage is taken off half up, in the customer's favour; never
    below zero.

    >>> discounted(202_500, Discount("A", percent=33)), discounted(150_000, Discount("B", idr=200_000))
    (135675, 0)
    """
    off = discount.idr or 0
    if discount.percent is not None:
        off = (price_idr * discount.percent + _HUNDRED // 2) // _HUNDRED
    return max(0, price_idr - off)


def refused(discount: Discount | None, at: datetime, used: int, used_by_customer: int) -> str | None:
    """Why a code does not count now, a code of messages/; None where it does."""
    if discount is None or not discount.is_active:
        return "discount_unknown"
    if discount.valid_from is not None and at < discount.valid_from:
        return "discount_not_yet"
    if discount.valid_to is not None and at >= discount.valid_to:
        return "discount_over"
    if discount.uses is not None and used >= discount.uses:
        return "discount_used_up"
    if discount.per_customer is not None and used_by_customer >= discount.per_customer:
        return "discount_used_by_you"
    return None


def least(bounds: AmountBounds) -> int:
    """The least rupiah that are believed, and not read as thousands of them."""
    return max(bounds.minimum, THOUSANDS_BELOW_IDR)


def believed(amount_idr: int, bounds: AmountBounds) -> bool:
    """Whether the pipeline believes what is to be paid, and reads it so: nothing at all, or within the bounds."""
    return amount_idr == 0 or least(bounds) <= amount_idr <= bounds.maximum
