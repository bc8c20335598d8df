"""The mart marts.link_states: for every booking of the last 7 days and every hop it could take, whether it passed,
broke, or can't be told.

What is expected of which booking stands in marketplace/links.py. A hop that may still happen has no row. A key that
fits two bookings tells of neither: what was found by it alone makes a hop unknown, never passed and never broken.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.expressions import accrual, counted, interval, unread_reference
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.commission_matches import DELETED, booking_keys
from assets.marts.tables import Instants
from checks.schemas.health import LinkStates
from marketplace.collections import LINK_REFERENCES
from marketplace.commission import PAID_STATUS, REVENUE_STATUSES, UNKNOWN_STATUS, RowState
from marketplace.links import HOPS, LINK_CLOCK_SKEW, LINK_KEY_MEMORY, LINK_WINDOW, LinkState
from marketplace.statuses import BookingStatus, values


@mart(LinkStates)
def link_states(
    bookings: Any,
    quarantined: Any,
    booking_cases: Any,
    room_cases: Any,
    chat_rooms: Any,
    messages: Any,
    notifications: Any,
    commission_reconciliation: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """Every booking of the last 7 days at every hop it could take: whether it passed, broke, or cannot
    be told. ``since``: when the next step was due."""
    b = counted(bookings)
    b = b.filter((b.created_at <= at.now) & (b.created_at >= at.now - interval(LINK_WINDOW)))
    b = b.select(
        "booking_id", "origin", "business_id", "status", "created_at", "accepted_at", "response_deadline"
    )
    keys = _keys(bookings, quarantined, booking_cases, at, b)
    rooms = _rooms(chat_rooms, at, keys)
    sent = _messages(messages, room_cases, at, keys, rooms)
    notices = _notices(notifications, at, keys)
    named = _recent(notifications, at).filter(lambda n: n.booking_ref.notnull())
    rows = b
    for found in (_first(rooms, "room"), sent, notices):
        rows = rows.left_join(
            found, [rows.booking_id == found.found_id, rows.origin == found.found_origin]
        ).drop("found_id", "found_origin")
    c = _recorded(commission_reconciliation, b)
    rows = rows.left_join(c, [rows.booking_id == c.recorded, rows.origin == c.recorded_origin])
    rows = rows.cross_join(named.aggregate(named=named.count())).cross_join(_scanned(scans))
    rows = rows.mutate(earns=rows.status.isin(REVENUE_STATUSES), can_tell=rows.named > 0)
    return ibis.union(
        _hop(
            1,
            rows,
            at,
            since=rows.created_at,
            entered=rows.created_at.notnull(),
            maybe_entered=rows.created_at.notnull(),
            to="room",
        ),
        _hop(2, rows, at, **_after(rows, "room"), to="message"),
        _hop(
            3,
            rows,
            at,
            **_after(rows, "message"),
            to="notice",
            # A deployment whose notifications name no booking can't be followed here.
            tellable=rows.can_tell,
        ),
        _acceptance(rows, at),
        _commission(rows),
        _payment(rows, at),
        distinct=False,
    )


def _recorded(commission_reconciliation: Any, b: Any) -> Any:
    """The reconciled rows of the bookings in hand. The instant of accrual says nothing the ids do not, but by it an
    engine leaves out the blocks of other times before it reads an id."""
    b = b.select(accrual=accrual(b.accepted_at, b.created_at), own_id=b.booking_id, own_origin=b.origin)
    c = commission_reconciliation
    return c.inner_join(
        b, [c.accrued_at == b.accrual, c.booking_id == b.own_id, c.origin == b.own_origin]
    ).select(
        "commission_id",
        "state",
        "deadline_at",
        "commission_status",
        recorded="booking_id",
        recorded_origin="origin",
    )


def _scanned(scans: Any) -> Any:
    """When each collection's newest complete scan ended, in one row; null where there was none, and where it does not
    hand out what its rows name a booking by: nothing that is not seen is then known to lack."""
    s = scans
    blind = {c: unread_reference(scans, c, names) for c, names in LINK_REFERENCES.items()}
    return s.aggregate(
        **{
            f"scanned_{collection}": s.completed_at.max(
                where=(s.collection == collection) & ~blind.get(collection, ibis.literal(False))
            )
            for collection in sorted({hop.collection for hop in HOPS.values()})
        }
    )


def _keys(bookings: Any, quarantined: Any, booking_cases: Any, at: Instants, b: Any) -> Any:
    """What the bookings in hand are referred to by: written, target, target_origin, and whether it is sure that no
    other is meant. Both keys, each key of a booking once, and references that match no key but for case.

    A key that fits two bookings leads to both, and is sure for neither. Two as the reconciliation counts them: of
    bookings not deleted and no tests, and quarantined ones too; but only of those made within LINK_KEY_MEMORY.
    """
    own = b.select(key=b.booking_id, target=b.booking_id, target_origin=b.origin)
    other = b.filter(b.business_id.notnull() & (b.business_id != b.booking_id)).select(
        key=b.business_id, target=b.booking_id, target_origin=b.origin
    )
    keys = ibis.union(own, other, distinct=False)
    # Of a test booking and a real one the real one is meant.
    known = counted(bookings).filter(lambda r: r.created_at >= at.now - interval(LINK_KEY_MEMORY))
    fits = booking_keys(known, quarantined).filter(lambda k: k.kind != DELETED).semi_join(keys, "key")
    found: Any = fits.group_by("key").aggregate(
        low=fits.target.min(), high=fits.target.max(), first=fits.origin.min(), last=fits.origin.max()
    )
    two = found.filter((found.low != found.high) | (found["first"] != found["last"])).select(of_two="key")
    exact = keys.left_join(two, keys.key == two.of_two).select(
        "target", "target_origin", written=keys.key, sure=two.of_two.isnull()
    )
    cases = booking_cases.filter(booking_cases.kind != DELETED)
    alike = cases.semi_join(b, [cases.target == b.booking_id, cases.origin == b.origin]).select(
        "target", "written", target_origin=cases.origin, sure=cases.alone
    )
    return ibis.union(exact, alike.distinct().select(exact.columns), distinct=False)


def _recent(rows: Any, at: Instants) -> Any:
    """Rows not deleted that can belong to a booking of the window."""
    earliest = at.now - interval(LINK_WINDOW) - interval(LINK_CLOCK_SKEW)
    return rows.filter(rows.deleted_at.isnull() & (rows.created_at >= earliest))


def _rooms(chat_rooms: Any, at: Instants, keys: Any) -> Any:
    """room_id and the booking it names."""
    r = _recent(chat_rooms, at)
    return r.inner_join(keys, r.booking_ref == keys.written).select(
        r.room_id, found_id=keys.target, found_origin=keys.target_origin, at=r.created_at, sure=keys.sure
    )


def _first(found: Any, name: str) -> Any:
    """A booking's first one that is surely its own (``<name>_at``), and the first that may be (``maybe_<name>_at``)."""
    return found.group_by("found_id", "found_origin").aggregate(
        **{f"{name}_at": found.at.min(where=found.sure), f"maybe_{name}_at": found.at.min()}
    )


