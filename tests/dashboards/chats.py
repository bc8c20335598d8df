"""Conversations in the snapshot of the tests of the screens. Holds no test."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb

from assets.core.personal_store import TABLES
from tests.dashboards.snapshot import NOW
from tests.published import add, changing

ROOM, OTHER = "room_a", "room_b"
COUNT = 130
WORDS = "Sampai ketemu di lobi pukul tujuh"


def with_chats(home: Path, booking_id: str = "bk1") -> Path:
    """The home with another snapshot, and a file of personal data: a room of a booking in which a customer waits, with
    COUNT messages of which every tenth has WORDS; and a silent one."""
    said = [NOW - timedelta(days=2, minutes=COUNT - n) for n in range(COUNT)]
    with changing(home) as con:
        for table in ("core.messages", "core.chat_rooms", "marts.room_talks", "marts.chat_waiting"):
            con.execute(f"DELETE FROM {table}")
        add(con, "core.messages", "message_id conversation_id sender_role kind sent_at created_at is_read change", [
            (f"msg_{n:03}", ROOM, ("customer", "therapist")[n % 2], "status-update" if n == 7 else "text", at, at,
             n < 100, n)
            for n, at in enumerate(said)
        ])  # fmt: skip
        rooms = [
            (room, ref, "customer_1", "prov01", "active", NOW, 1)
            for room, ref in ((ROOM, booking_id), (OTHER, None))
        ]
        add(
            con,
            "core.chat_rooms",
            "room_id booking_ref customer_id provider_id status created_at change",
            rooms,
        )
        talks = [(ROOM, COUNT, said[0], said[-1]), (OTHER, 0, None, None)]
        add(con, "marts.room_talks", "room_id messages first_at last_at", talks)
        add(con, "marts.chat_waiting",
            "room_id booking_id customer_id provider_id waiting_since waiting_for_role messages waited_s",
            [(ROOM, booking_id, "customer_1", "prov01", said[-1], "therapist", 1, 7_200.0),
             (OTHER, None, "customer_1", "prov01", NOW, "customer", 1, 30.0)])  # fmt: skip
        con.execute(f"UPDATE core.state SET processed_change = {COUNT}")
    path = home / "published" / "private_1.duckdb"
    with duckdb.connect(str(path)) as con:
        for table, columns in TABLES.items():
            con.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {kind}' for n, kind in columns.items())})")
        con.execute(f"CREATE TABLE _state AS SELECT {COUNT} AS processed_change, '1' AS rules_version")
        add(con, "messages", "message_id room_id change letters text", [
            (f"msg_{n:03}", ROOM, n, len(WORDS) + 4, f"{WORDS} {n:03}" if n % 10 == 0 else f"<b>{'x' * 30}{n:03}")
            for n in range(COUNT)
        ])  # fmt: skip
    (home / "published" / "private.duckdb").symlink_to(path.name)
    return home
