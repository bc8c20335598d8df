"""The mart marts.response_distribution."""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import counted, interval, seconds_between
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
def response_distribution(bookings: Any, at: Instants) -> ir.Table:
    """How many requests of the last 30 days were answered how fast, by source and over all. Each
    source and ``all`` × each bucket, zeros too. ``share`` is of the source's answered and never
    answered requests, null where there are none; those still open are in no bucket."""
    b = counted(bookings)
    b = b.filter((b.created_at <= at.now) & (b.created_at >= at.now - interval(RESPONSE_WINDOW)))
    answered = (b.responded_at >= b.created_at).fill_null(False)
    ignored = b.responded_at.isnull() & (
        (b.status == "expired") | ((b.status == "pending") & (b.response_deadline < at.now).fill_null(False))
    )
    b = b.select(
        "source", seconds=seconds_between(b.created_at, b.responded_at), answered=answered, ignored=ignored
    )
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


def _name(bucket: ResponseBucket) -> str:
    return f"bucket_{bucket.number}"


def _counts(rows: Any, b: Any) -> Any:
    """One column a bucket."""
    found: dict[str, Any] = {}
    for bucket in RESPONSE_BUCKETS:
        inside = b.answered & (b.seconds >= bucket.from_s)
        if bucket.to_s is not None:
            inside = inside & (b.seconds < bucket.to_s)
        found[_name(bucket)] = b.count(where=inside.fill_null(False))
    found[_name(NEVER_ANSWERED)] = b.count(where=b.ignored)
    return rows.aggregate(**found)
