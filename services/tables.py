"""The collections that services need of their own, each declared once: columns, indexes, who may read. Makes none of
them (installing.py); what is in their rows is the commands' own.

No user reads or writes a row of them but where the row itself says so: the tables give no permission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS

OFFERS: Final = "booking_offers"
GUARDS: Final = "service_guards"
COUNTERS: Final = "service_counters"
REQUESTS: Final = "service_requests"
DISCOUNTS: Final = "discount_codes"

ID_LENGTH: Final = 64
"""Characters that an id of any app fits in; Appwrite's own have at most 36."""
TEXT_LENGTH: Final = 16_383
"""Characters that a text column takes."""

ColumnKind = Literal["varchar", "text", "integer", "boolean", "datetime"]


@dataclass(frozen=True)
class Column:
    """A column. ``size``: characters of a varchar."""

    key: str
    kind: ColumnKind
    size: int | None = None
    required: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """What makes it, as both APIs take it."""
        size = {"size": self.size} if self.kind == "varchar" else {}
        return {"key": self.key, "required": self.required, **size}


@dataclass(frozen=True)
class Index:
    """An index that a query of services goes by. None is unique: over rows that double one enforces nothing, and says
    it does; where one row must be the only one, its id is derived."""

    columns: tuple[str, ...]
    descending: bool = False
    fulltext: bool = False

    @property
    def key(self) -> str:
        """Its name: at most 36 characters."""
        return "_".join(("sv", *(name.strip("$")[:15] for name in self.columns)))[:36]


@dataclass(frozen=True)
class Table:
    """A collection of services' own."""

    name: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()


def _ids(*keys: str, required: bool = True) -> tuple[Column, ...]:
    return tuple(Column(key, "varchar", ID_LENGTH, required) for key in keys)


def _words(*keys: str, required: bool = True) -> tuple[Column, ...]:
    return tuple(Column(key, "varchar", 32, required) for key in keys)


def _instants(*keys: str, required: bool = False) -> tuple[Column, ...]:
    return tuple(Column(key, "datetime", required=required) for key in keys)


TABLES: Final = (
    # A row is one offer of a booking to a provider: marketplace/offers.py.
    Table(
        OFFERS,
        (
            *_ids("bookingId", "providerId"),
            *_words("state"),
            *_words("providerType", required=False),
            Column("round", "integer", required=True),
            *_instants("offeredAt", "deadline", required=True),
            *_instants("answeredAt"),
        ),
        (
            Index(("bookingId",)),
            Index(("providerId", "state")),
            Index(("state", "deadline")),
            Index(("providerId", "offeredAt"), descending=True),
        ),
    ),
    # A row is what everybody changes who adds to what a decision rests on, or makes who is to be the only one.
    Table(
        GUARDS,
        (
            *_words("kind"),
            *_ids("bookingId", "providerId", "customerId", required=False),
            Column("version", "integer"),
            Column("round", "integer"),
            *_words("state", required=False),
            *_instants("at", "offeredAt"),
            Column("seen", "text"),
        ),
        (Index(("bookingId",)), Index(("kind", "at")), Index(("kind", "state"))),
    ),
    # A row is a user's latest bookings or messages: as many instants as the rate allows.
    Table(
        COUNTERS,
        (Column("userId", "varchar", 128, True), *_words("kind"), Column("instants", "text")),
        (Index(("userId",)),),
    ),
    # A row is a request with its Idempotency-Key: what it was answered.
    Table(
        REQUESTS,
        (
            *_words("what"),
            Column("digest", "varchar", ID_LENGTH, True),
            Column("status", "integer", required=True),
            Column("answer", "text"),
            *_instants("at", required=True),
        ),
        (Index(("at",)),),
    ),
    # A row is a discount that an administrator gives.
    Table(
        DISCOUNTS,
        (
            *_words("code"),
            *(Column(key, "integer") for key in ("percent", "idr", "uses", "perCustomer", "used")),
            *_instants("validFrom", "validTo"),
            Column("active", "boolean"),
            Column("latest", "text"),
        ),
    ),
)

_WHOSE: Final = tuple(name for name in ALIASES["booking.provider_id"] if "." not in name)

#: Indexes of the marketplace's own collections that services' queries go by, beside those that bookwatch wants of them
#: anyway (marketplace/collections.py); each where the collection has the columns.
FURTHER: Final[Mapping[str, tuple[Index, ...]]] = MappingProxyType(
    {
        # Who is asked for a booking stands under several names, and a query that asks for any of them goes by indexes
        # only where every one of them has one: without, it looks through all bookings, for two seconds in 200,000.
        **dict.fromkeys(BOOKING_COLLECTIONS, tuple(Index((name,)) for name in _WHOSE)),
        "commission_records": (Index(("bookingDocId",)),),
        "chat_messages": (Index(("conversationId", "timestamp")), Index(("roomId", "timestamp"))),
        "chat_rooms": (Index(("bookingId",)), Index(("customerId",)), Index(("therapistId",))),
        "admin_messages": (Index(("senderId", "timestamp")), Index(("receiverId", "timestamp"))),
        "notifications": (Index(("recipientId",)),),
    }
)


@dataclass(frozen=True)
class Bucket:
    """A bucket of Storage: files are read by whom each itself names; ``most_bytes``: of a file."""

    id: str
    most_bytes: int
    extensions: tuple[str, ...]


BUCKETS: Final = (
    Bucket("payment_proofs", 10_000_000, ("jpg", "jpeg", "png", "webp", "pdf")),
    Bucket("chat_attachments", 5_000_000, ("jpg", "jpeg", "png", "webp")),
)


def table_of(name: str) -> Table:
    """The declaration of a collection. Raises KeyError where it is none of services' own."""
    return {table.name: table for table in TABLES}[name]
