"""The marketplace as discrete events: bookings arrive, are answered, served, paid for and talked about.

The canonical world is kept in world.py's records while the rows are written in the shapes of shapes.py.
What is true of it, and what a checker must find, is computed in truth.py.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Any

from sandbox.simulator import plan, shapes
from sandbox.simulator import vocabulary as words
from sandbox.simulator.events import Event, Kind
from sandbox.simulator.shapes import choose, half_up, pick
from sandbox.simulator.times import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    appwrite,
    from_ms,
    local_hhmm,
    local_hour,
    local_weekday,
    to_ms,
)
from sandbox.simulator.world import Booking, Customer, Notification, Provider, Record

OFFSETS = {"Asia/Jakarta": 420, "Asia/Makassar": 480, "Asia/Jayapura": 540}
BALI = OFFSETS["Asia/Makassar"]
RATE_PPM = 300_000
FEE_IDR = 25_000
PAYMENT_TIME = 3 * HOUR
RESTRICTION_DELAY = 30 * MINUTE
LAST_WISH = 4 * HOUR  # a wish taken later could not come true before the end
SLACK = 10 * MINUTE  # a service is completed at most so long after its time

# relative arrivals by local hour and weekday (Monday first); each averages about 1
_HOURS = (0.25, 0.14, 0.1, 0.08, 0.08, 0.15, 0.5, 0.9, 1.3, 1.8, 2.1, 2.1, 1.8, 1.7, 1.8, 2.0, 2.2, 2.5,
          2.8, 2.9, 2.6, 2.0, 1.3, 0.6)  # fmt: skip
_HOUR_SUM = sum(_HOURS)
_WEEKDAYS = (0.9, 0.88, 0.92, 0.97, 1.1, 1.2, 1.03)

SENTINEL_NAME = "Quorlinde Zyxwabel"
SENTINEL_PHONE = "0812-9173-5486"
SENTINEL_E164 = "+6281291735486"
SENTINEL_MESSAGE = "The spare key hangs behind the purple gecko, code 73-Umbra-19"

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
_EARNING = frozenset({"completed", "accepted", "confirmed"})
_UNPAID = frozenset({"pending", "rejected", "overdue", "awaiting_verification"})
# marks whose booking is answered, served and paid for like any other, on time
_FORCED_OUTCOME = {
    "expired": "expired",
    "declined": "declined",
    "reassigned": "reassigned",
    "cancelled_after": "cancelled_after",
    "pending_record": "cancelled_after",
}
# how these end, a therapist has been promised for the time
_TAKES_TIME = _EARNING | {"cancelled_after"}
_AHEAD = (DAY, DAY, 30 * DAY, 365 * DAY)
_ON_DEFAULTERS = frozenset({"overdue_unmarked", "fee_missing", "fee_wrong", "default"})
_NEEDS_ACCEPTED_AT = frozenset({"late_record", "awaiting", "sentinel"})

Action = Callable[..., None]


class Simulation:
    """A marketplace from a seed: ``days`` of history that ends at ``until``, and real time after it.

    ``run_until`` gives the app's writes in order of time and may be called again and again; the same
    seed, days, until and rate give the same events, in however many steps. ``findings=False`` plants none
    (all seven health points then hold at ``until``). ``planted``: finding -> ids of the rows planted so
    far (the booking's for missing, the provider's for restriction_mismatch, the commission's otherwise).
    Raises ValueError for a naive ``until``, days below 1 or a rate not above 0.
    """

    def __init__(
        self,
        seed: int,
        days: int,
        until: datetime,
        *,
        bookings_per_day: float = 250,
        findings: bool = True,
    ) -> None:
        if days < 1:
            raise ValueError("days must be at least 1")
        if bookings_per_day <= 0:
            raise ValueError("bookings_per_day must be above 0")
        self.seed, self.days, self.bookings_per_day = seed, days, bookings_per_day
        self.until = until
        self.end = to_ms(until)
        self.start = self.end - days * DAY
        self.now = self.start - 1
        self.bookings: dict[str, Booking] = {}
        self.records: dict[str, Record] = {}
        self.providers: list[Provider] = []
        self.customers: list[Customer] = []
        self.notifications: list[Notification] = []
        self.rows: Counter[str] = Counter()
        self.deleted_rows: dict[str, list[str]] = {}
        self.messages_written = 0
        self.texts_written = 0
        self.planted: dict[str, list[str]] = {kind: [] for kind in (*plan.FINDINGS, *plan.ANOMALIES)}
        # other rows of the app, by what is odd about them
        self.odd_rows: dict[str, list[str]] = {"reference_case": [], "in_the_future": []}
        self.quarantined: dict[str, list[str]] = {
            "bookings": [],
            "hotel_bookings": [],
            "commission_records": [],
        }
        self._rng = Random(f"marketplace {seed} {days} {self.end} {bookings_per_day} {findings}")
        self._ready: deque[Event] = deque()
        self._heap: list[tuple[int, int, Action, tuple[Any, ...]]] = []
        self._order = 0
        self._number = 0
        # therapist -> times promised, (start, end), disjoint and in order
        self._promised: dict[str, list[tuple[int, int]]] = {}
        self._cap = int(min(50, max(18, 4 * 1440 / bookings_per_day)) * MINUTE)
        self._wishes = deque(
            plan.schedule(Random(f"wishes {seed} {days} {self.end}"), self.start, self.end, findings=findings)
        )
        self._findings = findings
        self._people()
        self._at(self.start, self._found)
        self._at(self.start + MINUTE, self._arrival)
        if findings:
            self._at(self.end - 80 * SECOND, self._book_awaiting)

    # ------------------------------------------------------------ running

    def run_until(self, t: datetime) -> Iterator[Event]:
        """Every event up to and including ``t`` not given yet, ordered by time. ``t`` must be aware."""
        limit = to_ms(t)
        ready, heap = self._ready, self._heap
        while True:
            while ready:
                yield ready.popleft()
            if not heap or heap[0][0] > limit:
                break
            at, _, action, args = heappop(heap)
            action(at, *args)
        self.now = max(self.now, limit)

    def _at(self, at: int, action: Action, *args: Any) -> None:
        self._order += 1
        heappush(self._heap, (at, self._order, action, args))

    def _emit(self, at: int, kind: Kind, table: str, row_id: str, data: dict[str, Any]) -> None:
        if kind == "create":
            self.rows[table] += 1
        elif kind == "delete":
            self.rows[table] -= 1
            self.deleted_rows.setdefault(table, []).append(row_id)
        self._ready.append(Event(from_ms(at), kind, table, row_id, data))

    def _write(self, at: int, table: str, row_id: str, data: dict[str, Any]) -> None:
        self._emit(at, "create", table, row_id, data)

    def _change(self, at: int, table: str, row_id: str, data: dict[str, Any]) -> None:
        if table == "commission_records":
            self.records[row_id].changed = at
        self._emit(at, "update", table, row_id, data)

    def _id(self) -> str:
        text = f"{self._rng.getrandbits(80):020x}"
        return self._id() if text.isdigit() else text

    def _between(self, low: float, high: float) -> int:
        return int(low + self._rng.random() * (high - low))

    # ------------------------------------------------------------ the people and the fixed tables

    def _people(self) -> None:
        rng = self._rng
        for number in range(52):
            therapist = number < 40
            if therapist:
                name = (
                    f"{words.BALINESE[number % 12]} {words.BALINESE_SECOND[(number * 5 + number // 12) % 14]}"
                )
            else:
                name = words.PLACES[number - 40]
            zone, city = "Asia/Makassar", words.CITIES[number % 8]
            if number in (7, 19, 49):
                zone, city = "Asia/Jakarta", "Jakarta"
            elif number in (13, 51):
                zone, city = "Asia/Jayapura", "Jayapura"
            hour = (140 + int(rng.random() * 36) * 5) * 1000
            prices = {60: hour, 90: hour * 7 // 5, 120: hour * 9 // 5}
            if rng.random() < 0.3:
                prices = {m: p + 500 * (1 + int(rng.random() * 5)) for m, p in prices.items()}
            role = "normal"
            if self._findings and number in (3, 22, 35):
                role = "defaulter"
            elif self._findings and number in (11, 46):
                role = "idle"
            elif self._findings and number in (28, 44):
                role = "overlooked"
            self.providers.append(
                Provider(
                    id=self._id(),
                    kind="therapist" if therapist else "place",
                    name=name,
                    city=city,
                    timezone=zone,
                    offset=OFFSETS[zone],
                    prices=prices,
                    weight=0.4 + rng.random() * 1.6 + (0.0 if therapist else 0.8),
                    phone=shapes.phone_pair(rng)[0],
                    browser=pick(rng, words.BROWSERS),
                    role=role,
                    online=rng.random() < 0.72,
                    notifications=rng.random() < 0.93,
                    sound=rng.random() < 0.9,
                )
            )
        self._open = [p for p in self.providers if p.role == "normal"]
        self._weights = list(accumulate(p.weight for p in self._open))
        self._first = [p for p in self.providers if p.role == "defaulter"]
        self._overlooked = [p for p in self.providers if p.role == "overlooked"]
        for _ in range(600):
            self._new_customer()

    def _new_customer(self) -> Customer:
        rng = self._rng
        indonesian = rng.random() < 0.35
        phone, e164 = shapes.phone_pair(rng)
        name = f"{pick(rng, words.FIRST_NAMES)} {pick(rng, words.LAST_NAMES)}"
        customer = Customer(self._id(), name, phone, e164, indonesian)
        self.customers.append(customer)
        return customer

    def _user(self, at: int, customer: Customer) -> None:
        handle = customer.id[:6]
        self._write(
            at,
            "users",
            customer.id,
            {
                "name": customer.name,
                "email": f"guest.{handle}@example.com",
                "phone": customer.phone,
                "role": "customer",
                "createdAt": appwrite(at),
                "lastLoginAt": appwrite(at),
            },
        )

    def _found(self, at: int) -> None:
        rng = self._rng
        for provider in self.providers:
            if provider.role == "idle":
                provider.status = "RESTRICTED"
                self.planted["restriction_mismatch"].append(provider.id)
            elif provider.role == "overlooked":
                self.planted["restriction_mismatch"].append(provider.id)
            provider.last_seen = at
            data = {
                "name": provider.name,
                "whatsappNumber": provider.phone,
                "status": provider.status,
                "city": provider.city,
                "timezone": provider.timezone,
                "commissionPlan": "standard",
                "notificationsEnabled": provider.notifications,
                "soundEnabled": provider.sound,
                "isVerified": rng.random() < 0.8,
                "lastSeenAt": appwrite(at),
                "browser": provider.browser,
                "pricing": json.dumps({str(m): p // 1000 for m, p in provider.prices.items()}),
                "rating": round(4 + rng.random(), 1),
                "languages": ["id", "en"] if rng.random() < 0.7 else ["id"],
                "createdAt": appwrite(at - 90 * DAY),
            }
            if provider.kind == "place":
                data["address"] = f"{pick(rng, words.STREETS)} {self._between(1, 90)}, {provider.city}"
            self._write(at, provider.table, provider.id, data)
            self._write(
                at,
                "bank_details",
                self._id(),
                {
                    "providerId": provider.id,
                    "bankName": pick(rng, ("BCA", "Mandiri", "BNI", "BRI")),
                    "accountHolder": provider.name,
                    "accountNumber": f"{self._between(10**9, 10**10)}",
                },
            )
        for customer in self.customers:
            self._user(at, customer)
        for hotel in words.HOTELS:
            self._write(
                at,
                "hotels",
                hotel.lower().replace(" ", "-"),
                {"name": hotel, "area": pick(rng, words.CITIES), "rooms": self._between(8, 120)},
            )
        for key, english, indonesian in (
            ("book_now", "Book now", "Pesan sekarang"),
            ("schedule", "Schedule", "Jadwalkan"),
            ("chat", "Chat", "Obrolan"),
        ):
            self._write(at, "translations", self._id(), {"key": key, "language": "en", "value": english})
            self._write(at, "translations", self._id(), {"key": key, "language": "id", "value": indonesian})
        self._write(at, "image_assets", self._id(), {"name": "logo", "url": "https://cdn.example/logo.png"})
        self._write(
            at, "login_backgrounds", self._id(), {"name": "rice", "url": "https://cdn.example/rice.jpg"}
        )
        for number, provider in enumerate(self.providers):
            self._at(at + HOUR + number * 20 * SECOND, self._heartbeat, provider)

    def _heartbeat(self, at: int, provider: Provider) -> None:
        """Providers are seen twice a day in the past and every few minutes around and after ``until``."""
        near = at >= self.end - 2 * HOUR
        if near and provider.online:
            provider.online = self._rng.random() > 0.004
        elif near:
            provider.online = self._rng.random() < 0.01
        data: dict[str, Any] = {}
        if not near or provider.online:
            provider.last_seen = at
            data["lastSeenAt"] = appwrite(at)
        if near and provider.status != "RESTRICTED":
            busy = "BUSY" if self._rng.random() < 0.2 else "AVAILABLE"
            status = busy if provider.online else "OFFLINE"
            if status != provider.status:
                provider.status = data["status"] = status
        if data:
            self._change(at, provider.table, provider.id, data)
        step = self._between(3 * MINUTE, 5 * MINUTE) if near else 12 * HOUR
        if not near:
            step = min(step, max(MINUTE, self.end - 2 * HOUR - at + self._between(0, 5 * MINUTE)))
        self._at(at + step, self._heartbeat, provider)

    # ------------------------------------------------------------ arrivals

    def _arrival(self, at: int) -> None:
        rng = self._rng
        hour = local_hour(at, BALI)
        rate = (
            self.bookings_per_day * _HOURS[hour] / _HOUR_SUM * _WEEKDAYS[local_weekday(at, BALI) - 1] / HOUR
        )
        gap = rng.expovariate(rate)
        if at >= self.end - 20 * MINUTE:
            gap = min(gap, self._between(45 * SECOND, 200 * SECOND))
        elif hour >= 5:
            gap = min(gap, self._cap)
            if self._wishes and self._wishes[0][0] < at - HOUR:
                # a short history holds as many plants as a long one: the day makes up for the night
                gap = min(gap, self._between(MINUTE, 5 * MINUTE))
        else:
            # whatever the night, someone books soon after five
            five = (5 - hour) * HOUR - at % HOUR
            gap = min(gap, five + self._between(0, self._cap))
        self._at(at + max(500, int(gap)), self._arrival)
        marks: dict[str, str] = {}
        if self._wishes and self._wishes[0][0] <= at <= self.end - LAST_WISH:
            marks = self._wishes.popleft()[1]
        customer = None
        if rng.random() < 0.08:
            customer = self._new_customer()
            self._user(at, customer)
        booking = self._book(at, customer or pick(rng, self.customers), marks=marks)
        if not marks and rng.random() < 0.005:
            again = at + self._between(SECOND, 90 * SECOND)
            self._at(again, self._double_click, booking)

    def _book_awaiting(self, at: int) -> None:
        """One booking is accepted 40 seconds before the end and has its record 20 seconds after it."""
        self._book(at, pick(self._rng, self.customers), marks={"awaiting": ""})

    def _double_click(self, at: int, first: Booking) -> None:
        self._book(at, first.customer, provider=first.provider, like=first)

    def _free_provider(self, suits: Callable[[Provider], bool], fits: Callable[[Provider], bool]) -> Provider:
        """One who is not restricted and fits, by weight; where many are busy any other, a place at the least."""
        rng, weights = self._rng, self._weights
        for _ in range(6):
            mark = rng.random() * weights[-1]
            provider = self._open[bisect_left(weights, mark)]
            if provider.status != "RESTRICTED" and fits(provider):
                return provider
        fitting = [p for p in self._open if fits(p)] or [p for p in self._open if suits(p)]
        return pick(rng, [p for p in fitting if p.status != "RESTRICTED"] or fitting)

    def _is_free(self, provider: Provider, start: int, length: int) -> bool:
        """Whether nobody was promised this time. A place has room for more than one."""
        promised = self._promised.get(provider.id)
        if promised is None or provider.kind == "place":
            return True
        after = bisect_left(promised, (start,))
        if after < len(promised) and promised[after][0] < start + length:
            return False
        return after == 0 or promised[after - 1][1] <= start

    def _next_free(self, provider: Provider, start: int, length: int) -> int:
        """The first minute from ``start`` on at which so long a time is free."""
        for begun, ended in self._promised.get(provider.id, ()):
            if provider.kind == "therapist" and begun < start + length and start < ended:
                start = -(-ended // MINUTE) * MINUTE
        return start

    def _promise(self, provider: Provider, start: int, length: int) -> None:
        if provider.kind == "therapist":
            insort(self._promised.setdefault(provider.id, []), (start, start + length))

    def _book(
        self,
        at: int,
        customer: Customer,
        *,
        provider: Provider | None = None,
        marks: dict[str, str] | None = None,
        like: Booking | None = None,
        replaces: Booking | None = None,
        business_id: str | None = None,
        outcome: str | None = None,
        start: int | None = None,
        twin_of: Booking | None = None,
        test_rule: str | None = None,
    ) -> Booking:
        """A booking and all that will become of it. ``start``: at that instant, whoever was promised it."""
        rng = self._rng
        marks = dict(marks or {})
        self._number += 1
        near_end = at > self.end - 3 * HOUR
        if "sentinel" in marks:
            customer = Customer(self._id(), SENTINEL_NAME, SENTINEL_PHONE, SENTINEL_E164, False)
            self._user(at, customer)
        minutes = like.minutes if like else choose(rng, ((60, 46), (90, 36), (120, 18)))
        source = like.wanted_source if like else choose(rng, _SOURCES)
        scheduled = source == "scheduled" or rng.random() < 0.27
        if marks and source == "unknown":
            source = "menuSlider"

        life: str = outcome or self._forced_outcome(marks) or choose(rng, _OUTCOMES)
        if marks:
            scheduled = bool(
                marks.keys() & {"pending_with_record", "overdue_premature"}
                or "pending_record" in marks.values()
                or marks.get("fee_wrong", "").endswith(":early")
            )
            if source == "scheduled" and not scheduled:
                source = "bookingButton"
        if scheduled:
            wanted = at + self._between(4 * HOUR, 5 * DAY)
            if marks:
                wanted = max(wanted, self.end + self._between(DAY, 3 * DAY))
        else:
            wanted = (at + self._between(25 * MINUTE, 112 * MINUTE)) // MINUTE * MINUTE
        length = minutes * MINUTE + SLACK
        if "overlapping_bookings" in marks or "touching" in marks:
            length += 4 * HOUR

        def start_with(provider: Provider) -> int:
            if not scheduled:
                return wanted
            return (wanted + self._to_working_hours(wanted, provider.offset)) // (5 * MINUTE) * 5 * MINUTE

        def suits(provider: Provider) -> bool:
            if provider.kind == "place" and ("overlapping_bookings" in marks or "touching" in marks):
                return False
            if provider.offset == BALI and ("bare_deadline" in marks or marks.get("case") == "provider"):
                return False
            return replaces is None or provider.id != replaces.provider.id

        def fits(provider: Provider) -> bool:
            free = life not in _TAKES_TIME or self._is_free(provider, start_with(provider), length)
            return free and suits(provider)

        if provider is None:
            provider = self._special(marks, start_with, length) or self._free_provider(suits, fits)
        if start is None:
            start = start_with(provider)
            if life in _TAKES_TIME:
                if not self._is_free(provider, start, length):
                    if like is not None and replaces is None:
                        # the second of a double click: nobody can be at two doors
                        life = pick(rng, ("declined", "declined", "expired"))
                    else:
                        start = self._next_free(provider, start, length)
                if life in _TAKES_TIME:
                    self._promise(provider, start, length)
        price = provider.prices[minutes]
        if rng.random() < 0.06:
            price += self._between(1, 20_000)
        booking = Booking(
            id=twin_of.id if twin_of else self._id(),
            table="hotel_bookings" if twin_of or (rng.random() < 0.065 and not marks) else "bookings",
            twin=twin_of is not None,
            customer=customer,
            provider=provider,
            created=at,
            minutes=minutes,
            price=price,
            start=start,
            deadline=at + (30 if scheduled else 5) * MINUTE,
            outcome=life,
            wanted_source=source,
            wanted_mode="scheduled" if scheduled else "immediate",
            marks=marks,
            replaces=replaces.id if replaces else None,
        )
        if "quarantined" in marks and rng.random() < 0.25:
            booking.table = "hotel_bookings"
        if business_id is not None:
            booking.business_id = business_id
        elif rng.random() < 0.86 or marks:
            booking.business_id = f"BK-{self._number:06d}-{rng.getrandbits(24):06x}"
        if "unknown_mode" in marks:
            booking.deadline = at + 30 * MINUTE
            marks["lost_start"] = ""
        booking.quarantined = "quarantined" in marks
        shapes.draw_style(rng, booking)
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
            booking.ahead = self.end + pick(rng, _AHEAD) + self._between(HOUR, 2 * HOUR)
        if "touching" in marks or "overlapping_bookings" in marks:
            booking.writes_completion = marks.get("overlapping_bookings") == "ran_over"
        if not marks and not near_end and not like and not replaces and rng.random() < 0.013:
            test_rule = pick(rng, ("isTest", "name", "phone"))
        other = pick(rng, self._open)
        data = shapes.booking_row(rng, booking, other_provider=other.id, test_rule=test_rule)
        if "sentinel" in marks:
            data["customerName"], data["customerWhatsApp"] = SENTINEL_NAME, SENTINEL_PHONE
            booking.known_phone = SENTINEL_E164
        self.bookings[booking.key] = booking
        self._write(at, booking.table, booking.id, data)
        if "overlapping_bookings" in marks:
            self.planted["overlapping_bookings"].append(booking.id)
        if booking.quarantined:
            self.quarantined[booking.table].append(booking.id)
        if not booking.twin:
            self._talk_first(at, booking)
        self._notify(
            at + self._between(200, 3 * SECOND), booking, provider.id, provider.kind, "booking_request"
        )
        self._live(at, booking)
        return booking

    def _special(
        self, marks: dict[str, str], start_with: Callable[[Provider], int], length: int
    ) -> Provider | None:
        """One of the few who pay late, or are overlooked when they do, where that is planted."""
        if "default" in marks:
            return self._first[len([b for b in self.bookings.values() if "default" in b.marks])]
        if "overlooked" in marks:
            return self._overlooked[len([b for b in self.bookings.values() if "overlooked" in b.marks])]
        if marks.keys() & _ON_DEFAULTERS:
            turn = self._number % 3
            return min(
                (self._first[(turn + number) % 3] for number in range(3)),
                key=lambda p: self._next_free(p, start_with(p), length),
            )
        return None

    @staticmethod
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

    @staticmethod
    def _to_working_hours(start: int, offset: int) -> int:
        hour = local_hour(start, offset)
        return (9 - hour) * HOUR if hour < 9 else 0

    # ------------------------------------------------------------ a booking's life

    def _live(self, at: int, booking: Booking) -> None:
        rng, marks, outcome = self._rng, booking.marks, booking.outcome
        early = marks.get("duplicate") == "creation" or marks.get("not_due") in (
            "declined",
            "expired",
            "reassigned",
        )
        plain = (
            not marks
            and not booking.quarantined
            # a debt on a booking of which nobody knows whether it earns: only where it is meant
            and outcome not in ("pending", "unknown")
            and booking.known_start is not None
        )
        if (
            early
            or "pending_with_record" in marks
            or "unknown_with_record" in marks
            or (plain and rng.random() < 0.04)
        ):
            booking.early_record = True
            self._at(at + self._between(300, 1500), self._commission, booking, "early")
        window = booking.deadline - at
        answer = at + min(
            int(rng.lognormvariate(4.1, 0.8) * SECOND * (1 if window < 10 * MINUTE else 5)), window - 20_000
        )
        answer = self.end - 40 * SECOND if "awaiting" in marks else max(answer, at + 4 * SECOND)
        if booking.quarantined:
            if "no_record" not in marks.values():
                self._at(answer, self._accept, booking)
            return
        if outcome in ("completed", "accepted", "confirmed", "cancelled_after"):
            self._at(answer, self._accept, booking)
        elif outcome == "declined":
            self._at(answer, self._decline, booking)
        elif outcome == "expired":
            self._at(booking.deadline + self._between(2 * SECOND, 20 * SECOND), self._end, booking, "expired")
        elif outcome in ("cancelled", "reassigned", "unknown"):
            self._at(answer, self._end, booking, outcome)
        if "deleted" in marks:
            self._at(at + self._between(2 * HOUR, 8 * HOUR), self._delete_booking, booking)
        if "ambiguous_reference" in marks:
            self._at(at + self._between(3 * SECOND, 40 * SECOND), self._namesake, booking)
            if marks["ambiguous_reference"] == "hotel_twin":
                self._at(at + self._between(50 * SECOND, 90 * SECOND), self._twin, booking)
        if "test_namesake" in marks:
            self._at(at + self._between(3 * SECOND, 40 * SECOND), self._test_namesake, booking)
        if "overlapping_bookings" in marks or "touching" in marks:
            for number, start in enumerate(self._companions(booking)):
                self._at(
                    at + (number + 1) * self._between(30 * SECOND, 90 * SECOND), self._beside, booking, start
                )
        if marks.get("case") == "room":
            self._at(
                at + self._between(70 * SECOND, 90 * SECOND), self._odd_message, booking, "reference_case"
            )
        if marks.get("ahead") == "message":
            self._at(
                at + self._between(70 * SECOND, 90 * SECOND), self._odd_message, booking, "in_the_future"
            )
        if marks.get("ahead") == "notification":
            self._at(at + self._between(70 * SECOND, 90 * SECOND), self._odd_notification, booking)
        if "abuse_bookings" in marks:
            for number in range(6):
                self._at(at + (number * 8 + 7) * MINUTE, self._book_again, booking)

    def _book_again(self, at: int, booking: Booking) -> None:
        self._book(at, booking.customer, outcome="cancelled", marks={"abuse": ""})

    def _namesake(self, at: int, booking: Booking) -> None:
        """A second booking under a key of the first: what refers to that key fits both."""
        if booking.marks["ambiguous_reference"] == "id_and_business":
            shared, outcome = booking.id, "completed"
        else:
            shared, outcome = booking.business_id, "declined"
        second = self._book(
            at,
            pick(self._rng, self.customers),
            provider=booking.provider,
            marks={"namesake": ""},
            business_id=shared,
            outcome=outcome,
        )
        second.accept_attribute = second.accept_attribute or "acceptedAt"

    def _test_namesake(self, at: int, booking: Booking) -> None:
        """A test of the app under a key of a real booking: what refers to that key means the real one."""
        self._book(
            at,
            pick(self._rng, self.customers),
            marks={"namesake": ""},
            business_id=booking.business_id,
            outcome="declined",
            test_rule="isTest",
        )

    def _twin(self, at: int, booking: Booking) -> None:
        """A booking of a hotel under the row id of one in bookings. Nobody records its commission."""
        self._book(
            at,
            self._another_customer(booking),
            marks={"missing": "none"},
            outcome="completed",
            twin_of=booking,
        )

    def _another_customer(self, booking: Booking) -> Customer:
        customer = pick(self._rng, self.customers)
        return self._another_customer(booking) if customer is booking.customer else customer

    @staticmethod
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

    def _beside(self, at: int, booking: Booking, start: int) -> None:
        marks = {"touched": ""} if "touching" in booking.marks else {"overlapping_bookings": "beside"}
        self._book(
            at,
            self._another_customer(booking),
            provider=booking.provider,
            marks=marks,
            outcome="completed",
            start=start,
        )

    def _accept(self, at: int, booking: Booking) -> None:
        rng, marks = self._rng, booking.marks
        booking.accepted = at
        first = "confirmed" if rng.random() < 0.18 else "accepted"
        if booking.outcome == "confirmed" and rng.random() < 0.5:
            first = "confirmed"
        self._change(at, booking.table, booking.id, shapes.acceptance_attributes(rng, booking, at, first))
        self._talk_accepted(at, booking)
        self._notify(
            at + self._between(500, 4 * SECOND), booking, booking.customer.id, "customer", "booking_accepted"
        )
        self._commissions_on_acceptance(at, booking)
        if booking.quarantined:
            return
        if booking.outcome == "cancelled_after":
            # always before the service, and before its commission is due
            latest = min(booking.start - 5 * MINUTE, at + 20 * HOUR)
            if marks.get("not_due") == "pending_record":
                latest = at + 40 * MINUTE
            self._at(max(at + 3 * MINUTE, self._between(at, latest)), self._end, booking, "cancelled")
            return
        if booking.outcome == "confirmed" and booking.status != "confirmed":
            self._at(max(at + MINUTE, booking.start - 2 * MINUTE), self._confirm, booking)
        if booking.outcome == "completed":
            end = booking.start + booking.minutes * MINUTE
            late = self._between(-3 * MINUTE, 8 * MINUTE)
            if marks.get("overlapping_bookings") == "ran_over":
                late = 40 * MINUTE
            self._at(max(at + 10 * MINUTE, end + late), self._complete, booking)

    def _confirm(self, at: int, booking: Booking) -> None:
        self._change(at, booking.table, booking.id, shapes.status_attributes(self._rng, booking, "confirmed"))

    def _decline(self, at: int, booking: Booking) -> None:
        self._change(at, booking.table, booking.id, shapes.decline_attributes(self._rng, booking, at))
        self._after_end(at, booking, "declined")

    def _end(self, at: int, booking: Booking, canonical: str) -> None:
        data = shapes.ending_attributes(self._rng, booking, at, canonical)
        self._change(at, booking.table, booking.id, data)
        self._after_end(at, booking, canonical)
        if canonical == "reassigned":
            self._at(at + self._between(5 * SECOND, 30 * SECOND), self._reassign, booking)

    def _reassign(self, at: int, booking: Booking) -> None:
        self._book(at, booking.customer, like=booking, replaces=booking, outcome="completed")

    def _after_end(self, at: int, booking: Booking, canonical: str) -> None:
        rng = self._rng
        if booking.room:
            self._say(
                at + 500,
                booking,
                "system",
                pick(rng, words.STATUS_LINES.get(canonical, ("…",))),
                "status-update",
            )
            self._at(
                at + SECOND,
                self._close_room,
                booking,
                "completed" if canonical == "completed" else "cancelled",
            )
        if canonical == "unknown" or "not_due" in booking.marks:
            return
        for record in booking.records:
            if (
                record.deleted is None
                and record.status in ("pending", "paid", "overdue")
                and canonical != "completed"
            ):
                undo = "reversed" if record.status == "paid" or rng.random() < 0.3 else "cancelled"
                self._at(at + self._between(300, 2500), self._undo, record, undo)

    def _undo(self, at: int, record: Record, canonical: str) -> None:
        self._change(at, "commission_records", record.id, shapes.record_status(self._rng, record, canonical))
        self._release(at, record)

    def _complete(self, at: int, booking: Booking) -> None:
        rng, marks = self._rng, booking.marks
        data = shapes.ending_attributes(rng, booking, at, "completed")
        self._change(at, booking.table, booking.id, data)
        self._after_end(at, booking, "completed")
        self._notify(
            at + self._between(500, 4 * SECOND), booking, booking.customer.id, "customer", "review_request"
        )
        if booking.known_completed is not None:
            for record in booking.records:
                movable = (
                    record.deadline is not None and not record.deadline_frozen and record.deleted is None
                )
                if movable and record.status in ("pending", "rejected"):
                    record.due = record.deadline = at + PAYMENT_TIME
                    self._change(
                        at, "commission_records", record.id, {"paymentDeadline": appwrite(record.deadline)}
                    )
        if marks.get("duplicate") == "completion":
            self._at(at + self._between(SECOND, 9 * SECOND), self._commission, booking, "duplicate")
        if rng.random() < 0.24:
            self._at(at + self._between(10 * MINUTE, 2 * DAY), self._review, booking)
        if marks.get("orphan") == "deleted_booking":
            self._at(at + 5 * HOUR, self._delete_booking, booking)

    def _review(self, at: int, booking: Booking) -> None:
        rng = self._rng
        self._write(
            at,
            "reviews",
            self._id(),
            {
                "bookingId": booking.id,
                "userId": booking.customer.id,
                "providerId": booking.provider.id,
                "rating": choose(rng, ((5, 64), (4, 24), (3, 8), (2, 2), (1, 2))),
                "comment": pick(rng, words.REVIEW_LINES),
                "createdAt": appwrite(at),
            },
        )

    def _delete_booking(self, at: int, booking: Booking) -> None:
        booking.deleted = at
        self._emit(at, "delete", booking.table, booking.id, {})

    # ------------------------------------------------------------ commissions

    def _commissions_on_acceptance(self, at: int, booking: Booking) -> None:
        marks = booking.marks
        soon = at + self._between(SECOND, 25 * SECOND)
        if booking.known_accepted is None:
            # nobody can see when it was accepted, so that a reader's grace counts from creation: leave no gap
            soon = at + self._between(20, 250)
        if "awaiting" in marks:
            soon = self.end + 20 * SECOND
        elif at < self.end < soon:
            soon = at + 1
        if "missing" in marks:
            self.planted["missing"].append(booking.id)
            if marks["missing"] != "none":
                self._at(soon, self._commission, booking, "own")
            return
        if "namesake" in marks or marks.get("free") == "no_record":
            return
        if booking.early_record:
            if marks.get("duplicate") == "creation":
                self._at(soon, self._commission, booking, "duplicate")
            return
        if "late_record" in marks:
            soon = at + self._between(6 * MINUTE, 22 * MINUTE)
        self._at(soon, self._commission, booking, "own")
        if marks.get("duplicate") in ("acceptance", "paid_later"):
            role = "duplicate" if marks["duplicate"] == "acceptance" else "paid_second"
            self._at(soon + self._between(SECOND, 20 * SECOND), self._commission, booking, role)
        if "orphan" in marks and marks["orphan"] != "deleted_booking":
            self._at(soon + 40 * SECOND, self._commission, booking, "orphan")
        if "test_record" in marks:
            self._at(soon + 30 * SECOND, self._commission, booking, "test")
        if "quarantined_record" in marks:
            self._at(soon + 30 * SECOND, self._commission, booking, "unreadable")

    def _commission(self, at: int, booking: Booking, role: str) -> None:
        """Write a commission record.

        Roles: own, early, duplicate, paid_second (after an own one that is never paid), orphan, test, unreadable,
        replacement, refund.
        """
        rng = self._rng
        if booking.deleted is not None or (role == "early" and booking.status not in ("pending", "unknown")):
            return
        # the booking's marks are of its first record; any other is as it should be
        marks = (
            dict(booking.marks)
            if role == "own" or (role == "early" and "duplicate" not in booking.marks)
            else {}
        )
        if role == "early" and "duplicate" in booking.marks:
            marks = {key: value for key, value in booking.marks.items() if key != "duplicate"}
        base = booking.amount if booking.amount is not None else booking.price
        commission: int | None = half_up(base, RATE_PPM)
        rate: int | None = None if rng.random() < 0.1 else RATE_PPM
        written_base: int | None = base
        if rng.random() < 0.03 and not marks:
            written_base = None
        provider = booking.provider
        source = booking.source if booking.source != "unknown" and rng.random() < 0.9 else None
        thousands = "unit_error" in marks
        if "wrong_rate" in marks:
            rate = int(marks["wrong_rate"])
            commission = half_up(base, rate)
        variant = marks.get("wrong_amount")
        if variant == "commission_off":
            commission = half_up(base, RATE_PPM) + pick(rng, (5_000, -7_500, 1, -1, 12_345))
        elif variant == "commission_absent":
            commission = None
        elif variant == "commission_zero":
            commission = 0
        elif variant == "base_off":
            written_base = base - pick(rng, (25_000, 1, 50_000))
        elif variant == "base_zero":
            written_base = 0
        elif variant == "base_absent":
            written_base, commission = None, half_up(base, RATE_PPM) - 10_000
        elif variant == "rate_by_base":
            # a fifth too much at 25 %: the commission is right all the same
            written_base, rate = base * 6 // 5, 250_000
        elif variant == "free_record":
            written_base, commission = booking.price, half_up(booking.price, RATE_PPM)
        as_written: tuple[float | None, float | None] | None = None
        odd: set[str] = set()
        if variant == "base_hundredths":
            as_written, odd = (base * 100, (commission or 0) * 100), {"amount_implausible"}
            written_base = commission = None
        elif variant == "commission_hundredths":
            as_written, odd = (base, (commission or 0) * 100), {"amount_implausible"}
            commission = None
        elif variant == "currency":
            as_written, odd = (95, 28.5), {"amount_currency"}
            written_base = commission = None
        if marks.get("unit_error") == "no_base":
            thousands, written_base, commission = False, None, (commission or 0) // 1000
        if marks.get("rate") == "float":
            rate = RATE_PPM
        elif marks.get("rate") == "close":
            rate = RATE_PPM + 1
        if role == "refund":
            variant = booking.marks["refund_record"]
            back = pick(rng, (25_000, 10_000, commission or 0))
            written_base = rate = source = None
            commission = -back
        if "wrong_provider" in marks:
            others = [p for p in self._open if p is not provider]
            provider = pick(rng, others)
        if "source_mismatch" in marks:
            source = pick(rng, [s for s in words.SOURCE_WORDS if s not in (booking.source, "unknown")])
        reference, document = shapes.references(rng, booking)
        if role == "orphan":
            reference = f"BK-LOST-{rng.getrandbits(32):08x}"
            document = f"{rng.getrandbits(80):020x}" if booking.marks["orphan"] == "dangling_both" else None
        elif role == "test":
            reference, document = f"BK-TEST-{rng.getrandbits(32):08x}", None
        elif "ambiguous_reference" in marks:
            shared = marks["ambiguous_reference"] != "id_and_business"
            reference, document = (booking.business_id or booking.id) if shared else booking.id, None
        elif "test_namesake" in marks:
            reference, document = booking.business_id or booking.id, None

        due = booking.start + booking.minutes * MINUTE + PAYMENT_TIME
        deadline: int | None = due
        if booking.known_start is None or booking.known_minutes is None or role == "refund":
            deadline = None
        frozen = "deadline_mismatch" in marks
        if frozen:
            deadline = due + int(marks["deadline_mismatch"]) * MINUTE
        record = Record(
            id=self._id(),
            booking=booking,
            provider=provider,
            booking_ref=reference,
            doc_ref=document,
            created=at,
            base=written_base,
            commission=commission,
            rate_ppm=rate,
            in_thousands=thousands,
            source=source,
            status="pending",
            deadline=deadline,
            due=due,
            is_test=role == "test",
            quarantined=role == "unreadable",
            marks=marks,
            deadline_frozen=frozen
            or deadline is None
            or role in ("orphan", "test")
            or "bare_deadline" in marks,
            as_written=as_written,
            amount_findings=odd,
            names_provider="bare_deadline" not in marks,
            recased_provider=marks.get("case") == "record_provider",
            ahead=booking.ahead,
        )
        row = (
            self._refund_row(at, record, variant or "")
            if role == "refund"
            else shapes.record_row(rng, record, status="pending", plain="wrong_provider" in marks)
        )
        self.records[record.id] = record
        if role not in ("orphan", "test", "unreadable", "refund"):
            booking.records.append(record)
        self._write(at, "commission_records", record.id, row)
        if role == "unreadable":
            self.quarantined["commission_records"].append(record.id)
        self._plant(record, role)
        self._notify(
            at + self._between(SECOND, 5 * SECOND), booking, provider.id, provider.kind, "commission_due"
        )
        self._pay_plan(at, booking, record, role)

    def _refund_row(self, at: int, record: Record, variant: str) -> dict[str, Any]:
        """A negative record: paid out (with the instant, with that of its verification, with none), or only meant."""
        status, words_of_it = {
            "refunded": ("reversed", ("refunded",)),
            "pending": ("pending", ()),
            "cancelled": ("cancelled", ()),
        }.get(variant, ("paid", ()))
        row = shapes.record_row(self._rng, record, status=status, written=words_of_it)
        row |= self._proof(record, at)
        if variant in ("paid", "refunded"):
            record.paid_at = at
            row["paidAt"] = appwrite(at)
        elif variant == "verified":
            record.verified_at = at
            row["verifiedAt"] = appwrite(at)
        return row

    def _plant(self, record: Record, role: str) -> None:
        if role in ("orphan", "duplicate"):
            self.planted[role].append(record.id)
        elif role == "refund":
            self.planted["refund_record"].append(record.id)
            return
        if record.marks.get("duplicate") == "paid_later":
            self.planted["duplicate"].append(record.id)
        for mark in record.marks:
            if mark in plan.FINDINGS and mark not in ("missing", "duplicate", "vanished", "refund_record"):
                if mark == "orphan" and record.marks[mark] != "deleted_booking":
                    continue
                self.planted[mark].append(record.id)

    def _pay_plan(self, at: int, booking: Booking, record: Record, role: str) -> None:
        """Schedule what happens to a record: paid in time, through verification, late, or never."""
        rng, marks = self._rng, record.marks
        end = booking.start + booking.minutes * MINUTE
        if marks.get("missing") in ("cancelled_record", "reversed_record"):
            self._at(at + 30 * SECOND, self._undo, record, marks["missing"].split("_", maxsplit=1)[0])
            return
        if "vanished" in marks:
            self._at(at + self._between(12 * MINUTE, 20 * MINUTE), self._vanish, record)
            return
        if (
            role == "refund"
            or marks.get("not_due") == "pending_record"
            or marks.get("duplicate") == "paid_later"
            or "pending_with_record" in marks
        ):
            return
        if "overdue_premature" in marks:
            self._at(at + 2 * MINUTE, self._mark_overdue, record)
        if marks.get("fee_wrong", "").endswith(":early"):
            self._at(at + 2 * MINUTE, self._charge_early, record)
            return
        if "unknown_paid" in marks:
            self._at(at + self._between(SECOND, 25 * SECOND), self._puzzle, record, True)
            return
        in_advance = (
            role in ("orphan", "test", "unreadable", "paid_second")
            or booking.quarantined
            or marks.get("wrong_amount") == "free_record"
            or marks.keys()
            & {
                "not_due",
                "unknown_with_record",
                "lost_start",
                "ambiguous_reference",
                "overlooked",
                "refund_record",
                "partial_refund",
                "free",
            }
        )
        if "overlooked" in marks:
            in_advance = False
        if in_advance:
            self._at(at + self._between(SECOND, 25 * SECOND), self._pay, record)
            return
        if marks.keys() & {"default", "fee_missing", "overlooked", "fee_wrong", "overdue_unmarked"}:
            variant = marks.get("overdue_unmarked")
            if variant == "rejected":
                self._at(end + self._between(20 * MINUTE, 60 * MINUTE), self._submit, record, "rejected")
            elif variant == "late_proof":
                self._at(record.due + self._between(40 * MINUTE, 90 * MINUTE), self._submit, record, "left")
            if marks.get("fee_wrong", "").endswith(":paid"):
                self._at(record.due + self._between(40 * MINUTE, 3 * HOUR), self._pay, record)
            self._at(record.due + self._between(2 * SECOND, 20 * SECOND), self._due, record)
            return
        if booking.is_test or booking.marks:
            self._at(end + self._between(10 * MINUTE, 150 * MINUTE), self._pay, record)
            return
        way = choose(
            rng,
            (
                ("paid", 47),
                ("verified", 38),
                ("rejected", 3),
                ("left", 1.2),
                ("unknown", 0.4),
                ("late", 8),
                ("before", 2.4),
            ),
        )
        if way == "before" and booking.accepted is not None:
            self._at(at + self._between(3 * MINUTE, 15 * MINUTE), self._pay, record)
        elif way in ("paid", "before"):
            self._at(end + self._between(5 * MINUTE, 160 * MINUTE), self._pay, record)
        elif way == "verified":
            self._at(end + self._between(10 * MINUTE, 165 * MINUTE), self._submit, record, "verified")
        elif way == "left":
            self._at(end + self._between(10 * MINUTE, 165 * MINUTE), self._submit, record, "left")
        elif way == "rejected":
            self._at(end + self._between(10 * MINUTE, 100 * MINUTE), self._submit, record, "rejected")
            self._at(end + self._between(150 * MINUTE, 165 * MINUTE), self._pay, record)
        elif way == "unknown":
            self._at(end + self._between(10 * MINUTE, 60 * MINUTE), self._puzzle, record)
        else:
            self._at(record.due + self._between(40 * MINUTE, 26 * HOUR), self._pay, record)
        self._at(record.due + self._between(2 * SECOND, 20 * SECOND), self._due, record)

    @staticmethod
    def _proof(record: Record, at: int) -> dict[str, Any]:
        record.proof, record.proof_at = True, at
        return {
            record.proof_attribute: f"https://files.example/proof/{record.id}.jpg",
            "paymentProofUploadedAt": appwrite(at),
        }

    def _submit(self, at: int, record: Record, then: str) -> None:
        """The provider uploads a proof; it is verified, rejected, or left lying."""
        if record.deleted is not None or record.status not in ("pending", "overdue"):
            return
        data = shapes.record_status(self._rng, record, "awaiting_verification") | self._proof(record, at)
        self._change(at, "commission_records", record.id, data)
        if then == "verified":
            self._at(at + self._between(10 * MINUTE, 20 * HOUR), self._pay, record, True)
        elif then == "rejected":
            self._at(at + self._between(8 * MINUTE, 16 * MINUTE), self._reject, record)

    def _reject(self, at: int, record: Record) -> None:
        if record.status == "awaiting_verification":
            self._change(
                at, "commission_records", record.id, shapes.record_status(self._rng, record, "rejected")
            )

    def _puzzle(self, at: int, record: Record, paid: bool = False) -> None:
        """A status nobody knows; of one that was paid the money is there all the same."""
        if record.status != "pending":
            return
        data = shapes.record_status(self._rng, record, "unknown")
        if paid:
            record.paid_at = at
            data |= {"paidAt": appwrite(at)} | self._proof(record, at)
        self._change(at, "commission_records", record.id, data)

    def _charge_early(self, at: int, record: Record) -> None:
        """A late fee before anything is due: the planted mistake of a clock in the wrong zone."""
        record.fee = int(record.marks["fee_wrong"].split(":")[0])
        data = {
            "reactivationFeeRequired": True,
            record.fee_attribute: record.fee,
            record.due_attribute: (record.commission or 0) + record.fee,
        }
        self._change(at, "commission_records", record.id, data)

    def _give_back_part(self, at: int, record: Record) -> None:
        """A word that is read as paid: how much of it went back is not said."""
        data = shapes.record_status(self._rng, record, "paid", (record.marks["partial_refund"],))
        record.partly_refunded = True
        self._change(at, "commission_records", record.id, data)

    def _pay(self, at: int, record: Record, verified: bool = False) -> None:
        rng = self._rng
        if record.deleted is not None or record.status not in _UNPAID:
            return
        data = shapes.record_status(rng, record, "paid")
        if record.ahead is not None and record.marks.get("ahead") in ("paidAt", "verifiedAt"):
            data[record.marks["ahead"]] = appwrite(record.ahead)
            data |= self._proof(record, at)
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
                data.update(self._proof(record, at - self._between(SECOND, 4 * MINUTE)))
        self._change(at, "commission_records", record.id, data)
        self._release(at, record)
        if "refund_record" in record.marks and record.booking is not None:
            later = at + self._between(10 * MINUTE, 60 * MINUTE)
            self._at(later, self._commission, record.booking, "refund")
        if "partial_refund" in record.marks:
            self._at(at + self._between(10 * MINUTE, 60 * MINUTE), self._give_back_part, record)
        if rng.random() < 0.7 and record.booking is not None:
            self._write(
                at,
                "payment_transactions",
                self._id(),
                {
                    "bookingId": record.booking.id,
                    "commissionId": record.id,
                    "providerId": record.provider.id,
                    "reference": f"TRX{rng.getrandbits(40):010x}",
                    "amount": half_up(record.booking.amount or record.booking.price, RATE_PPM)
                    + (record.fee or 0),
                    "method": pick(rng, ("bank_transfer", "qris", "cash")),
                    "status": "settled",
                    "createdAt": appwrite(at),
                },
            )

    def _mark_overdue(self, at: int, record: Record) -> None:
        """Marked before its time: the planted mistake of a clock in the wrong zone."""
        if record.status == "pending":
            self._change(
                at, "commission_records", record.id, shapes.record_status(self._rng, record, "overdue")
            )

    def _due(self, at: int, record: Record) -> None:
        """The deadline has passed: mark it overdue, charge the fee, restrict half an hour later."""
        rng, marks = self._rng, record.marks
        if at < record.due:
            self._at(record.due + self._between(2 * SECOND, 20 * SECOND), self._due, record)
            return
        if record.deleted is not None or record.status not in ("pending", "rejected", "overdue"):
            return
        data: dict[str, Any] = {}
        if "overdue_unmarked" not in marks and record.status != "overdue":
            data = shapes.record_status(rng, record, "overdue")
        if "fee_missing" not in marks:
            record.fee = int(marks["fee_wrong"].split(":")[0]) if "fee_wrong" in marks else FEE_IDR
            data["reactivationFeeRequired"] = True
            data[record.fee_attribute] = record.fee
            data[record.due_attribute] = (record.commission or 0) + record.fee
        if data:
            self._change(at, "commission_records", record.id, data)
        record.provider.debts.add(record.id)
        self._notify(
            at + SECOND, record.booking, record.provider.id, record.provider.kind, "commission_overdue"
        )
        self._at(max(at, record.due + RESTRICTION_DELAY - 5 * SECOND), self._restrict, record)

    def _restrict(self, at: int, record: Record) -> None:
        provider = record.provider
        if record.id not in provider.debts or provider.role == "overlooked":
            return
        record.restricted = at
        self._change(at, "commission_records", record.id, {"restrictedAt": appwrite(at)})
        if provider.status != "RESTRICTED":
            provider.status = "RESTRICTED"
            self._change(at, provider.table, provider.id, {"status": "RESTRICTED"})

    def _release(self, at: int, record: Record) -> None:
        provider = record.provider
        provider.debts.discard(record.id)
        if provider.status == "RESTRICTED" and not provider.debts and provider.role != "idle":
            provider.status = "AVAILABLE"
            self._change(at, provider.table, provider.id, {"status": "AVAILABLE"})

    def _vanish(self, at: int, record: Record) -> None:
        booking = record.booking
        record.deleted = at
        self._emit(at, "delete", "commission_records", record.id, {})
        self.planted["vanished"].append(record.id)
        if booking is None:
            return
        if record.marks["vanished"] == "replaced":
            self._at(at + 4 * SECOND, self._commission, booking, "replacement")
        else:
            self.planted["missing"].append(booking.id)

    # ------------------------------------------------------------ talk and notifications

    def _notify(self, at: int, booking: Booking | None, to: str, kind: str, topic: str) -> None:
        rng = self._rng
        mark = rng.random()
        fate = "delivered" if mark < 0.94 else "failed" if mark < 0.98 else "lost"
        channel = choose(rng, (("push", 62), ("whatsapp", 24), ("email", 14)))
        self._at(at, self._send, booking.id if booking else None, to, kind, topic, fate, channel)

    def _send(
        self, at: int, booking_id: str | None, to: str, kind: str, topic: str, fate: str, channel: str
    ) -> None:
        delay = self._between(300, 9 * SECOND)
        notification = Notification(self._id(), at, None, None)
        self.notifications.append(notification)
        data: dict[str, Any] = {
            "recipientId": to,
            "recipientType": kind,
            "type": topic,
            "title": topic.replace("_", " ").capitalize(),
            "message": "Open the app to see it.",
            "metadata": f'{{"channel": "{channel}"}}',
            "sentAt": appwrite(at),
            "read": delay % 3 == 0,
        }
        if booking_id:
            data["bookingId"] = booking_id
        # long ago the outcome was logged with the row; around and after the end it arrives as an update
        if at < self.end - 36 * HOUR:
            self._settle(at + delay, notification, fate, data)
            self._write(at, "notifications", notification.id, data)
            return
        self._write(at, "notifications", notification.id, data)
        if fate != "lost":
            self._at(at + delay, self._deliver, notification, fate)

    @staticmethod
    def _settle(at: int, notification: Notification, fate: str, data: dict[str, Any]) -> None:
        if fate == "delivered":
            notification.delivered = at
            data["deliveredAt"] = appwrite(at)
        elif fate == "failed":
            notification.failed = at
            data["failedAt"] = appwrite(at)

    def _deliver(self, at: int, notification: Notification, fate: str) -> None:
        data: dict[str, Any] = {}
        self._settle(at, notification, fate, data)
        self._change(at, "notifications", notification.id, data)

    def _talk_first(self, at: int, booking: Booking) -> None:
        rng = self._rng
        if rng.random() > 0.93 and not booking.marks:
            return
        booking.room = self._id()
        self._at(at + self._between(100, 900), self._open_room, booking)
        minutes = (booking.deadline - booking.created) // MINUTE
        kind = "booking" if rng.random() < 0.85 else "system"
        self._say(at + SECOND, booking, "system", pick(rng, words.SYSTEM_LINES).format(d=minutes), kind)
        lines = 36 if "abuse_messages" in booking.marks else 1 + int(rng.random() * 2.4)
        moment = at + SECOND
        for _ in range(lines):
            moment += self._between(6 * SECOND, 60 * SECOND)
            self._say(moment, booking, "customer", self._line(booking, words.CUSTOMER_LINES), "text")
        if "sentinel" in booking.marks:
            self._say(moment + 5 * SECOND, booking, "customer", SENTINEL_MESSAGE, "text")

    def _talk_accepted(self, at: int, booking: Booking) -> None:
        rng = self._rng
        if not booking.room:
            return
        self._say(at + 400, booking, "system", pick(rng, words.STATUS_LINES["accepted"]), "status-update")
        moment = at + SECOND
        for number in range(3 + int(rng.random() * 7)):
            moment += self._between(15 * SECOND, 9 * MINUTE)
            if number % 2:
                self._say(moment, booking, "customer", self._line(booking, words.CUSTOMER_LINES), "text")
            else:
                self._say(moment, booking, "therapist", self._line(booking, words.PROVIDER_LINES), "text")
        if rng.random() < 0.02:
            self._say(moment + MINUTE, booking, "admin", pick(rng, words.ADMIN_LINES), "text")
            self._at(moment + 2 * MINUTE, self._admin_note, booking)

    def _admin_note(self, at: int, booking: Booking) -> None:
        self._write(
            at,
            "admin_messages",
            self._id(),
            {
                "senderId": booking.provider.id,
                "receiverId": "admin",
                "senderName": booking.provider.name,
                "receivername": "Admin",
                "message": "Please check this booking.",
                "timestamp": appwrite(at),
                "isRead": True,
            },
        )

    def _line(self, booking: Booking, lines: tuple[str, ...]) -> str:
        rng = self._rng
        line = pick(rng, lines)
        if "{" not in line:
            return line
        offset = booking.provider.offset
        return line.format(
            n=booking.customer.name.split(" ", maxsplit=1)[0],
            p=booking.provider.name.split(" ", maxsplit=1)[0],
            m=booking.minutes,
            t=local_hhmm(booking.start, offset),
            s=f"{pick(rng, words.STREETS)} {1 + int(rng.random() * 120)}",
            k=booking.price // 1000,
            c=booking.provider.city,
            d=5,
        )

    def _open_room(self, at: int, booking: Booking) -> None:
        self._write(
            at,
            "chat_rooms",
            booking.room or "",
            {
                "bookingId": booking.id,
                "customerId": booking.customer.id,
                "customerName": booking.customer.name,
                "therapistId": booking.provider.id,
                "therapistName": booking.provider.name,
                "status": "active",
                "expiresAt": appwrite(booking.start + DAY),
                "createdAt": appwrite(at),
            },
        )

    def _close_room(self, at: int, booking: Booking, status: str) -> None:
        self._change(at, "chat_rooms", booking.room or "", {"status": status})

    def _say(self, at: int, booking: Booking, role: str, text: str, kind: str) -> None:
        self._at(at, self._message, booking, role, text, kind)

    def _message(self, at: int, booking: Booking, role: str, text: str, kind: str) -> None:
        rng = self._rng
        customer, provider = booking.customer, booking.provider
        mark = rng.random()
        data: dict[str, Any] = {}
        if role == "customer":
            data["senderId"], data["senderName"] = customer.id, customer.name
            data["receiverId"], data["receiverRole"], name = provider.id, "therapist", provider.name
        elif role == "therapist":
            data["senderId"], data["senderName"] = provider.id, provider.name
            data["receiverId"], data["receiverRole"], name = customer.id, "customer", customer.name
        else:
            data["senderId"] = role
            data["receiverId"], data["receiverRole"], name = customer.id, "customer", customer.name
        if mark < 0.3:
            data["receiverName"] = name
        data["conversationId" if mark < 0.8 else "roomId"] = booking.room
        data["senderRole" if 0.1 < mark < 0.9 else "senderType"] = role
        data["message" if mark < 0.7 else "content" if mark < 0.9 else "originalText"] = text
        data["messageType"] = kind
        if mark < 0.92:
            data["bookingId"] = booking.id
        data["timestamp"] = appwrite(at)
        if kind != "text":
            data["metadata"] = f'{{"bookingId": "{booking.id}", "duration": {booking.minutes}}}'
        elif mark < 0.08:
            data["metadata"] = '{"language": "id"}' if customer.indonesian else '{"language": "en"}'
        self.messages_written += 1
        self.texts_written += kind == "text"
        row_id = f"m{self.messages_written:07d}{int(mark * 16**8):08x}"
        recent = at > self.end - 6 * HOUR
        data["isRead"] = not recent and rng.random() > 0.006
        self._write(at, "chat_messages", row_id, data)
        if recent and rng.random() < 0.95:
            self._at(at + self._between(20 * SECOND, 5 * MINUTE), self._read, row_id)
        elif not recent and mark < 0.0002:
            self._at(at + HOUR, self._unsend, row_id)

    def _odd_message(self, at: int, booking: Booking, oddity: str) -> None:
        """A message that names its room in another case, or that was sent at an instant that is not yet."""
        customer = booking.customer
        self.messages_written += 1
        self.texts_written += 1
        room = booking.room or ""
        row_id = f"m{self.messages_written:07d}{self._rng.getrandbits(32):08x}"
        sent = at if oddity == "reference_case" or booking.ahead is None else booking.ahead
        self.odd_rows[oddity].append(row_id)
        self._write(
            at,
            "chat_messages",
            row_id,
            {
                "senderId": customer.id,
                "senderName": customer.name,
                "senderRole": "customer",
                "receiverId": booking.provider.id,
                "receiverRole": "therapist",
                "conversationId": shapes.recased(room) if oddity == "reference_case" else room,
                "bookingId": booking.id,
                "message": self._line(booking, words.CUSTOMER_LINES),
                "messageType": "text",
                "timestamp": appwrite(sent),
                "isRead": True,
            },
        )

    def _odd_notification(self, at: int, booking: Booking) -> None:
        """A notification that says it was delivered at an instant that is not yet."""
        assert booking.ahead is not None
        notification = Notification(self._id(), at, None, None)
        self.notifications.append(notification)
        self.odd_rows["in_the_future"].append(notification.id)
        self._write(
            at,
            "notifications",
            notification.id,
            {
                "recipientId": booking.customer.id,
                "recipientType": "customer",
                "type": "booking_reminder",
                "title": "Booking reminder",
                "message": "Open the app to see it.",
                "metadata": '{"channel": "push"}',
                "sentAt": appwrite(at),
                "deliveredAt": appwrite(booking.ahead),
                "read": False,
                "bookingId": booking.id,
            },
        )

    def _read(self, at: int, row_id: str) -> None:
        self._change(at, "chat_messages", row_id, {"isRead": True})

    def _unsend(self, at: int, row_id: str) -> None:
        self._emit(at, "delete", "chat_messages", row_id, {})
