"""Names, phones and words of people on a page: masked, until somebody whose role may see them asks. Then a line is
written into the ledger, and only after it stands there is the value read and shown, for as long as REVEALED_FOR.

The one way from a page to personal data. What was shown is kept nowhere: of a look it is remembered that it was made,
and each drawing reads anew.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from urllib.parse import quote

import duckdb
import streamlit as st

from dashboards.kit import parts
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import private, reading, talks, words
from dashboards.queries.private import Contact, PrivateUnreadable
from marketplace.roles import REVEALED_FOR, Right
from marketplace.whatsapp import whatsapp_link
from messages import catalogue
from messages.message import Message
from resources.errors import BookwatchError
from resources.ledger.revealed import Looked, Reveal, Revealed

MOST_BOOKINGS: Final = 50
"""Of a customer, the newest so many bookings are asked for a name."""
NEEDS: Final = {Looked.CONTACT: Right.CONTACT, Looked.TEXTS: Right.READ}

_LOOKS: Final = "looks"


class NotShown(Exception):
    """It may not be shown to this viewer, or it could not be written down that it was. Holds no value."""


def contact(
    screen: Screen,
    *,
    booking_id: str | None = None,
    customer_id: str | None = None,
    provider_id: str | None = None,
    about: Message | None = None,
) -> Contact | None:
    """Draw the name and phone of one record: masked, with a button for who may; once asked for, in full with a link to
    WhatsApp. Give exactly one id. ``about``: what a message to them begins with, in each language. Returns what is
    shown, None where nothing is."""
    ids = {"booking": booking_id, "customer": customer_id, "provider": provider_id}
    ((of_kind, of_id),) = [(kind, value) for kind, value in ids.items() if value is not None]
    say = screen.text
    if not _asked(screen, Looked.CONTACT, of_kind, of_id, "reveal.show"):
        masked = [(say(f"reveal.{part}"), say("reveal.hidden")) for part in ("name", "phone")]
        show(parts.terms_card(masked))
        return None
    try:
        with _look(screen, Looked.CONTACT, of_kind, of_id) as connection:
            found = _contact(screen, connection, of_kind, of_id)
    except PrivateUnreadable:
        show(parts.banner("bad", say("reveal.unreadable"), say("reveal.unreadable_text")))
        return None
    if found is None:
        show(parts.note("none", say("reveal.none")))
        return None
    facts: list[tuple[str, Child]] = [
        (say("reveal.name"), found.name or say("reveal.missing")),
        (say("reveal.phone"), found.phone or say("reveal.missing")),
    ]
    show(parts.terms_card(facts), _whatsapp(screen, found.phone, about) if found.phone else "")
    return found


def texts(screen: Screen, room_id: str, message_ids: Sequence[str]) -> dict[str, str]:
    """Draw the button that shows the words of a conversation, for who may. Returns message id → words once they were
    asked for, of the messages given; empty before, and for who may not: draw the masks then. One look at a room counts
    for each of its pages."""
    say = screen.text
    if not _asked(screen, Looked.TEXTS, "room", room_id, "reveal.show_texts"):
        return {}
    try:
        with _look(screen, Looked.TEXTS, "room", room_id) as connection:
            room = talks.room(screen.snapshot, room_id)
            return {} if room is None else words.texts(connection, room.talk, message_ids)
    except PrivateUnreadable:
        show(parts.banner("bad", say("reveal.unreadable"), say("reveal.unreadable_text")))
        return {}


def lengths(screen: Screen, room_id: str, message_ids: Sequence[str]) -> dict[str, int | None] | None:
    """Message id → letters that were written, of those messages of a conversation in which something was: what a mask
    says, to everybody. None, also of all, where it cannot be told."""
    room = talks.room(screen.snapshot, room_id)
    try:
        with private.opened(screen.settings.home.private) as connection:
            return {} if room is None else words.lengths(connection, room.talk, message_ids)
    except PrivateUnreadable:
        return None


@contextmanager
def search(
    screen: Screen, right: Right, sought: str, *, of_kind: str = "all", of_id: str = ""
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the personal data for one search, after it was written down that somebody searched (not for
    what). ``right``: Right.READ for words, Right.CONTACT for a phone. The same search drawn again is one line. Raises
    NotShown for who may not, and where it could not be written down; PrivateUnreadable."""
    if not screen.may(right):
        raise NotShown
    asked = hashlib.blake2b(sought.encode(), digest_size=16).hexdigest()
    if _until(screen, Looked.SEARCH, of_kind, of_id, asked) is None:
        _enter(screen, Looked.SEARCH, of_kind, of_id, asked)
    with private.opened(screen.settings.home.private) as connection:
        yield connection


