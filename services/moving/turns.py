"""On a server without transactions: whose turn it is to decide on a provider's time.

The guard of a calendar names the acceptance that took it last. As long as that one is not written to its end its
booking is not among those that take time, so the next one waits; one that died is finished by the sweeper, or taken
back.
"""

from __future__ import annotations

from marketplace.app_rows import booking_status, text_at
from marketplace.operations import acceptance_id
from marketplace.statuses import BookingStatus
from operations.calendar import GUARDS
from services.moving.calendar import guard_of
from services.moving.standing import BOOKINGS, CLAIMED
from services.store import Underway, View


def await_turn(view: View, provider_id: str, booking_id: str) -> None:
    """Raises Underway while another booking of a provider is being accepted, CallFailure."""
    if view.gateway.has_transactions:
        return
    guard = guard_of(view, provider_id)
    other = text_at(guard, "bookingId") if guard is not None else None
    if other is None or other == booking_id:
        return
    theirs, row = view.row(GUARDS, acceptance_id(BOOKINGS, other)), view.row(BOOKINGS, other)
    if theirs is None or row is None:
        return
    begun = text_at(theirs, "state") == CLAIMED and text_at(theirs, "providerId") == provider_id
    if begun and booking_status(row) == BookingStatus.PENDING.value:
        raise Underway
