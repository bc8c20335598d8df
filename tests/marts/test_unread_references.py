"""References that Appwrite does not hand out: what hangs on them is unknown, never missing, an orphan or broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from checks.every import registry_of
from marketplace.policy import Policy
from tests.marts.warehouse import NOW, Warehouse
from tests.policies import DEFAULT_POLICY


@pytest.fixture
def w() -> Warehouse:
    made = Warehouse()
    made.booking("b1")
    made.booking("b2")
    made.provider()
    return made


def hide(w: Warehouse, collection: str, *names: str) -> None:
    told = "[" + ",".join(f'"{name}"' for name in names) + "]"
    w.con.execute("UPDATE ops.scans SET unread = ? WHERE collection = ?", [told, collection])


def states(w: Warehouse) -> dict[str, str]:
    return {row["booking_id"] or row["commission_id"]: row["state"] for row in w.reconciled()}


def test_records_whose_reference_is_hidden_and_the_bookings_they_may_mean_are_unknown(w: Warehouse) -> None:
    w.commission("c1", booking_ref=None)
    assert states(w) == {"b1": "missing", "b2": "missing", "c1": "orphan"}
    hide(w, "commission_records", "bookingId")
    assert states(w) == {"b1": "unknown", "b2": "unknown", "c1": "unknown"}
    assert w.findings() == set()
    w.build(["commission_summary"])
    (summary,) = w.rows("FROM marts.commission_summary")
    assert (summary["state"], summary["tracking_rate"], summary["missing"], summary["unknown"]) == (
        "unknown",
        None,
        0,
        2,
    )


def test_a_record_that_is_found_by_its_other_reference_is_judged(w: Warehouse) -> None:
    hide(w, "commission_records", "bookingDocId")
    w.commission("c1", booking_ref="b1")
    # Every record is found: what has none is missing.
    assert states(w) == {"b1": "matched", "b2": "missing"}
    # One that fits nothing by the reference it shows may fit by the one it does not.
    w.commission("c2", booking_ref="nowhere")
    assert states(w) == {"b1": "matched", "b2": "unknown", "c2": "unknown"}


def test_without_a_live_record_that_hides_its_reference_a_booking_is_missing(w: Warehouse) -> None:
    hide(w, "commission_records", "bookingId")
    w.commission("c1", booking_ref=None, status="cancelled", raw_status="cancelled", is_live=False)
    assert states(w) == {"b1": "missing", "b2": "missing"}


def test_a_hidden_reference_of_another_kind_changes_nothing(w: Warehouse) -> None:
    hide(w, "commission_records", "therapistId", "bookingIdOfOld")
    w.commission("c1", booking_ref=None)
    assert states(w) == {"b1": "missing", "b2": "missing", "c1": "orphan"}


@pytest.mark.parametrize("hidden", [True, False])
def test_the_check_of_the_state_agrees(w: Warehouse, hidden: bool) -> None:
    w.commission("c1", booking_ref=None if hidden else "b1")
    w.commission("c2", booking_ref=None if hidden else "b2")
    if hidden:
        hide(w, "commission_records", "bookingId")
    w.build()
    assert registry_of({})["commission_state"].run(w.con).passed


def test_a_booking_is_not_without_a_room_where_rooms_hide_theirs(w: Warehouse) -> None:
    w.booking("b3", created_at=NOW - timedelta(hours=5))
    w.scan("chat_rooms")
    w.add("core.chat_rooms", room_id="r1", booking_ref=None, created_at=NOW - timedelta(hours=5))
    w.build(["broken_links"])
    query = "SELECT broken, unknown FROM marts.broken_links WHERE hop = 1"
    before = w.rows(query)[0]
    assert before["broken"] == 3
    hide(w, "chat_rooms", "bookingId")
    w.build(["broken_links"])
    assert w.rows(query) == [{"broken": 0, "unknown": 3}]


def test_no_rate_is_guessed_where_it_rests_on_a_provider_that_is_hidden(w: Warehouse) -> None:
    base = DEFAULT_POLICY.rules[0]
    policy = Policy("p", (replace(base, version="of p9", rate_ppm=200_000, provider="p9"), base))
    w.booking("b3", provider_id=None)
    w.commission("c3", "b3", provider_id=None)
    w.booking("b4", provider_id=None)
    told = {r["booking_id"]: (r["state"], r["expected_idr"]) for r in w.reconciled(policy=policy)}
    assert (told["b3"], told["b4"]) == (("matched", 75_000), ("missing", 75_000))
    hide(w, "bookings", "providerId")
    told = {r["booking_id"]: (r["state"], r["expected_idr"]) for r in w.reconciled(policy=policy)}
    assert (told["b1"], told["b3"], told["b4"]) == (("missing", 75_000), ("unknown", None), ("missing", None))


def test_a_member_is_not_healthy_where_bookings_hide_their_provider(w: Warehouse) -> None:
    w.build(["member_health"])
    assert w.rows("SELECT health FROM marts.member_health") == [{"health": "healthy"}]
    hide(w, "bookings", "providerId")
    w.build(["member_health"])
    assert w.rows("SELECT health FROM marts.member_health") == [{"health": "unknown"}]
