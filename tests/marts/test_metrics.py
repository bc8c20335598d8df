"""A figure that people quote has one definition, and its view says what the mart says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import duckdb
import pytest

from assets.marts.views import write_views
from checks.schemas import CORE, MARTS, OPS
from checks.schemas.figures import Kind
from marketplace.metrics import METRICS, Metric
from messages.catalogue import ENGLISH, LANGUAGES, labels
from tests.marts.warehouse import DEFAULT_POLICY, NOW, Warehouse

EACH = pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)


@EACH
def test_a_metric_is_named_and_told_in_every_language(metric: Metric) -> None:
    for language in LANGUAGES:
        assert labels(language)[f"metric.{metric.name}"]
        assert labels(language)[f"metric_is.{metric.name}"]


def test_nothing_is_named_that_is_no_metric() -> None:
    told = {name.removeprefix("metric.") for name in labels(ENGLISH) if name.startswith("metric.")}
    assert told == set(METRICS)


@EACH
def test_a_metric_is_made_of_declared_columns_that_add_up_where_it_says_so(metric: Metric) -> None:
    if metric.schema == "ops":
        of_it = {column.name for column in OPS[metric.mart].columns}
        assert {*metric.by, *metric.adds} <= of_it
        return
    columns = {column.name: column for column in MARTS[metric.mart].columns}
    assert {*metric.by, *metric.adds, *metric.per} <= columns.keys()
    for name in (*metric.adds, *metric.per):
        figure = columns[name].figure
        assert figure is not None
        assert figure.kind is Kind.ADDITIVE
    if metric.stands is not None:
        figure = columns[metric.stands].figure
        assert figure is not None
        assert figure.kind is not Kind.ADDITIVE
    assert {table.removeprefix("core.") for table in metric.made_of} <= CORE.keys()


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two days: one booking completed and paid, one accepted without a record, one declined, one cancelled."""
    w = Warehouse()
    for collection in ("bookings", "commission_records", "notifications"):
        w.scan(collection)
    w.provider()
    day = NOW - timedelta(days=1)
    w.booking("b1", created_at=day, accepted_at=day, responded_at=day + timedelta(seconds=40))
    w.booking("b2", created_at=day, status="accepted", accepted_at=day, amount_idr=333_333)
    w.booking("b3", created_at=day, status="declined", responded_at=day + timedelta(seconds=80))
    w.booking("b4", created_at=NOW - timedelta(days=2), status="cancelled")
    w.commission("c1", "b1", created_at=day, paid_at=day)
    w.notification("n1", age=timedelta(hours=1))
    w.notification("n2", age=timedelta(hours=1), delivered=False)
    w.build()
    write_views(w.con, DEFAULT_POLICY)
    yield w.con
    w.con.close()


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("sum(value) FROM metrics.bookings", 4),
        ("sum(value) FROM metrics.booked", 583_333),
        ("sum(value) FROM metrics.completed", 250_000),
        ("sum(value) FROM metrics.collected WHERE local_date = DATE '2026-03-14'", 75_000),
        ("value FROM metrics.tracking_rate", 0.5),
        ("sum(value) FROM metrics.missing_commissions", 1),
        ("sum(value) FROM metrics.missing_commission_idr", 100_000),
        ("sum(value) FROM metrics.expected_commission", 175_000),
        ("sum(numerator) / sum(denominator) FROM metrics.acceptance_rate", 2 / 3),
        ("sum(numerator) / sum(denominator) FROM metrics.cancellation_rate", 0.25),
        ("value FROM metrics.response_p50 WHERE local_date = DATE '2026-03-14'", 60.0),
        ("sum(numerator) / sum(denominator) FROM metrics.delivery_rate", 0.5),
    ],
)
def test_a_view_of_a_metric_says_what_was_worked_by_hand(
    con: duckdb.DuckDBPyConnection, asked: str, value: float
) -> None:
    assert con.sql(f"SELECT {asked}").fetchall() == [(pytest.approx(value),)]


def test_every_metric_has_a_view_that_says_what_it_is(con: duckdb.DuckDBPyConnection) -> None:
    told = con.sql("SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'metrics'").fetchall()
    assert {name for name, _ in told} == set(METRICS)
    assert all("add up" in comment or "adds up" in comment for _, comment in told)
    for name, _ in told:
        assert "value" in con.sql(f"FROM metrics.{name}").columns


def test_booked_by_source_and_by_day_are_the_same(con: duckdb.DuckDBPyConnection) -> None:
    by_day = "SELECT local_date, sum(value) FROM metrics.booked GROUP BY ALL ORDER BY ALL"
    assert con.sql(by_day).fetchall() == [(date(2026, 3, 13), 0), (date(2026, 3, 14), 583_333)]
    assert (
        con.sql(by_day).fetchall()
        == con.sql("SELECT local_date, booked_idr FROM marts.revenue_daily ORDER BY 1").fetchall()
    )


def test_retention_is_of_months_that_are_over() -> None:
    """One who booked in January and again in February; in the middle of March nothing is final of March."""
    w = Warehouse()
    w.scan("bookings")
    w.provider()
    for number, at in enumerate((datetime(2026, 1, 10), datetime(2026, 2, 10))):
        w.booking(f"r{number}", created_at=at, customer_id="k1", customer_key="c:k1")
    w.booking("young", created_at=datetime(2026, 2, 11), customer_id="k2", customer_key="c:k2")
    w.build()
    write_views(w.con, DEFAULT_POLICY)
    said = "SELECT cohort_month, months_after, is_complete, returned FROM marts.customer_retention"
    assert (date(2026, 2, 1), 1, False, 0) in w.con.sql(said).fetchall()
    told = w.con.sql("SELECT cohort_month, months_after, value FROM metrics.retention").fetchall()
    assert told == [(date(2026, 1, 1), 1, 1.0)]
