"""What was open as of a date and what was paid: record by record, and to the rupiah what the ledger has, for any
history of any records."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.ageing import AGE_CLASSES, SUM_COLUMNS, age_class, counted_before, days_overdue
from pipelines.exports.month import ageing, ageing_records, payments
from pipelines.exports.month.table import Asked, PackageTable
from tests.marts.test_ledger import DAYS, RECORDS, refill
from tests.marts.warehouse import NOW, Warehouse

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONE = "Asia/Makassar"
MADE = (
    "commission_entries", "commission_ledger", "commission_open", "commission_reconciliation", "commission_summary",
    "unreconciled_records", "unentered_records",
)  # fmt: skip
#: Midnight in Bali (UTC+8) between February and March 2026.
MARCH = datetime(2026, 2, 28, 16)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


@pytest.fixture(scope="module")
def many() -> Warehouse:
    """Bookings of every kind a record may refer to."""
    w = Warehouse()
    w.provider("p1")
    for number in range(3):
        w.booking(
            f"b{number}",
            business_id=f"BK{number}",
            created_at=NOW - timedelta(days=30 * number + 1),
            completed_at=NOW - timedelta(days=30 * number + 1, hours=-2),
        )
    w.booking("both1", business_id="both", status="cancelled")
    w.booking("both2", business_id="both", provider_id="p2")
    w.booking("t1", is_test=True)
    w.booking("gone", deleted_at=NOW)
    w.add("core.quarantined", collection="bookings", row_id="q1", reasons="[]")
    return w


def made(
    w: Warehouse,
    table: PackageTable,
    *,
    first: date = date(2026, 3, 1),
    until: date = date(2026, 4, 1),
    as_of: datetime | None = None,
    provider: str | None = None,
) -> pl.DataFrame:
    """The table's rows as the package asks for them; ``as_of``: default the instant the snapshot was judged at."""
    w.stand(*MADE)
    asked = Asked(first, until, provider, w.now if as_of is None else as_of, ZONE)
    # (w.con would have the marts made anew.)
    frames = list(table.rows(w._con, asked))  # pyright: ignore[reportPrivateUsage]
    assert all(frame.columns == table.names for frame in frames)
    return pl.concat(frames) if frames else pl.DataFrame(schema=table.names)


def records(w: Warehouse, **asked: Any) -> dict[str, dict[str, Any]]:
    rows = made(w, ageing.TABLE, **asked).filter(pl.col("line") == "record")
    return {row["commission_id"]: row for row in rows.to_dicts()}


PAST: Final = (
    (-HOUR, "not_due", None),
    (timedelta(0), "not_due", None),
    (timedelta(microseconds=1), "0-3 h", 0),
    (3 * HOUR, "3-24 h", 0),
    (24 * HOUR, "1-7 d", 1),
    (8 * DAY - timedelta(microseconds=1), "1-7 d", 7),
    (8 * DAY, "8-30 d", 8),
    (31 * DAY, "31-60 d", 31),
    (61 * DAY, "61-90 d", 61),
    (91 * DAY - timedelta(microseconds=1), "61-90 d", 90),
    (91 * DAY, "over 90 d", 91),
)


def test_a_record_is_as_old_as_its_deadline_is_past(w: Warehouse) -> None:
    for number, (past, _, _) in enumerate(PAST):
        end = NOW - past - 3 * HOUR
        w.booking(f"b{number}", created_at=end - DAY, completed_at=end)
        w.commission(f"c{number}", f"b{number}", status="pending", created_at=end - DAY)
    found = records(w)
    for number, (past, age, days) in enumerate(PAST):
        row = found[f"c{number}"]
        assert (row["standing"], row["age"], row["days_overdue"]) == ("unpaid", age, days)
        assert (age_class(past).word, days_overdue(past)) == (age, days)


def test_what_statements_sum_up_is_what_ageing_says(w: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ageing_records, "PART_ROWS", 3)
    for number, (past, _, _) in enumerate(PAST):
        end = NOW - past - 3 * HOUR
        w.booking(f"b{number}", created_at=end - DAY, completed_at=end)
        w.commission(f"c{number}", f"b{number}", status="pending", created_at=end - DAY)
    w.commission("c_orphan", "ghost", status="pending")
    found = records(w)
    con = w._con  # pyright: ignore[reportPrivateUsage] - as above
    asked = Asked(date(2026, 3, 1), date(2026, 4, 1), None, NOW, ZONE)
    ageing_records.put_judged(con, asked, asked.until)
    judged = {row["commission_id"]: row for row in w.rows("FROM temp.open_judged")}
    assert set(judged) == set(found)
    for name, row in judged.items():
        assert (row["standing"], row["open_idr"]) == (found[name]["standing"], found[name]["open_idr"])
        assert row["is_late"] == (found[name]["days_overdue"] is not None)


