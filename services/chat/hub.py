"""What the chats of one process share: what was just read, who is looking, and the bucket of pictures."""

from __future__ import annotations

from services.chat.attachments import Files
from services.chat.conversation import Conversation
from services.chat.events import EVERY_S, Watch
from services.chat.pages import Pages
from services.store import Gateway


class Hub:
    """One a process; safe for threads."""

    def __init__(self, gateway: Gateway, files: Files, *, every: float = EVERY_S) -> None:
        self.gateway, self.files = gateway, files
        self.pages = Pages(gateway)
        self.watch = Watch(gateway, every=every, on_new=self.forget)

    def forget(self, conversation: Conversation) -> None:
        """Something of a conversation was written: what was read of it before counts no more."""
        self.pages.cache.forget((conversation.collection, conversation.identity))

    def ending(self) -> None:
        """Streams end, for whoever reads them to go on elsewhere."""
        self.watch.end()

    def close(self) -> None:
        self.watch.end()
        self.files.close()
