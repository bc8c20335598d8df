"""Bookings: who waits for an answer, any booking found, filtered and listed, and one of them in full (?booking=)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import streamlit as st
from markupsafe import Markup

from dashboards.kit import glossary, links, parts, record
from dashboards.kit.address import Choice, choose, chosen, of_id, page_number, widget
from dashboards.kit.markup import joined
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.period import EARLIEST
from dashboards.queries import bookings
from dashboards.sections import booking as one
from dashboards.sections import booking_list
from dashboards.sections.booking import COUNTED_EVERY_S, as_of, stale_note
from dashboards.sections.waived import entered
from dashboards.wording import Wording, count
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.services import ANOMALIES
from marketplace.statuses import BOOKING_STATUSES, SOURCES


class Day(Choice):
    """A day of the address, as 2026-11-22."""

    def fits(self, said: str) -> bool:
        try:
            return date.fromisoformat(said).isoformat() == said and date.fromisoformat(said) >= EARLIEST
        except ValueError:
            return False


BOOKING: Final = of_id("booking")
ORIGIN: Final = Choice("origin", BOOKING_COLLECTIONS)
SEARCH: Final = Choice("search")
SHOW: Final = Choice("show", bookings.SHOWN)
STATUS: Final = Choice("status", BOOKING_STATUSES)
SOURCE: Final = Choice("source", SOURCES)
CITY: Final = Choice("city")
PROVIDER: Final = Choice("provider")
FIRST: Final = Day("made_from")
LAST: Final = Day("made_to")
SORT: Final = Choice("sort", tuple(bookings.SORTS))
PAGE_NUMBER: Final = page_number()
_MORE: Final = (SOURCE, CITY, FIRST, LAST, SORT)


def opened(screen: Screen) -> None:
    """The booking that the address names, above everything; the list is a click away, as it was left."""
    said = chosen(BOOKING)
    if said:
        show(links.back(screen.text("bookings.back"), BOOKING.name, ORIGIN.name, one.WHY.name))
        one.opened(screen, said, chosen(ORIGIN))


def _is_open(screen: Screen) -> bool:
    """Whether a booking stands open: the list is not drawn below it, it is a page of its own."""
    said = chosen(BOOKING)
    return bool(said) and bool(bookings.named(screen.snapshot, said))


def answer(screen: Screen) -> None:
    """How many wait for an answer now, how many past their deadline, and which the longest."""
    if not _is_open(screen):
        _waiting(screen)


@st.fragment(run_every=COUNTED_EVERY_S)
def _waiting(screen: Screen) -> None:
    """Counted by the clock, without the rest of the page."""
    replace(screen, now=screen.settings.clock.now()).draw(_counts)


def _counts(screen: Screen) -> None:
    say, at = screen.text, as_of(screen)
    found = bookings.waiting(screen.snapshot, at)
    fine = "good" if screen.condition.state == "fresh" else "none"
    ahead = found.next_at and say("bookings.next", span=say.span((found.next_at - at).total_seconds()))
    show(
        parts.grid(
            "pair",
            record.point(
                "warn" if found.waiting else fine,
                say("bookings.waiting"),
                links.to_page("bookings", count(found.waiting), show=bookings.WAITING),
                ahead or "",
                stale_note(screen),
            ),
            record.point(
                "bad" if found.past else fine,
                say("bookings.past"),
                links.to_page("bookings", count(found.past), show=bookings.PAST),
                "" if found.longest is None else _longest(say, found.longest, at),
            ),
        )
    )


def _longest(say: Wording, booking: dict[str, Any], at: datetime) -> Markup:
    over = say.span((at - booking["response_deadline"]).total_seconds())
    return joined(
        say("bookings.oldest", span=over), links.to_record("booking", booking["booking_id"]), by=" "
    )


def listing(screen: Screen) -> None:
    """The bookings asked for, a page at a time."""
    if _is_open(screen):
        return
    say = screen.text
    show(parts.section(say("bookings.list"), say("bookings.list_note")))
    _filters(screen)
    at = as_of(screen)
    asked = bookings.Asked(
        search=chosen(SEARCH).strip(),
        show=chosen(SHOW),
        status=chosen(STATUS),
        source=chosen(SOURCE),
        city=chosen(CITY),
        provider=chosen(PROVIDER),
        first=_day(FIRST),
        last=_day(LAST),
        sort=chosen(SORT),
        at=at if chosen(SHOW) == bookings.PAST else None,
        waived=_waived(screen) if chosen(SHOW) in ("missing", "finding") else None,
    )
    booking_list.drawn(screen, asked, at, PAGE_NUMBER, "bookings")


def _waived(screen: Screen) -> tuple[str, ...] | None:
    entries = entered(screen)
    return None if entries is None else tuple(sorted(one.finding_id for one in entries))


def _filters(screen: Screen) -> None:
    say = screen.text
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.text_input(
        say("bookings.search"),
        type="search",
        placeholder=say("bookings.search_hint"),
        **_to(SEARCH),
    )
    _select(right, screen, STATUS, STATUS.allowed, "booking_status", "bookings.any_status")
    st.pills(
        say("bookings.show"),
        SHOW.allowed,
        format_func=lambda code: say.word("anomaly" if code in ANOMALIES else "bookings_show", code),
        **_to(SHOW),
    )
    used = sum(chosen(choice) != choice.default for choice in _MORE)
    label = say("bookings.more_used", n=used) if used else say("bookings.more")
    with st.expander(label, expanded=bool(used), key="more_filters"):
        first, second, third, fourth, fifth = st.columns(5)
        _select(first, screen, SOURCE, SOURCE.allowed, "source", "bookings.any_source")
        known = bookings.cities(screen.snapshot)
        asked = chosen(CITY)
        _select(
            second, screen, CITY, known if asked in ("", *known) else (*known, asked), "", "bookings.any_city"
        )
        _day_input(third, screen, FIRST)
        _day_input(fourth, screen, LAST)
        _select(fifth, screen, SORT, SORT.allowed, "bookings_sort", "bookings.usual_sort")
    provider = chosen(PROVIDER)
    if provider:
        show(
            parts.tag(say("bookings.of_provider", provider=provider)),
            record.here(say("bookings.all_providers"), provider=None, page=None),
        )


def _select(
    place: Any, screen: Screen, choice: Choice, codes: tuple[str, ...], words: str, none: str
) -> None:
    say = screen.text
    place.selectbox(
        say(f"bookings.by_{choice.name}"),
        codes,
        placeholder=say(none),
        format_func=lambda code: say.word(words, code) if words else code,
        **_to(choice),
    )


def _to(choice: Choice) -> dict[str, Any]:
    """A widget's ties to its choice; the list begins anew with it."""
    return widget(choice, back_to=PAGE_NUMBER)


