"""Step: the findings on providers. They are few and rest on all open records of a provider (provider_debts): they are
made anew each time, those on bookings and records only where a change reaches them (commission_findings)."""

from __future__ import annotations

from typing import Any

from assets.marts.commission.commission_findings import RESTRICTION_MISMATCH, finding_row
from assets.marts.expressions import read_until, written_after
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.said import either, said
from assets.marts.tables import Instants
from marketplace.commission import COMMISSION_COLLECTION
from marketplace.statuses import ProviderStatus


@step()
def restriction_findings(
    provider_debts: Any, younger_records: Any, providers: Any, scans: Any, at: Instants
) -> ir.Table:
    """Providers whose account is restricted without reason, or not restricted with one.

    RESTRICTED is only called wrong if no unpaid record of a booking that earns could be overdue: one whose deadline
    is unknown may be the reason. What is not due is none.
    """
    d = provider_debts
    debts = d.select("possible", "due", owner=d.provider_id, owed=ibis.cases((d.known > 0, d.owed_idr)))
    p = providers.filter(lambda p: p.deleted_at.isnull() & p.status.notnull())
    # A provider who was written after what was read of the records may have been (un)restricted for one that changed.
    p = p.filter(~written_after(p.updated_at, read_until(scans, COMMISSION_COLLECTION), at))
    rows = p.left_join(debts, p.provider_id == debts.owner)
    # A record that was written after what was read of the providers may have been the reason until then.
    moved = younger_records.select(moved="provider_id", moved_type="provider_type").distinct()
    rows = rows.left_join(moved, [rows.provider_id == moved.moved, rows.provider_type == moved.moved_type])
    restricted = rows.status == ProviderStatus.RESTRICTED.value
    wrongly = restricted & (rows.possible.fill_null(0) == 0) & rows.moved.isnull()
    rightly = ~restricted & (rows.due.fill_null(0) > 0)
    rows = rows.filter((wrongly | rightly) & at.judged_at.notnull())
    # An id may stand for a therapist and for a place.
    rank: Any = ibis.row_number().over(group_by=rows.provider_id, order_by=rows.provider_type.desc())
    twin = rank > 0
    rows = rows.mutate(
        row_id=ibis.cases((twin, rows.provider_id + ":" + rows.provider_type), else_=rows.provider_id)
    )
    return finding_row(
        rows,
        RESTRICTION_MISMATCH,
        rows.row_id,
        either(
            (
                rows.status == ProviderStatus.RESTRICTED.value,
                said("finding.restricted", provider=rows.provider_id),
            ),
            else_=said(
                "finding.not_restricted", provider=rows.provider_id, owed=rows.owed, status=rows.status
            ),
        ),
        provider_id=rows.provider_id,
    )
