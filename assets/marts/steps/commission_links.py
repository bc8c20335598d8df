"""Step: which booking each commission record refers to, on both keys, and its rank among that booking's
live records.

One row a record. ``link``: booking, ambiguous (fits two), quarantined, deleted, unread (younger than the bookings
that were read, or by a reference that Appwrite does not hand out), none. Judges no amount.

The first of these that fits a booking which is not deleted tells: bookingId, bookingDocId, then each of them except for
case (where neither fits exactly). Of a test booking and a real one the real one is meant.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.expressions import bookings_read, gives_back, read_until, unread_reference
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD
from assets.marts.steps.commission_matches import DELETED, LIVE, booking_keys
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import COMMISSION_COLLECTION, OWN_RECORD_ORDER

#: What an attempt is raised by where its reference fits except for case alone.
BY_CASE: Final = 2


def _bookings_read_until(scans: Any) -> Any:
    """The server's instant up to which every booking collection that was ever read whole has been read; null
    before bookings were read whole, and while another collection of bookings has only been begun."""
    return ibis.cases((bookings_read(scans), read_until(scans, *BOOKING_COLLECTIONS)))


def _hidden(scans: Any, reference: str) -> Any:
    """Whether a reference of the records is a relationship that Appwrite does not hand out."""
    return unread_reference(scans, COMMISSION_COLLECTION, ALIASES[reference])


def _repeated(rows: Any) -> Any:
    """The marks (hashes) that stand on more than one row. Values that differ may share a mark: what has a mark of
    its own is surely alone, what shares one must be looked at. Grouping numbers takes a third of grouping ids.
    """
    return rows.group_by("mark").aggregate(times=rows.count()).filter(lambda r: r.times > 1).select("mark")


@step(part=BY_RECORD)
def commission_links(
    commission_matches: Any,
    commissions: Any,
    bookings: Any,
    quarantined: Any,
    booking_cases: Any,
    scans: Any,
) -> ir.Table:
    """commission_id, booking_id and origin (only where exactly one live booking fits), matched_ref (the reference as
    written; null where it is booking_ref), case_attribute (the attribute that fits except for case alone), link,
    is_test, live; of live records: rank (1 is the booking's own), records (how many there are) and own_id (of a further
    one: which the booking's own is); own_is_paid (whether that is paid; also of one that does not stand any more).
    Negative records (refunds) have a rank among themselves."""
    m = commission_matches
    m = m.mutate(mark=m.commission_id.hash())
    once = m.anti_join(_repeated(m), "mark")
    plain = once.filter(once.target.notnull())
    easy = plain.select(
        "commission_id",
        "created_at",
        booking_id=ibis.cases((plain.kind == LIVE, plain.target)),
        origin=ibis.cases((plain.kind == LIVE, plain.origin)),
        matched_ref=ibis.null("string"),
        case_attribute=ibis.null("string"),
        link=ibis.cases((plain.kind == LIVE, "booking"), else_="quarantined"),
        is_test=plain.is_test | (plain.test == 1),
        standing=plain.standing,
    )
    twice = m.semi_join(_repeated(m), "mark").select("commission_id")
    none = m.filter(m.target.isnull()).select("commission_id")
    others = commissions.semi_join(ibis.union(twice, none, distinct=False), "commission_id")
    linked: Any = ibis.union(
        easy, _looked_at_closely(bookings, quarantined, booking_cases, scans, others), distinct=False
    )
    linked = linked.mutate(live=linked.standing & ~linked.is_test, mark=linked.booking_id.hash())
    shared = _repeated(linked.filter(linked.booking_id.notnull()))
    alone, together = linked.anti_join(shared, "mark"), linked.semi_join(shared, "mark")
    together = _with_rank(commissions, together)
    group = [together.booking_id, together.origin, together.live, together.is_refund]
    whether_live = [together.booking_id, together.origin, together.is_refund]
    order = [together.precedence, together.created_at, together.commission_id]
    one = ibis.literal(1).cast("int64")
    columns = (
        "commission_id",
        "booking_id",
        "origin",
        "matched_ref",
        "case_attribute",
        "link",
        "is_test",
        "live",
    )
    return ibis.union(
        alone.select(
            *columns, rank=one, records=one, own_id=ibis.null("string"), own_is_paid=ibis.literal(False)
        ),
        together.select(
            *columns,
            rank=ibis.row_number().over(group_by=group, order_by=order) + 1,
            records=together.commission_id.count().over(group_by=group),
            own_id=together.commission_id.first().over(group_by=group, order_by=order),
            own_is_paid=(together.live & (together.precedence == 0)).any().over(group_by=whether_live),
        ),
        distinct=False,
    )


def _with_rank(commissions: Any, rows: Any) -> Any:
    """Add is_refund and precedence (0: paid, 1: awaiting verification, 2: other) to the few records that share a
    booking."""
    c = commissions
    ranked = [(c.status == status, rank) for rank, status in enumerate(OWN_RECORD_ORDER)]
    facts = c.select(
        "commission_id",
        is_refund=gives_back(c),
        precedence=ibis.cases(*ranked, else_=len(OWN_RECORD_ORDER)).cast("int64"),
    )
    return rows.inner_join(facts, "commission_id")


def _looked_at_closely(bookings: Any, quarantined: Any, booking_cases: Any, scans: Any, c: Any) -> Any:
    """The few records ``c`` that the first reference alone does not settle: with everything both references fit."""
    refs: Any = ibis.union(
        *(
            c.filter(c[column].notnull()).select(
                "commission_id", written=c[column], attempt=ibis.literal(attempt).cast("int64")
            )
            for attempt, column in enumerate(("booking_ref", "booking_doc_ref"), start=1)
        ),
        distinct=False,
    )
    facts = ("target", "origin", "kind", "test")
    keys = booking_keys(bookings, quarantined)
    exact = refs.inner_join(keys, refs.written == keys.key).select(
        refs.commission_id, refs.written, refs.attempt, *(keys[name] for name in facts)
    )
    cases = booking_cases
    alike = refs.inner_join(cases, refs.written == cases.written).select(
        refs.commission_id,
        refs.written,
        attempt=refs.attempt + BY_CASE,
        **{name: cases[name] for name in facts},
    )
    pairs: Any = ibis.union(exact, alike, distinct=False)
    fits = pairs.filter(pairs.kind != DELETED)
    fits = fits.mutate(first=fits.attempt.min().over(ibis.window(group_by="commission_id")))
    fits = fits.filter(fits.attempt == fits["first"])
    fits = fits.mutate(least=fits.test.min().over(ibis.window(group_by="commission_id")))
    fits = fits.filter(fits.test == fits.least)
    hits = fits.group_by("commission_id").aggregate(
        low=fits.target.min(),
        origin=fits.origin.min(),
        # Ids are unique in a collection, not across the two: the same id in both is two bookings.
        two=(fits.target.min() != fits.target.max()) | (fits.origin.min() != fits.origin.max()),
        kind=fits.kind.min(),
        written=fits.written.min(),
        attempt=fits.attempt.min(),
        test=fits.test.min(),
    )
    dead = pairs.filter(pairs.kind == DELETED)
    dead = dead.group_by("commission_id").aggregate(gone=dead.target.min(), gone_test=dead.test.min())
    # Collections are read one after another: a record may be younger than the newest booking that was read.
    # Whether it refers to a booking is then not known yet; the next scan tells.
    rows: Any = c.left_join(hits, "commission_id").left_join(dead, "commission_id")
    younger = ibis.coalesce(rows.updated_at, rows.created_at) > _bookings_read_until(scans)
    refers = rows.booking_ref.notnull() | rows.booking_doc_ref.notnull()
    hidden = (rows.booking_ref.isnull() & _hidden(scans, "commission.booking_ref")) | (
        rows.booking_doc_ref.isnull() & _hidden(scans, "commission.booking_doc_ref")
    )
    one = rows.low.notnull() & ~rows.two & (rows.kind == LIVE)
    return rows.select(
        "commission_id",
        "created_at",
        booking_id=ibis.cases((one, rows.low)),
        origin=ibis.cases((one, rows.origin)),
        matched_ref=rows.written,
        case_attribute=ibis.cases(
            (rows.two, ibis.null("string")),
            (rows.attempt == 1 + BY_CASE, "bookingId"),
            (rows.attempt == 2 + BY_CASE, "bookingDocId"),
        ),
        link=ibis.cases(
            (rows.two.fill_null(False), "ambiguous"),
            (rows.low.notnull() & (rows.kind == LIVE), "booking"),
            (rows.low.notnull(), "quarantined"),
            (rows.gone.notnull(), "deleted"),
            (hidden | (refers & younger.fill_null(True)), "unread"),
            else_="none",
        ),
        is_test=rows.is_test.fill_null(False) | (ibis.coalesce(rows.test, rows.gone_test, 0) == 1),
        standing=rows.is_live & rows.deleted_at.isnull(),
    )
