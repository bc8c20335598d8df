"""How the app's writers put bookings, commissions and phones into attributes: the shapes of docs/domain.md.

Each function returns the attributes and sets on the booking what they support (``known_*``, amount,
source, mode), read off the domain's tables here and nowhere from the pipeline. What happens when lives in
simulation.py.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import choose, pick
from sandbox.simulator.times import HOUR, MINUTE, appwrite, bare, local_date, local_hhmm, shaped, zulu
from sandbox.simulator.world import Booking, Customer, Record

UNREADABLE_TIMES = ("yesterday", "45000", "1970-01-01T00:00:00.000Z", "31/31/2026", "0", "Invalid Date")
SHOPWORN = "n/a"


def spelled(rng: Random, word: str) -> str:
    """A word as one of the writers spells it: case, spaces, _ and - differ in an eighth of the cases."""
    style = rng.random()
    if style > 0.125 or not word:
        return word
    if style < 0.03:
        return word.upper()
    if style < 0.06:
        return word.replace("_", " ").title()
    if style < 0.09:
        return word.replace("_", "-")
    return word.replace("_", "").capitalize()


def half_up(amount: int, rate_ppm: int) -> int:
    """rate × amount in whole rupiah, half up, for the amounts that occur (not negative)."""
    whole, rest = divmod(amount * rate_ppm, 1_000_000)
    return whole + (1 if rest * 2 >= 1_000_000 else 0)


def _empty(rng: Random) -> str:
    return pick(rng, words.EMPTY_WORDS)


def recased(key: str) -> str:
    """The key in another case. Raises ValueError where it has no letter."""
    other = key.swapcase()
    if other == key:
        raise ValueError("a key without a letter has one case only")
    return other


# ---------------------------------------------------------------- phones


def phone_pair(rng: Random) -> tuple[str, str | None]:
    """A phone as written and its E.164 form (None where it is none)."""
    shape = choose(
        rng,
        (
            ("+62", 34),
            ("0", 22),
            ("62", 14),
            ("+620", 6),
            ("+62+62", 5),
            ("spaced", 5),
            ("foreign", 11),
            ("junk", 3),
        ),
    )
    if shape == "junk":
        return pick(rng, ("ask reception", "12", "call me", "0812", "+++", "WA only")), None
    if shape == "foreign":
        body = f"{int(rng.random() * 10_000):04d}"
        number = pick(
            rng, (f"+61412{body}37", f"+44791112{body}", f"+12025{body[0:1]}5{body}", f"+49151234{body}7")
        )
        if number.startswith("+12025"):
            number = f"+1202555{body}"
        return number, number
    digits = f"8{pick(rng, ('12', '13', '21', '52', '57', '77', '78', '95'))}{int(rng.random() * 10**8):08d}"
    e164 = f"+62{digits}"
    if shape == "spaced":
        return f"+62 {digits[:3]}-{digits[3:7]}-{digits[7:]}", e164
    return shape + digits, e164


# ---------------------------------------------------------------- bookings

_TIME_SHAPES = (("z", 58), ("offset", 16), ("bare", 15), ("epoch", 11))
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


def draw_style(rng: Random, booking: Booking) -> None:
    """Decide which writer of the app this booking has."""
    booking.time_shape = choose(rng, _TIME_SHAPES)
    booking.status_attribute = choose(rng, (("status", 68), ("bookingStatus", 14), ("both", 18)))
    booking.accept_attribute = choose(
        rng, (("acceptedAt", 62), ("confirmedAt", 14), ("both", 8), ("respondedAt", 5), (None, 11))
    )
    booking.writes_completion = rng.random() < 0.8


def status_attributes(
    rng: Random, booking: Booking, canonical: str, *, first: bool = False
) -> dict[str, Any]:
    """The attributes that say a booking now has this canonical status, in one of the words."""
    booking.status = canonical
    word = spelled(rng, pick(rng, words.BOOKING_WORDS[canonical]))
    data: dict[str, Any] = {}
    if canonical == "declined" and rng.random() < 0.2:
        word = pick(rng, words.BOOKING_WORDS["cancelled"])
        data["providerResponseStatus"] = "Declined"
    if booking.status_attribute == "status":
        data["status"] = word
        if first and rng.random() < 0.06:
            data["bookingStatus"] = _empty(rng)
    elif booking.status_attribute == "bookingStatus":
        data["bookingStatus"] = word
    else:
        data["bookingStatus"] = word
        if first:
            data["status"] = "pending"
    return data


def _money(rng: Random, booking: Booking, data: dict[str, Any]) -> None:
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
        list_price = rng.random()
        if list_price < 0.6:
            data["price"] = half_up(idr, 1000)
        elif list_price < 0.85:
            data["totalPrice"] = float(idr)
    elif shape == "disagrees":
        data["totalCost"] = idr
        if rng.random() < 0.5:
            data["price"] = half_up(idr, 1000) + 40
        else:
            data["totalPrice"] = float(idr + 25_000)
        if rng.random() < 0.3:
            data["discountCode"] = _empty(rng)
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
            data["totalCost"], data["discountCode"] = 0, _empty(rng)
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


def _start(rng: Random, booking: Booking, data: dict[str, Any]) -> None:
    start, offset, shape = booking.start, booking.provider.offset, booking.time_shape
    booking.known_start = start
    if "lost_start" in booking.marks:
        booking.known_start = None
        if rng.random() < 0.5:
            data["startTime"] = pick(rng, ("soon", "45000", "after lunch"))
        return
    day = local_date(start, offset)
    decoy = local_date(booking.created, offset)
    if booking.wanted_mode == "scheduled":
        way = choose(
            rng,
            (
                ("scheduledTime", 34), ("startTime", 20), ("scheduledTime hh", 14), ("startTime hh", 8),
                ("scheduledDate+time", 8), ("date+time", 6), ("bookingDateTime", 5), ("checkInDate", 5),
            ),
        )  # fmt: skip
    else:
        way = choose(
            rng,
            (
                ("startTime", 52), ("startTime hh", 20), ("scheduledDate+time", 7), ("date+time", 8),
                ("bookingDateTime", 7), ("checkInDate", 6),
            ),
        )  # fmt: skip
    if way in ("startTime", "scheduledTime", "bookingDateTime"):
        data[way] = shaped(start, shape, offset)
    elif way == "checkInDate":
        data[way] = appwrite(start)
    elif way.endswith(" hh"):
        data[way[:-3]] = local_hhmm(start, offset)
        date_attribute = pick(rng, ("scheduledDate", "date", "bookingDate"))
        data[date_attribute] = day
        if date_attribute == "scheduledDate" and rng.random() < 0.5:
            data["date"] = decoy
        if date_attribute != "bookingDate" and rng.random() < 0.5:
            data["bookingDate"] = decoy
    else:
        data[way.split("+", maxsplit=1)[0]] = day
        data["time"] = local_hhmm(start, offset)
        if rng.random() < 0.3:
            data["bookingDate"] = decoy
    if "startTime" not in data and rng.random() < 0.06:
        data["startTime"] = _empty(rng)
    booking.has_schedule = way.startswith("scheduledTime")


def _mode_and_source(rng: Random, booking: Booking, data: dict[str, Any], metadata: dict[str, Any]) -> None:
    wanted = booking.wanted_mode
    word = spelled(rng, pick(rng, words.MODE_WORDS[wanted]))
    place = choose(rng, (("mode", 50), ("bookingType", 20), ("metadata", 8), (None, 22)))
    if "unknown_mode" in booking.marks:
        place = None
    if place in ("mode", "bookingType"):
        data[place] = word
        booking.has_mode = True
        if place == "bookingType" and rng.random() < 0.2:
            data["mode"] = _empty(rng)
    elif place == "metadata":
        metadata["bookingType"] = word

    if place is not None:
        booking.mode = wanted
    elif booking.has_schedule:
        booking.mode = "scheduled"
    elif booking.known_start is not None:
        booking.mode = "immediate" if booking.known_start - booking.created <= 2 * HOUR else "scheduled"
    elif booking.deadline_explicit and booking.deadline - booking.created <= 10 * MINUTE:
        booking.mode = "immediate"
    else:
        booking.mode = "unknown"

    source = booking.wanted_source
    window = source == "chatWindow" or (rng.random() < 0.15)
    if window or rng.random() < 0.4:
        data["chatWindowOpen"] = window
    omit = rng.random() < (0.25 if source in ("scheduled", "chatWindow") else 0.012)
    if omit and not booking.marks:
        if rng.random() < 0.4:
            data["source"] = _empty(rng)
        says_scheduled = booking.has_mode and wanted == "scheduled"
        if says_scheduled or (not booking.has_mode and booking.has_schedule):
            booking.source = "scheduled"
        else:
            booking.source = "chatWindow" if window else "unknown"
        return
    data["source"] = spelled(rng, pick(rng, words.SOURCE_WORDS[source]))
    booking.has_source = True
    booking.source = source


def _deadline(rng: Random, booking: Booking, data: dict[str, Any]) -> None:
    where = choose(
        rng,
        (
            ("responseDeadline", 52),
            ("responcedeadline", 17),
            ("confirmationDeadline", 16),
            (None, 14.4),
            ("bad", 0.6),
        ),
    )
    if "unknown_mode" in booking.marks:
        where = "responseDeadline"
    if where == "confirmationDeadline":
        data[where] = booking.deadline
    elif where == "bad":
        data["responseDeadline"] = pick(rng, ("soon", "45000"))
    elif where is not None:
        data[where] = shaped(booking.deadline, booking.time_shape, booking.provider.offset)
    booking.deadline_explicit = where not in (None, "bad")


def _ahead(booking: Booking | Record) -> str:
    """The instant that cannot be true, as it is written."""
    assert booking.ahead is not None
    return zulu(booking.ahead)


def _creation(rng: Random, booking: Booking, data: dict[str, Any]) -> None:
    offset = booking.provider.offset
    if booking.quarantined:
        bad = pick(rng, UNREADABLE_TIMES)
        if rng.random() < 0.25:
            data["booking"] = json.dumps({"createdAt": bad})
        else:
            data["createdAt"] = bad
        return
    if booking.marks.get("ahead") == "createdAt":
        data["createdAt"] = _ahead(booking)
        return
    where = choose(rng, (("createdAt", 84), ("booking", 8), ("$createdAt", 8)))
    if where == "createdAt":
        data["createdAt"] = shaped(booking.created, booking.time_shape, offset)
    elif where == "booking":
        data["booking"] = json.dumps({"createdAt": shaped(booking.created, booking.time_shape, offset)})
        if rng.random() < 0.5:
            data["createdAt"] = _empty(rng)
    elif rng.random() < 0.3:
        data["createdAt"] = _empty(rng)


def _provider(rng: Random, booking: Booking, data: dict[str, Any], other_provider: str) -> None:
    provider = booking.provider
    where = choose(
        rng,
        (
            ("providerId", 52),
            ("therapistId", 20),
            ("businessId", 8),
            ("assigned_therapist", 12),
            ("details", 8),
        ),
    )
    if booking.replaces:
        where = "assigned_therapist"
    if booking.marks.get("case") == "provider":
        data["providerId"] = recased(provider.id)
        booking.recased = True
    elif where == "details":
        data["therapistDetails"] = json.dumps({"id": provider.id, "name": provider.name})
        if rng.random() < 0.3:
            data["providerId"] = _empty(rng)
    else:
        data[where] = provider.id
        if where == "assigned_therapist" and (booking.replaces or rng.random() < 0.5):
            data["providerId"] = other_provider
        elif where == "providerId" and rng.random() < 0.05:
            data["assigned_therapist"] = _empty(rng)
    if rng.random() < 0.9:
        data["providerName"] = provider.name
        data["providerType"] = provider.kind


def _customer(rng: Random, booking: Booking, data: dict[str, Any], test_rule: str | None) -> None:
    customer: Customer = booking.customer
    hotel = booking.table == "hotel_bookings"
    details: dict[str, Any] = {}
    name, phone = customer.name, customer.phone
    booking.known_phone = customer.e164
    if test_rule == "name":
        name = pick(rng, ("Admin Test", "Test Customer", "test", "TEST USER"))
    elif test_rule == "phone":
        phone, booking.known_phone = "000000000", None
    elif test_rule == "isTest":
        data["isTest"] = True

    where = choose(rng, (("userId", 58), ("customerId", 30), ("details", 8), (None, 4)))
    if booking.marks.get("case") == "customer":
        where = "recased"
    booking.known_customer = customer.id if where else None
    if where == "recased":
        data["userId"] = recased(customer.id)
        booking.recased = True
    elif where == "details":
        details["id"] = customer.id
    elif where:
        data[where] = customer.id
        if where == "customerId" and rng.random() < 0.25:
            data["userId"] = _empty(rng)

    if hotel:
        where = choose(rng, (("hotelGuestName", 64), ("guestName", 24), ("customerName", 12)))
    else:
        where = choose(
            rng,
            (
                ("customerName", 60),
                ("userName", 14),
                ("guestName", 10),
                ("hotelGuestName", 6),
                ("details", 10),
            ),
        )
    if where == "details":
        details["name"] = name
    else:
        data[where] = name
        if where == "userName" and rng.random() < 0.3:
            data["customerName"] = _empty(rng)

    plain = "customerphone" if hotel else "customerPhone"
    where = choose(rng, (("customerWhatsApp", 58), (plain, 27), ("details", 12), (None, 3)))
    if where is None and test_rule != "phone" and booking.known_customer:
        booking.known_phone = None
    elif where == "details":
        details["phone"] = phone
    else:
        data[where or plain] = phone
    if details:
        data["customerDetails"] = json.dumps(details, ensure_ascii=False)


def booking_row(
    rng: Random, booking: Booking, *, other_provider: str, test_rule: str | None = None
) -> dict[str, Any]:
    """The attributes of a new booking. Sets on it what they support; ``test_rule`` makes it a test."""
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    booking.is_test = test_rule is not None
    if booking.business_id is not None:
        data["bookingId"] = booking.business_id
    elif rng.random() < 0.5:
        data["bookingId"] = _empty(rng)
    _customer(rng, booking, data, test_rule)
    _provider(rng, booking, data, other_provider)

    where = choose(rng, (("duration", 56), ("serviceDuration", 15), ("service", 19), ("serviceDetails", 10)))
    booking.known_minutes = booking.minutes
    if "lost_minutes" in booking.marks:
        data["serviceDuration"] = "an hour or so"
        booking.known_minutes = None
    elif where == "duration":
        data["duration"] = booking.minutes
        data["service"] = str(booking.minutes) if rng.random() < 0.7 else "Balinese massage"
    elif where == "serviceDetails":
        minutes = booking.minutes if rng.random() < 0.5 else str(booking.minutes)
        data["serviceDetails"] = json.dumps({"name": "Deep tissue", "duration": minutes})
        if rng.random() < 0.3:
            data["service"] = "Deep tissue"
    else:
        data[where] = str(booking.minutes)

    _money(rng, booking, data)
    _start(rng, booking, data)
    _deadline(rng, booking, data)
    _mode_and_source(rng, booking, data, metadata)
    if booking.deadline_explicit:
        booking.known_deadline = booking.deadline
    elif booking.mode != "unknown":
        booking.known_deadline = booking.created + (30 if booking.mode == "scheduled" else 5) * MINUTE
    _creation(rng, booking, data)
    data.update(status_attributes(rng, booking, "pending", first=True))

    mark = rng.random()
    if booking.table == "hotel_bookings":
        data["hotelVillaId"] = pick(rng, words.HOTELS).lower().replace(" ", "-")
        data["hotelRoomNumber" if mark < 0.6 else "roomnumber"] = str(101 + int(rng.random() * 400))
    elif mark < 0.2:
        data["roomNumber" if mark < 0.15 else "hotelRoomNumber"] = str(101 + int(rng.random() * 400))
    if mark > 0.6:
        data["location"] = (
            f"{pick(rng, words.STREETS)} {1 + int(rng.random() * 120)}, {booking.provider.city}"
        )
    if mark < 0.7:
        data["paymentMethod"] = pick(rng, words.PAYMENT_METHODS)
    if 0.7 < mark < 0.8 and "discountCode" not in data:
        data["discountCode"] = _empty(rng)
    if mark < 0.3 and "isTest" not in data:
        data["isTest"] = False
    if metadata or mark < 0.1:
        metadata["app"] = "web"
        data["metadata"] = json.dumps(metadata)
    return data


def acceptance_attributes(rng: Random, booking: Booking, at: int, canonical: str) -> dict[str, Any]:
    """The attributes of an acceptance at this instant (its moment is written by most writers, not by all)."""
    data = status_attributes(rng, booking, canonical)
    if booking.marks.get("ahead") == "acceptedAt":
        return data | {"acceptedAt": _ahead(booking)}
    text = shaped(at, booking.time_shape, booking.provider.offset)
    attribute = booking.accept_attribute
    if attribute in ("acceptedAt", "both"):
        data["acceptedAt"] = text
    elif attribute == "confirmedAt":
        data["confirmedAt"] = appwrite(at)
        if rng.random() < 0.2:
            data["acceptedAt"] = _empty(rng)
    if attribute in ("respondedAt", "both"):
        data["respondedAt"] = text
    if attribute in ("acceptedAt", "both", "confirmedAt"):
        booking.known_accepted = at
    if attribute is not None:
        booking.known_responded = at
    return data


def decline_attributes(rng: Random, booking: Booking, at: int) -> dict[str, Any]:
    """The attributes of a decline."""
    data = status_attributes(rng, booking, "declined")
    where = choose(rng, (("declinedAt", 42), ("rejectedAt", 20), ("respondedAt", 20), (None, 18)))
    if where == "declinedAt":
        data[where] = appwrite(at)
    elif where:
        data[where] = shaped(at, booking.time_shape, booking.provider.offset)
    if where:
        booking.known_responded = at
    if rng.random() < 0.8:
        data[pick(rng, ("declineReason", "declineReason", "statusReason"))] = pick(rng, words.DECLINE_REASONS)
    return data


def ending_attributes(rng: Random, booking: Booking, at: int, canonical: str) -> dict[str, Any]:
    """The attributes of a cancellation, an expiry, a reassignment, a completion or an unknown word."""
    data = status_attributes(rng, booking, canonical)
    if canonical == "completed":
        if booking.marks.get("ahead") == "completedAt":
            data["completedAt"] = _ahead(booking)
        elif booking.writes_completion:
            data["completedAt"] = shaped(at, booking.time_shape, booking.provider.offset)
            booking.known_completed = at
    elif canonical == "cancelled":
        data["cancelledAt"] = appwrite(at)
        data[pick(rng, ("cancellationReason", "cancelReason"))] = pick(rng, words.DECLINE_REASONS)
    elif canonical == "expired":
        data["expirationReason"] = "no answer in time"
    return data


# ---------------------------------------------------------------- commissions


def record_status(
    rng: Random, record: Record, canonical: str, written: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The attribute that says a record now has this canonical status, in one of its words (or of ``written``)."""
    record.status = canonical
    word = pick(rng, written or words.COMMISSION_WORDS[canonical])
    return {record.status_attribute: spelled(rng, word)}


