"""Every page in a real browser: its figures are in the text, nothing is logged as an error, nothing leaves
the machine."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from resources.home import Home
from resources.snapshots import point_link, require_snapshot
from tests.browser.conftest import Served, drawn
from tests.published import changed

pytestmark = pytest.mark.browser

WEEK = (date(2026, 11, 16), date(2026, 11, 22))


def rp(amount: int, language: str = "en") -> str:
    written = f"Rp {amount:,}"
    return written.replace(",", ".") if language == "id" else written


def nav(page: Any, title: str) -> str:
    """Choose a page in the sidebar; its text."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{title}$")).click()
    return settle(page, title)


@pytest.fixture
def tab(window: Any, served: Served) -> Iterator[Any]:
    """A tab that remembers what was logged as an error and which other hosts were asked."""
    page = window.new_page()
    page.errors, page.elsewhere, page.refused = [], [], []
    page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("response", lambda answer: page.refused.append(answer.url) if answer.status >= 400 else None)
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((served.url, served.url.replace("http", "ws", 1), "data:", "blob:"))
            else page.elsewhere.append(asked.url)
        ),
    )
    yield page
    page.close()


def settle(page: Any, title: str) -> str:
    """Wait for a page to be drawn; its text, white space collapsed."""
    page.locator(".bw-foot").first.wait_for()
    drawn(page, title)
    return re.sub(
        r"\s+",
        " ",
        page.locator("[data-testid=stMain], [data-testid=stMainBlockContainer]").first.inner_text(),
    )


