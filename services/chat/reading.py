"""A page of a room, as its two sides and administrators see it."""

from __future__ import annotations

from services.callers import Caller
from services.chat.conversation import Conversation, of_room
from services.chat.events import OVERLAP_MS, Mark
from services.chat.hub import Hub
from services.chat.place import After, after_at
from services.chat.rooms import MESSAGES, Seat, cursor_of, limit_of, seat
from services.chat.searching import SearchPage, search
from services.chat.showing import MessagePage, page_of
from services.problems import Problem, Wrong
from services.store import View


def page(
    hub: Hub,
    view: View,
    caller: Caller,
    room_id: str,
    before: str | None,
    after: str | None,
    limit: int | None,
) -> MessagePage:
    """The newest messages, those before a cursor, or those after one. Raises Problem (404, 422), CallFailure."""
    most = limit_of(limit)
    there = seat(view, caller, room_id)
    conversation = of_room(there.room_id, MESSAGES)
    if before is None and after is None:
        began = hub.watch.now()
        return page_at(hub, conversation, mine(there), None, None, most, mark=Mark(began, began - OVERLAP_MS))
    return page_at(hub, conversation, mine(there), before, after, most)


def page_at(
    hub: Hub,
    conversation: Conversation,
    whose: frozenset[str],
    before: str | None,
    after: str | None,
    most: int,
    *,
    mark: Mark | None = None,
) -> MessagePage:
    """A page of any conversation. ``mark``: of the moment before it was asked for; its messages are marked as given.
    Raises Problem (422), CallFailure."""
    if before is not None and after is not None:
        raise Problem(422, "not_valid", [Wrong("before_or_after", "after")])
    start, end = _after_of(after), cursor_of(before, "before")
    if start is not None:
        found = hub.pages.newer(conversation, start, most)
        return page_of(found.entries, whose, older=True, more=found.more, after=start)
    if end is not None:
        found = hub.pages.older(conversation, end, most)
        return page_of(found.entries, whose, older=found.more, more=found.more)
    found = hub.pages.newest(conversation, most)
    if mark is not None:
        for entry in sorted(found.entries, key=lambda entry: str(entry.row.get("$updatedAt"))):
            mark.take(entry.row)
    return page_of(
        found.entries,
        whose,
        older=found.more,
        more=found.more,
        events=None if mark is None else mark.event_id,
    )


def _after_of(cursor: str | None) -> After | None:
    """Raises Problem (422)."""
    try:
        return None if cursor is None else after_at(cursor)
    except ValueError:
        raise Problem(422, "not_valid", [Wrong("cursor_wrong", "after")]) from None


def found_in(
    hub: Hub, view: View, caller: Caller, room_id: str, asked: str, before: str | None, limit: int | None
) -> SearchPage:
    """Raises Problem (404, 422), CallFailure."""
    there = seat(view, caller, room_id)
    return search(hub.pages, of_room(there.room_id, MESSAGES), mine(there), asked, before, limit)


def mine(there: Seat) -> frozenset[str]:
    """The ids that a side of a room writes under."""
    return frozenset({there.sender_id.lower()})
