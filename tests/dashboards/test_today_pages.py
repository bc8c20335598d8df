"""Overview and Changes, drawn by Streamlit itself: what needs action with its number, rupiah and age, and one click to its
rows; two snapshots compared."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards import frame
from dashboards.queries import causes, changes, reading
from dashboards.queries.changes import Kept
from resources.home import Home
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import Truth, edit
from tests.published import CLOSED_MONTH_BOOKING, changed

Show = Callable[..., Shown]


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


def rp(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}Rp {abs(amount):,}"


# Overview -----------------------------------------------------------------------------------------


def test_what_needs_action_stands_first_with_its_number_rupiah_and_age(
    read_home: Path, truth: Truth, show: Show
) -> None:
    text = plain(show(read_home))
    missing = rp(sum(idr for _, idr in truth.missing))
    assert re.search(
        rf"What needs action .*?Missing commissions Bookings that earn and have no commission record after the grace 12 {missing} for \d+ d",
        text,
    )
    assert (
        "Overdue commissions Unpaid past their deadline, late fees included 4 1 more could not be told Rp 398,250 for 8 d 18 h"
        in text
    )
    assert "Alerts Firing now, and nobody takes care of them 1 for 5 h" in text
    assert "Rows not taken They are in no figure until they are mended 5 for 4 d 4 h" in text
    assert "Collections that cannot be read What rests on them is unknown 1" in text
    assert text.index("What needs action") < text.index("Booked Value of") < text.index("Degraded 2 broken")


def test_stale_data_grows_no_older_and_the_last_run_does(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = plain(show(home))
    later = datetime.fromisoformat(snapshot.NOW_SETTING) + timedelta(hours=30)
    monkeypatch.setattr(snapshot, "NOW_SETTING", later.isoformat())
    stale = plain(show(home))
    assert re.search(r"Newest booking [^,]*, \d min ago", stale)
    assert re.search(r"Last run [^,]*, 1 d \d+ h ago", stale)
    assert not re.search(r"Last run [^,]*, 1 d", fresh)


def test_each_cause_is_one_click_from_its_rows(read_home: Path, show: Show) -> None:
    html = show(read_home).html
    assert '<a href="findings?code=missing" target="_self">Missing commissions</a>' in html
    pages = {entry.name: {choice.name: choice for choice in entry.choices} for entry in frame.PAGES}
    for cause in causes.CAUSES:
        for name, code in cause.choices.items():
            assert pages[cause.page][name].fits(code), cause.name


def test_a_cause_that_could_not_be_told_says_so_and_is_not_fine(home: Path, show: Show) -> None:
    changed(home, "DROP TABLE marts.chat_waiting", "DELETE FROM ops.quarantine")
    edit(home, lambda status: status["freshness"]["collections"][0].update(completed_at=None))
    text = plain(show(home))
    assert (
        "Chats waiting for an answer The last message was not answered by the other side – could not be told"
        in text
    )
    assert (
        "Bookings without an answer Past the deadline for one; what they are worth – could not be told"
        in text
    )
    quiet = text.split("Looked for and not found: ")[1].split(".")[0]
    assert "Rows not taken" in quiet
    assert "Chats waiting" not in quiet
    assert "Bookings without an answer" not in quiet


def test_commissions_that_were_never_judged_are_neither_missing_nor_fine(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.commission_summary SET state = 'unknown', missing = 0, as_of = NULL",
        "DELETE FROM marts.commission_findings",
    )
    text = plain(show(home))
    assert (
        "Missing commissions Bookings that earn and have no commission record after the grace – could not be told"
        in text
    )
    assert "Owed now Unpaid commission and fees, whatever the period – could not be told" in text


def test_where_nothing_is_wrong_that_is_good_news_only_when_all_was_told(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {cause.name: causes.Told(0) for cause in causes.CAUSES}
    monkeypatch.setattr(causes, "told", lambda *_: none)
    edit(home, lambda status: status.update(alerts=[]))
    edit(home, lambda status: [row.update(outcome="complete") for row in status["freshness"]["collections"]])
    assert "What needs action Nothing needs action Booked" in plain(show(home)).replace(
        "Booked, completed, collected, owed ", ""
    )
    edit(home, lambda status: status["run"].update(outcome="failed"))
    shown = show(home)
    assert "Nothing is known to need action" in plain(shown)
    assert '<div class="bw-card bw-note bw-good">' not in shown.html


def test_four_figures_seven_points_and_what_they_rest_on(read_home: Path, show: Show) -> None:
    shown = show(read_home)
    text = plain(shown)
    assert "16–22 Nov 2026 · WITA · Today is still running." in text
    assert "Up to date Appwrite read 18 s ago · 14:05 WITA" in text
    assert (
        "Owed now Unpaid commission and fees, whatever the period Rp 848,250 Rp 398,250 of it is overdue; records: 9"
        in text
    )
    assert "User-to-member connection Working: 243 bookings in 24 h" in text
    assert "Scheduled booking Unknown: not measured" in text
    assert "Notification delivery Broken: 73.1 % delivered in 24 h" in text
    assert shown.html.count('<a href="health" target="_self">') == 7
    assert "Newest booking 14:02 WITA, 3 min ago" in text
    assert "Collections 9 of 10 read completely Checks 2 of 40 checks do not hold" in text


def test_ages_of_what_needs_action_stand_still_while_the_data_is_out_of_date(
    publication: Path, tmp_path: Path, show: Show
) -> None:
    snapshot.build(publication, tmp_path / "home", read_ago=timedelta(hours=2))
    text = plain(show(tmp_path / "home"))
    assert "Ages count to 12:05 WITA, when the data was last read whole" in text
    assert "Rows not taken They are in no figure until they are mended 5 for 4 d 2 h" in text
    assert "bw-outdated" in show(tmp_path / "home").html


# Changes ------------------------------------------------------------------------------------------


def _kept(*stamps: str) -> list[Kept]:
    found = [
        Kept(stamp, stamp, datetime.strptime(stamp[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC))
        for stamp in stamps
    ]
    return sorted(found, key=lambda one: one.snapshot_id, reverse=True)


def test_by_default_the_one_nearest_to_a_day_before_is_compared() -> None:
    days = _kept(
        "20261120T060000Z-1",
        "20261121T040000Z-2",
        "20261121T090000Z-3",
        "20261122T050000Z-4",
        "20261122T060000Z-5",
    )
    earlier = changes.a_day_before(days[0], days)
    assert earlier is not None
    assert earlier.snapshot_id == "20261121T040000Z-2"
    assert changes.a_day_before(days[-1], days) is None


def test_figures_that_changed_are_shown_before_and_after(read_publication: Home, show: Show) -> None:
    """Between the two snapshots of the publication a booking of a closed month got dearer by Rp 25.000 and a paid record
    vanished."""
    text = plain(show(read_publication.root, "changes"))
    assert "What is different between 13:55 WITA and 14:05 WITA, 10 min later." in text
    assert re.search(r"Booked Rp [\d,]+ Rp [\d,]+ \+Rp 25,000 ", text)
    assert re.search(r"Chats waiting for an answer (\d+) \1 the same", text)
    assert "2 Closed months" in text


def test_findings_that_came_and_went_are_found_by_their_ids(read_publication: Home, show: Show) -> None:
    shown = show(read_publication.root, "changes", show="findings")
    came = shown.table("Findings that came")
    assert len(came) == 3
    assert "Vanished record" in came["finding"].to_list()
    assert shown.table("Findings that went")["finding"].to_list() == ["Late record"]  # it was waived


def test_bookings_whose_state_changed_are_told_by_what_was_written_since(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE core.bookings SET status = 'cancelled', change = 1000000 WHERE booking_id = (SELECT min(booking_id) FROM core.bookings WHERE status = 'completed')",
        "UPDATE core.bookings SET change = 1000000 WHERE booking_id = (SELECT max(booking_id) FROM core.bookings)",
        "UPDATE core.state SET processed_change = 1000000",
    )
    shown = show(home, "changes", show="bookings")
    rows = shown.table("Bookings by state")
    assert (rows["before"].to_list(), rows["after"].to_list()) == (["completed"], ["cancelled"])
    assert "Before After Bookings Booking amount completed cancelled 1 Rp" in plain(shown)


def test_a_mirror_made_anew_cannot_say_which_bookings_changed(home: Path, show: Show) -> None:
    changed(home, "UPDATE core.state SET processed_change = -1")
    text = plain(show(home, "changes", show="bookings"))
    assert "– Bookings by state could not be told" in text
    assert "Which bookings changed cannot be told" in text


def test_a_snapshot_that_is_not_kept_is_said_and_the_chosen_two_stand_in_the_address(
    read_publication: Home, show: Show
) -> None:
    gone = show(read_publication.root, "changes", from_snapshot="20200101T000000Z-000001")
    assert "There is no snapshot 20200101T000000Z-000001 here any more" in plain(gone)
    snapshots = changes.kept(read_publication)
    shown = show(
        read_publication.root,
        "changes",
        from_snapshot=snapshots[1].snapshot_id,
        to_snapshot=snapshots[0].snapshot_id,
    )
    links = re.findall(r'href="(changes\?show=findings[^"]*)"', shown.html)
    query = parse_qs(urlsplit(links[0].replace("&amp;", "&")).query)
    assert query["from_snapshot"] == [snapshots[1].snapshot_id]
    same = show(read_publication.root, "changes", from_snapshot=snapshots[0].snapshot_id)
    assert "The first of the two must be older than the second." in plain(same)


def test_one_snapshot_alone_has_nothing_to_be_compared_with(read_home: Path, show: Show) -> None:
    assert "There is nothing to compare with Only one snapshot is kept" in plain(show(read_home, "changes"))


def test_what_became_of_a_closed_month_and_of_a_provider_is_told_once(read_publication: Home) -> None:
    later, earlier = (one.path for one in changes.kept(read_publication))
    assert changes.months(earlier, later)["figure"].to_list()
    assert changes.months(later, later).is_empty()
    assert changes.members(later, later).is_empty()
    assert changes.findings(later, later).came.is_empty()
    dearer = reading.ask(
        later, "SELECT amount_idr FROM core.bookings WHERE booking_id = ?", [CLOSED_MONTH_BOOKING]
    )
    assert dearer["amount_idr"].to_list() == [275_000]
