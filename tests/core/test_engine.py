"""Core from raw: what is new only, the same as a full rebuild, whatever happened in between."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.core import engine
from assets.core.derive import derive
from assets.core.engine import CoreInvalid, CoreOutcome, process
from checks import factory
from checks.check import TableCheck
from checks.derived_rows import violations
from checks.results import violations as violations_of
from checks.schemas import CORE
from marketplace.instants import NO_ZONE
from marketplace.money import AmountBounds
from resources.errors import BookwatchError, UsageError
from resources.phone_key import read_phone_key
from resources.run_report import Run
from resources.settings import Settings
from resources.warehouse import HeldWarehouse
from tests.core.changes import TABLES, Action, Changes, actions
from tests.core.raw_file import START, RawFile

NOW = datetime(2025, 11, 21)


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)


def run(raw: RawFile, warehouse: str = "warehouse.duckdb", **options: Any) -> CoreOutcome:
    settings_ = {"timezone": "Asia/Makassar", "rules_version": "1", "now": NOW, **options}
    return process(raw.path, raw.path.with_name(warehouse), **settings_)


def table(raw: RawFile, name: str, warehouse: str = "warehouse.duckdb") -> pl.DataFrame:
    with duckdb.connect(str(raw.path.with_name(warehouse)), read_only=True) as con:
        return con.sql(f"SELECT * FROM core.{name}").pl()


def rows(raw: RawFile, name: str, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in table(raw, name).iter_rows(named=True)}


def core(raw: RawFile, warehouse: str = "warehouse.duckdb") -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(raw.path.with_name(warehouse)), read_only=True) as con:
        return {
            name: sorted(con.execute(f"SELECT * FROM core.{name}").fetchall(), key=repr)
            for name, one in CORE.items()
            if one.checked
        }


def same_as_rebuilt(raw: RawFile, **options: Any) -> bool:
    """Whether core equals one derived from nothing."""
    raw.path.with_name("rebuilt.duckdb").unlink(missing_ok=True)
    run(raw, "rebuilt.duckdb", **options)
    return core(raw) == core(raw, "rebuilt.duckdb")


BOOKING = {"$id": "b1", "status": "pending", "totalCost": 250000, "providerId": "t1"}


def test_in_an_open_warehouse_it_derives_the_same_and_lets_go_of_the_mirror(raw: RawFile):
    raw.put("bookings", BOOKING)
    run(raw, "apart.duckdb")
    held = HeldWarehouse(raw.path.with_name("warehouse.duckdb"))
    with held.open() as con:
        limit = con.execute("SELECT current_setting('memory_limit')").fetchall()
        process(raw.path, con, timezone="Asia/Makassar", rules_version="1", now=NOW)
        assert con.execute("SELECT current_setting('memory_limit')").fetchall() == limit
        assert con.execute("SELECT booking_id FROM core.bookings").fetchall() == [("b1",)]
    raw.put("bookings", BOOKING | {"$id": "b2"})  # opens the mirror for writing
    with held.open() as con:
        process(raw.path, con, timezone="Asia/Makassar", rules_version="1", now=NOW)
    held.close()
    run(raw, "apart.duckdb")
    assert core(raw) == core(raw, "apart.duckdb")


def test_a_first_run_derives_everything_and_the_next_nothing(raw: RawFile):
    raw.put("bookings", BOOKING)
    first, second = run(raw), run(raw)
    assert first.changed
    assert first.rows["bookings"] == 1
    assert not second.changed
    assert second.processed_change == first.processed_change == 1


def test_every_table_exists_and_is_typed_though_no_collection_was_read(tmp_path: Path):
    raw = RawFile(tmp_path / "raw.duckdb", {})
    run(raw)
    for name in (name for name, one in CORE.items() if one.checked):
        assert violations(name, table(raw, name)) == [], name


def test_only_what_changed_is_derived(raw: RawFile):
    raw.put("bookings", BOOKING, {**BOOKING, "$id": "b2"})
    run(raw)
    raw.put("bookings", {**BOOKING, "status": "completed"})
    outcome = run(raw)
    assert outcome.rows["bookings"] == 1
    assert outcome.rebuilt is None
    assert rows(raw, "bookings", "booking_id")["b1"]["status"] == "completed"
    assert same_as_rebuilt(raw)


def test_an_attribute_that_is_gone_is_absent_from_changed_and_unchanged_rows_alike(raw: RawFile):
    old = {**BOOKING, "status": "completed", "customerName": "Wayan"}
    raw.put("bookings", {**old, "$id": "same"}, {**old, "$id": "changed"})
    raw.put("bookings", {**old, "$id": "odd", "totalCost": None, "_misfits": {"totalCost": "250000"}})
    run(raw)
    assert set(table(raw, "bookings")["amount_idr"]) == {250_000}
    raw.remove_attribute("bookings", "totalCost")
    raw.put("bookings", {**old, "$id": "changed", "totalCost": None, "price": 300_000.0})
    outcome = run(raw)
    assert outcome.rebuilt is None
    found = {key: row["amount_idr"] for key, row in rows(raw, "bookings", "booking_id").items()}
    assert found == {"same": None, "odd": None, "changed": 300_000}
    assert "type_mismatch" not in set(table(raw, "data_findings")["finding"])
    assert same_as_rebuilt(raw)
    assert not run(raw).changed


def test_an_attribute_that_goes_without_any_change_of_a_row_goes_from_core(raw: RawFile):
    raw.put("bookings", {**BOOKING, "status": "completed"})
    run(raw)
    raw.remove_attribute("bookings", "status")
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["status"] == "unknown"
    assert table(raw, "booking_events")["to_status"].to_list() in ([], ["unknown"])
    assert same_as_rebuilt(raw)


def test_a_column_kept_beside_the_one_made_again_with_another_type_is_not_read(raw: RawFile):
    raw.put("bookings", {**BOOKING, "status": "completed"})
    with duckdb.connect(str(raw.path)) as con:
        for name in ("bookings", "bookings_history"):
            con.execute(f"ALTER TABLE {name} RENAME COLUMN totalCost TO totalCost__was_integer")
            con.execute(f"ALTER TABLE {name} ADD COLUMN totalCost DOUBLE")
        con.execute(
            "UPDATE _columns SET column_name = 'totalCost__was_integer', gone_at = now()::TIMESTAMP"
            " WHERE attribute = 'totalCost'"
        )
        con.execute(
            "INSERT INTO _columns (collection, attribute, column_name, kind, is_array, first_seen_at)"
            " VALUES ('bookings', 'totalCost', 'totalCost', 'float', false, now()::TIMESTAMP)"
        )
        con.execute("UPDATE bookings SET totalCost = 300000")
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["amount_idr"] == 300_000


def test_columns_that_differ_by_case_keep_their_own_values(raw: RawFile):
    raw.put("bookings", {**BOOKING, "customerPhone": None, "customerphone": "081234567890"})
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["customer_key"].startswith("p:")


def test_an_acceptance_seen_between_two_versions_is_observed_with_its_moment(raw: RawFile):
    raw.put("bookings", BOOKING)
    run(raw)
    raw.put("bookings", {**BOOKING, "status": "accepted"}, at=datetime(2025, 11, 20, 5))
    run(raw)
    raw.put("bookings", {**BOOKING, "status": "completed"}, at=datetime(2025, 11, 20, 7))
    run(raw)
    booking = rows(raw, "bookings", "booking_id")["b1"]
    assert (booking["accepted_at"], booking["accepted_rule"]) == (datetime(2025, 11, 20, 5), "observed")
    events = table(raw, "booking_events").sort("change")
    assert list(zip(events["from_status"], events["to_status"], strict=True)) == [
        (None, "pending"), ("pending", "accepted"), ("accepted", "completed"),
    ]  # fmt: skip
    assert same_as_rebuilt(raw)


def test_an_acceptance_is_never_observed_after_it_was_seen(raw: RawFile):
    """Under a frozen clock the server's own clock runs ahead of the one every rule is judged by."""
    seen = datetime(2025, 11, 20, 5)
    raw.put("bookings", {**BOOKING, "$updatedAt": datetime(2026, 11, 22)}, at=datetime(2025, 11, 20, 4))
    raw.put("bookings", {**BOOKING, "status": "accepted", "$updatedAt": datetime(2026, 11, 22, 1)}, at=seen)
    run(raw)
    booking = rows(raw, "bookings", "booking_id")["b1"]
    assert (booking["accepted_at"], booking["accepted_rule"]) == (seen, "observed")


