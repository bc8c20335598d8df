"""What people may do about a problem, in the page: take care of it, silence an alert, waive a finding; and what they
order of the pipeline (forget, report, package, sign off, sweep).

Each act asks for its right when it is done, is entered in the ledger under the viewer's name, and is shown from there
at once. Nothing here is done by the page itself: an order is the pipeline's to do (pipelines/orders.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import streamlit as st

from dashboards import alerts
from dashboards.kit import parts, tasks
from dashboards.kit.choosing import told_apart
from dashboards.kit.markup import Child
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import ledger as ledger_queries
from dashboards.queries import reconciliation
from dashboards.wording import count
from marketplace.personal import without_contact
from marketplace.roles import Right
from pipelines.alerting.silences import matches
from resources.ledger import Acknowledgement, Ledger, Order, Waiver
from resources.ledger.alerts import AlertStore, Silence
from resources.ledger.orders import NEEDS, ORDER_KINDS, OrderKind

Kind = Literal["alert", "finding"]

#: How long a silence may be, as people choose it; the command takes any time up to 30 days.
SILENCES: Final[dict[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
}
SILENCED_FOR: Final = "4h"
SHORTEST_REASON: Final = 3
LONGEST_TEXT: Final = 300
NAME_LENGTH: Final = 80
PROGRESS_EVERY_S: Final = 2
ORDERS_SHOWN: Final = 5
#: Of those about one thing, among so many of the newest.
ORDERS_LOOKED_AT: Final = 200
#: Whoever takes orders looks at least so often; one that waits longer waits for nobody.
TAKEN_WITHIN: Final = timedelta(minutes=3)
#: What is made of the snapshot that is looked at.
OF_A_SNAPSHOT: Final = ("report", "package", "sign_off")
SAID_OF_AN_ORDER: Final = (
    "customer", "month", "first", "until", "format", "operation", "plan", "action", "row", "reason",
)  # fmt: skip
ORDER_LOOKS: Final[Mapping[str, str]] = {"queued": "none", "running": "warn", "done": "good", "failed": "bad"}


# What stands -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """What people have entered, as the ledger has it now: who waived which finding, who takes care of what, and the
    silences that were ever entered."""

    waivers: Mapping[str, Waiver]
    findings: Mapping[str, Acknowledgement]
    alerts: Mapping[str, Acknowledgement]
    silences: tuple[Silence, ...]

    def acknowledgement(self, alert: alerts.Alert) -> Acknowledgement | None:
        """Who takes care of an alert as it fires now: of one that fired anew since, nobody does yet."""
        found = self.alerts.get(alerts.id_of(alert))
        fired = alerts.fired_at(alert)
        return found if found is not None and (fired is None or fired <= found.at) else None

    def silence(self, alert: alerts.Alert, screen: Screen) -> Silence | None:
        """The silence in force that an alert falls under."""
        held = (one for one in self.silences if one.holds(screen.now) and falls_under(alert, one))
        return next(held, None)

    def held_by(self, alert: alerts.Alert, screen: Screen) -> str | None:
        """The number of that silence; where the last turn names one that this ledger has never heard of, that one."""
        held = self.silence(alert, screen)
        if held is not None:
            return held.silence_id
        named = alert.get("silenced_by")
        return str(named) if named and str(named) not in {one.silence_id for one in self.silences} else None


def speaking(screen: Screen) -> list[alerts.Alert] | None:
    """The alerts that fire and are not held back, silences of this moment included; None where nothing says."""
    there, known = alerts.current(screen), standing(screen)
    if there is None:
        return None
    return [
        alert
        for alert in there
        if alert["state"] == "firing"
        and not alert.get("inhibited_by")
        and not (alert.get("silenced_by") if known is None else known.held_by(alert, screen))
    ]


def falls_under(alert: alerts.Alert, silence: Silence) -> bool:
    """Whether an alert is what a silence is about, whenever that was."""
    return matches(silence.matcher, alerts.as_known(alert))


def log_of(screen: Screen, kind: Kind, record_id: str) -> list[Acknowledgement]:
    """Everyone who ever took care of it, oldest first. Raises sqlite3.Error."""
    return Ledger(screen.settings.home.ledger).acknowledgement_log(kind, record_id)


def standing(screen: Screen) -> Standing | None:
    """What people have entered; None where the ledger cannot be read, and of an older snapshot, which has what stood
    when it was made. Asked anew once the ledger was written to."""
    if screen.looked.past:
        return None
    path = screen.settings.home.ledger
    try:
        return _standing(path, *(_mark(Path(f"{path}{end}")) for end in ("", "-wal")))
    except sqlite3.Error:
        return None


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _standing(path: Path, *_marks: tuple[int, int, int] | None) -> Standing:
    ledger = Ledger(path)
    return Standing(
        {waiver.finding_id: waiver for waiver in ledger.waivers()},
        ledger.acknowledged("finding"),
        ledger.acknowledged("alert"),
        tuple(AlertStore(path).silences()),
    )


def unread(screen: Screen) -> None:
    """That nothing can be told of what people entered, and why."""
    why = "acts.elsewhere" if screen.elsewhere else "acts.unread"
    show(parts.note("none", screen.text(why), screen.text(f"{why}_text")))


# Acts on a problem -----------------------------------------------------------------------------------


def buttons(screen: Screen, kind: Kind, record_id: str) -> None:
    """What stands of a problem, and what the viewer may do about it: for the page that has it opened."""
    if screen.looked.past:
        return  # what is done is done about what is so now
    known = standing(screen)
    if known is None:
        unread(screen)
        return
    with st.container(border=True, key=f"acts_{kind}"):
        if kind == "alert":
            _on_alert(screen, known, record_id)
        else:
            _on_finding(screen, known, record_id)


def _on_alert(screen: Screen, known: Standing, alert_id: str) -> None:
    say = screen.text
    alert = alerts.by_id(screen, alert_id)
    if alert is None:
        st.caption(say("acts.alert_gone"))
        return
    acknowledged, silence = known.acknowledgement(alert), known.silence(alert, screen)
    _taken_care_of(screen, "alert", alert_id, acknowledged)
    if silence is not None:
        ends = say.time(silence.ends_at, screen.now)
        said = {"by": silence.author, "time": ends, "reason": without_contact(silence.reason)}
        show(tasks.stands("none", say("acts.silenced"), say("acts.silenced_by", **said)))
        if _pressed(screen, Right.SILENCE, "end_silence", alert_id, icon=":material/notifications:"):
            enter(
                screen,
                lambda: AlertStore(screen.settings.home.ledger).end_silence(
                    silence.silence_id, by=screen.viewer.name, at=now(screen)
                ),
            )
        return
    if not screen.may(Right.SILENCE):
        st.caption(say("acts.may_not_silence"))
        return
    with st.form(f"silence_{alert_id}", border=False):
        how_long, why = st.columns([1, 2], vertical_alignment="bottom")
        length = how_long.selectbox(
            say("acts.silence_for"),
            list(SILENCES),
            index=list(SILENCES).index(SILENCED_FOR),
            format_func=lambda code: say.span(SILENCES[code].total_seconds()),
            key=f"silence_for_{alert_id}",
        )
        reason = why.text_input(
            say("acts.reason"),
            max_chars=LONGEST_TEXT,
            placeholder=say("acts.reason_hint"),
            key=f"silence_reason_{alert_id}",
        )
        asked = st.form_submit_button(
            say("acts.silence"),
            type="primary",
            icon=":material/notifications_off:",
            key=f"act_silence_{alert_id}",
        )
    st.caption(say("acts.silence_note"))
    if asked:
        _silence(screen, alert, Asked(reason or "", str(length)))


def _on_finding(screen: Screen, known: Standing, finding_id: str) -> None:
    say = screen.text
    ledger = Ledger(screen.settings.home.ledger)
    waiver = known.waivers.get(finding_id)
    if waiver is not None:
        said = {
            "by": waiver.waived_by,
            "time": say.time(waiver.waived_at, screen.now),
            "reason": without_contact(waiver.reason),
        }
        show(tasks.stands("none", say("acts.waived"), say("acts.waived_by", **said)))
        if _pressed(screen, Right.WAIVE, "withdraw", finding_id, icon=":material/undo:"):
            enter(
                screen,
                lambda: ledger.withdraw_waiver(finding_id, reason="", by=screen.viewer.name, at=now(screen)),
            )
        return
    if not _is_finding(screen, finding_id):
        st.caption(say("acts.finding_gone"))
        return
    _taken_care_of(screen, "finding", finding_id, known.findings.get(finding_id))
    if not screen.may(Right.WAIVE):
        st.caption(say("acts.may_not_waive"))
        return
    with st.form(f"waive_{finding_id}", border=False):
        reason = st.text_input(
            say("acts.reason"),
            max_chars=LONGEST_TEXT,
            placeholder=say("acts.waive_hint"),
            key=f"waive_reason_{finding_id}",
        )
        asked = st.form_submit_button(
            say("acts.waive"), type="primary", icon=":material/done_all:", key=f"act_waive_{finding_id}"
        )
    st.caption(say("acts.waive_note"))
    if asked:
        _waive(screen, finding_id, Asked(reason or ""))


@dataclass(frozen=True)
class Asked:
    """What goes with an act: why, and of a silence for how long."""

    reason: str
    length: str = SILENCED_FOR


def _silence(screen: Screen, alert: alerts.Alert, asked: Asked) -> None:
    text = reason_of(screen, asked.reason)
    if text is not None:
        at, lasts = now(screen), SILENCES.get(asked.length, SILENCES[SILENCED_FOR])
        enter(
            screen,
            lambda: AlertStore(screen.settings.home.ledger).silence(
                alerts.matcher_of(alert),
                author=screen.viewer.name,
                reason=text,
                created_at=at,
                ends_at=at + lasts,
            ),
        )


def _waive(screen: Screen, finding_id: str, asked: Asked) -> None:
    text = reason_of(screen, asked.reason)
    if text is not None:
        ledger = Ledger(screen.settings.home.ledger)
        enter(screen, lambda: ledger.waive(finding_id, reason=text, by=screen.viewer.name, at=now(screen)))


# Acts in a list ----------------------------------------------------------------------------------------


def on_one_of(screen: Screen, kind: Kind, there: Mapping[str, str]) -> None:
    """Below a list of problems: what can be done about one of them, the foremost where nobody chooses. ``there``: id →
    what it is called."""
    say = screen.text
    may = screen.may(Right.SILENCE if kind == "alert" else Right.WAIVE)
    if screen.looked.past or not there or not (may or screen.may(Right.ACKNOWLEDGE)):
        return
    called = told_apart(there)
    with st.container(border=True, key=f"act_on_{kind}"):
        which, *places = st.columns([3, 1, 3] if kind == "alert" else [3, 4], vertical_alignment="bottom")
        record_id = which.selectbox(
            say(f"acts.which_{kind}"),
            list(called),
            format_func=lambda one: called.get(str(one), str(one)),
            key=f"act_on_{kind}_id",
        )
        length, reason = SILENCED_FOR, ""
        if may and kind == "alert":
            length = places[0].selectbox(
                say("acts.silence_for"),
                list(SILENCES),
                index=list(SILENCES).index(SILENCED_FOR),
                format_func=lambda code: say.span(SILENCES[code].total_seconds()),
                key="act_on_alert_for",
            )
        if may:
            reason = places[-1].text_input(
                say("acts.reason"),
                max_chars=LONGEST_TEXT,
                placeholder=say("acts.reason_hint" if kind == "alert" else "acts.waive_hint"),
                key=f"act_on_{kind}_reason",
            )
        with st.container(horizontal=True):
            care = _pressed(screen, Right.ACKNOWLEDGE, "acknowledge", kind, icon=":material/front_hand:")
            mute = kind == "alert" and _pressed(
                screen, Right.SILENCE, "silence", kind, icon=":material/notifications_off:"
            )
            waive = kind == "finding" and _pressed(
                screen, Right.WAIVE, "waive", kind, icon=":material/done_all:"
            )
    asked = Asked(reason, str(length))
    # The one that was pressed for may be gone by now, or be called otherwise: then another one stands in its place.
    key, chosen = f"act_on_{kind}_shown", (record_id, called.get(str(record_id)))
    before, called_before = st.session_state.get(key, chosen)
    st.session_state[key] = chosen
    if (care or mute or waive) and called.get(before) != called_before:
        show(parts.banner("warn", screen.text("acts.other_now"), screen.text("acts.other_now_text")))
    elif care:
        _acknowledge(screen, kind, str(record_id))
    elif waive:
        _waive(screen, str(record_id), asked)
    elif mute and (alert := alerts.by_id(screen, str(record_id))) is not None:
        _silence(screen, alert, asked)


# What both have ----------------------------------------------------------------------------------------


def _acknowledge(screen: Screen, kind: Kind, record_id: str) -> None:
    ledger, viewer = Ledger(screen.settings.home.ledger), screen.viewer
    enter(
        screen,
        lambda: ledger.acknowledge(kind, record_id, by=viewer.name, role=viewer.role.value, at=now(screen)),
    )


def _taken_care_of(screen: Screen, kind: Kind, record_id: str, acknowledged: Acknowledgement | None) -> None:
    """Who takes care of it, and the button that says so or takes it back."""
    say, viewer = screen.text, screen.viewer
    ledger = Ledger(screen.settings.home.ledger)
    if acknowledged is not None:
        said = say("acts.acknowledged_by", by=acknowledged.by, time=say.time(acknowledged.at, screen.now))
        show(tasks.stands("good", say("acts.acknowledged"), said))
        if _pressed(screen, Right.ACKNOWLEDGE, "unacknowledge", record_id, icon=":material/undo:"):
            enter(
                screen,
                lambda: ledger.end_acknowledgement(kind, record_id, by=viewer.name, at=now(screen)),
            )
    elif _pressed(screen, Right.ACKNOWLEDGE, "acknowledge", record_id, icon=":material/front_hand:"):
        _acknowledge(screen, kind, record_id)


def _pressed(screen: Screen, needs: Right, act: str, record_id: str, *, icon: str) -> bool:
    """A button of who has the right; whether it was pressed and they have it still."""
    if not screen.may(needs):
        return False
    return st.button(screen.text(f"acts.{act}"), icon=icon, key=f"act_{act}_{record_id}")


def _is_finding(screen: Screen, finding_id: str) -> bool:
    """Whether the snapshot has it: of a commission, or a closed month that changed."""
    path = screen.snapshot
    found = reconciliation.finding(path, finding_id) or ledger_queries.closed_change(path, finding_id)
    return found is not None


def now(screen: Screen) -> datetime:
    """When something is done: of an older snapshot the page's own instant is long ago."""
    return screen.settings.clock.now()


