"""What people do over time: they come again, write reviews, hand bookings on, come and go; and the truth of it, held
against the rows as they were written."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from sandbox.simulator import Simulation, truth
from tests.simulator import reading
from tests.simulator.test_truth import bookings_of, known
from tests.simulator.world import SEEDS, UNTIL, World, world

EARNS = ("accepted", "confirmed", "completed")
PROVIDER = ("assigned_therapist", "providerId", "therapistId", "businessId", "therapistDetails.id")


def _counted(made: World) -> dict[str, dict[str, Any]]:
    return {key: b for key, b in made.truth["bookings"].items() if not b["is_test"]}


def _local(made: World, booking: dict[str, Any]) -> datetime:
    offset = known(made).offsets[booking["provider_id"]]
    return datetime.fromisoformat(booking["created_at"]) + timedelta(minutes=offset)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_step_of_the_funnel_is_some_of_the_one_before_and_everyone_went_somewhere(seed: int) -> None:
    made = world(seed)
    steps = ("created", "answered", "accepted", "completed", "recorded", "paid")
    ends = (
        "completed", "declined", "unanswered", "expired_answered", "cancelled", "reassigned", "still_open", "unknown",
    )  # fmt: skip
    conversion = {(c["local_date"], c["source"]): c for c in made.truth["source_conversion"]}
    for row in made.truth["booking_funnel"]:
        assert all(row[before] >= row[after] for before, after in pairwise(steps)), row
        assert row["created"] == sum(row[end] for end in ends), row
        cohort = conversion.pop((row["local_date"], row["source"]))
        for column in ("created", "accepted", "completed"):
            assert row[column] == cohort[column]
        assert row["declined"] == cohort["declined"]
        assert row["unanswered"] + row["expired_answered"] >= cohort["expired"]
        assert row["recorded"] + row["recorded_early"] <= cohort["commissions"]
    assert not conversion
    total = Counter[str]()
    for row in made.truth["booking_funnel"]:
        total.update({name: row[name] for name in (*steps, *ends)})
    assert all(total[name] for name in (*steps, *ends) if name != "expired_answered"), total
    assert total["answered"] > total["accepted"] > total["completed"] > total["recorded"] > total["paid"]


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_are_what_the_bookings_say(seed: int) -> None:
    made = world(seed)
    by_customer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for booking in _counted(made).values():
        if booking["customer_id"] is not None:
            by_customer[booking["customer_id"]].append(booking)
    assert by_customer.keys() == made.truth["customers"].keys()
    for customer, bookings in by_customer.items():
        told = made.truth["customers"][customer]
        bookings.sort(key=lambda b: b["created_at"])
        assert told["first_booking_at"] == bookings[0]["created_at"]
        assert told["last_booking_at"] == bookings[-1]["created_at"]
        assert told["first_source"] == bookings[0]["source"]
        assert told["bookings"] == len(bookings)
        served = [b for b in bookings if b["status"] == "completed"]
        assert told["completed"] == len(served)
        assert told["spent_idr"] == sum(b["amount_idr"] or 0 for b in served)


@pytest.fixture(scope="module")
def months() -> World:
    """Half a year of few bookings."""
    return world(5, 150, False, 12)


def test_some_customers_come_again_months_later_and_most_do_not(months: World) -> None:
    rows = {(r["cohort_month"], r["months_after"]): r for r in months.truth["customer_retention"]}
    assert rows["2026-11-01", 1]["returned"] is None
    assert rows["2026-08-01", 3]["returned"] is not None
    later = [r for (month, after), r in rows.items() if month in ("2026-08-01", "2026-09-01") and after == 1]
    assert all(0.02 < row["returned"] / row["customers"] < 0.6 for row in later), later
    firsts: dict[str, set[str]] = defaultdict(set)
    for booking in _counted(months).values():
        if booking["customer_id"] is not None:
            firsts[booking["customer_id"]].add(f"{_local(months, booking):%Y-%m}")
    for (month, after), row in rows.items():
        cohort = [booked for booked in firsts.values() if min(booked) == month[:7]]
        number = int(month[5:7]) - 1 + after
        then = f"{int(month[:4]) + number // 12}-{number % 12 + 1:02d}"
        assert row["customers"] == len(cohort)
        assert (row["returned"] or 0) == sum(then in booked for booked in cohort)


@pytest.mark.parametrize("seed", SEEDS)
def test_reviews_are_of_services_and_make_the_ratings(seed: int) -> None:
    made = world(seed)
    bookings = {
        key: (fact, row) for _, key, row in bookings_of(made) if (fact := made.truth["bookings"].get(key))
    }
    stars: dict[str, list[int]] = defaultdict(list)
    for review in made.tables["reviews"].values():
        assert review["rating"] in range(1, 6)
        assert review["userId"] in made.tables["users"]
        fact, _ = bookings.get(review["bookingId"], (None, None))
        if fact is None:
            continue
        assert fact["status"] == "completed"
        assert fact["provider_id"] == review["providerId"]
        if not fact["is_test"]:
            stars[review["providerId"]].append(review["rating"])
    assert sum(map(len, stars.values())) > 80
    for provider, figures in made.truth["providers"].items():
        assert figures["ratings"] >= len(stars[provider])
        assert (figures["rating"] is None) == (figures["ratings"] < 3)
        own = [b for b in _counted(made).values() if b["provider_id"] == provider]
        assert figures["requests"] == len(own)
        assert figures["completed"] == sum(b["status"] == "completed" for b in own)
        minutes = sum(b["minutes"] or 0 for b in own if b["status"] in EARNS)
        assert figures["booked_minutes"] == minutes


@pytest.mark.parametrize("seed", SEEDS)
def test_a_booking_that_is_handed_on_waits_for_its_next_provider(seed: int) -> None:
    """Read off the events: the provider that a row names changes while it is pending, and only then."""
    made = world(seed)
    offsets = known(made).offsets
    rows: dict[str, dict[str, Any]] = {}
    changes: dict[str, list[tuple[str, str, datetime]]] = defaultdict(list)
    for event in made.events:
        if event.table not in ("bookings", "hotel_bookings") or event.kind == "delete":
            continue
        if event.kind == "create":
            rows[event.row_id] = dict(event.data)
            continue
        row = rows[event.row_id]
        before = reading.first(row, *PROVIDER)
        status = reading.word(reading.BOOKING, reading.first(row, "bookingStatus", "status"))
        row.update(event.data)
        after = reading.first(row, *PROVIDER)
        if before != after:
            assert status == "pending"
            assert offsets[before] == offsets[after]
            changes[event.row_id].append((before, after, event.at))
    told = [r for r in made.truth["reassignments"] if r["shape"] == "row"]
    counted = _counted(made)
    assert Counter(
        (key, before, after, reading.text(at))
        for key, moves in changes.items()
        if key in counted
        for before, after, at in moves
    ) == Counter(
        (r["booking_id"], r["from_provider_id"], r["to_provider_id"], r["reassigned_at"]) for r in told
    )
    assert len(told) > 20
    assert {"completed", "declined", "expired"} <= {r["outcome"] for r in told}
    assert any(len(moves) == 2 for moves in changes.values())
    for row in told:
        assert row["outcome"] == counted[row["booking_id"]]["status"]
        if row["said"]:
            assert rows[row["booking_id"]]["reassignedFrom"] == row["from_provider_id"]
    assert 0.2 < sum(r["said"] for r in told) / len(told) < 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_old_shape_of_a_reassignment_is_a_second_booking(seed: int) -> None:
    made = world(seed)
    facts = _counted(made)
    told = [r for r in made.truth["reassignments"] if r["shape"] == "booking"]
    assert {r["booking_id"] for r in told} == {k for k, b in facts.items() if b["status"] == "reassigned"}
    named = {row["originalBookingId"] for _, _, row in bookings_of(made) if row.get("originalBookingId")}
    assert named
    assert {r["booking_id"] for r in told if r["said"]} == named & facts.keys()
    assert all(r["from_provider_id"] != r["to_provider_id"] for r in told)


@pytest.mark.parametrize("seed", SEEDS)
def test_providers_come_and_go_by_the_day(seed: int) -> None:
    made = world(seed)
    written: dict[str, list[dict[str, str]]] = defaultdict(list)
    for event in made.events:
        if event.table in ("therapists", "places") and "status" in event.data:
            told = {"at": reading.text(event.at) or "", "status": event.data["status"]}
            written[event.row_id].append(told)
    assert written == made.truth["provider_states"]
    for provider in made.simulation.providers:
        assert written[provider.id][-1]["status"] == provider.status
    on_line = Counter()
    for provider in made.simulation.providers:
        states = [(datetime.fromisoformat(s["at"]), s["status"]) for s in written[provider.id]]
        for hour in (3, 15):
            # a day in the midst of the history, by the local clock
            moment = (UNTIL - timedelta(days=3)).replace(hour=hour, minute=0) - timedelta(
                minutes=provider.offset
            )
            status = [status for at, status in states if at <= moment][-1]
            on_line[hour] += status in ("AVAILABLE", "BUSY")
    assert on_line[3] < 0.5 * on_line[15]
    assert on_line[15] > 30
    busy = sum(s["status"] == "BUSY" for states in written.values() for s in states)
    assert busy > 200
    # counted the slow way: every hour of a city, every provider of it
    hours = {(row["local_hour"], row["city"]): row for row in made.truth["capacity"]}
    for city in {provider.city for provider in made.simulation.providers}:
        there = [p for p in made.simulation.providers if p.city == city]
        for back in range(1, 60):
            begun = UNTIL.replace(minute=0) - timedelta(hours=back)
            counts = Counter[str]()
            for provider in there:
                states = [(datetime.fromisoformat(s["at"]), s["status"]) for s in written[provider.id]]
                reached = [status for at, status in states if at <= begun][-1:]
                reached += [status for at, status in states if begun < at < begun + timedelta(hours=1)]
                counts["providers_online"] += not {"AVAILABLE", "BUSY"}.isdisjoint(reached)
                counts["providers_busy"] += "BUSY" in reached
            local = begun + timedelta(minutes=there[0].offset)
            row = hours[f"{local:%Y-%m-%dT%H}:00:00", city]
            assert {name: row[name] for name in ("providers_online", "providers_busy")} == counts
            assert row["providers_seen"] == len(there)


def test_scheduled_bookings_follow_the_rhythm_of_the_day() -> None:
    made = world(7)
    hours = Counter(
        (
            datetime.fromisoformat(b["starts_at"]) + timedelta(minutes=known(made).offsets[b["provider_id"]])
        ).hour
        for b in made.truth["bookings"].values()
        if b["starts_at"] and b["mode"] == "scheduled"
    )
    total = sum(hours.values())
    assert hours[9] < 0.15 * total
    assert sum(hours[h] for h in range(17, 21)) > sum(hours[h] for h in range(9, 13)) > 0.1 * total
    assert sum(hours[h] for h in range(8, 24)) > 0.98 * total


@pytest.mark.parametrize("seed", SEEDS)
def test_rooms_and_who_waits_in_them_are_what_the_messages_say(seed: int) -> None:
    made = world(seed)
    tests = {key for key, b in made.truth["bookings"].items() if b["is_test"]}
    tests |= {b.id for b in made.simulation.bookings.values() if b.is_test}
    said: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for message in made.tables["chat_messages"].values():
        room = message.get("conversationId") or message.get("roomId")
        room = room if room in made.tables["chat_rooms"] else str(room).swapcase()
        at = datetime.fromisoformat(message["timestamp"])
        if at > UNTIL:  # not believed
            at = datetime.fromisoformat(message["$createdAt"])
        said[room].append((at, reading.first(message, "senderRole", "senderType")))
    rooms = {i: r for i, r in made.tables["chat_rooms"].items() if r["bookingId"] not in tests}
    days = made.truth["chat_rooms_daily"]
    assert sum(day["rooms"] for day in days) == len(rooms)
    assert sum(day["messages"] for day in days) == sum(len(said[room]) for room in rooms)
    assert sum(day["messages_sent"] for day in days) == sum(day["messages"] for day in days)
    waiting = {row["room_id"]: row for row in made.truth["chat_waiting"]}
    for room, row in rooms.items():
        lasts = {
            side: max((at for at, by in said[room] if by == side), default=None)
            for side in ("customer", "therapist")
        }
        open_ = row["status"] == "active" and datetime.fromisoformat(row["expiresAt"]) > UNTIL
        if not open_ or lasts["customer"] == lasts["therapist"]:
            assert room not in waiting
            continue
        least = datetime.min.replace(tzinfo=UNTIL.tzinfo)
        waits = max(lasts, key=lambda side: lasts[side] or least)
        answers = "therapist" if waits == "customer" else "customer"
        told = waiting.pop(room)
        assert told["waiting_for_role"] == answers
        unanswered = [at for at, by in said[room] if by == waits and at > (lasts[answers] or least)]
        assert (told["waiting_since"], told["messages"]) == (reading.text(min(unanswered)), len(unanswered))
    assert not waiting


@pytest.mark.parametrize("seed", SEEDS)
def test_money_by_week_month_kind_and_discount_adds_up(seed: int) -> None:
    figures = world(seed).truth
    for name in ("revenue_weekly", "revenue_monthly"):
        for column, total in figures["revenue_totals"].items():
            assert sum(period[column] for period in figures[name].values()) == total
    for column, total in figures["revenue_totals"].items():
        assert sum(row[column] for row in figures["revenue_by_kind"]) == total
    assert {row["kind"] for row in figures["revenue_by_kind"]} == {"therapist", "place", "hotel"}
    earning = [b for b in figures["bookings"].values() if not b["is_test"] and b["status"] in EARNS]
    assert sum(day["bookings"] for day in figures["discounts"]) == len(earning)
    ruled = [b for b in earning if b["amount_rule"] in ("discounted", "free")]
    # a code beside a price alone says nothing of what it cost before
    assert len(ruled) <= sum(day["discounted"] for day in figures["discounts"]) <= len(ruled) + 1
    assert sum(day["free"] for day in figures["discounts"]) == 4
    assert all(day["before_idr"] > day["after_idr"] for day in figures["discounts"] if day["known"])
    capacity = figures["capacity"]
    assert sum(hour["requests"] for hour in capacity) == figures["revenue_totals"]["bookings"]


def test_the_new_figures_go_on_after_the_history() -> None:
    simulation = Simulation(3, 2, UNTIL)
    for _ in simulation.run_until(UNTIL + timedelta(hours=2)):
        pass
    figures = truth(simulation)
    assert figures["as_of"] == reading.text(UNTIL + timedelta(hours=2))
    assert max(row["waiting_since"] for row in figures["chat_waiting"]) > reading.text(UNTIL)
    assert any(
        s["at"] > reading.text(UNTIL) for states in figures["provider_states"].values() for s in states
    )
