"""Step: each commission record beside the booking it refers to, with what the policy expects of it.

One row a record, test records left out. Findings and reconciliation read this; it reports nothing itself.
"""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import (
    accrual,
    by_policy,
    commission_of,
    gives_back,
    interval,
    is_free,
    known_rate,
    local_day,
    needs_plan,
)
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD
from assets.marts.tables import Instants
from marketplace.commission import (
    GIVEN_BACK_STATUSES,
    PAID_STATUS,
    REVENUE_STATUSES,
    SUBMITTED_STATUS,
    UNKNOWN_STATUS,
    UNPAID_STATUSES,
)
from marketplace.findings import AmountFinding
from marketplace.policy import Policy

#: No number of thousands in this business comes near; beyond it nothing is multiplied.
LARGEST_THOUSANDS = 10**9


def with_plan(providers: Any, rows: Any, policy: Policy) -> Any:
    """Add ``plan`` (the provider's commission plan), null where no rule asks for it."""
    if not needs_plan(policy):
        return rows.mutate(plan=ibis.null("string"))
    plans = providers.filter(providers.commission_plan.notnull() & providers.deleted_at.isnull())
    # An id may stand for a therapist and for a place: one plan an id, or the join would double the row.
    plans = plans.group_by(plan_of="provider_id").aggregate(plan=plans.commission_plan.min())
    return rows.left_join(plans, rows.provider_id == plans.plan_of).drop("plan_of")


def service_deadlines(rows: Any, policy: Policy, day: Any) -> tuple[Any, Any]:
    """(completion + deadline hours, start + minutes + deadline hours), null where not known: also where the local day
    is not, for a bare local time could not be read then."""
    by_start = rows.starts_at + ibis.interval(minutes=1) * rows.service_minutes

    def after(instant: Any) -> Any:
        known = ibis.cases((day.notnull(), instant))
        return by_policy(
            policy,
            lambda rule: known + interval(rule.deadline),
            day=day,
            provider=rows.provider_id,
            plan=rows.plan,
        )

    return after(rows.completed_at), after(by_start)


def thousandfold(number: Any) -> Any:
    """A number of thousands in whole rupiah, half up; 0 for what is none or too large to be one."""
    sane: Any = ibis.cases((number.between(0, LARGEST_THOUSANDS), number), else_=0)
    return (sane * 1_000).round().cast("int64")


def _in_rupiah(rows: Any) -> Any:
    """Each record in rupiah, also one that has no base to tell its unit by: its commission, fee or due is read as
    thousands where that gives exactly what the booking owes (or would, had it not ended: a record does not change its
    unit with its booking's status).

    Takes owed away; adds in_thousands; written_fee and written_due where these were read so. (What has a base core has
    read.)
    """
    # Columns, and no expressions in one another: written out in each other they took longest of all to plan.
    rows = rows.mutate(
        as_written=ibis.coalesce(rows.written_commission, rows.commission.cast("float64")),
        # A base of 0 says nothing of the unit, as one that is not there.
        no_base=(rows.base.fill_null(0) == 0) & ~rows.is_implausible,
        fee_thousandfold=thousandfold(rows.fee_idr),
        due_thousandfold=thousandfold(rows.due_idr),
    )
    rows = rows.mutate(
        thousandfold=thousandfold(rows.as_written),
        no_base_but_owing=rows.no_base & (rows.owed > 0).fill_null(False),
        fee_fits=rows.no_base
        & rows.booking_id.notnull()
        & (rows.policy_fee > 0).fill_null(False)
        & (rows.fee_thousandfold == rows.policy_fee).fill_null(False),
    )
    due = rows.due_thousandfold
    rows = rows.mutate(
        commission_fits=rows.no_base_but_owing & (rows.thousandfold == rows.owed).fill_null(False),
        due_fits=rows.no_base_but_owing
        & ((due == rows.owed) | (due == rows.owed + rows.policy_fee)).fill_null(False),
    )
    by_base = (rows.amount_rule == "thousands").fill_null(False)
    rows = rows.mutate(in_thousands=by_base | rows.commission_fits | rows.fee_fits | rows.due_fits)
    shown = rows.in_thousands | rows.is_implausible
    return rows.mutate(
        commission=ibis.cases((rows.commission_fits, rows.thousandfold), else_=rows.commission),
        fee_idr=ibis.cases((rows.fee_fits, rows.fee_thousandfold), else_=rows.fee_idr),
        # Of what only few sentences need, only those rows keep it: this is the widest table of a run.
        written_base=ibis.cases((shown, rows.written_base)),
        written_commission=ibis.cases((shown, rows.as_written)),
        written_fee=ibis.cases((rows.fee_fits, rows.fee_idr)),
        written_due=ibis.cases((rows.due_fits, rows.due_idr)),
    ).drop(
        "owed",
        "as_written",
        "no_base",
        "no_base_but_owing",
        "thousandfold",
        "fee_thousandfold",
        "due_thousandfold",
        "commission_fits",
        "fee_fits",
        "due_fits",
    )


