"""What is planted: which findings, how many of each, when. Data only; how each is played: actors/.

A wish is taken by the first booking created at or after its instant; its marks shape that booking's life.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sandbox.simulator.times import DAY, HOUR


@dataclass(frozen=True, slots=True)
class Wish:
    """Marks (finding or peculiarity -> variant) for the booking that takes it."""

    marks: tuple[tuple[str, str], ...]
    when: str = "anywhere"  # anywhere, first (the first hours), last (the hours before the end)


def _each(mark: str, *variants: str, when: str = "anywhere") -> list[Wish]:
    return [Wish(((mark, variant),), when) for variant in variants]


def _times(count: int, mark: str, when: str = "anywhere") -> list[Wish]:
    return _each(mark, *[""] * count, when=when)


WISHES: tuple[Wish, ...] = (
    # stage one
    *_each("missing", *["none"] * 7, "cancelled_record", "reversed_record", "cancelled_record"),
    Wish((("missing", "none"), ("unknown_amount", ""))),
    Wish((("missing", "none"), ("unknown_amount", ""))),
    *_each("duplicate", *["acceptance"] * 3, *["creation"] * 3, *["completion"] * 3, *["paid_later"] * 3),
    *_each("orphan", *["dangling"] * 4, "dangling_both", "deleted_booking", "deleted_booking"),
    *_each("not_due", "declined", "expired", "reassigned", *["cancelled_after"] * 3),
    *_each("not_due", "pending_record", "pending_record", when="last"),
    *_each("unit_error", *["both"] * 8, *["commission_rupiah"] * 2, "no_base", "no_base"),
    *_each("wrong_rate", "250000", "200000", "250000", "150000", "350000", "200000", "100000", "250000"),
    *_each(
        "wrong_amount", *["commission_off"] * 4, "commission_absent", "commission_absent", "commission_zero"
    ),
    *_each("wrong_amount", "base_off", "base_off", "base_zero", "base_absent", "rate_by_base"),
    *_each("wrong_amount", "base_hundredths", "commission_hundredths", "currency", "currency"),
    *_times(7, "wrong_provider"),
    *_times(9, "source_mismatch"),
    *_each("overdue_unmarked", *["pending"] * 4, "rejected", "rejected", "late_proof", "late_proof"),
    # stage two
    *_each("ambiguous_reference", "two_business", "two_business", "id_and_business", "id_and_business"),
    *_each("ambiguous_reference", "hotel_twin", "hotel_twin"),
    *_times(8, "late_record"),
    *_each("deadline_mismatch", "120", "-40", "1440", "120", "-60", "30", "600"),
    *_times(5, "overdue_premature", when="last"),
    *_times(6, "fee_missing"),
    *_each("fee_wrong", "50000", "20000", "25001", "50000:paid", "15000:paid"),
    *_each("fee_wrong", "25000:early", "25000:early", when="last"),
    *_each("refund_record", "paid", "paid", "refunded", "verified", "undated", "pending", "cancelled"),
    *_each("overlapping_bookings", "half", "half", "ran_over", "three"),
    *_times(7, "paid_without_proof"),
    *_each("vanished", "gone", "gone", "gone", "replaced", "replaced"),
    # several on one booking
    Wish(
        (("late_record", ""), ("wrong_rate", "200000"), ("source_mismatch", ""), ("paid_without_proof", ""))
    ),
    Wish((("duplicate", "acceptance"), ("unit_error", "both"), ("wrong_provider", ""))),
    Wish((("wrong_amount", "commission_off"), ("deadline_mismatch", "300"), ("late_record", ""))),
    Wish(
        (
            ("duplicate", "creation"),
            ("wrong_amount", "base_off"),
            ("paid_without_proof", ""),
            ("source_mismatch", ""),
        )
    ),
    Wish((("fee_missing", ""), ("wrong_amount", "commission_off"))),
    Wish((("overdue_unmarked", "pending"), ("source_mismatch", ""), ("wrong_rate", "250000"))),
    Wish((("unit_error", "both"), ("paid_without_proof", ""), ("deadline_mismatch", "90"))),
    Wish((("fee_wrong", "40000"), ("unit_error", "both"), ("late_record", ""))),
    Wish((("unit_error", "both"), ("money", "thousands:totalCost"))),
    Wish((("wrong_amount", "free_record"), ("money", "free:totalCost"))),
    # no findings, but needed
    *_times(2, "overlooked", when="first"),
    *_times(3, "default", when="first"),
)

ALWAYS: tuple[Wish, ...] = (
    *_times(6, "quarantined"),
    *_each("quarantined", "no_record", "no_record"),
    *_times(3, "quarantined_record"),
    *_times(2, "test_record"),
    *_times(6, "deleted"),
    *_times(3, "pending_with_record", when="last"),
    *_times(3, "unknown_with_record"),
    *_times(9, "unknown_amount"),
    *_times(6, "lost_start"),
    *_times(5, "lost_minutes"),
    *_times(5, "unknown_mode"),
    *_times(1, "sentinel"),
    *_times(2, "abuse_bookings"),
    *_times(2, "abuse_messages"),
    # amounts no plain reader expects; what else is odd about the same bookings does not touch their money
    Wish((("money", "thousands:totalPrice"), ("case", "row_id"))),
    Wish((("money", "thousands:totalAmount"), ("rate", "float"))),
    Wish((("money", "thousands:paymentAmount"), ("case", "customer"))),
    Wish((("money", "thousands:pricing"), ("partial_refund", "partially_refunded"))),
    Wish((("money", "hundredths"), ("case", "room"))),
    Wish((("money", "hundredths:price"), ("bare_deadline", ""))),
    Wish((("money", "comma"), ("unknown_paid", ""))),
    Wish((("money", "comma:paymentAmount"), ("case", "business_id"))),
    Wish((("money", "low"), ("test_namesake", ""))),
    *_each("money", "currency:attribute", "currency:attribute", "currency:pricing"),
    Wish((("money", "discount:two_totals"), ("rate", "close"))),
    Wish((("money", "discount:thousands"), ("partial_refund", "partial_refund"))),
    Wish((("money", "discount:price"), ("test_namesake", ""))),
    Wish((("money", "discount:implausible"), ("unknown_paid", ""))),
    Wish((("money", "free:totalCost"), ("free", "no_record"))),
    Wish((("money", "free:totalAmount"), ("free", "no_record"), ("case", "provider"))),
    Wish((("money", "free:totalCost"), ("free", "zero_record"))),
    # records and instants
    Wish((("case", "provider"), ("rate", "float"))),
    Wish((("case", "record_provider"), ("unknown_paid", ""))),
    Wish((("bare_deadline", ""), ("rate", "float"))),
    *_each("ahead", "createdAt", "acceptedAt", "completedAt", "paidAt", "verifiedAt", "record", "acceptedAt"),
    *_each("ahead", "message", "notification", when="last"),
    *_times(1, "touching"),
)

# every finding about a commission, all of them planted, in the order of docs/domain.md
FINDINGS = (
    "missing", "duplicate", "orphan", "not_due", "unit_error", "wrong_rate", "wrong_amount", "wrong_provider",
    "source_mismatch", "overdue_unmarked", "ambiguous_reference", "late_record", "deadline_mismatch",
    "overdue_premature", "fee_missing", "fee_wrong", "restriction_mismatch", "paid_without_proof", "vanished",
    "refund_record",
)  # fmt: skip
# what is planted and is no finding about a commission
ANOMALIES = ("overlapping_bookings",)
# bookings of one therapist that overlap, by variant
OVERLAPPING = {"half": 2, "ran_over": 2, "three": 3}


def planted_sizes() -> dict[str, int]:
    """finding or anomaly -> number of planted rows with default parameters."""
    sizes = {
        finding: sum(1 for wish in WISHES for mark, _ in wish.marks if mark == finding)
        for finding in FINDINGS
    }
    for mark in (("vanished", "gone"), ("ambiguous_reference", "hotel_twin")):
        sizes["missing"] += sum(1 for wish in WISHES if mark in wish.marks)
    sizes["restriction_mismatch"] = 4
    sizes["overlapping_bookings"] = sum(
        OVERLAPPING[variant]
        for wish in WISHES
        for mark, variant in wish.marks
        if mark == "overlapping_bookings"
    )
    return sizes


def schedule(rng: Random, start: int, until: int, *, findings: bool) -> list[tuple[int, dict[str, str]]]:
    """(not before, marks) of every wish, by time. All lie between the two instants (epoch milliseconds)."""
    wishes = [*(WISHES if findings else ()), *ALWAYS]
    rng.shuffle(wishes)
    first, last = start + HOUR // 2, until - 14 * HOUR
    timed: list[tuple[int, dict[str, str]]] = []
    spread = [w for w in wishes if w.when == "anywhere"]
    for number, wish in enumerate(spread):
        low = first if last > first else start
        at = low + (max(last, low) - low) * number // max(1, len(spread))
        timed.append((at, dict(wish.marks)))
    for number, wish in enumerate(w for w in wishes if w.when == "first"):
        timed.append((start + number * 5 * 60_000, dict(wish.marks)))
    for number, wish in enumerate(w for w in wishes if w.when == "last"):
        timed.append((until - min(30 * HOUR, DAY // 2) + number * HOUR // 3, dict(wish.marks)))
    timed.sort(key=lambda pair: pair[0])
    return timed
