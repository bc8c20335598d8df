"""What is owed: the answer in four figures, who owes it since when, deadlines as they run out, the open records, and
restrictions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import polars as pl
import streamlit as st
from markupsafe import Markup

from dashboards.kit import links, parts
from dashboards.kit.address import Choice, chosen, widget
from dashboards.kit.filtered import filtered
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.views import switch
from dashboards.queries import receivables, reconciliation
from dashboards.sections import shared
from dashboards.sections.waived import entered
from dashboards.wording import NOTHING, count, instant, rupiah

COUNTDOWN_SECONDS = 15
COUNTED_DOWN = 6
SOON_SECONDS = 3600
RESTRICTIONS_SHOWN = 12

VIEWS: Final = ("who", "records", "missing", "restrictions", "ledger", "reconciled")
VIEW: Final = Choice("view", VIEWS, VIEWS[0])
SEARCH: Final = Choice("q")
CITY: Final = Choice("city")
STATE: Final = Choice("state", tuple(receivables.ACCOUNTS))
SORT: Final = Choice("sort", tuple(receivables.ORDERS), "owed")
SHOWN: Final = Choice("show", tuple(receivables.RECORDS), "all")


def answer(screen: Screen) -> None:
    """What is owed, what is overdue, what waits to be checked and what is missing: how much, how many, since when; each
    leads to its list."""
    totals = receivables.open_totals(screen.snapshot)
    if shared.unjudged(screen) and not totals["records"]:
        show(shared.nothing_found(screen, "", ""))
        return
    show(
        parts.grid(
            "four", _owed(screen, totals), _overdue(screen, totals), _awaiting(screen), _missing(screen)
        )
    )


def _owed(screen: Screen, totals: dict[str, Any]) -> Markup:
    say = screen.text
    facts: list[tuple[str, Child]] = [
        (say("receivables.records"), count(totals["records"])),
        (say("commissions.providers"), count(totals["providers"])),
        (say("commissions.of_it_fees"), rupiah(totals["fees_idr"])),
        (say("commissions.oldest_service"), _ago(screen, totals["oldest_service_at"])),
    ]
    if totals["unknown_amounts"]:
        facts.append((say("receivables.unknown_amounts"), count(totals["unknown_amounts"])))
    link = filtered(say("receivables.all"), view="records", show=None)
    return parts.tally("none", _amount(screen, totals["with_fees_idr"]), say("commissions.owed"), link, facts)


def _amount(screen: Screen, amount: int) -> str:
    """A sum of all open records, as every page has it: where commissions could not be judged there is none."""
    return NOTHING if shared.unjudged(screen) else rupiah(amount)


def _overdue(screen: Screen, totals: dict[str, Any]) -> Markup:
    say = screen.text
    late = totals["overdue_records"]
    untold = totals["unknown_records"] or shared.unjudged(screen)
    kind = "bad" if late else "none" if untold else "good"
    facts: list[tuple[str, Child]] = [
        (say("receivables.records"), count(late)),
        (say("commissions.providers"), count(totals["overdue_providers"])),
        (say("commissions.of_it_fees"), rupiah(totals["overdue_fees_idr"])),
        (say("commissions.longest"), _ago(screen, totals["overdue_since"])),
    ]
    if totals["unknown_records"]:
        to_them = filtered(count(totals["unknown_records"]), view="records", show="unknown")
        facts.append((say("commissions.untold"), to_them))
    link = filtered(say("commissions.to_overdue"), view="records", show="overdue")
    amount = _amount(screen, totals["overdue_with_fees_idr"])
    return parts.tally(kind, amount, say("commissions.overdue"), link, facts)


def _awaiting(screen: Screen) -> Markup:
    say = screen.text
    totals = receivables.awaiting_totals(screen.snapshot)
    facts: list[tuple[str, Child]] = [
        (say("receivables.records"), count(totals["records"])),
        (say("commissions.proof_in_time_past"), count(totals["past_records"])),
        (say("commissions.proof_late"), count(totals["overdue_records"])),
        (say("commissions.oldest_proof"), _ago(screen, totals["since"])),
    ]
    if totals["unknown_amounts"]:
        facts.append((say("receivables.unknown_amounts"), count(totals["unknown_amounts"])))
    link = filtered(say("commissions.to_awaiting"), view="records", show="awaiting")
    kind = "warn" if totals["records"] else "none" if shared.unjudged(screen) else "good"
    amount = _amount(screen, totals["with_fees_idr"])
    return parts.tally(kind, amount, say("commissions.awaiting"), link, facts)


def _missing(screen: Screen) -> Markup:
    say = screen.text
    totals = receivables.missing_totals(screen.snapshot)
    summary = reconciliation.commission_summary(screen.snapshot) or {}
    facts: list[tuple[str, Child]] = [
        (say("metric.bookings"), count(totals["bookings"])),
        (say("commissions.in_grace"), count(summary.get("awaiting"))),
        (say("commissions.not_judged"), count(summary.get("unknown"))),
        (say("commissions.oldest_booking"), _ago(screen, totals["since"])),
    ]
    if totals["unknown_amounts"]:
        facts.append((say("receivables.unknown_amounts"), count(totals["unknown_amounts"])))
    codes = reconciliation.findings_by_code(screen.snapshot, entered(screen))
    waived = int(codes.filter(pl.col("finding") == "missing")["waived"].sum() or 0)
    if waived:
        link = links.to_page("findings", count(waived), code="missing", waived="waived")
        facts.append((say("commissions.waived_of_them"), link))
    unknown = shared.unjudged(screen)
    kind = "bad" if totals["bookings"] else "none" if unknown or summary.get("unknown") else "good"
    amount = NOTHING if unknown and not totals["bookings"] else rupiah(totals["expected_idr"])
    link = filtered(say("commissions.to_missing"), view="missing")
    return parts.tally(kind, amount, say("commissions.missing"), link, facts)


def _ago(screen: Screen, value: object) -> Child:
    return parts.unbroken(screen.text.ago(value, shared.as_of(screen)))


def choose_view(screen: Screen) -> None:
    """Which list is looked at."""
    switch(screen, VIEW, "commissions.view")


def who(screen: Screen) -> None:
    """Who owes what now and since when; a row leads to the account."""
    say, path = screen.text, screen.snapshot
    if not receivables.open_totals(path)["records"]:
        show(shared.nothing_found(screen, say("receivables.none"), say("receivables.none_text")))
        return
    search, city, state, sort = st.columns([1.6, 1, 1, 1], vertical_alignment="bottom")
    search.text_input(say("commissions.search"), placeholder=say("commissions.search_who"), **widget(SEARCH))
    known = receivables.cities(path)
    asked = chosen(CITY)
    city.selectbox(
        say("col.city"),
        known if not asked or asked in known else [*known, asked],
        index=None,
        placeholder=say("commissions.any"),
        **widget(CITY),
    )
    state.selectbox(
        say("commissions.state"),
        STATE.allowed,
        index=None,
        placeholder=say("commissions.any"),
        format_func=lambda name: say(f"commissions.state_{name}"),
        **widget(STATE),
    )
    sort.selectbox(
        say("commissions.sort"),
        SORT.allowed,
        format_func=lambda name: say(f"commissions.sort_{name}"),
        **widget(SORT),
    )
    rows = receivables.balances(chosen(SEARCH), asked, chosen(STATE), chosen(SORT))
    if rows.first(path, 1).is_empty():
        show(parts.note("none", say("commissions.no_match")))
        return
    grid(screen, rows, say("receivables.who"), opens=("account", "provider_id"))


def deadlines(screen: Screen) -> None:
    """The nearest deadlines counting down, and the longest overdue."""
    path = screen.snapshot
    if receivables.open_totals(path)["records"]:
        countdown(
            screen,
            receivables.DUE_NEXT.first(path, COUNTED_DOWN).to_dicts(),
            receivables.OVERDUE.first(path, COUNTED_DOWN).to_dicts(),
        )


@st.fragment(run_every=COUNTDOWN_SECONDS)
def countdown(screen: Screen, due: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
    """The time left and the time over, by the clock: drawn anew by itself, without the rest of the page. Of
    an older snapshot by the instant that it shows."""
    say, now = screen.text, screen.now if screen.looked.past else screen.settings.clock.now()
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
        parts.below(
            filtered(
                row["provider_name"] or row["provider_id"], provider=row["provider_id"], commission=None
            ),
            links.to_record("commission", row["commission_id"]),
        ),
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


def records(screen: Screen) -> None:
    """The open records, by what is to be done about them; a row leads to the record."""
    say, path = screen.text, screen.snapshot
    totals = receivables.open_totals(path)
    if not totals["records"]:
        show(shared.nothing_found(screen, say("receivables.none"), say("receivables.none_text")))
        return
    which, search = st.columns([1, 1.6], vertical_alignment="bottom")
    which.selectbox(
        say("commissions.show"),
        SHOWN.allowed,
        format_func=lambda name: say(f"commissions.show_{name}"),
        **widget(SHOWN),
    )
    search.text_input(
        say("commissions.search"), placeholder=say("commissions.search_record"), **widget(SEARCH)
    )
    told = [
        say(f"receivables.{name}", n=count(totals[name]))
        for name in ("unknown_records", "not_due_records")
        if totals[name]
    ]
    st.caption(" ".join([say("receivables.note"), *told]))
    rows = receivables.records(chosen(SHOWN), chosen(SEARCH))
    if rows.first(path, 1).is_empty():
        show(parts.note("none", say("commissions.no_match")))
    else:
        grid(screen, rows, say("receivables.all"), opens=("commission", "commission_id"))
    _ages(screen)


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
    with st.expander(say("commissions.all_restrictions", n=count(sum(numbers.values())))):
        grid(screen, receivables.RESTRICTIONS, say("restriction.title"), opens=("account", "provider_id"))


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
    name = filtered(row["provider_name"] or row["provider_id"], provider=row["provider_id"])
    return (
        parts.below(name, row["provider_id"]),
        due,
        said(row["actual"]),
        joined(parts.money(row["overdue_idr"]), overdue),
        parts.badge(VERDICTS.get(verdict, "none"), say.word("restriction", verdict)),
    )
