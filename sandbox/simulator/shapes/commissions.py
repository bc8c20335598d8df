"""How a commission record is written: when it is made, paid, charged a fee."""

from __future__ import annotations

from random import Random
from typing import Any

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import choose, pick
from sandbox.simulator.shapes.spelling import UNREADABLE_TIMES, ahead, empty, recased, spelled
from sandbox.simulator.times import appwrite, bare, local_date, shaped, zulu
from sandbox.simulator.world import Booking, Record


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
        data["therapistId"] = empty(rng)
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
        data["paymentStatus"] = empty(rng)
    if record.source is not None:
        data["source"] = spelled(rng, pick(rng, words.SOURCE_WORDS[record.source]))
    elif rng.random() < 0.3:
        data["source"] = empty(rng)
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
        data["createdAt"] = ahead(record)
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
