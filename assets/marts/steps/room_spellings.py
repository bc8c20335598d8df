"""Step: which messages name their room in other letters than its own (room_cases has the names)."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.rooms import BY_NAME
from assets.marts.steps.commission_matches import DELETED


@step(part=BY_NAME)
def room_spellings(messages: Any, room_cases: Any) -> ir.Table:
    """row_id of a message that is not deleted, and the name (``written``) that fits one room but for case."""
    meant = room_cases.filter(room_cases.alone & (room_cases.kind != DELETED))
    m = messages.filter(messages.deleted_at.isnull())
    m = m.semi_join(meant, m.conversation_id == meant.written)
    return m.select(row_id=m.message_id, written=m.conversation_id)
