"""Step: what was said in each conversation, before rooms are known.

There are many millions of messages: they are brought to one row a conversation by themselves, so that nothing else
wants memory at that time.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.rooms import BY_CONVERSATION
from marketplace.chats import AUTOMATIC_KINDS
from marketplace.statuses import Role

_SIDES = (Role.CUSTOMER.value, Role.THERAPIST.value)
#: Times of a conversation; of each side only what a person wrote.
TIMES = ("first_at", "last_at", *(f"{which}_{side}_at" for side in _SIDES for which in ("first", "last")))


@step(part=BY_CONVERSATION)
def conversations(messages: Any) -> ir.Table:
    """conversation_id, messages, unread and the times of TIMES (null: never)."""
    m = spoken(messages)
    times = {"first_at": m.sent_at.min(), "last_at": m.sent_at.max()} | {
        f"{which}_{side}_at": getattr(m.sent_at, least)(where=m.human & (m.sender_role == side))
        for side in _SIDES
        for which, least in (("first", "min"), ("last", "max"))
    }
    return m.group_by("conversation_id").aggregate(
        messages=m.count(), unread=m.count(where=m.unread), **times
    )


def spoken(messages: Any) -> Any:
    """Messages that stand: conversation_id, sender_role, sent_at, human (a person wrote it), unread."""
    m = messages.filter(messages.deleted_at.isnull() & messages.conversation_id.notnull())
    return m.select(
        "conversation_id",
        "sender_role",
        sent_at=ibis.coalesce(m.sent_at, m.created_at),
        human=~m.kind.isin(AUTOMATIC_KINDS),
        unread=~m.is_read.fill_null(True),
    )
