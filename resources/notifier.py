"""Sends one message to one channel of BOOKWATCH_ALERT_URLS through Apprise. Decides nothing about when or what.

A channel's URL may hold a secret: it is never logged, shown, stored or repeated in an error; a channel is known by a
hash of it, and shown by its scheme.
"""

from __future__ import annotations

import hashlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from marketplace.findings import SEVERITIES
from resources.appwrite.patience import RETRIES, RETRY_BUDGET, retry_delay

ATTEMPT_SECONDS = 2.0
"""How long one try may take to connect, and to be answered."""
SIDE_BY_SIDE = 8

_COMMA = re.compile(
    rf",(?=[\s,]*(?:$|\s|(?:(?:{'|'.join(SEVERITIES)})[\s,=]+)*[A-Za-z0-9+.-]{{1,32}}://))|^[\s,]+"
)
_ROUTE = re.compile(r"([^=:/]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Channel:
    """One place alerts go to. ``severities``: which it takes; None takes all."""

    url: str = field(repr=False)
    severities: frozenset[str] | None = None

    @property
    def key(self) -> str:
        """What it is remembered by: a hash, so that the ledger holds no secret. Its severities are not part of it."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @property
    def scheme(self) -> str:
        """The kind of channel, for people: ``json``, ``mailto``, ``slack``."""
        scheme, given, _ = self.url.partition("://")
        return scheme if given and re.fullmatch(r"[A-Za-z0-9+.-]{1,24}", scheme) else "?"

    def takes(self, severity: str) -> bool:
        return self.severities is None or severity in self.severities


def routes(words: str | Iterable[str]) -> tuple[str, ...]:
    """The routes of a setting, one ``URL`` or ``severity,severity=URL`` each, separated by spaces or commas.

    A comma separates where a route or a severity follows, as Apprise itself splits URLs: any other belongs to its URL
    (mailto://…?to=a@x.id,b@x.id). Apprise's own function knows no severities.

    Raises ValueError, without repeating any of it, for a severity that there is none of or one without a URL.
    """
    parts = _COMMA.sub(" ", words).split() if isinstance(words, str) else list(words)
    found: list[str] = []
    waiting: list[str] = []
    for part in parts:
        if part in SEVERITIES:
            waiting.append(part)
            continue
        severities, url = _split(part)
        if not url or any(severity not in SEVERITIES for severity in severities):
            raise ValueError(
                f"before a = stand severities ({', '.join(SEVERITIES)}), as in critical,high=URL"
            )
        if waiting and not severities:
            raise ValueError(f"after {waiting[-1]} comes = and a URL, as in critical,high=URL")
        found.append(f"{','.join((*waiting, *severities))}={url}" if waiting or severities else url)
        waiting = []
    if waiting:
        raise ValueError(f"after {waiting[-1]} comes = and a URL, as in critical,high=URL")
    return tuple(found)


def _split(route: str) -> tuple[tuple[str, ...], str]:
    prefixed = _ROUTE.fullmatch(route)
    if prefixed is None:
        return (), route
    return tuple(word.strip() for word in prefixed[1].split(",")), prefixed[2]


def channels_of(found: Iterable[str]) -> tuple[Channel, ...]:
    """The channels of routes; a URL named more than once is one channel that takes what any of its routes takes."""
    merged: dict[str, frozenset[str] | None] = {}
    for route in found:
        severities, url = _split(route)
        taken = frozenset(severities) if severities else None
        if url in merged:
            before = merged[url]
            taken = None if taken is None or before is None else taken | before
        merged[url] = taken
    return tuple(Channel(url, severities) for url, severities in merged.items())


@dataclass(frozen=True)
class Sent:
    """How one send ended. ``usable``: whether Apprise knows what to do with the URL at all."""

    delivered: bool
    attempts: int
    usable: bool = True


@dataclass(frozen=True)
class Notifier:
    """Delivery with retries: 3 after the first try, by the constants of domain.md, none begun 4 s after the first
    failure."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    def send(self, channel: Channel, title: str, body: str) -> Sent:
        """Send one message; ``delivered`` only when the channel took it. Never raises for a channel that fails."""
        import apprise

        # Apprise logs the URLs it cannot reach, and a URL can hold a token.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        library: Any = apprise.Apprise
        plugin: Any = library.instantiate(channel.url, suppress_exceptions=True)
        if plugin is None:
            return Sent(delivered=False, attempts=0, usable=False)
        plugin.socket_connect_timeout = plugin.socket_read_timeout = ATTEMPT_SECONDS
        target: Any = library()
        target.add(plugin)
        began = self.monotonic()
        for attempt in range(RETRIES + 1):
            if self._try(target, title, body):
                return Sent(delivered=True, attempts=attempt + 1)
            if attempt == RETRIES:
                break
            delay = retry_delay(attempt, self.random)
            if self.monotonic() - began + delay >= RETRY_BUDGET:
                return Sent(delivered=False, attempts=attempt + 1)
            self.sleep(delay)
        return Sent(delivered=False, attempts=RETRIES + 1)

    @staticmethod
    def _try(target: Any, title: str, body: str) -> bool:
        try:
            return bool(target.notify(title=title, body=body))
        except Exception:  # noqa: BLE001 - a hundred plugins, and their errors carry URLs; False says it failed
            return False

    def send_all(self, messages: Sequence[tuple[Channel, str, str]]) -> Iterator[tuple[int, Sent]]:
        """Send each message to its channel, side by side, so that one that hangs holds up no other.

        Yields the position of a message and how its send ended, in the order in which they end.
        """
        if not messages:
            return
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(messages))) as pool:
            sends = {pool.submit(self.send, *message): at for at, message in enumerate(messages)}
            for send in as_completed(sends):
                yield sends[send], send.result()
