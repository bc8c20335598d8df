"""One turn of the alerts: read what is known, decide, store, send, store who was told. The edge of the pure engine.

A turn holds a lock of its own, so that a run, a sensor and a command that tell people at the same time do not tell them
twice. What is decided is stored before anything is sent, and who was told after each send: a process killed between the
two sends again, one killed before sends at the next turn.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from filelock import Timeout

from messages.message import message_in, messages_in
from pipelines.alerting.engine import EngineState, Message, Observation, acknowledge, decide, refused
from pipelines.alerting.message import compose, title_of
from pipelines.alerting.observe import ledger_unreadable
from pipelines.alerting.rules import RULES
from resources.home import Home
from resources.instants import instant_of, z_text_of
from resources.ledger.alerts import (
    EVERY_CHANNEL,
    Alert,
    AlertStore,
    Delivery,
    changed_only,
)
from resources.lock import file_lock
from resources.notifier import Notifier, Sent, Write
from resources.settings import Settings
from resources.status_file import read_status, write_status

LOCK_PATIENCE_S = 20.0
"""Longer than a turn's sends can take: whoever waits in vain leaves the telling to the next turn."""

See = Callable[[EngineState], Iterable[Observation]]
Say = Callable[[str], None]


@dataclass
class Turn:
    """A turn that was decided and stored. ``send`` tells people."""

    settings: Settings
    state: EngineState
    messages: Sequence[Message]
    store: AlertStore
    notifier: Notifier
    say: Say
    now: datetime
    sends: bool = True
    told: list[Message] = field(default_factory=list[Message])

    def send(self) -> bool:
        """Send what is due, recording each channel once its send succeeded; whether any did."""
        if not self.sends:
            return False
        # As decided: what is told meanwhile by another channel's thread changes no message.
        decided = self.state

        def writer(message: Message) -> Write:
            return lambda fits: compose(
                message, decided, self.now, fits=fits, dashboards=self.settings.dashboards
            )[1]

        waiting = [(m.channel, title_of(m), writer(m)) for m in self.messages]
        for at, sent in self.notifier.send_all(waiting):
            self._record(self.messages[at], sent)
        return bool(self.told)

    def _record(self, message: Message, sent: Sent) -> None:
        before = self.state.alerts
        if sent.delivered:
            self.state = acknowledge(self.state, message, self.now)
            self.told.append(message)
        else:
            self.state = refused(self.state, message)
            self.say(_undelivered(message, sent))
        delivery = Delivery(
            self.now, message.kind, message.alerts, message.channel.scheme, sent.delivered, sent.attempts
        )
        try:
            self.store.record_sent(changed_only(before, self.state.alerts.values()), [delivery])
        except sqlite3.Error:
            self.say("Who was told could not be recorded in ledger.sqlite: they may be told again.")


def _undelivered(message: Message, sent: Sent) -> str:
    if not sent.usable:
        return (
            "An address in BOOKWATCH_ALERT_URLS is none that Apprise can use, so nobody is told through it."
            " `bookwatch alerts test` says which."
        )
    return (
        f"{message.alerts:,} alerts could not be delivered to a channel of the kind {message.channel.scheme}"
        f" ({sent.attempts} tries); they are tried again at the next turn."
    )


@contextmanager
def alert_turn(
    settings: Settings,
    see: See,
    *,
    say: Say,
    died: Sequence[int] = (),
    sends: bool = True,
    notifier: Notifier | None = None,
) -> Generator[Turn]:
    """Decide and store a turn; the block shows it and sends. ``see`` gives the observations, given what is known.
    ``sends``: whether the block is going to.

    ``died``: the numbers of runs whose death ``see`` tells, marked in the ledger with it. Where the ledger can't be
    read all that is wrong now is told, and that: silence would be the worse error.
    """
    now = settings.clock.now()
    channels = settings.alert_channels if sends else ()
    store = AlertStore(settings.home.ledger)
    with _lock(settings.home) as mine:
        before = _load(store, settings.home)
        seen = list(see(before))
        if before.lost:
            seen.append(ledger_unreadable())
        state, messages = decide(before, seen, now, rules=RULES, channels=channels)
        if mine and not before.lost:
            gone = before.alerts.keys() - state.alerts.keys()
            try:
                store.save(
                    changed_only(before.alerts, state.alerts.values()), sorted(gone), now=now, died=died
                )
            except sqlite3.Error:
                say("The alerts could not be recorded in ledger.sqlite: people may be told again.")
                state = replace(state, lost=True)
        elif not mine:
            say("Another process is telling people right now; this is left to the next turn.")
        yield Turn(settings, state, messages, store, notifier or Notifier(), say, now, sends=mine)


