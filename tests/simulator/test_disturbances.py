"""What disturbs the market on order: outages, fewer acceptances, a week unlike others; and what is refused."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest

from sandbox.simulator import Disturbances, Level, Outage, Simulation
from sandbox.simulator.times import to_ms
from sandbox.simulator.world import Booking
from tests.simulator.world import UNTIL

DAYS = 8
FROM, TO = UNTIL - timedelta(days=3), UNTIL - timedelta(days=1)
EARNS = ("accepted", "confirmed", "completed")


def _played(**options: Any) -> Simulation:
    simulation = Simulation(7, DAYS, UNTIL, findings=False, disturbances=Disturbances(**options))
    for _ in simulation.run_until(UNTIL):
        pass
    return simulation


def _in(simulation: Simulation, begins: datetime = FROM, ends: datetime = TO) -> list[Booking]:
    return [b for b in simulation.bookings.values() if to_ms(begins) <= b.created < to_ms(ends)]


@pytest.mark.parametrize("source", ["bookingButton", "menuSlider", "scheduled"])
def test_nobody_books_by_an_entry_point_that_is_out(source: str) -> None:
    made = _played(outages=[Outage(source, FROM, TO)])
    assert {b.wanted_source for b in _in(made)} == {
        *("bookingButton", "chatWindow", "menuSlider", "priceSlider", "scheduled", "direct", "unknown")
    } - {source}
    assert not [b for b in _in(made) if b.has_source and b.source == source]
    for begins, ends in ((FROM - timedelta(days=1), FROM), (TO, UNTIL)):
        assert source in {b.wanted_source for b in _in(made, begins, ends)}


def test_nobody_books_at_all_where_all_is_out() -> None:
    made = _played(outages=[Outage("all", FROM, TO)])
    # what was handed on or clicked twice comes of a booking that was there
    assert all(b.replaces for b in _in(made))
    assert len(_in(made)) <= 2
    assert len(_in(made, TO, UNTIL)) > 100


def test_until_it_begins_a_disturbed_market_is_like_any_other() -> None:
    plain = Simulation(7, DAYS, UNTIL).run_until(UNTIL)
    disturbed = Simulation(
        7, DAYS, UNTIL, disturbances=Disturbances([Outage("all", FROM, TO)], [Level(0.5, FROM, TO)])
    ).run_until(UNTIL)
    before = list(takewhile(lambda event: event.at < FROM, plain))
    assert before == list(takewhile(lambda event: event.at < FROM, disturbed))
    assert before


def _acceptance(bookings: list[Booking]) -> float:
    ended = Counter("accepted" if b.status in EARNS else b.status for b in bookings)
    return ended["accepted"] / (ended["accepted"] + ended["declined"] + ended["expired"])


def test_acceptance_is_halved_where_that_is_ordered() -> None:
    usual, halved = _played(), _played(acceptance=[Level(0.5, FROM, TO)])
    assert 0.42 < _acceptance(_in(halved)) / _acceptance(_in(usual)) < 0.58
    before = UNTIL - timedelta(days=DAYS)
    assert _acceptance(_in(halved, before, FROM)) == _acceptance(_in(usual, before, FROM))


@pytest.mark.parametrize("factor", [0.4, 1.8])
def test_more_or_fewer_book_in_a_holiday_week(factor: float) -> None:
    usual, holiday = _played(), _played(demand=[Level(factor, FROM, TO)])
    assert 0.85 * factor < len(_in(holiday)) / len(_in(usual)) < 1.15 * factor


def test_disturbances_may_be_ordered_while_it_goes_on() -> None:
    simulation = Simulation(7, 2, UNTIL, findings=False)
    for _ in simulation.run_until(UNTIL):
        pass
    simulation.disturbances.put(
        {"outages": [{"source": "all", "from": UNTIL.isoformat(), "to": "2026-11-20T14:30:00Z"}]}
    )
    for _ in simulation.run_until(UNTIL + timedelta(hours=3)):
        pass
    hours = Counter((b.created - simulation.end) // 3_600_000 for b in simulation.bookings.values())
    assert hours[2] > 20
    # what was offered before it began may be taken over by another yet
    assert hours[0] + hours[1] <= 2
    assert simulation.disturbances.told()["outages"][0]["source"] == "all"
    simulation.disturbances.put({})
    assert simulation.disturbances.told() == {"outages": [], "acceptance": [], "demand": []}


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"outage": []}, "unknown: outage"),
        (
            {"outages": [{"source": "button", "from": "2026-01-01T00:00Z", "to": "2026-01-02T00:00Z"}]},
            "source",
        ),
        (
            {"outages": [{"source": "all", "from": "2026-01-01T00:00", "to": "2026-01-02T00:00Z"}]},
            "time zone",
        ),
        ({"demand": [{"factor": 0, "from": "2026-01-01T00:00Z", "to": "2026-01-02T00:00Z"}]}, "above 0"),
        ({"acceptance": [{"factor": 2, "from": "2026-01-01T00:00Z", "to": "2026-01-02T00:00Z"}]}, "0 to 1"),
        ({"demand": [{"factor": 2, "from": "2026-01-02T00:00Z", "to": "2026-01-02T00:00Z"}]}, "end after"),
    ],
)
def test_senseless_orders_are_refused_and_change_nothing(order: dict[str, Any], says: str) -> None:
    disturbances = Disturbances([Outage("all", FROM, TO)])
    with pytest.raises(ValueError, match=says):
        disturbances.put(order)
    assert disturbances.is_out("menuSlider", to_ms(FROM))
