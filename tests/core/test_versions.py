"""What the versions of a row show of it, and reviews: the same derived bit by bit as from nothing."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.raw_file import START, RawFile
from tests.core.test_engine import core, rows, run, same_as_rebuilt, table

TABLES = {
    "bookings": {
        "bookingId": "VARCHAR", "status": "VARCHAR", "totalCost": "BIGINT", "createdAt": "VARCHAR",
        "providerId": "VARCHAR", "assigned_therapist": "VARCHAR", "therapistDetails": "VARCHAR", "userId": "VARCHAR",
        "reassignedTo": "VARCHAR", "previousTherapistId": "VARCHAR", "originalBookingId": "VARCHAR",
        "reassignedAt": "VARCHAR", "cancelledBy": "VARCHAR", "cancelledByRole": "VARCHAR",
    },
    "hotel_bookings": {"status": "VARCHAR", "businessId": "VARCHAR"},
    "therapists": {"name": "VARCHAR", "status": "VARCHAR", "timezone": "VARCHAR", "lastSeenAt": "VARCHAR",
                   "createdAt": "VARCHAR"},
    "places": {"name": "VARCHAR", "status": "VARCHAR"},
    "users": {"name": "VARCHAR", "createdAt": "VARCHAR"},
    "reviews": {"bookingId": "VARCHAR", "userId": "VARCHAR", "reviewerId": "VARCHAR", "therapistId": "VARCHAR",
                "rating": "VARCHAR", "stars": "DOUBLE", "comment": "VARCHAR", "createdAt": "VARCHAR"},
}  # fmt: skip
BOOKING = {"$id": "b1", "status": "pending", "totalCost": 250000, "providerId": "t1"}


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def providers_of(raw: RawFile) -> list[tuple[Any, ...]]:
    found = table(raw, "booking_providers").sort("booking_id", "change")
    return found.select("booking_id", "from_provider_id", "to_provider_id", "observed_at").rows()


def states_of(raw: RawFile) -> list[tuple[Any, ...]]:
    found = table(raw, "provider_states").sort("provider_id", "change")
    return found.select("provider_id", "status", "observed_at").rows()


# bookings


def test_a_booking_shows_whose_it_was_first_and_each_change(raw: RawFile):
    raw.put("bookings", BOOKING, {"$id": "b2", "status": "pending"})
    run(raw)
    raw.put("bookings", {**BOOKING, "status": "accepted"})
    raw.put("bookings", {**BOOKING, "assigned_therapist": "t2"}, {"$id": "b2", "providerId": "t1"})
    run(raw)
    assert providers_of(raw) == [
        ("b1", None, "t1", minute(1)),
        ("b1", "t1", "t2", minute(3)),
        ("b2", None, None, minute(1)),
        ("b2", None, "t1", minute(3)),
    ]
    assert same_as_rebuilt(raw)


def test_a_provider_in_json_and_in_another_attribute_is_the_same_one(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "therapistDetails": {"id": "t1"}})
    raw.put("bookings", {"$id": "b1", "providerId": "t1"})
    raw.put("hotel_bookings", {"$id": "b1", "businessId": "p1"})
    run(raw)
    found = (
        table(raw, "booking_providers").sort("origin").select("origin", "from_provider_id", "to_provider_id")
    )
    assert found.rows() == [("bookings", None, "t1"), ("hotel_bookings", None, "p1")]


def test_another_spelling_of_an_id_is_no_change_whenever_its_provider_comes(raw: RawFile):
    raw.put("bookings", {**BOOKING, "providerId": "T1"})
    raw.put("bookings", {**BOOKING, "providerId": "t1"})
    raw.put("bookings", {**BOOKING, "providerId": "t9"})
    run(raw)
    assert [row[1:3] for row in providers_of(raw)] == [(None, "T1"), ("T1", "t1"), ("t1", "t9")]
    raw.put("therapists", {"$id": "t1", "name": "Spa"})
    assert run(raw).rebuilt is None
    assert [row[1:3] for row in providers_of(raw)] == [(None, "t1"), ("t1", "t9")]
    assert same_as_rebuilt(raw)


def test_what_is_no_id_is_published_as_a_hash_of_every_version(raw: RawFile):
    raw.put("bookings", {**BOOKING, "providerId": "Ketut Sari, 081234567890"})
    raw.put("bookings", {**BOOKING, "reassignedTo": "Made Widi 0812 3456 7890"})
    run(raw)
    told = str(core(raw))
    assert "Ketut" not in told
    assert "Widi" not in told
    assert "1234567890" not in told
    assert providers_of(raw)[0][2].startswith("hash_")
    found = table(raw, "data_findings").select("finding", "attribute").rows()
    assert ("not_an_id", "reassignedTo") in found


def test_a_word_that_becomes_the_key_of_a_provider_is_told_from_then_on(raw: RawFile):
    raw.put("bookings", {**BOOKING, "providerId": "melati"})
    raw.put("bookings", {**BOOKING, "providerId": "t9"})
    run(raw)
    assert providers_of(raw)[0][2].startswith("hash_")
    raw.put("therapists", {"$id": "melati", "name": "Spa"})
    run(raw)
    assert providers_of(raw)[0][2] == "melati"
    assert same_as_rebuilt(raw)


def test_a_booking_that_was_deleted_keeps_them_and_a_quarantined_one_does_not(raw: RawFile):
    raw.put("bookings", BOOKING, {**BOOKING, "$id": "b2", "reassignedTo": "t2"})
    run(raw)
    raw.delete("bookings", "b1")
    raw.put("bookings", {**BOOKING, "$id": "b2", "createdAt": "45000"})
    run(raw)
    assert providers_of(raw) == [("b1", None, "t1", minute(1))]
    assert table(raw, "booking_handovers").height == 0
    assert same_as_rebuilt(raw)


def test_what_a_booking_says_of_its_handing_over(raw: RawFile):
    raw.put("therapists", {"$id": "t2", "name": "Spa"})
    raw.put(
        "bookings",
        BOOKING,
        {
            **BOOKING,
            "$id": "b2",
            "status": "reassigned",
            "reassignedTo": "T2",
            "reassignedAt": "2025-11-20T11:00",
        },
        {**BOOKING, "$id": "b3", "previousTherapistId": "t1", "originalBookingId": "b2"},
    )
    run(raw)
    assert table(raw, "booking_handovers").sort("booking_id").drop("change").rows() == [
        ("b2", "bookings", None, "t2", None, None, datetime(2025, 11, 20, 3)),
        ("b3", "bookings", "t1", None, "b2", None, None),
    ]
    assert ("reference_case", "reassignedTo") in table(raw, "data_findings").select(
        "finding", "attribute"
    ).rows()
    raw.put("bookings", {**BOOKING, "$id": "b2"})
    run(raw)
    assert table(raw, "booking_handovers")["booking_id"].to_list() == ["b3"]
    assert same_as_rebuilt(raw)


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("Customer", "customer"), ("therapist", "therapist"), ("admin", "admin"), ("T1", "therapist"),
        ("u1", "customer"), ("Ketuttari Widi", "unknown"), ("", None), (None, None),
    ],
)  # fmt: skip
def test_who_cancelled_is_a_role_and_never_a_name(raw: RawFile, written: str | None, role: str | None):
    raw.put("bookings", {**BOOKING, "userId": "U1", "status": "cancelled", "cancelledBy": written})
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["cancelled_by"] == role
    found = table(raw, "data_findings").select("finding", "attribute").rows()
    assert (("role_unknown", "cancelledBy") in found) == (role == "unknown")


@pytest.mark.parametrize(
    ("by", "role"),
    [(("x9-admin", "admin"), "admin"), (("Budi", "Customer"), "customer"), (("u1", "system"), "customer"),
     (("", "therapist"), "therapist"), (("Budi", "nobody"), "unknown"), (("none", None), None)],
)  # fmt: skip
def test_who_cancelled_is_told_by_whichever_attribute_says_it(
    raw: RawFile, by: tuple[str, str | None], role: str | None
):
    raw.put(
        "bookings",
        {**BOOKING, "userId": "U1", "status": "cancelled", "cancelledBy": by[0], "cancelledByRole": by[1]},
    )
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["cancelled_by"] == role
    found = table(raw, "data_findings").select("finding").to_series().to_list()
    assert ("role_unknown" in found) == (role == "unknown")


# providers


def test_a_provider_shows_each_status_it_had_and_none_once_it_was_deleted(raw: RawFile):
    seen = {"lastSeenAt": "2025-11-20T10:59:00"}
    raw.put("therapists", {"$id": "t1", "status": "available", **seen})
    run(raw)
    raw.put("therapists", {"$id": "t1", "status": "AVAILABLE", "name": "Spa", **seen})
    raw.put("therapists", {"$id": "t1", "status": "busy", "timezone": "Asia/Jayapura", **seen})
    raw.put("therapists", {"$id": "t1", "status": "on holiday"})
    raw.delete("therapists", "t1")
    raw.put("places", {"$id": "t1"})
    run(raw)
    assert states_of(raw) == [
        ("t1", "AVAILABLE", minute(1)),
        ("t1", "BUSY", minute(3)),
        ("t1", None, minute(4)),
        ("t1", None, minute(6)),
    ]
    found = table(raw, "provider_states").sort("change")
    assert found["provider_type"].to_list() == ["therapist", "therapist", "therapist", "place"]
    assert found["last_seen_at"].to_list() == [
        datetime(2025, 11, 20, 2, 59),
        datetime(2025, 11, 20, 1, 59),
        None,
        None,
    ]
    raw.put("therapists", {"$id": "t1", "status": "busy"})
    raw.delete("therapists", "t1")
    run(raw)
    assert states_of(raw)[-2:] == [("t1", "BUSY", minute(7)), ("t1", None, minute(8))]
    assert same_as_rebuilt(raw)


def test_a_provider_that_was_quarantined_shows_all_it_had_once_it_is_back(raw: RawFile):
    raw.put("therapists", {"$id": "t1", "status": "BUSY"}, {"$id": "t2", "status": "BUSY"})
    run(raw)
    raw.put("therapists", {"$id": "t1", "status": "OFFLINE", "createdAt": "45000"})
    run(raw)
    assert {row[0] for row in states_of(raw)} == {"t2"}
    raw.put(
        "therapists", {"$id": "t1", "status": "AVAILABLE"}, {"$id": "t2", "status": "BUSY", "name": "Spa"}
    )
    assert run(raw).rows["provider_states"] == 3
    assert [row[:2] for row in states_of(raw)] == [
        ("t1", "BUSY"), ("t1", "OFFLINE"), ("t1", "AVAILABLE"), ("t2", "BUSY"),
    ]  # fmt: skip
    assert same_as_rebuilt(raw)


def test_only_what_is_new_of_a_provider_is_written_and_a_status_that_goes_goes_from_all(raw: RawFile):
    raw.put("therapists", {"$id": "t1", "status": "BUSY"})
    run(raw)
    raw.put("therapists", {"$id": "t1", "status": "BUSY", "name": "Spa"})
    raw.put("therapists", {"$id": "t1", "status": "OFFLINE"})
    assert run(raw).rows["provider_states"] == 1
    raw.remove_attribute("therapists", "status")
    run(raw)
    assert states_of(raw) == [("t1", None, minute(1))]
    assert same_as_rebuilt(raw)


# reviews


@pytest.mark.parametrize(
    ("written", "rating"),
    [
        ({"rating": "5"}, 5), ({"rating": " 4.0 "}, 4), ({"rating": None, "stars": 3.0}, 3), ({}, None),
        ({"rating": "none"}, None), ({"rating": "", "stars": 1.0}, 1), ({"stars": 5.0, "rating": "2"}, 2),
    ],
)  # fmt: skip
def test_a_rating_is_whole_stars(raw: RawFile, written: dict[str, Any], rating: int | None):
    raw.put("reviews", {"$id": "v1", **written})
    run(raw)
    assert rows(raw, "reviews", "review_id")["v1"]["rating"] == rating
    assert table(raw, "data_findings").height == 0


@pytest.mark.parametrize(
    "written", [{"rating": "0"}, {"rating": "6"}, {"rating": "4.5"}, {"rating": "five"}, {"stars": -1.0}]
)
def test_what_is_no_rating_is_null_with_a_finding(raw: RawFile, written: dict[str, Any]):
    raw.put("reviews", {"$id": "v1", **written})
    run(raw)
    assert rows(raw, "reviews", "review_id")["v1"]["rating"] is None
    found = table(raw, "data_findings").select("finding", "collection", "row_id", "attribute", "detail")
    (attribute,) = written
    assert found.rows() == [
        ("rating_unreadable", "reviews", "v1", attribute, "not a whole number from 1 to 5"),
    ]  # fmt: skip


def test_a_review_names_its_booking_its_author_and_its_provider_and_nothing_else(raw: RawFile):
    raw.put("therapists", {"$id": "t1", "name": "Spa", "timezone": "Asia/Jayapura"})
    raw.put("users", {"$id": "u1", "name": "Sari"})
    raw.put(
        "reviews",
        {
            "$id": "v1", "bookingId": "BK1", "reviewerId": "U1", "therapistId": "T1", "rating": "5",
            "comment": "Ketuttari was kind", "createdAt": "2025-11-20T12:00:00",
        },
        {"$id": "v2", "bookingId": "0812 3456 7890", "userId": "Ketuttari Widi"},
        {"$id": "v3", "createdAt": "45000"},
    )  # fmt: skip
    run(raw)
    found = rows(raw, "reviews", "review_id")
    first = found["v1"]
    assert (first["booking_ref"], first["customer_id"], first["provider_id"]) == ("BK1", "u1", "t1")
    assert first["created_at"] == datetime(2025, 11, 20, 3)
    assert "Ketuttari" not in str(core(raw))
    assert set(found) == {"v1", "v2"}
    assert table(raw, "quarantined")["collection"].to_list() == ["reviews"]
    raw.delete("reviews", "v1")
    run(raw)
    assert rows(raw, "reviews", "review_id")["v1"]["deleted_at"] is not None
    assert same_as_rebuilt(raw)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["booking", "hotel", "provider", "review", "delete", "reject", "run"]), st.integers(0, 2)
    ),
    min_size=6, max_size=18,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTIONS, st.integers())
def test_any_order_of_changes_and_runs_equals_a_rebuild(
    tmp_path: Path, actions: list[tuple[str, int]], seed: int
):
    for file in tmp_path.glob("*.duckdb"):
        file.unlink()
    raw = RawFile(tmp_path / "raw.duckdb", TABLES)
    choose = random.Random(seed).choice
    named = ["t0", "T0", "t1", "melati", "Melati", "Ni Luh 0812 3456 7890", None]
    stored: set[tuple[str, str]] = set()
    for action, number in actions:
        collection = {"hotel": "hotel_bookings", "provider": "therapists", "review": "reviews"}.get(
            action, "bookings"
        )
        row: dict[str, Any] = {
            "$id": choose(["t0", "T0", "melati"]) if action == "provider" else f"r{number}"
        }
        if action in ("booking", "reject"):
            row |= {
                "providerId": choose(named),
                "reassignedTo": choose(named),
                "originalBookingId": choose(["r0", None]),
            }
            row |= {"createdAt": "45000"} if action == "reject" else {}
        elif action == "hotel":
            row |= {"businessId": choose(named)}
        elif action == "provider":
            row |= {
                "status": choose(["AVAILABLE", "BUSY", "x", None]),
                "timezone": choose(["WIB", "WIT", None]),
                "createdAt": choose([None, None, None, "45000"]),
            }
        elif action == "review":
            row |= {
                "therapistId": choose(named),
                "rating": choose(["5", "9", None]),
                "bookingId": choose(["r0", "BK1"]),
            }
        if action == "run":
            run(raw)
        elif action == "delete":
            if stored:
                raw.delete(*choose(sorted(stored)))
        else:
            raw.put(collection, row)
            stored.add((collection, row["$id"]))
    run(raw)
    found = core(raw)
    raw.path.with_name("rebuilt.duckdb").unlink(missing_ok=True)
    run(raw, "rebuilt.duckdb", chunk_rows=2)
    assert core(raw, "rebuilt.duckdb") == found
