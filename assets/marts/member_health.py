"""Mart: the health of every provider, with the reasons."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import bookings_read, counted, interval, unread_reference, zones_read
from assets.marts.tables import Instants, Tables
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.durations import spelled
from marketplace.members import MEMBER_LIMITS


def table(t: Tables, at: Instants) -> ir.Table:
    """One row a provider. ``missed_requests`` of the members' window by creation; ``reasons`` is '' when there
    is none."""
    limits = MEMBER_LIMITS
    b = counted(t.bookings)
    b = b.filter(b.provider_id.notnull() & (b.created_at <= at.now))
    missed = (b.status == "expired") | (
        (b.status == "pending") & (b.response_deadline < at.now).fill_null(False)
    )
    requests = b.group_by(requested="provider_id").aggregate(
        bookings=b.count(),
        missed_requests=b.count(where=missed & (b.created_at >= at.now - interval(limits.window))),
    )
    m = t.messages
    m = m.filter(m.receiver_id.notnull() & m.deleted_at.isnull() & ~m.is_read.fill_null(True))
    unread = m.group_by(receiver="receiver_id").aggregate(unread_messages=m.count())
    p = t.providers.filter(t.providers.deleted_at.isnull())
    rows = p.left_join(requests, p.provider_id == requests.requested)
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
    messages = t.scans.filter((t.scans.collection == "chat_messages") & t.scans.completed_at.notnull())
    all_read = bookings_read(t) & zones_read(t) & (messages.count() > 0).as_scalar()
    for collection in BOOKING_COLLECTIONS:
        all_read = all_read & ~unread_reference(t, collection, ALIASES["booking.provider_id"])
    health = ibis.cases(
        (rows.last_seen_at.isnull(), "unknown"),
        (unseen, "offline"),
        ((rows.missed_requests > limits.missed) | silent, "critical"),
        ((rows.missed_requests > 0) | mute | (rows.unread_messages > limits.unread), "warning"),
        (~all_read, "unknown"),
        else_="healthy",
    )
    reasons = (
        _reason(rows.last_seen_at.isnull(), "never seen")
        + _reason(unseen, f"not seen for {spelled(limits.unseen)}")
        + ibis.cases((rows.missed_requests == 1, f"; 1 missed request in {spelled(limits.window)}"), else_="")
        + ibis.cases(
            (
                rows.missed_requests > 1,
                "; " + rows.missed_requests.cast("string") + f" missed requests in {spelled(limits.window)}",
            ),
            else_="",
        )
        + _reason(~all_read, "bookings or messages not all read yet")
        + _reason(silent, "notifications off")
        + _reason(mute, "sound off")
        + ibis.cases(
            (
                rows.unread_messages > limits.unread,
                "; " + rows.unread_messages.cast("string") + " unread messages",
            ),
            else_="",
        )
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
        reasons=reasons.re_replace("^; ", ""),
        provider_name=rows.provider_name,
        provider_type=rows.provider_type,
        browser=rows.browser,
    )


def _reason(condition: Any, words: str) -> Any:
    return ibis.cases((condition, f"; {words}"), else_="")
