"""The mart marts.commission_reconciliation."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.expressions import (
    accrual,
    by_policy,
    commission_of,
    earning,
    gives_back,
    interval,
    is_free,
    known_rate,
    local_day,
    read_until,
    record_references_unread,
    written_after,
)
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_EITHER
from assets.marts.steps.commission_matches import DELETED, booking_keys
from assets.marts.steps.commission_reviews import service_deadlines, with_plan
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionReconciliation
from marketplace.commission import COMMISSION_COLLECTION, ENDED_STATUSES, RowState
from marketplace.policy import Policy

COLUMNS = (
    "booking_id",
    "commission_id",
    "booking_ref",
    "provider_id",
    "source",
    "booking_status",
    "booking_amount_idr",
    "rate",
    "expected_idr",
    "actual_idr",
    "variance_idr",
    "state",
    "local_date",
    "accrued_at",
    "utc_offset_minutes",
    "policy_version",
    "policy_rate_ppm",
    "deadline_at",
    "commission_status",
    "paid_at",
    "records",
    "origin",
)


@mart(CommissionReconciliation, part=BY_EITHER)
def commission_reconciliation(
    commission_reviews: Any,
    bookings: Any,
    commission_links: Any,
    commissions: Any,
    quarantined: Any,
    booking_cases: Any,
    commission_unsettled: Any,
    providers: Any,
    scans: Any,
    at: Instants,
    policy: Policy,
) -> ir.Table:
    """Every booking that earns against its own commission record, and every live record without
    such a booking. Each earning booking once, with its own live record; each other booking with a
    live record once, with its own; each live record that fits no booking, a quarantined one, or
    two. A refund is no booking's own."""
    own = commission_reviews.filter(_is_own)
    return ibis.union(
        _recorded(own),
        _unrecorded(
            bookings,
            commission_links,
            commissions,
            quarantined,
            booking_cases,
            commission_unsettled,
            providers,
            scans,
            at,
            policy,
            own,
        ),
        _records_without(commission_reviews),
        distinct=False,
    )


def _is_own(r: Any) -> Any:
    return r.live & r.earns & (r.link == "booking") & (r.rank == 1)


def _is_without(r: Any) -> Any:
    return r.live & ~r.earns & ((r.link != "booking") | (r.rank == 1))


def is_reconciled(r: Any) -> Any:
    """Whether a reviewed record stands in a row of the reconciliation: never null."""
    return (_is_own(r) | _is_without(r)).fill_null(False)


def _recorded(r: Any) -> Any:
    """Earning bookings with a live record: the review says it all. What is wrong with a record that is here as of
    another moment than its booking may be only that."""
    told = ibis.cases((r.verdict.isnull() | ~r.unsettled, r.expected_idr))
    return r.select(
        "booking_id",
        "commission_id",
        "booking_ref",
        provider_id=r.b_provider,
        source=r.b_source,
        booking_status=r.b_status,
        booking_amount_idr=r.b_amount,
        rate=r.rate,
        expected_idr=told,
        actual_idr=r.commission,
        variance_idr=r.commission - told,
        state=ibis.cases(
            (told.isnull(), RowState.UNKNOWN.value),
            (r.verdict.notnull(), RowState.MISMATCHED.value),
            (r.is_free, RowState.FREE.value),
            else_=RowState.MATCHED.value,
        ),
        local_date=r.local_date,
        accrued_at=r.accrued_at,
        utc_offset_minutes=r.offset,
        policy_version=r.policy_version,
        policy_rate_ppm=r.policy_rate_ppm,
        deadline_at=r.due_at,
        commission_status=r.status,
        paid_at=r.paid_at,
        records=r.records,
        origin=r.origin,
    )