def test_a_first_sight_is_no_acceptance_and_a_written_one_wins(raw: RawFile):
    raw.put("bookings", {**BOOKING, "status": "accepted"}, {**BOOKING, "$id": "b2"})
    run(raw)
    raw.put(
        "bookings",
        {**BOOKING, "$id": "b2", "status": "accepted", "acceptedAt": datetime(2025, 11, 20, 3, 30)},
        at=datetime(2025, 11, 20, 4),
    )
    run(raw)
    found = rows(raw, "bookings", "booking_id")
    assert (found["b1"]["accepted_at"], found["b1"]["accepted_rule"]) == (None, None)
    assert (found["b2"]["accepted_at"], found["b2"]["accepted_rule"]) == (
        datetime(2025, 11, 20, 3, 30),
        "explicit",
    )


def test_a_change_of_another_attribute_is_no_event(raw: RawFile):
    raw.put("bookings", BOOKING)
    raw.put("bookings", {**BOOKING, "roomNumber": "12"})
    run(raw)
    assert table(raw, "booking_events").height == 1


def test_a_provider_that_moves_to_another_zone_takes_its_rows_along(raw: RawFile):
    raw.put("therapists", {"$id": "t1", "name": "Spa", "timezone": "Asia/Makassar"})
    raw.put(
        "bookings",
        {**BOOKING, "startTime": "14:00", "date": "2025-11-20"},
        {**BOOKING, "$id": "b2", "providerId": "t2"},
    )
    later = datetime(2025, 11, 20, 8)
    raw.put("commission_records", {"$id": "c1", "therapistId": "t1", "paidAt": "2025-11-20 14:00"}, at=later)
    raw.put(
        "chat_messages",
        {"$id": "m1", "senderId": "t1", "senderRole": "therapist", "timestamp": "2025-11-20 14:00"},
        at=later,
    )
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["starts_at"].hour == 6
    raw.put("therapists", {"$id": "t1", "name": "Spa", "timezone": "Asia/Jakarta"})
    outcome = run(raw)
    assert outcome.rebuilt is None
    assert outcome.rows["bookings"] == 1
    assert rows(raw, "bookings", "booking_id")["b1"]["starts_at"].hour == 7
    assert rows(raw, "commissions", "commission_id")["c1"]["paid_at"].hour == 7
    assert rows(raw, "messages", "message_id")["m1"]["sent_at"].hour == 7
    assert same_as_rebuilt(raw)


