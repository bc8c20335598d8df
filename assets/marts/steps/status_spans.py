"""Step: from when to when a provider had which status. How long the newest lasts is known where it is read."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.accounts import NAME
from assets.marts.tables import Instants
from marketplace.collections import PROVIDER_TYPES
from marketplace.statuses import ProviderStatus, values

#: The statuses in which a provider is on line.
ON_LINE: Final = values(ProviderStatus.AVAILABLE, ProviderStatus.BUSY)


@step(of=NAME)
def status_spans(provider_states: Any, providers: Any) -> ir.Table:
    """provider_id, provider_type, city, utc_offset_minutes; status (never null), from_at, next_at (when the next one
    was written; null: it is the newest). Of an id that a therapist and a place have it is the therapist's
    (answers.accounts)."""
    s = provider_states.filter(provider_states.observed_at.notnull())
    account: Any = {"group_by": ["provider_id", "provider_type"], "order_by": "change"}
    # A version may have been written with an earlier time than the one before it: time does not run backwards.
    s = s.mutate(
        from_at=s.observed_at.max().over(ibis.window(**account, preceding=None, following=0)),
        following=s.observed_at.lead().over(ibis.window(**account)),
    )
    s = s.mutate(next_at=ibis.cases((s.following.notnull(), ibis.greatest(s.from_at, s.following))))
    s = s.filter(s.status.notnull())
    p = providers.select(
        known="provider_id",
        known_type="provider_type",
        city="city",
        offset="utc_offset_minutes",
        first=providers.provider_type.max().over(ibis.window(group_by="provider_id")),
    )
    p = p.filter(p.known_type == p["first"])
    s = s.inner_join(p, [s.provider_id == p.known, s.provider_type == p.known_type])
    return s.select(
        "provider_id",
        "provider_type",
        "city",
        utc_offset_minutes=s.offset,
        status=s.status,
        from_at=s.from_at,
        next_at=s.next_at,
    )


def closed_spans(status_spans: Any, at: Instants) -> Any:
    """The spans that another status followed, with to_at: half-open, those of an id do not overlap."""
    s = status_spans.filter(status_spans.next_at.notnull())
    s = s.mutate(to_at=ibis.least(s.next_at, at.now)).drop("next_at")
    return s.filter(s.to_at > s.from_at)


def with_ends(newest: Any, scans: Any, at: Instants) -> Any:
    """Spans that no other status followed yet, with to_at: the last whole scan of the provider's collection, as what
    came later nobody knows. Where it was never read whole, the newest is none yet."""
    read = scans.filter(scans.completed_at.notnull() & scans.collection.isin(tuple(PROVIDER_TYPES)))
    kind = ibis.cases(*((read.collection == collection, name) for collection, name in PROVIDER_TYPES.items()))
    until = read.group_by(kind=kind).aggregate(until=read.completed_at.max())
    rows = newest.inner_join(until, newest.provider_type == until.kind).drop("kind")
    rows = rows.mutate(to_at=ibis.least(rows.until, at.now)).drop("until")
    return rows.filter(rows.to_at > rows.from_at)


def spans_of(provider_states: Any, providers: Any, scans: Any, at: Instants) -> Any:
    """All spans with from_at and to_at."""
    s = status_spans(provider_states, providers)
    newest = with_ends(s.filter(s.next_at.isnull()).drop("next_at"), scans, at)
    return ibis.union(closed_spans(s, at), newest, distinct=False)
