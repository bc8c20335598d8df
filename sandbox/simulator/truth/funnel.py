"""How far the bookings of a local day and source came, how long each step took, where the others went."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sandbox.simulator.times import local_date
from sandbox.simulator.truth.judgement import Judgement
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import (
    EARNING,
    is_collected,
    is_free,
    quantile,
    was_accepted,
    was_answered,
    was_ignored,
)
from sandbox.simulator.world import Booking, Record

STEPS = ("created", "answered", "accepted", "completed", "recorded", "paid")
LOST = (
    "declined", "unanswered", "expired_answered", "cancelled", "reassigned", "still_open", "unknown",
)  # fmt: skip
OTHERS = ("free", "record_unknown", "recorded_early", "paid_early")
TIMES = ("answer", "acceptance", "completion", "record", "payment")


def booking_funnel(known: Known, judged: Judgement) -> list[dict[str, Any]]:
    cohorts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    times: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: {step: [] for step in TIMES})
    for booking in known.counted:
        key = local_date(booking.created, booking.provider.offset), booking.source
        own = judged.own.get(booking.key)
        cohorts[key].update(_counts(known, judged, booking, own))
        for step, begun, ended in _moments(booking, own):
            if begun is not None and ended is not None and ended >= begun:
                times[key][step].append((ended - begun) / 1000)
    return [
        {
            "local_date": date,
            "source": source,
            **{name: cohort[name] for name in (*STEPS, *LOST, *OTHERS)},
            **{f"{step}_times": len(times[date, source][step]) for step in TIMES},
            **{f"p50_{step}_s": quantile(times[date, source][step], 0.5) for step in TIMES},
            **{f"p95_{step}_s": quantile(times[date, source][step], 0.95) for step in TIMES},
        }
        for (date, source), cohort in sorted(cohorts.items())
    ]


def _counts(known: Known, judged: Judgement, booking: Booking, own: Record | None) -> list[str]:
    """The columns that it counts in."""
    counts = ["created"]
    if was_answered(booking):
        counts.append("answered")
    if was_accepted(booking):
        counts.append("accepted")
    paid = own is not None and is_collected(own)
    if booking.status == "completed":
        counts.append("completed")
        counts += ["recorded"] if own else []
        counts += ["paid"] if paid else []
        counts += ["free"] if is_free(booking) else []
        counts += ["record_unknown"] if booking.key in judged.doubted else []
        return counts
    if booking.status in EARNING:
        counts += ["recorded_early"] if own else []
        counts += ["paid_early"] if paid else []
    return [*counts, _lost(known, booking)]


def _lost(known: Known, booking: Booking) -> str:
    if was_ignored(booking, known.now):
        return "unanswered"
    if booking.status == "expired":
        return "expired_answered"
    return "still_open" if booking.status in EARNING or booking.status == "pending" else booking.status


def _moments(booking: Booking, own: Record | None) -> list[tuple[str, int | None, int | None]]:
    """Each step with when it began and ended, as far as that is written."""
    moments: list[tuple[str, int | None, int | None]] = [
        ("answer", booking.created, booking.known_responded),
        ("acceptance", booking.created, booking.known_accepted),
    ]
    if booking.status != "completed":
        return moments
    moments.append(("completion", booking.known_accepted, booking.known_completed))
    if own is not None:
        since = booking.created if booking.known_accepted is None else booking.known_accepted
        moments.append(("record", since, own.created))
        if is_collected(own):
            came = own.verified_at if own.paid_at is None else own.paid_at
            moments.append(("payment", own.created, came))
    return moments
