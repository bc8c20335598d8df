"""What is found in a conversation, as the API shows it."""

from __future__ import annotations

from pydantic import BaseModel

from services.chat.conversation import Conversation
from services.chat.pages import Pages, words_of
from services.chat.rooms import cursor_of, limit_of
from services.chat.showing import MessageShown, shown


class SearchPage(BaseModel):
    """Messages that hold all the words, the newest first. ``before``: from where to go on looking, none where all of
    the conversation was looked at; a page may hold fewer than asked for, or none, and be gone on with."""

    messages: list[MessageShown]
    before: str | None = None


def search(
    pages: Pages,
    conversation: Conversation,
    mine: frozenset[str],
    asked: str,
    before: str | None,
    limit: int | None,
) -> SearchPage:
    """Raises Problem (422), CallFailure."""
    words, most = words_of(asked), limit_of(limit)
    found, end = pages.search(conversation, words, cursor_of(before, "before"), most)
    return SearchPage(
        messages=[shown(entry, mine) for entry in reversed(found.entries)],
        before=end.cursor if end is not None and found.more else None,
    )