# -- providers that were not read yet ------------------------------------------------------------------------

JAKARTA = {"$id": "t1", "name": "Spa", "timezone": "Asia/Jakarta"}
#: Every kind of row whose times are written without a zone, of provider t1.
BARE_TIMES: dict[str, dict[str, Any]] = {
    "bookings": {**BOOKING, "status": "accepted", "startTime": "10:00", "date": "2025-11-20"},
    "hotel_bookings": {"$id": "h1", "status": "confirmed", "totalPrice": "300000", "businessId": "t1"},
    "commission_records": {"$id": "c1", "therapistId": "t1", "paidAt": "2025-11-20 10:00"},
    "chat_messages": {
        "$id": "m1",
        "senderId": "t1",
        "senderRole": "therapist",
        "timestamp": "2025-11-20 10:00",
    },
}


def put_all(raw: RawFile) -> None:
    for collection, row in BARE_TIMES.items():
        raw.put(collection, row)


def bare_times(raw: RawFile) -> list[int | None]:
    """The hours, in UTC, of what BARE_TIMES writes as 10:00."""
    values = (
        rows(raw, "bookings", "booking_id")["b1"]["starts_at"],
        rows(raw, "commissions", "commission_id")["c1"]["paid_at"],
        rows(raw, "messages", "message_id")["m1"]["sent_at"],
    )
    return [value and value.hour for value in values]


def offsets(raw: RawFile) -> list[int | None]:
    found = table(raw, "bookings").sort("booking_id")["utc_offset_minutes"].to_list()
    return [*found, *table(raw, "commissions")["utc_offset_minutes"]]


def without_a_zone(raw: RawFile) -> set[tuple[str, str]]:
    found = table(raw, "data_findings").filter(pl.col("code") == NO_ZONE)
    assert set(found["finding"]) <= {"time_unreadable"}
    return {(row["row_id"], row["attribute"]) for row in found.iter_rows(named=True)}


@pytest.mark.parametrize("broken", ["partial", "failed"])
def test_until_the_first_reading_of_the_providers_ends_their_rows_are_in_no_zone(raw: RawFile, broken: str):
    raw.scanned("therapists", broken)
    put_all(raw)
    run(raw)
    assert offsets(raw) == [None, None, None]
    assert bare_times(raw) == [None, None, None]
    assert without_a_zone(raw) == {("b1", "startTime"), ("c1", "paidAt"), ("m1", "timestamp")}
    assert same_as_rebuilt(raw)
    assert not run(raw).changed
    raw.put("therapists", JAKARTA)
    raw.scanned("therapists")
    outcome = run(raw)
    assert outcome.rebuilt == "the first reading of therapists has ended"
    assert offsets(raw) == [420, 420, 420]
    assert bare_times(raw) == [3, 3, 3]
    assert without_a_zone(raw) == set()
    assert same_as_rebuilt(raw)
    assert not run(raw).changed


def test_a_provider_that_an_unfinished_reading_brought_is_known(raw: RawFile):
    raw.scanned("therapists", "partial")
    put_all(raw)
    raw.put("bookings", {**BOOKING, "$id": "b2", "providerId": "t2"})
    run(raw)
    raw.put("therapists", JAKARTA, {"$id": "t2", "timezone": "Asia/Makassar"})
    raw.scanned("therapists", "partial")
    assert run(raw).rebuilt is None
    assert offsets(raw) == [420, 480, 420, 420]
    assert bare_times(raw) == [3, 3, 3]
    assert same_as_rebuilt(raw)


