"""What was planned and done to the marketplace, as the ledger has it now; and what people order about it: have a plan
made or applied, an action taken back, one row acted on; all acting stopped.

The page does none of it: an order is the pipeline's to do (pipelines/orders.py). Only the stop is laid at once, for it
must not wait behind what it is to stop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import streamlit as st
from markupsafe import Markup

from dashboards import acts
from dashboards.kit import links, parts
from dashboards.kit.markup import Child, element
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import acting as kept
from dashboards.queries import reading
from dashboards.queries.acting import Asked, Row
from dashboards.wording import NOTHING, Wording, count, instant, rate, rupiah
from marketplace.collections import BY_NAME
from marketplace.operations import ActionState, Mode, Operation
from marketplace.personal import without_contact
from marketplace.roles import Right
from resources import acting
from resources.ledger import Ledger
from resources.ledger.actions import ActionEntry, Counts, Plan
from resources.ledger.orders import NEEDS, OrderKind

#: What core derives of a collection → the kind of record that opens a row of it.
_OPENS: Final[Mapping[str, str]] = {
    "bookings": "booking",
    "chat_rooms": "room",
    "commissions": "commission",
    "providers": "provider",
}
TONES: Final[Mapping[str, str]] = {
    ActionState.PLANNED: "warn",
    ActionState.DONE: "good",
    ActionState.SKIPPED: "none",
    ActionState.FAILED: "bad",
    ActionState.UNDONE: "none",
}


# What stands -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """How acting stands: the newest plan of each operation, how many actions wait, and how many ended since local
    midnight in each state; whether all acting is stopped."""

    plans: Mapping[Operation, Plan]
    counted: Mapping[Operation, Counts]
    stopped: acting.Stop | None

    def of(self, operation: Operation) -> Counts:
        return self.counted.get(operation, Counts())

    def number(self, state: ActionState) -> int:
        """How many actions of all operations are in a state."""
        return sum(int(getattr(one, state.value)) for one in self.counted.values())


def standing(screen: Screen) -> Standing | None:
    """How acting stands now; None where the ledger cannot be read, and of an older snapshot."""
    if screen.looked.past:
        return None
    home = screen.settings.home
    here = screen.now.astimezone(screen.text.zone)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    try:
        ledger = Ledger(home.ledger)
        return Standing(ledger.newest_plans(), ledger.counts(since=midnight), acting.stopped(home))
    except sqlite3.Error:
        return None


def listed(screen: Screen, asked: Asked, limit: int, offset: int = 0) -> tuple[list[Row], int]:
    """Actions that are asked for, what happened last first, and how many there are: of the ledger; of an older
    snapshot, and where the ledger cannot be read, as the snapshot has them. Raises what reading.ask raises."""
    if not screen.looked.past:
        try:
            found, total = Ledger(screen.settings.home.ledger).listed(
                operation=asked.operation,
                state=asked.state,
                by=asked.by,
                plan_id=asked.plan,
                sought=asked.sought,
                limit=limit,
                offset=offset,
            )
            return [row_of(one) for one in found], total
        except sqlite3.Error:
            pass
    return kept.listed(screen.snapshot, asked, limit, offset)


def one(screen: Screen, action_id: str) -> Row | None:
    """An action; None where there is none of that id. Raises what reading.ask raises."""
    found, _ = listed(screen, Asked(sought=action_id), 1)
    return found[0] if found and found[0]["action_id"] == action_id else None


def row_of(entry: ActionEntry) -> Row:
    """An action of the ledger as ops.actions has it, but for what is said in English there."""
    return {
        "action_id": entry.action_id,
        "operation": entry.operation.value,
        "plan_id": entry.plan_id,
        "collection": entry.collection,
        "row_id": entry.row_id,
        "state": entry.state.value,
        "by": entry.by,
        "reason": without_contact(entry.reason),
        "planned_at": entry.planned_at,
        "settled_at": entry.settled_at,
        "duration": entry.duration_s,
        "before": entry.before,
        "after": entry.after,
        "rule": entry.rule,
        "why": entry.why,
        "outcome": entry.undo_said or entry.said,
        "answer": entry.answer or None,
        "undone_by": entry.undone_by,
        "undone_at": entry.undone_at,
    }


# How it is said --------------------------------------------------------------------------------------


def of_row(row: Row) -> Child:
    """The link to the record that an action is about; its id alone where no page opens it."""
    collection = BY_NAME.get(row["collection"])
    derived = None if collection is None else collection.core
    kind = _OPENS.get(derived.table) if derived is not None else None
    return parts.verbatim(row["row_id"]) if kind is None else links.to_record(kind, row["row_id"])


def changed(screen: Screen, row: Row) -> list[tuple[str, str, str]]:
    """What an action changes: (attribute, before, after), as people read it."""
    before, after = row["before"], row["after"]
    return [
        (name, value_of(screen, name, before.get(name)), value_of(screen, name, value))
        for name, value in after.items()
    ]


def beside(screen: Screen, row: Row) -> list[tuple[str, str]]:
    """What the plan rests on and leaves as it is: (attribute, value)."""
    return [
        (name, value_of(screen, name, value))
        for name, value in row["before"].items()
        if name not in row["after"]
    ]


def in_short(screen: Screen, row: Row) -> str:
    """The same in a line: ``status: pending → expired``."""
    return "; ".join(f"{name}: {before} → {after}" for name, before, after in changed(screen, row))


def value_of(screen: Screen, name: str, value: object) -> str:
    """A value of a row: an amount in rupiah, an instant by the clock of the marketplace, anything else as it is."""
    say = screen.text
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return say("col.yes") if value else say("col.no")
    if isinstance(value, int) and name.endswith("_ppm"):
        return rate(value)
    if isinstance(value, int | float):
        return rupiah(int(value)) if _is_money(name) and value == int(value) else count(value)
    if isinstance(value, str | datetime) and (at := instant(value)) is not None and len(str(value)) > _A_DAY:
        return say.time(at, screen.now)
    return str(value)


_A_DAY: Final = len("2026-11-22")
_MONEY: Final = ("amount", "idr", "fee", "cost", "price", "due", "total")


def _is_money(name: str) -> bool:
    return any(word in name.lower() for word in _MONEY)


def said(screen: Screen, row: Row, name: str) -> str:
    """``why`` or ``outcome`` of an action in words; of another version, whose words are not here, as they were written,
    else their code. '' where nothing was said."""
    message = row[name]
    if message is None:
        return ""
    return screen.text.message(message, row.get(f"{name}_written") or message.code)


def mode_mark(screen: Screen, operation: Operation) -> Markup:
    """How far an operation is let, as a mark: only one that is enforced writes."""
    mode = screen.settings.mode_of(operation)
    said = screen.text(f"mode.{mode.value}")
    return parts.badge("good", said) if mode is Mode.ENFORCE else parts.tag(said)


def how_to_enforce(say: Wording, operation: Operation) -> Child:
    """How an operation is let act, for who sets this bookwatch up."""
    setting = f'BOOKWATCH_OPERATIONS={{"{operation.value}": "{Mode.ENFORCE.value}"}}'
    return element("p", say("actions.to_enforce"), " ", parts.verbatim(setting), cls="bw-below")


# Orders ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asking:
    """One order that can be given: ``key`` tells its form from others on the page."""

    kind: OrderKind
    key: str
    label: str
    icon: str
    arguments: Mapping[str, str]
    with_reason: bool = True


def order(screen: Screen, asking: Asking) -> None:
    """A form that gives an order, for who may."""
    say, kind = screen.text, asking.kind
    if not screen.may(NEEDS[kind]):
        st.caption(say(f"actions.may_not_{kind}"))
        return
    with st.form(f"order_{kind}_{asking.key}", border=False):
        by = name_field(screen, asking.key) if asking.with_reason else ""
        typed = (
            st.text_input(
                say("acts.reason"),
                max_chars=acts.LONGEST_TEXT,
                placeholder=say("actions.reason_hint"),
                key=f"order_reason_of_{kind}_{asking.key}",
            )
            if asking.with_reason
            else ""
        )
        pressed = st.form_submit_button(
            asking.label,
            type="primary" if asking.with_reason else "secondary",
            icon=asking.icon,
            key=f"act_order_{kind}_{asking.key}",
        )
    if not pressed:
        return
    given = dict(asking.arguments)
    if asking.with_reason:
        reason = acts.reason_of(screen, typed)
        if reason is None:
            return
        given["reason"] = reason
        if not named(screen, by, given):
            return
    enter(screen, kind, given)


def name_field(screen: Screen, key: str) -> str | None:
    """Who is at this machine, asked where nobody signs in: each action has a name."""
    if screen.viewer.known:
        return None
    say = screen.text
    return st.text_input(
        say("actions.who"),
        max_chars=acts.NAME_LENGTH,
        placeholder=say("report.by_hint"),
        key=f"order_by_{key}",
    )


def named(screen: Screen, typed: str | None, given: dict[str, str]) -> bool:
    """Put the typed name into an order, where one is asked for; whether there is one, else it is wanted."""
    if screen.viewer.known:
        return True
    given["by"] = " ".join((typed or "").split())
    if not given["by"]:
        show(parts.banner("warn", screen.text("actions.who_wanted")))
    return bool(given["by"])


def enter(screen: Screen, kind: OrderKind, given: Mapping[str, str]) -> None:
    """Enter an order under the viewer's name, and draw the page anew."""
    viewer = screen.viewer
    acts.enter(
        screen,
        lambda: Ledger(screen.settings.home.ledger).enter_order(
            kind, given, by=viewer.name, role=viewer.role.value, known=viewer.known, at=acts.now(screen)
        ),
    )


