"""The codes of core.data_findings, each with the numbers its sentences speak of. What is said is in messages/, what is
found where is in assets/core."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from marketplace.durations import seconds
from marketplace.instants import IMPLAUSIBLE, NOT_YET
from marketplace.rules import (
    EARLIEST_INSTANT,
    LATEST_INSTANT,
    LONGEST_SERVICE_MINUTES,
    NOT_YET_MINUTES,
    THOUSANDS_BELOW_IDR,
)
from marketplace.services import BEST_RATING, WORST_RATING

_STARS: Final = {"worst": WORST_RATING, "best": BEST_RATING}
#: Code → the numbers of the rules that the sentence of what it means (``data.<code>``) speaks of.
DATA_FINDINGS: Final[Mapping[str, Mapping[str, int]]] = {
    "amount_currency": {},
    "amount_disagrees": {},
    "amount_implausible": {},
    "amount_in_thousands": {"below": THOUSANDS_BELOW_IDR},
    "amount_negative": {},
    "amount_unknown": {},
    "creation_unreadable": {},
    "flag_unreadable": {},
    "in_the_future": {},
    "json_unreadable": {},
    "kind_unknown": {},
    "minutes_unreadable": {"longest": seconds(timedelta(minutes=LONGEST_SERVICE_MINUTES))},
    "mode_unknown": {},
    "not_an_id": {},
    "number_unreadable": {},
    "phone_unreadable": {},
    "provider_type_unknown": {},
    "rate_unreadable": {},
    "rating_unreadable": _STARS,
    "reference_case": {},
    "refund_amount_unknown": {},
    "role_unknown": {},
    "source_unknown": {},
    "status_unknown": {},
    "text_too_long": {},
    "time_unreadable": {},
    "timezone_unknown": {},
    "type_mismatch": {},
    "value_set_aside": {},
}

CREATION_NOT_YET: Final = "noted.creation_not_yet"
NO_MINUTES: Final = "noted.no_minutes"
NO_RATING: Final = "noted.no_rating"
_NOT_YET: Final = {"minutes": NOT_YET_MINUTES}

#: Code of what was found → the numbers of the rules that its sentence speaks of, where it does.
NOTED: Final[Mapping[str, Mapping[str, int]]] = {
    IMPLAUSIBLE: {"first": EARLIEST_INSTANT.year, "last": LATEST_INSTANT.year - 1},
    NOT_YET: _NOT_YET,
    CREATION_NOT_YET: _NOT_YET,
    NO_MINUTES: {"longest": LONGEST_SERVICE_MINUTES},
    NO_RATING: _STARS,
}
