"""What disturbs the market on order: entry points that are out, fewer acceptances, a week unlike others.

None by default. Half-open intervals of instants. What is planted by itself is in plan.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.simulator.times import to_ms
from sandbox.simulator.vocabulary import SOURCE_WORDS

ALL = "all"


@dataclass(frozen=True, slots=True)
class Outage:
    """Nobody can book by ``source``, a canonical one, or by any (``all``)."""

    source: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """So much of what is usual: 0.5 is half."""

    factor: float
    begins: datetime
    ends: datetime


class Disturbances:
    """Those in force. ``demand``: of bookings that are made; ``acceptance``: of those that are taken on.

    They may be replaced while the simulation goes on. Raises ValueError for a source there is none of, a naive
    instant, an end that is not after its beginning, an acceptance that is not from 0 to 1, a demand not above 0.
    """

    def __init__(
        self,
        outages: Iterable[Outage] = (),
        acceptance: Iterable[Level] = (),
        demand: Iterable[Level] = (),
    ) -> None:
        self.ordered = (tuple(outages), tuple(acceptance), tuple(demand))
        for outage in self.ordered[0]:
            if outage.source != ALL and outage.source not in SOURCE_WORDS:
                raise ValueError(f"source must be {ALL} or one of {', '.join(SOURCE_WORDS)}")
        if not all(0 <= level.factor <= 1 for level in self.ordered[1]):
            raise ValueError("a factor of acceptance must be from 0 to 1")
        if not all(level.factor > 0 for level in self.ordered[2]):
            raise ValueError("a factor of demand must be above 0: order an outage of all for none")
        self._outages = [(outage.source, *_span(outage)) for outage in self.ordered[0]]
        self._acceptance = [(level.factor, *_span(level)) for level in self.ordered[1]]
        self._demand = [(level.factor, *_span(level)) for level in self.ordered[2]]

    def put(self, given: Mapping[str, Any]) -> None:
        """Replace all by an order: {outages: [{source, from, to}], acceptance, demand: [{factor, from, to}]}.

        Raises ValueError or KeyError where it is wrong; those in force then stay.
        """
        unknown = sorted(set(given) - {"outages", "acceptance", "demand"})
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}")
        new = Disturbances(
            [Outage(o["source"], *_instants(o)) for o in given.get("outages", ())],
            [Level(float(o["factor"]), *_instants(o)) for o in given.get("acceptance", ())],
            [Level(float(o["factor"]), *_instants(o)) for o in given.get("demand", ())],
        )
        # each list is taken as a whole: the simulation may be reading it on another thread
        self.ordered = new.ordered
        self._outages, self._acceptance, self._demand = new._outages, new._acceptance, new._demand

    def is_out(self, source: str, at: int) -> bool:
        """Whether nobody can book by this source at the instant (epoch milliseconds)."""
        return any(out in (source, ALL) and begins <= at < ends for out, begins, ends in self._outages)

    def any_out(self, at: int) -> bool:
        """Whether any entry point is out."""
        return any(begins <= at < ends for _, begins, ends in self._outages)

    def acceptance_at(self, at: int) -> float:
        """The share that is left of the bookings that would be taken on."""
        return _product(self._acceptance, at)

    def demand_at(self, at: int) -> float:
        """The factor of the bookings that would be made."""
        return _product(self._demand, at)

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """As an order would put them, the instants as texts."""
        outages, *levels = self.ordered
        return {
            "outages": [{"source": o.source, "from": str(o.begins), "to": str(o.ends)} for o in outages],
            **{
                name: [{"factor": o.factor, "from": str(o.begins), "to": str(o.ends)} for o in group]
                for name, group in zip(("acceptance", "demand"), levels, strict=True)
            },
        }


def _product(levels: list[tuple[float, int, int]], at: int) -> float:
    share = 1.0
    for factor, begins, ends in levels:
        if begins <= at < ends:
            share *= factor
    return share


def _span(what: Outage | Level) -> tuple[int, int]:
    begins, ends = to_ms(what.begins), to_ms(what.ends)
    if ends <= begins:
        raise ValueError("a disturbance must end after it begins")
    return begins, ends


def _instants(order: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(order["from"]), datetime.fromisoformat(order["to"])
