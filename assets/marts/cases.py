"""How a reference that matches no key exactly is brought together with the keys that are the same but for case. Which
references and keys those are stands in the steps booking_cases and room_cases."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis
from assets.marts.steps.commission_matches import DELETED
from marketplace.collections import BOOKING_COLLECTIONS


def alike(loose: Any, keys: Any) -> Any:
    """written; key, target, origin, kind and test of what has a key that is this loose reference except for case;
    alone: exactly one that is not deleted has, a test counting only where none is real."""
    folded = keys.mutate(folded=keys.key.lower())
    asked = loose.select("written", asked=loose.written.lower())
    pairs = (
        asked.inner_join(folded, asked.asked == folded.folded)
        .filter(lambda p: p.key != p.written)
        .select("written", "key", "target", "origin", "kind", "test")
    )
    there = pairs.kind != DELETED
    of_one = ibis.window(group_by=[pairs.written, there])
    pairs = pairs.mutate(least=pairs.test.min().over(of_one))
    meant: Any = pairs.filter(pairs.test == pairs.least).drop("least")
    there = meant.kind != DELETED
    of_one = ibis.window(group_by=[meant.written, there])
    return meant.mutate(
        alone=there
        & (meant.target.min().over(of_one) == meant.target.max().over(of_one))
        & (meant.origin.min().over(of_one) == meant.origin.max().over(of_one))
    )


def unfitting(rows: Any, bookings: Any, quarantined: Any) -> Any:
    """The rows whose reference (``written``) no booking there, and none in quarantine, has as a key."""
    b = bookings.filter(bookings.deleted_at.isnull())
    q = quarantined.filter(quarantined.collection.isin(BOOKING_COLLECTIONS))
    for key in (b.booking_id, b.business_id, q.row_id, q.business_id):
        there = key.as_table().rename(key=key.get_name())
        rows = rows.anti_join(there, rows.written == there.key)
    return rows


def named(rows: Any, column: str) -> Any:
    """The references that rows have in a column."""
    return rows.filter(rows[column].notnull()).select(written=rows[column])
