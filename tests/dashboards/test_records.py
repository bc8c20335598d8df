"""Two records side by side: what is marked as differing, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dashboards.records import BOOKING_AND_COMMISSION, PROVIDER_AND_BALANCE, TWO_COMMISSIONS, compared

DUE = datetime(2026, 11, 20, 12)
BOOKING: dict[str, Any] = {
    "booking_id": "b1",
    "provider_id": "p1",
    "source": "chatWindow",
    "status": "completed",
    "amount_idr": 300_000,
    "policy_rate_ppm": 300_000,
    "expected_idr": 90_000,
    "due_at": DUE,
    "due_by_start_at": DUE - timedelta(minutes=20),
    "is_test": False,
}
RECORD: dict[str, Any] = {
    "commission_id": "c1",
    "provider_id": "p1",
    "source": "chatWindow",
    "status": "paid",
    "booking_amount_idr": 300_000,
    "rate_ppm": 300_000,
    "commission_idr": 90_000,
    "deadline_at": DUE + timedelta(minutes=5),
}


def differing(booking: dict[str, Any] | None, record: dict[str, Any] | None) -> set[str]:
    return {line.name for line in compared(BOOKING_AND_COMMISSION, booking, record) if line.differs}


def test_records_that_agree_have_nothing_marked_though_their_statuses_have_other_words() -> None:
    assert differing(BOOKING, RECORD) == set()


def test_each_field_that_can_be_compared_is_marked_where_it_differs() -> None:
    other = {
        "provider_id": "p2",
        "source": "direct",
        "booking_amount_idr": 300,
        "rate_ppm": 250_000,
        "commission_idr": 75_000,
        "deadline_at": DUE + timedelta(minutes=6),
    }
    assert differing(BOOKING, {**RECORD, **other}) == {
        "provider_id",
        "source",
        "amount",
        "rate",
        "commission",
        "deadline",
    }


def test_a_deadline_counted_from_the_start_is_as_good_as_one_from_the_completion() -> None:
    assert differing(BOOKING, {**RECORD, "deadline_at": DUE - timedelta(minutes=22)}) == set()
    assert differing(BOOKING, {**RECORD, "deadline_at": DUE - timedelta(minutes=10)}) == {"deadline"}


def test_what_is_not_known_is_shown_and_never_marked() -> None:
    assert differing(BOOKING, {**RECORD, "source": None, "commission_idr": None}) == set()
    assert differing(BOOKING, None) == differing(None, RECORD) == set()
    lines = {line.name: line for line in compared(BOOKING_AND_COMMISSION, None, RECORD)}
    assert (lines["commission"].left, lines["commission"].right) == (None, 90_000)


def test_lines_that_say_nothing_are_left_out_where_they_may_be() -> None:
    names = {line.name for line in compared(BOOKING_AND_COMMISSION, BOOKING, RECORD)}
    assert names.isdisjoint({"test", "gone", "document"})
    gone = {line.name for line in compared(BOOKING_AND_COMMISSION, {**BOOKING, "deleted_at": DUE}, RECORD)}
    assert "gone" in gone


def test_two_records_of_one_booking_are_compared_with_each_other() -> None:
    lines = compared(TWO_COMMISSIONS, RECORD, {**RECORD, "commission_id": "c2", "commission_idr": 60_000})
    assert {line.name for line in lines if line.differs} == {"commission"}
    assert "policy" not in {line.name for line in lines}


def test_a_restriction_that_is_not_known_is_no_difference() -> None:
    provider, balance = {"restricted": False}, {"restriction_due": True}
    assert [line.name for line in compared(PROVIDER_AND_BALANCE, provider, balance) if line.differs] == [
        "restricted"
    ]
    unknown = compared(PROVIDER_AND_BALANCE, provider, {"restriction_due": None})
    assert not any(line.differs for line in unknown)
