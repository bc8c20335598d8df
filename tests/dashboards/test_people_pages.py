"""Providers and Demand, drawn by Streamlit itself: each figure, one provider in full, and each state of nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.queries import reading
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.published import changed

Show = Callable[..., Shown]


def asked(home: Path, query: str) -> str:
    ((value,),) = reading.ask(str(require_snapshot(Home(home))), query).rows()
    return str(value)


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


# Providers ----------------------------------------------------------------------------------------


def test_members_are_counted_and_listed_with_their_reasons(read_home: Path, show: Show) -> None:
    shown = show(read_home, "providers")
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
    assert members["last_seen_at"].to_list()[3] == "–"


def test_members_are_filtered_by_health_and_search_in_the_address(read_home: Path, show: Show) -> None:
    shown = show(read_home, "providers", lang="id", health="critical")
    members = shown.table("Kesehatan setiap mitra")
    assert members["health"].to_list() == ["Kritis", "Kritis"]
    assert members["reasons"].to_list()[0] == "4 permintaan terlewat dalam 24 jam"
    shown = show(read_home, "providers", lang="id", q="UBUD")
    assert shown.table("Kesehatan setiap mitra")["provider_id"].to_list() == ["prov02"]
    shown.app.text_input(key="choice_q").input("nobody").run()
    assert "Tidak ada mitra yang cocok" in plain(shown)
    assert shown.app.query_params["q"] in ("nobody", ["nobody"])


def test_service_figures_responses_and_deliveries_are_shown(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "providers", view="service"))
    figures = (
        "Average response 1 min 11 s 95 % answered in 4 min 20 s Success rate 71 %",
        "Bookings, 24 h 243",
        "1 to 2 min 502",
        "never answered 140",
        "Push Customer 400 150 10 60 %",
        "not written Place 10 0 2 80 %",
    )
    for figure in figures:
        assert figure in text


def test_where_nothing_was_sent_or_booked_nothing_is_called_delivered(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.delivery_rates",
        "UPDATE marts.response_distribution SET bookings = 0, share = NULL",
        "UPDATE marts.service_figures SET delivery_rate = NULL",
    )
    text = plain(show(home, "providers", view="service"))
    assert "No notification was sent in the last 24 hours: nothing to measure" in text
    assert "No booking was created in this time: nothing to measure" in text
    assert "Delivered, 24 h – " in text
    assert "A dash could not be measured." in text


CALL = (
    "INSERT INTO marts.provider_calls BY NAME SELECT 'prov05' AS provider_id, 'therapist' AS provider_type,"
    " 'Spa Lima' AS provider_name, 'offline' AS reason, 3 AS open_requests, 1 AS past_deadline,"
    " TIMESTAMP '2026-11-22 05:50:00' AS oldest_request_at"
)


def test_who_needs_a_call_stands_first_and_nobody_is_said_only_where_all_are_known(
    home: Path, show: Show
) -> None:
    changed(home, "DELETE FROM marts.provider_calls", CALL)
    shown = show(home, "providers")
    text = plain(shown)
    assert "1 to call now the oldest of their bookings waits since 15 min ago" in text
    assert text.index("Who needs a call") < text.index("Health of every member")
    assert shown.table("Who needs a call")["reason"].to_list() == ["switched off or not seen"]
    changed(home, "DELETE FROM marts.provider_calls")
    assert "of some it is not known whether they are there" in plain(show(home, "providers"))
    changed(home, "UPDATE marts.member_health SET health = 'healthy' WHERE health = 'unknown'")
    assert "Whoever has a booking waiting is there" in plain(show(home, "providers"))


def test_one_provider_in_full_by_its_id_and_an_unknown_id_is_said(published_home: Home, show: Show) -> None:
    home = published_home.root
    provider_id = asked(
        home, "SELECT min(provider_id) FROM core.bookings JOIN marts.member_health USING (provider_id)"
    )
    changed(
        home,
        "DELETE FROM marts.provider_calls",
        CALL,
        f"UPDATE marts.provider_calls SET provider_id = '{provider_id}', provider_type = (SELECT min(provider_type)"
        f" FROM marts.member_health WHERE provider_id = '{provider_id}')",
    )
    bookings = asked(
        home,
        f"SELECT count(*) FROM core.bookings WHERE provider_id = '{provider_id}'"
        " AND deleted_at IS NULL AND NOT coalesce(is_test, false)",
    )
    shown = show(home, "providers", provider=provider_id)
    text = plain(shown)
    assert "To call: switched off or not seen; 3 waiting, 1 of them past the deadline" in text
    assert "Health of every member" not in text
    assert f'href="commissions?provider={provider_id}"' in shown.html
    assert len(shown.table("Its bookings")) == int(bookings) > 0
    assert "No provider nobody is known" in plain(show(home, "providers", provider="nobody"))


# Demand -------------------------------------------------------------------------------------------

UNUSUAL = (
    "INSERT INTO marts.unusual BY NAME SELECT 'bookings' AS series, 'chatWindow' AS source,"
    " TIMESTAMP '2026-11-22 06:00:00' AS hour_start, 0.0 AS figure, 9.0 AS expected, 3.0 AS low, 15.0 AS high,"
    " 0.0001 AS likelihood, TIMESTAMP '2026-11-22 05:40:00' AS since, 'unusual' AS state, true AS is_open,"
    " TIMESTAMP '2026-11-22 06:00:00' AS counted_from, TIMESTAMP '2026-11-22 06:05:00' AS counted_until"
)


def test_what_is_unusual_now_and_what_cannot_be_told(home: Path, show: Show) -> None:
    changed(home, "DELETE FROM marts.unusual", UNUSUAL)
    assert "Bookings Chat window 0 9 3 – 15 13:40 WITA" in plain(show(home, "demand"))
    changed(home, "UPDATE marts.unusual SET state = 'usual'")
    assert "Nothing is unusual now 1 figures" in plain(show(home, "demand"))
    changed(home, "UPDATE marts.unusual SET state = 'unknown', why = 'holiday'")
    text = plain(show(home, "demand"))
    assert "It cannot be told whether anything is unusual a holiday" in text
    assert "Nothing is unusual" not in text


SHORT = (
    "INSERT INTO marts.short_hours BY NAME SELECT 'Ubud' AS city, 6 AS weekday, 20 AS hour, 4 AS hours,"
    " {seen} AS seen_hours, 12 AS requests, 7 AS accepted, 5 AS unanswered, {unserved} AS unserved,"
    " {short} AS short_hours, 1.5 AS providers_online, 0.25 AS providers_free"
)


def test_the_hours_that_need_more_therapists(home: Path, show: Show) -> None:
    changed(home, "DELETE FROM marts.short_hours", SHORT.format(seen=4, unserved=3, short=2))
    shown = show(home, "demand")
    text = plain(shown)
    assert "3 of 5 unanswered bookings came while nobody was free" in text
    assert "in 4 of 4 hours" in text
    row = shown.table("Hours that need more therapists").iloc[0]
    assert (row["city"], row["weekday"]) == ("Ubud", "Saturday")
    changed(home, "DELETE FROM marts.short_hours", SHORT.format(seen=4, unserved=0, short=0))
    assert "No hour was short of providers" in plain(show(home, "demand"))
    changed(home, "DELETE FROM marts.short_hours", SHORT.format(seen=0, unserved=0, short=0))
    assert "It cannot be told which hours are short" in plain(show(home, "demand"))


def test_the_funnel_of_the_days_by_source_with_young_days_marked(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.booking_funnel WHERE local_date BETWEEN DATE '2026-11-16' AND DATE '2026-11-22'",
        "INSERT INTO marts.booking_funnel BY NAME SELECT DATE '2026-11-20' AS local_date, 'chatWindow' AS source,"
        " 40 AS created, 30 AS answered, 20 AS accepted, 10 AS completed, 8 AS recorded, NULL AS paid,"
        " false AS is_complete, 12 AS declined, 10 AS unanswered, 0 AS expired_answered, 5 AS cancelled,"
        " 3 AS reassigned, 0 AS still_open, 0 AS unknown",
    )
    shown = show(home, "demand", view="funnel")
    text = plain(shown)
    assert "Chat window 40 30 75 % 20 50 % 10 25 % 8 20 % – –" in text
    assert "1 of the days are not over" in text
    assert "Declined 12 30 %" in text
    assert "bookings?source=chatWindow" in shown.html
    assert "No booking was made in these days" in plain(
        show(home, "demand", view="funnel", period="custom", from_="2020-01-01", to="2020-01-02")
    )


def test_why_bookings_are_declined_and_what_is_odd(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.decline_reasons",
        "INSERT INTO marts.decline_reasons VALUES (DATE '2026-11-20', 'busy', 3), (DATE '2026-11-21', 'busy', 3),"
        " (DATE '2026-11-21', 'price', 2), (DATE '2026-10-01', 'illness', 9)",
    )
    assert "busy 6 75 % price 2 25 %" in plain(show(home, "demand", view="declines"))
    changed(home, "DELETE FROM marts.booking_anomalies")
    assert "No odd booking was found None is repeated" in plain(show(home, "demand", view="odd"))


@pytest.mark.parametrize(("page", "absent"), [("providers", 2), ("demand", 3)])
def test_an_older_snapshot_says_what_it_does_not_hold(
    publication: Path, tmp_path: Path, show: Show, page: str, absent: int
) -> None:
    snapshot.build(publication, tmp_path / "home", later=False)
    text = plain(show(tmp_path / "home", page))
    assert "could not be read" not in text
    assert text.count("Not in this snapshot yet") == absent
