"""`bookwatch forget`: the values leave every file, the money stays, and no later run brings them back."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.core.personal_store import update_private
from marketplace.quarantine import reject_reasons
from pipelines import forget as forgetting
from pipelines.cli.forget import forget
from pipelines.forget import forget_customer
from resources.appwrite.columns import PageDecoder
from resources.errors import BookwatchError, RunActive, UsageError
from resources.home import Home
from resources.ledger import Ledger
from resources.lock import run_lock
from resources.raw.column_types import Column
from resources.raw.store import RawStore
from resources.settings import Settings
from tests.marketplace_tables import ALL_TABLES, BOOL, FLOAT, INT
from tests.personal_values import everything_under, sentinels_in
from tests.published import copied_home

NOW = datetime(2026, 3, 10, 12)
AT = "2026-03-10T03:00:00.000+00:00"
LATER = "2026-03-11T03:00:00.000+00:00"
VALUES = (
    "Ketuttari",
    "Widiasihan",
    "81239876543",
    "8123-9876-543",
    "Kamar 7712x",
    "Jl. Pantai Sentinela",
    "geheimwort",
)
COLLECTIONS = (
    "bookings",
    "hotel_bookings",
    "chat_rooms",
    "chat_messages",
    "notifications",
    "commission_records",
    "users",
)
KINDS = {INT: "integer", FLOAT: "double", BOOL: "boolean"}

MINE = {
    "userId": "u1",
    "status": "completed",
    "totalCost": 250_000,
    "providerId": "p1",
    "customerName": "Ketuttari Widiasihan",
    "customerWhatsApp": "+6281239876543",
    "roomNumber": "Kamar 7712x",
    "metadata": '{"bookingType": "scheduled", "note": "geheimwort"}',
    "declineReason": "timeout, Ketuttari did not answer",
    "cancelledBy": "Ketuttari",
}
ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "users": {"u1": {"name": "Ketuttari Widiasihan"}, "u2": {"name": "Made Surya"}},
    "bookings": {
        "b1": {"bookingId": "BK1", **MINE},
        "b2": {"bookingId": "BK2", **MINE, "userId": "u2", "customerName": "Made Surya",
               "customerWhatsApp": "+6281300000001", "roomNumber": "12", "metadata": None, "declineReason": None,
               "cancelledBy": None},
        "b4": {"bookingId": "null", **MINE, "userId": "\u00a0u1\t", "cancelledBy": "U1"},
        "b5": {"bookingId": "null", "userId": "undefined", "customerName": "Nyoman", "totalCost": 1, "status": "done"},
        "b3": {"bookingId": "BK3", **MINE, "userId": None, "customerDetails": '{"id": "u1", "name": "Ketuttari"}'},
        "t1": {"bookingId": "BKT", **MINE, "customerName": "Widiasihan Test"},
        "q1": {"bookingId": "BKQ", **MINE, "createdAt": "yesterday-ish"},
    },
    "hotel_bookings": {"h1": {"bookingId": "HB1", **MINE}},
    "chat_rooms": {"r1": {"bookingId": "b1", "customerId": "u1", "customerName": "Ketuttari", "status": "active"}},
    "chat_messages": {
        "m1": {"conversationId": "r1", "senderId": "u1", "senderName": "Ketuttari", "senderRole": "customer",
               "receiverId": "p1", "message": "geheimwort, I am at Jl. Pantai Sentinela"},
        "m2": {"conversationId": "r1", "senderId": "p1", "senderRole": "therapist", "message": "On my way"},
        "m3": {"conversationId": "r1", "senderId": "p1", "senderRole": "therapist", "message": "Hello ketuttari!"},
        "m4": {"conversationId": "rX", "senderId": "u2", "senderRole": "customer", "message": "See you soon"},
        "m5": {"conversationId": "r1", "senderId": "wa-session", "senderRole": "Customer", "message": "geheimwort 2"},
    },
    "notifications": {
        "n1": {"recipientId": "p1", "type": "booking", "title": "New booking", "message": "Call 0812-3987-6543"},
        "n2": {"recipientId": "p1", "type": "booking", "title": "For Ketuttari Widiasihan", "message": "Soon"},
        "n3": {"recipientId": "u1", "type": "note", "title": "geheimwort", "message": "Your booking"},
        "n4": {"recipientId": "u2", "type": "note", "title": "Hello Made Surya", "message": "Your booking"},
    },
    "commission_records": {"c1": {"bookingId": "BK1", "bookingAmount": 250_000.0, "commissionAmount": 75_000.0}},
    "reviews": {"v1": {"comment": "Ask for Ketuttari Widiasihan!"}, "v2": {"comment": "Made was kind"},
                "v3": {"userId": "u1", "providerId": "p1", "rating": 5, "comment": "geheimwort, kind hands"},
                "v4": {"bookingId": "BK1", "userName": "Ketuttari", "rating": 2, "comment": "Kamar 7712x was cold"},
                "v5": {"userId": "u1", "rating": 4, "reviewText": "geheimwort", "title": "Kamar 7712x"}},
    "service_counters": {"k1": {"userId": "u1", "kind": "messages", "instants": "geheimwort"},
                         "k2": {"userId": "u2", "kind": "messages", "instants": "[]"}},
    "service_guards": {"g1": {"kind": "conversation", "customerId": "u1", "seen": "Ketuttari Widiasihan"}},
}  # fmt: skip
OF_SERVICES = {
    "service_counters": ("userId", "kind", "instants"),
    "service_guards": ("kind", "customerId", "seen"),
}

COLLECTIONS = tuple(ROWS)


def columns(collection: str) -> list[Column]:
    tables = {**ALL_TABLES, **{name: dict.fromkeys(keys, "text") for name, keys in OF_SERVICES.items()}}
    return [Column(key, KINDS.get(kind, "string"), False) for key, kind in tables[collection].items()]


def merge(
    store: RawStore, collection: str, rows: dict[str, dict[str, Any]], at: str = AT, **more: Any
) -> Any:
    """Rows as an answer of Appwrite, through the decoder and the merge of every run."""
    entries = [
        {"$id": i, "$sequence": str(n), "$createdAt": AT, "$updatedAt": at, **data}
        for n, (i, data) in enumerate(rows.items(), 1)
    ]
    page = PageDecoder(store.columns.of(collection)).decode(json.dumps({"rows": entries}).encode())
    return store.merge.page(
        collection, page.frame, run_id="r", now=NOW, reject_reasons=reject_reasons, rules_version="1", **more
    )


def scan(store: RawStore, collection: str) -> None:
    from datetime import timedelta

    store.watermarks.begin_scan(collection, bound=datetime(2026, 3, 10, 11), overlap=timedelta(0), run_id="r")
    merge(store, collection, {}, complete=True)


def settings_of(root: Path) -> Settings:
    return Settings(_env_file=None, home=root, now=NOW)  # type: ignore[call-arg] - pydantic-settings' own argument


@pytest.fixture(scope="module")
def mirrored_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a mirror that nobody changes: take a copy."""
    home = settings_of(tmp_path_factory.mktemp("mirrored") / "home").home.create()
    with RawStore(home.raw) as store:
        store.source.claim("http://e/v1", "p", "d", NOW)
        for collection in COLLECTIONS:
            store.columns.reconcile(collection, columns(collection), NOW)
            merge(store, collection, ROWS[collection])
            scan(store, collection)
        # an older version of b1 held another spelling of the phone
        merge(
            store,
            "bookings",
            {"b1": {**ROWS["bookings"]["b1"], "customerWhatsApp": "8123-9876-543"}},
            forced=True,
        )
        merge(store, "bookings", {"b1": ROWS["bookings"]["b1"]}, forced=True)
    update_private(home.raw, home.published)
    return home.root


