"""What is chosen on a page, kept in its address: the address is the truth, a widget shows it and writes it.

Words of the address are codes, the same in every language. A page names its choices in its record; what an address
says that is none of them, or that none of them allows, is told at the head of the page (``misread``). Draws nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from dashboards import viewer
from marketplace.roles import Right

LONGEST: Final = 128
"""As long as an id or a search can be: the address may say anything, and it is repeated where it fits nothing."""


@dataclass(frozen=True)
class Choice:
    """Something that is chosen on a page. ``name``: in the address. ``allowed``: the codes it may be; where there are
    none, any text of at most LONGEST letters that ``form`` matches whole. ``default``: what goes without saying.
    ``kept``: it goes along to other pages (language, days, snapshot). ``needs``: the right to choose it at all.
    """

    name: str
    allowed: tuple[str, ...] = ()
    default: str = ""
    form: str = ".+"
    kept: bool = False
    needs: Right | None = None

    def fits(self, said: str) -> bool:
        """Whether an address may say this of it."""
        if self.allowed:
            return said in self.allowed
        return len(said) <= LONGEST and re.fullmatch(self.form, said, re.DOTALL) is not None


def of_id(name: str, needs: Right | None = None) -> Choice:
    """The record that is opened, by its id."""
    return Choice(name, needs=needs)


def page_number(name: str = "page") -> Choice:
    return Choice(name, default="1", form=r"[1-9]\d{0,5}")


def chosen(choice: Choice) -> str:
    """What is chosen now: as the address says it, its default where the address says nothing that fits, or what it is
    about is not for who looks."""
    if choice.needs is not None and not viewer.may(choice.needs):
        return choice.default
    said = st.query_params.get(choice.name)
    return said if said is not None and choice.fits(said) else choice.default


def choose(choice: Choice, value: str | None) -> None:
    """Say in the address what is chosen; what goes without saying is left out."""
    if value is None or value == choice.default:
        st.query_params.pop(choice.name, None)
    elif st.query_params.get(choice.name) != value:
        st.query_params[choice.name] = value


def widget(choice: Choice, *, back_to: Choice | None = None) -> dict[str, Any]:
    """The ``key`` and ``on_change`` of a widget for a choice: it shows what the address says, and what is done to it
    is written there. ``back_to``: a page number that begins anew with it."""
    key = f"choice_{choice.name}"
    shown = chosen(choice) or None
    # Set only where it differs: what is being typed would be taken away by each drawing.
    if key not in st.session_state or (st.session_state[key] or None) != shown:
        st.session_state[key] = shown

    def written() -> None:
        value = st.session_state.get(key)
        choose(choice, None if value is None else str(value).strip()[:LONGEST])
        if back_to is not None:
            choose(back_to, None)

    return {"key": key, "on_change": written}


def misread(choices: Iterable[Choice]) -> list[tuple[str, str]]:
    """What the address says that no choice of the page allows: (name, value), each cut to what can be shown."""
    known = {choice.name: choice for choice in choices}
    return [
        (name[:LONGEST], said[:LONGEST])
        for name, said in st.query_params.items()
        if name not in known or not known[name].fits(said)
    ]


def carried(choices: Iterable[Choice], more: Mapping[str, str | None]) -> dict[str, str]:
    """The parameters of a link: what goes along, then what it says itself."""
    along = {c.name: chosen(c) for c in choices if c.kept and chosen(c) != c.default}
    return along | {name: value for name, value in more.items() if value}
