"""What is unusual is told with since when, what is quiet by habit is not, what cannot be told is unknown."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from checks.unusual import CHECKS
from marketplace.expectation import LENGTH, Hours, judge
from marketplace.unusual import ARRIVING, SERIES, Side
from tests.marts.warehouse import Warehouse

#: A Saturday, 20:10 in Bali.
EVENING = datetime(2026, 9, 12, 12, 10)
#: Its morning, 04:10 in Bali.
MORNING = datetime(2026, 9, 11, 20, 10)
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


def world(now: datetime, *, weeks: int = 8, until: datetime | None = None) -> Warehouse:
    """Twelve bookings in each hour from 16:00 to 23:00 and one in every other, an even time apart: ``weeks`` of them
    that end at ``until``, by the menu; and by the chat window one each hour."""
    w = Warehouse(now)
    rows: list[tuple[object, ...]] = []
    at = (now - weeks * WEEK - 24 * HOUR).replace(minute=0)
    while at <= now:
        evening = 16 <= (at + 8 * HOUR).hour < 23
        rows += [
            (f"b{len(rows) + i}", moment, "menuSlider")
            for i in range(12 if evening else 1)
            if (moment := at + timedelta(minutes=5 * i + 2)) <= (until or now)
        ]
        if at + timedelta(minutes=1) <= now:
            rows.append((f"c{len(rows)}", at + timedelta(minutes=1), "chatWindow"))
        at += HOUR
    w.booking("x", created_at=now - timedelta(days=100))
    w.con.register("made", pl.DataFrame(rows, schema=["id", "made_at", "source"], orient="row"))
    w.con.execute(
        "INSERT INTO core.bookings SELECT b.* REPLACE (made.id AS booking_id, made.made_at AS created_at,"
        " made.source AS source) FROM core.bookings AS b, made"
    )
    w.con.execute("DELETE FROM core.bookings WHERE booking_id = 'x'")
    return w


def hours(w: Warehouse, series: str = "bookings") -> dict[str, dict[str, object]]:
    """The open hour of a series by source."""
    w.stand("unusual")
    found = w.rows(f"FROM marts.unusual WHERE series = '{series}' AND is_open")
    return {str(row["source"]): row for row in found}


def test_an_entry_point_that_is_silent_on_a_saturday_evening_is_told_within_minutes() -> None:
    silent_from = EVENING - timedelta(minutes=65)
    told = hours(world(EVENING, until=silent_from))
    menu = told["menuSlider"]
    assert (menu["state"], menu["figure"]) == ("unusual", 0)
    assert menu["since"] == EVENING - timedelta(minutes=68)
    assert menu["expected"] == pytest.approx(13.2, rel=0.15)
    assert menu["likelihood"] < 1e-4
    assert told["chatWindow"]["state"] == "usual"


def test_the_same_silence_on_a_quiet_morning_is_not_told() -> None:
    told = hours(world(MORNING, until=MORNING - timedelta(minutes=65)))
    assert {row["state"] for row in told.values()} == {"usual"}


def test_a_holiday_is_unknown_and_no_week_to_expect_anything_from() -> None:
    """The 25th of August 2026, the Prophet's birthday, and a Tuesday after it."""
    holiday = datetime(2026, 8, 25, 12, 10)
    menu = hours(world(holiday, until=holiday - timedelta(minutes=65)))["menuSlider"]
    assert (menu["state"], menu["why"], menu["figure"], menu["since"]) == ("unknown", "holiday", 0, None)
    assert (menu["expected"], menu["likelihood"]) == (None, None)
    w = world(holiday + WEEK)
    w.con.execute(
        "DELETE FROM core.bookings WHERE source = 'menuSlider' AND (created_at + INTERVAL 8 HOUR)::DATE = '2026-08-25'"
    )
    assert hours(w)["menuSlider"]["expected"] == pytest.approx(12 / 6, rel=0.02)


@pytest.mark.parametrize(("weeks", "state"), [(3, "unknown"), (4, "unusual")])
def test_under_four_weeks_of_history_are_unknown(weeks: int, state: str) -> None:
    told = hours(world(EVENING, weeks=weeks, until=EVENING - timedelta(minutes=95)))["menuSlider"]
    assert told["state"] == state
    assert told["why"] == ("history" if state == "unknown" else None)


