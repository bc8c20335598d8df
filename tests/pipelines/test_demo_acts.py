"""`bookwatch demo --act`: what is wrong on the simulated marketplace is mended, and the next run shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bookwatch_process import Bookwatch

pytestmark = pytest.mark.long

SEED, DAYS = 7, 6


def test_the_demo_acts_on_its_own_sandbox_and_the_next_run_shows_it(tmp_path: Path) -> None:
    bookwatch = Bookwatch(tmp_path / "home")
    done = bookwatch("demo", "--once", "--act", "--seed", str(SEED), "--days", str(DAYS), cold=True)
    assert done.returncode in (0, 10), done.stderr
    acted = {
        row["operation"]: row["n"]
        for row in bookwatch.rows(
            "SELECT operation, count(*) AS n FROM ops.actions WHERE state = 'done' GROUP BY operation"
        )
    }
    assert {"expire_bookings", "record_missing_commissions", "mark_overdue", "charge_fees"} <= acted.keys()
    assert bookwatch.rows("SELECT * FROM ops.actions WHERE state IN ('failed', 'undone')") == []
    # Each expired booking, and each record that was missing, is in core as it was written.
    ((expired,),) = (
        row.values()
        for row in bookwatch.rows(
            "SELECT count(*) AS n FROM ops.actions a JOIN core.bookings b ON b.booking_id = a.row_id"
            " WHERE a.operation = 'expire_bookings' AND b.status = 'expired'"
        )
    )
    assert expired == acted["expire_bookings"]
    ((made,),) = (
        row.values()
        for row in bookwatch.rows(
            "SELECT count(*) AS n FROM core.commissions WHERE starts_with(commission_id, 'cm_')"
        )
    )
    assert made == acted["record_missing_commissions"]
