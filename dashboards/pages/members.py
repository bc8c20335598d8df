"""Members: the health of every provider with its reasons, how fast they answer, what reached whom."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.kit import cards, parts
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page, beside
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import service
from dashboards.wording import count, share
from marketplace.services import ALL_SOURCES


def members(screen: Screen) -> None:
    say, path = screen.text, screen.snapshot
    show(parts.section(say("members.who"), say("members.who_note")))
    counts = service.member_counts(path)
    if not counts:
        show(parts.note("none", say("members.none"), say("members.none_text")))
        return
    order = (
        *service.MEMBER_ORDER,
        *(word for word in counts if word not in service.MEMBER_ORDER),
    )
    numbers = [(word, cards.tone_of_member(word), counts.get(word, 0)) for word in order]
    show(
        parts.counts_card(
            [(kind, count(number), say.word("member", word)) for word, kind, number in numbers],
            [(kind, number) for _, kind, number in numbers],
            say("members.total", n=count(sum(counts.values()))),
        )
    )
    left, right = st.columns([1.6, 1], vertical_alignment="bottom")
    wanted = left.pills(
        say("members.health"),
        [word for word in order if word in counts],
        selection_mode="multi",
        format_func=lambda word: say.word("member", word),
        key="member_health",
        persist_state="session",
    )
    sought = right.text_input(
        say("members.search"), type="search", placeholder=say("members.search_hint"), key="member_search"
    )
    found = service.members(tuple(sorted(wanted or ())), sought or "")
    if found.first(path, ROWS_SHOWN).is_empty():
        show(parts.note("none", say("members.no_match")))
        return
    grid(screen, found, say("members.who"))


def figures(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("members.service"), say("members.service_note")))
    row = service.service_figures(screen.snapshot)
    if row is None:
        show(parts.note("none", say("members.service_none")))
        return
    newest = row["newest_booking_at"]
    facts = [
        (say("members.avg_response"), say.seconds(row["avg_response_s"])),
        (say("members.p95_response"), say.seconds(row["p95_response_s"])),
        (say("members.success"), share(row["success_rate"])),
        (say("members.delivery"), share(row["delivery_rate"])),
        (say("members.bookings_24h"), count(row["bookings_24h"])),
        (say("health.newest_booking"), say.ago(newest, screen.now)),
    ]
    below = "" if all(value is not None for value in row.values()) else say("members.service_unknown")
    show(parts.terms_card(facts, below))


def responses(screen: Screen) -> None:
    """How many bookings were answered within which time; those never answered apart."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("members.responses"), say("members.responses_note")))
    sources = service.response_sources(path)
    source = ALL_SOURCES
    if len(sources) > 1:
        source = (
            st.selectbox(
                say("revenue.source"),
                sources,
                format_func=lambda word: (
                    say("members.all_sources") if word == ALL_SOURCES else say.word("source", word)
                ),
                key="response_source",
                width=320,
            )
            or ALL_SOURCES
        )
    rows = service.response_distribution(path, source)
    if not any(row["bookings"] for row in rows):
        show(parts.note("none", say("members.responses_none")))
        return
    largest = max(row["bookings"] for row in rows)
    show(
        parts.table(
            [(say("members.within"), False), ("", False), (say("metric.bookings"), True), ("", True)],
            [
                (
                    say.stretch("response", row["label"]),
                    parts.meter(row["bookings"] / largest, 0),
                    count(row["bookings"]),
                    share(row["share"]),
                )
                for row in rows
            ],
        )
    )


def deliveries(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("members.deliveries"), say("members.deliveries_note")))
    rows = service.delivery_rates(screen.snapshot)
    if not rows:
        show(parts.note("none", say("members.deliveries_none")))
        return
    show(
        parts.table(
            [
                (say("members.channel"), False),
                (say("members.recipient"), False),
                (say("members.sent"), True),
                (say("members.failed"), True),
                (say("members.pending"), True),
                (say("members.rate"), True),
                ("", False),
            ],
            [_delivery(row, screen) for row in rows],
        )
    )


def _delivery(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    return (
        say.word("channel", row["channel"]),
        say.word("recipient", row["recipient_type"]),
        count(row["sent"]),
        count(row["failed"]),
        count(row["pending"]),
        share(row["rate"]),
        parts.meter(row["rate"] or 0, 0),
    )


PAGE = Page(
    name="members",
    group="people",
    icon=":material/groups:",
    role="admin",
    place=4,
    sections=(
        members,
        figures,
        beside(responses, deliveries),
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
