"""One id, one link: where each kind of record is opened, and how an address to it is made. Draws nothing."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup

from dashboards.kit import parts
from dashboards.kit.address import Choice, carried, choose
from dashboards.kit.markup import Child, element
from dashboards.period import CHOICES, DEFAULT
from dashboards.wording import LANGUAGES, NOTHING

LANGUAGE: Final = Choice("lang", LANGUAGES, LANGUAGES[0], kept=True)
SNAPSHOT: Final = Choice("snapshot", form=r"[\w-]+", kept=True)
PERIOD: Final = Choice("period", CHOICES, DEFAULT, kept=True)
FIRST: Final = Choice("from", form=r"\d{4}-\d\d-\d\d", kept=True)
LAST: Final = Choice("to", form=r"\d{4}-\d\d-\d\d", kept=True)
#: Chosen around every page, and carried from one to the other.
ALONG: Final = (LANGUAGE, SNAPSHOT, PERIOD, FIRST, LAST)

#: A kind of record → the page that has it, and the name of its id in the address there.
HOMES: Final[dict[str, tuple[str, str]]] = {
    "booking": ("bookings", "booking"),
    "customer": ("customers", "customer"),
    "room": ("chat", "room"),
    "commission": ("commissions", "commission"),
    "account": ("commissions", "provider"),
    "finding": ("findings", "finding"),
    "month": ("months", "month"),
    "provider": ("providers", "provider"),
    "alert": ("todo", "alert"),
    "action": ("actions", "action"),
    "check": ("data_quality", "check"),
    "row": ("data_quality", "row"),
}
FIRST_PAGE: Final = "overview"


def address(page: str, **more: str | None) -> str:
    """The address of a page as a link says it, with what goes along."""
    said = urlencode(carried(ALONG, more))
    where = "./" if page == FIRST_PAGE else page  # the first page has no address of its own
    return f"{where}?{said}" if said else where


def to_page(page: str, label: Child, **more: str | None) -> Markup:
    """A link to a page, filtered by what it says."""
    return element("a", label, href=address(page, **more), target="_self")


def to_record(kind: str, record_id: object, label: Child | None = None) -> Markup:
    """A link to one record; a dash where its id is not known."""
    if record_id is None or record_id == "":
        return element("span", NOTHING)
    page, name = HOMES[kind]
    shown, look = (str(record_id), "bw-id") if label is None else (label, "")
    return element("a", shown, href=address(page, **{name: str(record_id)}), target="_self", cls=look)


def here(**more: str | None) -> str:
    """The address of this page as it is now, with what differs: a link to the same filters. None leaves one out."""
    said = {name: value for name, value in {**st.query_params.to_dict(), **more}.items() if value}
    return f"?{urlencode(said)}"


def back(label: Child, *names: str) -> Markup:
    """From what is opened on a page back to its list, which keeps its filters. ``names``: what opened it."""
    return element("a", label, href=here(**dict.fromkeys(names)), target="_self", cls="bw-back")


def go(kind: str, record_id: str) -> None:
    """Open a record now, in this tab. On the page that lists it the filters stay. Raises what ends the drawing."""
    page, name = HOMES[kind]
    if page == st.session_state.get(_ON):
        choose(Choice(name), record_id)
        st.rerun()
    # st.switch_page would leave two entries in the browser's history, the first of them this page without its filters.
    times = st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
    parts.run(f"window.bookwatch.go({json.dumps(address(page, **{name: record_id}))}); // {times}", "go")


_ON: Final = "page_that_is_drawn"
_NEXT: Final = "opened_next"
_TIMES: Final = "times_gone"


def stands_on(page: str) -> None:
    """Which page is being drawn: told by the frame."""
    st.session_state[_ON] = page


def open_next(kind: str, record_id: str) -> None:
    """Have a record opened at the next drawing: for what a click calls, which cannot leave a page itself."""
    st.session_state[_NEXT] = (kind, record_id)


def follow() -> None:
    """Open what was asked for, where something was."""
    asked = st.session_state.pop(_NEXT, None)
    if asked is not None:
        go(*asked)
