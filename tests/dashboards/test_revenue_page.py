"""Revenue: yesterday and today, the period beside the one before, and the same by source, week, month, kind and
discount."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from dashboards.queries import revenue
from dashboards.queries.reading import ask
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.plain import plain
from tests.dashboards.snapshot import Truth
from tests.published import changed

Show = Callable[..., Shown]

TODAY, YESTERDAY = date(2026, 11, 22), date(2026, 11, 21)
#: Days that are over.
OVER = {"period": "custom", "from_": "2026-11-16", "to": "2026-11-21"}
WEEK, WEEK_BEFORE = (date(2026, 11, 16), TODAY), (date(2026, 11, 9), date(2026, 11, 15))


def test_yesterday_stands_whole_beside_the_same_day_of_the_week_before(
    read_home: Path, truth: Truth, show: Show
) -> None:
    text = plain(show(read_home, "revenue"))
    day, before = truth.days[YESTERDAY], truth.days[date(2026, 11, 14)]
    assert "Yesterday, Sat, 21 Nov 2026 beside Sat, 14 Nov 2026" in text
    for name in ("booked_idr", "completed_idr", "collected_idr"):
        assert re.search(rf"Rp {day[name]} [+-][\d.,]+ ?% · Rp {before[name]} ", text), name
    # Today is not over: beside it stands a week before, up to the same time and no further.
    today, whole = truth.days[TODAY], truth.days[date(2026, 11, 15)]
    line = text.partition("Today so far, Sun, 22 Nov 2026 beside Sun, 15 Nov 2026 up to the same time ")[2]
    assert line.startswith(f"{today['bookings']} ")
    told = re.match(r"(\d+) [+-][\d.,]+ ?% · (\d+) Rp (\d+) [+-][\d.,]+ ?% · Rp (\d+) ", line)
    assert told is not None
    assert 0 < int(told[2]) < whole["bookings"]
    assert int(told[3]) == today["booked_idr"]
    assert 0 < int(told[4]) < whole["booked_idr"]


def test_bookings_from_chat_last_week_stand_beside_the_week_before(
    read_home: Path, truth: Truth, show: Show
) -> None:
    text = plain(show(read_home, "revenue", period="last_week"))

    def chat(first: date, last: date) -> int:
        return sum(
            row["bookings"]
            for (day, source), row in truth.sources.items()
            if source == "chatWindow" and first <= day <= last
        )

    now, then = chat(date(2026, 11, 9), date(2026, 11, 15)), chat(date(2026, 11, 2), date(2026, 11, 8))
    assert "Beside each figure: 2–8 Nov 2026 " in text
    assert re.search(rf"Chat window {now} [+-][\d.,]+ ?% · {then} ", text)


def test_a_running_week_is_compared_with_as_much_of_the_week_before(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "revenue", period="week"))
    assert "Beside each figure: 9–15 Nov 2026, the last day up to the same time" in text
    path = str(require_snapshot(Home(read_home)))
    cut = datetime(2026, 11, 15, 6, 5, 12)
    part = revenue.part_by_source(path, *WEEK_BEFORE, cut)
    assert part is not None
    ((by_then,),) = ask(
        path,
        f"SELECT count(*) FROM core.bookings WHERE created_at <= '{cut}' AND created_at > '2026-11-08 16:00:00'",
    ).rows()
    assert part["bookings"].sum() == by_then
    money = revenue.up_to(path, *WEEK_BEFORE, cut)
    assert money is not None
    assert part["booked_idr"].sum() == money["booked_idr"]
    assert part["completed_idr"].sum() == money["completed_idr"]


def test_the_period_is_shown_by_figure_and_by_source_beside_the_period_before(
    read_home: Path, truth: Truth, show: Show
) -> None:
    shown = show(read_home, "revenue", period="custom", from_="2026-11-09", to="2026-11-15")
    text = plain(shown)
    for name in ("booked", "completed", "collected"):
        assert f"Rp {truth.total(f'{name}_idr', *WEEK_BEFORE)}" in plain(shown.card(name))
    assert "Beside each figure: 2–8 Nov 2026" in text

    def of(source: str, name: str, first: date, last: date) -> int:
        return sum(
            row[name] for (day, s), row in truth.sources.items() if s == source and first <= day <= last
        )

    for source in snapshot.SOURCES:
        now = [of(source, name, *WEEK_BEFORE) for name in ("bookings", "booked_idr", "completed_idr")]
        then = of(source, "bookings", date(2026, 11, 2), date(2026, 11, 8))
        assert re.search(rf" {now[0]} [+-][\d.,]+ ?% · {then} Rp {now[1]} .*? Rp {now[2]} ", text), source


def test_a_period_without_one_before_says_so(read_home: Path, show: Show) -> None:
    assert "No earlier period to compare with" in plain(show(read_home, "revenue", period="90d"))


def test_weeks_and_months_stand_beside_the_one_before_and_one_that_is_not_over_beside_nothing(
    home: Path, show: Show
) -> None:
    changed(
        home,
        "INSERT INTO marts.revenue_weekly VALUES"
        " (DATE '2026-11-16', 70, 7000000, 6000000, 900000, 80, 8000000, 7000000, 1000000, false),"
        " (DATE '2026-11-09', 80, 8000000, 7000000, 1000000, 64, 4000000, 3500000, 1000000, true),"
        " (DATE '2026-11-02', 64, 4000000, 3500000, 1000000, NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO marts.revenue_monthly VALUES"
        " (DATE '2026-10-01', 300, 30000000, 20000000, 9000000, 200, 15000000, 10000000, 4500000, true)",
    )
    text = plain(show(home, "revenue", by="week"))
    assert "16–22 Nov 2026 not over yet 70 Rp 7000000 Rp 6000000 Rp 900000 " in text
    assert (
        "9–15 Nov 2026 80 +25 % · 64 Rp 8000000 +100 % · Rp 4000000 Rp 7000000 +100 % · Rp 3500000 Rp 1000000 +0 % · Rp 1000000 "
        in text.replace("%", " %").replace("  %", " %")
    )
    assert "2–8 Nov 2026 over, but not everything of it was read 64 Rp 4000000 " in text
    text = plain(show(home, "revenue", by="month")).replace("%", " %").replace("  %", " %")
    assert "October 2026 300 +50 % · 200 Rp 30000000 +100 % · Rp 15000000" in text


def test_weeks_and_months_are_those_of_the_marts(read_publication: Home) -> None:
    path = str(require_snapshot(read_publication))
    for frame, mart in ((revenue.weeks(path), "revenue_weekly"), (revenue.months(path), "revenue_monthly")):
        assert frame.height == ask(path, f"SELECT count(*) AS n FROM marts.{mart}")["n"][0] > 0


def test_kinds_and_discounts_of_the_period(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.revenue_by_kind VALUES (DATE '2026-11-20', 'therapist', 3, 900000, 600000, 90000),"
        " (DATE '2026-11-21', 'therapist', 1, 100000, 0, 0), (DATE '2026-11-21', 'hotel', 2, 500000, 500000, 0),"
        " (DATE '2026-11-10', 'therapist', 2, 500000, 500000, 0)",
        "INSERT INTO marts.discounts VALUES (DATE '2026-11-20', 40, 8, 0.2, 2, 6, 2, 900000, 600000, 300000),"
        " (DATE '2026-11-21', 10, 2, 0.2, 0, 2, 0, 100000, 50000, 50000)",
    )
    text = plain(show(home, "revenue", by="kind", **OVER)).replace("%", " %").replace("  %", " %")
    assert "Therapist 4 +100 % · 2 Rp 1000000 +100 % · Rp 500000" in text
    assert "Hotel 2 0 Rp 500000 Rp 0" in text
    text = plain(show(home, "revenue", by="discounts", **OVER)).replace("%", " %").replace("  %", " %")
    assert (
        "With a code 10 · 20 % Free by it 2 Given Rp 350000 Cost before Rp 1000000 Cost after Rp 650000"
        in text
    )
    assert "Of 50 bookings that earn. Not in these amounts, as a price is not known: 2." in text
    assert "No booking in this period" in plain(show(home, "revenue", by="discounts", period="today"))


@pytest.mark.parametrize("by", ["source", "day", "week", "month", "kind", "discounts"])
def test_how_it_is_taken_apart_is_in_the_address(read_home: Path, show: Show, by: str) -> None:
    app = show(read_home, "revenue").app
    app.button_group(key="choice_by").set_value(by).run()
    assert dict(app.query_params) == ({} if by == "source" else {"by": by})
    assert not app.exception


def test_the_days_are_rows_that_can_be_downloaded(read_home: Path, truth: Truth, show: Show) -> None:
    days = show(read_home, "revenue", by="day").table("Figures per day as a table")
    assert days["booked_idr"].sum() == truth.total("booked_idr", *WEEK)
    assert len(days) == 7


def test_the_rows_behind_a_figure_make_it_up(read_publication: Home, show: Show) -> None:
    shown = show(read_publication.root, "revenue", period="yesterday", rows="booked_chatWindow")
    path = str(require_snapshot(read_publication))
    ((booked,),) = ask(
        path,
        "SELECT booked_idr FROM marts.revenue_by_source WHERE source = 'chatWindow' AND local_date = '2026-11-21'",
    ).rows()
    rows = shown.app.dataframe[0].value
    assert rows["adds"].sum() == booked > 0
    assert f"Rp {booked} from {len(rows)} rows" in plain(shown)
    assert 'href="?period=yesterday&amp;rows=collected"' in shown.html
