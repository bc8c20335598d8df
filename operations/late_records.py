"""Which commission records are late by what is published, and by which rule of the policy. What is done about it stands
with each kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from marketplace.operations import RECORD_PREFIX
from marketplace.policy import Policy, PolicyRule, parse_policy
from operations.port import Published

#: A record that is a booking's own (further ones are duplicates: a person cancels one of them), due, unpaid and past
#: its deadline, unless a finding says that something else of it is to be put right first, or a person let it stand.
LATE: Final = """
SELECT o.commission_id, o.booking_id, o.provider_id, o.status, o.deadline_at, o.restriction_at, o.owed_idr,
       o.local_date, r.origin, r.utc_offset_minutes, r.provider_id AS policy_provider_id,
       c.created_at, c.updated_at, c.fee_idr, c.fee_state, c.fee_required, p.provider_type, p.plan
FROM marts.commission_open o
JOIN marts.commission_reconciliation r ON r.commission_id = o.commission_id
JOIN core.commissions c ON c.commission_id = o.commission_id
LEFT JOIN (SELECT provider_id, min(provider_type) AS provider_type, min(commission_plan) AS plan
           FROM core.providers WHERE deleted_at IS NULL GROUP BY provider_id) p
    ON p.provider_id = coalesce(r.provider_id, o.provider_id)
WHERE o.is_overdue AND o.is_due AND o.is_unpaid AND o.deadline_at < $now AND r.booking_id IS NOT NULL
  AND o.local_date IS NOT NULL AND c.updated_at IS NOT NULL AND c.deleted_at IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM marts.commission_findings f
      WHERE f.commission_id = o.commission_id
        AND ((list_contains($unsettled, f.finding) AND NOT f.waived) OR (f.finding = $finding AND f.waived)))
ORDER BY o.deadline_at, o.commission_id
"""


def late_records(
    published: Published, now: datetime, finding: str, unsettled: Sequence[str]
) -> list[tuple[dict[str, Any], PolicyRule]]:
    """The late records, each with the rule of the policy by the day its booking accrued. ``finding``: what they are
    found by, left out where it was waived; ``unsettled``: findings that a person settles first. Of a snapshot that does
    not tell its policy none.
    """
    (snapshot,) = published.rows("SELECT policy FROM ops.snapshot")
    if snapshot["policy"] is None:
        return []
    policy = parse_policy(snapshot["policy"])
    rows = published.rows(LATE, {"now": now, "finding": finding, "unsettled": list(unsettled)})
    return [(row, _rule(policy, row)) for row in rows]


def was_told_lately(row: dict[str, Any], rule: PolicyRule, now: datetime) -> bool:
    """Whether a record is one of ours that its provider knows for less than the policy gives between a deadline and a
    restriction: it was missing, so its deadline was past when it was written."""
    ours = row["commission_id"].startswith(RECORD_PREFIX)
    return ours and row["created_at"] + rule.restriction_delay > now


def _rule(policy: Policy, row: dict[str, Any]) -> PolicyRule:
    provider = row["policy_provider_id"] or row["provider_id"]
    return policy.rule(row["local_date"], provider=provider, plan=row["plan"])