def _unrecorded(
    bookings: Any,
    commission_links: Any,
    commissions: Any,
    quarantined: Any,
    booking_cases: Any,
    commission_unsettled: Any,
    providers: Any,
    scans: Any,
    at: Instants,
    policy: Policy,
    own: Any,
) -> Any:
    """Earning bookings without a live record of their own. Few: only they are judged by grace and doubt."""
    tracked = own.select(tracked="booking_id", tracked_origin="origin")
    b = earning(bookings).select(
        "booking_id",
        "origin",
        "provider_id",
        "source",
        "amount_idr",
        "created_at",
        "accepted_at",
        "starts_at",
        "service_minutes",
        "completed_at",
        "utc_offset_minutes",
        "updated_at",
        booking_status="status",
    )
    rows = b.anti_join(tracked, [b.booking_id == tracked.tracked, b.origin == tracked.tracked_origin])
    doubted = _candidates(commission_links, commissions, bookings, quarantined, booking_cases)
    rows = rows.left_join(
        doubted, [rows.booking_id == doubted.candidate, rows.origin == doubted.candidate_origin]
    )
    ended = _ended_elsewhen(commission_links, commission_unsettled)
    rows = rows.left_join(ended, [rows.booking_id == ended.ended, rows.origin == ended.ended_origin])
    rows = rows.mutate(accrued_at=accrual(rows.accepted_at, rows.created_at))
    rows = with_plan(providers, rows, policy)
    rows = rows.mutate(local_date=local_day(rows.accrued_at, rows.utc_offset_minutes))

    def rule(choose):
        return by_policy(policy, choose, day=rows.local_date, provider=rows.provider_id, plan=rows.plan)

    rate_ppm = known_rate(scans, policy, rows.provider_id, rule(lambda r: r.rate_ppm).cast("int64"))
    by_completion, by_start = service_deadlines(rows, policy, rows.local_date)
    rows = rows.mutate(
        policy_version=rule(lambda r: r.version),
        policy_rate_ppm=rate_ppm,
        grace_ends=rule(lambda r: rows.accrued_at + interval(r.grace)),
        expected_idr=commission_of(rows.amount_idr, rate_ppm),
        deadline_at=ibis.coalesce(by_completion, by_start),
    )
    # When it was accepted may be written in a zone that is not known yet. It was by the time of its last change.
    unplaced = rows.utc_offset_minutes.isnull() & rows.accepted_at.isnull()
    latest = ibis.cases(
        (unplaced, rule(lambda r: rows.updated_at + interval(r.grace))), else_=rows.grace_ends
    )
    # Written after what was read of the records, and nothing says when it was accepted: its record may have been made
    # with that.
    fresh = rows.accepted_at.isnull() & written_after(
        rows.updated_at, read_until(scans, COMMISSION_COLLECTION), at
    )
    # Whether a record stands cannot be told: it may be one that fits two bookings, or was not read; and where no local
    # day is known, under a policy that changes by the day, nor can the grace.
    doubtful = (
        rows.candidate.notnull()
        | rows.ended.notnull()
        | (fresh & (at.judged_at >= rows.grace_ends))
        | _any_hidden(commission_links, scans)
        | at.judged_at.isnull()
        | rows.grace_ends.isnull()
        | latest.isnull()
        | ((at.judged_at >= rows.grace_ends) & (at.judged_at < latest))
    ).fill_null(True)
    rows = rows.mutate(
        state=ibis.cases(
            (is_free(rows.amount_idr), RowState.FREE.value),
            (doubtful, RowState.UNKNOWN.value),
            (at.judged_at < rows.grace_ends, RowState.AWAITING.value),
            else_=RowState.MISSING.value,
        ),
        doubtful=doubtful,
    )
    actual = ibis.cases((~rows.doubtful, ibis.literal(0).cast("int64")))
    text = ibis.null("string")
    return rows.select(
        "booking_id",
        commission_id=text,
        booking_ref=text,
        provider_id=rows.provider_id,
        source=rows.source,
        booking_status=rows.booking_status,
        booking_amount_idr=rows.amount_idr,
        rate=ibis.null("float64"),
        expected_idr=rows.expected_idr,
        actual_idr=actual,
        variance_idr=actual - rows.expected_idr,
        state=rows.state,
        local_date=rows.local_date,
        accrued_at=rows.accrued_at,
        utc_offset_minutes=rows.utc_offset_minutes,
        policy_version=rows.policy_version,
        policy_rate_ppm=rows.policy_rate_ppm,
        deadline_at=rows.deadline_at,
        commission_status=text,
        paid_at=ibis.null("timestamp"),
        records=ibis.literal(0).cast("int64"),
        origin=rows.origin,
    )


