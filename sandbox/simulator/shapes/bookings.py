"""How a booking is written: when it is made, answered, ended."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import choose, pick
from sandbox.simulator.shapes.amounts import amount_attributes
from sandbox.simulator.shapes.spelling import UNREADABLE_TIMES, ahead, empty, recased, spelled
from sandbox.simulator.times import HOUR, MINUTE, appwrite, local_date, local_hhmm, shaped
from sandbox.simulator.world import Booking, Customer

_TIME_SHAPES = (("z", 58), ("offset", 16), ("bare", 15), ("epoch", 11))


def draw_style(rng: Random, booking: Booking) -> None:
    """Decide which writer of the app this booking has."""
    booking.time_shape = choose(rng, _TIME_SHAPES)
    booking.status_attribute = choose(rng, (("status", 68), ("bookingStatus", 14), ("both", 18)))
    booking.accept_attribute = choose(
        rng, (("acceptedAt", 62), ("confirmedAt", 14), ("both", 8), ("respondedAt", 5), (None, 11))
    )
    booking.writes_completion = rng.random() < 0.8


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
        data["bookingId"] = empty(rng)
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

    amount_attributes(rng, booking, data)
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
        data["discountCode"] = empty(rng)
    if mark < 0.3 and "isTest" not in data:
        data["isTest"] = False
    if metadata or mark < 0.1:
        metadata["app"] = "web"
        data["metadata"] = json.dumps(metadata)
    return data


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
            data["bookingStatus"] = empty(rng)
    elif booking.status_attribute == "bookingStatus":
        data["bookingStatus"] = word
    else:
        data["bookingStatus"] = word
        if first:
            data["status"] = "pending"
    return data


def acceptance_attributes(rng: Random, booking: Booking, at: int, canonical: str) -> dict[str, Any]:
    """The attributes of an acceptance at this instant (its moment is written by most writers, not by all)."""
    data = status_attributes(rng, booking, canonical)
    if booking.marks.get("ahead") == "acceptedAt":
        return data | {"acceptedAt": ahead(booking)}
    text = shaped(at, booking.time_shape, booking.provider.offset)
    attribute = booking.accept_attribute
    if attribute in ("acceptedAt", "both"):
        data["acceptedAt"] = text
    elif attribute == "confirmedAt":
        data["confirmedAt"] = appwrite(at)
        if rng.random() < 0.2:
            data["acceptedAt"] = empty(rng)
    if attribute in ("respondedAt", "both"):
        data["respondedAt"] = text
    if attribute in ("acceptedAt", "both", "confirmedAt"):
        booking.known_accepted = at
    if attribute is not None:
        booking.known_responded = at
    return data


def hand_over_attributes(rng: Random, booking: Booking) -> dict[str, Any]:
    """The attributes that say a booking has the provider it was handed to last; some say from whom, and when."""
    provider, where = booking.provider, booking.provider_attribute
    last = booking.hand_overs[-1]
    data: dict[str, Any] = {"providerName": provider.name, "providerType": provider.kind}
    if rng.random() < 0.5:
        where = booking.provider_attribute = "assigned_therapist"
    if where == "details":
        data["therapistDetails"] = json.dumps({"id": provider.id, "name": provider.name})
    else:
        data[where] = provider.id
    mark = rng.random()
    if booking.says_giver or (len(booking.hand_overs) == 1 and mark < 0.4):
        data["reassignedFrom"] = last.giver.id
        # a writer that says when does so each time
        booking.says_moment = booking.says_moment or (not booking.says_giver and mark < 0.3)
        if booking.says_moment:
            data["reassignedAt"] = appwrite(last.at)
        booking.says_giver = True
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
            data["completedAt"] = ahead(booking)
        elif booking.writes_completion:
            data["completedAt"] = shaped(at, booking.time_shape, booking.provider.offset)
            booking.known_completed = at
    elif canonical == "cancelled":
        data["cancelledAt"] = appwrite(at)
        data[pick(rng, ("cancellationReason", "cancelReason"))] = pick(rng, words.DECLINE_REASONS)
    elif canonical == "expired":
        data["expirationReason"] = "no answer in time"
    return data


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
            data["userId"] = empty(rng)

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
            data["customerName"] = empty(rng)

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
        if rng.random() < 0.4:
            data["originalBookingId"] = booking.replaces
            booking.says_giver = True
    booking.provider_attribute = where
    if booking.marks.get("case") == "provider":
        data["providerId"] = recased(provider.id)
        booking.recased = True
    elif where == "details":
        data["therapistDetails"] = json.dumps({"id": provider.id, "name": provider.name})
        if rng.random() < 0.3:
            data["providerId"] = empty(rng)
    else:
        data[where] = provider.id
        if where == "assigned_therapist" and (booking.replaces or rng.random() < 0.5):
            data["providerId"] = other_provider
        elif where == "providerId" and rng.random() < 0.05:
            data["assigned_therapist"] = empty(rng)
    if rng.random() < 0.9:
        data["providerName"] = provider.name
        data["providerType"] = provider.kind


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
        data["startTime"] = empty(rng)
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
            data["mode"] = empty(rng)
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
            data["source"] = empty(rng)
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
        data["createdAt"] = ahead(booking)
        return
    where = choose(rng, (("createdAt", 84), ("booking", 8), ("$createdAt", 8)))
    if where == "createdAt":
        data["createdAt"] = shaped(booking.created, booking.time_shape, offset)
    elif where == "booking":
        data["booking"] = json.dumps({"createdAt": shaped(booking.created, booking.time_shape, offset)})
        if rng.random() < 0.5:
            data["createdAt"] = empty(rng)
    elif rng.random() < 0.3:
        data["createdAt"] = empty(rng)
