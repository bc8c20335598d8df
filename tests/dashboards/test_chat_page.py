"""The page Chat: who waits, one conversation, searching, for who may read and for who may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import duckdb
import pytest

from dashboards import viewer
from dashboards.viewer import Viewer
from marketplace.roles import Role
from resources.home import Home
from resources.ledger.revealed import Looked, Revealed
from tests.dashboards.chats import COUNT, OTHER, ROOM, WORDS, with_chats
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import NOW
from tests.published import add, changing

Show = Callable[..., Shown]


@pytest.fixture
def chats(home: Path) -> Path:
    return with_chats(home)


@pytest.fixture
def support(monkeypatch: pytest.MonkeyPatch) -> Viewer:
    """Whoever looks is of the support, who may read."""
    who = Viewer("sari@example.test", Role.SUPPORT, known=True)
    monkeypatch.setattr(viewer, "LOCAL", who)
    return who


def bubbles(shown: Shown) -> list[str]:
    return [
        re.sub(r"<[^>]+>", " ", found) for found in re.findall(r'<li class="bw-bubble.*?</li>', shown.html)
    ]


def link(shown: Shown, label: str) -> dict[str, str]:
    """What the link of that label says in its address."""
    (found,) = re.findall(rf'<a href="\?([^"]*)"[^>]*>{label}</a>', shown.html)
    return dict(parse_qsl(unescape(found)))


def boxes(shown: Shown) -> list[Any]:
    """Where words of conversations may be searched for."""
    return [box for box in shown.app.text_input if str(box.key).startswith("choice_find")]


def looks(home: Path) -> list[tuple[Looked, str, str]]:
    return [(one.kind, one.of_kind, one.of_id) for one in Revealed(Home(home).ledger).entries()]


def test_who_waits_longest_stands_first(chats: Path, show: Show) -> None:
    shown = show(chats, "chat")
    assert "2 rooms, 1 of them for longer than 10 min" in shown.text
    rows = shown.table("Waiting for an answer")
    assert rows["waited_s"].to_list() == [7_200.0, 30.0]
    assert rows["waiting_for_role"].to_list() == ["Provider", "Customer"]
    assert rows["provider_name"].to_list() == ["Made Massage", "Made Massage"]
    assert "Your role may not search" in shown.text
    assert not boxes(shown)
    assert "Rooms opened" not in show(chats, "chat", lang="id").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.AUDITOR])
def test_who_may_not_read_sees_masks_with_their_length(
    chats: Path, show: Show, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    monkeypatch.setattr(viewer, "LOCAL", Viewer("eka@example.test", role, known=True))
    shown = show(chats, "chat", room=ROOM, find="lobi", find_here="lobi")
    assert len(bubbles(shown)) == 50
    assert "•••••• 37 letters" in bubbles(shown)[0]
    assert "Sampai" not in shown.html
    assert "xxx" not in shown.html
    assert not boxes(shown)
    assert looks(chats) == []


def test_a_conversation_is_read_page_by_page_back_to_its_beginning(
    chats: Path, show: Show, support: Viewer
) -> None:
    shown = show(chats, "chat", room=ROOM)
    assert "Provider" in shown.text
    assert "130, 30 of them not read" in shown.text
    assert "Waiting since" in shown.text
    assert "Sampai" not in shown.html
    (button,) = [one for one in shown.app.button if one.label == "Show the words"]
    button.click().run()
    last = bubbles(shown)
    assert len(last) == 50
    assert "129" in last[-1]
    assert "Provider" in last[-1]
    assert "not read" in last[-1]
    assert f"{WORDS} 120" in last[40]
    assert "&lt;b&gt;xxx" in last[-1]
    assert looks(chats) == [(Looked.TEXTS, "room", ROOM)]
    older = link(shown, "Older messages")
    assert older.pop("room") == ROOM
    seen = [int(re.findall(r"(\d{3})\s*$", one)[0]) for one in last]
    while older:
        shown.app.query_params = {"room": ROOM, **older}
        shown.app.run()
        assert "The newest" in shown.text
        seen = [int(re.findall(r"(\d{3})\s*$", one)[0]) for one in bubbles(shown)] + seen
        older = {} if "The conversation begins here" in shown.text else link(shown, "Older messages")
        older.pop("room", None)
    assert seen == list(range(COUNT))
    assert "change of status" in shown.text
    assert len(looks(chats)) == 1  # one look for all its pages


def test_a_search_is_a_line_in_the_ledger_and_its_hits_lead_to_their_place(
    chats: Path, show: Show, support: Viewer
) -> None:
    shown = show(chats, "chat", find="KETEMU di")
    found = re.search(r'<div class="bw-card bw-hits".*?>(.*?)</div>', shown.html)
    assert found
    assert found[1].count("<li>") == 13
    assert "<mark>ketemu di</mark>" in found[1]
    places = re.findall(r'href="chat\?([^"]*)"', found[1])
    assert places[0] == f"room={ROOM}&amp;message=msg_120"
    assert "xxx" not in shown.html
    assert looks(chats) == [(Looked.SEARCH, "all", "")]
    shown.app.run()
    assert len(looks(chats)) == 1
    there = show(chats, "chat", room=ROOM, message="msg_060")
    assert there.html.count('<li class="bw-bubble bw-left bw-looked">') == 1
    assert len(bubbles(there)) == 50
    assert {"after", "room"} <= set(link(there, "Newer messages"))


def test_a_search_in_one_conversation_stays_in_it(chats: Path, show: Show, support: Viewer) -> None:
    shown = show(chats, "chat", room=ROOM)
    (box,) = boxes(shown)
    box.set_value("lobi").run()
    assert shown.app.query_params["find_here"] == "lobi"
    assert shown.html.count("<mark>lobi</mark>") == 13
    assert looks(chats) == [(Looked.SEARCH, "room", ROOM)]
    nothing = show(chats, "chat", room=ROOM, find_here="100%")
    assert "Nothing found in this conversation" in nothing.text


def test_nothing_found_leads_to_the_days_before(chats: Path, show: Show, support: Viewer) -> None:
    with changing(chats) as con:
        con.execute(
            "UPDATE core.messages SET sent_at = sent_at - INTERVAL 200 DAY WHERE message_id = 'msg_000'"
        )
    shown = show(chats, "chat", find="pukul tujuh 000")
    assert "Nothing found since" in shown.text
    further = link(shown, r"Search the 90 days before [^<]* too")
    shown = show(chats, "chat", **further)
    further = link(shown, r"Search the 90 days before [^<]* too")
    shown = show(chats, "chat", **further)
    assert "Everything before was searched." in shown.text
    assert shown.html.count("<mark>pukul tujuh 000</mark>") == 1


def test_what_is_not_there_is_said(chats: Path, show: Show) -> None:
    assert "There is no room nowhere" in show(chats, "chat", room="nowhere").text
    assert "Nothing was said here" in show(chats, "chat", room=OTHER).text
    gone = show(chats, "chat", room=ROOM, message="gone")
    assert "This message is not there" in gone.text
    assert len(bubbles(gone)) == 50


def test_lengths_that_cannot_be_read_are_not_said(chats: Path, show: Show) -> None:
    (chats / "published" / "private.duckdb").unlink()
    shown = show(chats, "chat", room=ROOM)
    assert "letters" not in shown.text
    assert all("••••••" in bubble for bubble in bubbles(shown))


def test_words_that_no_run_has_read_yet_are_not_said_to_be_none(chats: Path, show: Show) -> None:
    with duckdb.connect(str(chats / "published" / "private_1.duckdb")) as con:
        con.execute("DELETE FROM messages WHERE change = 129; UPDATE _state SET processed_change = 128")
    last = bubbles(show(chats, "chat", room=ROOM))[-1]
    assert "not read yet" in last
    with duckdb.connect(str(chats / "published" / "private_1.duckdb")) as con:
        con.execute(f"UPDATE _state SET processed_change = {COUNT}")
    assert "No words" in bubbles(show(chats, "chat", room=ROOM))[-1]


@pytest.mark.parametrize("read", [True, False])
def test_nobody_waiting_is_good_news_only_where_rooms_and_messages_were_read(
    chats: Path, show: Show, read: bool
) -> None:
    with changing(chats) as con:
        con.execute("DELETE FROM marts.chat_waiting")
        if not read:
            con.execute("UPDATE ops.scans SET watermark = NULL WHERE collection = 'chat_messages'")
        else:
            con.execute("UPDATE ops.scans SET watermark = completed_at WHERE collection LIKE 'chat_%'")
            con.execute(f"UPDATE ops.scans SET watermark = '{NOW}' WHERE watermark IS NULL")
    shown = show(chats, "chat").text
    assert ("Nobody waits for an answer" in shown) == read
    assert ("Not known who waits" in shown) != read


def test_the_figures_of_the_chosen_days_stand_by_day(chats: Path, show: Show) -> None:
    days: list[tuple[Any, ...]] = [
        (NOW.date() - timedelta(days=n), 10 + n, 8, 6, 2, 0.25, True) for n in range(40)
    ]
    with changing(chats) as con:
        con.execute("DELETE FROM marts.chat_rooms_daily")
        add(con, "marts.chat_rooms_daily",
            "local_date rooms rooms_spoken rooms_replied unanswered unanswered_share is_complete", days)  # fmt: skip
    shown = show(chats, "chat", period="week")
    rows = shown.table("Rooms by the day they were opened")
    assert len(rows) <= 8
    assert rows["rooms"].to_list()[0] == 10
    assert rows["share"].to_list()[0] == 25.0
    assert re.search(r"Left unanswered \d+ \(25 %\)", shown.text.replace("\u00a0", " "))
    assert 'rows=chat_unanswered"' in shown.html
