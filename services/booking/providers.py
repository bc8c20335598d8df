"""The provider of a booking that is asked for, as its row says now: whether it takes bookings, and when it is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.app_rows import meaning, text_at, word
from marketplace.collections import PROVIDER_COLLECTIONS, PROVIDER_TYPES
from marketplace.hand_over import shown_name
from marketplace.phones import e164_of
from marketplace.slots import Interval, is_free
from marketplace.statuses import PROVIDER_STATUS
from marketplace.zones import Zone, zone_of
from operations.calendar import takes_at_once
from resources.appwrite.writing import Row
from services.booking.customers import account_of
from services.moving.calendar import taken
from services.once import once
from services.store import View


@dataclass(frozen=True)
class Provider:
    """``kind``: therapist or place."""

    row: Row
    collection: str
    zone: Zone

    @property
    def identity(self) -> str:
        return str(self.row["$id"])

    @property
    def kind(self) -> str:
        return PROVIDER_TYPES[self.collection]

    @once
    def status(self) -> str:
        """One of ours, else unknown."""
        return word(text_at(self.row, "status"), PROVIDER_STATUS)

    @property
    def public_name(self) -> str | None:
        """The name to show: none where a phone or an address stands in it."""
        return shown_name(self.row)

    @property
    def takes(self) -> int | None:
        """How many bookings it takes at once; None where nobody said."""
        return takes_at_once(self.row, self.collection)

    def is_account_or_phone(self, user_id: str, phone: str) -> bool:
        """Whether somebody who books is the provider: by the account, or by the phone."""
        return user_id in (account_of(self.row), self.identity) or phone == e164_of(
            meaning(self.row, "provider.phone")
        )

    def taken(self, view: View, start: datetime, end: datetime) -> Sequence[Interval]:
        """What is taken of [start, end) by accepted bookings. Raises CallFailure."""
        return [
            (one.starts_at, one.ends_at)
            for one in taken(view, self.identity, start, end, self.zone.offset_minutes)
            if one.starts_at is not None and one.ends_at is not None
        ]

    def is_free(self, view: View, start: datetime, end: datetime) -> bool:
        """Whether one more fits. Raises CallFailure."""
        return is_free(start, end, self.taken(view, start, end), self.takes)


def provider_of(view: View, provider_id: str, zone: str) -> Provider | None:
    """A provider as it stands now; None where there is none. Not watched: that it was seen a moment ago is no reason to
    decide again. ``zone``: of one that says none. Raises CallFailure."""
    for collection in PROVIDER_COLLECTIONS:
        row = view.glance(collection, provider_id)
        if row is not None:
            return Provider(row, collection, zone_of(text_at(row, "timezone"), zone))
    return None
