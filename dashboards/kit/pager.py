"""Leafing through a long list: which page is shown stands in the address."""

from __future__ import annotations

import streamlit as st

from dashboards.kit.address import Choice, choose, chosen
from dashboards.kit.screen import Screen
from dashboards.wording import count


def page_of(choice: Choice, rows: int, size: int) -> int:
    """The page that is chosen, of those that a list of so many rows has: the last one where it has fewer."""
    return min(int(chosen(choice)), pages_of(rows, size))


def pages_of(rows: int, size: int) -> int:
    return max(1, -(-rows // size))


def pager(screen: Screen, choice: Choice, rows: int, size: int, *, cut: bool = False) -> None:
    """Which rows of how many are shown, and the numbers of the pages. ``cut``: there are more than ``rows``, which
    nobody counted."""
    say = screen.text
    page, pages = page_of(choice, rows, size), pages_of(rows, size)
    if not rows:
        return
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.caption(
        say(
            "pager.cut" if cut else "pager.shown",
            first=count(size * (page - 1) + 1),
            last=count(min(size * page, rows)),
            total=count(rows),
        )
        + (f" {say('pager.gone', page=count(int(chosen(choice))))}" if page < int(chosen(choice)) else "")
    )
    if pages == 1:
        return
    key = f"choice_{choice.name}_{page}"  # of this page: its own first value is the page, whatever was clicked before

    def written() -> None:
        choose(choice, str(st.session_state[key]))

    with right:
        st.pagination(pages, default=page, key=key, on_change=written)
