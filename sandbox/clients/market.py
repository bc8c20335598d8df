"""What customers and providers do with the booking services, as their time comes. How a call is made is service.py's,
what each has in mind plans.py's."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests

from sandbox.clients.pace import Pace
from sandbox.clients.plans import Visit, visit
from sandbox.clients.server import Server
from sandbox.clients.service import Service, Told
from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import Chance, pick

OPENING = 4
"""The first few come at once: who opens the demo sees them in the next snapshot."""
#: A picture of one white dot.
PROOF = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)
_OVER = frozenset(("completed", "cancelled", "declined", "expired", "reassigned"))
_LOOKS_S = (30, 60)
_ASKED = 3
_NOT_NOW = 409
_DELIVERED_EVERY_S = 10
_MOST_LOOKS_OF_A_CUSTOMER = 20


@dataclass(frozen=True)
class Person:
    """A customer: the account's id, what is typed into the form."""

    id: str
    name: str
    phone: str


@dataclass(frozen=True)
class Giver:
    """A provider: its account has its row's id. ``prices``: rupiah by minutes; ``available``: says so of itself."""

    id: str
    prices: dict[int, int]
    available: bool = True


@dataclass
class Course:
    """A booking as far as the clients know it. ``asked``: who saw the request, in this order."""

    visit: Visit
    booking: str
    room: str
    customer: Person
    asked: list[str] = field(default_factory=list[str])
    taken_by: str = ""
    seen: int = 0
    quiet: bool = False


