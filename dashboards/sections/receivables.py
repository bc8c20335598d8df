"""What is owed: the state of the open records, deadlines as they run out, ages, who owes it, and restrictions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dashboards.kit import parts
from dashboards.kit.grid import below, grid
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import receivables
from dashboards.sections import shared
from dashboards.wording import count, instant, rupiah

COUNTDOWN_SECONDS = 15
COUNTED_DOWN = 8
SOON_SECONDS = 3600
RESTRICTIONS_SHOWN = 25


def deadlines(screen: Screen) -> None:
    """Totals, the nearest deadlines counting down, the longest overdue, and every open record."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("receivables.title"), say("receivables.note"), anchor="owed"))
    totals = receivables.open_totals(path)
    if not totals["records"]:
        show(shared.nothing_found(screen, say("receivables.none"), say("receivables.none_text")))
        return
    facts = [
        (say("receivables.records"), count(totals["records"])),
        (say("receivables.owed"), rupiah(totals["owed_idr"])),
        (say("receivables.overdue"), f"{count(totals['overdue_records'])} · {rupiah(totals['overdue_idr'])}"),
        (say("receivables.fees"), f"{count(totals['fee_records'])} · {rupiah(totals['fees_idr'])}"),
    ]
    below = [
        say(f"receivables.{name}", n=count(totals[name]))
        for name in ("unknown_records", "not_due_records")
        if totals[name]
    ]
    show(parts.terms_card(facts, " ".join(below)))
    countdown(
        screen,
        receivables.DUE_NEXT.first(path, COUNTED_DOWN).to_dicts(),
        receivables.OVERDUE.first(path, COUNTED_DOWN).to_dicts(),
    )
    _ages(screen)
    with st.expander(say("receivables.all")):
        grid(screen, receivables.OPEN, say("receivables.all"))


@st.fragment(run_every=COUNTDOWN_SECONDS)
def countdown(screen: Screen, due: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
    """The time left and the time over, by the clock: drawn anew by itself, without the rest of the page."""
    say, now = screen.text, screen.settings.clock.now()
    shown = [
        parts.table(
            [(say(title), False), (say("receivables.owed"), True), (say(left), True)],
            [_running(row, now, screen) for row in rows],
        )
        if rows
        else parts.note("good" if title == "receivables.longest" else "none", say(nothing))
        for title, left, rows, nothing in (
            ("receivables.next", "receivables.left", due, "receivables.next_none"),
            ("receivables.longest", "receivables.over", late, "receivables.longest_none"),
        )
    ]
    show(parts.grid("pair", *shown))


def _running(row: dict[str, Any], now: datetime, screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    moment = instant(row["deadline_at"])
    kind, left = time_left(moment, now, screen)
    when = say.time(row["deadline_at"], now)
    fee = parts.small(say("receivables.with_fee", fee=rupiah(row["fee_idr"]))) if row["fee_idr"] else ""
    return (
        parts.below(row["provider_name"] or row["provider_id"], row["commission_id"]),
        joined(parts.money(row["owed_idr"]), fee),
        parts.word(kind, left, when),
    )


def time_left(deadline: datetime | None, now: datetime, screen: Screen) -> tuple[str, str]:
    """How it looks and what is said: 2 h left, overdue since 5 min, or that the deadline is not known."""
    say = screen.text
    if deadline is None:
        return "none", say("receivables.no_deadline")
    seconds = (deadline - now).total_seconds()
    if seconds < 0:
        return "bad", say("receivables.overdue_since", span=say.span(-seconds))
    return ("warn" if seconds < SOON_SECONDS else "good"), say(
        "receivables.time_left", span=say.span(seconds)
    )


def _ages(screen: Screen) -> None:
    say = screen.text
    frame = receivables.open_by_age(screen.snapshot)
    largest = max(frame["owed_idr"].drop_nulls().to_list(), default=0)
    show(
        parts.table(
            [
                (say("receivables.age"), False),
                ("", False),
                (say("receivables.records"), True),
                (say("receivables.owed"), True),
                (say("receivables.fees"), True),
            ],
            [
                (
                    say.stretch("age", row["age"]),
                    parts.meter(row["owed_idr"] / largest if largest else 0, 0),
                    count(row["records"]),
                    parts.money(row["owed_idr"]),
                    parts.money(row["fees_idr"]),
                )
                for row in frame.iter_rows(named=True)
            ],
        )
    )


def balances(screen: Screen) -> None:
    """Who owes what now, provider by provider."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("receivables.who"), say("receivables.who_note"), anchor="who"))
    if receivables.BALANCES.first(path, 1).is_empty():
        show(shared.nothing_found(screen, say("receivables.none"), say("receivables.none_text")))
        return
    grid(screen, receivables.BALANCES, say("receivables.who"))


VERDICTS: dict[str, str] = {
    "agrees": "good",
    "not_restricted": "bad",
    "restricted_wrongly": "warn",
    "unknown": "none",
}


def restrictions(screen: Screen) -> None:
    """What restriction should be in force and what is, the differing ones first and marked."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("restriction.title"), say("restriction.note"), anchor="restrictions"))
    frame = receivables.RESTRICTIONS.first(path, RESTRICTIONS_SHOWN)
    if frame.is_empty():
        show(shared.nothing_found(screen, say("restriction.none"), say("restriction.none_text")))
        return
    numbers = receivables.restriction_verdicts(path)
    show(
        parts.counted(
            [
                (kind, count(numbers.get(verdict, 0)), say(f"restriction.{verdict}"))
                for verdict, kind in VERDICTS.items()
            ]
        )
    )
    show(
        parts.table(
            [
                (say("col.provider_name"), False),
                (say("restriction.due"), False),
                (say("restriction.actual"), False),
                (say("receivables.overdue"), True),
                ("", False),
            ],
            [_restriction(row, screen) for row in frame.iter_rows(named=True)],
        )
    )
    below(screen, receivables.RESTRICTIONS, RESTRICTIONS_SHOWN)


def _restriction(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    verdict = str(row["verdict"])
    apart = verdict in ("not_restricted", "restricted_wrongly")

    def said(value: bool | None) -> Child:
        word = say("restriction.not_known") if value is None else say("col.yes" if value else "col.no")
        return parts.differs(word) if apart else word

    due, since = said(row["due"]), row["restriction_due_at"]
    if row["due"] and since is not None:
        due = joined(due, parts.small(say("restriction.since", time=say.time(since, screen.now))))
    overdue = parts.small(say("receivables.n_records", n=count(row["overdue_records"])))
    return (
        parts.below(row["provider_name"] or row["provider_id"], row["provider_id"]),
        due,
        said(row["actual"]),
        joined(parts.money(row["overdue_idr"]), overdue),
        parts.badge(VERDICTS.get(verdict, "none"), say.word("restriction", verdict)),
    )
