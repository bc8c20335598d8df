"""Plants personal values of every kind in every attribute of every ingested collection, and finds them again in any
bytes. A value tells where it was planted. Holds no test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from marketplace.aliases import ALIASES, JSON_PATHS
from marketplace.collections import BY_NAME, INGESTED, OF_SERVICES
from marketplace.expected import NAMED

ATTRIBUTES = (*sorted(NAMED), "freeText")
"""Every attribute that any rule reads, and one that none does: each collection has them all."""
NUMBERS = {
    **dict.fromkeys(("price", "commissionRate", "bookingAmount", "commissionAmount", "totalPrice"), "float"),
    **dict.fromkeys(("totalCost", "totalAmount", "duration", "capacity", "lateFee"), "integer"),
    **dict.fromkeys(("isRead", "read", "isTest", "chatWindowOpen", "soundEnabled"), "boolean"),
    **dict.fromkeys(("responseDeadline", "acceptedAt", "paidAt", "lastSeenAt", "sentAt"), "datetime"),
}
PLANTED = tuple(name for name in INGESTED if name not in OF_SERVICES or BY_NAME[name].core)
"""Those that services alone remember by are mirrored as payment_transactions is, and no further."""
TYPED = PLANTED[1::2]
"""Collections whose attributes are typed, so that what is planted does not fit."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MARK = re.compile(r"zq([a-z]{5})kx", re.IGNORECASE)
_BETWEEN = r"[\s().+/-]{0,3}"
_TAIL = re.compile(_BETWEEN.join("97777") + "".join(f"{_BETWEEN}([0-9])" for _ in range(3)))
_BEFORE = 48


@dataclass(frozen=True)
class Place:
    """Where a value was planted, and as what."""

    collection: str
    attribute: str
    kind: str

    def __str__(self) -> str:
        return f"{self.collection}.{self.attribute} ({self.kind})"


Write = Callable[[str, str], Any]
"""(mark, national number) → the value."""

SPELLINGS: Mapping[str, Write] = {
    "phone": lambda mark, number: f"+62{number}",
    "local phone": lambda mark, number: f"0{number[:3]}-{number[3:7]}-{number[7:]}",
    "bare phone": lambda mark, number: f"62{number}",
    "phone as a number": lambda mark, number: int(f"62{number}"),
    "spaced phone": lambda mark, number: f"+62 (0) {number[:3]} {number[3:7]} {number[7:]}",
}
OTHERS: Mapping[str, Write] = {
    "name": lambda mark, number: f"{mark.capitalize()} Wibowo",
    "mail": lambda mark, number: f"{mark}@contoh.example.id",
    "words": lambda mark, number: f"Halo kak, saya {mark}, tolong datang jam 9 ke kamar 12 ya!",
    "address": lambda mark, number: f"Jl. {mark.capitalize()} No. 12, Seminyak, Bali 80361",
    "room": lambda mark, number: f"Kamar {mark.upper()} 909",
    "shop": lambda mark, number: (
        f"{mark.capitalize()} Spa wa.me/62{number} WA:0{number} sari-0{number[:3]}-{number[3:7]}-{number[7:]}, {number}"
    ),
    "long": lambda mark, number: (f"{mark} " + "panjang sekali " * 400)[:5000],
    "json": lambda mark, number: json.dumps(
        {
            "$id": f"{mark.capitalize()} Wibowo",
            **{
                key: f"{mark.capitalize()} Wibowo" for paths in JSON_PATHS.values() for key in paths
            },
            "phone": f"+62{number}",
            "mail": f"{mark}@contoh.example.id",
        }
    ),
}  # fmt: skip
KINDS: Mapping[str, Write] = {**SPELLINGS, **OTHERS}


@dataclass
class Planted:
    """What was planted. A phone is told apart by collection and attribute; anything else also by its kind."""

    places: list[Place] = field(default_factory=list[Place])
    _values: dict[Place, Any] = field(default_factory=dict[Place, Any])
    _phones: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _tails: dict[str, list[tuple[str, Place]]] = field(default_factory=dict[str, list[tuple[str, Place]]])

    def value(self, collection: str, attribute: str, kind: str) -> Any:
        """The value of a place: always the same."""
        place = Place(collection, attribute, kind)
        if place not in self._values:
            mark, left = "", len(self.places)
            for _ in range(5):
                left, letter = divmod(left, 26)
                mark += _LETTERS[letter]
            self.places.append(place)
            self._values[place] = KINDS[kind](f"zq{mark}kx", self._phone(collection, attribute))
        return self._values[place]

    def _phone(self, collection: str, attribute: str) -> str:
        key = (collection, attribute)
        if key not in self._phones:
            number = f"{sum(1 for c, _ in self._phones if c == collection):03d}"
            area, tail = f"81{10 + PLANTED.index(collection)}", f"97777{number}"
            self._phones[key] = area + tail
            self._tails.setdefault(tail, []).append((area, Place(collection, attribute, "phone")))
        return self._phones[key]

    def found(self, content: str | bytes) -> set[Place]:
        """The places whose values stand in some content, in any case, also as UTF-16, a phone also by its last eight
        digits and however its digits are set apart."""
        text = content.decode("latin-1") if isinstance(content, bytes) else content
        return self._found(text) | (self._found(text.replace("\0", "")) if "\0" in text else set())

    def _found(self, text: str) -> set[Place]:
        found: set[Place] = set()
        for hit in _MARK.finditer(text):
            number = sum(_LETTERS.index(letter) * 26**n for n, letter in enumerate(hit[1].lower()))
            if number < len(self.places):
                found.add(self.places[number])
        for hit in _TAIL.finditer(text):
            before = re.sub(r"[\s().+/-]", "", text[max(0, hit.start() - _BEFORE) : hit.start()])
            digits = (re.search(r"[0-9]*$", before) or [""])[0]
            for area, place in self._tails.get("97777" + "".join(hit.groups()), ()):
                # Of a longer number (a time, a size) those digits are no phone.
                if digits.endswith(area) or f"0062{area}".endswith(digits):
                    found.add(place)
        return found


