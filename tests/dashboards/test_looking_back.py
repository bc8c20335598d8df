"""An older snapshot is shown as it was, loudly; a damaged newest one falls back to the last good one and says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from dashboards.lookback import look
from dashboards.queries import reading, revenue
from dashboards.wording import texts
from resources.home import Home
from resources.snapshots import published_snapshots
from tests.dashboards.conftest import Shown

Show = Callable[..., Shown]

LOUD = "You are looking back: this is how things stood at 22 Nov 2026 13:55 WITA"


def _ids(home: Home) -> list[str]:
    return [path.stem for path in published_snapshots(home)]


def test_an_older_snapshot_is_shown_as_it_was_and_loudly(read_publication: Home, show: Show) -> None:
    newest, older = _ids(read_publication)
    shown = show(read_publication.root, snapshot=older)
    assert LOUD in shown.text
    assert f"Snapshot {older}" in shown.text
    assert "Looking back" in shown.text
    assert "Up to date" not in shown.text
    assert LOUD not in show(read_publication.root, snapshot=newest).text


def test_a_snapshot_that_is_not_there_is_said_and_the_newest_is_shown(
    read_publication: Home, show: Show
) -> None:
    shown = show(read_publication.root, snapshot="20200101T000000Z-000001")
    assert "There is no snapshot 20200101T000000Z-000001 to look at" in shown.text
    assert f"Snapshot {_ids(read_publication)[0]}" in shown.text


def test_picking_an_older_snapshot_goes_into_the_address_and_back_out_of_it(
    read_publication: Home, show: Show
) -> None:
    newest, older = _ids(read_publication)
    app = show(read_publication.root).app
    app.sidebar.selectbox(key="choice_snapshot").select(older).run()
    assert app.query_params["snapshot"] in (older, [older])
    assert LOUD in Shown(app).text
    app.sidebar.selectbox(key="choice_snapshot").select(newest).run()
    assert "snapshot" not in app.query_params
    assert LOUD not in Shown(app).text


def _damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def test_a_damaged_newest_one_falls_back_to_the_last_good_one_and_is_not_called_up_to_date(
    published_home: Home, show: Show
) -> None:
    newest, older = published_snapshots(published_home)
    _damage(newest)
    looked = look(published_home, None)
    assert (looked.path, looked.damaged, looked.past) == (str(older), (newest.stem,), False)
    for language in ("en", "id"):
        say = texts(language)
        shown = show(published_home.root, lang=language)
        assert say["past.damaged_title"] in shown.text
        assert newest.stem in shown.text
        assert say["fresh.damaged"] in shown.text
        assert say["fresh.fresh"] not in shown.text
        assert say["fresh.unreadable_title"] not in shown.text
        assert f"Snapshot {older.stem}" in shown.text


def test_where_none_can_be_read_it_is_said_once_in_the_head(published_home: Home, show: Show) -> None:
    for path in published_snapshots(published_home):
        _damage(path)
    shown = show(published_home.root)
    assert "None of those before it can be read either" in shown.text
    assert "Up to date" not in shown.text


def test_up_to_an_instant_is_what_the_bookings_themselves_say(read_publication: Home) -> None:
    path = reading.newest(read_publication.current)
    assert path is not None
    at = reading.snapshot(path).published_at
    assert at is not None
    yesterday = date(2026, 11, 21)
    cut = at - timedelta(days=1)
    told = revenue.up_to(path, yesterday, yesterday, cut)
    assert told is not None
    ((booked, completed),) = reading.ask(
        path,
        "SELECT sum(amount_idr), sum(amount_idr) FILTER (status = 'completed' AND coalesce(completed_at, ends_at) <= ?)"
        " FROM core.bookings WHERE earns AND deleted_at IS NULL AND NOT coalesce(is_test, false)"
        " AND (created_at + to_minutes(utc_offset_minutes))::DATE = ? AND created_at <= ?",
        [cut, yesterday, cut],
    ).rows()
    assert (told["booked_idr"], told["completed_idr"]) == (booked, completed)
    # A whole day by the same question is what the mart has of it.
    whole = revenue.up_to(path, yesterday, yesterday, at + timedelta(days=30))
    row = next(day for day in revenue.revenue_daily(path).to_dicts() if day["local_date"] == yesterday)
    assert whole == {name: row[name] for name in ("booked_idr", "completed_idr", "collected_idr")}


def test_today_is_compared_with_yesterday_up_to_the_same_time_and_says_so(
    read_publication: Home, show: Show
) -> None:
    card = show(read_publication.root, period="today").card("booked")
    assert "the day before, up to the same time" in card
    path = reading.newest(read_publication.current)
    assert path is not None
    at = reading.snapshot(path).published_at
    assert at is not None
    told = revenue.up_to(path, date(2026, 11, 21), date(2026, 11, 21), at - timedelta(days=1))
    assert told is not None
    assert f"Rp {told['booked_idr']:,} the day before" in card
    assert "up to the same time" not in show(read_publication.root, period="yesterday").card("booked")


def test_how_many_days_have_data_is_said(read_publication: Home, show: Show) -> None:
    days = 90
    text = show(read_publication.root, "revenue", period="90d").text
    path = reading.newest(read_publication.current)
    assert path is not None
    first = revenue.revenue_daily(path)["local_date"].min()
    covered = min(days, (date(2026, 11, 22) - first).days + 1)  # type: ignore[operator] - Polars types the min of a column as any literal
    assert covered < days
    assert f"{covered} of 90 days have data" in text


@pytest.mark.parametrize(
    "query",
    [
        {"from_": "2026-11-01"},
        {"period": "custom"},
        {"period": "custom", "from_": "2026-11-20", "to": "2026-11-01"},
        {"period": "today", "from_": "2026-11-01", "to": "2026-11-02"},
    ],
    ids=["half", "without days", "reversed", "beside another period"],
)
def test_days_that_are_not_looked_at_are_said_and_not_dropped(
    read_publication: Home, show: Show, query: dict[str, str]
) -> None:
    assert (
        "The days of this address cannot be looked at as they are written"
        in show(read_publication.root, **query).text
    )


def test_two_days_without_a_period_are_the_days_that_are_meant(read_publication: Home, show: Show) -> None:
    text = show(read_publication.root, from_="2026-11-19", to="2026-11-20").text
    assert "19–20 Nov 2026" in text
    assert "cannot be looked at" not in text


def test_an_unknown_choice_is_said(read_publication: Home, show: Show) -> None:
    text = show(read_publication.root, period="fortnight", colour="red").text
    assert "period=fortnight" in text
    assert "colour=red" in text
