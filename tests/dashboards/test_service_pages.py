"""Health's history, links, errors and timings, drawn by Streamlit itself: each figure, and each state of
nothing."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import edit
from tests.published import changed

Show = Callable[..., Shown]


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


# Health -------------------------------------------------------------------------------------------


def test_uptime_shows_unknown_and_unmeasured_time_apart(home: Path, show: Show) -> None:
    shown = show(home, "health")
    text = plain(shown)
    assert (
        "6 · Notification delivery 66.6 % broken 6 h, unknown 3 h, not measured 3 h 66.6 % broken 1 d 18 h, unknown 21 h, not measured 21 h"
        in text
    )
    assert (
        "3 · Scheduled booking not measured unknown 1 d not measured unknown 7 d not measured unknown 30 d"
        in text
    )
    assert "1 · User-to-member connection 100 % 100 % 100 %" in text
    strips = [part.split("</div>")[0] for part in shown.html.split('<div class="bw-strip">')[1:]]
    assert [strip.count("<i ") for strip in strips] == [
        1,
        2,
        5,
    ]  # gap, then the spells with the gap between them
    assert [kind in strips[2] for kind in ("bw-gap", "bw-good", "bw-none", "bw-bad")] == [True] * 4


def test_history_lists_every_spell_with_its_length(home: Path, show: Show) -> None:
    shown = show(home, "health")
    spells = shown.table("Uptime and history")
    assert spells["name"].to_list()[0] == "Notification delivery"
    assert spells["status"].to_list() == ["Broken", "Unknown", "Unknown", "Working", "Working"]
    assert spells["until"].to_list()[0] == "–"


def test_a_point_whose_since_stands_in_the_status_is_said_from_there(home: Path, show: Show) -> None:
    edit(home, lambda status: status["health"]["points"][5].update(since="2026-11-22T05:05:30Z"))
    assert "Since 13:05 WITA, for 1 h Evidence 14:03 WITA" in plain(show(home, "health"))


def test_collections_that_cannot_be_read_are_named(home: Path, show: Show) -> None:
    assert "Collections that cannot be read: 1 of 10 reviews: what rests on them is unknown." in plain(
        show(home, "health")
    )


# Links --------------------------------------------------------------------------------------------


def test_each_hop_shows_its_counts_and_an_unknown_one_is_not_fine(home: Path, show: Show) -> None:
    shown = show(home, "links")
    text = plain(shown)
    assert "Broken hops: 4 of 6" in text
    assert "Booking → Chat room 100 % passed 1,702 1,702 0 0 Working" in text
    assert "Message → Notification 0 % passed 1,690 0 0 1,690 Unknown" in text
    assert "Notification → Acceptance 91.5 % passed 1,320 1,208 112 0 Broken" in text
    assert "by a key that fits two bookings" in shown.app.caption[0].value


def test_what_unknown_means_is_said_only_where_something_is(home: Path, show: Show) -> None:
    changed(home, 'DELETE FROM marts.broken_links WHERE "unknown" > 0')
    assert not any("Unknown" in caption.value for caption in show(home, "links").app.caption)


def test_the_ids_at_a_break_are_listed_and_what_is_not_kept_is_said(home: Path, show: Show) -> None:
    shown = show(home, "links")
    assert shown.table("Bookings at the break")["row_id"].to_list()[:2] == ["bk20000", "bk20001"]
    shown.app.selectbox(key="hop").select(4).run()
    assert len(shown.table("Bookings at the break")) == 100
    assert "The newest 100 of 112 are kept in the snapshot." in [
        caption.value for caption in shown.app.caption
    ]


def test_a_chain_that_could_not_be_judged_is_unknown(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.broken_links SET state = 'unknown', broken = 0, passed = 0, \"unknown\" = entered",
        "DELETE FROM marts.broken_link_rows",
    )
    text = plain(show(home, "links"))
    assert "Some hops could not be judged; none is known to be broken" in text
    assert "No booking is known to be stuck; some hops could not be judged" in text
    assert "Every hop is working" not in text


# Errors and timings -------------------------------------------------------------------------------


def test_errors_are_drawn_by_the_minute_against_the_limit(home: Path, show: Show) -> None:
    shown = show(home, "errors")
    text = plain(shown)
    assert (
        "Minutes in which the limit of 10 was reached: 1 At most 13 in a minute, at 13:35 WITA; 17 events in 91 calls."
        in text
    )
    assert "Severity Events error 12 warning 4 critical 1" in text
    assert "Category Events Booking 13 Chat 3 Key 1" in text
    assert "Operation Events list_rows 16 ping 1" in text
    drawn = json.loads(shown.app.get("plotly_chart")[0].proto.spec)
    assert {trace["name"]: sum(trace["y"]) for trace in drawn["data"]} == {
        "critical": 1,
        "error": 12,
        "warning": 4,
    }
    assert drawn["data"][1]["x"][1] == "2026-11-22T13:35:00"
    assert [shape["y0"] for shape in drawn["layout"]["shapes"]] == [10]
    assert drawn["layout"]["annotations"][0]["text"] == "limit: 10 a minute"
    assert len(shown.table("Recent events")) == 17
    assert {"download_errors", "download_errors_json"} <= {
        button.key for button in shown.app.get("download_button")
    }


def test_a_shorter_time_leaves_out_what_is_older(home: Path, show: Show) -> None:
    shown = show(home, "errors")
    shown.app.button_group(key="reach").select("hour").run()
    assert "Severity Events error 12 warning 4 Category" in plain(shown)
    assert len(shown.table("Recent events")) == 16


def test_a_time_without_calls_says_nothing_of_errors(home: Path, show: Show) -> None:
    changed(home, "DELETE FROM ops.errors")
    assert "No error in this time Calls that went well at the first try: 91." in plain(show(home, "errors"))
    changed(home, "DELETE FROM ops.errors", "DELETE FROM ops.timings")
    text = plain(show(home, "errors"))
    assert "Nothing was called in this time" in text
    assert "No error in this time" not in text


def test_timings_show_percentiles_and_mark_the_slow_ones(home: Path, show: Show) -> None:
    shown = show(home, "timings")
    text = plain(shown)
    assert "sweep_rows 1 4.25 s 4.25 s 4.25 s 4.25 s 1 0 1" in text
    assert "list_rows 90 145 ms 185 ms 188 ms 189 ms 0 0 0" in text
    assert shown.html.count("4.25 s</mark>") == 4
    slow = shown.table("Slow calls")
    assert (slow["operation"].to_list(), slow["seconds"].to_list()) == (["sweep_rows"], [4.25])
    drawn = json.loads(shown.app.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in drawn["data"]] == ["list_rows", "sweep_rows"]
    assert [shape["y0"] for shape in drawn["layout"]["shapes"]] == [3]


# An older snapshot --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "absent", "still_there"),
    [
        ("health", 2, "Collections and their scans"),
        ("links", 2, "From booking to payment"),
        ("errors", 2, "Recent events"),
        ("timings", 0, "sweep_rows 1 4,25 s"),
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
