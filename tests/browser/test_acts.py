"""What an admin does about a problem, in Chromium, with its clicks counted: silence an alert, waive a finding, from an
alert to its rows. Each is entered in the ledger and shown at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resources.home import Home
from resources.ledger import Ledger
from resources.ledger.alerts import AlertStore
from tests.browser.conftest import Served
from tests.browser.test_pages_in_chromium import settle
from tests.browser.test_pages_in_chromium import tab as tab  # its fixture

pytestmark = pytest.mark.browser


class Hand:
    """Clicks, counted."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.clicks = 0

    def click(self, what: Any) -> None:
        self.clicks += 1
        what.click()


def test_an_alert_is_silenced_and_a_finding_waived_in_two_clicks_each_and_rows_are_one_away(
    tab: Any, served: Served
) -> None:
    ledger = Ledger(Home(Path(served.home)).ledger)
    tab.goto(served.url)
    settle(tab, "Overview")
    hand = Hand(tab)
    hand.click(tab.get_by_role("link", name="To do", exact=True))
    settle(tab, "To do")
    # The pulse of five seconds takes nothing away that is being typed.
    tab.locator(".st-key-act_on_alert_reason input").fill("they are being recorded")
    hand.click(tab.locator(".st-key-act_silence_alert button"))
    tab.get_by_text("Set aside · 2").wait_for()
    assert hand.clicks == 2
    (silence,) = AlertStore(ledger.path).silences()
    assert silence.reason == "they are being recorded"

    tab.locator(".st-key-act_on_finding_reason input").fill("agreed with the owner")
    one = Hand(tab)
    one.click(tab.locator(".st-key-act_waive_finding button"))
    tab.get_by_text("Set aside · 3").wait_for()
    assert one.clicks + 1 == 2  # the first was to come here
    (waiver,) = ledger.waivers()
    assert (waiver.reason, waiver.waived_by) == ("agreed with the owner", "local user")

    tab.goto(f"{served.url}/todo?alert=zero_missing_commission")
    settle(tab, "To do")
    way = Hand(tab)
    way.click(tab.get_by_role("link", name="Show its rows on Findings"))
    settle(tab, "Findings")
    assert way.clicks == 1
    assert "code=missing" in tab.url
    # As it was, for the tests that follow.
    now = silence.created_at
    AlertStore(ledger.path).end_silence(silence.silence_id, by="test", at=now)
    ledger.withdraw_waiver(waiver.finding_id, reason="", by="test", at=now)
