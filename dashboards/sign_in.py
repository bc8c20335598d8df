"""What stands instead of every page for who is not let in: why, and the way to the identity provider. And, beside every
page, as whom one is at it, and the way out. Who that is says dashboards/viewer.py.
"""

from __future__ import annotations

import streamlit as st

from dashboards import viewer
from dashboards.kit import cards, parts
from dashboards.kit.parts import show
from dashboards.viewer import Outside, Viewer
from dashboards.wording import Wording
from resources.errors import BookwatchError
from resources.settings import Settings


def found(settings: Settings) -> Viewer | Outside | BookwatchError:
    """Who is at this page, or why nobody is; draws nothing."""
    try:
        return viewer.current(settings)
    except BookwatchError as wrong:
        return wrong


def viewer_or_stop(who: Viewer | Outside | BookwatchError, say: Wording) -> Viewer:
    """Who is at this page; where nobody is let in, the way in is drawn and the drawing ends."""
    if isinstance(who, BookwatchError):
        show(parts.banner("bad", say("sign_in.closed"), say.message(who.why), say.message(who.todo)))
        st.stop()
    if isinstance(who, Outside):
        _way_in(who, say)
        st.stop()
    return who


def _way_in(why: Outside, say: Wording) -> None:
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        show(cards.entrance(say(f"sign_in.{why}"), say(f"sign_in.{why}_text")))
        if why is Outside.NO_ROLE:
            st.button(say("sign_in.other"), key="sign_out", icon=":material/logout:", on_click=st.logout)
            return
        st.button(
            say("sign_in.button"), key="sign_in", type="primary", icon=":material/login:", on_click=st.login
        )


def beside(who: Viewer, say: Wording) -> None:
    """In the sidebar: as whom one is here, and the way out."""
    role = say(f"role.{who.role}")
    if not who.known:
        show(cards.person(say("sign_in.local_user"), role, say("sign_in.local")))
        return
    show(cards.person(who.name, role))
    st.button(
        say("sign_in.out"), key="sign_out", icon=":material/logout:", width="stretch", on_click=st.logout
    )