def reason_of(screen: Screen, typed: str | None) -> str | None:
    """A reason that says something; where it does not, that one is wanted."""
    text = " ".join((typed or "").split())
    if sum(letter.isalpha() for letter in text) < SHORTEST_REASON:
        wanted = screen.text("acts.reason_wanted", n=count(SHORTEST_REASON))
        show(parts.banner("warn", wanted, screen.text("acts.reason_wanted_text")))
        return None
    return text


def enter(screen: Screen, write: Callable[[], object]) -> None:
    """Write into the ledger, and draw the page anew as it stands then."""
    try:
        write()
    except (sqlite3.Error, OSError):
        show(parts.banner("bad", screen.text("acts.unwritten"), screen.text("acts.unwritten_text")))
        return
    _standing.cache_clear()
    st.rerun()


# Orders ----------------------------------------------------------------------------------------------


def order_form(screen: Screen, kind: OrderKind, **arguments: str) -> None:
    """What it takes to order something of the pipeline, and how such orders stand. ``arguments``: what it is about, as
    pipelines/orders.py reads them: forget (customer), report (first, until, format), package and sign_off (month),
    sweep (none)."""
    say = screen.text
    if screen.elsewhere:
        unread(screen)
        return
    if not screen.may(NEEDS[kind]):
        st.caption(say(f"acts.may_not_{kind}"))
        progress(screen, kind)
        return
    named = "_".join((kind, *arguments.values()))
    with st.form(f"order_{kind}", border=False):
        given = dict(arguments)
        if kind in OF_A_SNAPSHOT:
            given.setdefault("snapshot", _pressed_at(screen, kind))
        if kind == "package":
            given.setdefault("locale", say.language)
        if kind in OF_A_SNAPSHOT and not screen.viewer.known:
            typed = st.text_input(
                say("report.by"), max_chars=NAME_LENGTH, placeholder=say("report.by_hint"), key=f"by_{kind}"
            )
            given["by"] = " ".join((typed or "").split())
        if kind == "sign_off":
            remark = st.text_input(
                say("acts.remark"), max_chars=LONGEST_TEXT, placeholder=say("acts.remark_hint"), key="remark"
            )
            given["reason"] = " ".join((remark or "").split())
        sure = True
        if kind == "forget":
            given["rewrite"] = "yes" if st.checkbox(say("acts.rewrite"), key="rewrite") else "no"
            sure = st.checkbox(say("acts.sure"), key=f"sure_{named}")
        asked = st.form_submit_button(
            say(f"acts.order_{kind}"), type="primary", icon=":material/outbox:", key=f"act_order_{kind}"
        )
    st.caption(say(f"acts.order_{kind}_note"))
    if asked and not sure:
        show(parts.banner("warn", say("acts.sure_wanted")))
    elif asked and not given.get("by", "-"):
        show(parts.banner("warn", say("report.by_wanted")))
    elif asked:
        enter(
            screen,
            lambda: Ledger(screen.settings.home.ledger).enter_order(
                kind,
                given,
                by=screen.viewer.name,
                role=screen.viewer.role.value,
                known=screen.viewer.known,
                at=now(screen),
            ),
        )
    progress(screen, kind)


