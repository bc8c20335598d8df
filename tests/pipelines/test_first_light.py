"""From a server to a snapshot: every figure equals what the simulator knows to be true, for three seeds (the third is
`long`; tests/marts/test_planted.py judges the commissions of more in one process)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bookwatch_process import Bookwatch, settings_for
from tests.personal_values import everything_under, sentinels_in
from tests.sandbox_server import SandboxProcess

UNTIL = "2026-11-20T04:30:00Z"
DAYS = "12"
PLANTED = (
    "missing",
    "duplicate",
    "orphan",
    "not_due",
    "unit_error",
    "wrong_rate",
    "wrong_amount",
    "wrong_provider",
    "source_mismatch",
    "overdue_unmarked",
    "refund_record",
)


@dataclass
class World:
    """A simulated marketplace, its truth, and bookwatch after one run on it."""

    server: SandboxProcess
    truth: dict[str, Any]
    bookwatch: Bookwatch
    first: dict[str, Any]


@pytest.fixture(scope="module", params=[1, 2, pytest.param(3, marks=pytest.mark.long)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(f"seed-{request.param}")
    arguments = ("--seed", str(request.param), "--days", DAYS, "--until", UNTIL)
    with SandboxProcess(*arguments, data=folder / "sandbox") as server:
        bookwatch = Bookwatch(folder / "home", {**settings_for(server), "BOOKWATCH_NOW": UNTIL})
        first = bookwatch.run(cold=request.param == 1)  # as a person's first run: nothing is loaded yet
        truth = json.loads((folder / "sandbox" / "truth.json").read_text())
        yield World(server, truth, bookwatch, first)


def test_the_commission_summary_is_true(world: World) -> None:
    (summary,) = world.bookwatch.rows("SELECT * FROM marts.commission_summary")
    expected = world.truth["commission_summary"]
    assert {name: summary[name] for name in expected} == expected


@pytest.mark.parametrize("finding", PLANTED)
def test_every_finding_of_a_kind_is_found_and_no_other(world: World, finding: str) -> None:
    rows = world.bookwatch.rows(
        "SELECT booking_id, commission_id, expected_idr, actual_idr FROM marts.commission_findings"
        f" WHERE finding = '{finding}'"
    )
    found = Counter((r["booking_id"], r["commission_id"], r["expected_idr"], r["actual_idr"]) for r in rows)
    true = Counter(
        (r["booking_id"], r["commission_id"], r["expected_idr"], r["actual_idr"])
        for r in world.truth["findings"][finding]
    )
    assert true, "the simulator plants each of these"
    assert found == true


def test_revenue_of_every_day_is_true(world: World) -> None:
    rows = world.bookwatch.rows("SELECT * FROM marts.revenue_daily ORDER BY local_date")
    names = ("bookings", "booked_idr", "completed_idr", "collected_idr")
    found = {r["local_date"]: {n: r[n] for n in names} for r in rows if any(r[n] for n in names)}
    true = {
        day: {n: figures[n] for n in names}
        for day, figures in world.truth["revenue_daily"].items()
        if any(figures[n] for n in names)
    }
    assert found == true


def test_the_ledger_of_every_provider_and_month_is_true(world: World) -> None:
    names = ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr", "closing_idr")
    rows = world.bookwatch.rows("SELECT * FROM marts.commission_ledger")
    found = {
        (r["provider_id"], r["local_month"]): {n: r[n] for n in names}
        for r in rows
        if any(r[n] for n in names[:4])
    }
    true = {
        (r["provider_id"], r["local_month"]): {n: r[n] for n in names}
        for r in world.truth["ledger"]
        if any(r[n] for n in names[:4])
    }
    wrong = {key: (found.get(key), true.get(key)) for key in found.keys() | true.keys()}
    wrong = {key: both for key, both in wrong.items() if both[0] != both[1]}
    assert not wrong, f"{len(wrong)} differ: {dict(list(wrong.items())[:3])}"
    owed = world.bookwatch.rows(
        "SELECT provider_id, owed_idr + fees_idr AS owed FROM marts.commission_balances WHERE owed <> 0"
    )
    assert {r["provider_id"]: r["owed"] for r in owed} == {
        provider: amount for provider, amount in world.truth["open_idr"].items() if amount
    }
    assert "ledger_balance" not in world.first["failing_checks"]
    assert "commission_state" not in world.first["failing_checks"]


def test_every_booking_is_read_as_it_is(world: World) -> None:
    names = ("origin", "status", "source", "mode", "amount_idr", "amount_rule", "is_test")
    rows = world.bookwatch.rows(
        f"SELECT booking_id, {', '.join(names)} FROM core.bookings WHERE deleted_at IS NULL"
    )
    found = {(r["booking_id"], r["origin"]): tuple(r[n] for n in names) for r in rows}
    true = {
        # the truth names a booking of a hotel `<id>:hotel_bookings` where bookings has that row id too
        (booking.partition(":")[0], facts["origin"]): tuple(facts[n] for n in names)
        for booking, facts in world.truth["bookings"].items()
        if facts["deleted_at"] is None
    }
    wrong = {
        b: (found.get(b), true.get(b)) for b in found.keys() | true.keys() if found.get(b) != true.get(b)
    }
    assert not wrong, f"{len(wrong)} differ: {dict(list(wrong.items())[:5])}"


def test_every_commission_is_read_as_it_is(world: World) -> None:
    names = ("commission_idr", "status", "is_live")
    rows = world.bookwatch.rows(f"SELECT commission_id, {', '.join(names)} FROM core.commissions")
    found = {r["commission_id"]: tuple(r[n] for n in names) for r in rows}
    true = {
        record: tuple(facts[n] for n in names)
        for record, facts in world.truth["commissions"].items()
        if facts["deleted_at"] is None
    }
    wrong = {
        c: (found.get(c), true.get(c)) for c in found.keys() | true.keys() if found.get(c) != true.get(c)
    }
    assert not wrong, f"{len(wrong)} differ: {dict(list(wrong.items())[:5])}"


def test_every_booking_of_a_therapist_at_two_doors_is_found_and_no_other(world: World) -> None:
    rows = world.bookwatch.rows(
        "SELECT booking_id FROM marts.booking_anomalies WHERE anomaly = 'overlapping_bookings'"
    )
    assert Counter(r["booking_id"] for r in rows) == Counter(world.truth["overlapping_bookings"])


def test_every_value_that_cannot_be_trusted_is_told_and_no_other(world: World) -> None:
    """Of the codes whose rows the simulator knows, in every collection."""
    gone = {row for counted in world.truth["counts"].values() for row in counted["deleted"]}
    found: dict[str, set[str]] = defaultdict(set)
    for row in world.bookwatch.rows("SELECT finding, collection, row_id FROM marts.data_findings"):
        code = row["finding"]
        if row["collection"] == "commission_records" and code == "status_unknown":
            code = "commission_status_unknown"
        elif row["collection"] not in ("bookings", "hotel_bookings") and code == "amount_in_thousands":
            continue
        if row["row_id"] not in gone:
            found[code].add(row["row_id"])
    for code, rows in world.truth["data_findings"].items():
        assert rows, f"the simulator writes some of {code}"
        assert found[code] == set(rows), code


def test_a_second_run_reads_only_the_overlap_and_changes_nothing(world: World) -> None:
    before = world.bookwatch.rows("SELECT snapshot_id FROM ops.snapshot")
    again = world.bookwatch.run()
    assert sum(c["inserted"] + c["updated"] + c["deleted"] for c in again["collections"]) == 0
    assert sum(c["fetched"] for c in again["collections"]) < 100
    assert not again["published"]
    assert world.bookwatch.rows("SELECT snapshot_id FROM ops.snapshot") == before


def test_no_personal_value_leaves_raw_and_private(world: World) -> None:
    sentinels = list(world.truth["sentinels"].values())
    assert len(sentinels) >= 3
    home = world.bookwatch.home
    private = (home / "published" / "private.duckdb").resolve()
    holding = {path for path in everything_under(home) if sentinels_in(path, sentinels)}
    assert holding == {home / "raw.duckdb", private}


def test_a_report_of_it_all_has_the_snapshots_rows_and_no_personal_value(
    world: World, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    days = ("--from", "2026-01-01", "--to", "2027-01-01")
    assert world.bookwatch("export", "commissions", *days, "--out", str(out)).returncode == 0
    sentinels = list(world.truth["sentinels"].values())
    assert not {path.name for path in out.iterdir() if sentinels_in(path, sentinels)}
    entry = json.loads((out / "manifest.json").read_text())["files"][0]
    (whole,) = world.bookwatch.rows(
        "SELECT count(*) AS rows, sum(expected_idr)::BIGINT AS expected, sum(actual_idr)::BIGINT AS actual"
        " FROM marts.commission_reconciliation"
    )
    totals = entry["totals"]
    assert (entry["rows"], totals["expected_idr"], totals["actual_idr"]) == (
        whole["rows"],
        whole["expected"],
        whole["actual"],
    )
    assert world.bookwatch("verify", str(out), "--alone").returncode == 0


def test_files_are_private_to_the_user(world: World) -> None:
    for path in world.bookwatch.home.rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, f"{path} is open to others"


def test_the_data_folder_of_the_simulator_is_not_in_the_home(world: World) -> None:
    assert not world.server.data.is_relative_to(world.bookwatch.home)
    assert Path(world.server.data / "truth.json").exists()
