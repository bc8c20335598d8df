"""Those who are charged: each record is paid in time, after a proof, late, or never."""

from __future__ import annotations

from sandbox.simulator import vocabulary as words
from sandbox.simulator.actor import Actor
from sandbox.simulator.chance import choose, pick
from sandbox.simulator.shapes import commissions as record_shapes
from sandbox.simulator.shapes.amounts import half_up
from sandbox.simulator.terms import RATE_PPM
from sandbox.simulator.times import HOUR, MINUTE, SECOND, appwrite
from sandbox.simulator.world import Record

_UNPAID = frozenset({"pending", "rejected", "overdue", "awaiting_verification"})
_WAYS = (
    ("paid", 47),
    ("verified", 38),
    ("rejected", 3),
    ("left", 1.2),
    ("unknown", 0.4),
    ("late", 8),
    ("before", 2.4),
)
_IN_ADVANCE = frozenset(
    {
        "not_due",
        "unknown_with_record",
        "lost_start",
        "ambiguous_reference",
        "refund_record",
        "partial_refund",
        "free",
    }
)
_LATE = frozenset({"default", "fee_missing", "overlooked", "fee_wrong", "overdue_unmarked"})


class Debtors(Actor):
    """They decide how to pay as soon as they are charged."""

    def plan(self, at: int, record: Record, role: str) -> None:
        """A record was written."""
        rng, marks, booking = self.rng, record.marks, record.booking
        assert booking is not None
        if role == "refund" or _never_pays(marks):
            return
        end = booking.start + booking.minutes * MINUTE
        if "unknown_paid" in marks:
            self.agenda.at(at + rng.between(SECOND, 25 * SECOND), self._puzzle, record, True)
        elif "overlooked" not in marks and (
            role in ("orphan", "test", "unreadable", "paid_second")
            or booking.quarantined
            or marks.get("wrong_amount") == "free_record"
            or marks.keys() & _IN_ADVANCE
        ):
            self.agenda.at(at + rng.between(SECOND, 25 * SECOND), self.pay, record)
        elif marks.keys() & _LATE:
            self._plan_default(end, record)
        elif booking.is_test or booking.marks:
            self.agenda.at(end + rng.between(10 * MINUTE, 150 * MINUTE), self.pay, record)
        else:
            self._plan_way(at, end, record, accepted=booking.accepted is not None)

    def _plan_default(self, end: int, record: Record) -> None:
        rng, marks = self.rng, record.marks
        variant = marks.get("overdue_unmarked")
        if variant == "rejected":
            self.agenda.at(end + rng.between(20 * MINUTE, 60 * MINUTE), self._send_proof, record, "rejected")
        elif variant == "late_proof":
            self.agenda.at(
                record.due + rng.between(40 * MINUTE, 90 * MINUTE), self._send_proof, record, "left"
            )
        if marks.get("fee_wrong", "").endswith(":paid"):
            self.agenda.at(record.due + rng.between(40 * MINUTE, 3 * HOUR), self.pay, record)
        self._await_deadline(record)

    def _plan_way(self, at: int, end: int, record: Record, *, accepted: bool) -> None:
        rng, put = self.rng, self.agenda.at
        way = choose(rng, _WAYS)
        if way == "before" and accepted:
            put(at + rng.between(3 * MINUTE, 15 * MINUTE), self.pay, record)
        elif way in ("paid", "before"):
            put(end + rng.between(5 * MINUTE, 160 * MINUTE), self.pay, record)
        elif way in ("verified", "left"):
            put(end + rng.between(10 * MINUTE, 165 * MINUTE), self._send_proof, record, way)
        elif way == "rejected":
            put(end + rng.between(10 * MINUTE, 100 * MINUTE), self._send_proof, record, way)
            put(end + rng.between(150 * MINUTE, 165 * MINUTE), self.pay, record)
        elif way == "unknown":
            put(end + rng.between(10 * MINUTE, 60 * MINUTE), self._puzzle, record)
        else:
            put(record.due + rng.between(40 * MINUTE, 26 * HOUR), self.pay, record)
        self._await_deadline(record)

    def _await_deadline(self, record: Record) -> None:
        self.happenings.deadline.later(record.due + self.rng.between(2 * SECOND, 20 * SECOND), record)

    def _send_proof(self, at: int, record: Record, then: str) -> None:
        if record.deleted is not None or record.status not in ("pending", "overdue"):
            return
        data = record_shapes.record_status(self.rng, record, "awaiting_verification")
        self.records.change(at, record, data | record_shapes.proof_attributes(record, at))
        self.happenings.proof_sent.now(at, record, then)

    def _puzzle(self, at: int, record: Record, paid: bool = False) -> None:
        """A status nobody knows; of one that was paid the money is there all the same."""
        if record.status != "pending":
            return
        data = record_shapes.record_status(self.rng, record, "unknown")
        if paid:
            record.paid_at = at
            data |= {"paidAt": appwrite(at)} | record_shapes.proof_attributes(record, at)
        self.records.change(at, record, data)

    def pay(self, at: int, record: Record, verified: bool = False) -> None:
        """The money comes in. ``verified``: an administrator saw the proof."""
        rng = self.rng
        if record.deleted is not None or record.status not in _UNPAID:
            return
        data = record_shapes.record_status(rng, record, "paid")
        if record.ahead is not None and record.marks.get("ahead") in ("paidAt", "verifiedAt"):
            data[record.marks["ahead"]] = appwrite(record.ahead)
            data |= record_shapes.proof_attributes(record, at)
        elif verified:
            record.verified_at = at
            data["verifiedAt"] = appwrite(at)
            if rng.random() < 0.6 and record.proof_at is not None:
                record.paid_at = record.proof_at
                data["paidAt"] = appwrite(record.proof_at)
        else:
            mark = rng.random()
            if mark < 0.85:
                record.paid_at = at
                data["paidAt"] = appwrite(at)
            elif mark < 0.95:
                record.verified_at = at
                data["verifiedAt"] = appwrite(at)
            if "paid_without_proof" in record.marks:
                if rng.random() < 0.5:
                    data[record.proof_attribute] = pick(rng, words.EMPTY_WORDS)
            elif not record.proof:
                data |= record_shapes.proof_attributes(record, at - rng.between(SECOND, 4 * MINUTE))
        self.records.change(at, record, data)
        self.happenings.cleared.now(at, record)
        self.happenings.paid.now(at, record)
        if rng.random() < 0.7 and record.booking is not None:
            self._transfer(at, record)

    def _transfer(self, at: int, record: Record) -> None:
        """What the bank says of it."""
        rng, booking = self.rng, record.booking
        assert booking is not None
        self.journal.write(
            at,
            "payment_transactions",
            rng.identity(),
            {
                "bookingId": booking.id,
                "commissionId": record.id,
                "providerId": record.provider.id,
                "reference": f"TRX{rng.getrandbits(40):010x}",
                "amount": half_up(booking.amount or booking.price, RATE_PPM) + (record.fee or 0),
                "method": pick(rng, ("bank_transfer", "qris", "cash")),
                "status": "settled",
                "createdAt": appwrite(at),
            },
        )


def _never_pays(marks: dict[str, str]) -> bool:
    """Whether nothing comes in on a record of these marks, nor is it reminded of."""
    return (
        marks.get("missing") in ("cancelled_record", "reversed_record")
        or "vanished" in marks
        or marks.get("not_due") == "pending_record"
        or marks.get("duplicate") == "paid_later"
        or "pending_with_record" in marks
        or marks.get("fee_wrong", "").endswith(":early")
    )
