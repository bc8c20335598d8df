"""The words of one message: counts, figures, limits, ids and the page that shows more. Pure.

Never a name, a phone, a text, a key or an address: what goes in holds none, and addresses are cut out all the same. Nor
anything that a channel would act on: a control character, a mention that calls everybody.

How long it may be is the channel's (resources/notifier.py), asked through ``fits``. What does not fit is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from marketplace.findings import SEVERITIES
from pipelines.alerting.engine import EngineState, Message
from pipelines.alerting.rules import RULES
from resources.ledger.alerts import Alert

SHOWN_FIRING, SHOWN_REMINDERS, SHOWN_RESOLVED = 12, 8, 8
LONGEST_LINE = 300
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://\S*")
_MENTION = re.compile(r"(?<=@)(?=\w)|(?<=<)(?=[!@#])")

Fits = Callable[[str], bool]


@dataclass(frozen=True)
class Plan:
    """How much of a message is said: of the firing alerts the first ``full`` with ids and what to do, then ``facts``
    with their figure, then ``named``; of the others so many lines."""

    full: int
    facts: int
    named: int
    reminders: int
    resolved: int

    @property
    def firing(self) -> int:
        return self.full + self.facts + self.named


def plans(firing: int, reminders: int, resolved: int) -> Iterator[Plan]:
    """From all there is to say down to counts alone. What goes first is what matters least.

    First the details of the least urgent alert that fires, then the names of what is over or known, then figures, then
    the names of what fires; the foremost alert keeps its details as long as anything is said of another.
    """
    plan = Plan(
        min(firing, SHOWN_FIRING), 0, 0, min(reminders, SHOWN_REMINDERS), min(resolved, SHOWN_RESOLVED)
    )
    yield plan
    while plan.full > 1:
        plan = replace(plan, full=plan.full - 1, facts=plan.facts + 1)
        yield plan
    while plan.reminders or plan.resolved:
        fewer = (
            {"resolved": plan.resolved - 1}
            if plan.resolved >= plan.reminders
            else {"reminders": plan.reminders - 1}
        )
        plan = replace(plan, **fewer)
        yield plan
    while plan.facts:
        plan = replace(plan, facts=plan.facts - 1, named=plan.named + 1)
        yield plan
    while plan.named:
        plan = replace(plan, named=plan.named - 1)
        yield plan
    if plan.full:
        yield from (Plan(0, 1, 0, 0, 0), Plan(0, 0, 1, 0, 0), Plan(0, 0, 0, 0, 0))


def compose(
    message: Message,
    state: EngineState,
    now: datetime,
    *,
    fits: Fits = lambda body: True,
    dashboards: str = "",
) -> tuple[str, str]:
    """Title and body for one channel; ``state`` as decided, for what else is open; ``dashboards``: their address.

    The body is the first of ``plans`` that ``fits``; where none does, the page alone, as the title has the counts.
    """
    last = f"`bookwatch alerts list` and {_page('/alerts', dashboards)} show all."
    for plan in plans(len(message.firing), len(message.reminders), len(message.resolved)):
        body = "\n".join([*_said(message, state, now, plan, dashboards), last])
        if fits(body):
            return title_of(message), body
    return title_of(message), f"All: {_page('/alerts', dashboards)}"


def title_of(message: Message) -> str:
    """What a message says first: how many fire and are over, by severity."""
    parts: list[str] = []
    if message.firing:
        parts.append(f"{len(message.firing):,} firing{_severities(message.firing)}")
    if message.reminders:
        parts.append(f"{len(message.reminders):,} still firing{_severities(message.reminders)}")
    if message.resolved:
        parts.append(f"{len(message.resolved):,} resolved")
    return f"bookwatch: {', '.join(parts)}"


def _said(message: Message, state: EngineState, now: datetime, plan: Plan, dashboards: str) -> list[str]:
    lines = [
        *_firing(message.firing, plan, now, dashboards),
        *_reminders(message.reminders, plan.reminders, now, dashboards),
        *_resolved(message.resolved, plan.resolved, now),
    ]
    told = {alert.alert_id for alert in (*message.firing, *message.reminders)}
    others = [
        alert
        for alert in state.alerts.values()
        if alert.state == "firing"
        and alert.alert_id not in told
        and not (alert.silenced_by or alert.inhibited_by)
        and message.channel.key in alert.told
    ]
    if others:
        lines.append(f"{len(others):,} more told of before still fire{_severities(others)}.")
    if state.lost:
        lines.append(
            "What was told before could not be read (ledger.sqlite), so some of this may be known already."
        )
    bare = plan.facts + plan.named
    if bare:
        lines.append(f"Shortened for this channel: {bare:,} of the alerts shown without what to do.")
    return lines


def _page(path: str, dashboards: str) -> str:
    return f"{dashboards}{path}" if dashboards else f"the page {path}"


def _severities(alerts: Iterable[Alert]) -> str:
    counts = Counter(alert.severity for alert in alerts)
    named = [f"{counts[s]:,} {s}" for s in reversed(SEVERITIES) if counts[s]]
    return f" ({', '.join(named)})" if named else ""


def _firing(alerts: Sequence[Alert], plan: Plan, now: datetime, dashboards: str) -> list[str]:
    if not alerts:
        return []
    lines = [f"FIRING ({len(alerts):,})"]
    for place, alert in enumerate(alerts[: plan.firing]):
        lines.append(f"[{alert.severity}] {_name(alert)}: {_line(alert.summary)}")
        if place < plan.full + plan.facts:
            lines += [f"  {line}" for line in (_facts(alert, now), _rows(alert, dashboards)) if line]
        if place < plan.full:
            lines += [f"  {_line(line)}" for line in alert.detail.splitlines()]
    return [*lines, *_rest(alerts[plan.firing :]), ""]


def _reminders(alerts: Sequence[Alert], shown: int, now: datetime, dashboards: str) -> list[str]:
    if not alerts:
        return []
    lines = [f"STILL FIRING ({len(alerts):,})"]
    for alert in alerts[:shown]:
        lines.append(f"[{alert.severity}] {_name(alert)}: {_line(alert.summary)}")
        lines += [f"  {line}" for line in (_facts(alert, now), _rows(alert, dashboards)) if line]
    return [*lines, *_rest(alerts[shown:]), ""]


def _resolved(alerts: Sequence[Alert], shown: int, now: datetime) -> list[str]:
    if not alerts:
        return []
    lines = [f"RESOLVED ({len(alerts):,})"]
    for alert in alerts[:shown]:
        ended = alert.resolved_at or now
        lines.append(f"{_name(alert)}, after {span(ended - alert.active_since)} · page {alert.page}")
    if len(alerts) > shown:
        lines.append(f"and {len(alerts) - shown:,} more.")
    return [*lines, ""]


def _rest(alerts: Sequence[Alert]) -> list[str]:
    return [f"and {len(alerts):,} more{_severities(alerts)}."] if alerts else []


def _name(alert: Alert) -> str:
    """The alert's name with the labels that tell it apart; of a check, the asset goes without saying."""
    labels = [f"{key}={value}" for key, value in alert.labels if key != "asset"]
    return _line(f"{alert.name} {' '.join(labels)}".strip())


