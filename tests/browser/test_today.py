"""The tasks of Today and System in Chromium, each with its clicks counted; how tall the Overview is; that the view is
in the address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Served
from tests.browser.test_pages_in_chromium import settle

SCREEN = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def tab(window: Any) -> Iterator[Any]:
    """One tab for these tests."""
    page = window.new_page()
    page.set_viewport_size(SCREEN)
    yield page
    page.close()


class Clicks:
    """Clicks on links, counted."""

    def __init__(self, page: Any) -> None:
        self.page, self.number = page, 0

    def link(self, name: str, *, within: str = "body") -> None:
        self.page.locator(within).get_by_role("link", name=name, exact=True).first.click()
        self.number += 1


def test_what_needs_action_is_seen_at_once_and_each_cause_is_one_click_from_its_rows(
    tab: Any,
    served: Served,
) -> None:
    tab.goto(served.url)
    text = settle(tab, "Overview")
    assert "Missing commissions" in text  # none
    assert "Appwrite read 18 s ago" in text
    height = tab.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    assert height <= 1.5 * SCREEN["height"]

    for cause, page, part in (
        ("Rows not taken", "Data quality", "show=quarantine"),
        ("Collections that cannot be read", "Data quality", "show=freshness"),
        ("Missing commissions", "Findings", "code=missing"),
    ):
        clicks = Clicks(tab)
        clicks.link(cause, within=".bw-acts")
        settle(tab, page)
        assert part in tab.url
        assert clicks.number == 1
        tab.go_back()
        settle(tab, "Overview")


def test_what_changed_what_is_broken_and_why_are_a_click_away(tab: Any, served: Served) -> None:
    tab.goto(served.url)
    settle(tab, "Overview")
    clicks = Clicks(tab)
    clicks.link("Changes")
    assert "Only one snapshot is kept" in settle(tab, "Changes")
    assert clicks.number == 1
    clicks = Clicks(tab)
    clicks.link("Data quality")
    settle(tab, "Data quality")
    clicks.link("Checks that do not hold")
    tab.get_by_text("zero_missing_commission · marts/commission_summary").wait_for()
    assert "show=checks" in tab.url
    assert clicks.number == 2
    clicks = Clicks(tab)
    clicks.link("Performance")
    assert "The limit of 10 in a minute was reached" in settle(tab, "Performance")
    tab.locator(".st-key-error_rate canvas, .st-key-error_rate svg").first.wait_for()
    assert clicks.number == 1
