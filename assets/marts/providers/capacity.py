"""The mart marts.capacity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import bookings_read, interval, local, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.hour_requests import COUNTS, asked_by_hour, local_hour
from assets.marts.steps.provider_spans import ON_LINE, provider_spans
from assets.marts.tables import Instants
from checks.schemas.providers import Capacity
from marketplace.statuses import ProviderStatus
from marketplace.zones import JAKARTA

_HOUR = timedelta(hours=1)
#: By how many more providers an hour has than the one before it.
_CHANGES = ("seen", "online", "busy")


@mart(Capacity)
def capacity(hour_requests: Any, provider_spans: Any, scans: Any, at: Instants) -> ir.Table:
    """Requests and providers by local hour and the provider's city. Bookings are those created in the hour, whatever
    became of them later. A provider counts as seen, on line or busy in an hour in which its status was known,
    AVAILABLE or BUSY, or BUSY, at one moment at least: a provider is counted once, however often it comes and goes. Its
    status is what its row says, whatever it was last seen. Hours of which no status is known are null."""
    by_hour = _changes(provider_spans)
    asked = _of(hour_requests, **{name: hour_requests[name] for name in COUNTS})
    rows: Any = ibis.union(asked, by_hour, _every_hour(by_hour), distinct=False)
    rows = rows.group_by("city", "local_hour").aggregate(
        **{name: rows[name].sum().cast("int64") for name in (*COUNTS, *_CHANGES)}
    )
    upto = ibis.window(group_by="city", order_by="local_hour", preceding=None, following=0)
    rows = rows.mutate(**{name: rows[name].sum().over(upto).cast("int64") for name in _CHANGES})
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
        **{name: columns.get(name, zero).cast("int64") for name in (*COUNTS, *_CHANGES)},
    )


def _kinds(rows: Any) -> dict[str, Any]:
    """In which spans a provider is seen, on line and busy."""
    return {
        "seen": rows.status.notnull(),
        "online": rows.status.isin(ON_LINE),
        "busy": rows.status == ProviderStatus.BUSY.value,
    }


def _changes(spans: Any) -> Any:
    """By how many more providers were seen, on line and busy in an hour than in the one before it."""
    parts: list[Any] = []
    for name, rows in _hours_once(spans).items():
        parts += [
            _of(rows.mutate(local_hour=rows.first_hour), **{name: one()}),
            _of(rows.mutate(local_hour=rows.last_hour + interval(_HOUR)), **{name: -one()}),
        ]
    rows: Any = ibis.union(*parts, distinct=False)
    return rows.group_by("city", "local_hour").aggregate(
        **{name: rows[name].sum().cast("int64") for name in (*COUNTS, *_CHANGES)}
    )


def _hours_once(spans: Any) -> dict[str, Any]:
    """Of each kind: from which hour to which spans reach, without the hours that an earlier span of the provider
    reached into."""
    rows = spans.select(
        "provider_id",
        "city",
        "status",
        "from_at",
        first_hour=local_hour(spans.from_at, spans.utc_offset_minutes),
        # Half-open: the moment before its end is the last in it.
        last_hour=local_hour(spans.to_at - ibis.interval(microseconds=1), spans.utc_offset_minutes),
    )
    # All kinds in one pass over the spans.
    before = ibis.window(group_by="provider_id", order_by=["from_at", "last_hour"], preceding=(None, 1))
    hours: dict[str, Any] = {
        name: ibis.cases((holds, rows.last_hour)) for name, holds in _kinds(rows).items()
    }
    rows = rows.mutate(**{f"{name}_reached": hour.max().over(before) for name, hour in hours.items()})
    found: dict[str, Any] = {}
    for name, holds in _kinds(rows).items():
        some = rows.filter(holds)
        free_from = some[f"{name}_reached"] + interval(_HOUR)
        first = ibis.greatest(some.first_hour, ibis.coalesce(free_from, some.first_hour))
        some = some.select("provider_id", "city", "last_hour", first_hour=first)
        found[name] = some.filter(some.last_hour >= some.first_hour)
    return found


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
    for name, rows in _hours_once(provider_spans(provider_states, providers, scans, at)).items():
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
