"""Events: order, determinism, resumability, columns, references, rhythm, live time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from sandbox.simulator import TABLES, Simulation, truth
from tests.simulator.world import SEEDS, UNTIL, replay, world

BALI = ZoneInfo("Asia/Makassar")


def test_the_same_seed_gives_the_same_events_and_another_gives_others() -> None:
    again = list(Simulation(7, 6, UNTIL).run_until(UNTIL))
    assert again == world(7).events
    assert again != world(11).events
    assert truth(_run(7, 2)) == truth(_run(7, 2))


def _run(seed: int, days: int, until: datetime = UNTIL, **options: float) -> Simulation:
    simulation = Simulation(seed, days, until, **options)  # type: ignore[arg-type] - options of several types
    for _ in simulation.run_until(until):
        pass
    return simulation


def test_running_in_steps_gives_the_same_events_as_running_at_once() -> None:
    simulation = Simulation(7, 6, UNTIL)
    events = []
    for hours in (140, 100, 33.333, 1, 0):
        events += list(simulation.run_until(UNTIL - timedelta(hours=hours)))
    assert events == world(7).events
    assert list(simulation.run_until(UNTIL)) == []


def test_an_iteration_that_was_broken_off_is_taken_up_where_it_stopped() -> None:
    simulation = Simulation(7, 2, UNTIL)
    events = []
    for event in simulation.run_until(UNTIL):
        events.append(event)
        if len(events) == 1234:
            break
    events += list(simulation.run_until(UNTIL))
    assert events == list(Simulation(7, 2, UNTIL).run_until(UNTIL))


def test_events_are_in_order_of_time_inside_the_days_in_whole_milliseconds() -> None:
    events = world(7).events
    assert all(a.at <= b.at for a, b in pairwise(events))
    assert UNTIL - timedelta(days=6) <= events[0].at
    assert events[-1].at <= UNTIL
    assert all(event.at.microsecond % 1000 == 0 and event.at.tzinfo == UTC for event in events[::100])


@pytest.mark.parametrize("seed", SEEDS)
def test_every_value_fits_its_column(seed: int) -> None:
    columns = {table: {c.key: c for c in cs} for table, cs in TABLES.items()}
    misfits = Counter(
        (event.table, key, type(value).__name__)
        for event in world(seed).events
        for key, value in event.data.items()
        if key not in columns[event.table] or not columns[event.table][key].fits(value)
    )
    assert not misfits


def test_required_columns_are_written_at_creation() -> None:
    required = {table: [c.key for c in cs if c.required] for table, cs in TABLES.items()}
    for event in world(7).events:
        if event.kind == "create":
            assert all(event.data.get(key) is not None for key in required[event.table])


def test_every_table_could_be_made_in_a_real_appwrite() -> None:
    for table, columns in TABLES.items():
        keys = [c.key.lower() for c in columns]
        assert len(keys) == len(set(keys)), table
        assert sum((c.size or 0) * 4 + 3 for c in columns if c.kind == "varchar") < 60_000, table


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_not_planted_refers_to_rows_that_exist(seed: int) -> None:
    made = world(seed)
    tables = made.tables
    bookings = {**tables["bookings"], **tables["hotel_bookings"]}
    written = {row.get("bookingId") for t in ("bookings", "hotel_bookings") for row in tables[t].values()}
    keys = (set(bookings) | written) - {None}
    recased = set(made.truth["data_findings"]["reference_case"])
    deleted = {id_ for c in made.truth["counts"].values() for id_ in c["deleted"]}
    for room in tables["chat_rooms"].values():
        assert room["bookingId"] in bookings or room["bookingId"] in deleted
        assert room["customerId"] in tables["users"]
    for id_, message in tables["chat_messages"].items():
        room = str(message.get("conversationId") or message.get("roomId"))
        assert (room in tables["chat_rooms"]) != (id_ in recased)
        assert room in tables["chat_rooms"] or room.swapcase() in tables["chat_rooms"]
    orphans = {entry["commission_id"] for entry in made.truth["findings"]["orphan"]}
    for id_, row in tables["commission_records"].items():
        known = row.get("bookingId") in keys or row.get("bookingDocId") in keys
        known |= id_ in recased and str(row["bookingId"]).swapcase() in keys
        assert known != (id_ in orphans) or row.get("isTest"), id_


def test_few_bookings_at_night_and_more_in_the_evening() -> None:
    made = world(7)
    hours = Counter(b.created // 3_600_000 % 24 for b in made.simulation.bookings.values())
    local = {(hour + 8) % 24: count for hour, count in hours.items()}
    assert sum(local.get(h, 0) for h in range(6)) < 0.06 * sum(local.values())
    assert sum(local[h] for h in range(17, 21)) > sum(local[h] for h in range(8, 12))


def test_live_time_brings_a_booking_every_few_minutes_also_at_night_and_plants_nothing() -> None:
    until = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)  # half past midnight in Bali
    simulation = Simulation(5, 2, until, findings=False)
    history = list(simulation.run_until(until))
    created = []
    events = []
    for minutes in range(1, 241):
        step = list(simulation.run_until(until + timedelta(minutes=minutes)))
        events += step
        created += [e.at for e in step if e.kind == "create" and e.table in ("bookings", "hotel_bookings")]
    gaps = [b - a for a, b in zip([until, *created], [*created, until + timedelta(minutes=240)], strict=True)]
    assert max(gaps) <= timedelta(minutes=5)
    figures = truth(simulation)
    assert figures["health"]["system"] == "healthy"
    assert figures["overlapping_bookings"] == []
    assert {p["status"] for p in figures["health"]["points"].values()} == {"working"}
    seen = {e.row_id for e in events if e.table in ("therapists", "places")}
    assert len(seen) > 20
    assert replay(history + events)["bookings"]


@pytest.mark.parametrize("hour", [0, 3, 6, 7, 12, 20])
def test_the_seven_points_hold_by_design_at_any_hour(hour: int) -> None:
    until = datetime(2026, 11, 20, hour, 3, tzinfo=BALI).astimezone(UTC)
    simulation = _run(hour, 8, until, findings=False)
    health = truth(simulation)["health"]
    assert {p["status"] for p in health["points"].values()} == {"working"}
    assert health["system"] == "healthy"
    newest = max(b.created for b in simulation.bookings.values() if not b.is_test)
    assert hour < 6 or simulation.end - newest < 3_600_000


@pytest.mark.parametrize(
    ("days", "until", "rate"),
    [(0, UNTIL, 250), (3, datetime(2026, 11, 20), 250), (3, UNTIL, 0)],
)
def test_senseless_parameters_are_refused(days: int, until: datetime, rate: float) -> None:
    with pytest.raises(ValueError, match=r"days|time zone|bookings_per_day"):
        Simulation(1, days, until, bookings_per_day=rate)
