"""What people do: each mart of it equals what the simulator knows, for three seeds.

``world`` is eight weeks of few bookings, so that months have cohorts, in a mirror that was made when all was over. What
only a mirror can know that saw every version is held against ``watched``: two days of many bookings.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from tests.marts.simulated import OF_PEOPLE, READ, Read, read

MARTS = (
    "booking_funnel",
    "customers",
    "customer_retention",
    "providers",
    "reassignments",
    "capacity",
    "chat_rooms_daily",
    "chat_waiting",
    "revenue_weekly",
    "revenue_monthly",
    "revenue_by_kind",
    "discounts",
)
WATCHED = ("therapists", "places", "bookings", "hotel_bookings")
SEEDS = (1, 2, 3)
#: Of a provider, what only versions tell; and what marts.reassignments tells of it.
OF_VERSIONS = ("seen_minutes", "available_minutes", "booked_seen_minutes", "restricted_days")
ASKED = ("requests", "accepted", "unanswered")
THERE = ("providers_seen", "providers_online", "providers_busy")


@pytest.fixture(scope="module", params=SEEDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder = tmp_path_factory.mktemp(f"people-{request.param}")
    made = read(request.param, folder, days=52, rate=24, tables=OF_PEOPLE, marts=MARTS)
    yield made
    made.con.close()


@pytest.fixture(scope="module", params=SEEDS)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder = tmp_path_factory.mktemp(f"watched-{request.param}")
    marts = ("providers", "reassignments", "capacity")
    made = read(request.param, folder, tables=(*READ, "reviews"), watched=WATCHED, marts=marts)
    yield made
    made.con.close()


def _same(world: Read, mart: str, key: tuple[str, ...], true: list[dict[str, Any]]) -> None:
    """Every row of the truth is a row of the mart, with the same figures, and there is no other."""
    assert true
    names = [name for name in true[0] if name not in key]
    found = {
        tuple(_told(row[name]) for name in key): {name: _told(row[name]) for name in names}
        for row in world.rows(f"FROM marts.{mart}")
    }
    expected = {tuple(row[name] for name in key): {name: row[name] for name in names} for row in true}
    assert found.keys() == expected.keys(), (
        list(found.keys() ^ expected.keys())[:9],
        len(found),
        len(expected),
    )
    differing = {
        (*of, name): (found[of][name], figures[name])
        for of, figures in expected.items()
        for name in names
        if not _equal(found[of][name], figures[name])
    }
    assert not differing, (len(differing), dict(list(differing.items())[:9]))


def _told(value: Any) -> Any:
    """As truth.json writes it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _equal(found: Any, true: Any) -> bool:
    if isinstance(found, float) and true is not None:
        return math.isclose(found, true, rel_tol=1e-9, abs_tol=1e-6)
    return found == true