@pytest.mark.parametrize("outcome", ["missing", "forbidden", "complete"])
def test_where_no_such_provider_can_be_read_the_zone_is_the_default(raw: RawFile, outcome: str):
    put_all(raw)
    raw.scanned("therapists", outcome)
    raw.scanned("places", "missing")
    run(raw)
    assert offsets(raw) == [480, 480, 480]
    assert bare_times(raw) == [2, 2, 2]
    assert without_a_zone(raw) == set()
    raw.scanned("therapists", "partial")
    run(raw)
    assert offsets(raw) == ([480, 480, 480] if outcome == "complete" else [None, None, None])
    assert same_as_rebuilt(raw)


def test_a_row_that_names_no_provider_is_in_the_default_zone_however_much_is_unread(raw: RawFile):
    raw.scanned("places", "partial")
    raw.put("bookings", {**BOOKING, "providerId": None, "startTime": "14:00", "date": "2025-11-20"})
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["starts_at"].hour == 6


def test_a_row_younger_than_what_was_read_of_the_providers_waits_for_their_next_scan(raw: RawFile):
    """Its provider may have come since; that of an older row is not there."""
    raw.put("bookings", {**BOOKING, "$id": "older", "providerId": "nobody"})
    raw.scanned("therapists")
    raw.scanned("places")
    for collection, row in BARE_TIMES.items():
        raw.put(collection, row)
        raw.put(
            collection,
            {**row, "$id": f"{row['$id']}-none"} | ({"providerId": None} if collection == "bookings" else {}),
        )
    run(raw)
    found = rows(raw, "bookings", "booking_id")
    assert {key: row["utc_offset_minutes"] for key, row in found.items()} == {
        "older": 480, "b1": None, "b1-none": 480, "h1": None, "h1-none": None
    }  # fmt: skip
    assert bare_times(raw) == [None, None, None]
    assert same_as_rebuilt(raw)
    # While the scan of the therapists breaks off, nothing more is known.
    raw.scanned("therapists", "failed")
    raw.scanned("places")
    run(raw)
    assert bare_times(raw) == [None, None, None]
    assert same_as_rebuilt(raw)
    # It did not come: no row has changed, and all are in the default zone now.
    raw.scanned("therapists")
    raw.scanned("places")
    outcome = run(raw)
    assert outcome.rebuilt is None
    assert outcome.rows["bookings"] == 3
    assert bare_times(raw) == [2, 2, 2]
    assert without_a_zone(raw) == set()
    assert same_as_rebuilt(raw)
    assert not run(raw).changed


def test_a_provider_that_comes_after_its_booking_takes_it_into_its_zone(raw: RawFile):
    raw.scanned("therapists")
    put_all(raw)
    run(raw)
    raw.put("therapists", JAKARTA)
    raw.scanned("therapists")
    assert run(raw).rebuilt is None
    assert bare_times(raw) == [3, 3, 3]
    assert same_as_rebuilt(raw)


def test_a_row_that_was_stored_before_the_providers_were_read_is_judged_whatever_it_says_of_its_age(
    raw: RawFile,
):
    """Written (it says) next year, or by a server whose clock nobody believes: known after one scan more."""
    raw.scanned("therapists")
    raw.put("bookings", {**BARE_TIMES["bookings"], "$updatedAt": datetime(2026, 11, 20)})
    run(raw)
    assert offsets(raw) == [None]
    raw.scanned("therapists", upto=START, at=START + timedelta(hours=1))
    run(raw)
    assert offsets(raw) == [480]
    assert same_as_rebuilt(raw)


def test_where_the_providers_were_read_less_far_than_before_their_rows_wait_again(raw: RawFile):
    raw.put("bookings", BARE_TIMES["bookings"])
    raw.scanned("therapists", upto=START + timedelta(hours=1), at=START)
    run(raw)
    assert offsets(raw) == [480]
    raw.scanned("therapists", upto=START, at=START)
    raw.put("bookings", {**BOOKING, "$id": "b2", "$updatedAt": START, "providerId": "t3"})
    run(raw)
    assert offsets(raw) == [None, 480]
    assert same_as_rebuilt(raw)
    raw.scanned("therapists", "forbidden")
    run(raw)
    assert offsets(raw) == [480, 480]
    assert same_as_rebuilt(raw)
    raw.scanned("therapists", upto=START, at=START)
    raw.put("users", {"$id": "u1"})
    run(raw)
    assert offsets(raw) == [None, 480]
    assert same_as_rebuilt(raw)


def test_a_creation_without_a_zone_is_appwrites_own_until_its_provider_is_read(raw: RawFile):
    raw.scanned("therapists", "partial")
    raw.put(
        "bookings", {**BOOKING, "createdAt": "2025-11-20 10:00", "$createdAt": datetime(2025, 11, 20, 3, 4)}
    )
    run(raw)
    found = rows(raw, "bookings", "booking_id")["b1"]
    assert (found["created_at"], found["created_rule"]) == (datetime(2025, 11, 20, 3, 4), "$createdAt")
    assert without_a_zone(raw) == {("b1", "createdAt")}
    assert table(raw, "quarantined").height == 0
    raw.put("therapists", JAKARTA)
    raw.scanned("therapists")
    run(raw)
    found = rows(raw, "bookings", "booking_id")["b1"]
    assert (found["created_at"], found["created_rule"]) == (datetime(2025, 11, 20, 3), "createdAt")
    assert same_as_rebuilt(raw)


