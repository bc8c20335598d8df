"""The mart marts.capacity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import bookings_read, interval, local, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.account_spans import newest_spans
from assets.marts.steps.hour_changes import CHANGES, changes_of, hours_once, since_reached, with_hours
from assets.marts.steps.hour_requests import COUNTS, asked_by_hour
from assets.marts.steps.status_spans import spans_of
from assets.marts.tables import Instants
from checks.schemas.providers import Capacity
from marketplace.zones import JAKARTA

_HOUR = timedelta(hours=1)


@mart(Capacity)
def capacity(hour_requests: Any, hour_changes: Any, account_spans: Any, scans: Any, at: Instants) -> ir.Table:
    """Requests and providers by local hour and the provider's city. Bookings are those created in the hour, whatever
    became of them later. A provider counts as seen, on line or busy in an hour in which its status was known,
    AVAILABLE or BUSY, or BUSY, at one moment at least: a provider is counted once, however often it comes and goes. Its
    status is what its row says, whatever it was last seen. Hours of which no status is known are null."""
    newest = with_hours(newest_spans(account_spans, scans, at))
    by_hour = _of_changes(hour_changes, changes_of(since_reached(newest)))
    asked = _of(hour_requests, **{name: hour_requests[name] for name in COUNTS})
    rows: Any = ibis.union(asked, by_hour, _every_hour(by_hour), distinct=False)
    rows = rows.group_by("city", "local_hour").aggregate(
        **{name: rows[name].sum().cast("int64") for name in (*COUNTS, *CHANGES)}
    )
    upto = ibis.window(group_by="city", order_by="local_hour", preceding=None, following=0)
    rows = rows.mutate(**{name: rows[name].sum().over(upto).cast("int64") for name in CHANGES})
    rows = rows.filter((rows.requests > 0) | (rows.seen > 0))
    # Over in all zones: the clock of the one where it is earliest is past it.
    over = rows.local_hour + interval(_HOUR) <= local(at.now, JAKARTA.offset_minutes)
    decided = over & (rows.undecided == 0)
    read = bookings_read(scans) & zones_read(scans)

    def where_seen(count: Any) -> Any:
        return ibis.cases((rows.seen > 0, count))

    return rows.select(
        "local_hour",
        "city",
        *COUNTS,
        providers_seen=rows.seen,
        providers_online=where_seen(rows.online),
        providers_busy=where_seen(rows.busy),
        providers_free=where_seen(rows.online - rows.busy),
        is_complete=ibis.cases((~decided, False), (read, True), else_=ibis.null("boolean")),
    )


def _of(rows: Any, **columns: Any) -> Any:
    """City, hour and all counts, those not named 0."""
    zero = ibis.literal(0).cast("int64")
    return rows.select(
        "city",
        "local_hour",
        **{name: columns.get(name, zero).cast("int64") for name in (*COUNTS, *CHANGES)},
    )


def _of_changes(*tables: Any) -> Any:
    """By how many more providers were seen, on line and busy in an hour than in the one before it."""
    parts = [_of(rows, **{name: rows[name] for name in CHANGES}) for rows in tables]
    rows: Any = ibis.union(*parts, distinct=False)
    return rows.group_by("city", "local_hour").aggregate(
        **{name: rows[name].sum().cast("int64") for name in (*COUNTS, *CHANGES)}
    )


def _every_hour(by_hour: Any) -> Any:
    """Every hour of a city from the first to the last in which anybody was seen."""
    ends = by_hour.group_by("city").aggregate(first=by_hour.local_hour.min(), last=by_hour.local_hour.max())
    hours = ends["last"].delta(ends["first"], unit="hour").cast("int64")
    rows = ends.mutate(number=ibis.range(ibis.literal(0).cast("int64"), hours + 1).unnest())
    return _of(rows.mutate(local_hour=rows["first"] + ibis.interval(hours=1) * rows.number))


_figures = capacity


@behind(_figures)
def capacity_rows(bookings: Any, providers: Any, provider_states: Any, scans: Any, at: Instants) -> ir.Table:
    """The bookings created in an hour, and the providers seen, on line and busy in it."""
    b = asked_by_hour(bookings, providers, at)
    parts = [
        of_booking(b, "city", "local_hour", requests=one(), **{name: where(b[name]) for name in COUNTS[1:]})
    ]
    for name, rows in hours_once(spans_of(provider_states, providers, scans, at)).items():
        hours = rows.last_hour.delta(rows.first_hour, unit="hour").cast("int64")
        rows = rows.mutate(number=ibis.range(ibis.literal(0).cast("int64"), hours + 1).unnest())
        parts.append(
            rows.select(
                "city",
                local_hour=rows.first_hour + ibis.interval(hours=1) * rows.number,
                id=rows.provider_id,
                of=ibis.literal("core.provider_states"),
                **{f"providers_{name}": one()},
            )
        )
    return gather(*parts)
