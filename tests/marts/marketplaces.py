"""Steps that a small marketplace takes, drawn at random: clean and dirty rows that come, change and go, scans, clocks.

A step is a tuple of what JSON can write, says all that it does, and can be left out without another changing what it
means: incremental_driver.py takes them, and finds the fewest that still fail. Holds no expectation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

Step = tuple[Any, ...]

BEGIN: Final = datetime(2026, 3, 10, 3, 0)
_TEXT: Final = "VARCHAR"
_BOOKING: Final = (
    "bookingId", "status", "totalCost", "createdAt", "acceptedAt", "respondedAt", "responseDeadline", "completedAt",
    "cancelledAt", "cancelledBy", "declineReason", "providerId", "providerType", "userId", "customerName",
    "customerWhatsApp", "startTime", "duration", "source", "bookingType", "discountCode", "pricing", "currency",
    "reassignedTo", "reassignedFrom", "reassignedBookingId", "originalBookingId", "reassignedAt",
)  # fmt: skip
_RECORD: Final = (
    "bookingId", "bookingDocId", "bookingAmount", "commissionAmount", "commissionRate", "paymentStatus", "therapistId",
    "createdAt", "paidAt", "verifiedAt", "paymentDeadline", "lateFee", "totalAmountDue", "paymentProofUrl",
    "paymentProofUploadedAt", "source", "restrictedAt", "verifiedBy",
)  # fmt: skip
_OF: Final = {
    "therapists": ("name", "status", "timezone", "city", "commissionPlan", "lastSeenAt"),
    "places": ("name", "status", "timezone", "city", "commissionPlan", "lastSeenAt", "capacity"),
    "users": ("name",),
    "bookings": _BOOKING,
    "hotel_bookings": _BOOKING,
    "booking_offers": (
        "bookingId", "providerId", "providerType", "round", "state", "offeredAt", "deadline", "answeredAt",
    ),
    "commission_records": _RECORD,
    "chat_rooms": ("bookingId", "therapistId", "customerId", "status", "expiresAt", "createdAt"),
    "chat_messages": (
        "conversationId", "bookingId", "senderId", "senderRole", "receiverId", "receiverRole", "messageType",
        "timestamp",
    ),
    "notifications": (
        "bookingId", "recipientId", "recipientType", "type", "channel", "sentAt", "deliveredAt", "failedAt",
    ),
    "reviews": ("bookingId", "providerId", "userId", "rating", "createdAt"),
}  # fmt: skip
_FLAGS: Final = {
    "therapists": ("notificationsEnabled", "soundEnabled"),
    "places": ("notificationsEnabled", "soundEnabled"),
    "bookings": ("isTest",),
    "hotel_bookings": ("isTest",),
    "commission_records": ("isTest",),
    "chat_messages": ("isRead",),
}
TABLES: Final[dict[str, dict[str, str]]] = {
    name: dict.fromkeys(texts, _TEXT) | dict.fromkeys(_FLAGS.get(name, ()), "BOOLEAN")
    for name, texts in _OF.items()
}
COLLECTIONS: Final = tuple(TABLES)
#: So many rows a collection has at most, and how often one of them is what a step is about.
_ROWS: Final = {
    "therapists": (4, 6), "places": (2, 3), "users": (4, 3), "bookings": (24, 30), "hotel_bookings": (6, 6),
    "booking_offers": (8, 6), "commission_records": (24, 24), "chat_rooms": (8, 6), "chat_messages": (24, 10),
    "notifications": (12, 5), "reviews": (8, 4),
}  # fmt: skip
_IDS: Final = {
    "therapists": ("t0", "t1", "t2", "T2"),
    "places": ("t0", "p1"),
    "users": ("u0", "u1", "U1", "u2"),
}
_PREFIX: Final = {
    "bookings": "b", "hotel_bookings": "b", "booking_offers": "o", "commission_records": "c", "chat_rooms": "r",
    "chat_messages": "m", "notifications": "n", "reviews": "v",
}  # fmt: skip
_MINUTES: Final = (
    0, 1, 2, 4, 5, 6, 9, 10, 11, 29, 30, 31, 60, 62, 119, 180, 210, 360, 600, 1439, 1441, 2880, 4320, 8640, 10081,
    14400, 23000, 41760, 43201, 60000, 90000, 130000,
)  # fmt: skip
_CLOCK: Final = (1, 1, 2, 5, 10, 11, 30, 31, 60, 60, 180, 181, 720, 1440, 1441, 4320, 10080, 10081, 44640)


class Drawing:
    """Draws one step after another. ``flips``: asks the marts so far for instants at which time alone changes them."""

    def __init__(self, seed: int, flips: Callable[[], Sequence[datetime]], *, policies: int = 2) -> None:
        self._random = random.Random(seed)
        self._flips = flips
        self._policies = policies
        self.now = BEGIN
        self._marks: dict[str, datetime] = {}

    def first(self) -> list[Step]:
        """What a marketplace begins with: some rows of all collections, most of them read to their end."""
        steps: list[Step] = []
        for collection in COLLECTIONS:
            most, _ = _ROWS[collection]
            steps += [self._put(collection, number) for number in range(max(2, most * 2 // 3))]
        return [*steps, *(self._scan(name) for name in COLLECTIONS), ("build",)]

    def next(self) -> list[Step]:
        """One step, or a few that belong together."""
        kinds: dict[Callable[[], list[Step]], int] = {
            self._change: 50,
            self._gone: 7,
            self._backdated: 5,
            self._time: 16,
            self._scans: 3,
            lambda: [("build",)]: 26,
            lambda: [("derive",)]: 5,
            self._killed: 5,
            self._waived: 3,
            self._policy: 2,
            self._unread: 1,
            self._attribute: 1,
            self._health: 2,
        }
        return self._random.choices(list(kinds), list(kinds.values()))[0]()

    # What happens

    def _change(self) -> list[Step]:
        names, weights = zip(*((name, weight) for name, (_, weight) in _ROWS.items()), strict=True)
        collection = self._random.choices(names, weights)[0]
        return [self._put(collection, self._number(collection), few=self._random.random() < 0.75)]

    def _gone(self) -> list[Step]:
        collection = self._pick(*COLLECTIONS)
        return [("delete", collection, self._id(collection, self._number(collection)), _text(self.now))]

    def _backdated(self) -> list[Step]:
        """A row that is read late: changed long ago, or by a clock that is ahead."""
        collection = self._pick("bookings", "commission_records", "therapists", "chat_messages")
        kind, name, row_id, values, _ = self._put(collection, self._number(collection))
        return [(kind, name, row_id, values, _text(self._moment(ahead=0.3)))]

    def _time(self) -> list[Step]:
        later = self.now + timedelta(minutes=self._pick(*_CLOCK))
        chance = self._random.random()
        if chance < 0.45 and (flips := [at for at in self._flips() if at >= self.now]):
            # To the very instant, a microsecond beside it, or past it.
            later = self._pick(*flips[:6]) + timedelta(microseconds=self._pick(-1, 0, 0, 1, 60_000_000))
        elif chance > 0.985:
            later = self.now - timedelta(minutes=self._pick(1, 30, 1500))
        self.now = max(later, BEGIN - timedelta(days=3))
        steps: list[Step] = [("clock", _text(self.now))]
        if self._random.random() < 0.7:
            steps.append(self._scan("commission_records"))
        if self._random.random() < 0.4:
            steps += [self._scan(name) for name in COLLECTIONS if name != "commission_records"]
        return steps

    def _scans(self) -> list[Step]:
        return [self._scan(self._pick(*COLLECTIONS), odd=True)]

    def _killed(self) -> list[Step]:
        where = self._pick("derive", "build", "build", "commit", "commit")
        return [("kill", where, self._random.randrange({"derive": 4, "commit": 6}.get(where, 250)))]

    def _waived(self) -> list[Step]:
        code = self._pick(
            "missing:b", "orphan:c", "overdue_unmarked:c", "wrong_amount:c", "restriction_mismatch:t"
        )
        return [("waive", f"{code}{self._random.randrange(12)}")]

    def _policy(self) -> list[Step]:
        return [("policy", self._random.randrange(self._policies))]

    def _unread(self) -> list[Step]:
        collection, name = self._pick(
            ("commission_records", "bookingId"), ("bookings", "providerId"), ("chat_rooms", "bookingId"),
            ("notifications", "bookingId"),
        )  # fmt: skip
        return [("unread", collection, self._pick("", name))]

    def _attribute(self) -> list[Step]:
        return [("attribute", "commission_records", self._pick("paymentProofImage", "reactivationFeeAmount"))]

    def _health(self) -> list[Step]:
        status = self._pick("working", "broken", "unknown")
        return [("health", self._random.randrange(1, 8), status, _text(self.now))]

    # Scans

    def _scan(self, collection: str, *, odd: bool = False) -> Step:
        """How far a collection was read, by (collection, outcome, completed_at, watermark, read_until)."""
        outcome = self._pick("complete", "partial", "failed", "never") if odd else "complete"
        mark = self.now - timedelta(
            seconds=self._pick(0, 0, 5, 60, 120, 700) if not odd else self._pick(0, 60, 90_000)
        )
        if not odd:
            # As a rule a scan reads further than the one before: where it does not, all marts are made anew.
            mark = self._marks[collection] = max(mark, self._marks.get(collection, mark))
        until = self._pick(_text(mark), _text(mark + timedelta(seconds=30))) if odd else _text(mark)
        return ("scan", collection, outcome, _text(self.now), _text(mark), until)

    # Rows

    def _number(self, collection: str) -> int:
        return self._random.randrange(_ROWS[collection][0])

    def _id(self, collection: str, number: int) -> str:
        ids = _IDS.get(collection)
        return ids[number % len(ids)] if ids else f"{_PREFIX[collection]}{number}"

    def _put(self, collection: str, number: int, *, few: bool = False) -> Step:
        """A row as it is written: (collection, id, values, changed at). ``few``: of one that is there some values."""
        values = getattr(self, f"_{collection}")()
        if few:
            some = self._random.sample(sorted(values), k=min(len(values), self._random.randrange(1, 4)))
            values = {name: values[name] for name in some}
        changed = self.now - timedelta(seconds=self._pick(0, 0, 1, 45, 130, 900))
        return ("put", collection, self._id(collection, number), values, _text(changed))

    def _pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _moment(self, *, ahead: float = 0.06) -> datetime:
        minutes = timedelta(minutes=self._pick(*_MINUTES), seconds=self._pick(0, 0, 30))
        return self.now + minutes if self._random.random() < ahead else self.now - minutes

    def _at(self, base: datetime | None = None, *, none: float = 0.4, ahead: float = 0.06) -> str | None:
        """An instant as rows write it: with a zone, without one, unreadable, or not at all."""
        chance = self._random.random()
        if chance < none:
            return None
        at = self._moment(ahead=ahead)
        if base is not None and chance < 0.85:
            at = base + timedelta(minutes=self._pick(0, 1, 2, 5, 11, 40, 61, 180, 300))
        if chance > 0.99:
            return "soon"
        return at.strftime("%Y-%m-%d %H:%M:%S") if chance > 0.95 else _text(at) + "Z"

    def _booking_ref(self) -> str | None:
        number = self._random.randrange(_ROWS["bookings"][0])
        return self._pick(
            f"b{number}", f"b{number}", f"b{number}", f"BK{number % 9}", f"BK{number % 9}", f"bk{number % 9}",
            f"B{number}", "ghost", None,
        )  # fmt: skip

    def _provider(self) -> str | None:
        return self._pick("t0", "t0", "t1", "t1", "t2", "T2", "T0", "p1", "P1", "ghost", "therapist", None)

    def _customer(self) -> str | None:
        return self._pick("u0", "u0", "u1", "U1", "u2", "U2", "x9", "X9", "customer", None)

    def _therapists(self) -> dict[str, Any]:
        return {
            "name": self._pick("Spa One", "Spa Two", None),
            "status": self._pick("AVAILABLE", "BUSY", "OFFLINE", "RESTRICTED", "odd", None),
            "timezone": self._pick("WIB", "WITA", "WITA", "WIT", "nowhere", None),
            "city": self._pick("Ubud", "Kuta", None),
            "commissionPlan": self._pick("gold", None, None),
            "lastSeenAt": self._at(none=0.2),
            "notificationsEnabled": self._pick(True, True, False, None),
            "soundEnabled": self._pick(True, True, False, None),
        }

    def _places(self) -> dict[str, Any]:
        return {**self._therapists(), "capacity": self._pick("1", "2", "many", None)}

    def _users(self) -> dict[str, Any]:
        return {"name": self._pick("Made", "Ketut")}

    def _bookings(self) -> dict[str, Any]:
        created = self._moment()
        written = self._random.random()
        other = self._random.randrange(_ROWS["bookings"][0])
        return {
            "bookingId": self._pick(*(f"BK{n}" for n in range(9)), f"b{other}", "bk3", None),
            "status": self._pick(
                "pending", "pending", "accepted", "confirmed", "completed", "completed", "completed", "cancelled",
                "declined", "expired", "reassigned", "odd",
            ),
            "totalCost": self._pick("250000", "250000", "333333", "250", "0", "abc", None),
            "createdAt": "45000" if written < 0.04 else None if written < 0.08 else _text(created) + "Z",
            "acceptedAt": self._at(created),
            "respondedAt": self._at(created),
            "responseDeadline": self._at(created),
            "completedAt": self._at(created),
            "cancelledAt": self._at(created, none=0.7),
            "cancelledBy": self._pick("customer", "therapist", "admin", None),
            "declineReason": self._pick("too far", "busy", None, None),
            "providerId": self._provider(),
            "providerType": self._pick("therapist", "place", None, None),
            "userId": self._customer(),
            "customerName": self._pick("Made", "Test User", "Ketut", "Wayan"),
            "customerWhatsApp": self._pick("+6281234567890", "0812 3456 7891", None),
            "startTime": self._at(created, ahead=0.5),
            "duration": self._pick("60", "90", "120", "long", None),
            "source": self._pick("bookingButton", "chatWindow", "menu", "odd", None),
            "bookingType": self._pick("immediate", "scheduled", "odd", None),
            "discountCode": self._pick("TEN", None, None),
            "pricing": self._pick('{"subtotal": 300000, "total": 250000}', None, None),
            "currency": self._pick("IDR", "USD", None, None),
            "isTest": self._pick(True, False, False, False, None, None, None),
            "reassignedTo": self._pick(None, None, None, "t1", "t2", f"b{other}"),
            "reassignedFrom": self._pick(None, None, None, "t0"),
            "reassignedBookingId": self._pick(None, None, None, f"b{other}"),
            "originalBookingId": self._pick(None, None, None, f"b{other}"),
            "reassignedAt": self._at(created, none=0.7),
        }  # fmt: skip

    def _hotel_bookings(self) -> dict[str, Any]:
        return self._bookings()

    def _booking_offers(self) -> dict[str, Any]:
        offered = self._moment()
        return {
            "bookingId": self._booking_ref(),
            "providerId": self._provider(),
            "providerType": self._pick("therapist", "place", None),
            "round": self._pick("1", "2", "x"),
            "state": self._pick("offered", "offered", "accepted", "declined", "expired", "withdrawn", "odd"),
            "offeredAt": _text(offered) + "Z",
            "deadline": self._at(offered, none=0.1),
            "answeredAt": self._at(offered),
        }

    def _commission_records(self) -> dict[str, Any]:
        created = self._moment()
        return {
            "bookingId": self._booking_ref(),
            "bookingDocId": self._pick(None, None, self._booking_ref()),
            "bookingAmount": self._pick("250000", "250000", "250", "333333", "abc", None),
            "commissionAmount": self._pick("75000", "75000", "75", "99999.9", "62500", "-75000", "abc", None),
            "commissionRate": self._pick("0.30", "30", "25", "much", None),
            "paymentStatus": self._pick(
                "paid", "paid", "pending", "pending", "overdue", "awaiting_verification", "cancelled", "reversed",
                "refunded", "odd",
            ),
            "therapistId": self._provider(),
            "createdAt": "45000" if self._random.random() < 0.04 else _text(created) + "Z",
            "paidAt": self._at(created, none=0.5),
            "verifiedAt": self._at(created, none=0.6),
            "paymentDeadline": self._at(created, none=0.5),
            "lateFee": self._pick(None, None, "25000", "25", "10000", "0"),
            "totalAmountDue": self._pick(None, None, "100000", "75"),
            "paymentProofUrl": self._pick("https://proof.example/1", None),
            "paymentProofUploadedAt": self._at(created, none=0.6),
            "source": self._pick("bookingButton", "chatWindow", "odd", None),
            "restrictedAt": self._at(created, none=0.8),
            "verifiedBy": self._pick("admin1", None),
            "isTest": self._pick(True, False, None, None, None),
        }  # fmt: skip

    def _chat_rooms(self) -> dict[str, Any]:
        return {
            "bookingId": self._booking_ref(),
            "therapistId": self._provider(),
            "customerId": self._customer(),
            "status": self._pick("active", "active", "completed", "cancelled", "odd"),
            "expiresAt": self._at(none=0.3, ahead=0.6),
            "createdAt": self._at(none=0.1),
        }

    def _chat_messages(self) -> dict[str, Any]:
        customer_writes = self._random.random() < 0.5
        number = self._random.randrange(_ROWS["chat_rooms"][0])
        return {
            "conversationId": self._pick(
                f"r{number}", f"r{number}", f"r{number}", f"R{number}", "lost", None
            ),
            "bookingId": self._pick(None, self._booking_ref()),
            "senderId": self._customer() if customer_writes else self._provider(),
            "senderRole": self._pick("customer" if customer_writes else "therapist", "system", "odd"),
            "receiverId": self._provider() if customer_writes else self._customer(),
            "receiverRole": "therapist" if customer_writes else "customer",
            "messageType": self._pick("text", "text", "text", "system", "odd"),
            "timestamp": self._at(none=0.1),
            "isRead": self._pick(True, False, None),
        }

    def _notifications(self) -> dict[str, Any]:
        sent = self._moment()
        return {
            "bookingId": self._booking_ref(),
            "recipientId": self._provider(),
            "recipientType": self._pick("therapist", "customer", None),
            "type": self._pick("booking_request", "reminder"),
            "channel": self._pick("push", "whatsapp", None),
            "sentAt": self._pick(None, _text(sent) + "Z", _text(sent) + "Z"),
            "deliveredAt": self._at(sent),
            "failedAt": self._at(sent, none=0.7),
        }

    def _reviews(self) -> dict[str, Any]:
        return {
            "bookingId": self._booking_ref(),
            "providerId": self._pick(None, self._provider()),
            "userId": self._customer(),
            "rating": self._pick("5", "4", "1", "0", "9", None),
            "createdAt": self._at(none=0.2),
        }


def _text(at: datetime) -> str:
    return at.isoformat()
