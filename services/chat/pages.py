"""A page of a conversation, either way, and what is found in one by its words."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.chatting import SEARCH_MOST, WORDS_MOST
from services.chat.cache import Cache
from services.chat.conversation import Conversation, Entry, entries, far_back
from services.chat.place import After, Place
from services.chat.showing import text_of
from services.problems import Problem, Wrong
from services.store import Gateway

LOOKED_AT: Final = 1_000
"""Messages that a search goes through at once."""
GOES_ON_S: Final = 0.02
"""Seconds within which it goes on to the next ones by itself; then it says from where to go on."""


@dataclass(frozen=True)
class Found:
    """Messages, oldest first; ``more``: whether there are further ones the way that was asked for."""

    entries: Sequence[Entry]
    more: bool


class Pages:
    """Reads conversations for one process. Every method raises CallFailure."""

    def __init__(self, gateway: Gateway, cache: Cache | None = None) -> None:
        self.gateway = gateway
        self.cache = cache or Cache()

    def newest(self, conversation: Conversation, most: int) -> Found:
        """The newest messages: the server is always asked."""
        asked_at = self.cache.monotonic()
        found = list(islice(entries(self.gateway, conversation, batch=most + 1), most + 1))
        page = found[:most][::-1]
        self.cache.newest(_key(conversation), page, whole=len(found) <= most, asked_at=asked_at)
        return Found(page, len(found) > most)

    def older(self, conversation: Conversation, before: Place, most: int) -> Found:
        """The messages that stand before a place, those next to it."""
        key = _key(conversation)
        held = self.cache.older(key, before, most)
        if held is not None:
            return Found(*held)
        found = list(islice(entries(self.gateway, conversation, before=before, batch=most + 1), most + 1))
        page = found[:most][::-1]
        self.cache.further(key, before, page, whole=len(found) <= most)
        return Found(page, len(found) > most)

    def newer(self, conversation: Conversation, after: After, most: int) -> Found:
        """The messages that stand after a place or came to be seen before it since, oldest first: the server is always
        asked."""
        batch = most + 1 + len(after.given)
        reading = entries(self.gateway, conversation, after=after.floor, down=False, batch=batch)
        found = list(islice((entry for entry in reading if after.is_new(entry.place)), most + 1))
        return Found(found[:most], len(found) > most)

    def search(
        self, conversation: Conversation, words: Sequence[str], before: Place | None, most: int
    ) -> tuple[Found, Place | None]:
        """The newest messages before a place that hold all the words, and from where to go on looking (None: all of the
        conversation was looked at). So many messages are looked at as there is time for, that the longest conversation
        answers as soon as any: it may be to be gone on with where nothing was found yet."""
        began = self.cache.monotonic()
        found: list[Entry] = []
        while True:
            some, before = self._search(conversation, words, before, most - len(found))
            found += some
            if before is None or len(found) >= most or self.cache.monotonic() - began >= GOES_ON_S:
                return Found(found[::-1], before is not None), before

    def _search(
        self, conversation: Conversation, words: Sequence[str], before: Place | None, most: int
    ) -> tuple[list[Entry], Place | None]:
        """The same among the next LOOKED_AT messages, newest first."""
        names = [name for name in ALIASES["message.text"] if self.gateway.has(conversation.collection, name)]
        if not names:
            return [], None
        end = far_back(self.gateway, conversation, before, LOOKED_AT)
        # The server compares its own way (case, accents); what it lets through is looked at again here.
        only = [_any_of(names, word) for word in words]
        after = None if end is None else Place(end.at, end.sequence - 1, "")
        reading = entries(self.gateway, conversation, before=before, after=after, batch=most + 1, only=only)
        wanted = [folded(word) for word in words]
        hits = (entry for entry in reading if all(word in folded(text_of(entry.row)) for word in wanted))
        found = list(islice(hits, most + 1))
        return found[:most], found[most - 1].place if len(found) > most else end


def _any_of(names: Sequence[str], word: str) -> str:
    queries = [Query.contains(name, word) for name in names]
    return queries[0] if len(queries) == 1 else Query.or_queries(queries)


def _key(conversation: Conversation) -> tuple[str, str]:
    return conversation.collection, conversation.identity


def words_of(asked: str) -> list[str]:
    """What is looked for, word by word. Raises Problem (422)."""
    if len(asked) > SEARCH_MOST:
        raise Problem(422, "not_valid", [Wrong("too_long", "q", {"limit": SEARCH_MOST})])
    words = list(dict.fromkeys(re.findall(r"\S+", asked)))
    if not words:
        raise Problem(422, "not_valid", [Wrong("missing", "q")])
    if len(words) > WORDS_MOST:
        raise Problem(422, "not_valid", [Wrong("too_many", "q", {"limit": WORDS_MOST})])
    return words


def folded(text: str) -> str:
    """A text without regard to case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
