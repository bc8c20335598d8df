"""Each page drawn by Streamlit itself on a snapshot: its figures exactly, and its empty, stale and failed
states."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards import frame
from dashboards.kit import cards, parts
from dashboards.wording import Wording
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import Truth, edit
from tests.published import changed

TODAY = date(2026, 11, 22)
WEEK = (date(2026, 11, 16), TODAY)
Show = Callable[..., Shown]


def rp(amount: int, language: str = "en") -> str:
    written = ("-" if amount < 0 else "") + "Rp " + f"{abs(amount):,}"
    return written.replace(",", ".") if language == "id" else written


# Overview -----------------------------------------------------------------------------------------


def test_overview_shows_the_three_figures_apart_with_the_period_before(
    read_home: Path, truth: Truth, show: Show
) -> None:
    shown = show(read_home, period="custom", from_="2026-11-15", to="2026-11-21")
    before = (date(2026, 11, 8), date(2026, 11, 14))
    for name in ("booked", "completed", "collected"):
        now = truth.total(f"{name}_idr", date(2026, 11, 15), date(2026, 11, 21))
        then = truth.total(f"{name}_idr", *before)
        card = shown.card(name)
        assert f" {rp(now)} " in card
        assert f"{rp(then)} in the 7 days before" in card
        change = f"{(now - then) / then * 100:+.1f}".removesuffix(".0")
        assert f"{change}\u00a0%".replace("\u00a0", " ") in card.replace("\u00a0", " ")
    assert shown.card("booked").startswith("Booked Value of accepted, confirmed and completed bookings")
    assert shown.card("collected").startswith("Collected Commission that was paid")


def test_what_has_no_local_day_is_told_beside_the_figures(home: Path, show: Show) -> None:
    assert "no local day" not in show(home).text
    made = """INSERT INTO marts.undated_rows BY NAME SELECT 'bookings' AS collection, 2 AS rows,
        500000 AS booked_idr, 250000 AS completed_idr, 75000 AS collected_idr"""
    changed(home, made)
    text = show(home).text.replace("\u00a0", " ")
    assert "2 rows have no local day yet." in text
    assert "booked Rp 500,000, completed Rp 250,000, collected Rp 75,000." in text


def test_free_bookings_are_counted_where_the_snapshot_knows_them() -> None:
    row = {"state": "perfect", "tracked": 2, "missing": 0, "awaiting": 0, "unknown": 0, "free": 3}
    for language, word in (("en", "free"), ("id", "gratis")):
        say = Wording(language, "Asia/Makassar")
        card = f'<b>3</b><span class="bw-soft">{word}</span>'
        assert card in cards.commission_card(row, snapshot.NOW, say)
        assert f">{word}<" not in cards.commission_card(row | {"free": None}, snapshot.NOW, say)
        assert say.word("state", "free") != "free"
        assert parts.tone("free") == "good"


def test_the_period_and_the_language_come_from_the_address(read_home: Path, truth: Truth, show: Show) -> None:
    shown = show(read_home, period="custom", from_="2026-11-20", to="2026-11-21", lang="id")
    assert "Ringkasan 20–21 Nov 2026 · WITA" in shown.text
    assert "masih berjalan" not in shown.text
    assert rp(truth.total("booked_idr", date(2026, 11, 20), date(2026, 11, 21)), "id") in shown.card("booked")
    assert "Terganggu 2 rusak, 4 bekerja, 1 tidak dapat diukur." in shown.text
    assert dict(shown.app.query_params) == {
        "period": "custom",
        "from": "2026-11-20",
        "to": "2026-11-21",
        "lang": "id",
    }


def test_what_is_loaded_by_the_first_drawing_is_collected_no_more(read_home: Path, show: Show) -> None:
    show(read_home)
    assert gc.get_freeze_count() > 10_000


def test_choosing_a_period_and_a_language_goes_into_the_address(
    read_home: Path, truth: Truth, show: Show
) -> None:
    app = show(read_home).app
    app.sidebar.selectbox(key="choice_period").select("yesterday").run()
    app.sidebar.button_group(key="choice_lang").select("id").run()
    assert dict(app.query_params) == {"period": "yesterday", "lang": "id"}
    assert (
        f"{rp(truth.total('booked_idr', TODAY - timedelta(days=2), TODAY - timedelta(days=2)), 'id')} sehari sebelumnya"
        in Shown(app).text
    )


@pytest.mark.parametrize(
    "address", [{"period": "never"}, {"lang": "fr"}, {"period": "custom", "from_": "x", "to": "y"}]
)
def test_nonsense_in_the_address_is_left_aside(read_home: Path, show: Show, address: dict[str, str]) -> None:
    assert "16–22 Nov 2026" in show(read_home, **address).text


def test_a_period_before_the_data_says_where_the_data_begins(read_home: Path, show: Show) -> None:
    text = show(read_home, period="custom", from_="2026-01-01", to="2026-01-31").text
    assert "No day in this period has data The data begins on 24 Sep 2026." in text
    assert "Rp 0" not in text


def test_a_period_that_cannot_be_compared_says_so(read_home: Path, show: Show) -> None:
    assert "No earlier period to compare with" in show(read_home, period="90d").card("booked")


# Health -------------------------------------------------------------------------------------------


def test_health_shows_each_point_with_figure_limit_message_severity_and_evidence(
    read_home: Path, show: Show
) -> None:
    text = show(read_home, "health").text.replace("\u00a0", " ")
    assert "Degraded 2 broken, 4 working, 1 could not be measured." in text
    assert (
        "1 User-to-member connection 243 bookings in 24 h Limit: at least 1 Since 15 Nov 12:05 WITA, for 7 d 2 h Evidence 14:02 WITA, 3 min ago Working"
        in text
    )
    assert (
        "3 Scheduled booking No booking of the last 7 days carries a mode (1702 rows) not measured Limit: at least 1 Since 20 Nov 02:05 WITA, for 2 d 12 h No evidence Unknown"
    ) in text
    assert "5 Data flow to admin newest booking 3 min old Limit: at most 1 h" in text
    assert (
        "6 Notification delivery Notification delivery rate below 80% 73.1 % delivered in 24 h Limit: at least 80 %"
        " Since 21 Nov 20:05 WITA, for 18 h Evidence 14:03 WITA, 2 min ago Broken high"
    ) in text
    assert (
        "7 Payment tracking Payment tracking system not recording commissions 12 missing Limit: at most 0"
        in text
    )


def test_a_word_that_is_not_known_is_never_shown_as_fine(home: Path, show: Show) -> None:
    def change(status: dict[str, Any]) -> None:
        status["health"]["points"][0]["status"] = "peculiar"

    edit(home, change)
    shown = show(home, "health")
    assert re.search(r'class="bw-point bw-none"><div class="bw-point-no">1<', shown.html)
    assert "3 working, 2 could not be measured" in shown.text


# Nothing, old, failed -----------------------------------------------------------------------------

PAGES = ("overview", "revenue", "health")
ALL_PAGES = tuple(entry.name for entry in frame.PAGES)


@pytest.mark.parametrize("page", ALL_PAGES)
def test_without_a_snapshot_each_page_says_what_to_run(tmp_path: Path, show: Show, page: str) -> None:
    text = show(tmp_path, page).text
    assert "No data yet No complete read is recorded" in text
    assert (
        f"Nothing has been published yet bookwatch shows a snapshot of your marketplace, and there is none in {tmp_path}."
        in text
    )
    assert "bookwatch run reads your Appwrite" in text
    assert "bookwatch demo shows everything on a simulated marketplace" in text
    assert "Rp" not in text


@pytest.mark.parametrize("page", PAGES)
def test_old_data_is_shown_under_a_banner_and_without_green(
    publication: Path, tmp_path: Path, show: Show, page: str
) -> None:
    snapshot.build(publication, tmp_path / "home", read_ago=timedelta(hours=1, minutes=25))
    shown = show(tmp_path / "home", page)
    assert "Out of date Appwrite read 1 h 25 min ago · 12:40 WITA" in shown.text
    assert (
        "These figures are out of date. Last complete read of bookings, chat_messages, commission_records: 1 h 25 min ago (12:40 WITA)."
    ) in shown.text
    if page != "revenue":
        assert "As judged at 12:40 WITA, 1 h 25 min ago." in shown.text
        assert "bw-outdated" in shown.html
        assert '<div class="bw-system bw-none">' in shown.html


@pytest.mark.parametrize("page", PAGES)
def test_a_failed_run_is_said_and_the_last_good_snapshot_still_shown(
    home: Path, truth: Truth, show: Show, page: str
) -> None:
    snapshot.write_status(
        home,
        snapshot.failed(
            snapshot.status_of(truth), "Appwrite refused the key. `bookwatch doctor` <says> more."
        ),
    )
    shown = show(home, page)
    assert (
        "The last run failed. At 14:04 WITA. Appwrite refused the key. bookwatch doctor <says> more. Exit status 11."
        " You see the last good snapshot, published 14:05 WITA."
    ) in shown.text
    assert "<says>" not in shown.html
    if page != "health":
        assert rp(truth.total("booked_idr", *WEEK)) in shown.text


def test_a_first_run_that_failed_says_both(tmp_path: Path, show: Show) -> None:
    (tmp_path / "published").mkdir()
    snapshot.write_status(tmp_path, snapshot.failed({"version": 1}, "Appwrite cannot be reached."))
    text = show(tmp_path).text
    assert (
        "The last run failed. At 14:04 WITA. Appwrite cannot be reached. Exit status 11. Nothing has been published yet."
        in text
    )
    assert "bookwatch run" in text


def test_where_no_scan_is_recorded_the_age_is_unknown(home: Path, show: Show) -> None:
    (home / "published" / "status.json").unlink()
    changed(home, "DELETE FROM ops.scans")
    text = show(home).text
    assert "Age unknown No complete read is recorded" in text
    assert "The age of these figures is unknown." in text


def test_a_wrong_setting_is_one_sentence(
    read_home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKWATCH_PAGE_SIZE", "-1")
    shown = show(read_home)
    assert (
        "A setting keeps the dashboards from starting. A setting is wrong: BOOKWATCH_PAGE_SIZE" in shown.text
    )


def test_a_new_snapshot_is_noticed(home: Path, truth: Truth, show: Show) -> None:
    app = show(home).app
    before = Shown(app).text
    newest = changed(
        home,
        "UPDATE marts.revenue_daily SET booked_idr = booked_idr + 1 WHERE local_date = DATE '2026-11-22'",
    )
    app.run()
    assert rp(truth.total("booked_idr", *WEEK) + 1) in Shown(app).card("booked")
    assert newest in Shown(app).text
    assert newest not in before