def named(raw: RawFile) -> dict[str, tuple[str, str]]:
    """Booking → the provider and the customer it names."""
    return {
        key: (row["provider_id"], row["customer_id"])
        for key, row in rows(raw, "bookings", "booking_id").items()
    }


def cases(raw: RawFile) -> set[tuple[str, str, str]]:
    found = table(raw, "data_findings").filter(pl.col("finding") == "reference_case")
    return set(found.select("collection", "row_id", "attribute").rows())


def test_a_provider_named_except_for_case_is_that_provider_with_its_zone(raw: RawFile):
    raw.put("therapists", {"$id": "Spa1", "timezone": "WIB"}, {"$id": "Twin7", "timezone": "WIT"})
    raw.put("therapists", {"$id": "twin7", "timezone": "WIB"})
    at = {"startTime": "14:00", "date": "2025-11-20"}
    raw.put("bookings", *({**BOOKING, "$id": f"b-{name}", "providerId": name, **at} for name in (
        "Spa1", "SPA1", "TWIN7", "twin7", "else7"
    )))  # fmt: skip
    raw.put("commission_records", {"$id": "c1", "therapistId": "spa1", "paidAt": "2025-11-20 10:00"})
    raw.put(
        "chat_messages",
        {"$id": "m1", "senderId": "sPA1", "senderRole": "therapist", "timestamp": "2025-11-20 10:00"},
    )
    run(raw)
    bookings = rows(raw, "bookings", "booking_id")
    assert {key: (row["provider_id"], row["starts_at"].hour) for key, row in bookings.items()} == {
        "b-Spa1": ("Spa1", 7),
        "b-SPA1": ("Spa1", 7),
        "b-TWIN7": ("TWIN7", 6),  # two are the same but for case: neither is meant surely
        "b-twin7": ("twin7", 7),
        "b-else7": ("else7", 6),
    }
    assert rows(raw, "commissions", "commission_id")["c1"]["provider_id"] == "Spa1"
    assert rows(raw, "commissions", "commission_id")["c1"]["paid_at"].hour == 3
    assert rows(raw, "messages", "message_id")["m1"]["sender_id"] == "Spa1"
    assert cases(raw) == {
        ("bookings", "b-SPA1", "providerId"),
        ("commission_records", "c1", "therapistId"),
        ("chat_messages", "m1", "senderId"),
    }
    found = table(raw, "data_findings").filter(pl.col("finding") == "reference_case")
    assert not found.filter(pl.col("detail").str.to_lowercase().str.contains("spa1")).height


def test_a_customer_is_one_except_for_case_unless_two_users_are(raw: RawFile):
    raw.put("users", {"$id": "Ann7"}, {"$id": "bob7"}, {"$id": "BOB7"})
    raw.put("bookings", *({**BOOKING, "$id": f"b-{name}", "userId": name} for name in (
        "Ann7", "ANN7", "bob7", "BOB7", "Bob7", "cho7", "CHO7"
    )))  # fmt: skip
    run(raw)
    bookings = rows(raw, "bookings", "booking_id").values()
    assert {row["booking_id"]: (row["customer_id"], row["customer_key"]) for row in bookings} == {
        "b-Ann7": ("Ann7", "c:Ann7"),
        "b-ANN7": ("Ann7", "c:Ann7"),
        "b-bob7": ("bob7", "c:bob7"),
        "b-BOB7": ("BOB7", "c:BOB7"),
        "b-Bob7": ("Bob7", "c:Bob7"),
        # No user tells them apart.
        "b-cho7": ("cho7", "c:cho7"),
        "b-CHO7": ("CHO7", "c:cho7"),
    }
    assert cases(raw) == {("bookings", "b-ANN7", "userId")}


