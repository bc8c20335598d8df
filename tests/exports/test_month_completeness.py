"""The month's package says of every row of the mirror whether it is in the figures, and adds up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from checks.completeness import CHECKS
from marketplace.exclusions import MONEY_COLLECTIONS
from pipelines.exports.month import completeness, exclusions, rows
from pipelines.exports.month.figures import figures_of
from pipelines.exports.month.table import Asked, PackageTable
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.marts.test_completeness import MARTS, mirrored
from tests.marts.warehouse import NOW, Warehouse

MARCH = Asked(date(2026, 3, 1), date(2026, 4, 1), None, datetime(2026, 3, 31, 16), "Asia/Makassar")


def rows_of(
    table: PackageTable, con: duckdb.DuckDBPyConnection, asked: Asked = MARCH
) -> list[dict[str, Any]]:
    batches = list(table.rows(con, asked))
    assert all(batch.columns == table.names for batch in batches)
    return pl.concat(batches).to_dicts() if batches else []


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    w = Warehouse()
    w.provider("p1")
    w.booking("b1")
    w.booking("b2", provider_id="p2", amount_idr=1_000_000)
    w.booking("b3", status="cancelled")
    w.booking("b4", status="cancelled", provider_id="p2", amount_idr=None)
    w.booking("february", created_at=datetime(2026, 2, 3))
    w.booking("old", created_at=datetime(2026, 2, 3), status="declined")
    w.booking("zone", utc_offset_minutes=None)
    w.commission("c1", "b1")
    w.commission("c2", "b1", status="pending")
    w.add("core.quarantined", collection="bookings", row_id="q1", reasons='["creation_unreadable"]')
    w.message("m1", created_at=NOW)
    mirrored(w)
    w.con.execute("UPDATE ops.mirror_rows SET forgotten = 2 WHERE collection = 'bookings'")
    w.build(MARTS)
    return w.con


def test_in_and_out_of_the_month_are_all_rows_of_the_mirror(con: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(completeness.TABLE, con)
    told = {(r["collection"], r["part"], r["reason"]): (r["rows"], r["amount_idr"]) for r in found}
    assert told == {
        ("bookings", "in", "in"): (2, 1_250_000),
        ("bookings", "out", "cancelled"): (2, 250_000),
        ("bookings", "out_without_day", "quarantined"): (1, 0),
        ("bookings", "out_without_day", "no_day"): (1, 250_000),
        ("bookings", "in_other_periods", "in"): (1, 250_000),
        ("bookings", "out_in_other_periods", "declined"): (1, 250_000),
        ("bookings", "total", None): (8, 2_250_000),
        ("hotel_bookings", "in", "in"): (0, 0),
        ("hotel_bookings", "total", None): (0, 0),
        ("commission_records", "in", "in"): (1, 75_000),
        ("commission_records", "out", "duplicate"): (1, 75_000),
        ("commission_records", "total", None): (2, 150_000),
        ("therapists", "no_figure", "no_figure"): (1, 0),
        ("therapists", "total", None): (1, 0),
        ("chat_messages", "no_figure", "no_figure"): (1, 0),
        ("chat_messages", "total", None): (1, 0),
    }
    totals = [r for r in found if r["part"] == "total"]
    assert [r["unaccounted_rows"] for r in totals if r["mirror_rows"] is not None] == [0, 0, 0, 0]
    # Of the hotels nothing was mirrored, and that is said.
    assert [r["collection"] for r in totals if "was not counted" in r["meaning"]] == ["hotel_bookings"]
    assert {r["collection"]: r["forgotten_rows"] for r in totals}["bookings"] == 2


def test_what_was_not_read_to_its_end_is_said(con: duckdb.DuckDBPyConnection) -> None:
    def told() -> tuple[int | None, dict[str, tuple[str | None, bool]]]:
        totals = [r for r in rows_of(completeness.TABLE, con) if r["part"] == "total"]
        read = {r["collection"]: (r["read"], r["read_at_utc"] is not None) for r in totals}
        return figures_of(con, MARCH)["collections_not_read"], read

    number, read = told()
    # Of the hotels nothing is told: no scan of theirs is there, as of a collection that the deployment has not.
    assert (number, read["bookings"], read["hotel_bookings"]) == (0, ("complete", True), (None, False))
    con.execute("BEGIN; UPDATE ops.scans SET outcome = 'partial' WHERE collection = 'bookings'")
    # One that has been read and is forbidden now has rows that nobody keeps up to date.
    con.execute("UPDATE ops.scans SET outcome = 'forbidden' WHERE collection = 'commission_records'")
    con.execute("UPDATE ops.scans SET outcome = 'failed' WHERE collection = 'chat_messages'")
    number, read = told()
    con.execute("ROLLBACK")
    assert (number, read["bookings"], read["chat_messages"]) == (2, ("partial", True), ("failed", True))
    con.execute("BEGIN; DELETE FROM ops.scans")
    number, _ = told()
    con.execute("ROLLBACK")
    assert number is None


def test_the_rows_that_are_out_are_those_of_the_period_and_those_without_a_day(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = rows_of(exclusions.TABLE, con)
    assert [(r["row_id"], r["reason"], r["also"], r["provider_name"]) for r in found] == [
        ("b3", "cancelled", None, "Spa One"),
        ("b4", "cancelled", "no_amount", None),
        ("c2", "duplicate", None, "Spa One"),
        ("q1", "quarantined", None, None),
        ("zone", "no_day", None, "Spa One"),
    ]
    # They are the very lines of the sums.
    sums = [r for r in rows_of(completeness.TABLE, con) if r["part"] in ("out", "out_without_day")]
    assert sum(r["rows"] for r in sums) == len(found)
    assert sum(r["amount_idr"] for r in sums) == sum(r["amount_idr"] or 0 for r in found)


def test_of_one_provider_others_are_counted_and_their_money_is_not_told(
    con: duckdb.DuckDBPyConnection,
) -> None:
    asked = replace(MARCH, provider="p1")
    assert {r["row_id"] for r in rows_of(exclusions.TABLE, con, asked)} == {"b3", "c2", "zone"}
    bookings = [r for r in rows_of(completeness.TABLE, con, asked) if r["collection"] == "bookings"]
    (others,) = [r for r in bookings if r["part"] == "of_other_providers"]
    total = bookings[-1]
    assert (others["rows"], others["amount_idr"], others["unknown_amounts"]) == (3, None, None)
    assert (total["rows"], total["amount_idr"], total["mirror_rows"], total["unaccounted_rows"]) == (
        8,
        None,
        8,
        0,
    )
    assert rows_of(exclusions.TABLE, con, replace(MARCH, provider="o'")) == []


def test_of_nobody_who_is_named_are_the_rows_without_a_provider(con: duckdb.DuckDBPyConnection) -> None:
    asked = replace(MARCH, provider="none")
    assert [r["row_id"] for r in rows_of(exclusions.TABLE, con, asked)] == ["q1"]


def test_an_empty_month_says_that_nothing_is_in_it(con: duckdb.DuckDBPyConnection) -> None:
    asked = replace(MARCH, first=date(2025, 1, 1), until=date(2025, 2, 1))
    assert {r["row_id"] for r in rows_of(exclusions.TABLE, con, asked)} == {"q1", "zone"}
    found = rows_of(completeness.TABLE, con, asked)
    assert next((r["rows"], r["part"]) for r in found if r["collection"] == "bookings") == (0, "in")
    assert {
        r["unaccounted_rows"] for r in found if r["mirror_rows"] is not None and r["part"] == "total"
    } == {0}


def test_many_rows_of_some_days_come_in_order_and_in_batches(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(exclusions.TABLE, con)
    monkeypatch.setattr(rows, "SLICE_ROWS", 1)
    monkeypatch.setattr(rows, "BATCH_ROWS", 1)
    assert rows_of(exclusions.TABLE, con) == before


def test_a_snapshot_of_an_older_version_says_that_nothing_can_be_told() -> None:
    with duckdb.connect() as older:
        assert rows_of(exclusions.TABLE, older) == []
        (row,) = rows_of(completeness.TABLE, older)
    assert "does not account for the rows" in row["meaning"]
    assert row["rows"] is None


def test_what_was_published_accounts_for_every_row_of_its_mirror(publication: Path) -> None:
    """Against the mirror's file itself, asked in SQL of this test's own."""
    home = Home(publication)
    with duckdb.connect(str(home.raw), read_only=True) as raw:
        kept: dict[str, tuple[int, int]] = {}
        named = raw.execute("SELECT DISTINCT collection FROM _columns").fetchall()
        for (collection,) in named:
            (kept[collection],) = raw.execute(
                f"SELECT count(*) + (SELECT count(*) FROM _rejects r WHERE collection = '{collection}' AND NOT EXISTS"
                f" (FROM {collection} t WHERE t._id = r.row_id)), count(_deleted_at) FROM {collection}"
            ).fetchall()
    with open_snapshot(require_snapshot(home)) as snapshot:
        (check,) = CHECKS
        result = check.run(snapshot)
        assert (result.passed, result.found) == (True, ())
        lines = rows_of(completeness.TABLE, snapshot)
        gone = dict(
            snapshot.execute(
                "SELECT collection, count(*) FROM marts.exclusions WHERE 'deleted' IN (reason, also) GROUP BY ALL"
            ).fetchall()
        )
    totals = {r["collection"]: r for r in lines if r["part"] == "total"}
    assert {name: r["mirror_rows"] for name, r in totals.items()} == {
        name: rows for name, (rows, _) in kept.items()
    }
    assert {r["unaccounted_rows"] for r in totals.values()} == {0}
    for name in MONEY_COLLECTIONS:
        parts = [r["rows"] for r in lines if r["collection"] == name and r["part"] != "total"]
        assert sum(parts) == kept[name][0] > 0
        assert gone.get(name, 0) == kept[name][1]


def test_the_figures_say_how_many_rows_are_out_and_that_none_is_unaccounted_for(
    con: duckdb.DuckDBPyConnection,
) -> None:
    figures = figures_of(con, MARCH)
    assert (figures["rows_out"], figures["rows_unaccounted"]) == (3, 0)
    con.execute("BEGIN; DELETE FROM marts.completeness WHERE reason = 'cancelled'")
    assert figures_of(con, MARCH)["rows_unaccounted"] == 2
    con.execute("ROLLBACK")
    con.execute("BEGIN; DROP TABLE marts.completeness")
    older = figures_of(con, MARCH)
    con.execute("ROLLBACK")
    assert (older["rows_out"], older["rows_unaccounted"], older["rows"]) == (None, None, figures["rows"])
