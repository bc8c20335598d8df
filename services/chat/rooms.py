"""Whose a room is, whether one can still write in it, and which ones are somebody's."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import Row, meaning, names_somebody, text_at, word
from marketplace.chats import Chat, room_at
from marketplace.chatting import MESSAGES_A_PAGE, MESSAGES_A_PAGE_MOST
from marketplace.statuses import ROOM_STATUS, Role
from marketplace.transitions import Actor
from services.callers import Caller
from services.chat.place import Place, milliseconds, moment_of, opaque, place_at, sequence_of, stamp
from services.chat.showing import RoomPage, RoomShown
from services.problems import Problem, Wrong
from services.store import Gateway, View

ROOMS: Final = "chat_rooms"
MESSAGES: Final = "chat_messages"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")


@dataclass(frozen=True)
class Seat:
    """Who the caller is in a room. ``sender_id``: the id they write under; ``other_id``: that of the other side, None
    where the room names none (and for an administrator, who speaks to the customer)."""

    room: Row
    role: Role
    sender_id: str
    other_id: str | None
    other_role: Role

    @property
    def room_id(self) -> str:
        return str(self.room["$id"])

    @property
    def name(self) -> str | None:
        """What the room calls them."""
        return _name(self.room, self.role)

    @property
    def other_name(self) -> str | None:
        return _name(self.room, self.other_role)


def _name(room: Row, role: Role) -> str | None:
    names = {Role.CUSTOMER: ("customerName",), Role.THERAPIST: ("therapistName", "providerName")}
    return next((name for key in names.get(role, ()) if (name := text_at(room, key)) is not None), None)


def seat(view: View, caller: Caller, room_id: str, *, watched: bool = False) -> Seat:
    """The caller's place in a room. ``watched``: what is decided must hold of the room as it is when it comes to stand.
    Raises Problem (404, also where the room is somebody else's: it is not told whether there is one), CallFailure."""
    if not is_id(room_id):
        raise Problem(404, "not_found")
    room = view.row(ROOMS, room_id) if watched else view.glance(ROOMS, room_id)
    if room is None:
        raise Problem(404, "not_found")
    customer, provider = meaning(room, "room.customer_id"), meaning(room, "room.provider_id")
    if caller.actor is Actor.ADMIN:
        return Seat(room, Role.ADMIN, caller.user_id, customer, Role.CUSTOMER)
    if _same(provider, caller.provider_id):
        return Seat(room, Role.THERAPIST, str(provider), customer, Role.CUSTOMER)
    if _same(customer, caller.user_id):
        return Seat(room, Role.CUSTOMER, str(customer), provider, Role.THERAPIST)
    raise Problem(404, "not_found")


def _sits(room: Row, caller: Caller) -> bool:
    """Whether a caller has a place in a room."""
    return (
        caller.actor is Actor.ADMIN
        or _same(meaning(room, "room.provider_id"), caller.provider_id)
        or _same(meaning(room, "room.customer_id"), caller.user_id)
    )


def is_id(text: str) -> bool:
    """Whether a row can have it as its ``$id``."""
    return _ID.fullmatch(text) is not None


def _same(written: str | None, proven: str | None) -> bool:
    """Whether a room means an account. Appwrite tells ids apart without case; a word for a role is nobody's id."""
    return names_somebody(written) and proven is not None and str(written).lower() == proven.lower()


def state_of(room: Row, now: datetime) -> Chat:
    """Whether one can write in a room."""
    status = word(text_at(room, "status"), ROOM_STATUS)
    return room_at(status, moment_of(room.get("expiresAt")), now)


def must_be_open(room: Row, now: datetime) -> None:
    """Raises Problem (409) where a room is closed, its time is over, or its state is none we know."""
    if state_of(room, now) is not Chat.OPEN:
        raise Problem(409, "room_closed")


def limit_of(limit: int | None) -> int:
    """Raises Problem (422)."""
    asked = MESSAGES_A_PAGE if limit is None else limit
    if not 1 <= asked <= MESSAGES_A_PAGE_MOST:
        raise Problem(422, "not_valid", [Wrong("page_limit", "limit", {"most": MESSAGES_A_PAGE_MOST})])
    return asked


def cursor_of(cursor: str | None, at: str) -> Place | None:
    """Raises Problem (422)."""
    if cursor is None:
        return None
    try:
        return place_at(cursor)
    except ValueError:
        raise Problem(422, "not_valid", [Wrong("cursor_wrong", at)]) from None


def rooms_of(
    gateway: Gateway, caller: Caller, now: datetime, before: str | None, limit: int | None
) -> RoomPage:
    """The caller's rooms, newest first; every room for an administrator. Raises Problem, CallFailure."""
    most = limit_of(limit)
    mine: list[str] = []
    for meant, who in (("room.customer_id", caller.user_id), ("room.provider_id", caller.provider_id)):
        if who is not None and names_somebody(who):
            names = [name for name in ALIASES[meant] if gateway.has(ROOMS, name)]
            mine += [Query.equal(name, [who]) for name in names]
    queries = [Query.order_desc("$sequence"), Query.limit(most + 1)]
    found: dict[str, Row] = {}
    place = cursor_of(before, "before")
    if place is not None:
        queries.append(Query.less_than("$sequence", max(place.sequence, 1)))
    # A question a name, each served by its index: an "or" of them may be by none.
    for whose in [[]] if caller.actor is Actor.ADMIN else [[one] for one in mine]:
        found |= {str(room["$id"]): room for room in gateway.rows(ROOMS, [*whose, *queries])}
    newest = sorted(found.values(), key=sequence_of, reverse=True)
    # A row may name two; whose it is says the first that it holds.
    page = [_room_shown(room, caller, now) for room in newest[:most] if _sits(room, caller)]
    last = newest[most - 1] if len(newest) > most else None
    return RoomPage(rooms=page, before=None if last is None else opaque(f"0.{sequence_of(last)}."))


def _room_shown(room: Row, caller: Caller, now: datetime) -> RoomShown:
    theirs = Role.CUSTOMER if _same(meaning(room, "room.provider_id"), caller.provider_id) else Role.THERAPIST
    expires = moment_of(room.get("expiresAt"))
    state = state_of(room, now)
    return RoomShown(
        roomId=str(room["$id"]),
        bookingId=text_at(room, "bookingId"),
        state=state.value,
        expiresAt=None if expires is None else stamp_of(expires),
        withName=_name(room, theirs),
    )


def stamp_of(at: datetime) -> str:
    """An instant (naive UTC) as it is shown."""
    return stamp(milliseconds(at))
