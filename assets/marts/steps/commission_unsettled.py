"""Step: the records that are here as of another moment than the booking they refer to.

Collections are read up to a bound each, and a row that was touched while they were read is here as it was then: a
booking that was cancelled beside a record that is cancelled a second later. Until both were read up to the later of the
two, what only the pair tells cannot be told. Which findings that are: commission_findings.
"""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import read_until, written_after
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD
from assets.marts.tables import Instants
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import COMMISSION_COLLECTION


@step(part=BY_RECORD)
def commission_unsettled(
    commission_links: Any, commissions: Any, bookings: Any, scans: Any, at: Instants
) -> ir.Table:
    """commission_id of the records of one booking where that was written after what was read of the records, or the
    record after what was read of that booking's collection."""
    links = commission_links.filter(commission_links.link == "booking")
    links = links.select("commission_id", "booking_id", "origin")
    c, b = commissions, bookings
    later = b.filter(written_after(b.updated_at, read_until(scans, COMMISSION_COLLECTION), at))
    later = later.select("booking_id", "origin")
    parts = [links.semi_join(later, ["booking_id", "origin"])]
    for collection in BOOKING_COLLECTIONS:
        younger = c.filter(written_after(c.updated_at, read_until(scans, collection), at)).select(
            "commission_id"
        )
        parts.append(links.filter(links.origin == collection).semi_join(younger, "commission_id"))
    return ibis.union(*parts, distinct=True).select("commission_id").distinct()
