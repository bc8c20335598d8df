"""The people of the marketplace: its providers, its customers. What they do is the actors'."""

from __future__ import annotations

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import Chance, pick
from sandbox.simulator.journal import Journal
from sandbox.simulator.shapes.phones import phone_pair
from sandbox.simulator.times import appwrite
from sandbox.simulator.world import Customer, Provider

OFFSETS = {"Asia/Jakarta": 420, "Asia/Makassar": 480, "Asia/Jayapura": 540}
THERAPISTS, PROVIDERS, CUSTOMERS = 40, 52, 600
_ELSEWHERE = {
    **dict.fromkeys((7, 19, 49), ("Asia/Jakarta", "Jakarta")),
    **dict.fromkeys((13, 51), ("Asia/Jayapura", "Jayapura")),
}
# who plays a planted part, by number; all others are normal
_ROLES = {
    **dict.fromkeys((3, 22, 35), "defaulter"),
    **dict.fromkeys((11, 46), "idle"),
    **dict.fromkeys((28, 44), "overlooked"),
}


class People:
    """Everyone. ``findings=False``: no provider plays a planted part."""

    def __init__(self, rng: Chance, journal: Journal, *, findings: bool) -> None:
        self._rng, self._journal = rng, journal
        self.providers = [self._new_provider(number, findings) for number in range(PROVIDERS)]
        self.customers: list[Customer] = []
        for _ in range(CUSTOMERS):
            self.new_customer().regular = True

    def _new_provider(self, number: int, findings: bool) -> Provider:
        rng = self._rng
        therapist = number < THERAPISTS
        if therapist:
            name = f"{words.BALINESE[number % 12]} {words.BALINESE_SECOND[(number * 5 + number // 12) % 14]}"
        else:
            name = words.PLACES[number - THERAPISTS]
        zone, city = _ELSEWHERE.get(number, ("Asia/Makassar", words.CITIES[number % 8]))
        hour = (140 + int(rng.random() * 36) * 5) * 1000
        prices = {60: hour, 90: hour * 7 // 5, 120: hour * 9 // 5}
        if rng.random() < 0.3:
            prices = {m: p + 500 * (1 + int(rng.random() * 5)) for m, p in prices.items()}
        around_the_clock = rng.random() < 0.25
        shift = (rng.between(7 * 60, 11 * 60), rng.between(19 * 60, 24 * 60))
        return Provider(
            id=rng.identity(),
            kind="therapist" if therapist else "place",
            name=name,
            city=city,
            timezone=zone,
            offset=OFFSETS[zone],
            prices=prices,
            weight=0.4 + rng.random() * 1.6 + (0.0 if therapist else 0.8),
            phone=phone_pair(rng)[0],
            browser=pick(rng, words.BROWSERS),
            role=_ROLES.get(number, "normal") if findings else "normal",
            notifications=rng.random() < 0.93,
            sound=rng.random() < 0.9,
            shift=None if around_the_clock else shift,
        )

    def new_customer(self) -> Customer:
        """One more customer, who is no user of the app yet."""
        rng = self._rng
        indonesian = rng.random() < 0.35
        phone, e164 = phone_pair(rng)
        name = f"{pick(rng, words.FIRST_NAMES)} {pick(rng, words.LAST_NAMES)}"
        customer = Customer(rng.identity(), name, phone, e164, indonesian)
        self.customers.append(customer)
        return customer

    def any_customer(self) -> Customer:
        """Whoever of those who book again and again."""
        return self.customers[int(self._rng.random() * CUSTOMERS)]

    def another_customer(self, than: Customer) -> Customer:
        """Whoever, but this one."""
        customer = self.any_customer()
        return self.another_customer(than) if customer is than else customer

    def sign_up(self, at: int, customer: Customer) -> None:
        """The customer becomes a user of the app."""
        self._journal.write(
            at,
            "users",
            customer.id,
            {
                "name": customer.name,
                "email": f"guest.{customer.id[:6]}@example.com",
                "phone": customer.phone,
                "role": "customer",
                "createdAt": appwrite(at),
                "lastLoginAt": appwrite(at),
            },
        )
