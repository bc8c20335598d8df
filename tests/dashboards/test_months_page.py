"""The page Months: is a month ready, and if not, why; what changed after it closed; reports and packages ordered from
the page."""

# ruff: noqa: E501 - sentences stand as they are read

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Literal

import pytest

from dashboards.kit import screen as screens
from dashboards.sections import months
from dashboards.sections.report import last_month, names_of, zipped
from marketplace.roles import Right
from pipelines.exports.commissions import export_commissions
from pipelines.exports.manifest import read_manifest
from pipelines.exports.month.package import export_month
from pipelines.exports.signature import SIGNATURE
from pipelines.exports.verify import Trust, verify_export
from resources.clock import Clock
from resources.home import Home
from resources.ledger import Ledger
from resources.report_keys import make_keys
from tests.dashboards.conftest import Shown
from tests.dashboards.plain import plain
from tests.published import changed

Show = Callable[..., Shown]
NOW = datetime(2026, 11, 22, 6, 6, tzinfo=UTC)
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
#: Closed months were compared, and what changed was acknowledged.
QUIET = (
    "UPDATE marts.closed_month_gaps SET is_newest = false",
    "UPDATE marts.closed_month_changes SET waived = true",
)


def reported(home: Path, *, package: bool = False, form: Literal["csv", "xlsx"] = "csv") -> Path:
    """October's report in the home: a package, or what takes a tenth of the time."""
    said: dict[str, Any] = {
        "first": OCTOBER[0],
        "until": OCTOBER[1],
        "out": home / "exports" / f"october_{form}",
        "made_by": "Putu",
        "time_zone": "Asia/Makassar",
    }
    made = (
        export_month(Home(home), Clock(NOW), **said)
        if package
        else export_commissions(Home(home), Clock(NOW), form=form, **said)
    )
    return made.folder


def signed(home: Path, by: str = "Rani") -> None:
    ledger = Ledger(home / "ledger.sqlite")
    (*_, entry) = ledger.exports()
    ledger.sign_off(
        OCTOBER[0],
        by=by,
        at=NOW,
        reason="as discussed",
        snapshot_id=entry.snapshot_id,
        manifest_sha256=entry.manifest_sha256,
    )


def test_what_a_month_lacks_is_said_with_the_command_for_it(home: Path, show: Show) -> None:
    changed(home, *QUIET)
    text = show(home, "months").text
    assert "October 2026 is not ready yet" in text
    assert "no report of the closed month" in text
    assert "nothing was handed out" in text
    assert "November 2026 not ready open" in text
    text = show(home, "months", view="package").text
    assert "To make it at the command line: bookwatch export month 2026-10 --out DIR" in text
    assert "bookwatch close 2026-10 --by NAME" in text


def test_a_month_is_ready_once_it_is_reported_whole_and_signed_off(home: Path, show: Show) -> None:
    changed(home, *QUIET)
    folder = reported(home, package=True)
    signed(home)
    shown = show(home, "months", view="package")
    assert "October 2026 is ready for the auditor" in shown.text
    assert "package · Putu, 14:06 WITA" in shown.text
    assert "Rani, 14:06 WITA" in shown.text
    assert "signed off Rani 14:06 WITA" in show(home, "months", view="log").text
    assert f"bookwatch verify {folder}" in shown.text
    buttons: Any = shown.app.get("download_button")
    assert "manifest.json" in [button.label for button in buttons]
    # A file that is not what was handed out any more; a report that is gone.
    (summary,) = folder.glob("*_summary.csv")
    summary.chmod(0o600)
    summary.write_bytes(summary.read_bytes() + b"\n")
    text = show(home, "months", lang="id").text
    assert "Oktober 2026 belum siap" in text
    assert f"tidak seperti saat diserahkan: {summary.name}" in text
    folder.rename(folder.with_name("moved"))
    text = show(home, "months").text
    assert "Whether October 2026 is ready cannot be told" in text
    assert "the report's folder is not on this machine" in text
    # Taken back.
    Ledger(home / "ledger.sqlite").reopen(OCTOBER[0], by="Budi", at=NOW, reason="", snapshot_id=None)
    text = show(home, "months", view="log").text
    assert "not signed off" in text
    assert "taken back Budi" in text


