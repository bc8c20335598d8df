"""The free starts of a provider's coming local days: what GET /providers/{id}/slots tells. The rule is in
marketplace/slots.py."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from marketplace.app_rows import instant_like
from marketplace.entries import BOOKED_AHEAD
from marketplace.menus import LENGTHS
from marketplace.slots import LONGEST_LOOK, starts_between
from services.booking.create import Terms
from services.booking.providers import provider_of
from services.booking.shapes import Slot, Slots
from services.problems import Problem, Wrong
from services.store import View

MOST_DAYS: Final = LONGEST_LOOK.days


def slots_of(
    view: View, provider_id: str, first: date | None, days: int, minutes: int, terms: Terms
) -> Slots:
    """The free starts of local days from ``first`` on (None: today): none that has passed, none that an accepted
    booking takes. Who is offered one can book it. Raises Problem, CallFailure."""
    provider = provider_of(view, provider_id, terms.zone)
    if provider is None:
        raise Problem(404, "not_found")
    offset = timedelta(minutes=provider.zone.offset_minutes)
    today = (view.now + offset).date()
    day = first or today
    if minutes not in LENGTHS:
        raise Problem(
            422, "not_valid", [Wrong("not_one_of", "minutes", {"words": ", ".join(map(str, LENGTHS))})]
        )
    if not timedelta(0) <= day - today <= BOOKED_AHEAD:
        code = "start_past" if day < today else "start_too_far"
        raise Problem(422, "not_valid", [Wrong(code, "day", {"days": BOOKED_AHEAD.days})])
    midnight = datetime(day.year, day.month, day.day) - offset  # noqa: DTZ001 - naive UTC, as everywhere
    last, length = midnight + timedelta(days=days), timedelta(minutes=minutes)
    taken = provider.taken(view, midnight, last + length)
    starts = starts_between(
        *(midnight, min(last, view.now + BOOKED_AHEAD), length, taken, provider.takes), not_before=view.now
    )
    zone = timezone(offset)
    return Slots(
        provider_id=provider.identity,
        timezone=provider.zone.name,
        minutes=minutes,
        first_day=day,
        days=days,
        slots=[
            Slot(
                starts_at=str(instant_like(None, start)),
                local=start.replace(tzinfo=UTC).astimezone(zone).isoformat(timespec="minutes"),
            )
            for start in starts
        ],
    )