def _after(rows: Any, name: str) -> dict[str, Any]:
    """Who entered a hop that begins with this step, and when."""
    sure, maybe = rows[f"{name}_at"], rows[f"maybe_{name}_at"]
    return {
        "since": ibis.coalesce(sure, maybe),
        "entered": sure.notnull(),
        "maybe_entered": maybe.notnull(),
    }


def _messages(messages: Any, room_cases: Any, at: Instants, keys: Any, rooms: Any) -> Any:
    """The first message of each booking: one that names it, or one in its room."""
    m = _recent(messages, at).select("booking_ref", "conversation_id", "sent_at", "created_at")
    m = m.mutate(at=ibis.coalesce(m.sent_at, m.created_at))
    named = m.inner_join(keys, m.booking_ref == keys.written).select(
        found_id=keys.target, found_origin=keys.target_origin, at=m.at, sure=keys.sure
    )
    cases = room_cases.select("written", "target", "alone")
    alike = rooms.inner_join(cases, rooms.room_id == cases.target).select(
        "found_id", "found_origin", written=cases.written, sure=rooms.sure & cases.alone
    )
    called = rooms.select("found_id", "found_origin", written=rooms.room_id, sure=rooms.sure)
    called = ibis.union(called, alike, distinct=False)
    inside = m.inner_join(called, m.conversation_id == called.written).select(
        found_id=called.found_id, found_origin=called.found_origin, at=m.at, sure=called.sure
    )
    return _first(ibis.union(named, inside, distinct=False), "message")


