"""Names, phones and words on a page: masked, shown to who may only after it was written down."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from assets.core.personal_store import TABLES
from marketplace.roles import REVEALED_FOR, Role
from messages.catalogue import say
from messages.message import Message
from resources.home import Home
from resources.ledger.revealed import Looked, Reveal, Revealed
from tests.dashboards import snapshot
from tests.drawn_pages import AppTest


def _page(role: str, **of) -> None:  # type: ignore[no-untyped-def] - Streamlit runs its text alone
    """What Streamlit runs: one record's contact, and the words of one conversation."""
    from dataclasses import replace

    import streamlit as st

    from dashboards import reveal
    from dashboards.kit import screen
    from dashboards.viewer import Viewer
    from marketplace.roles import Right, Role

    shown = replace(screen.current(()), viewer=Viewer("sari@example.test", Role(role), known=True))
    if "message_ids" in of:
        found = reveal.texts(shown, "room_1", of["message_ids"])
        st.text(f"{len(found)} texts: {' '.join(found.values())}")
    elif "words" in of:
        try:
            with reveal.search(shown, Right.READ, of["words"], of_kind="room", of_id="room_1") as con:
                found = con.execute(
                    "SELECT text FROM messages WHERE contains(text, ?)", [of["words"]]
                ).fetchall()
        except reveal.NotShown:
            found = "not shown"
        st.text(str(found))
    else:
        reveal.contact(shown, **of)


NAME, PHONE, WORDS = "Wayan Pujasumarta", "+6281298765432", "Sampai ketemu di lobi pukul tujuh"
BOOKING, MESSAGE = "bk000001", "msg_1"


@pytest.fixture
def private_home(home: Path) -> Path:
    """The home with a file of personal data: one booking's customer, one message."""
    with duckdb.connect(str(home / "published" / "private_1.duckdb")) as con:
        for table, columns in TABLES.items():
            con.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {kind}' for n, kind in columns.items())})")
        con.execute(
            "INSERT INTO bookings (booking_id, customer_name, customer_phone) VALUES (?, ?, ?)",
            [BOOKING, NAME, PHONE],
        )
        con.execute("INSERT INTO messages (message_id, text) VALUES (?, ?)", [MESSAGE, WORDS])
    (home / "published" / "private.duckdb").symlink_to("private_1.duckdb")
    return home


def _drawn(monkeypatch: pytest.MonkeyPatch, home: Path, role: Role, **of: Any) -> AppTest:
    monkeypatch.setenv("BOOKWATCH_HOME", str(home))
    monkeypatch.setenv("BOOKWATCH_NOW", snapshot.NOW_SETTING)
    app = AppTest.from_function(_page, args=(role.value,), kwargs=of, default_timeout=30).run()
    assert not app.exception, app.exception
    return app


def _said(app: AppTest) -> str:
    return "\n".join((*(block.proto.body for block in app.html), *(text.value for text in app.text)))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.AUDITOR])
def test_who_may_not_sees_masks_and_no_button(
    private_home: Path, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    for of in ({"booking_id": BOOKING}, {"message_ids": [MESSAGE]}):
        app = _drawn(monkeypatch, private_home, role, **of)
        assert not app.button
        assert not any(value in _said(app) for value in (NAME, PHONE, WORDS))
    assert Revealed(Home(private_home).ledger).entries() == []


def test_where_it_cannot_be_written_down_nothing_is_shown(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Revealed, reveal: Reveal) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Revealed, "enter", full)
    app = _drawn(monkeypatch, private_home, Role.SUPPORT, booking_id=BOOKING)
    app.button[0].click().run()
    assert NAME not in _said(app)
    assert PHONE not in _said(app)
    assert "could not be written down" in _said(app)


def test_showing_is_written_down_before_it_is_shown(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Revealed(Home(private_home).ledger)
    app = _drawn(monkeypatch, private_home, Role.SUPPORT, booking_id=BOOKING)
    assert NAME not in _said(app)
    assert log.entries() == []
    app.button[0].click().run()
    assert NAME in _said(app)
    assert PHONE in _said(app)
    assert f'href="https://wa.me/{PHONE[1:]}"' in _said(app)
    at = datetime.fromisoformat(snapshot.NOW_SETTING)
    assert log.entries() == [Reveal(at, "sari@example.test", "support", Looked.CONTACT, "booking", BOOKING)]
    app.run()  # drawn again, as at a new snapshot: still shown, and no second line
    assert NAME in _said(app)
    assert NAME not in repr(app.session_state)
    app.button[0].click().run()  # hidden
    assert NAME not in _said(app)
    assert len(log.entries()) == 1
    assert NAME not in repr(app.session_state)


def test_a_customer_is_written_to_in_their_language_about_the_booking_and_nothing_else(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = Message("told.whatsapp.accepted", {"booking": "BK17"})
    app = _drawn(monkeypatch, private_home, Role.SUPPORT, booking_id=BOOKING, about=about)
    assert "wa.me" not in _said(app)
    app.button[0].click().run()
    english, indonesian = (quote(say(about, language), safe="") for language in ("en", "id"))
    assert f'href="https://wa.me/{PHONE[1:]}?text={english}"' in _said(app)
    assert f'href="https://wa.me/{PHONE[1:]}?text={indonesian}"' in _said(app)
    assert "BK17" in english
    assert quote(NAME, safe="") not in _said(app)


def test_what_was_shown_is_masked_again_after_a_while(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _drawn(monkeypatch, private_home, Role.SUPPORT, booking_id=BOOKING)
    app.button[0].click().run()
    assert NAME in _said(app)
    later = datetime.fromisoformat(snapshot.NOW_SETTING) + REVEALED_FOR
    monkeypatch.setenv("BOOKWATCH_NOW", later.isoformat())
    app.run()
    assert NAME not in _said(app)


def test_a_search_is_one_line_that_does_not_say_for_what(
    private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _drawn(monkeypatch, private_home, Role.SUPPORT, words="lobi")
    assert WORDS in _said(app)
    app.run()
    (line,) = Revealed(Home(private_home).ledger).entries()
    assert (line.kind, line.of_kind, line.of_id) == (Looked.SEARCH, "room", "room_1")
    assert b"lobi" not in Home(private_home).ledger.read_bytes()
    assert "not shown" in _said(_drawn(monkeypatch, private_home, Role.OPERATOR, words="lobi"))
