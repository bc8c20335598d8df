"""The money: what was booked, charged, paid, given back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sandbox.simulator.times import local_date
from sandbox.simulator.truth.judgement import Judgement
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import (
    EARNING,
    NOT_LIVE,
    RESTRICTED_AFTER,
    is_collected,
    is_refund,
    settled_at,
)
from sandbox.simulator.world import Booking, Provider


def summary(judged: Judgement) -> dict[str, Any]:
    tracked = judged.eligible["matched"] + judged.eligible["mismatched"]
    missing = judged.eligible["missing"]
    return {
        "eligible": sum(judged.eligible.values()),
        "tracked": tracked,
        "missing": missing,
        "awaiting": judged.eligible["awaiting"],
        "unknown": judged.eligible["unknown"],
        "free": judged.eligible["free"],
        "tracking_rate": 1.0 if tracked + missing == 0 else tracked / (tracked + missing),
        "state": "perfect" if missing == 0 else "warning" if missing == 1 else "critical",
        "expected_idr": sum(row["expected_idr"] or 0 for row in judged.rows),
        "actual_idr": sum(row["actual_idr"] or 0 for row in judged.rows),
    }


def revenue_daily(known: Known) -> dict[str, dict[str, int]]:
    days: dict[str, dict[str, int]] = {}

    def day(of: str) -> dict[str, int]:
        return days.setdefault(of, {"bookings": 0, "booked_idr": 0, "completed_idr": 0, "collected_idr": 0})

    for booking in known.counted:
        figures = day(local_date(booking.created, booking.provider.offset))
        figures["bookings"] += 1
        if booking.status in EARNING:
            figures["booked_idr"] += booking.amount or 0
        if booking.status == "completed":
            figures["completed_idr"] += booking.amount or 0
    for record in known.in_figures:
        if not is_collected(record):
            continue
        booking = known.booking_of(record)
        offset = booking.provider.offset if booking else record.provider.offset
        day(local_date(settled_at(record), offset))["collected_idr"] += known.charged(record) or 0
    return dict(sorted(days.items()))


def revenue_by_period(daily: Mapping[str, Mapping[str, int]], *, weekly: bool) -> dict[str, dict[str, int]]:
    """``revenue_daily`` by its weeks (their Mondays) or months (their first days)."""
    periods: dict[str, Counter[str]] = defaultdict(Counter)
    for text, figures in daily.items():
        day = date.fromisoformat(text)
        first = day - timedelta(days=day.weekday()) if weekly else day.replace(day=1)
        periods[first.isoformat()].update(figures)
    return {first: dict(sums) for first, sums in sorted(periods.items())}


def revenue_by_kind(known: Known) -> list[dict[str, Any]]:
    """As ``revenue_daily``; a booking of hotel_bookings is a hotel's, whoever carries it out; any other
    record is of the kind of whom it charges, as in the ledger."""
    days: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for booking in known.counted:
        day = days[local_date(booking.created, booking.provider.offset), _kind(booking, booking.provider)]
        day["bookings"] += 1
        day["booked_idr"] += (booking.amount or 0) if booking.status in EARNING else 0
        day["completed_idr"] += (booking.amount or 0) if booking.status == "completed" else 0
    for record in known.in_figures:
        if is_collected(record):
            booking = known.booking_of(record)
            offset = booking.provider.offset if booking else record.provider.offset
            key = local_date(settled_at(record), offset), _kind(booking, record.provider)
            days[key]["collected_idr"] += known.charged(record) or 0
    columns = ("bookings", "booked_idr", "completed_idr", "collected_idr")
    return [
        {"local_date": day, "kind": kind, **{column: sums[column] for column in columns}}
        for (day, kind), sums in sorted(days.items())
    ]


def _kind(booking: Booking | None, provider: Provider) -> str:
    return "hotel" if booking is not None and booking.table == "hotel_bookings" else provider.kind


def discounts(known: Known) -> list[dict[str, Any]]:
    """What discount codes gave on bookings that earn, by local day of creation."""
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for booking in known.counted:
        if booking.status not in EARNING:
            continue
        day = days[local_date(booking.created, booking.provider.offset)]
        day["bookings"] += 1
        if not booking.discounted:
            continue
        day["discounted"] += 1
        day["free"] += booking.amount == 0
        if booking.before is not None and booking.amount is not None:
            day["known"] += 1
            day["before_idr"] += booking.before
            day["after_idr"] += booking.amount
    columns = ("bookings", "discounted", "free", "known", "before_idr", "after_idr")
    return [
        {"local_date": day, **{column: sums[column] for column in columns}}
        for day, sums in sorted(days.items())
    ]


def ledger(known: Known) -> list[dict[str, Any]]:
    """The account of each provider: what its records charge, what was paid, what was taken back, by local month."""
    moved: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for record in known.in_figures:
        booking = known.booking_of(record)
        offset = (booking or record).provider.offset
        charged, fee = known.charged(record) or 0, record.fee or 0

        def enter(day: str, column: str, amount: int, provider: str = record.provider.id) -> None:
            moved[provider, day[:7] + "-01"][column] += amount

        if is_refund(record):
            if is_collected(record):
                enter(local_date(settled_at(record), offset), "paid_idr", charged)
            continue
        accrued = record.created
        if booking is not None:
            accrued = booking.created if booking.known_accepted is None else booking.known_accepted
        first = local_date(accrued, offset)
        enter(first, "accrued_idr", charged)
        paid = is_collected(record) or (record.status in NOT_LIVE and record.paid_at is not None)
        # the word paid settles the fee too; a payment under a word nobody knows is the commission's
        fee_paid = fee if record.status != "unknown" else 0
        settled = settled_at(record)
        changed = record.created if record.changed is None else record.changed
        fee_day = first
        if fee:
            due = known.due(record)
            since = changed if due is None else due + RESTRICTED_AFTER
            since = record.restricted if record.restricted is not None else since
            fee_day = max(first, local_date(min(since, changed, settled if paid else changed), offset))
            enter(fee_day, "fees_idr", fee)
        if paid:
            first = max(first, local_date(settled, offset))
            enter(local_date(settled, offset), "paid_idr", charged + fee_paid)
        if record.status in NOT_LIVE:
            back = max(first, local_date(changed, offset))
            enter(back, "reversed_idr", charged)
            enter(max(back, fee_day), "reversed_idr", fee)
            if paid:
                enter(back, "paid_idr", -charged)
                enter(max(back, fee_day), "paid_idr", -fee)
    rows = []
    closing: Counter[str] = Counter()
    for (provider, month), sums in sorted(moved.items()):
        closing[provider] += sums["accrued_idr"] + sums["fees_idr"] - sums["paid_idr"] - sums["reversed_idr"]
        columns = ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
        rows.append(
            {"provider_id": provider, "local_month": month}
            | {column: sums[column] for column in columns}
            | {"closing_idr": closing[provider]}
        )
    return rows


def open_amounts(known: Known) -> dict[str, int]:
    owed: Counter[str] = Counter()
    for record in known.live:
        if not is_collected(record):
            owed[record.provider.id] += (known.charged(record) or 0) + (record.fee or 0)
        elif record.status == "unknown":
            owed[record.provider.id] += record.fee or 0
    return dict(sorted(owed.items()))


def refunded_amounts(known: Known) -> dict[str, int]:
    back: Counter[str] = Counter()
    for record in known.in_figures:
        if is_refund(record) and is_collected(record):
            back[record.provider.id] -= record.commission or 0
    return dict(sorted(back.items()))
