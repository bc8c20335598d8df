"""To do: the alerts that fire and what was found wrong, by cause: what is open, what somebody takes care of, what was
set aside; one alert in full. From each to its rows.

What is so now stands in status.json, which every run replaces, and in the ledger, which people write; the snapshot
holds the history and may be a turn older.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final
from urllib.parse import parse_qsl

import streamlit as st
from markupsafe import Markup

from dashboards import acts, alerts
from dashboards.acts import Standing
from dashboards.alerts import Alert
from dashboards.data_age import rows as objects
from dashboards.kit import cards, glossary, links, parts, tasks
from dashboards.kit.address import Choice, chosen, of_id, widget
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.markup import Child, element
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import alerting, reading, todo
from dashboards.sections import shared
from dashboards.wording import NOTHING, Wording, count, instant, signed_rupiah
from marketplace.findings import SEVERITIES
from marketplace.personal import without_contact
from messages.catalogue import understood
from messages.message import message_in, message_of, messages_in, messages_of
from pipelines.alerting.rules import RULES
from resources.ledger.alerts import KEEP_RESOLVED, AlertStore

ALERT: Final = of_id("alert")
STATES: Final = ("open", "acknowledged", "waived")
STATE: Final = Choice("state", STATES, STATES[0])
EVERY: Final = Choice("alerts", ("all",))
HISTORY: Final = Choice("history", ("silences", "resolved", "deliveries", "orders"))

RESOLVED_SHOWN = 20
ALERTS_SHOWN = 12
FINDINGS_SHOWN = 30


# What there is to do ----------------------------------------------------------------------------------


def state_of(alert: Alert, known: Standing | None, screen: Screen) -> str:
    """open, acknowledged, or waived: set aside by a silence, or following from another alert."""
    if held_by(alert, known, screen) or alert.get("inhibited_by"):
        return "waived"
    return "acknowledged" if known is not None and known.acknowledgement(alert) else "open"


def held_by(alert: Alert, known: Standing | None, screen: Screen) -> object:
    """The number of the silence it falls under; nothing where it speaks."""
    return alert.get("silenced_by") if known is None else known.held_by(alert, screen)


def entered(known: Standing | None) -> todo.Entered:
    """What people have entered of findings, as the questions take it."""
    if known is None:
        return None, ()
    return tuple(sorted(known.waivers)), tuple(sorted(known.findings))


def choice(screen: Screen) -> None:
    """Which of it is looked at, with how much there is of each."""
    if chosen(ALERT):
        return
    say, known = screen.text, acts.standing(screen)
    counted: dict[str, int] = dict.fromkeys(STATES, 0)
    for alert in alerts.current(screen) or []:
        counted[state_of(alert, known, screen)] += 1
    for cause in _causes(screen, known):
        counted[cause["standing"]] += cause["findings"]
    for change in _changes(screen, known):
        counted[change["standing"]] += change["changes"]
    st.segmented_control(
        say("todo.state"),
        STATES,
        required=True,
        format_func=lambda state: say(f"todo.{state}", n=count(counted[state])),
        label_visibility="collapsed",
        **widget(STATE),
    )
    st.caption(say(f"todo.{chosen(STATE)}_note"))


def _causes(screen: Screen, known: Standing | None) -> list[dict[str, Any]]:
    try:
        return todo.causes(screen.snapshot, entered(known))
    except reading.NotInSnapshot:
        return []


def _changes(screen: Screen, known: Standing | None) -> list[dict[str, Any]]:
    try:
        return todo.changed_months(screen.snapshot, entered(known))
    except reading.NotInSnapshot:
        return []


def firing(screen: Screen) -> None:
    """The alerts of the state that is looked at, each with what can be done about it."""
    if chosen(ALERT):
        return
    say, state, known = screen.text, chosen(STATE), acts.standing(screen)
    there = alerts.current(screen)
    show(parts.section(say("alerts.title"), say("alerts.firing_note") if state == STATES[0] else ""))
    if there is None:
        show(parts.note("none", say("alerts.unknown"), say("alerts.unknown_text")))
        return
    mine = sorted((alert for alert in there if state_of(alert, known, screen) == state), key=_gravity)
    if state == STATES[0] and not any(alert["state"] == "firing" for alert in there):
        fresh = screen.condition.state == "fresh" and not screen.condition.failed
        kind, text = ("good", "alerts.quiet_text") if fresh else ("none", "alerts.quiet_old_text")
        show(parts.note(kind, say("alerts.quiet"), say(text)))
    elif not mine:
        show(parts.note("none", say("todo.no_alerts")))
    if not mine:
        return
    shown = mine if chosen(EVERY) else mine[:ALERTS_SHOWN]
    show(_table(shown, known, screen))
    if len(shown) < len(mine):
        more = say("todo.more", n=count(len(mine) - len(shown)))
        show(parts.paragraph(links.to_page("todo", more, state=state, alerts=EVERY.allowed[0])))
    if state == STATES[0]:
        acts.on_one_of(screen, "alert", {alerts.id_of(alert): _called(alert, say) for alert in mine})


def _called(alert: Alert, text: Wording) -> str:
    """Its name, with what tells it from others of its name."""
    told = [value for label, value in alerts.labels_of(alert) if label != "asset"]
    return " · ".join([_name(alert, text), *told])


def found(screen: Screen) -> None:
    """The findings of the state that is looked at, by cause, and the foremost of them."""
    if chosen(ALERT):
        return
    say, state, known = screen.text, chosen(STATE), acts.standing(screen)
    show(parts.section(say("todo.findings"), say("todo.findings_note")))
    lines = [
        _cause(row, screen)
        for row in todo.causes(screen.snapshot, entered(known))
        if row["standing"] == state
    ]
    lines += [_change(row, screen) for row in _changes(screen, known) if row["standing"] == state]
    if not lines:
        show(parts.note("none" if state != STATES[0] else "good", say(f"todo.no_findings_{state}")))
        return
    show(
        parts.table(
            [
                (say("todo.cause"), False),
                (say("todo.count"), True),
                (say("col.variance"), True),
                (say("todo.oldest"), True),
            ],
            lines,
        )
    )
    if state != STATES[0]:
        return
    foremost = todo.foremost(screen.snapshot, entered(known), state, FINDINGS_SHOWN)
    acts.on_one_of(screen, "finding", {row["finding_id"]: _finding(row, say) for row in foremost})


def _finding(row: dict[str, Any], text: Wording) -> str:
    """A finding to choose: what it is, of what, and what it is about."""
    of = row["booking_id"] or row["commission_id"] or row["provider_id"] or row["finding_id"]
    return f"{text.word('finding', row['finding'])} · {of} · {signed_rupiah(row['variance_idr'])}"


def _cause(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say, code = screen.text, str(row["finding"])
    state = {"waived": "waived"} if row["standing"] == "waived" else {}
    named = links.to_page("findings", say.word("finding", code), code=code, **state)
    return (
        parts.word(parts.tone_of_severity(row["severity"]), named, say.word("severity", row["severity"])),
        links.to_page("findings", count(row["findings"]), code=code, **state),
        parts.below(
            parts.money(row["variance_idr"], signed=True),
            say("todo.not_in", n=count(row["unknown_rows"])) if row["unknown_rows"] else "",
        ),
        say.span(age) if (age := say.elapsed(row["oldest"], shared.as_of(screen))) is not None else NOTHING,
    )


def _change(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    return (
        parts.word("warn", links.to_page("months", say("closed.title")), say("todo.closed_is")),
        links.to_page("months", count(row["changes"])),
        NOTHING,
        say.span(age) if (age := say.elapsed(row["oldest"], shared.as_of(screen))) is not None else NOTHING,
    )


# An alert ---------------------------------------------------------------------------------------------


def _gravity(alert: Alert) -> tuple[bool, int]:
    """What fires before what waits, the gravest first; a severity that is not known before all."""
    severity = alert.get("severity")
    rank = -SEVERITIES.index(severity) if severity in SEVERITIES else -len(SEVERITIES)
    return alert["state"] != "firing", rank


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


def _name(alert: Alert, text: Wording) -> str:
    """What people call it; its id where nobody has a name for it."""
    alert_id = alerts.id_of(alert)
    of_a_check = "{asset=" in alert_id  # a rule on what a check found; others are called by what is wrong
    called = text.broken(alert.get("name")) if of_a_check else text.called(alert.get("name"))
    return called or alert_id


def _tone(alert: Alert, known: Standing | None, screen: Screen) -> str:
    if alert["state"] == "resolved":
        return "good"
    if state_of(alert, known, screen) == "waived":
        return "none"
    return parts.tone_of_severity(alert.get("severity")) if alert["state"] == "firing" else "warn"


def _stands(alert: Alert, known: Standing | None, screen: Screen) -> str:
    """How grave it is, whether it fires yet, and who holds it back or takes care of it."""
    say = screen.text
    said = [say.word("severity", alert.get("severity")), say(f"todo.is_{alert['state']}")]
    if silence := held_by(alert, known, screen):
        said.append(say("alerts.silenced_by", silence=silence))
    if alert.get("inhibited_by"):
        said.append(say("alerts.inhibited_by", alert=say.named(alert["inhibited_by"])))
    if known is not None and (who := known.acknowledgement(alert)) is not None:
        said.append(say("todo.by", who=who.by))
    return " · ".join(said)


def _figure(alert: Alert, text: Wording) -> Child:
    unit, limit = str(alert.get("unit") or ""), alert.get("limit_value")
    told: Child = cards.measured(alert.get("figure"), unit, text)
    if (metric := RULES.of(str(alert.get("name"))).figure) and alert.get("figure") is not None:
        told = element(
            "span", told, title=f"{glossary.called(text, metric)}: {glossary.meaning(text, metric)}"
        )
    return parts.below(
        told,
        text("health.limit", limit=cards.measured(limit, unit, text)) if limit is not None else "",
    )


def _since(alert: Alert, screen: Screen) -> Child:
    say = screen.text
    since = alert.get("active_since") or alert.get("since")
    return parts.below(say.time(since, screen.now), say.ago(since, screen.now) if since else "")


def _sent(alert: Alert, screen: Screen) -> str:
    sent = alert.get("last_sent_at")
    return screen.text.time(sent, screen.now) if sent else screen.text("alerts.not_sent")


def where(alert: Alert, screen: Screen) -> tuple[str, dict[str, str]] | None:
    """The page that shows the rows of an alert, and what is chosen there; None for a page that is not there."""
    name = str(alert.get("name"))
    page, _, choices = RULES.of(name).rows_of(name, alerts.labels_of(alert)).strip("/").partition("?")
    return (page, dict(parse_qsl(choices))) if page in screen.pages else None


def rows_of(alert: Alert, screen: Screen, label: str | None = None) -> Child:
    """The link from an alert to its rows; ``label`` else as the page is called."""
    there = where(alert, screen)
    if there is None:
        return label or ""
    page, choices = there
    return links.to_page(page, label or screen.text(f"{page}.title"), **choices)


def _table(listed: list[Alert], known: Standing | None, screen: Screen) -> Markup:
    say = screen.text
    heads = (("alerts.alert", False), ("alerts.what", False), ("alerts.figure", True), ("alerts.since", True))
    return parts.table(
        [(say(name), number) for name, number in heads],
        [
            (
                parts.word(
                    _tone(alert, known, screen),
                    links.to_page("todo", _called(alert, say), alert=alerts.id_of(alert)),
                    _stands(alert, known, screen),
                ),
                rows_of(alert, screen, _summary(alert, say) or NOTHING),
                _figure(alert, say),
                _since(alert, screen),
            )
            for alert in listed
        ],
    )


def opened(screen: Screen) -> None:
    """One alert: what it says and asks to do, the way to its rows, what can be done about it, and what was."""
    alert_id = chosen(ALERT)
    if not alert_id:
        return
    say, known = screen.text, acts.standing(screen)
    show(links.back(say("todo.back"), ALERT.name))
    alert = alerts.by_id(screen, alert_id)
    if alert is None:
        show(
            parts.note(
                "none",
                say("todo.gone", alert=alert_id),
                say("todo.gone_text", kept=say.span(KEEP_RESOLVED.total_seconds())),
            )
        )
    else:
        sentences = [_summary(alert, say), *_detail(alert, say).splitlines()]
        facts: list[tuple[str, Child]] = [
            (say("alerts.figure"), _figure(alert, say)),
            (say("alerts.since"), _since(alert, screen)),
            (say("alerts.sent"), _sent(alert, screen)),
        ]
        if alert.get("resolved_at"):
            facts.append((say("alerts.resolved_at"), say.time(alert["resolved_at"], screen.now)))
        show(
            tasks.opened(
                _tone(alert, known, screen),
                _name(alert, say),
                _stands(alert, known, screen),
                alert_id,
                sentences,
                facts,
                _to_its_rows(alert, screen),
            )
        )
        if alert["state"] != "resolved":
            acts.buttons(screen, "alert", alert_id)
    _history(screen, alert_id, alert)


def _to_its_rows(alert: Alert, screen: Screen) -> Child:
    there = where(alert, screen)
    if there is None:
        return ""
    page, choices = there
    say = screen.text
    said = say("todo.rows" if choices else "todo.page", page=say(f"{page}.title"))
    return links.to_page(page, said, **choices)


def _history(screen: Screen, alert_id: str, alert: Alert | None) -> None:
    """Who took care of it, who silenced it, and whom it was told, as the ledger has it."""
    say = screen.text
    lines: list[tuple[object, Child, Child]] = []
    try:
        store = AlertStore(screen.settings.home.ledger)
        told = {at for one in store.alerts() if one.alert_id == alert_id for at in one.told.values()}
        sent = [delivery for _, delivery in store.deliveries() if delivery.at in told]
        silences = store.silences()
        log = acts.log_of(screen, "alert", alert_id)
    except sqlite3.Error:
        acts.unread(screen)
        return
    for entry in log:
        lines.append((entry.at, say("todo.did_acknowledge"), entry.by))
        if entry.ended_at is not None:
            lines.append((entry.ended_at, say("todo.did_unacknowledge"), entry.ended_by or NOTHING))
    for silence in silences:
        if alert is not None and acts.falls_under(alert, silence):
            until = say("todo.did_silence", time=say.time(silence.ends_at, screen.now))
            lines.append(
                (silence.created_at, parts.below(until, without_contact(silence.reason)), silence.author)
            )
            if silence.ended_at is not None:
                lines.append((silence.ended_at, say("todo.did_end_silence"), silence.ended_by or NOTHING))
    for delivery in sent:
        kind = say("todo.did_tell" if delivery.delivered else "todo.did_not_tell", channel=delivery.channel)
        lines.append((delivery.at, parts.below(kind, say.word("delivery", delivery.kind)), NOTHING))
    for name in ("fired_at", "resolved_at"):
        if alert is not None and alert.get(name):
            lines.append((instant(alert[name]), say(f"todo.{name}"), NOTHING))
    if not lines:
        return
    newest = sorted(lines, key=lambda line: str(line[0]), reverse=True)
    show(
        parts.section(say("todo.history")),
        parts.table(
            [(say("todo.when"), False), (say("alerts.what"), False), (say("alerts.author"), False)],
            [(say.time(at, screen.now), what, who) for at, what, who in newest],
        ),
    )


# What was before --------------------------------------------------------------------------------------


def history(screen: Screen) -> None:
    """Silences, alerts that are over, what was sent, and orders: one of them, on demand."""
    if chosen(ALERT):
        return
    say = screen.text
    show(parts.section(say("todo.before")))
    st.segmented_control(
        say("todo.before"),
        HISTORY.allowed,
        format_func=lambda name: say(f"todo.before_{name}"),
        label_visibility="collapsed",
        **widget(HISTORY),
    )
    drawn = {"silences": silences, "resolved": resolved, "deliveries": deliveries, "orders": acts.progress}
    if (name := chosen(HISTORY)) in drawn:
        drawn[name](screen)


def silences(screen: Screen) -> None:
    """Who silenced what, and until when."""
    say, known = screen.text, acts.standing(screen)
    show(parts.section(say("alerts.silences"), say("alerts.silences_note")))
    listed: dict[str, dict[str, Any]] = {}
    for row in (
        *alerting.silences(screen.snapshot),
        *objects((screen.status or {}).get("silences")),
        *(vars(silence) for silence in (known.silences if known is not None else ())),
    ):
        listed[str(row.get("silence_id"))] = row
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
            [_silence(row, screen) for row in sorted(listed.values(), key=_ends, reverse=True)],
        )
    )


def _ends(row: dict[str, Any]) -> float:
    ends = instant(row.get("ends_at"))
    return 0.0 if ends is None else ends.timestamp()


def _silence(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    ends, ended = instant(row.get("ends_at")), row.get("ended_at")
    active = ended is None and ends is not None and ends > screen.now
    when = say.time(ended or row.get("ends_at"), screen.now)
    state = parts.badge("warn", say("alerts.active")) if active else parts.tag(say("alerts.over"))
    return (
        parts.below(row.get("matcher"), row.get("silence_id")),
        row.get("author") or NOTHING,
        without_contact(str(row.get("reason") or NOTHING)),
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
                    parts.below(
                        links.to_page("todo", _name(alert, say), alert=alert["alert_id"]),
                        say.word("severity", alert["severity"]),
                    ),
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
    name="todo",
    group="today",
    icon=":material/checklist:",
    role="admin",
    place=2,
    sections=(opened, choice, firing, found, history),
    choices=(ALERT, STATE, EVERY, HISTORY),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
