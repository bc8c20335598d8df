"""The mart marts.commission_open. Refunds are none.

Commission and fees of a provider's rows that have a local day, and what refund records gave back, add up to the newest
closing of commission_ledger.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.commission.commission_entries import charged_provider
from assets.marts.expressions import by_policy, interval
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_RECORD
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionOpen
from marketplace.commission import AGE_UNKNOWN, AGES, ENDED_STATUSES, NOT_ENDED, PAID_STATUS
from marketplace.policy import Policy


@mart(CommissionOpen, clock_columns=("age",), part=BY_RECORD)
def commission_open(commission_reviews: Any, providers: Any, at: Instants, policy: Policy) -> ir.Table:
    """Every live record that is not paid, with its deadline, its age and the moment of restriction.
    ``is_due``: the booking earns (false: an orphan, or not due, a free booking's, or an unpaid
    duplicate of a paid record; null: cannot be told). ``is_unpaid``: overdue once its deadline
    passes (false: a proof came in time). ``is_overdue`` and the age are null or unknown where no
    deadline or end of service is known, or commission_records was never scanned. What a record of
    unknown status that says when it was paid owes is unknown, but for its fee."""
    r = commission_reviews
    rows = r.filter(r.live & (r.status != PAID_STATUS) & ~r.is_refund)
    ended = by_policy(
        policy,
        lambda rule: rows.due_at - interval(rule.deadline),
        day=rows.local_date,
        provider=rows.provider_id,
        plan=rows.plan,
    )
    rows = rows.mutate(
        charged=charged_provider(rows),
        service_ended_at=ended,
        is_due=is_due(rows),
    )
    names = providers.filter(providers.provider_name.notnull())
    names = names.group_by(named="provider_id").aggregate(provider_name=names.provider_name.min())
    rows = rows.left_join(names, rows.charged == names.named)
    return rows.select(
        "commission_id",
        "booking_id",
        "booking_ref",
        provider_id=rows.charged,
        provider_name=rows.provider_name,
        status=rows.status,
        owed_idr=ibis.cases((~rows.settled, rows.commission)),
        fee_idr=rows.fee_idr.fill_null(0),
        service_ended_at=rows.service_ended_at,
        deadline_at=rows.due_at,
        is_overdue=ibis.cases(
            (~rows.unpaid | ~rows.is_due.fill_null(True), False),
            (rows.is_due.isnull(), ibis.null("boolean")),
            else_=rows.due_at < at.judged_at,
        ),
        restriction_at=rows.fee_from,
        age=_age(rows.service_ended_at, at.judged_at),
        is_due=rows.is_due,
        is_unpaid=rows.unpaid,
        booking_status=rows.b_status,
        local_date=rows.local_date,
    )


def is_due(rows: Any) -> Any:
    """Whether a reviewed record is due, null where that cannot be told: its booking is not known, or in no known
    state (an unpaid duplicate of a paid record is not, whatever becomes of the booking)."""
    return ibis.cases(
        (rows.is_due, True),
        (
            rows.earns
            | rows.needless
            | rows.link.isin(("none", "deleted"))
            | rows.b_status.isin(ENDED_STATUSES).fill_null(False),
            False,
        ),
        else_=ibis.null("boolean"),
    )


def _age(ended: Any, judged: Any) -> Any:
    branches: list[tuple[Any, Any]] = [
        (ended.isnull() | judged.isnull(), AGE_UNKNOWN),
        (judged < ended, NOT_ENDED),
    ]
    branches += [(judged < ended + interval(end), name) for name, end in AGES if end is not None]
    return ibis.cases(*branches, else_=AGES[-1][0])


itself(commission_open, of="core.commissions")
