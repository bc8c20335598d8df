"""How a booking comes to be: by whom, with whom, when, in which row. What becomes of it is the actors'."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from sandbox.simulator.chance import choose, pick
from sandbox.simulator.diary import Diary
from sandbox.simulator.people import OFFSETS
from sandbox.simulator.roster import Roster
from sandbox.simulator.sentinels import SENTINEL_E164, SENTINEL_NAME, SENTINEL_PHONE
from sandbox.simulator.shapes import bookings as booking_shapes
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import DAY, HOUR, MINUTE
from sandbox.simulator.world import Booking, Customer, Provider

BALI = OFFSETS["Asia/Makassar"]
SLACK = 10 * MINUTE  # a service is completed at most so long after its time
_OUTCOMES = (
    ("completed", 62.0),
    ("accepted", 2.5),
    ("confirmed", 2.5),
    ("cancelled_after", 4.5),
    ("declined", 9.0),
    ("expired", 8.5),
    ("cancelled", 6.0),
    ("reassigned", 2.4),
    ("pending", 1.6),
    ("unknown", 1.0),
)
_SOURCES = (
    ("bookingButton", 31.0),
    ("chatWindow", 22.0),
    ("menuSlider", 15.0),
    ("priceSlider", 11.0),
    ("scheduled", 9.0),
    ("direct", 11.0),
    ("unknown", 1.0),
)
# how often a booking is handed to another provider before one answers
_HAND_OVERS = ((0, 96.5), (1, 3.0), (2, 0.5))
# when people want to be served who say when: relative, by local hour from FIRST_HOUR on
FIRST_HOUR = 8
_WANTED_HOURS = list(
    accumulate((0.5, 1.0, 1.3, 1.4, 1.1, 1.1, 1.3, 1.5, 1.8, 2.1, 2.3, 2.4, 2.1, 1.5, 0.6))
)  # fmt: skip
# what a planted booking comes by where its own entry point is out
_OPEN_TO_PLANTS = ("menuSlider", "bookingButton", "direct")
# marks whose booking is answered, served and paid for like any other, on time
_FORCED_OUTCOME = {
    "expired": "expired",
    "declined": "declined",
    "reassigned": "reassigned",
    "cancelled_after": "cancelled_after",
    "pending_record": "cancelled_after",
}
# how these end, a therapist has been promised for the time
_TAKES_TIME = frozenset({"completed", "accepted", "confirmed", "cancelled_after"})
_AHEAD = (DAY, DAY, 30 * DAY, 365 * DAY)
_NEEDS_ACCEPTED_AT = frozenset({"late_record", "awaiting", "sentinel"})
_OF_ONE_THERAPIST = frozenset({"overlapping_bookings", "touching"})


@dataclass(slots=True)
class _Service:
    """What is booked, before anyone is found for it. ``length``: the time it may take, milliseconds."""

    minutes: int
    source: str
    scheduled: bool
    life: str
    wanted: int
    length: int

    # of a scheduled one: not before this instant, at this minute of the day
    earliest: int = 0
    clock: int = 0

    def start_with(self, provider: Provider) -> int:
        """When it would begin: a scheduled one at its time of the day there."""
        if not self.scheduled:
            return self.wanted
        offset = provider.offset * MINUTE
        start = (self.wanted + offset) // DAY * DAY - offset + self.clock * MINUTE
        while start < self.earliest:
            start += DAY
        return start


class BookingDesk:
    """Takes every booking, whoever wants it. Keeps count of them."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._rng, self._end = stage, stage.rng, stage.end
        self._diary = Diary()
        self.roster = Roster(stage.rng, stage.people.providers, self._diary)
        self._number = 0

    def book(
        self,
        at: int,
        customer: Customer,
        *,
        provider: Provider | None = None,
        marks: Mapping[str, str] | None = None,
        like: Booking | None = None,
        replaces: Booking | None = None,
        business_id: str | None = None,
        outcome: str | None = None,
        start: int | None = None,
        twin_of: Booking | None = None,
        test_rule: str | None = None,
        source: str | None = None,
    ) -> Booking:
        """A booking is made; all that will become of it is told on. ``start``: then, whoever was promised it.

        ``source``: by which entry point; None: any."""
        rng, marks = self._rng, dict(marks or {})
        self._number += 1
        if "sentinel" in marks:
            customer = Customer(rng.identity(), SENTINEL_NAME, SENTINEL_PHONE, SENTINEL_E164, False)
            self._stage.people.sign_up(at, customer)
        service = self._service(at, marks, like, outcome, source)
        if provider is None:
            provider = self._provider(service, marks, replaces)
        if start is None:
            start = self._start(service, provider, shared=like is not None and replaces is None)
        price = provider.prices[service.minutes]
        if rng.random() < 0.06:
            price += rng.between(1, 20_000)
        booking = Booking(
            id=twin_of.id if twin_of else rng.identity(),
            table="hotel_bookings" if twin_of or (rng.random() < 0.065 and not marks) else "bookings",
            twin=twin_of is not None,
            customer=customer,
            provider=provider,
            created=at,
            minutes=service.minutes,
            price=price,
            start=start,
            deadline=at + (30 if service.scheduled else 5) * MINUTE,
            outcome=service.life,
            wanted_source=service.source,
            wanted_mode="scheduled" if service.scheduled else "immediate",
            marks=marks,
            replaces=replaces.id if replaces else None,
        )
        if "quarantined" in marks and rng.random() < 0.25:
            booking.table = "hotel_bookings"
        if business_id is not None:
            booking.business_id = business_id
        elif rng.random() < 0.86 or marks:
            booking.business_id = f"BK-{self._number:06d}-{rng.getrandbits(24):06x}"
        self._style(booking)
        ordinary = not marks and not like and not replaces
        if ordinary and at <= self._end - 3 * HOUR and rng.random() < 0.013:
            test_rule = pick(rng, ("isTest", "name", "phone"))
        if ordinary:
            booking.to_hand_on = choose(rng, _HAND_OVERS)
        self._write(at, booking, test_rule)
        self._stage.happenings.booked.now(at, booking)
        return booking

    def any_source(self) -> str:
        """The entry point that someone comes by."""
        return choose(self._rng, _SOURCES)

    def hand_over(self, booking: Booking) -> Provider | None:
        """Find another provider for a booking that waits, promise it the time; None where nobody has any."""
        giver, length = booking.provider, booking.minutes * MINUTE + SLACK
        takes_time = booking.outcome in _TAKES_TIME

        def fits(provider: Provider) -> bool:
            return not takes_time or self._diary.is_free(provider, booking.start, length)

        taker = self.roster.another(giver, fits)
        if taker is not None:
            booking.provider = taker
            if takes_time:
                self._diary.release(giver, booking.start, length)
                self._diary.promise(taker, booking.start, length)
        return taker

    def _service(
        self, at: int, marks: dict[str, str], like: Booking | None, outcome: str | None, source: str | None
    ) -> _Service:
        rng = self._rng
        minutes = like.minutes if like else choose(rng, ((60, 46), (90, 36), (120, 18)))
        source = like.wanted_source if like else source or self.any_source()
        scheduled = source == "scheduled" or rng.random() < 0.27
        if marks and source == "unknown":
            source = "menuSlider"
        life: str = outcome or _forced_outcome(marks) or self._fate(at)
        if marks:
            scheduled = bool(
                marks.keys() & {"pending_with_record", "overdue_premature"}
                or "pending_record" in marks.values()
                or marks.get("fee_wrong", "").endswith(":early")
            )
            if source == "scheduled" and not scheduled:
                source = "bookingButton"
        if marks and not like and self._stage.disturbances.is_out(source, at):
            source = next((s for s in _OPEN_TO_PLANTS if not self._stage.disturbances.is_out(s, at)), source)
        if scheduled:
            wanted, earliest = at + rng.between(4 * HOUR, 5 * DAY), at + 3 * HOUR
            if marks:
                wanted, earliest = max(wanted, self._end + rng.between(DAY, 3 * DAY)), self._end + DAY
            clock = self._time_of_day()
        else:
            earliest = clock = 0
            wanted = (at + rng.between(25 * MINUTE, 112 * MINUTE)) // MINUTE * MINUTE
        length = minutes * MINUTE + SLACK
        if marks.keys() & _OF_ONE_THERAPIST:
            length += 4 * HOUR
        return _Service(minutes, source, scheduled, life, wanted, length, earliest, clock)

    def _fate(self, at: int) -> str:
        """What becomes of a booking that nothing is planted on."""
        life: str = choose(self._rng, _OUTCOMES)
        share = self._stage.disturbances.acceptance_at(at)
        if share < 1 and life in _TAKES_TIME and self._rng.random() >= share:
            return pick(self._rng, ("declined", "expired"))
        return life

    def _time_of_day(self) -> int:
        """The minute of the local day that someone wants to be served at."""
        rng = self._rng
        hour = FIRST_HOUR + bisect_left(_WANTED_HOURS, rng.random() * _WANTED_HOURS[-1])
        return hour * 60 + rng.between(0, 12) * 5

    def _provider(self, service: _Service, marks: dict[str, str], replaces: Booking | None) -> Provider:
        planted = self.roster.planted(marks, self._number, service.start_with, service.length)
        if planted is not None:
            return planted
        one_therapist = bool(marks.keys() & _OF_ONE_THERAPIST)
        zone_tells = "bare_deadline" in marks or marks.get("case") == "provider"

        def suits(provider: Provider) -> bool:
            if provider.kind == "place" and one_therapist:
                return False
            if provider.offset == BALI and zone_tells:
                return False
            return replaces is None or provider.id != replaces.provider.id

        takes_time = service.life in _TAKES_TIME

        def fits(provider: Provider) -> bool:
            start = service.start_with(provider)
            free = not takes_time or self._diary.is_free(provider, start, service.length)
            return free and suits(provider)

        return self.roster.any_free(suits, fits, soon=not service.scheduled)

    def _start(self, service: _Service, provider: Provider, *, shared: bool) -> int:
        """When it begins; the time is promised, if it is to be served at all. ``shared``: with a first booking."""
        start = service.start_with(provider)
        if service.life not in _TAKES_TIME:
            return start
        if not self._diary.is_free(provider, start, service.length):
            if shared:
                # the second of a double click: nobody can be at two doors
                service.life = pick(self._rng, ("declined", "declined", "expired"))
                return start
            start = self._diary.next_free(provider, start, service.length)
        self._diary.promise(provider, start, service.length)
        return start

    def _style(self, booking: Booking) -> None:
        """Which writer of the app writes it, as far as its marks leave that open."""
        rng, marks = self._rng, booking.marks
        if "unknown_mode" in marks:
            booking.deadline = booking.created + 30 * MINUTE
            marks["lost_start"] = ""
        booking.quarantined = "quarantined" in marks
        booking_shapes.draw_style(rng, booking)
        if marks.keys() & _NEEDS_ACCEPTED_AT:
            booking.accept_attribute = pick(rng, ("acceptedAt", "confirmedAt", "both"))
        if marks.get("duplicate") == "completion" or marks.get("vanished") == "replaced":
            booking.accept_attribute = None
        if marks.get("ahead") == "acceptedAt":
            booking.accept_attribute = "acceptedAt"
        if marks.get("case") == "provider":
            # the zone such times are in is to be found by the provider's id
            booking.time_shape = "bare"
        if "ahead" in marks:
            booking.ahead = self._end + pick(rng, _AHEAD) + rng.between(HOUR, 2 * HOUR)
        if marks.keys() & _OF_ONE_THERAPIST:
            booking.writes_completion = marks.get("overlapping_bookings") == "ran_over"

    def _write(self, at: int, booking: Booking, test_rule: str | None) -> None:
        stage, marks = self._stage, booking.marks
        other = pick(self._rng, self.roster.open)
        data = booking_shapes.booking_row(self._rng, booking, other_provider=other.id, test_rule=test_rule)
        if "sentinel" in marks:
            data["customerName"], data["customerWhatsApp"] = SENTINEL_NAME, SENTINEL_PHONE
            booking.known_phone = SENTINEL_E164
        stage.bookings[booking.key] = booking
        stage.journal.write(at, booking.table, booking.id, data)
        if "overlapping_bookings" in marks:
            stage.planted.findings["overlapping_bookings"].append(booking.id)
        if booking.quarantined:
            stage.planted.quarantined[booking.table].append(booking.id)


def _forced_outcome(marks: dict[str, str]) -> str | None:
    if not marks:
        return None
    for variant in marks.values():
        if variant in _FORCED_OUTCOME:
            return _FORCED_OUTCOME[variant]
    if "deleted" in marks:
        return "declined"
    if "pending_with_record" in marks:
        return "pending"
    if "unknown_with_record" in marks:
        return "unknown"
    if "lost_minutes" in marks or "unknown_mode" in marks:
        return "cancelled"
    return "completed"
