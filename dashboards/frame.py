"""Which pages there are, the sidebar (pages, period, language) around the chosen one, and how its file finds itself
inside of it. No figure is drawn."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import streamlit as st

from dashboards import pages as folder
from dashboards import sign_in
from dashboards.kit import behind, cards, links, parts, screen
from dashboards.kit.address import Choice, misread
from dashboards.kit.page import GROUPS, Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, Section
from dashboards.period import CHOICES, CUSTOM, DEFAULT, EARLIEST
from dashboards.queries import reading
from dashboards.sections import shared
from dashboards.viewer import Viewer
from dashboards.wording import LANGUAGES, Wording
from resources.modules import modules_of

HERE = Path(__file__).resolve().parent


#: Every page of the folder, in the order of the sidebar; the first one is where people arrive.
PAGES: tuple[Page, ...] = tuple(
    sorted(
        (module.PAGE for module in modules_of(folder)),
        key=lambda page: (GROUPS.index(page.group), page.place, page.name),
    )
)

_NOT_YET = (Choice("finding"),)

FRAMED: ContextVar[bool] = ContextVar("framed", default=False)


def main() -> None:
    """Draw the sidebar and run the page that was asked for."""
    st.set_page_config(page_title="bookwatch", page_icon=str(HERE / "icon.png"), layout="wide", menu_items={})
    parts.show_style(screen.style())
    parts.run(screen.script())
    settings = screen.load_or_stop()
    say = Wording(screen.language(), settings.timezone)
    found = sign_in.found(settings)
    pages = {
        st.Page(
            HERE / "pages" / f"{entry.name}.py",
            title=say(f"{entry.name}.title"),
            icon=entry.icon,
            default=number == 0,
            visibility="visible" if isinstance(found, Viewer) and found.may(entry.needs) else "hidden",
        ): entry
        for number, entry in enumerate(PAGES)
    }
    groups: dict[str, list[st.Page]] = {}
    for known, entry in pages.items():
        groups.setdefault(say(f"group.{entry.group}"), []).append(known)
    page = st.navigation(groups, position="sidebar" if isinstance(found, Viewer) else "hidden")
    who = sign_in.viewer_or_stop(found, say)
    with st.sidebar:
        slot = st.container()  # there on every page, so that what follows keeps its place
        if any(entry.periodic for known, entry in pages.items() if known == page):
            with slot:
                period(say, settings.clock.now().astimezone(say.zone).date())
        st.segmented_control(
            say("app.language"),
            LANGUAGES,
            required=True,
            format_func=lambda code: say(f"language.{code}"),
            key=keep("lang", LANGUAGES, LANGUAGES[0]),
            persist_state="session",
            width="stretch",
        )
        address("lang", st.session_state["lang"], LANGUAGES[0])
        path = reading.newest(settings.home.current)
        try:
            shown = None if path is None else reading.snapshot(path)
        except reading.SnapshotUnreadable:
            shown = None  # the page itself says what could not be read
        sign_in.beside(who, say)
        show(cards.foot(shown and shown.snapshot_id, shown and shown.rules_version, say))
    framed = FRAMED.set(True)
    try:
        page.run()
    finally:
        FRAMED.reset(framed)


def keep(name: str, allowed: tuple[str, ...], default: str) -> str:
    """The key of a widget whose first value comes from the address, where it says one that is allowed.

    Streamlit's own binding would write the label into the address, and a label changes with the language.
    """
    if name not in st.session_state:
        said = st.query_params.get(name)
        st.session_state[name] = said if said in allowed else default
    return name


def address(name: str, value: str | None, default: str | None) -> None:
    """Say in the address what is chosen, so that it can be kept and shared; what goes without saying is left
    out."""
    if value is None or value == default:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def period(say: Wording, today: date) -> None:
    """The choice of days: kept while other pages are looked at, and in the address."""
    st.selectbox(
        say("app.period"),
        CHOICES,
        format_func=lambda choice: say(f"period.{choice}"),
        key=keep("period", CHOICES, DEFAULT),
        persist_state="session",
    )
    custom = st.session_state["period"] == CUSTOM
    if custom:
        if "days" not in st.session_state:
            st.session_state["days"] = asked(today) or (today - timedelta(days=6), today)
        st.date_input(
            say("app.days"),
            min_value=EARLIEST,
            max_value=today,
            format="DD/MM/YYYY",
            key="days",
            persist_state="session",
        )
    address("period", st.session_state["period"], DEFAULT)
    days = st.session_state["days"] if custom else ()
    address("from", days[0].isoformat() if days else None, None)
    address("to", days[-1].isoformat() if days else None, None)


def asked(today: date) -> tuple[date, date] | None:
    """The days of the address (?from=2026-11-01&to=2026-11-22), where both are days that can be looked at."""
    try:
        first, last = (date.fromisoformat(st.query_params[name]) for name in ("from", "to"))
    except (KeyError, ValueError):
        return None
    last = min(last, today)
    return (first, last) if EARLIEST <= first <= last else None


def draw(page: Page) -> None:
    """What a page's file does when Streamlit runs it.

    Streamlit takes a folder named pages/ for a multipage app of its older kind, and the first visit of a new
    server to /revenue then runs that page file alone: in that case the frame is drawn first, and it runs the page
    again.
    """
    if not FRAMED.get():
        main()
        st.stop()
    links.stands_on(page.name)
    links.follow()
    shown = screen.current(tuple(known.name for known in PAGES))
    subtitle = shared.subtitle(shown) if page.periodic else shared.subtitle_now(shown)
    sections = (_misread(page), partial(behind.drawn, page), *page.sections)
    if not shown.may(page.needs):
        sections = (_not_yours,)
    shown.show(shown.text(f"{page.name}.title"), subtitle, sections)


def _not_yours(screen: Screen) -> None:
    """All there is of a page, also at its guessed address, for who may not see it."""
    say = screen.text
    show(parts.note("none", say("sign_in.not_yours"), say("sign_in.not_yours_text")))


def _misread(page: Page) -> Section:
    """What the address says and this page cannot take: told, not dropped."""

    def drawn(screen: Screen) -> None:
        figures = () if page.figures is None else (behind.ROWS,)
        wrong = misread((*links.ALONG, *page.choices, *figures, *_NOT_YET))
        if wrong:
            said = ", ".join(f"{name}={value}" for name, value in wrong)
            say = screen.text
            show(parts.banner("warn", say("app.misread"), say("app.misread_text", said=said)))

    return drawn
