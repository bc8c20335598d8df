"""Providers: whom somebody should call now, the health of every one with its reasons, one in full, how fast they
answer and what reached them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.kit import address, cards, parts
from dashboards.kit.address import Choice, chosen
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page, beside
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.views import switch
from dashboards.queries import people, reading, service
from dashboards.sections import people as one
from dashboards.sections import shared
from dashboards.wording import count, share
from marketplace.members import MEMBER_HEALTH
from marketplace.services import ALL_SOURCES
from marketplace.statuses import SOURCES

LIST, SERVICE = "list", "service"
PROVIDER = address.of_id("provider")
VIEW = Choice("view", (LIST, SERVICE), LIST)
HEALTH = Choice("health", MEMBER_HEALTH)
CITY = Choice("city")
SOUGHT = Choice("q")
SOURCE = Choice("source", (*SOURCES, ALL_SOURCES), ALL_SOURCES)


def opened(screen: Screen) -> None:
    """The provider of the address, before all else."""
    if provider_id := chosen(PROVIDER):
        one.opened(screen, provider_id)


def calls(screen: Screen) -> None:
    """Who has bookings waiting and may not see them: the ones to call."""
    if chosen(PROVIDER):
        return
    say, path = screen.text, screen.snapshot
    show(parts.section(say("providers.calls"), say("providers.calls_note")))
    found = people.calls(path)
    if not found["providers"]:
        counts = service.member_counts(path)
        fresh = screen.condition.state == "fresh" and bool(counts) and "unknown" not in counts
        kind, text = ("good", "providers.no_calls_text") if fresh else ("none", "providers.no_calls_old_text")
        show(parts.note(kind, say("providers.no_calls"), say(text)))
        return
    show(
        parts.tally(
            "bad",
            count(found["providers"]),
            say("providers.to_call"),
            say("providers.to_call_since", ago=say.ago(found["oldest_request_at"], shared.as_of(screen))),
            [
                (say("providers.open_requests"), count(found["open_requests"])),
                (say("providers.past_deadline"), count(found["past_deadline"])),
            ],
        )
    )
    grid(screen, people.CALLS, say("providers.calls"), opens=("provider", "provider_id"))


def view(screen: Screen) -> None:
    """Which half of the page is looked at."""
    if chosen(PROVIDER):
        return
    switch(screen, VIEW, "providers.view")
    if chosen(VIEW) == LIST:
        screen.draw(members)
    else:
        for section in (figures, beside(responses, deliveries)):
            screen.draw(section)


def members(screen: Screen) -> None:
    say, path = screen.text, screen.snapshot
    show(parts.section(say("members.who"), say("members.who_note")))
    counts = service.member_counts(path)
    if not counts:
        show(parts.note("none", say("members.none"), say("members.none_text")))
        return
    order = (*people.MEMBER_ORDER, *(word for word in counts if word not in people.MEMBER_ORDER))
    numbers = [(word, cards.tone_of_member(word), counts.get(word, 0)) for word in order]
    show(
        parts.counts_card(
            [(kind, count(number), say.word("member", word)) for word, kind, number in numbers],
            [(kind, number) for _, kind, number in numbers],
            say("members.total", n=count(sum(counts.values()))),
        )
    )
    left, middle, right = st.columns([1.6, 1, 1], vertical_alignment="bottom")
    left.pills(
        say("members.health"),
        [word for word in order if word in counts],
        format_func=lambda word: say.word("member", word),
        **address.widget(HEALTH),
    )
    try:
        cities = people.cities(path)
    except reading.NotInSnapshot:
        cities = []
    if chosen(CITY) and chosen(CITY) not in cities:
        cities = [*cities, chosen(CITY)]
    middle.selectbox(
        say("providers.city"),
        cities,
        index=None,
        placeholder=say("providers.any_city"),
        **address.widget(CITY),
    )
    right.text_input(
        say("members.search"), type="search", placeholder=say("members.search_hint"), **address.widget(SOUGHT)
    )
    found = people.members(chosen(HEALTH), chosen(CITY), chosen(SOUGHT))
    if found.first(path, ROWS_SHOWN).is_empty():
        show(parts.note("none", say("members.no_match")))
        return
    grid(screen, found, say("members.who"), opens=("provider", "provider_id"))


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
        (say("health.newest_booking"), say.ago(newest, shared.as_of(screen))),
    ]
    below = "" if all(value is not None for value in row.values()) else say("members.service_unknown")
    show(parts.terms_card(facts, below))


def responses(screen: Screen) -> None:
    """How many bookings were answered within which time; those never answered apart."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("members.responses"), say("members.responses_note")))
    sources = service.response_sources(path)
    if len(sources) > 1:
        st.selectbox(
            say("revenue.source"),
            sources if chosen(SOURCE) in sources else [*sources, chosen(SOURCE)],
            format_func=lambda word: (
                say("members.all_sources") if word == ALL_SOURCES else say.word("source", word)
            ),
            width=320,
            **address.widget(SOURCE),
        )
    rows = service.response_distribution(path, chosen(SOURCE))
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
    name="providers",
    group="people",
    icon=":material/groups:",
    role="admin",
    place=1,
    sections=(opened, calls, view),
    choices=(PROVIDER, VIEW, HEALTH, CITY, SOUGHT, SOURCE),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
