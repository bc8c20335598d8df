"""Which pages there are, the sidebar (pages, period, language) around the chosen one, and how its file finds itself
inside of it. No figure is drawn."""

from __future__ import annotations

import json
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from threading import Lock

import streamlit as st

from dashboards import pages as folder
from dashboards import sign_in
from dashboards.kit import behind, cards, find, links, parts, screen
from dashboards.kit.address import choose, chosen, misread, widget
from dashboards.kit.choosing import told_apart
from dashboards.kit.markup import element
from dashboards.kit.page import GROUPS, Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, Section
from dashboards.lookback import Looked, kept
from dashboards.period import CHOICES, CUSTOM, EARLIEST
from dashboards.queries import reading
from dashboards.sections import shared
from dashboards.viewer import Viewer
from dashboards.wording import LANGUAGES, Wording, instant
from marketplace.roles import Right, Role
from resources.collector import leave_out_what_is_loaded
from resources.modules import modules_of
from resources.settings import Settings
from resources.shared.fetching import mark_of

HERE = Path(__file__).resolve().parent
SNAPSHOTS_OFFERED = 200
"""So many of the newest stand in the picker; an older one is shown by its address."""


#: Every page of the folder, in the order of the sidebar; the first one is where people arrive.
PAGES: tuple[Page, ...] = tuple(
    sorted(
        (module.PAGE for module in modules_of(folder)),
        key=lambda page: (GROUPS.index(page.group), page.place, page.name),
    )
)

FRAMED: ContextVar[bool] = ContextVar("framed", default=False)


def main() -> None:
    """Draw the sidebar and run the page that was asked for."""
    st.set_page_config(page_title="bookwatch", page_icon=str(HERE / "icon.png"), layout="wide", menu_items={})
    parts.show_style(screen.style())
    parts.run(screen.script(tuple(entry.name for entry in PAGES)))
    settings = screen.load_or_stop()
    say = Wording(screen.language(), settings.timezone)
    parts.run(f"document.documentElement.lang = {json.dumps(say.language)};", "language")
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
    inside = isinstance(found, Viewer)
    page = st.navigation(groups, position="sidebar" if inside else "hidden", expanded=True)
    if isinstance(found, Viewer) and found.role is Role.PROVIDER and pages[page] is PAGES[0]:
        # Where people arrive is not theirs; what is, is one page.
        (theirs,) = [known for known, entry in pages.items() if entry.needs is Right.MINE]
        st.switch_page(theirs, query_params=st.query_params.to_dict())
    if not inside:
        parts.run("document.documentElement.classList.add('bw-outside');", "outside")
    st.set_page_config(page_title=f"{page.title} · bookwatch")
    who = sign_in.viewer_or_stop(found, say)
    with st.sidebar:
        slot = st.container()  # there on every page, so that what follows keeps its place
        looked = screen.looked_at(settings)
        if any(entry.periodic for known, entry in pages.items() if known == page):
            with slot:
                period(say, screen.now_of(looked, settings).astimezone(say.zone).date())
        st.segmented_control(
            say("app.language"),
            LANGUAGES,
            required=True,
            format_func=lambda code: say(f"language.{code}"),
            width="stretch",
            **widget(links.LANGUAGE),
        )
        if who.may(Right.SEE):
            snapshots(looked, settings, say)
        services(settings, say)
        sign_in.beside(who, say)
    framed = FRAMED.set(True)
    try:
        page.run()
    finally:
        FRAMED.reset(framed)
        settle()


def settle() -> None:
    """Once in a process, after the first drawing: what is loaded by then (libraries, pages, texts) stays as long as the
    process does, so the collector looks through it no more. It did in the midst of every tenth drawing or so, which
    took three times as long."""
    if not _SETTLED.acquire(blocking=False):
        return
    leave_out_what_is_loaded()


#: Taken by the first drawing, and never given back.
_SETTLED = Lock()


def period(say: Wording, today: date) -> None:
    """The choice of days: in the address, and so taken along to other pages."""
    now = screen.days_chosen(today)
    _show_as("choice_period", now.kind)
    st.selectbox(
        say("app.period"),
        CHOICES,
        format_func=lambda choice: say(f"period.{choice}"),
        key="choice_period",
        on_change=_period_chosen,
        args=(today,),
    )
    if now.kind == CUSTOM:
        _show_as("choice_days", (now.first, now.last))
        st.date_input(
            say("app.days"),
            min_value=EARLIEST,
            max_value=max(today, now.last),
            format="DD/MM/YYYY",
            key="choice_days",
            on_change=_days_chosen,
        )


