"""Every row of the mirror is in the figures of a month or out of them for one reason, and a row that is lost or told
twice is seen."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from checks.completeness import CHECKS
from marketplace.exclusions import ACCOUNTED, BY_BOOKING_STATUS, EXCLUSIONS
from marketplace.statuses import BOOKING_STATUSES
from messages.catalogue import LANGUAGES, say
from messages.rules import exclusion
from tests.marts.test_behind import _world
from tests.marts.warehouse import NOW, Warehouse

MARTS = ("completeness", "revenue_daily", "commission_entries", "commission_findings")
(ACCOUNTED_FOR,) = CHECKS
IN_MIRROR = """
INSERT INTO ops.mirror_rows (collection, rows, deleted, quarantined, forgotten)
SELECT collection, count(*), 0, 0, 0 FROM (
    SELECT origin AS collection FROM core.bookings UNION ALL SELECT 'commission_records' FROM core.commissions
    UNION ALL SELECT collection FROM core.quarantined UNION ALL SELECT collection FROM ops.quarantine_gone
    UNION ALL SELECT 'chat_messages' FROM core.messages UNION ALL SELECT 'chat_rooms' FROM core.chat_rooms
    UNION ALL SELECT 'notifications' FROM core.notifications UNION ALL SELECT 'reviews' FROM core.reviews
    UNION ALL SELECT 'booking_offers' FROM core.booking_offers
    UNION ALL SELECT if(provider_type = 'place', 'places', 'therapists') FROM core.providers
) GROUP BY collection
"""


def mirrored(w: Warehouse) -> None:
    """Let the mirror have the rows that core was made from."""
    w.con.execute(f"DELETE FROM ops.mirror_rows; {IN_MIRROR}")


def excluded(w: Warehouse) -> dict[str, tuple[str, str | None]]:
    """Row → (reason, the others), after a build."""
    mirrored(w)
    w.build(MARTS)
    assert ACCOUNTED_FOR.run(w.con).passed
    return {row["row_id"]: (row["reason"], row["also"]) for row in w.rows("FROM marts.exclusions")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_reason_is_said(language: str) -> None:
    assert len({say(exclusion(reason), language) for reason in ACCOUNTED}) == len(ACCOUNTED)


def test_every_way_in_which_a_booking_is_out() -> None:
    w = Warehouse()
    w.booking("earns")
    w.booking("free", amount_idr=0)
    expected: dict[str, tuple[str, str | None]] = {}
    for status in BOOKING_STATUSES:
        if status in BY_BOOKING_STATUS:
            w.booking(status, status=status)
            expected[status] = (BY_BOOKING_STATUS[status], None)
    w.booking("test", is_test=True, deleted_at=NOW, amount_idr=None)
    w.booking("dollars", amount_idr=None)
    w.booking("dear", amount_idr=None, origin="hotel_bookings")
    w.booking("blank", amount_idr=None, status="cancelled")
    w.booking("zone", utc_offset_minutes=None)
    for finding, row, collection in (
        ("amount_currency", "dollars", "bookings"),
        ("amount_implausible", "dollars", "bookings"),
        ("amount_implausible", "dear", "hotel_bookings"),
        # Of the other collection's row of that id it says nothing.
        ("amount_currency", "blank", "hotel_bookings"),
    ):
        w.add(
            "core.data_findings",
            finding=finding,
            collection=collection,
            row_id=row,
            attribute="x",
            detail="x",
        )
    w.add("core.quarantined", collection="bookings", row_id="$sequence:7", reasons='["id_missing"]')
    w.add("core.quarantined", collection="users", row_id="u1", reasons='["creation_unreadable"]')
    w.add("ops.quarantine_gone", collection="bookings", row_id="rejected", deleted_at=NOW)
    assert excluded(w) == expected | {
        "test": ("deleted", "test, no_amount"),
        "dollars": ("other_currency", None),
        "dear": ("not_believed", None),
        "blank": ("cancelled", "no_amount"),
        "zone": ("no_day", None),
        "$sequence:7": ("quarantined", None),
        "u1": ("quarantined", None),
        "rejected": ("quarantined", "deleted"),
    }


def test_every_way_in_which_a_record_is_out_and_whether_the_ledger_has_it() -> None:
    w = Warehouse()
    for number in range(1, 4):
        w.booking(f"b{number}")
    w.booking("tried", is_test=True)
    w.booking("ended", status="cancelled")
    w.commission("own", "b1")
    w.commission("further", "b1", status="pending")
    w.commission("not due", "ended")
    w.commission("orphan", "nowhere", commission_idr=1)
    w.commission("cancelled", "b2", status="cancelled", is_live=False)
    w.commission("refunded", "b2", status="reversed", is_live=False)
    w.commission("gone", "b2", deleted_at=NOW, status="cancelled", is_live=False)
    w.commission("back", "b1", commission_idr=-75_000)
    w.commission("to come", "b1", commission_idr=-75_000, status="pending")
    w.commission("given", "b1", commission_idr=-5_000, status="reversed", is_live=False)
    w.commission("of a test", "tried", commission_idr=None)
    w.commission("a test", "b2", is_test=True)
    w.commission("dear", "b3", commission_idr=None, is_implausible=True)
    w.commission("none", "nowhere", commission_idr=None, fee_idr=25_000, fee_state="present")
    w.commission("zone", "nowhere", utc_offset_minutes=None)
    assert excluded(w) == {
        "further": ("duplicate", None),
        "cancelled": ("cancelled", None),
        "refunded": ("reversed", None),
        "gone": ("deleted", "cancelled"),
        "back": ("refund", None),
        "to come": ("refund", None),
        "given": ("refund", "reversed"),
        "of a test": ("test", "no_amount"),
        "a test": ("test", None),
        "dear": ("not_believed", None),
        "none": ("no_amount", None),
        "zone": ("no_day", None),
        "tried": ("test", None),
        "ended": ("cancelled", None),
    }
    # An orphan and one that is not due are no exclusions: what they charge is in the figures.
    (own,) = w.rows("FROM marts.completeness WHERE collection = 'commission_records' AND reason = 'in'")
    assert (own["rows"], own["amount_idr"]) == (3, 150_001)


@pytest.fixture(scope="module")
def worlds() -> list[duckdb.DuckDBPyConnection]:
    made = [_world(seed) for seed in (4, 5)]
    for con in made:
        con.execute(IN_MIRROR)
    return made


def test_in_worlds_of_chance_every_row_is_told_once_and_the_sums_are_those_of_figures_and_ledger(
    worlds: list[duckdb.DuckDBPyConnection],
) -> None:
    reasons: set[str] = set()
    for con in worlds:
        result = ACCOUNTED_FOR.run(con)
        assert (result.passed, result.found) == (True, ())
        reasons |= {reason for (reason,) in con.sql("SELECT reason FROM marts.exclusions").fetchall()}
        # The ledger has lines of those it is said to have lines of, and of every record that is in the figures.
        (apart,) = con.sql(
            """
            SELECT count(*) FROM (SELECT DISTINCT commission_id FROM marts.commission_entries) e FULL JOIN (
                SELECT row_id FROM marts.exclusions WHERE in_ledger UNION ALL
                SELECT commission_id FROM marts.commission_reconciliation
                WHERE commission_id IS NOT NULL AND actual_idr >= 0 AND local_date IS NOT NULL
            ) t ON t.row_id = e.commission_id
            LEFT JOIN core.commissions c ON c.commission_id = e.commission_id
            WHERE t.row_id IS NULL AND c.commission_idr >= 0 OR e.commission_id IS NULL
            """
        ).fetchall()
        assert apart == (0,)
    assert reasons >= set(EXCLUSIONS) - {"quarantined", "other_currency", "not_believed", "no_figure"}


PLANTED = {
    "a row core lost": "DELETE FROM marts.exclusions WHERE rowid = 0",
    "a row told twice": "INSERT INTO marts.exclusions FROM marts.exclusions LIMIT 1",
    "a row that is in and out": """INSERT INTO marts.exclusions BY NAME
        SELECT origin AS collection, booking_id AS row_id, 'test' AS reason FROM marts.commission_reconciliation
        WHERE booking_status = 'completed' AND booking_amount_idr > 0 AND local_date IS NOT NULL LIMIT 1""",
    "a record that is in and out": """INSERT INTO marts.exclusions BY NAME
        SELECT 'commission_records' AS collection, commission_id AS row_id, 'test' AS reason
        FROM marts.commission_reconciliation WHERE actual_idr > 0 AND commission_id IS NOT NULL
        AND local_date IS NOT NULL LIMIT 1""",
    "a double beside a loss": """UPDATE marts.exclusions SET row_id = (
        SELECT booking_id FROM marts.commission_reconciliation WHERE booking_status = 'completed'
        AND booking_amount_idr > 0 AND local_date IS NOT NULL AND origin = 'bookings' ORDER BY 1 LIMIT 1)
        WHERE row_id = (SELECT min(row_id) FROM marts.exclusions WHERE collection = 'bookings')""",
    "a row more in the mirror": "UPDATE ops.mirror_rows SET rows = rows + 1 WHERE collection = 'reviews'",
    "a reason that sums up less": """UPDATE marts.completeness SET amount_idr = amount_idr - 1
        WHERE reason = 'cancelled'""",
    "an amount in the figures that is not booked": """UPDATE marts.completeness SET amount_idr = amount_idr + 1
        WHERE reason = 'in' AND collection = 'bookings'""",
    "a charge of the ledger that is told by nobody": """UPDATE marts.exclusions SET in_ledger = false
        WHERE reason = 'duplicate' AND in_ledger""",
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_lost_or_counted_twice_is_seen(worlds: list[duckdb.DuckDBPyConnection], what: str) -> None:
    con = worlds[0]
    con.execute("BEGIN")
    con.execute(PLANTED[what])
    result = ACCOUNTED_FOR.run(con)
    con.execute("ROLLBACK")
    assert not result.passed
    assert result.found


def test_what_the_mirror_did_not_count_is_said_and_not_taken_for_fine() -> None:
    w = Warehouse()
    w.booking("b1")
    w.build(MARTS)
    result = ACCOUNTED_FOR.run(w.con)
    assert (result.passed, result.broken_rules) == (
        True,
        ("rows of bookings were not counted in the mirror",),
    )


def test_of_nothing_there_is_a_line_for_each_collection_that_a_month_is_made_of() -> None:
    w = Warehouse()
    w.build(MARTS)
    lines: list[Any] = [(r["collection"], r["reason"], r["rows"]) for r in w.rows("FROM marts.completeness")]
    assert sorted(lines) == [
        ("bookings", "in", 0),
        ("commission_records", "in", 0),
        ("hotel_bookings", "in", 0),
    ]