def _facts(alert: Alert, now: datetime) -> str:
    parts: list[str] = []
    if alert.figure is not None:
        figure = number(alert.figure, alert.unit)
        limit = "" if alert.limit is None else f", limit {number(alert.limit, alert.unit)}"
        unit = f" {alert.unit}" if alert.unit and alert.unit != "share" else ""
        parts.append(f"{figure}{unit}{limit}")
    parts.append(f"since {alert.active_since:%Y-%m-%d %H:%M} UTC ({span(now - alert.active_since)})")
    parts.append(f"page {alert.page}")
    return " · ".join(parts)


def _rows(alert: Alert, dashboards: str) -> str:
    """The address of the rows behind an alert, where the address of the dashboards is known."""
    return f"{dashboards}{RULES.of(alert.name).rows_of(alert.name, alert.labels)}" if dashboards else ""


def number(value: float, unit: str) -> str:
    """A figure as people read it: a share in percent, two decimals at most, none where it is whole."""
    if unit == "share":
        return f"{round(value * 100, 2):g} %"
    return f"{int(value):,}" if value == int(value) else f"{value:,.2f}".rstrip("0").rstrip(".")


def span(length: timedelta) -> str:
    """A length of time as people say it, never under 0."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 172_800:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86_400)} days"


def _line(text: str) -> str:
    safe = plain(_ADDRESS.sub("(address)", " ".join(text.split())))
    return safe if len(safe) <= LONGEST_LINE else f"{safe[: LONGEST_LINE - 1]}…"


def plain(text: str) -> str:
    """A text that a channel only shows: what cannot be seen by its code, and no mention (@everyone, <!channel>)."""
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _MENTION.sub(" ", seen)