def _verdict(rows: Any) -> Any:
    """The one amount finding of a record, or null. On a free booking only the commission is judged."""
    judged = rows.live & rows.earns & ~rows.is_refund & rows.expected_idr.notnull()
    as_expected = (rows.commission == rows.expected_idr).fill_null(False)
    # Rates are millionths, rounded when they were read.
    wrong_rate = (
        (rows.rate_ppm != rows.policy_rate_ppm) & (rows.commission == rows.at_its_rate) & ~as_expected
    )
    other_base = rows.base.notnull() & (rows.base != rows.b_amount).fill_null(False)
    return ibis.cases(
        (~judged | (rows.is_free & as_expected), ibis.null("string")),
        (rows.is_free | rows.is_implausible, AmountFinding.WRONG_AMOUNT.value),
        (rows.in_thousands, AmountFinding.UNIT_ERROR.value),
        (wrong_rate.fill_null(False), AmountFinding.WRONG_RATE.value),
        (~as_expected | other_base, AmountFinding.WRONG_AMOUNT.value),
        else_=ibis.null("string"),
    )


def _before_any_fee(rows: Any, at: Instants) -> Any:
    """Whether the deadline lies ahead, or the record was paid before it: no fee was ever due."""
    return (
        (rows.due_at > at.judged_at) | ((rows.status == PAID_STATUS) & (rows.paid_at < rows.due_at))
    ).fill_null(False)


