"""Every pair of the 20 findings: those that may stand on one booking are found, both and no other; the rest says why.

One world holds all pairs, each with ids and a provider of its own. A pair stands on one record where it can; else on
two records of the booking, of which the later is a duplicate as well. A refund is a record of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from marketplace.findings import FINDINGS
from tests.marts.warehouse import NOW, Warehouse

MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: Ends of service: the deadline is 3 hours later, long past or two hours away.
LONG_AGO, JUST_NOW = NOW - DAY, NOW - HOUR
CREATED = NOW - 2 * DAY
Facts = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Recipe:
    """What makes a finding: for each attribute of booking and record the values that will do, the preferred first."""

    booking: Facts = field(default_factory=dict)
    record: Facts = field(default_factory=dict)


#: Findings on a live record of the booking, by what that takes.
ON_A_RECORD: dict[str, Recipe] = {
    "not_due": Recipe({"status": ("cancelled",)}),
    "unit_error": Recipe(record={"amount_rule": ("thousands",), "amounts": ((300_000, 75_000),)}),
    "wrong_rate": Recipe(record={"amounts": ((200_000, 50_000),)}),
    "wrong_amount": Recipe(record={"amounts": ((300_000, 74_999),)}),
    "wrong_provider": Recipe(record={"provider_id": ("another",)}),
    "source_mismatch": Recipe({"source": ("direct",)}, {"source": ("menuSlider",)}),
    "late_record": Recipe({"accepted": (True,)}, {"created_at": (CREATED + 3 * MIN,)}),
    "deadline_mismatch": Recipe({"completed_at": (LONG_AGO, JUST_NOW)}, {"due_after_end": (9 * HOUR,)}),
    "overdue_unmarked": Recipe({"completed_at": (LONG_AGO,)}, {"status": ("pending", "rejected")}),
    "overdue_premature": Recipe({"completed_at": (JUST_NOW,)}, {"status": ("overdue",)}),
    "fee_missing": Recipe({"completed_at": (LONG_AGO,)}, {"status": ("overdue", "pending"), "fee": (0,)}),
    "fee_wrong": Recipe(record={"fee": (1,)}),
    "paid_without_proof": Recipe(record={"status": ("paid",), "proof_state": ("empty",)}),
}
AMOUNT = {"unit_error", "wrong_rate", "wrong_amount"}
OF_WHAT_IS_OWED = AMOUNT | {
    "late_record",
    "deadline_mismatch",
    "overdue_unmarked",
    "overdue_premature",
    "fee_missing",
    "fee_wrong",
}
#: Of two records of one booking these two have other deadlines: the booking's end must not be known.
BEFORE_AND_AFTER = {
    frozenset(("overdue_unmarked", "overdue_premature")),
    frozenset(("fee_missing", "overdue_premature")),
}


def impossible(one: str, two: str) -> str | None:
    """Why a pair can't stand on one booking; None where it can."""
    pair = {one, two}
    of_no_booking = pair & {"orphan", "ambiguous_reference"}
    if of_no_booking and not pair & {"paid_without_proof", "restriction_mismatch", "refund_record"}:
        return "such a record has no booking that is known, and nothing of a booking is judged on it"
    if "missing" in pair and pair & (set(ON_A_RECORD) | {"duplicate"}):
        return "a booking with a live record is not missing"
    if "paid_without_proof" in pair and pair & {"overdue_unmarked", "overdue_premature", "fee_missing"}:
        return "a booking's own record is the paid one, and its unpaid ones are not due"
    if "not_due" in pair and pair & OF_WHAT_IS_OWED:
        return "the booking owes nothing, so nothing about what it owes is judged"
    return None


PAIRS = list(combinations(FINDINGS, 2))
POSSIBLE = [pair for pair in PAIRS if impossible(*pair) is None]


def merged(*facts: Facts) -> Facts | None:
    """What satisfies all of them; None where an attribute can't."""
    result: Facts = {}
    for given in facts:
        for name, values in given.items():
            result[name] = tuple(v for v in result.get(name, values) if v in values)
    return None if any(not values for values in result.values()) else result


