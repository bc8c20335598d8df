"""The everyday tasks about bookings and customers in a browser, each with the clicks it takes from the Overview."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from resources.home import Home
from resources.snapshots import point_link, require_snapshot
from tests.browser.conftest import Served
from tests.dashboards import snapshot
from tests.published import add, changed, changing

pytestmark = pytest.mark.browser

CUSTOMER = "customer0042"


@pytest.fixture(scope="module")
def busy(served: Served) -> Iterator[Served]:
    """The dashboards on a snapshot in which bookings wait, were handed over, have a chat and a customer."""
    home = Home(served.home)
    before = require_snapshot(home)
    now = snapshot.NOW
    made = now - timedelta(minutes=3)
    with changing(home) as con:
        add(
            con,
            "core.bookings",
            "booking_id business_id origin status customer_id provider_id provider_name source mode amount_idr"
            " amount_rule created_at created_rule response_deadline deadline_rule utc_offset_minutes is_test earns"
            " change",
            [
                (f"wait{n}", f"BK-wait{n}", "bookings", status, CUSTOMER, "prov02", "Ubud Touch", "direct",
                 "immediate", 250_000, "totalCost", made, "createdAt", now + timedelta(minutes=minutes), "default",
                 480, False, False, 9)
                for n, status, minutes in ((1, "pending", 12), (2, "pending", -90), (3, "reassigned", -90))
            ],
        )  # fmt: skip
        add(
            con,
            "core.chat_rooms",
            "room_id booking_ref status expires_at created_at change",
            [("room1", "wait1", "active", now + timedelta(hours=2), made, 9)],
        )
        add(
            con,
            "marts.reassignments",
            "booking_id origin number from_provider_id to_provider_id told_by outcome",
            [("wait3", "bookings", 1, "prov02", "prov03", "observed", "reassigned")],
        )
        add(
            con,
            "marts.customers",
            "customer_id first_booking_at last_booking_at bookings completed spent_idr unknown_amounts first_source"
            " declined reassigned is_complete",
            [(CUSTOMER, made, made, 3, 0, 0, 0, "direct", 0, 1, True)],
        )
        con.execute("UPDATE ops.scans SET completed_at = now() WHERE collection = 'chat_rooms'")
    yield served
    point_link(home.current, before)


class Hand:
    """A hand at a page: what is done with it is counted. Typing a search and Enter are one."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url, self.clicks = page, url, 0

    def at(self, address: str = "") -> Hand:
        """From here on, without a click."""
        self.page.goto(f"{self.url}/{address}")
        self.page.locator(".bw-foot").first.wait_for(state="attached")
        self.clicks = 0
        return self

    def anew(self) -> Hand:
        """From here on, wherever that is: for what is as near from every page."""
        self.clicks = 0
        return self

    def click(self, place: Any) -> None:
        place.click()
        self.clicks += 1

    def search(self, words: str) -> None:
        box = self.page.locator(".st-key-bw_search input")
        box.fill(words)
        box.press("Enter")
        self.clicks += 1

    def sees(self, *words: str) -> None:
        for word in words:
            self.page.get_by_text(word).first.wait_for()

    def said(self) -> dict[str, str]:
        """What the address says now."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def row(self, number: int) -> None:
        """Pick a row of the table at its left edge."""
        table = self.page.locator("[data-testid=stDataFrame]").first
        table.locator("canvas").first.wait_for()
        table.scroll_into_view_if_needed()
        box = table.bounding_box()
        self.page.mouse.click(box["x"] + 18, box["y"] + 35 * (number + 1) + 17)
        self.clicks += 1


@pytest.fixture(scope="module")
def hand(window: Any, busy: Served) -> Iterator[Hand]:
    page = window.new_page()
    page.set_viewport_size({"width": 1400, "height": 900})
    yield Hand(page, busy.url)
    page.close()


def test_how_long_a_booking_has_to_be_answered_and_whether_its_chat_is_open_take_one_click(
    hand: Hand,
) -> None:
    hand.at().search("BK-wait1")
    hand.sees("12 min left", "Is its chat open?", "until 16:05 WITA")
    assert hand.clicks == 1
    assert hand.said() == {"booking": "wait1"}
    hand.click(hand.page.get_by_role("link", name="Open the chat"))
    hand.page.wait_for_url("**/chat?room=room1")
    assert hand.clicks == 2  # a booking's chat


def test_why_a_commission_is_missing_and_what_to_do_take_one_click(hand: Hand, busy: Served) -> None:
    booking, expected = busy.truth.missing[0]
    hand.anew().search(booking)
    hand.sees("Is its commission in order?", "What to do: Record the commission in the app")
    hand.sees(f"Missing · Rp {expected:,}")
    assert hand.clicks == 1


def test_a_customers_bookings_take_one_click(hand: Hand) -> None:
    hand.anew().search(CUSTOMER)
    hand.sees("Their bookings", "1–3 of 3")
    assert hand.clicks == 1
    assert hand.said() == {"customer": CUSTOMER}


def test_who_was_reassigned_by_whom_to_whom_takes_two_clicks_and_back_keeps_the_filter(hand: Hand) -> None:
    hand.at().click(hand.page.get_by_role("link", name="Bookings", exact=True))
    hand.sees("Waiting for an answer now", "Past their deadline for an answer")
    hand.click(hand.page.get_by_text("Handed over", exact=True).first)
    hand.sees("1–1 of 1")
    assert hand.clicks == 2
    assert hand.said() == {"show": "reassigned"}
    hand.row(0)
    hand.sees("Who had it, and to whom it went", "Kadek Therapy")
    assert hand.said() == {"show": "reassigned", "booking": "wait3"}
    hand.page.go_back()
    hand.sees("1–1 of 1")
    assert hand.said() == {"show": "reassigned"}


def test_those_past_their_deadline_take_one_click_and_stay_open_over_a_new_snapshot(
    hand: Hand, busy: Served
) -> None:
    hand.at().click(hand.page.get_by_role("link", name="Bookings without an answer"))
    hand.sees("1–1 of 1")
    assert hand.clicks == 1
    assert hand.said() == {"show": "unanswered"}
    hand.row(0)
    hand.sees("1 h 30 min past the deadline")
    assert hand.clicks == 2
    home = Home(busy.home)
    before = require_snapshot(home)
    number = changed(home, "UPDATE core.bookings SET amount_idr = 260000 WHERE booking_id LIKE 'wait%'")
    try:
        hand.page.locator(".bw-foot", has_text=number).first.wait_for(state="attached")
        hand.sees("Rp 260,000")  # the same booking, as it is now
        assert hand.said() == {"show": "unanswered", "booking": "wait2"}
        hand.click(hand.page.get_by_role("link", name="← Back to the list"))
        hand.sees("1–1 of 1")
        assert hand.said() == {"show": "unanswered"}
    finally:
        point_link(home.current, before)


def test_a_search_on_the_page_is_in_the_address_and_opens_by_a_row(hand: Hand) -> None:
    hand.at("bookings?page=3")
    box = hand.page.locator(".st-key-choice_search input")
    box.fill("wait2")
    box.press("Enter")
    hand.sees("1–1 of 1")
    assert hand.said() == {"search": "wait2"}
    hand.at("bookings?search=wait2&show=waiting&status=pending")
    hand.sees("1–1 of 1")
    shown = "() => document.querySelector('.st-key-choice_search input')?.value === 'wait2'"
    hand.page.wait_for_function(shown)


@pytest.mark.parametrize("address", ["bookings?booking=wait1", f"customers?customer={CUSTOMER}"])
def test_nothing_is_wider_than_a_phone(hand: Hand, address: str) -> None:
    hand.page.set_viewport_size({"width": 390, "height": 844})
    try:
        hand.at(address)
        hand.page.wait_for_timeout(500)
        wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert hand.page.evaluate(wide) <= 0
        tall = hand.page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
        assert tall < 5 * 844
    finally:
        hand.page.set_viewport_size({"width": 1400, "height": 900})
