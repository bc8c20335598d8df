"""The canonical world: what is really so, beside what of it a careful reader of the rows can know.

Instants are epoch milliseconds, money integer rupiah. Rows and their shapes do not live here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Provider:
    """A therapist or a place. ``role``: normal, defaulter (pays no planted debt), idle, overlooked."""

    id: str
    kind: str
    name: str
    city: str
    timezone: str
    offset: int
    prices: dict[int, int]
    weight: float
    phone: str
    browser: str
    role: str = "normal"
    status: str = "AVAILABLE"
    online: bool = True
    notifications: bool = True
    sound: bool = True
    last_seen: int = 0
    # minutes of its local day from and until which it is on line; None: around the clock
    shift: tuple[int, int] | None = None
    busy_until: int = 0
    # every status that was written of it, with the instant
    statuses: list[tuple[int, str]] = field(default_factory=list)

    @property
    def table(self) -> str:
        return "therapists" if self.kind == "therapist" else "places"

    def turn(self, at: int, status: str) -> None:
        """Its status is another from now on."""
        self.status = status
        self.statuses.append((at, status))


@dataclass(slots=True)
class Customer:
    """A person who books. ``phone`` as written, ``e164`` its readable form or None."""

    id: str
    name: str
    phone: str
    e164: str | None
    indonesian: bool
    # of those who were there before the history: they book again and again
    regular: bool = False


@dataclass(slots=True)
class Booking:
    """A booking. Plain fields are what really happens; ``known_*`` and
    ``status``/``source``/``mode``/``amount`` are what the written row supports under docs/domain.md (None
    where nothing readable was written)."""

    id: str
    table: str
    customer: Customer
    provider: Provider
    created: int
    minutes: int
    price: int
    start: int
    deadline: int
    business_id: str | None = None
    # what the row supports
    status: str = "pending"
    source: str = "unknown"
    mode: str = "unknown"
    amount: int | None = None
    # whether there is a discount code; what it cost before the discount, where that is written too
    discounted: bool = False
    before: int | None = None
    amount_rule: str | None = None
    amount_disagrees: bool = False
    amount_findings: set[str] = field(default_factory=set)  # amount_in_thousands, _implausible, _currency
    known_customer: str | None = None
    known_phone: str | None = None
    known_minutes: int | None = None
    known_start: int | None = None
    known_deadline: int | None = None
    deadline_explicit: bool = False
    has_source: bool = False
    has_mode: bool = False
    has_schedule: bool = False
    known_accepted: int | None = None
    known_responded: int | None = None
    known_completed: int | None = None
    is_test: bool = False
    quarantined: bool = False
    deleted: int | None = None
    # an attribute of the row refers to what it means in another case
    recased: bool = False
    # the instant, far ahead of the clock, that stands in the attribute named by the mark "ahead"
    ahead: int | None = None
    # its row id is that of a row in bookings too (it is in hotel_bookings then)
    twin: bool = False
    # how it is written
    time_shape: str = "z"
    status_attribute: str = "status"
    accept_attribute: str | None = "acceptedAt"
    writes_completion: bool = True
    # how it goes on
    outcome: str = "completed"
    wanted_source: str = "bookingButton"
    wanted_mode: str = "immediate"
    marks: dict[str, str] = field(default_factory=dict)
    early_record: bool = False
    records: list[Record] = field(default_factory=list)
    room: str | None = None
    room_opened: int = 0
    room_expires: int = 0
    room_closed: bool = False
    # the messages of its room that stand: when, by which role, row id
    talk: list[tuple[int, str, str]] = field(default_factory=list)
    accepted: int | None = None
    replaces: str | None = None
    # how often it is handed to another provider before one answers; those that were
    to_hand_on: int = 0
    hand_overs: list[HandOver] = field(default_factory=list)
    provider_attribute: str = "providerId"
    # the row says from whom, or in place of which booking; when
    says_giver: bool = False
    says_moment: bool = False

    @property
    def key(self) -> str:
        """What tells it from every other booking: its row id, and its table where that stands in both."""
        return f"{self.id}:{self.table}" if self.twin else self.id


@dataclass(slots=True)
class Record:
    """A commission record, in the values a reader of its row alone can know (rupiah or None).

    ``base`` and ``commission`` are None where what is written is not to be believed; ``as_written`` then has
    both as they stand in the row. A ``commission`` below 0 is a refund.
    """

    id: str
    booking: Booking | None
    provider: Provider
    booking_ref: str | None
    doc_ref: str | None
    created: int
    base: int | None
    commission: int | None
    rate_ppm: int | None
    in_thousands: bool
    source: str | None
    status: str
    deadline: int | None
    due: int
    is_test: bool = False
    quarantined: bool = False
    deleted: int | None = None
    paid_at: int | None = None
    verified_at: int | None = None
    proof: bool = False
    proof_at: int | None = None
    fee: int | None = None
    restricted: int | None = None
    # its last update; None: it stands as it was created
    changed: int | None = None
    marks: dict[str, str] = field(default_factory=dict)
    deadline_frozen: bool = False
    as_written: tuple[float | None, float | None] | None = None
    amount_findings: set[str] = field(default_factory=set)  # amount_implausible, amount_currency
    # whether the row says whom it charges
    names_provider: bool = True
    recased_provider: bool = False
    partly_refunded: bool = False
    # far ahead of the clock, in the attribute named by the mark "ahead"
    ahead: int | None = None
    status_attribute: str = "paymentStatus"
    proof_attribute: str = "paymentProofUrl"
    fee_attribute: str = "reactivationFeeAmount"
    due_attribute: str = "totalAmountDue"


@dataclass(frozen=True, slots=True)
class HandOver:
    """A booking that waits for an answer gets another provider, in its row."""

    at: int
    giver: Provider
    taker: Provider


@dataclass(frozen=True, slots=True)
class Review:
    """What a customer wrote of a service. ``rating``: 1 to 5."""

    id: str
    booking: Booking
    provider: Provider
    rating: int
    written: int


@dataclass(slots=True)
class Notification:
    """A notification: when it was sent and what became of it by the simulation's time."""

    id: str
    sent: int
    delivered: int | None
    failed: int | None
