"""Mart: whose account should be restricted beside whose is: one row a provider of which either holds, or cannot be
told."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, where
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionRestrictions
from marketplace.commission import RestrictionVerdict
from marketplace.statuses import ProviderStatus


@mart(CommissionRestrictions)
def commission_restrictions(providers: Any, commission_balances: Any, at: Instants) -> ir.Table:
    """Whose account should be restricted beside whose is. ``due`` and ``actual`` are null where they cannot be told,
    and then the verdict is unknown. A provider who owes nothing has no balance and may be restricted nevertheless:
    that one should not be, as far as commissions were ever read."""
    p = providers.filter(providers.deleted_at.isnull())
    # An id may stand for a therapist and for a place: one of them restricted is the account restricted.
    accounts: Any = p.group_by(account="provider_id").aggregate(
        known_name=p.provider_name.argmax(p.provider_type, where=p.provider_name.notnull()),
        restricted=(p.status == ProviderStatus.RESTRICTED.value).any(),
    )
    rows = commission_balances.outer_join(accounts, commission_balances.provider_id == accounts.account)
    owes = rows.provider_id.notnull()
    due = ibis.cases(
        (owes, rows.restriction_due),
        (at.judged_at.isnull(), ibis.null("boolean")),
        else_=False,
    )
    told = rows.select(
        owes=owes,
        provider_id=ibis.coalesce(rows.provider_id, rows.account),
        provider_name=ibis.coalesce(rows.provider_name, rows.known_name),
        due=due,
        actual=ibis.ifelse(owes, rows.restriction_actual, rows.restricted),
        restriction_due_at=rows.restriction_due_at,
        overdue_records=rows.overdue_records.fill_null(0).cast("int64"),
        overdue_idr=rows.overdue_idr.fill_null(0).cast("int64"),
    )
    told = told.filter(
        told.due.fill_null(False) | told.actual.fill_null(False) | (told.due.isnull() & told.owes)
    )
    return told.select(
        "provider_id",
        "provider_name",
        "due",
        "actual",
        "restriction_due_at",
        "overdue_records",
        "overdue_idr",
        verdict=ibis.cases(
            (told.due.isnull() | told.actual.isnull(), RestrictionVerdict.UNKNOWN.value),
            (told.due == told.actual, RestrictionVerdict.AGREES.value),
            (told.due, RestrictionVerdict.NOT_RESTRICTED.value),
            else_=RestrictionVerdict.RESTRICTED_WRONGLY.value,
        ),
    )


@behind(commission_restrictions)
def commission_restrictions_rows(commission_open: Any) -> ir.Table:
    """The open records of each account."""
    o = commission_open
    late = o.is_overdue.fill_null(False)
    return o.select(
        "provider_id",
        "booking_id",
        "status",
        "deadline_at",
        "is_due",
        "is_overdue",
        id=o.commission_id,
        of=ibis.literal("core.commissions"),
        overdue_records=where(late),
        overdue_idr=where(late, o.owed_idr.fill_null(0) + o.fee_idr),
    )
