"""Mirrors that change, drawn or one by one: what tests of core do to one before they derive. Holds no expectation."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.core.raw_file import RawFile

TABLES = {
    "bookings": {
        "bookingId": "VARCHAR", "status": "VARCHAR", "bookingStatus": "VARCHAR", "price": "DOUBLE",
        "totalCost": "BIGINT", "createdAt": "VARCHAR", "startTime": "VARCHAR", "date": "VARCHAR",
        "providerId": "VARCHAR", "acceptedAt": "TIMESTAMP", "customerName": "VARCHAR", "customerPhone": "VARCHAR",
        "userId": "VARCHAR", "customerphone": "VARCHAR", "declineReason": "VARCHAR", "roomNumber": "VARCHAR",
    },
    "hotel_bookings": {"guestName": "VARCHAR", "status": "VARCHAR", "totalPrice": "VARCHAR", "businessId": "VARCHAR"},
    "commission_records": {
        "bookingId": "VARCHAR", "bookingAmount": "DOUBLE", "commissionAmount": "DOUBLE", "paymentStatus": "VARCHAR",
        "therapistId": "VARCHAR", "paidAt": "VARCHAR", "createdAt": "VARCHAR",
    },
    "chat_messages": {"conversationId": "VARCHAR", "message": "VARCHAR", "senderId": "VARCHAR", "senderRole": "VARCHAR",
                      "timestamp": "VARCHAR"},
    "therapists": {"name": "VARCHAR", "timezone": "VARCHAR"},
    "users": {"name": "VARCHAR", "createdAt": "VARCHAR"},
}  # fmt: skip
SPELLINGS = ("t0", "T0", "t1", "tA")
KINDS = (
    "booking",
    "hotel",
    "commission",
    "message",
    "therapist",
    "user",
    "delete",
    "gone",
    "reject",
    "scan",
)
Action = tuple[str, int, str]
"""A kind, or what a test does itself; the number of the row; a status."""


def actions(*own: str, most: int = 14) -> st.SearchStrategy[list[Action]]:
    """Some changes in a row, and what a test does in between (``own``)."""
    one = st.tuples(
        st.sampled_from([*KINDS, *own]),
        st.integers(min_value=0, max_value=3),
        st.sampled_from(["pending", "accepted", "cancelled", "odd", "completed"]),
    )
    return st.lists(one, min_size=1, max_size=most)


class Changes:
    """Does to a mirror of TABLES what was drawn."""

    def __init__(self, raw: RawFile, seed: int) -> None:
        self._raw = raw
        self._random = random.Random(seed)
        self._stored: set[str] = set()
        self._people: set[tuple[str, str]] = set()

    def act(self, action: str, number: int, status: str) -> None:
        """Change the mirror; a kind that is none of KINDS changes nothing."""
        raw, random_ = self._raw, self._random
        booking = {
            "$id": f"b{number}", "status": status, "providerId": random_.choice(SPELLINGS), "startTime": "14:00",
            "date": "2025-11-20", "totalCost": random_.choice([None, 0, 250000]), "price": 250.0,
            "userId": random_.choice(SPELLINGS),
        }  # fmt: skip
        if action in ("booking", "reject"):
            broken = (
                {"createdAt": "45000", "_rejected": '["creation_unreadable"]'} if action == "reject" else {}
            )
            raw.put("bookings", {**booking, **broken})
            self._stored.add(booking["$id"])
        elif action == "delete" and booking["$id"] in self._stored:
            raw.delete("bookings", booking["$id"])
        elif action == "hotel":
            raw.put("hotel_bookings", {"$id": f"b{number}", "status": status, "businessId": f"t{number % 2}"})
        elif action == "commission":
            raw.put(
                "commission_records",
                {"$id": f"c{number}", "therapistId": SPELLINGS[number], "paidAt": "2025-11-20 10:00"},
            )
        elif action == "message":
            sender = {"senderId": random_.choice(SPELLINGS), "senderRole": "therapist"}
            raw.put("chat_messages", {"$id": f"m{number}", "timestamp": "2025-11-20 10:00", **sender})
        elif action == "therapist":
            zone = random_.choice(["WIB", "WITA", "WIT", "nowhere"])
            raw.put("therapists", {"$id": SPELLINGS[number], "timezone": zone})
            self._people.add(("therapists", SPELLINGS[number]))
        elif action == "scan":
            raw.scanned("therapists", ["complete", "complete", "partial", "forbidden"][number])
        elif action == "user":
            raw.put("users", {"$id": SPELLINGS[number], "name": status})
            self._people.add(("users", SPELLINGS[number]))
        elif action == "gone" and self._people:
            raw.delete(*random_.choice(sorted(self._people)))
