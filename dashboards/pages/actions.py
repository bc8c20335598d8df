"""Actions: what bookwatch plans to do to the marketplace and did, how far each operation is let, and one action in full
(?action=). What is so now stands in the ledger, to which a run writes while it acts; the snapshot may be older."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import polars as pl
import streamlit as st
from markupsafe import Markup

from dashboards import acting, acts
from dashboards.kit import glance, glossary, links, parts, record
from dashboards.kit.address import Choice, chosen, of_id, page_number, widget
from dashboards.kit.filtered import filtered
from dashboards.kit.glance import Tile
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, joined
from dashboards.kit.page import Page
from dashboards.kit.pager import page_of, pager
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, Section
from dashboards.kit.views import switch
from dashboards.queries.acting import PAGE_ROWS, Asked, Row
from dashboards.queries.query import Column
from dashboards.sections import safety
from dashboards.wording import NOTHING, count
from marketplace.operations import BY_ORDER, PLAN_HOLDS_FOR, ActionState, Mode, Operation
from marketplace.personal import without_contact
from resources.ledger.actions import Plan

ACTION: Final = of_id("action")
VIEW: Final = Choice("view", ("actions", "letters", "backups"), "actions")
OPERATION: Final = Choice("operation", tuple(one.value for one in Operation))
STATE: Final = Choice("state", tuple(one.value for one in ActionState))
PLAN: Final = of_id("plan")
BY: Final = Choice("by")
SEARCH: Final = Choice("search")
PAGE_NUMBER: Final = page_number()

#: Those that plan by themselves, in the order in which they are looked at.
BY_THEMSELVES: Final = tuple(one for one in Operation if one not in BY_ORDER)
COLUMNS: Final = (
    Column("at", "actions.at"),
    Column("operation", "actions.operation", words="acting_operation"),
    Column("row_id", "actions.row"),
    Column("change", "actions.change"),
    Column("state", "col.state", words="action_state"),
    Column("by", "actions.by"),
    Column("reason", "acts.reason"),
)
#: As they go into a file: the columns of ops.actions that are plain values.
_FILED: Final = (
    "action_id", "operation", "plan_id", "collection", "row_id", "state", "by", "reason", "planned_at", "settled_at",
    "duration", "change", "rule", "why", "outcome", "answer", "undone_by", "undone_at",
)  # fmt: skip


# One action ------------------------------------------------------------------------------------------


def opened(screen: Screen) -> None:
    """The action that the address names: what changes, why, what became of it, and the way back."""
    action_id = chosen(ACTION)
    if not action_id:
        return
    say = screen.text
    show(links.back(say("actions.back"), ACTION.name))
    row = acting.one(screen, action_id)
    if row is None:
        show(parts.note("none", say("actions.gone", action=action_id), say("actions.gone_text")))
        return
    show(_head(screen, row), parts.gap(), _change(screen, row))
    show(parts.section(say("actions.why")), _why(screen, row))
    if screen.looked.past:
        return
    if row["state"] == ActionState.DONE:
        show(parts.section(say("actions.take_back"), say("actions.take_back_note")))
        acting.order(
            screen,
            acting.Asking(
                "undo",
                action_id,
                say("actions.undo"),
                ":material/undo:",
                {"action": action_id, "operation": row["operation"], "row": row["row_id"]},
            ),
        )
        acts.progress(screen, "undo", action=action_id)
    elif row["state"] == ActionState.PLANNED:
        plan = say("actions.to_plan")
        show(parts.paragraph(links.to_page("actions", plan, operation=row["operation"]), "bw-below"))


def _head(screen: Screen, row: Row) -> Markup:
    say = screen.text
    tone = acting.TONES.get(row["state"], "none")
    facts: list[tuple[str, Child]] = [
        (say("actions.row"), parts.below(acting.of_row(row), row["collection"])),
        (say("actions.by"), row["by"] or NOTHING),
        (say("actions.planned_at"), say.time(row["planned_at"], screen.now)),
        (say("actions.settled_at"), say.time(row["settled_at"], screen.now)),
        (say("actions.duration"), say.seconds(row["duration"])),
        (say("actions.plan"), links.to_page("actions", row["plan_id"], plan=row["plan_id"])),
    ]
    if row["undone_by"]:
        undone = parts.below(row["undone_by"], say.time(row["undone_at"], screen.now))
        facts.append((say("actions.undone"), undone))
    name = say.word("acting_operation", row["operation"])
    state = parts.badge(tone, say.word("action_state", row["state"]))
    return record.head(tone, name, row["action_id"], [state], facts)


def _change(screen: Screen, row: Row) -> Markup:
    say = screen.text
    return parts.table(
        [(say("actions.attribute"), False), (say("actions.before"), False), (say("actions.after"), False)],
        [
            *((parts.verbatim(name), before, after) for name, before, after in acting.changed(screen, row)),
            *(
                (parts.verbatim(name), value, parts.soft(say("actions.unchanged")))
                for name, value in acting.beside(screen, row)
            ),
        ],
    )


def _why(screen: Screen, row: Row) -> Markup:
    say = screen.text
    lines: list[tuple[Child, Child]] = [
        (say("actions.found"), acting.said(screen, row, "why")),
        (say("actions.rule"), row["rule"]),
        (say("acts.reason"), row["reason"] or NOTHING),
    ]
    if row["outcome"] is not None:
        lines.append((say("actions.outcome"), acting.said(screen, row, "outcome")))
    if row["answer"]:
        lines.append((say("actions.answer"), parts.verbatim(row["answer"])))
    return parts.table([(say("booking.what"), False), ("", False)], lines)


# How acting stands -------------------------------------------------------------------------------------


def answer(screen: Screen) -> None:
    """How many actions wait, were done, skipped and failed today; whether acting is stopped."""
    if chosen(ACTION) or screen.looked.past:
        return
    known = acting.standing(screen)
    if known is None:
        acts.unread(screen)
        return
    if known.stopped is not None:
        acting.switch(screen, known.stopped)
    show(glance.tiles(_tile(screen, known, state) for state in _ANSWERED))


_ANSWERED: Final = (ActionState.PLANNED, ActionState.DONE, ActionState.SKIPPED, ActionState.FAILED)


def _tile(screen: Screen, known: acting.Standing, state: ActionState) -> Tile:
    say, number = screen.text, known.number(state)
    tone = acting.TONES[state] if number else ("good" if state is ActionState.FAILED else "")
    if state is ActionState.PLANNED and not any(
        known.of(one).planned for one in Operation if screen.settings.mode_of(one) is Mode.ENFORCE
    ):
        tone = ""  # what is only observed waits for nobody
    label = say(f"actions.n_{state.value}")
    link = None if chosen(STATE) == state else filtered(label, state=state.value, page=None)
    return Tile(tone, count(number), label, link, say(f"actions.n_{state.value}_is"))


def operations(screen: Screen) -> None:
    """Each operation: how far it is let, its newest plan, and what it did today."""
    if chosen(ACTION) or screen.looked.past:
        return
    say, known = screen.text, acting.standing(screen)
    if known is None:
        return
    show(
        parts.section(say("actions.operations"), say("actions.operations_note")),
        parts.table(
            [
                (say("actions.operation"), False),
                (say("actions.mode"), False),
                (say("actions.newest_plan"), True),
                (say("actions.waiting"), True),
                (say("actions.done"), True),
                (say("actions.failed"), True),
            ],
            [_operation(screen, known, one) for one in BY_THEMSELVES],
        ),
    )
    show(_ordered_ones(screen))
    if known.stopped is None:
        acting.switch(screen, None)


def _operation(screen: Screen, known: acting.Standing, operation: Operation) -> tuple[Child, ...]:
    say, of, plan = screen.text, known.of(operation), known.plans.get(operation)
    name = say.word("acting_operation", operation.value)
    left = say("actions.left_out", n=count(plan.left_out)) if plan is not None and plan.left_out else ""
    return (
        parts.below(_with(name, operation), say(f"acting_operation_is.{operation.value}")),
        acting.mode_mark(screen, operation),
        NOTHING
        if plan is None
        else parts.below(
            say.ago(plan.planned_at, screen.now), say("actions.rows_of", n=count(plan.proposed))
        ),
        parts.below(_number(of.planned, operation, ActionState.PLANNED), left),
        _number(of.done, operation, ActionState.DONE),
        parts.differs(_number(of.failed, operation, ActionState.FAILED)) if of.failed else count(0),
    )


def _with(label: Child, operation: Operation, state: ActionState | None = None) -> Markup:
    along = {} if state is None else {"state": state.value}
    return links.to_page("actions", label, operation=operation.value, **along)


def _number(number: int, operation: Operation, state: ActionState) -> Child:
    """How many, as a way to them; none are nowhere."""
    return _with(count(number), operation, state) if number else count(number)


def _ordered_ones(screen: Screen) -> Markup:
    """What is ordered of one row, on its own page, and how far each is let."""
    say = screen.text
    said = [
        joined(
            _with(say.word("acting_operation", one.value), one),
            " (",
            say(f"mode.{screen.settings.mode_of(one).value}"),
            ")",
        )
        for one in Operation
        if one in BY_ORDER
    ]
    return parts.paragraph(joined(say("actions.by_order"), " ", joined(*said, by=" · ")), "bw-below")


def operation(screen: Screen) -> None:
    """The operation that is chosen: its newest plan, and what can be ordered of it."""
    name = chosen(OPERATION)
    if chosen(ACTION) or screen.looked.past or not name:
        return
    known = acting.standing(screen)
    if known is None:
        return
    one, say = Operation(name), screen.text
    plan, mode, of = known.plans.get(one), screen.settings.mode_of(one), known.of(one)
    with st.container(border=True, key="one_operation"):
        show(_planned(screen, one, plan))
        if one in BY_ORDER:
            st.caption(say("actions.ordered_there"))
        elif mode is Mode.OFF:
            st.caption(say("actions.is_off"))
        else:
            acting.order(
                screen,
                acting.Asking(
                    "plan", name, say("actions.plan_anew"), ":material/sync:", {"operation": name}, False
                ),
            )
        if mode is not Mode.ENFORCE:
            show(acting.how_to_enforce(say, one))
        elif plan is not None and of.planned and known.stopped is None and one not in BY_ORDER:
            _apply(screen, one, plan, of.planned)
        acts.progress(screen, "plan", "apply", "undo", "act", operation=name)


def _planned(screen: Screen, one: Operation, plan: Plan | None) -> Markup:
    say = screen.text
    facts: list[tuple[str, Child]] = []
    if plan is not None:
        facts = [
            (say("actions.planned_at"), say.time(plan.planned_at, screen.now)),
            (say("actions.by"), without_contact(plan.by)),
            (say("actions.rows"), count(plan.proposed)),
            (say("actions.most"), count(plan.limit)),
            (say("actions.left"), count(plan.left_out)),
            (say("app.snapshot"), parts.verbatim(plan.snapshot_id)),
        ]
    return record.head(
        "none",
        say.word("acting_operation", one.value),
        one.value,
        [acting.mode_mark(screen, one)],
        [(say("actions.newest_plan"), say("actions.never"))] if plan is None else facts,
    )


def _apply(screen: Screen, one: Operation, plan: Plan, waiting: int) -> None:
    say = screen.text
    if screen.now - plan.planned_at > PLAN_HOLDS_FOR:
        st.caption(say("actions.anew_first", span=say.span(PLAN_HOLDS_FOR / timedelta(seconds=1))))
    acting.order(
        screen,
        acting.Asking(
            "apply",
            one.value,
            say("actions.apply", n=count(waiting)),
            ":material/bolt:",
            {"plan": plan.plan_id, "operation": one.value},
        ),
    )


# The list ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Listed:
    """A page of the actions that are asked for, and all of them for a download."""

    screen: Screen
    asked: Asked
    page: int
    columns: tuple[Column, ...] = COLUMNS
    name: str = "actions"
    held: list[Row] = field(default_factory=list[Row])

    def first(self, path: str, limit: int) -> pl.DataFrame:
        return _frame(self.screen, self.held)

    def all(self, path: str) -> pl.DataFrame:
        rows, _ = acting.listed(self.screen, self.asked, _ALL)
        return _frame(self.screen, rows).select(_FILED)

    def count(self, path: str) -> int:
        return len(self.held)


_ALL: Final = 1_000_000


def _frame(screen: Screen, rows: Sequence[Row]) -> pl.DataFrame:
    """Actions as a table: messages in the language of the page, instants in naive UTC."""

    def made(row: Row, name: str) -> Any:
        return acting.said(screen, row, name) or None if name in ("why", "outcome") else row[name]

    instants = ("planned_at", "settled_at", "undone_at")
    plain = [name for name in _FILED if name not in (*instants, "change", "duration")]
    return pl.DataFrame(
        {
            **{name: pl.Series(name, [made(row, name) for row in rows], pl.String) for name in plain},
            **{
                name: pl.Series(name, [_naive(row[name]) for row in rows], pl.Datetime("us"))
                for name in instants
            },
            "duration": pl.Series("duration", [row["duration"] for row in rows], pl.Float64),
            "change": pl.Series("change", [acting.in_short(screen, row) for row in rows], pl.String),
        }
    ).with_columns(at=pl.coalesce("undone_at", "settled_at", "planned_at"))


def _naive(at: Any) -> Any:
    return None if at is None else at.replace(tzinfo=None)


def listing(screen: Screen) -> None:
    """The actions asked for, what happened last first."""
    if chosen(ACTION):
        return
    say = screen.text
    show(parts.section(say("actions.list"), say("actions.list_note")))
    _filters(screen)
    asked = Asked(chosen(OPERATION), chosen(STATE), chosen(BY), chosen(PLAN), chosen(SEARCH).strip())
    _, total = acting.listed(screen, asked, 1)
    if not total:
        any_asked = any((asked.operation, asked.state, asked.by, asked.plan, asked.sought))
        show(parts.note("none", say("actions.none_fits" if any_asked else "actions.none_yet")))
        return
    number = page_of(PAGE_NUMBER, total, PAGE_ROWS)
    rows, _ = acting.listed(screen, asked, PAGE_ROWS, PAGE_ROWS * (number - 1))
    grid(screen, Listed(screen, asked, number, held=rows), say("actions.list"), opens=("action", "action_id"))
    pager(screen, PAGE_NUMBER, total, PAGE_ROWS)


def _filters(screen: Screen) -> None:
    say = screen.text
    first, second, third, fourth = st.columns([2, 1, 1, 2], vertical_alignment="bottom")
    for place, choice, words in ((first, OPERATION, "acting_operation"), (second, STATE, "action_state")):
        place.selectbox(
            say(f"actions.by_{choice.name}"),
            choice.allowed,
            placeholder=say("actions.any"),
            format_func=lambda code, words=words: say.word(words, code),
            **widget(choice, back_to=PAGE_NUMBER),
        )
    third.text_input(say("actions.by"), placeholder=say("actions.any"), **widget(BY, back_to=PAGE_NUMBER))
    fourth.text_input(
        say("bookings.search"),
        type="search",
        placeholder=say("actions.search_hint"),
        **widget(SEARCH, back_to=PAGE_NUMBER),
    )
    if plan := chosen(PLAN):
        show(
            parts.tag(say("actions.of_plan", plan=plan)),
            record.here(say("actions.all_plans"), plan=None, page=None),
        )


def choose_view(screen: Screen) -> None:
    """What is looked at: the actions, what was given up of notifications, or the backups."""
    if chosen(ACTION):
        return
    switch(screen, VIEW, "actions.view")


_VIEWS: Final[Mapping[str, tuple[Section, ...]]] = {
    "actions": (operations, operation, listing),
    "letters": (safety.letters,),
    "backups": (safety.backups,),
}


def viewed(screen: Screen) -> None:
    if not chosen(ACTION):
        for section in _VIEWS[chosen(VIEW)]:
            screen.draw(section)


PAGE = Page(
    name="actions",
    group="today",
    icon=":material/bolt:",
    role="admin",
    place=4,
    sections=(
        opened,
        answer,
        choose_view,
        viewed,
        glossary.words("operation", "observe", "plan_of_actions", "undo", "snapshot"),
    ),
    choices=(ACTION, VIEW, OPERATION, STATE, PLAN, BY, SEARCH, PAGE_NUMBER),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
