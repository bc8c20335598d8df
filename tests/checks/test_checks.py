"""The checks: what holds passes, a bad row of each kind fails, a check that breaks is a failed result.

No result repeats what a row says.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandera.polars as pa
import polars as pl
import pytest

from assets.marts.every import MART_NAMES
from assets.marts.every import MARTS as EVERY
from assets.marts.sql_cache import compile_marts
from checks import factory
from checks.check import Check, TableCheck
from checks.every import registry_of
from checks.factory import validate
from checks.results import CheckResult, violations
from checks.schemas import MARTS
from checks.verdicts import outcome_of
from marketplace.findings import FINDINGS, Severity
from marketplace.health import HEALTH_POINTS
from marketplace.registry import Registry
from messages.rules import what_to_do
from tests.marts.warehouse import NOW, Warehouse
from tests.policies import DEFAULT_POLICY

HOUR = timedelta(hours=1)
CHECKS = registry_of({})


@pytest.fixture(scope="module")
def built() -> Warehouse:
    """A warehouse in which every mart has a row."""
    w = Warehouse()
    w.provider()
    w.provider("p9", status="RESTRICTED")  # who owes nothing
    w.booking("b1", created_at=NOW - HOUR, starts_at=NOW - HOUR, customer_key="c:u1", customer_id="u1")
    w.booking(
        "b2",
        created_at=NOW - HOUR,
        status="declined",
        decline_reason="busy",
        responded_at=NOW - HOUR,
        customer_key="c:u1",
        customer_id="u1",
    )
    w.booking("b3", created_at=NOW - HOUR)
    w.booking("b4", created_at=NOW - HOUR, status="reassigned")
    w.provider("p8", status="OFFLINE", last_seen_at=NOW)
    w.booking("b5", provider_id="p8", created_at=NOW - HOUR, status="pending")
    w.booking("b6", created_at=NOW - 5 * HOUR, status="declined")
    w.commission("c1", "b1", created_at=NOW - HOUR)
    w.commission("c2", "ghost", created_at=NOW - HOUR)
    w.commission("c4", None, created_at=NOW - HOUR, is_test=True)
    w.commission("c3", "b2", created_at=NOW - HOUR, status="pending", fee_idr=25_000)
    w.commission("c5", "b3", created_at=NOW - HOUR, status="cancelled", is_live=False)
    w.add(
        "core.data_findings",
        finding="amount_unknown",
        collection="bookings",
        row_id="b9",
        attribute="price",
        detail="",
    )
    change = ("closed_month_changed:bookings:2026-01:s1", date(2026, 1, 1), "bookings", 3, 4, "s1", NOW)
    for point in HEALTH_POINTS:
        w.add(
            "ops.health_changes",
            change_id=point,
            point=point,
            status="working",
            since=NOW - HOUR,
            evaluated_at=NOW,
            message="",
        )
    w.notification("n1", age=HOUR)
    w.room("r1", None)
    w.message("m1", conversation_id="r1")
    gap = ("s1", None, NOW, "there was no snapshot before", True, "gap.none", "{}")
    w.build(closed_changes=[change], closed_gaps=[gap])
    return w


@pytest.fixture
def w(built: Warehouse) -> Any:
    built.con.execute("BEGIN")
    yield built
    built.con.execute("ROLLBACK")


def run(w: Warehouse, name: str) -> CheckResult:
    return CHECKS[name].run(w.con)


@pytest.mark.parametrize("table", MART_NAMES)
def test_every_mart_has_a_schema_that_holds_on_real_rows(w: Warehouse, table: str) -> None:
    assert w.con.sql(f"SELECT count(*) FROM marts.{table}").fetchone() != (0,)
    result = run(w, f"marts_{table}_schema")
    assert result.passed, result.broken_rules
    assert (result.asset, result.failed_rows) == (f"marts/{table}", 0)


@pytest.mark.parametrize("table", MART_NAMES)
def test_schema_and_mart_have_the_same_columns_in_the_same_order(table: str) -> None:
    if EVERY[table].through is not None:
        return  # its columns are made in Python, of those of its query: a build writes them as they are declared
    (made,) = [m for m in compile_marts(DEFAULT_POLICY) if m.name == table]
    assert [name for name, _ in made.columns] == list(MARTS[table].sql_columns)


BAD = {
    "commission_reconciliation": [
        "state = 'fine'",
        "variance_idr = variance_idr + 1",
        "booking_id = NULL, commission_id = NULL",
        "local_date = NULL",
        "state = 'free'",
    ],
    "commission_findings": ["finding = 'odd'", "severity = 'bad'", "detail = NULL", "waived = NULL"],
    "commission_summary": [
        "tracking_rate = 1.1",
        "eligible = eligible + 1",
        "free = free + 1",
        "state = 'ok'",
        "as_of = NULL",
        "variance_idr = variance_idr + 1",
    ],
    "commission_entries": ["kind = 'gift'", "part = 'tip'", "amount_idr = NULL", "provider_id = NULL"],
    "commission_ledger": [
        "local_month = local_month + 1",
        "expected_idr = -1",
        "closing_idr = NULL",
        "holds = NULL",
    ],
    "commission_open": ["age = 'old'", "status = 'odd'", "fee_idr = NULL", "is_overdue = true"],
    "commission_balances": ["records = 0", "owed_idr = owed_idr + 1", "age_0_3h_idr = 7"],
    "commission_restrictions": ["verdict = 'odd'", "overdue_records = -1", "provider_id = NULL"],
    "month_figures": ["figure = 'tips'", "value = NULL"],
    "closed_month_changes": ["current_value = previous_value", "finding = 'odd'", "waived = NULL"],
    "closed_month_gaps": ["reason = NULL"],
    "data_findings": ["row_id = NULL", "code = NULL", "args = NULL"],
    "health_points": ["status = 'healthy'", "point = 8", "message = NULL"],
    "health_history": [
        "status = 'up'",
        "seconds = -1",
        "since = NULL",
        "point = CASE point WHEN 2 THEN 1 ELSE 2 END",
    ],
    "health_uptime": ["working_share = 1.1", "time_window = '1 h'", "broken_seconds = -1"],
    "response_distribution": ["source = 'web'", "bucket = 10", "share = 1.1", "label = 'fast'"],
    "delivery_rates": ["delivered = delivered + 1", "rate = 1.5", "channel = NULL"],
    "broken_links": ["passed = passed + 1", "state = 'fine'", "to_step = 'taxi'"],
    "broken_link_rows": ["hop = 7", "row_id = NULL", "since = NULL"],
    "service_figures": ["success_rate = -0.1", "bookings_24h = -1"],
    "source_conversion": ["source = 'web'", "created = 0"],
    "peak_hours": ["hour = 24", "weekday = 0", "share = 0", "basis = 'ends'"],
    "revenue_daily": ["local_date = NULL", "bookings = -1", "collected_idr = NULL"],
    "revenue_by_source": ["source = 'web'", "booked_idr = NULL"],
    "member_health": ["health = 'fine'", "missed_requests = -1", "provider_id = NULL"],
    "provider_calls": ["reason = 'bored'", "open_requests = 0", "oldest_request_at = NULL"],
    "short_hours": ["weekday = 8", "hour = 24", "unserved = -1", "requests = NULL"],
    "service_mix": ["bookings = 0"],
    "response_times": ["responded = -1", "avg_response_s = -1"],
    "decline_reasons": ["reason = NULL"],
    "booking_anomalies": ["anomaly = 'odd'", "count = 1"],
    "test_rows": ["rows = -1", "collection = 'users'"],
    "undated_rows": ["rows = -1", "collection = 'users'", "booked_idr = NULL"],
}


@pytest.mark.parametrize(("table", "change"), [(t, c) for t, changes in BAD.items() for c in changes])
def test_a_bad_row_of_each_kind_fails_its_check(w: Warehouse, table: str, change: str) -> None:
    w.con.execute(f"UPDATE marts.{table} SET {change} WHERE rowid = (SELECT min(rowid) FROM marts.{table})")
    result = run(w, f"marts_{table}_schema")
    assert not result.passed
    assert result.failed_rows >= 1
    assert result.broken_rules


@pytest.mark.parametrize("table", [t for t, one in MARTS.items() if one.key])
def test_a_row_twice_fails_in_one_chunk_and_in_many(w: Warehouse, table: str) -> None:
    w.con.execute(f"INSERT INTO marts.{table} FROM marts.{table} LIMIT 1")
    assert not run(w, f"marts_{table}_schema").passed
    schema = MARTS[table]
    blank = CheckResult("x", "y", False, "ERROR")
    result = validate(
        w.con, schema.model, f"marts.{table}", result=blank, id_column=schema.id_column, chunk_rows=1
    )
    assert not result.passed
    assert any(rule.endswith(": unique") for rule in result.broken_rules)


def test_a_booking_stands_once_in_the_reconciliation(w: Warehouse) -> None:
    w.con.execute(
        "INSERT INTO marts.commission_reconciliation SELECT * REPLACE ('other' AS commission_id)"
        " FROM marts.commission_reconciliation WHERE booking_id = 'b1'"
    )
    result = run(w, "marts_commission_reconciliation_schema")
    assert not result.passed
    assert result.sample_ids == ("b1",)


def test_a_missing_column_another_type_and_another_order_fail(w: Warehouse) -> None:
    w.con.execute("CREATE TEMP TABLE whole AS FROM marts.test_rows")
    for query in (
        "SELECT * EXCLUDE rows FROM whole",
        "SELECT collection, rows::DOUBLE AS rows FROM whole",
        "SELECT rows, collection FROM whole",
        "SELECT *, 1 AS extra FROM whole",
    ):
        w.con.execute(f"CREATE OR REPLACE TABLE marts.test_rows AS {query}")
        assert not run(w, "marts_test_rows_schema").passed, query


def test_chunks_see_every_row_and_ids_are_capped(w: Warehouse) -> None:
    w.con.execute("CREATE TABLE marts.many AS SELECT i::VARCHAR AS id, i - 50 AS n FROM range(1000) r(i)")
    schema = pa.DataFrameSchema({"id": pa.Column(pl.String), "n": pa.Column(pl.Int64, pa.Check.ge(0))})
    blank = CheckResult("many", "marts/many", False, "ERROR")
    for chunk_rows in (7, 100, 10_000):
        result = validate(w.con, schema, "marts.many", result=blank, id_column="id", chunk_rows=chunk_rows)
        assert (result.passed, result.failed_rows, len(result.sample_ids)) == (False, 50, 20)


def test_the_same_rows_are_judged_once_and_others_anew(w: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def counted(schema: Any, frame: pl.DataFrame) -> Any:
        judged.append(frame.height)
        return violations(schema, frame)

    monkeypatch.setattr(factory, "violations", counted)
    schema = pa.DataFrameSchema(
        {"id": pa.Column(str), "idr": pa.Column(pl.Int64, pa.Check.ge(0))}, strict=True
    )
    blank = CheckResult("own_schema", "marts/own", False, "ERROR")
    w.con.execute("CREATE TABLE marts.own AS SELECT i::VARCHAR AS id, i AS idr FROM range(10) t(i)")

    def judge() -> CheckResult:
        return validate(w.con, schema, "marts.own", result=blank, id_column="id")

    first = judge()
    assert first.passed
    assert judge() == first
    w.con.execute("CREATE OR REPLACE TABLE marts.own AS FROM marts.own ORDER BY idr DESC")
    assert judge() == first
    assert judged == [10]
    w.con.execute("UPDATE marts.own SET idr = -1 WHERE id = '7'")
    for _ in range(2):
        found = judge()
        assert (found.passed, found.failed_rows, found.sample_ids) == (False, 1, ("7",))
    assert judged == [10, 10]
    w.con.execute("UPDATE marts.own SET idr = 7 WHERE id = '7'")
    assert judge() == first
    w.con.execute("ALTER TABLE marts.own ALTER idr TYPE INTEGER")
    assert not judge().passed
    w.con.execute("ALTER TABLE marts.own ALTER idr TYPE BIGINT")
    w.con.execute("ALTER TABLE marts.own RENAME idr TO rupiah")
    assert not judge().passed
    assert judged == [10, 10, 10, 10]


def test_how_many_rows_there_are_is_not_asked_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warm process forgets the verdict on a table that stays as it is, and knows that its rows hold."""
    two = pa.Check(lambda data: data.lazyframe.select(pl.len() == 2), name="has_two_rows")
    schema = pa.DataFrameSchema({"id": pa.Column(str)}, checks=two, strict=True)
    blank = CheckResult("own_schema", "marts/own", False, "ERROR")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("CREATE SCHEMA marts; CREATE TABLE marts.own AS SELECT unnest(['a', 'b']) AS id")
        for _ in range(2):
            monkeypatch.setattr(factory, "_VERDICTS", {})
            assert validate(con, schema, "marts.own", result=blank, id_column="id").passed
        con.execute("DELETE FROM marts.own WHERE id = 'b'")
        assert not validate(con, schema, "marts.own", result=blank, id_column="id").passed


