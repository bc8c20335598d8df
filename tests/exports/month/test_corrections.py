"""Corrections and changes: what a second package says of the first, by ledger line, cause and amount."""

from __future__ import annotations

import os
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketplace.corrections import CAUSES, RULES
from pipelines.exports.month import changes, corrections
from pipelines.exports.month.table import Asked, Earlier
from resources.home import Home
from resources.snapshots import open_snapshot, published_snapshots, snapshot_path
from tests.published import add, changed, changing, empty_snapshot

SEPTEMBER = (date(2026, 9, 1), date(2026, 10, 1))
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
NOVEMBER = (date(2026, 11, 1), date(2026, 12, 1))
_ENTRY = "entry_id kind commission_id booking_id provider_id local_date amount_idr part"
_RECORD = "commission_id provider_id status commission_idr fee_idr paid_at deleted_at is_test"


def asked(days: tuple[date, date], earlier: Path | None, provider: str | None = None) -> Asked:
    report = None if earlier is None else Earlier("0" * 64, earlier.parent, earlier)
    return Asked(*days, provider, datetime(2026, 12, 1), "Asia/Makassar", supersedes=report)


def rows_of(module: Any, path: Path, of: Asked) -> list[dict[str, Any]]:
    with open_snapshot(path, memory_limit="256MB", spill_folder=path.parent.parent / "spill") as con:
        found = list(module.TABLE.rows(con, of))
    assert all(frame.columns == module.TABLE.names for frame in found)
    return [row for frame in found for row in frame.iter_rows(named=True)]


def closing(path: Path, until: date, provider: str | None = None) -> int:
    with open_snapshot(path) as con:
        query = "SELECT coalesce(sum(amount_idr), 0) FROM marts.commission_entries WHERE local_date < ?"
        row = con.execute(
            query + (f" AND provider_id = '{provider}'" if provider else ""), [until]
        ).fetchone()
    assert row
    return int(row[0])


def test_what_changed_between_two_runs_is_in_the_package(published_home: Home) -> None:
    newest, first = published_snapshots(published_home)[:2]
    *lines, whole = rows_of(corrections, newest, asked(NOVEMBER, first))
    # It was paid: what is taken back and what goes back are a line each, and nothing is owed otherwise.
    assert [(row["cause"], row["kind"]) for row in lines] == [
        ("record_gone", "refund"),
        ("record_gone", "reversal"),
    ]
    assert lines[0]["correction_idr"] == -lines[1]["correction_idr"] < 0
    assert sum(row["correction_idr"] for row in lines) == whole["correction_idr"] == 0
    assert (whole["line"], whole["reported_idr"], whole["now_idr"]) == (
        "total",
        closing(first, NOVEMBER[1]),
        closing(newest, NOVEMBER[1]),
    )
    made = {row["figure"]: row for row in rows_of(changes, newest, asked(NOVEMBER, first)) if row["figure"]}
    assert made["finding:vanished"]["change_count"] == 1
    assert made["refunds_idr"]["change_idr"] == made["reversed_idr"]["change_idr"] > 0
    assert "closing_idr" not in made
    # Of a month that was closed: what the run found, and that the first run could compare it with nothing.
    september = rows_of(changes, newest, asked(SEPTEMBER, first))
    booked = {row["kind"]: row for row in september if row["figure"] == "booked_idr"}
    assert booked["figure"]["change_idr"] == booked["closed_month"]["change_idr"] == 25_000
    assert booked["closed_month"]["after_report"] is True
    assert booked["closed_month"]["compared_with"] == first.stem
    assert [row["after_report"] for row in september if row["kind"] == "not_compared"] == [False]


def test_a_snapshot_that_was_changed_in_its_place_says_nothing(published_home: Home) -> None:
    newest, first = published_snapshots(published_home)[:2]
    was, stood = first.read_bytes(), first.stat()
    first.chmod(0o600)
    with first.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(bytes([was[-1] ^ 1]))
    os.utime(first, ns=(stood.st_atime_ns, stood.st_mtime_ns))
    try:
        (line,) = rows_of(corrections, newest, asked(NOVEMBER, first))
    finally:
        first.write_bytes(was)
        os.utime(first, ns=(stood.st_atime_ns, stood.st_mtime_ns))
        first.chmod(0o400)
    assert (line["cause"], line["correction_idr"]) == ("not_told", None)
    assert "not as it was published" in line["detail"]


