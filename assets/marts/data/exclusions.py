"""The mart marts.exclusions.

What is in the figures is told by marts.commission_reconciliation; this is made without it, so that the two account for
each row once (marts.completeness, checks/completeness.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets.marts.behind import itself
from assets.marts.commission.commission_entries import charged_provider
from assets.marts.expressions import accrual, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_ROW, or_always
from checks.schemas.data import Exclusions
from marketplace.collections import RECORDS
from marketplace.commission import NO_PROVIDER
from marketplace.exclusions import BY_BOOKING_STATUS, BY_RECORD_STATUS, MONEY_COLLECTIONS, Exclusion

_TEXT, _DAY, _INT, _BOOL = "string", "date", "int64", "boolean"


@mart(Exclusions, part=or_always(BY_ROW, "quarantined_for IS NOT NULL"))
def exclusions(
    bookings: Any,
    commissions: Any,
    commission_links: Any,
    commission_reviews: Any,
    data_findings: Any,
    quarantined: Any,
    quarantine_gone: Any,
) -> ir.Table:
    """The rows of the mirror that are in no figure of a month, each with the first reason that holds
    and the others beside it. Bookings that do not earn, records that are not what their booking's
    row of the reconciliation counts, and whatever was rejected."""
    doubts = _doubts(data_findings)
    parts = (
        _of_bookings(bookings, doubts),
        _of_records(commission_reviews, doubts),
        _of_tests(commissions, commission_links, doubts),
        _of_quarantine(quarantined, ibis.literal(False)),
        _of_quarantine(quarantine_gone, ibis.literal(True)),
    )
    return ibis.union(*parts, distinct=False)


itself(exclusions)


def _doubts(data_findings: Any) -> Any:
    """Of bookings and records with an amount that was not taken: why not."""
    f = data_findings.filter(
        data_findings.collection.isin(MONEY_COLLECTIONS)
        & data_findings.finding.isin(("amount_currency", "amount_implausible"))
    )
    return f.group_by(in_collection="collection", doubted="row_id").aggregate(
        currency=(f.finding == "amount_currency").any(), implausible=(f.finding == "amount_implausible").any()
    )


def _without_amount(rows: Any, implausible: Any) -> dict[Exclusion, Any]:
    """Why an amount that is not known is not. A row of another currency may be implausible as well."""
    currency = rows.currency.fill_null(False)
    return {
        Exclusion.OTHER_CURRENCY: rows.amount.isnull() & currency,
        Exclusion.NOT_BELIEVED: rows.amount.isnull() & ~currency & implausible,
        Exclusion.NO_AMOUNT: rows.amount.isnull() & ~currency & ~implausible,
    }


def _told(rows: Any, holds: Mapping[Exclusion, Any]) -> Any:
    """The rows of which a reason holds, with the first and the others. (Of none none is null.)"""
    holds = {reason: holds[reason] for reason in Exclusion if reason in holds}
    names = {f"is_{reason}": condition for reason, condition in holds.items()}
    rows = rows.mutate(**names)
    any_holds: Any = ibis.or_(*(rows[name] for name in names))
    rows = rows.filter(any_holds)
    rows = rows.mutate(reason=ibis.cases(*((rows[f"is_{reason}"], reason.value) for reason in holds)))
    listed: Any = ibis.literal("")
    for reason in holds:
        further = rows[f"is_{reason}"] & (rows.reason != reason.value)
        listed = listed + ibis.cases((further, f", {reason}"), else_="")
    return rows.mutate(also=listed.substr(2).nullif(""))


def _columns(rows: Any, **more: Any) -> Any:
    columns = {
        "collection": rows.collection,
        "row_id": rows.row_id,
        "reason": rows.reason,
        "also": rows.also,
        "local_date": ibis.null(_DAY),
        "provider_id": ibis.null(_TEXT),
        "booking_id": ibis.null(_TEXT),
        "status": ibis.null(_TEXT),
        "amount_idr": ibis.null(_INT),
        "in_ledger": ibis.null(_BOOL),
        "quarantined_for": ibis.null(_TEXT),
    }
    return rows.select(**(columns | more))


def _of_bookings(bookings: Any, doubts: Any) -> Any:
    b = bookings.select(
        "provider_id",
        "status",
        "is_test",
        "deleted_at",
        "accepted_at",
        "created_at",
        "utc_offset_minutes",
        row_id="booking_id",
        collection="origin",
        amount="amount_idr",
    )
    is_test = b.is_test.fill_null(False)
    # Most earn: only the others are looked at.
    b = b.filter(
        b.deleted_at.notnull()
        | is_test
        | b.status.isin(tuple(BY_BOOKING_STATUS))
        | b.amount.isnull()
        | b.utc_offset_minutes.isnull()
    )
    b = b.left_join(doubts, [b.row_id == doubts.doubted, b.collection == doubts.in_collection])
    b = b.drop("doubted", "in_collection")
    rows = _told(
        b,
        {
            Exclusion.DELETED: b.deleted_at.notnull(),
            Exclusion.TEST: b.is_test.fill_null(False),
            **{reason: b.status == status for status, reason in BY_BOOKING_STATUS.items()},
            **_without_amount(b, b.implausible.fill_null(False)),
            Exclusion.NO_DAY: b.utc_offset_minutes.isnull(),
        },
    )
    return _columns(
        rows,
        local_date=local_day(accrual(rows.accepted_at, rows.created_at), rows.utc_offset_minutes),
        provider_id=rows.provider_id,
        status=rows.status,
        amount_idr=rows.amount,
    )


def _of_records(commission_reviews: Any, doubts: Any) -> Any:
    """Records that are no tests. What a live one charges is counted by its booking's row, where it is that booking's
    own, or by a row of its own, where it is no booking's."""
    r = commission_reviews.select(
        "booking_id",
        "b_provider",
        "record_provider",
        "status",
        "link",
        "rank",
        "live",
        "is_refund",
        "settled",
        "gone_at",
        "fee_idr",
        "local_date",
        "is_implausible",
        row_id="commission_id",
        amount="commission",
    )
    r = r.mutate(
        further=(r.live & (r.link == "booking") & ~r.is_refund & (r["rank"] > 1)).fill_null(False),
        # One that fits no booking has a row of its own in the reconciliation.
        given_back=r.is_refund & ~(r.live & (r.link != "booking")),
    )
    r = r.filter(~r.live | r.further | r.given_back | r.amount.isnull() | r.local_date.isnull())
    r = r.left_join(doubts.filter(doubts.in_collection == RECORDS), r.row_id == doubts.doubted)
    r = r.drop("doubted", "in_collection").mutate(collection=ibis.literal(RECORDS))
    charged = r.amount.notnull() & ibis.cases((r.is_refund, r.settled & r.gone_at.isnull()), else_=True)
    fee = ~r.is_refund & (r.fee_idr != 0).fill_null(False)
    r = r.mutate(in_ledger=(r.local_date.notnull() & (charged | fee)).fill_null(False))
    rows = _told(
        r,
        {
            Exclusion.DELETED: r.gone_at.notnull(),
            Exclusion.REFUND: r.given_back,
            **{reason: r.status == status for status, reason in BY_RECORD_STATUS.items()},
            Exclusion.DUPLICATE: r.further,
            **_without_amount(r, r.is_implausible),
            Exclusion.NO_DAY: r.local_date.isnull(),
        },
    )
    return _columns(
        rows,
        local_date=rows.local_date,
        # As marts.commission_entries has it; where nobody is named nothing is known.
        provider_id=charged_provider(rows).nullif(NO_PROVIDER),
        booking_id=rows.booking_id,
        status=rows.status,
        amount_idr=rows.amount,
        in_ledger=rows.in_ledger,
    )


