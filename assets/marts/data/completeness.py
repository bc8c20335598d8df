"""The mart marts.completeness.

What is in the figures is counted in marts.commission_reconciliation, what is out in marts.exclusions (both by the step
accounted_rows), what no figure is made of in core: that they add up to the mirror is for checks/completeness.py to see.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, one
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.data import Completeness
from marketplace.collections import BY_NAME, INGESTED, RECORDS
from marketplace.commission import REVENUE_STATUSES
from marketplace.exclusions import IN, MONEY_COLLECTIONS, Exclusion

#: Collections that no figure of a month is made of: those core has rows of, and those it only mirrors.
_DERIVED = tuple(c for c in INGESTED if c not in MONEY_COLLECTIONS and BY_NAME[c].core)
_MIRRORED = tuple(c for c in INGESTED if c not in MONEY_COLLECTIONS and not BY_NAME[c].core)


@mart(Completeness)
def completeness(
    accounted_rows: Any,
    messages: Any,
    chat_rooms: Any,
    notifications: Any,
    reviews: Any,
    booking_offers: Any,
    providers: Any,
    mirror_rows: Any,
) -> ir.Table:
    """What became of the rows of each collection: in the figures of a month, out of them for a reason,
    or of a collection that no figure is made of. Disjoint: every row of the mirror is in one."""
    a = accounted_rows
    core = {
        "messages": messages,
        "chat_rooms": chat_rooms,
        "notifications": notifications,
        "reviews": reviews,
        "booking_offers": booking_offers,
        "providers": providers,
    }
    nothing = a.aggregate(n=a.count())
    parts = [
        a.select("collection", "reason", "rows", "amount_idr", "unknown_amounts"),
        *(_line(nothing, ibis.literal(collection), IN, nothing.n * 0) for collection in MONEY_COLLECTIONS),
        *(_derived(collection, core) for collection in _DERIVED),
        _mirrored(mirror_rows, a.group_by("collection").aggregate(n=a["rows"].sum())),
    ]
    rows: Any = ibis.union(*parts, distinct=False)
    found = rows.group_by("collection", "reason").aggregate(
        rows=rows.rows.sum(), amount_idr=rows.amount_idr.sum(), unknown_amounts=rows.unknown_amounts.sum()
    )
    # A collection that is not there has no rows, and no line; those that figures are made of have one all the same.
    return found.filter((found.reason == IN) | (found.rows > 0))


def counted_bookings(r: Any) -> Any:
    """Reconciled rows of bookings that are in the figures of a month: they earn, a known amount, on a known day."""
    return r.filter(
        r.booking_id.notnull()
        & r.booking_status.isin(REVENUE_STATUSES)
        & r.booking_amount_idr.notnull()
        & r.local_date.notnull()
    )


def counted_records(r: Any) -> Any:
    """Reconciled rows of records that are: what is recorded is known, and its day."""
    return r.filter(r.commission_id.notnull() & r.actual_idr.notnull() & r.local_date.notnull())


def counted(r: Any) -> tuple[Any, Any]:
    """Both of reconciled rows, with ``collection``, ``reason`` and ``amount_idr``."""
    b, c = counted_bookings(r), counted_records(r)
    facts = ("booking_id", "commission_id")
    return (
        b.select(*facts, collection=b.origin, reason=ibis.literal(IN), amount_idr=b.booking_amount_idr),
        c.select(*facts, collection=ibis.literal(RECORDS), reason=ibis.literal(IN), amount_idr=c.actual_idr),
    )


def _line(rows: Any, collection: Any, reason: str, count: Any) -> Any:
    zero = ibis.literal(0).cast("int64")
    return rows.select(
        collection=collection,
        reason=ibis.literal(reason),
        rows=count,
        amount_idr=zero,
        unknown_amounts=zero,
    )


def _derived(collection: str, core: dict[str, Any]) -> Any:
    """Of a collection that core has rows of, and no figure of a month does."""
    of = BY_NAME[collection].core
    assert of is not None
    rows = core[of.table]
    if of.scope is not None:
        rows = rows.filter(rows[of.scope[0]] == of.scope[1])
    counted = rows.aggregate(n=rows.count())
    return _line(counted, ibis.literal(collection), Exclusion.NO_FIGURE.value, counted.n)


def _mirrored(mirror_rows: Any, told: Any) -> Any:
    """Of a collection that is mirrored and not derived: all of it but what was rejected, of which ``told`` has the
    number of rows ``n``."""
    out = told.select("n", of="collection")
    m = mirror_rows.filter(mirror_rows.collection.isin(_MIRRORED))
    m = m.left_join(out, m.collection == out.of)
    return _line(m, m.collection, Exclusion.NO_FIGURE.value, m["rows"] - m.n.fill_null(0))


@behind(completeness)
def completeness_rows(
    commission_reconciliation: Any,
    exclusions: Any,
    messages: Any,
    chat_rooms: Any,
    notifications: Any,
    reviews: Any,
    booking_offers: Any,
    providers: Any,
    mirror_rows: Any,
) -> ir.Table:
    """The bookings, records and quarantined rows of each; a collection that no figure is made of as a whole."""
    core = {
        "messages": messages,
        "chat_rooms": chat_rooms,
        "notifications": notifications,
        "reviews": reviews,
        "booking_offers": booking_offers,
        "providers": providers,
    }
    bookings, records = counted(commission_reconciliation)
    e = exclusions
    unknown = e.amount_idr.isnull().cast("int64")
    told = e.group_by("collection").aggregate(n=e.count())
    whole = [*(_derived(collection, core) for collection in _DERIVED), _mirrored(mirror_rows, told)]
    return gather(
        bookings.select(
            "collection",
            "reason",
            "amount_idr",
            id="booking_id",
            of=ibis.literal("core.bookings"),
            rows=one(),
        ),
        records.select(
            "collection",
            "reason",
            "amount_idr",
            id="commission_id",
            of=ibis.literal("core.commissions"),
            rows=one(),
        ),
        e.select(
            "collection",
            "reason",
            "amount_idr",
            id="row_id",
            of=ibis.literal("marts.exclusions"),
            rows=one(),
            unknown_amounts=unknown,
        ),
        *(
            part.select("collection", "reason", "rows", id="collection", of=ibis.literal("ops.mirror_rows"))
            for part in whole
        ),
    )