# The switch ------------------------------------------------------------------------------------------


def switch(screen: Screen, stopped: acting.Stop | None) -> None:
    """Whether all acting is stopped, by whom and why; and the way to stop it or let it go on, for who may."""
    say = screen.text
    if stopped is None:
        if screen.may(Right.OPERATE):
            with st.expander(say("actions.stop"), icon=":material/front_hand:"):
                st.caption(say("actions.stop_note"))
                _turn(screen, "stop", Right.OPERATE)
        return
    when = NOTHING if stopped.at is None else say.time(stopped.at, screen.now)
    who = stopped.by or say("actions.stopped_by_hand")
    why = without_contact(stopped.reason)
    said = say("actions.stopped_by", by=who, time=when) if stopped.at is not None else who
    show(parts.banner("bad", say("actions.stopped"), said, why, say("actions.stopped_text")))
    if screen.may(Right.UNDO):
        with st.container(border=True, key="act_resume_form"):
            _turn(screen, "resume", Right.UNDO)
    else:
        st.caption(say("actions.may_not_resume"))


def _turn(screen: Screen, act: str, needs: Right) -> None:
    say, home = screen.text, screen.settings.home
    with st.form(f"{act}_acting", border=False):
        typed_name = name_field(screen, act)
        typed = st.text_input(
            say("acts.reason"),
            max_chars=acts.LONGEST_TEXT,
            placeholder=say("actions.reason_hint"),
            key=f"{act}_reason",
        )
        pressed = st.form_submit_button(
            say(f"actions.{act}"),
            type="primary",
            icon=":material/front_hand:" if act == "stop" else ":material/play_arrow:",
            key=f"act_{act}_acting",
        )
    if not pressed or not screen.may(needs):
        return
    reason = acts.reason_of(screen, typed)
    given: dict[str, str] = {}
    if reason is None or not named(screen, typed_name, given):
        return
    by, at = given.get("by") or screen.viewer.name, acts.now(screen)
    turn = acting.stop if act == "stop" else acting.resume
    acts.enter(screen, lambda: turn(home, by=by, reason=reason, at=at))


# On other pages ---------------------------------------------------------------------------------------


def of_record(screen: Screen, row_id: str) -> None:
    """What was planned for a record and done to it; nothing where nothing was."""
    say = screen.text
    try:
        rows, _ = listed(screen, Asked(sought=row_id), _ON_A_RECORD)
    except reading.NotInSnapshot:
        return
    if not rows:
        return
    show(
        parts.section(say("actions.of_record")),
        parts.table(
            [(say("actions.when"), False), (say("actions.operation"), False), (say("actions.change"), False)],
            [
                (
                    say.time(row["undone_at"] or row["settled_at"] or row["planned_at"], screen.now),
                    parts.word(
                        TONES.get(row["state"], "none"),
                        links.to_record(
                            "action", row["action_id"], say.word("acting_operation", row["operation"])
                        ),
                        _by(screen, row),
                    ),
                    parts.below(in_short(screen, row), row["reason"] or ""),
                )
                for row in rows
            ],
        ),
    )


def _by(screen: Screen, row: Row) -> str:
    return " · ".join(filter(None, (screen.text.word("action_state", row["state"]), row["by"])))


_ON_A_RECORD: Final = 10
