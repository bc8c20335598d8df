"""A booking's chat in a real browser: two clicks from the Overview, read page by page, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resources.home import Home
from resources.snapshots import open_snapshot, point_link, require_snapshot
from tests.browser.conftest import Served
from tests.browser.test_pages_in_chromium import settle, shoot
from tests.dashboards.chats import ROOM, with_chats

pytestmark = pytest.mark.browser

AT_FOOT = "talk => Math.abs(talk.scrollTop) < 2 && talk.scrollHeight > talk.clientHeight"
WITHIN = (
    "talk => { const a = talk.getBoundingClientRect(), b = talk.querySelector('.bw-looked').getBoundingClientRect();"
    " return b.top >= a.top && b.bottom <= a.bottom; }"
)


def test_a_bookings_chat_is_two_clicks_away_and_read_page_by_page(
    window: Any, served: Served, tmp_path: Path
) -> None:
    before = require_snapshot(Home(served.home))
    with open_snapshot(before) as con:
        row = con.execute("SELECT min(booking_id) FROM core.bookings WHERE deleted_at IS NULL").fetchone()
    assert row is not None
    with_chats(served.home, row[0])
    page = window.new_page()
    page.set_viewport_size({"width": 1400, "height": 900})
    try:
        page.goto(served.url)
        settle(page, "Overview")
        clicks = 1
        page.get_by_label("Find a booking").fill(row[0])
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Open the chat").wait_for()
        clicks += 1
        page.get_by_role("link", name="Open the chat").click()
        settle(page, "Chat")
        assert clicks == 2
        talk = page.get_by_role("region", name="Conversation")
        talk.wait_for()
        assert page.locator(".bw-bubble").count() == 50
        assert talk.evaluate(AT_FOOT)
        assert "37 letters" in talk.inner_text()
        shoot(page, tmp_path, "chat")
        talk.focus()
        page.keyboard.press("Home")
        talk.get_by_role("link", name="Older messages").click()
        page.get_by_role("link", name="The newest").wait_for()
        assert "before=" in page.url
        assert f"room={ROOM}" in page.url
        page.go_back()
        page.get_by_role("link", name="The newest").wait_for(state="detached")
        assert "before=" not in page.url
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{served.url}/chat?room={ROOM}&message=msg_060&lang=id")
        settle(page, "Obrolan")
        talk = page.get_by_role("region", name="Percakapan")
        assert talk.evaluate(WITHIN)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        shoot(page, tmp_path, "chat_phone")
    finally:
        page.close()
        point_link(Home(served.home).current, before)
        (served.home / "published" / "private.duckdb").unlink()
        (served.home / "published" / "private_1.duckdb").unlink()