def test_what_was_not_read_until_lately_is_unknown_and_stays_known_to_have_been_unusual() -> None:
    w = world(EVENING, until=EVENING - timedelta(minutes=125))
    read = EVENING - timedelta(minutes=30)
    w.scan("bookings", at=read)
    menu = hours(w)["menuSlider"]
    assert (menu["state"], menu["why"], menu["figure"]) == ("unknown", "unread", None)
    assert menu["since"] == EVENING - timedelta(minutes=128)
    assert hours(w, "messages")["all"]["why"] == "history"


def test_a_series_whose_zones_or_collection_were_never_read_to_their_end_is_unknown() -> None:
    w = world(EVENING, until=EVENING - timedelta(minutes=125))
    w.begun("therapists")
    assert {(row["state"], row["why"]) for row in hours(w).values()} == {("unknown", "unread")}
    w = Warehouse(EVENING, scanned=False)
    told = w.build(["unusual"])
    assert told.rows["unusual"] == len(SERIES) - 1 + len(ARRIVING)
    assert {row["why"] for row in w.rows("FROM marts.unusual")} == {"unread"}


def _told(w: Warehouse) -> dict[str, tuple[bool, int]]:
    """Check of bookings → whether it passed, and how many sentences it says."""
    found = (check.run(w.con) for check in CHECKS if "bookings" in check.name or "entry" in check.name)
    return {result.check_name: (result.passed, len(result.found)) for result in found}


def test_what_cannot_be_told_is_said_by_every_check_it_belongs_to() -> None:
    """Whatever was counted in the hour: with none in it, it would be the silence's alone and the others look fine."""
    holiday = datetime(2026, 8, 25, 12, 10)
    w = world(holiday, until=holiday - timedelta(minutes=65))
    w.stand("unusual")
    entry_points = len(w.rows("FROM marts.unusual WHERE series = 'bookings' AND is_open")) - 1
    w.con.execute("DELETE FROM marts.unusual WHERE series = 'bookings' AND source = 'chatWindow'")
    w.con.execute("UPDATE marts.unusual SET figure = 0 WHERE series = 'bookings' AND source = 'all'")
    assert _told(w) == {
        "bookings_silent": (True, 1),
        "unusual_bookings": (True, 1),
        "unusual_entry_points": (True, entry_points - 1),
    }
    unread = Warehouse(EVENING, scanned=False)
    unread.build(["unusual"])
    assert {said for _, said in _told(unread).values()} == {1}


def test_what_changes_with_the_clock_alone_is_no_change() -> None:
    w = world(EVENING)
    w.build(["unusual"])
    w.now = EVENING + timedelta(minutes=1)
    assert w.build(["unusual"]).changed == frozenset()


def day_and_night(rng: np.random.Generator, level: float) -> np.ndarray:
    """Counts by the hour, fewer at night."""
    hour = np.arange(LENGTH) % 24
    return rng.poisson(level * np.where(hour < 6, 0.15, 1.2)).astype(float)


def series(counts: np.ndarray, hits: np.ndarray | None = None) -> Hours:
    came = np.where(counts > 0, np.arange(LENGTH), np.nan)
    return Hours(counts, hits, came + 0.1, came + 0.9, np.ones(LENGTH, dtype=bool), 1.0)


def test_acceptance_that_halves_is_told_within_a_day_and_since_about_then() -> None:
    rng = np.random.default_rng(3)
    requests = day_and_night(rng, 10)
    begins = LENGTH - 24
    share = np.where(np.arange(LENGTH) >= begins, 0.4, 0.8)
    told = judge(
        series(requests, rng.binomial(requests.astype(int), share).astype(float)), side=Side.LOW, silent=1e-6
    )
    first = next(one for one in told if one.state == "unusual")
    assert begins < first.hour < begins + 24
    assert first.since is not None
    assert abs(first.since - begins) <= 6
    assert not [one for one in told if one.state == "unusual" and one.hour < begins]
    assert told[-1].since is not None
    assert begins - 6 <= told[-1].since <= first.since


def test_a_month_of_chance_is_usual_and_what_comes_in_bursts_too() -> None:
    rng = np.random.default_rng(11)
    for clump in (1, 8):
        told = judge(series(day_and_night(rng, 10) * clump), side=Side.BOTH, silent=4e-5)
        assert {one.state for one in told} == {"usual"}


def test_what_never_came_may_come_once() -> None:
    counts = np.zeros(LENGTH)
    counts[[0, LENGTH - 1]] = 1
    told = judge(series(counts), side=Side.BOTH, silent=4e-5)
    assert told[-1].state == "usual"
