"""Reads written rows back by docs/domain.md, row by row, to hold the simulator's truth against what it wrote.

Slow and plain on purpose; shares no code with the simulator.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EMPTY = {"", "none", "null", "undefined", "-"}
OFFSETS = {"Asia/Jakarta": 420, "Asia/Makassar": 480, "Asia/Jayapura": 540}
BOOKING = {
    "pending": "pending pendingaccept idle registering searching waiting waitingforlocation",
    "accepted": "accepted active ontheway",
    "confirmed": "confirmed inprogress paymentreceived",
    "completed": "completed done finished",
    "cancelled": "cancelled canceled",
    "declined": "declined rejected",
    "expired": "expired timeout",
    "reassigned": "reassigned",
}
COMMISSION = {
    "pending": "pending pendingcollection accepted unpaid",
    "awaiting_verification": "awaitingverification submitted",
    "paid": "paid verified confirmed completed partiallyrefunded partialrefund",
    "rejected": "rejected",
    "overdue": "overdue expired",
    "cancelled": "cancelled canceled",
    "reversed": "reversed refunded",
}
SOURCE = {
    "bookingButton": "bookingbutton button booknow platform",
    "chatWindow": "chatwindow chat",
    "menuSlider": "menuslider menu",
    "priceSlider": "priceslider",
    "scheduled": "scheduled",
    "direct": "direct manual whatsapp share profile search",
}
MODE = {"immediate": "immediate booknow now", "scheduled": "scheduled"}
RUPIAH = {"idr", "rp", "rp.", "rupiah"}
TOTALS = ("totalCost", "totalPrice", "totalAmount", "pricing.total")
LOW, HIGH = datetime(2015, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """What a row is read against: zones of the providers, the customers, and the clock when it is stored."""

    offsets: dict[str, int]
    customers: Collection[str]
    now: datetime


def key_of(written: Any, keys: Collection[str]) -> Any:
    """The key a reference means: itself, else the one that differs from it by case only."""
    if written is None or written in keys:
        return written
    alike = [key for key in keys if key.lower() == str(written).lower()]
    return alike[0] if len(alike) == 1 else written


def empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in EMPTY)


def first(row: dict[str, Any], *names: str) -> Any:
    for name in names:
        value: Any = row
        for part in name.split("."):
            value = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
            value = value.get(part) if isinstance(value, dict) else None
        if not empty(value):
            return value
    return None


def folded(value: Any) -> str:
    return str(value).lower().replace(" ", "").replace("_", "").replace("-", "")


def word(table: dict[str, str], value: Any) -> str:
    if empty(value):
        return "unknown"
    return next((name for name, words in table.items() if folded(value) in words.split()), "unknown")


def instant(value: Any, offset: int) -> datetime | None:
    if empty(value):
        return None
    text = str(value)
    try:
        moment = (
            datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() else datetime.fromisoformat(text)
        )
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC) - timedelta(minutes=offset)
    return moment if LOW <= moment <= HIGH else None


def happened(value: Any, offset: int, known: Known) -> datetime | None:
    """An instant of something that has happened: none that is not yet."""
    moment = instant(value, offset)
    return None if moment is None or moment > known.now + timedelta(minutes=5) else moment


def text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def number(value: Any) -> float | None:
    try:
        return None if empty(value) else float(str(value).replace(",", "."))
    except ValueError:
        return None


def _clock(row: dict[str, Any], hhmm: str, day: Any, offset: int) -> datetime | None:
    return instant(f"{day}T{hhmm}:00", offset) if not empty(day) else None


def start(row: dict[str, Any], offset: int) -> datetime | None:
    for name in ("startTime", "scheduledTime"):
        value = first(row, name)
        if value is None:
            continue
        if len(str(value)) == 5 and ":" in str(value):
            return _clock(row, value, first(row, "scheduledDate", "date", "bookingDate"), offset)
        return instant(value, offset)
    for name in ("scheduledDate", "date"):
        if first(row, name) and first(row, "time"):
            return _clock(row, row["time"], first(row, name), offset)
    return instant(first(row, "bookingDateTime", "checkInDate"), offset)


def rupiah(value: Any) -> int | None:
    """A written amount over 0 in rupiah; below 10,000 it is in thousands."""
    read = number(value)
    if read is None or read <= 0:
        return None
    return int(read * 1000) if read < 10_000 else int(read)


def believed(amount: int | None) -> bool:
    return amount is not None and 20_000 <= amount <= 20_000_000


def is_foreign(currency: Any) -> bool:
    return not empty(currency) and str(currency).strip().lower() not in RUPIAH


def amount(row: dict[str, Any]) -> tuple[int | None, str | None, set[str]]:
    """What a booking costs, by which rule, and the data findings about it."""
    found: set[str] = set()
    if is_foreign(row.get("currency")):
        return None, None, {"amount_currency"}
    has_code = not empty(row.get("discountCode"))
    written = {name: first(row, name) for name in TOTALS}
    lowest: list[int] = []
    if has_code and any(value is not None for value in written.values()):
        for value in written.values():
            if number(value) == 0:
                lowest.append(0)
            elif believed(rupiah(value)):
                lowest.append(rupiah(value) or 0)
                found |= {"amount_in_thousands"} if (number(value) or 0) < 10_000 else set()
            else:
                found |= {"amount_implausible"} if rupiah(value) else set()
        if not lowest:
            return None, None, found
        return min(lowest), "discounted" if min(lowest) else "free", found
    names = ("totalCost", "totalPrice", "totalAmount", "paymentAmount", "pricing.total", "price")
    for name in ("price", "paymentAmount") if has_code else names:
        value = first(row, name)
        if rupiah(value) is None:
            continue
        if name == "pricing.total" and is_foreign(first(row, "pricing.currency")):
            return None, None, {"amount_currency"}
        if not believed(rupiah(value)):
            found.add("amount_implausible")
            continue
        small = (number(value) or 0) < 10_000
        if small and name != "price":
            found.add("amount_in_thousands")
        return rupiah(value), "price_thousands" if small and name == "price" else name, found
    return None, None, found or {"amount_unknown"}


def created(row: dict[str, Any], offset: int, known: Known) -> datetime | None:
    written = first(row, "createdAt", "booking.createdAt", "$createdAt")
    if instant(written, offset) is None:
        return None
    return happened(written, offset, known) or happened(row["$createdAt"], offset, known)


def booking(row: dict[str, Any], known: Known) -> dict[str, Any] | None:
    """The canonical facts of a booking row, or None where it is to be quarantined."""
    names = ("assigned_therapist", "providerId", "therapistId", "businessId", "therapistDetails.id")
    provider = key_of(first(row, *names), known.offsets)
    offset = known.offsets.get(provider, 480)
    made = created(row, offset, known)
    if made is None:
        return None
    status = word(BOOKING, first(row, "bookingStatus", "status"))
    if status == "cancelled" and folded(first(row, "providerResponseStatus")) == "declined":
        status = "declined"
    starts = start(row, offset)
    explicit = first(row, "mode", "bookingType")
    scheduled_time = first(row, "scheduledTime")
    deadline = instant(first(row, "responseDeadline", "responcedeadline", "confirmationDeadline"), offset)
    described = explicit if explicit is not None else first(row, "metadata.bookingType")
    if described is not None:
        mode = word(MODE, described)
    elif scheduled_time is not None:
        mode = "scheduled"
    elif starts is not None:
        mode = "immediate" if starts - made <= timedelta(hours=2) else "scheduled"
    elif deadline is not None and deadline - made <= timedelta(minutes=10):
        mode = "immediate"
    else:
        mode = "unknown"
    if first(row, "source") is not None:
        source = word(SOURCE, row["source"])
    elif word(MODE, explicit) == "scheduled" or (explicit is None and scheduled_time is not None):
        source = "scheduled"
    else:
        source = "chatWindow" if row.get("chatWindowOpen") else "unknown"
    if deadline is None and mode != "unknown":
        deadline = made + timedelta(minutes=30 if mode == "scheduled" else 5)
    accepted = happened(first(row, "acceptedAt", "confirmedAt"), offset, known)
    answers = [happened(first(row, n), offset, known) for n in ("declinedAt", "rejectedAt", "respondedAt")]
    answered = [a for a in (accepted, *answers) if a is not None]
    minutes = None
    for name in ("duration", "serviceDuration", "service", "serviceDetails.duration"):
        value = first(row, name)
        if value is None or (name == "service" and number(value) is None):
            continue
        minutes = None if number(value) is None else int(float(value))
        break
    names = ("customerName", "userName", "guestName", "hotelGuestName", "customerDetails.name")
    phones = ("customerWhatsApp", "customerPhone", "customerphone", "customerDetails.phone")
    return {
        "status": status,
        "source": source,
        "mode": mode,
        "amount_idr": amount(row)[0],
        "amount_rule": amount(row)[1],
        "minutes": minutes,
        "created_at": text(made),
        "starts_at": text(starts),
        "response_deadline": text(deadline),
        "accepted_at": text(accepted),
        "responded_at": text(min(answered)) if answered else None,
        "completed_at": text(happened(first(row, "completedAt"), offset, known)),
        "provider_id": provider,
        "customer_id": key_of(first(row, "userId", "customerId", "customerDetails.id"), known.customers),
        "is_test": bool(row.get("isTest"))
        or "test" in str(first(row, *names) or "").lower().split()
        or first(row, *phones) == "000000000",
    }


def commission(row: dict[str, Any], known: Known, zones: dict[str, int]) -> dict[str, Any] | None:
    """The canonical facts of a commission row, or None where it is to be quarantined.

    ``zones``: offset of each booking by what may refer to it, for a record that names no provider."""
    provider = key_of(first(row, "therapistId", "providerId"), known.offsets)
    booking = key_of(first(row, "bookingId"), zones)
    if booking not in zones:
        booking = first(row, "bookingDocId")
    offset = known.offsets[provider] if provider else zones.get(booking, 480)
    made = created(row, offset, known)
    if made is None:
        return None
    base = number(first(row, "bookingAmount", "serviceAmount", "totalPrice"))
    part = number(first(row, "commissionAmount", "adminCommission"))
    foreign = is_foreign(row.get("currency"))
    thousands = False
    if not foreign and base is not None and 0 < base < 10_000:
        thousands, base = True, base * 1000
        part = None if part is None else part * 1000 if part < 10_000 else part
    if foreign or (base and not believed(int(base))):
        base = part = None
    elif base and part is not None and part > base:
        part = None
    rate = row.get("commissionRate")
    if rate is not None:
        rate = round((rate / 100 if rate > 1 else rate) * 1_000_000)
    status = word(COMMISSION, first(row, "paymentStatus", "status"))
    return {
        "commission_idr": None if part is None else int(part + 0.5) if part >= 0 else int(part),
        "booking_amount_idr": None if base is None else int(base),
        "rate_ppm": rate,
        "amount_rule": "thousands" if thousands else "rupiah",
        "status": status,
        "is_live": status not in ("cancelled", "reversed"),
        "source": None if first(row, "source") is None else word(SOURCE, row["source"]),
        "created_at": text(made),
        "deadline_at": text(instant(row.get("paymentDeadline"), offset)),
        "paid_at": text(happened(row.get("paidAt"), offset, known)),
        "provider_id": provider,
    }