def test_a_record_paid_since_was_open_then(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 3 * DAY, completed_at=MARCH - 2 * DAY)
    w.commission(created_at=MARCH - 3 * DAY, paid_at=MARCH + HOUR)
    (row,) = records(w, as_of=MARCH).values()
    assert (row["standing"], row["age"], row["days_overdue"]) == ("unpaid", "1-7 d", 1)
    assert records(w, as_of=MARCH + DAY) == {}


#: Status now and proof of a record that was due 45 hours before, and what it was then.
PROOFS: Final = (
    ("awaiting_verification", MARCH - 47 * HOUR, ("awaiting_verification", "not_due", None)),
    ("awaiting_verification", MARCH - HOUR, ("awaiting_verification", "1-7 d", 1)),
    ("awaiting_verification", MARCH + HOUR, ("unpaid", "1-7 d", 1)),
    ("awaiting_verification", None, ("awaiting_verification", "1-7 d", 1)),
    ("paid", MARCH - HOUR, ("awaiting_verification", "1-7 d", 1)),
    ("paid", MARCH + HOUR, ("unpaid", "1-7 d", 1)),
    ("rejected", MARCH - HOUR, ("unpaid", "1-7 d", 1)),
    ("unknown", MARCH - HOUR, ("unknown", "unknown", None)),
)


def test_what_awaits_verification_stands_apart(w: Warehouse) -> None:
    for number, (status, proof, _) in enumerate(PROOFS):
        w.booking(f"b{number}", created_at=MARCH - 3 * DAY, completed_at=MARCH - 2 * DAY)
        paid = MARCH + 2 * HOUR if status == "paid" else None
        w.commission(
            f"c{number}",
            f"b{number}",
            status=status,
            created_at=MARCH - 3 * DAY,
            proof_at=proof,
            paid_at=paid,
        )
    found = records(w, as_of=MARCH)
    for number, (_, _, (standing, age, days)) in enumerate(PROOFS):
        row = found[f"c{number}"]
        assert (row["standing"], row["age"], row["days_overdue"]) == (standing, age, days)
        apart = standing == "awaiting_verification"
        assert (row["awaiting_verification_idr"] == 75_000) == apart
        assert sum(row[one.column] or 0 for one in AGE_CLASSES) == (0 if apart else 75_000)


def test_what_is_not_owed_is_never_late(w: Warehouse) -> None:
    w.booking("ended", status="cancelled", created_at=MARCH - 9 * DAY)
    w.booking("paid", created_at=MARCH - 9 * DAY, completed_at=MARCH - 8 * DAY)
    w.booking("free", created_at=MARCH - 9 * DAY, amount_idr=0, amount_rule="free")
    w.commission("orphan", "ghost", status="pending", created_at=MARCH - 9 * DAY)
    w.commission("not_due", "ended", status="pending", created_at=MARCH - 9 * DAY)
    w.commission("of_free", "free", status="pending", created_at=MARCH - 9 * DAY)
    w.commission("own", "paid", created_at=MARCH - 9 * DAY, paid_at=MARCH - 8 * DAY)
    w.commission("further", "paid", status="pending", created_at=MARCH - 8 * DAY)
    # taken back since, or gone: beside a record that is paid it asked for nothing as long as it stood
    w.commission("was", "paid", status="cancelled", is_live=False, created_at=MARCH - 8 * DAY, updated_at=NOW)
    w.commission("gone", "paid", status="pending", created_at=MARCH - 8 * DAY, deleted_at=NOW)
    # nor does a further one of a booking nobody accepted yet, which was paid for
    w.booking("early", status="pending", created_at=MARCH - 9 * DAY)
    w.commission("own of early", "early", created_at=MARCH - 9 * DAY, paid_at=MARCH - 8 * DAY)
    w.commission("more of early", "early", status="pending", created_at=MARCH - 8 * DAY)
    found = records(w, as_of=MARCH)
    assert {row["standing"] for row in found.values()} == {"not_owed"}
    assert set(found) == {"orphan", "not_due", "of_free", "further", "was", "gone", "more of early"}
    assert {row["days_overdue"] for row in found.values()} == {None}