def _candidates(
    commission_links: Any,
    commissions: Any,
    bookings: Any,
    quarantined: Any,
    booking_cases: Any,
) -> Any:
    """Bookings one of which a live record means, nobody knows which: such a booking is never called
    missing."""
    c = commission_links.filter(lambda r: r.live & (r.link == "ambiguous"))
    # Of a refund no booking is tracked, whichever it means.
    refunds = commissions.filter(gives_back(commissions)).select("commission_id")
    c = c.anti_join(refunds, "commission_id").select("matched_ref")
    keys, cases = booking_keys(bookings, quarantined), booking_cases
    fits = ibis.union(
        *(
            c.inner_join(there, c.matched_ref == there.written).select(
                candidate=there.target, candidate_origin=there.origin, kind=there.kind
            )
            for there in (keys.rename(written="key"), cases)
        ),
        distinct=False,
    )
    return fits.filter(fits.kind != DELETED).select("candidate", "candidate_origin").distinct()


def _ended_elsewhen(commission_links: Any, commission_unsettled: Any) -> Any:
    """Bookings with a record that is not live and is here as of another moment than the booking: that may have ended
    with it, or have another record by now."""
    links = commission_links.filter(lambda r: ~r.live & ~r.is_test & (r.link == "booking"))
    links = links.semi_join(commission_unsettled, "commission_id")
    return links.select(ended="booking_id", ended_origin="origin").distinct()


def _any_hidden(commission_links: Any, scans: Any) -> Any:
    """Whether a live record refers to a booking by what Appwrite does not hand out: it may be any booking's."""
    hidden = commission_links.filter(lambda r: r.live & (r.link == "unread"))
    return record_references_unread(scans) & (hidden.count() > 0).as_scalar()


def _records_without(commission_reviews: Any) -> Any:
    r = commission_reviews
    rows = r.filter(_is_without(r))
    orphan = rows.link.isin(("none", "deleted"))
    not_due = rows.b_status.isin(ENDED_STATUSES).fill_null(False) & ~rows.unsettled
    state = ibis.cases(
        (orphan, RowState.ORPHAN.value), (not_due, RowState.NOT_DUE.value), else_=RowState.UNKNOWN.value
    )
    expected = ibis.cases((orphan | not_due, ibis.literal(0).cast("int64")))
    return rows.select(
        "booking_id",
        "commission_id",
        "booking_ref",
        "provider_id",
        source=ibis.coalesce(rows.b_source, rows.record_source),
        booking_status=rows.b_status,
        booking_amount_idr=rows.b_amount,
        rate=rows.rate,
        expected_idr=expected,
        actual_idr=rows.commission,
        variance_idr=rows.commission - expected,
        state=state,
        local_date=rows.local_date,
        accrued_at=rows.accrued_at,
        utc_offset_minutes=rows.offset,
        policy_version=rows.policy_version,
        policy_rate_ppm=rows.policy_rate_ppm,
        deadline_at=rows.due_at,
        commission_status=rows.status,
        paid_at=rows.paid_at,
        records=rows.records,
        origin=rows.origin,
    )


def reconciled(r: Any) -> Any:
    """Reconciled rows as rows behind: by their booking, else by their record."""
    return r.mutate(
        id=ibis.coalesce(r.booking_id, r.commission_id),
        of=ibis.ifelse(r.booking_id.notnull(), "core.bookings", "core.commissions"),
    )


itself(commission_reconciliation, named=reconciled)
