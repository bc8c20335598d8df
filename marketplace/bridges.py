"""Which figures of a period must lead to which others, line by line, to the rupiah: the bridges of a month's package.

A bridge's components add up to its total, which is taken from elsewhere; the difference must be 0. What is not known
stands beside it, counted, in no sum. The sums are made in pipelines/exports/month/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marketplace.registry import Registry


class LineKind(StrEnum):
    """What a line of a bridge is to the others. Columns hold the plain word (``value``), as with statuses."""

    COMPONENT = "component"
    SUBTOTAL = "subtotal"
    TOTAL = "total"
    DIFFERENCE = "difference"
    BESIDE = "beside"


@dataclass(frozen=True)
class BridgeLine:
    """A line: its code, what it is to the others, and what it is in a sentence. Amounts are signed as they add up.
    ``untold``: nobody knows its amount, which is never 0 then; its rows are counted."""

    code: str
    kind: LineKind
    sentence: str
    untold: bool = False


@dataclass(frozen=True)
class Sum:
    """What a line sums up: rupiah (None: unknown) of so many rows (None: it is no sum of rows)."""

    amount_idr: int | None
    rows: int | None


@dataclass(frozen=True)
class Bridge:
    """A bridge. ``of_providers``: it stands for each provider as well; ``by_day``: it stands for each local day.

    Raises ValueError where it does not end in one total and the difference, with nothing but what stands beside after.
    """

    code: str
    sentence: str
    lines: tuple[BridgeLine, ...]
    of_providers: bool = True
    by_day: bool = False

    def __post_init__(self) -> None:
        kinds = [line.kind for line in self.lines if line.kind is not LineKind.BESIDE]
        if kinds[-2:] != [LineKind.TOTAL, LineKind.DIFFERENCE] or kinds.count(LineKind.TOTAL) != 1:
            raise ValueError(f"the bridge {self.code!r} does not end in a total and a difference")

    def codes(self, kind: LineKind) -> tuple[str, ...]:
        """The codes of its lines of a kind, in their order."""
        return tuple(line.code for line in self.lines if line.kind is kind)

    def laid_out(self, sums: Mapping[str, Sum]) -> list[tuple[BridgeLine, Sum]]:
        """Every line with its sum, in order: one that is not among ``sums`` is of no row; subtotals and the difference
        follow from the others.

        Raises KeyError for a sum that is no line's.
        """
        if unknown := sums.keys() - {line.code for line in self.lines}:
            raise KeyError(f"{sorted(unknown)} are no lines of the bridge {self.code!r}")
        laid: list[tuple[BridgeLine, Sum]] = []
        upto = 0
        for line in self.lines:
            if line.kind is LineKind.SUBTOTAL:
                found = Sum(upto, None)
            elif line.kind is LineKind.DIFFERENCE:
                found = Sum(upto - (laid[-1][1].amount_idr or 0), None)
            else:
                found = sums.get(line.code, Sum(None if line.untold else 0, 0))
            if line.kind is LineKind.COMPONENT:
                upto += found.amount_idr or 0
            laid.append((line, found))
        return laid


def _component(code: str, sentence: str) -> BridgeLine:
    return BridgeLine(code, LineKind.COMPONENT, sentence)


def _beside(code: str, sentence: str, *, untold: bool = False) -> BridgeLine:
    return BridgeLine(code, LineKind.BESIDE, sentence, untold)


def _end(code: str, sentence: str) -> tuple[BridgeLine, BridgeLine]:
    return (
        BridgeLine(code, LineKind.TOTAL, sentence),
        BridgeLine(
            "difference", LineKind.DIFFERENCE, "the components less the total: 0, or the bridge is open"
        ),
    )


_AMOUNT_UNKNOWN: Final = _beside(
    "amount_unknown",
    "records of the period whose amount is unknown: they have no line in the ledger",
    untold=True,
)
_UNDATED: Final = _beside(
    "undated",
    "records whose local day cannot be known: they are in no period and have no line in the ledger",
    untold=True,
)

BRIDGES: Final[Registry[str, Bridge]] = Registry(
    (
        Bridge(
            "difference",
            "From what the policy expects to what was recorded.",
            (
                _component("expected", "what the policy expects of the report's rows, where that is known"),
                _component("variance", "the difference: the sum of known variances, actual less expected"),
                _component(
                    "actual_without_expected", "recorded on rows of which it is not known what to expect"
                ),
                _component(
                    "expected_without_actual", "less what is expected of rows whose record is not known"
                ),
                *_end("actual", "what was recorded on the report's rows, where that is known"),
                _beside("both_unknown", "rows of which neither side is known", untold=True),
                _beside("undated_expected", "expected of rows without a local day: in no period"),
                _beside("undated_actual", "recorded on rows without a local day: in no period"),
            ),
        ),
        Bridge(
            "report_ledger",
            "From what the report's rows recorded to what accrued in the ledger.",
            (
                _component("own_records", "records of bookings that earn, each booking's own"),
                _component("orphans", "records of no booking"),
                _component("not_due", "records on bookings that ended without earning"),
                _component("unknown_rows", "records of which it cannot be told what they are"),
                BridgeLine("report_actual", LineKind.SUBTOTAL, "what the report's rows recorded"),
                _component("duplicates", "further live records of a booking"),
                _component("taken_back", "records that were cancelled or reversed: charged then, no row now"),
                _component("gone", "records that are gone from the app: charged then, no row now"),
                _component(
                    "refund_records", "less rows of refund records: they give back, and charge nothing"
                ),
                _component("timing_in", "accrued in the period, their row is in another"),
                _component("timing_out", "less rows of the period that accrued in another"),
                _component(
                    "charged_to_another", "less what is charged to another provider than the booking's"
                ),
                _component("charged_for_another", "what is charged here for bookings of another provider"),
                *_end("accrued", "what accrued in the ledger"),
                _AMOUNT_UNKNOWN,
                _UNDATED,
            ),
        ),
        Bridge(
            "ledger",
            "From what was owed as the period began to what was owed as it ended.",
            (
                _component("opening", "owed as the period began"),
                _component("accrued", "commission that came up"),
                _component("fees", "late fees that came up"),
                _component("paid", "less what was paid, net of refunds"),
                _component("reversed", "less what was taken back"),
                *_end("closing", "owed as the period ended"),
                _beside("paid_gross", "what was paid, before refunds"),
                _beside("refunds", "what was given back"),
                _AMOUNT_UNKNOWN,
                _UNDATED,
            ),
        ),
        Bridge(
            "open_records",
            "From the records that were open as the period ended to what was owed then.",
            (
                _component("late", "past their deadline and due"),
                _component("late_unknown", "of which it cannot be told whether they were late"),
                _component("not_late", "not past it, not due, or paid as the provider says before it"),
                BridgeLine("owed", LineKind.SUBTOTAL, "what the open records add up to"),
                _component("paid_ahead", "less what was paid before it was charged, or beyond the charge"),
                _component(
                    "given_back", "what refund records gave back: owed again, though no record is open"
                ),
                *_end("closing", "owed as the period ended"),
                _beside(
                    "awaiting_verification", "of the open ones: paid as the provider says, not verified yet"
                ),
                _beside("disputed", "of the open ones: whether or how much is owed is in question"),
            ),
        ),
        Bridge(
            "paid",
            "From the paid records, by the rule that placed their day, to what the ledger says was paid.",
            (
                _component("placed_by_paid_at", "commission paid, on the day of paidAt"),
                _component(
                    "placed_by_verified_at", "commission paid, on the day of verifiedAt: no paidAt is told"
                ),
                _component("placed_by_created_at", "commission paid, on the record's day: neither is told"),
                _component("fees", "late fees paid, on the day of their commission"),
                BridgeLine("gross", LineKind.SUBTOTAL, "what was paid, before refunds"),
                _component("refund_records", "less what refund records gave back"),
                _component("given_back", "less commission of paid records that were taken back"),
                _component("fees_given_back", "less late fees of paid records that were taken back"),
                *_end("net", "what the ledger says was paid, net of refunds"),
                _beside(
                    "amount_unknown",
                    "paid records whose amount is unknown: they have no line in the ledger",
                    untold=True,
                ),
                _beside(
                    "refund_unknown",
                    "refund records whose amount is unknown: they have no line in the ledger",
                    untold=True,
                ),
                _beside(
                    "undated",
                    "records whose local day cannot be known, and what came in of them: in no period",
                ),
            ),
        ),
        Bridge(
            "collected",
            "From what the ledger says was paid to what was collected.",
            (
                _component("net", "what the ledger says was paid, net of refunds"),
                _component("fees", "less late fees: collected is commission"),
                _component("fees_given_back", "late fees given back"),
                _component("not_standing", "less commission paid on records that no longer stand"),
                _component("given_back", "commission given back of these"),
                *_end("collected", "what the days of the period collected"),
                _beside(
                    "undated", "records whose local day cannot be known, and what came in of them: on no day"
                ),
            ),
            of_providers=False,
        ),
        Bridge(
            "collected_day",
            "From the paid records that stand, by the rule that placed them, to what each day collected.",
            (
                _component("placed_by_paid_at", "placed on the day of paidAt"),
                _component("placed_by_verified_at", "placed on the day of verifiedAt: no paidAt is told"),
                _component("placed_by_created_at", "placed on the record's day: neither is told"),
                _component("refund_records", "less what refund records gave back"),
                *_end("collected", "what the day collected"),
            ),
            of_providers=False,
            by_day=True,
        ),
        Bridge(
            "opening",
            "From the closing that was reported for the period before to this opening.",
            (
                _component("reported_closing", "the closing as it was reported"),
                _component("entered_since", "lines of earlier days that were not there then"),
                _component("left_since", "less lines that were there then and are not now"),
                _component("amount_changed", "lines whose amount is another"),
                _component("moved_in", "lines that lay in this period or later and lie before it now"),
                _component("moved_out", "less lines that lay before this period and do no more"),
                _component("from_another", "lines that stood on another provider's account"),
                _component("to_another", "less lines that stand on another provider's account now"),
                _component(
                    "not_itemised", "changes that cannot be told line by line: the snapshot is not kept"
                ),
                *_end("opening", "owed as the period begins, as of now"),
                _beside(
                    "not_compared",
                    "reports of the period before that are gone: what they said cannot be told",
                    untold=True,
                ),
            ),
        ),
    ),
    key=lambda bridge: bridge.code,
)
