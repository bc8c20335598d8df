"""Bookings that overlap in chains: what is made of the few that a change reaches is what all rows make."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.marts.parts import anomalies, customers, links, remake
from resources.warehouse import MEMORY_LIMIT, MEMORY_LIMIT_OF_PARTS
from tests.marts.changing import Changing
from tests.marts.warehouse import Warehouse

MART = "booking_anomalies"
BEGIN = datetime(2025, 11, 1, 2, 0, 0)


def rows(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return sorted(warehouse.con.execute(f"FROM marts.{MART}").fetchall(), key=repr)


def memory(warehouse: Warehouse) -> str:
    """What queries may hold."""
    return str(warehouse.con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])


def may_hold(limit: str) -> str:
    """The same of a connection with that limit."""
    with duckdb.connect(config={"memory_limit": limit}) as con:
        return str(con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])


def drawn(chance: random.Random) -> dict[str, Any]:
    """A booking of up to ten hours in one of two days, of somebody who takes one at a time or several."""
    start = BEGIN + timedelta(days=chance.randrange(2), minutes=15 * chance.randrange(40))
    return {
        "created_at": BEGIN,
        "provider_id": chance.choice(("one", "one", "one", "house", "both", "unknown", "therapist")),
        "provider_type": chance.choice(("therapist", "place", None)),
        "starts_at": start,
        "ends_at": start + timedelta(minutes=chance.choice((0, 15, 30, 60, 60, 120, 120, 600))),
        "status": chance.choice(("accepted", "completed", "confirmed") * 3 + ("cancelled",)),
        "is_test": chance.random() < 0.03,
        "deleted_at": BEGIN if chance.random() < 0.03 else None,
    }


@pytest.mark.parametrize(("seed", "followed"), [(0, 12), (1, 0)])
def test_what_overlaps_in_chains_is_made_of_the_chains_that_a_change_reaches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, followed: int
) -> None:
    """``followed``: links of a chain, before all of its provider is taken."""
    monkeypatch.setattr(anomalies, "_LINKS", followed)
    # What names a booking is nothing to this mart, and to look for it asks for marts that are not made here.
    nothing = replace(links.LINKS, find=lambda con, change: None)
    monkeypatch.setitem(remake.UNITS, links.NAME, nothing)
    monkeypatch.setattr(
        customers, "much_of", lambda *_: False
    )  # of the mart customers, which is not made either
    chance = random.Random(seed)
    world = Changing(tmp_path / "warehouse.duckdb", [MART])
    places = (
        ("one", "therapist", None),
        ("house", "place", 2),
        ("both", "therapist", None),
        ("both", "place", 3),
    )
    for provider, kind, capacity in places:
        key = {"provider_id": provider, "provider_type": kind}
        world.put("providers", key, {"capacity": capacity, "created_at": BEGIN})
    for number in range(50):
        # (Both collections have a booking of the same id.)
        origin = chance.choice(("bookings", "hotel_bookings"))
        world.put("bookings", {"booking_id": f"b{number % 40}", "origin": origin}, drawn(chance))
    assert world.build(), "the first build makes everything"
    assert memory(world.parts) == may_hold(MEMORY_LIMIT)
    moved = 0
    for _ in range(10):
        before = rows(world.parts)
        for _ in range(chance.choice((1, 3, 5))):
            key = {
                "booking_id": f"b{chance.randrange(45)}",
                "origin": chance.choice(("bookings", "hotel_bookings")),
            }
            world.put("bookings", key, None if chance.random() < 0.2 else drawn(chance))
        if chance.random() < 0.15:
            key = {"provider_id": chance.choice(("house", "both", "unknown")), "provider_type": "place"}
            world.put("providers", key, {"capacity": chance.choice((None, 1, 2, 4)), "created_at": BEGIN})
        assert world.build() is None, "the others make parts"
        found = rows(world.parts)
        assert found == rows(world.whole)
        moved += found != before
    assert moved > 3
    assert memory(world.parts) == may_hold(MEMORY_LIMIT_OF_PARTS), "of the blocks that are read few are kept"
    world.close()
