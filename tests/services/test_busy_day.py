"""Every booking made through services passes every check of the pipeline with no finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.settings import Settings
from tests.bookwatch_process import Bookwatch, settings_for
from tests.sandbox_server import SandboxProcess
from tests.services.busy_day import BusyDay


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("bookings", [40, 1_000])
def test_nothing_is_found_in_what_services_wrote(
    bookings: int, marketplace: tuple[SandboxProcess, Settings], tmp_path: Path
) -> None:
    server, settings = marketplace
    day = BusyDay(server, settings, bookings)
    try:
        day.pass_through()
    finally:
        day.close()
    assert day.statuses[201] > bookings * 0.8, day.statuses
    bookwatch = Bookwatch(tmp_path / "watch", settings_for(server))
    bookwatch.run()
    assert bookwatch.rows("SELECT status, count(*) AS n FROM core.bookings GROUP BY ALL ORDER BY n DESC")
    found = {
        table: bookwatch.rows(f"FROM {table}")
        for table in ("marts.data_findings", "marts.commission_findings", "marts.booking_anomalies")
    }
    assert {table: rows for table, rows in found.items() if rows} == {}
    (summary,) = bookwatch.rows("FROM marts.commission_summary")
    assert (summary["missing"], summary["state"]) == (0, "perfect")
    failed = bookwatch.rows(
        "SELECT check_name, severity, failed_rows, detail FROM ops.check_results WHERE NOT passed"
    )
    assert failed == [], (failed, day.ends, day.statuses)
