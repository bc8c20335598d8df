"""One id, one link: where each kind of record is opened, and how an address to it is made. Draws nothing."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup

from dashboards.kit.address import Choice, carried
from dashboards.kit.markup import Child, element
from dashboards.wording import LANGUAGES, NOTHING

LANGUAGE: Final = Choice("lang", LANGUAGES, LANGUAGES[0], kept=True)
SNAPSHOT: Final = Choice("snapshot", form=r"[\w-]+", kept=True)
PERIOD: Final = Choice("period", form=r"\w+", kept=True)
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
    shown = str(record_id) if label is None else label
    return element("a", shown, href=address(page, **{name: str(record_id)}), target="_self", cls="bw-id")


def go(kind: str, record_id: str) -> None:
    """Open a record now, in this tab: for rows that are picked. Raises what ends the drawing."""
    page, name = HOMES[kind]
    st.switch_page(f"pages/{page}.py", query_params=carried(ALONG, {name: record_id}))
