"""The questions put to a snapshot, against what was counted while it was made."""

from __future__ import annotations

import json
import pkgutil
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event

import duckdb
import polars as pl
import pytest

from dashboards import queries
from dashboards.kit import downloads
from dashboards.queries import health, reading, reconciliation, revenue
from dashboards.queries.reading import NotInSnapshot, SnapshotUnreadable
from dashboards.queries.reconciliation import Findings, Sought
from tests.dashboards import snapshot
from tests.dashboards.snapshot import Truth
from tests.marts.warehouse import Warehouse

FIRST, LAST = date(2026, 11, 16), date(2026, 11, 22)


@pytest.fixture(scope="module")
def path(published: tuple[Path, Truth]) -> str:
    found = reading.newest(published[0] / "published" / "current")
    assert found is not None
    return found


def test_the_link_is_resolved_to_the_file_it_names(path: str, tmp_path: Path) -> None:
    assert Path(path).name == f"{snapshot.SNAPSHOT_ID}.duckdb"
    assert reading.newest(tmp_path / "published" / "current") is None
    (tmp_path / "current").symlink_to("gone.duckdb")
    assert reading.newest(tmp_path / "current") is None


def test_which_snapshot_it_is(path: str) -> None:
    shown = reading.snapshot(path)
    assert (shown.snapshot_id, shown.run_id, shown.rules_version) == (
        snapshot.SNAPSHOT_ID,
        snapshot.RUN_ID,
        "3",
    )
    assert shown.published_at == snapshot.NOW - timedelta(seconds=18)


def test_revenue_of_each_day(path: str, truth: Truth) -> None:
    rows = revenue.revenue_daily(path).rows(named=True)
    assert {row["local_date"]: {k: v for k, v in row.items() if k != "local_date"} for row in rows} == {
        day: {name: figures[name] for name in ("bookings", "booked_idr", "completed_idr", "collected_idr")}
        for day, figures in truth.days.items()
    }


def test_revenue_by_source_takes_both_ends_and_the_largest_first(path: str, truth: Truth) -> None:
    frame = revenue.revenue_by_source(path, FIRST, LAST)
    expected = {
        source: sum(
            row["booked_idr"]
            for (day, s), row in truth.sources.items()
            if s == source and FIRST <= day <= LAST
        )
        for source in snapshot.SOURCES
    }
    assert dict(zip(frame["source"], frame["booked_idr"], strict=True)) == expected
    assert frame["booked_idr"].to_list() == sorted(expected.values(), reverse=True)
    one_day = revenue.revenue_by_day_and_source(path, LAST, LAST)
    assert one_day["booked_idr"].sum() == truth.days[LAST]["booked_idr"]


def test_missing_commissions_have_ids_and_what_is_owed(path: str, truth: Truth) -> None:
    frame = reconciliation.MISSING.all(path)
    assert list(zip(frame["booking_id"], frame["expected_idr"], strict=True)) == truth.missing
    assert frame["provider_name"].null_count() == 0
    assert frame["accrued_at"].is_sorted()
    assert reconciliation.MISSING.first(path, 5).equals(frame.head(5))


def test_reconciliation_by_state_adds_up(path: str, truth: Truth) -> None:
    frame = reconciliation.reconciliation_states(path)
    assert dict(zip(frame["state"], frame["rows"], strict=True)) == {
        "matched": 10_532,
        "mismatched": 17,
        "missing": 12,
        "orphan": 3,
        reconciliation.UNKNOWN_RECORD: 1,
    }
    assert frame["expected_idr"].sum() == truth.expected_idr
    assert frame["actual_idr"].sum() == truth.actual_idr
    assert frame["variance_idr"].sum() == truth.variance_idr
    assert frame["variance_idr"].sum() == truth.actual_idr - truth.expected_idr - snapshot.UNKNOWN_IDR
    (unknown,) = frame.filter(pl.col("state") == reconciliation.UNKNOWN_RECORD).to_dicts()
    assert (unknown["variance_idr"], unknown["unknown_rows"]) == (None, 1)
    assert (unknown["unknown_expected_idr"], unknown["unknown_actual_idr"]) == (0, snapshot.UNKNOWN_IDR)
    assert frame["unknown_rows"].sum() == 1


