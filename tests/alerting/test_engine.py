"""The decision: when an alert fires and ends, who is told, and what keeps it quiet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.alerting.engine import EngineState, Message, Observation, acknowledge, decide, refused
from pipelines.alerting.message import compose
from pipelines.alerting.rules import AlertRule, RuleBook
from resources.ledger.alerts import EVERY_CHANNEL, KEEP_RESOLVED, Alert, Silence
from resources.notifier import Channel

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
BEGUN = EngineState(begun=True)
ALL = Channel("json://all")
URGENT = Channel("json://urgent", frozenset({"critical", "high"}))

BOOK = RuleBook(
    (
        AlertRule("cause", "figure:cause", "/overview"),
        AlertRule("effect", "figure:effect", "/health", inhibited_by=("cause",)),
        AlertRule("link", "figure:link", "/links", labels=("to",), inhibited_by=("part",), equal=("to",)),
        AlertRule("part", "figure:part", "/links", labels=("to",)),
        AlertRule("slow", "figure:slow", "/timings", hold_for=timedelta(minutes=2)),
        AlertRule("flaps", "figure:flaps", "/errors", keep_firing_for=timedelta(minutes=5)),
        AlertRule("", "check:*", "/revenue"),
    )
)


class World:
    """A state and a clock; every message is delivered, unless its channel is ``deaf``."""

    def __init__(self, *channels: Channel, state: EngineState = BEGUN) -> None:
        self.channels = channels or (ALL,)
        self.state = state
        self.now = NOW
        self.deaf: set[str] = set()

    def turn(self, *seen: Observation, minutes: float = 1) -> list[tuple[str, str, tuple[str, ...]]]:
        """One turn; (scheme and host of the channel, part of the message, alert ids) of what was delivered."""
        self.now += timedelta(minutes=minutes)
        self.state, messages = decide(self.state, seen, self.now, rules=BOOK, channels=self.channels)
        told: list[tuple[str, str, tuple[str, ...]]] = []
        for message in messages:
            if message.channel.url in self.deaf:
                self.state = refused(self.state, message)
                continue
            self.state = acknowledge(self.state, message, self.now)
            told += parts(message)
        return told


def parts(message: Message) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    for name in ("firing", "reminders", "resolved"):
        alerts: tuple[Alert, ...] = getattr(message, name)
        if alerts:
            yield message.channel.url, name, tuple(alert.alert_id for alert in alerts)


def bad(name: str, severity: str = "high", **more: object) -> Observation:
    return Observation(name, True, severity, f"{name} is bad", page="/health", **more)


def good(name: str, **more: object) -> Observation:
    return Observation(name, False, **more)


def test_an_alert_is_told_once_and_its_end_once() -> None:
    world = World()
    told = [world.turn(o) for o in (good("x"), bad("x"), bad("x"), bad("x"), good("x"), good("x"))]
    assert told == [[], [(ALL.url, "firing", ("x",))], [], [], [(ALL.url, "resolved", ("x",))], []]


def test_a_condition_must_hold_for_its_time_before_anyone_is_told() -> None:
    world = World()
    assert [world.turn(bad("slow")) for _ in range(2)] == [[], []]
    assert world.state.alerts["slow"].state == "pending"
    assert world.turn(good("slow")) == []
    assert "slow" not in world.state.alerts
    assert [world.turn(bad("slow")) for _ in range(3)] == [[], [], [(ALL.url, "firing", ("slow",))]]


def test_what_is_known_to_have_held_longer_fires_at_once() -> None:
    world = World()
    assert world.turn(bad("slow", since=NOW - timedelta(hours=1))) == [(ALL.url, "firing", ("slow",))]
    assert world.state.alerts["slow"].active_since == NOW - timedelta(hours=1)


def test_what_holds_at_the_first_turn_of_all_fires_at_once() -> None:
    world = World(state=EngineState())
    assert world.turn(bad("slow")) == [(ALL.url, "firing", ("slow",))]


def test_flapping_is_kept_firing_and_told_once() -> None:
    world = World()
    told = [world.turn(o("flaps")) for o in (bad, good, bad, good, good, bad, good)]
    assert told == [[(ALL.url, "firing", ("flaps",))], [], [], [], [], [], []]
    assert [world.turn(good("flaps")) for _ in range(3)] == [[], [], []]
    assert world.turn(good("flaps")) == [(ALL.url, "resolved", ("flaps",))]


def test_missing_data_resolves_nothing_and_fires_nothing() -> None:
    world = World()
    world.turn(bad("x"))
    world.turn(bad("slow"))
    assert [world.turn() for _ in range(5)] == [[], [], [], [], []]
    assert {a.alert_id: a.state for a in world.state.alerts.values()} == {"x": "firing", "slow": "pending"}


def test_what_fires_is_reminded_of_at_an_interval_all_at_once() -> None:
    world = World()
    world.turn(bad("x", "critical"))
    world.turn(bad("y", "critical"), minutes=60)
    assert world.turn(bad("x", "critical"), bad("y", "critical"), minutes=179) == []
    assert world.turn() == [(ALL.url, "reminders", ("x", "y"))]
    assert world.turn(minutes=239) == []
    assert world.turn() == [(ALL.url, "reminders", ("x", "y"))]


def test_labels_tell_alerts_of_one_name_apart() -> None:
    world = World()
    one, other = bad("part", labels=(("to", "a"),)), bad("part", labels=(("to", "b"),))
    assert world.turn(one) == [(ALL.url, "firing", ("part{to=a}",))]
    assert world.turn(one, other) == [(ALL.url, "firing", ("part{to=b}",))]
    assert world.turn(replace(one, active=False)) == [(ALL.url, "resolved", ("part{to=a}",))]


def test_what_is_seen_twice_in_a_turn_holds_if_it_holds_once() -> None:
    for seen in ((bad("x"), good("x")), (good("x"), bad("x"))):
        assert World().turn(*seen) == [(ALL.url, "firing", ("x",))]


def test_severity_says_who_is_told() -> None:
    world = World(ALL, URGENT)
    assert world.turn(bad("x", "critical"), bad("y", "medium")) == [
        (ALL.url, "firing", ("x", "y")),
        (URGENT.url, "firing", ("x",)),
    ]
    assert world.turn(good("x"), good("y")) == [
        (ALL.url, "resolved", ("x", "y")),
        (URGENT.url, "resolved", ("x",)),
    ]


def test_the_end_goes_to_who_was_told_whatever_the_severity_became() -> None:
    world = World(URGENT)
    world.turn(bad("x", "high"))
    assert world.turn(bad("x", "low")) == []
    assert world.turn(good("x")) == [(URGENT.url, "resolved", ("x",))]


def test_each_channel_is_told_until_it_was() -> None:
    world = World(ALL, URGENT)
    world.deaf = {URGENT.url}
    assert world.turn(bad("x")) == [(ALL.url, "firing", ("x",))]
    assert world.turn(bad("x")) == []
    world.deaf = set()
    assert world.turn() == [(URGENT.url, "firing", ("x",))]
    world.deaf = {ALL.url}
    assert world.turn(good("x")) == [(URGENT.url, "resolved", ("x",))]
    world.deaf = set()
    assert world.turn() == [(ALL.url, "resolved", ("x",))]
    assert world.turn(good("x")) == []


def test_what_nobody_was_told_of_has_no_end_to_tell() -> None:
    world = World()
    world.deaf = {ALL.url}
    world.turn(bad("x"))
    world.deaf = set()
    assert world.turn(good("x")) == []
    assert world.turn(bad("x")) == [(ALL.url, "firing", ("x",))]


def test_an_end_that_was_not_delivered_is_not_followed_by_a_second_firing() -> None:
    world = World()
    world.turn(bad("x"))
    world.deaf = {ALL.url}
    world.turn(good("x"))
    world.deaf = set()
    assert world.turn(bad("x")) == []
    assert world.turn(good("x")) == [(ALL.url, "resolved", ("x",))]


def test_a_channel_added_later_is_told_once_what_still_fires() -> None:
    world = World()
    world.turn(bad("x"), bad("y"))
    world.turn(good("y"))
    world.channels = (ALL, URGENT)
    assert world.turn() == [(URGENT.url, "firing", ("x",))]
    assert world.turn() == []


def test_without_a_channel_the_alerts_stand_and_are_told_once_there_is_one() -> None:
    world = World()
    world.channels = ()
    world.turn(bad("x"))
    assert world.state.alerts["x"].state == "firing"
    world.channels = (ALL,)
    assert world.turn() == [(ALL.url, "firing", ("x",))]


def test_a_cause_mutes_what_rests_on_it_until_it_is_over() -> None:
    world = World()
    assert world.turn(bad("cause"), bad("effect"), bad("other")) == [(ALL.url, "firing", ("cause", "other"))]
    assert world.state.alerts["effect"].inhibited_by == "cause"
    assert world.turn(bad("cause"), bad("effect")) == []
    assert world.turn(good("cause"), bad("effect")) == [
        (ALL.url, "firing", ("effect",)),
        (ALL.url, "resolved", ("cause",)),
    ]
    assert world.state.alerts["effect"].inhibited_by is None


def test_a_cause_mutes_reminders_and_not_the_end_of_what_was_told() -> None:
    world = World()
    world.turn(bad("effect"))
    world.turn(bad("cause"))
    assert world.turn(bad("effect"), minutes=60 * 13) == [(ALL.url, "reminders", ("cause",))]
    assert world.turn(good("effect")) == [(ALL.url, "resolved", ("effect",))]


def test_what_was_muted_and_is_over_is_never_told() -> None:
    world = World()
    world.turn(bad("cause"), bad("effect"))
    assert world.turn(good("effect")) == []
    assert world.turn(good("cause"), good("effect")) == [(ALL.url, "resolved", ("cause",))]


def test_what_is_only_kept_firing_is_not_told_when_its_mute_ends() -> None:
    world = World()
    world.state = replace(BEGUN, silences=(silence("flaps", minutes=2),))
    assert world.turn(bad("flaps")) == []
    assert world.turn(good("flaps"), minutes=2) == []
    assert world.state.alerts["flaps"].state == "firing"
    assert world.turn(bad("flaps")) == [(ALL.url, "firing", ("flaps",))]


def test_a_cause_mutes_only_what_shares_its_label_where_the_rule_says_so() -> None:
    world = World()
    a, b = (("to", "a"),), (("to", "b"),)
    assert world.turn(bad("part", labels=a), bad("link", labels=a), bad("link", labels=b)) == [
        (ALL.url, "firing", ("link{to=b}", "part{to=a}"))
    ]


def silence(matcher: str, *, minutes: int = 10, number: str = "1") -> Silence:
    return Silence(number, matcher, "Ayu", "works on it", NOW, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("matcher", "said"),
    [
        ("no_*", ("other",)),
        ("severity=critical", ("other",)),
        ("severity=low", ("no_missing{asset=marts/x}", "other")),
        ("name=no_missing,asset=marts/*", ("other",)),
        ("asset=core/*", ("no_missing{asset=marts/x}", "other")),
        ("collection=*", ("no_missing{asset=marts/x}", "other")),
        ("*", ()),
    ],
)
def test_a_silence_mutes_what_it_matches(matcher: str, said: tuple[str, ...]) -> None:
    world = World(state=replace(BEGUN, silences=(silence(matcher),)))
    told = world.turn(bad("no_missing", "critical", labels=(("asset", "marts/x"),)), bad("other"))
    assert told == ([(ALL.url, "firing", said)] if said else [])


def test_a_silence_that_is_over_or_ended_mutes_nothing_any_more() -> None:
    world = World(state=replace(BEGUN, silences=(silence("x", minutes=3),)))
    assert world.turn(bad("x")) == []
    assert world.state.alerts["x"].silenced_by == "1"
    assert world.turn(bad("x")) == []
    assert world.turn(bad("x")) == [(ALL.url, "firing", ("x",))]
    assert world.state.alerts["x"].silenced_by is None
    ended = replace(silence("y"), ended_at=NOW, ended_by="Made")
    world.state = replace(world.state, silences=(ended,))
    assert world.turn(bad("y")) == [(ALL.url, "firing", ("y",))]


def test_a_silence_does_not_keep_back_the_end_of_what_was_told() -> None:
    world = World()
    world.turn(bad("x"))
    world.state = replace(world.state, silences=(silence("x"),))
    assert world.turn(bad("x"), minutes=2) == []
    assert world.turn(good("x")) == [(ALL.url, "resolved", ("x",))]


def test_a_silenced_cause_mutes_all_the_same() -> None:
    world = World(state=replace(BEGUN, silences=(silence("cause"),)))
    assert world.turn(bad("cause"), bad("effect")) == []


def test_what_was_told_before_channels_were_told_apart_is_not_told_again() -> None:
    old = Alert("x", (), "firing", "high", "x", NOW, NOW, told={EVERY_CHANNEL: NOW})
    world = World(ALL, URGENT, state=EngineState({"x": old}, begun=True))
    assert world.turn(bad("x")) == []
    assert world.turn(good("x")) == [(ALL.url, "resolved", ("x",)), (URGENT.url, "resolved", ("x",))]


def test_an_alert_long_over_is_forgotten() -> None:
    world = World()
    world.turn(bad("x"))
    world.turn(good("x"))
    world.turn(minutes=KEEP_RESOLVED.total_seconds() / 60)
    assert "x" in world.state.alerts
    world.turn()
    assert "x" not in world.state.alerts


def test_a_second_time_pending_keeps_the_memory_of_the_first() -> None:
    world = World(state=EngineState())
    world.turn(bad("slow"))
    world.turn(good("slow"))
    first = world.state.alerts["slow"]
    world.turn(bad("slow"))
    assert world.state.alerts["slow"].state == "pending"
    world.turn(good("slow"))
    again = world.state.alerts["slow"]
    assert (again.state, again.fired_at, again.resolved_at) == ("resolved", first.fired_at, first.resolved_at)


def test_a_storm_is_one_message_with_counts_and_a_few_lines() -> None:
    storm = [bad(f"no_{i:04}", "critical" if i % 10 == 0 else "high") for i in range(1_000)]
    state, messages = decide(BEGUN, storm, NOW, rules=BOOK, channels=[ALL])
    (message,) = messages
    title, body = compose(message, state, NOW)
    assert title == "bookwatch: 1,000 firing (100 critical, 900 high)"
    assert len(body.splitlines()) < 40
    assert len(body) < 4_000
    assert "and 988 more (88 critical, 900 high)." in body
    state = acknowledge(state, message, NOW)
    later = NOW + timedelta(minutes=1)
    assert decide(state, storm, later, rules=BOOK, channels=[ALL])[1] == []
    over = [good(o.name) for o in storm]
    _, (end,) = decide(state, over, later, rules=BOOK, channels=[ALL])
    assert compose(end, state, later)[0] == "bookwatch: 1,000 resolved"


def test_rules_refuse_repeats_unknown_causes_and_circles() -> None:
    a, b = AlertRule("a", "figure:a", "/x"), AlertRule("b", "figure:b", "/x", inhibited_by=("a",))
    with pytest.raises(ValueError, match="two rules are named 'a'"):
        RuleBook((a, a))
    with pytest.raises(ValueError, match="'b' is muted by 'a', which is no rule"):
        RuleBook((b,))
    with pytest.raises(ValueError, match="circle: a → b → a"):
        RuleBook((replace(a, inhibited_by=("b",)), b))
    assert RuleBook((a, b)).of("b") is b
    with pytest.raises(KeyError):
        RuleBook((a, b)).of("c")
