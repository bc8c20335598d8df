"""One figure is one figure on every page, whole only where the data is, and of its own time when looking back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from dashboards.period import LAST_MONTH, Period
from dashboards.queries import bookings, changes, receivables
from dashboards.queries.changes import ChangedBookings
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import published_snapshots, require_snapshot
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.plain import plain
from tests.dashboards.snapshot import Truth
from tests.published import changed

Show = Callable[..., Shown]
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def _path(home: Path) -> str:
    return str(require_snapshot(Home(home)))


def _missing_finding(home: Path) -> tuple[str, str]:
    (row,) = changes.ask(
        _path(home),
        "SELECT finding_id, booking_id FROM marts.commission_findings"
        " WHERE finding = 'missing' AND NOT coalesce(waived, false) ORDER BY finding_id LIMIT 1",
    ).rows()
    return row


def test_what_a_provider_owes_is_the_same_on_its_page_in_its_account_and_beside_a_finding(
    home: Path, show: Show
) -> None:
    rows = receivables.balances().all(_path(home)).filter(pl.col("fees_idr") > 0)
    row = rows.row(0, named=True)
    assert row["with_fees_idr"] == row["owed_idr"] + row["fees_idr"]
    said = f"Rp {row['with_fees_idr']}"
    provider = row["provider_id"]
    changed(
        home,
        f"INSERT INTO marts.providers BY NAME SELECT '{provider}' AS provider_id"
        f" WHERE NOT EXISTS (FROM marts.providers WHERE provider_id = '{provider}')",
        "INSERT INTO marts.commission_findings BY NAME SELECT 'restriction_mismatch:x' AS finding_id,"
        f" 'restriction_mismatch' AS finding, 'high' AS severity, '{provider}' AS provider_id, 'x' AS detail",
    )
    assert f"Owed now, with fees {said} " in plain(show(home, "providers", provider=provider))
    assert f"Owed, with fees {said} " in plain(show(home, "commissions", provider=provider))
    beside = plain(show(home, "findings", finding="restriction_mismatch:x"))
    assert re.search(rf"Owed, with fees .{{0,12}}{said} ", beside)


def test_where_commissions_could_not_be_judged_nothing_of_them_is_a_sum_or_fine(
    home: Path, show: Show
) -> None:
    changed(
        home,
        "UPDATE marts.commission_summary SET state = 'unknown'",
        "DELETE FROM marts.commission_open WHERE status = 'awaiting_verification'",
        "DELETE FROM marts.commission_balances",
    )
    assert receivables.open_totals(_path(home))["records"]
    shown = show(home, "commissions")
    for title in ("bw-good",):
        tallies = re.findall(r'<div class="bw-card bw-tally[^"]*"', shown.html)
        assert not [tally for tally in tallies if title in tally]
    assert re.search("– (owed, with fees)", plain(shown))
    assert "Owed, with fees – " in plain(show(home, "commissions", provider="prov00"))


def test_a_day_that_is_known_in_part_is_compared_with_as_much_and_a_later_one_is_not_told(
    read_home: Path, truth: Truth, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "NOW_SETTING", "2026-11-23T04:05:30Z")
    text = plain(show(read_home, "revenue"))
    line = text.partition("Yesterday, Sun, 22 Nov 2026 beside Sun, 15 Nov 2026 up to the same time ")[2]
    told = re.match(r"(\d+) [+-][\d.,]+ ?% · (\d+) Rp", line)
    assert told is not None
    assert int(told[1]) == truth.days[date(2026, 11, 22)]["bookings"]
    assert int(told[2]) < truth.days[date(2026, 11, 15)]["bookings"]
    assert "Today so far, Mon, 23 Nov 2026 – – – –" in text
    none = plain(show(read_home, "revenue", period="today"))
    assert "The data ends on " in none
    assert "Rp 0 Booked" not in none
    part = plain(show(read_home, "revenue", period="yesterday"))
    assert "Today is still running" not in part
    assert "the last day up to the same time" in part


def test_a_month_that_is_known_in_part_stands_beside_as_many_days() -> None:
    whole = Period(date(2026, 11, 1), date(2026, 11, 30), LAST_MONTH)
    assert whole.previous == Period(date(2026, 10, 1), date(2026, 10, 31))
    part = Period(whole.first, whole.last, LAST_MONTH, running=True)
    assert part.previous == Period(date(2026, 10, 1), date(2026, 10, 30))
    assert part.counterpart == 31


def test_ages_of_commissions_stand_still_while_data_is_stale(
    read_home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = r"(?:Longest overdue|Oldest service|Oldest booking|Overdue since|overdue since) (?:\d+ \w+ ?)+"

    def ages() -> list[str]:
        return re.findall(said, plain(show(read_home, "commissions")))

    monkeypatch.setattr(snapshot, "NOW_SETTING", "2026-11-24T06:05:30Z")
    before = ages()
    monkeypatch.setattr(snapshot, "NOW_SETTING", "2026-11-27T09:05:30Z")
    assert before
    assert ages() == before


def test_a_waiver_of_today_counts_on_every_page_and_leaks_into_no_older_snapshot(
    home: Path, show: Show
) -> None:
    finding_id, booking_id = _missing_finding(home)
    listed = bookings.Asked(show="missing")
    assert (
        booking_id in bookings.Listing("b", listed, 1, AT.replace(tzinfo=None)).all(_path(home))["booking_id"]
    )
    waived = bookings.Asked(show="missing", waived=(finding_id,))
    assert bookings.total(_path(home), waived) == bookings.total(_path(home), listed) - 1 or (
        booking_id
        not in bookings.Listing("b", waived, 1, AT.replace(tzinfo=None)).all(_path(home))["booking_id"]
    )
    Ledger(Home(home).ledger).waive(finding_id, reason="asked the place", by="mia", at=AT)
    table = show(home, "commissions", view="missing").table("Missing commissions")
    assert table.set_index("booking_id")["waived"][booking_id] == "yes"
    older = published_snapshots(Home(home))[0]
    copy = older.with_name("20261122T070512Z-000004.duckdb")
    copy.write_bytes(older.read_bytes())
    Home(home).current.unlink()
    Home(home).current.symlink_to(copy.name)
    past = show(home, "commissions", view="missing", snapshot=older.stem)
    assert "You are looking back" in past.text
    assert past.table("Missing commissions").set_index("booking_id")["waived"][booking_id] == "no"
    finding = show(home, "findings", finding=finding_id, snapshot=older.stem)
    assert "mia" not in finding.text
    assert not [button for button in finding.app.button if "act_" in str(button.key)]


def test_changes_that_stand_in_both_snapshots_are_none_also_where_a_value_is_not_known(home: Path) -> None:
    changed(
        home,
        "INSERT INTO marts.closed_month_changes BY NAME SELECT 'closed:x' AS finding_id,"
        " DATE '2026-10-01' AS local_month, 'bookings' AS figure, NULL AS previous_value, 4 AS current_value,"
        " TIMESTAMP '2026-11-20 00:00:00' AS seen_at",
    )
    path = _path(home)
    assert changes.months(path, path).is_empty()


def test_bookings_of_which_no_amount_is_known_have_no_sum() -> None:
    rows = pl.DataFrame(
        {
            "before": ["pending", "pending", None],
            "after": ["expired", "accepted", "pending"],
            "amount_idr": [None, 5, 0],
        },
        schema={"before": pl.String, "after": pl.String, "amount_idr": pl.Int64},
    )
    told = {row["after"]: row["amount_idr"] for row in changes.transitions(ChangedBookings(rows, 3, 0))}
    assert told == {"expired": None, "accepted": 5, "pending": 0}
