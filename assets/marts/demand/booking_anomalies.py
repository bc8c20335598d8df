"""The mart marts.booking_anomalies. They change no figure."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import offers_of
from assets.marts.behind import itself
from assets.marts.expressions import counted, interval
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.anomalies import BY_ACTOR
from assets.marts.said import either, said
from checks.schemas.demand import BookingAnomalies
from marketplace.identifiers import ROLE_WORDS
from marketplace.services import ANOMALY_LIMITS, AUTOMATIC_ROLES, Anomaly
from marketplace.statuses import BookingStatus, ProviderType


@mart(BookingAnomalies, part=BY_ACTOR)
def booking_anomalies(bookings: Any, booking_offers: Any, messages: Any, overlap_suspects: Any) -> ir.Table:
    """Double bookings, bookings for overlapping times and use beyond what a person does. Of a pair,
    other_booking_id is the earlier one."""
    # Of a large table a part is read with every column that is named.
    b = counted(bookings).select(
        "booking_id", "origin", "customer_key", "customer_id", "provider_id", "status", "created_at"
    )
    known = b.filter(b.customer_key.notnull())
    booked = known.select(
        actor=known.customer_key,
        # One customer may be spelled in two ways: the key is the same.
        name=_customer(known),
        moment=known.created_at,
        row_id=known.booking_id,
    )
    m = messages
    m = m.filter(
        m.sender_id.notnull()
        & ~m.sender_id.lower().isin(ROLE_WORDS)  # which names nobody
        & m.deleted_at.isnull()
        & ~m.sender_role.isin(AUTOMATIC_ROLES).fill_null(False)
    )
    sent = m.select(
        actor=m.sender_id,
        name=m.sender_id,
        moment=ibis.coalesce(m.sent_at, m.created_at),
        row_id=m.message_id,
    )
    return ibis.union(
        _duplicates(_as_asked(b, offers_of(bookings, booking_offers))),
        _overlaps(overlap_suspects),
        _bursts(booked, Anomaly.ABUSE_BOOKINGS, ANOMALY_LIMITS.bookings),
        _bursts(sent, Anomaly.ABUSE_MESSAGES, ANOMALY_LIMITS.messages),
        distinct=False,
    )


def _customer(b: Any) -> Any:
    """Who booked, by id; by the hash of their phone where the id names nobody."""
    return ibis.cases((b.customer_key.startswith("c:"), b.customer_id), else_=b.customer_key)


def _as_asked(b: Any, o: Any) -> Any:
    """Bookings with the provider whom their customer asked: of one that services offered that of its first offer,
    whoever has it now."""
    first = o.group_by(offered="booking_id", offered_origin="origin").aggregate(
        first_provider=o.provider_id.argmin(o["round"])
    )
    b = b.left_join(first, [b.booking_id == first.offered, b.origin == first.offered_origin])
    b = b.mutate(provider_id=ibis.coalesce(b.first_provider, b.provider_id))
    return b.drop("offered", "offered_origin", "first_provider")


def _duplicates(b: Any) -> Any:
    """Each booking that follows another of the same customer and provider within the limit, neither
    cancelled."""
    b = b.filter(
        (b.status != BookingStatus.CANCELLED.value) & b.customer_key.notnull() & b.provider_id.notnull()
    )
    window = ibis.window(group_by=[b.customer_key, b.provider_id], order_by=[b.created_at, b.booking_id])
    b = b.mutate(earlier=b.booking_id.lag().over(window), earlier_at=b.created_at.lag().over(window))
    b = b.filter((b.created_at <= b.earlier_at + interval(ANOMALY_LIMITS.duplicate)).fill_null(False))
    b = b.filter(~b.provider_id.lower().isin(ROLE_WORDS))  # of nobody, so not of the same
    message = said(
        "anomaly.duplicate_booking",
        booking=b.booking_id,
        earlier=b.earlier,
        span=ANOMALY_LIMITS.duplicate,
    )
    return b.select(
        anomaly=ibis.literal(Anomaly.DUPLICATE_BOOKING.value),
        booking_id=b.booking_id,
        other_booking_id=b.earlier,
        actor_id=_customer(b),
        provider_id=b.provider_id,
        observed_at=b.created_at,
        count=ibis.literal(2).cast("int64"),
        **message.columns("detail"),
    )


def _overlaps(overlap_suspects: Any) -> Any:
    """Each booking during which its provider has more at once than they take."""
    crowds = _crowds(overlap_suspects)
    rows = _with_other(overlap_suspects)
    account = ["provider_id", "kind"]
    rows = rows.inner_join(crowds, [*account, rows.starts_at == crowds.instant]).drop("instant", "at_once")
    rows = rows.filter((rows.crowded_at < rows.ends_at).fill_null(False))
    then = crowds.select(*account, "at_once", crowded="instant")
    rows = rows.inner_join(then, [*account, rows.crowded_at == then.crowded])
    pair = {"booking": rows.booking_id, "other": rows.other}
    message = either(
        (
            rows.kind == ProviderType.PLACE.value,
            said("anomaly.overlap_at_place", at_once=rows.at_once, takes=rows.takes, **pair),
        ),
        else_=said("anomaly.overlap_of_therapist", **pair),
    )
    return rows.select(
        anomaly=ibis.literal(Anomaly.OVERLAPPING_BOOKINGS.value),
        booking_id=rows.booking_id,
        other_booking_id=rows.other,
        actor_id=rows.provider_id,
        provider_id=rows.provider_id,
        observed_at=rows.created_at,
        count=rows.at_once,
        **message.columns("detail"),
    )


def _with_other(rows: Any) -> Any:
    """Add ``other``: of the bookings that began before and overlap it the one that ends last, else the next one. (Where
    there is neither, there are not too many at once: a provider takes one at least.)"""
    of_provider: Any = {
        "group_by": ["provider_id", "kind"],
        "order_by": ["starts_at", "booking_id", "origin"],
    }
    upto, earlier = (ibis.window(**of_provider, preceding=(None, end)) for end in (0, 1))
    rows = rows.mutate(
        number=ibis.row_number().over(ibis.window(**of_provider)),
        after=rows.booking_id.lead().over(ibis.window(**of_provider)),
        last_end=rows.ends_at.max().over(upto),
        ended=rows.ends_at.max().over(earlier),
    )
    rows = rows.mutate(of_last=ibis.cases((rows.ends_at == rows.last_end, rows.number)))
    rows = rows.mutate(before=rows.booking_id.argmax(rows.of_last).over(earlier))
    other = ibis.cases(((rows.starts_at < rows.ended).fill_null(False), rows.before), else_=rows.after)
    rows = rows.mutate(other=other).drop("number", "after", "last_end", "of_last", "before", "ended")
    return rows.filter(rows.other.notnull())


def _crowds(rows: Any) -> Any:
    """Each instant at which a provider's bookings begin or end: at_once (how many there are from then on) and
    crowded_at (this instant or the first after it with too many)."""
    account = ["provider_id", "kind", "takes"]
    one = ibis.literal(1).cast("int64")
    changes: Any = ibis.union(
        rows.select(*account, instant=rows.starts_at, change=one),
        rows.select(*account, instant=rows.ends_at, change=-one),
        distinct=False,
    )
    instants: Any = changes.group_by(*account, "instant").aggregate(change=changes.change.sum())
    of_provider: Any = {"group_by": ["provider_id", "kind"], "order_by": "instant"}
    instants = instants.mutate(
        at_once=instants.change.sum()
        .over(ibis.window(**of_provider, preceding=None, following=0))
        .cast("int64")
    )
    instants = instants.mutate(crowded=ibis.cases((instants.at_once > instants.takes, instants.instant)))
    return instants.select(
        "provider_id",
        "kind",
        "instant",
        "at_once",
        crowded_at=instants.crowded.min().over(ibis.window(**of_provider, preceding=0, following=None)),
    )


def _bursts(rows: Any, anomaly: Anomaly, limit: int) -> Any:
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
    bursts = over.group_by("actor", "burst").aggregate(
        observed_at=over.moment.min(), beyond=over.count(), name=over.name.min()
    )
    count = bursts.beyond + limit
    message = said(f"anomaly.{anomaly}", n=count, limit=limit, span=ANOMALY_LIMITS.window)
    text = ibis.null("string")
    return bursts.select(
        anomaly=ibis.literal(anomaly.value),
        booking_id=text,
        other_booking_id=text,
        actor_id=bursts.name,
        provider_id=text,
        observed_at=bursts.observed_at,
        count=count,
        **message.columns("detail"),
    )


def _busy(rows: Any, limit: int) -> Any:
    """Rows of actors who may have a burst at all.

    limit + 1 rows within an hour touch at most two clock hours, so one of these holds more than half the
    limit: a count by hour spares nearly everybody the three windows, which took most of a run's time.
    """
    hours = rows.group_by("actor", hour=rows.moment.truncate("h")).aggregate(crowd=rows.count())
    busy = hours.filter(hours.crowd > limit // 2).select("actor").distinct()
    return rows.semi_join(busy, "actor")


itself(booking_anomalies)
