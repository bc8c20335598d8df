"""What is owed: the state of the open records, deadlines as they run out, ages, who owes it, and restrictions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

from dashboards import blocks, commission_queries, parts
from dashboards.screen import ROWS_SHOWN, Screen
from dashboards.wording import count, instant, rupiah
from marketplace.commission import AGE_WORDS, age_column

COUNTDOWN_SECONDS = 15
COUNTED_DOWN = 8
SOON_SECONDS = 3600
RESTRICTIONS_SHOWN = 25


def deadlines(screen: Screen) -> None:
    """Totals, the nearest deadlines counting down, the longest overdue, and every open record."""
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("owed.title"), say("owed.note"), anchor="owed"))
    totals = commission_queries.open_totals(path)
    if not totals["records"]:
        st.html(blocks.wrap(parts.nothing_found(screen, say("owed.none"), say("owed.none_text"))))
        return
    facts = [
        (say("owed.records"), count(totals["records"])),
        (say("owed.owed"), rupiah(totals["owed_idr"])),
        (say("owed.overdue"), f"{count(totals['overdue_records'])} · {rupiah(totals['overdue_idr'])}"),
        (say("owed.fees"), f"{count(totals['fee_records'])} · {rupiah(totals['fees_idr'])}"),
    ]
    below = [
        say(f"owed.{name}", n=count(totals[name]))
        for name in ("unknown_records", "not_due_records")
        if totals[name]
    ]
    st.html(blocks.wrap(blocks.terms_card(facts, " ".join(below))))
    countdown(
        screen,
        commission_queries.due_next(path, COUNTED_DOWN).to_dicts(),
        commission_queries.overdue_longest(path, COUNTED_DOWN).to_dicts(),
    )
    _ages(screen)
    zone = say.zone_name(screen.now)
    with st.expander(say("owed.all")):
        screen.table(
            commission_queries.open_records(path, ROWS_SHOWN).with_columns(
                pl.col("age").map_elements(lambda age: say.phrase("age", age), return_dtype=pl.String)
            ),
            {
                "commission_id": say("col.commission_id"),
                "booking_id": say("col.booking_id"),
                "provider_name": say("col.provider_name"),
                "status": say("col.status"),
                "owed_idr": say("owed.owed"),
                "fee_idr": say("owed.fee"),
                "deadline_at": say("col.deadline", zone=zone),
                "is_overdue": say("owed.overdue"),
                "age": say("owed.age"),
                "restriction_at": say("owed.restriction_from", zone=zone),
            },
            "open_commissions",
            say("owed.all"),
            total=totals["records"],
            complete=lambda: commission_queries.all_open_records(path),
        )


@st.fragment(run_every=COUNTDOWN_SECONDS)
def countdown(screen: Screen, due: list[dict[str, Any]], late: list[dict[str, Any]]) -> None:
    """The time left and the time over, by the clock: drawn anew by itself, without the rest of the page."""
    say, now = screen.say, screen.settings.clock.now()
    shown = [
        blocks.table(
            [(say(title), False), (say("owed.owed"), True), (say(left), True)],
            [_running(row, now, screen) for row in rows],
        )
        if rows
        else blocks.note("good" if title == "owed.longest" else "none", say(nothing))
        for title, left, rows, nothing in (
            ("owed.next", "owed.left", due, "owed.next_none"),
            ("owed.longest", "owed.over", late, "owed.longest_none"),
        )
    ]
    st.html(blocks.wrap(blocks.grid("pair", *shown)))


def _running(row: dict[str, Any], now: datetime, screen: Screen) -> tuple[str, str, str]:
    say = screen.say
    moment = instant(row["deadline_at"])
    kind, left = time_left(moment, now, screen)
    when = say.time(row["deadline_at"], now)
    fee = blocks.small(say("owed.with_fee", fee=rupiah(row["fee_idr"]))) if row["fee_idr"] else ""
    return (
        blocks.below(row["provider_name"] or row["provider_id"], row["commission_id"]),
        blocks.money(row["owed_idr"]) + fee,
        blocks.word(kind, left, when),
    )


def time_left(deadline: datetime | None, now: datetime, screen: Screen) -> tuple[str, str]:
    """How it looks and what is said: 2 h left, overdue since 5 min, or that the deadline is not known."""
    say = screen.say
    if deadline is None:
        return "none", say("owed.no_deadline")
    seconds = (deadline - now).total_seconds()
    if seconds < 0:
        return "bad", say("owed.overdue_since", span=say.span(-seconds))
    return ("warn" if seconds < SOON_SECONDS else "good"), say("owed.time_left", span=say.span(seconds))


def _ages(screen: Screen) -> None:
    say = screen.say
    frame = commission_queries.open_by_age(screen.snapshot)
    largest = max(frame["owed_idr"].drop_nulls().to_list(), default=0)
    st.html(
        blocks.wrap(
            blocks.table(
                [
                    (say("owed.age"), False),
                    ("", False),
                    (say("owed.records"), True),
                    (say("owed.owed"), True),
                    (say("owed.fees"), True),
                ],
                [
                    (
                        blocks.text(say.phrase("age", row["age"])),
                        blocks.meter(row["owed_idr"] / largest if largest else 0, 0),
                        count(row["records"]),
                        blocks.money(row["owed_idr"]),
                        blocks.money(row["fees_idr"]),
                    )
                    for row in frame.iter_rows(named=True)
                ],
            )
        )
    )


def balances(screen: Screen) -> None:
    """Who owes what now, provider by provider."""
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("owed.who"), say("owed.who_note"), anchor="who"))
    total = commission_queries.balance_count(path)
    if not total:
        st.html(blocks.wrap(parts.nothing_found(screen, say("owed.none"), say("owed.none_text"))))
        return
    screen.table(
        commission_queries.balances(path, ROWS_SHOWN),
        {
            "provider_name": say("col.provider_name"),
            "owed_idr": say("owed.owed"),
            "overdue_idr": say("owed.overdue"),
            "fees_idr": say("owed.fees"),
            "records": say("owed.records"),
            **{age_column(word): say.phrase("age", word) for word in AGE_WORDS},
            "not_due_idr": say("owed.not_due"),
            "unknown_amount_records": say("owed.unknown_amounts"),
            "oldest_deadline_at": say("owed.oldest", zone=say.zone_name(screen.now)),
            "provider_id": say("col.provider_id"),
        },
        "balances",
        say("owed.who"),
        total=total,
        complete=lambda: commission_queries.all_balances(path),
    )


VERDICTS: dict[str, str] = {
    "agrees": "good",
    "not_restricted": "bad",
    "restricted_wrongly": "warn",
    "unknown": "none",
}


def restrictions(screen: Screen) -> None:
    """What restriction should be in force and what is, the differing ones first and marked."""
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("restriction.title"), say("restriction.note"), anchor="restrictions"))
    frame = commission_queries.restrictions(path)
    if frame.is_empty():
        st.html(
            blocks.wrap(parts.nothing_found(screen, say("restriction.none"), say("restriction.none_text")))
        )
        return
    numbers = dict(frame.group_by("verdict").len().iter_rows())
    st.html(
        blocks.wrap(
            blocks.counted(
                [
                    (kind, count(numbers.get(verdict, 0)), say(f"restriction.{verdict}"))
                    for verdict, kind in VERDICTS.items()
                ]
            )
        )
    )
    st.html(
        blocks.wrap(
            blocks.table(
                [
                    (say("col.provider_name"), False),
                    (say("restriction.due"), False),
                    (say("restriction.actual"), False),
                    (say("owed.overdue"), True),
                    ("", False),
                ],
                [_restriction(row, screen) for row in frame.head(RESTRICTIONS_SHOWN).iter_rows(named=True)],
            )
        )
    )
    parts.rest_of(screen, frame, RESTRICTIONS_SHOWN, "restrictions")


def _restriction(row: dict[str, Any], screen: Screen) -> tuple[str, ...]:
    say = screen.say
    verdict = str(row["verdict"])
    apart = verdict in ("not_restricted", "restricted_wrongly")

    def said(value: bool | None) -> str:
        word = blocks.text(
            say("restriction.not_known") if value is None else say("col.yes" if value else "col.no")
        )
        return blocks.differs(word) if apart else word

    due, since = said(row["due"]), row["restriction_due_at"]
    if row["due"] and since is not None:
        due += blocks.small(say("restriction.since", time=say.time(since, screen.now)))
    overdue = blocks.small(say("owed.n_records", n=count(row["overdue_records"])))
    return (
        blocks.below(row["provider_name"] or row["provider_id"], row["provider_id"]),
        due,
        said(row["actual"]),
        blocks.money(row["overdue_idr"]) + overdue,
        blocks.badge(VERDICTS.get(verdict, "none"), say.word("restriction", verdict)),
    )
