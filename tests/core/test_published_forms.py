"""What core publishes of ids and words: matched as they are written, then published by their form."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.core.engine import CoreOutcome, process
from assets.core.personal_store import update_private
from marketplace.pseudonyms import PREFIX, Pseudonyms
from marketplace.rules import RULES_VERSION
from tests.core.raw_file import RawFile
from tests.ingest.mirroring import naive

KEY = b"k" * 32
NOW = naive(2026, 1, 3)
TOLD = Pseudonyms(KEY)
PHONE, MAIL, NAME = TOLD.of("081234567890"), TOLD.of("ana@example.com"), TOLD.of("Ana Wijaya")
TABLES = {
    "bookings": dict.fromkeys(
        ("status", "userId", "bookingId", "providerId", "providerName", "paymentMethod", "customerPhone",
         "totalCost", "createdAt"), "VARCHAR"),
    "commission_records": dict.fromkeys(("bookingId", "therapistId", "paymentStatus", "createdAt"), "VARCHAR"),
    "chat_rooms": dict.fromkeys(("bookingId", "customerId", "therapistId", "status"), "VARCHAR"),
    "chat_messages": dict.fromkeys(("conversationId", "senderId", "receiverId", "bookingId"), "VARCHAR"),
    "notifications": dict.fromkeys(("recipientId", "recipientType", "type", "channel", "bookingId"), "VARCHAR"),
    "therapists": dict.fromkeys(("name", "city", "browser", "commissionPlan", "timezone"), "VARCHAR"),
    "users": {"name": "VARCHAR"},
    "reviews": {"userId": "VARCHAR"},
}  # fmt: skip


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)


def run(raw: RawFile, name: str = "warehouse.duckdb") -> CoreOutcome:
    return process(
        raw.path,
        raw.path.with_name(name),
        timezone="Asia/Makassar",
        rules_version=RULES_VERSION,
        now=NOW,
        phone_key=KEY,
        chunk_rows=2,
    )


def ask(raw: RawFile, sql: str, name: str = "warehouse.duckdb") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(raw.path.with_name(name)), read_only=True) as con:
        return con.execute(sql).fetchall()


def core(raw: RawFile, name: str = "warehouse.duckdb") -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(raw.path.with_name(name)), read_only=True) as con:
        tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'core'").fetchall()
        return {
            t: sorted(con.execute(f"SELECT * FROM core.{t}").fetchall(), key=repr)
            for (t,) in tables
            if t != "state"
        }


def same_as_rebuilt(raw: RawFile) -> bool:
    raw.path.with_name("rebuilt.duckdb").unlink(missing_ok=True)
    run(raw, "rebuilt.duckdb")
    return core(raw) == core(raw, "rebuilt.duckdb")


def findings(raw: RawFile) -> set[tuple[str, str, str]]:
    found = ask(
        raw, "SELECT collection, row_id, attribute FROM core.data_findings WHERE finding = 'not_an_id'"
    )
    return set(found)


def test_one_person_has_one_hash_in_every_collection(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "userId": "0812-3456-7890", "providerId": "Ana Wijaya"})
    raw.put("commission_records", {"$id": "c1", "bookingId": "b1", "therapistId": " Ana Wijaya"})
    raw.put("chat_rooms", {"$id": "r1", "bookingId": "b1", "customerId": "+6281234567890"})
    raw.put("chat_messages", {"$id": "m1", "senderId": "6281234567890", "receiverId": "Ana@Example.com"})
    raw.put("notifications", {"$id": "n1", "recipientId": "ana@example.com"})
    run(raw)
    assert ask(raw, "SELECT customer_id, provider_id FROM core.bookings") == [(PHONE, NAME)]
    assert ask(raw, "SELECT provider_id FROM core.commissions") == [(NAME,)]
    assert ask(raw, "SELECT customer_id FROM core.chat_rooms") == [(PHONE,)]
    assert ask(raw, "SELECT sender_id, receiver_id FROM core.messages") == [(PHONE, MAIL)]
    assert ask(raw, "SELECT recipient_id FROM core.notifications") == [(MAIL,)]
    assert findings(raw) == {
        ("bookings", "b1", "userId"),
        ("bookings", "b1", "providerId"),
        ("commission_records", "c1", "therapistId"),
        ("chat_rooms", "r1", "customerId"),
        ("chat_messages", "m1", "senderId"),
        ("chat_messages", "m1", "receiverId"),
        ("notifications", "n1", "recipientId"),
    }


def test_rows_whose_own_id_is_a_phone_are_found_by_it(raw: RawFile):
    raw.put("therapists", {"$id": "6281234567890", "timezone": "WIT", "name": "Spa"})
    raw.put("users", {"$id": "081999888777"})
    raw.put("bookings", {"$id": "b1", "providerId": "6281234567890", "userId": "081999888777"})
    run(raw)
    assert ask(raw, "SELECT provider_id FROM core.providers") == [(PHONE,)]
    assert ask(raw, "SELECT provider_id, utc_offset_minutes FROM core.bookings") == [(PHONE, 540)]
    assert ("therapists", PHONE, "$id") in findings(raw)
    assert ("users", TOLD.of("081999888777"), "$id") in findings(raw)
    # and read again when they change, by the id that Appwrite knows them by
    raw.put("therapists", {"$id": "6281234567890", "timezone": "WIB", "name": "Spa"})
    assert run(raw).rows["bookings"] == 1
    assert ask(raw, "SELECT utc_offset_minutes FROM core.bookings") == [(420,)]
    assert same_as_rebuilt(raw)


def test_a_booking_whose_own_id_is_a_phone_changes_and_goes_with_what_hangs_on_it(raw: RawFile):
    raw.put("bookings", {"$id": "081234567890", "status": "pending"}, {"$id": "b2", "status": "pending"})
    raw.put("commission_records", {"$id": "c1", "bookingId": "081234567890"})
    run(raw)
    raw.put("bookings", {"$id": "081234567890", "status": "accepted"})
    run(raw)
    assert ask(
        raw, "SELECT to_status FROM core.booking_events WHERE booking_id LIKE 'hash%' ORDER BY change"
    ) == [
        ("pending",),
        ("accepted",),
    ]
    accepted = ask(raw, "SELECT accepted_rule FROM core.bookings ORDER BY booking_id")
    assert accepted == [(None,), ("observed",)]
    assert ask(raw, "SELECT booking_ref FROM core.commissions") == [(PHONE,)]
    assert same_as_rebuilt(raw)


def test_two_rows_with_one_phone_as_their_id_are_two(raw: RawFile):
    raw.put(
        "bookings", {"$id": "081234567890", "totalCost": "250000"}, {"$id": "6281234567890"}, {"$id": "b3"}
    )
    run(raw)
    ids = [i for (i,) in ask(raw, "SELECT booking_id FROM core.bookings")]
    assert len(set(ids)) == 3
    assert not any("812345" in i for i in ids)


def test_a_reference_spelled_as_one_of_two_twins_names_that_row(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "providerId": "6281234567890"}, {"$id": "b2", "providerId": "081234567890"},
            {"$id": "b3", "providerId": "+62 812 3456 7890"}, {"$id": "b4", "providerId": '{"$id": "081234567890"}'},
            {"$id": "Ana@example.com"})  # fmt: skip
    raw.put("commission_records", {"$id": "c1", "bookingId": "Ana@example.com"})
    raw.put("chat_messages", {"$id": "m1", "conversationId": "Ana Wijaya ", "senderId": "6281234567890"})
    raw.put("therapists", {"$id": "6281234567890", "timezone": "WIT"})
    run(raw)
    assert ask(raw, "SELECT DISTINCT provider_id FROM core.bookings WHERE provider_id NOT NULL") == [(PHONE,)]
    raw.put("therapists", {"$id": "081234567890", "timezone": "WIB"})
    raw.put("bookings", {"$id": "ana@example.com"})
    outcome = run(raw)
    assert outcome.rebuilt is not None
    assert same_as_rebuilt(raw)
    zones = ask(
        raw,
        "SELECT booking_id, b.utc_offset_minutes, p.utc_offset_minutes FROM core.bookings b "
        "LEFT JOIN core.providers p USING (provider_id) WHERE b.booking_id LIKE 'b%' ORDER BY 1",
    )
    assert zones == [("b1", 540, 540), ("b2", 420, 420), ("b3", 480, None), ("b4", 420, 420)]
    (told,) = ask(raw, "SELECT provider_id FROM core.bookings WHERE booking_id = 'b3'")
    assert told == (PHONE,), "either of the two: nothing is guessed"
    assert len(ask(raw, "SELECT DISTINCT booking_id FROM core.bookings WHERE booking_id LIKE 'hash%'")) == 2
    assert len(ask(raw, "SELECT 1 FROM core.bookings JOIN core.commissions ON booking_id = booking_ref")) == 1
    assert ask(raw, "SELECT 1 FROM core.messages JOIN core.providers ON sender_id = provider_id") == [(1,)]
    raw.put("therapists", {"$id": "081234567890", "timezone": "WIT"})
    assert run(raw).rebuilt is None, "they stand under ids of their own by now"
    assert same_as_rebuilt(raw)
    update_private(raw.path, raw.path.with_name("published"))


def test_what_referred_to_either_of_two_twins_is_read_again_when_they_come_together(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "providerId": "6281234567890"})
    run(raw)
    raw.put("therapists", {"$id": "6281234567890"}, {"$id": "081234567890"})
    run(raw)
    assert same_as_rebuilt(raw)
    assert ask(raw, "SELECT 1 FROM core.bookings JOIN core.providers USING (provider_id)") == [(1,)]


def test_a_hidden_id_of_a_user_is_matched_by_case(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "userId": "ana wijaya"}, {"$id": "b2", "userId": "0812-3456-7890"})
    run(raw)
    raw.put("users", {"$id": "Ana Wijaya"}, {"$id": "6281234567890"})
    run(raw)
    assert ask(raw, "SELECT customer_id FROM core.bookings ORDER BY booking_id") == [(NAME,), (PHONE,)]
    assert ask(raw, "SELECT row_id FROM core.data_findings WHERE finding = 'reference_case'") == [("b1",)]
    assert same_as_rebuilt(raw)


def test_a_phone_with_letters_of_ids_between_its_digits_is_one(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "userId": "0812_3456_7890"}, {"$id": "b2", "userId": "tel:62:812:3456:7890"},
            {"$id": "b3", "userId": "00042_17"}, {"$id": "0812_3456_7890"})  # fmt: skip
    run(raw)
    assert ask(raw, "SELECT customer_id, booking_id FROM core.bookings ORDER BY booking_id") == [
        (PHONE, "b1"), (PHONE, "b2"), ("00042_17", "b3"), (None, PHONE)
    ]  # fmt: skip


def test_a_word_is_hidden_until_a_row_has_it_as_its_key(raw: RawFile):
    raw.put(
        "bookings", {"$id": "b1", "userId": "sari", "bookingId": "SARI"}, {"$id": "b2", "userId": "wayan"}
    )
    raw.put("chat_messages", {"$id": "m1", "conversationId": "Sari", "senderId": "sari"})
    run(raw)
    assert ask(raw, "SELECT customer_id FROM core.bookings ORDER BY booking_id") == [
        (TOLD.of("sari"),),
        (TOLD.of("wayan"),),
    ]
    raw.put("reviews", {"$id": "sari"})
    outcome = run(raw)
    assert outcome.rebuilt is None
    assert (outcome.rows["bookings"], outcome.rows["messages"]) == (1, 1)
    assert ask(raw, "SELECT customer_id, business_id FROM core.bookings WHERE booking_id = 'b1'") == [
        ("sari", "SARI")
    ]
    assert ask(raw, "SELECT conversation_id, sender_id FROM core.messages") == [("Sari", "sari")]
    assert findings(raw) == {("bookings", "b2", "userId")}
    assert same_as_rebuilt(raw)


def test_what_a_quarantined_row_refers_to_is_told_once_it_is_a_key(raw: RawFile):
    for collection in ("bookings", "commission_records"):
        raw.put(collection, {"$id": "x1", "bookingId": "sari", "_created_at": None})
    run(raw)
    assert {b for (b,) in ask(raw, "SELECT business_id FROM core.quarantined")} == {TOLD.of("sari")}
    raw.put("users", {"$id": "Sari"})
    run(raw)
    assert {b for (b,) in ask(raw, "SELECT business_id FROM core.quarantined")} == {"sari"}
    assert same_as_rebuilt(raw)


def test_of_a_related_row_its_id_is_published(raw: RawFile):
    raw.put("therapists", {"$id": "Spa1", "timezone": "WIB"})
    raw.put("bookings", {
        "$id": "b1", "providerId": '{"$id": "spa1", "name": "Ana"}', "userId": '{"$id": "6281234567890"}',
        "bookingId": '{"name": "Ana Wijaya"}',
    })  # fmt: skip
    run(raw)
    (row,) = ask(raw, "SELECT provider_id, utc_offset_minutes, customer_id, business_id FROM core.bookings")
    assert row[:3] == ("Spa1", 420, PHONE)
    assert row[3].startswith(PREFIX)
    assert findings(raw) == {("bookings", "b1", name) for name in ("providerId", "userId", "bookingId")}


def test_references_that_differ_in_case_only_do_so_hidden(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "bookingId": "Ana Wijaya"})
    raw.put("commission_records", {"$id": "c1", "bookingId": "ana wijaya"})
    run(raw)
    ((business_id,),) = ask(raw, "SELECT business_id FROM core.bookings")
    ((reference,),) = ask(raw, "SELECT booking_ref FROM core.commissions")
    assert business_id != reference
    assert business_id.lower() == reference.lower()


@pytest.mark.parametrize("word", ["guest", "Customer", "ADMIN", "system", "therapist"])
def test_a_role_word_is_nobody(raw: RawFile, word: str):
    raw.put(
        "bookings",
        {"$id": "b1", "userId": word},
        {"$id": "b2", "userId": word, "customerPhone": "081234567890"},
    )
    run(raw)
    keys = ask(raw, "SELECT customer_id, customer_key FROM core.bookings ORDER BY booking_id")
    assert keys[0] == (word, None)
    assert keys[1][0] == word
    assert keys[1][1].startswith("p:")


def test_codes_words_and_names(raw: RawFile):
    raw.put("therapists", {
        "$id": "t1", "name": "Ubud Spa (0812 3456 7890, ana@example.com)", "city": "Jl. Hanoman 5, Ubud",
        "browser": "Chrome 142 Android", "commissionPlan": "ask Ana",
    })  # fmt: skip
    raw.put(
        "therapists", {"$id": "t2", "name": "Made 24 Jam", "city": "Kota Denpasar", "browser": "Ana's phone"}
    )
    raw.put("bookings", {"$id": "b1", "status": "In Progress", "paymentMethod": "bank_transfer"})
    raw.put("bookings", {"$id": "b2", "status": "see Ana", "paymentMethod": "081234567890"})
    raw.put("notifications", {"$id": "n1", "type": "for Ana", "channel": "push", "recipientType": "x" * 33})
    run(raw)
    name = ask(raw, "SELECT provider_name FROM core.providers ORDER BY provider_id")
    assert name == [("Ubud Spa ((phone number), (e-mail address))",), ("Made 24 Jam",)]
    assert ask(raw, "SELECT browser FROM core.providers WHERE provider_id = 't1'") == [("Chrome 142",)]
    assert ask(raw, "SELECT city FROM core.providers WHERE provider_id = 't2'") == [("Kota Denpasar",)]
    assert ask(raw, "SELECT raw_status, payment_method FROM core.bookings WHERE booking_id = 'b1'") == [
        ("In Progress", "bank_transfer")
    ]
    assert ask(raw, "SELECT payment_method FROM core.bookings WHERE booking_id = 'b2'") == [(PHONE,)]
    assert ask(raw, "SELECT channel FROM core.notifications") == [("push",)]
    assert findings(raw) == {
        ("therapists", "t1", "city"),
        ("therapists", "t1", "commissionPlan"),
        ("therapists", "t2", "browser"),
        ("bookings", "b2", "status"),
        ("bookings", "b2", "paymentMethod"),
        ("notifications", "n1", "type"),
        ("notifications", "n1", "recipientType"),
    }


def test_a_quarantined_row_is_named_by_what_is_published(raw: RawFile):
    raw.put("bookings", {"$id": "081234567890", "bookingId": "Ana Wijaya", "_created_at": None})
    run(raw)
    assert ask(raw, "SELECT row_id, business_id FROM core.quarantined") == [(PHONE, NAME)]
    frame = pl.DataFrame(core(raw)["quarantined"], orient="row")
    assert not frame.select(pl.any_horizontal(pl.col(pl.String).str.contains("Ana|8123"))).to_series().any()


def test_a_row_counts_once_when_another_comes_whose_id_is_the_same_phone(tmp_path: Path) -> None:
    raw = RawFile(tmp_path / "raw.duckdb", {"bookings": {"totalCost": "BIGINT", "customerName": "VARCHAR"}})
    warehouse, published = tmp_path / "warehouse.duckdb", tmp_path / "published"

    def derived(full: bool = False) -> tuple[list[int], int]:
        process(
            raw.path,
            warehouse,
            timezone="Asia/Makassar",
            rules_version="3",
            now=datetime(2025, 12, 1),
            full=full,
        )
        private = update_private(raw.path, published)
        with duckdb.connect(str(warehouse)) as con:
            con.execute(f"ATTACH '{private}' AS private (READ_ONLY)")
            rows = con.execute("SELECT booking_id, amount_idr FROM core.bookings ORDER BY 2").fetchall()
            names = con.execute("SELECT booking_id FROM private.bookings").fetchall()
        assert len({booking for booking, _ in rows}) == len(rows)
        assert {booking for (booking,) in names} == {booking for booking, _ in rows}, (
            "names belong to bookings"
        )
        return [amount for _, amount in rows], len(names)

    raw.put("bookings", {"$id": "081234567890", "totalCost": 100_000, "customerName": "Ayu"})
    assert derived() == ([100_000], 1)
    raw.put("bookings", {"$id": "+6281234567890", "totalCost": 200_000, "customerName": "Made"})
    assert derived() == ([100_000, 200_000], 2)
    raw.put("bookings", {"$id": "081234567890", "totalCost": 300_000, "customerName": "Ayu"})
    assert derived() == ([200_000, 300_000], 2)
    assert derived(full=True) == ([200_000, 300_000], 2)
