"""Sends notifications again: to every way there is, as often as it is worth it, each try in the ledger before it is
made.

A way that took a notification is not asked again. A process that is killed between a send and its answer sends again,
under the same key: the receiver sees it twice at most, and can tell. Which are sent stands in
operations/kinds/retry_notifications.py.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from marketplace.app_rows import meaning, text_at
from marketplace.notification_tries import (
    MOST_TRIES,
    SILENT_IN_A_ROW,
    idempotency_key,
    pause_before,
)
from operations import steps
from operations.writing import ActingStopped
from resources.acting import stopped
from resources.appwrite.writing import Row
from resources.errors import UsageError
from resources.ledger.outbox import Letter, LetterState, Outbox, TryEnd
from resources.notifier import Channel, Notifier
from resources.receiver import hand_over
from resources.settings import Settings

SIDE_BY_SIDE: Final = 8
NOT_TAKEN: Final = "not taken"

sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Way:
    """One way a notification goes. ``key``: what it is remembered by, a hash, as its address may hold a secret.
    ``send``: '' where it was taken, else what was answered."""

    key: str
    send: Callable[[Row], str]


def ways(settings: Settings) -> tuple[Way, ...]:
    """Every way that is set. Raises UsageError where none is, or texts would cross a network unencrypted."""
    url = settings.receiver.get_secret_value()
    if url and settings.receiver_in_the_clear and not settings.allow_http:
        raise UsageError.of("outbox.in_the_clear")
    found = [_to_receiver(url)] if url else []
    found += [_by_apprise(channel) for channel in settings.receiver_channels]
    if not found:
        raise UsageError.of("outbox.no_way")
    return tuple(found)


def _to_receiver(url: str) -> Way:
    def send(row: Row) -> str:
        body = {
            "notificationId": str(row["$id"]),
            "recipientId": meaning(row, "notification.recipient_id"),
            **{name: text_at(row, name) for name in ("recipientType", "type", "title", "message")},
        }
        return hand_over(url, body, idempotency_key(str(row["$id"])))

    return Way(hashlib.sha256(url.encode()).hexdigest()[:16], send)


def _by_apprise(channel: Channel) -> Way:
    def send(row: Row) -> str:
        sent = Notifier(retries=0).send(channel, text_at(row, "title") or "", text_at(row, "message") or "")
        return "" if sent.delivered else NOT_TAKEN

    return Way(channel.key, send)


def deliver(settings: Settings, rows: Mapping[str, Row]) -> dict[str, Letter]:
    """Send notifications, by id, that are not delivered or dead by now; how each stands afterwards (those that a silent
    way left untried: as before, or not at all).

    Raises UsageError (no way is set), ActingStopped before the next is sent, sqlite3.Error: then nothing was sent that
    the ledger does not know of.
    """
    there = ways(settings)
    book = Outbox(settings.home.ledger)
    known = book.letters(rows)
    waiting = [one for one in rows if one not in known or known[one].state is LetterState.WAITING]
    tried: set[str] = set()
    silent = 0
    for number in range(MOST_TRIES):
        if number and waiting:
            _pause(settings, pause_before(number).total_seconds())
        still: list[str] = []
        for some in _slices(waiting):
            if number == 0 and silent >= SILENT_IN_A_ROW:
                break
            _require_going(settings)
            tried.update(some)
            ends = _try(settings, book, there, {one: rows[one] for one in some}, known)
            for end in ends:
                silent = 0 if end.answer[:1].isdigit() or not end.answer else silent + 1
            known |= book.letters(some)
            still += [one for one in some if known[one].state is LetterState.WAITING]
        waiting = still
    return known


def _try(
    settings: Settings,
    book: Outbox,
    there: Sequence[Way],
    rows: Mapping[str, Row],
    known: Mapping[str, Letter],
) -> list[TryEnd]:
    """Send some side by side, each to the ways that have not taken it yet."""
    book.begin_tries(rows, at=settings.clock.now())
    steps.reached("sending")

    def send(one: str) -> TryEnd:
        before = known.get(one)
        keys = {way.key for way in there}
        taken = [key for key in (before.taken if before else ()) if key in keys]
        refused = ""
        for way in there:
            if way.key in taken:
                continue
            answer = way.send(rows[one])
            if answer:
                refused = refused or answer
            else:
                taken.append(way.key)
        tries = (before.tries if before else 0) + 1
        state = LetterState.DEAD if tries >= MOST_TRIES else LetterState.WAITING
        return TryEnd(one, state if refused else LetterState.DELIVERED, taken, refused or "200")

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ends = list(pool.map(send, rows))
    steps.reached("sent")
    book.end_tries(ends, at=settings.clock.now())
    steps.reached("entered")
    return ends


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), SIDE_BY_SIDE):
        yield ids[first : first + SIDE_BY_SIDE]


def _pause(settings: Settings, seconds: float) -> None:
    """Wait, and look at the switch again."""
    sleep(seconds)  # between two tries of a receiver that did not take it
    _require_going(settings)


def _require_going(settings: Settings) -> None:
    stop = stopped(settings.home)
    if stop is not None:
        raise ActingStopped.by(stop)
