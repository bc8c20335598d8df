"""Step: references to bookings and rooms that match no key exactly, beside each key that is the same but for case.

The rule is that of marketplace/references.py. Few references are loose, so only these are compared by case; what
becomes of them is said where they are read (commission_links, link_states, data_findings).
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.steps.commission_matches import DELETED, LIVE, booking_keys
from marketplace.collections import BOOKING_COLLECTIONS

BOOKING: Final = "booking"
ROOM: Final = "room"


@step
def reference_cases(
    commission_matches: Any,
    commissions: Any,
    chat_rooms: Any,
    messages: Any,
    notifications: Any,
    bookings: Any,
    quarantined: Any,
) -> ir.Table:
    """reference (booking or room), written; key, target, origin, kind and test of what has such a key (as in
    commission_matches); alone: exactly one that is not deleted has, a test counting only where none is real."""
    pairs = ibis.union(
        _bookings(
            commission_matches, commissions, chat_rooms, messages, notifications, bookings, quarantined
        ),
        _rooms(chat_rooms, messages),
        distinct=False,
    )
    there = pairs.kind != DELETED
    of_one = ibis.window(group_by=[pairs.reference, pairs.written, there])
    pairs = pairs.mutate(least=pairs.test.min().over(of_one))
    meant: Any = pairs.filter(pairs.test == pairs.least).drop("least")
    there = meant.kind != DELETED
    of_one = ibis.window(group_by=[meant.reference, meant.written, there])
    return meant.mutate(
        alone=there
        & (meant.target.min().over(of_one) == meant.target.max().over(of_one))
        & (meant.origin.min().over(of_one) == meant.origin.max().over(of_one))
    )


def _alike(reference: str, loose: Any, keys: Any) -> Any:
    """The keys that are a loose reference except for case."""
    folded = keys.mutate(folded=keys.key.lower())
    asked = loose.select("written", asked=loose.written.lower())
    return (
        asked.inner_join(folded, asked.asked == folded.folded)
        .filter(lambda p: p.key != p.written)
        .select("written", "key", "target", "origin", "kind", "test", reference=ibis.literal(reference))
    )


def _bookings(
    commission_matches: Any,
    commissions: Any,
    chat_rooms: Any,
    messages: Any,
    notifications: Any,
    bookings: Any,
    quarantined: Any,
) -> Any:
    m = commission_matches
    c = commissions.semi_join(m.filter(m.target.isnull()), "commission_id")
    others = (rows.filter(rows.deleted_at.isnull()) for rows in (chat_rooms, messages, notifications))
    refs = [
        _named(c, "booking_ref"),  # known to fit nothing: that is why the record is here
        _loose(bookings, quarantined, c, "booking_doc_ref"),
        *(_loose(bookings, quarantined, rows, "booking_ref") for rows in others),
    ]
    return _alike(BOOKING, ibis.union(*refs, distinct=False).distinct(), booking_keys(bookings, quarantined))


def _named(rows: Any, column: str) -> Any:
    return rows.filter(rows[column].notnull()).select(written=rows[column])


def _loose(bookings: Any, quarantined: Any, rows: Any, column: str) -> Any:
    """References to bookings that no booking there, and none in quarantine, has as a key."""
    b = bookings.filter(bookings.deleted_at.isnull())
    q = quarantined.filter(quarantined.collection.isin(BOOKING_COLLECTIONS))
    refs = _named(rows, column)
    for key in (b.booking_id, b.business_id, q.row_id, q.business_id):
        there = key.as_table().rename(key=key.get_name())
        refs = refs.anti_join(there, refs.written == there.key)
    return refs


def _rooms(chat_rooms: Any, messages: Any) -> Any:
    r = chat_rooms.filter(chat_rooms.deleted_at.isnull())
    m = _named(messages.filter(messages.deleted_at.isnull()), "conversation_id")
    loose = m.anti_join(r, m.written == r.room_id).distinct()
    keys = r.select(
        key=r.room_id,
        target=r.room_id,
        origin=ibis.literal("chat_rooms"),
        kind=ibis.literal(LIVE).cast("int64"),
        test=ibis.literal(0).cast("int64"),
    )
    return _alike(ROOM, loose, keys)