def _pressed_at(screen: Screen, kind: OrderKind) -> str:
    """The snapshot that was shown when the button was pressed: a newer one may be there by the time it is answered, and
    nobody signs what they have not seen. Where none was shown before, the one that is now."""
    now, key = Path(screen.snapshot).stem, f"order_{kind}_of"
    before = str(st.session_state.get(key, now))
    st.session_state[key] = now
    return before


def sweep(screen: Screen) -> None:
    """A section: order a sweep, for who may."""
    if screen.may(NEEDS["sweep"]):
        show(parts.section(screen.text("acts.kind_sweep")))
        order_form(screen, "sweep")


def forget(screen: Screen, customer_id: str) -> None:
    """Have the customer that is opened forgotten, for who may; asked for twice, for it cannot be undone."""
    if screen.may(NEEDS["forget"]):
        with st.expander(screen.text("acts.kind_forget"), icon=":material/person_off:"):
            order_form(screen, "forget", customer=customer_id)


def progress(screen: Screen, *kinds: OrderKind, **about: str) -> None:
    """How the newest orders of these kinds (of all, where none is named) stand, those ``about`` it where something is
    named (an argument of theirs); asked again every other second while one is not done."""
    orders = _orders(screen, kinds, about)
    waits = orders is not None and any(order.open for order in orders)
    drawn = st.fragment(_progress, run_every=PROGRESS_EVERY_S if waits else None)
    drawn(screen, kinds, about, waits)


