"""What stands around every page, in a real browser: one entry in the history a choice, Back to the filters, the search
in the head, the phone's sidebar, what a first load costs, and axe-core over all pages in both looks and widths."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError as NotThere

from dashboards import frame
from dashboards.wording import texts
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.browser.conftest import Served, drawn
from tests.browser.test_pages_in_chromium import shoot

pytestmark = pytest.mark.browser

MOST_BYTES, MOST_SHIFT = 1_500_000, 0.1
SHIFTS = """
window.shift = 0;
new PerformanceObserver((seen) => {
  for (const one of seen.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def tab(window: Any) -> Iterator[Any]:
    page = window.new_page()
    page.set_viewport_size({"width": 1400, "height": 900})
    page.loaded = []
    page.on(
        "request", lambda asked: page.loaded.append(asked.url) if asked.resource_type == "document" else None
    )
    yield page
    page.close()


def nav(page: Any, title: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=title).first.click()
    drawn(page, title)


def _choose_yesterday(tab: Any) -> None:
    """A page that is drawn once more closes a list that was opened meanwhile: it is opened again."""
    for _ in range(6):
        tab.locator(".st-key-choice_period input").click()
        try:
            tab.get_by_role("option", name="Yesterday").click(timeout=10_000)
        except NotThere:
            tab.keyboard.press("Escape")
        else:
            return
    raise AssertionError("the list of periods does not stay open")


def test_a_choice_is_one_entry_of_the_history_and_goes_along(tab: Any, served: Served) -> None:
    tab.goto(f"{served.url}/revenue")
    drawn(tab, "Revenue")
    assert tab.title() == "Revenue · bookwatch"
    assert tab.evaluate("document.documentElement.lang") == "en"
    _choose_yesterday(tab)
    tab.wait_for_url("**/revenue?period=yesterday")
    nav(tab, "Demand")
    assert tab.url == f"{served.url}/demand?period=yesterday"
    tab.go_back()
    drawn(tab, "Revenue")
    assert tab.url == f"{served.url}/revenue?period=yesterday"
    tab.go_back()
    tab.get_by_text("16–22 Nov 2026").first.wait_for()
    assert tab.url == f"{served.url}/revenue"
    assert len(tab.loaded) == 1  # nothing was loaded anew
    tab.goto(f"{served.url}/revenue?lang=id")
    drawn(tab, texts("id")["revenue.title"])
    assert tab.evaluate("document.documentElement.lang") == "id"


def test_a_booking_is_opened_by_its_number_in_the_head_and_back_is_where_one_was(
    tab: Any, served: Served
) -> None:
    # Not as the dashboards ask: they keep it open, and nobody of this process could open it in another way.
    with open_snapshot(require_snapshot(Home(served.home))) as con:
        ((booking,),) = con.execute("SELECT min(booking_id) FROM core.bookings").fetchall()
    tab.goto(f"{served.url}/revenue?period=today")
    drawn(tab, "Revenue")
    tab.locator(".st-key-bw_search input").fill(booking)
    tab.keyboard.press("Enter")  # the one thing to do
    drawn(tab, "Bookings")
    assert tab.url == f"{served.url}/bookings?period=today&booking={booking}"
    tab.get_by_test_id("stMain").get_by_text(booking).first.wait_for()
    tab.go_back()
    drawn(tab, "Revenue")
    assert tab.url == f"{served.url}/revenue?period=today"
    assert len(tab.loaded) == 1


def test_what_is_being_typed_stays_and_the_sidebar_of_a_phone_makes_room(tab: Any, served: Served) -> None:
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(served.url)
    drawn(tab, "Overview")
    tab.locator(".st-key-bw_search input").fill("BK-00")
    tab.wait_for_timeout(6_000)  # the head is judged anew every five seconds
    assert tab.locator(".st-key-bw_search input").input_value() == "BK-00"
    tab.get_by_test_id("stExpandSidebarButton").click()
    tab.get_by_test_id("stSidebarNavLink").filter(has_text="Months").click()
    drawn(tab, "Months")
    tab.wait_for_function(
        "() => document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().right <= 1"
    )


@pytest.mark.parametrize(("path", "most_bytes"), [("/", MOST_BYTES), ("/health?lang=id", 1_800_000)])
def test_a_first_load_is_small_moves_nothing_and_asks_nothing_in_vain(
    chromium: Any, served: Served, path: str, most_bytes: int
) -> None:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: dict[str, int] = {}
    asked: dict[str, str] = {}
    refused: list[str] = []
    network.on(
        "Network.requestWillBeSent", lambda one: asked.update({one["requestId"]: one["request"]["url"]})
    )
    network.on(
        "Network.loadingFinished",
        lambda done: sizes.update({done["requestId"]: int(done["encodedDataLength"])}),
    )
    page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{served.url}{path}")
    page.locator(".bw-head h1").wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(500)
    assert refused == []
    largest = sorted(((size, asked.get(one, one)) for one, size in sizes.items()), reverse=True)[:6]
    assert sum(sizes.values()) < most_bytes, largest
    assert page.evaluate("() => window.shift") < MOST_SHIFT
    context.close()


#: A record to open on its list's page: the list stands below it.
OPENED = {
    "bookings": (
        "booking",
        "SELECT min(booking_id) FROM core.bookings WHERE deleted_at IS NULL AND NOT is_test",
    ),
    "customers": ("customer", "SELECT min(customer_id) FROM core.bookings"),
    "chat": ("room", "SELECT min(room_id) FROM core.chat_rooms"),
    "commissions": ("provider", "SELECT min(provider_id) FROM marts.commission_ledger"),
    "findings": ("finding", "SELECT min(finding_id) FROM marts.commission_findings"),
    "providers": ("provider", "SELECT min(provider_id) FROM core.providers"),
    "mine": ("provider", "SELECT min(provider_id) FROM marts.commission_ledger"),
    "data_quality": ("check", "SELECT min(check_name) FROM ops.check_results WHERE NOT passed"),
}
#: What is folded away is opened.
UNFOLD = (
    "for (const one of document.querySelectorAll('[data-testid=stExpander] details:not([open]) > summary'))"
    " one.click()"
)


def opened(home: Path) -> dict[str, str]:
    """Page → what its address says of the record that is opened there."""
    with open_snapshot(require_snapshot(Home(home))) as con:
        ids = {page: (choice, con.execute(sql).fetchall()[0][0]) for page, (choice, sql) in OPENED.items()}
    found = {page: "?" + urlencode({choice: one}) for page, (choice, one) in ids.items() if one}
    assert {"bookings", "commissions", "findings", "providers"} <= found.keys()
    return found


@pytest.mark.timeout(900)  # every page three times
def test_axe_finds_nothing_serious_on_any_page_and_a_narrow_dark_screen_needs_no_sideways_scrolling(
    window: Any, served: Served, tmp_path: Path
) -> None:
    """With a record opened where a page opens one, and everything unfolded. Contrast, the dear rule, is asked for at
    the desk in both looks; all others there in the light one, and on a dark phone, where tables scroll and no page
    needs to be moved sideways."""
    without_contrast = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}
    only_contrast = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
    found: dict[str, set[str]] = defaultdict(set)
    axe, say, records = Axe(), texts("en"), opened(served.home)
    page = window.new_page()
    page.goto(served.url)
    drawn(page, "Overview")
    for entry in frame.PAGES:
        page.set_viewport_size({"width": 1400, "height": 900})
        at = "" if entry == frame.PAGES[0] else entry.name
        page.evaluate("at => window.bookwatch.go(at)", f"/{at}{records.get(entry.name, '')}")
        drawn(page, say[f"{entry.name}.title"])
        page.evaluate(UNFOLD)
        for look, width, asked in (
            ("light", 1400, {"resultTypes": ["violations"]}),
            ("dark", 1400, only_contrast),
            ("dark", 390, without_contrast),
        ):
            page.emulate_media(color_scheme=look)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(250)
            for rule in axe.run(page, options=asked).response["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    for node in rule["nodes"]:
                        found[f"{rule['id']}: {node['html'][:160]}"].add(f"{entry.name} {look} {width}")
        assert (
            page.evaluate(
                "() => { const m = document.querySelector('[data-testid=stMainBlockContainer]');"
                " return m.scrollWidth - m.clientWidth; }"
            )
            <= 0
        ), entry.name
        shoot(page, tmp_path, f"narrow_{entry.name}")
    page.close()
    if folder := os.environ.get("BOOKWATCH_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "axe.json").write_text(json.dumps({k: sorted(v) for k, v in found.items()}, indent=1))
    assert {rule: sorted(where) for rule, where in found.items()} == {}