class Market:
    """``providers``: all there are, as they are now. ``gap_s``: seconds between two visits, in the mean. ``visits``: so
    many and no more."""

    def __init__(
        self,
        service: Service,
        server: Server,
        pace: Pace,
        customers: Sequence[Person],
        providers: Callable[[], Sequence[Giver]],
        *,
        seed: int,
        gap_s: float,
        visits: int | None = None,
    ) -> None:
        self._service, self._server, self._pace = service, server, pace
        self._customers, self._providers = customers, providers
        self._seed, self._gap_s, self._visits = seed, gap_s, visits
        self._run = uuid4().hex[:12]  # of the keys: a second start with a seed makes bookings of its own
        self._lock = threading.Lock()
        self._courses: dict[str, Course] = {}
        self._arrived = 0

    def open(self) -> None:
        """The first one is on the way, and all providers look at their phones now and then."""
        self._pace.later(0, self._arrive, 0)
        self._pace.later(_DELIVERED_EVERY_S, self._deliver)
        rng = Chance(f"looks {self._seed}")
        for provider in self._providers():
            self._pace.later(rng.random() * _LOOKS_S[0], self._look, provider, Chance(f"look {provider.id}"))

    def _deliver(self) -> None:
        """What the services send comes to the phones a little later."""
        self._pace.later(_DELIVERED_EVERY_S, self._deliver)
        with contextlib.suppress(requests.RequestException):  # it comes with the next round
            self._server.deliver(frozenset(self.bookings))

    @property
    def bookings(self) -> list[str]:
        """The ids of all that came to be."""
        with self._lock:
            return sorted(self._courses)

    @property
    def is_over(self) -> bool:
        """Whether all have come who were to come, and nothing more becomes of what they booked."""
        with self._lock:
            return self._arrived == self._visits and all(course.quiet for course in self._courses.values())

    # -- customers --

    def _arrive(self, number: int) -> None:
        if number == self._visits:
            return
        rng = Chance(f"arrival {self._seed} {number}")
        gap = 4.0 if number < OPENING else min(rng.expovariate(1 / self._gap_s), 3 * self._gap_s)
        self._pace.later(gap, self._arrive, number + 1)
        plan = visit(self._seed, number)
        try:
            self._book(plan)
        finally:
            with self._lock:
                self._arrived += 1

    def _book(self, plan: Visit) -> None:
        """The customer asks one provider after the other, until one can be booked."""
        customer = self._customers[int(plan.customer * len(self._customers))]
        for turn in range(_ASKED):
            given = self._wanted(plan, customer, self._chosen(plan, turn))
            if given is None:
                continue
            if plan.twice:
                self._pace.at_once(self._click, plan, customer, given, f"{turn} again")
            if self._click(plan, customer, given, f"{turn}") != _NOT_NOW:
                return

    def _chosen(self, plan: Visit, turn: int) -> Giver:
        """Who is asked: one who is there, where it is to be now and anybody is."""
        everybody = self._providers()
        there = [provider for provider in everybody if provider.available]
        asked = everybody if plan.entry == "schedule" or not there else there
        return asked[(int(plan.provider * len(asked)) + turn) % len(asked)]

    def _wanted(self, plan: Visit, customer: Person, provider: Giver) -> dict[str, Any] | None:
        """What is sent; None where the provider has no time at all that day."""
        rng = Chance(f"form {self._seed} {plan.number}")
        given: dict[str, Any] = {
            "entry": plan.entry,
            "providerId": provider.id,
            "minutes": plan.minutes,
            "customer": {"name": customer.name, "whatsapp": customer.phone},
            "location": f"{pick(rng, words.STREETS)} {rng.between(1, 90)}",
        }
        if plan.entry == "menu":
            given["price"] = provider.prices[plan.minutes]
        if plan.entry == "schedule":
            begins = self._free_slot(plan, customer, provider)
            if begins is None:
                return None
            given["startsAt"] = begins
        return given

    def _free_slot(self, plan: Visit, customer: Person, provider: Giver) -> str | None:
        day = (datetime.now(UTC) + timedelta(hours=8, days=plan.days_ahead)).date()
        told = self._service.call(
            customer.id,
            "GET",
            "/providers/{provider}/slots",
            params={"day": day.isoformat(), "minutes": str(plan.minutes)},
            ids={"provider": provider.id},
        )
        free = told.body["slots"] if told.done else []
        if not free:
            return None
        return free[int(plan.slot * len(free))]["startsAt"]

    def _click(self, plan: Visit, customer: Person, given: dict[str, Any], which: str) -> int:
        """The status that was answered; what becomes of a booking goes on by itself."""
        key = f"{self._run}-{plan.number}-{which.replace(' ', '-')}"
        told = self._service.call(customer.id, "POST", "/bookings", given, key=key)
        if not told.done:
            return told.status
        with self._lock:
            if told.body["bookingId"] in self._courses:
                return told.status  # the other click came first
            course = Course(plan, told.body["bookingId"], told.body["roomId"], customer)
            self._courses[course.booking] = course
        rng = Chance(f"course {self._seed} {plan.number}")
        for place in range(plan.lines):
            self._pace.later(5 + place * 8 + rng.random() * 6, self._say, course, customer.id, rng.random())
        if plan.withdrawn:
            self._pace.later(10 + rng.random() * 20, self._cancel, course, customer.id)
        self._pace.later(12, self._wait, course, 0)
        return told.status

    def _wait(self, course: Course, looks: int) -> None:
        """The customer looks what became of it, and reads what was said."""
        ids = {"booking": course.booking, "room": course.room}
        told = self._service.call(course.customer.id, "GET", "/bookings/{booking}", ids=ids)
        self._read(course, course.customer.id)
        status = told.body.get("status") if told.done else ""
        if status in _OVER or looks == _MOST_LOOKS_OF_A_CUSTOMER:
            course.quiet = True
            return
        self._pace.later(20 + looks, self._wait, course, looks + 1)

    def _cancel(self, course: Course, by: str) -> None:
        given = {"reason": pick(Chance(f"reason {course.visit.number}"), words.DECLINE_REASONS)}
        self._of(course, by, "cancel", given)

    # -- the room --

    def _say(self, course: Course, by: str, mark: float) -> None:
        lines = words.CUSTOMER_LINES if by == course.customer.id else words.PROVIDER_LINES
        plain = [line for line in lines if "{" not in line]
        given = {"text": plain[int(mark * len(plain))]}
        self._service.call(by, "POST", "/rooms/{room}/messages", given, ids={"room": course.room})

    def _read(self, course: Course, by: str) -> None:
        ids = {"room": course.room}
        told = self._service.call(by, "GET", "/rooms/{room}/messages", params={"limit": "50"}, ids=ids)
        if not told.done or len(told.body["messages"]) == course.seen:
            return
        course.seen = len(told.body["messages"])
        self._service.call(by, "POST", "/rooms/{room}/read", {}, ids=ids)
        if course.seen % 3 == 0:
            self._service.call(by, "GET", "/rooms/{room}/search", params={"q": "terima"}, ids=ids)

    # -- providers --

    def _look(self, provider: Giver, rng: Chance) -> None:
        """The provider looks at the phone: answers what is open there, or not."""
        self._pace.later(rng.between(*_LOOKS_S), self._look, provider, rng)
        if rng.random() < 0.1:
            self._service.call(provider.id, "GET", pick(rng, ("/me/calendar", "/me/notifications")))
        told = self._service.call(provider.id, "GET", "/me/requests")
        for request in told.body["requests"] if told.done else ():
            with self._lock:
                course = self._courses.get(request["bookingId"])
                if course is None or provider.id in course.asked:
                    continue  # of the app's old way, and so the simulation's to answer
                course.asked.append(provider.id)
                answer = course.visit.answer(len(course.asked) - 1)
            if answer == "accept":
                self._accept(course, provider, rng)
            elif answer == "decline":
                self._of(course, provider.id, "decline", {"reason": pick(rng, words.DECLINE_REASONS)})

    def _accept(self, course: Course, provider: Giver, rng: Chance) -> None:
        if not self._of(course, provider.id, "accept", {}).done:
            return
        course.taken_by = provider.id
        for place in range(course.visit.lines):
            self._pace.later(4 + place * 9 + rng.random() * 5, self._say, course, provider.id, rng.random())
        self._pace.later(30, self._read, course, provider.id)
        if course.visit.cancelled:
            by = course.customer.id if course.visit.cancelled == "customer" else provider.id
            self._pace.later(60 + rng.random() * 60, self._cancel, course, by)
        else:
            self._pace.later(120 + rng.random() * 120, self._complete, course, provider)

    def _complete(self, course: Course, provider: Giver) -> None:
        if self._of(course, provider.id, "complete", {}).done:
            self._pace.later(20, self._pay, provider)

    def _pay(self, provider: Giver) -> None:
        """The provider is there for others again, looks what is owed, and hands in proof of having paid."""
        self._service.call(provider.id, "PUT", "/me/status", {"status": "AVAILABLE"})
        told = self._service.call(provider.id, "GET", "/me/earnings")
        for record in told.body["owed"]["records"] if told.done else ():
            if record["bookingId"] in self.bookings and not record["hasProof"]:
                ids = {"record": record["commissionId"]}
                self._service.call(provider.id, "POST", "/me/commissions/{record}/proof", file=PROOF, ids=ids)

    def _of(self, course: Course, by: str, what: str, given: dict[str, Any]) -> Told:
        ids = {"booking": course.booking}
        return self._service.call(by, "POST", f"/bookings/{{booking}}/{what}", given, ids=ids)
