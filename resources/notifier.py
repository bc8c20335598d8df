"""Sends one message to the channels of BOOKWATCH_ALERT_URLS through Apprise. Decides nothing about when or what."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Notifier:
    """Delivery to every configured channel. ``urls`` may hold secrets: they are never repeated in an error."""

    urls: tuple[str, ...]

    @property
    def configured(self) -> bool:
        return bool(self.urls)

    def send(self, title: str, body: str) -> bool:
        """Send; True only when every channel took it."""
        import apprise

        # Apprise logs the URLs it cannot reach, and a URL can hold a token.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        channels: Any = apprise.Apprise()
        refused = [url for url in self.urls if not channels.add(url)]
        if refused:
            return False
        return bool(channels.notify(title=title, body=body))
