"""Step: records that were written after what was read of the providers: one may have been the reason for a restriction
until then (restriction_findings). Few are at any time, and they are known from build to build."""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import read_until, written_after
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD
from assets.marts.tables import Instants
from marketplace.collections import PROVIDER_TYPES


@step(part=BY_RECORD)
def younger_records(commissions: Any, commission_reviews: Any, scans: Any, at: Instants) -> ir.Table:
    """commission_id, and the provider_id and provider_type of the account. (After those of its own kind: places may
    have been read long ago, where a deployment has none any more.)"""
    c = commissions
    younger: Any = ibis.union(
        *(
            c.filter(written_after(c.updated_at, read_until(scans, collection), at)).select(
                "commission_id", provider_type=ibis.literal(kind)
            )
            for collection, kind in PROVIDER_TYPES.items()
        ),
        distinct=False,
    )
    r = commission_reviews
    owners = r.select("commission_id", provider_id=ibis.coalesce(r.record_provider, r.b_provider))
    return younger.inner_join(owners, "commission_id").select("commission_id", "provider_id", "provider_type")
