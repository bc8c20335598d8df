"""Step: from when to when a provider had which status, as far as that was seen. What follows from it is said where it
is read."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.tables import Instants
from marketplace.collections import PROVIDER_TYPES
from marketplace.statuses import ProviderStatus, values

#: The statuses in which a provider is on line.
ON_LINE = values(ProviderStatus.AVAILABLE, ProviderStatus.BUSY)


@step()
def provider_spans(provider_states: Any, providers: Any, scans: Any, at: Instants) -> ir.Table:
    """provider_id, provider_type, city, utc_offset_minutes; status (never null), from_at, to_at: half-open, those of an
    id do not overlap: of one that a therapist and a place have it is the therapist's (answers.accounts).

    A status lasts from when it was written to when the next one was, the newest to the last whole scan of the
    provider's collection: what came later nobody knows. Where it was never read whole, the newest is none yet.
    """
    s = provider_states.filter(provider_states.observed_at.notnull())
    account: Any = {"group_by": ["provider_id", "provider_type"], "order_by": "change"}
    # A version may have been written with an earlier time than the one before it: time does not run backwards.
    s = s.mutate(
        from_at=s.observed_at.max().over(ibis.window(**account, preceding=None, following=0)),
        following=s.observed_at.lead().over(ibis.window(**account)),
    )
    s = s.mutate(next_at=ibis.cases((s.following.notnull(), ibis.greatest(s.from_at, s.following))))
    read = scans.filter(scans.completed_at.notnull() & scans.collection.isin(tuple(PROVIDER_TYPES)))
    kind = ibis.cases(*((read.collection == collection, name) for collection, name in PROVIDER_TYPES.items()))
    until = read.group_by(kind=kind).aggregate(until=read.completed_at.max())
    s = s.left_join(until, s.provider_type == until.kind)
    s = s.mutate(to_at=ibis.coalesce(s.next_at, s.until))
    s = s.filter(s.status.notnull() & s.to_at.notnull())
    s = s.mutate(to_at=ibis.least(s.to_at, at.now))
    s = s.filter(s.to_at > s.from_at)
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
        to_at=s.to_at,
    )
