"""A marketplace small enough to see through, for moves: therapists of a city with a menu, bookings that are offered,
an Appwrite in memory. Holds no test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from marketplace.collections import OFFERS
from marketplace.offers import offer_row
from marketplace.operations import room_id
from marketplace.transitions import Actor
from resources.policy_file import load_policy
from services.callers import Caller
from services.moving.accepting import accept
from services.moving.ending import cancel, decline
from services.moving.finishing import complete, confirm
from services.moving.reassigning import reassign
from services.moving.shapes import Moved
from services.moving.standing import Terms
from services.queue.dispatching import dispatch_once
from services.store import Decision, View, carry_out
from services.sweeping.moves import sweep_moves
from tests.services.memory import EPOCH, Memory

T = TypeVar("T")
TERMS = Terms(load_policy())
ADMIN = Caller("boss", Actor.ADMIN)
COLUMNS = {
    "bookings": (
        *("bookingId", "userId", "status", "duration", "providerId", "providerType", "providerName", "startTime"),
        *("price", "totalCost", "createdAt", "responseDeadline", "source", "mode", "acceptedAt", "declinedAt"),
        *("respondedAt", "completedAt", "cancelledAt", "cancelReason", "declineReason", "expirationReason"),
        *("discountCode", "isTest", "customerName", "reassignedFrom", "reassignedAt", "cancelledBy"),
    ),
    "therapists": ("name", "status", "city", "timezone", "pricing", "commissionPlan"),
    "places": ("name", "status", "city", "timezone", "pricing", "capacity"),
    "chat_rooms": ("bookingId", "customerId", "therapistId", "therapistName", "status"),
    "chat_messages": ("conversationId", "senderRole", "senderId", "message", "messageType", "bookingId", "timestamp"),
    "notifications": ("recipientId", "recipientType", "type", "title", "message", "sentAt", "bookingId", "read"),
    "commission_records": (
        *("therapistId", "therapistName", "bookingId", "bookingDate", "serviceDate", "bookingAmount"),
        *("commissionRate", "commissionAmount", "paymentStatus", "paymentDeadline", "source", "createdAt", "paidAt"),
    ),
    "hotel_bookings": (),
    "service_guards": (
        *("kind", "bookingId", "providerId", "customerId", "version", "at", "state", "offeredAt", "round"),
    ),
}  # fmt: skip


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


def provider(identity: str) -> Caller:
    return Caller(identity, Actor.PROVIDER, "id", identity, "therapists")


def customer(identity: str) -> Caller:
    return Caller(identity, Actor.CUSTOMER)


class Desk:
    """The server and what may be asked of it, at its own time."""

    def __init__(self, therapists: int = 3, *, transactions: bool = True) -> None:
        self.server = Memory(transactions=transactions)
        self.server.columns = {name: frozenset(columns) for name, columns in COLUMNS.items()}
        for number in range(1, therapists + 1):
            self.provider(f"t{number}")

    def provider(self, identity: str, collection: str = "therapists", **more: Any) -> None:
        row = {"name": f"Name {identity}", "status": "AVAILABLE", "city": "Ubud", "timezone": "Asia/Makassar"}
        self.server.put(collection, identity, **(row | {"pricing": '{"60": 250, "90": 350}'} | more))

    def book(
        self,
        identity: str = "b1",
        whose: str = "t1",
        *,
        by: str = "u1",
        starts: timedelta = timedelta(minutes=30),
        minutes: int = 60,
        answers: timedelta = timedelta(minutes=5),
        kind: str = "therapist",
        offered: bool = True,
        **more: Any,
    ) -> str:
        """A booking as services make it, with its room and its first offer."""
        now = self.server.now
        row = {
            "bookingId": identity,
            "userId": by,
            "status": "pending",
            "duration": minutes,
            "providerId": whose,
            "providerType": kind,
            "startTime": iso(now + starts),
            "totalCost": 250_000,
            "price": 250,
            "createdAt": iso(now),
            "responseDeadline": iso(now + answers),
            "source": "bookingButton",
            "mode": "immediate" if starts <= timedelta(hours=2) else "scheduled",
        }
        self.server.put("bookings", identity, **(row | more))
        self.server.put(
            "chat_rooms", room_id("bookings", identity), bookingId=identity, customerId=by, therapistId=whose,
            status="active",
        )  # fmt: skip
        if offered:
            row_id, offer = offer_row(identity, whose, kind, 1, now, now + answers)
            self.server.put(OFFERS, row_id, **offer)
        return identity

    def passes(self, **time: float) -> None:
        self.server.now += timedelta(**time)

    # Asking ---------------------------------------------------------------------------------------------

    def do(self, decide: Callable[[View], Decision[T]]) -> T:
        return carry_out(self.server, self.server.clock, decide)

    def accept(self, who: Caller | str, booking: str = "b1") -> Moved:
        return self.do(partial(accept, caller=_caller(who), booking_id=booking, terms=TERMS))

    def decline(self, who: Caller | str, booking: str = "b1", reason: str | None = None) -> Moved:
        return self.do(partial(decline, caller=_caller(who), booking_id=booking, terms=TERMS, reason=reason))

    def confirm(self, who: Caller | str, booking: str = "b1") -> Moved:
        return self.do(partial(confirm, caller=_caller(who), booking_id=booking, terms=TERMS))

    def complete(self, who: Caller | str, booking: str = "b1") -> Moved:
        return self.do(partial(complete, caller=_caller(who), booking_id=booking, terms=TERMS))

    def cancel(self, who: Caller | str, booking: str = "b1", reason: str | None = None) -> Moved:
        return self.do(partial(cancel, caller=_caller(who), booking_id=booking, terms=TERMS, reason=reason))

    def reassign(self, to: str, booking: str = "b1", who: Caller | str = ADMIN) -> Moved:
        return self.do(partial(reassign, caller=_caller(who), booking_id=booking, terms=TERMS, to=to))

    def dispatch(self) -> int:
        return dispatch_once(self.server, self.server.clock, TERMS).done

    def sweep(self) -> int:
        return sweep_moves(self.server, self.server.clock, TERMS).done

    # Seeing ---------------------------------------------------------------------------------------------

    def rows(self, collection: str) -> dict[str, dict[str, Any]]:
        return self.server.tables.get(collection, {})

    def booking(self, identity: str = "b1") -> dict[str, Any]:
        return self.rows("bookings")[identity]

    def records(self, booking: str = "b1") -> list[dict[str, Any]]:
        return [row for row in self.rows("commission_records").values() if row["bookingId"] == booking]

    def offers(self, booking: str = "b1") -> list[tuple[str, str]]:
        """(provider, state) by round."""
        rows = [row for row in self.rows(OFFERS).values() if row["bookingId"] == booking]
        return [(row["providerId"], row["state"]) for row in sorted(rows, key=lambda row: row["round"])]

    def status_of(self, whose: str = "t1") -> str:
        return str(self.rows("therapists")[whose]["status"])

    def told(self, collection: str = "notifications") -> list[str]:
        return sorted(str(row.get("type") or row.get("message")) for row in self.rows(collection).values())


def _caller(who: Caller | str) -> Caller:
    if isinstance(who, Caller):
        return who
    return provider(who) if who.startswith(("t", "p")) else customer(who)


NOON = EPOCH
