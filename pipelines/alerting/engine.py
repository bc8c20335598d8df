"""The decision: what was known, what is seen now → what is known now, and who is to be told what. Pure; no I/O.

An alert is one identity (name and labels). It is **pending** while its condition holds for less than the rule's
``hold_for``, then **firing**, and **resolved** once the condition was seen not to hold and had not held for
``keep_firing_for``. An alert without an observation stays as it is: missing data resolves nothing and fires nothing.

Telling is kept apart from knowing, and is done by level: a channel is told what it does not believe yet. So a message
that was lost is sent again, one that became pointless is not sent at all, and no channel hears of two firings without a
resolve between. Who is about to be told is part of the state: where a crash leaves it open whether they were, they are
told again, and of the end in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from marketplace.findings import SEVERITIES
from messages.catalogue import english
from messages.message import Words, as_message
from pipelines.alerting.rules import RuleBook
from pipelines.alerting.silences import matches
from resources.ledger.alerts import (
    EVERY_CHANNEL,
    KEEP_RESOLVED,
    Alert,
    AlertPhase,
    DeliveryKind,
    Labels,
    Silence,
    alert_id_of,
)
from resources.notifier import Channel


@dataclass(frozen=True)
class Observation:
    """Whether one condition holds now. A condition that could not be judged has no observation.

    ``says`` is the sentence of it, ``more`` what stands below, a line each: ids, what to do. ``since``: since when it
    is known to hold, where something says so; else the alert's own memory does.
    """

    name: str
    active: bool
    severity: str = "high"
    says: Words = ""
    labels: Labels = ()
    more: tuple[Words, ...] = ()
    figure: float | None = None
    limit: float | None = None
    unit: str = ""
    page: str = ""
    since: datetime | None = None

    @property
    def alert_id(self) -> str:
        return alert_id_of(self.name, self.labels)

    @property
    def summary(self) -> str:
        """What it says, in English."""
        return english(self.says)

    @property
    def detail(self) -> str:
        """What stands below, in English."""
        return "\n".join(english(line) for line in self.more)


@dataclass(frozen=True)
class EngineState:
    """What is known. ``begun``: alerts were judged before; without it nothing says since when a condition holds,
    and what holds fires at once. ``lost``: there was a history and it could not be read."""

    alerts: Mapping[str, Alert] = field(default_factory=dict[str, Alert])
    silences: tuple[Silence, ...] = ()
    begun: bool = False
    lost: bool = False


@dataclass(frozen=True)
class Message:
    """What one channel is to be told, in one message."""

    channel: Channel
    firing: tuple[Alert, ...] = ()
    reminders: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()

    @property
    def kind(self) -> DeliveryKind:
        """The foremost thing it says."""
        return "firing" if self.firing else "resolved" if self.resolved else "reminder"

    @property
    def alerts(self) -> int:
        return len(self.firing) + len(self.reminders) + len(self.resolved)


def decide(
    state: EngineState,
    observations: Iterable[Observation],
    now: datetime,
    *,
    rules: RuleBook,
    channels: Sequence[Channel],
) -> tuple[EngineState, list[Message]]:
    """The new state, and one message for each channel that does not know it yet."""
    alerts = dict(state.alerts)
    seen: dict[str, Observation] = {}
    for observation in observations:
        # Seen twice, it holds if it holds once.
        if observation.active or observation.alert_id not in seen:
            seen[observation.alert_id] = observation
    for key, observation in seen.items():
        after = _observed(alerts.get(key), observation, now, rules, begun=state.begun)
        if after is None:
            alerts.pop(key, None)
        else:
            alerts[key] = after
    reached = {channel.key for channel in channels}
    alerts = {key: kept for key, alert in alerts.items() if (kept := _kept(alert, reached, now)) is not None}
    alerts = _muted(alerts, [s for s in state.silences if s.holds(now)], rules)
    told = (_message(alerts.values(), channel, now, rules) for channel in channels)
    messages = [message for message in told if message is not None]
    for message in messages:
        for alert in (*message.firing, *message.resolved):
            known = alerts[alert.alert_id]
            alerts[alert.alert_id] = replace(known, trying=known.trying | {message.channel.key})
    return replace(state, alerts=alerts, begun=True), messages


def refused(state: EngineState, message: Message) -> EngineState:
    """The state after a message was not delivered: its channel believes what it did before, as far as that is known."""
    alerts = dict(state.alerts)
    key = message.channel.key
    for sent in (*message.firing, *message.resolved):
        if key not in sent.trying:  # not left open by a crash before
            alert = alerts[sent.alert_id]
            alerts[sent.alert_id] = replace(alert, trying=alert.trying - {key})
    return replace(state, alerts=alerts)


def acknowledge(state: EngineState, message: Message, now: datetime) -> EngineState:
    """The state after a message was delivered: its channel believes what it said."""
    alerts = dict(state.alerts)
    key = message.channel.key
    for sent in (*message.firing, *message.reminders):
        alert = alerts[sent.alert_id]
        alerts[sent.alert_id] = replace(
            alert, told={**alert.told, key: now}, trying=alert.trying - {key}, last_sent_at=now
        )
    for sent in message.resolved:
        alert = alerts[sent.alert_id]
        told = {channel: at for channel, at in alert.told.items() if channel != key}
        alerts[sent.alert_id] = replace(alert, told=told, trying=alert.trying - {key}, last_sent_at=now)
    return replace(state, alerts=alerts)


def _observed(
    alert: Alert | None, seen: Observation, now: datetime, rules: RuleBook, *, begun: bool
) -> Alert | None:
    """One alert after one observation; None where there is nothing to remember."""
    rule = rules.of(seen.name)
    if not seen.active:
        if alert is None or alert.state == "resolved":
            return alert
        if alert.state == "pending":
            # It never fired: back to what it was before.
            return replace(alert, state="resolved") if alert.resolved_at else None
        if now - alert.last_active_at < rule.keep_firing_for:
            return replace(alert, quiet_since=alert.quiet_since or now)
        return replace(alert, state="resolved", quiet_since=None, resolved_at=now)
    since = min(seen.since or now, now)
    state: AlertPhase = "pending"
    fired_at = resolved_at = None
    if alert is not None:
        fired_at, resolved_at = alert.fired_at, alert.resolved_at
        if alert.state != "resolved":
            since, state = alert.active_since, alert.state
    if state == "pending" and (now - since >= rule.hold_for or not begun):
        state, fired_at, resolved_at = "firing", now, None
    return Alert(
        name=seen.name,
        labels=seen.labels,
        state=state,
        severity=seen.severity,
        summary=seen.summary,
        active_since=since,
        last_active_at=now,
        detail=seen.detail,
        figure=seen.figure,
        limit=seen.limit,
        unit=seen.unit,
        page=seen.page,
        said=as_message(seen.says) if seen.says else None,
        more=tuple(as_message(line) for line in seen.more),
        fired_at=fired_at,
        resolved_at=resolved_at,
        told=alert.told if alert else {},
        trying=alert.trying if alert else frozenset(),
        last_sent_at=alert.last_sent_at if alert else None,
    )


def _kept(alert: Alert, reached: set[str], now: datetime) -> Alert | None:
    """An alert without what no longer matters: channels that are gone, and itself once long over and told."""
    told = alert.told
    if EVERY_CHANNEL in told:
        # Of a ledger from before channels were told apart: those of now were told.
        told = {**dict.fromkeys(reached, told[EVERY_CHANNEL]), **told}
    if told.keys() - reached:
        # With no channel at all the address may come back at the next turn; what it believes is remembered.
        told = {key: at for key, at in told.items() if key in reached} if reached else told
    trying = alert.trying & reached if reached else alert.trying
    if (
        alert.state == "resolved"
        and not (told or trying)
        and alert.resolved_at
        and now - alert.resolved_at > KEEP_RESOLVED
    ):
        return None
    same = told is alert.told and trying == alert.trying
    return alert if same else replace(alert, told=told, trying=trying)


def _muted(alerts: Mapping[str, Alert], silences: Sequence[Silence], rules: RuleBook) -> dict[str, Alert]:
    """Every open alert with what keeps it quiet: a silence, or the cause it rests on, which is firing itself."""
    causes: dict[str, list[Alert]] = {}
    for alert in alerts.values():
        if alert.state == "firing":
            causes.setdefault(alert.name, []).append(alert)
    muted: dict[str, Alert] = {}
    for key, alert in alerts.items():
        silenced = inhibited = None
        if alert.state != "resolved":
            silenced = next((s.silence_id for s in silences if matches(s.matcher, alert)), None)
            rule = rules.of(alert.name)
            inhibited = next(
                (
                    name
                    for name in rule.inhibited_by
                    if any(_same(alert, cause, rule.equal) for cause in causes.get(name, ()))
                ),
                None,
            )
        if (silenced, inhibited) != (alert.silenced_by, alert.inhibited_by):
            alert = replace(alert, silenced_by=silenced, inhibited_by=inhibited)
        muted[key] = alert
    return muted


def _same(alert: Alert, cause: Alert, equal: tuple[str, ...]) -> bool:
    mine, theirs = dict(alert.labels), dict(cause.labels)
    return all(mine.get(label) == theirs.get(label) for label in equal)


def _message(alerts: Iterable[Alert], channel: Channel, now: datetime, rules: RuleBook) -> Message | None:
    firing: list[Alert] = []
    believed: list[Alert] = []
    resolved: list[Alert] = []
    due = False
    key = channel.key
    for alert in alerts:
        told_at = alert.told.get(key)
        if alert.state != "firing":
            # A silence or a cause that mutes does not keep back the end of what was told.
            if told_at is not None or key in alert.trying:
                resolved.append(alert)
        elif (
            alert.quiet_since  # only kept firing: nothing to tell that would not be over in a moment
            or alert.silenced_by
            or alert.inhibited_by
            or not channel.takes(alert.severity)
        ):
            continue
        elif told_at is None or key in alert.trying:
            firing.append(alert)
        else:
            believed.append(alert)
            due = due or now - told_at >= rules.remind_every(alert.severity)
    # One reminder for all that is open, not one each: those told at other times are due again together from now on.
    reminders = believed if due else []
    if not (firing or resolved or reminders):
        return None
    return Message(channel, *(tuple(sorted(part, key=_urgency)) for part in (firing, reminders, resolved)))


_ORDER = SEVERITIES[::-1]


_MONEY = "/revenue"


def _urgency(alert: Alert) -> tuple[int, bool, datetime, str]:
    """What matters most first: severity, then whether money is concerned, then how long it has been so."""
    rank = _ORDER.index(alert.severity) if alert.severity in _ORDER else len(_ORDER)
    return rank, alert.page != _MONEY, alert.active_since, alert.alert_id
