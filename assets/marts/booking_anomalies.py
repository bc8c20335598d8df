"""Mart: double bookings and use beyond what a person does. They change no figure."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import counted, interval
from assets.marts.tables import Instants, Tables
from marketplace.services import ANOMALY_LIMITS, AUTOMATIC_ROLES


def table(t: Tables, at: Instants) -> ir.Table:
    """anomaly, booking_id, other_booking_id (the earlier one), actor_id, provider_id, observed_at, count,
    detail."""
    b = counted(t.bookings)
    known = b.filter(b.customer_key.notnull())
    bookings = known.select(
        actor=ibis.coalesce(known.customer_id, known.customer_key),
        moment=known.created_at,
        row_id=known.booking_id,
    )
    m = t.messages
    m = m.filter(
        m.sender_id.notnull() & m.deleted_at.isnull() & ~m.sender_role.isin(AUTOMATIC_ROLES).fill_null(False)
    )
    messages = m.select(actor=m.sender_id, moment=ibis.coalesce(m.sent_at, m.created_at), row_id=m.message_id)
    return ibis.union(
        _duplicates(b),
        _bursts(bookings, "abuse_bookings", ANOMALY_LIMITS.bookings, "bookings"),
        _bursts(messages, "abuse_messages", ANOMALY_LIMITS.messages, "messages"),
        distinct=False,
    )


def _duplicates(b: Any) -> Any:
    """Each booking that follows another of the same customer and provider within the limit, neither
    cancelled."""
    b = b.filter((b.status != "cancelled") & b.customer_key.notnull() & b.provider_id.notnull())
    window = ibis.window(group_by=[b.customer_key, b.provider_id], order_by=[b.created_at, b.booking_id])
    b = b.mutate(earlier=b.booking_id.lag().over(window), earlier_at=b.created_at.lag().over(window))
    b = b.filter((b.created_at <= b.earlier_at + interval(ANOMALY_LIMITS.duplicate)).fill_null(False))
    return b.select(
        anomaly=ibis.literal("duplicate_booking"),
        booking_id=b.booking_id,
        other_booking_id=b.earlier,
        actor_id=ibis.coalesce(b.customer_id, b.customer_key),
        provider_id=b.provider_id,
        observed_at=b.created_at,
        count=ibis.literal(2).cast("int64"),
        detail=ibis.literal("Booking ")
        + b.booking_id
        + " follows booking "
        + b.earlier
        + " of the same customer and provider within 5 minutes.",
    )


def _bursts(rows: Any, anomaly: str, limit: int, words: str) -> Any:
    """One row a burst: consecutive rows of an actor each of which is the (limit + 1)th or later within an
    hour."""
    rows = _busy(rows.filter(rows.moment.notnull()), limit)
    order: Any = [rows.moment, rows.row_id]
    rows = rows.mutate(
        over=(
            rows.moment
            < rows.moment.lag(limit).over(ibis.window(group_by="actor", order_by=order))
            + interval(ANOMALY_LIMITS.window)
        ).fill_null(False)
    )
    before = rows.over.lag().over(ibis.window(group_by="actor", order_by=[rows.moment, rows.row_id]))
    rows = rows.mutate(begins=ibis.cases((rows.over & ~before.fill_null(False), 1), else_=0))
    rows = rows.mutate(
        burst=rows.begins.sum().over(
            ibis.window(group_by="actor", order_by=[rows.moment, rows.row_id], preceding=None, following=0)
        )
    )
    over = rows.filter(rows.over)
    bursts = over.group_by("actor", "burst").aggregate(observed_at=over.moment.min(), beyond=over.count())
    count = bursts.beyond + limit
    text = ibis.null("string")
    return bursts.select(
        anomaly=ibis.literal(anomaly),
        booking_id=text,
        other_booking_id=text,
        actor_id=bursts.actor,
        provider_id=text,
        observed_at=bursts.observed_at,
        count=count,
        detail=count.cast("string") + f" {words} of one user, more than {limit} within an hour.",
    )


def _busy(rows: Any, limit: int) -> Any:
    """Rows of actors who may have a burst at all.

    limit + 1 rows within an hour touch at most two clock hours, so one of these holds more than half the
    limit: a count by hour spares nearly everybody the three windows, which took most of a run's time.
    """
    hours = rows.group_by("actor", hour=rows.moment.truncate("h")).aggregate(crowd=rows.count())
    busy = hours.filter(hours.crowd > limit // 2).select("actor").distinct()
    return rows.semi_join(busy, "actor")
