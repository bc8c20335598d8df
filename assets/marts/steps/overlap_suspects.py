"""Step: bookings that earn and overlap another of their provider in time. Which of them are too many at once, if any,
booking_anomalies says.

A booking is [start, end): one that begins as another ends does not overlap it. Few bookings do, so that only these are
looked at closely.
"""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import earning
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.anomalies import BY_OVERLAP
from marketplace.identifiers import ROLE_WORDS


@step(part=BY_OVERLAP)
def overlap_suspects(bookings: Any, providers: Any) -> ir.Table:
    """booking_id, origin, provider_id, starts_at, ends_at, created_at; kind (therapist or place), takes (how many
    bookings the provider takes at once)."""
    b = earning(bookings)
    rows = _of_limited(providers, b.filter(b.ends_at > b.starts_at))
    of_id: Any = {"group_by": "provider_id", "order_by": "starts_at"}
    ended = rows.ends_at.max().over(ibis.window(**of_id, preceding=(None, 1)))
    rows = rows.mutate(ended=ended, next_start=rows.starts_at.lead().over(ibis.window(**of_id)))
    rows = rows.filter(
        (rows.starts_at < rows.ended).fill_null(False) | (rows.next_start < rows.ends_at).fill_null(False)
    )
    # A role word names nobody: bookings of "therapist" are of many.
    rows = rows.filter(~rows.provider_id.lower().isin(ROLE_WORDS))
    return rows.drop("ended", "next_start")


def _of_limited(providers: Any, b: Any) -> Any:
    """Bookings of a provider who is known to be a therapist, or a place that says how many it takes at once."""
    p = providers.group_by(known="provider_id").aggregate(
        therapist=(providers.provider_type == "therapist").any(),
        place=(providers.provider_type == "place").any(),
        capacity=providers.capacity.max(),
    )
    rows = b.left_join(p, b.provider_id == p.known)
    # An id of both kinds is the therapist's, unless the booking says place.
    kind = ibis.cases(
        (rows.known.isnull(), rows.provider_type),
        (rows.therapist & rows.place & (rows.provider_type == "place").fill_null(False), "place"),
        (rows.therapist, "therapist"),
        else_="place",
    )
    takes = ibis.cases((kind == "therapist", ibis.literal(1).cast("int64")), else_=rows.capacity)
    rows = rows.select(
        "booking_id", "origin", "provider_id", "starts_at", "ends_at", "created_at", kind=kind, takes=takes
    )
    return rows.filter(rows.kind.notnull() & rows.takes.notnull())
