"""The notifier: what the app sends to a phone, with what became of it."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.actor import Actor
from sandbox.simulator.chance import choose
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import HOUR, SECOND, appwrite
from sandbox.simulator.world import Booking, Notification, Record

_CHANNELS = (("push", 62), ("whatsapp", 24), ("email", 14))


class Notifier(Actor):
    """Keeps every notification that was sent."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.sent: list[Notification] = []

    # -- what it tells of --

    def tell_request(self, at: int, booking: Booking) -> None:
        """To the provider: someone books."""
        at += self.rng.between(200, 3 * SECOND)
        self._notify(at, booking, booking.provider.id, booking.provider.kind, "booking_request")

    def tell_acceptance(self, at: int, booking: Booking) -> None:
        """To the customer: someone comes."""
        at += self.rng.between(500, 4 * SECOND)
        self._notify(at, booking, booking.customer.id, "customer", "booking_accepted")

    def ask_for_review(self, at: int, booking: Booking) -> None:
        """To the customer: how was it?"""
        at += self.rng.between(500, 4 * SECOND)
        self._notify(at, booking, booking.customer.id, "customer", "review_request")

    def tell_commission(self, at: int, record: Record, _role: str) -> None:
        """To the provider it charges: a commission is due."""
        at += self.rng.between(SECOND, 5 * SECOND)
        self._notify(at, record.booking, record.provider.id, record.provider.kind, "commission_due")

    def tell_overdue(self, at: int, record: Record) -> None:
        """To the provider: it is late."""
        self._notify(
            at + SECOND, record.booking, record.provider.id, record.provider.kind, "commission_overdue"
        )

    # -- how it is sent --

    def _notify(self, at: int, booking: Booking | None, to: str, kind: str, topic: str) -> None:
        mark = self.rng.random()
        fate = "delivered" if mark < 0.94 else "failed" if mark < 0.98 else "lost"
        channel = choose(self.rng, _CHANNELS)
        self.agenda.at(at, self._send, booking.id if booking else None, to, kind, topic, fate, channel)

    def _send(
        self, at: int, booking_id: str | None, to: str, kind: str, topic: str, fate: str, channel: str
    ) -> None:
        delay = self.rng.between(300, 9 * SECOND)
        notification = self._new(at)
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
            _settle(at + delay, notification, fate, data)
            self.journal.write(at, "notifications", notification.id, data)
            return
        self.journal.write(at, "notifications", notification.id, data)
        if fate != "lost":
            self.agenda.at(at + delay, self._deliver, notification, fate)

    def _new(self, at: int) -> Notification:
        notification = Notification(self.rng.identity(), at, None, None)
        self.sent.append(notification)
        return notification

    def _deliver(self, at: int, notification: Notification, fate: str) -> None:
        data: dict[str, Any] = {}
        _settle(at, notification, fate, data)
        self.journal.change(at, "notifications", notification.id, data)

    def send_odd(self, at: int, booking: Booking) -> None:
        """A notification that says it was delivered at an instant that is not yet."""
        assert booking.ahead is not None
        notification = self._new(at)
        self.planted.odd_rows["in_the_future"].append(notification.id)
        self.journal.write(
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


def _settle(at: int, notification: Notification, fate: str, data: dict[str, Any]) -> None:
    if fate == "delivered":
        notification.delivered = at
        data["deliveredAt"] = appwrite(at)
    elif fate == "failed":
        notification.failed = at
        data["failedAt"] = appwrite(at)
