"""The mart marts.response_distribution."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.response_buckets import bucket_name, inside, timed_requests
from assets.marts.tables import Instants
from checks.schemas.providers import ResponseDistribution
from marketplace.services import ALL_SOURCES, NEVER_ANSWERED, RESPONSE_BUCKETS


@mart(ResponseDistribution)
def response_distribution(response_buckets: Any) -> ir.Table:
    """How many requests of the last 30 days were answered how fast, by source and over all. Each
    source and ``all`` × each bucket, zeros too. ``share`` is of the source's answered and never
    answered requests, null where there are none; those still open are in no bucket."""
    columns = [bucket_name(bucket) for bucket in (*RESPONSE_BUCKETS, NEVER_ANSWERED)]
    found = response_buckets
    overall = found.aggregate(**{name: found[name].sum().fill_null(0).cast("int64") for name in columns})
    overall = overall.select(source=ibis.literal(ALL_SOURCES), **{name: overall[name] for name in columns})
    wide: Any = ibis.union(found.select("source", *columns), overall, distinct=False)
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
                bookings=wide[bucket_name(bucket)],
                share=wide[bucket_name(bucket)] / wide.total.nullif(0),
            )
            for bucket in (*RESPONSE_BUCKETS, NEVER_ANSWERED)
        ),
        distinct=False,
    )


@behind(response_distribution)
def response_distribution_rows(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """The requests of each source and stretch of time; over all sources too."""
    b = timed_requests(bookings, booking_offers, at)
    b = b.mutate(
        bucket=ibis.cases(
            *((inside(b, bucket), bucket.number) for bucket in RESPONSE_BUCKETS),
            (b.ignored, NEVER_ANSWERED.number),
            else_=ibis.null("int32"),
        ).cast("int32")
    )
    b = b.filter(b.bucket.notnull())
    rows = of_booking(b, "bucket", "responded_at", "seconds", bookings=one())
    return gather(rows, rows.mutate(source=ibis.literal(ALL_SOURCES)))