def references(rng: Random, booking: Booking) -> tuple[str, str | None]:
    """bookingId and bookingDocId of a record: the $id, the business id, or a dead id and the $id."""
    case = booking.marks.get("case")
    if case == "row_id":
        return recased(booking.id), None
    if case == "business_id":
        return recased(booking.business_id or booking.id), None
    mark = rng.random()
    if mark < 0.06:
        return f"legacy-{int(rng.random() * 10**9):09d}", booking.id
    if mark < 0.45 and booking.business_id is not None:
        return booking.business_id, booking.id if rng.random() < 0.25 else None
    return booking.id, booking.id if rng.random() < 0.1 else None


def record_row(
    rng: Random, record: Record, *, status: str, written: tuple[str, ...] = (), plain: bool = False
) -> dict[str, Any]:
    """The attributes of a new record, from its canonical values. ``plain`` keeps to instants with a zone,
    ``written`` are the words its status may be in."""
    data: dict[str, Any] = {}
    booking, provider = record.booking, record.provider
    if record.booking_ref is not None:
        data["bookingId"] = record.booking_ref
    if record.doc_ref is not None:
        data["bookingDocId"] = record.doc_ref
    mark = rng.random()
    if record.names_provider:
        id_ = recased(provider.id) if record.recased_provider else provider.id
        data["therapistId" if mark < 0.75 else "providerId"] = id_
    if mark > 0.95:
        data["therapistId"] = _empty(rng)
    if mark < 0.9:
        data["therapistName"] = provider.name

    factor = 1000 if record.in_thousands else 1
    base, commission = record.base, record.commission
    if record.as_written is not None:
        base, commission = record.as_written
    if base is not None:
        base = int(base // factor)
        attribute = choose(rng, (("bookingAmount", 62), ("serviceAmount", 24), ("totalPrice", 14)))
        data[attribute] = {"bookingAmount": base, "serviceAmount": float(base), "totalPrice": str(base)}[
            attribute
        ]
    if commission is not None:
        commission_factor = 1 if record.marks.get("unit_error") == "commission_rupiah" else factor
        amount = commission / commission_factor
        if rng.random() < 0.25 and amount.is_integer():
            data["adminCommission"] = int(amount)
        else:
            data["commissionAmount"] = amount
    if "amount_currency" in record.amount_findings:
        data["currency"] = pick(rng, words.FOREIGN_CURRENCIES)
    elif rng.random() < 0.04:
        data["currency"] = pick(rng, (*words.RUPIAH_WORDS, *words.EMPTY_WORDS))
    if record.marks.get("rate") == "float":
        # what 0.3 comes to after some arithmetic
        data["commissionRate"] = 0.29999999999999993 if rng.random() < 0.5 else 29.999999999999996
    elif record.rate_ppm is not None:
        fraction = record.rate_ppm / 1_000_000
        data["commissionRate"] = fraction if rng.random() < 0.5 else float(round(fraction * 100, 4))

    record.status_attribute = "paymentStatus" if rng.random() < 0.76 else "status"
    record.proof_attribute = "paymentProofUrl" if rng.random() < 0.7 else "paymentProofImage"
    record.fee_attribute = "reactivationFeeAmount" if rng.random() < 0.6 else "lateFee"
    record.due_attribute = "totalAmountDue" if rng.random() < 0.6 else "totalDue"
    data.update(record_status(rng, record, status, written))
    if record.status_attribute == "status" and rng.random() < 0.2:
        data["paymentStatus"] = _empty(rng)
    if record.source is not None:
        data["source"] = spelled(rng, pick(rng, words.SOURCE_WORDS[record.source]))
    elif rng.random() < 0.3:
        data["source"] = _empty(rng)
    if record.deadline is not None:
        if record.names_provider:
            data["paymentDeadline"] = appwrite(record.deadline)
        else:
            data["paymentDeadline"] = bare(record.deadline, provider.offset)
    if booking is not None:
        data["bookingDate"] = local_date(booking.created, provider.offset)
        if booking.known_start is not None:
            data["serviceDate"] = local_date(booking.start, provider.offset)
    if rng.random() < 0.2:
        data["reactivationFeeRequired"] = False
    if record.is_test:
        data["isTest"] = True
    if record.quarantined:
        data["createdAt"] = pick(rng, UNREADABLE_TIMES)
        return data
    if record.ahead is not None and record.marks.get("ahead") == "record":
        data["createdAt"] = _ahead(record)
        return data
    shape = choose(rng, (("z", 58), ("offset", 14), ("epoch", 10), ("bare", 6), (None, 12)))
    if shape == "bare":
        data["createdAt"] = zulu(record.created) if plain else bare(record.created, provider.offset)
    elif shape is not None:
        data["createdAt"] = shaped(record.created, shape, provider.offset)
    return data


def fee_attributes(record: Record, fee: int) -> dict[str, Any]:
    """The attributes that say a record owes this late fee (rupiah) on top."""
    record.fee = fee
    return {
        "reactivationFeeRequired": True,
        record.fee_attribute: fee,
        record.due_attribute: (record.commission or 0) + fee,
    }


def proof_attributes(record: Record, at: int) -> dict[str, Any]:
    """The attributes that say a proof of payment was uploaded at this instant."""
    record.proof, record.proof_at = True, at
    return {
        record.proof_attribute: f"https://files.example/proof/{record.id}.jpg",
        "paymentProofUploadedAt": appwrite(at),
    }