def ranks() -> dict[str, int]:
    """Attribute → how many other names of its meaning stand before it: an earlier one would hide it."""
    found = dict.fromkeys(ATTRIBUTES, 0)
    for names in ALIASES.values():
        for place, name in enumerate(dict.fromkeys(name.partition(".")[0] for name in names)):
            found[name] = max(found[name], place)
    return found


RANKS = ranks()
LAST_RANK = max(RANKS.values())


def of_one_meaning(attribute: str) -> frozenset[str]:
    """The attributes that may stand for the same."""
    heads = ({name.partition(".")[0] for name in names} for names in ALIASES.values())
    return frozenset(name for group in heads if attribute in group for name in group) | {attribute}


CREATION = ("createdAt", "booking")
"""A row in which the first of these cannot be read is quarantined, and the second is read where that is absent."""
ALIKE = {attribute: of_one_meaning(attribute) for attribute in ATTRIBUTES}


def columns_of(collection: str) -> list[dict[str, str]]:
    typed = NUMBERS if collection in TYPED else {}
    return [{"key": name, "kind": typed.get(name, "longtext")} for name in ATTRIBUTES]


@dataclass
class Marketplace:
    """The rows of a marketplace: clean ones, and ones in which values are planted. ``now``: the server's clock."""

    now: datetime
    planted: Planted = field(default_factory=Planted)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in PLANTED})
    number: int = 0

    def at(self, **ago: float) -> str:
        return (self.now - timedelta(**ago)).astimezone(UTC).isoformat(timespec="milliseconds")

    def base(self, collection: str, **more: Any) -> dict[str, Any]:
        """What a clean row of a collection says."""
        self.number += 1
        created = self.at(hours=5, seconds=-self.number % 1800)
        known: dict[str, dict[str, Any]] = {
            "bookings": {
                "bookingId": f"BK{self.number}", "userId": f"user-{self.number}", "providerId": "prov-1",
                "providerName": "Sari Wellness", "status": "completed", "totalCost": 250_000, "duration": 60,
                "startTime": self.at(hours=4), "acceptedAt": self.at(hours=4.9), "source": "chat",
            },
            "commission_records": {
                "bookingId": "BK1", "therapistId": "prov-1", "bookingAmount": 250_000, "commissionRate": 0.3,
                "commissionAmount": 75_000, "paymentStatus": "pending", "source": "chatWindow",
            },
            "chat_messages": {
                "conversationId": "room-1", "senderId": f"user-{self.number}", "senderRole": "customer",
                "receiverId": "prov-1", "messageType": "text", "message": "ok", "isRead": False,
            },
            "chat_rooms": {"bookingId": "BK1", "customerId": "user-1", "therapistId": "prov-1", "status": "active"},
            "notifications": {
                "recipientId": "prov-1", "recipientType": "therapist", "type": "booking", "channel": "push",
                "sentAt": self.at(hours=3), "deliveredAt": self.at(hours=2.9), "bookingId": "BK1",
            },
            "therapists": {"name": "Sari Wellness", "status": "AVAILABLE", "city": "Ubud", "lastSeenAt": created},
            "places": {"name": "Nusa Spa House", "status": "AVAILABLE", "city": "Kuta", "lastSeenAt": created},
        }  # fmt: skip
        known["hotel_bookings"] = known["bookings"]
        return {"createdAt": created, **known.get(collection, {}), **more}

    def put(self, collection: str, row_id: str, values: Mapping[str, Any], **system: str) -> None:
        created = self.at(hours=5)
        self.rows[collection].append({"$id": row_id, "$createdAt": created, **system, **values})

    def planted_row(self, collection: str, kind: str, attributes: Iterable[str]) -> dict[str, Any]:
        """A clean row in which some attributes are planted, and nothing else stands for the same."""
        values = {name: self.planted.value(collection, name, kind) for name in attributes}
        hiding = {alike for name in values for alike in ALIKE[name]}
        return {name: v for name, v in self.base(collection).items() if name not in hiding} | values

    def build(self) -> Marketplace:
        for collection in PLANTED:
            for number in range(3):
                self.put(collection, f"{collection}-clean-{number}", self.base(collection))
            for kind in KINDS:
                for rank in range(LAST_RANK + 1 if kind in ("phone", "name", "json") else 1):
                    attributes = [n for n in ATTRIBUTES if RANKS[n] == rank and n not in CREATION]
                    row = self.planted_row(collection, kind, attributes)
                    self.put(collection, f"{collection}-{kind.replace(' ', '-')}-{rank}", row)
                for name in CREATION:
                    self.put(
                        collection,
                        f"{collection}-{kind.replace(' ', '-')}-{name}",
                        self.base(collection) | {name: self.planted.value(collection, name, kind)},
                    )
                if kind not in ("json", "phone as a number"):  # no server has such ids
                    self.put(collection, self.planted.value(collection, "$id", kind), self.base(collection))
            ahead = {"$createdAt": self.at(days=-400), "$updatedAt": self.at(hours=1)}
            for kind in ("phone", "name"):
                quarantined = self.planted_row(
                    collection, kind, [name for name in ATTRIBUTES if name != "createdAt"]
                )
                quarantined |= {"createdAt": None, "booking": None}
                self.put(
                    collection,
                    self.planted.value(collection, "$id in quarantine", kind),
                    quarantined,
                    **ahead,
                )
                self.put(collection, f"{collection}-quarantine-{kind}", quarantined, **ahead)
            if collection not in ("bookings", "chat_messages"):
                continue
            large = self.planted.value(collection, "message", "words") + " panjang" * 170_000
            self.put(
                collection, f"{collection}-large", self.base(collection) | {"message": large, "notes": large}
            )
        self._tangle()
        return self

    def _tangle(self) -> None:
        """Rows that name each other by a phone, each in a spelling of its own: what is counted, found and told of
        them names them."""
        value = self.planted.value
        spellings = ("phone", "local phone", "bare phone", "spaced phone")
        customer = [value("users", "$id of a customer", kind) for kind in spellings]
        provider = [value("therapists", "$id of a provider", kind) for kind in spellings]
        self.put("users", customer[0], {})
        self.put(
            "therapists", provider[0], self.base("therapists", name="Lotus Room", timezone="Asia/Makassar")
        )
        for n in range(8):
            booking = value("bookings", f"$id of booking {n}", "local phone")
            made = self.at(hours=6, seconds=-10 * n)
            self.put(
                "bookings",
                booking,
                self.base(
                    "bookings", userId=customer[n % 4], providerId=provider[n % 4], createdAt=made, bookingId=None,
                    acceptedAt=self.at(hours=5.9), status="accepted",
                ),
            )  # fmt: skip
            for twin in range(2 if n < 4 else 0):
                record = value("commission_records", f"$id of record {n}-{twin}", "bare phone")
                spelled = value("bookings", f"$id of booking {n}", ("phone", "local phone")[twin])
                wrong = {"commissionAmount": 1_000_000} if n == 3 else {}
                self.put(
                    "commission_records",
                    record,
                    self.base(
                        "commission_records", bookingId=spelled, therapistId=provider[(n + twin) % 4], **wrong
                    ),
                )
        for n in range(40):
            self.put(
                "chat_messages",
                value("chat_messages", f"$id of message {n}", "spaced phone"),
                self.base(
                    "chat_messages", senderId=customer[n % 4], receiverId=provider[n % 4],
                    conversationId=value("chat_rooms", "$id of a room", "name"), timestamp=self.at(hours=1),
                ),
            )  # fmt: skip
        self.put(
            "chat_rooms",
            value("chat_rooms", "$id of a room", "name"),
            self.base("chat_rooms", customerId=customer[1], therapistId=provider[2]),
        )
        self.put(
            "notifications",
            value("notifications", "$id of a failure", "mail"),
            self.base("notifications", recipientId=customer[3], deliveredAt=None, failedAt=self.at(hours=1)),
        )


BUSINESS_NAMES = {
    **dict.fromkeys(("therapists", "places"), ALIASES["provider.name"]),
    **dict.fromkeys(("bookings", "hotel_bookings"), ALIASES["booking.provider_name"]),
    "commission_records": ALIASES["commission.provider_name"],
}


def is_published(place: Place) -> bool:
    """The names of businesses are published, but for phones and mails in them; and so is what reads like a city."""
    if place.kind in SPELLINGS or place.kind == "mail":
        return False
    names = {name.partition(".")[0] for name in BUSINESS_NAMES.get(place.collection, ())}
    is_city = place.attribute == "city" and place.kind == "name"
    return place.attribute in names or (is_city and place.collection in ("therapists", "places"))
