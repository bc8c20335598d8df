"""The private file: the present personal values and no others, behind a link that always points to a whole file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.core import personal_store
from assets.core.personal_store import update_private
from marketplace.pseudonyms import PREFIX, Pseudonyms
from resources.phone_key import read_phone_key
from tests.core.raw_file import RawFile

TABLES = {
    "bookings": {
        "customerName": "VARCHAR", "customerPhone": "VARCHAR", "roomNumber": "VARCHAR", "declineReason": "VARCHAR",
        "location": "VARCHAR", "status": "VARCHAR", "createdAt": "VARCHAR", "userId": "VARCHAR",
    },
    "hotel_bookings": {"guestName": "VARCHAR"},
    "chat_messages": {"message": "VARCHAR", "content": "VARCHAR", "roomId": "VARCHAR", "isRead": "VARCHAR"},
    "users": {"name": "VARCHAR", "phone": "VARCHAR"},
    "therapists": {"name": "VARCHAR", "whatsappNumber": "VARCHAR"},
    "places": {"businessName": "VARCHAR", "phone": "VARCHAR"},
    "notifications": {"bookingId": "VARCHAR"},
}  # fmt: skip


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)


def update(raw: RawFile) -> Path:
    return update_private(raw.path, raw.path.with_name("published"))


def read(raw: RawFile, table: str) -> dict[str, dict[str, Any]]:
    link = raw.path.with_name("published") / "private.duckdb"
    with duckdb.connect(str(link.resolve()), read_only=True) as con:
        found = con.sql(f"SELECT * FROM {table}").pl()
    return {row[found.columns[0]]: row for row in found.iter_rows(named=True)}


def test_personal_values_are_kept_by_id(raw: RawFile):
    raw.put(
        "bookings",
        {"$id": "b1", "customerName": "Wayan", "customerPhone": "081234567890", "roomNumber": "12",
         "declineReason": "too far", "location": "Ubud"},
        {"$id": "b2", "customerName": "Made", "customerPhone": "call me"},
        {"$id": "b3", "status": "pending"},
    )  # fmt: skip
    raw.put("hotel_bookings", {"$id": "h1", "guestName": "Ketut"})
    raw.put("chat_messages", {"$id": "m1", "message": "hello"}, {"$id": "m2", "content": "hi"})
    path = update(raw)
    bookings = read(raw, "bookings")
    assert bookings["b1"] == {
        "booking_id": "b1", "customer_name": "Wayan", "customer_phone": "+6281234567890", "phone_reason": None,
        "room_number": "12", "location": "Ubud", "decline_words": "too far", "origin": "bookings",
    }  # fmt: skip
    assert (bookings["b2"]["customer_phone"], bookings["b2"]["phone_reason"]) == (None, "not a phone number")
    assert set(bookings) == {"b1", "b2", "h1"}
    assert {k: v["text"] for k, v in read(raw, "messages").items()} == {"m1": "hello", "m2": "hi"}
    assert path.stat().st_mode & 0o777 == 0o400


def test_a_message_is_kept_with_its_room_its_length_and_the_change_that_brought_it(raw: RawFile):
    first = raw.put("chat_messages", {"$id": "m1", "message": "selamat pagi ☀", "roomId": "r1"})
    told = Pseudonyms(read_phone_key(raw.path)).of("081234567890")
    second = raw.put(
        "chat_messages",
        {"$id": "m2", "message": "x" * 40_000, "roomId": "0812-3456-7890"},
        {"$id": "m3", "message": None, "roomId": "r1"},
    )
    update(raw)
    kept = {
        key: (row["room_id"], row["letters"], row["change"]) for key, row in read(raw, "messages").items()
    }
    # the length is that of what was written, also where not all of it is kept
    assert kept == {"m1": ("r1", 14, first), "m2": (told, 40_000, second)}


def test_the_rows_of_a_file_that_is_written_anew_stand_in_the_order_of_their_changes(raw: RawFile):
    for number in (5, 3, 9, 1):
        raw.put("chat_messages", {"$id": f"m{number}", "message": "hello"})
    raw.put("chat_messages", {"$id": "m5", "message": "hello", "isRead": "true"})
    with duckdb.connect(str(update(raw)), read_only=True) as con:
        changes = [change for (change,) in con.execute("SELECT change FROM messages").fetchall()]
    assert changes == sorted(changes)
    assert len(changes) == 4


def test_a_message_that_was_read_is_changed_in_a_copy_and_nothing_is_written_anew(
    raw: RawFile, monkeypatch: pytest.MonkeyPatch
):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"}, {"$id": "m2", "message": "again"})
    update(raw)
    written: list[int | None] = []
    write = personal_store._write  # how it is written is what is asked

    def counted(*args: Any, after: int | None, **more: Any) -> bool:
        written.append(after)
        return write(*args, after=after, **more)

    monkeypatch.setattr(personal_store, "_write", counted)
    change = raw.put("chat_messages", {"$id": "m1", "message": "hello", "isRead": "true"})
    update(raw)
    assert written == [change - 1]
    assert {key: row["change"] for key, row in read(raw, "messages").items()} == {
        "m1": change,
        "m2": change - 1,
    }
    raw.put("chat_messages", {"$id": "m1", "message": "other", "isRead": "true"})
    update(raw)
    assert written == [change - 1, change, None]


def test_how_to_reach_providers_and_customers_is_kept_by_their_ids(raw: RawFile):
    raw.put(
        "therapists",
        {"$id": "t1", "name": "Ni Luh", "whatsappNumber": "0812-3456-7890"},
        {"$id": "t2", "name": "Made", "whatsappNumber": "ask me"},
        {"$id": "t3"},
    )
    raw.put("places", {"$id": "t1", "businessName": "Spa Ubud", "phone": "+62 361 975 123"})
    raw.put(
        "users", {"$id": "u1", "name": "Wayan", "phone": "081234567891"}, {"$id": "u2", "name": "Zzsecret"}
    )
    path = update(raw)
    with duckdb.connect(str(path), read_only=True) as con:
        providers = con.execute("SELECT * FROM providers ORDER BY ALL").fetchall()
        customers = con.execute("SELECT * FROM customers ORDER BY ALL").fetchall()
    assert providers == [
        ("t1", "Ni Luh", "+6281234567890", None, "therapists"),
        ("t1", "Spa Ubud", "+62361975123", None, "places"),
        ("t2", "Made", None, "not a phone number", "therapists"),
    ]
    assert customers == [
        ("u1", "Wayan", "+6281234567891", None, "users"),
        ("u2", "Zzsecret", None, "absent", "users"),
    ]
    raw.delete("therapists", "t1")
    raw.put("users", {"$id": "u2", "name": None})
    path = update(raw)
    assert set(read(raw, "providers")) == {"t1", "t2"}
    assert set(read(raw, "customers")) == {"u1"}
    assert b"zzsecret" not in path.read_bytes().lower()
    assert b"Ni Luh" not in path.read_bytes()


def test_nothing_new_copies_nothing(raw: RawFile):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    assert update(raw) == update(raw)


def test_a_change_makes_a_new_file_and_removes_the_old(raw: RawFile):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    first = update(raw)
    raw.put("chat_messages", {"$id": "m2", "message": "again"})
    second = update(raw)
    assert first != second
    assert sorted(p.name for p in second.parent.iterdir()) == sorted(["private.duckdb", second.name])
    assert set(read(raw, "messages")) == {"m1", "m2"}


def test_a_reader_of_the_old_file_keeps_it(raw: RawFile):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    with duckdb.connect(str(update(raw)), read_only=True) as con:
        raw.put("chat_messages", {"$id": "m2", "message": "again"})
        assert con.sql("SELECT count(*) FROM messages").fetchone() == (1,)


@pytest.mark.parametrize("how", ["deleted", "erased", "changed", "quarantined"])
def test_what_left_raw_leaves_no_byte_behind(raw: RawFile, how: str):
    raw.put(
        "bookings",
        {"$id": "b1", "customerName": "Zzsecret", "roomNumber": "12"},
        {"$id": "b2", "customerName": "Made"},
    )
    raw.put("chat_messages", {"$id": "m1", "message": "zzsecret words"}, {"$id": "m2", "message": "stays"})
    assert b"zzsecret" in update(raw).read_bytes().lower()
    if how == "deleted":
        raw.delete("bookings", "b1")
        raw.delete("chat_messages", "m1")
    else:
        extra = {"createdAt": "45000"} if how == "quarantined" else {}
        name = {"erased": None, "changed": "Other", "quarantined": "Zzsecret"}[how]
        raw.put("bookings", {"$id": "b1", "customerName": name, **extra})
        raw.put("chat_messages", {"$id": "m1", "message": "other" if how == "changed" else None})
    path = update(raw)
    assert b"zzsecret" not in path.read_bytes().lower()
    assert set(read(raw, "bookings")) == ({"b1", "b2"} if how == "changed" else {"b2"})
    assert "m2" in read(raw, "messages")


def test_a_kill_before_the_swap_leaves_the_old_file_in_place(raw: RawFile, monkeypatch: pytest.MonkeyPatch):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    old = update(raw)
    raw.put("chat_messages", {"$id": "m2", "message": "again"})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(personal_store.os, "symlink", killed)
    with pytest.raises(KeyboardInterrupt):
        update(raw)
    monkeypatch.undo()
    assert set(read(raw, "messages")) == {"m1"}
    assert old.exists()
    update(raw)
    assert set(read(raw, "messages")) == {"m1", "m2"}
    assert len(list(old.parent.glob("private_*"))) == 1


def test_another_published_attribute_writes_the_file_anew(
    raw: RawFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    first = update(raw)
    assert update(raw) == first
    monkeypatch.setattr(personal_store, "_attributes_told", lambda: "others")
    assert update(raw) != first


def test_new_rules_or_another_mirror_write_the_file_anew(raw: RawFile):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    raw.put("chat_messages", {"$id": "m2", "message": "hello"})
    first = update(raw)
    second = update_private(raw.path, first.parent, rules_version="other")
    assert second != first
    raw.path.unlink()
    other = RawFile(raw.path, TABLES)
    other.put("chat_messages", {"$id": "z", "message": "new"})
    update(other)
    assert set(read(other, "messages")) == {"z"}


@pytest.mark.parametrize("kept", [0, 100, 5000, 13000])
def test_a_damaged_file_is_written_anew(raw: RawFile, kept: int):
    raw.put("chat_messages", {"$id": "m1", "message": "hello"})
    damaged = update(raw)
    damaged.write_bytes(damaged.read_bytes()[:kept])
    raw.put("chat_messages", {"$id": "m2", "message": "again"})
    assert update(raw) != damaged
    assert set(read(raw, "messages")) == {"m1", "m2"}


def test_what_is_gone_leaves_the_private_file_also_of_unchanged_rows(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "customerName": "Wayan", "roomNumber": "12"})
    first = update(raw)
    raw.remove_attribute("bookings", "roomNumber")
    second = update(raw)
    assert second != first
    assert (read(raw, "bookings")["b1"]["customer_name"], read(raw, "bookings")["b1"]["room_number"]) == (
        "Wayan",
        None,
    )
    assert update(raw) == second


def hidden(raw: RawFile) -> set[tuple[str, str, str, str]]:
    link = raw.path.with_name("published") / "private.duckdb"
    with duckdb.connect(str(link.resolve()), read_only=True) as con:
        rows = con.execute(
            "SELECT collection, row_id, attribute, written, hash FROM hidden_values"
        ).fetchall()
    assert all(told.startswith(PREFIX) for *_, told in rows)
    return {(collection, row_id, attribute, written) for collection, row_id, attribute, written, _ in rows}


def test_what_is_published_as_a_hash_is_kept_by_it_and_leaves_with_its_row(raw: RawFile):
    raw.put(
        "bookings",
        {"$id": "b1", "userId": "+62 812-3456-7890", "status": "pending"},
        {"$id": "b2", "userId": "u-1", "status": "waiting for Wayan"},
        {"$id": "6281999888777", "customerName": "Made"},
    )
    raw.put("users", {"$id": "6281234567890"})
    update(raw)
    told = Pseudonyms(read_phone_key(raw.path))
    assert hidden(raw) == {
        ("bookings", "b1", "userId", "+62 812-3456-7890"),
        ("bookings", "b2", "status", "waiting for Wayan"),
        ("bookings", told.of("081999888777"), "$id", "6281999888777"),
        ("users", told.of("081234567890"), "$id", "6281234567890"),
    }
    assert read(raw, "bookings")[told.of("081999888777")]["customer_name"] == "Made"
    raw.put("bookings", {"$id": "b2", "userId": "u-1", "status": "pending"})
    raw.delete("bookings", "6281999888777")
    path = update(raw)
    assert {key for _, key, _, _ in hidden(raw)} == {"b1", told.of("081234567890")}
    assert b"waiting for Wayan" not in path.read_bytes()
    assert b"6281999888777" not in path.read_bytes()


def test_a_word_is_hidden_no_more_once_it_is_a_key(raw: RawFile):
    raw.put("bookings", {"$id": "b1", "userId": "Wayan"}, {"$id": "b2", "userId": "Made"})
    update(raw)
    assert {written for *_, written in hidden(raw)} == {"Wayan", "Made"}
    raw.put("users", {"$id": "wayan"})
    update(raw)
    assert {written for *_, written in hidden(raw)} == {"Made"}


def test_a_reference_to_one_of_two_rows_with_one_phone_is_kept_by_what_that_row_is_published_as(raw: RawFile):
    raw.put("bookings", {"$id": "6281234567890"})
    raw.put("notifications", {"$id": "n1", "bookingId": "6281234567890"})
    update(raw)
    raw.put("bookings", {"$id": "081234567890"})
    with duckdb.connect(str(update(raw)), read_only=True) as con:
        told = con.execute("SELECT hash FROM hidden_values WHERE written = '6281234567890'").fetchall()
    assert len(told) == 2
    assert len(set(told)) == 1
