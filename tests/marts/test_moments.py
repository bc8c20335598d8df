"""Rows that are here as of different moments: what only the two of them together tell is unknown until both were read
up to the later one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.every import registry_of
from tests.marts.warehouse import NOW, Warehouse

READ = NOW - timedelta(seconds=10)
BEFORE = READ - timedelta(seconds=1)
AFTER = READ + timedelta(seconds=1)
#: What the clock cannot have seen: a time that a key has set.
TO_COME = NOW + timedelta(days=400)


@pytest.fixture
def w() -> Warehouse:
    made = Warehouse()
    for collection in ("bookings", "hotel_bookings", "commission_records", "therapists", "places"):
        made.scan(collection, watermark=READ)
    made.provider(updated_at=BEFORE)
    return made


def states(w: Warehouse) -> set[str]:
    return {row["state"] for row in w.reconciled()}


def codes(w: Warehouse) -> set[str]:
    w.build(["commission_findings"])
    return {row["finding"] for row in w.rows("FROM marts.commission_findings")}


#: A pair of which the one, the other or both together show a finding, by its code: of the booking, of the record.
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "not_due": ({"status": "cancelled"}, {"status": "pending"}),
    "unit_error": ({}, {"booking_amount_idr": 250_000, "commission_idr": 75_000, "amount_rule": "thousands"}),
    "wrong_rate": ({}, {"rate_ppm": 200_000, "rate": 0.2, "commission_idr": 50_000}),
    "wrong_amount": ({"amount_idr": 300_000}, {}),
    "wrong_provider": ({}, {"provider_id": "p2"}),
    "source_mismatch": ({}, {"source": "menu"}),
    "late_record": (
        {"accepted_at": NOW - timedelta(days=2), "accepted_rule": "explicit"},
        {"created_at": NOW - timedelta(days=1)},
    ),
    "deadline_mismatch": (
        {"completed_at": NOW - timedelta(days=1)},
        {"deadline_at": NOW - timedelta(days=1)},
    ),
    "overdue_unmarked": (
        {"completed_at": NOW - timedelta(hours=3, minutes=10)},
        {"status": "pending"},
    ),
    "overdue_premature": ({"completed_at": NOW - timedelta(hours=1)}, {"status": "overdue"}),
    "fee_missing": (
        {"completed_at": NOW - timedelta(days=1)},
        {"status": "overdue", "fee_state": "present", "fee_idr": 0},
    ),
    "fee_wrong": (
        {"completed_at": NOW - timedelta(days=1)},
        {"status": "overdue", "fee_state": "present", "fee_idr": 7},
    ),
}


@pytest.mark.parametrize(
    ("later", "origin"), [("booking", "bookings"), ("record", "bookings"), ("record", "hotel_bookings")]
)
def test_what_the_pair_tells_is_not_told_while_the_two_are_of_different_moments(
    w: Warehouse, later: str, origin: str
) -> None:
    for code, (booking, record) in PAIRS.items():
        # (A provider of its own each, that no restriction hangs on another's record.)
        own = {"provider_id": f"of {code}", "updated_at": BEFORE}
        w.booking(code, **(own | {"origin": origin} | booking))
        w.commission(f"c {code}", code, **(own | record))
    w.provider("of fee_missing", updated_at=BEFORE)
    before = w.reconciled()
    found = w.findings()
    assert {finding.split(":")[0] for finding in found} >= {*PAIRS, "restriction_mismatch"}

    table = "core.bookings" if later == "booking" else "core.commissions"
    w.con.execute(f"UPDATE {table} SET updated_at = ?", [AFTER])
    assert w.findings() == set()
    for told, was in zip(w.reconciled(), before, strict=True):
        if was["state"] == "matched":
            assert told == was
        else:
            changed = {"state": "unknown", "expected_idr": None, "variance_idr": None}
            assert told == was | changed
    w.build()
    assert registry_of({})["commission_state"].run(w.con).passed

    # Both are read up to it.
    for collection in ("bookings", "hotel_bookings", "commission_records"):
        w.scan(collection, watermark=AFTER)
    assert w.findings() == found
    assert w.reconciled() == before


@pytest.mark.parametrize("later", ["booking", "record"])
def test_a_pair_in_which_nothing_is_wrong_is_tracked_whenever_it_was_read(w: Warehouse, later: str) -> None:
    w.booking("b1", updated_at=AFTER if later == "booking" else BEFORE)
    w.commission("c1", "b1", updated_at=AFTER if later == "record" else BEFORE)
    assert states(w) == {"matched"}


def test_what_a_record_tells_by_itself_is_told_whenever_it_was_read(w: Warehouse) -> None:
    w.booking("b1", updated_at=AFTER)
    w.commission("c1", "b1", updated_at=BEFORE, proof_state="empty")
    w.commission("c2", "b1", updated_at=BEFORE)
    w.commission("c3", "b1", updated_at=BEFORE, commission_idr=-75_000, written_commission=-75_000.0)
    assert codes(w) == {"paid_without_proof", "duplicate", "refund_record"}


def test_a_booking_that_may_have_been_accepted_while_it_was_read_is_not_missing(w: Warehouse) -> None:
    """Nothing says when, and its record is made with it: after what was read of the records."""
    w.booking("b1", status="accepted", updated_at=AFTER)
    assert (states(w), codes(w)) == ({"unknown"}, set())
    w.scan("commission_records", watermark=AFTER)
    assert (states(w), codes(w)) == ({"missing"}, {"missing"})


def test_a_booking_that_says_it_was_accepted_before_is_missing_whatever_is_written_to_it(
    w: Warehouse,
) -> None:
    w.booking("b1", status="accepted", accepted_at=NOW - timedelta(hours=1), updated_at=AFTER)
    assert (states(w), codes(w)) == ({"missing"}, {"missing"})


def test_within_the_grace_it_is_awaiting(w: Warehouse) -> None:
    w.booking("b1", status="accepted", created_at=NOW - timedelta(seconds=40), updated_at=AFTER)
    assert states(w) == {"awaiting"}


@pytest.mark.parametrize(("booking", "record"), [(BEFORE, AFTER), (AFTER, BEFORE)])
def test_a_booking_whose_record_ended_at_another_moment_is_not_missing(
    w: Warehouse, booking: Any, record: Any
) -> None:
    """It may have ended with it."""
    accepted = NOW - timedelta(hours=1)
    w.booking("b1", status="accepted", accepted_at=accepted, updated_at=booking)
    w.commission("c1", "b1", status="cancelled", is_live=False, updated_at=record)
    assert (states(w), codes(w)) == ({"unknown"}, set())
    for collection in ("bookings", "commission_records"):
        w.scan(collection, watermark=AFTER)
    assert (states(w), codes(w)) == ({"missing"}, {"missing"})


def test_a_time_that_is_yet_to_come_says_nothing_and_hides_nothing(w: Warehouse) -> None:
    w.booking("b1", status="accepted", updated_at=TO_COME)
    w.booking("b2", amount_idr=300_000, updated_at=TO_COME)
    w.commission("c2", "b2", updated_at=TO_COME)
    assert codes(w) == {"missing", "wrong_amount"}


def test_collections_that_were_never_read_whole_bound_nothing(w: Warehouse) -> None:
    w.begun("hotel_bookings")
    w.booking("b2", amount_idr=300_000, origin="hotel_bookings", updated_at=AFTER)
    w.commission("c2", "b2", updated_at=BEFORE)
    assert states(w) == {"unknown"}
    w.scan("commission_records", watermark=AFTER)
    assert states(w) == {"mismatched"}


# -- restrictions ------------------------------------------------------------------------------------------


def owing(w: Warehouse, **record: Any) -> None:
    """A record that is long past the moment of restriction."""
    w.booking("b1", completed_at=NOW - timedelta(days=2), updated_at=BEFORE)
    values = {"status": "overdue", "fee_state": "present", "fee_idr": 25_000, "updated_at": BEFORE}
    w.commission("c1", "b1", **(values | record))


def test_a_provider_who_was_released_while_providers_were_read_is_not_wrongly_free(w: Warehouse) -> None:
    """The record that was paid with it is here as of the bound."""
    owing(w)
    assert "restriction_mismatch" in codes(w)
    w.con.execute("UPDATE core.providers SET updated_at = ?", [AFTER])
    assert "restriction_mismatch" not in codes(w)
    w.scan("commission_records", watermark=AFTER)
    assert "restriction_mismatch" in codes(w)


def test_a_provider_whose_record_was_paid_while_records_were_read_is_not_wrongly_restricted(
    w: Warehouse,
) -> None:
    owing(w, status="paid")
    w.con.execute("UPDATE core.providers SET status = 'RESTRICTED'")
    assert "restriction_mismatch" in codes(w)
    w.con.execute("UPDATE core.commissions SET updated_at = ?", [AFTER])
    assert "restriction_mismatch" not in codes(w)
    for collection in ("therapists", "places", "bookings"):
        w.scan(collection, watermark=AFTER)
    assert "restriction_mismatch" in codes(w)


def test_a_provider_is_judged_by_when_those_of_its_kind_were_read(w: Warehouse) -> None:
    """Places that are gone from the deployment were read long ago; that says nothing of therapists."""
    owing(w, status="paid")
    w.con.execute("UPDATE core.providers SET status = 'RESTRICTED'")
    w.scan("places", watermark=NOW - timedelta(days=90))
    assert "restriction_mismatch" in codes(w)
    w.con.execute("UPDATE core.providers SET provider_type = 'place'")
    assert "restriction_mismatch" not in codes(w)


# -- clocks that disagree, and frozen ones -----------------------------------------------------------------


def test_where_the_newest_row_had_to_be_the_watermark_no_finding_waits_for_the_next_row(w: Warehouse) -> None:
    """Of hotel bookings the newest may be days old while their records are marked overdue."""
    for code, (booking, record) in PAIRS.items():
        own = {"provider_id": f"of {code}", "updated_at": BEFORE}
        w.booking(code, **(own | {"origin": "hotel_bookings"} | booking))
        w.commission(f"c {code}", code, **(own | record))
    w.booking("unrecorded", status="accepted", updated_at=BEFORE)
    w.commission("of nothing", "no booking", updated_at=BEFORE)
    found = w.findings(clock_frozen=True)
    assert {finding.split(":")[0] for finding in found} >= {*PAIRS, "orphan", "missing"}
    before = w.reconciled(clock_frozen=True)
    for collection in ("bookings", "hotel_bookings", "commission_records", "therapists", "places"):
        w.scan(collection, watermark=READ - timedelta(days=3), read_until=READ)
    assert w.findings(clock_frozen=True) == found
    assert w.reconciled(clock_frozen=True) == before
