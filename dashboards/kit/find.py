"""The search in the head of every page: one box for whatever has an id. Who knows it whole is led to the record at
once; else what begins so is listed, each with a link. Names of providers are found too; a phone only by who may see
one, which the ledger says of each search. What is searched for stands in no address and, where it is a phone, in no
cache.
"""

from __future__ import annotations

from typing import Final

import polars as pl
import streamlit as st

from dashboards import reveal
from dashboards.kit import links, parts
from dashboards.kit.markup import joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import finding_by_word, private, reading
from dashboards.queries.finding_by_word import Hit
from marketplace import phones
from marketplace.roles import Right

_KEY: Final = "head_search"
LONGEST: Final = 128


def box(screen: Screen) -> None:
    """The box, and below it what was found."""
    say = screen.text
    with st.container(key="bw_search"):
        st.text_input(
            say("find.label"),
            key=_KEY,
            max_chars=LONGEST,
            placeholder=say("find.placeholder"),
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_asked,
        )
    words = str(st.session_state.get(_ASKED) or "").strip()
    if words and screen.path is not None:
        _found(screen, words)


_ASKED: Final = "head_search_asked"


def _asked() -> None:
    """Look it up at the next drawing; the box is empty again once something was opened."""
    st.session_state[_ASKED] = st.session_state.get(_KEY, "")


def _found(screen: Screen, words: str) -> None:
    say = screen.text
    if (phone := _phone(words)) is not None:
        _by_phone(screen, phone)
        return
    try:
        hits = finding_by_word.hits(screen.snapshot, words)
    except reading.SnapshotUnreadable:
        return  # the page itself says that it cannot be read
    whole = [hit for hit in hits if hit.whole]
    if len(whole) == 1 and len({(hit.kind, hit.record_id) for hit in whole}) == 1:
        st.session_state[_ASKED] = ""
        links.go(whole[0].kind, whole[0].record_id)
        return
    if not hits:
        show(parts.note("none", say("find.none", words=words), say("find.none_text")))
        return
    _listed(screen, say("find.found", words=words), hits)


def _phone(words: str) -> str | None:
    """The phone (E.164) that was written; None for what is none."""
    if any(letter.isalpha() for letter in words):
        return None
    number, _ = phones.e164(pl.Series([words]))
    return number[0]


def _by_phone(screen: Screen, phone: str) -> None:
    """Whose phone it is, for who may look people up; the phone itself is not repeated."""
    say = screen.text
    try:
        with reveal.search(screen, Right.CONTACT, phone) as personal:
            found = [Hit(kind, record, None, True) for kind, record in private.of_phone(personal, phone)]
    except reveal.NotShown:
        show(parts.note("none", say("find.phone_not_yours")))
        return
    except private.PrivateUnreadable:
        show(parts.banner("bad", say("find.phone_not_read")))
        return
    if found:
        _listed(screen, say("find.phone_found"), found)
    else:
        show(parts.note("none", say("find.phone_none")))


def _listed(screen: Screen, title: str, hits: list[Hit]) -> None:
    lines = [
        (
            screen.text(f"find.kind_{hit.kind}"),
            joined(links.to_record(hit.kind, hit.record_id), parts.soft(hit.said or ""), by="  "),
        )
        for hit in hits
    ]
    show(parts.section(title), parts.facts_card(lines))
