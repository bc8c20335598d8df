"""How often marts.unusual is wrong and how late it is right, on simulated seeds: false alarms in 30 days over all
series, bookings lost before an outage is told, hours before a halving of acceptance is.

    python -m benchmarks.unusual --seeds 20

The events of the simulator are counted by the hour as the step unusual_hours counts core's rows, and judged by the
functions that the mart is made with, as runs would see them: at the end of each hour, and in between wherever a silence
has grown long. The outage is planted by leaving out an entry point's bookings, the halving by turning answers around.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np

from marketplace.expectation import LENGTH, Hours, Judged, judge
from marketplace.unusual import ARRIVING, SERIES, is_holiday
from sandbox.simulator import Simulation

UNTIL = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HISTORY_DAYS, WATCHED_DAYS = 56, 30
HOUR_MS = 3_600_000
#: Of the zone in which holidays are days: Bali's.
OFFSET = timedelta(hours=8)
#: A run looks this often.
MINUTE_MS = 60_000
_ALL = "all"


@dataclass
class Things:
    """The instants (ms) of a series in order, and of a share which of them are hits."""

    at: list[int] = field(default_factory=list)
    hit: list[bool] = field(default_factory=list)

    def add(self, at: int | None, hit: bool = True) -> None:
        if at is not None:
            self.at.append(at)
            self.hit.append(hit)

    def in_order(self) -> Things:
        order = sorted(range(len(self.at)), key=self.at.__getitem__)
        return Things([self.at[i] for i in order], [self.hit[i] for i in order])

    def without(self, begin: int) -> Things:
        """Nothing comes from an instant on."""
        cut = bisect_left(self.at, begin)
        return Things(self.at[:cut], self.hit[:cut])

    def halved(self, begin: int, seed: int) -> Things:
        """From an instant on every other hit is none."""
        rng = Random(seed)
        return Things(
            self.at,
            [hit and (at < begin or rng.random() < 0.5) for at, hit in zip(self.at, self.hit, strict=True)],
        )


def events_of(seed: int, rate: float) -> dict[tuple[str, str], Things]:
    """Series and source → its things."""
    simulation = Simulation(seed, HISTORY_DAYS + WATCHED_DAYS + 1, UNTIL, bookings_per_day=rate)
    found: dict[tuple[str, str], Things] = defaultdict(Things)
    cancelled: dict[str, int] = {}
    for event in simulation.run_until(UNTIL):
        at = round(event.at.timestamp() * 1000)
        if event.kind == "create" and event.table in ARRIVING:
            found["rows", event.table].add(at)
            if event.table == "chat_messages":
                found["messages", _ALL].add(at)
        if "cancelledAt" in event.data:
            cancelled[event.row_id] = at
    end = round(UNTIL.timestamp() * 1000)
    answers: list[tuple[int, int]] = []
    for booking in simulation.bookings.values():
        if booking.is_test or booking.quarantined or booking.deleted is not None:
            continue
        found["bookings", booking.source].add(booking.created)
        found["bookings", _ALL].add(booking.created)
        if booking.known_responded is not None and booking.created <= booking.known_responded <= end:
            answers.append((booking.created, booking.known_responded - booking.created))
        if booking.status in ("accepted", "confirmed", "completed") or booking.known_accepted:
            found["acceptance", _ALL].add(booking.created, True)
        elif booking.status in ("declined", "expired") or (
            booking.status == "pending"
            and booking.known_deadline is not None
            and booking.known_deadline < end
        ):
            found["acceptance", _ALL].add(booking.created, False)
        if booking.status == "completed":
            found["cancellation", _ALL].add(booking.known_completed, False)
        elif booking.status == "cancelled":
            found["cancellation", _ALL].add(cancelled.get(booking.id), True)
    usual = statistics.median(length for _, length in answers)
    for created, length in answers:
        found["response_time", _ALL].add(created, length > usual)
    for one in simulation.notifications:
        found["delivery", _ALL].add(one.sent, one.delivered is not None)
    for record in simulation.records.values():
        if record.is_test or record.quarantined or record.deleted is not None or record.paid_at is None:
            continue
        found["payments", _ALL].add(max(record.paid_at, record.verified_at or 0))
    return {key: things.in_order() for key, things in found.items()}


def hours_at(things: Things, *, shares: bool, now: int) -> Hours:
    """A series as a run at ``now`` (ms) counts it by the hour."""
    open_hour = now - now % HOUR_MS
    begin = open_hour - (LENGTH - 1) * HOUR_MS
    low, high = bisect_left(things.at, begin), bisect_right(things.at, now)
    at = (np.asarray(things.at[low:high], dtype=float) - begin) / HOUR_MS
    hour = at.astype(int)
    first, last = np.full(LENGTH, np.nan), np.full(LENGTH, np.nan)
    first[hour[::-1]] = at[::-1]
    last[hour] = at
    known_from = math.floor((things.at[0] - begin) / HOUR_MS) if things.at else LENGTH
    starts = [datetime.fromtimestamp((begin + i * HOUR_MS) / 1000, tz=UTC) for i in range(LENGTH)]
    ordinary = np.array([i >= known_from and not _holiday(start) for i, start in enumerate(starts)])
    return Hours(
        counts=np.bincount(hour, minlength=LENGTH).astype(float),
        hits=np.bincount(hour, things.hit[low:high], minlength=LENGTH).astype(float) if shares else None,
        first=first,
        last=last,
        ordinary=ordinary,
        part=(now - open_hour) / HOUR_MS,
    )


_HOLIDAYS: dict[Any, bool] = {}


def _holiday(start: datetime) -> bool:
    day = (start + OFFSET).date()
    if day not in _HOLIDAYS:
        _HOLIDAYS[day] = is_holiday(day)
    return _HOLIDAYS[day]


def newest(series: str, things: Things, now: int) -> Judged:
    """What a run at an instant says of the open hour."""
    one = SERIES[series]
    at = now - round(one.allowance.total_seconds() * 1000)
    return judge(hours_at(things, shares=one.shares, now=at), side=one.side, silent=one.silent)[-1]


def alarms(series: str, things: Things, begin: int, end: int) -> list[str]:
    """Each time a series becomes unusual between two instants. Every hour is looked at when it is over,
    which tells of every silence that went on at its beginning or end; the fifteen in whose first quarter most came also
    then, and the fifteen longest silences within an hour a second before they end."""
    one = SERIES[series]
    late = round(one.allowance.total_seconds() * 1000)
    states: dict[int, Judged] = {}
    day = 24 * HOUR_MS
    for now in range(begin - begin % HOUR_MS + day, end + 1, day):
        # The hour that opens then has nothing in it yet: those before it are whole.
        judged = judge(hours_at(things, shares=one.shares, now=now), side=one.side, silent=one.silent)
        for i, hour in enumerate(judged[-25:-1]):
            states[now - day + i * HOUR_MS + HOUR_MS - 1] = hour
    quarter = HOUR_MS // 4
    came = {
        hour - HOUR_MS + 1: bisect_right(things.at, hour - HOUR_MS + quarter)
        - bisect_left(things.at, hour - HOUR_MS)
        for hour in states
    }
    looks = [begun + quarter for begun in sorted(came, key=came.__getitem__)[-15:]]
    if not one.shares:
        low, high = bisect_left(things.at, begin), bisect_right(things.at, end)
        gaps = zip(things.at[low:high], things.at[low + 1 : high], strict=False)
        within = (gap for gap in gaps if gap[0] // HOUR_MS == gap[1] // HOUR_MS)
        longest = sorted(((after - before, after) for before, after in within), reverse=True)[:15]
        looks += [after - 1000 for _, after in longest]
    for look in looks:
        states[look] = newest(series, things, look + late)
    told: list[str] = []
    before = False
    for look in sorted(states):
        judged = states[look]
        if judged.state == "unusual" and not before and judged.seen is not None:
            at = datetime.fromtimestamp(look / 1000, tz=UTC)
            seen = judged.seen
            told.append(
                f"{at:%m-%d %H:%M} {seen.figure:.3g} of {seen.expected:.3g} [{seen.low:.3g}, {seen.high:.3g}]"
                f" p={seen.likelihood:.1e}"
            )
        before = judged.state == "unusual" or (before and judged.state == "unknown")
    return told


def outage(things: Things, begin: int, *, until: int) -> tuple[float, float] | None:
    """Minutes and expected bookings from the begin of an outage until a run each minute tells of it."""
    silent = things.without(begin)

    def told(now: int) -> bool:
        return newest("bookings", silent, now).state == "unusual"

    for hour in range(begin, until, HOUR_MS):
        if told(hour):
            now = next(now for now in range(hour - HOUR_MS, hour + 1, MINUTE_MS) if told(now))
            return (now - begin) / MINUTE_MS, _expected(things, begin, now)
    return None


def _expected(things: Things, begin: int, end: int) -> float:
    """Bookings that would have come: the mean of what came in the eight weeks before, at the same times."""
    week = 7 * 24 * HOUR_MS
    return (
        sum(
            bisect_left(things.at, end - k * week) - bisect_left(things.at, begin - k * week)
            for k in range(1, 9)
        )
        / 8
    )


@dataclass
class Measured:
    """Of one seed."""

    seed: int
    false_alarms: list[str]
    lost: dict[str, float | None]
    minutes: dict[str, float | None]
    halving_hours: float | None
    seconds: float


def measure(seed: int, rate: float) -> Measured:
    started = time.perf_counter()
    found = events_of(seed, rate)
    # The last hours of a simulation are livelier than its history.
    end = round(UNTIL.timestamp() * 1000) - HOUR_MS
    end -= end % HOUR_MS
    begin = end - WATCHED_DAYS * 24 * HOUR_MS
    false = [
        f"{series} {source}: {told}"
        for (series, source), things in sorted(found.items())
        for told in alarms(series, things, begin, end)
    ]
    lost: dict[str, float | None] = {}
    minutes: dict[str, float | None] = {}
    # Saturday the 7th of November, 19:40 in Bali.
    planted = round(datetime(2026, 11, 7, 11, 40, tzinfo=UTC).timestamp() * 1000)
    for (series, source), things in sorted(found.items()):
        if series == "bookings" and source != "unknown":
            told = outage(things, planted, until=planted + 48 * HOUR_MS)
            minutes[source], lost[source] = told or (None, None)
    answers = found["acceptance", _ALL].halved(planted, seed)
    halving = next(
        (
            hours
            for hours in range(1, 49)
            if newest("acceptance", answers, planted + hours * HOUR_MS).state == "unusual"
        ),
        None,
    )
    return Measured(seed, false, lost, minutes, halving, time.perf_counter() - started)


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--seeds", type=int, default=20, help="1 to so many")
    asked.add_argument("--first", type=int, default=1)
    asked.add_argument("--rate", type=float, default=250, help="bookings a day")
    asked.add_argument("--processes", type=int, default=1)
    given = asked.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    every: list[Measured] = []
    with ProcessPoolExecutor(given.processes) as pool:
        for one in pool.map(measure, seeds, [given.rate] * len(seeds)):
            every.append(one)
            print(json.dumps(one.__dict__), flush=True)
    alarms_a_seed = [len(one.false_alarms) for one in every]
    late = [lost for one in every for lost in one.lost.values()]
    halvings = [one.halving_hours for one in every]
    print(
        json.dumps(
            {
                "seeds": len(every),
                "false_alarms_mean": statistics.mean(alarms_a_seed),
                "false_alarms_most": max(alarms_a_seed),
                "outages": len(late),
                "never_told": late.count(None),
                "lost_most": max((lost for lost in late if lost is not None), default=None),
                "lost_median": statistics.median(lost for lost in late if lost is not None),
                "halving_hours_most": max((h for h in halvings if h is not None), default=None),
                "halving_never_told": halvings.count(None),
            }
        )
    )


if __name__ == "__main__":
    main()