def _day_input(place: Any, screen: Screen, choice: Choice) -> None:
    """A day that is chosen: the widget holds a date, the address its text."""
    key = f"choice_{choice.name}"
    st.session_state[key] = _day(choice)

    def written() -> None:
        day = st.session_state.get(key)
        choose(choice, None if day is None else day.isoformat())
        choose(PAGE_NUMBER, None)

    place.date_input(
        screen.text(f"bookings.by_{choice.name}"),
        value=None,
        min_value=EARLIEST,
        max_value=screen.now.astimezone(screen.text.zone).date(),
        format="DD/MM/YYYY",
        key=key,
        on_change=written,
    )


def _day(choice: Choice) -> date | None:
    said = chosen(choice)
    return date.fromisoformat(said) if said else None


PAGE = Page(
    name="bookings",
    group="business",
    icon=":material/event_available:",
    role="admin",
    place=1,
    sections=(
        opened,
        answer,
        listing,
        glossary.words(
            "booking_id",
            "response_deadline",
            "unanswered",
            "reassigned",
            "source",
            "room",
            "finding",
            "missing_commissions",
            "policy",
            "commission_difference",
            "hop",
            "abuse",
            "data_finding",
        ),
    ),
    choices=(
        BOOKING, ORIGIN, one.WHY, SEARCH, SHOW, STATUS, SOURCE, CITY, PROVIDER, FIRST, LAST, SORT, PAGE_NUMBER,
    ),
)  # fmt: skip

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
