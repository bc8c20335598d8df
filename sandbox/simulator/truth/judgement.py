"""What is wrong with the commissions: the finding of each, the state of each booking."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sandbox.simulator import plan
from sandbox.simulator.times import MINUTE, zulu
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import (
    DEADLINE_TOLERANCE,
    EARNING,
    ENDED,
    GRACE,
    OWN_FIRST,
    PAYABLE_WITHIN,
    POLICY_FEE,
    POLICY_PPM,
    RESTRICTED_AFTER,
    UNPAID,
    commission_on,
    expected_of,
    is_free,
    is_refund,
    owes,
)
from sandbox.simulator.world import Booking, Record


class Judgement:
    """The rules applied to all that is known, once.

    ``findings``, ``rows`` of the reconciliation with their ``states``, ``eligible`` bookings by state,
    ``tracked_bookings`` by key, the ``own`` record of each, ``doubted`` bookings, of which nobody can tell whether
    they have one.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        # further records of a booking whose own record is paid, and which are not: nothing is due on them
        self.needless: set[str] = set()
        self.findings: dict[str, list[dict[str, Any]]] = {finding: [] for finding in plan.FINDINGS}
        self.rows: list[dict[str, Any]] = []
        self.states: Counter[str] = Counter()
        self.tracked_bookings: set[str] = set()
        self.own: dict[str, Record] = {}
        self.doubted: set[str] = set()
        self._reconcile()
        self._judge_refunds()
        self._judge_payments()
        self._judge_restrictions()
        self._judge_vanished()
        for entries in self.findings.values():
            entries.sort(
                key=lambda e: (e["commission_id"] or "", e["booking_id"] or "", e["provider_id"] or "")
            )

    def _find(
        self,
        finding: str,
        booking: Booking | None,
        record: Record | None,
        expected: int | None,
        actual: int | None,
    ) -> None:
        # a record that names nobody charges its booking's provider, who is record.provider then
        provider = record.provider if record else booking.provider if booking else None
        self.findings[finding].append(
            {
                "booking_id": booking.id if booking else None,
                "commission_id": record.id if record else None,
                "provider_id": provider.id if provider else None,
                "expected_idr": expected,
                "actual_idr": actual,
            }
        )

    def _row(
        self,
        state: str,
        booking: Booking | None,
        record: Record | None,
        expected: int | None,
        actual: int | None,
    ) -> None:
        self.states[state] += 1
        self.rows.append(
            {
                "booking_id": booking.id if booking else None,
                "commission_id": record.id if record else None,
                "state": state,
                "expected_idr": expected,
                "actual_idr": actual,
            }
        )

    def _reconcile(self) -> None:
        of_booking: dict[str, list[Record]] = defaultdict(list)
        doubtful: set[str] = set()
        for record in self._known.live:
            match = self._known.match[record.id]
            if match.kind == "one":
                of_booking[match.bookings[0].key].append(record)
            elif match.kind == "ambiguous":
                doubtful.update(b.key for b in match.bookings)
                self._find("ambiguous_reference", None, record, None, record.commission)
                self._row("unknown", None, record, None, record.commission)
            elif match.kind == "quarantined":
                self._row("unknown", None, record, None, record.commission)
            else:
                self._find("orphan", None, record, 0, record.commission)
                self._row("orphan", None, record, 0, record.commission)

        self.eligible: Counter[str] = Counter()
        for booking in self._known.counted:
            records = sorted(
                of_booking.get(booking.key, ()), key=lambda r: (OWN_FIRST.get(r.status, 2), r.created, r.id)
            )
            if records:
                self.tracked_bookings.add(booking.key)
                self.own[booking.key] = records[0]
            for extra in records[1:]:
                self._find("duplicate", booking, extra, 0, self._known.charged(extra))
                if records[0].status == "paid" and extra.status in UNPAID:
                    self.needless.add(extra.id)
            for record in records:
                self._judge_match(booking, record)
            if booking.status in EARNING:
                self._judge_earning(booking, records, booking.key in doubtful)
            elif booking.status in ENDED:
                for number, record in enumerate(records):
                    if record.id not in self.needless:
                        self._find("not_due", booking, record, 0, record.commission)
                    if number == 0:
                        self._row("not_due", booking, record, 0, record.commission)
            elif records:
                self._row("unknown", booking, records[0], None, records[0].commission)

    def _judge_match(self, booking: Booking, record: Record) -> None:
        expected, charged = expected_of(booking), self._known.charged(record)
        if record.names_provider and record.provider.id != booking.provider.id:
            self._find("wrong_provider", booking, record, expected, charged)
        if record.source is not None and booking.source != "unknown" and record.source != booking.source:
            self._find("source_mismatch", booking, record, expected, charged)
        if (
            booking.status in EARNING
            and booking.known_accepted is not None
            and record.created > booking.known_accepted + GRACE
        ):
            self._find("late_record", booking, record, expected, charged)

    def _judge_earning(self, booking: Booking, records: list[Record], doubtful: bool) -> None:
        expected = expected_of(booking)
        wrong = {record.id: self._amount_finding(booking, record) for record in records}
        for record in records:
            if (finding := wrong[record.id]) is not None:
                self._find(finding, booking, record, expected, self._known.charged(record))
        own = records[0] if records else None
        charged = 0 if own is None else self._known.charged(own)
        if own is not None and booking.amount is None:
            state = "unknown"
        elif own is not None and wrong[own.id]:
            state = "mismatched"
        elif is_free(booking):
            state = "free"
        elif own is not None:
            state = "matched"
        elif doubtful:
            # what the booking earns is known; which record pays for it is not
            state, charged = "unknown", None
            self.doubted.add(booking.key)
        else:
            since = booking.known_accepted if booking.known_accepted is not None else booking.created
            state = "awaiting" if self._known.now < since + GRACE else "missing"
        self._row(state, booking, own, expected, charged)
        if state == "missing":
            self._find("missing", booking, None, expected, 0)
        self.eligible[state] += 1

    def _amount_finding(self, booking: Booking, record: Record) -> str | None:
        """unit_error, wrong_rate, wrong_amount: the first that holds, or None."""
        if booking.amount is None:
            return None
        expected, charged = commission_on(booking.amount), self._known.charged(record)
        if is_free(booking):
            return "wrong_amount" if charged is None or charged > 0 else None
        if record.in_thousands or charged != record.commission:
            return "unit_error"
        if record.amount_findings or charged is None:
            return "wrong_amount"
        base = booking.amount if record.base is None else record.base
        if charged != expected:
            doubled = 2 * base * (POLICY_PPM if record.rate_ppm is None else record.rate_ppm)
            at_its_rate = charged == (doubled + 1_000_000) // 2_000_000
            differs = record.rate_ppm not in (None, POLICY_PPM)
            return "wrong_rate" if differs and at_its_rate else "wrong_amount"
        return "wrong_amount" if base != booking.amount else None

    def _judge_refunds(self) -> None:
        for record in self._known.in_figures:
            if is_refund(record):
                self._find("refund_record", self._known.booking_of(record), record, 0, record.commission)

    @staticmethod
    def _unpaid(record: Record, due: int) -> bool:
        if record.status == "awaiting_verification":
            return record.proof_at is None or record.proof_at > due
        return record.status in ("pending", "rejected", "overdue")

    def _judge_payments(self) -> None:
        for record in self._known.live:
            booking = self._known.booking_of(record)
            expected, charged = expected_of(booking), self._known.charged(record)
            if record.status == "paid" and not record.proof:
                self._find("paid_without_proof", booking, record, expected, charged)
            if booking is None or not owes(booking):
                continue
            if record.deadline is not None:
                ends = []
                if booking.known_completed is not None:
                    ends.append(booking.known_completed)
                if booking.known_start is not None and booking.known_minutes is not None:
                    ends.append(booking.known_start + booking.known_minutes * MINUTE)
                if ends and all(
                    abs(record.deadline - end - PAYABLE_WITHIN) > DEADLINE_TOLERANCE for end in ends
                ):
                    self._find("deadline_mismatch", booking, record, expected, charged)
            due = self._known.due(record)
            if due is not None and record.id not in self.needless:
                unpaid = self._unpaid(record, due)
                if unpaid and self._known.now > due and record.status != "overdue":
                    self._find("overdue_unmarked", booking, record, expected, charged)
                if record.status == "overdue" and self._known.now < due:
                    self._find("overdue_premature", booking, record, expected, charged)
                if unpaid and self._known.now > due + RESTRICTED_AFTER and record.fee is None:
                    self._find("fee_missing", booking, record, POLICY_FEE, 0)
            if record.fee is not None:
                owed = 0 if due is not None and self._known.now < due else POLICY_FEE
                if record.fee != owed:
                    self._find("fee_wrong", booking, record, owed, record.fee)

    def _judge_restrictions(self) -> None:
        behind: dict[str, int] = {}
        for record in self._known.live:
            due = self._known.due(record)
            if record.id in self.needless or not owes(self._known.booking_of(record)) or due is None:
                continue
            if self._unpaid(record, due) and self._known.now > due:
                key = record.provider.id
                behind[key] = max(behind.get(key, 0), self._known.now - due)
        for provider in self._known.simulation.providers:
            restricted = provider.status == "RESTRICTED"
            late = behind.get(provider.id)
            if (restricted and late is None) or (
                not restricted and late is not None and late > RESTRICTED_AFTER
            ):
                self.findings["restriction_mismatch"].append(
                    {
                        "booking_id": None,
                        "commission_id": None,
                        "provider_id": provider.id,
                        "expected_idr": None,
                        "actual_idr": None,
                    }
                )

    def _judge_vanished(self) -> None:
        for record in self._known.records:
            if record.deleted is not None and not self._known.is_test(record):
                self._find("vanished", self._known.booking_of(record), record, None, record.commission)
                self.findings["vanished"][-1].update(
                    first_at=zulu(record.created),
                    gone_at=zulu(record.deleted),
                    provider_id=record.provider.id,
                )
