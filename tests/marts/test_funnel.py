"""The funnel of bookings: which step counts whom, how long it took, where the others went, and when it is final."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from checks.every import registry_of
from checks.schemas import CORE
from tests.marts.warehouse import NOW, Warehouse

SECOND, MIN, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: Thirteen days before NOW, 11:00 in Bali.
MADE = datetime(2026, 3, 2, 3)
STEPS = ("created", "answered", "accepted", "completed", "recorded", "paid")
LOST = ("declined", "unanswered", "expired_answered", "cancelled", "reassigned", "still_open", "unknown")


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def funnel(w: Warehouse) -> list[dict[str, Any]]:
    w.stand("booking_funnel")
    return w.rows("FROM marts.booking_funnel ORDER BY local_date, source")


def cohort(w: Warehouse) -> dict[str, Any]:
    (row,) = funnel(w)
    return row


def steps(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in STEPS)


def made(w: Warehouse, booking_id: str, **values: Any) -> None:
    w.booking(booking_id, **{"created_at": MADE, **values})


def test_each_step_is_some_of_the_one_before_and_the_rest_went_somewhere(w: Warehouse) -> None:
    accepted = {"accepted_at": MADE + MIN, "responded_at": MADE + MIN}
    made(w, "paid", **accepted)
    w.commission("c1", "paid", status="paid")
    made(w, "owing")
    w.commission("c2", "owing", status="pending")
    made(w, "bare")
    made(w, "underway", status="accepted")
    w.commission("c3", "underway", status="paid")
    made(w, "declined", status="declined", responded_at=MADE + MIN)
    made(w, "declined_silently", status="declined")
    made(w, "expired", status="expired")
    made(w, "forgotten", status="pending", response_deadline=MADE + 5 * MIN)
    made(w, "given_up", status="expired", **accepted)
    made(w, "cancelled", status="cancelled", **accepted)
    w.commission("c4", "cancelled", status="paid")
    made(w, "handed_on", status="reassigned")
    made(w, "waiting", status="pending", response_deadline=NOW + MIN)
    made(w, "odd", status="unknown")
    made(w, "test", is_test=True)
    made(w, "gone", deleted_at=NOW)
    row = cohort(w)
    # answered: the accepted six, and two that were declined
    assert steps(row) == (13, 8, 6, 3, 2, 1)
    assert [row[name] for name in LOST] == [2, 2, 1, 1, 1, 2, 1]
    assert row["completed"] + sum(row[name] for name in LOST) == row["created"]
    assert (row["recorded_early"], row["paid_early"], row["free"], row["record_unknown"]) == (1, 1, 0, 0)


def test_the_funnel_counts_as_the_conversion_of_sources(w: Warehouse) -> None:
    for number, status in enumerate(("completed", "accepted", "declined", "cancelled", "expired", "pending")):
        for source in ("bookingButton", "chatWindow")[: 1 + number % 2]:
            made(
                w,
                f"{status}-{source}",
                status=status,
                source=source,
                accepted_at=MADE if number == 3 else None,
            )
    w.build(["booking_funnel", "source_conversion"])
    asked = "SELECT local_date, source, created, accepted, completed, declined, cancelled FROM marts."
    assert w.rows(f"{asked}booking_funnel ORDER BY ALL") == w.rows(f"{asked}source_conversion ORDER BY ALL")


def test_a_record_counts_where_it_is_live_and_the_booking_s_own(w: Warehouse) -> None:
    made(w, "twice")
    w.commission("c1", "twice", status="pending")
    w.commission("c2", "twice", status="paid")
    made(w, "undone")
    w.commission("c3", "undone", status="cancelled", is_live=False)
    made(w, "refunded")
    w.commission("c4", "refunded", commission_idr=-75_000)
    made(w, "of_a_test")
    w.commission("c5", "of_a_test", is_test=True)
    made(w, "money_came", amount_idr=250_000)
    w.commission("c6", "money_came", status="unknown", paid_at=MADE + HOUR)
    made(w, "free", amount_idr=0, amount_rule="free", discounted=True)
    row = cohort(w)
    assert steps(row) == (6, 6, 6, 6, 2, 2)
    assert row["free"] == 1


def test_how_long_each_step_took_is_of_those_of_whom_it_is_known(w: Warehouse) -> None:
    for number, seconds in enumerate((10, 20, 60)):
        answer = MADE + seconds * SECOND
        made(
            w,
            f"b{number}",
            accepted_at=answer,
            responded_at=answer,
            completed_at=answer + (number + 1) * HOUR,
        )
        w.commission(
            f"c{number}", f"b{number}", created_at=answer + number * SECOND, paid_at=answer + 2 * HOUR
        )
    made(w, "declined", status="declined", responded_at=MADE + 40 * SECOND)
    # Of clocks that disagree nothing is known, nor of what says no time.
    made(w, "backwards", accepted_at=MADE - MIN, responded_at=MADE - MIN)
    made(w, "silent")
    w.commission("c9", "silent", created_at=MADE + 2 * SECOND, status="pending")
    row = cohort(w)
    assert (row["answer_times"], row["p50_answer_s"]) == (4, 30.0)
    assert row["p95_answer_s"] == pytest.approx(57.0)
    assert (row["acceptance_times"], row["p50_acceptance_s"]) == (3, 20.0)
    assert (row["completion_times"], row["p50_completion_s"]) == (3, 7200.0)
    assert (row["record_times"], row["p50_record_s"], row["p95_record_s"]) == (4, 1.5, 2.0)
    assert (row["payment_times"], row["p50_payment_s"]) == (3, 7199.0)


def test_a_step_of_which_nothing_is_known_took_no_known_time(w: Warehouse) -> None:
    made(w, "b1", status="pending", response_deadline=NOW + MIN)
    row = cohort(w)
    assert [row[name] for name in row if name.startswith(("p50", "p95"))] == [None] * 10
    assert [row[name] for name in row if name.endswith("_times")] == [0] * 5


@pytest.mark.parametrize("offset", [420, 480, 540])
def test_a_cohort_is_a_local_day_and_a_source(w: Warehouse, offset: int) -> None:
    midnight = datetime(2026, 3, 1) - timedelta(minutes=offset)
    w.booking("before", created_at=midnight - SECOND / 1000, utc_offset_minutes=offset)
    w.booking("after", created_at=midnight, utc_offset_minutes=offset)
    w.booking("chat", created_at=midnight, utc_offset_minutes=offset, source="chatWindow")
    w.booking("nowhere", created_at=midnight, utc_offset_minutes=None)
    assert [(row["local_date"], row["source"], row["created"]) for row in funnel(w)] == [
        (date(2026, 2, 28), "bookingButton", 1),
        (date(2026, 3, 1), "bookingButton", 1),
        (date(2026, 3, 1), "chatWindow", 1),
    ]


#: When 2 March is over in the last zone, and a day after that.
OVER = datetime(2026, 3, 2, 17) + DAY


@pytest.mark.parametrize(
    ("booking", "complete_at"),
    [
        ({}, MADE + 8 * DAY),  # nothing says when it ends
        ({"ends_at": MADE + 2 * HOUR}, OVER),
        ({"ends_at": MADE + 20 * HOUR}, MADE + 44 * HOUR),
        ({"ends_at": MADE + 20 * HOUR, "status": "cancelled"}, OVER),
        ({"ends_at": MADE + 20 * DAY, "status": "accepted"}, MADE + 21 * DAY),
        ({"ends_at": MADE + 9_000 * DAY}, MADE + 91 * DAY),
        ({"status": "expired"}, OVER),
    ],
)
def test_a_cohort_is_complete_a_day_after_its_last_service(
    booking: dict[str, Any], complete_at: datetime
) -> None:
    for now, complete in ((complete_at - SECOND, False), (complete_at, True)):
        w = Warehouse(now)
        made(w, "b1", **booking)
        made(w, "b2", ends_at=MADE + HOUR)
        assert cohort(w)["is_complete"] is complete


@pytest.mark.parametrize("unread", ["bookings", "hotel_bookings", "therapists", "places"])
def test_of_what_was_not_all_read_no_cohort_is_complete(w: Warehouse, unread: str) -> None:
    made(w, "b1", ends_at=MADE + HOUR)
    w.booking("young", created_at=NOW)
    w.begun(unread)
    assert [row["is_complete"] for row in funnel(w)] == [None, False]


def test_where_records_were_never_read_nobody_knows_who_has_one() -> None:
    w = Warehouse(scanned=False)
    w.scan("bookings")
    made(w, "b1", ends_at=MADE + HOUR)
    made(w, "b2", status="accepted", ends_at=MADE + HOUR)
    row = cohort(w)
    assert steps(row) == (2, 2, 2, 1, None, None)
    assert [row[name] for name in ("record_unknown", "recorded_early", "paid_early", "is_complete")] == [
        None
    ] * 4


def test_a_booking_that_may_be_the_one_a_record_means_is_counted_as_unknown(w: Warehouse) -> None:
    made(w, "b1", business_id="BK")
    made(w, "b2", business_id="BK")
    w.commission("c1", "BK")
    row = cohort(w)
    assert (row["recorded"], row["record_unknown"]) == (0, 2)


def test_nothing_booked_is_no_cohort(w: Warehouse) -> None:
    assert funnel(w) == []


def test_the_declaration_refuses_a_step_that_grows(w: Warehouse) -> None:
    made(w, "b1")
    cohort(w)
    check = registry_of(CORE)["marts_booking_funnel_schema"]
    assert check.run(w.con).passed
    w.con.execute("UPDATE marts.booking_funnel SET accepted = 2, answered = 1")
    assert not check.run(w.con).passed
