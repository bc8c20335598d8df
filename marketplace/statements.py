"""What a provider's statement is made of: its lines and its sums, each in a sentence, and which findings put a charge
in dispute. Pure data; the sums are made in pipelines/exports/month/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marketplace.commission import EntryKind
from marketplace.findings import FINDINGS, AmountFinding
from marketplace.registry import Registry
from marketplace.statuses import CommissionStatus

#: Findings by which it is open whether a charge is owed, by whom, or how much: while one stands and is not waived, the
#: record is disputed. (Others are about when, or about what the app marks, and leave what is owed as it is.)
DISPUTING: Final = (
    "duplicate",
    "orphan",
    "not_due",
    AmountFinding.UNIT_ERROR.value,
    AmountFinding.WRONG_RATE.value,
    AmountFinding.WRONG_AMOUNT.value,
    "wrong_provider",
    "ambiguous_reference",
    "fee_wrong",
)
if unknown := set(DISPUTING) - set(FINDINGS):
    raise ValueError(f"{sorted(unknown)} are no findings")
#: A record whose proof was refused is disputed too: the provider says it was paid.
DISPUTED_STATUS: Final = CommissionStatus.REJECTED.value


class StatementPart(StrEnum):
    """Where a line of a statement stands, in this order. Columns hold the plain word (``value``), as with statuses."""

    OPENING = "opening"
    LINE = "line"
    BESIDE = "beside"
    TOTAL = "total"


@dataclass(frozen=True)
class StatementLine:
    """A kind of line: its code, where it stands, what it is in a sentence."""

    code: str
    part: StatementPart
    sentence: str


def _line(kind: EntryKind, sentence: str) -> StatementLine:
    return StatementLine(kind.value, StatementPart.LINE, sentence)


def _beside(code: str, sentence: str) -> StatementLine:
    return StatementLine(code, StatementPart.BESIDE, sentence)


def _total(code: str, sentence: str) -> StatementLine:
    return StatementLine(code, StatementPart.TOTAL, sentence)


STATEMENT_LINES: Final[Registry[str, StatementLine]] = Registry(
    (
        StatementLine("opening", StatementPart.OPENING, "owed as the period began"),
        _line(EntryKind.ACCRUAL, "commission charged"),
        _line(EntryKind.FEE, "late fee charged"),
        _line(EntryKind.PAYMENT, "paid: lowers what is owed"),
        _line(EntryKind.REVERSAL, "a charge taken back: lowers what is owed"),
        _line(EntryKind.REFUND, "money given back"),
        _beside(
            "unrecorded", "a booking that earns, and no commission was charged for it: on no account yet"
        ),
        _beside(
            "charged_elsewhere", "a booking whose commission another provider was charged: on that account"
        ),
        _beside("amount_unknown", "a record whose amount is unknown: on no account until it is corrected"),
        _beside("undated", "a record whose local day cannot be known yet: in no period"),
        _total("closing", "owed as the period ended: opening and lines"),
        _total("earned", "what the bookings that earn in the period cost their customers"),
        _total("earned_unknown", "bookings that earn in the period, and whose amount is unknown"),
        _total("expected", "the commission the policy asks for the bookings of the period"),
        _total("charged", "commission and late fees charged in the period"),
        _total("paid", "what was paid in the period, before refunds"),
        _total("refunded", "what was given back in the period"),
        _total("reversed", "charges that were taken back in the period"),
        _total(
            "owed", "records that were open as the period ended; without what was paid ahead or given back"
        ),
        _total("late", "of these, past their deadline and due"),
        _total("late_unknown", "of these, of which it cannot be told whether they are late"),
        _total("awaiting_verification", "of these, paid as the provider says, and not verified yet"),
        _total(
            "disputed", "of these, with a finding on whether or how much is owed, or a proof that was refused"
        ),
        _total(
            "credit", "paid ahead of the charge, less what refunds gave back: closing is owed less credit"
        ),
    ),
    key=lambda line: line.code,
)
