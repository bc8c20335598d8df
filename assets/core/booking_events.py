"""Changes of a booking's status as the mirror saw them, from its replaced versions and its present one."""

from __future__ import annotations

import polars as pl

from assets.core.bookings import booking_status
from assets.core.versions import changes, observed
from checks.schemas import CORE
from marketplace.attributes import Attributes
from marketplace.commission import REVENUE_STATUSES
from marketplace.statuses import UNKNOWN

STATUS_ATTRIBUTES = ("status", "bookingStatus", "providerResponseStatus")
EVENTS_SCHEMA = {
    name: kind for name, kind in CORE["booking_events"].polars_schema.items() if name != "origin"
}
"""The columns one collection's events have; which collection that is, the derivation adds."""


def observe(versions: pl.DataFrame) -> pl.DataFrame:
    """All versions of some bookings (``_id``, ``_change``, ``_updated_at``, ``_ingested_at``, status attributes,
    ``_misfits``) → one row a change of canonical status, the first sight included (from_status null)."""
    if not versions.height:
        return pl.DataFrame(schema=EVENTS_SCHEMA)
    attributes = Attributes(versions)
    status, _ = booking_status(attributes)
    seen = pl.DataFrame(
        {
            "booking_id": attributes.own("_id", pl.String),
            "to_status": status.fill_null(UNKNOWN),
            **observed(attributes),
        }
    )
    return changes(seen, "booking_id", "to_status", "from_status").select(list(EVENTS_SCHEMA))


def observed_acceptance(events: pl.DataFrame) -> pl.DataFrame:
    """booking_id, accepted_at: the first change from a status that does not earn to one that does."""
    return (
        events.filter(
            pl.col("from_status").is_not_null()
            & ~pl.col("from_status").is_in(REVENUE_STATUSES)
            & pl.col("to_status").is_in(REVENUE_STATUSES)
        )
        .sort("booking_id", "change")
        .group_by("booking_id", maintain_order=True)
        .agg(pl.col("observed_at").first().alias("accepted_at"))
    )