def shoot(page: Any, tmp_path: Path, name: str) -> None:
    """A picture of the page; BOOKWATCH_SCREENSHOTS names a folder to keep it in."""
    folder = Path(os.environ.get("BOOKWATCH_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size > 20_000


def test_each_page_shows_its_figures_without_an_error(tab: Any, served: Served, tmp_path: Path) -> None:
    booked, completed, collected = (
        rp(served.truth.total(f"{name}_idr", *WEEK)) for name in ("booked", "completed", "collected")
    )
    tab.goto(served.url)
    tab.locator(".bw-collected .bw-amount").wait_for()
    text = settle(tab, "Overview")
    for figure in (booked, completed, collected):
        assert figure in text
    assert "Missing commissions" in text
    assert "Degraded" in text
    assert "Appwrite read 18 s ago · 14:05 WITA" in text
    shoot(tab, tmp_path, "overview")

    text = nav(tab, "Revenue")
    assert booked in text
    tab.locator(".st-key-daily .js-plotly-plot .bars").first.wait_for()
    shoot(tab, tmp_path, "revenue")

    text = nav(tab, "Health")
    assert "Payment tracking system not recording commissions" in text
    assert "Limit: at least 80 %" in text.replace("\u00a0", " ")
    assert "Broken hops: 4 of 6" in text
    shoot(tab, tmp_path, "health")

    assert tab.errors == []
    assert tab.refused == []
    assert tab.elsewhere == []


def test_a_page_opened_by_its_address_keeps_period_and_language(
    tab: Any, served: Served, tmp_path: Path
) -> None:
    tab.goto(f"{served.url}/revenue?period=today&lang=id")
    text = settle(tab, "Pendapatan")
    assert rp(served.truth.total("booked_idr", WEEK[1], WEEK[1]), "id") in text
    assert "22 Nov 2026 · WITA" in text
    assert "bookwatch" not in tab.locator("[data-testid=stSidebarNav]").inner_text()
    nav(tab, "Kesehatan")
    text = nav(tab, "Ringkasan")
    assert "22 Nov 2026 · WITA" in text
    assert "period=today" in tab.url
    assert "lang=id" in tab.url
    assert tab.refused == []
    assert tab.errors == []


def test_a_new_snapshot_appears_by_itself_and_nothing_flickers(tab: Any, served: Served) -> None:
    tab.goto(served.url)
    settle(tab, "Overview")
    before = rp(served.truth.total("booked_idr", *WEEK))
    after = rp(served.truth.total("booked_idr", *WEEK) + 1_000_000)
    tab.evaluate(
        "() => { window.faded = 0; window.watch = setInterval(() => {"
        " for (const e of document.querySelectorAll('[data-testid=stElementContainer]'))"
        "   if (Number(getComputedStyle(e).opacity) < 1) window.faded += 1; }, 50); }"
    )
    old = require_snapshot(Home(served.home))
    assert before in tab.locator(".bw-booked .bw-amount").inner_text()
    changed(
        served.home,
        "UPDATE marts.revenue_daily SET booked_idr = booked_idr + 1000000"
        " WHERE local_date = DATE '2026-11-22'",
    )
    try:
        tab.get_by_text(after, exact=True).wait_for()
        assert tab.evaluate("() => window.faded") == 0
        assert tab.errors == []
    finally:
        point_link(Home(served.home).current, old)


def point_at(tab: Any, box: Any, expected: str) -> str:
    """What the daily chart says under the pointer, once it says what is expected. The pointer moves again until
    then: a chart drawn anew under a pointer at rest says nothing."""
    said = ""
    for _ in range(40):
        tab.mouse.move(5, 5)
        tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tab.wait_for_timeout(250)
        said = tab.locator(".st-key-daily .hoverlayer").first.text_content() or ""
        if expected in said:
            return said
    pytest.fail(f"{expected!r} was never said, at last: {said!r}")


@pytest.mark.parametrize(
    ("scheme", "colours"),
    [
        ("light", ["rgb(79, 167, 151)", "rgb(15, 118, 106)", "rgb(184, 122, 20)"]),
        ("dark", ["rgb(63, 158, 141)", "rgb(95, 211, 190)", "rgb(224, 171, 78)"]),
    ],
)
def test_the_daily_chart_says_a_day_in_full_and_is_never_blank_while_it_changes(
    tab: Any, served: Served, scheme: str, colours: list[str]
) -> None:
    tab.emulate_media(color_scheme=scheme)
    old = require_snapshot(Home(served.home))
    try:
        tab.goto(f"{served.url}/revenue")
        plot = tab.locator(".st-key-daily .js-plotly-plot")
        plot.locator(".bars").first.wait_for()
        settle(tab, "Revenue")
        assert (
            tab.evaluate(
                "() => [...document.querySelectorAll('.st-key-daily .bars')].map("
                "b => getComputedStyle(b.querySelector('path')).fill).concat("
                "getComputedStyle(document.querySelector('.st-key-daily .js-line')).stroke)"
            )
            == colours
        )
        assert plot.locator(".modebar-btn").count() == 0
        bar = plot.locator(".bars").first.locator("path").nth(3)
        bar.scroll_into_view_if_needed()
        box = bar.bounding_box()
        before = served.truth.days[date(2026, 11, 19)]["booked_idr"]
        assert "Thu, 19 Nov 2026" in point_at(tab, box, f"Booked : {rp(before)}")
        tab.evaluate(
            "() => { window.bare = 0;"
            " const watch = () => {"
            "   if (!document.querySelector('.st-key-daily .bars path')) window.bare += 1;"
            "   requestAnimationFrame(watch); }; watch(); }"
        )
        changed(
            served.home,
            "UPDATE marts.revenue_daily SET booked_idr = booked_idr + 1000000"
            " WHERE local_date = DATE '2026-11-19'",
        )
        tab.locator(
            ".bw-booked .bw-amount", has_text=rp(served.truth.total("booked_idr", *WEEK) + 1_000_000)
        ).wait_for()
        point_at(tab, box, f"Booked : {rp(before + 1_000_000)}")
        assert tab.evaluate("() => window.bare") == 0
    finally:
        point_link(Home(served.home).current, old)


def test_addresses_of_earlier_pages_lead_on_with_what_they_ask_for(
    tab: Any, served: Served, tmp_path: Path
) -> None:
    for old, title, place in (
        ("alerts", "To do", "/todo?period=today"),
        ("members", "Providers", "/providers?period=today"),
        ("links", "Health", "/health?period=today"),
        ("timings", "Performance", "/performance?period=today&show=timings"),
        ("errors", "Performance", "/performance?period=today&show=errors"),
    ):
        tab.goto(f"{served.url}/{old}?period=today")
        settle(tab, title)
        assert tab.url == f"{served.url}{place}"
    with tab.expect_download() as begun:
        tab.locator(".st-key-download_errors_json button").click()
    assert len(json.loads(Path(begun.value.path()).read_bytes())) == 17
    assert tab.refused == []
    assert tab.elsewhere == []