def test_a_change_after_the_report_is_told_until_a_newer_one_says_it(home: Path, show: Show) -> None:
    reported(home)
    signed(home)
    (entry,) = Ledger(home / "ledger.sqlite").exports()
    changed(
        home,
        *QUIET,
        "INSERT INTO marts.closed_month_changes BY NAME SELECT 'closed_month_changed:x' AS finding_id,"
        " 'closed_month_changed' AS finding, DATE '2026-10-01' AS local_month, 'booked_idr' AS figure, 1 AS"
        f" previous_value, 2 AS current_value, '{entry.snapshot_id}' AS previous_snapshot_id, TIMESTAMP '2026-11-22"
        " 06:05:20' AS seen_at, true AS waived, 'It changed.' AS detail",
    )
    text = show(home, "months").text
    assert "figures that changed after the report: 1" in text
    assert "October 2026 is not ready yet" in text


def test_a_ledger_that_cannot_be_read_makes_no_month_ready(home: Path, show: Show) -> None:
    (home / "ledger.sqlite").unlink(missing_ok=True)
    (home / "ledger.sqlite").write_bytes(b"no database, though long enough to be taken for one" * 40)
    text = show(home, "months").text
    assert "The ledger could not be read" in text
    assert "is ready for the auditor" not in text


def test_a_closed_month_that_changed_shows_both_values_and_a_waived_one_is_marked(
    read_home: Path, show: Show
) -> None:
    text = plain(show(read_home, "months", view="changes"))
    assert (
        "October 2026 Collected closed_month_changed:2026-10:collected_idr Rp 41250000 Rp 41175000 -Rp 75000 09:05 WITA against 20261121T060512Z-000009"
    ) in text
    assert (
        "Bookings closed_month_changed:2026-09:bookings Waived"
        " Waived by Komang, 12:05 WITA: a double booking was removed 1500 1501 1 "
    ) in text


def test_closed_months_that_were_not_compared_are_not_called_unchanged(home: Path, show: Show) -> None:
    changed(
        home,
        "DELETE FROM marts.closed_month_changes",
        "INSERT INTO marts.closed_month_gaps VALUES ('s', NULL, TIMESTAMP '2026-11-22 06:05:12', 'there was no snapshot before', true, 'gap.none', '{}')",
    )
    text = plain(show(home, "months", view="changes"))
    assert (
        "Not compared The closed months of this snapshot were compared with none before it: there was no snapshot before."
        in text
    )
    assert "No closed month has changed" not in text


# A report of any days ---------------------------------------------------------------------------------


def test_the_month_before_is_proposed() -> None:
    assert last_month(date(2026, 11, 22)) == (date(2026, 10, 1), date(2026, 10, 31))
    assert last_month(date(2026, 3, 31)) == (date(2026, 2, 1), date(2026, 2, 28))
    assert last_month(date(2026, 1, 1)) == (date(2025, 12, 1), date(2025, 12, 31))