def test_a_reference_follows_providers_and_users_that_come_and_go(raw: RawFile):
    raw.put("bookings", {**BOOKING, "providerId": "SPA7", "userId": "ANN7"})
    raw.put("bookings", {**BOOKING, "$id": "b2", "providerId": "else7", "userId": "else7"})
    run(raw)
    assert named(raw)["b1"] == ("SPA7", "ANN7")
    raw.put("therapists", {"$id": "Spa7"})
    raw.put("users", {"$id": "ann7"}, {"$id": "else7"})
    outcome = run(raw)
    assert outcome.rebuilt is None
    assert outcome.rows["bookings"] == 1  # not that of the new user whom its booking names exactly
    assert named(raw)["b1"] == ("Spa7", "ann7")
    assert same_as_rebuilt(raw)
    raw.put("therapists", {"$id": "sPA7"})  # a second one: neither is meant surely
    raw.put("users", {"$id": "ANN7"})
    run(raw)
    assert named(raw)["b1"] == ("SPA7", "ANN7")
    assert cases(raw) == set()
    assert same_as_rebuilt(raw)
    raw.delete("therapists", "sPA7")
    raw.put("therapists", {"$id": "Spa7", "_rejected": '["creation_unreadable"]'})
    run(raw)
    assert named(raw)["b1"] == ("sPA7", "ANN7")  # deleted, and yet the only one there is
    assert same_as_rebuilt(raw)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"rules_version": "2"}, "rules"),
        ({"timezone": "Asia/Jayapura"}, "time zone"),
        ({"full": True}, "asked"),
        ({"phone_key": b"another"}, "secret"),
        ({"amounts": AmountBounds(20_000, 200_000)}, "bounds"),
        ({"amounts": AmountBounds(300_000, 20_000_000)}, "bounds"),
    ],
)
def test_what_changes_the_meaning_of_all_rows_rebuilds_all(
    raw: RawFile, options: dict[str, Any], reason: str
):
    raw.put(
        "bookings", {**BOOKING, "startTime": "14:00", "date": "2025-11-20", "customerPhone": "081234567890"}
    )
    run(raw)
    outcome = run(raw, **options)
    assert outcome.rebuilt is not None
    assert reason in outcome.rebuilt
    assert same_as_rebuilt(raw, **options)


def test_another_mirror_rebuilds_all(raw: RawFile, tmp_path: Path):
    for _ in range(3):
        raw.put("bookings", BOOKING)
    run(raw)
    raw.path.unlink()
    other = RawFile(raw.path, TABLES)
    other.put("bookings", {**BOOKING, "$id": "z"})
    assert run(other).rebuilt == "the mirror was replaced"
    assert set(rows(other, "bookings", "booking_id")) == {"z"}


def test_a_proof_attribute_that_appears_is_judged_on_old_records_too(raw: RawFile):
    raw.put("commission_records", {"$id": "c1", "paymentStatus": "paid"})
    run(raw)
    assert rows(raw, "commissions", "commission_id")["c1"]["proof_state"] == "absent"
    raw.add_attribute("commission_records", "paymentProofUrl", "VARCHAR")
    run(raw)
    assert rows(raw, "commissions", "commission_id")["c1"]["proof_state"] == "empty"
    assert same_as_rebuilt(raw)


def test_a_row_that_turns_unreadable_leaves_core_and_comes_back_when_repaired(raw: RawFile):
    raw.put("bookings", {**BOOKING, "bookingId": "BK1"})
    run(raw)
    raw.put(
        "bookings",
        {**BOOKING, "bookingId": "BK1", "createdAt": "45000", "_rejected": '["creation_unreadable"]'},
    )
    outcome = run(raw)
    assert outcome.quarantined == 1
    assert table(raw, "bookings").height == table(raw, "booking_events").height == 0
    refused = table(raw, "quarantined").row(0, named=True)
    assert (refused["collection"], refused["row_id"], refused["business_id"]) == ("bookings", "b1", "BK1")
    assert json.loads(refused["reasons"]) == ["creation_unreadable"]
    assert table(raw, "data_findings")["finding"].to_list() == ["creation_unreadable"]
    assert same_as_rebuilt(raw)
    raw.put("bookings", {**BOOKING, "bookingId": "BK1"})
    run(raw)
    assert table(raw, "bookings").height == 1
    assert table(raw, "quarantined").height == table(raw, "data_findings").height == 0
    assert same_as_rebuilt(raw)


def test_core_refuses_on_its_own_what_the_mirror_let_through(raw: RawFile):
    raw.put("commission_records", {"$id": "c1", "createdAt": "1970"})
    raw.put("users", {"$id": "u1", "name": "Wayan", "createdAt": "45000"})
    run(raw)
    assert table(raw, "quarantined")["row_id"].sort().to_list() == ["c1", "u1"]
    assert table(raw, "commissions").height == 0


def test_a_row_without_an_id_is_quarantined_by_its_place(raw: RawFile):
    raw.put("bookings", BOOKING)
    run(raw)
    with duckdb.connect(str(raw.path)) as con:
        con.execute(
            "INSERT INTO _rejects VALUES ('bookings', '$sequence:7', 7, '[\"id_missing\"]', ?, ?, ?, '1')",
            [json.dumps({"$id": "", "bookingId": "BK7", "customerName": "zzsecret"}), START, START],
        )
    assert run(raw).quarantined == 1
    refused = table(raw, "quarantined").row(0, named=True)
    assert (refused["row_id"], refused["business_id"], refused["first_seen_at"]) == (
        "$sequence:7",
        "BK7",
        START,
    )
    assert not run(raw).changed
    assert same_as_rebuilt(raw)
    with duckdb.connect(str(raw.path)) as con:
        con.execute("DELETE FROM _rejects")
    run(raw)
    assert table(raw, "quarantined").height == 0


