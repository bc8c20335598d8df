"""Health with the chain, Data quality and Performance, drawn by Streamlit itself: each figure, and each state of nothing."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.pages import data_quality
from marketplace.health import speaks_for
from resources.ledger import Ledger, LedgerCall
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import Truth, edit
from tests.published import changed

Show = Callable[..., Shown]


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


# Health -------------------------------------------------------------------------------------------


def test_uptime_says_how_much_was_measured_and_keeps_unknown_and_unmeasured_time_apart(
    read_home: Path, show: Show
) -> None:
    shown = show(read_home, "health")
    text = plain(shown)
    assert (
        "6 · Notification delivery 66.6 % of 18 h measured broken 6 h, unknown 3 h, not measured 3 h"
        " 66.6 % of 5 d 6 h measured broken 1 d 18 h, unknown 21 h, not measured 21 h"
    ) in text
    assert (
        "3 · Scheduled booking not measured unknown 1 d not measured unknown 7 d not measured unknown 30 d"
        in text
    )
    assert (
        "1 · User-to-member connection 100 % of 1 d measured 100 % of 7 d measured 100 % of 30 d measured"
        in text
    )
    strips = [part.split("</div>")[0] for part in shown.html.split('<div class="bw-strip">')[1:]]
    # gap, then the spells with the gap between them
    assert [strip.count("<i ") for strip in strips] == [1, 2, 5]
    assert [kind in strips[2] for kind in ("bw-gap", "bw-good", "bw-none", "bw-bad")] == [True] * 4


def test_a_minute_of_measuring_says_nothing_of_thirty_days(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.health_uptime SET measured_seconds = 60, unmeasured_seconds = 30 * 86400 - 60,"
        " broken_seconds = 0, working_share = 1 WHERE point = 1 AND time_window = '30 d'",
    )
    assert "too little measured (100 % of 1 min measured) not measured 29 d 23 h" in plain(
        show(home, "health")
    )
    assert not speaks_for("30 d", 60)
    assert speaks_for("24 h", 12 * 3600)


def test_history_lists_every_spell_with_its_length(read_home: Path, show: Show) -> None:
    spells = show(read_home, "health").table("Uptime and history")
    assert spells["name"].to_list()[0] == "Notification delivery"
    assert spells["status"].to_list() == ["Broken", "Unknown", "Unknown", "Working", "Working"]
    assert spells["until"].to_list()[0] == "–"


def test_a_point_whose_since_stands_in_the_status_is_said_from_there(home: Path, show: Show) -> None:
    edit(home, lambda status: status["health"]["points"][5].update(since="2026-11-22T05:05:30Z"))
    assert "Since 13:05 WITA, for 1 h Evidence 14:03 WITA" in plain(show(home, "health"))


def test_ages_stand_still_while_the_data_is_out_of_date(
    publication: Path, tmp_path: Path, show: Show
) -> None:
    snapshot.build(publication, tmp_path / "home", read_ago=timedelta(hours=1, minutes=25))
    text = plain(show(tmp_path / "home", "health"))
    assert "Appwrite read 1 h 25 min ago" in text  # what is known at any time goes on
    assert "Since 15 Nov 12:05 WITA, for 7 d Evidence 14:02 WITA" in text


def test_each_hop_shows_its_counts_and_an_unknown_one_is_not_fine(read_home: Path, show: Show) -> None:
    shown = show(read_home, "health")
    text = plain(shown)
    assert "Broken hops: 4 of 6" in text
    assert "Booking → Chat room 100 % passed 1,702 1,702 0 0 Working" in text
    assert "Message → Notification 0 % passed 1,690 0 0 1,690 Unknown" in text
    assert "Notification → Acceptance 91.5 % passed 1,320 1,208 112 0 Broken" in text
    assert "by a key that fits two bookings" in shown.app.caption[0].value
    assert "those are not overdue" in shown.app.caption[1].value  # of the payments


def test_what_unknown_means_is_said_only_where_something_is(home: Path, show: Show) -> None:
    changed(home, 'DELETE FROM marts.broken_links WHERE "unknown" > 0')
    assert not any("Unknown" in caption.value for caption in show(home, "health").app.caption)


def test_the_ids_at_a_break_are_one_click_away_and_what_is_not_kept_is_said(
    read_home: Path, show: Show
) -> None:
    shown = show(read_home, "health")
    assert shown.table("Bookings at the break")["row_id"].to_list()[:2] == ["bk20000", "bk20001"]
    assert 'href="health?hop=4"' in shown.html
    shown = show(read_home, "health", hop="4")
    assert len(shown.table("Bookings at the break")) == 100
    assert "The newest 100 of 112 are kept in the snapshot." in [
        caption.value for caption in shown.app.caption
    ]


def test_a_hop_that_holds_is_not_shown_as_another(read_home: Path, show: Show) -> None:
    assert "Booking → Chat room: no booking is known to be stuck here" in plain(
        show(read_home, "health", hop="1")
    )


def test_a_chain_that_could_not_be_judged_is_unknown(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.broken_links SET state = 'unknown', broken = 0, passed = 0, \"unknown\" = entered",
        "DELETE FROM marts.broken_link_rows",
    )
    text = plain(show(home, "health"))
    assert "Some hops could not be judged; none is known to be broken" in text
    assert "No booking is known to be stuck; some hops could not be judged" in text
    assert "Every hop is working" not in text


# Data quality -------------------------------------------------------------------------------------


def test_the_parts_say_what_each_found_and_one_is_shown(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "data_quality"))
    assert "5 Rows not taken the oldest for 4 d 4 h" in text
    assert "2 Checks that do not hold of 40" in text
    assert "1 Collections not read 9 of 10 read completely" in text
    assert "– Came late No sweep was made" in text
    assert "Collections and their scans" not in text


def test_rows_that_were_not_taken_are_listed_with_their_reasons(read_home: Path, show: Show) -> None:
    shown = show(read_home, "data_quality", show="quarantine")
    assert (
        "5 rows could not be taken The oldest since 18 Nov 10:05 WITA (4 d 4 h ago)"
        " its creation time cannot be read creation_unreadable 5 it has no id id_missing 1"
    ) in plain(shown)
    assert sorted(shown.table("Quarantine")["row_id"]) == ["q0", "q1", "q2", "q3", "q4"]


def test_collections_are_shown_with_their_reads_and_those_that_cannot_be_read_are_named(
    read_home: Path, show: Show
) -> None:
    text = plain(show(read_home, "data_quality", show="freshness"))
    assert "Collections that cannot be read: 1 of 10 reviews: what rests on them is unknown." in text
    assert "commission_records required complete 14:05 WITA 18 s ago" in text
    assert "reviews optional forbidden The key may not read this collection never" in text


def test_a_check_that_does_not_hold_leads_to_its_rows(read_home: Path, show: Show) -> None:
    shown = show(read_home, "data_quality", show="checks")
    assert "2 of 40 checks do not hold" in plain(shown)
    assert "zero_missing_commission · marts/commission_summary warning 12" in plain(shown)
    assert 'href="data_quality?show=checks&amp;check=zero_missing_commission"' in shown.html
    opened = show(read_home, "data_quality", check="zero_missing_commission")
    assert "Does not hold: No commission missing does not hold zero_missing_commission Rows 12" in plain(
        opened
    )
    assert 'href="findings?code=missing"' in opened.html
    assert "No check nonsense was made for this snapshot" in plain(
        show(read_home, "data_quality", check="nonsense")
    )


def test_the_rows_that_break_a_check_are_those_it_asks_for(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO ops.check_results BY NAME SELECT (SELECT run_id FROM ops.snapshot) AS run_id, 'error_rate'"
        f" AS check_name, 'ops/errors' AS asset, false AS passed, 'WARN' AS severity, 13 AS failed_rows, TIMESTAMP '{snapshot.NOW}' AS evaluated_at",
        f"UPDATE ops.errors SET called_at = TIMESTAMP '{snapshot.NOW}' - INTERVAL 1 MINUTE",
    )
    rows = show(home, "data_quality", check="error_rate").table("Rows that break the check")
    assert rows["rule"].str.startswith("17 error events in the minute to 06:04:30 UTC").all()


def test_a_row_is_opened_by_its_id_and_one_that_is_gone_is_said_to_be(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.data_findings BY NAME SELECT 'amount_negative' AS finding, 'bookings' AS collection,"
        " 'bk000001' AS row_id, 'totalCost' AS attribute, 'below zero' AS detail",
    )
    text = plain(show(home, "data_quality", row="q0"))
    assert (
        "This row of bookings could not be taken its creation time cannot be read; it has no id. First seen 18 Nov"
        in text
    )
    shown = show(home, "data_quality", row="bk000001")
    assert "totalCost below zero An amount is below zero and was not used." in plain(shown)
    assert 'href="bookings?booking=bk000001"' in shown.html
    assert "Nothing is wrong with this row, or there is none" in plain(
        show(home, "data_quality", row="nobody")
    )


def test_doubtful_values_are_shown_by_kind_with_their_rows(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.data_findings BY NAME SELECT 'amount_negative' AS finding, 'bookings' AS collection,"
        " 'bk' || i AS row_id, 'totalCost' AS attribute, 'below zero' AS detail FROM range(3) t(i)",
    )
    text = plain(show(home, "data_quality", show="doubtful"))
    assert "An amount is below zero and was not used. amount_negative bookings 3 3" in text
    shown = show(home, "data_quality", show="doubtful", kind="amount_negative")
    assert shown.table("Doubtful values")["row_id"].to_list() == ["bk0", "bk1", "bk2"]


def test_new_rows_are_counted_by_the_local_day_and_what_only_a_sweep_found_came_late(
    home: Path, show: Show
) -> None:
    made = (
        "INSERT INTO ops.ingest_runs BY NAME SELECT '{run}' AS run_id, 'bookings' AS collection, {new} AS fetched,"
        " {new} AS inserted, 0 AS updated, 0 AS unchanged, 0 AS deleted, 1 AS rejected,"
        " TIMESTAMP '{at}' AS started_at, 1.0 AS seconds, 'complete' AS outcome"
    )
    changed(
        home,
        made.format(run="a", new=7, at="2026-11-21 15:59:00"),
        made.format(run="b", new=5, at="2026-11-21 16:01:00"),  # the 22nd in Bali
        made.format(run="c-sweep", new=2, at="2026-11-22 01:00:00"),
    )
    text = plain(show(home, "data_quality", show="volume"))
    assert "7 New rows today nothing unusual 2 Came late in 30 days" in text
    assert " 21 Nov 22 Nov In all Not taken Unusual bookings – – – – – 7 7 – 3" in text
    late = show(home, "data_quality", show="late").table("Came late")
    assert late["inserted"].to_list() == [2]


def test_every_part_of_data_quality_is_drawn(read_home: Path, show: Show) -> None:
    for part in data_quality.PARTS:
        assert "could not be read" not in plain(show(read_home, "data_quality", show_=part, lang="id"))


def test_a_status_of_another_version_is_read_as_far_as_it_goes(home: Path, show: Show) -> None:
    later = {
        "version": 7,
        "health": {"points": "later"},
        "checks": None,
        "freshness": [],
        "run": "x",
        "quarantine": 3,
    }
    snapshot.write_status(home, later)
    assert "Degraded 2 broken, 4 working, 1 could not be measured." in show(home, "health").text
    assert "5 rows could not be taken" in show(home, "data_quality").text


def test_without_a_status_the_snapshot_answers(home: Path, show: Show) -> None:
    with_status = show(home, "health").text
    (home / "published" / "status.json").unlink()
    without = show(home, "health").text
    assert "6 Notification delivery Notification delivery rate below 80%" in without
    assert without.replace(" ", "")[:400] == with_status.replace(" ", "")[:400]
    assert "2 of 40 checks do not hold" in show(home, "data_quality", show="checks").text
    assert "5 rows could not be taken" in show(home, "data_quality").text


# Performance --------------------------------------------------------------------------------------


def test_errors_are_drawn_by_the_minute_against_the_limit(read_home: Path, show: Show) -> None:
    shown = show(read_home, "performance")
    text = plain(shown)
    assert (
        "The limit of 10 in a minute was reached At most 13 within a minute, until 13:35 WITA; 17 events in 91 calls."
        in text
    )
    assert "Severity Events error 12 warning 4 critical 1" in text
    assert "Category Events Booking 13 Chat 3 Key 1" in text
    assert "Operation Events list_rows 16 ping 1" in text
    (drawn,) = shown.app.get("vega_lite_chart")
    assert drawn.proto.alt == "Errors a minute by severity, and the limit"
    assert len(shown.table("Recent events")) == 17
    assert {"download_errors", "download_errors_json"} <= {
        button.key for button in shown.app.get("download_button")
    }


def test_what_the_alert_does_not_count_is_over_no_limit(home: Path, show: Show) -> None:
    changed(home, "UPDATE ops.errors SET reason = 'not_found'")
    text = plain(show(home, "performance"))
    assert "The limit was not reached 17 events in 91 calls, all of them slow calls or collections" in text


def test_a_shorter_time_leaves_out_what_is_older(read_home: Path, show: Show) -> None:
    shown = show(read_home, "performance", reach="hour")
    assert "Severity Events error 12 warning 4 Category" in plain(shown)
    assert len(shown.table("Recent events")) == 16


def test_a_time_without_calls_says_nothing_of_errors(home: Path, show: Show) -> None:
    changed(home, "DELETE FROM ops.errors")
    assert "No error in this time Calls and requests that went well at the first try: 91." in plain(
        show(home, "performance")
    )
    changed(home, "DELETE FROM ops.errors", "DELETE FROM ops.timings")
    text = plain(show(home, "performance"))
    assert "Nothing was called in this time" in text
    assert "No error in this time" not in text


def test_timings_show_percentiles_and_mark_the_slow_ones(read_home: Path, show: Show) -> None:
    shown = show(read_home, "performance", show="timings")
    text = plain(shown)
    assert "sweep_rows 1 4.25 s 4.25 s 4.25 s 4.25 s 1 0 1" in text
    assert "list_rows 90 145 ms 185 ms 188 ms 189 ms 0 0 0" in text
    assert shown.html.count("4.25 s</mark>") == 4
    slow = shown.table("Slow calls")
    assert (slow["operation"].to_list(), slow["seconds"].to_list()) == (["sweep_rows"], [4.25])
    (drawn,) = shown.app.get("vega_lite_chart")
    assert drawn.proto.alt == "95th percentile of each operation by the hour, and the limit"


def _enter(home: Path, *exits: int | None) -> None:
    ledger = Ledger(home / "ledger.sqlite")
    for minute, exit_status in enumerate(exits):
        at = snapshot.NOW - timedelta(minutes=len(exits) - minute)
        _, sequence = ledger.start_run(at)
        if exit_status is not None:
            ledger.finish_run(sequence, at + timedelta(seconds=20), exit_status, None, f"said {exit_status}")


def test_runs_are_listed_with_how_they_ended_and_links_to_dagster_where_it_is_told(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    _enter(home, 0, 10, 11, None, None)
    shown = show(home, "performance", show="runs")
    runs = shown.table("Runs")
    assert runs["outcome"].to_list()[:5] == ["running", "died", "failed", "done", "done"]
    assert runs["seconds"].to_list()[2:5] == [20.0] * 3
    assert "2 Runs that failed of 5 runs" in plain(shown)
    assert "Dagster" not in shown.text
    assert "/docs" not in shown.html
    monkeypatch.setenv("BOOKWATCH_DAGSTER_URL", "http://127.0.0.1:3000")
    monkeypatch.setenv("BOOKWATCH_SERVICES_URL", "http://127.0.0.1:4000")
    told = show(home, "performance", show="runs").html
    assert 'href="http://127.0.0.1:3000/runs"' in told
    assert 'href="http://127.0.0.1:4000/docs"' in told, "beside every page, where the demo runs"


def test_an_outage_is_shown_while_it_lasts_without_a_new_snapshot(
    home: Path, truth: Truth, show: Show
) -> None:
    assert "Runs fail right now" not in plain(show(home, "performance"))
    snapshot.write_status(home, snapshot.failed(snapshot.status_of(truth), "Appwrite cannot be reached."))
    _enter(home, 10, 11, 11, 11)
    at = snapshot.NOW
    call: dict[str, Any] = {"status": None, "category": "network", "severity": "error", "attempts": 4}
    Ledger(home / "ledger.sqlite").record_calls(
        [
            LedgerCall(
                "run-x",
                n,
                at,
                "list_rows",
                "bookings",
                2.0,
                "transient",
                reason="connection",
                slow=False,
                **call,
            )
            for n in (1, 2)
        ]
    )
    text = plain(show(home, "performance"))
    assert (
        "Runs fail right now. Since 14:02 WITA, for 3 min; runs that failed: 3. Appwrite cannot be reached."
        in text
    )
    assert "Since the snapshot: 1 events" in text  # one call stands once, wherever it is told
    assert "list_rows bookings connection error" in text


# An older snapshot --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "absent", "still_there"),
    [
        ("health", 4, "The seven points"),
        ("data_quality", 3, "5 rows could not be taken"),
        ("performance", 2, "Recent events"),
        ("todo", 0, "No commission missing"),
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