def _of_tests(commissions: Any, commission_links: Any, doubts: Any) -> Any:
    """Records that say that they are tests, or refer to a test booking: few."""
    links = commission_links.filter(commission_links.is_test)
    c = commissions.inner_join(links, "commission_id").select(
        row_id=commissions.commission_id,
        booking_id=links.booking_id,
        provider_id=commissions.provider_id,
        status=commissions.status,
        amount=commissions.commission_idr,
        is_implausible=commissions.is_implausible.fill_null(False),
        deleted_at=commissions.deleted_at,
        local_date=local_day(commissions.created_at, commissions.utc_offset_minutes),
    )
    c = c.left_join(doubts.filter(doubts.in_collection == RECORDS), c.row_id == doubts.doubted)
    c = c.drop("doubted", "in_collection").mutate(collection=ibis.literal(RECORDS))
    rows = _told(
        c,
        {
            Exclusion.DELETED: c.deleted_at.notnull(),
            Exclusion.TEST: ibis.literal(True),
            **{reason: c.status == status for status, reason in BY_RECORD_STATUS.items()},
            **_without_amount(c, c.is_implausible),
            Exclusion.NO_DAY: c.local_date.isnull(),
        },
    )
    return _columns(
        rows,
        local_date=rows.local_date,
        provider_id=rows.provider_id,
        booking_id=rows.booking_id,
        status=rows.status,
        amount_idr=rows.amount,
        in_ledger=ibis.literal(False),
    )


def _of_quarantine(rejected: Any, gone: Any) -> Any:
    q = rejected.select("collection", "row_id", quarantined_for="reasons")
    rows = _told(q, {Exclusion.QUARANTINED: ibis.literal(True), Exclusion.DELETED: gone})
    return _columns(rows, quarantined_for=rows.quarantined_for)