@pytest.fixture
def settings(mirrored_once: Path, tmp_path: Path) -> Settings:
    return settings_of(copied_home(mirrored_once, tmp_path / "home", whole=True).root)


def found(home: Home) -> set[str]:
    return {value for path in everything_under(home.root) for value in sentinels_in(path, VALUES)}


def raw(home: Home, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.raw), read_only=True) as con:
        return con.execute(query).fetchall()


def test_no_file_holds_a_value_afterwards_and_others_keep_theirs(settings: Settings) -> None:
    home = settings.home
    assert found(home) == set(VALUES)
    done = forget_customer(settings, "u1", by="Ayu")
    assert found(home) == set()
    assert done.rewritten
    assert done.quarantined == 1
    assert done.rows == {
        "users": 1, "bookings": 5, "hotel_bookings": 1, "chat_rooms": 1, "chat_messages": 3, "notifications": 3,
        "reviews": 4, "service_counters": 1, "service_guards": 1,
    }  # fmt: skip
    texts = dict(raw(home, "SELECT _id, message FROM chat_messages"))
    assert texts == {"m1": None, "m2": "On my way", "m3": None, "m4": "See you soon", "m5": None}
    assert raw(home, "SELECT title FROM notifications WHERE _id = 'n4'") == [("Hello Made Surya",)]
    by = dict(raw(home, "SELECT _id, cancelledBy FROM bookings"))
    assert (by["b1"], by["b3"], by["b4"], by["q1"]) == (None, None, "customer", None)
    others = raw(home, "SELECT customerName, customerWhatsApp, roomNumber FROM bookings WHERE _id = 'b2'")
    assert others == [("Made Surya", "+6281300000001", "12")]
    kept = raw(home, "SELECT metadata, declineReason, totalCost, userId FROM bookings WHERE _id = 'b1'")
    assert kept == [('{"bookingType":"scheduled"}', "no_response", 250_000, "u1")]
    assert raw(home, "SELECT customerName FROM bookings WHERE _id = 't1'") == [("Test",)]
    with duckdb.connect(str(home.private.resolve()), read_only=True) as con:
        assert con.execute("SELECT booking_id FROM bookings WHERE customer_name IS NOT NULL ORDER BY 1").fetchall() == [
            ("b2",), ("b5",), ("t1",),
        ]  # fmt: skip
    entered = Ledger(home.ledger).erasures()
    assert [(e[0], e[1], e[3]) for e in entered] == [("u1", "Ayu", 20)]


