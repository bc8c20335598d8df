"""Findings: by code, filtered by what stands in the address; one opened by its id, with its two records."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboards.queries.reading import ask
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import require_snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.plain import plain
from tests.dashboards.snapshot import Truth
from tests.published import changed

Show = Callable[..., Shown]

WAIVED_AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.fixture
def waived(home: Path) -> list[str]:
    """The findings that the snapshot has as waived, entered in the ledger as people do."""
    path = str(require_snapshot(Home(home)))
    found = ask(path, "SELECT finding_id FROM marts.commission_findings WHERE waived ORDER BY 1")
    for finding_id in found["finding_id"]:
        Ledger(home / "ledger.sqlite").waive(
            finding_id, reason="agreed with <the owner>", by="Ayu", at=WAIVED_AT
        )
    return found["finding_id"].to_list()


def test_codes_stand_with_what_is_open_waived_and_the_rupiah_they_are_about(
    home: Path, truth: Truth, show: Show, waived: list[str]
) -> None:
    shown = show(home, "findings")
    text = plain(shown)
    at_stake = sum(idr for _, idr in truth.missing)
    assert len(waived) == 6
    assert "12 critical 14 high 0 medium 0 low 26 open, 6 waived. Difference of the open ones: -Rp " in text
    assert f"Missing commission missing critical 12 0 -Rp {at_stake}" in text
    assert "Wrong amount wrong_amount high 11 6 -Rp 275000" in text
    assert "Orphan record orphan high 3 0 +Rp 225000" in text
    assert len(shown.table("Findings")) == 26
    assert 'href="?code=orphan"' in shown.html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"code": "orphan"}, ["orphan:cmx0", "orphan:cmx1", "orphan:cmx2"]),
        ({"code": "orphan", "q": "CMX1"}, ["orphan:cmx1"]),
        (
            {"severity": "high", "provider": "prov01", "q": "cmx"},
            ["orphan:cmx0", "orphan:cmx1", "orphan:cmx2"],
        ),
        ({"code": "orphan", "month": "2026-11"}, ["orphan:cmx0", "orphan:cmx1", "orphan:cmx2"]),
    ],
)
def test_code_severity_provider_month_and_search_are_in_the_address(
    read_home: Path, show: Show, query: dict[str, str], found: list[str]
) -> None:
    shown = show(read_home, "findings", **query)
    assert shown.table("Findings")["finding_id"].to_list() == found
    assert dict(shown.app.query_params) == query


def test_a_filter_that_is_chosen_is_written_into_the_address_and_nothing_that_fits_is_said(
    read_home: Path, show: Show
) -> None:
    app = show(read_home, "findings").app
    app.selectbox(key="choice_code").select("orphan").run()
    app.selectbox(key="choice_month").select("2026-10").run()
    assert dict(app.query_params) == {"code": "orphan", "month": "2026-10"}
    assert "No finding fits what was chosen" in Shown(app).text
    shown = show(read_home, "findings", code="of_tomorrow")
    assert "No finding of the code of_tomorrow in this snapshot" in shown.text


def test_waived_ones_are_marked_as_soon_as_the_ledger_has_them(
    home: Path, show: Show, waived: list[str]
) -> None:
    listed = show(home, "findings", waived="waived").table("Findings").set_index("finding_id")
    assert sorted(listed.index) == waived
    told = listed[["waived", "waived_by", "waived_at", "waived_reason"]]
    assert told.loc[waived[0]].to_list() == ["yes", "Ayu", "2026-11-21 10:00", "agreed with <the owner>"]
    Ledger(home / "ledger.sqlite").waive("orphan:cmx0", reason="it is known", by="Ayu", at=WAIVED_AT)
    assert "Orphan record orphan high 2 1 +Rp 150000" in plain(show(home, "findings"))
    assert len(show(home, "findings", waived="waived").table("Findings")) == 7
    Ledger(home / "ledger.sqlite").withdraw_waiver("orphan:cmx0", reason="", by="Ayu", at=WAIVED_AT)
    assert "Orphan record orphan high 3 0 +Rp 225000" in plain(show(home, "findings"))
    text = plain(show(home, "findings", finding=waived[0]))
    assert "Wrong amount Waived" in text
    assert "Waived by Ayu, 21 Nov 10:00 WITA: agreed with <the owner>" in text


def test_beside_a_difference_stand_the_findings_that_are_not_in_it(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.commission_findings VALUES ('vanished:c9', 'vanished', 'high', NULL, 'b9', 'c9', 'prov00',"
        " 60000, NULL, NULL, 'Gone.', NULL, false, NULL, NULL)",
    )
    text = plain(show(home, "findings"))
    assert "Vanished record vanished high 1 0 – 1 Rp 60000 expected" in text
    assert "findings not in it, as a side is unknown: 1." in text


def test_a_finding_opens_to_its_two_records_and_marks_the_fields_that_differ(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE core.commissions SET provider_id = 'prov99' WHERE commission_id = (SELECT min(commission_id) FROM marts.commission_findings WHERE finding = 'wrong_amount')",
        "UPDATE marts.commission_findings SET finding_id = 'the-one' WHERE commission_id = (SELECT min(commission_id) FROM marts.commission_findings WHERE finding = 'wrong_amount')",
    )
    shown = show(home, "findings", finding="the-one")
    text = plain(shown)
    assert (
        "Wrong amount high the-one The commission is Rp 25000 below 30 % of the booking. Correct the record's amounts"
        in text
    )
    assert "Booking Commission record Id bk" in text
    marked = [row for row in shown.html.split("<tr") if "bw-apart" in row]
    assert ["Provider id" in marked[0], "Commission (expected | recorded)" in marked[1]] == [True, True]
    assert len(marked) == 2
    assert "Fields that differ: 2." in text
    assert 'href="providers?provider=prov99"' in shown.html
    # Above the list, and instead of the codes.
    assert "Orphan record orphan high" not in text
    assert text.index("Fields that differ") > text.index("← Back to the findings")


def test_the_opened_finding_stays_the_same_when_a_snapshot_without_the_first_row_is_published(
    home: Path, show: Show
) -> None:
    shown = show(home, "findings")
    first, *_, fourth = shown.table("Findings")["finding_id"].to_list()[:4]
    shown = show(home, "findings", finding=fourth)
    before = plain(shown)
    assert fourth in before
    changed(home, f"DELETE FROM marts.commission_findings WHERE finding_id = '{first}'")
    shown.app.run()
    after = Shown(shown.app)
    assert after.table("Findings")["finding_id"].to_list()[2] == fourth
    assert first not in after.table("Findings")["finding_id"].to_list()
    opened = plain(after).partition("Fields that differ")[0].partition("There is no commission record")[0]
    assert fourth in opened
    assert dict(shown.app.query_params) == {"finding": fourth}


def test_findings_without_a_booking_or_a_record_say_which_side_is_absent(
    read_home: Path, truth: Truth, show: Show
) -> None:
    assert "There is no such booking." in plain(show(read_home, "findings", finding="orphan:cmx0"))
    missing = show(read_home, "findings", finding=f"missing:{truth.missing[0][0]}")
    assert f"Missing commission critical missing:{truth.missing[0][0]}" in plain(missing)
    assert "There is no commission record." in plain(missing)
    assert "This snapshot holds no finding missing:gone: it may be mended since." in plain(
        show(read_home, "findings", finding="missing:gone")
    )


def test_a_duplicate_opens_to_the_booking_and_to_both_its_records(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO core.commissions SELECT * REPLACE ('cmdup' AS commission_id, commission_idr - 1 AS commission_idr) FROM core.commissions WHERE commission_id = 'cm000001'",
        "INSERT INTO marts.commission_findings SELECT 'duplicate:cmdup', 'duplicate', 'high', booking_id, booking_id, 'cmdup', provider_id, 0, actual_idr - 1, actual_idr - 1, 'A further live record.', origin, false, NULL, NULL FROM marts.commission_reconciliation WHERE commission_id = 'cm000001'",
    )
    text = plain(show(home, "findings", finding="duplicate:cmdup"))
    assert "The booking's own record This further record Id cm000001 cmdup" in text


def test_a_finding_on_an_account_opens_to_the_provider_and_what_it_owes(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.commission_findings VALUES ('restriction_mismatch:prov00', 'restriction_mismatch', 'medium', NULL, NULL, NULL, 'prov00', NULL, NULL, NULL, 'Not RESTRICTED.', NULL, false, NULL, NULL)",
    )
    shown = show(home, "findings", finding="restriction_mismatch:prov00")
    assert "Provider What it owes now Id prov00 prov00" in plain(shown)
    assert "Restricted (is | should be) no yes" in plain(shown)
    assert '<tr class="bw-apart"><th scope="row">Restricted' in shown.html


def test_a_figure_of_a_closed_month_that_changed_leads_to_its_month(read_home: Path, show: Show) -> None:
    shown = show(read_home, "findings", finding="closed_month_changed:2026-10:collected_idr")
    assert "Closed month changed" in shown.text
    assert 'href="months?month=2026-10&amp;view=changes"' in shown.html


@pytest.mark.parametrize("finding", ["\0", "' OR 1=1 --", "<script>alert(1)</script>"], ids=range(3))
def test_a_finding_that_is_none_is_said_to_be_gone_in_a_few_words(
    read_home: Path, show: Show, finding: str
) -> None:
    shown = show(read_home, "findings", finding=finding)
    assert "This snapshot holds no finding" in shown.text
    assert "<script>" not in shown.html
    assert len(shown.text) < 50_000


def test_a_long_table_shows_its_first_rows_and_says_how_many_there_are(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.commission_findings SELECT 'orphan:x' || i, 'orphan', 'high', NULL, 'gone', 'x' || i, 'prov01', 0, 1,"
        " 1, 'The record refers to a booking that does not exist.', NULL, false, NULL, NULL FROM range(700) t(i)",
    )
    shown = show(home, "findings", waived="all")
    assert len(shown.table("Findings")) == 500
    assert "500 of 732 rows shown; the download holds all." in [
        caption.value for caption in shown.app.caption
    ]


def test_no_findings_is_good_news_where_they_were_judged(home: Path, show: Show) -> None:
    changed(home, "DELETE FROM marts.commission_findings")
    assert "No findings Every commission record agrees with its booking." in show(home, "findings").text
