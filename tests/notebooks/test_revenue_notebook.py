"""The revenue notebook, run by path as a person runs it, and linted as marimo lints it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.dashboards import snapshot

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "revenue.py"


def export(home: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run it to a temporary name: marimo writes the file also when a cell failed, and exits 1 then."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "marimo",
            "export",
            "html",
            str(NOTEBOOK),
            "-o",
            str(out),
            "--no-include-code",
        ],
        cwd=out.parent,
        env={**os.environ, "BOOKWATCH_HOME": str(home), "BOOKWATCH_NOW": snapshot.NOW_SETTING},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_shows_the_figures_of_the_snapshot(publication: Path, tmp_path: Path) -> None:
    truth = snapshot.build(publication, tmp_path / "home")
    out = tmp_path / "revenue.html"
    done = export(tmp_path / "home", out)
    assert done.returncode == 0, done.stderr
    page = out.read_text(encoding="utf-8")
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    for name in ("booked_idr", "completed_idr", "collected_idr"):
        assert f"Rp {truth.total(name, first, last):,}".replace(",", ".") in page
    assert "12 missing of 10.561 bookings" in page
    assert truth.missing[0][0] in page


def test_it_runs_on_what_the_pipeline_published(published_home: Home, tmp_path: Path) -> None:
    with open_snapshot(require_snapshot(published_home)) as con:
        ((booked, collected),) = con.execute(
            "SELECT sum(booked_idr)::BIGINT, sum(collected_idr)::BIGINT FROM marts.revenue_daily"
        ).fetchall()
        ((missing, eligible, one),) = con.execute(
            "SELECT missing, eligible, (SELECT min(booking_id) FROM marts.commission_findings"
            " WHERE finding = 'missing') FROM marts.commission_summary"
        ).fetchall()
    out = tmp_path / "revenue.html"
    done = export(published_home.root, out)
    assert done.returncode == 0, done.stderr
    page = out.read_text(encoding="utf-8")
    for amount in (booked, collected):
        assert f"Rp {amount:,}".replace(",", ".") in page
    assert f"{missing} missing of {eligible:,} bookings".replace(",", ".") in page
    assert one in page


def test_without_a_snapshot_it_says_what_to_run(tmp_path: Path) -> None:
    out = tmp_path / "revenue.html"
    done = export(tmp_path / "home", out)
    assert done.returncode == 0, done.stderr
    assert "Nothing has been published yet" in out.read_text(encoding="utf-8")


def test_marimo_finds_nothing_to_say() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", str(NOTEBOOK)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("word", ["private.duckdb", "raw.duckdb", "customer", "phone", "message_id"])
def test_it_asks_for_no_personal_data(word: str) -> None:
    assert word not in NOTEBOOK.read_text(encoding="utf-8")