def _notices(notifications: Any, at: Instants, keys: Any) -> Any:
    n = _recent(notifications, at)
    found = n.inner_join(keys, n.booking_ref == keys.written).select(
        found_id=keys.target,
        found_origin=keys.target_origin,
        at=ibis.coalesce(n.sent_at, n.created_at),
        sure=keys.sure,
    )
    return _first(found, "notice")


def _judged(rows: Any, hop: int, since: Any, verdict: Any) -> Any:
    """The rows of a hop that have a verdict."""
    judged = rows.select(
        hop=ibis.literal(hop).cast("int32"),
        row_id=rows.booking_id,
        origin=rows.origin,
        since=since,
        verdict=verdict,
    )
    return judged.filter(judged.verdict.notnull())


def _hop(
    number: int,
    rows: Any,
    at: Instants,
    *,
    since: Any,
    entered: Any,
    maybe_entered: Any,
    to: str,
    tellable: Any = True,
) -> Any:
    """A hop to a step of its own collection: broken only if that collection was scanned after its time was up.

    Unknown where it may have been entered, or passed, by a key that fits two bookings.
    """
    hop = HOPS[number]
    assert hop.allowance is not None
    due = since + interval(hop.allowance)
    scanned = rows[f"scanned_{hop.collection}"]
    seen = (scanned >= due).fill_null(False)
    never = scanned.isnull()
    verdict = ibis.cases(
        (~maybe_entered, ibis.null("string")),
        (~entered, LinkState.UNKNOWN.value),
        (rows[f"{to}_at"].notnull(), "passed"),
        (rows[f"maybe_{to}_at"].notnull(), LinkState.UNKNOWN.value),
        # Never scanned: nothing of this hop can be told, however young the booking is.
        (never, LinkState.UNKNOWN.value),
        ((at.now < due).fill_null(False), ibis.null("string")),
        (seen & tellable, LinkState.BROKEN.value),
        else_=LinkState.UNKNOWN.value,
    )
    return _judged(rows, number, due, verdict)


def _acceptance(rows: Any, at: Instants) -> Any:
    accepted = rows.earns | rows.accepted_at.notnull()
    overdue = (rows.status == BookingStatus.PENDING.value) & (rows.response_deadline < at.now).fill_null(
        False
    )
    verdict = ibis.cases(
        (rows.maybe_notice_at.isnull(), ibis.null("string")),
        (rows.notice_at.isnull() & (accepted | overdue), LinkState.UNKNOWN.value),
        (accepted, "passed"),
        (overdue, LinkState.BROKEN.value),
        (rows.status == BookingStatus.UNKNOWN.value, LinkState.UNKNOWN.value),
        (
            (rows.status == BookingStatus.PENDING.value) & rows.response_deadline.isnull(),
            LinkState.UNKNOWN.value,
        ),
        else_=ibis.null("string"),
    )
    return _judged(rows, 4, ibis.coalesce(rows.response_deadline, rows.created_at), verdict)


def _commission(rows: Any) -> Any:
    """By the state of the reconciled row: awaiting is not yet due, of a free booking nothing is expected."""
    verdict = ibis.cases(
        (~rows.earns, ibis.null("string")),
        (rows.commission_id.notnull(), "passed"),
        (rows.state == RowState.MISSING.value, LinkState.BROKEN.value),
        (rows.state.isin(values(RowState.AWAITING, RowState.FREE)), ibis.null("string")),
        else_=LinkState.UNKNOWN.value,
    )
    return _judged(rows, 5, accrual(rows.accepted_at, rows.created_at), verdict)


def _payment(rows: Any, at: Instants) -> Any:
    """Judged when the records were: unpaid past the deadline is broken, without a known deadline or status unknown."""
    recorded = rows.earns & rows.commission_id.notnull() & (rows.state != RowState.FREE.value)
    verdict = ibis.cases(
        (~recorded, ibis.null("string")),
        ((rows.commission_status == PAID_STATUS).fill_null(False), "passed"),
        (
            rows.deadline_at.isnull()
            | at.judged_at.isnull()
            | (rows.commission_status == UNKNOWN_STATUS).fill_null(True),
            LinkState.UNKNOWN.value,
        ),
        (at.judged_at > rows.deadline_at, LinkState.BROKEN.value),
        ((at.now > rows.deadline_at), LinkState.UNKNOWN.value),
        else_=ibis.null("string"),
    )
    return _judged(rows, 6, ibis.coalesce(rows.deadline_at, rows.created_at), verdict)


itself(link_states, of="core.bookings")
