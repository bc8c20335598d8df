"""What comes to stand with a booking: its chat room, the three messages of the system in it, the first offer to its
provider and the notification of that. All of it is told by the booking's row alone, so that what a dead process left
out can be made later, and twice is once.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from appwrite.permission import Permission
from appwrite.query import Query
from appwrite.role import Role as AppwriteRole

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, meaning, readers
from marketplace.booking_rows import BookingNow
from marketplace.collections import OFFERS
from marketplace.durations import seconds
from marketplace.identifiers import ROLE_WORDS
from marketplace.new_bookings import room_row
from marketplace.offers import offer_row
from marketplace.operations import room_id, told_id
from marketplace.statuses import MessageKind, Mode, Role
from marketplace.telling import Told
from messages.catalogue import LANGUAGES, say
from messages.message import Arg, Message
from operations.records import local
from operations.telling import MESSAGES, NOTIFICATIONS, ROOMS, Telling
from resources.appwrite.writing import Create, Row
from services.booking.customers import BOOKINGS, account_of
from services.store import View

_APART: Final = timedelta(milliseconds=1)
"""The messages are read in the order of their instants."""
FIRST_ROUND: Final = 1


@dataclass(frozen=True)
class _Line:
    """A message of the system. ``kind``: of the message; ``code``: of its sentence."""

    kind: MessageKind
    code: str


_LINES: Final = (
    _Line(MessageKind.SYSTEM, "services.room_welcome"),
    _Line(MessageKind.BOOKING, "services.room_details"),
    _Line(MessageKind.SYSTEM, "services.room_searching"),
)


def readers_of(user_id: str, provider: Row) -> list[str]:
    """The permissions of what customer and provider may read; an account of many reads none of it."""
    sides = dict.fromkeys((user_id, account_of(provider)))
    return [Permission.read(AppwriteRole.user(one)) for one in sides if one.lower() not in ROLE_WORDS]


def beside(
    view: View, row: Row, booking: BookingNow, provider: Row, provider_type: str, offset_minutes: int
) -> list[Create]:
    """What stands beside a booking, in the order in which it is made. ``row``: the booking's, ``booking``: the same as
    it says; ``offset_minutes``: the provider's zone. Raises CallFailure."""
    identity, may_read = booking.booking_id, readers(row)
    room = room_id(BOOKINGS, identity)
    provider_id = str(provider["$id"])
    told = {
        "customer_id": booking.customer_id,
        "customer_name": meaning(row, "booking.customer_name"),
        "provider_id": provider_id,
        "provider_name": meaning(row, "booking.provider_name"),
    }
    ends = booking.ends_at or booking.created_at
    has = partial(view.has, ROOMS)
    made: list[Create] = [
        Create(ROOMS, room, room_row(identity, told, ends, booking.created_at, has), may_read),
        *_messages(view, room, booking, may_read, offset_minutes),
    ]
    deadline = booking.response_deadline or booking.created_at
    offer, data = offer_row(identity, provider_id, provider_type, FIRST_ROUND, booking.created_at, deadline)
    made.append(Create(OFFERS, offer, data, may_read))
    said = {"booking": identity, "deadline": local(deadline, offset_minutes)}
    telling = Telling(offer, booking.created_at, view)
    made += telling.provider(
        provider_id, provider_type, Told.OFFERED, said, booking=row, row={"$permissions": may_read}
    )
    return made


def missing(view: View, booking_id: str, wanted: Sequence[Create]) -> list[Create]:
    """Those that do not stand yet. A booking that was offered to anybody needs no first offer. Raises CallFailure."""
    found = view.gateway.fresh((one.collection, one.row_id) for one in wanted)
    lacking = [one for one in wanted if found[one.collection, one.row_id] is None]
    if not any(one.collection in (OFFERS, NOTIFICATIONS) for one in lacking):
        return lacking
    offers = view.rows(OFFERS, [Query.equal("bookingId", [booking_id]), Query.limit(1)])
    mine = {one.row_id for one in wanted if one.collection == OFFERS}
    if not offers or str(offers[0]["$id"]) in mine:
        return lacking
    return [one for one in lacking if one.collection not in (OFFERS, NOTIFICATIONS)]


def _messages(
    view: View, room: str, booking: BookingNow, may_read: Sequence[str] | None, offset_minutes: int
) -> list[Create]:
    """The messages of the system in the room of a new booking, each in every language."""
    has = partial(view.has, MESSAGES)
    text, where = attribute(ALIASES["message.text"], has), attribute(ALIASES["message.room"], has)
    if text is None or where is None:
        return []
    role, sent = (attribute(ALIASES[f"message.{one}"], has) for one in ("sender_role", "sent_at"))
    args = _said(booking, offset_minutes)
    made: list[Create] = []
    for n, line in enumerate(_LINES):
        at = instant_like(None, booking.created_at + n * _APART)
        data: dict[str, Any] = {
            where: room,
            text: "\n".join(say(Message(line.code, args), language) for language in LANGUAGES),
        }
        more: Mapping[str | None, Any] = {
            role: Role.SYSTEM.value,
            sent: at,
            "senderId": Role.SYSTEM.value,
            "messageType": line.kind.value,
            "bookingId": booking.booking_id,
            "isRead": False,
        }
        data |= {name: value for name, value in more.items() if name is not None and has(name)}
        made.append(Create(MESSAGES, told_id(booking.booking_id, line.code), data, may_read))
    return made


def _said(booking: BookingNow, offset_minutes: int) -> dict[str, Arg]:
    """What a booking's messages tell: nothing of a person."""
    deadline = booking.response_deadline or booking.created_at
    now = booking.mode == Mode.IMMEDIATE.value
    return {
        "booking": booking.booking_id,
        "minutes": booking.minutes,
        "start": local(booking.starts_at, offset_minutes),
        "amount": booking.amount_idr,
        "when": Message("services.for_now" if now else "services.for_later"),
        "wait": seconds(_up(deadline - booking.created_at)),
    }


def _up(length: timedelta) -> timedelta:
    """In whole minutes, as people say it."""
    minute = timedelta(minutes=1)
    return -(-length // minute) * minute


def as_written(
    row_id: str, data: Mapping[str, Any], permissions: Sequence[str], at: datetime
) -> dict[str, Any]:
    """A row that is to be made, as Appwrite will answer it."""
    stamp = instant_like(None, at)
    return {
        "$id": row_id,
        "$createdAt": stamp,
        "$updatedAt": stamp,
        "$permissions": list(permissions),
        **data,
    }