@contextmanager
def _lock(home: Home) -> Generator[bool]:
    """Whether this process may tell people now; released by the system when it dies."""
    lock = file_lock(home.root / "alerts.lock")
    try:
        lock.acquire(timeout=LOCK_PATIENCE_S)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _load(store: AlertStore, home: Home) -> EngineState:
    try:
        alerts, silences, begun = store.load()
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return _remembered(home)
    known = {alert.alert_id: alert for alert in alerts}
    if "ledger_unreadable" not in known:
        # Told while the ledger was lost: each of these is owed its end.
        known = {**_told_without_ledger(home), **known}
    return EngineState(known, tuple(silences), begun)


def _remembered(home: Home) -> EngineState:
    """What is known without the ledger: what status.json says was told since it was lost, at first nothing.

    Without it a minute's rhythm would tell the same sixty times an hour.
    """
    told = _told_without_ledger(home)
    return EngineState(told, begun=bool(told), lost=True)


def _told_without_ledger(home: Home) -> dict[str, Alert]:
    """The alerts of a status.json that was written without the ledger, as far as people were told of them."""
    shown = [_shown(entry) for entry in _alerts_of_status(home)]
    told = {alert.alert_id: alert for alert in shown if alert is not None and alert.told}
    return told if "ledger_unreadable" in told else {}


def _alerts_of_status(home: Home) -> list[Mapping[str, Any]]:
    try:
        return (read_status(home) or {}).get("alerts", [])
    except (OSError, ValueError):
        return []


def _shown(entry: Mapping[str, Any]) -> Alert | None:
    try:
        since = instant_of(entry["since"])
        sent = entry["last_sent_at"]
        told = {EVERY_CHANNEL: instant_of(sent)} if sent else {}
        return Alert(
            name=entry["name"],
            labels=tuple(sorted(entry["labels"].items())),
            state="firing",
            severity=entry["severity"],
            summary=entry["summary"],
            active_since=since,
            last_active_at=since,
            page=entry["page"],
            fired_at=since,
            told=told,
            last_sent_at=told.get(EVERY_CHANNEL),
            said=message_in(entry.get("said")),
            more=messages_in(entry.get("more")) or (),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None  # status.json of another version: what it says is not remembered, so it is told


def for_status(state: EngineState, now: datetime) -> dict[str, Any]:
    """The parts of status.json that alerts make: the firing ones, those not yet, the silences in force."""
    # Here, not above: it loads Polars and every country's phone numbers, and commands that only read do without.
    from marketplace.personal import without_contact

    shown = [
        _entry(alert) for alert in sorted(state.alerts.values(), key=lambda a: (a.active_since, a.alert_id))
    ]
    return {
        "alerts": [entry for entry in shown if entry["state"] == "firing"],
        "alerts_pending": [entry for entry in shown if entry["state"] == "pending"],
        "silences": [
            {
                "silence_id": silence.silence_id,
                "matcher": silence.matcher,
                "author": without_contact(silence.author),
                "reason": without_contact(silence.reason),
                "created_at": _text(silence.created_at),
                "ends_at": _text(silence.ends_at),
            }
            for silence in state.silences
            if silence.holds(now)
        ],
    }


def _entry(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "name": alert.name,
        "labels": dict(alert.labels),
        "state": alert.state,
        "severity": alert.severity,
        "summary": alert.summary,
        "detail": alert.detail,
        "figure": alert.figure,
        "limit_value": alert.limit,
        "unit": alert.unit,
        "page": alert.page,
        "since": _text(alert.active_since),
        "fired_at": _text(alert.fired_at),
        "last_sent_at": _text(alert.last_sent_at),
        "announced": bool(alert.told),
        "silenced_by": alert.silenced_by,
        "inhibited_by": alert.inhibited_by,
        "said": alert.said.plain if alert.said else None,
        "more": [line.plain for line in alert.more],
    }


def _text(instant: datetime | None) -> str | None:
    return z_text_of(instant, "seconds")


def show_alerts(home: Home, state: EngineState, now: datetime) -> None:
    """Replace the alerts in status.json, where there is one, for a turn that is not the end of a run."""
    status = read_status(home)
    if status is not None:
        write_status(home, {**status, **for_status(state, now)})
