"""Where the chain from booking to payment breaks: each hop broken, working and unknown."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketplace.links import HOPS, LINK_KEY_MEMORY, LINK_ROWS_SHOWN
from tests.health.market import Market, stamp
from tests.marts.warehouse import NOW, Warehouse

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
COLLECTIONS = ("bookings", "chat_rooms", "chat_messages", "notifications", "commission_records")


@pytest.fixture
def w() -> Warehouse:
    w = Warehouse()
    for collection in COLLECTIONS:
        w.scan(collection)
    return w


def links(w: Warehouse) -> dict[int, tuple[int, int, int, int, str]]:
    """Hop → entered, passed, broken, unknown, state."""
    w.build(["broken_links", "broken_link_rows"])
    return {
        row["hop"]: (row["entered"], row["passed"], row["broken"], row["unknown"], row["state"])
        for row in w.rows("FROM marts.broken_links")
    }


def broken(w: Warehouse, hop: int) -> list[str]:
    return [r["row_id"] for r in w.rows(f"FROM marts.broken_link_rows WHERE hop = {hop} ORDER BY since DESC")]


def chain(
    w: Warehouse, name: str = "b1", created: datetime = NOW - DAY, *, upto: int = 6, **booking: Any
) -> None:
    """A booking that passes so many hops."""
    w.booking(name, created_at=created, **({"business_id": f"BK-{name}"} | booking))
    if upto >= 1:
        w.add("core.chat_rooms", room_id=f"r-{name}", booking_ref=name, created_at=created + MINUTE)
    if upto >= 2:
        at = created + 2 * MINUTE
        w.message(f"m-{name}", conversation_id=f"r-{name}", sent_at=at, created_at=at)
    if upto >= 3:
        w.notification(f"n-{name}", age=w.now - created, booking_ref=f"BK-{name}")
    if upto >= 5:
        w.commission(f"c-{name}", name, created_at=created, status="paid" if upto >= 6 else "pending")


def test_there_is_a_row_a_hop_in_the_order_of_the_chain() -> None:
    w = Warehouse(scanned=False)
    found = links(w)
    assert found == dict.fromkeys(HOPS, (0, 0, 0, 0, "unknown"))
    steps = [(h.from_step, h.to_step) for h in HOPS.values()]
    assert [a[1] for a in steps[:-1]] == [b[0] for b in steps[1:]]
    assert steps[0][0] == "booking"
    assert steps[-1][1] == "payment"


def test_of_a_free_booking_no_commission_and_no_payment_is_expected(w: Warehouse) -> None:
    chain(w, "b1", completed_at=NOW - 10 * HOUR)
    chain(w, "free", upto=4, amount_idr=0, completed_at=NOW - 10 * HOUR)
    chain(w, "zero", upto=4, amount_idr=0, completed_at=NOW - 10 * HOUR)
    w.commission("c-zero", "zero", commission_idr=0, status="pending")
    found = links(w)
    assert found[5] == (2, 2, 0, 0, "working")
    assert found[6] == (1, 1, 0, 0, "working")


def test_a_booking_that_goes_all_the_way_breaks_nowhere(w: Warehouse) -> None:
    chain(w, completed_at=NOW - 10 * HOUR)
    assert links(w) == dict.fromkeys(HOPS, (1, 1, 0, 0, "working"))


@pytest.mark.parametrize("hop", [1, 2, 3, 5, 6])
def test_each_hop_breaks_where_its_next_step_is_not_there(w: Warehouse, hop: int) -> None:
    chain(w, "whole", completed_at=NOW - 10 * HOUR)
    chain(w, "cut", upto=hop - 1, completed_at=NOW - 10 * HOUR)
    if hop != 5:
        # What comes after is judged for itself.
        assert links(w)[5][1] >= 1
    assert links(w)[hop] == (2, 1, 1, 0, "broken")
    assert broken(w, hop) == ["cut"]


def test_4_breaks_where_a_notified_request_is_pending_past_its_deadline(w: Warehouse) -> None:
    chain(w, "whole", completed_at=NOW - 10 * HOUR)
    chain(w, "late", upto=3, status="pending", response_deadline=NOW - MINUTE)
    chain(w, "open", upto=3, status="pending", response_deadline=NOW + MINUTE)
    for ended in ("declined", "expired", "cancelled", "reassigned"):
        chain(w, ended, upto=3, status=ended)
    chain(w, "odd", upto=3, status="unknown")
    assert links(w)[4] == (3, 1, 1, 1, "broken")
    assert broken(w, 4) == ["late"]
    assert links(w)[5][:3] == (1, 1, 0)


def test_what_may_still_come_is_not_judged(w: Warehouse) -> None:
    chain(w, "new", NOW - 4 * MINUTE, upto=0, status="pending", response_deadline=NOW + MINUTE)
    chain(w, "grace", NOW - MINUTE, upto=0, status="accepted")
    chain(w, "unpaid", NOW - HOUR, upto=5, starts_at=NOW, service_minutes=60)
    found = links(w)
    assert found[1] == (1, 1, 0, 0, "working")
    assert found[5] == (1, 1, 0, 0, "working")
    assert found[6] == (0, 0, 0, 0, "unknown")


@pytest.mark.parametrize("age", [5 * MINUTE, 5 * MINUTE - timedelta(seconds=1)])
def test_a_room_may_take_five_minutes(w: Warehouse, age: timedelta) -> None:
    chain(w, "b", NOW - age, upto=0, status="pending", response_deadline=NOW + HOUR)
    assert links(w)[1][2] == (1 if age == 5 * MINUTE else 0)


@pytest.mark.parametrize(
    ("hop", "collection"), [(1, "chat_rooms"), (2, "chat_messages"), (3, "notifications")]
)
def test_a_hop_is_unknown_where_its_collection_was_not_scanned_or_not_since(
    w: Warehouse, hop: int, collection: str
) -> None:
    chain(w, "cut", upto=hop - 1, status="pending", response_deadline=NOW + HOUR)
    chain(w, "told", created=NOW - 2 * DAY, upto=3, status="declined")
    w.scan(collection, at=NOW - DAY)  # before the time of the next step was up
    assert links(w)[hop] == (2, 1, 0, 1, "unknown")
    assert broken(w, hop) == []
    w.con.execute("DELETE FROM ops.scans WHERE collection = ?", [collection])
    assert links(w)[hop] == (2, 1, 0, 1, "unknown")


def test_3_is_unknown_where_no_notification_names_a_booking(w: Warehouse) -> None:
    chain(w, "b", upto=2)
    w.notification("n", age=DAY)
    assert links(w)[3] == (1, 0, 0, 1, "unknown")
    w.notification("other", age=DAY, booking_ref="elsewhere")
    assert links(w)[3] == (1, 0, 1, 0, "broken")


def test_5_and_6_are_unknown_where_records_or_deadlines_are(w: Warehouse) -> None:
    chain(w, "b", upto=0)
    w.con.execute("DELETE FROM ops.scans WHERE collection = 'commission_records'")
    assert links(w)[5] == (1, 0, 0, 1, "unknown")
    w.scan("commission_records")
    w.commission("c", "b", status="pending")  # no end of service, no deadline written
    assert links(w)[6] == (1, 0, 0, 1, "unknown")


def test_both_keys_lead_to_a_booking_and_tests_deleted_and_old_ones_are_left_out(w: Warehouse) -> None:
    w.booking("b", business_id="BK1", created_at=NOW - DAY)
    w.add("core.chat_rooms", room_id="r", booking_ref="BK1", created_at=NOW - DAY)
    w.message("m", booking_ref="b", conversation_id=None, sent_at=NOW - DAY, created_at=NOW - DAY)
    chain(w, "test", upto=0, is_test=True)
    chain(w, "gone", upto=0, deleted_at=NOW)
    chain(w, "old", NOW - 7 * DAY - MINUTE, upto=0)
    found = links(w)
    assert found[1] == (1, 1, 0, 0, "working")
    assert found[2] == (1, 1, 0, 0, "working")


def twins(w: Warehouse, **booking: Any) -> None:
    """Two bookings of one bookingId, ``BK``: the second of another collection."""
    w.booking("b1", business_id="BK", created_at=NOW - DAY, **booking)
    w.booking("b2", business_id="BK", created_at=NOW - DAY, origin="hotel_bookings", **booking)


@pytest.mark.parametrize("hop", [1, 2, 3])
def test_what_only_a_key_that_fits_two_bookings_leads_to_makes_a_hop_unknown(w: Warehouse, hop: int) -> None:
    twins(w, status="declined")
    for n in ("b1", "b2"):
        if hop > 1:
            w.add("core.chat_rooms", room_id=f"r-{n}", booking_ref=n, created_at=NOW - DAY)
        if hop > 2:
            w.message(f"m-{n}", conversation_id=f"r-{n}", sent_at=NOW - DAY, created_at=NOW - DAY)
    w.notification("elsewhere", age=DAY, booking_ref="elsewhere")
    assert links(w)[hop] == (2, 0, 2, 0, "broken")
    if hop == 1:
        w.add("core.chat_rooms", room_id="r", booking_ref="BK", created_at=NOW - DAY)
    elif hop == 2:
        w.message("m", booking_ref="BK", conversation_id=None, sent_at=NOW - DAY, created_at=NOW - DAY)
    else:
        w.notification("n", age=DAY, booking_ref="BK")
    assert links(w)[hop] == (2, 0, 0, 2, "unknown")
    assert broken(w, hop) == []
    if hop < 3:
        # Nor is it known whether the next hop was entered.
        assert links(w)[hop + 1] == (2, 0, 0, 2, "unknown")


def test_a_message_in_a_room_of_two_bookings_is_nobodys(w: Warehouse) -> None:
    twins(w, status="declined")
    w.add("core.chat_rooms", room_id="r", booking_ref="BK", created_at=NOW - DAY)
    w.message("m", conversation_id="r", sent_at=NOW - DAY, created_at=NOW - DAY)
    w.notification("elsewhere", age=DAY, booking_ref="elsewhere")
    found = links(w)
    assert [found[hop] for hop in (1, 2, 3)] == [(2, 0, 0, 2, "unknown")] * 3


def test_what_is_surely_a_bookings_own_passes_whatever_else_may_be_its(w: Warehouse) -> None:
    twins(w, status="declined")
    w.add("core.chat_rooms", room_id="r", booking_ref="BK", created_at=NOW - DAY)
    w.add("core.chat_rooms", room_id="r1", booking_ref="b1", created_at=NOW - DAY)
    assert links(w)[1] == (2, 1, 0, 1, "unknown")


def test_4_is_unknown_where_the_only_notification_may_be_anothers(w: Warehouse) -> None:
    twins(w, status="pending", response_deadline=NOW - MINUTE)
    w.booking("b3", business_id="BK", created_at=NOW - DAY, status="completed")
    w.booking("b4", business_id="BK", created_at=NOW - DAY, status="declined")
    w.notification("n", age=DAY, booking_ref="BK")
    assert links(w)[4] == (3, 0, 0, 3, "unknown")


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        ({"created_at": NOW - LINK_KEY_MEMORY + DAY}, "unknown"),
        ({"created_at": NOW - LINK_KEY_MEMORY - DAY}, "working"),
        ({"is_test": True}, "working"),
        ({"deleted_at": NOW}, "working"),
    ],
)
def test_the_other_booking_may_be_an_older_one_but_no_test_not_deleted_or_of_months_ago(
    w: Warehouse, other: dict[str, Any], verdict: str
) -> None:
    w.booking("b", business_id="BK", created_at=NOW - DAY)
    w.booking("BK", **({"created_at": NOW - DAY} | other))
    w.add("core.chat_rooms", room_id="r", booking_ref="BK", created_at=NOW - DAY)
    assert links(w)[1][4] == verdict


def test_the_other_booking_may_be_quarantined_but_is_no_other_if_it_is_the_same(w: Warehouse) -> None:
    w.booking("b", business_id="BK", created_at=NOW - DAY)
    w.add("core.chat_rooms", room_id="r", booking_ref="BK", created_at=NOW - DAY)
    w.add("core.quarantined", collection="bookings", row_id="b", business_id="BK")
    assert links(w)[1] == (1, 1, 0, 0, "working")
    w.add("core.quarantined", collection="bookings", row_id="q", business_id="BK")
    assert links(w)[1] == (1, 0, 0, 1, "unknown")


def test_each_reference_is_followed_except_for_case(w: Warehouse) -> None:
    w.booking("b1", business_id="BK-1", created_at=NOW - DAY, status="completed")
    w.add("core.chat_rooms", room_id="r1", booking_ref="B1", created_at=NOW - DAY + MINUTE)
    w.message("m1", conversation_id="R1", sent_at=NOW - DAY, created_at=NOW - DAY)
    w.notification("n1", age=DAY, booking_ref="bk-1")
    w.commission("c1", "B1", created_at=NOW - DAY)
    assert links(w) == dict.fromkeys(HOPS, (1, 1, 0, 0, "working"))


def test_a_reference_that_fits_two_bookings_except_for_case_makes_a_hop_unknown(w: Warehouse) -> None:
    w.booking("Ab", created_at=NOW - DAY, status="declined")
    w.booking("aB", created_at=NOW - DAY, status="declined")
    w.add("core.chat_rooms", room_id="r1", booking_ref="AB", created_at=NOW - DAY)
    assert links(w)[1] == (2, 0, 0, 2, "unknown")


def test_a_room_that_two_are_called_like_makes_a_hop_unknown(w: Warehouse) -> None:
    chain(w, "a", upto=0)
    chain(w, "b", upto=0)
    for room, ref in (("Rr", "a"), ("rR", "b")):
        w.add("core.chat_rooms", room_id=room, booking_ref=ref, created_at=NOW - DAY)
    w.message("m", conversation_id="RR", sent_at=NOW - DAY, created_at=NOW - DAY)
    assert links(w)[2] == (2, 0, 0, 2, "unknown")


def test_ids_are_capped_the_newest_first_and_the_count_is_of_all(w: Warehouse) -> None:
    for number in range(LINK_ROWS_SHOWN + 5):
        created = NOW - DAY - number * MINUTE
        w.booking(f"b{number:03}", created_at=created, status="declined")
    assert links(w)[1][2] == LINK_ROWS_SHOWN + 5
    shown = broken(w, 1)
    assert len(shown) == LINK_ROWS_SHOWN
    assert shown[0] == "b000"


def test_from_the_mirror(tmp_path: Path) -> None:
    """A booking with its room, message and notification, and one without any, through core."""
    market = Market(tmp_path / "home")
    at = NOW - DAY
    market.booking("a", at, bookingId="BK-a", status="declined")
    market.booking("b", at, status="declined")
    market.raw.put("chat_rooms", {"$id": "r", "$createdAt": at, "bookingId": "a", "createdAt": stamp(at)})
    market.raw.put(
        "chat_messages", {"$id": "m", "$createdAt": at, "conversationId": "r", "timestamp": stamp(at)}
    )
    market.notifications(
        at, 1, 1, metadata='{"bookingId": "BK-a", "channel": "push"}', recipientType="therapist"
    )
    market.scanned()
    market.run()
    rows = market.rows(
        "SELECT hop, passed, broken, unknown FROM marts.broken_links WHERE hop <= 3 ORDER BY hop"
    )
    assert [tuple(row.values()) for row in rows] == [(1, 1, 1, 0), (2, 1, 0, 0), (3, 1, 0, 0)]
    assert market.rows("SELECT hop, row_id FROM marts.broken_link_rows") == [{"hop": 1, "row_id": "b"}]
    assert market.rows("SELECT channel, recipient_type, sent, rate FROM marts.delivery_rates") == [
        {"channel": "push", "recipient_type": "therapist", "sent": 1, "rate": 1.0}
    ]
