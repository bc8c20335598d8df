"""Each finding: the case that holds it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from assets.marts.commission.commission_findings import RecordRule
from assets.marts.said import said
from marketplace.policy import Policy, PolicyRule
from tests.marts.warehouse import NOW, Warehouse

MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def test_a_matched_booking_has_no_finding(w: Warehouse) -> None:
    w.booking()
    w.commission()
    assert w.findings() == set()
    (row,) = w.reconciled()
    assert (row["state"], row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (
        "matched",
        75_000,
        75_000,
        0,
    )
    assert row["policy_version"] == "standard-30"
    assert row["records"] == 1


# missing and awaiting


@pytest.mark.parametrize(
    ("age", "state"),
    [(2 * MIN - SECOND, "awaiting"), (2 * MIN, "missing"), (2 * MIN + SECOND, "missing")],
)
@pytest.mark.parametrize("by", ["creation", "acceptance"])
def test_a_booking_without_record_is_awaiting_for_its_grace_then_missing(
    w: Warehouse, age: timedelta, state: str, by: str
) -> None:
    accepted = {"accepted_at": NOW - age} if by == "acceptance" else {}
    w.booking(status="accepted", created_at=NOW - (age if by == "creation" else DAY), **accepted)
    (row,) = w.reconciled()
    assert (row["state"], row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (
        state,
        75_000,
        0,
        -75_000,
    )
    assert w.findings() == ({"missing:b1"} if state == "missing" else set())


def test_missing_names_booking_and_money(w: Warehouse) -> None:
    w.booking(amount_idr=1_250_000)
    row = w.finding("missing")
    assert row["finding_id"] == "missing:b1"
    assert row["severity"] == "critical"
    assert (row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (375_000, 0, -375_000)
    assert row["detail"] == (
        "Booking b1 earns Rp 1.250.000 and has no commission record; Rp 375.000 should have been recorded."
    )


def test_missing_is_judged_at_the_last_complete_scan_not_at_the_clock(w: Warehouse) -> None:
    w.booking(created_at=NOW - 5 * MIN)
    w.scan("commission_records", at=NOW - 4 * MIN)
    assert w.reconciled()[0]["state"] == "awaiting"


def test_a_running_clock_is_compared_with_the_watermark_a_frozen_one_with_the_scans_end(w: Warehouse) -> None:
    w.booking(created_at=NOW - 5 * MIN)
    w.scan("commission_records", at=NOW, watermark=NOW - 4 * MIN)
    assert w.reconciled()[0]["state"] == "awaiting"
    assert w.reconciled(clock_frozen=True)[0]["state"] == "missing"


def test_where_commission_records_were_never_scanned_nothing_is_missing_but_unknown() -> None:
    w = Warehouse(scanned=False)
    w.booking()
    (row,) = w.reconciled()
    assert (row["state"], row["actual_idr"], row["variance_idr"]) == ("unknown", None, None)
    w.build(["commission_summary", "commission_findings"])
    (summary,) = w.rows("FROM marts.commission_summary")
    assert summary["state"] == "unknown"
    assert (summary["missing"], summary["unknown"], summary["eligible"]) == (0, 1, 1)
    assert w.findings() == set()


@pytest.mark.parametrize("status", ["cancelled", "declined", "expired", "reassigned", "pending", "unknown"])
def test_a_booking_that_does_not_earn_needs_no_record(w: Warehouse, status: str) -> None:
    w.booking(status=status)
    assert w.reconciled() == []


@pytest.mark.parametrize(
    "change", [{"is_live": False, "status": "cancelled"}, {"deleted_at": NOW - HOUR}, {"is_test": True}]
)
def test_a_record_that_is_not_live_gone_or_a_test_tracks_nothing(
    w: Warehouse, change: dict[str, Any]
) -> None:
    w.booking()
    w.commission(**change)
    assert "missing:b1" in w.findings()


def test_an_earning_booking_of_unknown_amount_is_missing_without_and_unknown_with_a_record(
    w: Warehouse,
) -> None:
    w.booking("b1", amount_idr=None, amount_rule=None)
    w.booking("b2", amount_idr=None, amount_rule=None)
    w.commission("c2", "b2")
    missing, unknown = w.reconciled()
    assert (missing["state"], missing["expected_idr"], missing["actual_idr"], missing["variance_idr"]) == (
        "missing",
        None,
        0,
        None,
    )
    assert (unknown["state"], unknown["expected_idr"], unknown["actual_idr"], unknown["variance_idr"]) == (
        "unknown",
        None,
        75_000,
        None,
    )
    assert w.findings() == {"missing:b1"}


# references


def test_a_record_may_refer_by_row_id_business_id_or_document_id(w: Warehouse) -> None:
    for number in "123":
        w.booking(f"b{number}", business_id=f"BK{number}")
    w.commission("c1", "b1")
    w.commission("c2", "BK2")
    w.commission("c3", "no such", booking_doc_ref="b3")
    assert [(r["booking_id"], r["commission_id"], r["state"]) for r in w.reconciled()] == [
        ("b1", "c1", "matched"),
        ("b2", "c2", "matched"),
        ("b3", "c3", "matched"),
    ]


def test_a_business_id_equal_to_its_own_row_id_is_one_booking(w: Warehouse) -> None:
    w.booking("b1", business_id="b1")
    w.commission()
    assert w.reconciled()[0]["state"] == "matched"


def test_bookingid_goes_before_bookingdocid(w: Warehouse) -> None:
    w.booking("b1")
    w.booking("b2")
    w.commission("c1", "b1", booking_doc_ref="b2")
    assert [(r["booking_id"], r["state"]) for r in w.reconciled()] == [("b1", "matched"), ("b2", "missing")]


def test_an_orphan_keeps_its_dangling_reference(w: Warehouse) -> None:
    w.commission("c1", "ghost")
    (row,) = w.reconciled()
    assert (row["state"], row["booking_id"], row["booking_ref"]) == ("orphan", None, "ghost")
    assert (row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (0, 75_000, 75_000)
    finding = w.finding("orphan")
    assert finding["finding_id"] == "orphan:c1"
    assert finding["detail"] == "Commission c1 over Rp 75.000 refers to ghost, which is no booking."


def test_a_record_without_any_reference_is_an_orphan(w: Warehouse) -> None:
    w.commission("c1", None)
    assert w.findings() == {"orphan:c1"}
    assert w.reconciled()[0]["booking_ref"] is None


def test_a_record_of_a_deleted_booking_is_an_orphan_that_says_so(w: Warehouse) -> None:
    w.booking(deleted_at=NOW - HOUR)
    w.commission()
    finding = w.finding("orphan")
    assert finding["detail"].endswith("a booking that was deleted.")
    assert [r["state"] for r in w.reconciled()] == ["orphan"]


@pytest.mark.parametrize("ref", ["q1", "BKQ"])
def test_what_refers_to_a_quarantined_booking_is_unknown_not_orphan(w: Warehouse, ref: str) -> None:
    w.add("core.quarantined", collection="bookings", row_id="q1", business_id="BKQ", reasons="[]")
    w.commission("c1", ref)
    (row,) = w.reconciled()
    assert (row["state"], row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (
        "unknown",
        None,
        75_000,
        None,
    )
    assert w.findings() == set()


@pytest.mark.parametrize("case", ["id and business id", "two business ids", "two collections"])
def test_a_reference_that_fits_two_bookings_is_guessed_for_neither(w: Warehouse, case: str) -> None:
    if case == "id and business id":
        w.booking("X")
        w.booking("b2", business_id="X")
    elif case == "two business ids":
        w.booking("b1", business_id="X")
        w.booking("b2", business_id="X")
    else:
        w.booking("X")
        w.booking("X", origin="hotel_bookings")
    w.commission("c1", "X")
    rows = w.reconciled()
    assert [r["state"] for r in rows] == ["unknown"] * 3
    (record,) = [r for r in rows if r["commission_id"]]
    assert (record["booking_id"], record["booking_ref"], record["expected_idr"]) == (None, "X", None)
    assert w.findings() == {"ambiguous_reference:c1"}


def test_a_candidate_of_an_ambiguous_reference_with_a_record_of_its_own_is_judged_by_that(
    w: Warehouse,
) -> None:
    w.booking("b1", business_id="X")
    w.booking("b2", business_id="X")
    w.commission("c1", "X")
    w.commission("c2", "b1")
    assert {r["booking_id"]: r["state"] for r in w.reconciled()} == {
        "b1": "matched",
        "b2": "unknown",
        None: "unknown",
    }


def test_two_missing_bookings_with_one_id_in_both_collections_are_two_findings(w: Warehouse) -> None:
    w.booking("b1")
    w.booking("b1", origin="hotel_bookings")
    assert w.findings() == {"missing:b1", "missing:b1:hotel_bookings"}
    origins = {r["finding_id"]: r["origin"] for r in w.rows("FROM marts.commission_findings")}
    assert origins == {"missing:b1": "bookings", "missing:b1:hotel_bookings": "hotel_bookings"}


# test rows


def test_a_test_booking_its_record_and_a_test_record_are_in_no_figure_and_no_finding(w: Warehouse) -> None:
    w.booking("t1", is_test=True)
    w.commission("ct", "t1", commission_idr=1)
    w.commission("co", "ghost", is_test=True)
    w.booking("t2", is_test=True, deleted_at=NOW)
    w.commission("cd", "t2", deleted_at=NOW)
    w.build()
    assert w.rows("FROM marts.commission_reconciliation") == []
    assert w.rows("FROM marts.commission_findings") == []
    assert w.rows("FROM marts.revenue_daily") == []
    counts = {r["collection"]: r["rows"] for r in w.rows("FROM marts.test_rows")}
    assert counts == {"bookings": 1, "hotel_bookings": 0, "commission_records": 2}


# duplicates


def test_the_earliest_live_record_is_the_bookings_own_and_each_further_one_a_duplicate(w: Warehouse) -> None:
    w.booking()
    w.commission("c0", created_at=NOW - 3 * DAY, is_live=False, status="cancelled")
    w.commission("late", created_at=NOW - HOUR)
    w.commission("own", created_at=NOW - 2 * DAY)
    w.commission("mid", created_at=NOW - DAY)
    (row,) = w.reconciled()
    assert (row["commission_id"], row["state"], row["records"]) == ("own", "matched", 3)
    assert w.findings() == {"duplicate:late", "duplicate:mid"}
    finding = w.rows("FROM marts.commission_findings WHERE finding_id = 'duplicate:mid'")[0]
    assert (finding["expected_idr"], finding["actual_idr"], finding["variance_idr"]) == (0, 75_000, 75_000)


def test_records_of_the_same_instant_are_ordered_by_id(w: Warehouse) -> None:
    w.booking()
    w.commission("cB", created_at=NOW - DAY)
    w.commission("cA", created_at=NOW - DAY)
    assert w.reconciled()[0]["commission_id"] == "cA"
    assert w.findings() == {"duplicate:cB"}


# not due


@pytest.mark.parametrize("status", ["cancelled", "declined", "expired", "reassigned"])
def test_a_live_record_on_a_booking_that_ended_without_earning_is_not_due(w: Warehouse, status: str) -> None:
    w.booking(status=status)
    w.commission()
    (row,) = w.reconciled()
    assert (row["state"], row["booking_id"], row["expected_idr"], row["variance_idr"]) == (
        "not_due",
        "b1",
        0,
        75_000,
    )
    assert w.findings() == {"not_due:c1"}
    assert status in w.finding("not_due")["detail"]


@pytest.mark.parametrize("status", ["pending", "unknown"])
def test_a_record_on_a_pending_or_unknown_booking_is_unknown_without_a_finding(
    w: Warehouse, status: str
) -> None:
    w.booking(status=status)
    w.commission()
    (row,) = w.reconciled()
    assert (row["state"], row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (
        "unknown",
        None,
        75_000,
        None,
    )
    assert w.findings() == set()


def test_a_cancelled_record_on_a_cancelled_booking_is_nothing(w: Warehouse) -> None:
    w.booking(status="cancelled")
    w.commission(is_live=False, status="reversed")
    assert w.reconciled() == []
    assert w.findings() == set()


def test_two_live_records_on_a_cancelled_booking_are_one_row_a_duplicate_and_both_not_due(
    w: Warehouse,
) -> None:
    w.booking(status="cancelled")
    w.commission("c1", created_at=NOW - 2 * DAY)
    w.commission("c2", created_at=NOW - DAY)
    assert [(r["commission_id"], r["state"]) for r in w.reconciled()] == [("c1", "not_due")]
    assert w.findings() == {"duplicate:c2", "not_due:c1", "not_due:c2"}


# amounts


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"amount_rule": "thousands"}, "unit_error"),
        ({"amount_rule": "thousands", "rate_ppm": 250_000, "commission_idr": 62_500}, "unit_error"),
        ({"rate": 0.25, "rate_ppm": 250_000, "commission_idr": 62_500}, "wrong_rate"),
        ({"rate_ppm": 250_000, "commission_idr": 50_000, "booking_amount_idr": 200_000}, "wrong_rate"),
        ({"rate_ppm": 250_000, "commission_idr": 62_500, "booking_amount_idr": None}, "wrong_rate"),
        ({"rate_ppm": 250_000, "commission_idr": 60_000}, "wrong_amount"),
        ({"rate_ppm": None, "rate": None, "commission_idr": 62_500}, "wrong_amount"),
        ({"commission_idr": None}, "wrong_amount"),
        ({"commission_idr": 75_001}, "wrong_amount"),
        ({"commission_idr": 0}, "wrong_amount"),
        ({"booking_amount_idr": 250_001}, "wrong_amount"),
        ({"booking_amount_idr": 0}, "wrong_amount"),
    ],
)
def test_a_record_has_the_first_amount_finding_that_holds(
    w: Warehouse, record: dict[str, Any], code: str
) -> None:
    w.booking()
    w.commission(**record)
    assert w.findings() == {f"{code}:c1"}
    (row,) = w.reconciled()
    actual = record.get("commission_idr", 75_000)
    assert (row["state"], row["expected_idr"], row["actual_idr"]) == ("mismatched", 75_000, actual)
    assert row["variance_idr"] == (None if actual is None else actual - 75_000)


@pytest.mark.parametrize(
    "record",
    [
        {"booking_amount_idr": None},
        {"rate": None, "rate_ppm": None},
        {"rate_ppm": 250_000},  # a wrong rate beside the right amount: the money is right
    ],
)
def test_what_the_record_leaves_out_is_no_amount_finding(w: Warehouse, record: dict[str, Any]) -> None:
    w.booking()
    w.commission(**record)
    assert w.findings() == set()


def test_a_unit_error_shows_the_value_as_written(w: Warehouse) -> None:
    w.booking()
    w.commission(amount_rule="thousands", written_booking_amount=250.0, written_commission=75.5)
    detail = w.finding("unit_error")["detail"]
    assert "amount 250, commission 75.5; read as Rp 75.000, expected Rp 75.000." in detail


def test_a_wrong_rate_is_told_in_percent(w: Warehouse) -> None:
    w.booking(amount_idr=1_000_000)
    w.commission(booking_amount_idr=1_000_000, rate_ppm=275_500, commission_idr=275_500)
    assert w.finding("wrong_rate")["detail"] == (
        "Commission c1 of booking b1 charges 27,55 % (Rp 275.500) where the policy says 30 % (Rp 300.000)."
    )


def test_half_a_rupiah_rounds_up(w: Warehouse) -> None:
    w.booking(amount_idr=250_005)  # 75,001.5
    w.commission(booking_amount_idr=250_005, commission_idr=75_002)
    assert w.reconciled()[0]["state"] == "matched"


def test_duplicates_are_judged_for_their_amounts_too(w: Warehouse) -> None:
    w.booking()
    w.commission("c1", created_at=NOW - 2 * DAY)
    w.commission("c2", created_at=NOW - DAY, commission_idr=1)
    assert w.findings() == {"duplicate:c2", "wrong_amount:c2"}
    assert w.reconciled()[0]["state"] == "matched"


def test_absurd_numbers_break_nothing(w: Warehouse) -> None:
    largest = 2**63 - 1
    w.booking("b1", amount_idr=largest)
    w.commission("c1", "b1", booking_amount_idr=largest, commission_idr=largest, rate_ppm=largest)
    w.booking("b2")
    w.commission("c2", "b2", booking_amount_idr=largest, commission_idr=1, rate_ppm=largest)
    states = {r["booking_id"]: r["state"] for r in w.reconciled()}
    assert states == {"b1": "unknown", "b2": "mismatched"}


# other facts of a record


def test_wrong_provider(w: Warehouse) -> None:
    w.booking()
    w.commission(provider_id="p2")
    assert w.findings() == {"wrong_provider:c1"}
    assert w.reconciled()[0]["state"] == "matched"


def test_a_record_without_provider_charges_no_other(w: Warehouse) -> None:
    w.booking()
    w.commission(provider_id=None)
    assert w.findings() == set()


@pytest.mark.parametrize(
    ("of_booking", "of_record", "differs"),
    [
        ("chatWindow", "bookingButton", True),
        ("chatWindow", "chatWindow", False),
        ("chatWindow", None, False),
        ("unknown", "chatWindow", False),
        ("chatWindow", "unknown", False),
    ],
)
def test_sources_differ_only_where_both_have_one(
    w: Warehouse, of_booking: str, of_record: str | None, differs: bool
) -> None:
    w.booking(source=of_booking)
    w.commission(source=of_record)
    assert w.findings() == ({"source_mismatch:c1"} if differs else set())


@pytest.mark.parametrize(
    ("after", "rule", "late"),
    [
        (2 * MIN, "explicit", False),
        (2 * MIN + SECOND, "explicit", True),
        (HOUR, "observed", False),
        (HOUR, None, False),
    ],
)
def test_a_record_is_late_more_than_the_grace_after_an_explicit_acceptance(
    w: Warehouse, after: timedelta, rule: str | None, late: bool
) -> None:
    accepted = NOW - DAY
    w.booking(accepted_at=accepted if rule else None, accepted_rule=rule, created_at=NOW - 2 * DAY)
    w.commission(created_at=accepted + after)
    assert w.findings() == ({"late_record:c1"} if late else set())


@pytest.mark.parametrize("known", ["completed", "start", "both"])
@pytest.mark.parametrize(
    ("off", "differs"),
    [(5 * MIN, False), (5 * MIN + SECOND, True), (-5 * MIN, False), (-5 * MIN - SECOND, True)],
)
def test_a_deadline_may_be_five_minutes_off(w: Warehouse, known: str, off: timedelta, differs: bool) -> None:
    end = NOW - DAY
    times: dict[str, Any] = {}
    if known in ("completed", "both"):
        times["completed_at"] = end
    if known in ("start", "both"):
        times |= {"starts_at": end - HOUR, "service_minutes": 60}
    w.booking(**times)
    w.commission(deadline_at=end + 3 * HOUR + off)
    assert w.findings() == ({"deadline_mismatch:c1"} if differs else set())


def test_a_deadline_near_either_end_of_service_is_right(w: Warehouse) -> None:
    w.booking(completed_at=NOW - DAY, starts_at=NOW - DAY - 2 * HOUR, service_minutes=60)
    w.commission("c1", deadline_at=NOW - DAY + 2 * HOUR)  # by start and minutes
    assert w.findings() == set()


def test_a_deadline_is_not_judged_where_the_end_of_service_is_unknown(w: Warehouse) -> None:
    w.booking(starts_at=None)
    w.commission(deadline_at=NOW - DAY)
    assert w.findings() == set()


# overdue: the deadline is completion + 3 h


@pytest.mark.parametrize("status", ["pending", "rejected"])
@pytest.mark.parametrize(("past", "found"), [(-SECOND, False), (timedelta(0), False), (SECOND, True)])
def test_unpaid_past_the_deadline_and_not_marked(
    w: Warehouse, status: str, past: timedelta, found: bool
) -> None:
    w.booking(completed_at=NOW - 3 * HOUR - past)
    w.commission(status=status)
    assert w.findings() == ({"overdue_unmarked:c1"} if found else set())


@pytest.mark.parametrize("status", ["paid", "unknown"])
def test_a_paid_or_unknown_record_is_never_overdue(w: Warehouse, status: str) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(status=status)
    assert w.findings() == set()


@pytest.mark.parametrize(
    ("proof_at", "found"),
    [(NOW - DAY + 3 * HOUR - SECOND, False), (NOW - DAY + 3 * HOUR + SECOND, True), (None, True)],
)
def test_awaiting_verification_is_unpaid_unless_its_proof_came_before_the_deadline(
    w: Warehouse, proof_at: Any, found: bool
) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(status="awaiting_verification", proof_at=proof_at)
    assert w.findings() == ({"overdue_unmarked:c1"} if found else set())


@pytest.mark.parametrize(("left", "found"), [(SECOND, True), (timedelta(0), False), (-SECOND, False)])
def test_marked_overdue_before_the_deadline(w: Warehouse, left: timedelta, found: bool) -> None:
    w.booking(completed_at=NOW - 3 * HOUR + left)
    w.commission(status="overdue")
    assert w.findings() == ({"overdue_premature:c1"} if found else set())


def test_without_an_end_of_service_the_records_own_deadline_counts(w: Warehouse) -> None:
    w.booking(starts_at=None)
    w.commission(status="pending", deadline_at=NOW - SECOND)
    assert w.findings() == {"overdue_unmarked:c1"}


def test_overdue_is_judged_at_the_last_scan(w: Warehouse) -> None:
    w.booking(completed_at=NOW - 3 * HOUR - 2 * MIN)
    w.commission(status="pending")
    w.scan("commission_records", at=NOW - 3 * MIN)
    assert w.findings() == set()


def test_nothing_is_overdue_on_a_booking_that_owes_nothing(w: Warehouse) -> None:
    w.booking(status="cancelled", completed_at=NOW - DAY)
    w.commission(status="pending")
    assert w.findings() == {"not_due:c1"}


# fees


@pytest.mark.parametrize(("past", "found"), [(30 * MIN, False), (30 * MIN + SECOND, True)])
@pytest.mark.parametrize("fee", [None, 0])
def test_a_fee_is_missing_more_than_half_an_hour_past_the_deadline(
    w: Warehouse, past: timedelta, found: bool, fee: int | None
) -> None:
    w.booking(completed_at=NOW - 3 * HOUR - past)
    w.commission(status="overdue", fee_state="empty" if fee is None else "present", fee_idr=fee)
    assert w.findings() == ({"fee_missing:c1"} if found else set())
    if found:
        row = w.finding("fee_missing")
        assert (row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (25_000, 0, -25_000)
        assert "Rp 25.000" in row["detail"]


def test_fees_are_not_judged_where_the_attributes_do_not_exist(w: Warehouse) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(status="overdue", fee_state="absent")
    assert w.findings() == set()


@pytest.mark.parametrize(("fee", "found"), [(25_000, False), (20_000, True), (50_000, True), (25, True)])
def test_another_fee_than_the_policys_is_wrong(w: Warehouse, fee: int, found: bool) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(status="overdue", fee_state="present", fee_idr=fee)
    assert w.findings() == ({"fee_wrong:c1"} if found else set())
    if found:
        row = w.finding("fee_wrong")
        assert (row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (25_000, fee, fee - 25_000)


# restriction


@pytest.mark.parametrize(
    ("status", "past", "found"),
    [
        ("AVAILABLE", 30 * MIN, False),
        ("AVAILABLE", 30 * MIN + SECOND, True),
        ("OFFLINE", DAY, True),
        ("RESTRICTED", DAY, False),
        ("RESTRICTED", SECOND, False),
        ("RESTRICTED", -SECOND, True),
        (None, DAY, False),
    ],
)
def test_a_restriction_follows_the_deadline_by_half_an_hour(
    w: Warehouse, status: str | None, past: timedelta, found: bool
) -> None:
    w.provider(status=status)
    w.booking(completed_at=NOW - 3 * HOUR - past)
    w.commission(status="overdue" if past > timedelta(0) else "pending")
    assert w.findings() == ({"restriction_mismatch:p1"} if found else set())


def test_a_restricted_provider_without_any_debt_is_a_finding(w: Warehouse) -> None:
    w.provider(status="RESTRICTED")
    w.booking(completed_at=NOW - DAY)
    w.commission(status="paid")
    assert w.findings() == {"restriction_mismatch:p1"}


def test_a_restriction_is_not_called_wrong_where_a_debts_deadline_is_unknown(w: Warehouse) -> None:
    w.provider(status="RESTRICTED")
    w.booking()
    w.commission(status="pending")
    assert w.findings() == set()


# proof and disappearance


@pytest.mark.parametrize(("state", "found"), [("present", False), ("empty", True), ("absent", False)])
def test_paid_without_proof_only_where_proof_attributes_exist(w: Warehouse, state: str, found: bool) -> None:
    w.booking()
    w.commission(proof_state=state)
    assert w.findings() == ({"paid_without_proof:c1"} if found else set())


def test_a_vanished_record_is_a_finding_and_its_booking_is_missing(w: Warehouse) -> None:
    w.booking()
    w.commission(deleted_at=NOW - HOUR)
    assert w.findings() == {"vanished:c1", "missing:b1"}
    row = w.finding("vanished")
    assert (row["booking_id"], row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (
        "b1",
        75_000,
        0,
        -75_000,
    )


# waivers


def test_a_waived_finding_stays_and_says_so(w: Warehouse) -> None:
    w.booking("b1")
    w.booking("b2")
    w.build(["commission_findings"], waived=["missing:b1"])
    assert {r["finding_id"]: r["waived"] for r in w.rows("FROM marts.commission_findings")} == {
        "missing:b1": True,
        "missing:b2": False,
    }


# what was not read yet


def test_a_record_younger_than_the_bookings_that_were_read_is_unknown_not_orphan(w: Warehouse) -> None:
    w.scan("bookings", watermark=w.now - timedelta(minutes=10))
    w.commission("young", "b_not_read_yet", updated_at=w.now - timedelta(minutes=9))
    w.commission("old", "nobody", updated_at=w.now - timedelta(minutes=11))
    states = {row["commission_id"]: row["state"] for row in w.reconciled()}
    assert states == {"young": "unknown", "old": "orphan"}
    assert not any("young" in finding for finding in w.findings())


def test_before_bookings_were_ever_read_whole_nothing_is_an_orphan(w: Warehouse) -> None:
    w.con.execute("DELETE FROM ops.scans WHERE collection = 'bookings'")
    w.commission("c", "nobody")
    assert [row["state"] for row in w.reconciled()] == ["unknown"]


def test_while_hotel_bookings_were_only_begun_nothing_is_an_orphan(w: Warehouse) -> None:
    w.commission("c", "nobody")
    w.begun("hotel_bookings")
    assert [row["state"] for row in w.reconciled()] == ["unknown"]
    w.scan("hotel_bookings")
    assert [row["state"] for row in w.reconciled()] == ["orphan"]


def test_a_record_that_names_no_booking_is_an_orphan_whatever_was_read(w: Warehouse) -> None:
    w.scan("bookings", watermark=w.now - timedelta(days=9))
    w.commission("c", None, updated_at=w.now)
    assert [row["state"] for row in w.reconciled()] == ["orphan"]


# units: what a record without a base is read in


@pytest.mark.parametrize(
    ("base", "record", "repaired"),
    [
        (None, {"commission_idr": 75, "written_commission": 75.0}, (75_000, None)),
        (0, {"commission_idr": 75}, (75_000, None)),
        (None, {"commission_idr": 75_000, "fee_idr": 25}, (75_000, 25_000)),
        (0, {"commission_idr": 75, "fee_idr": 25, "due_idr": 100}, (75_000, 25_000)),
        (None, {"commission_idr": 75_000, "due_idr": 75}, (75_000, None)),
        (None, {"commission_idr": 75_000, "due_idr": 100}, (75_000, None)),
    ],
)
def test_a_record_without_a_base_is_in_thousands_where_that_is_what_its_booking_owes(
    w: Warehouse, base: int | None, record: dict[str, Any], repaired: tuple[int, int | None]
) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(booking_amount_idr=base, fee_state="present", **record)
    assert w.findings() == {"unit_error:c1"}
    (row,) = w.reconciled()
    assert (row["state"], row["actual_idr"], row["variance_idr"]) == ("mismatched", 75_000, 0)
    w.build(["commission_entries"])
    (fee,) = w.rows("SELECT max(amount_idr) FILTER (kind = 'fee') AS idr FROM marts.commission_entries")
    assert (row["actual_idr"], fee["idr"]) == repaired


def test_a_fraction_of_thousands_is_read_before_it_is_rounded(w: Warehouse) -> None:
    w.booking(amount_idr=202_500)
    w.commission(booking_amount_idr=None, commission_idr=61, written_commission=60.75)
    finding = w.finding("unit_error")
    assert finding["actual_idr"] == 60_750
    assert finding["detail"] == (
        "Commission c1 of booking b1 is written in thousands: amount nothing, commission 60.75;"
        " read as Rp 60.750, expected Rp 60.750."
    )


def test_a_unit_error_names_the_fee_and_the_due_that_are_in_thousands(w: Warehouse) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(
        booking_amount_idr=None,
        commission_idr=75,
        fee_idr=25,
        fee_state="present",
        due_idr=100,
        status="overdue",
    )
    assert w.finding("unit_error")["detail"] == (
        "Commission c1 of booking b1 is written in thousands: amount nothing, commission 75, fee 25, due 100;"
        " read as Rp 75.000, expected Rp 75.000."
    )


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"booking_amount_idr": None, "commission_idr": 74}, "wrong_amount"),  # 74.000 is not what is owed
        ({"booking_amount_idr": None, "commission_idr": 0}, "wrong_amount"),
        ({"booking_amount_idr": 250_000, "commission_idr": 75}, "wrong_amount"),  # its base is in rupiah
        ({"booking_amount_idr": None, "commission_idr": None, "is_implausible": True}, "wrong_amount"),
        ({"booking_amount_idr": None, "commission_idr": None, "due_idr": 76}, "wrong_amount"),
    ],
)
def test_what_is_not_exactly_owed_is_not_read_in_thousands(
    w: Warehouse, record: dict[str, Any], code: str
) -> None:
    w.booking()
    w.commission(**record)
    assert w.findings() == {f"{code}:c1"}
    assert w.reconciled()[0]["actual_idr"] == record["commission_idr"]


def test_a_record_keeps_its_unit_when_its_booking_ends(w: Warehouse) -> None:
    w.booking(status="cancelled")
    w.commission(booking_amount_idr=None, commission_idr=75)
    assert w.findings() == {"not_due:c1"}
    assert w.reconciled()[0]["actual_idr"] == 75_000


def test_a_record_of_no_booking_is_taken_as_written(w: Warehouse) -> None:
    w.commission("c1", "ghost", booking_amount_idr=None, commission_idr=75, fee_idr=25)
    assert w.reconciled()[0]["actual_idr"] == 75


# what is not believed


@pytest.mark.parametrize("rule", ["rupiah", "thousands", None])
def test_a_record_that_is_not_believed_is_a_wrong_amount_and_counts_as_unknown(
    w: Warehouse, rule: str | None
) -> None:
    w.booking()
    w.commission(
        booking_amount_idr=None,
        commission_idr=None,
        written_booking_amount=25_000_000.0,
        written_commission=7_500_000.0,
        amount_rule=rule,
        is_implausible=True,
    )
    assert w.findings() == {"wrong_amount:c1"}
    assert w.finding("wrong_amount")["detail"] == (
        "Commission c1 of booking b1 carries amounts that are not believed: amount 25000000, commission 7500000;"
        " the booking's amount is Rp 250.000 and Rp 75.000 is expected."
    )
    (row,) = w.reconciled()
    assert (row["state"], row["actual_idr"], row["variance_idr"]) == ("mismatched", None, None)


# rates


def test_a_commission_that_is_the_expected_one_is_never_a_wrong_rate(w: Warehouse) -> None:
    w.booking(amount_idr=100_000)
    w.commission(booking_amount_idr=100_000, rate_ppm=299_999, rate=0.299999, commission_idr=30_000)
    assert w.findings() == set()
    w.booking("b2", amount_idr=100_000)
    w.commission("c2", "b2", booking_amount_idr=100_001, rate_ppm=299_999, commission_idr=30_000)
    assert w.findings() == {"wrong_amount:c2"}


# free bookings


@pytest.mark.parametrize(
    ("status", "recorded", "age"),
    [("accepted", None, MIN), ("confirmed", None, DAY), ("completed", 0, DAY), ("completed", 0, MIN)],
)
def test_a_free_booking_that_earns_owes_nothing_and_is_never_missing(
    w: Warehouse, status: str, recorded: int | None, age: timedelta
) -> None:
    w.booking(status=status, amount_idr=0, amount_rule="free", created_at=NOW - age, completed_at=NOW - DAY)
    if recorded is not None:
        # Whatever rate and base it says: nothing is charged.
        w.commission(commission_idr=recorded, rate_ppm=250_000, status="pending", fee_state="empty")
    (row,) = w.reconciled()
    assert (row["state"], row["booking_amount_idr"]) == ("free", 0)
    assert (row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (0, 0, 0)
    assert w.findings() == set()
    w.build(["commission_summary", "health_points"])
    (summary,) = w.rows("FROM marts.commission_summary")
    assert (summary["eligible"], summary["free"], summary["tracked"], summary["missing"]) == (1, 1, 0, 0)
    assert (summary["tracking_rate"], summary["state"]) == (1.0, "perfect")


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"commission_idr": 1},
        {"amount_rule": "thousands"},
        {"rate_ppm": 250_000, "commission_idr": 62_500},
        {"commission_idr": None},
        {"commission_idr": None, "is_implausible": True},
    ],
)
def test_a_live_record_over_nothing_on_a_free_booking_is_a_wrong_amount(
    w: Warehouse, record: dict[str, Any]
) -> None:
    w.booking(amount_idr=0, amount_rule="free")
    w.commission(**record)
    assert w.findings() == {"wrong_amount:c1"}
    (row,) = w.reconciled()
    assert (row["state"], row["expected_idr"], row["actual_idr"]) == (
        "mismatched",
        0,
        record.get("commission_idr", 75_000),
    )


def test_a_free_booking_that_does_not_earn_is_none(w: Warehouse) -> None:
    w.booking(amount_idr=0, amount_rule="free", status="cancelled")
    assert w.reconciled() == []
    w.commission()
    assert (w.reconciled()[0]["state"], w.findings()) == ("not_due", {"not_due:c1"})


def test_a_free_booking_owes_nothing_whatever_was_read() -> None:
    w = Warehouse(scanned=False)
    w.booking(amount_idr=0, amount_rule="free")
    (row,) = w.reconciled()
    # Nothing is owed; what was recorded is not known.
    assert (row["state"], row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (
        "free",
        0,
        None,
        None,
    )


# the booking's own record


@pytest.mark.parametrize(
    ("earlier", "later", "own"),
    [
        ("pending", "paid", "later"),
        ("overdue", "awaiting_verification", "later"),
        ("awaiting_verification", "paid", "later"),
        ("unknown", "awaiting_verification", "later"),
        ("pending", "overdue", "earlier"),
        ("paid", "paid", "earlier"),
        ("rejected", "pending", "earlier"),
    ],
)
def test_the_own_record_is_the_paid_one_then_the_one_in_verification_then_the_earliest(
    w: Warehouse, earlier: str, later: str, own: str
) -> None:
    w.booking(created_at=NOW - 3 * DAY)
    w.commission("earlier", status=earlier, created_at=NOW - 2 * DAY)
    w.commission("later", status=later, created_at=NOW - DAY)
    (row,) = w.reconciled()
    assert (row["commission_id"], row["records"]) == (own, 2)
    other = "earlier" if own == "later" else "later"
    finding = w.finding("duplicate")
    assert finding["finding_id"] == f"duplicate:{other}"
    paid = "paid" in (earlier, later) and (earlier, later) != ("paid", "paid")
    assert finding["detail"] == (
        f"Commission {other} over Rp 75.000 is a further record of booking b1, whose own is {own}"
        + (", which is paid." if paid else ".")
    )


def test_an_unpaid_duplicate_of_a_paid_record_is_to_be_cancelled_and_that_is_said_once(w: Warehouse) -> None:
    w.booking(status="cancelled")
    w.commission("unpaid", status="pending")
    w.commission("own", created_at=NOW - HOUR)
    assert w.findings() == {"duplicate:unpaid", "not_due:own"}


@pytest.mark.parametrize(
    ("status", "fee"),
    [("pending", None), ("rejected", 20_000), ("overdue", None), ("awaiting_verification", 20_000)],
)
def test_an_unpaid_duplicate_of_a_paid_record_is_never_overdue_nor_charged(
    w: Warehouse, status: str, fee: int | None
) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission("unpaid", status=status, created_at=NOW - 2 * DAY, fee_state="present", fee_idr=fee)
    w.commission("own", status="paid", created_at=NOW - DAY)
    assert w.findings() == {"duplicate:unpaid"}
    w.con.execute("UPDATE core.bookings SET completed_at = ?", [NOW - HOUR])
    assert w.findings() == {"duplicate:unpaid"}


def test_an_unpaid_duplicate_is_judged_for_its_amount_and_a_duplicate_of_an_unpaid_record_for_all(
    w: Warehouse,
) -> None:
    w.booking("b1", completed_at=NOW - DAY)
    w.commission("c1", "b1")
    w.commission("c2", "b1", status="pending", commission_idr=1)
    w.booking("b2", completed_at=NOW - DAY)
    w.commission("c3", "b2", status="pending")
    w.commission("c4", "b2", status="pending", created_at=NOW - HOUR)
    assert w.findings() == {
        "duplicate:c2",
        "wrong_amount:c2",
        "duplicate:c4",
        "overdue_unmarked:c3",
        "overdue_unmarked:c4",
    }


# refunds


@pytest.mark.parametrize(
    ("status", "live"),
    [("paid", True), ("reversed", False), ("pending", True), ("cancelled", False), ("unknown", True)],
)
def test_a_refund_is_a_finding_with_its_booking_and_no_record_of_its_own(
    w: Warehouse, status: str, live: bool
) -> None:
    w.booking(completed_at=NOW - 2 * DAY, accepted_at=NOW - 2 * DAY, accepted_rule="explicit")
    w.commission("own", created_at=NOW - 2 * DAY)
    w.commission(
        "back",
        commission_idr=-75_000,
        status=status,
        is_live=live,
        created_at=NOW - HOUR,
        deadline_at=NOW + DAY,
        fee_state="empty",
        proof_state="empty",
        source="direct",
    )
    assert w.findings() == {"refund_record:back"}
    (row,) = w.reconciled()
    assert (row["commission_id"], row["state"], row["records"]) == ("own", "matched", 1)
    finding = w.finding("refund_record")
    assert (finding["booking_id"], finding["commission_id"]) == ("b1", "back")
    assert (finding["expected_idr"], finding["actual_idr"], finding["variance_idr"]) == (0, -75_000, -75_000)
    assert finding["detail"] == (
        f"Commission back over -Rp 75.000 is a refund ({status}) that refers to b1;"
        " it is no record of a booking's own."
    )


def test_a_booking_with_nothing_but_a_refund_is_missing_its_commission(w: Warehouse) -> None:
    w.booking()
    w.commission(commission_idr=-75_000)
    assert w.findings() == {"missing:b1", "refund_record:c1"}
    assert [(r["state"], r["commission_id"]) for r in w.reconciled()] == [("missing", None)]


def test_a_refund_of_a_booking_that_ended_is_not_called_not_due(w: Warehouse) -> None:
    w.booking(status="cancelled")
    w.commission("back", commission_idr=-75_000)
    assert w.findings() == {"refund_record:back"}
    assert w.reconciled() == []


def test_a_refund_that_is_gone_vanished_and_one_of_no_booking_is_an_orphan_too(w: Warehouse) -> None:
    w.booking()
    w.commission("own")
    w.commission("gone", commission_idr=-75_000, deleted_at=NOW)
    w.commission("nowhere", "ghost", commission_idr=-75_000)
    assert w.findings() == {"vanished:gone", "orphan:nowhere", "refund_record:nowhere"}


def test_a_refund_whose_amount_is_not_believed_is_a_refund_still(w: Warehouse) -> None:
    w.booking()
    w.commission("own")
    w.commission("back", commission_idr=None, written_commission=-9e9, is_implausible=True)
    assert w.findings() == {"refund_record:back"}


def test_two_refunds_are_no_duplicates_of_each_other(w: Warehouse) -> None:
    w.booking()
    w.commission("own")
    for name in ("back", "more"):
        w.commission(name, commission_idr=-75_000)
    assert w.findings() == {"refund_record:back", "refund_record:more"}


# fees before their time, and what excuses a restriction


@pytest.mark.parametrize(
    ("left", "wrong"), [(SECOND, True), (timedelta(0), False), (-10 * MIN, False), (-HOUR, False)]
)
def test_a_fee_before_its_deadline_is_wrong(w: Warehouse, left: timedelta, wrong: bool) -> None:
    w.booking(completed_at=NOW - 3 * HOUR + left)
    # Not marked overdue: an awaiting proof in time is nobody's debt.
    w.commission(status="awaiting_verification", proof_at=NOW - 4 * HOUR, fee_state="present", fee_idr=25_000)
    assert w.findings() == ({"fee_wrong:c1"} if wrong else set())
    if wrong:
        row = w.finding("fee_wrong")
        assert (row["expected_idr"], row["actual_idr"], row["variance_idr"]) == (0, 25_000, 25_000)
        assert row["detail"] == (
            "Commission c1 carries a fee of Rp 25.000; none is due before the deadline at 2026-03-15 20:00 local time."
        )


@pytest.mark.parametrize(("early", "wrong"), [(SECOND, True), (-SECOND, False)])
def test_a_fee_on_a_record_that_was_paid_before_its_deadline_is_wrong(
    w: Warehouse, early: timedelta, wrong: bool
) -> None:
    w.booking(completed_at=NOW - DAY)
    w.commission(fee_state="present", fee_idr=25_000, paid_at=NOW - DAY + 3 * HOUR - early)
    assert w.findings() == ({"fee_wrong:c1"} if wrong else set())


def test_a_fee_on_a_free_booking_is_wrong(w: Warehouse) -> None:
    w.booking(amount_idr=0, completed_at=NOW - DAY)
    w.commission(commission_idr=0, status="pending", fee_state="present", fee_idr=25_000)
    row = w.finding("fee_wrong")
    assert row["detail"] == "Commission c1 carries a fee of Rp 25.000; booking b1 is free and owes none."
    assert (row["expected_idr"], row["variance_idr"]) == (0, 25_000)


@pytest.mark.parametrize(
    "debt",
    [
        "orphan",
        "pending booking",
        "ambiguous",
        "quarantined",
        "cancelled booking",
        "free booking",
        "duplicate",
    ],
)
def test_only_what_a_booking_that_earns_owes_excuses_a_restriction(w: Warehouse, debt: str) -> None:
    w.provider(status="RESTRICTED")
    unpaid: dict[str, Any] = {"status": "overdue", "deadline_at": NOW - DAY}
    facts: dict[str, Any] = {"provider_id": "p1", "completed_at": NOW - DAY}
    if debt == "orphan":
        w.commission("c1", "ghost", **unpaid)
    elif debt == "ambiguous":
        w.booking("b1", business_id="X", **facts)
        w.booking("b2", business_id="X", **facts)
        w.commission("c1", "X", **unpaid)
    elif debt == "quarantined":
        w.add("core.quarantined", collection="bookings", row_id="q1", reasons="[]")
        w.commission("c1", "q1", **unpaid)
    elif debt == "duplicate":
        w.booking(**facts)
        w.commission("own")
        w.commission("c1", **unpaid)
    else:
        word = debt.split()[0]
        w.booking(**facts, **({"amount_idr": 0} if word == "free" else {"status": word}))
        w.commission("c1", **unpaid)
    assert "restriction_mismatch:p1" in w.findings()


# a local day that is not known


def test_without_a_local_day_deadlines_and_lateness_are_unknown(w: Warehouse) -> None:
    w.provider(status="RESTRICTED")
    w.booking(
        utc_offset_minutes=None,
        completed_at=NOW - DAY,
        accepted_at=NOW - 2 * DAY,
        accepted_rule="explicit",
        created_at=NOW - 2 * DAY,
    )
    w.commission(status="pending", deadline_at=NOW - DAY, fee_state="empty", created_at=NOW - DAY)
    assert w.findings() == set()
    (row,) = w.reconciled()
    assert (row["state"], row["local_date"], row["deadline_at"]) == ("matched", None, None)
    w.build(["commission_balances"])
    (row,) = w.rows("FROM marts.commission_balances")
    assert (row["restriction_due"], row["overdue_idr"], row["owed_idr"]) == (None, 0, 75_000)


def test_a_policy_that_changes_by_the_day_is_not_guessed_where_the_day_is_not_known(w: Warehouse) -> None:
    change = date(2026, 1, 1)
    policy = Policy(
        "two",
        (
            PolicyRule("old", 300_000, 25_000, 3, 2, 30, valid_to=change),
            PolicyRule("new", 200_000, 25_000, 3, 2, 30, valid_from=change),
        ),
    )
    w.booking("b1", utc_offset_minutes=None)
    w.booking("b2", utc_offset_minutes=None)
    w.commission("c2", "b2")
    rows = w.reconciled(policy=policy)
    assert [(r["state"], r["expected_idr"], r["policy_version"]) for r in rows] == [
        ("unknown", None, None)
    ] * 2
    assert w.findings(policy=policy) == set()


def test_a_plan_is_not_guessed_before_providers_were_read(w: Warehouse) -> None:
    policy = Policy(
        "plans",
        (
            PolicyRule("gold", 200_000, 25_000, 3, 2, 30, plan="gold"),
            PolicyRule("all", 300_000, 25_000, 3, 2, 30),
        ),
    )
    w.booking("b1", utc_offset_minutes=None)
    w.booking("b2")
    w.provider("p3", commission_plan="gold")
    w.booking("b3", provider_id="p3", utc_offset_minutes=None, updated_at=NOW - DAY)
    rows = w.reconciled(policy=policy)
    assert [(r["booking_id"], r["expected_idr"], r["state"]) for r in rows] == [
        ("b1", None, "unknown"),
        ("b2", 75_000, "missing"),
        ("b3", 50_000, "missing"),
    ]


def test_a_rule_of_a_finding_that_is_none_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="'wrong_ammount' is no finding"):
        RecordRule("wrong_ammount", lambda r, at: r.live, lambda r: said("finding.wrong_amount"))
