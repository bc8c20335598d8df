"""How marts are made: order and repetition change nothing, a failure leaves the old ones.

Unchanged marts are not written again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.marts.every import MART_NAMES, MARTS
from assets.marts.expressions import LARGEST_AMOUNT, commission_of, percent, rupiah, written
from assets.marts.sql_cache import compile_marts, compiled_marts
from marketplace.commission import rupiah as rupiah_in_python
from marketplace.policy import Policy, PolicyRule
from tests.marts.warehouse import NOW, Warehouse
from tests.oracles import expected_commission
from tests.policies import DEFAULT_POLICY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STATUSES = ("accepted", "confirmed", "completed", "pending", "cancelled", "declined", "unknown")


def marketplace_rows(seed: int) -> list[tuple[str, dict[str, Any]]]:
    """A small marketplace with every kind of reference and amount, from a seed."""
    rng = random.Random(seed)
    rows: list[tuple[str, dict[str, Any]]] = []
    for number in range(60):
        status = rng.choice(STATUSES)
        rows.append(
            (
                "booking",
                {
                    "booking_id": f"b{number}",
                    "business_id": f"BK{number // 2 if number % 20 == 0 else number}",
                    "status": status,
                    "amount_idr": rng.choice([None, 200_000, 250_000, 333_333]),
                    "created_at": NOW - timedelta(minutes=rng.randrange(0, 10_000)),
                    "completed_at": rng.choice([None, NOW - HOUR, NOW - DAY]),
                    "is_test": rng.random() < 0.05,
                    "deleted_at": NOW if rng.random() < 0.05 else None,
                    "customer_key": f"c:u{rng.randrange(5)}",
                    "customer_id": None,
                },
            )
        )
    for number in range(80):
        target = rng.randrange(70)
        rows.append(
            (
                "commission",
                {
                    "commission_id": f"c{number}",
                    "booking_ref": rng.choice([f"b{target}", f"BK{target}", None]),
                    "booking_doc_ref": rng.choice([None, f"b{target}"]),
                    "commission_idr": rng.choice([None, 60_000, 75_000, 99_999, 100_000]),
                    "booking_amount_idr": rng.choice([None, 200_000, 250_000, 333_333]),
                    "rate_ppm": rng.choice([None, 300_000, 250_000]),
                    "status": rng.choice(["paid", "pending", "overdue", "cancelled"]),
                    "created_at": NOW - timedelta(minutes=rng.randrange(0, 10_000)),
                    "deleted_at": NOW if rng.random() < 0.05 else None,
                },
            )
        )
    for row in rows:
        if row[0] == "commission":
            row[1]["is_live"] = row[1]["status"] != "cancelled"
    return rows


def filled(rows: list[tuple[str, dict[str, Any]]]) -> Warehouse:
    w = Warehouse()
    w.provider()
    for kind, values in rows:
        getattr(w, kind)(**values)
    return w


@pytest.fixture(scope="module")
def market() -> Warehouse:
    return filled(marketplace_rows(1))


def test_the_order_of_rows_does_not_matter(market: Warehouse) -> None:
    rows = marketplace_rows(1)
    random.Random(2).shuffle(rows)
    assert filled(rows).build().digests == market.build().digests


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_totals_hold_together(seed: int) -> None:
    w = filled(marketplace_rows(seed))
    w.build()
    (sums,) = w.rows(
        "SELECT sum(variance_idr) AS variance, sum(actual_idr) - sum(expected_idr) AS difference"
        " FROM marts.commission_reconciliation WHERE variance_idr IS NOT NULL"
    )
    assert sums["variance"] == sums["difference"]
    (summary,) = w.rows("FROM marts.commission_summary")
    (earning,) = w.rows(
        "SELECT count(*) AS n FROM core.bookings WHERE status IN ('accepted', 'confirmed', 'completed')"
        " AND NOT is_test AND deleted_at IS NULL"
    )
    assert summary["eligible"] == earning["n"]
    assert summary["eligible"] == sum(summary[k] for k in ("tracked", "missing", "awaiting", "unknown"))
    # Every live record is in the reconciliation, or a duplicate of one that is.
    (unseen,) = w.rows(
        "SELECT count(*) AS n FROM core.commissions c JOIN core.bookings b ON b.booking_id = c.booking_ref"
        " WHERE c.is_live AND c.deleted_at IS NULL AND NOT b.is_test AND b.deleted_at IS NULL"
        " AND c.commission_id NOT IN"
        " (SELECT commission_id FROM marts.commission_reconciliation WHERE commission_id IS NOT NULL)"
        " AND 'duplicate:' || c.commission_id NOT IN (SELECT finding_id FROM marts.commission_findings)"
    )
    assert unseen["n"] == 0
    (twice,) = w.rows(
        "SELECT count(booking_id) - count(DISTINCT booking_id) AS n FROM marts.commission_reconciliation"
    )
    assert twice["n"] == 0
    (ids,) = w.rows("SELECT count(*) - count(DISTINCT finding_id) AS n FROM marts.commission_findings")
    assert ids["n"] == 0


def test_a_second_build_changes_and_writes_nothing(market: Warehouse) -> None:
    first = market.build()
    second = market.build()
    assert second.changed == frozenset()
    assert second.digests == first.digests


def test_one_changed_row_changes_only_the_marts_it_touches() -> None:
    w = Warehouse()
    w.booking()
    w.commission()
    w.build()
    w.con.execute("UPDATE core.commissions SET provider_id = 'px'")
    touched = {"commission_findings", "commission_entries", "commission_ledger", "revenue_by_kind"}
    assert w.build().changed == touched


def test_what_moves_with_the_clock_is_written_but_is_no_change() -> None:
    w = Warehouse()
    w.booking(created_at=NOW - timedelta(minutes=30))
    w.commission()
    w.build()
    w.now = NOW + timedelta(seconds=30)
    outcome = w.build(clock_frozen=True)
    assert not outcome.changed & {"health_points", "commission_summary"}
    assert w.rows("SELECT figure FROM marts.health_points WHERE point = 5") == [{"figure": 30.5}]


def test_only_what_is_asked_and_what_it_needs_is_made() -> None:
    w = Warehouse()
    outcome = w.build(["health_points"])
    assert set(outcome.rows) == {"health_points", "commission_summary", "commission_reconciliation"}
    with pytest.raises(KeyError):
        w.build(["no_such_mart"])


def test_a_build_that_fails_leaves_the_old_marts() -> None:
    w = Warehouse()
    w.booking()
    w.build()
    w.booking("b2")
    w.con.execute("DROP TABLE core.messages")
    with pytest.raises(duckdb.Error):
        w.build()
    assert w.rows("SELECT count(*) AS n FROM marts.commission_reconciliation") == [{"n": 1}]


def test_steps_are_not_left_behind() -> None:
    w = Warehouse()
    w.build()
    tables = {row["name"] for row in w.rows("SELECT table_name AS name FROM duckdb_tables() WHERE temporary")}
    assert tables == set()
    made = {
        row["name"]
        for row in w.rows("SELECT table_name AS name FROM duckdb_tables() WHERE schema_name = 'marts'")
    }
    assert made == set(MART_NAMES)


def test_a_warehouse_file_may_be_given_by_its_path(tmp_path: Any) -> None:
    from assets.marts.build import build

    w = Warehouse()
    w.booking()
    path = tmp_path / "warehouse.duckdb"
    w.con.execute(f"ATTACH '{path}' AS file")
    w.con.execute("COPY FROM DATABASE memory TO file")
    w.con.execute("DETACH file")
    assert build(path, now=NOW, policy=DEFAULT_POLICY).rows["commission_reconciliation"] == 1


def test_each_mart_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for mart in MARTS.values():
        assert set(mart.needs) <= seen
        seen.add(mart.name)


def test_compiling_is_done_once_a_policy() -> None:
    assert compile_marts(DEFAULT_POLICY) is compile_marts(DEFAULT_POLICY)


def test_what_another_policy_changes_asks_for_it() -> None:
    """What does not is compiled once a process, from the same function and columns."""
    pairs = zip(compile_marts(DEFAULT_POLICY), compile_marts(DATED), strict=True)
    changed = {one.name for one, other in pairs if one != other}
    asking = {mart.name for mart in MARTS.values() if mart.asks_policy}
    assert changed
    assert changed <= asking
    assert asking < set(MARTS)


def test_compiled_marts_are_kept_in_a_file_and_made_again_where_it_is_broken(tmp_path: Path) -> None:
    compiled_marts.cache_clear()
    first = compiled_marts(DEFAULT_POLICY, tmp_path)
    (kept,) = tmp_path.glob("marts-*")
    for_people = {f"{one.name}.sql" for one in first}
    assert {path.name for path in tmp_path.iterdir()} == {kept.name, *for_people}
    kept.write_text("[{")
    compiled_marts.cache_clear()
    assert compiled_marts(DEFAULT_POLICY, tmp_path) == first
    compiled_marts.cache_clear()
    assert compiled_marts(DEFAULT_POLICY, tmp_path) == first
    for left in ("marts-0a1b.json", "marts-0a1b.4711", "a_mart_that_was.sql"):
        (tmp_path / left).write_text("")
    other = compiled_marts(DATED, tmp_path)
    assert other != first
    (renewed,) = tmp_path.glob("marts-*")
    assert renewed != kept
    assert {path.name for path in tmp_path.iterdir()} == {renewed.name, *for_people}


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    compiled_marts.cache_clear()
    assert compiled_marts(DEFAULT_POLICY, tmp_path / "file" / "folder") == compile_marts(DEFAULT_POLICY)


# expressions against Python


def evaluate(expression: Any) -> Any:
    return ibis.duckdb.connect().execute(expression)


@pytest.fixture(scope="module")
def commission_in_ibis() -> Callable[[int, int], Any]:
    """Of an amount and a rate as columns, which is how a mart has them."""
    given = ibis.table({"amount": "int64", "rate": "int64"}, name="given")
    sql = str(ibis.to_sql(given.select(x=commission_of(given["amount"], given["rate"])), dialect="duckdb"))
    con = duckdb.connect()
    con.execute("CREATE TABLE given (amount BIGINT, rate BIGINT)")

    def computed(amount: int, rate: int) -> Any:
        con.execute("DELETE FROM given")
        con.execute("INSERT INTO given VALUES (?, ?)", [amount, rate])
        return con.execute(sql).fetchone()

    return computed


@settings(max_examples=200, deadline=None)
@given(amount=st.integers(0, LARGEST_AMOUNT), rate=st.integers(0, 1_000_000))
def test_commission_in_ibis_equals_commission_in_python(
    commission_in_ibis: Callable[[int, int], Any], amount: int, rate: int
) -> None:
    assert commission_in_ibis(amount, rate) == (expected_commission(amount, rate),)


@pytest.mark.parametrize(
    "amount", [0, 1, 999, 1_000, 25_000, 100_000, 1_250_000, 10_000_005, 123_456_789_012, -75_000, -1_250_000]
)
def test_rupiah_in_ibis_equals_rupiah_in_python(amount: int) -> None:
    sql = ibis.to_sql(rupiah(ibis.literal(amount).cast("int64")).name("x"), dialect="duckdb")
    assert duckdb.connect().sql(str(sql)).fetchone() == (rupiah_in_python(amount),)


@pytest.mark.parametrize(
    ("value", "make", "text"),
    [
        (300_000, percent, "30 %"),
        (275_500, percent, "27,55 %"),
        (5_000, percent, "0,5 %"),
        (1_000_000, percent, "100 %"),
        (250.0, written, "250"),
        (75.5, written, "75.5"),
    ],
)
def test_rates_and_written_values_as_text(value: Any, make: Any, text: str) -> None:
    literal = ibis.literal(value, type="int64" if isinstance(value, int) else "float64")
    sql = ibis.to_sql(make(literal).name("x"), dialect="duckdb")
    assert duckdb.connect().sql(str(sql)).fetchone() == (text,)


# policy


def rule(version: str, rate: int, **values: Any) -> PolicyRule:
    defaults = {"fee_idr": 25_000, "deadline_hours": 3, "grace_minutes": 2, "restriction_minutes": 30}
    return PolicyRule(version=version, rate_ppm=rate, **defaults | values)


DATED = Policy(
    "dated",
    (
        rule("old", 300_000, valid_to=date(2026, 3, 10)),
        rule(
            "new", 250_000, valid_from=date(2026, 3, 10), fee_idr=30_000, deadline_hours=5, grace_minutes=10
        ),
        rule("gold", 200_000, plan="gold"),
        rule("friend", 100_000, provider="p9", valid_from=date(2026, 3, 1), valid_to=date(2026, 3, 12)),
    ),
)


@pytest.mark.parametrize(
    ("booking", "version", "expected"),
    [
        ({"created_at": NOW - 6 * DAY}, "old", 75_000),
        (
            {"created_at": NOW - 5 * DAY - 5 * HOUR},
            "old",
            75_000,
        ),  # 10 March 06:59 UTC is 14:59 in Bali: new day
        ({"created_at": NOW - 4 * DAY}, "new", 62_500),
        ({"created_at": NOW - 6 * DAY, "accepted_at": NOW - 4 * DAY}, "new", 62_500),
        ({"provider_id": "p2"}, "gold", 50_000),
        ({"provider_id": "p9", "created_at": NOW - 4 * DAY}, "friend", 25_000),
        ({"provider_id": "p9", "created_at": NOW - 2 * DAY}, "new", 62_500),
    ],
)
def test_the_row_says_which_version_of_the_policy_applied(
    booking: dict[str, Any], version: str, expected: int
) -> None:
    w = Warehouse()
    w.provider("p1")
    w.provider("p2", commission_plan="gold")
    w.provider("p2", provider_type="place", commission_plan=None)
    w.provider("p9", commission_plan=None)
    w.booking(**booking)
    (row,) = w.reconciled(policy=DATED)
    if booking.get("created_at") == NOW - 5 * DAY - 5 * HOUR:
        version, expected = "new", 62_500
    assert (row["policy_version"], row["expected_idr"]) == (version, expected)
    found = DATED.rule(
        row["local_date"], provider=row["provider_id"], plan="gold" if row["provider_id"] == "p2" else None
    )
    assert found.version == version


def test_fee_deadline_and_grace_follow_the_policy_too() -> None:
    w = Warehouse()
    w.booking("b1", completed_at=NOW - 4 * HOUR)
    w.commission("c1", commission_idr=62_500, rate_ppm=250_000, status="pending")
    w.booking("b2", created_at=NOW - timedelta(minutes=9))
    w.booking("b3", completed_at=NOW - 6 * HOUR)
    w.commission(
        "c3",
        "b3",
        commission_idr=62_500,
        rate_ppm=250_000,
        status="overdue",
        fee_state="present",
        fee_idr=25_000,
    )
    assert w.findings(policy=DATED) == {"fee_wrong:c3"}
    assert w.reconciled(policy=DATED)[1]["state"] == "awaiting"


def test_the_largest_amounts_core_lets_through_do_not_stop_the_build() -> None:
    largest = 10**12 - 1
    w = Warehouse()
    w.booking(amount_idr=largest)
    w.commission(booking_amount_idr=-largest, commission_idr=largest * 1000, rate_ppm=1_000_000)
    w.booking("b2")
    w.commission("c2", "b2", commission_idr=-largest * 1000)
    w.build()
    (row,) = w.rows("FROM marts.commission_summary")
    assert (row["eligible"], row["expected_idr"], row["actual_idr"]) == (
        2,
        expected_commission(largest, 300_000) + 75_000,
        # The other is below zero, a refund, and no record of its booking's own.
        largest * 1000,
    )