SPELLED = {
    "bookings": {"c1": {"bookingId": "BKC", **MINE, "userId": "U1"}},
    "chat_rooms": {"RC": {"bookingId": "B1", "customerName": "Ketuttari", "status": "active"}},
    "chat_messages": {"mc": {"conversationId": "rc", "senderId": "wa-session", "senderRole": "customer",
                             "message": "geheimwort 3"}},
}  # fmt: skip


@pytest.mark.parametrize("given", ["u1", "U1"])
def test_a_person_is_forgotten_under_every_spelling_that_core_reads_as_theirs(
    settings: Settings, given: str
) -> None:
    home = settings.home
    with RawStore(home.raw) as store:
        for collection, rows in SPELLED.items():
            merge(store, collection, rows, LATER)
    forget_customer(settings, given, by="Ayu")
    assert found(home) == set()
    with RawStore(home.raw) as store:
        for collection, rows in SPELLED.items():
            assert merge(store, collection, rows, LATER, forced=True).updated == 0
        merge(store, "bookings", {"c2": {**MINE, "bookingId": "BKD", "userId": "U1"}}, LATER)
        merge(
            store,
            "bookings",
            {
                "c3": {
                    **MINE,
                    "bookingId": "BKE",
                    "userId": None,
                    "customerDetails": '{"id": "U1", "name": "Ketuttari"}',
                }
            },
            LATER,
        )
    update_private(home.raw, home.published)
    assert found(home) == set()
    assert raw(home, "SELECT message FROM chat_messages WHERE _id = 'm4'") == [("See you soon",)]


def test_two_users_who_differ_by_case_alone_are_two_people(settings: Settings) -> None:
    home = settings.home
    other = {**MINE, "customerName": "Made Surya", "customerWhatsApp": "+6281300000001", "roomNumber": "12",
             "metadata": None, "declineReason": None,
               "cancelledBy": None}  # fmt: skip
    twin = {"c1": {"bookingId": "BKC", **other, "userId": "U1"}}
    with RawStore(home.raw) as store:
        merge(store, "users", {"U1": {"name": "Made Surya"}}, LATER)
        merge(store, "bookings", twin, LATER)
    forget_customer(settings, "u1", by="Ayu")
    with RawStore(home.raw) as store:
        assert merge(store, "bookings", twin, LATER, forced=True).updated == 0
    assert raw(home, "SELECT customerName FROM bookings WHERE _id = 'c1'") == [("Made Surya",)]
    assert raw(home, "SELECT name FROM users WHERE _id = 'U1'") == [("Made Surya",)]
    assert raw(home, "SELECT customerName FROM bookings WHERE _id = 'b1'") == [(None,)]


