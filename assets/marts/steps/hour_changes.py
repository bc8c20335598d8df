"""Step: by how many more providers were seen, on line and busy in a local hour than in the one before, as far as their
statuses ended. The newest ones are capacity's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from assets.marts.behind import one
from assets.marts.expressions import interval
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.accounts import NAME
from assets.marts.parts.part import Difference
from assets.marts.steps.hour_requests import local_hour
from assets.marts.steps.status_spans import ON_LINE, closed_spans
from assets.marts.tables import Instants
from marketplace.statuses import ProviderStatus

_HOUR: Final = timedelta(hours=1)
CHANGES: Final = ("seen", "online", "busy")


@step(difference=Difference(NAME, ("city", "local_hour"), (*CHANGES, "lines"), "lines"))
def hour_changes(status_spans: Any, at: Instants) -> ir.Table:
    """city, local_hour, CHANGES; ``lines``: of how many beginnings and ends."""
    changes = changes_of(hours_once(closed_spans(status_spans, at)))
    return changes.group_by("city", "local_hour").aggregate(
        **{name: changes[name].sum().cast("int64") for name in CHANGES}, lines=changes.count()
    )


def kinds(rows: Any) -> dict[str, Any]:
    """In which spans a provider is seen, on line and busy."""
    return {
        "seen": rows.status.notnull(),
        "online": rows.status.isin(ON_LINE),
        "busy": rows.status == ProviderStatus.BUSY.value,
    }


def with_hours(spans: Any) -> Any:
    """From which local hour to which a span reaches."""
    return spans.mutate(
        first_hour=local_hour(spans.from_at, spans.utc_offset_minutes),
        # Half-open: the moment before its end is the last in it.
        last_hour=local_hour(spans.to_at - ibis.interval(microseconds=1), spans.utc_offset_minutes),
    )


def hours_once(spans: Any) -> dict[str, Any]:
    """Of each kind: from which hour to which spans reach, without the hours that an earlier span of the provider
    reached into."""
    rows = with_hours(spans).select("provider_id", "city", "status", "from_at", "first_hour", "last_hour")
    # All kinds in one pass over the spans.
    before = ibis.window(group_by="provider_id", order_by=["from_at", "last_hour"], preceding=(None, 1))
    hours: dict[str, Any] = {name: ibis.cases((holds, rows.last_hour)) for name, holds in kinds(rows).items()}
    return since_reached(
        rows.mutate(**{f"{name}_reached": hour.max().over(before) for name, hour in hours.items()})
    )


def since_reached(rows: Any) -> dict[str, Any]:
    """The same of spans of which it is known which hour earlier ones reached into (seen_reached, …)."""
    found: dict[str, Any] = {}
    for name, holds in kinds(rows).items():
        some = rows.filter(holds)
        free_from = some[f"{name}_reached"] + interval(_HOUR)
        first = ibis.greatest(some.first_hour, ibis.coalesce(free_from, some.first_hour))
        some = some.select("provider_id", "city", "last_hour", first_hour=first)
        found[name] = some.filter(some.last_hour >= some.first_hour)
    return found


def changes_of(hours: dict[str, Any]) -> Any:
    """city, local_hour and CHANGES: one more in the first hour of each, one less in the hour after its last."""
    parts: list[Any] = []
    for name, rows in hours.items():
        parts += [
            _of(rows.mutate(local_hour=rows.first_hour), name, one()),
            _of(rows.mutate(local_hour=rows.last_hour + interval(_HOUR)), name, -one()),
        ]
    return ibis.union(*parts, distinct=False)


def _of(rows: Any, name: str, change: Any) -> Any:
    zero = ibis.literal(0).cast("int64")
    return rows.select(
        "city", "local_hour", **{other: change.cast("int64") if other == name else zero for other in CHANGES}
    )
