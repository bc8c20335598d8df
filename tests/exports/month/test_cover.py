"""The cover: what an auditor reads on it, in both languages; what must not be overlooked; names that would break it;
the same bytes again; a provider's statement, line by line."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest

from marketplace.bridges import BRIDGES
from marketplace.findings import FINDINGS
from marketplace.statements import STATEMENT_LINES
from messages.catalogue import LANGUAGES, sentences
from messages.places import rupiah
from pipelines.exports.manifest import FileEntry, Manifest, MonthEntry
from pipelines.exports.month.cover import BridgeRow, CompletenessRow, Statement, cover
from pipelines.exports.month.figures import FIGURES
from pipelines.exports.month.package import tables
from resources.home import Home
from tests.exports.month.conftest import Package, package
from tests.exports.published import Contents

HASH = "c0a2e6de527a579c3a5fd852c01f9f6d4e050cb55a119d3fbaf0272187bb8101"
CLOSED = Manifest(
    report="month",
    format="package",
    locale="en",
    snapshot="20261105T000000Z-000001",
    published_at="2026-11-05T00:00:00Z",
    as_of="2026-11-04T23:59:00Z",
    period_over=True,
    created_at="2026-11-06T01:02:03Z",
    made_by="Rani",
    time_zone="Asia/Makassar",
    time_zones={"Asia/Makassar": 3},
    rules_version="4",
    policy_versions=["standard-30"],
    source={"endpoint": "https://appwrite.test/v1", "project": "shop", "database": "main"},
    filters={"from": "2026-10-01", "to": "2026-11-01"},
    rows_without_day=0,
    findings_without_day=0,
    difference={"variance_idr": 0, "unknown_rows": 0, "unknown_expected_idr": 0, "unknown_actual_idr": 0},
    files=[FileEntry("2026-10_20261105T000000Z-000001_commissions.csv", 1234, 9, {}, HASH)],
    previous_manifest_sha256=None,
    manifest_version=3,
    month=MonthEntry(
        open=False,
        ageing_at="2026-10-31T16:00:00Z",
        clock_frozen=False,
        made_by_how="self_declared",
        bookwatch_version="0.1.0",
        snapshot_sha256="a29b" * 16,
        mart_digests={},
        figures={
            "collections_not_read": 0,
            "rows": 1234,
            "closing_idr": 21_130_189,
            "expected_idr": None,
            "new_idr": -5,
        },
        bridges={},
        supersedes=None,
        opening_from=None,
        signed_off=[],
        made_under="ops",
        signed_with=None,
    ),
)
EARLIER = {
    "manifest_sha256": "ab" * 32,
    "snapshot": "s",
    "made_at": "2026-11-02T00:00:00Z",
    "made_by": "Ira",
}
SIGNED = {
    "month": "2026-10",
    "by": "Budi",
    "at": "2026-11-03T02:00:00Z",
    "snapshot": CLOSED.snapshot,
    "manifest_sha256": "",
}
BRIDGE = (
    BridgeRow("ledger", "opening", "component", 100, None),
    BridgeRow("ledger", "closing", "total", 100, 3),
    BridgeRow("ledger", "difference", "difference", 0, None),
    BridgeRow("ledger", "undated", "beside", None, 2),
)


def of_unread(number: int | None) -> dict[str, int | None]:
    return {"collections_not_read": number}


def changed(**month: Any) -> Manifest:
    assert CLOSED.month is not None
    return replace(CLOSED, month=replace(CLOSED.month, **month))


def pages(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_bounded() for page in document]


def text(pdf: bytes) -> str:
    return " ".join(" ".join(pages(pdf)).split())


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (
            "en",
            (
                "October 2026|CLOSED|version 4; policy standard-30|Rani (self-declared, not proven)"
                "|2026-11-06 01:02 UTC|Signed off by nobody|closes|unknown|1,234|page 1 of"
            ),
        ),
        (
            "id",
            (
                "Oktober 2026|DITUTUP|versi 4; kebijakan standard-30|Rani (pernyataan sendiri, tidak dibuktikan)"
                "|Disahkan oleh belum ada|cocok|tidak diketahui|1.234|halaman 1 dari"
            ),
        ),
    ],
)
def test_figures_bridges_hashes_and_who_stand_on_it(language: str, says: str) -> None:
    said = text(cover(CLOSED, BRIDGE, language=language))
    for part in (*says.split("|"), HASH, "a29b" * 16, "Rp 21.130.189", "-Rp 5", "Rp 100"):
        assert part in said, part
    assert "NOT CLOSE" not in said
    assert "month." not in said


def test_what_must_not_be_overlooked_is_said() -> None:
    open_bridge = [replace(row, amount_idr=1) if row.line == "difference" else row for row in BRIDGE]
    manifest = replace(
        changed(
            open=True,
            clock_frozen=True,
            signed_off=[SIGNED, {**SIGNED, "by": "Ayu", "snapshot": "20261104T000000Z-000001"}],
            supersedes=EARLIER,
        ),
        rows_without_day=3,
        findings_without_day=4,
        as_of=None,
        difference={
            "unknown_rows": 5,
            "unknown_expected_idr": 60,
            "unknown_actual_idr": 70,
            "variance_idr": 0,
        },
    )
    said = text(cover(manifest, open_bridge))
    for part in (
        "OPEN: not closed",
        "The clock was stopped",
        "DOES NOT CLOSE: Rp 1",
        "2026-10 by Budi, 2026-11-03 02:00 UTC;",
        "2026-10 by Ayu, 2026-11-03 02:00 UTC, ON ANOTHER SNAPSHOT: 20261104T000000Z-000001",
        f"report of 2026-11-02 00:00 UTC by Ira, snapshot s, manifest SHA-256 {'ab' * 32}",
        "without a local day, in no period: 3",
        "speak of no dated row, in no period: 4",
        "one side is unknown: 5; expected Rp 60, recorded Rp 70",
        "never read to the end",
    ):
        assert part in said, part
    assert "The rows of the mirror were not counted" in said
    lost = CompletenessRow("bookings", "total", 9, 10, 1)
    assert "NOT ACCOUNTED FOR: 1 rows" in text(cover(CLOSED, BRIDGE, completeness=[lost]))
    unread = text(cover(changed(figures=of_unread(2)), BRIDGE))
    assert "not read to their end: 2." in unread
    assert "Nothing is known" not in unread
    assert "read is not told" in text(cover(changed(figures=of_unread(None)), BRIDGE))
    of_opening = [replace(row, bridge="opening") for row in BRIDGE]
    gone = BridgeRow("opening", "not_compared", "beside", None, 1)
    assert "held against nothing" in text(cover(changed(opening_from=EARLIER), [*of_opening, gone]))
    # A bridge without the line that must be 0 is not called closed, nor is a package without bridges.
    assert "DOES NOT CLOSE: unknown amount" in text(cover(CLOSED, BRIDGE[:2])).replace(
        "an unknown", "unknown"
    )
    assert "has no bridges" in text(cover(CLOSED))


def test_the_bytes_repeat_in_another_zone_and_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    one = cover(CLOSED, BRIDGE)
    monkeypatch.setenv("TZ", "Asia/Jayapura")
    monkeypatch.setenv("LC_ALL", "id_ID.UTF-8")
    time.tzset()
    try:
        assert cover(CLOSED, BRIDGE) == one
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "Asia/Jayapura"


def line(**values: Any) -> dict[str, Any]:
    names = (
        "provider_name part line local_date amount_idr balance_idr rows booking_id booking_key commission_id of"
        " service_at_local deadline_at_local paid_at_local verified_at_local booking_amount_idr expected_idr proof"
        " findings"
    )
    return {**dict.fromkeys(names.split()), "part": "line", "line": "accrual", "amount_idr": 1, **values}


def test_no_name_and_no_id_breaks_a_page() -> None:
    name = "\N{RIGHT-TO-LEFT OVERRIDE}Spa\n=1+1 \N{FACE WITH TEARS OF JOY} {page}"
    long = "x" * 300
    manifest = replace(CLOSED, filters={**CLOSED.filters, "provider": "p1"}, made_by=long)
    said = cover(manifest, BRIDGE, Statement(name, (line(commission_id=long),), "f.csv", 7))
    told = text(said)
    assert "Spa =1+1" in told
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in told
    assert "only in f.csv: 7" in told
    # What does not fit into a line goes on in the next: twice 300 letters, and no other x.
    bare = re.sub(r"\s", "", told)
    assert bare.count("x") >= 600


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_bridge_and_line_has_a_word(language: str) -> None:
    known = sentences(language)
    wanted = {f"month.cover.figure.{figure.name}" for figure in FIGURES}
    wanted |= {f"month.cover.bridge.{code}" for code in BRIDGES}
    wanted |= {f"month.line.{one.code}" for bridge in BRIDGES.values() for one in bridge.lines}
    wanted |= {f"month.statement.{code}" for code in STATEMENT_LINES}
    wanted |= {f"month.finding.{code}" for code in FINDINGS}
    assert wanted - known.keys() == set()


def test_a_statement_shows_every_line_of_the_account(of_provider: Package) -> None:
    lines = of_provider.table("statements")
    said = pages(of_provider.file("_cover.pdf").read_bytes())
    told = re.sub(r"\s", "", "".join(said))
    assert lines.height > 10
    for row in lines.iter_rows(named=True):
        for cell in (row["commission_id"], row["booking_key"] or row["booking_id"], row["local_date"]):
            assert cell in told, row
        if row["amount_idr"]:
            assert re.sub(r"\s", "", rupiah(int(row["amount_idr"]))) in told, row
    assert "Laporanrekening" in told
    assert "month." not in told
    for entry in of_provider.manifest.files:
        if entry.name.endswith((".csv", ".json")):
            assert entry.sha256 in told


def test_the_cover_of_all_has_each_bridge_and_no_statement(whole: Package) -> None:
    told = text(whole.file("_cover.pdf").read_bytes())
    bridges = whole.table("bridges")
    of_whole = [
        row for row in bridges.iter_rows(named=True) if row["scope"] == "whole" and not row["local_date"]
    ]
    assert of_whole
    for row in of_whole:
        if row["amount_idr"]:
            assert rupiah(int(row["amount_idr"])) in told, row
    assert "DOES NOT CLOSE" not in told
    mirrored = [
        int(row["mirror_rows"])
        for row in whole.table("completeness").iter_rows(named=True)
        if row["mirror_rows"]
    ]
    assert f"Each of the {sum(mirrored):,} rows of the mirror" in told
    assert "Statement of account" not in told


OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))


def test_a_cover_that_is_gone_comes_back_as_it_was(
    october: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = package(october, tmp_path / "out", period=OCTOBER, provider="p1")
    files = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    made.file("_cover.pdf").unlink()
    made.file(".xlsx").unlink()
    monkeypatch.setenv("BOOKWATCH_NOW", "2027-01-01T00:00:00Z")
    again = package(october, tmp_path / "out", period=OCTOBER, provider="p1", made_by="Someone else")
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == files
    assert 'Ayu "Spa", Ubud (p1)' in text(files[made.file("_cover.pdf").name])


@pytest.mark.parametrize("provider", [None, "none"])
def test_an_empty_month_has_every_document(
    home: Home, publish: Callable[..., Path], tmp_path: Path, provider: str | None
) -> None:
    publish(home, Contents(as_of=None))
    made = package(home, tmp_path / "out", period=OCTOBER, provider=provider, locale="id")
    said = text(made.file("_cover.pdf").read_bytes())
    assert "TERBUKA" in said
    assert "belum pernah dibaca sampai akhir" in said
    assert ("Laporan rekening" in said) == (provider is not None)
    assert "TIDAK COCOK" not in said
    assert made.file("_rules.md").read_text().startswith("# Aturan laporan 2026-10")
    book = openpyxl.load_workbook(made.file(".xlsx"), read_only=True)
    assert book.sheetnames == [table.name for table in tables()]
    book.close()
