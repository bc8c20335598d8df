"""Administrators: they found the app's fixed tables, answer when called, look at proofs, delete bookings."""

from __future__ import annotations

import json

from sandbox.simulator import vocabulary as words
from sandbox.simulator.actor import Actor
from sandbox.simulator.chance import pick
from sandbox.simulator.shapes import commissions as record_shapes
from sandbox.simulator.times import DAY, HOUR, MINUTE, appwrite
from sandbox.simulator.world import Booking, Provider, Record


class Administrators(Actor):
    """The people behind the app."""

    # -- the fixed tables --

    def found(self, at: int) -> None:
        """Everything that stands before the first booking."""
        rng = self.rng
        for provider in self.people.providers:
            self._enrol(at, provider)
        for customer in self.people.customers:
            self.people.sign_up(at, customer)
        for hotel in words.HOTELS:
            self.journal.write(
                at,
                "hotels",
                hotel.lower().replace(" ", "-"),
                {"name": hotel, "area": pick(rng, words.CITIES), "rooms": rng.between(8, 120)},
            )
        for key, english, indonesian in (
            ("book_now", "Book now", "Pesan sekarang"),
            ("schedule", "Schedule", "Jadwalkan"),
            ("chat", "Chat", "Obrolan"),
        ):
            for language, value in (("en", english), ("id", indonesian)):
                row = {"key": key, "language": language, "value": value}
                self.journal.write(at, "translations", rng.identity(), row)
        for table, name, file in (
            ("image_assets", "logo", "logo.png"),
            ("login_backgrounds", "rice", "rice.jpg"),
        ):
            row = {"name": name, "url": f"https://cdn.example/{file}"}
            self.journal.write(at, table, rng.identity(), row)

    def _enrol(self, at: int, provider: Provider) -> None:
        rng = self.rng
        if provider.role == "idle":
            provider.status = "RESTRICTED"
        provider.turn(at, provider.status)
        if provider.role in ("idle", "overlooked"):
            self.planted.findings["restriction_mismatch"].append(provider.id)
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
            data["address"] = f"{pick(rng, words.STREETS)} {rng.between(1, 90)}, {provider.city}"
        self.journal.write(at, provider.table, provider.id, data)
        self.journal.write(
            at,
            "bank_details",
            rng.identity(),
            {
                "providerId": provider.id,
                "bankName": pick(rng, ("BCA", "Mandiri", "BNI", "BRI")),
                "accountHolder": provider.name,
                "accountNumber": f"{rng.between(10**9, 10**10)}",
            },
        )

    # -- day by day --

    def answer(self, at: int, booking: Booking) -> None:
        """What a provider wrote to them, of a booking in whose chat they spoke."""
        self.journal.write(
            at,
            "admin_messages",
            self.rng.identity(),
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

    def look_at_proof(self, at: int, record: Record, then: str) -> None:
        """It is verified, rejected, or left lying."""
        if then == "verified":
            verified = at + self.rng.between(10 * MINUTE, 20 * HOUR)
            self.happenings.payment_wanted.later(verified, record, True)
        elif then == "rejected":
            self.agenda.at(at + self.rng.between(8 * MINUTE, 16 * MINUTE), self._reject, record)

    def _reject(self, at: int, record: Record) -> None:
        if record.status == "awaiting_verification":
            self.records.change(at, record, record_shapes.record_status(self.rng, record, "rejected"))

    def delete_booking(self, at: int, booking: Booking) -> None:
        """A booking's row goes."""
        booking.deleted = at
        self.journal.delete(at, booking.table, booking.id)
