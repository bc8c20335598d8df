"""The words of one message: counts, figures, limits, ids and the page that shows more. Pure.

Never a name, a phone, a text, a key or an address: what goes in holds none, and addresses are cut out all the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pipelines.alerting.engine import EngineState, Message
from resources.alert_store import Alert

SHOWN_FIRING, SHOWN_REMINDERS, SHOWN_RESOLVED = 12, 8, 8
LONGEST_LINE = 300
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://\S*")


def compose(message: Message, state: EngineState, now: datetime) -> tuple[str, str]:
    """Title and body for one channel; ``state`` as decided, for what else is open."""
    parts: list[str] = []
    if message.firing:
        parts.append(f"{len(message.firing):,} firing{_severities(message.firing)}")
    if message.reminders:
        parts.append(f"{len(message.reminders):,} still firing{_severities(message.reminders)}")
    if message.resolved:
        parts.append(f"{len(message.resolved):,} resolved")
    lines = [
        *_section("FIRING", message.firing, SHOWN_FIRING, now, full=True),
        *_section("STILL FIRING", message.reminders, SHOWN_REMINDERS, now, full=False),
        *_resolved(message.resolved, now),
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
    lines.append("`bookwatch alerts list` and the page /alerts show all.")
    return f"bookwatch: {', '.join(parts)}", "\n".join(lines)


def _severities(alerts: Iterable[Alert]) -> str:
    counts = Counter(alert.severity for alert in alerts)
    named = [f"{counts[s]:,} {s}" for s in ("critical", "high", "medium", "low") if counts[s]]
    return f" ({', '.join(named)})" if named else ""


def _section(title: str, alerts: Sequence[Alert], shown: int, now: datetime, *, full: bool) -> list[str]:
    if not alerts:
        return []
    lines = [f"{title} ({len(alerts):,})"]
    for alert in alerts[:shown]:
        lines.append(f"[{alert.severity}] {_name(alert)}: {_line(alert.summary)}")
        lines.append(f"  {_facts(alert, now)}")
        if full:
            lines += [f"  {_line(line)}" for line in alert.detail.splitlines()]
    rest = alerts[shown:]
    if rest:
        lines.append(f"and {len(rest):,} more{_severities(rest)}.")
    return [*lines, ""]


def _resolved(alerts: Sequence[Alert], now: datetime) -> list[str]:
    if not alerts:
        return []
    lines = [f"RESOLVED ({len(alerts):,})"]
    for alert in alerts[:SHOWN_RESOLVED]:
        ended = alert.resolved_at or now
        lines.append(f"{_name(alert)}, after {span(ended - alert.active_since)} · page {alert.page}")
    if len(alerts) > SHOWN_RESOLVED:
        lines.append(f"and {len(alerts) - SHOWN_RESOLVED:,} more.")
    return [*lines, ""]


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
    safe = _ADDRESS.sub("(address)", " ".join(text.split()))
    return safe if len(safe) <= LONGEST_LINE else f"{safe[: LONGEST_LINE - 1]}…"
