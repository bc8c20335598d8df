"""Step: how fast the requests of the last 30 days were answered, by source."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.answers import asked
from assets.marts.expressions import interval, seconds_between
from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.part import Difference
from assets.marts.parts.requests import NAME
from assets.marts.tables import Instants
from marketplace.services import NEVER_ANSWERED, RESPONSE_BUCKETS, RESPONSE_WINDOW, ResponseBucket


def bucket_name(bucket: ResponseBucket) -> str:
    """The column that counts a bucket."""
    return f"bucket_{bucket.number}"


_COUNTS: Final = (*map(bucket_name, (*RESPONSE_BUCKETS, NEVER_ANSWERED)), "requests")


@step(difference=Difference(NAME, ("source",), _COUNTS, "requests"))
def response_buckets(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """source; requests, and how many of them are in each bucket. Those still open are in none."""
    b = timed_requests(bookings, booking_offers, at).select("source", "seconds", "answered", "ignored")
    counts = {bucket_name(bucket): b.count(where=inside(b, bucket)) for bucket in RESPONSE_BUCKETS}
    counts[bucket_name(NEVER_ANSWERED)] = b.count(where=b.ignored)
    return b.group_by("source").aggregate(**counts, requests=b.count())


def timed_requests(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """What was asked in the window with ``seconds`` to their answer, ``answered`` and ``ignored``."""
    b = asked(bookings, booking_offers)
    b = b.filter((b.created_at <= at.now) & (b.created_at >= at.now - interval(RESPONSE_WINDOW)))
    answered = (b.responded_at >= b.created_at).fill_null(False)
    ignored = b.responded_at.isnull() & (
        (b.status == "expired") | ((b.status == "pending") & (b.response_deadline < at.now).fill_null(False))
    )
    return b.mutate(seconds=seconds_between(b.created_at, b.responded_at), answered=answered, ignored=ignored)


def inside(b: Any, bucket: ResponseBucket) -> Any:
    """Whether a request was answered in a stretch of time: never null."""
    inside = b.answered & (b.seconds >= bucket.from_s)
    if bucket.to_s is not None:
        inside = inside & (b.seconds < bucket.to_s)
    return inside.fill_null(False)