def _show_as(key: str, value: object) -> None:
    """What a widget shows; set only where it differs, so that what is being entered stays. Of a range of which one day
    was picked so far the other is waited for."""
    there = st.session_state.get(key)
    if there != value and not (isinstance(there, tuple) and len(there) == 1):
        st.session_state[key] = value


def _period_chosen(today: date) -> None:
    before, kind = screen.days_chosen(today), str(st.session_state["choice_period"])
    choose(links.PERIOD, kind)
    custom = kind == CUSTOM  # begins with the days that were looked at
    choose(links.FIRST, before.first.isoformat() if custom else None)
    choose(links.LAST, before.last.isoformat() if custom else None)


def _days_chosen() -> None:
    days = st.session_state["choice_days"]
    if len(days) == 2:  # a range of which one day is picked is not chosen yet
        choose(links.PERIOD, CUSTOM)
        choose(links.FIRST, days[0].isoformat())
        choose(links.LAST, days[1].isoformat())


def snapshots(looked: Looked, settings: Settings, say: Wording) -> None:
    """The snapshot that is looked at, and the choice of an older one."""
    ids = kept(settings.home)[:SNAPSHOTS_OFFERED]
    if looked.past and looked.snapshot_id not in ids:
        ids.append(str(looked.snapshot_id))
    if len(ids) > 1:
        newest = ids[0]
        called = told_apart({one: _named(one, newest, say) for one in ids})
        _show_as("choice_snapshot", looked.snapshot_id if looked.past else newest)

        def picked() -> None:
            choose(
                links.SNAPSHOT,
                None
                if st.session_state["choice_snapshot"] == newest
                else st.session_state["choice_snapshot"],
            )

        st.selectbox(
            say("past.pick"),
            ids,
            format_func=lambda one: called.get(str(one), str(one)),
            key="choice_snapshot",
            on_change=picked,
            help=say("past.help"),
        )
    try:
        shown = None if looked.path is None else reading.snapshot(looked.path)
    except reading.SnapshotUnreadable:
        shown = None  # the page itself says what could not be read
    show(cards.foot(shown and shown.snapshot_id, shown and shown.rules_version, say))
    mark = mark_of(settings.home.published)
    if mark is not None:
        show(
            element("p", say("app.fetched", store=mark.store, time=say.time(instant(mark.at))), cls="bw-foot")
        )


def services(settings: Settings, say: Wording) -> None:
    """Where the API of the booking services tells of itself, where it is known."""
    if where := settings.services_url:
        there = {"href": f"{where}/docs", "target": "_blank", "rel": "noopener"}
        show(element("p", element("a", say("app.booking_api"), **there), cls="bw-foot"))


def _named(snapshot_id: str, newest: str, say: Wording) -> str:
    """When a snapshot was published, as its id says."""
    try:
        at = datetime.strptime(snapshot_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return snapshot_id
    when = f"{say.day(at.astimezone(say.zone).date())} {say.time(at, at)}"
    return say("past.newest", time=when) if snapshot_id == newest else when


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
    elif shown.may(Right.SEE):
        find.box(shown)
    shown.show(shown.text(f"{page.name}.title"), subtitle, sections)


def _not_yours(screen: Screen) -> None:
    """All there is of a page, also at its guessed address, for who may not see it."""
    say = screen.text
    show(parts.note("none", say("sign_in.not_yours"), say("sign_in.not_yours_text")))


def _misread(page: Page) -> Section:
    """What the address says and this page cannot take: told, not dropped."""

    def drawn(screen: Screen) -> None:
        figures = () if page.figures is None else (behind.ROWS,)
        wrong = misread((*links.ALONG, *page.choices, *figures))
        say = screen.text
        if wrong:
            said = ", ".join(f"{name}={value}" for name, value in wrong)
            show(parts.banner("warn", say("app.misread"), say("app.misread_text", said=said)))
        if _half_said(screen):
            days = say.days(screen.period.first, screen.period.last)
            show(parts.banner("warn", say("app.half_said"), say("app.half_said_text", days=days)))

    return drawn


def _half_said(shown: Screen) -> bool:
    """Whether the address names days that are not looked at: one without the other, none that there are, or beside a
    period that has days of its own."""
    named = {choice.name for choice in (links.FIRST, links.LAST)} & {*st.query_params}
    today = shown.now.astimezone(shown.text.zone).date()
    custom = chosen(links.PERIOD) == CUSTOM
    days = screen.days_said(today)
    if not named:
        return custom
    return days is None or (links.PERIOD.name in st.query_params and not custom)
