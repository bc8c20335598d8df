"""What was read: the messages of the others, up to a place, once and for all."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from appwrite.query import Query
from pydantic import BaseModel, ConfigDict, Field

from marketplace.app_rows import text_at
from marketplace.statuses import Role
from resources.appwrite.writing import Change, Write
from services.callers import Caller
from services.chat.conversation import Entry, entries, of_room
from services.chat.place import Place
from services.chat.rooms import MESSAGES, Seat, cursor_of, seat
from services.chat.sending import Guard
from services.problems import Problem
from services.rates import to_ms
from services.store import Decision, Gateway, View, carry_out

AT_ONCE: Final = 90
"""Messages a transaction; it takes 100 operations."""
MOST: Final = 20
"""Transactions of one request: where even more is unread, it says so."""
_SEEN_AGAIN: Final = timedelta(minutes=1)


class ReadWanted(BaseModel):
    """Up to which message was read; all there are where it is not said."""

    model_config = ConfigDict(extra="forbid")

    upTo: str | None = Field(default=None, description="The cursor of a message.")


class ReadTold(BaseModel):
    """``read``: so many messages were unread before; ``more``: some still are, ask again."""

    read: int
    more: bool = False


def mark_read(
    gateway: Gateway, now: Callable[[], datetime], caller: Caller, room_id: str, wanted: ReadWanted
) -> ReadTold:
    """Mark what the caller has read in a room: what the other side, an administrator or the app wrote to them. What is
    read already stays as it is, so that it may be said any number of times. Raises Problem (403 an administrator, who
    reads for nobody; 404), CallFailure, Contended, Doubtful."""
    up_to = cursor_of(wanted.upTo, "/upTo")
    done = 0
    for _ in range(MOST):
        marked = carry_out(gateway, now, lambda view: _some(view, caller, room_id, up_to))
        done += marked
        if marked < AT_ONCE:
            return ReadTold(read=done)
    return ReadTold(read=done, more=True)


def _some(view: View, caller: Caller, room_id: str, up_to: Place | None) -> Decision[int]:
    there = seat(view, caller, room_id)
    if there.role is Role.ADMIN:
        raise Problem(403, "not_allowed")
    unread = Query.or_queries([Query.equal("isRead", [False]), Query.is_null("isRead")])
    reading = entries(
        view.gateway,
        of_room(there.room_id, MESSAGES),
        before=None if up_to is None else Place(up_to.at, up_to.sequence + 1, ""),
        batch=AT_ONCE,
        only=[unread],
    )
    found = list(islice((entry for entry in reading if _to(there, entry)), AT_ONCE))
    writes: list[Write] = [
        Change(MESSAGES, str(entry.row["$id"]), {"isRead": True}, str(entry.row["$updatedAt"]))
        for entry in found
    ]
    guard = Guard.of(view, there.room_id)
    seen, at = guard.seen(there.sender_id), to_ms(view.now)
    if found or seen is None or at - seen > _SEEN_AGAIN:
        writes.insert(0, guard.changed(at, seen=there.sender_id, message=False))
    return Decision(len(found), writes)


def _to(there: Seat, entry: Entry) -> bool:
    """Whether a message was written to this side: not by itself, nor to the other one alone."""
    me = there.sender_id.lower()
    sender, receiver = text_at(entry.row, "senderId"), text_at(entry.row, "receiverId")
    if sender is not None and sender.lower() == me:
        return False
    return receiver is None or there.other_id is None or receiver.lower() != there.other_id.lower()
