"""The mart marts.response_distribution."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import asked
from assets.marts.behind import behind, gather, of_booking, one
from assets.marts.expressions import interval, seconds_between
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.providers import ResponseDistribution
from marketplace.services import (
    ALL_SOURCES,
    NEVER_ANSWERED,
    RESPONSE_BUCKETS,
    RESPONSE_WINDOW,
    ResponseBucket,
)


@mart(ResponseDistribution)
def response_distribution(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """How many requests of the last 30 days were answered how fast, by source and over all. Each
    source and ``all`` × each bucket, zeros too. ``share`` is of the source's answered and never
    answered requests, null where there are none; those still open are in no bucket."""
    b = _requests(bookings, booking_offers, at).select("source", "seconds", "answered", "ignored")
    by_source = _counts(b.group_by("source"), b)
    overall: Any = _counts(b, b)
    columns = [_name(bucket) for bucket in (*RESPONSE_BUCKETS, NEVER_ANSWERED)]
    overall = overall.select(source=ibis.literal(ALL_SOURCES), **{name: overall[name] for name in columns})
    wide: Any = ibis.union(by_source.select("source", *columns), overall, distinct=False)
    total: Any = wide[columns[0]]
    for name in columns[1:]:
        total = total + wide[name]
    wide = wide.mutate(total=total)
    return ibis.union(
        *(
            wide.select(
                "source",
                bucket=ibis.literal(bucket.number).cast("int32"),
                label=ibis.literal(bucket.label),
                from_s=ibis.literal(bucket.from_s).cast("float64"),
                to_s=ibis.null("float64") if bucket.to_s is None else ibis.literal(float(bucket.to_s)),
                bookings=wide[_name(bucket)],
                share=wide[_name(bucket)] / wide.total.nullif(0),
            )
            for bucket in (*RESPONSE_BUCKETS, NEVER_ANSWERED)
        ),
        distinct=False,
    )


def _requests(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """What was asked in the window with ``seconds`` to their answer, ``answered`` and ``ignored``."""
    b = asked(bookings, booking_offers)
    b = b.filter((b.created_at <= at.now) & (b.created_at >= at.now - interval(RESPONSE_WINDOW)))
    answered = (b.responded_at >= b.created_at).fill_null(False)
    ignored = b.responded_at.isnull() & (
        (b.status == "expired") | ((b.status == "pending") & (b.response_deadline < at.now).fill_null(False))
    )
    return b.mutate(seconds=seconds_between(b.created_at, b.responded_at), answered=answered, ignored=ignored)


def _name(bucket: ResponseBucket) -> str:
    return f"bucket_{bucket.number}"


def _inside(b: Any, bucket: ResponseBucket) -> Any:
    """Whether a request was answered in a stretch of time: never null."""
    inside = b.answered & (b.seconds >= bucket.from_s)
    if bucket.to_s is not None:
        inside = inside & (b.seconds < bucket.to_s)
    return inside.fill_null(False)


def _counts(rows: Any, b: Any) -> Any:
    """One column a bucket."""
    found: dict[str, Any] = {}
    for bucket in RESPONSE_BUCKETS:
        found[_name(bucket)] = b.count(where=_inside(b, bucket))
    found[_name(NEVER_ANSWERED)] = b.count(where=b.ignored)
    return rows.aggregate(**found)


@behind(response_distribution)
def response_distribution_rows(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """The requests of each source and stretch of time; over all sources too."""
    b = _requests(bookings, booking_offers, at)
    b = b.mutate(
        bucket=ibis.cases(
            *((_inside(b, bucket), bucket.number) for bucket in RESPONSE_BUCKETS),
            (b.ignored, NEVER_ANSWERED.number),
            else_=ibis.null("int32"),
        ).cast("int32")
    )
    b = b.filter(b.bucket.notnull())
    rows = of_booking(b, "bucket", "responded_at", "seconds", bookings=one())
    return gather(rows, rows.mutate(source=ibis.literal(ALL_SOURCES)))
