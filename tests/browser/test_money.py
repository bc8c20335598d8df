"""The tasks of a day that are about money, in a real browser, with their clicks counted from the Overview."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.exports.commissions import export_commissions
from pipelines.exports.verify import verify_export
from resources.clock import Clock
from resources.home import Home
from resources.snapshots import point_link, require_snapshot
from tests.browser.conftest import Served
from tests.browser.test_pages_in_chromium import settle, shoot
from tests.dashboards import snapshot
from tests.dashboards.plain import plain
from tests.published import changed

pytestmark = pytest.mark.browser

NOW = datetime(2026, 11, 22, 6, 6, tzinfo=UTC)


class Desk:
    """A person at the Overview, whose clicks are counted."""

    def __init__(self, page: Any, served: Served) -> None:
        self.page, self.served, self.clicks = page, served, 0

    def home(self) -> None:
        self.page.goto(self.served.url)
        settle(self.page, "Overview")
        self.clicks = 0

    def chat(self, monday: date) -> int:
        """Bookings from the chat window in a week."""
        week = [monday + timedelta(days=n) for n in range(7)]
        return sum(self.served.truth.sources[day, "chatWindow"]["bookings"] for day in week)

    def settle(self, title: str) -> str:
        """The page once it is drawn: no longer than three screens."""
        text = plain(settle(self.page, title))
        long = "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
        assert self.page.evaluate(long) <= 3 * 900, title
        return text

    def page_of(self, title: str, until: str = "") -> str:
        """Go to a page by the sidebar. ``until``: words that are there once it is drawn."""
        self.clicks += 1
        self.page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
        self.wait(until)
        return self.settle(title)

    def click(self, locator: Any, title: str, until: str = "") -> str:
        self.clicks += 1
        locator.click()
        self.wait(until)
        return self.settle(title)

    def wait(self, until: str) -> None:
        if until:
            self.page.get_by_text(until).first.wait_for()

    def row(self, table: str, number: int, title: str) -> str:
        """Pick a row of a table: the mark at its left edge."""
        drawn = self.page.locator(f".st-key-table_{table} [data-testid=stDataFrame]")
        drawn.locator("canvas").first.wait_for()
        box = drawn.bounding_box()
        self.clicks += 1
        self.page.mouse.click(box["x"] + 18, box["y"] + 35 * (number + 1) + 17)
        self.page.locator(".bw-back").first.wait_for()
        return self.settle(title)


@pytest.fixture(scope="module")
def desk(window: Any, served: Served) -> Iterator[Desk]:
    page = window.new_page()
    page.set_viewport_size({"width": 1400, "height": 900})
    yield Desk(page, served)
    page.close()


def test_who_owes_most_and_since_when_and_an_account_down_to_the_lines_of_october(
    desk: Desk, tmp_path: Path
) -> None:
    desk.home()
    text = desk.page_of("Commissions", "owed, with fees")
    assert "Rp 848250 owed, with fees" in text
    assert desk.clicks == 1
    shoot(desk.page, tmp_path, "commissions")
    text = desk.row("balances", 1, "Commissions")
    assert "Account of Sari Wellness" in text
    assert "provider=prov00" in desk.page.url
    text = desk.click(
        desk.page.get_by_role("link", name="October 2026"), "Commissions", "Beside the account, in no sum"
    )
    assert "October 2026, line by line" in text
    assert "= Closing Rp 250000 balanced" in text
    assert desk.clicks == 3
    shoot(desk.page, tmp_path, "account")
    desk.page.go_back()
    assert "line by line" not in settle(desk.page, "Commissions")


def test_yesterdays_revenue_and_whether_october_is_ready_are_one_click_away(desk: Desk) -> None:
    desk.home()
    yesterday = desk.served.truth.days[date(2026, 11, 21)]["booked_idr"]
    assert "Yesterday, Sat, 21 Nov 2026 beside Sat, 14 Nov 2026 " in desk.page_of("Revenue", "Yesterday, Sat")
    assert f"Rp {yesterday}" in plain(settle(desk.page, "Revenue"))
    assert desk.clicks == 1
    # Bookings from chat, last week against the week before.
    text = desk.click(desk.page.get_by_role("link", name="Last week", exact=True), "Revenue", "2–8 Nov 2026")
    assert "9–15 Nov 2026 · WITA" in text
    assert "Beside each figure: 2–8 Nov 2026 " in text
    now, then = (desk.chat(first) for first in (date(2026, 11, 9), date(2026, 11, 2)))
    assert re.search(rf"Chat window {now} [+-][\d.,]+ ?% · {then} ", text)
    assert desk.clicks == 2
    desk.home()
    assert "October 2026 is not ready yet" in desk.page_of("Months", "October 2026 is not ready yet")
    assert desk.clicks == 1


def test_a_missing_commission_is_opened_with_what_to_do_and_all_of_them_are_downloaded(desk: Desk) -> None:
    desk.home()
    desk.page_of("Commissions")
    desk.click(
        desk.page.get_by_role("link", name="Bookings without a record"),
        "Commissions",
        "of commission at stake",
    )
    with desk.page.expect_download() as begun:
        desk.page.locator(".st-key-download_missing_commissions button").click()
    assert begun.value.suggested_filename == f"bookwatch_missing_commissions_{snapshot.SNAPSHOT_ID}.csv"
    lines = Path(begun.value.path()).read_text(encoding="utf-8-sig").splitlines()
    fields = lines[0].split(",")
    rows = [dict(zip(fields, line.split(","), strict=True)) for line in lines[1:]]
    assert [(row["booking_id"], int(row["expected_idr"])) for row in rows] == desk.served.truth.missing
    text = desk.row("missing_commissions", 0, "Findings")
    assert f"missing:{desk.served.truth.missing[0][0]}" in text
    assert desk.clicks == 3


def test_an_opened_finding_stays_the_same_when_a_snapshot_without_the_first_row_is_published(
    desk: Desk, tmp_path: Path
) -> None:
    old = require_snapshot(Home(desk.served.home))
    desk.home()
    desk.page_of("Findings")
    desk.row("findings", 3, "Findings")
    finding = desk.page.locator(".bw-opened code").first.inner_text()
    assert finding in desk.page.url.replace("%3A", ":")
    first = desk.page.url
    shoot(desk.page, tmp_path, "finding")
    newest = changed(
        desk.served.home,
        "DELETE FROM marts.commission_findings WHERE finding_id = (SELECT finding_id FROM marts.commission_findings"
        f" WHERE finding_id <> '{finding}' ORDER BY abs(variance_idr) DESC, finding_id LIMIT 1)",
    )
    try:
        desk.page.get_by_text(newest).first.wait_for()
        settle(desk.page, "Findings")
        assert desk.page.locator(".bw-opened code").first.inner_text() == finding
        assert desk.page.url == first
    finally:
        point_link(Home(desk.served.home).current, old)


def test_the_october_report_is_two_clicks_away_and_proves_what_was_downloaded(
    desk: Desk, tmp_path: Path
) -> None:
    export_commissions(
        Home(desk.served.home),
        Clock(NOW),
        first=date(2026, 10, 1),
        until=date(2026, 11, 1),
        out=desk.served.home / "exports" / "october",
        made_by="Putu",
        time_zone="Asia/Makassar",
    )
    desk.home()
    desk.page_of("Months")
    text = desk.click(desk.page.get_by_role("radio", name="Report of any days"), "Months", "1–31 Oct 2026")
    assert "Period 1–31 Oct 2026 Made by Putu" in text
    assert desk.clicks == 2
    with desk.page.expect_download() as begun:
        desk.page.locator(".st-key-report_zip button").click()
    stem = f"commissions_2026-10-01_2026-11-01_{snapshot.SNAPSHOT_ID}"
    assert begun.value.suggested_filename == f"{stem}.zip"
    with zipfile.ZipFile(begun.value.path()) as archive:
        archive.extractall(tmp_path / "report")
    # What was downloaded is what the ledger knows, to the byte.
    verdict = verify_export(tmp_path / "report", desk.served.home / "ledger.sqlite")
    assert (verdict.holds, verdict.files) == (True, 6)
