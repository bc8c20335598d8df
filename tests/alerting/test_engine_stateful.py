"""The engine against a small model of what people must believe, through crashes, deaf channels, mutes and silences.

What the model says after every turn that ran to its end: a channel believes an alert fires if and only if it does, is
not muted and was last seen to hold; a mute, and the time an alert is only kept firing, leave its belief as it was. In
every turn: no two firings without a resolve between, and no resolve without a firing, but for what a crash left open.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipelines.alerting.engine import EngineState, Message, Observation, acknowledge, decide, refused
from pipelines.alerting.rules import AlertRule, RuleBook
from resources.ledger.alerts import Silence
from resources.notifier import Channel

MINUTE = timedelta(minutes=1)
HOLD, KEEP = 2 * MINUTE, 3 * MINUTE
NAMES = ("cause", "effect", "plain", "held", "kept")
SEVERITY = {"cause": "critical", "effect": "high", "plain": "low", "held": "high", "kept": "critical"}
BOOK = RuleBook(
    (
        AlertRule("cause", "figure:cause", "/x"),
        AlertRule("effect", "figure:effect", "/x", inhibited_by=("cause",)),
        AlertRule("plain", "figure:plain", "/x"),
        AlertRule("held", "figure:held", "/x", hold_for=HOLD),
        AlertRule("kept", "figure:kept", "/x", keep_firing_for=KEEP),
    )
)
EVERYTHING, URGENT = Channel("json://all"), Channel("json://urgent", frozenset({"critical", "high"}))
CHANNELS = (EVERYTHING, URGENT)

# Without "explain", which traces every line once it has found something.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)

seen = st.dictionaries(st.sampled_from(NAMES), st.booleans())


@dataclass
class Truth:
    """What one alert is, by the words of the rules alone."""

    phase: str = "ok"
    since: datetime | None = None
    last_bad: datetime | None = None
    holds: bool = False

    def see(self, name: str, bad: bool, now: datetime) -> None:
        self.holds = bad
        if bad:
            if self.phase == "ok":
                self.phase, self.since = "pending", now
            self.last_bad = now
            if self.phase == "pending" and now - self.since >= (HOLD if name == "held" else 0 * MINUTE):
                self.phase = "firing"
        elif self.phase == "pending" or (
            self.phase == "firing" and now - self.last_bad >= (KEEP if name == "kept" else 0 * MINUTE)
        ):
            self.phase = "ok"


@dataclass
class Listener:
    """One channel's end: what it was told, and so believes. ``open``: a crash left open what it heard."""

    believes: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(NAMES, False))
    open: set[str] = field(default_factory=set)

    def hear(self, message: Message) -> None:
        for alert in message.firing:
            assert not self.believes[alert.name] or alert.name in self.open, "two firings, no resolve between"
            self.believes[alert.name] = True
        for alert in message.reminders:
            assert self.believes[alert.name], "a reminder of what was never told"
        for alert in message.resolved:
            assert self.believes[alert.name] or alert.name in self.open, "a resolve of what was never told"
            self.believes[alert.name] = False
        told = [alert.name for alert in (*message.firing, *message.reminders, *message.resolved)]
        assert len(told) == len(set(told)), "an alert twice in a message"


class Engine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.now = datetime(2026, 11, 22, 4, tzinfo=UTC)
        self.stored = EngineState(begun=True)
        self.truth = {name: Truth() for name in NAMES}
        self.heard = {channel.key: Listener() for channel in CHANNELS}

    def _decide(self, values: dict[str, bool]) -> list[Message]:
        self.now += MINUTE
        observations = [Observation(name, bad, SEVERITY[name], name) for name, bad in values.items()]
        self.stored, messages = decide(self.stored, observations, self.now, rules=BOOK, channels=CHANNELS)
        assert len({message.channel.key for message in messages}) == len(messages), "one message a channel"
        for name, bad in values.items():
            self.truth[name].see(name, bad, self.now)
        return messages

    def _muted(self, name: str) -> bool:
        silenced = any(
            silence.holds(self.now) and silence.matcher == name for silence in self.stored.silences
        )
        return silenced or (name == "effect" and self.truth["cause"].phase == "firing")

    def _must_believe(self, channel: Channel, before: dict[str, bool]) -> None:
        listener = self.heard[channel.key]
        for name, truth in self.truth.items():
            if truth.phase != "firing":
                assert not listener.believes[name], f"{name}: a lost resolve"
            elif truth.holds and not self._muted(name) and channel.takes(SEVERITY[name]):
                assert listener.believes[name], f"{name}: nobody was told"
            elif name not in listener.open:
                assert listener.believes[name] == before[name], f"{name}: told although muted"

    @rule(values=seen, deaf=st.sets(st.sampled_from([channel.key for channel in CHANNELS])))
    def turn(self, values: dict[str, bool], deaf: set[str]) -> None:
        before = {key: dict(listener.believes) for key, listener in self.heard.items()}
        messages = self._decide(values)
        for message in messages:
            if message.channel.key in deaf:
                self.stored = refused(self.stored, message)
                continue
            listener = self.heard[message.channel.key]
            listener.hear(message)
            listener.open -= {alert.name for alert in (*message.firing, *message.resolved)}
            self.stored = acknowledge(self.stored, message, self.now)
        for channel in CHANNELS:
            if channel.key not in deaf:
                self._must_believe(channel, before[channel.key])

    @rule(values=seen, sent=st.integers(0, 2))
    def crash(self, values: dict[str, bool], sent: int) -> None:
        """Killed after so many sends, none of them recorded: the next turn sends them again."""
        messages = self._decide(values)
        for at, message in enumerate(messages):
            listener = self.heard[message.channel.key]
            if at < sent:
                listener.hear(message)
            listener.open |= {alert.name for alert in (*message.firing, *message.resolved)}
        again = decide(self.stored, [], self.now, rules=BOOK, channels=CHANNELS)[1]
        assert [(m.channel, [a.name for a in m.firing], [a.name for a in m.resolved]) for m in again] == [
            (m.channel, [a.name for a in m.firing], [a.name for a in m.resolved]) for m in messages
        ], "a crash between send and record sends again"

    @rule(values=seen)
    def killed_before_it_stored(self, values: dict[str, bool]) -> None:
        """Nothing was stored and nothing sent: as if it had not been."""
        self.now += MINUTE
        observations = [Observation(name, bad, SEVERITY[name], name) for name, bad in values.items()]
        decide(self.stored, observations, self.now, rules=BOOK, channels=CHANNELS)

    @rule(minutes=st.integers(1, 1_500))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(name=st.sampled_from(NAMES), minutes=st.integers(1, 30))
    def silence(self, name: str, minutes: int) -> None:
        new = Silence(
            str(len(self.stored.silences) + 1), name, "Ayu", "r", self.now, self.now + minutes * MINUTE
        )
        self.stored = replace(self.stored, silences=(*self.stored.silences, new))

    @rule()
    def end_silences(self) -> None:
        ended = (replace(s, ended_at=s.ended_at or self.now) for s in self.stored.silences)
        self.stored = replace(self.stored, silences=tuple(ended))

    @invariant()
    def state_is_the_models(self) -> None:
        if not hasattr(self, "truth"):
            return
        for name, truth in self.truth.items():
            alert = self.stored.alerts.get(name)
            phase = "ok" if alert is None or alert.state == "resolved" else alert.state
            assert phase == truth.phase, name


Engine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, phases=PHASES)
TestEngine = Engine.TestCase
