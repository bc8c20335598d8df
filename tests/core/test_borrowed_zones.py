"""A record without a provider is read in the zone of the booking it refers to, whichever of the two came first."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.changes import TABLES
from tests.core.raw_file import RawFile
from tests.core.test_engine import core, rows, run, same_as_rebuilt, table

LATER = datetime(2025, 11, 21, 3)
RECORDS = {**TABLES["commission_records"], "bookingDocId": "VARCHAR", "paymentDeadline": "VARCHAR"}
ALONE = {"$id": "c1", "bookingId": "BK1", "paymentDeadline": "2025-11-20 14:00", "paidAt": "2025-11-20 13:00"}
BOOKING = {"$id": "b1", "bookingId": "BK1", "status": "completed", "totalCost": 250000, "providerId": "jkt"}
DEFAULT, JAKARTA, JAYAPURA = 480, 420, 540


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return mirror(tmp_path)


def mirror(folder: Path) -> RawFile:
    raw = RawFile(folder / "raw.duckdb", {**TABLES, "commission_records": RECORDS})
    raw.put("therapists", {"$id": "jkt", "timezone": "WIB"}, {"$id": "jay", "timezone": "WIT"})
    return raw


def read_in(raw: RawFile, record: str = "c1") -> int:
    """The zone a record was read in, by the column that says so and by its times alike."""
    row = rows(raw, "commissions", "commission_id")[record]
    offset = row["utc_offset_minutes"]
    assert row["deadline_at"] == datetime(2025, 11, 20, 14 - offset // 60)
    assert row["paid_at"] == datetime(2025, 11, 20, 13 - offset // 60)
    return offset


def booked(raw: RawFile, **changes: Any) -> None:
    raw.put("bookings", {**BOOKING, **changes}, at=LATER)


CASES: list[tuple[dict[str, Any], list[dict[str, Any]], int]] = [
    ({"bookingId": "BK1"}, [{}], JAKARTA),
    ({"bookingId": "b1"}, [{}], JAKARTA),
    ({"bookingId": "none", "bookingDocId": "b1"}, [{}], JAKARTA),
    ({"bookingId": "other", "bookingDocId": "b1"}, [{}], JAKARTA),
    ({"bookingId": "b1", "bookingDocId": "b2"}, [{}, {"$id": "b2", "providerId": "jay"}], JAKARTA),
    ({"bookingId": "BK1", "therapistId": "jay"}, [{}], JAYAPURA),
    ({"bookingId": "other"}, [{}], DEFAULT),
    ({"bookingId": "none"}, [{}], DEFAULT),
    ({"bookingId": "BK1"}, [{"providerId": None}], DEFAULT),
    ({"bookingId": "BK1"}, [{}, {"$id": "b2", "providerId": "jay"}], DEFAULT),
    ({"bookingId": "BK1"}, [{}, {"$id": "b2"}], JAKARTA),
    ({"bookingId": "BK1"}, [{}, {"$id": "b2", "providerId": "jay", "customerName": "Test"}], JAKARTA),
    ({"bookingId": "BK1"}, [{"customerName": "Admin Test"}], JAKARTA),
    ({"bookingId": "BK1"}, [{"_deleted_at": LATER}], DEFAULT),
    ({"bookingId": "BK1"}, [{"createdAt": "45000"}], DEFAULT),
    ({"bookingId": "bk1"}, [{}], JAKARTA),
    ({"bookingId": "B1"}, [{}], JAKARTA),
    ({"bookingId": "none", "bookingDocId": "B1"}, [{}], JAKARTA),
    (
        {"bookingId": "bk1", "bookingDocId": "b2"},
        [{}, {"$id": "b2", "bookingId": "x", "providerId": "jay"}],
        JAYAPURA,
    ),
    (
        {"bookingId": "bk1", "bookingDocId": "B2"},
        [{}, {"$id": "b2", "bookingId": "x", "providerId": "jay"}],
        JAKARTA,
    ),
    ({"bookingId": "bk1"}, [{}, {"$id": "b2", "bookingId": "Bk1", "providerId": "jay"}], DEFAULT),
    ({"bookingId": "bk1"}, [{}, {"$id": "b2", "bookingId": "bk1", "providerId": "jay"}], JAYAPURA),
    ({"bookingId": "bk1"}, [{}, {"$id": "b2", "bookingId": "bk1", "_deleted_at": LATER}], JAKARTA),
]
"""A record, the bookings there are, and the zone it is read in. ``of`` tells the ids of one from those of others."""


def of(case: int, row: dict[str, Any]) -> dict[str, Any]:
    ids = ("$id", "bookingId", "bookingDocId")
    return {k: f"{v}.{case}" if k in ids and v and v != "none" else v for k, v in row.items()}


@pytest.mark.parametrize("record_first", [True, False])
def test_a_record_without_a_provider_is_read_in_the_zone_of_its_booking(raw: RawFile, record_first: bool):
    records = [of(n, {**ALONE, **record}) for n, (record, _, _) in enumerate(CASES)]
    bookings = [of(n, {**BOOKING, **b}) for n, (_, those, _) in enumerate(CASES) for b in those]
    steps = [("commission_records", records), ("bookings", bookings)]
    for collection, put in steps if record_first else reversed(steps):
        raw.put(collection, *put, at=LATER)
        run(raw)
    for n, (_, _, zone) in enumerate(CASES):
        assert read_in(raw, f"c1.{n}") == zone, n
    assert not run(raw).changed
    assert same_as_rebuilt(raw)


@pytest.mark.parametrize("times", [1, 2])
def test_what_changes_about_the_booking_changes_how_its_record_is_read(raw: RawFile, times: int):
    """Each alone (a run after each), and all of it seen at once."""
    raw.put("commission_records", ALONE, {**ALONE, "$id": "c2", "therapistId": "jay"}, at=LATER)
    raw.put("hotel_bookings", {"$id": "h1", "status": "accepted", "businessId": "jay"})
    run(raw)
    changes: list[tuple[Callable[[], object], int]] = [
        (lambda: booked(raw), JAKARTA),
        (lambda: booked(raw, providerId="jay"), JAYAPURA),
        (lambda: raw.put("therapists", {"$id": "jay", "timezone": "WITA"}), DEFAULT),
        (lambda: raw.put("therapists", {"$id": "jay", "timezone": "WIB"}), JAKARTA),
        (lambda: booked(raw, bookingId="BK2"), DEFAULT),
        (lambda: booked(raw), JAKARTA),
        (lambda: booked(raw, createdAt="45000"), DEFAULT),
        (lambda: booked(raw), JAKARTA),
        (lambda: raw.delete("bookings", "b1"), DEFAULT),
        (lambda: booked(raw, providerId="jay"), JAKARTA),
        (lambda: raw.put("bookings", {**BOOKING, "$id": "b2", "providerId": None}), DEFAULT),
        (lambda: raw.put("commission_records", {**ALONE, "bookingId": "b1"}, at=LATER), JAKARTA),
        (lambda: raw.put("commission_records", {**ALONE, "bookingId": "h1"}, at=LATER), JAKARTA),
    ]
    for number, (change, zone) in enumerate(changes):
        change()
        if times == 2 and number % 2 == 0 and number < len(changes) - 1:
            continue
        run(raw)
        assert read_in(raw) == zone, number
    assert rows(raw, "commissions", "commission_id")["c2"]["utc_offset_minutes"] == JAKARTA
    assert same_as_rebuilt(raw)


def test_a_payment_that_only_the_default_zone_puts_ahead_is_believed(raw: RawFile):
    """Read in the default zone it lay an hour before; in the booking's own it has just happened."""
    raw.put("therapists", {"$id": "far", "timezone": "UTC+4"})
    raw.put("bookings", {**BOOKING, "providerId": "jay"})
    raw.put("commission_records", ALONE, at=datetime(2025, 11, 20, 4, 1))
    run(raw)
    assert rows(raw, "commissions", "commission_id")["c1"]["paid_at"] == datetime(2025, 11, 20, 4)
    assert table(raw, "data_findings").filter(pl.col("finding") == "in_the_future").height == 0
    raw.put("bookings", {**BOOKING, "providerId": "far"})
    run(raw)
    assert rows(raw, "commissions", "commission_id")["c1"]["paid_at"] is None
    assert table(raw, "data_findings").filter(pl.col("finding") == "in_the_future").height == 1
    assert same_as_rebuilt(raw)