def test_bookings_of_two_collections_with_one_id_are_told_apart(tmp_path: Path) -> None:
    w = Warehouse()
    for origin, name, amount in (("bookings", "Spa One", 250_000), ("hotel_bookings", "Hotel Spa", 500_000)):
        w.booking("b1", origin=origin, provider_name=name, amount_idr=amount, business_id=f"BK-{amount}")
        w.booking("b2", origin=origin, provider_name=name, amount_idr=amount, business_id=f"K2-{amount}")
    w.commission("c2", "K2-250000")
    w.commission("c3", "K2-250000")
    w.commission("c4", "K2-500000", booking_amount_idr=500_000, commission_idr=150_000)
    w.commission("c5", "K2-500000", booking_amount_idr=500_000, commission_idr=150_000)
    twin = "missing:b1:hotel_bookings"
    w.build(waived=[twin])
    path = str(tmp_path / "two.duckdb")
    w.con.execute(f"ATTACH '{path}' AS two; COPY FROM DATABASE memory TO two; DETACH two")
    rows = reconciliation.MISSING.all(path).select("provider_name", "expected_idr", "waived").rows()
    assert rows == [("Spa One", 75_000, False), ("Hotel Spa", 150_000, True)]
    for finding_id, provider in (
        ("missing:b1", "Spa One"),
        (twin, "Hotel Spa"),
        ("duplicate:c3", "Spa One"),
        ("duplicate:c5", "Hotel Spa"),
    ):
        found = reconciliation.finding(path, finding_id)
        assert found is not None
        record = reconciliation.booking_record(
            path, found["booking_id"], found["commission_id"], found["origin"]
        )
        assert record is not None
        assert record["provider_name"] == provider


def test_findings_by_code_put_the_worst_first_and_waived_ones_apart(path: str) -> None:
    frame = reconciliation.findings_by_code(path)
    assert frame.select("finding", "severity", "open", "waived").rows() == [
        ("missing", "critical", 12, 0),
        ("wrong_amount", "high", 11, 6),
        ("orphan", "high", 3, 0),
    ]
    assert frame["variance_idr"].to_list()[1:] == [11 * -25_000, 3 * 75_000]


def test_findings_of_one_code_and_of_all(path: str) -> None:
    assert Findings(Sought("orphan")).all(path)["finding_id"].to_list() == [
        "orphan:cmx0",
        "orphan:cmx1",
        "orphan:cmx2",
    ]
    assert Findings(Sought()).all(path).height == 32
    assert Findings(Sought()).first(path, 5).height == 5
    assert Findings(Sought()).all(path)["waived"].is_sorted()
    for order, column, descending in (("newest", "local_date", True), ("oldest", "local_date", False)):
        found = Findings(Sought(waived="open"), order).all(path)
        assert found[column].is_sorted(descending=descending)
    grave = Findings(Sought(waived="open"), "severity").all(path)["severity"].to_list()
    assert grave == ["critical"] * 12 + ["high"] * 14
    october = Findings(Sought(month=date(2026, 10, 1))).all(path)["local_date"]
    assert {day.month for day in october} == {10}


def test_quarantine_checks_and_scans(path: str) -> None:
    held = health.quarantine(path)
    assert (held["count"], held["reasons"]) == (5, {"creation_unreadable": 5, "id_missing": 1})
    assert held["oldest_first_seen_at"] == datetime(2026, 11, 18, 2, 5, 30)
    assert health.check_counts(path) == (38, 2)
    assert [row["check_name"] for row in health.failing_checks(path)] == [
        "health_point_6",
        "zero_missing_commission",
    ]
    assert [row["collection"] for row in health.scans(path)][:3] == [
        "bookings",
        "chat_messages",
        "commission_records",
    ]
    assert [row["point"] for row in health.health_points(path)] == [1, 2, 3, 4, 5, 6, 7]
    made = reading.ask(path, "SELECT created_at FROM core.bookings WHERE NOT is_test AND deleted_at IS NULL")
    assert health.newest_booking_at(path) == max(made["created_at"].to_list())
    summary = reconciliation.commission_summary(path)
    assert summary is not None
    assert (summary["missing"], summary["state"]) == (12, "critical")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "CREATE TABLE t (a INT)",
        "SET enable_external_access=true",
        "ATTACH 'x.duckdb'",
    ],
)
def test_a_connection_reads_the_snapshot_and_nothing_else(path: str, sql: str) -> None:
    with pytest.raises(SnapshotUnreadable), reading.reading(path) as connection:
        connection.execute(sql)


