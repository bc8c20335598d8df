"""The mart marts.test_rows."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.revenue import TestRows
from marketplace.commission import Unentered
from marketplace.exclusions import MONEY_COLLECTIONS


@mart(TestRows)
def test_rows(test_counts: Any) -> ir.Table:
    """How many rows are tests, kept out of every figure. A commission is a test if it says so or
    refers to a test booking."""
    t = test_counts
    counts: Any = [
        t.aggregate(rows=t["rows"].sum(where=t.collection == collection).fill_null(0).cast("int64")).select(
            collection=ibis.literal(collection), rows="rows"
        )
        for collection in MONEY_COLLECTIONS
    ]
    return ibis.union(*counts, distinct=False)


@behind(test_rows)
def test_rows_rows(bookings: Any, unentered_records: Any) -> ir.Table:
    """The bookings and records that are tests."""
    b = bookings.filter(bookings.deleted_at.isnull() & bookings.is_test.fill_null(False))
    u = unentered_records.filter(unentered_records.reason == Unentered.TEST.value)
    return gather(
        of_booking(b, "test_rule", collection=b.origin, rows=one()),
        u.select(
            "booking_id",
            id=u.commission_id,
            of=ibis.literal("core.commissions"),
            collection=ibis.literal("commission_records"),
            rows=one(),
        ),
    )
