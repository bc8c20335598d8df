"""Marts of which parts are made equal those that are made whole, whatever happened in between.

Long runs: ``python -m tests.marts.incremental_driver --seed 7 --steps 2000``.
"""

from __future__ import annotations

from typing import Any

import pytest

from assets.marts.build import build
from tests.marts.incremental_driver import (
    INCREMENTAL,
    Difference,
    Dying,
    Killed,
    Marketplace,
    Outcome,
    drawn,
    marketplace,
    run,
    shrunk,
)
from tests.marts.marketplaces import COLLECTIONS, Drawing, Step
from tests.marts.warehouse import Warehouse
from tests.policies import DEFAULT_POLICY

#: Little is asked, so that it costs little: bookings alone.
FEW = ("revenue_by_source", "decline_reasons")


@pytest.mark.skipif(not INCREMENTAL, reason="build() makes everything: that equals itself")
def test_whatever_happens_parts_make_what_all_would() -> None:
    """What a part forgets stays wrong until something else reaches it: looking at the end finds it."""
    with marketplace() as place:
        found = run(place, drawn(3, 40, place, policies=1), only_last=True)
        builds = place.builds
    assert not found.failed, "\n".join([found.error, *map(str, found.differences), *map(repr, found.steps)])
    assert builds["in parts"] >= builds.total() / 2, f"else little is proven: {builds}"


@pytest.mark.long
@pytest.mark.skipif(not INCREMENTAL, reason="build() makes everything: that equals itself")
@pytest.mark.parametrize("seed", [1, 2, 4, 31])
def test_long_lives_of_parts_are_what_all_would_be(seed: int) -> None:
    with marketplace() as place:
        found = run(place, drawn(seed, 200, place), every=3)
        builds = place.builds
    assert not found.failed, "\n".join([found.error, *map(str, found.differences), *map(repr, found.steps)])
    assert builds["in parts"] >= builds.total() / 2, f"else little is proven: {builds}"


class Forgetful:
    """Makes all marts but one, which it makes as long as there is none."""

    def __init__(self, forgets: str) -> None:
        self._forgets = forgets

    def __call__(self, con: Any, *, tables: list[str], **options: Any) -> None:
        made = con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [self._forgets]).fetchone()
        build(con, tables=[name for name in tables if not (made and name == self._forgets)], **options)


def _put(number: int) -> Step:
    values = {"status": "completed", "totalCost": "250000", "createdAt": "2026-03-09T03:00:00Z"}
    return ("put", "bookings", f"b{number}", values, "2026-03-09T03:00:00")


def test_what_a_build_forgets_is_found_and_told_in_few_steps() -> None:
    forgetful = Forgetful("revenue_by_source")
    steps = [_put(1), ("derive",), ("build",), ("waive", "missing:b1"), _put(2), ("build",), _put(3)]
    with marketplace(forgetful, tables=FEW) as place:
        found = run(place, steps, checks=False)
    assert found.signs == {"marts.revenue_by_source", "the digest of revenue_by_source"}
    assert found.steps == tuple(steps[:6]), "the third booking had not come"
    fewest = shrunk(found, forgetful, tables=FEW)
    assert fewest.signs == found.signs
    assert fewest.steps == (("build",), _put(2), ("build",))
    (told, *_) = fewest.differences
    assert [row.split(":")[0] for row in told.rows] == ["whole"]
    assert "'bookings': 1" in told.rows[0]


def test_the_same_seed_draws_the_same_steps_and_another_does_not() -> None:
    def steps(seed: int) -> list[Step]:
        drawing = Drawing(seed, list)
        return [*drawing.first(), *(step for _ in range(300) for step in drawing.next())]

    one = steps(1)
    assert one == steps(1) != steps(2)
    assert {step[1] for step in one if step[0] == "put"} == set(COLLECTIONS)
    assert {step[0] for step in one} == {name[4:] for name in vars(Marketplace) if name.startswith("_on_")}


def test_a_step_that_fails_is_a_failure_with_its_steps() -> None:
    def broken(con: Any, **options: Any) -> None:
        raise ZeroDivisionError("by a mart")

    with marketplace(broken, tables=FEW) as place:
        found = run(place, iter([("clock", "2026-03-11T00:00:00"), ("build",), ("build",)]), checks=False)
    assert found == Outcome(
        (("clock", "2026-03-11T00:00:00"), ("build",)), error="ZeroDivisionError: by a mart"
    )
    assert found.failed


@pytest.mark.parametrize("commits", [True, False])
def test_a_killed_build_is_dead_from_that_statement_on(*, commits: bool) -> None:
    w = Warehouse()
    w.add("core.bookings", booking_id="b1", created_at=w.now)
    options: dict[str, Any] = {"now": w.now, "policy": DEFAULT_POLICY, "tables": FEW}
    ends: list[str] = []
    dying: Any = Dying(w.con, 1 if commits else 3, commits=commits, then=lambda: ends.append("once"))
    with pytest.raises(Killed):
        build(dying, **options)
    with pytest.raises(Killed):
        dying.execute("SELECT 1")
    with pytest.raises(Killed):
        _ = dying.sql
    assert ends == ["once"]


def test_a_difference_names_the_rows() -> None:
    assert (
        str(Difference("marts.x", ("in parts: 1", "whole: 2")))
        == "marts.x differs:\n  in parts: 1\n  whole: 2"
    )
