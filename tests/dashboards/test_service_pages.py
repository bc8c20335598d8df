"""Health's history, members, links, errors, timings and alerts, drawn by Streamlit itself: each figure, and each state of
nothing."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards import frame
from pipelines.alerting.rules import RULES
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import edit
from tests.published import changed

Show = Callable[..., Shown]


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


# Members ------------------------------------------------------------------------------------------


def test_members_are_counted_and_listed_with_their_reasons(home: Path, show: Show) -> None:
    shown = show(home, "members")
    text = plain(shown)
    assert "2 Critical 1 Warning 1 Unknown 1 Offline 2 Healthy Members in all: 7" in text
    members = shown.table("Health of every member")
    assert members["provider_id"].to_list() == [
        "prov00",
        "prov01",
        "prov02",
        "prov06",
        "prov05",
        "prov03",
        "prov04",
    ]
    assert members["reasons"].to_list()[2] == "1 missed request in 24 hours; sound off; 12 unread messages"
    # What is not known is a dash, not "no".
    assert members["sound_enabled"].to_list()[-1] == members["last_seen_at"].to_list()[3] == "–"


def test_members_are_filtered_by_health_and_search(home: Path, show: Show) -> None:
    shown = show(home, "members", lang="id")
    shown.app.pills(key="member_health").select("critical").select("warning").run()
    members = shown.table("Kesehatan setiap mitra")
    assert members["health"].to_list() == ["Kritis", "Kritis", "Peringatan"]
    assert members["reasons"].to_list()[0] == "4 permintaan terlewat dalam 24 jam"
    shown.app.text_input(key="member_search").input("UBUD").run()
    assert shown.table("Kesehatan setiap mitra")["provider_id"].to_list() == ["prov02"]
    shown.app.text_input(key="member_search").input("nobody").run()
    assert "Tidak ada mitra yang cocok" in plain(shown)


def test_service_figures_responses_and_deliveries_are_shown(home: Path, show: Show) -> None:
    text = plain(show(home, "members"))
    assert (
        "Average response 1 min 11 s 95 % answered within 4 min 20 s Success rate 71 % Delivered, 24 h 73,1 % Bookings, 24 h 243"
        in text
    )
    assert "1 to 2 min 502 29,5 %" in text
    assert "never answered 140 8,2 %" in text
    assert "Push Customer 400 150 10 60 %" in text
    assert "not written Place 10 0 2 80 %" in text


def test_where_nothing_was_sent_or_booked_nothing_is_called_delivered(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.delivery_rates",
        "UPDATE marts.response_distribution SET bookings = 0, share = NULL",
        "UPDATE marts.service_figures SET delivery_rate = NULL",
    )
    text = plain(show(home, "members"))
    assert "No notification was sent in the last 24 hours: nothing to measure" in text
    assert "No booking was created in this time: nothing to measure" in text
    assert "Delivered, 24 h – " in text
    assert "A dash could not be measured." in text


# Alerts -------------------------------------------------------------------------------------------


def test_alerts_that_fire_wait_and_are_held_back_stand_apart(home: Path, show: Show) -> None:
    shown = show(home, "alerts")
    text = plain(shown)
    firing, rest = text.split("Pending Seen, not yet long enough to fire.")
    pending, muted = rest.split("Held back Silenced by someone")
    assert (
        "zero_missing_commission critical 12 bookings that earn have no commission record. bk000977, bk001954; record them"
        " 12 Limit: 0 09:05 WITA 5 h ago 13:05 WITA Revenue"
    ) in firing
    assert "error_rate medium 13 errors in a minute 13 Limit: 10 14:04 WITA 1 min ago not sent" in pending
    assert "health_point_6 silence 7 Notification delivery rate below 80% 73,1 % Limit: 80 %" in muted
    assert "health_point_6" not in firing
    assert '<a href="revenue" target="_self">Revenue</a>' in shown.html


def test_the_page_an_alert_names_is_one_of_ours_and_the_first_has_no_address_of_its_own(
    home: Path, show: Show
) -> None:
    ours = {f"/{entry.name}" for entry in frame.PAGES}
    assert {rule.page for rule in RULES} <= ours
    edit(home, lambda status: status["alerts"][0].update(page="/overview"))
    assert '<a href="./" target="_self">Overview</a>' in show(home, "alerts").html
    edit(home, lambda status: status["alerts"][0].update(page="https://elsewhere.example/revenue?x"))
    assert "elsewhere" not in show(home, "alerts").html


def test_silences_resolved_alerts_and_deliveries_are_listed(home: Path, show: Show) -> None:
    shown = show(home, "alerts", lang="id")
    text = plain(shown)
    assert "health_point_6 7 Komang push provider is down, known 18:05 WITA 4 jam lagi berlaku" in text
    assert "error_rate 5 Ayu maintenance 21 Nov 20:05 WITA 18 jam lalu berakhir" in text
    assert (
        "ingest_stale{collection=bookings} kritis bookings was not read completely for 25 minutes 12 jam 21 Nov 20:05 WITA"
        in text
    )
    sent = shown.table("Pengiriman")
    assert sent["kind"].to_list() == ["pengingat", "menyala", "selesai", "menyala"]
    assert sent["delivered"].to_list() == ["ya", "tidak", "ya", "ya"]
    assert '<a href="revenue?lang=id" target="_self">Pendapatan</a>' in shown.html


def test_no_alert_is_good_news_only_from_a_fresh_run(home: Path, show: Show) -> None:
    edit(home, lambda status: status.update(alerts=[], alerts_pending=[]))
    assert "No alert is firing So the newest run judged." in plain(show(home, "alerts"))
    edit(home, lambda status: status["run"].update(outcome="failed"))
    shown = show(home, "alerts")
    assert "No alert is firing As far as the last run knew" in plain(shown)
    assert '<div class="bw-card bw-note bw-good">' not in shown.html


def test_without_a_status_the_snapshot_says_what_fires(home: Path, show: Show) -> None:
    (home / "published" / "status.json").unlink()
    assert "zero_missing_commission critical 12 bookings that earn" in plain(show(home, "alerts"))


# An older snapshot --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "absent", "still_there"),
    [
        ("members", 2, "Members in all: 7"),
        ("alerts", 3, "zero_missing_commission"),
    ],
)
def test_an_older_snapshot_says_what_it_does_not_hold(
    publication: Path, tmp_path: Path, show: Show, page: str, absent: int, still_there: str
) -> None:
    snapshot.build(publication, tmp_path / "home", later=False)
    text = plain(show(tmp_path / "home", page))
    assert text.count("Not in this snapshot yet") == absent
    assert still_there in text
    assert "could not be read" not in text
