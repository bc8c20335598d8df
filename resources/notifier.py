"""Sends one message to one channel of BOOKWATCH_ALERT_URLS through Apprise, no longer than the channel takes. Decides
nothing about when or what.

A channel's URL may hold a secret: it is never logged, shown, stored or repeated in an error; a channel is known by a
hash of it, and shown by its scheme.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from marketplace.findings import SEVERITIES
from resources.appwrite.patience import RETRIES, RETRY_BUDGET, retry_delay
from resources.errors import Wrong

ATTEMPT_SECONDS = 2.0
"""How long one try may take to connect, and to be answered."""
SIDE_BY_SIDE = 8
AROUND = 32
"""Bytes left free for what a plugin puts around a title and a body, such as the line break between them."""
REFUSED_FOR_LENGTH = frozenset({400, 413, 414, 422})
"""What channels answer to a message that is too long; a 400 can mean something else, and shorter does no harm then."""
SHORTEST, LONGEST = 120, 32_768
"""Bytes: no retry is given less room than the first, no message more than the second (a broker takes 256 MB)."""
SMALLER: Mapping[str, int] = {"ntfy": 3700, "ntfys": 3700}
"""Limits below those Apprise knows, in bytes, by scheme. ntfy makes a file of a message over 4 KiB and refuses a
request over twice that (message-size-limit in its server.yml); Apprise counts the request alone, up to 7,800."""

Fits = Callable[[str], bool]
"""Whether a body, with its title, arrives whole at a channel."""
Write = Callable[[Fits], str]
"""Writes a body that fits; asked again with less room where a channel refused it for its length."""

_COMMA = re.compile(
    rf",(?=[\s,]*(?:$|\s|(?:(?:{'|'.join(SEVERITIES)})[\s,=]+)*[A-Za-z0-9+.-]{{1,32}}://))|^[\s,]+"
)
_STATUS = re.compile(r"\berror=(\d{3,5})\b")
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
            raise Wrong("setting.route_severity", severities=list(SEVERITIES))
        if waiting and not severities:
            raise Wrong("setting.route_url", severity=waiting[-1])
        found.append(f"{','.join((*waiting, *severities))}={url}" if waiting or severities else url)
        waiting = []
    if waiting:
        raise Wrong("setting.route_url", severity=waiting[-1])
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
    length: int = field(default=0, compare=False)
    """Letters of the body that was sent last."""
    shortened: bool = field(default=False, compare=False)
    """Whether the channel had refused a longer one."""


@dataclass(frozen=True)
class Room:
    """How much one plugin of Apprise takes at a time. ``most``: bytes of title and body together."""

    plugin: Any
    title: str
    most: int

    def fits(self, body: str) -> bool:
        """Whether it arrives whole, as Apprise will write it for this channel: escaped, with the title in it.

        Counted in bytes of UTF-8, or half the letters of its JSON where that is more. Channels count letters, UTF-16
        units, bytes of the text or of the request; none counts more than this.
        """
        lines = self.plugin.body_max_line_count
        if lines and body.count("\n") + 2 > lines:
            return False
        return self.size(body) <= self.most

    def size(self, body: str) -> int:
        """Bytes of title and body as they are sent."""
        text_format = import_module("apprise").NotifyFormat.TEXT
        convert_between = import_module("apprise.conversion").convert_between
        rendered = self.plugin.resolve_format(text_format)

        def as_sent(text: str) -> int:
            final: str = convert_between(text_format, rendered, text)
            with suppress(
                Exception
            ):  # a hundred plugins: one that cannot say what it makes of it will not send it
                final = self.plugin.dialect_convert(final, rendered)
            return max(len(final.encode("utf-8", "surrogatepass")), len(json.dumps(final)) // 2)

        return as_sent(self.title) + AROUND + as_sent(body)

    def cut(self, body: str) -> str:
        """As much of a body as fits, whole lines while one does; what is left out is marked."""
        if self.fits(body):
            return body
        lines = body.split("\n")
        whole = _most(len(lines), lambda n: self.fits("\n".join([*lines[:n], "…"])))
        if whole:
            return "\n".join([*lines[:whole], "…"])
        return body[: _most(len(body), lambda n: self.fits(f"{body[:n]}…"))] + "…"


def _most(up_to: int, holds: Callable[[int], bool]) -> int:
    """The largest number below ``up_to`` for which it holds, 0 where for none."""
    least, most = 0, max(0, up_to - 1)
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if holds(middle) else (least, middle - 1)
    return least


@dataclass(frozen=True)
class Notifier:
    """Delivery with retries: 3 after the first try, by the constants of domain.md, none begun 4 s after the first
    failure. ``retries`` 0: who asks has tries of its own."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    retries: int | None = None

    def send(self, channel: Channel, title: str, body: str | Write) -> Sent:
        """Send one message; ``delivered`` only when the channel took it. Never raises for a channel that fails.

        A text that is too long for the channel is cut; better give what writes one that fits. Refused for its length,
        it is sent again with half the room.
        """
        apprise: Any = import_module("apprise")
        # Apprise names the URLs it cannot reach, and a URL can hold a token.
        logger = logging.getLogger("apprise")
        logger.propagate = False
        logger.addFilter(_only_statuses)
        plugin: Any = apprise.Apprise.instantiate(channel.url, suppress_exceptions=True)
        if plugin is None:
            return Sent(delivered=False, attempts=0, usable=False)
        plugin.socket_connect_timeout = plugin.socket_read_timeout = ATTEMPT_SECONDS
        # One message a turn, and the waits between tries are ours: five seconds in between would outlast the turn.
        plugin.request_rate_per_sec = 0
        target: Any = apprise.Apprise()
        target.add(plugin)
        most = min(plugin.body_maxlen, SMALLER.get(channel.scheme.lower(), LONGEST), LONGEST)
        title = title[: plugin.title_maxlen] if plugin.title_maxlen > 0 else title
        room = Room(plugin, title, most)
        text = _written(room, body)
        shortened = False
        began = self.monotonic()
        retries = RETRIES if self.retries is None else self.retries
        for attempt in range(retries + 1):
            # One message, as it is. Where not even the shortest fits its end is cut off, and it arrives.
            modes = apprise.OverflowMode
            plugin.overflow_mode = modes.UPSTREAM if room.fits(text) else modes.TRUNCATE
            delivered, too_long = self._try(target, title, text)
            if delivered:
                return Sent(True, attempt + 1, length=len(text), shortened=shortened)
            if attempt == retries:
                break
            delay = retry_delay(attempt, self.random)
            if self.monotonic() - began + delay >= RETRY_BUDGET:
                return Sent(False, attempt + 1, length=len(text), shortened=shortened)
            if too_long:
                room = Room(plugin, title, max(SHORTEST, min(room.most, room.size(text)) // 2))
                shorter = _written(room, body)
                shortened = shortened or len(shorter) < len(text)
                text = min(shorter, text, key=len)
            self.sleep(delay)  # the backoff between two tries
        return Sent(False, retries + 1, length=len(text), shortened=shortened)

    @staticmethod
    def _try(target: Any, title: str, body: str) -> tuple[bool, bool]:
        """Whether the channel took it; if not, whether that can be for its length."""
        try:
            # Declared as text, it is escaped where a channel shows HTML or Markdown, and keeps its lines.
            result = target.notify(title=title, body=body, body_format="text")
            said = [entry.message for service in result for entry in service.logs()]
            result.close()
        except Exception:  # noqa: BLE001 - a hundred plugins, and their errors carry URLs; False says it failed
            return False, False
        statuses = {int(found[:3]) for words in said for found in _STATUS.findall(words)}
        return bool(result), bool(statuses & REFUSED_FOR_LENGTH)

    def send_all(self, messages: Sequence[tuple[Channel, str, str | Write]]) -> Iterator[tuple[int, Sent]]:
        """Send each message to its channel, side by side, so that one that hangs holds up no other.

        Yields the position of a message and how its send ended, in the order in which they end.
        """
        if not messages:
            return
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(messages))) as pool:
            sends = {pool.submit(self.send, *message): at for at, message in enumerate(messages)}
            for send in as_completed(sends):
                yield sends[send], send.result()


def _only_statuses(record: logging.LogRecord) -> bool:
    """Lets no more of Apprise's log through than the statuses that channels answered with.

    It names the URLs it cannot reach, and a URL can hold a token; but a status is told nowhere else.
    """
    found = _STATUS.findall(record.getMessage())
    record.msg, record.args, record.exc_info = " ".join(f"error={status}" for status in found), (), None
    return bool(found) and record.levelno >= logging.WARNING


def _written(room: Room, body: str | Write) -> str:
    return room.cut(body if isinstance(body, str) else body(room.fits))
