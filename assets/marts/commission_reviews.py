"""Step: each commission record beside the booking it refers to, with what the policy expects of it.

One row a record, test records left out. Findings and reconciliation read this; it reports nothing itself.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import (
    accrual,
    by_policy,
    commission_of,
    interval,
    known_rate,
    local_day,
    needs_plan,
)
from assets.marts.tables import Instants, Tables
from marketplace.commission import REVENUE_STATUSES, SUBMITTED_STATUS, UNPAID_STATUSES
from marketplace.policy import Policy


def with_plan(t: Tables, rows: Any, policy: Policy) -> Any:
    """Add ``plan`` (the provider's commission plan), null where no rule asks for it."""
    if not needs_plan(policy):
        return rows.mutate(plan=ibis.null("string"))
    plans = t.providers.filter(t.providers.commission_plan.notnull() & t.providers.deleted_at.isnull())
    # An id may stand for a therapist and for a place: one plan an id, or the join would double the row.
    plans = plans.group_by(plan_of="provider_id").aggregate(plan=plans.commission_plan.min())
    return rows.left_join(plans, rows.provider_id == plans.plan_of).drop("plan_of")


def service_deadlines(rows: Any, policy: Policy, day: Any) -> tuple[Any, Any]:
    """(completion + deadline hours, start + minutes + deadline hours), null where not known."""
    by_start = rows.starts_at + ibis.interval(minutes=1) * rows.service_minutes

    def after(instant: Any) -> Any:
        return by_policy(
            policy,
            lambda rule: instant + interval(rule.deadline),
            day=day,
            provider=rows.provider_id,
            plan=rows.plan,
        )

    return after(rows.completed_at), after(by_start)


def table(t: Tables, at: Instants, policy: Policy) -> ir.Table:
    """Record columns, ``b_`` columns of its booking, expected_idr, verdict (an amount finding or null),
    due_at, unpaid …"""
    c, links = t.commissions, t.commission_links
    b = t.bookings.select(
        b_id="booking_id",
        b_origin="origin",
        b_provider="provider_id",
        b_status="status",
        b_source="source",
        b_amount="amount_idr",
        b_created="created_at",
        b_accepted="accepted_at",
        b_accepted_rule="accepted_rule",
        starts_at="starts_at",
        service_minutes="service_minutes",
        completed_at="completed_at",
        b_offset="utc_offset_minutes",
    )
    kept = links.filter(~links.is_test)
    rows = c.inner_join(kept, c.commission_id == kept.commission_id).select(
        c.commission_id,
        kept.booking_id,
        kept.origin,
        kept.link,
        kept.live,
        kept.place,
        kept.records,
        booking_ref=ibis.coalesce(kept.matched_ref, c.booking_ref, c.booking_doc_ref),
        record_provider=c.provider_id,
        base=c.booking_amount_idr,
        rate=c.rate,
        rate_ppm=c.rate_ppm,
        commission=c.commission_idr,
        amount_rule=c.amount_rule,
        written_base=c.written_booking_amount,
        written_commission=c.written_commission,
        status=c.status,
        record_source=c.source,
        created_at=c.created_at,
        record_deadline=c.deadline_at,
        paid_at=c.paid_at,
        verified_at=c.verified_at,
        proof_at=c.proof_at,
        proof_state=c.proof_state,
        fee_idr=c.fee_idr,
        fee_state=c.fee_state,
        record_offset=c.utc_offset_minutes,
        gone_at=c.deleted_at,
    )
    rows = rows.left_join(b, [rows.booking_id == b.b_id, rows.origin == b.b_origin]).drop("b_id", "b_origin")
    rows = rows.mutate(
        provider_id=ibis.coalesce(rows.b_provider, rows.record_provider),
        offset=ibis.coalesce(rows.b_offset, rows.record_offset),
        accrued_at=ibis.coalesce(accrual(rows.b_accepted, rows.b_created), rows.created_at),
        earns=rows.b_status.isin(REVENUE_STATUSES).fill_null(False),
    )
    rows = with_plan(t, rows, policy)
    rows = rows.mutate(local_date=local_day(rows.accrued_at, rows.offset))

    def rule(choose: Any) -> Any:
        return by_policy(policy, choose, day=rows.local_date, provider=rows.provider_id, plan=rows.plan)

    policy_rate = known_rate(t, policy, rows.provider_id, rule(lambda r: r.rate_ppm).cast("int64"))
    by_completion, by_start = service_deadlines(rows, policy, rows.local_date)
    in_thousands = rows.amount_rule == "thousands"
    accepted = ibis.cases((rows.b_accepted_rule == "explicit", rows.b_accepted))
    rows = rows.mutate(
        policy_version=rule(lambda r: r.version),
        policy_rate_ppm=policy_rate,
        policy_fee=rule(lambda r: r.fee_idr).cast("int64"),
        expected_idr=ibis.cases((rows.earns, commission_of(rows.b_amount, policy_rate))),
        by_completion=by_completion,
        by_start=by_start,
        accepted_explicitly=accepted,
        late_after=rule(lambda r: accepted + interval(r.grace)),
        # Of what only few sentences need, only those rows keep it: this is the widest table of a run.
        written_base=ibis.cases((in_thousands, rows.written_base)),
        written_commission=ibis.cases((in_thousands, rows.written_commission)),
        proof_is_empty=rows.proof_state == "empty",
        fees_are_kept=rows.fee_state != "absent",
    )
    rows = rows.mutate(due_at=ibis.coalesce(rows.by_completion, rows.by_start, rows.record_deadline))
    judged = rows.live & rows.earns & rows.expected_idr.notnull()
    at_its_rate = commission_of(ibis.coalesce(rows.base, rows.b_amount), rows.rate_ppm)
    wrong_rate = (rows.rate_ppm != rows.policy_rate_ppm) & (rows.commission == at_its_rate)
    wrong_amount = (
        rows.commission.isnull()
        | (rows.commission != rows.expected_idr)
        | (rows.base.notnull() & (rows.base != rows.b_amount).fill_null(False))
    )
    rows = rows.mutate(
        verdict=ibis.cases(
            (~judged, ibis.null("string")),
            ((rows.amount_rule == "thousands").fill_null(False), "unit_error"),
            (wrong_rate.fill_null(False), "wrong_rate"),
            (wrong_amount, "wrong_amount"),
            else_=ibis.null("string"),
        ),
        unpaid=rows.status.isin(UNPAID_STATUSES)
        | ((rows.status == SUBMITTED_STATUS) & ~(rows.proof_at < rows.due_at).fill_null(False)),
        fee_from=by_policy(
            policy,
            lambda r: rows.due_at + interval(r.restriction_delay),
            day=rows.local_date,
            provider=rows.provider_id,
            plan=rows.plan,
        ),
    )
    return rows.drop(
        "amount_rule",
        "proof_at",
        "proof_state",
        "fee_state",
        "record_offset",
        "b_created",
        "b_accepted",
        "b_accepted_rule",
        "starts_at",
        "service_minutes",
        "completed_at",
        "b_offset",
    )
