"""A commission record as bookwatch writes it: the money it charges, and the attributes that the app keeps it in.

Whether one is missing is found by the pipeline (docs/commission.md); its id is in operations.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from marketplace.aliases import ALIASES
from marketplace.app_rows import Has, Row, attribute, instant_like, like, value_at
from marketplace.commission import MILLION
from marketplace.policy import PolicyRule
from marketplace.statuses import UNKNOWN, CommissionStatus

_PERCENT: Final = 10_000
"""Millionths in a hundredth."""


def owed_idr(amount_idr: int, rate_ppm: int) -> int:
    """What a booking of an amount owes: whole rupiah, half up.

    >>> owed_idr(202_500, 300_000)
    60750
    """
    return (amount_idr * rate_ppm + MILLION // 2) // MILLION


def due_at(ends_at: datetime | None, rule: PolicyRule) -> datetime | None:
    """Until when it is to be paid: the end of the service and the policy's hours; None where that is not known."""
    return ends_at + rule.deadline if ends_at is not None else None


@dataclass(frozen=True)
class Charge:
    """What a record says. ``booking``: the reference that fits its booking alone. Instants are naive UTC, days local to
    the booking; amounts in rupiah, the rate in millionths."""

    booking: str
    provider_id: str
    provider_name: str | None
    amount_idr: int
    rate_ppm: int
    commission_idr: int
    deadline_at: datetime | None
    source: str
    booked_at: datetime
    starts_at: datetime | None
    offset_minutes: int
    made_at: datetime


def new_record(charge: Charge, has: Has, samples: Sequence[Row] = ()) -> dict[str, Any]:
    """The attributes of a new record, those only that the collection has: canonical names first, numbers, instants and
    the rate in the form the collection's newest records (``samples``) have them in."""
    at, offset = charge.made_at, charge.offset_minutes
    data: dict[str, Any] = {}

    def put(names: Sequence[str], value: Any) -> None:
        name = attribute(names, has)
        if name is not None and value is not None:
            data[name] = value

    def number(names: Sequence[str], value: int) -> None:
        name = attribute(names, has)
        if name is not None:
            data[name] = like(_sample(samples, name), value)

    def instant(name: str, value: datetime | None) -> None:
        if value is not None and has(name):
            data[name] = instant_like(_sample(samples, name), value, offset)

    put((*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"]), charge.booking)
    put(ALIASES["commission.provider_id"], charge.provider_id)
    put(ALIASES["commission.provider_name"], charge.provider_name)
    put(("bookingDate",), _day(charge.booked_at, offset).isoformat())
    put(("serviceDate",), _day(charge.starts_at, offset).isoformat() if charge.starts_at else None)
    number(ALIASES["commission.base"], charge.amount_idr)
    number(ALIASES["commission.commission"], charge.commission_idr)
    if has("commissionRate"):
        data["commissionRate"] = rate_like(_sample(samples, "commissionRate"), charge.rate_ppm)
    put(ALIASES["commission.status"], CommissionStatus.PENDING.value)
    put(("source",), charge.source if charge.source != UNKNOWN else None)
    instant("paymentDeadline", charge.deadline_at)
    instant("createdAt", at)
    return data


def rate_like(sample: object, rate_ppm: int) -> float | int | str:
    """A rate as a fraction, or as hundredths where the sample is one of those; text where that is text."""
    said = sample if isinstance(sample, int | float) and not isinstance(sample, bool) else None
    if said is not None and said > 1:
        whole, rest = divmod(rate_ppm, _PERCENT)
        return whole if not rest and isinstance(said, int) else rate_ppm / _PERCENT
    fraction = rate_ppm / MILLION
    return str(fraction) if isinstance(sample, str) else fraction


def fee_written(row: Row, fee_idr: int, commission_idr: int, has: Has) -> dict[str, Any]:
    """The attributes that say a record owes a late fee on top, of a record in rupiah."""
    data: dict[str, Any] = {}
    if has("reactivationFeeRequired"):
        data["reactivationFeeRequired"] = True
    for names, value in (
        (ALIASES["commission.fee"], fee_idr),
        (ALIASES["commission.due"], commission_idr + fee_idr),
    ):
        name = attribute(names, has, row)
        if name is not None:
            data[name] = like(value_at(row, name), value)
    return data


def amounts_written(row: Row, charge: Mapping[str, int], has: Has, fee_idr: int = 0) -> dict[str, Any]:
    """The attributes that say what a record charges (``base``, ``commission``, ``rate_ppm``), written wherever it says
    so now: an amount under two names is one amount."""
    data: dict[str, Any] = {}
    for meant in ("base", "commission"):
        names = ALIASES[f"commission.{meant}"]
        used = [name for name in names if value_at(row, name) not in (None, "")]
        for name in used or [name for name in [attribute(names, has)] if name is not None]:
            data[name] = like(value_at(row, name), charge[meant])
    for name in ALIASES["commission.due"]:
        if value_at(row, name) not in (None, ""):
            data[name] = like(value_at(row, name), charge["commission"] + fee_idr)
    for name in ALIASES["commission.fee"]:
        if fee_idr and value_at(row, name) not in (None, ""):
            data[name] = like(value_at(row, name), fee_idr)
    if has("commissionRate"):
        data["commissionRate"] = rate_like(value_at(row, "commissionRate"), charge["rate_ppm"])
    return data


def _sample(samples: Sequence[Row], name: str) -> Any:
    return next((row[name] for row in samples if row.get(name) not in (None, "")), None)


def _day(at: datetime, offset_minutes: int) -> date:
    return (at + timedelta(minutes=offset_minutes)).date()
