"""The writer of commission records: one for each booking that is taken on, undone where it comes to nothing.

A record has a role: own, early, duplicate, paid_second (after an own one that is never paid), orphan, test,
unreadable, replacement, refund.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.simulator import mistakes, plan
from sandbox.simulator.actor import Actor
from sandbox.simulator.mistakes import Charge
from sandbox.simulator.shapes import commissions as record_shapes
from sandbox.simulator.shapes.amounts import half_up
from sandbox.simulator.stage import Stage
from sandbox.simulator.terms import PAYMENT_TIME, RATE_PPM
from sandbox.simulator.times import MINUTE, SECOND, appwrite
from sandbox.simulator.world import Booking, Provider, Record

_EARLY_NOT_DUE = ("declined", "expired", "reassigned")


class CommissionWriter(Actor):
    """``open_providers``: whom a record may charge by mistake."""

    def __init__(self, stage: Stage, open_providers: Sequence[Provider]) -> None:
        super().__init__(stage)
        self._open_providers = open_providers

    # -- when a record is due --

    def may_record_early(self, at: int, booking: Booking) -> None:
        """Some writers of the app record the commission as the booking is made."""
        rng, marks = self.rng, booking.marks
        meant = (
            marks.get("duplicate") == "creation"
            or marks.get("not_due") in _EARLY_NOT_DUE
            or "pending_with_record" in marks
            or "unknown_with_record" in marks
        )
        plain = (
            not marks
            and not booking.quarantined
            # a debt on a booking of which nobody knows whether it earns: only where it is meant
            and booking.outcome not in ("pending", "unknown")
            # nor one that charges whoever hands it on
            and not booking.to_hand_on
            and booking.known_start is not None
        )
        if meant or (plain and rng.random() < 0.04):
            booking.early_record = True
            self.agenda.at(at + rng.between(300, 1500), self.record, booking, "early")

    def record_acceptance(self, at: int, booking: Booking) -> None:
        """A booking was taken on: its record follows, with whatever is planted beside it."""
        rng, marks = self.rng, booking.marks
        soon = at + rng.between(SECOND, 25 * SECOND)
        if booking.known_accepted is None:
            # nobody can see when it was accepted, so that a reader's grace counts from creation: leave no gap
            soon = at + rng.between(20, 250)
        if "awaiting" in marks:
            soon = self.end + 20 * SECOND
        elif at < self.end < soon:
            soon = at + 1
        if "missing" in marks:
            self.planted.findings["missing"].append(booking.id)
            if marks["missing"] != "none":
                self.agenda.at(soon, self.record, booking, "own")
            return
        if "namesake" in marks or marks.get("free") == "no_record":
            return
        if booking.early_record:
            if marks.get("duplicate") == "creation":
                self.agenda.at(soon, self.record, booking, "duplicate")
            return
        if "late_record" in marks:
            soon = at + rng.between(6 * MINUTE, 22 * MINUTE)
        self.agenda.at(soon, self.record, booking, "own")
        if marks.get("duplicate") in ("acceptance", "paid_later"):
            role = "duplicate" if marks["duplicate"] == "acceptance" else "paid_second"
            self.agenda.at(soon + rng.between(SECOND, 20 * SECOND), self.record, booking, role)
        if "orphan" in marks and marks["orphan"] != "deleted_booking":
            self.agenda.at(soon + 40 * SECOND, self.record, booking, "orphan")
        if "test_record" in marks:
            self.agenda.at(soon + 30 * SECOND, self.record, booking, "test")
        if "quarantined_record" in marks:
            self.agenda.at(soon + 30 * SECOND, self.record, booking, "unreadable")

    def record_completion(self, at: int, booking: Booking) -> None:
        """The deadline counts from the end that was written."""
        if booking.known_completed is not None:
            for record in booking.records:
                movable = (
                    record.deadline is not None and not record.deadline_frozen and record.deleted is None
                )
                if movable and record.status in ("pending", "rejected"):
                    record.due = record.deadline = at + PAYMENT_TIME
                    self.records.change(at, record, {"paymentDeadline": appwrite(record.deadline)})
        if booking.marks.get("duplicate") == "completion":
            again = at + self.rng.between(SECOND, 9 * SECOND)
            self.agenda.at(again, self.record, booking, "duplicate")

    def undo_records(self, at: int, booking: Booking, canonical: str) -> None:
        """The booking came to nothing, so does what was charged for it."""
        if canonical in ("unknown", "completed") or "not_due" in booking.marks:
            return
        for record in booking.records:
            if record.deleted is None and record.status in ("pending", "paid", "overdue"):
                paid = record.status == "paid"
                undo = "reversed" if paid or self.rng.random() < 0.3 else "cancelled"
                self.agenda.at(at + self.rng.between(300, 2500), self.undo, record, undo)

    def undo(self, at: int, record: Record, canonical: str) -> None:
        """A record is cancelled or reversed."""
        self.records.change(at, record, record_shapes.record_status(self.rng, record, canonical))
        self.happenings.cleared.now(at, record)

    # -- what stands in it --

    def record(self, at: int, booking: Booking, role: str) -> None:
        """Write a commission record in this role."""
        if booking.deleted is not None or (role == "early" and booking.status not in ("pending", "unknown")):
            return
        marks = _marks_of(booking, role)
        charge = self._charge(booking, role, marks)
        reference, document = record_shapes.references(self.rng, booking)
        reference, document = mistakes.misrefer(self.rng, booking, role, marks) or (reference, document)
        due = booking.start + booking.minutes * MINUTE + PAYMENT_TIME
        deadline: int | None = due
        if booking.known_start is None or booking.known_minutes is None or role == "refund":
            deadline = None
        mismatched = "deadline_mismatch" in marks
        if mismatched:
            deadline = due + int(marks["deadline_mismatch"]) * MINUTE
        record = Record(
            id=self.rng.identity(),
            booking=booking,
            provider=charge.provider,
            booking_ref=reference,
            doc_ref=document,
            created=at,
            base=charge.base,
            commission=charge.commission,
            rate_ppm=charge.rate,
            in_thousands=charge.in_thousands,
            source=charge.source,
            status="pending",
            deadline=deadline,
            due=due,
            is_test=role == "test",
            quarantined=role == "unreadable",
            marks=marks,
            deadline_frozen=mismatched
            or deadline is None
            or role in ("orphan", "test")
            or "bare_deadline" in marks,
            as_written=charge.as_written,
            amount_findings=charge.findings,
            names_provider="bare_deadline" not in marks,
            recased_provider=marks.get("case") == "record_provider",
            ahead=booking.ahead,
        )
        if role == "refund":
            row = self._refund_row(at, record, booking.marks["refund_record"])
        else:
            row = record_shapes.record_row(
                self.rng, record, status="pending", plain="wrong_provider" in marks
            )
        if role not in ("orphan", "test", "unreadable", "refund"):
            booking.records.append(record)
        self.records.write(at, record, row)
        self._plant(record, role)
        self.happenings.recorded.now(at, record, role)

    def _charge(self, booking: Booking, role: str, marks: Mapping[str, str]) -> Charge:
        rng = self.rng
        base = booking.amount if booking.amount is not None else booking.price
        rate = None if rng.random() < 0.1 else RATE_PPM
        baseless = rng.random() < 0.03 and not marks
        charge = Charge(
            provider=booking.provider,
            source=booking.source if booking.source != "unknown" and rng.random() < 0.9 else None,
            base=None if baseless else base,
            commission=half_up(base, RATE_PPM),
            rate=rate,
        )
        mistakes.spoil(rng, charge, booking, base, marks)
        if role == "refund":
            mistakes.give_back(rng, charge)
        mistakes.misdirect(rng, charge, booking, self._open_providers, marks)
        return charge

    def _refund_row(self, at: int, record: Record, variant: str) -> dict[str, Any]:
        """A negative record: paid out (with the instant, with that of its verification, with none), or only meant."""
        status, words_of_it = {
            "refunded": ("reversed", ("refunded",)),
            "pending": ("pending", ()),
            "cancelled": ("cancelled", ()),
        }.get(variant, ("paid", ()))
        row = record_shapes.record_row(self.rng, record, status=status, written=words_of_it)
        row |= record_shapes.proof_attributes(record, at)
        if variant in ("paid", "refunded"):
            record.paid_at = at
            row["paidAt"] = appwrite(at)
        elif variant == "verified":
            record.verified_at = at
            row["verifiedAt"] = appwrite(at)
        return row

    def _plant(self, record: Record, role: str) -> None:
        findings = self.planted.findings
        if role == "unreadable":
            self.planted.quarantined["commission_records"].append(record.id)
        if role in ("orphan", "duplicate"):
            findings[role].append(record.id)
        elif role == "refund":
            findings["refund_record"].append(record.id)
            return
        if record.marks.get("duplicate") == "paid_later":
            findings["duplicate"].append(record.id)
        for mark in record.marks:
            if mark in plan.FINDINGS and mark not in ("missing", "duplicate", "vanished", "refund_record"):
                if mark == "orphan" and record.marks[mark] != "deleted_booking":
                    continue
                findings[mark].append(record.id)


def _marks_of(booking: Booking, role: str) -> dict[str, str]:
    """The booking's marks are of its first record; any other is as it should be."""
    if role == "own":
        return dict(booking.marks)
    if role == "early":
        return {key: value for key, value in booking.marks.items() if key != "duplicate"}
    return {}
