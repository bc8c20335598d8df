"""Alerts: what fires, what waits, what is held back, what is over, silences, and what was sent to whom.

What is so now stands in status.json, which every run replaces; the snapshot holds the history and may be a turn older.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from markupsafe import Markup

from dashboards.data_age import rows as objects
from dashboards.kit import cards, parts
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import alerting, reading
from dashboards.wording import NOTHING, Wording, count, instant
from marketplace.findings import SEVERITIES
from messages.catalogue import understood
from messages.message import message_in, message_of, messages_in, messages_of

Alert = dict[str, Any]
RESOLVED_SHOWN = 20


def current_alerts(screen: Screen) -> list[Alert] | None:
    """The alerts that fire or wait, as the status says, else as the snapshot does; None where neither knows."""
    said = screen.status or {}
    if isinstance(said.get("alerts"), list):
        firing = [{"state": "firing", **alert} for alert in objects(said.get("alerts"))]
        return firing + [{**alert, "state": "pending"} for alert in objects(said.get("alerts_pending"))]
    try:
        known = alerting.alerts(screen.snapshot)
    except reading.NotInSnapshot:
        return None
    return [alert for alert in known if alert["state"] in ("firing", "pending")]


def held_back(alert: Alert) -> bool:
    return bool(alert.get("silenced_by") or alert.get("inhibited_by"))


def now(screen: Screen) -> None:
    """Firing, pending, and held back, each apart."""
    say = screen.text
    show(parts.section(say("alerts.firing"), say("alerts.firing_note")))
    alerts = current_alerts(screen)
    if alerts is None:
        show(parts.note("none", say("alerts.unknown"), say("alerts.unknown_text")))
        return
    loud = [alert for alert in alerts if not held_back(alert)]
    firing = [alert for alert in loud if alert["state"] == "firing"]
    pending = [alert for alert in loud if alert["state"] == "pending"]
    muted = [alert for alert in alerts if held_back(alert)]
    if firing:
        show(_table(firing, screen))
    else:
        fresh = screen.condition.state == "fresh" and not screen.condition.failed
        kind, text = ("good", "alerts.quiet_text") if fresh else ("none", "alerts.quiet_old_text")
        show(parts.note(kind, say("alerts.quiet"), say(text)))
    for title, note, group in (
        ("alerts.pending", "alerts.pending_note", pending),
        ("alerts.muted", "alerts.muted_note", muted),
    ):
        if group:
            show(parts.section(say(title), say(note)))
            show(_table(group, screen))


def _table(alerts: list[Alert], screen: Screen) -> Markup:
    say = screen.text
    return parts.table(
        [
            (say("alerts.alert"), False),
            (say("alerts.what"), False),
            (say("alerts.figure"), True),
            (say("alerts.since"), True),
            (say("alerts.sent"), True),
            ("", False),
        ],
        [_alert(alert, screen) for alert in sorted(alerts, key=_gravity)],
    )


def _gravity(alert: Alert) -> int:
    """The gravest first; a severity that is not known before all."""
    severity = alert.get("severity")
    return -SEVERITIES.index(severity) if severity in SEVERITIES else -len(SEVERITIES)


def _summary(alert: Alert, text: Wording) -> str:
    """What it says: by the codes of the status or the snapshot, else as it was written."""
    said = message_in(alert.get("said")) or message_of(alert.get("code"), alert.get("args"))
    return text.message(said, alert.get("summary"))


def _detail(alert: Alert, text: Wording) -> str:
    """The lines below it, in the same way: all of them, or none where one is not known."""
    more = alert.get("more")
    lines = messages_of(more) if isinstance(more, str) else messages_in(more)
    written = str(alert.get("detail") or "")
    if not lines or not all(map(understood, lines)):
        return written
    return "\n".join(text.message(line) for line in lines)


def _alert(alert: Alert, screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    severity = alert.get("severity")
    muted = held_back(alert)
    kind = "none" if muted else parts.tone_of_severity(severity) if alert["state"] == "firing" else "warn"
    since = alert.get("active_since") or alert.get("since")
    sent = alert.get("last_sent_at")
    unit = str(alert.get("unit") or "")
    limit = alert.get("limit_value")
    why = (
        say("alerts.silenced_by", silence=alert["silenced_by"])
        if alert.get("silenced_by")
        else say("alerts.inhibited_by", alert=say.named(alert["inhibited_by"]))
        if alert.get("inhibited_by")
        else say.word("severity", severity)
    )
    return (
        parts.word(kind, _name(alert, say), why),
        parts.below(_summary(alert, say) or NOTHING, _detail(alert, say)),
        parts.below(
            cards.measured(alert.get("figure"), unit, say),
            say("health.limit", limit=cards.measured(limit, unit, say)) if limit is not None else "",
        ),
        parts.below(say.time(since, screen.now), say.ago(since, screen.now) if since else ""),
        say.time(sent, screen.now) if sent else say("alerts.not_sent"),
        _page(alert, screen),
    )


def _name(alert: Alert, text: Wording) -> Child:
    """What people call it, with its id: that is what a silence matches."""
    alert_id = str(alert.get("alert_id") or alert.get("name"))
    of_a_check = "{asset=" in alert_id  # a rule on what a check found; others are called by what is wrong
    called = text.broken(alert.get("name")) if of_a_check else text.called(alert.get("name"))
    return parts.coded(called, alert_id) if called else alert_id


def _page(alert: Alert, screen: Screen) -> Child:
    """The page that shows more, where it is one of ours."""
    name = str(alert.get("page") or "").strip("/").split("/")[-1].split("?")[0]
    if name not in screen.pages:
        return ""
    where = "./" if name == screen.pages[0] else name  # the first page has no address of its own
    return parts.link(where, screen.text(f"{name}.title"), screen.text.language)


def silences(screen: Screen) -> None:
    """Who silenced what, and until when."""
    say = screen.text
    show(parts.section(say("alerts.silences"), say("alerts.silences_note")))
    known = {str(row["silence_id"]): row for row in reversed(alerting.silences(screen.snapshot))}
    known |= {str(row.get("silence_id")): row for row in objects((screen.status or {}).get("silences"))}
    listed = sorted(known.values(), key=lambda row: str(row.get("ends_at")), reverse=True)
    if not listed:
        show(parts.note("none", say("alerts.no_silences"), say("alerts.no_silences_text")))
        return
    show(
        parts.table(
            [
                (say("alerts.matcher"), False),
                (say("alerts.author"), False),
                (say("alerts.reason"), False),
                (say("alerts.ends"), True),
                (say("col.state"), False),
            ],
            [_silence(row, screen) for row in listed],
        )
    )


def _silence(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    ends, ended = instant(row.get("ends_at")), row.get("ended_at")
    active = ended is None and ends is not None and ends > screen.now
    when = say.time(ended or row.get("ends_at"), screen.now)
    state = parts.badge("warn", say("alerts.active")) if active else parts.tag(say("alerts.over"))
    return (
        parts.below(row.get("matcher"), row.get("silence_id")),
        row.get("author") or NOTHING,
        row.get("reason") or NOTHING,
        parts.below(when, say.ago(ended or ends, screen.now)),
        state,
    )


def resolved(screen: Screen) -> None:
    """What was over of late: how long it lasted."""
    say = screen.text
    show(parts.section(say("alerts.resolved"), say("alerts.resolved_note")))
    over = [alert for alert in alerting.alerts(screen.snapshot) if alert["state"] == "resolved"]
    if not over:
        show(parts.note("none", say("alerts.none_resolved")))
        return
    show(
        parts.table(
            [
                (say("alerts.alert"), False),
                (say("alerts.what"), False),
                (say("alerts.lasted"), True),
                (say("alerts.resolved_at"), True),
            ],
            [
                (
                    parts.below(_name(alert, say), say.word("severity", alert["severity"])),
                    _summary(alert, say),
                    _lasted(alert, screen),
                    parts.below(
                        say.time(alert["resolved_at"], screen.now),
                        say.ago(alert["resolved_at"], screen.now),
                    ),
                )
                for alert in over[:RESOLVED_SHOWN]
            ],
        )
    )
    if len(over) > RESOLVED_SHOWN:
        st.caption(say("alerts.newest", shown=count(RESOLVED_SHOWN), total=count(len(over))))


def _lasted(alert: Alert, screen: Screen) -> str:
    begun, ended = instant(alert["active_since"]), instant(alert["resolved_at"])
    return NOTHING if begun is None or ended is None else screen.text.span((ended - begun).total_seconds())


def deliveries(screen: Screen) -> None:
    """Each message to each channel, and whether it arrived. The channel is its kind, never its address."""
    say = screen.text
    show(parts.section(say("alerts.deliveries"), say("alerts.deliveries_note")))
    if alerting.DELIVERIES.first(screen.snapshot, ROWS_SHOWN).is_empty():
        show(parts.note("none", say("alerts.no_deliveries"), say("alerts.no_deliveries_text")))
        return
    grid(screen, alerting.DELIVERIES, say("alerts.deliveries"))


PAGE = Page(
    name="alerts",
    group="today",
    icon=":material/notifications:",
    role="admin",
    place=8,
    sections=(
        now,
        silences,
        resolved,
        deliveries,
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
