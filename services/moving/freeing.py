"""A provider who carries a booking out no longer: on line again, if nothing else is due soon."""

from __future__ import annotations

from marketplace.queue import BUSY_BEFORE, provider_status
from marketplace.statuses import ProviderStatus
from operations.fresh import change_of
from resources.appwrite.writing import Change, Write
from services.moving.calendar import most_at_once, offset_of, passed, taken, takes_at_once
from services.moving.standing import Provider, Standing
from services.store import View


def freed(view: View, booking: Standing, provider: Provider | None) -> list[Write]:
    """What is written when a provider does not have a booking to carry out any more: the guard of their calendar, and
    that they are on line again where this booking made them busy. Raises CallFailure."""
    if provider is None:
        return []
    # Without transactions nobody waits for it: there is more time then, not less.
    guard = [passed(view, provider.provider_id)] if view.gateway.has_transactions else []
    return [*guard, *_available(view, booking, provider)]


def _available(view: View, booking: Standing, provider: Provider) -> list[Change]:
    starts_at, soon = booking.now.starts_at, view.now + BUSY_BEFORE
    if provider_status(provider.row) != ProviderStatus.BUSY.value or starts_at is None or starts_at > soon:
        return []
    others = taken(
        view, provider.provider_id, view.now, soon, offset_of(provider.row), besides=booking.booking_id
    )
    limit = takes_at_once(provider.row, provider.collection) or 1
    if most_at_once(others, view.now, soon) >= limit:
        return []
    return [change_of(provider.collection, provider.row, {"status": ProviderStatus.AVAILABLE.value})]
