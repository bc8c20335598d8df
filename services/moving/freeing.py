"""A provider who carries a booking out no longer: on line again, if nothing else is due soon."""

from __future__ import annotations

from operations.calendar import available_again
from resources.appwrite.writing import Write
from services.moving.calendar import passed
from services.moving.standing import Provider, Standing
from services.store import View


def freed(view: View, booking: Standing, provider: Provider | None) -> list[Write]:
    """What is written when a provider does not have a booking to carry out any more: the guard of their calendar, and
    that they are on line again where this booking made them busy. Raises CallFailure."""
    if provider is None:
        return []
    # Without transactions nobody waits for it: there is more time then, not less.
    guard = [passed(view, provider.provider_id)] if view.gateway.has_transactions else []
    again = available_again(
        view,
        view.now,
        provider.row,
        provider.collection,
        booking.now.starts_at,
        besides=booking.booking_id,
    )
    return [*guard, *again]
