"""How long a service is, in whole minutes, by what a booking says of it."""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.attributes import Attributes
from marketplace.money import MICRO, read_micros
from marketplace.rules import LONGEST_SERVICE_MINUTES
from marketplace.text import coalesce

_MINUTES: Final = r"(?i)^\+?(\d{1,6}(?:\.\d*)?)\s*(?:m|min|mins|minute|minutes|menit)?\.?$"


def service_minutes(a: Attributes) -> tuple[pl.Series, pl.Series]:
    """(as written, minutes), null where nothing is written, and where it is no length a service has. ``service`` counts
    only where it is a number."""
    service = a.text("service").str.extract(_MINUTES)
    text = coalesce(
        coalesce(a.text("duration"), a.text("serviceDuration")),
        coalesce(service, a.text("serviceDetails.duration")),
    )
    micros = read_micros(text.str.extract(_MINUTES), grouped=False)
    minutes = micros.to_frame("m").select(
        pl.when(
            (pl.col("m") % MICRO == 0) & pl.col("m").is_between(MICRO, LONGEST_SERVICE_MINUTES * MICRO)
        ).then(pl.col("m") // MICRO)
    ).to_series()  # fmt: skip
    return text, minutes