def test_only_records_without_a_provider_whose_booking_changed_are_derived(raw: RawFile):
    raw.put(
        "bookings",
        *({**BOOKING, "$id": f"b{i}", "bookingId": f"BK{i}", "providerId": None} for i in range(6)),
    )
    alone = [{**ALONE, "$id": f"a{i}", "bookingId": f"BK{i}"} for i in range(3)]
    owned = [{**ALONE, "$id": f"o{i}", "bookingId": f"BK{i}", "therapistId": "jay"} for i in range(6)]
    raw.put("commission_records", *alone, *owned, at=LATER)
    run(raw)
    raw.put("bookings", *({**BOOKING, "$id": f"b{i}", "bookingId": f"BK{i}"} for i in (0, 1, 5)))
    outcome = run(raw, chunk_rows=1)
    assert (outcome.rows["bookings"], outcome.rows["commissions"]) == (3, 2)
    assert [read_in(raw, name) for name in ("a0", "a1", "a2")] == [JAKARTA, JAKARTA, DEFAULT]
    assert same_as_rebuilt(raw)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["booking", "record", "therapist", "delete", "reject", "run"]), st.integers(0, 2)),
    min_size=4, max_size=14,
)  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTIONS, st.integers())
def test_any_order_of_changes_and_runs_equals_a_rebuild(
    tmp_path: Path, actions: list[tuple[str, int]], seed: int
):
    for file in tmp_path.glob("*.duckdb"):
        file.unlink()
    raw = mirror(tmp_path)
    choose = random.Random(seed).choice
    stored: set[str] = set()
    for action, number in actions:
        if action in ("booking", "reject"):
            broken = {"createdAt": "45000"} if action == "reject" else {}
            named = {
                "$id": f"b{number}",
                "bookingId": choose(["BK1", "bk1", "BK2", "b1"]),
                "providerId": choose(["jkt", "jay", None]),
            }
            raw.put(
                "bookings", {**BOOKING, **named, "customerName": choose([None, "Test"]), **broken}, at=LATER
            )
            stored.add(f"b{number}")
        elif action == "record":
            refs = {
                "bookingId": choose(["BK1", "bK1", "b0", "B1", None]),
                "bookingDocId": choose(["b2", "BK2", None]),
            }
            raw.put(
                "commission_records",
                {**ALONE, "$id": f"c{number}", **refs, "therapistId": choose([None, None, "jay"])},
                at=LATER,
            )
        elif action == "therapist":
            raw.put("therapists", {"$id": choose(["jkt", "jay"]), "timezone": choose(["WIB", "WITA", "WIT"])})
        elif action == "delete" and f"b{number}" in stored:
            raw.delete("bookings", f"b{number}")
        elif action == "run":
            run(raw)
    run(raw)
    found = core(raw)
    raw.path.with_name("rebuilt.duckdb").unlink(missing_ok=True)
    run(raw, "rebuilt.duckdb", chunk_rows=2)
    assert core(raw, "rebuilt.duckdb") == found
