"""The sidebar (pages, period, language) around the chosen page, and how a page finds itself inside of it. No figure is drawn."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path

import streamlit as st

from dashboards import blocks, queries, screen
from dashboards.period import CHOICES, CUSTOM, DEFAULT
from dashboards.wording import LANGUAGES, Wording

HERE = Path(__file__).resolve().parent

# A page is one file in pages/ and one line here; its title is the text "<name>.title".
PAGES: tuple[tuple[str, str], ...] = (
    ("overview", ":material/space_dashboard:"),
    ("revenue", ":material/payments:"),
    ("health", ":material/monitor_heart:"),
)


FRAMED: ContextVar[bool] = ContextVar("framed", default=False)


def main() -> None:
    """Draw the sidebar and run the page that was asked for."""
    st.set_page_config(page_title="bookwatch", page_icon=str(HERE / "icon.png"), layout="wide", menu_items={})
    st.html(screen.style())
    settings = screen.load_or_stop()
    say = Wording(screen.language(), settings.bookwatch_timezone)
    page = st.navigation(
        [
            st.Page(HERE / "pages" / f"{name}.py", title=say(f"{name}.title"), icon=icon, default=number == 0)
            for number, (name, icon) in enumerate(PAGES)
        ]
    )
    today = settings.clock.now().astimezone(say.zone).date()
    with st.sidebar:
        st.selectbox(
            say("app.period"),
            CHOICES,
            index=CHOICES.index(DEFAULT),
            format_func=lambda choice: say(f"period.{choice}"),
            key="period",
            bind="query-params",
        )
        if st.session_state["period"] == CUSTOM:
            st.date_input(
                say("app.days"),
                value=(today - timedelta(days=6), today),
                max_value=today,
                format="DD/MM/YYYY",
                key="days",
                bind="query-params",
            )
        st.segmented_control(
            say("app.language"),
            LANGUAGES,
            default=LANGUAGES[0],
            required=True,
            format_func=lambda code: say(f"language.{code}"),
            key="lang",
            bind="query-params",
            width="stretch",
        )
        path = queries.newest(settings.home.current)
        try:
            shown = None if path is None else queries.snapshot(path)
        except queries.SnapshotUnreadable:
            shown = None  # the page itself says what could not be read
        st.html(blocks.foot(shown and shown.snapshot_id, shown and shown.rules_version, say))
    framed = FRAMED.set(True)
    try:
        page.run()
    finally:
        FRAMED.reset(framed)


def open_screen() -> screen.Screen:
    """What the page is to show now.

    Streamlit takes a folder named pages/ for a multipage app of its older kind, and the first visit of a new server to /revenue
    then runs that page file alone: in that case the frame is drawn first, and it runs the page again.
    """
    if not FRAMED.get():
        main()
        st.stop()
    return screen.current()
