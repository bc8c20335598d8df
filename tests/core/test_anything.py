"""Any attribute holds anything: from the answer of a server through the mirror to core, the private file and a person's
erasure nothing stops, nothing is lost, and what is set aside is named."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.core.engine import process
from assets.core.personal_store import LONGEST_WORDS, update_private
from marketplace.codes import LONGEST_PUBLISHED
from marketplace.expected import NAMED
from marketplace.pseudonyms import PREFIX
from marketplace.quarantine import reject_reasons
from marketplace.rules import RULES_VERSION
from resources.appwrite.bounds import MOST_COLUMNS, chosen, loads
from resources.appwrite.columns import PageDecoder, columns_of
from resources.erasure import erase, rewrite
from resources.raw.column_types import Column, StoredColumn
from resources.raw.misfits import LARGEST_VALUE
from resources.raw.runs import Counts
from resources.raw.store import RawStore
from tests.anything import HOSTILE_NAMES, HOSTILE_VALUES, OVERSIZED_TEXT, answer, rows
from tests.ingest.mirroring import naive

NOW = naive(2026, 1, 3)
TABLES: dict[str, dict[str, str]] = {
    "bookings": {
        "status": "string", "bookingStatus": "enum", "totalCost": "double", "totalPrice": "string", "price": "integer",
        "pricing": "string", "metadata": "relationship", "createdAt": "string", "acceptedAt": "datetime",
        "isTest": "boolean", "customerName": "string", "customerDetails": "longtext", "userId": "string",
        "booking": "text", "bookingId": "string", "duration": "integer", "customerWhatsApp": "string",
        "providerId": "string", "providerName": "string", "declineReason": "string", "location": "point",
        "paymentMethod": "string", "source": "string", "discountCode": "string", "startTime": "string",
    },
    "commission_records": {
        "bookingId": "string", "bookingAmount": "double", "commissionAmount": "string", "commissionRate": "double",
        "paymentStatus": "string", "paidAt": "datetime", "createdAt": "datetime", "therapistId": "string",
        "reactivationFeeAmount": "integer", "paymentProofUrl": "url", "booking": "string",
    },
    "chat_messages": {
        "conversationId": "string", "senderId": "string", "senderRole": "string", "message": "longtext",
        "messageType": "string", "isRead": "boolean", "timestamp": "datetime", "metadata": "string",
    },
    "therapists": {"name": "string", "timezone": "string", "city": "string", "lastSeenAt": "datetime"},
    "notifications": {"recipientId": "string", "type": "string", "sentAt": "datetime", "metadata": "string"},
    "reviews": {"userId": "string", "comment": "longtext", "rating": "integer", "createdAt": "string"},
}  # fmt: skip
MINE = {
    "bookings": "userId",
    "chat_messages": "senderId",
    "reviews": "userId",
    "notifications": "recipientId",
}
"""Whose a row is: of one person, whom the tests erase."""


def carried_in(store: RawStore, collection: str, listed: Sequence[Mapping[str, str]]) -> str:
    """The columns of a collection as a server lists them; the sentence on those that are not mirrored."""
    told = json.dumps(
        {"columns": [{"key": key, "type": kind} for column in listed for key, kind in column.items()]}
    )
    columns, aside = chosen(columns_of(loads(told.encode())["columns"]), frozenset(), NAMED)
    store.source.claim("e", "p", "d", NOW)
    store.columns.reconcile(collection, columns, NOW)
    store.watermarks.begin_scan(collection, bound=NOW, overlap=timedelta(seconds=60), run_id="run1")
    return aside


def mirrored(store: RawStore, collection: str, body: bytes) -> Counts:
    page = PageDecoder(store.columns.of(collection)).decode(body)
    return store.merge.page(
        collection, page.frame, run_id="run1", now=NOW, reject_reasons=reject_reasons,
        rules_version=RULES_VERSION, resume_sequence=page.last, complete=True,
    )  # fmt: skip


def derived(home: Path) -> duckdb.DuckDBPyConnection:
    process(
        home / "raw.duckdb",
        home / "warehouse.duckdb",
        timezone="Asia/Makassar",
        rules_version=RULES_VERSION,
        now=NOW,
    )
    update_private(home / "raw.duckdb", home / "published")
    return duckdb.connect(str(home / "warehouse.duckdb"), read_only=True)


CORE = {
    "bookings": ("core.bookings", "booking_id"),
    "commission_records": ("core.commissions", "commission_id"),
    "chat_messages": ("core.messages", "message_id"),
    "therapists": ("core.providers", "provider_id"),
    "notifications": ("core.notifications", "notification_id"),
}


def assert_accounted_for(core: duckdb.DuckDBPyConnection, collection: str, ids: set[str]) -> None:
    """Each row stands in core or in quarantine, and no text of core is longer than what it may stand for."""
    quarantined = {
        row_id
        for (row_id,) in core.execute(
            "SELECT row_id FROM core.quarantined WHERE collection = ?", [collection]
        ).fetchall()
    }
    if collection not in CORE:
        return
    table, key = CORE[collection]
    frame = core.sql(f"SELECT * FROM {table}").pl()
    assert set(frame[key]) | quarantined == ids
    assert not set(frame[key]) & quarantined
    for column in frame.select(pl.col(pl.String)).columns:
        assert (frame[column].str.len_chars().max() or 0) <= LONGEST_PUBLISHED, column


@pytest.mark.parametrize("collection", list(TABLES))
def test_every_hostile_value_in_every_attribute_is_kept_or_set_aside_by_name(
    tmp_path: Path, collection: str
) -> None:
    kinds = TABLES[collection]
    mine = {MINE[collection]: '"u1"'} if collection in MINE else {}
    created = {"createdAt": '"2026-01-01T03:00:00Z"'} if kinds.get("createdAt") == "string" else {}
    listed = [{**dict.fromkeys(kinds, value), **mine, **created} for value in HOSTILE_VALUES.values()]
    # Once more without a creation time that can be read: most of these are quarantined.
    listed += [
        {**dict.fromkeys(kinds, value), **mine}
        for value in HOSTILE_VALUES.values()
        if len(value) < LARGEST_VALUE
    ]
    ids = {f"r{n}" for n in range(1, len(listed) + 1)}
    with RawStore(tmp_path / "raw.duckdb") as store:
        assert carried_in(store, collection, [kinds]) == ""
        for at in ("2026-01-01T03:00:00.000+00:00", "2026-01-02T03:00:00.000+00:00"):
            counts = mirrored(store, collection, answer(listed, at=at))
            assert counts.fetched == len(listed) == counts.inserted + counts.updated + counts.rejected
        assert store.merge.rejudge(collection, reject_reasons, rules_version="next", run_id="r", now=NOW) == 0
    with derived(tmp_path) as core:
        assert_accounted_for(core, collection, ids)
        named = core.execute(
            "SELECT DISTINCT attribute FROM core.data_findings WHERE finding = 'value_set_aside' AND collection = ?",
            [collection],
        ).fetchall()
        texts = {key for key, kind in kinds.items() if kind != "relationship"} - set(mine) - set(created)
        assert texts <= {name for (name,) in named} | {"createdAt"}
        told = core.sql("SELECT string_agg(detail) FROM core.data_findings").fetchall()[0][0] or ""
        assert OVERSIZED_TEXT[:50] not in told
    if mine:
        with RawStore(tmp_path / "raw.duckdb") as store:
            assert erase(store, "u1", now=NOW).known
        rewrite(tmp_path / "raw.duckdb")
        with derived(tmp_path) as core:
            assert_accounted_for(core, collection, ids)


def test_hostile_names_are_mirrored_or_set_aside_by_name(tmp_path: Path) -> None:
    kinds = [{name: "string"} for name in HOSTILE_NAMES]
    with RawStore(tmp_path / "raw.duckdb") as store:
        aside = carried_in(store, "bookings", [*kinds, {"status": "string", "userId": "string"}])
        assert aside.startswith("columns set aside, as their names cannot be used: ")
        assert "$id" in aside
        assert len(aside) < 500
        kept = {column.attribute for column in store.columns.of("bookings")}
        assert {
            "_id",
            "_change",
            "rowid",
            "select * from bookings; --",
            "*",
            "^.*$",
            "naïve",
            "Status",
        } <= kept
        values = {name: json.dumps(f"of {name[:20]}") for name in kept}
        for at in ("2026-01-01T03:00:00.000+00:00", "2026-01-02T03:00:00.000+00:00"):
            body = answer([{**values, "userId": '"u1"', "status": '"completed"'}], at=at)
            assert mirrored(store, "bookings", body).fetched == 1
        held = {c.attribute: c.name for c in store.columns.of("bookings")}
        row = store.connection.sql("SELECT * FROM bookings").pl().row(0, named=True)
        assert row["_id"] == "r1"
        for attribute in kept - {"userId", "status"}:
            assert row[held[attribute]] == f"of {attribute[:20]}"
        assert store.columns.reconcile("bookings", [Column("status", "string")], NOW).sentence
    with derived(tmp_path) as core:
        assert core.sql("SELECT booking_id, status FROM core.bookings").fetchall() == [("r1", "completed")]
    with RawStore(tmp_path / "raw.duckdb") as store:
        assert erase(store, "u1", now=NOW).known


def test_of_5000_columns_those_with_a_meaning_are_mirrored(tmp_path: Path) -> None:
    listed = [{f"junk{n}": "string"} for n in range(5000)]
    with RawStore(tmp_path / "raw.duckdb") as store:
        aside = carried_in(store, "bookings", [*listed, {"status": "string", "totalCost": "double"}])
        assert aside == (
            "columns set aside, as more than 500 are not mirrored: 'junk498', 'junk499', 'junk500', 'junk501', "
            "'junk502' and 4,497 more"
        )
        assert len(store.columns.of("bookings")) == MOST_COLUMNS
        row = {f"junk{n}": '"x"' for n in range(5000)} | {"status": '"completed"', "totalCost": "250000"}
        for at in ("2026-01-01T03:00:00.000+00:00", "2026-01-02T03:00:00.000+00:00"):
            assert mirrored(store, "bookings", answer([row] * 20, at=at)).fetched == 20
    with derived(tmp_path) as core:
        found = core.sql("SELECT DISTINCT status, amount_idr FROM core.bookings").fetchall()
    assert found == [("completed", 250000)]


def test_what_one_strict_pass_takes_is_what_a_closer_look_reads() -> None:
    kinds = {"t": "string", "i": "integer", "f": "double", "b": "boolean", "d": "datetime"}
    decoder = PageDecoder(
        tuple(StoredColumn(name, name, Column(name, kind).storage) for name, kind in kinds.items())
    )
    alike = 0
    for value in HOSTILE_VALUES.values():
        for attribute in kinds:
            body = answer([{attribute: value}, {}])
            strict = decoder._in_one_pass(body)
            if strict is not None:
                assert strict.equals(decoder._row_by_row(body)), body[:200]
                alike += 1
    assert alike >= 30


anything = st.sampled_from(list(TABLES)).flatmap(
    lambda collection: st.tuples(
        st.just(collection),
        rows(list(TABLES[collection]), good={"createdAt": "2026-01-01T03:00:00Z", "status": "completed"}),
        rows(list(TABLES[collection])),
    )
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(anything)
def test_any_attribute_holds_anything(
    case: tuple[str, list[dict[str, str]], list[dict[str, str]]],
) -> None:
    collection, first, second = case
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with RawStore(home / "raw.duckdb") as store:
            carried_in(store, collection, [TABLES[collection]])
            counts = mirrored(store, collection, answer(first))
            assert counts.fetched == len(first) == counts.inserted + counts.rejected
        ids = {f"r{n}" for n in range(1, len(first) + 1)}
        with derived(home) as core:
            assert_accounted_for(core, collection, ids)
        with RawStore(home / "raw.duckdb") as store:
            at = "2026-01-02T03:00:00.000+00:00"
            counts = mirrored(store, collection, answer(second, at=at))
            assert counts.fetched == len(second)
        with derived(home) as core:
            assert_accounted_for(core, collection, ids | {f"r{n}" for n in range(1, len(second) + 1)})


def test_texts_beyond_a_name_stay_out_of_core_and_long_words_out_of_the_private_file(tmp_path: Path) -> None:
    long, words = "x" * (LONGEST_PUBLISHED + 1), "y" * (LONGEST_WORDS + 1)
    row: dict[str, Any] = {
        "status": long,
        "bookingId": long.upper(),
        "providerName": "z" * (LONGEST_PUBLISHED + 1),
        "customerName": words,
        "totalCost": 250000,
    }
    with RawStore(tmp_path / "raw.duckdb") as store:
        carried_in(store, "bookings", [TABLES["bookings"]])
        mirrored(store, "bookings", answer([{key: json.dumps(value) for key, value in row.items()}]))
        assert store.connection.sql("SELECT status FROM bookings").fetchall() == [(long,)]
    with derived(tmp_path) as core:
        kept = core.sql("SELECT status, provider_name, amount_idr FROM core.bookings").fetchall()
        assert kept == [("unknown", None, 250000)]
        hidden = core.sql("SELECT raw_status, business_id FROM core.bookings").fetchall()[0]
        assert all(text.startswith(PREFIX) for text in hidden)
        found = core.sql(
            "SELECT attribute, detail FROM core.data_findings WHERE finding = 'text_too_long' ORDER BY 1"
        ).fetchall()
        assert found == [("providerName", "a text of 257 letters")]
    with duckdb.connect(
        str((tmp_path / "published" / "private.duckdb").resolve()), read_only=True
    ) as private:
        assert private.sql("SELECT len(customer_name) FROM bookings").fetchall() == [(LONGEST_WORDS,)]


def test_a_value_that_was_not_kept_is_named_and_its_size_told(tmp_path: Path) -> None:
    with RawStore(tmp_path / "raw.duckdb") as store:
        carried_in(store, "reviews", [TABLES["reviews"]])
        mirrored(store, "reviews", answer([{"comment": json.dumps("x" * (LARGEST_VALUE + 1))}]))
    with derived(tmp_path) as core:
        found = core.sql(
            "SELECT finding, collection, row_id, attribute, detail FROM core.data_findings"
        ).fetchall()
    assert found == [("value_set_aside", "reviews", "r1", "comment", "a text of 1,048,577 bytes is not kept")]
