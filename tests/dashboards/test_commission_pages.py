"""The Revenue page beyond the three figures: what is owed, restrictions, the ledger, closed months, findings with their
records, and the auditor's report."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from dashboards.sections.report import last_month, names_of, zipped
from pipelines.exports.manifest import read_manifest
from pipelines.exports.signature import SIGNATURE
from pipelines.exports.verify import Trust, verify_export
from resources.home import Home
from resources.ledger import Ledger
from resources.report_keys import make_keys
from tests.dashboards import snapshot
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import Truth
from tests.published import changed

Show = Callable[..., Shown]


def plain(shown: Shown) -> str:
    return shown.text.replace("\u00a0", " ")


def test_open_records_count_down_by_the_clock_and_the_longest_overdue_stand_apart(
    home: Path, show: Show
) -> None:
    text = plain(show(home, "revenue"))
    assert "Open records 9 Owed Rp 773,250 Overdue 4 · Rp 323,250 Fees 3 · Rp 75,000" in text
    assert "Of which it cannot be told whether they are overdue, or how much is owed: 1." in text
    assert "Open, but not due (orphans, bookings that ended without earning): 1." in text
    assert (
        "Next deadlines Owed Time left Ubud Touch open00 Rp 75,000 39 min left 14:45 WITA Ubud Touch open01 Rp 105,000 2 h 30 min left 16:35 WITA"
    ) in text
    assert (
        "Longest overdue Owed Time over Kadek Therapy open05 Rp 75,000 and a fee of Rp 25,000 overdue for 8 d 18 h 13 Nov 20:05 WITA"
    ) in text
    # An orphan's deadline is nobody's.
    assert "open08" not in text


def test_a_deadline_that_passed_since_the_snapshot_is_overdue_by_the_clock(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "NOW_SETTING", "2026-11-22T06:50:30Z")
    text = plain(show(home, "revenue"))
    assert "open00 Rp 75,000 overdue for 5 min 14:45 WITA" in text
    assert "open01 Rp 105,000 1 h 45 min left" in text


def test_ages_and_balances_say_who_owes_what(home: Path, show: Show) -> None:
    shown = show(home, "revenue")
    text = plain(shown)
    assert "not ended yet 1 Rp 135,000 Rp 0 0–3 h 3 Rp 225,000 Rp 0 3–24 h 2 Rp 165,750 Rp 25,000" in text
    assert "over 7 days 1 Rp 75,000 Rp 25,000 unknown 1 Rp 90,000 Rp 0" in text
    balances = shown.table("Who owes what now")
    assert balances["provider_id"].to_list() == ["prov06", "prov02", "prov00", "prov04", "prov03"]
    assert balances["owed_idr"].to_list() == [225_000, 180_000, 143_250, 105_000, 75_000]


def test_restrictions_that_should_be_and_are_stand_side_by_side_the_differing_ones_marked(
    home: Path, show: Show
) -> None:
    shown = show(home, "revenue")
    text = plain(shown)
    assert "1 As it should be 1 Due, not in force 1 In force, not due 1 Could not be told" in text
    assert "Sari Wellness prov00 yes since 12:35 WITA no Rp 143,250 records: 2 Due, not in force" in text
    assert "Wayan Bodywork prov05 no yes Rp 0 records: 0 In force, not due" in text
    assert (
        "Nusa Spa House prov04 yes since 12:35 WITA not known Rp 105,000 records: 1 Could not be told" in text
    )
    assert "Kadek Therapy prov03 yes since 12:35 WITA yes Rp 75,000 records: 1 As it should be" in text
    assert (
        shown.html.count('<mark class="bw-warn"><i class="bw-icon bw-warn" aria-hidden="true"></i>yes</mark>')
        == 2
    )


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
    text = plain(show(home, "revenue"))
    assert "Nothing is owed" not in text
    assert "Owed and overdue Unpaid commission records" in text
    # The two restricted accounts may be restricted for a reason nobody can see now.
    assert "Kadek Therapy prov03 not known yes Rp 0 records: 0 Could not be told" in text


def test_the_ledger_adds_up_by_month_and_by_provider(home: Path, show: Show) -> None:
    shown = show(home, "revenue")
    text = plain(shown)
    assert (
        "November 2026 providers: 2 Rp 350,000 Rp 900,000 Rp 50,000 Rp 856,750 Rp 0 Rp 443,250 balanced"
        " October 2026 providers: 2 Rp 275,000 Rp 1,700,000 Rp 50,000 Rp 1,600,000 Rp 75,000 Rp 350,000 balanced"
    ) in text
    assert shown.table("Ledger")["closing_idr"].to_list() == [343_250, 100_000]
    shown.app.selectbox(key="ledger_month").select(date(2026, 9, 1)).run()
    assert shown.table("Ledger")["closing_idr"].to_list() == [200_000, 75_000]


def test_a_ledger_line_that_does_not_hold_to_the_rupiah_is_said(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE marts.commission_ledger SET closing_idr = closing_idr + 1, holds = false WHERE provider_id = 'prov03' AND local_month = DATE '2026-10-01'",
        "UPDATE marts.commission_ledger SET closing_idr = NULL, holds = false WHERE provider_id = 'prov00' AND local_month = DATE '2026-09-01'",
    )
    text = plain(show(home, "revenue"))
    assert "Rp 350,001 1 not balanced" in text
    assert "Rp 75,000 1 not balanced" in text


def test_a_ledger_of_before_it_told_whether_it_holds_is_called_neither(home: Path, show: Show) -> None:
    changed(home, "ALTER TABLE marts.commission_ledger DROP COLUMN holds")
    text = plain(show(home, "revenue"))
    assert "Rp 443,250 not told by this snapshot" in text
    assert "balanced" not in text


def test_a_closed_month_that_changed_shows_both_values_and_a_waived_one_is_marked(
    home: Path, show: Show
) -> None:
    text = plain(show(home, "revenue"))
    assert (
        "October 2026 Collected closed_month_changed:2026-10:collected_idr Rp 41,250,000 Rp 41,175,000 -Rp 75,000 09:05 WITA against 20261121T060512Z-000009"
    ) in text
    assert (
        "Bookings closed_month_changed:2026-09:bookings Waived"
        " Waived by Komang, 12:05 WITA: a double booking was removed 1,500 1,501 1 "
    ) in text


def test_closed_months_that_were_not_compared_are_not_called_unchanged(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.closed_month_changes",
        "INSERT INTO marts.closed_month_gaps VALUES ('s', NULL, TIMESTAMP '2026-11-22 06:05:12', 'there was no snapshot before', true, 'gap.none', '{}')",
    )
    text = plain(show(home, "revenue"))
    assert (
        "Not compared The closed months of this snapshot were compared with none before it: there was no snapshot before."
        in text
    )
    assert "No closed month has changed" not in text


def test_a_finding_opens_to_its_two_records_and_marks_the_fields_that_differ(home: Path, show: Show) -> None:
    changed(
        home,
        "UPDATE core.commissions SET provider_id = 'prov99' WHERE commission_id = (SELECT min(commission_id) FROM marts.commission_findings WHERE finding = 'wrong_amount' AND waived)",
        "UPDATE marts.commission_findings SET finding_id = 'the-one' WHERE commission_id = (SELECT min(commission_id) FROM marts.commission_findings WHERE finding = 'wrong_amount' AND waived)",
    )
    shown = show(home, "revenue", finding="the-one")
    text = plain(shown)
    assert (
        "Wrong amount Waived the-one The commission is Rp 25.000 below 30 % of the booking. Correct the record's amounts"
        in text
    )
    assert "Booking Commission record Id bk" in text
    marked = [row for row in shown.html.split("<tr") if "bw-apart" in row]
    assert ["Provider id" in marked[0], "Commission (expected | recorded)" in marked[1]] == [True, True]
    assert len(marked) == 2
    assert "Fields that differ: 2." in text
    assert 'bookwatch waive the-one --reason "…" --by "…"' in text


WAIVED = "(SELECT min(finding_id) FROM marts.commission_findings WHERE waived)"


def test_a_waived_finding_says_who_waived_it_when_and_why(home: Path, show: Show) -> None:
    changed(
        home,
        f"INSERT INTO ops.waivers SELECT {WAIVED}, 'agreed with <the owner>', 'Ayu', TIMESTAMP '2026-11-21 02:00:00'",
        f"UPDATE marts.commission_findings SET finding_id = 'the-one' WHERE finding_id = {WAIVED}",
        "UPDATE ops.waivers SET finding_id = 'the-one' WHERE waived_by = 'Ayu'",
    )
    shown = show(home, "revenue", finding="the-one")
    assert "Waived by Ayu, 21 Nov 10:00 WITA: agreed with <the owner>" in plain(shown)
    listed = shown.table("Findings by code").set_index("finding_id")
    told = listed[["waived", "waived_by", "waived_at", "waived_reason"]]
    assert told.loc["the-one"].to_list() == ["yes", "Ayu", "2026-11-21 10:00", "agreed with <the owner>"]
    assert set(told[told["waived"] == "no"]["waived_reason"]) == {"–"}
    assert "Dikesampingkan oleh Ayu, 21 Nov 10:00 WITA: agreed with" in plain(
        show(home, "revenue", finding="the-one", lang="id")
    )


def test_a_snapshot_from_before_waivers_were_kept_says_that_it_does_not_know_the_reason(
    home: Path, show: Show
) -> None:
    changed(
        home,
        f"UPDATE marts.commission_findings SET finding_id = 'the-one' WHERE finding_id = {WAIVED}",
        "DROP TABLE ops.waivers",
    )
    text = plain(show(home, "revenue", finding="the-one"))
    assert "Waived; this snapshot does not say by whom and why." in text


def test_findings_without_a_booking_or_a_record_say_which_side_is_absent(
    home: Path, truth: Truth, show: Show
) -> None:
    assert "There is no such booking." in plain(show(home, "revenue", finding="orphan:cmx0"))
    missing = show(home, "revenue", finding=f"missing:{truth.missing[0][0]}")
    assert f"Missing commission critical missing:{truth.missing[0][0]}" in plain(missing)
    assert "There is no commission record." in plain(missing)
    assert "This snapshot holds no finding missing:gone: it may be mended since." in plain(
        show(home, "revenue", finding="missing:gone")
    )


def test_a_duplicate_opens_to_the_booking_and_to_both_its_records(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO core.commissions SELECT * REPLACE ('cmdup' AS commission_id, commission_idr - 1 AS commission_idr) FROM core.commissions WHERE commission_id = 'cm000001'",
        "INSERT INTO marts.commission_findings SELECT 'duplicate:cmdup', 'duplicate', 'high', booking_id, booking_id, 'cmdup', provider_id, 0, actual_idr - 1, actual_idr - 1, 'A further live record.', origin, false, NULL, NULL FROM marts.commission_reconciliation WHERE commission_id = 'cm000001'",
    )
    text = plain(show(home, "revenue", finding="duplicate:cmdup"))
    assert "The booking's own record This further record Id cm000001 cmdup" in text


def test_beside_each_difference_stand_the_rows_that_are_not_in_it(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.commission_findings VALUES ('vanished:c9', 'vanished', 'high', NULL, 'b9', 'c9', 'prov00',"
        " 60000, NULL, NULL, 'Gone.', NULL, false, NULL, NULL)",
    )
    text = plain(show(home, "revenue"))
    assert "State Rows Expected Recorded Difference Not in the difference" in text
    assert "Unknown Could not be judged 1 – Rp 90,000 – 1 Rp 90,000 recorded" in text
    assert "Vanished record vanished high 1 0 – 1 Rp 60,000 expected" in text
    indonesian = plain(show(home, "revenue", lang="id"))
    assert "Baris yang satu sisinya tidak diketahui, di luar selisih: 1 (tercatat Rp 90.000)" in indonesian


def test_a_finding_on_an_account_opens_to_the_provider_and_what_it_owes(home: Path, show: Show) -> None:
    changed(
        home,
        "INSERT INTO marts.commission_findings VALUES ('restriction_mismatch:prov00', 'restriction_mismatch', 'medium', NULL, NULL, NULL, 'prov00', NULL, NULL, NULL, 'Not RESTRICTED.', NULL, false, NULL, NULL)",
    )
    shown = show(home, "revenue", finding="restriction_mismatch:prov00")
    assert "Provider What it owes now Id prov00 prov00" in plain(shown)
    assert "Restricted (is | should be) no yes" in plain(shown)
    assert '<tr class="bw-apart"><th scope="row">Restricted' in shown.html


# The report ---------------------------------------------------------------------------------------


def test_the_month_before_is_proposed() -> None:
    assert last_month(date(2026, 11, 22)) == (date(2026, 10, 1), date(2026, 10, 31))
    assert last_month(date(2026, 3, 31)) == (date(2026, 2, 1), date(2026, 2, 28))
    assert last_month(date(2026, 1, 1)) == (date(2025, 12, 1), date(2025, 12, 31))


def test_a_report_from_the_page_is_a_real_export(home: Path, show: Show, tmp_path: Path) -> None:
    shown = show(home, "revenue")
    app = shown.app
    app.text_input(key="report_by").input("Putu Auditor")
    app.button[0].click().run(timeout=60)
    assert not app.exception
    text = plain(shown)
    assert (
        "Period 1–31 Oct 2026 Made by Putu Auditor Snapshot 20261122T060512Z-000003 Policy default-1 Entered in the ledger."
        in text
    )
    (entry,) = Ledger(home / "ledger.sqlite").exports()
    folder = Path(entry.folder)
    assert (entry.made_by, entry.snapshot_id) == ("Putu Auditor", snapshot.SNAPSHOT_ID)
    assert json.loads(entry.filters) == {"from": "2026-10-01", "to": "2026-11-01", "format": "csv"}
    assert folder.parent == home / "exports"
    assert verify_export(folder, home / "ledger.sqlite").holds
    assert snapshot.SNAPSHOT_ID in Ledger(home / "ledger.sqlite").cited_snapshots()
    offered = [
        button.label for button in app.get("download_button") if (button.key or "").startswith("report_")
    ]
    assert offered == [
        "All files (ZIP)",
        "commissions.csv",
        "spreadsheet.csv",
        "findings.csv",
        "findings_spreadsheet.csv",
        "summary.csv",
        "summary_spreadsheet.csv",
        "manifest.json",
    ]
    assert "Reports made so far: 1" in [box.label for box in app.expander]
    # The same again restores nothing and enters nothing.
    app.button[0].click().run(timeout=60)
    assert "This report was there already, byte for byte; nothing was entered again." in plain(shown)
    assert len(Ledger(home / "ledger.sqlite").exports()) == 1
    # As a workbook: a report of its own, beside the CSV; signed, now that there is a key.
    key = make_keys(Home(home))
    app.segmented_control(key="report_format").set_value("xlsx")
    app.button[0].click().run(timeout=60)
    assert not app.exception
    assert [
        button.label for button in app.get("download_button") if (button.key or "").startswith("report_")
    ] == ["All files (ZIP)", "commissions.xlsx", "manifest.json", SIGNATURE]
    workbook = Path(Ledger(home / "ledger.sqlite").exports()[1].folder)
    assert verify_export(workbook, home / "ledger.sqlite").holds
    archive = tmp_path / "report.zip"
    manifest = read_manifest((workbook / "manifest.json").read_bytes())
    archive.write_bytes(zipped(workbook, names_of(workbook, manifest)))
    shutil.unpack_archive(archive, tmp_path / "handed out")
    # Whoever gets the ZIP proves it by the key alone.
    verdict = verify_export(
        tmp_path / "handed out", tmp_path / "none.sqlite", alone=True, trust=Trust(key=key)
    )
    assert verdict.holds
    assert any("signed with the key" in said for said in verdict.proven)


def test_a_report_without_a_name_or_that_cannot_be_written_is_said_and_nothing_is_entered(
    home: Path, show: Show
) -> None:
    shown = show(home, "revenue")
    shown.app.button[0].click().run()
    assert "Say who makes the report: the ledger names them." in plain(shown)
    (home / "exports").rmdir()
    (home / "exports").write_text("in the way")
    shown.app.text_input(key="report_by").input("Putu")
    shown.app.button[0].click().run(timeout=60)
    assert "The report was not made. The report could not be written to" in plain(shown)
    assert not (home / "ledger.sqlite").exists() or Ledger(home / "ledger.sqlite").exports() == []


# An older snapshot --------------------------------------------------------------------------------


def test_an_older_snapshot_says_what_it_does_not_hold_and_shows_the_rest(
    publication: Path, tmp_path: Path, show: Show
) -> None:
    truth = snapshot.build(publication, tmp_path / "home", later=False)
    shown = show(tmp_path / "home", "revenue")
    text = plain(shown)
    assert text.count("Not in this snapshot yet") == 5  # owed, who, restrictions, ledger, closed months
    for heading in (
        "Owed and overdue",
        "Who owes what now",
        "Restrictions",
        "Ledger",
        "Closed months that changed",
    ):
        assert heading in text
    assert "Nothing is owed" not in text
    assert "No closed month has changed" not in text
    assert "could not be read" not in text
    assert f"12 missing Rp {sum(idr for _, idr in truth.missing):,}" in text
    assert len(shown.table("Findings by code")) == 32