def test_a_check_that_could_not_be_made_is_made_again(w: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = pa.DataFrameSchema({"id": pa.Column(str)})
    blank = CheckResult("own_schema", "marts/own", False, "ERROR")
    w.con.execute("CREATE TABLE marts.own AS SELECT 'a' AS id")

    def refuse(schema: Any, frame: pl.DataFrame) -> Any:
        raise RuntimeError("as it should")

    with monkeypatch.context() as broken:
        broken.setattr(factory, "violations", refuse)
        assert not validate(w.con, schema, "marts.own", result=blank, id_column="id").made
    assert validate(w.con, schema, "marts.own", result=blank, id_column="id").passed


def test_a_lazy_frame_is_refused_because_its_data_would_not_be_checked() -> None:
    schema = pa.DataFrameSchema({"n": pa.Column(pl.Int64, pa.Check.ge(0))})
    bad = pl.DataFrame({"n": [-1]})
    schema.validate(bad.lazy())  # what Pandera does: nothing
    assert violations(schema, bad) is not None
    with pytest.raises(TypeError):
        violations(schema, bad.lazy())  # pyright: ignore[reportArgumentType] - what it must refuse


def test_a_result_never_holds_what_a_row_says(w: Warehouse) -> None:
    w.con.execute(
        "UPDATE marts.commission_findings SET finding = 'Ibu Sari +62811222333', severity = 'Ibu Sari'"
    )
    result = run(w, "marts_commission_findings_schema")
    assert not result.passed
    assert "Sari" not in repr(result)


@pytest.mark.parametrize("name", list(CHECKS))
def test_a_check_that_fails_itself_is_a_failed_result_that_names_only_the_class(name: str) -> None:
    result = CHECKS[name].run(duckdb.connect())
    assert (result.check_name, result.passed) == (name, False)
    assert result.broken_rules == ("the check itself failed: CatalogException",)


# health points and findings


def test_there_is_a_check_for_each_point_each_finding_and_zero_missing() -> None:
    assert sum(name.startswith("health_point_") for name in CHECKS) == 7
    assert "health_point_1_user_to_member_connection" in CHECKS
    assert "zero_missing_commission" in CHECKS
    assert {f"no_{code}" for code in FINDINGS} <= set(CHECKS)


def test_only_schema_checks_block_publishing() -> None:
    assert {name for name, check in CHECKS.items() if check.blocking} == {f"marts_{t}_schema" for t in MARTS}
    assert {check.severity for name, check in CHECKS.items() if name.startswith("no_")} == {"WARN"}


@pytest.mark.parametrize(("status", "passed"), [("working", True), ("unknown", True), ("broken", False)])
def test_a_health_point_fails_only_when_broken(w: Warehouse, status: str, passed: bool) -> None:
    w.con.execute("UPDATE marts.health_points SET status = ? WHERE point = 6", [status])
    result = run(w, "health_point_6_notification_delivery")
    assert result.passed is passed
    assert result.level == "high"
    assert result.sample_ids == (() if passed else ("6",))


def test_a_health_point_that_is_not_there_fails(w: Warehouse) -> None:
    w.con.execute("DELETE FROM marts.health_points WHERE point = 6")
    assert not run(w, "health_point_6_notification_delivery").passed


def test_zero_missing_names_the_missing_bookings(w: Warehouse) -> None:
    result = run(w, "zero_missing_commission")
    assert (result.passed, result.failed_rows, result.sample_ids) == (False, 1, ("b3",))
    w.con.execute("UPDATE marts.commission_findings SET waived = true")
    assert run(w, "zero_missing_commission").passed


def test_a_finding_code_counts_its_open_findings(w: Warehouse) -> None:
    result = run(w, "no_orphan")
    assert (result.passed, result.failed_rows, result.sample_ids) == (False, 1, ("orphan:c2",))
    assert result.what_to_do == what_to_do("orphan")
    assert run(w, "no_duplicate").passed
    w.con.execute("UPDATE marts.commission_findings SET waived = true WHERE finding = 'orphan'")
    assert run(w, "no_orphan").passed


def test_two_checks_may_not_share_a_name() -> None:
    check = CHECKS["no_orphan"]
    with pytest.raises(ValueError, match="no_orphan"):
        Registry([check, check], key=lambda c: c.name)


def test_every_check_names_asset_and_next_step() -> None:
    for check in CHECKS.values():
        assert isinstance(check, Check | TableCheck)
        assert check.asset.startswith(("marts/", "ops/"))
        assert check.what_to_do


def own(**values: Any) -> Check:
    given: dict[str, Any] = {
        "level": Severity.LOW,
        "what_to_do": "Look.",
        "bad_rows": "SELECT 'odd' WHERE false",
    }
    return Check("own", "marts/own", **given | values)


def test_a_check_holds_where_its_query_has_no_row_and_else_names_some_of_them() -> None:
    con = duckdb.connect()
    held = own().run(con)
    assert (held.passed, held.failed_rows, held.sample_ids, held.broken_rules) == (True, 0, (), ())
    bad = "SELECT if(i = 0, 'first', 'other'), i, if(i = 1, NULL, 'x') FROM range(30) r(i)"
    found = own(bad_rows=bad, severity="ERROR", level=Severity.HIGH).run(con)
    assert (found.passed, found.failed_rows, found.made) == (False, 30, True)
    assert found.sample_ids[:3] == ("0 x", "1", "2 x")
    assert len(found.sample_ids) == 20
    assert found.broken_rules == ("first", "other")
    assert (found.severity, found.level, found.what_to_do) == ("ERROR", "high", "Look.")
    stored = outcome_of(found, blocking=False).severity
    assert (stored, type(stored)) == ("high", str)


def test_a_row_without_a_name_counts_and_is_no_sample() -> None:
    found = own(bad_rows="SELECT 'odd', NULL FROM range(3)").run(duckdb.connect())
    assert (found.passed, found.failed_rows, found.sample_ids) == (False, 3, ())


def test_what_could_not_be_told_is_said_and_fails_nothing() -> None:
    con = duckdb.connect()
    told = own(unknown=lambda con: "SELECT 'unknown, nothing was read'").run(con)
    assert (told.passed, told.broken_rules) == (True, ("unknown, nothing was read",))
    both = own(bad_rows="SELECT 'odd', 1", unknown="SELECT 'unknown'").run(con)
    assert (both.passed, both.broken_rules) == (False, ("odd", "unknown"))
