"""What the planted mistakes make of a commission record. Which booking has which is plan.py's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import Chance, pick
from sandbox.simulator.shapes.amounts import half_up
from sandbox.simulator.terms import RATE_PPM
from sandbox.simulator.world import Booking, Provider


@dataclass(slots=True)
class Charge:
    """What a record is to say that it charges: rupiah, parts per million; None is not written.

    ``as_written``: both amounts as they stand in the row, where they are not to be believed.
    """

    provider: Provider
    source: str | None
    base: int | None
    commission: int | None
    rate: int | None
    in_thousands: bool = False
    as_written: tuple[float | None, float | None] | None = None
    findings: set[str] = field(default_factory=set)


def spoil(rng: Chance, charge: Charge, booking: Booking, base: int, marks: Mapping[str, str]) -> None:
    """Make the mistakes of these marks in a charge on ``base`` rupiah that is right so far."""
    charge.in_thousands = "unit_error" in marks
    if "wrong_rate" in marks:
        charge.rate = int(marks["wrong_rate"])
        charge.commission = half_up(base, charge.rate)
    _spoil_amounts(rng, charge, booking, base, marks.get("wrong_amount"))
    if marks.get("unit_error") == "no_base":
        charge.in_thousands, charge.base = False, None
        charge.commission = (charge.commission or 0) // 1000
    if marks.get("rate") == "float":
        charge.rate = RATE_PPM
    elif marks.get("rate") == "close":
        charge.rate = RATE_PPM + 1


def _spoil_amounts(rng: Chance, charge: Charge, booking: Booking, base: int, variant: str | None) -> None:
    commission = charge.commission or 0
    match variant:
        case "commission_off":
            charge.commission = half_up(base, RATE_PPM) + pick(rng, (5_000, -7_500, 1, -1, 12_345))
        case "commission_absent":
            charge.commission = None
        case "commission_zero":
            charge.commission = 0
        case "base_off":
            charge.base = base - pick(rng, (25_000, 1, 50_000))
        case "base_zero":
            charge.base = 0
        case "base_absent":
            charge.base, charge.commission = None, half_up(base, RATE_PPM) - 10_000
        case "rate_by_base":
            # a fifth too much at 25 %: the commission is right all the same
            charge.base, charge.rate = base * 6 // 5, 250_000
        case "free_record":
            charge.base, charge.commission = booking.price, half_up(booking.price, RATE_PPM)
        case "base_hundredths":
            charge.as_written, charge.findings = (base * 100, commission * 100), {"amount_implausible"}
            charge.base = charge.commission = None
        case "commission_hundredths":
            charge.as_written, charge.findings = (base, commission * 100), {"amount_implausible"}
            charge.commission = None
        case "currency":
            charge.as_written, charge.findings = (95, 28.5), {"amount_currency"}
            charge.base = charge.commission = None
        case _:
            pass


def give_back(rng: Chance, charge: Charge) -> None:
    """Turn a charge into a refund of all of it, or of a round part."""
    back = pick(rng, (25_000, 10_000, charge.commission or 0))
    charge.base = charge.rate = charge.source = None
    charge.commission = -back


def misdirect(
    rng: Chance, charge: Charge, booking: Booking, providers: Sequence[Provider], marks: Mapping[str, str]
) -> None:
    """Another provider, another source, where these marks say so."""
    if "wrong_provider" in marks:
        charge.provider = pick(rng, [p for p in providers if p is not charge.provider])
    if "source_mismatch" in marks:
        charge.source = pick(rng, [s for s in words.SOURCE_WORDS if s not in (booking.source, "unknown")])


def misrefer(
    rng: Chance, booking: Booking, role: str, marks: Mapping[str, str]
) -> tuple[str, str | None] | None:
    """bookingId and bookingDocId that lead nowhere, or to more than one; None where they are to be right."""
    if role == "orphan":
        reference = f"BK-LOST-{rng.getrandbits(32):08x}"
        both = booking.marks["orphan"] == "dangling_both"
        return reference, f"{rng.getrandbits(80):020x}" if both else None
    if role == "test":
        return f"BK-TEST-{rng.getrandbits(32):08x}", None
    if "ambiguous_reference" in marks:
        shared = marks["ambiguous_reference"] != "id_and_business"
        return (booking.business_id or booking.id) if shared else booking.id, None
    if "test_namesake" in marks:
        return booking.business_id or booking.id, None
    return None
