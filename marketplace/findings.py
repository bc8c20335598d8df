"""Every finding a commission can have: code, severity, and the numbers its rule speaks of. What it means and what to do
is said in messages/, how each is found lives in assets/marts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from marketplace.commission import DEADLINE_TOLERANCE
from marketplace.durations import minutes
from marketplace.policy import Policy
from marketplace.registry import Registry

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True)
class Finding:
    """One kind of finding. ``rests_on`` names the row whose id ends the finding's id. ``numbers``: those of the
    policy that its rule speaks of."""

    code: str
    severity: Severity
    rests_on: Literal["booking", "commission", "provider"]
    numbers: tuple[str, ...] = ()

    def finding_id(self, row_id: str) -> str:
        """The stable id of this finding on a row."""
        return f"{self.code}:{row_id}"

    def numbers_of(self, policy: Policy) -> dict[str, str]:
        """The numbers its rule speaks of, by a policy."""
        known = {**policy.numbers(), "tolerance_minutes": str(minutes(DEADLINE_TOLERANCE))}
        return {name: known[name] for name in self.numbers}


FINDINGS: Final[Registry[str, Finding]] = Registry(
    (
        Finding("missing", "critical", "booking", numbers=("grace_minutes",)),
        Finding("duplicate", "high", "commission"),
        Finding("orphan", "high", "commission"),
        Finding("not_due", "high", "commission"),
        Finding("unit_error", "high", "commission"),
        Finding("wrong_rate", "high", "commission"),
        Finding("wrong_amount", "high", "commission"),
        Finding("wrong_provider", "high", "commission"),
        Finding("source_mismatch", "medium", "commission"),
        Finding("ambiguous_reference", "high", "commission"),
        Finding("late_record", "low", "commission"),
        Finding("deadline_mismatch", "low", "commission", numbers=("tolerance_minutes", "deadline_hours")),
        Finding("overdue_unmarked", "medium", "commission"),
        Finding("overdue_premature", "medium", "commission"),
        Finding("fee_missing", "medium", "commission", numbers=("restriction_minutes",)),
        Finding("fee_wrong", "medium", "commission"),
        Finding("restriction_mismatch", "medium", "provider", numbers=("restriction_minutes",)),
        Finding("refund_record", "medium", "commission"),
        Finding("paid_without_proof", "medium", "commission"),
        Finding("vanished", "high", "commission"),
    ),
    key=lambda finding: finding.code,
)