def _asked(screen: Screen, kind: Looked, of_kind: str, of_id: str, label: str) -> bool:
    """The button, or until when something is shown: whether it is, now."""
    say = screen.text
    if not screen.may(NEEDS[kind]):
        st.caption(say("reveal.not_yours"))
        return False
    key = f"reveal_{kind}_{of_kind}_{of_id}"
    place = st.empty()
    if _until(screen, kind, of_kind, of_id) is None:
        if not place.button(say(label), key=key, icon=":material/visibility:", help=say("reveal.logged")):
            return False
        try:
            _enter(screen, kind, of_kind, of_id)
        except NotShown:
            show(parts.banner("bad", say("reveal.not_written"), say("reveal.not_written_text")))
            return False
    until = _until(screen, kind, of_kind, of_id)
    if until is None:
        return False
    place.button(
        say("reveal.hide"),
        key=f"{key}_hide",
        icon=":material/visibility_off:",
        on_click=_forget,
        args=(_look_of(screen, kind, of_kind, of_id),),
    )
    told = say("reveal.until", time=say.time(until, screen.now), viewer=screen.viewer.name)
    show(parts.paragraph(told, "bw-below"))
    return True


@contextmanager
def _look(screen: Screen, kind: Looked, of_kind: str, of_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file, for a look that was written down; whoever has none gets no connection."""
    if not screen.may(NEEDS[kind]) or _until(screen, kind, of_kind, of_id) is None:
        raise NotShown
    with private.opened(screen.settings.home.private) as connection:
        yield connection


def _enter(screen: Screen, kind: Looked, of_kind: str, of_id: str, asked: str = "") -> None:
    """Write down that somebody looks. Raises NotShown where that could not be done: then nothing is shown."""
    viewer, now = screen.viewer, screen.settings.clock.now()
    try:
        Revealed(screen.settings.home.ledger).enter(
            Reveal(now, viewer.name, viewer.role, kind, of_kind, of_id)
        )
    except (sqlite3.Error, BookwatchError, OSError):
        raise NotShown from None
    looks = {look: until for look, until in _looks().items() if until > now}
    st.session_state[_LOOKS] = looks | {_look_of(screen, kind, of_kind, of_id, asked): now + REVEALED_FOR}


def _until(screen: Screen, kind: Looked, of_kind: str, of_id: str, asked: str = "") -> datetime | None:
    """Up to when a look lasts that this viewer has made; None where there is none."""
    until = _looks().get(_look_of(screen, kind, of_kind, of_id, asked))
    return until if until is not None and until > screen.settings.clock.now() else None


def _look_of(screen: Screen, kind: Looked, of_kind: str, of_id: str, asked: str = "") -> tuple[str, ...]:
    """What tells a look from another; the viewer and the role are part of it."""
    return (screen.viewer.name, screen.viewer.role, kind, of_kind, of_id, asked)


def _looks() -> dict[tuple[str, ...], datetime]:
    return st.session_state.get(_LOOKS, {})


def _forget(look: tuple[str, ...]) -> None:
    st.session_state[_LOOKS] = {known: until for known, until in _looks().items() if known != look}


def _whatsapp(screen: Screen, phone: str, about: Message | None) -> Child:
    """A link that opens a chat with a phone, with a text in each language (the app's own first, which a customer reads
    who says nothing else); the page it opens is not told where it came from."""
    say = screen.text

    def link(label: str, href: str) -> Child:
        return element("a", label, href=href, target="_blank", rel="noopener noreferrer")

    if about is None:
        plain = f"https://wa.me/{quote(phone.removeprefix('+'))}"
        return element("p", link(say("reveal.whatsapp"), plain), cls="bw-below")
    written = [
        link(
            say("reveal.whatsapp_in", language=say(f"language.{one}")),
            whatsapp_link(phone, catalogue.say(about, one)),
        )
        for one in catalogue.LANGUAGES
    ]
    return element("p", joined(*written, by=" · "), cls="bw-below")


def _contact(
    screen: Screen, connection: duckdb.DuckDBPyConnection, of_kind: str, of_id: str
) -> Contact | None:
    if of_kind == "booking":
        return private.of_bookings(connection, (of_id,))
    if own := private.of_person(connection, f"{of_kind}s", of_id):
        return own
    if of_kind == "provider":
        return None
    bookings = reading.ask(  # without an account: as they wrote themselves when they booked
        screen.snapshot,
        "SELECT booking_id FROM core.bookings WHERE customer_id = ? ORDER BY created_at DESC LIMIT ?",
        [of_id, MOST_BOOKINGS],
    )
    return private.of_bookings(connection, bookings["booking_id"].to_list())