@step(part=BY_RECORD)
def commission_reviews(
    commissions: Any,
    commission_links: Any,
    bookings: Any,
    commission_unsettled: Any,
    providers: Any,
    scans: Any,
    at: Instants,
    policy: Policy,
) -> ir.Table:
    """Record columns, ``b_`` columns of its booking, expected_idr, verdict (an amount finding or null),
    due_at, unpaid …

    is_refund: a negative record. is_free: of a booking that earns and owes nothing. own_is_paid: as commission_links
    has it. needless: an unpaid duplicate of a paid record. owing: its booking earns and owes something, and this is a
    charge. is_due: owing, and not needless. settled: its money came in (of a refund: went back). fee_due: the late fee
    that may be on it. unsettled: it is here as of another moment than its booking.
    """
    c, links = commissions, commission_links
    b = bookings.select(
        b_id="booking_id",
        b_origin="origin",
        b_provider="provider_id",
        b_type="provider_type",
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
        kept.rank,
        kept.records,
        kept.own_id,
        kept.own_is_paid,
        booking_ref=ibis.coalesce(kept.matched_ref, c.booking_ref, c.booking_doc_ref),
        record_provider=c.provider_id,
        base=c.booking_amount_idr,
        rate=c.rate,
        rate_ppm=c.rate_ppm,
        commission=c.commission_idr,
        amount_rule=c.amount_rule,
        written_base=c.written_booking_amount,
        written_commission=c.written_commission,
        is_implausible=c.is_implausible.fill_null(False),
        is_refund=gives_back(c),
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
        due_idr=c.due_idr,
        record_offset=c.utc_offset_minutes,
        gone_at=c.deleted_at,
    )
    rows = rows.left_join(b, [rows.booking_id == b.b_id, rows.origin == b.b_origin]).drop("b_id", "b_origin")
    apart = commission_unsettled.select(apart="commission_id")
    rows = rows.left_join(apart, rows.commission_id == apart.apart)
    rows = rows.mutate(
        unsettled=rows.apart.notnull(),
        provider_id=ibis.coalesce(rows.b_provider, rows.record_provider),
        # A booking's zone that is not known is not guessed from the record's.
        offset=ibis.cases((rows.b_created.notnull(), rows.b_offset), else_=rows.record_offset),
        accrued_at=ibis.coalesce(accrual(rows.b_accepted, rows.b_created), rows.created_at),
        earns=rows.b_status.isin(REVENUE_STATUSES).fill_null(False),
        # A refund is no record of its booking's own, and no duplicate of one.
        rank=ibis.cases((~rows.is_refund, rows.rank)),
    )
    rows = with_plan(providers, rows, policy)
    rows = rows.mutate(local_date=local_day(rows.accrued_at, rows.offset))

    def rule(choose: Any) -> Any:
        return by_policy(policy, choose, day=rows.local_date, provider=rows.provider_id, plan=rows.plan)

    policy_rate = known_rate(scans, policy, rows.provider_id, rule(lambda r: r.rate_ppm).cast("int64"))
    by_completion, by_start = service_deadlines(rows, policy, rows.local_date)
    accepted = ibis.cases((rows.b_accepted_rule == "explicit", rows.b_accepted))
    rows = rows.mutate(
        policy_version=rule(lambda r: r.version),
        policy_rate_ppm=policy_rate,
        owed=commission_of(rows.b_amount, policy_rate),
        policy_fee=rule(lambda r: r.fee_idr).cast("int64"),
        by_completion=by_completion,
        by_start=by_start,
        accepted_explicitly=accepted,
        late_after=ibis.cases((rows.offset.notnull(), rule(lambda r: accepted + interval(r.grace)))),
        proof_is_empty=rows.proof_state == "empty",
        fees_are_kept=rows.fee_state != "absent",
        is_free=rows.earns & is_free(rows.b_amount),
        needless=(rows.live & rows.own_is_paid & (rows.rank > 1)).fill_null(False)
        & rows.status.isin((*UNPAID_STATUSES, SUBMITTED_STATUS)),
    )
    rows = _in_rupiah(rows.mutate(expected_idr=ibis.cases((rows.earns, rows.owed))))
    owing = rows.earns & ~rows.is_free & ~rows.is_refund
    rows = rows.mutate(
        due_at=ibis.cases(
            (
                rows.local_date.notnull(),
                ibis.coalesce(rows.by_completion, rows.by_start, rows.record_deadline),
            )
        ),
        owing=owing,
        is_due=owing & ~rows.needless,
        base_or_booking=ibis.coalesce(rows.base, rows.b_amount),
        settled=(rows.status == PAID_STATUS)
        | ((rows.status == UNKNOWN_STATUS) & rows.paid_at.notnull())
        | (rows.is_refund & rows.status.isin(GIVEN_BACK_STATUSES)),
    )
    rows = rows.mutate(at_its_rate=commission_of(rows.base_or_booking, rows.rate_ppm))
    rows = rows.mutate(
        verdict=_verdict(rows),
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
    rows = rows.mutate(
        fee_due=ibis.cases((rows.is_free | _before_any_fee(rows, at), 0), else_=rows.policy_fee)
    )
    return rows.drop(
        "apart",
        "base_or_booking",
        "at_its_rate",
        "amount_rule",
        "in_thousands",
        "due_idr",
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