def test_without_an_earlier_report_or_its_snapshot_nothing_is_called_the_same(published_home: Home) -> None:
    newest, first = published_snapshots(published_home)[:2]
    assert rows_of(corrections, newest, asked(NOVEMBER, None)) == []
    assert {row["kind"] for row in rows_of(changes, newest, asked(SEPTEMBER, None))} == {
        "closed_month",
        "not_compared",
    }
    gone = Asked(
        *NOVEMBER, None, datetime(2026, 12, 1), "Asia/Makassar", Earlier("0" * 64, first.parent, None)
    )
    for module in (corrections, changes):
        untold = rows_of(module, newest, gone)[0]
        assert untold["detail"] == "The snapshot that report rests on is not kept any more."
    assert [row["correction_idr"] for row in rows_of(corrections, newest, gone)] == [None]
    # The same snapshot again, as of another day: nothing differs, and that is said in rupiah.
    (whole,) = rows_of(corrections, newest, asked(NOVEMBER, newest))
    assert (whole["line"], whole["correction_idr"]) == ("total", 0)


def test_a_report_of_a_bookwatch_that_knew_less_is_not_compared(published_home: Home) -> None:
    newest = published_snapshots(published_home)[0]
    older = snapshot_path(
        published_home, changed(published_home, "DROP TABLE marts.commission_entries CASCADE")
    )
    (untold,) = rows_of(corrections, newest, asked(NOVEMBER, older))
    assert (untold["cause"], untold["correction_idr"]) == ("not_told", None)
    (unsaid,) = rows_of(changes, newest, asked(NOVEMBER, older))
    assert (unsaid["kind"], unsaid["figure"]) == ("not_compared", None)


def world(
    publication: Path, home: Home, name: str, records: list[tuple[Any, ...]], lines: list[tuple[Any, ...]]
) -> Path:
    with changing(home, of=empty_snapshot(publication), snapshot_id=name) as con:
        add(con, "core.commissions", _RECORD, records)
        add(con, "marts.commission_entries", _ENTRY, lines)
    return snapshot_path(home, name)


def record(name: str, status: str = "pending", idr: int = 75_000, **more: Any) -> tuple[Any, ...]:
    said = {
        "provider_id": "p1",
        "fee_idr": None,
        "paid_at": None,
        "deleted_at": None,
        "is_test": False,
        **more,
    }
    return (
        name,
        said["provider_id"],
        status,
        idr,
        said["fee_idr"],
        said["paid_at"],
        said["deleted_at"],
        said["is_test"],
    )


