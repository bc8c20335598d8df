"""The chat of a member with the marketplace's administrators: one thread a member, answered by whichever administrator
comes to it."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from appwrite.query import Query
from pydantic import BaseModel, ConfigDict, Field

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, names_somebody, text_at
from marketplace.operations import message_id
from marketplace.rates import Rate
from marketplace.statuses import Role
from marketplace.transitions import Actor
from resources.appwrite.writing import Create, Row, Write
from services.callers import Caller
from services.chat.attachments import account_of
from services.chat.conversation import Conversation, placed
from services.chat.hub import Hub
from services.chat.place import milliseconds, opaque, sequence_of, stamp
from services.chat.reading import page_at
from services.chat.rooms import cursor_of, is_id, limit_of
from services.chat.sending import Guard, Sent, Text, cleaned, sent_before
from services.chat.showing import MessagePage, MessageShown, shown
from services.problems import Problem, Wrong
from services.rates import counted
from services.store import Decision, Gateway, View

SUPPORT: Final = "admin_messages"
ADMINS: Final = Role.ADMIN.value
"""Whom a member writes to, whoever answers."""
_SIDES: Final = ("senderId", "receiverId")
_LOOKED_AT: Final = 1_000
_BATCH: Final = 200


class SupportWanted(BaseModel):
    """What is to be said."""

    model_config = ConfigDict(extra="forbid")

    text: Text


class Thread(BaseModel):
    """A member's thread and its newest message."""

    memberId: str
    memberName: str | None
    last: MessageShown
    unanswered: bool = Field(description="Whether the newest message is the member's.")


class ThreadPage(BaseModel):
    """Threads, that with the newest message first. ``before``: from where to go on."""

    threads: list[Thread]
    before: str | None = None


def of_member(member_id: str) -> Conversation:
    """What a member wrote to administrators, and they to them."""
    return Conversation(SUPPORT, member_id, _SIDES, exactly=False)


def member_of(caller: Caller) -> str:
    """The id a member writes under. Raises Problem (403) for an administrator, who answers in threads, and for an
    account that is called as they are in rows."""
    if caller.actor is Actor.ADMIN or (caller.provider_id is None and caller.is_nobody):
        raise Problem(403, "not_allowed")
    return caller.provider_id or caller.user_id


def thread(
    hub: Hub, caller: Caller, member_id: str | None, before: str | None, after: str | None, limit: int | None
) -> MessagePage:
    """A page of a thread: one's own, or of a member for an administrator. Raises Problem (403, 404, 422) and
    CallFailure."""
    member = _member(caller, member_id)
    mine = frozenset({(caller.user_id if caller.actor is Actor.ADMIN else member).lower()})
    return page_at(hub, of_member(member), mine, before, after, limit_of(limit))


def _member(caller: Caller, member_id: str | None) -> str:
    if member_id is None:
        return member_of(caller)
    if caller.actor is not Actor.ADMIN:
        raise Problem(403, "not_allowed")
    if not is_id(member_id) or not names_somebody(member_id):
        raise Problem(404, "not_found")
    return member_id


