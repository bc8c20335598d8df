"""Every finding a commission can have: code, severity, what it means and what to do. How each is found lives
in assets/marts."""

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
    """One kind of finding. ``rests_on`` names the row whose id ends the finding's id. ``rule`` has places for the
    ``numbers`` of the policy (``said`` fills them)."""

    code: str
    severity: Severity
    rests_on: Literal["booking", "commission", "provider"]
    rule: str
    what_to_do: str
    numbers: tuple[str, ...] = ()

    def finding_id(self, row_id: str) -> str:
        """The stable id of this finding on a row."""
        return f"{self.code}:{row_id}"

    def numbers_of(self, policy: Policy) -> dict[str, str]:
        """The numbers its rule speaks of, by a policy."""
        known = {**policy.numbers(), "tolerance_minutes": str(minutes(DEADLINE_TOLERANCE))}
        return {name: known[name] for name in self.numbers}

    def said(self, policy: Policy) -> str:
        """Its rule with the numbers of a policy."""
        return self.rule.format(**self.numbers_of(policy))


FINDINGS: Final[Registry[str, Finding]] = Registry(
    (
        Finding(
            "missing",
            "critical",
            "booking",
            "A booking that earns has no live commission record {grace_minutes} minutes after its acceptance.",
            "Record the commission in the app, then find out why the app did not.",
            numbers=("grace_minutes",),
        ),
        Finding(
            "duplicate",
            "high",
            "commission",
            "A further live record of a booking that has one of its own: the paid one, else the earliest.",
            "Cancel the record named here and keep the booking's own; if both were paid, refund this one.",
        ),
        Finding(
            "orphan",
            "high",
            "commission",
            "A live record that refers to no booking.",
            "Correct the record's bookingId, or cancel the record.",
        ),
        Finding(
            "not_due",
            "high",
            "commission",
            "A live record on a booking that was cancelled, declined, expired or reassigned.",
            "Cancel or reverse the record; if it was paid, refund the provider.",
        ),
        Finding(
            "unit_error",
            "high",
            "commission",
            "The record's amounts are written in thousands of rupiah.",
            "Rewrite the record in rupiah; correct the writer that made it.",
        ),
        Finding(
            "wrong_rate",
            "high",
            "commission",
            "The record's rate is not the policy's, and its commission follows from that rate.",
            "Correct rate and commission, or add the agreed rate to the policy.",
        ),
        Finding(
            "wrong_amount",
            "high",
            "commission",
            "The commission is absent, not believed or not the expected one, or its base is not the booking's amount.",
            "Correct the record's amounts to those of the booking.",
        ),
        Finding(
            "wrong_provider",
            "high",
            "commission",
            "The record charges another provider than the booking's.",
            "Move the record to the booking's provider.",
        ),
        Finding(
            "source_mismatch",
            "medium",
            "commission",
            "Record and booking both have a source and they differ.",
            "Correct the record's source; attribution of revenue to sources rests on it.",
        ),
        Finding(
            "ambiguous_reference",
            "high",
            "commission",
            "The record's reference fits two bookings.",
            "Write the row id of the right booking into the record.",
        ),
        Finding(
            "late_record",
            "low",
            "commission",
            "The record was created more than the grace after the booking was accepted.",
            "Find out what delayed the app's commission writer.",
        ),
        Finding(
            "deadline_mismatch",
            "low",
            "commission",
            "The record's payment deadline is over {tolerance_minutes} minutes from the end of service plus"
            " {deadline_hours} hours.",
            "Correct the record's paymentDeadline.",
            numbers=("tolerance_minutes", "deadline_hours"),
        ),
        Finding(
            "overdue_unmarked",
            "medium",
            "commission",
            "The commission is unpaid past its deadline and not marked overdue.",
            "Mark the record overdue and remind the provider.",
        ),
        Finding(
            "overdue_premature",
            "medium",
            "commission",
            "The record is marked overdue before its deadline.",
            "Take the mark back until the deadline has passed.",
        ),
        Finding(
            "fee_missing",
            "medium",
            "commission",
            "The commission is unpaid more than {restriction_minutes} minutes past its deadline and carries no fee.",
            "Add the policy's fee to the record.",
            numbers=("restriction_minutes",),
        ),
        Finding(
            "fee_wrong",
            "medium",
            "commission",
            "The record's fee is not the policy's.",
            "Correct the fee to the policy's; take it off where none is due.",
        ),
        Finding(
            "restriction_mismatch",
            "medium",
            "provider",
            "The provider is RESTRICTED with nothing overdue, or not RESTRICTED {restriction_minutes} minutes past a"
            " deadline.",
            "Lift or set the restriction of the account.",
            numbers=("restriction_minutes",),
        ),
        Finding(
            "refund_record",
            "medium",
            "commission",
            "The record's commission is negative: a refund. It is no record of a booking's own.",
            "See that the money went back; then mark the record it refunds as refunded and cancel this one.",
        ),
        Finding(
            "paid_without_proof",
            "medium",
            "commission",
            "The record is paid and its proof of payment is empty.",
            "Ask for the proof, or note who accepted the payment without one.",
        ),
        Finding(
            "vanished",
            "high",
            "commission",
            "A record that was seen before is gone.",
            "Find out who deleted it; restore it if the booking earns.",
        ),
    ),
    key=lambda finding: finding.code,
)
