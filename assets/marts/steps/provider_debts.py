"""Step: what is unpaid of each provider, as far as it may be a reason to restrict the account. Most records are paid,
and of the others few change: it follows from those (restriction_findings looks at no record)."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import NAME
from assets.marts.parts.part import Difference
from assets.marts.tables import Instants

MEASURES: Final = ("records", "possible", "due", "known", "owed_idr")


@step(difference=Difference(NAME, ("provider_id",), MEASURES, "records"))
def provider_debts(commission_reviews: Any, at: Instants) -> ir.Table:
    """provider_id; how many live unpaid ``records`` that are due, or of which that cannot be told; of these: how many
    are ``possible`` reasons (overdue, or it is not known that they are not), how many are ``due`` without doubt and
    past the fee, how many of those have a ``known`` commission, and its sum in rupiah."""
    r = commission_reviews
    r = r.filter(r.live & r.unpaid & (r.is_due | r.unsettled))
    debts = r.select(
        provider_id=ibis.coalesce(r.record_provider, r.b_provider),
        commission=r.commission,
        possible=(r.due_at.isnull() | r.unsettled | (r.due_at < at.judged_at)).fill_null(True),
        due=(r.fee_from < at.judged_at).fill_null(False) & ~r.unsettled,
    )
    debts = debts.filter(debts.provider_id.notnull())
    return debts.group_by("provider_id").aggregate(
        records=debts.count(),
        possible=debts.count(where=debts.possible),
        due=debts.count(where=debts.due),
        known=debts.count(where=debts.due & debts.commission.notnull()),
        owed_idr=debts.commission.sum(where=debts.due).fill_null(0).cast("int64"),
    )