def _by(of: dict[str, dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [{key: name, **figures} for name, figures in of.items()]


def test_the_funnel_of_every_day_and_source_is_true(world: Read) -> None:
    _same(world, "booking_funnel", ("local_date", "source"), world.truth["booking_funnel"])


def test_every_customer_is_true(world: Read) -> None:
    true = [
        {name: value for name, value in row.items() if name not in ("declined", "reassigned")}
        for row in _by(world.truth["customers"], "customer_id")
    ]
    _same(world, "customers", ("customer_id",), true)


def test_who_comes_back_is_true(world: Read) -> None:
    true = world.truth["customer_retention"]
    assert {row["cohort_month"] for row in true} == {"2026-09-01", "2026-10-01", "2026-11-01"}
    assert any(row["returned"] for row in true)
    _same(world, "customer_retention", ("cohort_month", "months_after"), true)


def test_every_provider_is_true(world: Read) -> None:
    left_out = (*OF_VERSIONS, "reassigned")
    true = [
        {name: value for name, value in row.items() if name not in left_out}
        for row in _by(world.truth["providers"], "provider_id")
    ]
    _same(world, "providers", ("provider_id",), true)


def test_what_was_asked_for_in_every_hour_of_every_city_is_true(world: Read) -> None:
    names = ("local_hour", "city", *ASKED)
    found = {
        tuple(_told(row[n]) for n in names) for row in world.rows("FROM marts.capacity WHERE requests > 0")
    }
    asked = [row for row in world.truth["capacity"] if row["requests"]]
    assert found == {(f"{row['local_hour']}.000Z", *(row[n] for n in names[1:])) for row in asked}


def test_what_was_said_in_rooms_is_true(world: Read) -> None:
    _same(world, "chat_rooms_daily", ("local_date",), world.truth["chat_rooms_daily"])


def test_who_waits_in_a_room_is_true(world: Read) -> None:
    _same(world, "chat_waiting", ("room_id",), world.truth["chat_waiting"])


@pytest.mark.parametrize(
    ("mart", "key"), [("revenue_weekly", "local_week"), ("revenue_monthly", "local_month")]
)
def test_weeks_and_months_are_true(world: Read, mart: str, key: str) -> None:
    _same(world, mart, (key,), _by(world.truth[mart], key))


def test_revenue_by_kind_is_true(world: Read) -> None:
    _same(world, "revenue_by_kind", ("local_date", "kind"), world.truth["revenue_by_kind"])


def test_discounts_are_true(world: Read) -> None:
    _same(world, "discounts", ("local_date",), world.truth["discounts"])


def test_who_came_afterwards_knows_of_hand_overs_what_rows_say(world: Read) -> None:
    true = [row for row in world.truth["reassignments"] if row["shape"] == "row"]
    rows = world.rows("FROM marts.reassignments WHERE told_by <> 'status'")
    assert {row["told_by"] for row in rows} == {"written"}
    names = ("booking_id", "from_provider_id", "to_provider_id", "outcome")
    found = Counter(tuple(row[n] for n in names) for row in rows)
    assert found == Counter(tuple(row[n] for n in names) for row in true if row["said"])
    assert 0 < len(rows) < len(true)


def test_who_came_afterwards_knows_nothing_of_a_providers_days(world: Read) -> None:
    for row in world.rows("FROM marts.providers"):
        assert row["seen_minutes"] is None or row["seen_minutes"] < 24 * 60
    ((unseen,),) = world.con.sql(
        "SELECT count(*) FROM marts.capacity WHERE providers_online IS NULL AND providers_busy IS NULL"
        " AND providers_seen = 0 AND local_hour < '2026-11-19'"
    ).fetchall()
    assert unseen > 100


def test_every_hand_over_is_true(watched: Read) -> None:
    names = ("booking_id", "from_provider_id", "to_provider_id", "reassigned_at", "outcome")
    true = [row for row in watched.truth["reassignments"] if row["shape"] == "row"]
    rows = watched.rows("FROM marts.reassignments WHERE told_by <> 'status'")
    assert {row["told_by"] for row in rows} == {"observed"}
    found = Counter(tuple(_told(row[n]) for n in names) for row in rows)
    assert found == Counter(tuple(row[n] for n in names) for row in true)
    assert len(rows) > 5


def test_every_booking_in_the_place_of_another_is_true(world: Read) -> None:
    true = [row for row in world.truth["reassignments"] if row["shape"] == "booking"]
    rows = {row["booking_id"]: row for row in world.rows("FROM marts.reassignments WHERE told_by = 'status'")}
    assert rows.keys() == {row["booking_id"] for row in true}
    for row in true:
        found = rows[row["booking_id"]]
        assert found["from_provider_id"] == row["from_provider_id"]
        # only the second booking can tell, and some do not
        assert found["to_provider_id"] == (row["to_provider_id"] if row["said"] else None)
        assert found["outcome"] == (row["outcome"] if row["said"] else "unknown")
    assert {row["said"] for row in true} == {True, False}


def test_what_was_seen_of_every_provider_is_true(watched: Read) -> None:
    true = [
        {name: row[name] for name in ("provider_id", *OF_VERSIONS)}
        for row in _by(watched.truth["providers"], "provider_id")
    ]
    _same(watched, "providers", ("provider_id",), true)
    handed = watched.truth["reassignments"]
    away, to = Counter[str](), Counter[str]()
    for row in handed:
        away[row["from_provider_id"]] += 1
        if row["shape"] == "row" or row["said"]:
            to[row["to_provider_id"]] += 1
    for row in watched.rows("FROM marts.providers"):
        told = watched.truth["providers"][row["provider_id"]]
        assert (row["reassigned_away"], row["reassigned_to"]) == (
            away[row["provider_id"]],
            to[row["provider_id"]],
        )
        there = told["available_minutes"]
        assert _equal(row["utilisation"], told["booked_seen_minutes"] / there if there else None)


def test_how_many_providers_there_were_in_every_hour_of_every_city_is_true(watched: Read) -> None:
    true = [
        {"local_hour": f"{row['local_hour']}.000Z"} | {name: row[name] for name in ("city", *THERE)}
        for row in watched.truth["capacity"]
    ]
    _same(watched, "capacity", ("local_hour", "city"), true)
    assert any(row["providers_busy"] for row in true)
