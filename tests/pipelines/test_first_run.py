"""What the first runs on a marketplace publish: nothing before every required collection was read once, no time in a
zone that was not read, and no month compared with less than all of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.run import run as run_once
from resources.run_report import RunOrder, RunReport
from resources.settings import Settings, load_settings
from resources.snapshots import current_snapshot, open_snapshot, require_snapshot
from resources.status_file import read_status
from tests.bookwatch_process import Bookwatch, settings_for
from tests.marketplace_tables import Marketplace
from tests.sandbox_server import SandboxProcess

#: A month that was closed long ago.
OLD = "2025-03-{:02d}T04:00:00Z"
UNCHANGED = "SELECT figure, previous_value, current_value FROM marts.closed_month_changes"
WHY = "SELECT reason FROM marts.closed_month_gaps WHERE is_newest"


@pytest.fixture(scope="module")
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    """Five bookings of a place in Jakarta, due 3 hours after 14:00 and an hour there, each with its record."""
    with empty_sandbox.own_database() as process:
        market = Marketplace(process)
        market.add("places", "spa", name="Spa", status="AVAILABLE", timezone="Asia/Jakarta")
        for day in range(1, 6):
            at: dict[str, Any] = {"createdAt": OLD.format(day)}
            market.add(
                "bookings", f"b{day}", status="confirmed", totalCost=250_000, providerId="spa", duration=60,
                startTime="14:00", date=f"2025-03-{day:02d}", userId=f"u{day}", providerType="place", **at,
            )  # fmt: skip
            market.add(
                "commission_records", f"c{day}", bookingId=f"b{day}", bookingAmount=250_000,
                commissionAmount=75_000, commissionRate=0.3, paymentStatus="paid", providerId="spa",
                paidAt=f"2025-03-{day:02d} 20:00", paymentDeadline=f"2025-03-{day:02d}T11:00:00Z",
                paymentProofUrl="x", **at,
            )  # fmt: skip
        process.a_second_passes()
        yield process


@pytest.fixture
def settings(server: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_")):
            monkeypatch.delenv(name)
    for name, value in {**settings_for(server), "BOOKWATCH_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOKWATCH_SAFETY_LAG", "0")
    monkeypatch.setenv("BOOKWATCH_PAGE_SIZE", "2")
    yield load_settings()
    server.faults()


def broken(server: SandboxProcess, collection: str, skip: int) -> None:
    """The server gives so many pages of a collection and then dies over it."""
    server.faults({"kind": "status", "status": 500, "path": f"{collection}/rows", "skip": skip})


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(settings.home)) as con:
        return con.execute(query).fetchall()


def outcome(run: RunReport, collection: str) -> str:
    (scan,) = [scan for scan in run.scans if scan.collection == collection]
    return scan.outcome


@pytest.mark.slow
@pytest.mark.parametrize(("collection", "skip"), [("bookings", 1), ("commission_records", 0)])
def test_a_first_run_that_did_not_read_a_required_collection_publishes_nothing(
    settings: Settings, server: SandboxProcess, collection: str, skip: int
) -> None:
    broken(server, collection, skip)
    first = run_once(settings)
    assert first.exit_status == 11
    assert f"The first reading of {collection} broke off" in str(first.failure)
    assert current_snapshot(settings.home) is None
    status = read_status(settings.home)
    assert status is not None
    assert (status["run"]["outcome"], status["health"]["system"], status["snapshot"]) == (
        "failed",
        "unknown",
        None,
    )
    server.faults()
    second = run_once(settings)
    assert (second.failure, second.snapshot_changed) == (None, True)
    assert rows(settings, "SELECT count(*), sum(booked_idr) FROM marts.revenue_daily") == [(5, 1_250_000)]
    if skip:
        return
    # Read once, it may break off: that run is published, and compares nothing.
    broken(server, collection, skip)
    later = run_once(settings, RunOrder(full_refresh=True))
    assert (later.failure, later.exit_status, outcome(later, collection)) == (None, 10, "failed")
    assert rows(settings, WHY) == [(f"this run did not read {collection} to its end (failed)",)]
    server.faults()
    whole = run_once(settings, RunOrder(full_refresh=True))
    assert whole.snapshot_changed
    assert (rows(settings, WHY), rows(settings, UNCHANGED)) == ([], [])


@pytest.mark.slow
def test_while_places_are_read_for_the_first_time_their_bookings_are_in_no_zone(
    settings: Settings, server: SandboxProcess
) -> None:
    broken(server, "places", 0)
    first = run_once(settings)
    assert (first.failure, first.exit_status, outcome(first, "places")) == (None, 10, "failed")
    findings = "SELECT finding, count(*) FROM marts.commission_findings GROUP BY 1"
    assert rows(settings, findings) == []
    assert rows(settings, "FROM marts.revenue_daily") == []
    undated = "SELECT sum(rows), sum(collected_idr) FROM marts.undated_rows WHERE collection {} 'commission_records'"
    assert rows(settings, undated.format("<>")) == [(5, 0)]
    assert [collected for _, collected in rows(settings, undated.format("="))] == [375_000]
    assert rows(settings, "SELECT DISTINCT starts_at, utc_offset_minutes FROM core.bookings") == [
        (None, None)
    ]
    assert rows(settings, "SELECT state, tracking_rate, tracked FROM marts.commission_summary") == [
        ("unknown", None, 5)
    ]
    assert rows(settings, "SELECT status FROM marts.health_points WHERE point = 7") == [("unknown",)]
    server.faults()
    second = run_once(settings)
    assert second.failure is None
    assert rows(settings, findings) == []
    told = "SELECT min(local_date)::VARCHAR, sum(bookings), sum(collected_idr) FROM marts.revenue_daily"
    assert rows(settings, told) == [("2025-03-01", 5, 375_000)]
    assert rows(settings, "SELECT DISTINCT hour(starts_at), utc_offset_minutes FROM core.bookings") == [
        (7, 420)
    ]
    assert rows(settings, "SELECT state FROM marts.commission_summary") == [("perfect",)]
    assert rows(settings, WHY) == [("no snapshot before was made from complete scans",)]
    assert rows(settings, UNCHANGED) == []


@pytest.mark.slow
def test_an_empty_marketplace_is_published(
    empty_sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_sandbox.own_database() as process:
        Marketplace(process)
        for name, value in {**settings_for(process), "BOOKWATCH_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        settings = load_settings()
        run = run_once(settings)
        assert (run.failure, run.snapshot_changed) == (None, True)
        assert {scan.outcome for scan in run.scans} == {"complete"}
        assert rows(settings, "SELECT eligible, state, tracking_rate FROM marts.commission_summary") == [
            (0, "perfect", 1.0)
        ]


#: What is found on a record whatever the time is.
OF_NO_TIME = (
    "deadline_mismatch",
    "late_record",
    "wrong_provider",
    "source_mismatch",
    "wrong_rate",
    "paid_without_proof",
)


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(20))
def test_the_first_snapshot_of_a_live_marketplace_is_true(tmp_path: Path, seed: int) -> None:
    """Providers are seen, and so touched, all the time: one that is missed leaves its bookings in the wrong zone."""
    arguments = ("--seed", str(seed), "--days", "3", "--live")
    with SandboxProcess(*arguments, data=tmp_path / "sandbox") as process:
        told = {**settings_for(process), "BOOKWATCH_SAFETY_LAG": "2"}
        bookwatch = Bookwatch(tmp_path / "home", told)
        bookwatch.run()
        truth = json.loads((tmp_path / "sandbox" / "truth.json").read_text())
    since = f"updated_at >= TIMESTAMP '{truth['as_of'].removesuffix('Z')}'"
    moved = {row["id"] for table, key in (("bookings", "booking_id"), ("commissions", "commission_id"))
             for row in bookwatch.rows(f"SELECT {key} AS id FROM core.{table} WHERE {since}")}  # fmt: skip

    starts = {row["booking_id"]: row["starts_at"] for row in bookwatch.rows("FROM core.bookings")}
    wrong = {
        booking: (read, truth["bookings"][booking]["starts_at"])
        for booking, read in starts.items()
        if booking not in moved and instant(read) != instant(truth["bookings"][booking]["starts_at"])
    }
    assert wrong == {}
    assert bookwatch.rows("SELECT booking_id FROM core.bookings WHERE utc_offset_minutes IS NULL") == []
    found = bookwatch.rows("SELECT finding, booking_id, commission_id FROM marts.commission_findings")
    for finding in OF_NO_TIME:
        told_of = {(f["booking_id"], f["commission_id"]) for f in found if f["finding"] == finding}
        true = {(f["booking_id"], f["commission_id"]) for f in truth["findings"][finding]}
        assert {pair for pair in told_of ^ true if not moved & {*pair}} == set(), finding
