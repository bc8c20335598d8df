"""The mart marts.unentered_records: few rows, that what is counted of them elsewhere can be looked at."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.commission.commission_entries import charged_provider
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_RECORD
from checks.schemas.commission import UnenteredRecords
from marketplace.commission import Unentered


@mart(UnenteredRecords, part=BY_RECORD)
def unentered_records(commission_reviews: Any, commission_links: Any, commissions: Any) -> ir.Table:
    """The records that have no line in the ledger, each with the reason; one a reason. A test says so
    or refers to a test booking; of the others the local day or the amount is not known."""
    r = commission_reviews
    undated = r.filter(r.local_date.isnull() & r.gone_at.isnull())
    unknown = r.filter(r.commission.isnull() & ~r.is_refund)
    links = commission_links.filter(commission_links.is_test)
    tests = commissions.filter(commissions.deleted_at.isnull())
    tests = tests.inner_join(links, "commission_id").select(
        commission_id=tests.commission_id,
        reason=ibis.literal(Unentered.TEST.value),
        booking_id=links.booking_id,
        provider_id=tests.provider_id,
        local_date=ibis.null("date"),
        collected_idr=ibis.null("int64"),
    )
    return ibis.union(
        tests,
        _of(undated, Unentered.UNDATED, ibis.cases((undated.settled, undated.commission))),
        _of(unknown, Unentered.AMOUNT_UNKNOWN, ibis.null("int64")),
        distinct=False,
    )


def _of(rows: Any, reason: Unentered, collected: Any) -> Any:
    return rows.select(
        "commission_id",
        reason=ibis.literal(reason.value),
        booking_id=rows.booking_id,
        provider_id=charged_provider(rows),
        local_date=rows.local_date,
        collected_idr=collected,
    )


itself(unentered_records, of="core.commissions")
