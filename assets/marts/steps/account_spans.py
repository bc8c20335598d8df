"""Step: what is known of each provider's statuses, in a row: those that ended, summed, and the newest."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.accounts import BY_ACCOUNT
from assets.marts.steps.hour_changes import kinds, with_hours
from assets.marts.steps.status_spans import ON_LINE, closed_spans, with_ends
from assets.marts.tables import Instants
from marketplace.statuses import ProviderStatus

_SUMS = ("seen_us", "available_us", "restricted_us")


@step(part=BY_ACCOUNT)
def account_spans(status_spans: Any, at: Instants) -> ir.Table:
    """provider_id, provider_type, city, utc_offset_minutes. Of the statuses that ended: since_at, until_at, seen_us,
    available_us and restricted_us (whole microseconds), and into which local hour those reach in which it was seen, on
    line and busy (seen_reached, …). Of the newest: status and from_at; null where there is none."""
    closed = with_hours(closed_spans(status_spans, at))
    closed = _with_lengths(closed)
    ended = closed.group_by(ended="provider_id").aggregate(
        since_at=closed.from_at.min(),
        until_at=closed.to_at.max(),
        **{name: closed[name].sum().cast("int64") for name in _SUMS},
        **{f"{name}_reached": closed.last_hour.max(where=holds) for name, holds in kinds(closed).items()},
    )
    s = status_spans
    newest = s.filter(s.next_at.isnull()).select(newest="provider_id", status="status", from_at="from_at")
    # Each id has one row of providers here: one kind, city and zone.
    rows = s.select("provider_id", "provider_type", "city", "utc_offset_minutes").distinct()
    rows = rows.left_join(ended, rows.provider_id == ended.ended).drop("ended")
    return rows.left_join(newest, rows.provider_id == newest.newest).drop("newest")


def _with_lengths(spans: Any) -> Any:
    """How long a span lasted, in whole microseconds; 0 where it is not of that kind."""
    lasted = spans.to_at.delta(spans.from_at, unit="microsecond")
    none = ibis.literal(0).cast("int64")
    return spans.mutate(
        seen_us=lasted,
        available_us=ibis.cases((spans.status.isin(ON_LINE), lasted), else_=none),
        restricted_us=ibis.cases((spans.status == ProviderStatus.RESTRICTED.value, lasted), else_=none),
    )


def newest_spans(account_spans: Any, scans: Any, at: Instants) -> Any:
    """The newest span of each provider, as far as it was seen."""
    return with_ends(account_spans.filter(account_spans.status.notnull()), scans, at)


def seen(account_spans: Any, scans: Any, at: Instants) -> Any:
    """provider_id, since_at and until_at of what is known of its status, and the sums of it; of those of whom anything
    is."""
    newest = _with_lengths(newest_spans(account_spans, scans, at).drop(*_SUMS))
    newest = newest.select(
        "to_at", "from_at", newest="provider_id", **{f"last_{name}": newest[name] for name in _SUMS}
    )
    a = account_spans.drop("from_at")
    rows = a.left_join(newest, a.provider_id == newest.newest)
    rows = rows.filter(rows.since_at.notnull() | rows.to_at.notnull())
    return rows.select(
        "provider_id",
        since_at=ibis.coalesce(rows.since_at, rows.from_at),
        until_at=ibis.coalesce(rows.to_at, rows.until_at),
        **{name: rows[name].fill_null(0) + rows[f"last_{name}"].fill_null(0) for name in _SUMS},
    )