def test_a_report_is_ordered_of_the_pipeline_and_its_files_are_had_here_once_it_is_made(
    home: Path, show: Show, tmp_path: Path
) -> None:
    key = make_keys(Home(home))
    for form in ("csv", "xlsx"):  # before a page has the snapshot open: DuckDB opens a file once a process
        reported(home, form=form)
    shown = show(home, "months", view="report")
    app = shown.app
    app.button(key="act_order_report").click().run()
    assert "Say who makes the report: the ledger names them." in plain(shown)
    assert Ledger(home / "ledger.sqlite").orders("report") == []
    app.text_input(key="by_report").input("Putu Auditor")
    app.button(key="act_order_report").click().run()
    assert not app.exception
    (order,) = Ledger(home / "ledger.sqlite").orders("report")
    assert {name: order.arguments[name] for name in ("first", "until", "format", "by")} == {
        "first": "2026-10-01",
        "until": "2026-11-01",
        "format": "csv",
        "by": "Putu Auditor",
    }
    entry, workbook = Ledger(home / "ledger.sqlite").exports()

    def offered(**query: str) -> list[str]:
        buttons: Any = show(home, "months", view="report", **query).app.get("download_button")
        return [button.label for button in buttons]

    # The newest, unless another one is asked for; signed, as there is a key.
    assert offered() == ["All files (ZIP)", "commissions.xlsx", "manifest.json", SIGNATURE]
    assert offered(report=entry.manifest_sha256[:16]) == [
        "All files (ZIP)",
        "commissions.csv",
        "spreadsheet.csv",
        "findings.csv",
        "findings_spreadsheet.csv",
        "summary.csv",
        "summary_spreadsheet.csv",
        "manifest.json",
        SIGNATURE,
    ]
    one = show(home, "months", view="report", report=entry.manifest_sha256[:16])
    assert "Period 1–31 Oct 2026 Made by Putu Snapshot 20261122T060512Z-000003 Policy default-1" in plain(one)
    assert "Reports made so far: 2" in [box.label for box in one.app.expander]
    assert "No report 0123456789abcdef is in the ledger" in plain(
        show(home, "months", view="report", report="0123456789abcdef")
    )
    # Whoever gets the ZIP proves it by the key alone.
    folder = Path(workbook.folder)
    manifest = read_manifest((folder / "manifest.json").read_bytes())
    archive = tmp_path / "report.zip"
    archive.write_bytes(zipped(folder, names_of(folder, manifest)))
    shutil.unpack_archive(archive, tmp_path / "handed out")
    verdict = verify_export(
        tmp_path / "handed out", tmp_path / "none.sqlite", alone=True, trust=Trust(key=key)
    )
    assert verdict.holds
    assert any("signed with the key" in said for said in verdict.proven)


def test_files_are_offered_to_who_may_download_and_orders_to_who_may_give_them(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported(home)
    monkeypatch.setattr(screens.Screen, "may", lambda _screen, right: right is Right.SEE)
    for view in ("report", "package"):
        app = show(home, "months", view=view).app
        assert app.get("download_button") == []
        assert [button.key for button in app.button if str(button.key).startswith("act_order")] == []


# A package --------------------------------------------------------------------------------------------


def test_a_package_is_ordered_for_the_month_that_is_chosen(home: Path, show: Show) -> None:
    app = show(home, "months", view="package", month="2026-10").app
    app.text_input(key="by_package").input("Putu Auditor")
    app.button(key="act_order_package").click().run()
    assert not app.exception
    (order,) = Ledger(home / "ledger.sqlite").orders("package")
    assert (order.arguments["month"], order.arguments["by"]) == ("2026-10", "Putu Auditor")
    app = show(home, "months", view="package").app
    app.selectbox(key="package_month").select("2026-11").run()
    assert dict(app.query_params) == {"view": "package", "month": "2026-11"}


def test_what_verify_says_of_a_report_is_said(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported(home)
    shown = show(home, "months", view="package")
    said = {"holds": True, "not_checked": [], "differences": []}
    monkeypatch.setattr(months, "_bookwatch", lambda *words: CompletedProcess(words, 0, json.dumps(said), ""))
    for more, text in (
        ({}, "The report is what was handed out"),
        (
            {"not_checked": ["the snapshot is gone."]},
            "What could be checked is as it was handed out the snapshot is gone.",
        ),
        ({"holds": False, "differences": ["x is gone."]}, "The report could not be proven. x is gone."),
    ):
        said |= more
        shown.app.button(key="month_prove").click().run(timeout=60)
        assert text in shown.text


def test_no_file_beside_its_folder_is_handed_out_whatever_a_manifest_calls_its_files(home: Path) -> None:
    folder = reported(home)
    manifest = read_manifest((folder / "manifest.json").read_bytes())
    outside = home / "outside.csv"
    outside.write_text("x")
    (folder / "led.csv").symlink_to(outside)
    (first, *_) = manifest.files
    files = [replace(first, name=name) for name in (first.name, "../../outside.csv", str(outside), "led.csv")]
    assert names_of(folder, replace(manifest, files=files))[:2] == [first.name, "manifest.json"]


def test_a_phone_in_a_remark_is_not_shown(home: Path, show: Show) -> None:
    Ledger(home / "ledger.sqlite").sign_off(
        OCTOBER[0],
        by="Rani",
        at=NOW,
        reason="agreed with 0812 3456 7890",
        snapshot_id="20261122T000000Z-000001",
        manifest_sha256=None,
    )
    text = show(home, "months", view="log").text
    assert "agreed with" in text
    assert "3456" not in text