def say(view: View, caller: Caller, member_id: str | None, key: str, wanted: SupportWanted) -> Decision[Sent]:
    """A message of a member to the administrators, or of one of them to a member. Members' are counted as those in
    rooms are. Raises Problem (403, 404, 422, 429), CallFailure."""
    member = _member(caller, member_id)
    text = cleaned(wanted.text)
    if not text:
        raise Problem(422, "not_valid", [Wrong("message_empty", "/text")])
    identity = message_id(caller.user_id, key)
    if (before := sent_before(view, SUPPORT, identity, member)) is not None:
        return Decision(before)
    is_admin = caller.actor is Actor.ADMIN
    sender = caller.user_id if is_admin else member
    guard = Guard.of(view, f"{SUPPORT}:{member}")
    at = guard.next(view.now)
    writes: list[Write] = [] if is_admin else [counted(view, sender, Rate.MESSAGES, at)]
    has = partial(view.has, SUPPORT)
    data: dict[str, Any] = {
        "senderId": sender,
        "receiverId": member if is_admin else ADMINS,
        "isRead": False,
    }
    for meant, value in (
        ("message.text", text),
        ("message.sent_at", instant_like(None, at)),
        ("message.sender_role", _role(caller).value),
    ):
        name = attribute(ALIASES[meant], has)
        if name is not None:
            data[name] = value
    permissions = [f'read("user:{caller.user_id if not is_admin else account_of(view, member)}")']
    writes += [
        guard.changed(at, seen=sender),
        Create(SUPPORT, identity, {name: value for name, value in data.items() if has(name)}, permissions),
    ]
    return Decision(Sent(messageId=identity, roomId=member, sentAt=stamp(milliseconds(at))), writes)


def _role(caller: Caller) -> Role:
    return {Actor.ADMIN: Role.ADMIN, Actor.PROVIDER: Role.THERAPIST}.get(caller.actor, Role.CUSTOMER)


# For administrators ---------------------------------------------------------------------------------------


def threads(gateway: Gateway, caller: Caller, before: str | None, limit: int | None) -> ThreadPage:
    """The threads of all members, by their newest message. They are found from the newest message of all on; behind
    where a page begins some thousand are looked at, so that it may hold fewer threads than asked for and be gone on
    with. Raises Problem (403, 422), CallFailure."""
    if caller.actor is not Actor.ADMIN:
        raise Problem(403, "not_allowed")
    most, start = limit_of(limit), cursor_of(before, "before")
    begins = None if start is None else start.sequence
    earlier: set[str] = set()
    found: dict[str, tuple[str, Row, bool]] = {}
    looked = 0
    for row in _newest_first(gateway):
        member, by_member = _whose(row)
        number = sequence_of(row)
        if member is None:
            continue
        if begins is not None and number >= begins:
            earlier.add(member.lower())
            continue
        looked += 1
        if member.lower() not in earlier and member.lower() not in found:
            if len(found) >= most or looked > _LOOKED_AT:
                # It is where the next page begins.
                return ThreadPage(threads=_shown(gateway, caller, found), before=_from(number + 1))
            found[member.lower()] = (member, row, by_member)
        elif looked > _LOOKED_AT:
            return ThreadPage(threads=_shown(gateway, caller, found), before=_from(number))
    return ThreadPage(threads=_shown(gateway, caller, found))


def _from(number: int) -> str:
    return opaque(f"0.{number}.")


def _newest_first(gateway: Gateway) -> Iterator[Row]:
    """Messages to and from administrators, as they were made."""
    last: int | None = None
    while True:
        past = [] if last is None else [Query.less_than("$sequence", last)]
        rows = gateway.rows(SUPPORT, [*past, Query.order_desc("$sequence"), Query.limit(_BATCH)])
        yield from rows
        if len(rows) < _BATCH:
            return
        last = sequence_of(rows[-1])


def _whose(row: Row) -> tuple[str | None, bool]:
    """The member whose thread a message is of, and whether it is theirs."""
    sender, receiver = text_at(row, "senderId"), text_at(row, "receiverId")
    if names_somebody(receiver):
        return receiver, False
    return (sender, True) if names_somebody(sender) else (None, True)


def _shown(gateway: Gateway, caller: Caller, found: dict[str, tuple[str, Row, bool]]) -> list[Thread]:
    rows = [row for _, row, _ in found.values()]
    mine = frozenset({caller.user_id.lower()})
    return [
        Thread(
            memberId=member,
            memberName=text_at(row, "senderName") if by_member else None,
            last=shown(entry, mine),
            unanswered=by_member,
        )
        for (member, row, by_member), entry in zip(
            found.values(), placed(gateway, of_member(""), rows), strict=True
        )
    ]
