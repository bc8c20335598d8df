"""References in another case than the booking's: parts find what they mean as making all does."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.marts.every import MART_NAMES
from tests.marts.changing import Changing

BEGIN = datetime(2025, 11, 1, 2, 0, 0)
SPELLINGS = (str.lower, str.upper, str.title)


def word(chance: random.Random, place: int) -> str:
    """What a booking may be called, in some case."""
    return chance.choice(SPELLINGS)(f"bk-a{place}x")


def booking(chance: random.Random) -> dict[str, Any]:
    return {
        "business_id": None if chance.random() < 0.3 else word(chance, chance.randrange(16)),
        "created_at": BEGIN,
        "accepted_at": BEGIN + timedelta(minutes=2),
        "status": chance.choice(("accepted", "completed", "cancelled")),
        "is_test": chance.random() < 0.1,
        "deleted_at": BEGIN if chance.random() < 0.1 else None,
    }


def record(chance: random.Random) -> dict[str, Any]:
    return {
        "booking_ref": None if chance.random() < 0.1 else word(chance, chance.randrange(16)),
        "booking_doc_ref": word(chance, chance.randrange(16)) if chance.random() < 0.3 else None,
        "created_at": BEGIN + timedelta(minutes=3),
        "status": chance.choice(("paid", "pending")),
    }


@pytest.mark.parametrize("seed", range(2))
def test_what_fits_but_for_case_is_made_anew_with_what_it_fits(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    world = Changing(tmp_path / "warehouse.duckdb")
    ids = [word(chance, place) for place in range(8)]
    for one in ids:
        world.put("bookings", {"booking_id": one, "origin": "bookings"}, booking(chance))
    for number in range(12):
        world.put("commissions", {"commission_id": f"c{number}"}, record(chance))
    assert world.build(), "the first build makes everything"
    loose = 0
    for _ in range(10):
        for _ in range(chance.choice((1, 1, 2))):
            if chance.random() < 0.5:
                key = {"booking_id": chance.choice(ids), "origin": "bookings"}
                world.put("bookings", key, None if chance.random() < 0.2 else booking(chance))
            else:
                key = {"commission_id": f"c{chance.randrange(14)}"}
                world.put("commissions", key, None if chance.random() < 0.2 else record(chance))
        assert world.build() is None, "the others make parts"
        for mart in MART_NAMES:
            found, wanted = (
                sorted(map(repr, one.con.execute(f"FROM marts.{mart}").fetchall()))
                for one in (world.parts, world.whole)
            )
            assert found == wanted, mart
        asked = "SELECT count(*) FROM marts.data_findings WHERE finding = 'reference_case'"
        loose += world.whole.con.execute(asked).fetchall()[0][0]
    assert loose > 4, "some were found but for case"
    world.close()
