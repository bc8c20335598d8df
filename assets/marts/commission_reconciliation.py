"""Mart: every booking that earns against its own commission record, and every live record without such a
booking."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.commission_matches import booking_keys
from assets.marts.commission_reviews import service_deadlines, with_plan
from assets.marts.expressions import by_policy, commission_of, earning, interval, local_day
from assets.marts.tables import Instants, Tables
from marketplace.commission import ENDED_STATUSES
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


def table(t: Tables, at: Instants, policy: Policy) -> ir.Table:
    """Each earning booking once, with its earliest live record; each other booking with a live record once;
    each live record that fits no booking, a quarantined one, or two."""
    return ibis.union(_earning(t, at, policy), _records_without(t), distinct=False)


def _earning(t: Tables, at: Instants, policy: Policy) -> Any:
    own = t.commission_reviews.filter(
        lambda r: r.live & r.earns & (r.link == "booking") & (r.place == 1)
    ).select(
        "commission_id",
        "booking_ref",
        "rate",
        "commission",
        "verdict",
        "status",
        "paid_at",
        "records",
        "record_deadline",
        tracked="booking_id",
        tracked_origin="origin",
    )
    b = earning(t.bookings).select(
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
        booking_status="status",
    )
    doubted = _candidates(t)
    rows = b.left_join(own, [b.booking_id == own.tracked, b.origin == own.tracked_origin]).drop(
        "tracked", "tracked_origin"
    )
    rows = rows.left_join(doubted, rows.booking_id == doubted.candidate)
    rows = rows.mutate(accrued_at=ibis.coalesce(rows.accepted_at, rows.created_at))
    rows = with_plan(t, rows, policy)
    rows = rows.mutate(local_date=local_day(rows.accrued_at, rows.utc_offset_minutes))

    def rule(choose):
        return by_policy(policy, choose, day=rows.local_date, provider=rows.provider_id, plan=rows.plan)

    rate_ppm = rule(lambda r: r.rate_ppm).cast("int64")
    by_completion, by_start = service_deadlines(rows, policy, rows.local_date)
    rows = rows.mutate(
        policy_version=rule(lambda r: r.version),
        policy_rate_ppm=rate_ppm,
        grace_ends=rule(lambda r: rows.accrued_at + interval(r.grace)),
        expected=commission_of(rows.amount_idr, rate_ppm),
        deadline_at=ibis.coalesce(by_completion, by_start, rows.record_deadline),
    )
    recorded = rows.commission_id.notnull()
    rows = rows.mutate(
        state=ibis.cases(
            (recorded & rows.expected.isnull(), "unknown"),
            (recorded & rows.verdict.isnull(), "matched"),
            (recorded, "mismatched"),
            (rows.candidate.notnull(), "unknown"),
            (at.judged_at.isnull(), "unknown"),
            (at.judged_at < rows.grace_ends, "awaiting"),
            else_="missing",
        )
    )
    rows = rows.mutate(
        expected_idr=rows.expected,
        actual_idr=ibis.cases(
            (recorded, rows.commission),
            (rows.state.isin(("missing", "awaiting")), ibis.literal(0).cast("int64")),
        ),
    )
    return rows.select(
        "booking_id",
        "commission_id",
        "booking_ref",
        "provider_id",
        "source",
        "booking_status",
        booking_amount_idr=rows.amount_idr,
        rate=rows.rate,
        expected_idr=rows.expected_idr,
        actual_idr=rows.actual_idr,
        variance_idr=rows.actual_idr - rows.expected_idr,
        state=rows.state,
        local_date=rows.local_date,
        accrued_at=rows.accrued_at,
        utc_offset_minutes=rows.utc_offset_minutes,
        policy_version=rows.policy_version,
        policy_rate_ppm=rows.policy_rate_ppm,
        deadline_at=rows.deadline_at,
        commission_status=rows.status,
        paid_at=rows.paid_at,
        records=rows.records.fill_null(0),
        origin=rows.origin,
    )


def _candidates(t: Tables) -> Any:
    """Bookings one of which a live record means, nobody knows which: such a booking is never called
    missing."""
    c = t.commission_links.filter(lambda r: r.live & (r.link == "ambiguous")).select("matched_ref")
    keys = booking_keys(t)
    return c.inner_join(keys, c.matched_ref == keys.key).select(candidate=keys.target).distinct()


def _records_without(t: Tables) -> Any:
    r = t.commission_reviews
    rows = r.filter(r.live & ~r.earns & ((r.link != "booking") | (r.place == 1)))
    orphan = rows.link.isin(("none", "deleted"))
    not_due = rows.b_status.isin(ENDED_STATUSES).fill_null(False)
    state = ibis.cases((orphan, "orphan"), (not_due, "not_due"), else_="unknown")
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
