"""Figures by day, source and hour: what counts, in which local day, and how it is rounded."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.every import registry_of
from marketplace.codes import LONGEST_PUBLISHED
from marketplace.difference import AGGREGATES, Difference
from tests.marts.warehouse import NOW, Warehouse
from tests.oracles import tracking_rate, whole_state

MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
#: Midnight in Bali (UTC+8) between 9 and 10 March 2026.
MIDNIGHT = datetime(2026, 3, 9, 16)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def made(w: Warehouse, mart: str, order: str = "ALL", **options: Any) -> list[dict[str, Any]]:
    w.build([mart], **options)
    return w.rows(f"FROM marts.{mart} ORDER BY {order}")


def test_summary_counts_earning_bookings_and_sums_all_rows(w: Warehouse) -> None:
    w.booking("matched")
    w.commission("c1", "matched")
    w.booking("mismatched")
    w.commission("c2", "mismatched", commission_idr=1_000)
    w.booking("missing")
    w.booking("awaiting", created_at=NOW - MIN)
    w.booking("unknown", amount_idr=None)
    w.commission("c3", "unknown")
    w.booking("cancelled", status="cancelled")
    w.commission("c4", "cancelled")
    w.commission("c5", "ghost")
    (row,) = made(w, "commission_summary")
    assert {k: row[k] for k in ("eligible", "tracked", "missing", "awaiting", "unknown")} == {
        "eligible": 5,
        "tracked": 2,
        "missing": 1,
        "awaiting": 1,
        "unknown": 1,
    }
    assert row["tracking_rate"] == pytest.approx(2 / 3)
    assert row["state"] == "warning"
    assert row["expected_idr"] == 4 * 75_000
    assert row["actual_idr"] == 75_000 + 1_000 + 3 * 75_000
    # Not expected - actual: nothing is known of what the booking of unknown amount owes.
    assert row["variance_idr"] == (1_000 - 75_000) + 2 * -75_000 + 2 * 75_000
    assert (row["unknown_rows"], row["unknown_expected_idr"], row["unknown_actual_idr"]) == (1, 0, 75_000)
    assert row["as_of"] == NOW


def test_the_difference_is_the_same_wherever_it_is_summed(w: Warehouse) -> None:
    w.booking("b1")
    w.commission("c1", "b1", commission_idr=90_000)
    w.booking("b2", amount_idr=None)
    w.commission("c2", "b2")
    w.booking("b3")
    w.commission("c3", "b3", commission_idr=None)
    w.booking("b4", status="pending")
    w.commission("c4", "b4", commission_idr=30_000)
    (row,) = made(w, "commission_summary")
    sums = ", ".join(f"{sql} AS {name}" for name, sql in AGGREGATES.items())
    (summed,) = w.rows(f"SELECT {sums} FROM marts.commission_reconciliation")
    rows = w.rows("SELECT expected_idr, actual_idr FROM marts.commission_reconciliation")
    difference = Difference.of((r["expected_idr"], r["actual_idr"]) for r in rows)
    assert (
        difference
        == Difference.read(row)
        == Difference.read(summed)
        == Difference(15_000, 3, 75_000, 105_000)
    )
    assert difference.columns() == summed
    assert Difference.read({"variance_idr": 1}) is None
    assert str(Difference(5_000)) == "Difference +Rp 5.000"
    assert str(Difference(0, 1)) == "Difference Rp 0; not in it: 1 row of which one side is unknown"
    assert str(difference) == (
        "Difference +Rp 15.000; not in it: 3 rows of which one side is unknown"
        " (Rp 75.000 expected, Rp 105.000 recorded)"
    )


@pytest.mark.parametrize("tracked", [0, 1, 3])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_the_whole_is_perfect_warning_or_critical(w: Warehouse, missing: int, tracked: int) -> None:
    for number in range(missing + tracked):
        w.booking(f"b{number}")
    for number in range(tracked):
        w.commission(f"c{number}", f"b{number}")
    (row,) = made(w, "commission_summary")
    assert (row["state"], row["missing"], row["tracked"], row["tracking_rate"]) == (
        whole_state(missing),
        missing,
        tracked,
        tracking_rate(tracked, missing),
    )


@pytest.mark.parametrize("collection", ["bookings", "hotel_bookings"])
def test_the_whole_is_unknown_until_bookings_were_read_once(w: Warehouse, collection: str) -> None:
    w.begun(collection)
    w.booking("tracked", origin="hotel_bookings")
    w.commission("c1", "tracked")
    (row,) = made(w, "commission_summary")
    assert (row["state"], row["tracked"], row["tracking_rate"]) == ("unknown", 1, None)
    w.scan(collection)
    (row,) = made(w, "commission_summary")
    assert (row["state"], row["tracking_rate"]) == ("perfect", 1.0)


def test_a_missing_commission_is_told_before_all_bookings_were_read(w: Warehouse) -> None:
    w.begun("bookings")
    w.booking("b")
    (row,) = made(w, "commission_summary")
    assert (row["state"], row["missing"], row["tracking_rate"]) == ("warning", 1, 0.0)


def test_hotel_bookings_that_are_not_there_leave_the_whole_known(w: Warehouse) -> None:
    w.add("ops.scans", collection="hotel_bookings", outcome="missing", required=False)
    (row,) = made(w, "commission_summary")
    assert (row["state"], row["tracking_rate"]) == ("perfect", 1.0)


def test_local_days_are_half_open(w: Warehouse) -> None:
    w.booking("before", created_at=MIDNIGHT - timedelta(microseconds=1))
    w.booking("at", created_at=MIDNIGHT)
    w.booking("jakarta", created_at=MIDNIGHT, utc_offset_minutes=420)
    days = {r["local_date"]: r["bookings"] for r in made(w, "revenue_daily")}
    assert days == {date(2026, 3, 9): 2, date(2026, 3, 10): 1}
    assert {r["booking_id"]: r["local_date"] for r in w.reconciled()} == {
        "before": date(2026, 3, 9),
        "jakarta": date(2026, 3, 9),
        "at": date(2026, 3, 10),
    }


def test_what_has_no_local_day_is_on_no_day_and_breaks_no_mart(w: Warehouse) -> None:
    w.booking(
        "b1", utc_offset_minutes=None, created_at=NOW - HOUR, responded_at=NOW - HOUR, starts_at=NOW - HOUR
    )
    w.booking("b2", utc_offset_minutes=None, created_at=NOW - HOUR, status="declined", decline_reason="busy")
    w.commission("c1", "b1", utc_offset_minutes=None)
    w.commission("c2", "ghost", utc_offset_minutes=None, paid_at=NOW)
    w.provider(utc_offset_minutes=None)
    w.build()
    for mart in (
        "revenue_daily",
        "revenue_by_source",
        "source_conversion",
        "service_mix",
        "response_times",
        "decline_reasons",
        "peak_hours",
        "month_figures",
        "commission_ledger",
        "commission_entries",
    ):
        assert w.rows(f"FROM marts.{mart}") == [], mart
    states = {
        r["booking_id"]: (r["state"], r["local_date"]) for r in w.rows("FROM marts.commission_reconciliation")
    }
    assert states == {"b1": ("matched", None), None: ("orphan", None)}
    (summary,) = w.rows("FROM marts.commission_summary")
    assert (summary["tracked"], summary["actual_idr"]) == (1, 150_000)
    undated = {r["collection"]: (r["rows"], r["collected_idr"]) for r in w.rows("FROM marts.undated_rows")}
    assert undated == {"bookings": (2, 0), "hotel_bookings": (0, 0), "commission_records": (2, 150_000)}
    for check in registry_of({}).values():
        if check.name.startswith("marts_"):
            assert check.run(w.con).passed, check.name


def test_a_reconciled_row_accrues_on_its_acceptance_a_revenue_row_on_its_creation(w: Warehouse) -> None:
    w.booking(created_at=MIDNIGHT - HOUR, accepted_at=MIDNIGHT + HOUR)
    assert w.reconciled()[0]["local_date"] == date(2026, 3, 10)
    assert made(w, "revenue_daily")[0]["local_date"] == date(2026, 3, 9)


def test_an_orphan_accrues_on_its_own_creation(w: Warehouse) -> None:
    w.commission("c1", "ghost", created_at=MIDNIGHT)
    assert w.reconciled()[0]["local_date"] == date(2026, 3, 10)


def test_booked_completed_and_collected_stand_apart(w: Warehouse) -> None:
    for status, amount in (("accepted", 1), ("confirmed", 10), ("completed", 100), ("pending", 1000)):
        w.booking(status, status=status, amount_idr=amount, created_at=MIDNIGHT)
    w.booking("nothing", amount_idr=None, created_at=MIDNIGHT)
    (row,) = made(w, "revenue_daily")
    assert row == {
        "local_date": date(2026, 3, 10),
        "bookings": 5,
        "booked_idr": 111,
        "completed_idr": 100,
        "collected_idr": 0,
    }


def test_collected_falls_on_the_day_of_payment_and_counts_all_that_came_in(w: Warehouse) -> None:
    w.booking(created_at=MIDNIGHT - DAY)
    w.commission("paid", created_at=MIDNIGHT - DAY, paid_at=MIDNIGHT, commission_idr=1)
    w.commission("verified", created_at=MIDNIGHT - DAY, verified_at=MIDNIGHT + DAY, commission_idr=10)
    w.commission("orphan", "ghost", created_at=MIDNIGHT + 2 * DAY, commission_idr=100)
    w.commission("unpaid", created_at=MIDNIGHT, status="pending", commission_idr=1000)
    w.commission("gone", created_at=MIDNIGHT, deleted_at=NOW, commission_idr=10_000)
    w.commission("nothing", created_at=MIDNIGHT, commission_idr=None)
    collected = {r["local_date"].day: r["collected_idr"] for r in made(w, "revenue_daily")}
    assert collected == {9: 0, 10: 1, 11: 10, 12: 100}


def test_conversion_of_a_cohort(w: Warehouse) -> None:
    for status in ("pending", "accepted", "completed", "declined", "expired", "cancelled"):
        w.booking(status, status=status, created_at=MIDNIGHT, source="chatWindow")
    w.booking("left", status="cancelled", created_at=MIDNIGHT, source="chatWindow", accepted_at=MIDNIGHT)
    w.booking("other", created_at=MIDNIGHT, source="unknown")
    w.commission("c1", "accepted")
    w.commission("c2", "cancelled")
    w.commission("c3", "cancelled")
    chat, other = made(w, "source_conversion", "source")
    assert chat == {
        "local_date": date(2026, 3, 10),
        "source": "chatWindow",
        "created": 7,
        "accepted": 3,
        "completed": 1,
        "declined": 1,
        "expired": 1,
        "cancelled": 2,
        "booked_idr": 500_000,
        "completed_idr": 250_000,
        "commissions": 2,
        "decided": 5,
    }
    assert (other["source"], other["created"], other["commissions"]) == ("unknown", 1, 0)
    by_source = made(w, "revenue_by_source", "source")
    assert [(r["source"], r["bookings"], r["booked_idr"], r["completed_idr"]) for r in by_source] == [
        ("chatWindow", 7, 500_000, 250_000),
        ("unknown", 1, 250_000, 250_000),
    ]


def test_peak_hours_are_local_and_share_sums_to_one_within_a_basis(w: Warehouse) -> None:
    w.booking("b1", created_at=MIDNIGHT, starts_at=MIDNIGHT + 3 * HOUR)  # Tuesday 00:00, starts 03:00
    w.booking("b2", created_at=MIDNIGHT - SECOND)  # Monday 23:59:59
    w.booking("b3", created_at=MIDNIGHT + 59 * MIN)
    w.booking("old", created_at=NOW - timedelta(weeks=8) - SECOND, starts_at=NOW + HOUR)
    rows = made(w, "peak_hours", "basis, weekday, hour")
    assert [(r["basis"], r["weekday"], r["hour"], r["bookings"]) for r in rows] == [
        ("created", 1, 23, 1),
        ("created", 2, 0, 2),
        ("starts", 2, 3, 1),
    ]
    assert [r["share"] for r in rows] == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]


def test_response_times_are_exact(w: Warehouse) -> None:
    for number in range(1, 21):
        w.booking(f"b{number}", created_at=MIDNIGHT, responded_at=MIDNIGHT + number * SECOND)
    w.booking("early", created_at=MIDNIGHT, responded_at=MIDNIGHT - HOUR)
    w.booking("expired", created_at=MIDNIGHT, status="expired")
    w.booking("late", created_at=MIDNIGHT, status="pending", response_deadline=NOW - SECOND)
    w.booking("open", created_at=MIDNIGHT, status="pending", response_deadline=NOW + SECOND)
    w.booking("silent", created_at=MIDNIGHT)  # accepted, the moment is not known
    (row,) = made(w, "response_times")
    assert (row["responded"], row["never_answered"]) == (20, 2)
    assert (row["avg_response_s"], row["p50_response_s"]) == (10.5, 10.5)
    assert row["p95_response_s"] == pytest.approx(19.05)
    (figures,) = made(w, "service_figures")
    assert figures["avg_response_s"] == 10.5
    assert figures["p95_response_s"] == pytest.approx(19.05)


def test_service_figures(w: Warehouse) -> None:
    w.booking("b1", created_at=NOW - DAY)
    w.booking("b2", created_at=NOW - DAY - SECOND, status="declined")
    w.booking("b3", created_at=NOW - HOUR, status="pending")
    w.booking("later", created_at=NOW + SECOND)
    w.notification("n1", age=HOUR)
    w.notification("n2", age=HOUR, delivered=False)
    (row,) = made(w, "service_figures")
    assert (row["success_rate"], row["delivery_rate"], row["bookings_24h"]) == (0.5, 0.5, 2)
    assert row["newest_booking_at"] == NOW - DAY
    assert row["avg_response_s"] is None


def test_service_figures_of_nothing_are_null_not_zero(w: Warehouse) -> None:
    (row,) = made(w, "service_figures")
    assert (row["success_rate"], row["delivery_rate"], row["newest_booking_at"], row["bookings_24h"]) == (
        None,
        None,
        None,
        0,
    )


def test_service_mix_and_decline_reasons(w: Warehouse) -> None:
    w.booking("b1", service_minutes=60, created_at=MIDNIGHT)
    w.booking("b2", service_minutes=None, created_at=MIDNIGHT, status="declined", decline_reason="busy")
    w.booking("b3", service_minutes=60, created_at=MIDNIGHT, status="declined")
    w.booking("b4", service_minutes=90, created_at=MIDNIGHT, status="cancelled")
    mix = made(w, "service_mix", "service_minutes NULLS LAST")
    assert [(r["service_minutes"], r["bookings"], r["booked_idr"]) for r in mix] == [
        (60, 2, 250_000),
        (90, 1, 0),
        (None, 1, 0),
    ]
    reasons = made(w, "decline_reasons", "reason")
    assert [(r["reason"], r["bookings"]) for r in reasons] == [("busy", 1), ("not_given", 1)]


@pytest.mark.parametrize(
    ("later", "second", "found"),
    [
        (5 * MIN, {}, True),
        (5 * MIN + SECOND, {}, False),
        (MIN, {"status": "cancelled"}, False),
        (MIN, {"provider_id": "p2"}, False),
        (MIN, {"customer_key": "c:u2"}, False),
        (MIN, {"status": "declined"}, True),
    ],
)
def test_a_duplicate_booking(w: Warehouse, later: timedelta, second: dict[str, Any], found: bool) -> None:
    w.booking("b1", created_at=NOW - DAY, customer_key="c:u1", customer_id="u1")
    w.booking("b2", **{"created_at": NOW - DAY + later, "customer_key": "c:u1", "customer_id": "u1"} | second)
    rows = made(w, "booking_anomalies")
    assert [(r["anomaly"], r["booking_id"], r["other_booking_id"]) for r in rows] == (
        [("duplicate_booking", "b2", "b1")] if found else []
    )


def test_a_booking_without_customer_duplicates_none(w: Warehouse) -> None:
    w.booking("b1", customer_key=None)
    w.booking("b2", customer_key=None)
    assert made(w, "booking_anomalies") == []


def test_a_sentence_is_not_longer_than_anything_published(w: Warehouse) -> None:
    first, second = f"b1-{'x' * 120}", f"b2-{'x' * 120}"
    for number, booking_id in enumerate((first, second)):
        w.booking(booking_id, created_at=NOW - DAY + number * MIN, customer_key="c:u1", customer_id="u1")
    (row,) = made(w, "booking_anomalies")
    assert (row["booking_id"], row["other_booking_id"]) == (second, first)
    assert len(row["detail"]) == LONGEST_PUBLISHED
    assert row["detail"].endswith("…")


def test_who_has_a_role_word_as_their_id_is_told_by_their_phone(w: Warehouse) -> None:
    phone = "p:" + "0" * 32
    for number in range(6):
        w.booking(
            f"b{number}", created_at=NOW - DAY + number * MIN, customer_id=("guest", "Guest")[number % 2],
            customer_key=phone, provider_id=f"p{number // 2}",
        )  # fmt: skip
        w.message(f"m{number}", sender_id="admin", sender_role="unknown", sent_at=NOW - DAY)
    rows = made(w, "booking_anomalies")
    assert {(r["anomaly"], r["actor_id"]) for r in rows} == {
        ("duplicate_booking", phone),
        ("abuse_bookings", phone),
    }
    assert not [r for r in made(w, "data_findings") if r["finding"] == "reference_case"]


@pytest.mark.parametrize("word", ["therapist", "Admin"])
def test_bookings_of_a_provider_who_is_nobody_are_not_of_the_same(w: Warehouse, word: str) -> None:
    for name in ("b1", "b2"):
        busy(w, name, timedelta(0), HOUR, provider_id=word, customer_id="u1", customer_key="c:u1")
    assert made(w, "booking_anomalies") == []


@pytest.mark.parametrize("sender", ["guest", "Admin", "system", "customer", "THERAPIST"])
def test_a_role_word_sends_no_messages_too_many(w: Warehouse, sender: str) -> None:
    for number in range(31):
        w.message(f"m{number}", sender_id=sender, sender_role="customer", sent_at=NOW - DAY)
    assert made(w, "booking_anomalies") == []


@pytest.mark.parametrize(
    ("count", "apart", "found"), [(5, MIN, 0), (6, MIN, 1), (6, 12 * MIN, 0), (9, MIN, 1)]
)
def test_abuse_is_more_than_5_bookings_of_one_user_in_an_hour(
    w: Warehouse, count: int, apart: timedelta, found: int
) -> None:
    for number in range(count):
        w.booking(
            f"b{number}",
            created_at=NOW - DAY + number * apart,
            customer_key="c:u1",
            customer_id="u1",
            provider_id=f"p{number}",
        )
    rows = made(w, "booking_anomalies")
    assert [(r["anomaly"], r["actor_id"], r["count"]) for r in rows] == [
        ("abuse_bookings", "u1", count)
    ] * found


def test_abuse_by_messages_leaves_the_apps_own_out(w: Warehouse) -> None:
    for number in range(31):
        w.message(f"m{number}", sender_id="u1", sent_at=NOW - HOUR + number * SECOND)
        w.message(f"s{number}", sender_id="app", sender_role="system", sent_at=NOW - HOUR + number * SECOND)
    rows = made(w, "booking_anomalies")
    assert [(r["anomaly"], r["actor_id"], r["count"]) for r in rows] == [("abuse_messages", "u1", 31)]


NOON = NOW - DAY


def busy(w: Warehouse, name: str, start: timedelta, end: timedelta | None, **values: Any) -> None:
    """A booking from and until so long after noon."""
    ends = None if end is None else NOON + end
    w.booking(name, starts_at=NOON + start, ends_at=ends, **values)


def overlaps(w: Warehouse) -> dict[str, tuple[str, int]]:
    """Booking → the one it overlaps, and how many there were at once."""
    rows = [r for r in made(w, "booking_anomalies") if r["anomaly"] == "overlapping_bookings"]
    assert all(r["provider_id"] == r["actor_id"] for r in rows)
    assert len({r["booking_id"] for r in rows}) == len(rows)
    return {r["booking_id"]: (r["other_booking_id"], r["count"]) for r in rows}


@pytest.mark.parametrize("status", ["accepted", "confirmed", "completed"])
@pytest.mark.parametrize(
    ("start", "found"), [(-HOUR, False), (-HOUR + SECOND, True), (HOUR - SECOND, True), (HOUR, False)]
)
def test_two_bookings_of_a_therapist_overlap_by_a_second_and_not_where_they_touch(
    w: Warehouse, status: str, start: timedelta, found: bool
) -> None:
    busy(w, "b1", timedelta(0), HOUR)
    busy(w, "b2", start, start + HOUR, status=status)
    assert overlaps(w) == ({"b1": ("b2", 2), "b2": ("b1", 2)} if found else {})


@pytest.mark.parametrize(
    "other",
    [
        {"status": "pending"},
        {"status": "cancelled"},
        {"status": "unknown"},
        {"is_test": True},
        {"deleted_at": NOW},
        {"provider_id": "p2"},
        {"provider_id": None},
        {"provider_type": "place"},
        {"provider_type": None},
    ],
)
def test_what_does_not_occupy_the_therapist_overlaps_nothing(w: Warehouse, other: dict[str, Any]) -> None:
    busy(w, "b1", timedelta(0), HOUR)
    busy(w, "b2", timedelta(0), HOUR, **other)
    busy(w, "b3", timedelta(0), None)
    busy(w, "b4", HOUR / 2, HOUR / 2)
    w.booking("b5", starts_at=None, ends_at=NOON + HOUR)
    assert overlaps(w) == {}


def test_each_of_many_overlapping_bookings_is_one_row(w: Warehouse) -> None:
    busy(w, "long", timedelta(0), 10 * HOUR)
    busy(w, "one", HOUR, 2 * HOUR)
    busy(w, "two", 3 * HOUR, 5 * HOUR)
    busy(w, "three", 4 * HOUR, 6 * HOUR)
    busy(w, "after", 10 * HOUR, 11 * HOUR)
    busy(w, "twin", 20 * HOUR, 21 * HOUR)
    busy(w, "twin-2", 20 * HOUR, 21 * HOUR, origin="hotel_bookings")
    assert overlaps(w) == {
        "long": ("one", 2),
        "one": ("long", 2),
        "two": ("long", 2),
        "three": ("long", 3),
        "twin": ("twin-2", 2),
        "twin-2": ("twin", 2),
    }
    (row,) = [r for r in made(w, "booking_anomalies") if r["booking_id"] == "one"]
    assert row["detail"] == "Booking one overlaps booking long of the same therapist."


@pytest.mark.parametrize("capacity", [1, 2, 3, None])
def test_a_place_overlaps_where_it_has_more_than_it_says_it_takes(w: Warehouse, capacity: int | None) -> None:
    w.provider("p1", provider_type="place", capacity=capacity)
    for name, start, end in (("b1", 0, 4), ("b2", 1, 3), ("b3", 2, 5), ("b4", 4, 6)):
        busy(w, name, start * HOUR, end * HOUR, provider_type=None)
    found = overlaps(w)
    assert {name: count for name, (_, count) in found.items()} == {
        1: {"b1": 2, "b2": 2, "b3": 3, "b4": 2},
        2: {"b1": 3, "b2": 3, "b3": 3},
        3: {},
        None: {},
    }[capacity]
    if capacity == 2:
        details = {r["detail"] for r in made(w, "booking_anomalies")}
        assert "Booking b3 overlaps booking b1: 3 at once at a place that takes 2." in details


def test_an_id_of_both_kinds_is_the_therapists_unless_the_booking_says_place(w: Warehouse) -> None:
    w.provider("p1")
    w.provider("p1", provider_type="place", capacity=2)
    busy(w, "b1", timedelta(0), HOUR, provider_type="place")
    busy(w, "b2", timedelta(0), HOUR, provider_type="place")
    busy(w, "b3", timedelta(0), HOUR, provider_type=None)
    assert overlaps(w) == {}
    busy(w, "b4", timedelta(0), HOUR)
    assert overlaps(w).keys() == {"b3", "b4"}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=7),
    st.sampled_from([None, 1, 2, 3]),
)
def test_overlaps_are_those_of_looking_at_every_instant(
    spans: list[tuple[int, int]], capacity: int | None
) -> None:
    w = Warehouse()
    if capacity is not None:
        w.provider("p1", provider_type="place", capacity=capacity)
    for number, (start, length) in enumerate(spans):
        busy(w, f"b{number}", start * HOUR, (start + length) * HOUR)
    at_once = {
        hour: {f"b{i}" for i, (start, length) in enumerate(spans) if start <= hour < start + length}
        for hour in range(13)
    }
    crowded = [names for names in at_once.values() if len(names) > (capacity or 1)]
    found = overlaps(w)
    assert found.keys() == set[str]().union(*crowded)
    for name, (other, count) in found.items():
        assert any({name, other} <= names for names in at_once.values())
        assert count == next(len(names) for names in at_once.values() if name in names and names in crowded)


def test_data_findings_are_republished(w: Warehouse) -> None:
    row = {
        "finding": "amount_unknown",
        "collection": "bookings",
        "row_id": "b",
        "attribute": "price",
        "detail": "no amount over zero",
        "code": "noted.no_amount",
        "args": "{}",
    }
    w.add("core.data_findings", **row)
    assert made(w, "data_findings") == [row]
