"""Who may move a booking or a record to which state: the table of the design, row by row."""

from __future__ import annotations

import pytest

from marketplace.commission import UNPAID_STATUSES
from marketplace.statuses import BookingStatus, CommissionStatus
from marketplace.transitions import (
    BOOKING_TRANSITIONS,
    RECORD_TRANSITIONS,
    Actor,
    may_move,
    record_may_move,
    states_before,
)


@pytest.mark.parametrize(
    ("after", "by", "before"),
    [
        ("accepted", Actor.PROVIDER, ("pending",)),
        ("accepted", Actor.ADMIN, ("pending",)),
        ("accepted", Actor.CUSTOMER, ()),
        ("cancelled", Actor.CUSTOMER, ("pending", "accepted")),
        ("cancelled", Actor.ADMIN, ("pending", "accepted")),
        ("cancelled", Actor.PROVIDER, ("accepted",)),
        ("reassigned", Actor.ADMIN, ("pending", "accepted")),
        ("reassigned", Actor.PROVIDER, ()),
        ("expired", Actor.CLOCK, ("pending",)),
        ("expired", Actor.ADMIN, ()),
        ("confirmed", Actor.CUSTOMER, ("accepted",)),
        ("completed", Actor.CLOCK, ("accepted", "confirmed")),
    ],
)
def test_a_state_is_reached_from_these(after: str, by: Actor, before: tuple[str, ...]) -> None:
    assert states_before(after, by) == before


def test_nothing_leads_on_from_what_is_over() -> None:
    over = set(BookingStatus) - {BookingStatus.PENDING, BookingStatus.ACCEPTED, BookingStatus.CONFIRMED}
    assert [t for t in BOOKING_TRANSITIONS if t.before & over] == []
    assert may_move(None, "pending", Actor.CUSTOMER)
    assert not may_move("completed", "cancelled", Actor.ADMIN)
    assert not may_move("unknown", "cancelled", Actor.ADMIN)


def test_only_a_provider_has_to_accept_in_time_and_only_an_end_takes_a_reason() -> None:
    assert {(t.after, t.in_time) for t in BOOKING_TRANSITIONS if t.in_time} == {
        (BookingStatus.ACCEPTED, frozenset({Actor.PROVIDER}))
    }
    assert {t.after for t in BOOKING_TRANSITIONS if t.reason} == {BookingStatus.CANCELLED}


def test_a_record_is_paid_once_and_reversed_only_when_it_was() -> None:
    assert not record_may_move("paid", "paid")
    assert record_may_move("paid", "reversed")
    assert not record_may_move("paid", "cancelled")
    assert all(record_may_move(status, "cancelled") for status in UNPAID_STATUSES)
    # Whether it was paid nobody knows yet: somebody decides first.
    assert not record_may_move("awaiting_verification", "cancelled")
    assert not any(CommissionStatus.UNKNOWN in before for before in RECORD_TRANSITIONS.values())
