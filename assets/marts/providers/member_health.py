"""The mart marts.member_health."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import asked, asked_and_booked
from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import bookings_read, interval, unread_reference, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.said import listed, said
from assets.marts.tables import Instants
from checks.schemas.providers import MemberHealth
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.members import MEMBER_LIMITS, Health


@mart(MemberHealth, clock_columns=("last_seen_at",))
def member_health(
    bookings: Any,
    booking_offers: Any,
    provider_bookings: Any,
    unread_messages: Any,
    providers: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """The health of every provider, with the reasons. ``missed_requests`` of the members' window by
    creation, of a booking that services offered its offers; ``reasons`` is '' when there is none."""
    limits = MEMBER_LIMITS
    b = asked(bookings, booking_offers)
    b = b.filter(
        b.provider_id.notnull()
        & (b.created_at <= at.now)
        & (b.created_at >= at.now - interval(limits.window))
    )
    missed = b.group_by(asked="provider_id").aggregate(missed_requests=b.count(where=_missed(b, at)))
    booked = provider_bookings.rename(booked="provider_id")
    unread = unread_messages.rename(receiver="receiver_id", unread_messages="messages")
    p = providers.filter(providers.deleted_at.isnull())
    rows = p.left_join(missed, p.provider_id == missed.asked)
    rows = rows.left_join(booked, rows.provider_id == booked.booked)
    rows = rows.left_join(unread, rows.provider_id == unread.receiver)
    rows = rows.mutate(
        bookings=rows.bookings.fill_null(0),
        missed_requests=rows.missed_requests.fill_null(0),
        unread_messages=rows.unread_messages.fill_null(0),
    )
    unseen = (rows.last_seen_at <= at.now - interval(limits.unseen)).fill_null(False)
    silent = ~rows.notifications_enabled.fill_null(True)
    mute = ~rows.sound_enabled.fill_null(True)
    # Nothing found wrong in what was not read is no sign of health.
    scanned = scans.filter((scans.collection == "chat_messages") & scans.completed_at.notnull())
    all_read = bookings_read(scans) & zones_read(scans) & (scanned.count() > 0).as_scalar()
    for collection in BOOKING_COLLECTIONS:
        all_read = all_read & ~unread_reference(scans, collection, ALIASES["booking.provider_id"])
    # A column: each place that asks for it anew is five more tables for DuckDB to put in order.
    rows = rows.mutate(all_read=all_read)
    health = ibis.cases(
        (rows.last_seen_at.isnull(), Health.UNKNOWN.value),
        (unseen, Health.OFFLINE.value),
        ((rows.missed_requests > limits.missed) | silent, Health.CRITICAL.value),
        ((rows.missed_requests > 0) | mute | (rows.unread_messages > limits.unread), Health.WARNING.value),
        (~rows.all_read, Health.UNKNOWN.value),
        else_=Health.HEALTHY.value,
    )
    missed_and_window = {"n": rows.missed_requests, "window": limits.window}
    reasons, codes = listed(
        (rows.last_seen_at.isnull(), said("reason.never_seen")),
        (unseen, said("reason.unseen", span=limits.unseen)),
        (rows.missed_requests == 1, said("reason.missed_one", **missed_and_window)),
        (rows.missed_requests > 1, said("reason.missed_some", **missed_and_window)),
        (~rows.all_read, said("reason.not_read")),
        (silent, said("reason.notifications_off")),
        (mute, said("reason.sound_off")),
        (rows.unread_messages > limits.unread, said("reason.unread_messages", n=rows.unread_messages)),
    )
    return rows.select(
        "provider_id",
        health=health,
        last_seen_at=rows.last_seen_at,
        bookings=rows.bookings,
        missed_requests=rows.missed_requests,
        unread_messages=rows.unread_messages,
        notifications_enabled=rows.notifications_enabled,
        sound_enabled=rows.sound_enabled,
        reasons=reasons,
        provider_name=rows.provider_name,
        provider_type=rows.provider_type,
        browser=rows.browser,
        messages=codes,
    )


@behind(member_health)
def member_health_rows(
    bookings: Any, booking_offers: Any, messages: Any, providers: Any, at: Instants
) -> ir.Table:
    """The bookings of each provider, and the messages it did not read."""
    p = providers.filter(providers.deleted_at.isnull()).select("provider_id", "provider_type")
    b = asked_and_booked(bookings, booking_offers)
    b = b.filter(b.created_at <= at.now).drop("provider_type").inner_join(p, "provider_id")
    lately = b.created_at >= at.now - interval(MEMBER_LIMITS.window)
    requests = of_booking(
        b,
        "provider_id",
        "provider_type",
        "response_deadline",
        "deadline_rule",
        bookings=where(b.is_booking),
        missed_requests=where(b.is_request & _missed(b, at) & lately),
    )
    m = messages.filter(messages.deleted_at.isnull() & ~messages.is_read.fill_null(True))
    m = m.inner_join(p, m.receiver_id == p.provider_id)
    unread = m.select(
        "provider_id",
        "provider_type",
        "sent_at",
        id=m.message_id,
        of=ibis.literal("core.messages"),
        unread_messages=one(),
    )
    return gather(requests, unread)


def _missed(b: Any, at: Instants) -> Any:
    late = (b.status == "pending") & (b.response_deadline < at.now).fill_null(False)
    return (b.status == "expired") | late
