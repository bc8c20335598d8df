"""What is behind a figure, asked of a snapshot: the rows, their total, and what is no figure and no condition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from assets.marts.views import write_views
from checks.schemas import OPS
from checks.schemas.sql import create_table
from messages.catalogue import LANGUAGES, say
from resources.errors import BookwatchError, UsageError
from resources.explanations import ADDITIVE, MEAN, OTHER, QUANTILE, RATIO, explain, figures
from resources.questions import Bounds
from tests.marts.warehouse import DEFAULT_POLICY, NOW, Warehouse

BOOKED = "marts.revenue_daily.booked_idr"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three bookings of two days, answered after 10, 20 and 40 seconds; one has a record that is paid."""
    w = Warehouse()
    w.scan("bookings")
    w.scan("commission_records")
    for number, (days, amount, seconds) in enumerate(((1, 100_000, 10), (1, 250_000, 20), (2, None, 40))):
        created = NOW - timedelta(days=days, hours=number)
        answered = created + timedelta(seconds=seconds)
        w.booking(
            f"b{number}", created_at=created, amount_idr=amount, responded_at=answered, accepted_at=answered
        )
    w.commission("c1", "b1", created_at=NOW - timedelta(days=1), commission_idr=75_000)
    w.build()
    write_views(w.con, DEFAULT_POLICY)
    yield w.con
    w.con.close()


def test_a_sum_lists_what_each_row_adds_the_largest_first(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, BOOKED)
    assert (found.kind, found.value, found.total, found.count, found.complete) == (
        ADDITIVE,
        350_000,
        350_000,
        3,
        True,
    )
    assert [(row["id"], row["of"], row["adds"]) for row in found.rows] == [
        ("b1", "core.bookings", 250_000),
        ("b0", "core.bookings", 100_000),
        ("b2", "core.bookings", 0),
    ]
    assert [row["amount_idr"] for row in found.rows] == [250_000, 100_000, None]  # what is not known is seen
    assert found.rows[0]["amount_rule"] == "totalCost"
    assert found.rows[0]["change"] == 1
    assert "completed_idr" not in found.rows[0]


def test_a_condition_restricts_the_rows_of_the_mart(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, BOOKED, "local_date = DATE '2026-03-14' -- yesterday")
    assert (found.value, found.total, [row["id"] for row in found.rows]) == (350_000, 350_000, ["b1", "b0"])
    assert explain(con, BOOKED, "booked_idr = 0").value == 0
    nothing = explain(con, BOOKED, "false")
    assert (nothing.value, nothing.total, nothing.count, nothing.rows) == (0, 0, 0, [])


def test_the_total_is_of_all_rows_also_of_those_that_are_not_listed(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, BOOKED, limit=1)
    assert (found.total, found.count, len(found.rows), found.complete) == (350_000, 3, 1, False)


def test_a_share_is_explained_as_its_numerator_and_denominator(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, "marts.commission_summary.tracking_rate")
    assert (found.kind, found.value) == (RATIO, pytest.approx(1 / 3))
    assert found.total == found.value
    assert found.parts == {
        "numerator": {"of": "tracked", "total": 1},
        "denominator": {"of": "tracked_or_missing", "total": 3},
    }
    assert [(row["id"], row["numerator"], row["denominator"]) for row in found.rows] == [
        ("b1", 1, 1),
        ("b0", None, 1),
        ("b2", None, 1),
    ]


def test_the_denominator_of_a_share_of_all_counts_all(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, "marts.response_distribution.share", "source = 'bookingButton' AND bucket = 1")
    assert found.value == found.total == 2 / 3
    assert explain(con, "marts.response_distribution.share", "source = 'all' AND bucket = 2").value == 1 / 3
    of_peak = explain(con, "marts.peak_hours.share", "basis = 'created' AND hour = 20")
    assert of_peak.parts is not None
    assert of_peak.parts["denominator"]["total"] == 3


def test_a_quantile_lists_its_values_and_is_recomputed(con: duckdb.DuckDBPyConnection) -> None:
    one = explain(con, "marts.response_times.p50_response_s", "local_date = '2026-03-14'")
    assert (one.kind, one.level, one.value, one.total) == (QUANTILE, 0.5, 15.0, 15.0)
    assert [row["adds"] for row in one.rows] == [10.0, 20.0]
    assert explain(con, "marts.response_times.p50_response_s").value == 20.0  # of both days together
    assert explain(con, "marts.response_times.avg_response_s", "local_date = '2026-03-14'").kind == MEAN