class World:
    """A warehouse in which each pair has a booking, records and a provider of its own."""

    def __init__(self) -> None:
        self.w = Warehouse()
        self.expected: dict[tuple[str, str], set[str]] = {}

    def plant(self, pair: tuple[str, str]) -> None:
        self.mark = f"{pair[0]}+{pair[1]}/"
        self.told = {f"{code}:{self.mark}c1" for code in pair if code in ON_A_RECORD}
        pairs = set(pair)
        on_record = [code for code in pair if code in ON_A_RECORD]
        if "restriction_mismatch" in pairs:
            self._restrict("AVAILABLE" if pairs & {"overdue_unmarked", "fee_missing"} else "RESTRICTED")
        # A refund that has no booking is itself the record that has none.
        back = {"commission_idr": -75_000} if "refund_record" in pairs else {}
        if back:
            self.told.add(
                f"refund_record:{self.mark}{'c1' if pairs & {'orphan', 'ambiguous_reference'} else 'back'}"
            )
        if "orphan" in pairs:
            self._record("c1", on_record, ref="ghost", **back)
            self.told.add(f"orphan:{self.mark}c1")
        elif "ambiguous_reference" in pairs:
            for number in "12":
                self.w.booking(
                    f"{self.mark}b{number}", business_id=f"{self.mark}X", provider_id=f"{self.mark}p"
                )
            self._record("c1", on_record, ref="X", **back)
            self.told.add(f"ambiguous_reference:{self.mark}c1")
            if back:
                # A refund tracks no booking, whichever it means.
                self.told |= {f"missing:{self.mark}b{number}" for number in "12"}
        else:
            self._of_one_booking(pairs, on_record)
        self.expected[pair] = self.told

    def _of_one_booking(self, pairs: set[str], on_record: list[str]) -> None:
        recipes = [ON_A_RECORD[code] for code in on_record]
        one_record = merged(*(recipe.record for recipe in recipes))
        booking = merged(*(recipe.booking for recipe in recipes))
        apart = frozenset(pairs) in BEFORE_AND_AFTER
        if apart:
            booking = {}
        assert booking is not None, pairs
        self._booking(booking)
        if "vanished" in pairs:
            self._record("c0", [], deleted_at=NOW, created_at=CREATED - MIN)
            self.told.add(f"vanished:{self.mark}c0")
        if "refund_record" in pairs:
            self._record("back", [], commission_idr=-75_000, created_at=CREATED + HOUR)
        if "missing" in pairs:
            self.told.add(f"missing:{self.mark}b1")
        elif one_record is not None and not apart:
            self._record("c1", on_record, end=booking.get("completed_at", (None,))[0])
            if "duplicate" in pairs:
                self._duplicate([], pairs)
        else:
            # The one that makes a record late is the later record; the other stands within its grace.
            first, second = sorted(on_record, key=lambda code: code == "late_record")
            own = {"overdue_premature": NOW + HOUR} if apart else {}
            self.told = {f"{first}:{self.mark}c1"}
            end = booking.get("completed_at", (None,))[0]
            self._record("c1", [first], end=end, deadline=own.get(first, NOW - DAY) if apart else None)
            self._duplicate([second], pairs, end=end, deadline=own.get(second, NOW - DAY) if apart else None)

    def _duplicate(self, codes: list[str], pairs: set[str], **more: Any) -> None:
        # It must not be paid where the other is not: it would be the booking's own.
        if not any("status" in ON_A_RECORD[code].record for code in codes):
            more["status"] = "unknown"
        self._record(
            "c2", codes, created_at=CREATED + HOUR if "late_record" in pairs else CREATED + MIN, **more
        )
        self.told |= {f"{code}:{self.mark}c2" for code in ("duplicate", *codes)}
        # What the booking makes of every live record of it.
        self.told |= {f"{code}:{self.mark}c2" for code in ("not_due", "late_record") if code in pairs}

    def _restrict(self, status: str) -> None:
        self.w.provider(f"{self.mark}p", status=status)
        self.told.add(f"restriction_mismatch:{self.mark}p")

    def _booking(self, facts: Facts) -> None:
        values = {name: options[0] for name, options in facts.items()}
        if values.pop("accepted", False):
            values |= {"accepted_at": CREATED, "accepted_rule": "explicit"}
        self.w.booking(f"{self.mark}b1", provider_id=f"{self.mark}p", created_at=CREATED, **values)

    def _record(
        self,
        name: str,
        codes: list[str],
        *,
        ref: str = "b1",
        end: Any = None,
        deadline: Any = None,
        **more: Any,
    ) -> None:
        facts = merged(*(ON_A_RECORD[code].record for code in codes))
        assert facts is not None, codes
        values: dict[str, Any] = {"provider_id": f"{self.mark}p", "created_at": CREATED}
        values |= {key: options[0] for key, options in facts.items()} | more
        if "amounts" in values:
            values["rate_ppm"], values["commission_idr"] = values.pop("amounts")
        if "due_after_end" in values:
            values["deadline_at"] = end + values.pop("due_after_end")
        if "fee" in values:
            fee = values.pop("fee")
            values |= {"fee_state": "present", "fee_idr": fee} if fee else {"fee_state": "empty"}
        if deadline is not None:
            values["deadline_at"] = deadline
        self.w.commission(self.mark + name, self.mark + ref, **values)


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    for pair in POSSIBLE:
        made.plant(pair)
    made.w.build(["commission_findings"])
    return made


def test_every_pair_of_findings_is_either_planted_or_explained() -> None:
    assert len(FINDINGS) == 20
    assert len(PAIRS) == 190
    assert set(ON_A_RECORD) | {
        "missing",
        "duplicate",
        "orphan",
        "ambiguous_reference",
        "restriction_mismatch",
        "refund_record",
        "vanished",
    } == set(FINDINGS)
    assert len(POSSIBLE) == 190 - 57
    # No finding is left out of the pairs that stand.
    assert {code for pair in POSSIBLE for code in pair} == set(FINDINGS)


@pytest.mark.parametrize("pair", POSSIBLE, ids="+".join)
def test_a_pair_is_found_both_and_no_other(world: World, pair: tuple[str, str]) -> None:
    mark = f"{pair[0]}+{pair[1]}/"
    found = {
        row["finding_id"]
        for row in world.w.rows(
            "SELECT finding_id FROM marts.commission_findings"
            f" WHERE starts_with(split_part(finding_id, ':', 2), '{mark}')"
        )
    }
    assert found == world.expected[pair]
    assert {finding_id.split(":")[0] for finding_id in found} >= set(pair)


def test_nothing_else_is_found(world: World) -> None:
    (row,) = world.w.rows("SELECT count(*) AS n FROM marts.commission_findings")
    assert row["n"] == sum(len(expected) for expected in world.expected.values())
