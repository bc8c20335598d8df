"""Members: the health of every provider with its reasons, how fast they answer, what reached whom."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboards import blocks, parts, service_queries
from dashboards.frame import open_screen
from dashboards.screen import Screen
from dashboards.wording import NOTHING, count, share
from marketplace.services import ALL_SOURCES


def members(screen: Screen) -> None:
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("members.who"), say("members.who_note")))
    counts = service_queries.member_counts(path)
    if not counts:
        st.html(blocks.wrap(blocks.note("none", say("members.none"), say("members.none_text"))))
        return
    order = (
        *service_queries.MEMBER_ORDER,
        *(word for word in counts if word not in service_queries.MEMBER_ORDER),
    )
    numbers = [(word, blocks.tone_of_member(word), counts.get(word, 0)) for word in order]
    st.html(
        blocks.wrap(
            blocks.counts_card(
                [(kind, count(number), say.word("member", word)) for word, kind, number in numbers],
                [(kind, number) for _, kind, number in numbers],
                say("members.total", n=count(sum(counts.values()))),
            )
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
    frame = service_queries.members(path, tuple(sorted(wanted or ())), sought or "")
    if frame.is_empty():
        st.html(blocks.wrap(blocks.note("none", say("members.no_match"))))
        return
    screen.table(
        frame.with_columns(
            pl.col("health").map_elements(lambda word: say.word("member", word), return_dtype=pl.String),
            pl.col("reasons").map_elements(lambda written: _reasons(written, screen), return_dtype=pl.String),
        ),
        {
            "provider_name": say("col.provider_name"),
            "health": say("members.health"),
            "reasons": say("members.reasons"),
            "last_seen_at": say("members.seen", zone=say.zone_name(screen.now)),
            "missed_requests": say("members.missed"),
            "unread_messages": say("members.unread"),
            "notifications_enabled": say("members.notifications"),
            "sound_enabled": say("members.sound"),
            "bookings": say("revenue.bookings"),
            "browser": say("members.browser"),
            "provider_id": say("col.provider_id"),
        },
        "members",
        say("members.who"),
        total=frame.height,
        complete=lambda: frame,
    )


def _reasons(written: str | None, screen: Screen) -> str:
    said = [screen.say.phrase("reason", part) for part in (written or "").split("; ") if part]
    return "; ".join(said) or NOTHING


def service(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("members.service"), say("members.service_note")))
    row = service_queries.service_figures(screen.snapshot)
    if row is None:
        st.html(blocks.wrap(blocks.note("none", say("members.service_none"))))
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
    st.html(blocks.wrap(blocks.terms_card(facts, below)))


def responses(screen: Screen) -> None:
    """How many bookings were answered within which time; those never answered apart."""
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("members.responses"), say("members.responses_note")))
    sources = service_queries.response_sources(path)
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
    rows = service_queries.response_distribution(path, source)
    if not any(row["bookings"] for row in rows):
        st.html(blocks.wrap(blocks.note("none", say("members.responses_none"))))
        return
    largest = max(row["bookings"] for row in rows)
    st.html(
        blocks.wrap(
            blocks.table(
                [(say("members.within"), False), ("", False), (say("revenue.bookings"), True), ("", True)],
                [
                    (
                        blocks.text(say.phrase("response", row["label"])),
                        blocks.meter(row["bookings"] / largest, 0),
                        count(row["bookings"]),
                        share(row["share"]),
                    )
                    for row in rows
                ],
            )
        )
    )


def deliveries(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("members.deliveries"), say("members.deliveries_note")))
    rows = service_queries.delivery_rates(screen.snapshot)
    if not rows:
        st.html(blocks.wrap(blocks.note("none", say("members.deliveries_none"))))
        return
    st.html(
        blocks.wrap(
            blocks.table(
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
    )


def _delivery(row: dict[str, Any], screen: Screen) -> tuple[str, ...]:
    say = screen.say
    return (
        blocks.text(say.word("channel", row["channel"])),
        blocks.text(say.word("recipient", row["recipient_type"])),
        count(row["sent"]),
        count(row["failed"]),
        count(row["pending"]),
        share(row["rate"]),
        blocks.meter(row["rate"] or 0, 0),
    )


screen = open_screen()
screen.show(
    screen.say("members.title"),
    parts.subtitle_now(screen),
    [members, service, lambda shown: shown.beside(responses, deliveries)],
)
