"""What a reference means: exactly, else except for case; of a test booking and a real one the real one; and never a
booking of another collection that happens to have the same id."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.core.engine import process
from checks.every import registry_of
from tests.core.raw_file import RawFile
from tests.marts.warehouse import NOW, Warehouse

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHECKS = registry_of({})


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def states(w: Warehouse) -> dict[tuple[str | None, str | None], str]:
    """(origin, booking) of a reconciled row → its state. What is owed is added up a second time by the check."""
    w.build(
        [
            "commission_reconciliation",
            "commission_findings",
            "commission_ledger",
            "commission_open",
            "revenue_daily",
        ]
    )
    balance = CHECKS["ledger_balance"].run(w.con)
    assert balance.passed, (balance.broken_rules, balance.sample_ids)
    return {
        (r["origin"], r["booking_id"]): r["state"] for r in w.rows("FROM marts.commission_reconciliation")
    }


def cases(w: Warehouse) -> set[tuple[str, str, str]]:
    w.build(["data_findings"])
    found = w.rows("FROM marts.data_findings WHERE finding = 'reference_case'")
    return {(r["collection"], r["row_id"], r["attribute"]) for r in found}


# the collection a booking stands in


def test_a_booking_is_not_in_doubt_for_one_of_another_collection_with_its_id(w: Warehouse) -> None:
    """The wrong finding of 1,378 over 20 marketplaces: hotel a came out unknown."""
    w.booking("a", business_id="K")
    w.booking("b", business_id="K")
    w.booking("a", business_id="L", origin="hotel_bookings")
    w.commission("c1", "K")
    assert states(w) == {
        ("bookings", "a"): "unknown",
        ("bookings", "b"): "unknown",
        ("hotel_bookings", "a"): "missing",
        (None, None): "unknown",
    }
    assert w.findings() == {"ambiguous_reference:c1", "missing:a"}


# tests and real ones


@pytest.mark.parametrize(
    ("test", "real"),
    [
        ({"booking_id": "X"}, {"booking_id": "b", "business_id": "X"}),
        ({"booking_id": "t", "business_id": "X"}, {"booking_id": "X"}),
        ({"booking_id": "t", "business_id": "X"}, {"booking_id": "b", "business_id": "X"}),
        ({"booking_id": "X", "origin": "hotel_bookings"}, {"booking_id": "X"}),
    ],
)
@pytest.mark.parametrize("reference", ["X", "x"])
def test_of_a_test_booking_and_a_real_one_the_real_one_is_meant(
    w: Warehouse, test: dict[str, Any], real: dict[str, Any], reference: str
) -> None:
    w.booking(**test, is_test=True)
    w.booking(**real)
    w.commission("c1", reference)
    assert states(w) == {("bookings", real["booking_id"]): "matched"}
    assert w.findings() == set()


def test_two_real_ones_beside_a_test_are_two(w: Warehouse) -> None:
    w.booking("t", business_id="X", is_test=True)
    w.booking("b1", business_id="X")
    w.booking("b2", business_id="X")
    w.commission("c1", "X")
    assert states(w) == {
        ("bookings", "b1"): "unknown",
        ("bookings", "b2"): "unknown",
        (None, None): "unknown",
    }


@pytest.mark.parametrize("reference", ["X", "x"])
def test_a_record_of_two_test_bookings_is_a_test(w: Warehouse, reference: str) -> None:
    w.booking("t1", business_id="X", is_test=True)
    w.booking("t2", business_id="X", is_test=True)
    w.commission("c1", reference)
    assert states(w) == {}
    w.build(["test_rows"])
    assert {r["collection"]: r["rows"] for r in w.rows("FROM marts.test_rows")}["commission_records"] == 1


def test_a_test_booking_and_one_in_quarantine_leave_a_record_unknown(w: Warehouse) -> None:
    w.booking("t", business_id="X", is_test=True)
    w.add("core.quarantined", collection="bookings", row_id="q", business_id="X")
    w.commission("c1", "X")
    assert states(w) == {(None, None): "unknown"}


# upper and lower case


@pytest.mark.parametrize(
    ("reference", "attribute"),
    [
        ({"booking_ref": "B1"}, "bookingId"),
        ({"booking_ref": "bk-1"}, "bookingId"),
        ({"booking_ref": None, "booking_doc_ref": "B1"}, "bookingDocId"),
        ({"booking_ref": "ghost", "booking_doc_ref": "Bk-1"}, "bookingDocId"),
    ],
)
def test_a_record_finds_its_booking_except_for_case(
    w: Warehouse, reference: dict[str, Any], attribute: str
) -> None:
    w.booking("b1", business_id="BK-1")
    w.commission("c1", **reference)
    assert states(w) == {("bookings", "b1"): "matched"}
    assert w.findings() == set()
    assert cases(w) == {("commission_records", "c1", attribute)}
    (row,) = w.rows("FROM marts.data_findings")
    assert row["detail"] == "differs from the key it refers to in upper and lower case only"


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        (
            {"booking_ref": "X", "booking_doc_ref": "b2"},
            "b2",
        ),  # the second fits exactly, the first except for case
        ({"booking_ref": "x"}, "x"),  # exactly one booking, and another except for case
        ({"booking_ref": "B1", "booking_doc_ref": "B2"}, "b1"),
    ],
)
def test_what_fits_exactly_goes_before_what_fits_except_for_case(
    w: Warehouse, reference: dict[str, Any], meant: str
) -> None:
    w.booking("x")
    w.booking("b1", business_id=None if reference["booking_ref"] == "X" else "X")
    w.booking("b2")
    w.commission("c1", **reference)
    assert {name for (_, name), state in states(w).items() if state == "matched"} == {meant}
    assert len(cases(w)) == (meant == "b1")


def test_two_that_differ_by_case_alone_are_guessed_for_neither(w: Warehouse) -> None:
    w.booking("Ab")
    w.booking("b2", business_id="aB")
    w.booking("Ab", origin="hotel_bookings", business_id="else")
    w.booking("b2", origin="hotel_bookings")
    w.commission("c1", "AB")
    w.commission("c2", None, booking_doc_ref="else")
    assert states(w) == {
        ("bookings", "Ab"): "unknown",
        ("bookings", "b2"): "unknown",
        ("hotel_bookings", "Ab"): "matched",
        ("hotel_bookings", "b2"): "missing",
        (None, None): "unknown",
    }
    assert w.findings() == {"ambiguous_reference:c1", "missing:b2"}
    assert w.finding("ambiguous_reference")["booking_ref"] == "AB"
    assert cases(w) == set()


def test_both_keys_of_one_booking_are_one(w: Warehouse) -> None:
    w.booking("Ab", business_id="aB")
    w.commission("c1", "AB")
    assert states(w) == {("bookings", "Ab"): "matched"}


def test_a_deleted_booking_is_meant_only_where_none_that_is_there_fits(w: Warehouse) -> None:
    """As in a mirror made after it was deleted."""
    w.booking("X", deleted_at=NOW)
    w.booking("x")
    w.booking("y", deleted_at=NOW)
    w.commission("c1", "X")
    w.commission("c2", "Y")
    assert states(w) == {("bookings", "x"): "matched", (None, None): "orphan"}
    assert "a booking that was deleted" in w.finding("orphan")["detail"]
    assert cases(w) == {("commission_records", "c1", "bookingId")}


def test_what_refers_to_a_quarantined_booking_except_for_case_is_unknown(w: Warehouse) -> None:
    w.add("core.quarantined", collection="bookings", row_id="q1", business_id="BKQ")
    w.commission("c1", "Q1")
    w.commission("c2", "bkq")
    assert [r["state"] for r in w.reconciled()] == ["unknown", "unknown"]
    assert w.findings() == set()


def test_records_of_a_booking_found_either_way_are_duplicates(w: Warehouse) -> None:
    w.booking("b1")
    w.commission("c1", "B1", created_at=NOW - HOUR)
    w.commission("c2", "b1", created_at=NOW)
    assert w.findings() == {"duplicate:c2"}


def test_rooms_messages_and_notifications_are_found_except_for_case(w: Warehouse) -> None:
    w.booking("b1", business_id="BK-1")
    w.booking("Ab")
    w.booking("aB")
    w.booking("t", is_test=True, deleted_at=NOW)
    for room, ref in (("r1", "B1"), ("r2", "b1"), ("r3", "AB"), ("r4", "ghost"), ("R5", "T")):
        w.add("core.chat_rooms", room_id=room, booking_ref=ref, created_at=NOW - DAY)
    w.message("m1", conversation_id="R1", booking_ref="bk-1")
    w.message("m2", conversation_id="r1")
    w.message("m3", conversation_id="ghost", deleted_at=NOW)
    w.notification("n1", age=DAY, booking_ref="Bk-1")
    w.notification("n2", age=DAY, booking_ref="BK-1")
    assert cases(w) == {
        ("chat_rooms", "r1", "bookingId"),
        ("chat_messages", "m1", "bookingId"),
        ("chat_messages", "m1", "conversationId"),
        ("notifications", "n1", "bookingId"),
    }


def test_spellings_of_a_customer_whom_no_user_tells_apart_are_one(w: Warehouse) -> None:
    """Core gives them one key (tests/core)."""
    first = NOW - DAY
    for name, customer, key, at in (
        ("b1", "Ann", "c:ann", first),
        ("b2", "ANN", "c:ann", first + timedelta(minutes=5)),
        ("b3", "Ann", "c:ann", first + HOUR),
        ("b4", "Bob", "c:Bob", first),
        ("b5", "bob", "c:bob", first),
    ):
        w.booking(name, customer_id=customer, customer_key=key, created_at=at)
    assert cases(w) == {("bookings", "b2", "userId")}
    w.build(["booking_anomalies"])
    found = w.rows("FROM marts.booking_anomalies WHERE anomaly = 'duplicate_booking'")
    assert [(r["booking_id"], r["other_booking_id"]) for r in found] == [("b2", "b1")]


# from raw rows


def test_a_provider_is_one_in_every_mart_however_its_id_is_written(tmp_path: Path) -> None:
    text = "VARCHAR"
    raw = RawFile(
        tmp_path / "raw.duckdb",
        {
            "therapists": dict.fromkeys(("name", "status", "timezone", "lastSeenAt"), text),
            "users": {"name": text},
            "bookings": dict.fromkeys(
                ("status", "totalCost", "createdAt", "completedAt", "startTime", "duration", "therapistId", "userId"),
                text,
            ),
            "commission_records": dict.fromkeys(
                ("bookingId", "bookingAmount", "commissionAmount", "paymentStatus", "therapistId", "paymentDeadline",
                 "createdAt"),
                text,
            ),
            "chat_messages": dict.fromkeys(("receiverId", "senderId", "senderRole", "timestamp"), text)
            | {"isRead": "BOOLEAN"},
        },
    )  # fmt: skip
    raw.put("therapists", {"$id": "Spa1", "name": "Spa", "status": "RESTRICTED", "timezone": "WIB",
                           "lastSeenAt": "2026-03-15T11:59:00Z"})  # fmt: skip
    raw.put("users", {"$id": "Ann"})
    booking = {"status": "completed", "totalCost": "250000", "duration": "60"}
    raw.put(
        "bookings",
        {"$id": "b1", **booking, "createdAt": "2026-03-14T03:00:00Z", "startTime": "2026-03-14T11:00:00",
         "therapistId": "Spa1", "userId": "Ann"},
        {"$id": "b2", **booking, "createdAt": "2026-03-14T03:04:00Z", "startTime": "2026-03-14T11:30:00",
         "therapistId": "SPA1", "userId": "ANN"},
    )  # fmt: skip
    record = {"bookingAmount": "250000", "commissionAmount": "75000", "paymentStatus": "overdue",
              "createdAt": "2026-03-14T03:01:00Z"}  # fmt: skip
    raw.put(
        "commission_records",
        {
            "$id": "c1",
            **record,
            "bookingId": "B1",
            "therapistId": "sPA1",
            "paymentDeadline": "2026-03-14T15:00:00",
        },
        {
            "$id": "c2",
            **record,
            "bookingId": "b2",
            "therapistId": "Spa1",
            "paymentDeadline": "2026-03-14T15:30:00",
        },
    )
    raw.put("chat_messages", {"$id": "m1", "receiverId": "spa1", "senderId": "aNN", "senderRole": "customer",
                              "timestamp": "2026-03-14T11:00:00", "isRead": False})  # fmt: skip
    process(raw.path, tmp_path / "warehouse.duckdb", timezone="Asia/Makassar", rules_version="2", now=NOW)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        w = Warehouse(con=con, scanned=False)
        for collection in ("bookings", "chat_messages", "commission_records"):
            w.scan(collection)
        w.build()
        found = {r["finding_id"] for r in w.rows("FROM marts.commission_findings")}
        assert (
            found == set()
        )  # neither another provider's, nor due at another time, nor restricted for nothing
        (balance,) = w.rows("FROM marts.commission_balances")
        assert (balance["provider_id"], balance["owed_idr"], balance["restriction_actual"]) == (
            "Spa1",
            150_000,
            True,
        )
        assert {r["provider_id"] for r in w.rows("FROM marts.commission_ledger")} == {"Spa1"}
        (member,) = w.rows("FROM marts.member_health")
        assert (member["bookings"], member["unread_messages"]) == (2, 1)
        anomalies = {(r["anomaly"], r["booking_id"]) for r in w.rows("FROM marts.booking_anomalies")}
        assert anomalies == {
            ("duplicate_booking", "b2"),
            ("overlapping_bookings", "b1"),
            ("overlapping_bookings", "b2"),
        }
        assert cases(w) == {
            ("bookings", "b2", "therapistId"),
            ("bookings", "b2", "userId"),
            ("commission_records", "c1", "bookingId"),
            ("commission_records", "c1", "therapistId"),
            ("chat_messages", "m1", "receiverId"),
            ("chat_messages", "m1", "senderId"),
        }
