"""The people by what they did: customers who come again, providers who answer, bookings that were handed on."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sandbox.simulator.times import DAY, MINUTE, local_date, zulu
from sandbox.simulator.truth.judgement import Judgement
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import (
    EARNING,
    ON_LINE,
    is_free,
    quantile,
    spans_of,
    text_of,
    was_accepted,
    was_answered,
    was_ignored,
)
from sandbox.simulator.world import Booking, Provider

MONTHS_AFTER = (1, 2, 3, 6)
FIRST_ZONE = 540  # where a month begins first
FEWEST_RATINGS = 3


def _by_customer(known: Known) -> dict[str, list[Booking]]:
    """Customers whose id is written somewhere, each with their bookings in the order they were made."""
    groups: dict[str, list[Booking]] = defaultdict(list)
    for booking in sorted(known.counted, key=lambda b: b.created):
        if booking.known_customer is not None:
            groups[booking.known_customer].append(booking)
    return groups


def customers(known: Known) -> dict[str, dict[str, Any]]:
    figures = {}
    for customer, bookings in sorted(_by_customer(known).items()):
        served = [b for b in bookings if b.status == "completed"]
        figures[customer] = {
            "first_booking_at": zulu(bookings[0].created),
            "last_booking_at": zulu(bookings[-1].created),
            "bookings": len(bookings),
            "completed": len(served),
            "spent_idr": sum(b.amount or 0 for b in served),
            "unknown_amounts": sum(b.amount is None for b in served),
            "first_source": bookings[0].source,
            "declined": sum(b.status == "declined" for b in bookings),
            "reassigned": sum(b.status == "reassigned" for b in bookings),
        }
    return figures


def customer_retention(known: Known) -> list[dict[str, Any]]:
    cohorts: Counter[int] = Counter()
    returned: Counter[tuple[int, int]] = Counter()
    for bookings in _by_customer(known).values():
        months = {_month(local_date(b.created, b.provider.offset)) for b in bookings}
        first = min(months)
        cohorts[first] += 1
        returned.update((first, month - first) for month in months)
    this_month = _month(local_date(known.now, FIRST_ZONE))
    return [
        {
            "cohort_month": f"{first // 12:04d}-{first % 12 + 1:02d}-01",
            "months_after": after,
            "customers": customers,
            "returned": returned[first, after] if first + after <= this_month else None,
        }
        for first, customers in sorted(cohorts.items())
        for after in MONTHS_AFTER
    ]


def _month(date: str) -> int:
    """Months since year 0."""
    return int(date[:4]) * 12 + int(date[5:7]) - 1


def providers(known: Known, judged: Judgement) -> dict[str, dict[str, Any]]:
    bookings: dict[str, list[Booking]] = defaultdict(list)
    ratings: dict[str, list[int]] = defaultdict(list)
    for booking in known.counted:
        bookings[booking.provider.id].append(booking)
    for review in known.simulation.reviews:
        if not review.booking.is_test:
            ratings[review.provider.id].append(review.rating)
    discipline = _discipline(known, judged)
    figures = {}
    for provider in known.simulation.providers:
        own, stars = bookings[provider.id], ratings[provider.id]
        seconds = [(b.known_responded - b.created) / 1000 for b in own if b.known_responded is not None]
        figures[provider.id] = {
            "requests": len(own),
            "answered": sum(map(was_answered, own)),
            "accepted": sum(map(was_accepted, own)),
            **{
                status: sum(b.status == status for b in own)
                for status in ("completed", "declined", "expired", "cancelled", "reassigned")
            },
            "decided": sum(was_accepted(b) or b.status in ("declined", "expired") for b in own),
            "unanswered": sum(was_ignored(b, known.now) for b in own),
            "responses": len(seconds),
            "p50_response_s": quantile(seconds, 0.5),
            "p95_response_s": quantile(seconds, 0.95),
            "ratings": len(stars),
            "rating": sum(stars) / len(stars) if len(stars) >= FEWEST_RATINGS else None,
            "booked_minutes": sum(b.known_minutes or 0 for b in own if b.status in EARNING),
            **_minutes(provider, own, known.now),
            **discipline[provider.id],
        }
    return figures


def _minutes(provider: Provider, own: list[Booking], now: int) -> dict[str, float]:
    """How long it was there and served, as every version of its row tells: since the first of them."""
    spans = spans_of(provider, now)
    since = spans[0][1] if spans else now
    served = 0
    for booking in own:
        if (
            booking.status in EARNING
            and booking.known_start is not None
            and booking.known_minutes is not None
        ):
            over = booking.known_start + booking.known_minutes * MINUTE
            served += max(0, min(over, now) - max(booking.known_start, since))
    there = sum(ended - begun for status, begun, ended in spans if status in ON_LINE)
    restricted = sum(ended - begun for status, begun, ended in spans if status == "RESTRICTED")
    return {
        "seen_minutes": (now - since) / MINUTE,
        "available_minutes": there / MINUTE,
        "booked_seen_minutes": served / MINUTE,
        "restricted_days": restricted / DAY,
    }


def _discipline(known: Known, judged: Judgement) -> dict[str, dict[str, int]]:
    """Of a provider's bookings, the own records that are paid: in time or not. And the fees of the live records that
    charge it, whosever bookings they are of."""
    figures = {
        provider.id: {"paid_in_time": 0, "paid_late": 0, "paid_undated": 0, "fees_idr": 0}
        for provider in known.simulation.providers
    }
    for record in judged.own.values():
        booking = known.booking_of(record)
        if booking is None or record.status != "paid" or booking.status not in EARNING:
            continue
        # of an unknown amount nobody can tell whether it was paid; a free booking is charged by mistake, if at all
        if booking.amount is None or (is_free(booking) and not known.charged(record)):
            continue
        due = known.due(record)
        if due is None or record.paid_at is None:
            figures[booking.provider.id]["paid_undated"] += 1
        else:
            figures[booking.provider.id]["paid_in_time" if record.paid_at <= due else "paid_late"] += 1
    for record in known.live:
        figures[record.provider.id]["fees_idr"] += record.fee or 0
    return figures


def reassignments(known: Known) -> list[dict[str, Any]]:
    """Each hand-over of a booking in its row, and each booking that took the place of one that ended reassigned."""
    rows = []
    for booking in known.counted:
        for number, hand_over in enumerate(booking.hand_overs):
            rows.append(
                {
                    "booking_id": booking.id,
                    "shape": "row",
                    "from_provider_id": hand_over.giver.id,
                    "to_provider_id": hand_over.taker.id,
                    "reassigned_at": zulu(hand_over.at),
                    "outcome": booking.status,
                    "said": booking.says_giver and number == len(booking.hand_overs) - 1,
                }
            )
    instead = {b.replaces: b for b in known.counted if b.replaces}
    for booking in known.counted:
        if booking.status == "reassigned":
            next_one = instead.get(booking.id)
            rows.append(
                {
                    "booking_id": booking.id,
                    "shape": "booking",
                    "from_provider_id": booking.provider.id,
                    "to_provider_id": next_one.provider.id if next_one else None,
                    "reassigned_at": None,
                    "outcome": next_one.status if next_one else None,
                    "said": next_one is not None and next_one.says_giver,
                }
            )
    return sorted(rows, key=lambda row: (row["booking_id"], row["reassigned_at"] or ""))


def provider_states(known: Known) -> dict[str, list[dict[str, str]]]:
    """Every status that was written of each, with the instant. Only a mirror that saw each version can know them."""
    return {
        provider.id: [
            {"at": text_of(at) or "", "status": status} for at, status in provider.statuses if at <= known.now
        ]
        for provider in known.simulation.providers
    }
