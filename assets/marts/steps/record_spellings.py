"""Step: records that name their booking in other letters than its own."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_RECORD


@step(part=BY_RECORD)
def record_spellings(commission_links: Any, commissions: Any) -> ir.Table:
    """commission_id of a record that is not deleted, and the attribute that names the booking."""
    links = commission_links.filter(commission_links.case_attribute.notnull())
    c = commissions.filter(commissions.deleted_at.isnull())
    return c.inner_join(links, "commission_id").select("commission_id", attribute=links.case_attribute)
