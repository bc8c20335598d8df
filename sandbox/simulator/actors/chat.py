"""The chat of a booking: its room, what is said in it. Who is rude or odd there is decided in mischief.py."""

from __future__ import annotations

from typing import Any

from sandbox.simulator import vocabulary as words
from sandbox.simulator.actor import Actor
from sandbox.simulator.chance import pick
from sandbox.simulator.sentinels import SENTINEL_MESSAGE
from sandbox.simulator.shapes.spelling import recased
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import DAY, HOUR, MINUTE, SECOND, appwrite, local_hhmm
from sandbox.simulator.world import Booking


class Chat(Actor):
    """Counts what was said. ``texts_written``: by people, not by the app."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.messages_written = 0
        self.texts_written = 0

    # -- who speaks when --

    def open(self, at: int, booking: Booking) -> None:
        """A room for a new booking, in which the customer says what is wanted. A twin shares its first's id: none."""
        rng = self.rng
        if booking.twin or (rng.random() > 0.93 and not booking.marks):
            return
        booking.room = rng.identity()
        self.agenda.at(at + rng.between(100, 900), self._open_room, booking)
        minutes = (booking.deadline - booking.created) // MINUTE
        kind = "booking" if rng.random() < 0.85 else "system"
        self._say(at + SECOND, booking, "system", pick(rng, words.SYSTEM_LINES).format(d=minutes), kind)
        lines = 36 if "abuse_messages" in booking.marks else 1 + int(rng.random() * 2.4)
        moment = at + SECOND
        for _ in range(lines):
            moment += rng.between(6 * SECOND, 60 * SECOND)
            self._say(moment, booking, "customer", self._line(booking, words.CUSTOMER_LINES), "text")
        if "sentinel" in booking.marks:
            self._say(moment + 5 * SECOND, booking, "customer", SENTINEL_MESSAGE, "text")

    def arrange(self, at: int, booking: Booking) -> None:
        """Once it is accepted the two find each other."""
        rng = self.rng
        if not booking.room:
            return
        self._say(at + 400, booking, "system", pick(rng, words.STATUS_LINES["accepted"]), "status-update")
        moment = at + SECOND
        for number in range(3 + int(rng.random() * 7)):
            moment += rng.between(15 * SECOND, 9 * MINUTE)
            if number % 2:
                self._say(moment, booking, "customer", self._line(booking, words.CUSTOMER_LINES), "text")
            else:
                self._say(moment, booking, "therapist", self._line(booking, words.PROVIDER_LINES), "text")
        if rng.random() < 0.02:
            self._say(moment + MINUTE, booking, "admin", pick(rng, words.ADMIN_LINES), "text")
            self.happenings.admin_called.later(moment + 2 * MINUTE, booking)

    def hand_over(self, at: int, booking: Booking) -> None:
        """The room is the next provider's from now on."""
        if booking.room:
            provider = booking.provider
            data = {"therapistId": provider.id, "therapistName": provider.name}
            self.journal.change(at, "chat_rooms", booking.room, data)

    def close(self, at: int, booking: Booking, canonical: str) -> None:
        """The app says how it ended."""
        if not booking.room:
            return
        line = pick(self.rng, words.STATUS_LINES.get(canonical, ("…",)))
        self._say(at + 500, booking, "system", line, "status-update")
        status = "completed" if canonical == "completed" else "cancelled"
        self.agenda.at(at + SECOND, self._close_room, booking, status)

    def _line(self, booking: Booking, lines: tuple[str, ...]) -> str:
        rng = self.rng
        line = pick(rng, lines)
        if "{" not in line:
            return line
        return line.format(
            n=booking.customer.name.split(" ", maxsplit=1)[0],
            p=booking.provider.name.split(" ", maxsplit=1)[0],
            m=booking.minutes,
            t=local_hhmm(booking.start, booking.provider.offset),
            s=f"{pick(rng, words.STREETS)} {1 + int(rng.random() * 120)}",
            k=booking.price // 1000,
            c=booking.provider.city,
            d=5,
        )

    # -- what is written --

    def _open_room(self, at: int, booking: Booking) -> None:
        booking.room_opened, booking.room_expires = at, booking.start + DAY
        self.journal.write(
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
                "expiresAt": appwrite(booking.room_expires),
                "createdAt": appwrite(at),
            },
        )

    def _close_room(self, at: int, booking: Booking, status: str) -> None:
        booking.room_closed = True
        self.journal.change(at, "chat_rooms", booking.room or "", {"status": status})

    def _say(self, at: int, booking: Booking, role: str, text: str, kind: str) -> None:
        self.agenda.at(at, self._message, booking, role, text, kind)

    def _message(self, at: int, booking: Booking, role: str, text: str, kind: str) -> None:
        rng = self.rng
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
        row_id = self._next_id(int(mark * 16**8), typed=kind == "text")
        booking.talk.append((at, role, row_id))
        recent = at > self.end - 6 * HOUR
        data["isRead"] = not recent and rng.random() > 0.006
        self.journal.write(at, "chat_messages", row_id, data)
        if recent and rng.random() < 0.95:
            self.agenda.at(at + rng.between(20 * SECOND, 5 * MINUTE), self._read, row_id)
        elif not recent and mark < 0.0002:
            self.agenda.at(at + HOUR, self._unsend, booking, row_id)

    def _next_id(self, tail: int, *, typed: bool) -> str:
        self.messages_written += 1
        self.texts_written += typed
        return f"m{self.messages_written:07d}{tail:08x}"

    def _read(self, at: int, row_id: str) -> None:
        self.journal.change(at, "chat_messages", row_id, {"isRead": True})

    def _unsend(self, at: int, booking: Booking, row_id: str) -> None:
        booking.talk = [said for said in booking.talk if said[2] != row_id]
        self.journal.delete(at, "chat_messages", row_id)

    def say_odd(self, at: int, booking: Booking, oddity: str) -> None:
        """A message that names its room in another case, or that was sent at an instant that is not yet."""
        customer = booking.customer
        room = booking.room or ""
        row_id = self._next_id(self.rng.getrandbits(32), typed=True)
        sent = at if oddity == "reference_case" or booking.ahead is None else booking.ahead
        self.planted.odd_rows[oddity].append(row_id)
        # an instant that is not yet is not believed: it was written now
        booking.talk.append((at, "customer", row_id))
        self.journal.write(
            at,
            "chat_messages",
            row_id,
            {
                "senderId": customer.id,
                "senderName": customer.name,
                "senderRole": "customer",
                "receiverId": booking.provider.id,
                "receiverRole": "therapist",
                "conversationId": recased(room) if oddity == "reference_case" else room,
                "bookingId": booking.id,
                "message": self._line(booking, words.CUSTOMER_LINES),
                "messageType": "text",
                "timestamp": appwrite(sent),
                "isRead": True,
            },
        )