def test_what_was_taken_back_since_was_owed_where_nothing_else_was_paid(w: Warehouse) -> None:
    for name, more in (
        ("cancelled", {"status": "cancelled", "is_live": False}),
        ("gone", {"deleted_at": NOW}),
    ):
        w.booking(name, created_at=MARCH - 9 * DAY, completed_at=MARCH - 8 * DAY)
        w.commission(
            name, name, **{"status": "pending", "created_at": MARCH - 9 * DAY, "updated_at": NOW, **more}
        )
        w.commission(f"unpaid {name}", name, status="pending", created_at=MARCH - 8 * DAY)
    found = records(w, as_of=MARCH)
    assert {(row["standing"], row["age"]) for row in found.values()} == {("unpaid", "1-7 d")}
    assert len(found) == 4


def test_money_that_came_early_or_went_back_is_no_debt(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 5 * DAY, accepted_at=MARCH + DAY)
    w.commission("early", created_at=MARCH - 5 * DAY, paid_at=MARCH - DAY)
    w.commission("back", "b1", commission_idr=-30_000, created_at=MARCH - DAY, paid_at=MARCH - DAY)
    found = records(w, as_of=MARCH)
    assert (found["early"]["standing"], found["early"]["credit_idr"]) == ("credit", -75_000)
    assert (found["back"]["standing"], found["back"]["refund_idr"]) == ("refund", 30_000)
    assert made(w, ageing.TABLE, as_of=MARCH)["open_idr"].to_list() == [30_000, -75_000, -45_000, -45_000]


def test_an_unknown_amount_is_listed_and_no_zero(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 3 * DAY, completed_at=MARCH - 2 * DAY)
    w.booking("b2", created_at=MARCH - 3 * DAY, completed_at=MARCH - 2 * DAY)
    w.commission(status="overdue", commission_idr=None, created_at=MARCH - 3 * DAY)
    w.commission("c2", "b2", commission_idr=None, created_at=MARCH - 3 * DAY, paid_at=MARCH - DAY)
    (row,) = records(w, as_of=MARCH).values()
    assert (row["commission_id"], row["commission_idr"], row["age"]) == ("c1", None, "1-7 d")
    rows = made(w, ageing.TABLE, as_of=MARCH).filter(pl.col("line") == "total")
    assert rows["unknown_amount_records"].to_list() == [1, 1]
    february: dict[str, Any] = {"first": date(2026, 2, 1), "until": date(2026, 3, 1)}
    (paid,) = made(w, payments.TABLE, **february).to_dicts()
    assert (paid["commission_id"], paid["commission_idr"], paid["total_idr"]) == ("c2", None, None)


def test_without_anything_open_the_sum_of_all_is_zero(w: Warehouse) -> None:
    (row,) = made(w, ageing.TABLE).to_dicts()
    assert (row["line"], row["provider_id"], row["records"], row["open_idr"]) == ("total", None, 0, 0)
    assert made(w, payments.TABLE).height == 0


@pytest.mark.parametrize(
    ("as_of", "judged_at", "before"),
    [
        (MARCH, NOW, date(2026, 3, 1)),
        (MARCH + HOUR, NOW, date(2026, 3, 2)),
        (MARCH + HOUR, MARCH + HOUR, date(2026, 4, 1)),  # a month that is not over: all of it that is known
        (MARCH + 31 * DAY, MARCH + 31 * DAY, date(2026, 4, 1)),
        (MARCH + 33 * DAY, MARCH + 33 * DAY, date.max),
        (MARCH, None, date(2026, 3, 1)),
    ],
)
def test_which_days_count_as_of_an_instant(as_of: datetime, judged_at: datetime | None, before: date) -> None:
    assert counted_before(as_of, judged_at, date(2026, 4, 1), ZONE) == before


def sums(w: Warehouse, query: str) -> dict[str, int]:
    """Provider → rupiah, without those of none."""
    return {row["provider_id"]: int(row["idr"]) for row in w.rows(query) if row["idr"]}


PROVEN = RECORDS.flatmap(
    lambda found: st.tuples(
        st.just(found), st.lists(DAYS | st.none(), min_size=len(found), max_size=len(found))
    )
)


