"""What the answers of /me are: shapes alone. Instants are UTC with Z, days and times of day local to the provider,
amounts whole rupiah; null is what cannot be told."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Shown(BaseModel):
    """An answer; its names are written as the app's are."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class ShownBooking(Shown):
    booking_id: str
    origin: str
    status: str
    mode: str
    minutes: int | None
    amount_idr: int | None
    created_at: str
    starts_at: str | None
    ends_at: str | None
    local_start: str | None


class ShownRequest(ShownBooking):
    """An open request. ``position``: its place in the provider's queue, from 1; ``seconds_left``: 0 once its deadline
    has passed, null where it has none."""

    position: int
    offer_id: str | None
    round: int | None
    deadline: str | None
    seconds_left: int | None
    is_past_deadline: bool | None


class ShownList(Shown):
    """A page of a list; ``next``: what ``after`` takes to go on, null at its end."""

    items: list[ShownBooking]
    next: str | None


class ShownRequests(Shown):
    as_of: str
    zone: str
    is_whole: bool
    requests: list[ShownRequest]
    accepted: ShownList
    scheduled: ShownList
    completed: ShownList


class ShownOwn(Shown):
    """A customer's own bookings."""

    as_of: str
    bookings: ShownList


class ShownDay(Shown):
    date: str
    bookings: list[ShownBooking]
    booked_minutes: int | None


class ShownCalendar(Shown):
    """``undated``: bookings that are to come of which nobody knows when."""

    as_of: str
    zone: str
    is_whole: bool
    days: list[ShownDay]
    undated: list[ShownBooking]


class ShownEarning(Shown):
    """``commission_from``: record, or policy where none is written yet."""

    booking_id: str
    origin: str
    local_date: str
    status: str
    gross_idr: int | None
    commission_idr: int | None
    commission_from: str | None
    net_idr: int | None
    commission_id: str | None
    commission_status: str | None
    due_at: str | None


class ShownSums(Shown):
    """Sums of the bookings of which both amounts are known: gross less commission is net. ``untold``: the others."""

    bookings: int
    gross_idr: int
    commission_idr: int
    net_idr: int
    untold: int


class ShownOwed(Shown):
    commission_id: str
    booking_id: str | None
    status: str
    owed_idr: int | None
    fee_idr: int
    due_at: str | None
    is_due: bool | None
    is_overdue: bool | None
    has_proof: bool


class ShownDebt(Shown):
    """What is owed now, of any month: as marts.commission_balances has it."""

    commission_idr: int
    fees_idr: int
    total_idr: int
    overdue_idr: int
    not_due_idr: int
    untold: int
    next_due_at: str | None
    records: list[ShownOwed]


class ShownEarnings(Shown):
    as_of: str
    month: str
    zone: str
    is_whole: bool
    sums: ShownSums
    bookings: list[ShownEarning]
    owed: ShownDebt


class ShownNotification(Shown):
    notification_id: str
    type: str | None
    title: str | None
    message: str | None
    booking_id: str | None
    sent_at: str | None
    is_read: bool | None


class ShownNotifications(Shown):
    """``unread``: of those listed. The two switches are a provider's; null: the app never said."""

    notifications_enabled: bool | None
    sound_enabled: bool | None
    unread: int
    items: list[ShownNotification]
    next: str | None


class ShownRead(Shown):
    """How many were unread."""

    read: int


class ShownStatus(Shown):
    status: str | None
    last_seen_at: str | None


class ShownSwitches(Shown):
    notifications_enabled: bool | None
    sound_enabled: bool | None


class ShownProfile(Shown):
    """``prices``: minutes → rupiah."""

    provider_id: str
    provider_type: str
    name: str | None
    city: str | None
    languages: list[str]
    zone: str
    status: str | None
    prices: dict[str, int]


class ShownProof(Shown):
    """``is_in_time``: null where no deadline is known."""

    commission_id: str
    status: str
    payment_proof_url: str
    payment_proof_uploaded_at: str | None
    is_in_time: bool | None


def z(at: datetime | None) -> str | None:
    """An instant (naive UTC) as it is answered."""
    return None if at is None else said(at)


def said(at: datetime) -> str:
    """The same of one that is there."""
    return at.isoformat(timespec="milliseconds") + "Z"
