"""Commissions: the answer in four figures, who owes what since when, an account down to its lines, one record,
deadlines, restrictions, the ledger, and all of it against the policy."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.queries import ledger, receivables, reconciliation
from dashboards.queries.reading import ask
from marketplace.metrics import METRICS
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.plain import plain
from tests.dashboards.snapshot import Truth
from tests.published import changed

Show = Callable[..., Shown]

#: A record whose proof came in time and that nobody has checked, and one whose proof came late.
PROOFS = (
    (
        "INSERT INTO marts.commission_open BY NAME SELECT * REPLACE ('proof1' AS commission_id, 'awaiting_verification' AS"
        " status, 60000 AS owed_idr, NULL AS fee_idr, false AS is_unpaid, false AS is_overdue) FROM marts.commission_open"
        " WHERE commission_id = 'open04'"
    ),
    (
        "INSERT INTO marts.commission_open BY NAME SELECT * REPLACE ('proof2' AS commission_id, 'awaiting_verification' AS"
        " status, 40000 AS owed_idr, NULL AS fee_idr) FROM marts.commission_open WHERE commission_id = 'open04'"
    ),
    (
        "INSERT INTO core.commissions SELECT * REPLACE ('proof1' AS commission_id, TIMESTAMP '2026-11-20 06:05:30' AS"
        " proof_at) FROM core.commissions WHERE commission_id = 'cm000001'"
    ),
)
#: What moved prov00 in October, as its ledger has it: charged 1,200,000, a fee, paid and reversed.
LINES = (
    (
        "INSERT INTO marts.commission_entries SELECT kind || ':' || n, kind, 'cm00000' || n, 'bk00000' || n, 'prov00',"
        " DATE '2026-10-01' + n, amount, 'As charged.', part, NULL, NULL FROM (VALUES (1, 'accrual', 'commission',"
        " 1200000), (2, 'fee', 'fee', 25000), (3, 'payment', 'commission', -1100000), (4, 'reversal', 'commission',"
        " -75000)) AS t(n, kind, part, amount)"
    ),
    (
        "INSERT INTO marts.commission_entries SELECT 'accrual:other', 'accrual', 'cm000009', 'bk000009', 'prov00',"
        " DATE '2026-11-01', 600000, 'As charged.', 'commission', NULL, NULL"
    ),
)


# The answer -------------------------------------------------------------------------------------------


def test_the_answer_is_four_figures_with_count_rupiah_and_age_each_leading_to_its_list(
    home: Path, truth: Truth, show: Show
) -> None:
    changed(home, *PROOFS)
    shown = show(home, "commissions")
    text = plain(shown)
    assert (
        "Rp 948250 owed, with fees All open records Open records 11 Providers 6 Of it fees Rp 75000" in text
    )
    assert (
        "Rp 438250 overdue, with fees Overdue records Open records 5 Providers 3 Of it fees Rp 75000 Longest overdue 8 d 18 h ago Cannot be told 1"
        in text
    )
    assert (
        "Rp 100000 awaiting verification Proofs nobody has checked Open records 2 Past the deadline, proof in time 1 Proof too late: overdue 1 Oldest proof 2 d ago"
    ) in text
    at_stake = sum(idr for _, idr in truth.missing)
    assert (
        f"Rp {at_stake} missing, at stake Bookings without a record Bookings 12 Within the grace 0 Could not be judged 0"
        in text
    )
    for address in ("view=records&amp;show=overdue", "view=records&amp;show=awaiting", "view=missing"):
        assert f'href="?{address}"' in shown.html


def test_what_waits_to_be_checked_is_a_list_of_its_own(home: Path, show: Show) -> None:
    changed(home, *PROOFS)
    listed = show(home, "commissions", view="records", show="awaiting").table("All open records")
    assert listed["commission_id"].to_list() == ["proof1", "proof2"]
    assert set(listed["status"]) == {"awaiting verification"}


def test_overdue_and_proofs_that_came_in_time_are_together_what_the_chain_calls_stuck_before_payment(
    read_publication: Home,
) -> None:
    """Two figures were called unpaid past the deadline: they differ by the proofs that nobody has checked."""
    path = str(require_snapshot(read_publication))
    overdue, waiting = receivables.open_totals(path)["overdue_records"], receivables.awaiting_totals(path)
    (stuck,) = ask(path, "SELECT broken FROM marts.broken_links WHERE hop = 6")["broken"]
    assert overdue > 0 < waiting["past_records"]
    assert overdue + waiting["past_records"] == stuck


def test_without_a_scan_of_commissions_nothing_owed_is_unknown_not_fine(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.commission_open",
        "DELETE FROM marts.commission_balances",
        "DELETE FROM marts.commission_restrictions WHERE verdict <> 'agrees'",
        "UPDATE marts.commission_restrictions SET due = NULL, restriction_due_at = NULL, overdue_records = 0,"
        " overdue_idr = 0, verdict = 'unknown'",
        "UPDATE marts.commission_summary SET state = 'unknown', as_of = NULL",
    )
    text = plain(show(home, "commissions"))
    assert "Nothing is owed" not in text
    assert "Rp 0" not in text
    assert "Missing commissions could not be judged" in text
    # The two restricted accounts may be restricted for a reason nobody can see now.
    text = plain(show(home, "commissions", view="restrictions"))
    assert "Kadek Therapy prov03 not known yes Rp 0 records: 0 Could not be told" in text


def test_overview_and_commissions_say_one_figure_for_owed_and_for_overdue(
    read_publication: Home, show: Show
) -> None:
    path = str(require_snapshot(read_publication))
    told = "SELECT sum(owed_idr + fees_idr)::BIGINT, sum(overdue_idr)::BIGINT FROM marts.commission_balances"
    ((owed, overdue),) = ask(path, told).rows()
    totals = receivables.open_totals(path)
    assert (totals["with_fees_idr"], totals["overdue_with_fees_idr"]) == (owed, overdue)
    # As the metric of that name is defined, and as the table of providers adds up.
    assert ask(path, METRICS["overdue_commission"].sql)["value"].sum() == overdue
    listed = receivables.balances().all(path)
    assert (listed["with_fees_idr"].sum(), listed["overdue_idr"].sum()) == (owed, overdue)
    commissions, overview = (
        plain(show(read_publication.root, "commissions")),
        plain(show(read_publication.root)),
    )
    assert f"Rp {owed} owed, with fees" in commissions
    assert f"Rp {overdue} overdue, with fees" in commissions
    assert f"Rp {owed} " in overview
    assert f"Rp {overdue} " in overview


# Who owes what ----------------------------------------------------------------------------------------


def test_who_owes_most_and_since_when_stands_first(read_home: Path, show: Show) -> None:
    balances = show(read_home, "commissions").table("Who owes what now")
    assert balances["provider_id"].to_list() == ["prov06", "prov00", "prov02", "prov04", "prov03"]
    assert balances["with_fees_idr"].to_list() == [225_000, 193_250, 180_000, 105_000, 100_000]
    assert balances["overdue_since"].to_list() == [
        "–",
        "2026-11-21 08:05",
        "–",
        "2026-11-22 13:53",
        "2026-11-13 20:05",
    ]
    assert set(balances["city"]) == {"Ubud"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sort": "since"}, ["prov03", "prov00", "prov04", "prov06", "prov02"]),
        ({"sort": "overdue", "state": "overdue"}, ["prov00", "prov04", "prov03"]),
        ({"state": "in_time"}, ["prov06", "prov02"]),
        ({"state": "restricted"}, ["prov03"]),
        ({"state": "unknown"}, ["prov04"]),
        ({"q": "TOUCH"}, ["prov02"]),
        ({"q": "prov0", "sort": "name"}, ["prov03", "prov06", "prov04", "prov00", "prov02"]),
        ({"city": "Ubud", "q": "sari"}, ["prov00"]),
    ],
)
def test_search_order_city_and_state_are_in_the_address(
    read_home: Path, show: Show, query: dict[str, str], found: list[str]
) -> None:
    shown = show(read_home, "commissions", **query)
    assert shown.table("Who owes what now")["provider_id"].to_list() == found
    assert dict(shown.app.query_params) == query


def test_what_is_chosen_is_written_into_the_address(read_home: Path, show: Show) -> None:
    app = show(read_home, "commissions").app
    app.selectbox(key="choice_state").select("overdue").run()
    app.text_input(key="choice_q").input("sari").run()
    app.selectbox(key="choice_sort").select("since").run()
    assert dict(app.query_params) == {"state": "overdue", "q": "sari", "sort": "since"}
    assert Shown(app).table("Who owes what now")["provider_id"].to_list() == ["prov00"]
    app.text_input(key="choice_q").input("nobody of that name").run()
    assert "Nothing fits what was chosen" in Shown(app).text


def test_ages_say_how_long_ago_the_services_ended(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "commissions", view="records"))
    assert "not ended yet 1 Rp 135000 Rp 0 0–3 h 3 Rp 225000 Rp 0 3–24 h 2 Rp 165750 Rp 25000" in text
    assert "over 7 days 1 Rp 75000 Rp 25000 unknown 1 Rp 90000 Rp 0" in text


def test_open_records_are_chosen_by_what_is_to_be_done_about_them(read_home: Path, show: Show) -> None:
    shown = show(read_home, "commissions", view="records", show="not_due")
    assert shown.table("All open records")["commission_id"].to_list() == ["open08"]
    assert any(
        "Of which it cannot be told whether they are overdue, or how much is owed: 1. Open, but not due (orphans, bookings that ended without earning): 1."
        in caption.value
        for caption in shown.app.caption
    )
    one = show(read_home, "commissions", view="records", q="open05").table("All open records")
    assert one["commission_id"].to_list() == ["open05"]


def test_open_records_count_down_by_the_clock_and_the_longest_overdue_stand_apart(
    read_home: Path, show: Show
) -> None:
    text = plain(show(read_home, "commissions"))
    assert (
        "Next deadlines Owed Time left Ubud Touch open00 Rp 75000 39 min left 14:45 WITA Ubud Touch open01 Rp 105000 2 h 30 min left 16:35 WITA"
    ) in text
    assert (
        "Longest overdue Owed Time over Kadek Therapy open05 Rp 75000 and a fee of Rp 25000 overdue for 8 d 18 h 13 Nov 20:05 WITA"
    ) in text
    # An orphan's deadline is nobody's.
    assert "open08" not in text


def test_a_deadline_that_passed_since_the_snapshot_is_overdue_by_the_clock(
    read_home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "NOW_SETTING", "2026-11-22T06:50:30Z")
    text = plain(show(read_home, "commissions"))
    assert "open00 Rp 75000 overdue for 5 min 14:45 WITA" in text
    assert "open01 Rp 105000 1 h 45 min left" in text


def test_restrictions_that_should_be_and_are_stand_side_by_side_the_differing_ones_marked(
    read_home: Path, show: Show
) -> None:
    shown = show(read_home, "commissions", view="restrictions")
    text = plain(shown)
    assert "1 As it should be 1 Due, not in force 1 In force, not due 1 Could not be told" in text
    assert "Sari Wellness prov00 yes since 12:35 WITA no Rp 143250 records: 2 Due, not in force" in text
    assert "Wayan Bodywork prov05 no yes Rp 0 records: 0 In force, not due" in text
    assert (
        "Nusa Spa House prov04 yes since 12:35 WITA not known Rp 105000 records: 1 Could not be told" in text
    )
    assert "Kadek Therapy prov03 yes since 12:35 WITA yes Rp 75000 records: 1 As it should be" in text
    assert (
        shown.html.count('<mark class="bw-warn"><i class="bw-icon bw-warn" aria-hidden="true"></i>yes</mark>')
        == 2
    )


# An account and a record ------------------------------------------------------------------------------


def test_an_account_is_opened_by_its_id_above_the_list_which_keeps_its_filters(
    read_home: Path, show: Show
) -> None:
    shown = show(read_home, "commissions", provider="prov00", state="overdue")
    text = plain(shown)
    assert (
        "Account of Sari Wellness Owed, with fees Rp 193250 Overdue, with fees Rp 143250 records: 2 Overdue for 1 d 6 h 21 Nov 08:05 WITA Of it fees Rp 50000 Of it not due Rp 0 Restrictions Due, not in force prov00 · Ubud ·"
    ) in text
    assert (
        "November 2026 Rp 250000 Rp 600000 Rp 50000 Rp 556750 Rp 0 Rp 343250 balanced October 2026 Rp 200000 Rp 1200000 Rp 25000 Rp 1100000 Rp 75000 Rp 250000 balanced"
    ) in text
    assert shown.table("All open records")["commission_id"].to_list() == ["open04", "open03"]
    assert len(shown.table("Who owes what now")) == 3
    assert '<a href="?state=overdue" target="_self" class="bw-back">' in shown.html or (
        'href="?state=overdue"' in shown.html
    )
    gone = plain(show(read_home, "commissions", provider="prov77"))
    assert "This snapshot knows no account prov77." in gone


def test_a_month_of_an_account_is_shown_down_to_the_lines_that_make_it(home: Path, show: Show) -> None:
    changed(home, *LINES)
    shown = show(home, "commissions", provider="prov00", month="2026-10")
    assert (
        "October 2026, line by line ← All months Opening Rp 200000 + Accrued Rp 1200000 + Fees Rp 25000 − Paid Rp 1100000 − Reversed Rp 75000 = Closing Rp 250000 balanced"
    ) in plain(shown)
    lines = shown.table("October 2026, line by line")
    assert lines["kind"].to_list() == ["Charged", "Late fee", "Paid", "Reversed"]
    assert 200_000 + lines["amount_idr"].sum() == 250_000
    assert "The ledger has no March 2026." in plain(
        show(home, "commissions", provider="prov00", month="2026-03")
    )


def test_the_lines_of_every_account_and_month_make_up_its_closing(read_publication: Home) -> None:
    path = str(require_snapshot(read_publication))
    accounts = ask(path, "SELECT DISTINCT provider_id FROM marts.commission_ledger ORDER BY 1 LIMIT 12")
    seen = 0
    for provider in accounts["provider_id"]:
        for row in ledger.account(path, provider).iter_rows(named=True):
            lines = ledger.entries(provider, row["local_month"]).all(path)
            assert row["opening_idr"] + int(lines["amount_idr"].sum() or 0) == row["closing_idr"]
            seen += lines.height
    assert seen > 50


def test_a_record_is_shown_with_its_booking_its_lines_and_what_was_found_of_it(
    home: Path, truth: Truth, show: Show
) -> None:
    changed(home, *LINES, "DELETE FROM marts.commission_entries WHERE commission_id <> 'cm000001'")
    shown = show(home, "commissions", commission="cm000001")
    text = plain(shown)
    assert (
        "Commission record cm000001 Status paid Against the policy Matched Expected Rp 82500 Recorded Rp 82500 Difference Rp 0 Account prov01 · Booking bk000001 · Policy version default-1"
    ) in text
    assert "Booking Commission record Id bk000001 cm000001" in text
    assert shown.table("Its lines in the ledger")["amount_idr"].to_list() == [1_200_000]
    assert 'href="bookings?booking=bk000001"' in shown.html
    found = "SELECT min(finding_id) AS finding_id, min(commission_id) AS id FROM marts.commission_findings WHERE finding = 'wrong_amount'"
    ((finding_id, commission_id),) = ask(str(require_snapshot(Home(home))), found).rows()
    listed = show(home, "commissions", commission=commission_id).table("What was found of it")
    assert listed["finding_id"].to_list() == [finding_id]
    gone = plain(show(home, "commissions", commission="cm-none"))
    assert "This snapshot holds no commission record cm-none." in gone


def test_a_record_that_is_not_paid_says_until_when_or_why_no_deadline_of_it_counts(
    home: Path, show: Show
) -> None:
    changed(
        home,
        *PROOFS,
        "INSERT INTO core.commissions SELECT * REPLACE ('open05' AS commission_id, 'overdue' AS status) FROM"
        " core.commissions WHERE commission_id = 'cm000001'",
        "INSERT INTO core.commissions SELECT * REPLACE ('open08' AS commission_id, 'pending' AS status) FROM"
        " core.commissions WHERE commission_id = 'cm000001'",
    )
    for commission, said in (
        ("open05", "Owed Rp 75000 Fees Rp 25000 To be paid overdue for 8 d 18 h 13 Nov 20:05 WITA"),
        ("open08", "To be paid not due"),
        ("proof1", "Status paid Against the policy not reconciled"),
        ("proof1", "To be paid proof came in time, awaiting verification"),
    ):
        assert said in plain(show(home, "commissions", commission=commission)), commission


# The ledger -------------------------------------------------------------------------------------------


def test_the_ledger_adds_up_by_month_and_by_provider(read_home: Path, show: Show) -> None:
    shown = show(read_home, "commissions", view="ledger")
    assert (
        "November 2026 providers: 2 Rp 350000 Rp 900000 Rp 50000 Rp 856750 Rp 0 Rp 443250 balanced"
        " October 2026 providers: 2 Rp 275000 Rp 1700000 Rp 50000 Rp 1600000 Rp 75000 Rp 350000 balanced"
    ) in plain(shown)
    assert shown.table("Ledger")["closing_idr"].to_list() == [343_250, 100_000]
    september = show(read_home, "commissions", view="ledger", month="2026-09")
    assert september.table("Ledger")["closing_idr"].to_list() == [200_000, 75_000]
    assert "The ledger has no March 2026." in plain(
        show(read_home, "commissions", view="ledger", month="2026-03")
    )


def test_a_ledger_line_that_does_not_hold_to_the_rupiah_is_said(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.commission_ledger SET closing_idr = closing_idr + 1, holds = false WHERE provider_id = 'prov03' AND local_month = DATE '2026-10-01'",
        "UPDATE marts.commission_ledger SET closing_idr = NULL, holds = false WHERE provider_id = 'prov00' AND local_month = DATE '2026-09-01'",
    )
    text = plain(show(home, "commissions", view="ledger"))
    assert "Rp 350001 1 not balanced" in text
    assert "Rp 75000 1 not balanced" in text
    assert "Rp 100001 not balanced" in plain(show(home, "commissions", provider="prov03"))


def test_a_ledger_of_before_it_told_whether_it_holds_is_called_neither(home: Path, show: Show) -> None:
    changed(home, "ALTER TABLE marts.commission_ledger DROP COLUMN holds")
    for query in ({"view": "ledger"}, {"provider": "prov00"}):
        text = plain(show(home, "commissions", **query))
        assert "not told by this snapshot" in text
        assert "balanced" not in text


# Against the policy -----------------------------------------------------------------------------------


def test_rows_are_counted_by_state_with_what_is_missing(read_home: Path, truth: Truth, show: Show) -> None:
    text = plain(show(read_home, "commissions", view="reconciled"))
    assert "Matched The record agrees with policy to the rupiah 10532" in text
    at_stake = sum(idr for _, idr in truth.missing)
    assert f"Missing The booking earns, there is no record 12 Rp {at_stake} Rp 0" in text
    text = plain(show(read_home, "commissions", view="missing"))
    assert f"12 missing Rp {at_stake} of commission at stake" in text


def test_beside_each_difference_stand_the_rows_that_are_not_in_it(read_home: Path, show: Show) -> None:
    text = plain(show(read_home, "commissions", view="reconciled"))
    assert "State Rows Expected Recorded Difference Not in the difference" in text
    assert "in no count of bookings 1 – Rp 90000 – 1 Rp 90000 recorded" in text
    indonesian = plain(show(read_home, "commissions", view="reconciled", lang="id"))
    assert "Baris dengan sisi tak diketahui, di luar selisih: 1 (tercatat Rp 90000)" in indonesian


def test_what_the_table_calls_unknown_is_what_the_card_calls_unknown(read_publication: Home) -> None:
    path = str(require_snapshot(read_publication))
    states = reconciliation.reconciliation_states(path)
    rows = dict(states.select("state", "rows").iter_rows())
    summary = reconciliation.commission_summary(path)
    assert summary is not None
    assert rows["unknown"] == summary["unknown"] > 0
    assert rows[reconciliation.UNKNOWN_RECORD] > 0
    assert rows["missing"] == summary["missing"] == receivables.missing_totals(path)["bookings"]
    assert states["variance_idr"].sum() == summary["variance_idr"]


def test_missing_commissions_are_a_table_with_ids_and_local_times(
    read_home: Path, truth: Truth, show: Show
) -> None:
    missing = show(read_home, "commissions", view="missing").table("Missing commissions")
    assert missing["booking_id"].to_list() == [booking_id for booking_id, _ in truth.missing]
    assert missing["expected_idr"].to_list() == [idr for _, idr in truth.missing]
    assert missing["accrued_at"].str.fullmatch(r"2026-\d\d-\d\d \d\d:\d\d").all()
    held = reconciliation.MISSING.all(str(require_snapshot(Home(read_home))))
    assert held["finding_id"].to_list() == [f"missing:{booking_id}" for booking_id, _ in truth.missing]


def test_no_missing_commission_is_said_with_its_count(publication: Path, tmp_path: Path, show: Show) -> None:
    snapshot.build(publication, tmp_path / "home", missing=0)
    text = plain(show(tmp_path / "home", "commissions", view="reconciled"))
    assert "Perfect Every booking that earns and can be judged has its commission." in text
    text = plain(show(tmp_path / "home", "commissions", view="missing"))
    assert "No commission is missing 10561 of 10561 bookings that earn have their commission record." in text


def test_commission_that_was_never_judged_is_unknown_not_perfect(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.commission_summary SET state = 'unknown', missing = 0, tracked = 0, tracking_rate = 1, as_of = NULL, \"unknown\" = 10561",
        "DELETE FROM marts.commission_reconciliation",
        "DELETE FROM marts.commission_findings",
    )
    text = plain(show(home, "commissions", view="reconciled"))
    assert "Unknown The commission records were never read completely: nothing can be said." in text
    assert "Tracking rate – " in text
    assert "– missing, at stake" in text
    text = plain(show(home, "commissions", view="missing"))
    assert "Missing commissions could not be judged" in text
    assert "No commission is missing" not in text
    text = plain(show(home, "findings"))
    assert "Missing commissions could not be judged" in text
    assert "No findings" not in text


def test_a_section_whose_table_is_gone_says_so_and_stops_no_other(home: Path, show: Show) -> None:
    changed(home, "DROP TABLE marts.commission_reconciliation")
    absent = "Not in this snapshot yet It was published by a version of bookwatch that did not make this;"
    assert absent in show(home, "commissions", view="reconciled").text
    assert "Ubud Touch" in show(home, "commissions").text
    assert "Wrong amount" in show(home, "findings").text


def test_an_older_snapshot_says_what_it_does_not_hold_and_shows_the_rest(
    publication: Path, tmp_path: Path, show: Show
) -> None:
    truth = snapshot.build(publication, tmp_path / "home", later=False)
    for view in ("who", "records", "restrictions", "ledger"):
        text = plain(show(tmp_path / "home", "commissions", view=view))
        assert "Not in this snapshot yet" in text
        assert "Nothing is owed" not in text
        assert "could not be read" not in text
    at_stake = sum(idr for _, idr in truth.missing)
    text = plain(show(tmp_path / "home", "commissions", view="missing"))
    assert f"12 missing Rp {at_stake} of commission at stake" in text
    months = show(tmp_path / "home", "months", view="changes").text
    assert "Not in this snapshot yet" in months
    assert "No closed month has changed" not in months
    assert len(show(tmp_path / "home", "findings", waived="all").table("Findings")) == 32
