"""Step: which booking each commission record refers to, on both keys, and its place among that booking's
live records.

One row a record. ``link``: booking, ambiguous (fits two), quarantined, deleted, unread (younger than the bookings
that were read), none. Judges no amount.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.tables import Instants, Tables

LIVE, QUARANTINED, DELETED = 0, 1, 2
BOOKING_COLLECTIONS = ("bookings", "hotel_bookings")


def booking_keys(t: Tables) -> Any:
    """Every value a record may refer to a booking by: key, target (the booking), kind (live, quarantined,
    deleted), test (0 or 1)."""
    b = t.bookings
    facts = {
        "target": b.booking_id,
        "origin": b.origin,
        "kind": ibis.cases((b.deleted_at.isnull(), LIVE), else_=DELETED).cast("int64"),
        "test": b.is_test.fill_null(False).cast("int64"),
    }
    own = b.select(key=b.booking_id, **facts)
    other = b.select(key=b.business_id, **facts).filter(lambda k: k.key.notnull() & (k.key != k.target))
    q = t.quarantined.filter(
        t.quarantined.collection.isin(BOOKING_COLLECTIONS) & t.quarantined.row_id.notnull()
    )
    blind = {
        "target": q.row_id,
        "origin": q.collection,
        "kind": ibis.literal(QUARANTINED).cast("int64"),
        "test": ibis.literal(0).cast("int64"),
    }
    rejected = q.select(key=q.row_id, **blind)
    rejected_other = q.select(key=q.business_id, **blind).filter(
        lambda k: k.key.notnull() & (k.key != k.target)
    )
    return ibis.union(own, other, rejected, rejected_other, distinct=False)


def _bookings_read_until(t: Tables) -> Any:
    """The server's instant up to which every booking collection that was ever read whole has been read; null
    before the first whole read of bookings."""
    read = t.scans.filter(t.scans.collection.isin(BOOKING_COLLECTIONS) & t.scans.watermark.notnull())
    return read.aggregate(
        until=ibis.cases(((read.collection == "bookings").any(), read.watermark.min()))
    ).as_scalar()


def table(t: Tables, at: Instants) -> ir.Table:
    """commission_id, booking_id and origin (only where exactly one live booking fits), matched_ref, link,
    is_test, live, place, records."""
    c = t.commissions
    first = c.filter(c.booking_ref.notnull()).select(
        "commission_id", key="booking_ref", attempt=ibis.literal(1)
    )
    second = c.filter(c.booking_doc_ref.notnull()).select(
        "commission_id", key="booking_doc_ref", attempt=ibis.literal(2)
    )
    refs = ibis.union(first, second, distinct=False)
    keys = booking_keys(t)
    pairs: Any = refs.inner_join(keys, refs.key == keys.key).select(
        refs.commission_id, refs.key, refs.attempt, keys.target, keys.origin, keys.kind, keys.test
    )
    found: dict[str, Any] = {}
    for attempt in (1, 2):
        here = (pairs.attempt == attempt) & (pairs.kind != DELETED)
        found |= {
            f"low{attempt}": pairs.target.min(where=here),
            f"high{attempt}": pairs.target.max(where=here),
            f"from{attempt}": pairs.origin.min(where=here),
            f"to{attempt}": pairs.origin.max(where=here),
            f"kind{attempt}": pairs.kind.min(where=here),
            f"test{attempt}": pairs.test.min(where=here),
            f"key{attempt}": pairs.key.min(where=here),
        }
    gone = pairs.kind == DELETED
    found |= {"gone": pairs.target.min(where=gone), "gone_test": pairs.test.min(where=gone)}
    hits: Any = pairs.group_by("commission_id").aggregate(**found)

    by_first = hits.low1.notnull()
    two: Any = ibis.cases(
        (by_first, (hits.low1 != hits.high1) | (hits.from1 != hits.to1)),
        else_=(hits.low2 != hits.high2) | (hits.from2 != hits.to2),
    )
    hits = hits.select(
        "commission_id",
        "gone",
        low=ibis.coalesce(hits.low1, hits.low2),
        origin=ibis.coalesce(hits.from1, hits.from2),
        # Ids are unique in a collection, not across the two: the same id in both is two bookings.
        two=two.fill_null(False),
        kind=ibis.cases((by_first, hits.kind1), else_=hits.kind2),
        key=ibis.coalesce(hits.key1, hits.key2),
        test=ibis.coalesce(hits.test1, hits.test2, hits.gone_test),
    )
    # Collections are read one after another: a record may be younger than the newest booking that was read.
    # Whether it refers to a booking is then not known yet; the next scan tells.
    younger = ibis.coalesce(c.updated_at, c.created_at) > _bookings_read_until(t)
    refers = c.booking_ref.notnull() | c.booking_doc_ref.notnull()
    one = hits.low.notnull() & ~hits.two & (hits.kind == LIVE)
    linked: Any = c.left_join(hits, c.commission_id == hits.commission_id).select(
        c.commission_id,
        c.created_at,
        booking_id=ibis.cases((one, hits.low)),
        origin=ibis.cases((one, hits.origin)),
        matched_ref=hits.key,
        link=ibis.cases(
            (hits.low.notnull() & hits.two, "ambiguous"),
            (hits.low.notnull() & (hits.kind == LIVE), "booking"),
            (hits.low.notnull(), "quarantined"),
            (hits.gone.notnull(), "deleted"),
            (refers & younger.fill_null(True), "unread"),
            else_="none",
        ),
        is_test=c.is_test.fill_null(False) | (hits.test == 1).fill_null(False),
        standing=c.is_live & c.deleted_at.isnull(),
    )
    linked = linked.mutate(live=linked.standing & ~linked.is_test)
    # A record without a booking stands alone: without its own id it would join one giant partition.
    group = [ibis.coalesce(linked.booking_id, linked.commission_id), linked.origin, linked.live]
    return linked.select(
        "commission_id",
        "booking_id",
        "origin",
        "matched_ref",
        "link",
        "is_test",
        "live",
        place=ibis.row_number().over(group_by=group, order_by=[linked.created_at, linked.commission_id]) + 1,
        records=linked.commission_id.count().over(group_by=group),
    )
