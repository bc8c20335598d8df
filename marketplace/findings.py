"""Every finding a commission can have: code, severity, and the numbers its rule speaks of. What it means and what to do
is said in messages/, how each is found lives in assets/marts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from marketplace.commission import DEADLINE_TOLERANCE
from marketplace.durations import minutes
from marketplace.policy import Policy
from marketplace.registry import Registry
from marketplace.statuses import values


class Severity(StrEnum):
    """How bad a finding, a broken health point or a failing check is, in this order. Columns hold the plain word
    (``value``), as with statuses."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SEVERITIES: Final = values(*Severity)


class AmountFinding(StrEnum):
    """What is wrong with what a record charges, the first that holds: codes of ``FINDINGS``."""

    UNIT_ERROR = "unit_error"
    WRONG_RATE = "wrong_rate"
    WRONG_AMOUNT = "wrong_amount"


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
        Finding("missing", Severity.CRITICAL, "booking", numbers=("grace_minutes",)),
        Finding("duplicate", Severity.HIGH, "commission"),
        Finding("orphan", Severity.HIGH, "commission"),
        Finding("not_due", Severity.HIGH, "commission"),
        Finding(AmountFinding.UNIT_ERROR.value, Severity.HIGH, "commission"),
        Finding(AmountFinding.WRONG_RATE.value, Severity.HIGH, "commission"),
        Finding(AmountFinding.WRONG_AMOUNT.value, Severity.HIGH, "commission"),
        Finding("wrong_provider", Severity.HIGH, "commission"),
        Finding("source_mismatch", Severity.MEDIUM, "commission"),
        Finding("ambiguous_reference", Severity.HIGH, "commission"),
        Finding("late_record", Severity.LOW, "commission"),
        Finding(
            "deadline_mismatch", Severity.LOW, "commission", numbers=("tolerance_minutes", "deadline_hours")
        ),
        Finding("overdue_unmarked", Severity.MEDIUM, "commission"),
        Finding("overdue_premature", Severity.MEDIUM, "commission"),
        Finding("fee_missing", Severity.MEDIUM, "commission", numbers=("restriction_minutes",)),
        Finding("fee_wrong", Severity.MEDIUM, "commission"),
        Finding("restriction_mismatch", Severity.MEDIUM, "provider", numbers=("restriction_minutes",)),
        Finding("refund_record", Severity.MEDIUM, "commission"),
        Finding("paid_without_proof", Severity.MEDIUM, "commission"),
        Finding("vanished", Severity.HIGH, "commission"),
    ),
    key=lambda finding: finding.code,
)
