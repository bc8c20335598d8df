"""How the price of a booking is written, with what a careful reader makes of it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import choose, pick
from sandbox.simulator.shapes.spelling import SHOPWORN, empty
from sandbox.simulator.world import Booking

_MONEY = (
    ("price_thousands", 15),
    ("price_and_totalCost", 24),
    ("totalCost", 16),
    ("price_rupiah", 9),
    ("totalPrice", 10),
    ("totalAmount", 8),
    ("paymentAmount", 7),
    ("pricing", 5),
    ("discount", 3),
    ("disagrees", 1.4),
    ("zero_first", 1),
    ("unreadable_first", 0.6),
)

_ROUND = frozenset({"base_hundredths", "commission_hundredths", "rate_by_base", "no_base"})


def half_up(amount: int, rate_ppm: int) -> int:
    """rate × amount in whole rupiah, half up, for the amounts that occur (not negative)."""
    whole, rest = divmod(amount * rate_ppm, 1_000_000)
    return whole + (1 if rest * 2 >= 1_000_000 else 0)


def amount_attributes(rng: Random, booking: Booking, data: dict[str, Any]) -> None:
    shape = choose(rng, _MONEY)
    marks, idr = booking.marks, booking.price
    if "unknown_amount" in marks:
        shape = "unknown"
    elif marks:
        # planted commission findings rest on a plain amount in whole thousands
        idr = booking.price = max(100_000, idr // 1000 * 1000)
        if "money" in marks or _ROUND.intersection(marks.values()):
            # a hundredfold of it is beyond belief, a fifth less and 30 % of it are whole thousands
            idr = booking.price = max(210_000, idr // 10_000 * 10_000)
        if "money" in marks:
            _planted_money(rng, booking, data, marks["money"])
            return
        shape = pick(rng, ("totalCost", "price_and_totalCost", "price_thousands"))
    amount: int | None = idr
    rule = shape
    if shape == "price_thousands":
        data["price"] = half_up(idr, 1000)
        amount = data["price"] * 1000
    elif shape == "price_and_totalCost":
        data["price"], data["totalCost"] = half_up(idr, 1000), idr
        rule = "totalCost"
    elif shape == "totalCost":
        data["totalCost"] = idr
    elif shape == "price_rupiah":
        data["price"] = idr
        rule = "price"
    elif shape == "totalPrice":
        data["totalPrice"] = float(idr)
    elif shape == "totalAmount":
        data["totalAmount"] = str(idr)
    elif shape == "paymentAmount":
        data["paymentAmount"] = idr
    elif shape == "pricing":
        currency = pick(rng, (*words.RUPIAH_WORDS, ""))
        data["pricing"] = json.dumps(
            {"currency": currency, "total": idr, "items": [{"minutes": booking.minutes}]}
        )
        rule = "pricing.total"
    elif shape == "discount":
        data["discountCode"] = pick(rng, words.DISCOUNTS)
        amount = data["totalCost"] = idr * 85 // 100
        rule = "discounted"
        booking.discounted = True
        list_price = rng.random()
        if list_price < 0.6:
            data["price"] = half_up(idr, 1000)
            booking.before = data["price"] * 1000
        elif list_price < 0.85:
            data["totalPrice"] = float(idr)
            booking.before = idr
    elif shape == "disagrees":
        data["totalCost"] = idr
        if rng.random() < 0.5:
            data["price"] = half_up(idr, 1000) + 40
        else:
            data["totalPrice"] = float(idr + 25_000)
        if rng.random() < 0.3:
            data["discountCode"] = empty(rng)
        booking.amount_disagrees = True
        rule = "totalCost"
    elif shape == "zero_first":
        data["totalCost"], data["totalPrice"] = 0, float(idr)
        rule = "totalPrice"
    elif shape == "unreadable_first":
        data["totalAmount"], data["paymentAmount"] = SHOPWORN, idr
        rule = "paymentAmount"
    else:
        amount = rule = None
        if rng.random() < 0.5:
            data["price"] = 0
        elif rng.random() < 0.5:
            data["totalAmount"] = "to be agreed"
        else:
            # a writer's default, not a gift: there is no code
            data["totalCost"], data["discountCode"] = 0, empty(rng)
    if rng.random() < 0.05:
        data["currency"] = pick(rng, (*words.RUPIAH_WORDS, *words.EMPTY_WORDS))
    booking.amount, booking.amount_rule = amount, rule


def _planted_money(rng: Random, booking: Booking, data: dict[str, Any], variant: str) -> None:
    """An amount written as a plain reader would not expect it, and what it comes to all the same."""
    idr = booking.price
    kind, _, where = variant.partition(":")
    found = booking.amount_findings
    if kind in ("discount", "free"):
        data["discountCode"] = pick(rng, words.DISCOUNTS)
        booking.discounted = True
        # a price alone is what it costs
        booking.before = None if where == "price" else idr
    if kind == "thousands":
        value: Any = {"totalPrice": idr / 1000, "totalAmount": str(idr // 1000)}.get(where, idr // 1000)
        if where == "pricing":
            value, where = json.dumps({"currency": "Rp", "total": value}), "pricing.total"
        data[where.split(".", maxsplit=1)[0]] = value
        found.add("amount_in_thousands")
        booking.amount, booking.amount_rule = idr, where
    elif kind in ("hundredths", "comma", "low"):
        if kind == "comma":
            data["totalAmount"] = "1,25"
        else:
            data["totalCost"] = idr * 100 if kind == "hundredths" else 12_500
        found.add("amount_implausible")
        if where == "price":
            data["price"] = idr // 1000
            booking.amount, booking.amount_rule = idr, "price_thousands"
        elif where:
            data[where] = idr
            booking.amount, booking.amount_rule = idr, where
    elif kind == "currency":
        currency = pick(rng, words.FOREIGN_CURRENCIES)
        if where == "attribute":
            data["currency"], data["totalPrice"] = currency, 95.0
        else:
            data["pricing"] = json.dumps({"currency": currency, "total": 18.5})
        found.add("amount_currency")
    elif kind == "free":
        if where == "totalCost":
            data["totalCost"], data["price"] = 0, idr // 1000
        else:
            data[where], data["totalPrice"] = "0", float(idr)
        booking.amount, booking.amount_rule = 0, "free"
    else:
        less = idr * 4 // 5
        booking.amount, booking.amount_rule = less, "discounted"
        if where == "two_totals":
            data["totalCost"] = idr
            data["pricing"] = json.dumps({"currency": "IDR", "total": less})
        elif where == "thousands":
            # as they stand in the row, 250 is less than 200,000
            data["totalCost"], data["totalAmount"] = idr // 1000, str(less)
            found.add("amount_in_thousands")
        elif where == "implausible":
            data["totalAmount"], data["totalPrice"], data["price"] = "1,25", float(less), idr // 1000
            found.add("amount_implausible")
        else:
            data["price"] = idr // 1000
            booking.amount, booking.amount_rule = idr, "price_thousands"