@settings(max_examples=12, deadline=None)
@given(PROVEN)
def test_what_is_open_is_the_ledgers_closing_of_each_provider_as_of_any_day(
    many: Warehouse, found: tuple[list[dict[str, Any]], list[datetime | None]]
) -> None:
    refill(many, [row | {"proof_at": proof} for row, proof in zip(*found, strict=True)])
    months = [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)]
    for first, until in pairwise(months):
        midnight = datetime(until.year, until.month, until.day) - 8 * HOUR
        rows = made(many, ageing.TABLE, first=first, until=until, as_of=min(midnight, NOW))
        single = rows.filter(pl.col("line") == "record")
        total = rows.filter(pl.col("line") == "total")
        closing = sums(
            many,
            "SELECT provider_id, closing_idr AS idr FROM marts.commission_ledger"
            f" WHERE local_month = DATE '{first}'",
        )
        by_provider: Counter[str] = Counter()
        for row in single.to_dicts():
            by_provider[row["provider_id"]] += row["open_idr"]
        assert {name: idr for name, idr in by_provider.items() if idr} == closing
        assert {
            row["provider_id"]: row["open_idr"]
            for row in total.to_dicts()
            if row["provider_id"] and row["open_idr"]
        } == closing
        assert total["open_idr"][-1] == sum(closing.values())
        buckets = pl.sum_horizontal(pl.col(name).fill_null(0) for name in SUM_COLUMNS)
        assert rows.filter(buckets != pl.col("open_idr")).height == 0
        assert single.filter(pl.col("commission_idr") == 0, pl.col("fee_idr") == 0).height == 0
        trail = made(many, payments.TABLE, first=first, until=until)
        paid = sums(
            many,
            f"SELECT provider_id, paid_idr AS idr FROM marts.commission_ledger WHERE local_month = DATE '{first}'",
        )
        moved: Counter[str] = Counter()
        for row in trail.to_dicts():
            moved[row["provider_id"]] += row["total_idr"] or 0
            assert row["day_rule"] is not None
        assert {name: idr for name, idr in moved.items() if idr} == paid
    # As of now it is what commission_open says, made another way.
    now = made(many, ageing.TABLE).filter(
        pl.col("line") == "record", ~pl.col("standing").is_in(["refund", "credit"])
    )
    listed = {
        row["commission_id"]: row
        for row in many.rows("FROM marts.commission_open WHERE local_date IS NOT NULL")
        if row["owed_idr"] is None or row["owed_idr"] or row["fee_idr"]
    }
    for row in now.to_dicts():
        same = listed.pop(row["commission_id"])
        assert row["open_idr"] == (same["owed_idr"] or 0) + same["fee_idr"]
        if row["standing"] in ("unpaid", "awaiting_verification"):
            assert (row["days_overdue"] is not None) == same["is_overdue"]
    assert all(row["owed_idr"] is None or row["owed_idr"] + row["fee_idr"] <= 0 for row in listed.values())