def test_a_deleted_row_stays_with_its_mark_and_a_deleted_reject_does_not(raw: RawFile):
    raw.put("bookings", BOOKING, {**BOOKING, "$id": "b2", "createdAt": "45000"})
    run(raw)
    raw.delete("bookings", "b1")
    raw.delete("bookings", "b2")
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["deleted_at"] is not None
    assert table(raw, "quarantined").height == 0
    assert same_as_rebuilt(raw)


def test_one_id_in_both_booking_collections_is_two_bookings(raw: RawFile):
    raw.put("bookings", BOOKING)
    raw.put("hotel_bookings", {"$id": "b1", "status": "confirmed", "totalPrice": "300000"})
    run(raw)
    raw.put("hotel_bookings", {"$id": "b1", "status": "completed", "totalPrice": "300000"})
    run(raw)
    found = table(raw, "bookings").sort("origin")
    assert list(zip(found["origin"], found["status"], strict=True)) == [
        ("bookings", "pending"), ("hotel_bookings", "completed"),
    ]  # fmt: skip
    assert same_as_rebuilt(raw)


class Killed(BaseException):
    """A kill between two chunks."""


@pytest.mark.parametrize(
    ("at", "full"), [(1, False), (2, False), (3, False), (1, True), (4, True), (6, True)]
)
def test_a_kill_at_any_chunk_leaves_the_last_state_and_a_rerun_makes_it_whole(
    raw: RawFile, at: int, full: bool
):
    raw.put("bookings", *({**BOOKING, "$id": f"b{i}"} for i in range(3)))
    run(raw)
    before = core(raw)
    raw.put("therapists", {"$id": "t1", "timezone": "WIB"})
    raw.put("bookings", *({**BOOKING, "$id": f"b{i}", "status": "accepted"} for i in range(1, 5)))
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    seen = 0

    def kill(collection: str, count: int) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            raise Killed

    with contextlib.suppress(Killed):
        run(raw, full=full, after_chunk=kill, chunk_rows=1 if full else 2048)
    assert seen == at
    assert core(raw) == before
    run(raw)
    assert same_as_rebuilt(raw)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions("run"), st.integers())
def test_any_order_of_changes_and_runs_equals_a_rebuild(tmp_path: Path, drawn: list[Action], seed: int):
    for file in tmp_path.glob("*.duckdb"):
        file.unlink()
    raw = RawFile(tmp_path / "raw.duckdb", TABLES)
    changes = Changes(raw, seed)
    for action in drawn:
        changes.act(*action)
        if action[0] == "run":
            run(raw)
    run(raw)
    assert same_as_rebuilt(raw)


def test_chunks_bound_what_is_held_and_do_not_change_the_result(raw: RawFile):
    raw.put("bookings", *({**BOOKING, "$id": f"b{i}", "status": "accepted"} for i in range(50)))
    seen: list[int] = []
    run(raw, chunk_rows=7, after_chunk=lambda collection, count: seen.append(count))
    assert sum(seen) == 50
    assert max(seen) <= 7
    assert same_as_rebuilt(raw)


def test_a_row_that_breaks_the_schema_stops_the_run_without_a_value(
    raw: RawFile, monkeypatch: pytest.MonkeyPatch
):
    raw.put("bookings", BOOKING)
    run(raw)
    before = core(raw)
    raw.put("bookings", {**BOOKING, "status": "completed", "roomNumber": "zzsecret"})
    source = next(s for s in engine.SOURCES if s.collection == "bookings")

    def spoiled(batch: Any) -> Any:
        derived = source.derive(batch)
        return type(derived)(derived.rows.with_columns(pl.lit("zzsecret").alias("status")), derived.findings)

    monkeypatch.setattr(
        engine,
        "SOURCES",
        tuple(replace(s, derive=spoiled) if s is source else s for s in engine.SOURCES),
    )
    with pytest.raises(CoreInvalid) as raised:
        run(raw)
    assert "status" in str(raised.value)
    assert "zzsecret" not in str(raised.value)
    monkeypatch.undo()
    assert core(raw) == before
    run(raw)
    assert same_as_rebuilt(raw)


def test_an_error_inside_a_rule_carries_no_value(raw: RawFile, monkeypatch: pytest.MonkeyPatch):
    raw.put("bookings", {**BOOKING, "customerName": "zzsecret"})

    def broken(batch: Any) -> Any:
        raise ValueError(batch.frame["customerName"][0])

    monkeypatch.setattr(engine, "SOURCES", tuple(replace(s, derive=broken) for s in engine.SOURCES))
    with pytest.raises(BookwatchError) as raised:
        run(raw)
    assert "ValueError" in str(raised.value)
    assert "zzsecret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_missing_mirror_and_a_wrong_zone_are_one_sentence(raw: RawFile, tmp_path: Path):
    with pytest.raises(UsageError, match="Nowhere"):
        run(raw, timezone="Nowhere")
    raw.path.unlink()
    with pytest.raises(BookwatchError, match="no mirror"):
        run(raw)