def line(kind: str, name: str, idr: int, day: date, provider: str = "p1") -> tuple[Any, ...]:
    part = "fee" if kind == "fee" else "commission"
    return f"{kind}:{name}", kind, name, f"b-{name}", provider, day, idr, part


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def test_each_cause_is_told_of_the_line_it_moved(publication: Path, home: Home) -> None:
    day, later = date(2026, 10, 10), date(2026, 11, 3)
    paid_at = datetime(2026, 10, 31, 2)
    before = world(
        publication,
        home,
        "20261102T000000Z-000001",
        [
            record("gone"),
            record("cut"),
            record("back", deleted_at=paid_at),
            record("test"),
            record("amount"),
            record("fee", fee_idr=25_000),
            record("status"),
            record("paid", "paid", paid_at=paid_at),
            record("moved"),
            record("day", "paid"),
            record("same"),
            record("booking"),
        ],
        [
            line("accrual", "gone", 75_000, day),
            line("accrual", "cut", 75_000, day),
            line("accrual", "back", 75_000, day),
            line("reversal", "back", -75_000, day),
            line("accrual", "test", 75_000, day),
            line("accrual", "amount", 75_000, day),
            line("fee", "fee", 25_000, day),
            line("accrual", "status", 75_000, day),
            line("payment", "paid", -75_000, day),
            line("accrual", "moved", 75_000, day),
            line("payment", "day", -75_000, day),
            line("accrual", "same", 75_000, day),
        ],
    )
    now = world(
        publication,
        home,
        "20261105T000000Z-000001",
        [
            record("gone", deleted_at=paid_at),
            record("back"),
            record("test", is_test=True),
            record("amount", idr=60_000),
            record("fee", fee_idr=20_000),
            record("status", "cancelled"),
            record("paid", "paid", paid_at=paid_at + timedelta(days=3)),
            record("moved", provider_id="p2"),
            record("day", "paid"),
            record("same"),
            record("booking"),
            record("added"),
        ],
        [
            line("accrual", "gone", 75_000, day),
            line("reversal", "gone", -75_000, day),
            line("accrual", "back", 75_000, day),
            line("accrual", "amount", 60_000, day),
            line("fee", "fee", 20_000, day),
            line("accrual", "status", 75_000, day),
            line("reversal", "status", -75_000, day),
            line("payment", "paid", -75_000, later),
            line("accrual", "moved", 75_000, day, "p2"),
            line("payment", "day", -75_000, later),
            line("accrual", "same", 75_000, day - timedelta(days=1)),  # still before the end: owed alike
            line("accrual", "booking", 75_000, day),
            line("accrual", "added", 75_000, day),
        ],
    )
    *lines, whole = rows_of(corrections, now, asked(OCTOBER, before))
    assert {
        (row["commission_id"], row["provider_id"]): (row["cause"], row["correction_idr"]) for row in lines
    } == {
        ("gone", "p1"): ("record_gone", 75_000),
        ("cut", "p1"): ("record_gone", 75_000),
        ("back", "p1"): ("record_back", -75_000),
        ("test", "p1"): ("test_changed", 75_000),
        ("amount", "p1"): ("amount_changed", 15_000),
        ("fee", "p1"): ("fee_changed", 5_000),
        ("status", "p1"): ("status_changed", 75_000),
        ("paid", "p1"): ("payment_changed", -75_000),
        ("moved", "p1"): ("provider_changed", 75_000),
        ("moved", "p2"): ("provider_changed", -75_000),
        ("day", "p1"): ("day_changed", -75_000),
        ("booking", "p1"): ("booking_changed", -75_000),
        ("added", "p1"): ("record_added", -75_000),
    }
    assert sum(row["correction_idr"] for row in lines) == whole["correction_idr"]
    assert set(CAUSES) == {rule.cause.value for rule in RULES}
    # Of one provider: their lines alone, to their own closing.
    *own, whole = rows_of(corrections, now, asked(OCTOBER, before, "p2"))
    assert [(row["commission_id"], row["cause"]) for row in own] == [("moved", "provider_changed")]
    assert (whole["reported_idr"], whole["now_idr"], whole["correction_idr"]) == (0, 75_000, -75_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_corrections_add_up_to_the_difference_of_both_closings_to_the_rupiah(
    publication: Path, home: Home, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of random accounts of which anything changed, for the whole and for each provider, however they are cut."""
    monkeypatch.setattr(corrections, "_LINES", 40)
    chance = random.Random(seed)

    def drawn(name: str) -> tuple[Any, ...]:
        kind = chance.choice(["accrual", "fee", "payment", "reversal", "refund"])
        day = date(2026, 9, 1) + timedelta(days=chance.randrange(90))
        idr = chance.randrange(-3, 4) * 1_000_000_007
        return line(kind, name, idr, day, chance.choice(["p1", "p2", "none"]))

    names = [f"c{n}" for n in range(400)]
    before = {name: drawn(name) for name in names}
    now = {name: entry for name, entry in before.items() if chance.random() > 0.1}
    now |= {name: drawn(name) for name in chance.sample(names, 60)} | {"new": drawn("new")}
    earlier = world(
        publication, home, "20261102T000000Z-000001", [record(name) for name in names], [*before.values()]
    )
    newest = world(
        publication, home, "20261105T000000Z-000001", [record(name) for name in now], [*now.values()]
    )
    for provider in (None, "p1", "p2", "none"):
        *lines, whole = rows_of(corrections, newest, asked(OCTOBER, earlier, provider))
        assert whole["reported_idr"] == closing(earlier, OCTOBER[1], provider)
        assert whole["now_idr"] == closing(newest, OCTOBER[1], provider)
        assert sum(row["correction_idr"] for row in lines) == whole["reported_idr"] - whole["now_idr"]
        assert all(row["correction_idr"] == row["reported_idr"] - row["now_idr"] != 0 for row in lines)
        assert "not_told" not in {row["cause"] for row in lines}
        frame = pl.DataFrame(lines, schema=corrections.SCHEMA)
        assert frame.equals(frame.sort("provider_id", "commission_id", "entry_id"))
