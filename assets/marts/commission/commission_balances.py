"""The mart marts.commission_balances."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, one, where
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionBalances
from marketplace.commission import AGE_WORDS, age_column
from marketplace.statuses import ProviderStatus

_AGE_COLUMNS = {age_column(word): word for word in AGE_WORDS}


@mart(CommissionBalances, clock_columns=tuple(_AGE_COLUMNS))
def commission_balances(commission_open: Any, providers: Any, at: Instants) -> ir.Table:
    """Who owes what now, and whose account should be restricted: one row a provider with anything
    open. Owed and fees of every open record; the ages are of both together. ``restriction_due`` is
    null where none is sure and a record whose deadline or booking is not known may be a reason."""
    o = commission_open
    o = o.mutate(
        both=o.owed_idr.fill_null(0) + o.fee_idr,
        late=o.is_overdue.fill_null(False),
        # What a restriction rests on: an unpaid record of a booking that earns.
        surely=o.is_unpaid & o.is_due.fill_null(False),
        # One that may be a reason, as far as can be told: its deadline or its booking is not known. (What is not due of
        # a booking that is known is none.)
        doubtful=o.is_unpaid
        & (o.is_due.fill_null(True) | o.booking_status.isnull())
        & (
            o.restriction_at.isnull() | (~o.is_due.fill_null(False) & (o.restriction_at < at.judged_at))
        ).fill_null(True),
    )
    owed: Any = o.group_by("provider_id").aggregate(
        provider_name=o.provider_name.min(),
        owed_idr=o.owed_idr.sum().fill_null(0).cast("int64"),
        fees_idr=o.fee_idr.sum().cast("int64"),
        overdue_idr=o.both.sum(where=o.late).fill_null(0).cast("int64"),
        records=o.count(),
        overdue_records=o.count(where=o.late),
        **{
            column: o.both.sum(where=o.age == age).fill_null(0).cast("int64")
            for column, age in _AGE_COLUMNS.items()
        },
        oldest_deadline_at=o.deadline_at.min(where=o.surely),
        restriction_due_at=o.restriction_at.min(where=o.surely),
        doubtful=o.count(where=o.doubtful),
        unknown_amount_records=o.count(where=o.owed_idr.isnull()),
        not_due_idr=o.both.sum(where=~o.is_due.fill_null(True)).fill_null(0).cast("int64"),
    )
    p = providers.filter(providers.deleted_at.isnull() & providers.status.notnull())
    # An id may stand for a therapist and for a place: one of them restricted is the account restricted.
    accounts: Any = p.group_by(account="provider_id").aggregate(
        restricted=(p.status == ProviderStatus.RESTRICTED.value).any(), other=p.status.min()
    )
    rows = owed.left_join(accounts, owed.provider_id == accounts.account)
    return rows.select(
        "provider_id",
        "provider_name",
        "owed_idr",
        "fees_idr",
        "overdue_idr",
        "records",
        "overdue_records",
        *_AGE_COLUMNS,
        "oldest_deadline_at",
        restriction_due=ibis.cases(
            (at.judged_at.isnull(), ibis.null("boolean")),
            ((rows.restriction_due_at < at.judged_at).fill_null(False), True),
            (rows.doubtful > 0, ibis.null("boolean")),
            else_=False,
        ),
        restriction_due_at=rows.restriction_due_at,
        restriction_actual=rows.restricted,
        provider_status=ibis.cases((rows.restricted, ProviderStatus.RESTRICTED.value), else_=rows.other),
        unknown_amount_records=rows.unknown_amount_records,
        not_due_idr=rows.not_due_idr,
    )


@behind(commission_balances)
def commission_balances_rows(commission_open: Any) -> ir.Table:
    """The open records of each provider."""
    o = commission_open
    both = o.owed_idr.fill_null(0) + o.fee_idr
    late = o.is_overdue.fill_null(False)
    return o.select(
        "provider_id",
        "booking_id",
        "status",
        "deadline_at",
        "age",
        "is_due",
        "is_overdue",
        "owed_idr",
        id=o.commission_id,
        of=ibis.literal("core.commissions"),
        fees_idr=o.fee_idr,
        overdue_idr=where(late, both),
        records=one(),
        overdue_records=where(late),
        **{column: where(o.age == age, both) for column, age in _AGE_COLUMNS.items()},
        unknown_amount_records=where(o.owed_idr.isnull()),
        not_due_idr=where(~o.is_due.fill_null(True), both),
    )