def test_nothing_personal_is_in_the_warehouse(raw: RawFile):
    raw.put(
        "bookings",
        {**BOOKING, "customerName": "Wayan Zzsecret", "customerPhone": "+6281299988777", "roomNumber": "zzsecret 7",
         "declineReason": "zzsecret reason"},
        {**BOOKING, "$id": "b2", "customerName": "Zzsecret", "createdAt": "zzsecret"},
    )  # fmt: skip
    raw.put("chat_messages", {"$id": "m1", "message": "zzsecret text"})
    run(raw)
    content = raw.path.with_name("warehouse.duckdb").read_bytes().lower()
    assert b"zzsecret" not in content
    assert b"81299988777" not in content


def test_the_secret_of_the_hashes_is_made_once_and_private(raw: RawFile):
    key = read_phone_key(raw.path)
    assert read_phone_key(raw.path) == key
    assert len(key) == 32
    assert raw.path.with_name("phone.key").stat().st_mode & 0o777 == 0o600


def test_state_says_what_was_processed(raw: RawFile):
    change = raw.put("bookings", BOOKING, at=START)
    run(raw)
    state = table(raw, "state").row(0, named=True)
    assert (state["rules_version"], state["processed_change"], state["built_at"]) == ("1", change, NOW)
    assert (state["amount_min"], state["amount_max"]) == (20_000, 20_000_000)


def test_other_bounds_read_every_amount_anew(raw: RawFile):
    raw.put("bookings", {**BOOKING, "totalCost": 250_000})
    run(raw)
    run(raw, amounts=AmountBounds(20_000, 200_000))
    assert table(raw, "bookings")["amount_idr"].to_list() == [None]
    assert "amount_implausible" in table(raw, "data_findings")["finding"].to_list()
    run(raw, amounts=AmountBounds(20_000, 250_000))
    assert table(raw, "bookings")["amount_idr"].to_list() == [250_000]
    assert same_as_rebuilt(raw, amounts=AmountBounds(20_000, 250_000))


def test_a_run_reads_amounts_within_the_bounds_of_the_settings(tmp_path: Path):
    raw = RawFile(tmp_path / "raw.duckdb", TABLES)
    raw.put("bookings", {**BOOKING, "totalCost": 250_000}, {**BOOKING, "$id": "b2", "totalCost": 300_000})
    known: list[set[Any]] = []
    for least, most in ((20_000, 250_000), (250_001, 300_000), (20_000, 20_000_000)):
        of_run = Settings(home=tmp_path, amount_min=least, amount_max=most)
        outcome = derive(Run(of_run, "r", 1, NOW))
        assert outcome.changed
        known.append(set(table(raw, "bookings")["amount_idr"].to_list()))
    assert known == [{250_000, None}, {None, 300_000}, {250_000, 300_000}]


def test_a_row_is_validated_once_and_one_written_past_us_is_found(
    raw: RawFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: dict[str, int] = {}

    def counted(schema: Any, frame: pl.DataFrame) -> Any:
        looked_at[schema.name] = looked_at.get(schema.name, 0) + frame.height
        return violations_of(schema, frame)

    def judged() -> dict[str, bool]:
        looked_at.clear()
        with duckdb.connect(str(raw.path.with_name("warehouse.duckdb"))) as con:
            return {name: TableCheck(one).run(con).passed for name, one in CORE.items() if one.checked}

    def seen() -> int:
        return sum(rows for name, rows in looked_at.items() if "State" not in name)

    monkeypatch.setattr(factory, "violations", counted)
    raw.put("bookings", *({"$id": f"b{n}", "status": "pending", "price": 1e5} for n in range(5)))
    raw.put("commission_records", {"$id": "c1", "bookingId": "b1", "bookingAmount": 1e5, "therapistId": "t"})
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    run(raw)
    assert all(judged().values())
    assert seen() == 0
    raw.put(
        "bookings", {"$id": "b1", "status": "completed", "price": 2e5}, {"$id": "b9", "createdAt": "45000"}
    )
    raw.delete("chat_messages", "m1")
    run(raw)
    assert all(judged().values())
    assert seen() == 0
    with duckdb.connect(str(raw.path.with_name("warehouse.duckdb"))) as con:
        con.execute("UPDATE core.bookings SET status = 'wrong' WHERE booking_id = 'b2'")
    assert not judged()["bookings"]
    raw.put("bookings", {"$id": "b3", "status": "completed"})
    run(raw)
    assert not judged()["bookings"], "what stands beside a row of ours is looked at too"
    raw.put("bookings", {"$id": "b2", "status": "completed"})
    run(raw)
    assert judged()["bookings"]
    assert seen() == 5
