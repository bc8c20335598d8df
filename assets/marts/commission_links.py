"""Step: which booking each commission record refers to, on both keys, and its place among that booking's
live records.

One row a record. ``link``: booking, ambiguous (fits two), quarantined, deleted, unread (younger than the bookings
that were read, or by a reference that Appwrite does not hand out), none. Judges no amount.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.commission_matches import DELETED, LIVE, booking_keys
from assets.marts.expressions import bookings_read, gives_back, unread_reference
from assets.marts.tables import Instants, Tables
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import COMMISSION_COLLECTION, OWN_RECORD_ORDER


def _bookings_read_until(t: Tables) -> Any:
    """The server's instant up to which every booking collection that was ever read whole has been read; null
    before bookings were read whole, and while another collection of bookings has only been begun."""
    read = t.scans.filter(t.scans.collection.isin(BOOKING_COLLECTIONS) & t.scans.watermark.notnull())
    until = read.aggregate(until=read.watermark.min()).as_scalar()
    return ibis.cases((bookings_read(t), until))


def _hidden(t: Tables, reference: str) -> Any:
    """Whether a reference of the records is a relationship that Appwrite does not hand out."""
    return unread_reference(t, COMMISSION_COLLECTION, ALIASES[reference])


def _repeated(rows: Any) -> Any:
    """The marks (hashes) that stand on more than one row. Values that differ may share a mark: what has a mark of
    its own is surely alone, what shares one must be looked at. Grouping numbers takes a third of grouping ids.
    """
    return rows.group_by("mark").aggregate(times=rows.count()).filter(lambda r: r.times > 1).select("mark")


def table(t: Tables, at: Instants) -> ir.Table:
    """commission_id, booking_id and origin (only where exactly one live booking fits), matched_ref (null where it
    is booking_ref), link, is_test, live; of live records: place (1 is the booking's own), records (how many there are),
    own_id and own_is_paid (of a further one: which the booking's own is, and whether it is paid). Negative records
    (refunds) have a place among themselves."""
    m = t.commission_matches
    m = m.mutate(mark=m.commission_id.hash())
    once = m.anti_join(_repeated(m), "mark")
    plain = once.filter(once.target.notnull())
    easy = plain.select(
        "commission_id",
        "created_at",
        booking_id=ibis.cases((plain.kind == LIVE, plain.target)),
        origin=ibis.cases((plain.kind == LIVE, plain.origin)),
        matched_ref=ibis.null("string"),
        link=ibis.cases((plain.kind == LIVE, "booking"), else_="quarantined"),
        is_test=plain.is_test | (plain.test == 1),
        standing=plain.standing,
    )
    twice = m.semi_join(_repeated(m), "mark").select("commission_id")
    none = m.filter(m.target.isnull()).select("commission_id")
    others = t.commissions.semi_join(ibis.union(twice, none, distinct=False), "commission_id")
    linked: Any = ibis.union(easy, _looked_at_closely(t, others), distinct=False)
    linked = linked.mutate(live=linked.standing & ~linked.is_test, mark=linked.booking_id.hash())
    shared = _repeated(linked.filter(linked.booking_id.notnull()))
    alone, together = linked.anti_join(shared, "mark"), linked.semi_join(shared, "mark")
    together = _with_rank(t, together)
    group = [together.booking_id, together.origin, together.live, together.is_refund]
    order = [together.precedence, together.created_at, together.commission_id]
    one = ibis.literal(1).cast("int64")
    columns = ("commission_id", "booking_id", "origin", "matched_ref", "link", "is_test", "live")
    return ibis.union(
        alone.select(
            *columns, place=one, records=one, own_id=ibis.null("string"), own_is_paid=ibis.literal(False)
        ),
        together.select(
            *columns,
            place=ibis.row_number().over(group_by=group, order_by=order) + 1,
            records=together.commission_id.count().over(group_by=group),
            own_id=together.commission_id.first().over(group_by=group, order_by=order),
            own_is_paid=together.precedence.min().over(group_by=group) == 0,
        ),
        distinct=False,
    )


def _with_rank(t: Tables, rows: Any) -> Any:
    """Add is_refund and precedence (0: paid, 1: awaiting verification, 2: other) to the few records that share a
    booking."""
    c = t.commissions
    ranked = [(c.status == status, rank) for rank, status in enumerate(OWN_RECORD_ORDER)]
    facts = c.select(
        "commission_id",
        is_refund=gives_back(c),
        precedence=ibis.cases(*ranked, else_=len(OWN_RECORD_ORDER)).cast("int64"),
    )
    return rows.inner_join(facts, "commission_id")


def _looked_at_closely(t: Tables, c: Any) -> Any:
    """The few records ``c`` that the first reference alone does not settle: with everything both references fit."""
    keys = booking_keys(t)
    first = c.filter(c.booking_ref.notnull()).select(
        "commission_id", key="booking_ref", attempt=ibis.literal(1)
    )
    second = c.filter(c.booking_doc_ref.notnull()).select(
        "commission_id", key="booking_doc_ref", attempt=ibis.literal(2)
    )
    refs = ibis.union(first, second, distinct=False)
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
    hidden = (c.booking_ref.isnull() & _hidden(t, "commission.booking_ref")) | (
        c.booking_doc_ref.isnull() & _hidden(t, "commission.booking_doc_ref")
    )
    one = hits.low.notnull() & ~hits.two & (hits.kind == LIVE)
    return c.left_join(hits, c.commission_id == hits.commission_id).select(
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
            (hidden | (refers & younger.fill_null(True)), "unread"),
            else_="none",
        ),
        is_test=c.is_test.fill_null(False) | (hits.test == 1).fill_null(False),
        standing=c.is_live & c.deleted_at.isnull(),
    )