def test_each_payment_says_what_told_its_day_and_what_proves_it(w: Warehouse) -> None:
    for number in range(7):
        w.booking(f"b{number}", created_at=MARCH - DAY)
    proven = {"proof_kind": "link", "proof_key": "hash_" + "a" * 32, "verified_by": "admin_7"}
    said: dict[str, dict[str, Any]] = {
        "paid": {
            "paid_at": MARCH,
            "verified_at": MARCH + DAY,
            "paid_rule": "paidAt",
            "due_idr": 75_000,
            **proven,
        },
        "verified": {"verified_at": MARCH + DAY, "paid_rule": "verifiedAt"},
        "neither": {"created_at": MARCH + 2 * DAY},
        "late": {"paid_at": MARCH, "paid_rule": "paidAt", "fee_idr": 25_000, "due_idr": 100},
        "ended": {
            "paid_rule": "paidAt",
            "paid_at": MARCH,
            "updated_at": MARCH + 3 * DAY,
            "status": "cancelled",
            "is_live": False,
        },
        "gone": {"paid_rule": "paidAt", "paid_at": MARCH, "deleted_at": MARCH + 4 * DAY},
        # taken back before it was paid, by what it says
        "before": {
            "paid_rule": "paidAt",
            "paid_at": MARCH + 5 * DAY,
            "updated_at": MARCH,
            "status": "cancelled",
            "is_live": False,
        },
    }
    for number, (name, values) in enumerate(said.items()):
        w.commission(name, f"b{number}", **{"created_at": MARCH - DAY} | values)
    w.commission("back", "b0", commission_idr=-30_000, created_at=MARCH, paid_at=MARCH, paid_rule="paidAt")
    rows = made(w, payments.TABLE).to_dicts()
    found = {(row["kind"], row["commission_id"]): row for row in rows}
    assert len(found) == len(rows)
    assert {
        key: (row["local_date"].day, row["day_rule"], row["total_idr"]) for key, row in found.items()
    } == {
        ("payment", "paid"): (1, "paidAt", 75_000),
        ("payment", "verified"): (2, "verifiedAt", 75_000),
        ("payment", "neither"): (3, "creation", 75_000),
        ("payment", "late"): (1, "paidAt", 100_000),
        ("payment", "ended"): (1, "paidAt", 75_000),
        ("payment", "gone"): (1, "paidAt", 75_000),
        ("payment", "before"): (6, "paidAt", 75_000),
        ("refund", "ended"): (4, "$updatedAt", -75_000),
        ("refund", "gone"): (5, "found_gone", -75_000),
        ("refund", "before"): (6, "not_before", -75_000),
        ("refund", "back"): (1, "paidAt", -30_000),
    }
    paid = found["payment", "paid"]
    assert {name: paid[name] for name in proven} == proven
    assert (paid["paid_at_local"], paid["verified_at_utc"]) == (
        "2026-03-01T00:00:00.000000+08:00",
        "2026-03-01T16:00:00.000000Z",
    )
    assert paid["total_due_idr"] == 75_000
    # A due in thousands is read as what was paid: the fee and the commission.
    assert found["payment", "late"]["total_due_idr"] == 100_000


def test_a_snapshot_of_before_says_what_it_does_not_hold(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 3 * DAY, completed_at=MARCH - 2 * DAY)
    w.booking("b2", created_at=MARCH - 3 * DAY, completed_at=MARCH - 2 * DAY)
    w.commission(created_at=MARCH - 3 * DAY, paid_at=MARCH)
    w.commission("c2", "b2", status="cancelled", is_live=False, created_at=MARCH - 3 * DAY, updated_at=NOW)
    w.stand(*MADE)
    con = w._con  # pyright: ignore[reportPrivateUsage] - as above
    for column in ("paid_rule", "verified_by", "proof_kind", "proof_key"):
        con.execute(f"ALTER TABLE core.commissions DROP COLUMN {column}")
    con.execute("DROP TABLE marts.unreconciled_records; DROP TABLE marts.unentered_records")
    (paid,) = made(w, payments.TABLE).to_dicts()
    assert (paid["day_rule"], paid["verified_by"], paid["proof_kind"], paid["proof_key"]) == (
        "paidAt",
        *["not_in_this_snapshot"] * 3,
    )
    # Of a record that does not stand any more only the mart that is not there says what it was.
    found = records(w, as_of=MARCH)
    assert {name: (row["standing"], row["open_idr"]) for name, row in found.items()} == {
        "c1": ("unpaid", 75_000),
        "c2": ("unknown", 75_000),
    }


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_sums_do_not_depend_on_where_a_batch_ends(rows: int) -> None:
    columns = ageing.TABLE.names
    found = [("p1", 5), ("p1", 6), ("p2", 1), ("p3", 2), ("p3", 3), ("p3", 4)]
    sums = [name for name in columns if name.endswith(("_idr", "records"))]
    frame = pl.DataFrame(
        [
            dict.fromkeys(columns)
            | dict.fromkeys(sums, 0)
            | {"line": "record", "provider_id": provider, "open_idr": idr, "records": 1}
            for provider, idr in found
        ],
        schema={name: pl.Int64 if name in sums else pl.String for name in columns},
    )
    batches = [frame[start : start + rows] for start in range(0, frame.height, rows)]
    whole = pl.concat([one.select("line", "provider_id", "open_idr") for one in ageing.with_totals(batches)])
    assert whole.rows() == [
        ("record", "p1", 5),
        ("record", "p1", 6),
        ("total", "p1", 11),
        ("record", "p2", 1),
        ("total", "p2", 1),
        ("record", "p3", 2),
        ("record", "p3", 3),
        ("record", "p3", 4),
        ("total", "p3", 9),
        ("total", None, 21),
    ]
