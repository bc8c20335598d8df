"""The bookings by what was asked for: sources, hours, doubles, overlaps."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sandbox.simulator.times import DAY, HOUR, MINUTE, local_date, local_hour, local_weekday
from sandbox.simulator.truth.judgement import Judgement
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import EARNING, ON_LINE, end_of, spans_of, was_accepted, was_ignored
from sandbox.simulator.world import Booking


def source_conversion(known: Known, judged: Judgement) -> list[dict[str, Any]]:
    cohorts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for booking in known.counted:
        cohort = cohorts[local_date(booking.created, booking.provider.offset), booking.source]
        cohort["created"] += 1
        cohort["accepted"] += was_accepted(booking)
        for status in ("completed", "declined", "expired", "cancelled"):
            cohort[status] += booking.status == status
        if booking.status in EARNING:
            cohort["booked_idr"] += booking.amount or 0
        if booking.status == "completed":
            cohort["completed_idr"] += booking.amount or 0
        cohort["commissions"] += booking.key in judged.tracked_bookings
    columns = (
        "created", "accepted", "completed", "declined", "expired", "cancelled", "booked_idr",
        "completed_idr", "commissions",
    )  # fmt: skip
    return [
        {"local_date": date, "source": source, **{column: cohort[column] for column in columns}}
        for (date, source), cohort in sorted(cohorts.items())
    ]


def peak_hours(known: Known) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, int, int]] = Counter()
    for booking in known.counted:
        offset = booking.provider.offset
        for basis, moment in (("created", booking.created), ("starts", booking.known_start)):
            if moment is not None and known.now - 56 * DAY <= moment <= known.now:
                counts[basis, local_weekday(moment, offset), local_hour(moment, offset)] += 1
    return [
        {"basis": basis, "weekday": weekday, "hour": hour, "bookings": bookings}
        for (basis, weekday, hour), bookings in sorted(counts.items())
    ]


def capacity(known: Known) -> list[dict[str, Any]]:
    """By local hour of creation and the provider's city: what was asked for, and how many providers there were at one
    moment of it at least."""
    hours: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for booking in known.counted:
        hour = hours[_hour(booking.created, booking.provider.offset), booking.provider.city]
        hour["requests"] += 1
        hour["accepted"] += was_accepted(booking)
        hour["unanswered"] += was_ignored(booking, known.now)
    for provider in known.simulation.providers:
        there: dict[str, set[int]] = {"seen": set(), "online": set(), "busy": set()}
        for status, begun, ended in spans_of(provider, known.now):
            # on the hour is on the hour in every zone
            reached = range(begun // HOUR, (ended - 1) // HOUR + 1)
            there["seen"].update(reached)
            if status in ON_LINE:
                there["online"].update(reached)
            if status == "BUSY":
                there["busy"].update(reached)
        for name, reached in there.items():
            for number in reached:
                hours[_hour(number * HOUR, provider.offset), provider.city][f"providers_{name}"] += 1
    counts = ("requests", "accepted", "unanswered", "providers_seen", "providers_online", "providers_busy")
    return [
        {"local_hour": moment, "city": city, **{name: hour[name] for name in counts}}
        for (moment, city), hour in sorted(hours.items())
    ]


def _hour(at: int, offset: int) -> str:
    return f"{local_date(at, offset)}T{local_hour(at, offset):02d}:00:00"


def duplicate_bookings(known: Known) -> list[list[str]]:
    """Pairs of one customer and provider within five minutes, neither cancelled, earlier one first."""
    groups: dict[tuple[str, str], list[Booking]] = defaultdict(list)
    for booking in known.counted:
        if booking.status == "cancelled":
            continue
        who = f"c:{booking.known_customer}" if booking.known_customer else None
        if who is None and booking.known_phone:
            who = f"p:{booking.known_phone}"
        if who is not None:
            groups[who, booking.provider.id].append(booking)
    pairs = []
    for group in groups.values():
        group.sort(key=lambda b: b.created)
        for number, first in enumerate(group):
            for second in group[number + 1 :]:
                if second.created - first.created > 5 * MINUTE:
                    break
                pairs.append([first.id, second.id])
    return sorted(pairs)


def overlapping_bookings(known: Known) -> list[str]:
    """Those of a therapist that earn and overlap, in half-open intervals. A place may serve several at once."""
    by_therapist: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for booking in known.counted:
        ended = end_of(booking)
        if booking.status not in EARNING or booking.known_start is None or ended is None:
            continue
        if booking.provider.kind == "therapist" and ended > booking.known_start:
            by_therapist[booking.provider.id].append((booking.known_start, ended, booking.id))
    found: set[str] = set()
    for times in by_therapist.values():
        times.sort()
        busy: list[tuple[int, int, str]] = []
        for begun, ended, booking_id in times:
            busy = [other for other in busy if other[1] > begun]
            if busy:
                found.update((booking_id, *(other[2] for other in busy)))
            busy.append((begun, ended, booking_id))
    return sorted(found)
