"""Mischief: the mistakes that are planted beside a booking or its record, as its marks say."""

from __future__ import annotations

from sandbox.simulator.actor import Actor
from sandbox.simulator.booking_desk import BookingDesk
from sandbox.simulator.shapes import commissions as record_shapes
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import HOUR, MINUTE, SECOND
from sandbox.simulator.world import Booking, Record


class Mischief(Actor):
    """Does what no honest writer of the app would."""

    def __init__(self, stage: Stage, desk: BookingDesk) -> None:
        super().__init__(stage)
        self._desk = desk

    # -- with bookings --

    def beset(self, at: int, booking: Booking) -> None:
        """A booking was made: what is planted beside it follows."""
        rng, marks, put = self.rng, booking.marks, self.agenda.at
        if not marks:
            return
        if "deleted" in marks:
            self.happenings.removal_wanted.later(at + rng.between(2 * HOUR, 8 * HOUR), booking)
        if "ambiguous_reference" in marks:
            put(at + rng.between(3 * SECOND, 40 * SECOND), self._namesake, booking)
            if marks["ambiguous_reference"] == "hotel_twin":
                put(at + rng.between(50 * SECOND, 90 * SECOND), self._twin, booking)
        if "test_namesake" in marks:
            put(at + rng.between(3 * SECOND, 40 * SECOND), self._test_namesake, booking)
        if "overlapping_bookings" in marks or "touching" in marks:
            for number, start in enumerate(_companions(booking)):
                moment = at + (number + 1) * rng.between(30 * SECOND, 90 * SECOND)
                put(moment, self._beside, booking, start)
        ahead, happenings = marks.get("ahead"), self.happenings
        if marks.get("case") == "room":
            moment = at + rng.between(70 * SECOND, 90 * SECOND)
            happenings.odd_message_wanted.later(moment, booking, "reference_case")
        if ahead == "message":
            moment = at + rng.between(70 * SECOND, 90 * SECOND)
            happenings.odd_message_wanted.later(moment, booking, "in_the_future")
        if ahead == "notification":
            moment = at + rng.between(70 * SECOND, 90 * SECOND)
            happenings.odd_notification_wanted.later(moment, booking)
        if "abuse_bookings" in marks:
            for number in range(6):
                put(at + (number * 8 + 7) * MINUTE, self._book_again, booking)

    def _book_again(self, at: int, booking: Booking) -> None:
        self._desk.book(at, booking.customer, outcome="cancelled", marks={"abuse": ""})

    def _namesake(self, at: int, booking: Booking) -> None:
        """A second booking under a key of the first: what refers to that key fits both."""
        if booking.marks["ambiguous_reference"] == "id_and_business":
            shared, outcome = booking.id, "completed"
        else:
            shared, outcome = booking.business_id, "declined"
        second = self._desk.book(
            at,
            self.people.any_customer(),
            provider=booking.provider,
            marks={"namesake": ""},
            business_id=shared,
            outcome=outcome,
        )
        second.accept_attribute = second.accept_attribute or "acceptedAt"

    def _test_namesake(self, at: int, booking: Booking) -> None:
        """A test of the app under a key of a real booking: what refers to that key means the real one."""
        self._desk.book(
            at,
            self.people.any_customer(),
            marks={"namesake": ""},
            business_id=booking.business_id,
            outcome="declined",
            test_rule="isTest",
        )

    def _twin(self, at: int, booking: Booking) -> None:
        """A booking of a hotel under the row id of one in bookings. Nobody records its commission."""
        self._desk.book(
            at,
            self.people.another_customer(booking.customer),
            marks={"missing": "none"},
            outcome="completed",
            twin_of=booking,
        )

    def _beside(self, at: int, booking: Booking, start: int) -> None:
        marks = {"touched": ""} if "touching" in booking.marks else {"overlapping_bookings": "beside"}
        self._desk.book(
            at,
            self.people.another_customer(booking.customer),
            provider=booking.provider,
            marks=marks,
            outcome="completed",
            start=start,
        )

    def delete_served(self, at: int, booking: Booking) -> None:
        """A booking that was served is deleted, its record is not."""
        if booking.marks.get("orphan") == "deleted_booking":
            self.happenings.removal_wanted.later(at + 5 * HOUR, booking)

    # -- with records --

    def spoil(self, at: int, record: Record, _role: str) -> None:
        """A record was written: what is planted on it follows."""
        rng, marks = self.rng, record.marks
        if not marks:
            return
        if marks.get("missing") in ("cancelled_record", "reversed_record"):
            canonical = marks["missing"].split("_", maxsplit=1)[0]
            self.happenings.undoing_wanted.later(at + 30 * SECOND, record, canonical)
        if "vanished" in marks:
            self.agenda.at(at + rng.between(12 * MINUTE, 20 * MINUTE), self._vanish, record)
        if "overdue_premature" in marks:
            self.agenda.at(at + 2 * MINUTE, self._mark_overdue, record)
        if marks.get("fee_wrong", "").endswith(":early"):
            self.agenda.at(at + 2 * MINUTE, self._charge_early, record)

    def _vanish(self, at: int, record: Record) -> None:
        booking = record.booking
        self.records.delete(at, record)
        self.planted.findings["vanished"].append(record.id)
        if booking is None:
            return
        if record.marks["vanished"] == "replaced":
            self.happenings.record_wanted.later(at + 4 * SECOND, booking, "replacement")
        else:
            self.planted.findings["missing"].append(booking.id)

    def _mark_overdue(self, at: int, record: Record) -> None:
        """Marked before its time: the planted mistake of a clock in the wrong zone."""
        if record.status == "pending":
            self.records.change(at, record, record_shapes.record_status(self.rng, record, "overdue"))

    def _charge_early(self, at: int, record: Record) -> None:
        """A late fee before anything is due: the planted mistake of a clock in the wrong zone."""
        fee = int(record.marks["fee_wrong"].split(":")[0])
        self.records.change(at, record, record_shapes.fee_attributes(record, fee))

    def refund(self, at: int, record: Record) -> None:
        """Money came in: some of it goes back."""
        rng = self.rng
        if "refund_record" in record.marks and record.booking is not None:
            later = at + rng.between(10 * MINUTE, 60 * MINUTE)
            self.happenings.record_wanted.later(later, record.booking, "refund")
        if "partial_refund" in record.marks:
            self.agenda.at(at + rng.between(10 * MINUTE, 60 * MINUTE), self._give_back_part, record)

    def _give_back_part(self, at: int, record: Record) -> None:
        """A word that is read as paid: how much of it went back is not said."""
        data = record_shapes.record_status(self.rng, record, "paid", (record.marks["partial_refund"],))
        record.partly_refunded = True
        self.records.change(at, record, data)


def _companions(booking: Booking) -> list[int]:
    """When the others begin that the same therapist takes on for about the time of a planted booking."""
    ended = booking.start + booking.minutes * MINUTE
    if "touching" in booking.marks:
        return [ended]
    return {
        "half": [booking.start + booking.minutes * MINUTE // 2],
        "ran_over": [ended + 10 * MINUTE],
        "three": [booking.start + 20 * MINUTE, booking.start + 40 * MINUTE],
        "beside": [],
    }[booking.marks["overlapping_bookings"]]