def _progress(screen: Screen, kinds: tuple[OrderKind, ...], about: Mapping[str, str], waited: bool) -> None:
    say = screen.text
    orders = _orders(screen, kinds, about)
    if orders is None:
        unread(screen)
        return
    if waited and not any(order.open for order in orders):
        st.rerun(scope="app")  # what was made is there now
    if orders:
        headings = ("acts.order", "acts.ordered", "acts.stands")
        show(
            parts.table(
                [(say(name), False) for name in headings], [_order(order, screen) for order in orders]
            )
        )


def _orders(screen: Screen, kinds: tuple[OrderKind, ...], about: Mapping[str, str]) -> list[Order] | None:
    limit = ORDERS_LOOKED_AT if about else ORDERS_SHOWN
    try:
        found = Ledger(screen.settings.home.ledger).orders(*(kinds or ORDER_KINDS), limit=limit)
    except sqlite3.Error:
        return None
    return [order for order in found if about.items() <= order.arguments.items()][:ORDERS_SHOWN]


def _order(order: Order, screen: Screen) -> tuple[Child, ...]:
    say, now = screen.text, screen.settings.clock.now()
    given = {name: order.arguments[name] for name in SAID_OF_AN_ORDER if order.arguments.get(name)}
    # Of these a person typed the remark alone; digits of an id are no phone.
    about = " · ".join(without_contact(said) if name == "reason" else said for name, said in given.items())
    said = say.messages(order.outcome) if not order.open else say.message(order.progress)
    if order.state == "queued":
        waits = now - order.ordered_at
        said = say("acts.nobody_takes") if waits > TAKEN_WITHIN else say("acts.is_queued")
    return (
        parts.below(say(f"acts.kind_{order.kind}"), about),
        parts.below(order.arguments.get("by") or order.ordered_by, say.time(order.ordered_at, now)),
        parts.word(ORDER_LOOKS[order.state], say(f"acts.state_{order.state}"), said),
    )
