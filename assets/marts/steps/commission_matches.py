"""Step: every commission record beside what its first reference fits.

A record that fits nothing stands once, without a target; one that fits several bookings stands once for each.
commission_links makes of it which booking is meant.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD
from marketplace.collections import BOOKING_COLLECTIONS

LIVE, QUARANTINED, DELETED = 0, 1, 2


def booking_keys(bookings: Any, quarantined: Any) -> Any:
    """Every value a record may refer to a booking by: key, target (the booking), kind (live, quarantined,
    deleted), test (0 or 1). Of all bookings, or of those given, and of those in quarantine."""
    b = bookings
    facts = {
        "target": b.booking_id,
        "origin": b.origin,
        "kind": ibis.cases((b.deleted_at.isnull(), LIVE), else_=DELETED).cast("int64"),
        "test": b.is_test.fill_null(False).cast("int64"),
    }
    own = b.select(key=b.booking_id, **facts)
    other = b.select(key=b.business_id, **facts).filter(lambda k: k.key.notnull() & (k.key != k.target))
    q = quarantined.filter(quarantined.collection.isin(BOOKING_COLLECTIONS) & quarantined.row_id.notnull())
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


@step(part=BY_RECORD)
def commission_matches(commissions: Any, bookings: Any, quarantined: Any) -> ir.Table:
    """commission_id, created_at, is_test, standing (live by its status and not deleted); target, origin, kind and
    test of what is not deleted and has ``booking_ref`` as a key."""
    c = commissions
    keys = booking_keys(bookings, quarantined)
    keys = keys.filter(keys.kind != DELETED)
    return c.left_join(keys, c.booking_ref == keys.key).select(
        c.commission_id,
        c.created_at,
        keys.target,
        keys.origin,
        keys.kind,
        keys.test,
        is_test=c.is_test.fill_null(False),
        standing=c.is_live & c.deleted_at.isnull(),
    )
