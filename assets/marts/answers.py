"""Ibis expressions the marts of providers share: how a request was answered, and who a provider is. No mart is here."""

from __future__ import annotations

from typing import Any

from assets.marts.tables import Instants
from marketplace.commission import REVENUE_STATUSES
from marketplace.statuses import BookingStatus


def with_answers(b: Any, at: Instants) -> Any:
    """Add to bookings: accepted (earns now or was ever accepted), answered (accepted or declined, at any time),
    unanswered (expired without an answer, or pending past the deadline for one) and undecided (pending otherwise)."""
    accepted = b.status.isin(REVENUE_STATUSES) | b.accepted_at.notnull()
    answered = accepted | b.responded_at.notnull() | (b.status == BookingStatus.DECLINED.value)
    pending = b.status == BookingStatus.PENDING.value
    late = pending & (b.response_deadline < at.now).fill_null(False)
    return b.mutate(
        accepted=accepted,
        answered=answered,
        unanswered=~answered & ((b.status == BookingStatus.EXPIRED.value) | late),
        undecided=pending & ~late,
    )


def accounts(providers: Any) -> Any:
    """One row an id of a provider, a therapist before a place of the same id: account, kind, name, city, there (it was
    not deleted)."""
    # Of an id of both kinds what is known of the therapist counts: the greater word.
    first = providers.provider_type
    return providers.group_by(account="provider_id").aggregate(
        kind=first.max(),
        name=providers.provider_name.argmax(first, where=providers.provider_name.notnull()),
        home=providers.city.argmax(first, where=providers.city.notnull()),
        there=providers.deleted_at.isnull().any(),
    )
