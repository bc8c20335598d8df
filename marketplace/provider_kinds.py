"""Of which kind a booking is where revenue is told apart: a therapist's, a place's, a hotel's."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from marketplace.statuses import UNKNOWN, values


class ProviderKind(StrEnum):
    """Columns hold the plain word (``value``), as with statuses. A booking of hotel_bookings is a hotel's, whoever
    carries it out."""

    THERAPIST = "therapist"
    PLACE = "place"
    HOTEL = "hotel"
    UNKNOWN = UNKNOWN


PROVIDER_KINDS: Final = values(*ProviderKind)
HOTEL_ORIGIN: Final = "hotel_bookings"
"""The collection of bookings made for guests of hotels."""