def test_any_other_figure_says_what_it_follows_from(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, "marts.commission_ledger.closing_idr", "provider_id = 'p1'")
    assert (found.kind, found.total) == (OTHER, None)
    assert found.inputs == ("opening_idr", "accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
    assert found.rows[0]["accrued_idr"] == 75_000


def test_what_cannot_be_told_is_null_and_not_zero(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, "marts.commission_reconciliation.expected_idr", "booking_id = 'b2'")
    assert (found.value, found.total, found.rows[0]["adds"]) == (None, None, None)


def test_a_share_of_several_rows_is_of_those_that_can_be_told() -> None:
    """Of ten customers of an old month two came back; a young month's three hundred are no part of that."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA marts")
    con.execute(
        "CREATE OR REPLACE TABLE marts.m AS FROM (VALUES ('old', 10, 2, 0.2, 7), ('young', 300, NULL, NULL, NULL))"
        " AS m(month, customers, returned, share, sums)"
    )
    con.execute("CREATE SCHEMA IF NOT EXISTS behind")
    con.execute(
        "CREATE OR REPLACE VIEW behind.m AS SELECT concat(month, range) AS id, 'x' AS of, month, 1 AS customers,"
        " CASE WHEN month = 'old' AND range < 2 THEN 1 END AS returned, CASE range WHEN 0 THEN 7 END AS sums"
        " FROM marts.m, range(300) WHERE range < customers"
    )
    con.execute("CREATE SCHEMA IF NOT EXISTS ops")
    for table in ("scans", "figures"):
        con.execute(create_table(OPS[table]))
    con.execute(
        "INSERT INTO ops.figures VALUES"
        """ ('marts.m.share', 'm', 'share', 'ratio', '["returned","customers"]', NULL, NULL,"""
        """ NULL, '["month"]', false, 'share', 'share'),"""
        """ ('marts.m.sums', 'm', 'sums', 'additive', '["sums"]', NULL, NULL, NULL, '["month"]', false, '', '')"""
    )
    share = explain(con, "marts.m.share")
    assert (share.value, share.total, share.count, share.untold) == (0.2, 0.2, 10, 1)
    assert explain(con, "marts.m.share", "month = 'young'").value is None
    sums = explain(con, "marts.m.sums")
    assert (sums.value, sums.total, sums.untold) == (7, 7, 1)


def test_of_no_row_nothing_is_fine(con: duckdb.DuckDBPyConnection) -> None:
    found = explain(con, "marts.commission_summary.tracking_rate", "false")
    assert (found.value, found.total) == (None, None)
    w = Warehouse()
    w.begun("bookings")
    w.build()
    write_views(w.con, DEFAULT_POLICY)
    unread = explain(w.con, BOOKED)
    assert (unread.value, unread.total, unread.unread) == (None, None, ("bookings",))


def test_every_figure_equals_its_total(con: duckdb.DuckDBPyConnection) -> None:
    for figure in figures(con):
        found = explain(con, figure)
        assert found.kind == OTHER or found.value == found.total, figure


@pytest.mark.parametrize(
    "condition",
    [
        "true) UNION ALL SELECT * FROM marts.revenue_daily --",
        "true) LIMIT (1",
        "true) GROUP BY ALL HAVING (true",
        "true; SELECT 1",
        "EXISTS (SELECT 1 FROM core.bookings)",
        "booked_idr > (SELECT avg(amount_idr) FROM core.bookings)",
        "",
        "/* nothing",
        ")",
        "random() < 0.5",
        "COLUMNS(*) IS NOT NULL",
    ],
)
def test_a_condition_that_is_more_than_one_is_refused(con: duckdb.DuckDBPyConnection, condition: str) -> None:
    with pytest.raises(UsageError, match="one condition on a row of"):
        explain(con, BOOKED, condition)


def test_a_condition_is_bounded_and_refused_as_any_sql_is(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UsageError, match="local_date, bookings, booked_idr"):
        explain(con, BOOKED, "amount > 3")
    with pytest.raises(UsageError, match="getenv"):
        explain(con, BOOKED, "getenv('HOME') = ''")
    with pytest.raises(BookwatchError, match="seconds"):
        explain(
            con,
            BOOKED,
            "list_sum(range(10000000 + bookings)) > 0",
            bounds=Bounds(0.01, 1 << 30),
        )


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ("marts.revenue_daily.booked", "Near to it are: marts.revenue_daily.booked_idr"),
        ("marts.revenue_daily", "is a table, not a figure. Its figures are: marts.revenue_daily.bookings"),
        ("marts.revenue_daily.local_date", "use it in --where"),
        ("revenue", "A figure is marts.<table>.<column> or finding:<finding_id>"),
    ],
)
def test_what_is_no_figure_is_told_with_the_way_on(
    con: duckdb.DuckDBPyConnection, figure: str, said: str
) -> None:
    with pytest.raises(UsageError) as wrong:
        explain(con, figure)
    assert said in str(wrong.value)
    assert all(say(sentence, language) for sentence in wrong.value.said for language in LANGUAGES)


def test_a_snapshot_of_before_says_so() -> None:
    with pytest.raises(BookwatchError, match="published before figures told what is behind them"):
        explain(duckdb.connect(), BOOKED)


def test_the_rows_are_of_the_instant_the_marts_were_judged_at(con: duckdb.DuckDBPyConnection) -> None:
    (row,) = con.sql("SELECT now, judged_at FROM ops.judged").fetchall()
    assert row == (NOW, NOW)
    assert json.loads(
        con.sql("SELECT any_value(keys) FROM ops.figures WHERE mart = 'revenue_daily'").fetchall()[0][0]
    )
