"""Step: how many messages each receiver did not read."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.messages import NAME
from assets.marts.parts.part import Difference


@step(difference=Difference(NAME, ("receiver_id",), ("messages",), "messages"))
def unread_messages(messages: Any) -> ir.Table:
    """receiver_id, messages."""
    m = messages
    m = m.filter(m.receiver_id.notnull() & m.deleted_at.isnull() & ~m.is_read.fill_null(True))
    return m.group_by("receiver_id").aggregate(messages=m.count())