def test_a_snapshot_without_a_table_says_so_without_the_query(tmp_path: Path) -> None:
    path = tmp_path / "20260101T000000Z-old.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(NotInSnapshot) as absent:
        revenue.revenue_daily(str(path))
    assert absent.value.problem == "The snapshot 20260101T000000Z-old has not every table this is made of."
    assert "SELECT" not in str(absent.value)


def test_a_question_that_fails_otherwise_is_not_taken_for_a_missing_table(path: str) -> None:
    with pytest.raises(SnapshotUnreadable) as failure:
        reading.ask(path, "SELECT no_such_function(booking_id) FROM core.bookings")
    assert not isinstance(failure.value, NotInSnapshot)
    assert (
        failure.value.problem == f"The snapshot {snapshot.SNAPSHOT_ID} could not answer (CatalogException)."
    )


def test_a_download_is_raw_figures_and_safe_in_a_spreadsheet() -> None:
    import polars as pl

    frame = pl.DataFrame(
        {
            "booking_id": ["bk1", "=1+1"],
            "name": ["-x", None],
            "expected_idr": [75_000, -3_000],
            "at": [datetime(2026, 1, 2, 3), None],
        }
    )
    assert downloads.csv(frame).decode("utf-8-sig").splitlines() == [
        "booking_id,name,expected_idr,at",
        "bk1,'-x,75000,2026-01-02T03:00:00Z",
        "'=1+1,,-3000,",
    ]
    assert downloads.csv(frame).startswith(b"\xef\xbb\xbf")


def test_a_download_as_json_keeps_numbers_numbers_and_nulls_null() -> None:
    frame = pl.DataFrame(
        {"id": ["=1+1", None], "idr": [75_000, -3_000], "at": [datetime(2026, 1, 2, 3), None]}
    )
    assert json.loads(downloads.json(frame)) == [
        {"id": "=1+1", "idr": 75_000, "at": "2026-01-02T03:00:00Z"},
        {"id": None, "idr": -3_000, "at": None},
    ]


def test_who_asks_the_same_at_the_same_time_waits_for_one_answer(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.duckdb"
    path.write_bytes(b"")
    began, may_end, asked = Event(), Event(), []

    @reading.cached
    def question(path: str, number: int) -> int:
        asked.append(number)
        began.set()
        if number < 0:
            raise ValueError(number)
        may_end.wait(20)
        return number

    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(question, str(path), 7) for _ in range(4)]
        assert began.wait(20)
        other = pool.submit(question, str(path), -1)  # another question is not held up by it
        with pytest.raises(ValueError, match="-1"):
            other.result(timeout=20)
        may_end.set()
        assert [answer.result(timeout=20) for answer in answers] == [7] * 4
    assert sorted(asked) == [-1, 7]
    with pytest.raises(ValueError, match="-1"):
        question(str(path), -1)  # what failed is asked again


#: What is asked of the file of personal data, by dashboards/reveal.py.
OF_PEOPLE = ("private", "words")


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(queries.__path__)])
@pytest.mark.parametrize(
    "word",
    [
        "private.duckdb", "raw.duckdb", "customer_name", "customer_phone", "customer_key", "phone", "room_number",
        "SELECT b.*",
    ],
)  # fmt: skip
def test_no_question_to_the_snapshot_asks_for_personal_data(module: str, word: str) -> None:
    if module not in OF_PEOPLE:
        assert word not in (Path(queries.__path__[0]) / f"{module}.py").read_text(encoding="utf-8")


def test_the_file_of_personal_data_is_opened_where_looks_are_written_down_and_nowhere_else() -> None:
    dashboards = Path(queries.__path__[0]).parent
    opening = {
        path.name
        for path in dashboards.rglob("*.py")
        if re.search(
            r"private\.opened|home\.private|private import .*opened", path.read_text(encoding="utf-8")
        )
    }
    assert opening == {"reveal.py"}
