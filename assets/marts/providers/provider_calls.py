"""The mart marts.provider_calls."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import asked
from assets.marts.behind import behind, of_booking, one, where
from assets.marts.expressions import interval
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.providers import ProviderCalls
from marketplace.members import MEMBER_LIMITS, CallReason, Health
from marketplace.statuses import BookingStatus, ProviderStatus


@mart(ProviderCalls)
def provider_calls(
    bookings: Any, booking_offers: Any, member_health: Any, providers: Any, at: Instants
) -> ir.Table:
    """Whom somebody should call: providers with bookings that wait for an answer, who are off line, were never seen,
    let no notifications through, or leave one waiting past its deadline. The deadline that is next comes first.
    Bookings whose deadline is further back than members are looked at (24 h) wait for nobody any more."""
    b = _waiting(bookings, booking_offers, at)
    late = (b.response_deadline < at.now).fill_null(False)
    waiting = b.group_by(asked="provider_id").aggregate(
        open_requests=b.count(),
        past_deadline=b.count(where=late),
        oldest_request_at=b.created_at.min(),
        next_deadline_at=b.response_deadline.min(where=~late),
    )
    p = providers.filter(providers.deleted_at.isnull()).select(
        "provider_id", "provider_type", "city", "status"
    )
    m = member_health.select(
        "provider_id", "provider_type", "provider_name", "health", "last_seen_at", "notifications_enabled"
    )
    rows = m.inner_join(waiting, m.provider_id == waiting.asked)
    rows = rows.left_join(p, ["provider_id", "provider_type"])
    off = (rows.health == Health.OFFLINE.value) | (rows.status == ProviderStatus.OFFLINE.value).fill_null(
        False
    )
    reason = ibis.cases(
        (off, CallReason.OFFLINE.value),
        (rows.last_seen_at.isnull(), CallReason.NEVER_SEEN.value),
        (~rows.notifications_enabled.fill_null(True), CallReason.SILENT.value),
        (rows.past_deadline > 0, CallReason.PAST_DEADLINE.value),
    )
    rows = rows.mutate(reason=reason)
    return (
        rows.filter(rows.reason.notnull())
        .select(
            "provider_id",
            "provider_type",
            "provider_name",
            "city",
            "reason",
            "status",
            "last_seen_at",
            "open_requests",
            "past_deadline",
            "oldest_request_at",
            "next_deadline_at",
        )
        .order_by("next_deadline_at", "oldest_request_at", "provider_id")
    )


def _waiting(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """The bookings somebody may still be waiting for: whoever was not answered for as long as members are looked at
    is past calling for. One that services offer waits for who has the open offer."""
    b = asked(bookings, booking_offers)
    # By instants alone, so that of blocks whose deadlines are long past nothing else is read.
    wait = b.response_deadline.isnull() | (b.response_deadline >= at.now - interval(MEMBER_LIMITS.window))
    return b.filter(
        wait & (b.status == BookingStatus.PENDING.value) & b.provider_id.notnull() & (b.created_at <= at.now)
    )


@behind(provider_calls)
def provider_calls_rows(bookings: Any, booking_offers: Any, member_health: Any, at: Instants) -> ir.Table:
    """The bookings that wait for each provider's answer."""
    m = member_health.select("provider_id", "provider_type")
    b = _waiting(bookings, booking_offers, at).drop("provider_type").inner_join(m, "provider_id")
    late = (b.response_deadline < at.now).fill_null(False)
    return of_booking(
        b,
        "provider_id",
        "provider_type",
        "response_deadline",
        "deadline_rule",
        open_requests=one(),
        past_deadline=where(late),
    )
