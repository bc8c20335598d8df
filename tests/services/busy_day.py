"""A busy afternoon of a marketplace whose every booking goes through services: made from each entry, clicked twice,
discounted, accepted, declined and offered on, left unanswered, handed over, cancelled, talked about, completed. Holds
no test."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from appwrite.query import Query

from marketplace.operations import discount_id
from marketplace.transitions import Actor
from resources.appwrite.writing import Change, Create
from services.callers import Caller
from services.context import Services, open_services
from services.installing import install
from services.moving.terms import terms_of
from services.queue.dispatching import dispatch_once
from tests.sandbox_server import SandboxProcess
from tests.services.told import Client, Told

LASTS = timedelta(hours=3, minutes=20)
ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")
ENTRIES = ("bookNow", "schedule", "menu", "chat", "direct")
ENDS = (
    *("accepted",) * 6,
    *("completed",) * 6,
    *(
        "declined",
        "declined",
        "unanswered",
        "cancelled",
        "cancelled late",
        "handed over",
        "confirmed",
        "pending",
    ),
)
MENU = {"60": 250, "90": 350, "120": 450}


class _Clocked(Services):
    """By the clock of the sandbox, which is moved."""

    offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + self.offset


@dataclass
class BusyDay:
    """``settings``: of a database with the marketplace's tables, empty. ``bookings``: as many are asked for, beside
    second clicks."""

    server: SandboxProcess
    settings: Any
    bookings: int
    seed: int = 7
    ends: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[int] = field(default_factory=Counter[int])

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.providers = max(8, self.bookings // 8)
        self.customers = max(4, self.bookings // 3)
        install(self.settings)
        opened = open_services(self.settings)
        callers = {"admin": Caller("root1", Actor.ADMIN)}
        for n in range(self.customers):
            callers[f"u{n}"] = Caller(f"user-{n}", Actor.CUSTOMER)
        for n in range(self.providers):
            kind = "places" if n % 8 == 7 else "therapists"
            callers[f"p{n}"] = Caller(f"provider-{n}", Actor.PROVIDER, "id", f"provider-{n}", kind)
        self.services = _Clocked(opened.settings, opened.gateway, Told(callers))
        self.client = Client(self.services)

    def pass_through(self) -> None:
        """All of it; it ends now."""
        self._move(-LASTS)
        self._settle()
        made: list[tuple[str, str]] = []
        for n in range(self.bookings):
            if n % 10 == 9:
                self._move(timedelta(seconds=max(1, 1200 * 10 // self.bookings)))
            end = self.rng.choice(ENDS)
            booking = self._book(n, scheduled=end in ("accepted", "handed over", "confirmed") or n % 3 == 0)
            if booking is not None:
                self._go_on(booking, end)
                made.append((booking, end))
        for _ in range(6):
            self._move(timedelta(minutes=6))
            dispatch_once(self.services.gateway, self.services.now, terms_of(self.services.settings))
        self._move(-self.services.offset)
        for booking, end in made:
            if end == "completed":
                self._by_holder(booking, "complete")
        # Business goes on: the newest booking is of a moment ago, and is answered in time.
        for n in range(3):
            booking = self._book(n, scheduled=True)
            if booking is not None:
                self._by_asked(booking, "accept")
        dispatch_once(self.services.gateway, self.services.now, terms_of(self.services.settings))
        self._deliver()

    def close(self) -> None:
        self.services.close()

    def _settle(self) -> None:
        for n in range(self.providers):
            caller = f"provider-{n}"
            table = "places" if n % 8 == 7 else "therapists"
            self.server.load_rows(
                table,
                [
                    {
                        "$id": caller,
                        "name": f"Studio {chr(65 + n % 26)}",
                        "whatsappNumber": f"+62811{1000000 + n}",
                        "status": "AVAILABLE",
                        "city": ("Seminyak", "Ubud")[n % 2],
                        "timezone": ZONES[n % 3],
                        "pricing": json.dumps(MENU),
                        "notificationsEnabled": True,
                        "soundEnabled": True,
                    }
                ],
            )
        code = {"code": "TEN", "percent": 10}
        self.services.gateway.create(Create("discount_codes", discount_id("TEN"), code))
        self.services.gateway.create(
            Create("discount_codes", discount_id("GIFT"), {"code": "GIFT", "percent": 100, "uses": 3})
        )

    def _book(self, n: int, *, scheduled: bool) -> str | None:
        rng, who = self.rng, f"u{n % self.customers}"
        provider = rng.randrange(self.providers)
        minutes = rng.choice((60, 90, 120))
        body: dict[str, Any] = {
            "entry": rng.choice(ENTRIES),
            "providerId": f"provider-{provider}",
            "minutes": minutes,
            "customer": {
                "name": f"Guest {n % self.customers}",
                "whatsapp": f"0812{3000000 + n % self.customers}",
            },
        }
        if scheduled or body["entry"] == "schedule":
            slots = self.client.get(
                f"/providers/provider-{provider}/slots?minutes={minutes}&days=5", who
            ).json()
            body["startsAt"] = rng.choice(slots["slots"])["startsAt"]
        if body["entry"] == "menu":
            body["price"] = MENU[str(minutes)]
        if n % 9 == 0:
            body["discountCode"] = "TEN" if n % 27 else "GIFT"
        if n % 7 == 0:
            body |= {"hotelId": "hotel-1", "roomNumber": f"{100 + n}", "location": "Jl. Raya 1"}
        told = self.client.post("/bookings", who, body)
        self.statuses[told.status_code] += 1
        if told.status_code not in (200, 201):
            assert told.status_code in (409, 429), told.text
            return None
        if n % 5 == 0:
            again = self.client.post("/bookings", who, body)
            assert (again.status_code, again.json()["bookingId"]) == (200, told.json()["bookingId"]), (
                again.text
            )
        return str(told.json()["bookingId"]) if told.status_code == 201 else None

    def _go_on(self, booking: str, end: str) -> None:
        self.ends[end] += 1
        if n_talks := self.rng.randrange(3):
            room = self.services.gateway.rows("chat_rooms", [Query.equal("bookingId", [booking])])[0]
            who = self._customer(booking)
            for _ in range(n_talks):
                told = self.client.post(f"/rooms/{room['$id']}/messages", who, {"text": "Hello, is it far?"})
                assert told.status_code in (201, 429), told.text
        if end in ("accepted", "completed", "confirmed", "handed over", "cancelled late"):
            told = self._by_asked(booking, "accept")
            if told is None or told.status_code != 200:
                self.ends[f"{end}: not accepted"] += 1
                return
        if end == "declined":
            self._by_asked(booking, "decline")
            if self.rng.random() < 0.5:
                self._by_asked(booking, "accept")
        elif end == "confirmed":
            self._by_holder(booking, "confirm")
        elif end == "cancelled":
            self.client.post(f"/bookings/{booking}/cancel", self._customer(booking))
        elif end == "cancelled late":
            told = self.client.post(f"/bookings/{booking}/cancel", self._customer(booking), {"reason": "ill"})
            assert told.status_code == 200, told.text
        elif end == "handed over":
            taker = f"provider-{self.rng.randrange(self.providers)}"
            self.client.post(f"/bookings/{booking}/reassign", "admin", {"providerId": taker})
            self._by_asked(booking, "accept")

    def _deliver(self) -> None:
        """The phones of those who are told say that they were."""
        for row in self.services.gateway.rows("notifications", [Query.limit(5000)]):
            seen = {"deliveredAt": row["sentAt"]}
            self.services.gateway.change(
                Change("notifications", str(row["$id"]), seen, str(row["$updatedAt"]))
            )

    def _by_asked(self, booking: str, what: str) -> Any:
        """Whoever is offered it answers."""
        for offer in self.services.gateway.rows("booking_offers", [Query.equal("bookingId", [booking])]):
            if offer["state"] == "offered":
                return self.client.post(
                    f"/bookings/{booking}/{what}", f"p{offer['providerId'].removeprefix('provider-')}"
                )
        return None

    def _by_holder(self, booking: str, what: str) -> Any:
        row = self.services.gateway.row("bookings", booking) or {}
        return self.client.post(
            f"/bookings/{booking}/{what}", f"p{row['providerId'].removeprefix('provider-')}"
        )

    def _customer(self, booking: str) -> str:
        row = self.services.gateway.row("bookings", booking) or {}
        return f"u{row['userId'].removeprefix('user-')}"

    def _move(self, by: timedelta) -> None:
        """The clock of the server and of services."""
        self.server.control("PUT", "clock", {"by": by.total_seconds()})
        self.services.offset += by