def test_the_next_scan_and_a_full_one_bring_nothing_back(settings: Settings) -> None:
    home = settings.home
    forget_customer(settings, "u1", by="Ayu")
    with RawStore(home.raw) as store:
        for collection in COLLECTIONS:
            counts = merge(store, collection, ROWS[collection], forced=True)
            assert (counts.updated, counts.inserted) == (0, 0), collection
        # written after the erasure: a new booking, and a row of theirs whose words nobody can judge any more
        merge(store, "bookings", {"b9": {"bookingId": "BK9", **MINE}}, LATER)
        merge(
            store,
            "chat_messages",
            {"m9": {"conversationId": "r1", "senderId": "p1", "message": "ketuttari?"}},
            LATER,
        )
    update_private(home.raw, home.published)
    assert found(home) == set()
    assert raw(home, "SELECT totalCost, customerName FROM bookings WHERE _id = 'b9'") == [(250_000, None)]


def test_core_keeps_the_bookings_and_their_money(settings: Settings) -> None:
    from assets.core.engine import process

    home = settings.home
    facts = (
        "SELECT booking_id, status, amount_idr, mode, source, decline_reason, is_test, customer_id, created_at "
        "FROM core.bookings ORDER BY 1"
    )

    def core() -> list[tuple[Any, ...]]:
        process(home.raw, home.warehouse, timezone="Asia/Makassar", rules_version="1", now=NOW)
        with duckdb.connect(str(home.warehouse), read_only=True) as con:
            return con.execute(facts).fetchall()

    before = core()
    forget_customer(settings, "u1", by="Ayu")
    assert core() == before
    assert len(before) == 7


def test_killed_half_way_the_next_call_finishes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings.home

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    for step in ("rewrite", "update_private"):
        with monkeypatch.context() as patch:
            patch.setattr(forgetting, step, killed)
            with pytest.raises(KeyboardInterrupt):
                forget_customer(settings, "u1", by="Ayu")
        assert found(home)
    (home.root / "raw.duckdb.rewriting").write_text("Ketuttari")
    (home.root / "raw.duckdb.tmp").mkdir()
    (home.root / "raw.duckdb.tmp" / "spill").write_text("Ketuttari")
    forget_customer(settings, "u1", by="Ayu")
    assert found(home) == set()
    again = forget_customer(settings, "u1", by="Ayu")
    assert (again.total, again.versions, again.rewritten) == (0, 0, False)


def test_what_cannot_be_done_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(
        BookwatchError, match="No row of the mirror belongs to the customer 'nobody'"
    ) as unknown:
        forget_customer(settings, "nobody", by="Ayu")
    assert unknown.value.exit_status == 1
    for nobody in (" ", "null", "Undefined"):  # what writers put where a booking has no customer
        with pytest.raises(UsageError, match="names nobody"):
            forget_customer(settings, nobody, by="Ayu")
    with run_lock(settings.home), pytest.raises(RunActive):
        forget_customer(settings, "u1", by="Ayu")
    empty = settings.model_copy(update={"home": Home(tmp_path / "none")})
    with pytest.raises(BookwatchError, match="no mirror"):
        forget_customer(empty, "u1", by="Ayu")
    assert Ledger(settings.home.ledger).erasures() == []


def test_the_command_says_what_it_did_and_names_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKWATCH_HOME", str(settings.home.root))
    for name in ("APPWRITE_ENDPOINT", "BOOKWATCH_NOW"):
        monkeypatch.delenv(name, raising=False)
    backup = settings.home.backups / "old.duckdb"
    backup.write_text("an old backup")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        forget(customer="u1", by="Ayu", json=False)
        forget(customer="u1", by="Ayu", json=True)
    said = out.getvalue()
    assert "Forgot the customer u1: 20 rows lost their personal values (bookings 5, chat_messages 3" in said
    assert f"A backup may still hold them: {backup}" in said
    assert json.loads(said[said.index("{\n") :])["total"] == 0
    assert not [value for value in VALUES if value in said]


def test_pages_without_anyone_forgotten_are_left_alone(settings: Settings) -> None:
    with RawStore(settings.home.raw) as store:
        frame = pl.DataFrame({"_id": ["x"]})
        assert store.merge._without_forgotten("bookings", frame) is frame
