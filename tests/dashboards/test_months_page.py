"""The page Months: is a month ready, and if not, why; its package made from the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from dashboards.sections import months
from pipelines.exports.month.package import export_month
from resources.clock import Clock
from resources.home import Home
from resources.ledger import Ledger
from tests.dashboards.conftest import Shown
from tests.published import changed

Show = Callable[..., Shown]
NOW = datetime(2026, 11, 22, 6, 6, tzinfo=UTC)
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
#: Closed months were compared, and what changed was acknowledged.
QUIET = (
    "UPDATE marts.closed_month_gaps SET is_newest = false",
    "UPDATE marts.closed_month_changes SET waived = true",
)


def reported(home: Path) -> Path:
    """October's package in the home."""
    out = home / "exports" / "october"
    made = export_month(
        Home(home),
        Clock(NOW),
        first=OCTOBER[0],
        until=OCTOBER[1],
        out=out,
        made_by="Putu",
        time_zone="Asia/Makassar",
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
    assert "To make it at the command line: bookwatch export month 2026-10 --out DIR" in text
    assert "bookwatch close 2026-10 --by NAME" in text
    assert "November 2026 not ready open" in text


def test_a_month_is_ready_once_it_is_reported_whole_and_signed_off(home: Path, show: Show) -> None:
    changed(home, *QUIET)
    folder = reported(home)
    signed(home)
    shown = show(home, "months")
    assert "October 2026 is ready for the auditor" in shown.text
    assert "package · Putu, 14:06 WITA" in shown.text
    assert "Rani, 14:06 WITA" in shown.text
    assert "signed off Rani 14:06 WITA" in shown.text
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
    text = show(home, "months").text
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


def test_a_package_made_from_the_page_is_that_of_the_command(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = show(home, "months")
    shown.app.button[0].click().run(timeout=60)
    assert "Say who makes the report" in shown.text
    asked: list[tuple[str, ...]] = []

    def made(_screen: Any, *words: str) -> CompletedProcess[str]:
        asked.append(words)
        told = {"already_there": False, "holds": False, "not_checked": [], "differences": ["x is gone."]}
        return CompletedProcess(words, 0, json.dumps(told), "")

    monkeypatch.setattr(months, "_bookwatch", made)
    shown.app.text_input(key="package_by").input("Putu Auditor")
    shown.app.button[0].click().run(timeout=60)
    assert not shown.app.exception
    assert "Entered in the ledger." in shown.text
    (words,) = asked
    assert words[:4] == ("export", "month", "2026-10", "--json")
    assert words[4].startswith(f"--out={home}/exports/month_2026-10_")
    assert words[6:] == ("--by=Putu Auditor", "--locale=en")


def test_what_verify_says_of_a_report_is_said(
    home: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported(home)
    shown = show(home, "months")
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
