"""Every hazard of docs/domain.md, written through the SDK as an app would, and read back from the snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bookwatch_process import Bookwatch, settings_for
from tests.marketplace_tables import Marketplace
from tests.sandbox_server import SandboxProcess

NOW = "2026-03-10T12:00:00Z"
AT = "2026-03-10T03:00:00.000+00:00"
EARLIER = "2026-03-09T03:00:00.000+00:00"

# row id → what is written (over a plain booking), and what core.bookings must say.
BOOKINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": (
        {},
        {"status": "completed", "amount_idr": 250_000, "source": "bookingButton", "mode": "immediate"},
    ),
    "price_thousands": (
        {"totalCost": None, "price": 250},
        {"amount_idr": 250_000, "amount_rule": "price_thousands"},
    ),
    "price_rounded": (
        {"totalCost": 202_500, "price": 203},
        {"amount_idr": 202_500, "amount_rule": "totalCost"},
    ),
    "price_rupiah": ({"totalCost": None, "price": 250_000}, {"amount_idr": 250_000, "amount_rule": "price"}),
    "zero_total": (
        {"totalCost": 0, "totalPrice": 180_000},
        {"amount_idr": 180_000, "amount_rule": "totalPrice"},
    ),
    "pricing_json": (
        {"totalCost": None, "pricing": '{"total": 175000, "currency": "IDR"}'},
        {"amount_idr": 175_000, "amount_rule": "pricing.total"},
    ),
    "no_amount": ({"totalCost": None}, {"amount_idr": None, "amount_rule": None}),
    "disagrees": ({"totalCost": 250_000, "totalPrice": 260_000.0}, {"amount_idr": 250_000}),
    "discounted": (
        {"totalCost": 200_000, "totalPrice": 250_000, "discountCode": "HEMAT"},
        {"amount_idr": 200_000, "amount_rule": "discounted"},
    ),
    "rounded_differs": ({"totalCost": 250_000, "price": 260}, {"amount_idr": 250_000}),
    "newer_status": ({"status": "pending", "bookingStatus": "Done"}, {"status": "completed"}),
    "on_the_way": ({"status": "On-The-Way"}, {"status": "accepted"}),
    "in_progress": ({"status": "in progress"}, {"status": "confirmed"}),
    "waiting": ({"status": "waiting_for_location"}, {"status": "pending"}),
    "canceled": ({"status": "canceled"}, {"status": "cancelled"}),
    "declined_by_response": (
        {"status": "cancelled", "providerResponseStatus": "Declined"},
        {"status": "declined"},
    ),
    "timeout": ({"status": "timeout"}, {"status": "expired"}),
    "reassigned": ({"status": "reassigned"}, {"status": "reassigned"}),
    "strange_status": ({"status": "teleported"}, {"status": "unknown", "raw_status": "teleported"}),
    "whatsapp": ({"source": "WhatsApp"}, {"source": "direct", "source_rule": "explicit"}),
    "menu": ({"source": "menu_slider"}, {"source": "menuSlider"}),
    "strange_source": ({"source": "carrier pigeon"}, {"source": "unknown"}),
    "no_source_scheduled": (
        {"source": "none", "mode": "scheduled"},
        {"source": "scheduled", "mode": "scheduled"},
    ),
    "no_source_time": (
        {"source": "", "mode": None, "scheduledTime": "2026-03-11T02:00:00Z"},
        {"source": "scheduled", "mode": "scheduled"},
    ),
    "no_source_chat": ({"source": None, "chatWindowOpen": True}, {"source": "chatWindow"}),
    "no_source": ({"source": None}, {"source": "unknown", "source_rule": "none"}),
    "mode_words": ({"mode": "book_now"}, {"mode": "immediate"}),
    "mode_metadata": ({"mode": None, "metadata": '{"bookingType": "scheduled"}'}, {"mode": "scheduled"}),
    "mode_start_soon": ({"mode": None, "startTime": "2026-03-10T05:00:00Z"}, {"mode": "immediate"}),
    "mode_start_late": ({"mode": None, "startTime": "2026-03-10T05:00:01Z"}, {"mode": "scheduled"}),
    "mode_deadline": (
        {"mode": None, "startTime": None, "responseDeadline": "2026-03-10T03:10:00Z"},
        {"mode": "immediate"},
    ),
    "mode_unknown": ({"mode": None, "startTime": None}, {"mode": "unknown"}),
    "hh_mm": (
        {"startTime": "14:30", "scheduledDate": "2026-03-12"},
        {"starts_at": "2026-03-12T06:30:00Z"},
    ),
    "local_bare": ({"startTime": "2026-03-12 14:30:00"}, {"starts_at": "2026-03-12T06:30:00Z"}),
    "offset": ({"startTime": "2026-03-12T14:30:00+07:00"}, {"starts_at": "2026-03-12T07:30:00Z"}),
    "epoch_ms": ({"startTime": "1773297000000"}, {"starts_at": "2026-03-12T06:30:00Z"}),
    "jakarta": (
        {"providerId": "p_jakarta", "startTime": "2026-03-12 14:30"},
        {"starts_at": "2026-03-12T07:30:00Z", "provider_id": "p_jakarta"},
    ),
    "bad_start": ({"startTime": "45000"}, {"starts_at": None}),
    "is_test": ({"isTest": True}, {"is_test": True}),
    "admin_test": ({"customerName": "Admin Test"}, {"is_test": True}),
    "zero_phone": ({"customerWhatsApp": "000000000"}, {"is_test": True}),
    "confirmed_at": ({"confirmedAt": "2026-03-10T03:01:30Z"}, {"accepted_at": "2026-03-10T03:01:30Z"}),
    "therapist_alias": ({"providerId": "none", "therapistId": "p_bali"}, {"provider_id": "p_bali"}),
    "assigned": ({"assigned_therapist": "p_jakarta"}, {"provider_id": "p_jakarta"}),
    "text_minutes": ({"duration": None, "service": "90"}, {"service_minutes": 90}),
    "price_limit": ({"totalCost": None, "price": 9_999}, {"amount_idr": 9_999_000}),
    "price_at_limit": ({"totalCost": None, "price": 10_000}, {"amount_idr": None, "amount_rule": None}),
    "price_least": ({"totalCost": None, "price": 20_000}, {"amount_idr": 20_000, "amount_rule": "price"}),
    "total_thousands": ({"totalCost": 250}, {"amount_idr": 250_000, "amount_rule": "totalCost"}),
    "total_hundredths": (
        {"totalCost": 25_000_000, "price": 250},
        {"amount_idr": 250_000, "amount_rule": "price_thousands"},
    ),
    "dollars": (
        {"totalCost": None, "pricing": '{"total": 16, "currency": "USD"}', "price": 16},
        {"amount_idr": None, "amount_rule": None},
    ),
    "free": (
        {"totalCost": 0, "price": 250, "discountCode": "GRATIS"},
        {"amount_idr": 0, "amount_rule": "free"},
    ),
    "pricing_words": (
        {"totalCost": None, "pricing": '{"total": "Rp 175.000"}'},
        {"amount_idr": 175_000, "amount_rule": "pricing.total"},
    ),
    "rupiah_apart": ({"totalCost": 250_000, "totalPrice": 250_001}, {"amount_idr": 250_000}),
    "rounding_apart": ({"totalCost": 250_500, "price": 250}, {"amount_idr": 250_500}),
    "over_rounding": ({"totalCost": 250_501, "price": 250}, {"amount_idr": 250_501}),
    "either_says_scheduled": (
        {"source": None, "mode": "immediate", "bookingType": "scheduled"},
        {"source": "scheduled", "source_rule": "mode", "mode": "immediate"},
    ),
    "immediate_with_time": (
        {
            "source": None,
            "mode": None,
            "bookingType": "book_now",
            "scheduledTime": "2026-03-10T20:00:00Z",
            "chatWindowOpen": True,
        },
        {"source": "chatWindow", "mode": "immediate"},
    ),
    "metadata_is_no_source": (
        {"source": None, "mode": None, "metadata": '{"bookingType": "scheduled"}'},
        {"source": "unknown", "mode": "scheduled"},
    ),
    "deadline_late": (
        {"mode": None, "startTime": None, "responseDeadline": "2026-03-10T03:10:01Z"},
        {"mode": "unknown"},
    ),
    "date_order": (
        {
            "startTime": "14:30",
            "scheduledDate": "2026-03-12",
            "date": "2026-03-13",
            "bookingDate": "2026-03-14",
        },
        {"starts_at": "2026-03-12T06:30:00Z"},
    ),
    "date_and_time": (
        {"startTime": None, "date": "2026-03-13", "time": "14:30"},
        {"starts_at": "2026-03-13T06:30:00Z"},
    ),
    "created_in_json": (
        {"booking": '{"createdAt": "2026-03-10T02:00:00Z"}'},
        {"created_at": "2026-03-10T02:00:00Z", "response_deadline": "2026-03-10T02:05:00Z"},
    ),
    "first_answer": (
        {"status": "declined", "declinedAt": "2026-03-10T03:03:00Z"},
        {"responded_at": "2026-03-10T03:03:00Z", "accepted_at": None},
    ),
    "testament": ({"customerName": "Budi Testament"}, {"is_test": False}),
    "json_minutes": ({"duration": None, "serviceDetails": '{"duration": "120"}'}, {"service_minutes": 120}),
}
PLAIN = {
    "status": "completed",
    "source": "bookingButton",
    "mode": "immediate",
    "totalCost": 250_000,
    "duration": 60,
    "providerId": "p_bali",
    "startTime": "2026-03-10T03:30:00Z",
    "customerName": "Wayan Sutedja",
    "customerWhatsApp": "081234567890",
}


@pytest.fixture(scope="module")
def bookwatch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookwatch]:
    folder = tmp_path_factory.mktemp("hazards")
    with SandboxProcess("--empty") as server:
        market = Marketplace(server)
        market.add(
            "therapists", "p_bali", EARLIER, name="Bali Spa", status="AVAILABLE", timezone="Asia/Makassar"
        )
        market.add(
            "therapists",
            "p_jakarta",
            EARLIER,
            name="Jakarta Spa",
            status="AVAILABLE",
            timezone="Asia/Jakarta",
        )
        for row, (written, _) in BOOKINGS.items():
            data = {k: v for k, v in {**PLAIN, "bookingId": f"BK-{row}", **written}.items() if v is not None}
            market.add("bookings", row, AT, userId=f"user_{row}", **data)
        market.add(
            "bookings", "garbage_created", AT, **PLAIN, bookingId="BK-garbage", createdAt="yesterday-ish"
        )
        market.add("hotel_bookings", "at_hotel", AT, **{**PLAIN, "bookingId": "BK-hotel"}, userId="guest")
        record = {
            "bookingAmount": 250_000,
            "commissionRate": 0.3,
            "commissionAmount": 75_000,
            "therapistId": "p_bali",
        }
        for row, written in {
            "c_plain": {"bookingId": "plain"},
            "c_by_business_id": {"bookingId": "BK-whatsapp", "commissionRate": 30},
            "c_by_doc_id": {"bookingId": "nowhere", "bookingDocId": "menu"},
            "c_thousands": {"bookingId": "price_rupiah", "bookingAmount": 250, "commissionAmount": 75},
            "c_rate": {"bookingId": "on_the_way", "commissionRate": 0.25, "commissionAmount": 62_500},
            "c_amount": {"bookingId": "in_progress", "commissionAmount": 70_000},
            "c_orphan": {"bookingId": "nobody"},
            "c_not_due": {"bookingId": "canceled"},
            "c_pending": {"bookingId": "waiting"},
            "c_test": {"bookingId": "is_test"},
            "c_quarantined": {"bookingId": "BK-garbage"},
            "c_no_amount": {"bookingId": "no_amount"},
            "c_hotel": {"bookingId": "at_hotel", "providerId": "p_other", "therapistId": "p_other"},
            "c_reversed": {"bookingId": "newer_status", "paymentStatus": "refunded"},
        }.items():
            market.add("commission_records", row, AT, **{"paymentStatus": "pending", **record, **written})
        market.add(
            "commission_records", "c_plain_again", NOW, **record, bookingId="BK-plain", paymentStatus="paid"
        )
        watch = Bookwatch(folder / "home", {**settings_for(server), "BOOKWATCH_NOW": NOW})
        watch.run(status=10)
        yield watch


@pytest.fixture(scope="module")
def core(bookwatch: Bookwatch) -> dict[str, dict[str, Any]]:
    return {row["booking_id"]: row for row in bookwatch.rows("SELECT * FROM core.bookings")}


@pytest.mark.parametrize("row", BOOKINGS)
def test_a_booking_is_read_as_the_rules_say(core: dict[str, dict[str, Any]], row: str) -> None:
    expected = BOOKINGS[row][1]
    assert {name: core[row][name] for name in expected} == expected


def test_a_hotel_booking_is_a_booking_with_its_origin(core: dict[str, dict[str, Any]]) -> None:
    assert core["at_hotel"]["origin"] == "hotel_bookings"
    assert core["plain"]["origin"] == "bookings"


def test_a_booking_without_a_readable_creation_is_quarantined_and_counted(bookwatch: Bookwatch) -> None:
    assert bookwatch.rows("SELECT collection, row_id FROM ops.quarantine") == [
        {"collection": "bookings", "row_id": "garbage_created"}
    ]
    (counts,) = bookwatch.rows("SELECT * FROM ops.ingest_runs WHERE collection = 'bookings'")
    assert counts["rejected"] == 1
    assert (
        counts["fetched"] == counts["inserted"] + counts["updated"] + counts["unchanged"] + counts["rejected"]
    )


def test_the_quarantine_is_told_with_its_count_its_oldest_row_and_its_reasons(bookwatch: Bookwatch) -> None:
    assert bookwatch.status()["quarantine"] == {
        "count": 1,
        "oldest_first_seen_at": NOW,
        "reasons": {"creation_unreadable": 1},
    }
    said = bookwatch("status").stdout
    assert "Quarantine 1 row, oldest 0 s ago" in said
    assert "1 × creation_unreadable" in said


def state(bookwatch: Bookwatch, *, booking: str | None = None, record: str | None = None) -> dict[str, Any]:
    where = f"booking_id = '{booking}'" if booking else f"commission_id = '{record}'"
    (row,) = bookwatch.rows(f"SELECT * FROM marts.commission_reconciliation WHERE {where}")
    return row


@pytest.mark.parametrize(
    ("booking", "record", "expected_state", "expected", "actual"),
    [
        # The booking's own record is the paid one; the other, which came first, is the duplicate.
        ("plain", "c_plain_again", "matched", 75_000, 75_000),
        ("whatsapp", "c_by_business_id", "matched", 75_000, 75_000),
        ("menu", "c_by_doc_id", "matched", 75_000, 75_000),
        ("price_rupiah", "c_thousands", "mismatched", 75_000, 75_000),
        ("on_the_way", "c_rate", "mismatched", 75_000, 62_500),
        ("in_progress", "c_amount", "mismatched", 75_000, 70_000),
        ("newer_status", None, "missing", 75_000, 0),
        ("no_amount", "c_no_amount", "unknown", None, 75_000),
        ("at_hotel", "c_hotel", "matched", 75_000, 75_000),
    ],
)
def test_an_earning_booking_is_reconciled(
    bookwatch: Bookwatch,
    booking: str,
    record: str | None,
    expected_state: str,
    expected: int | None,
    actual: int,
) -> None:
    row = state(bookwatch, booking=booking)
    assert (row["commission_id"], row["state"], row["expected_idr"], row["actual_idr"]) == (
        record,
        expected_state,
        expected,
        actual,
    )


@pytest.mark.parametrize(
    ("record", "expected_state"),
    [
        ("c_orphan", "orphan"),
        ("c_not_due", "not_due"),
        ("c_pending", "unknown"),
        ("c_quarantined", "unknown"),
    ],
)
def test_a_record_without_an_earning_booking_has_a_row_of_its_own(
    bookwatch: Bookwatch, record: str, expected_state: str
) -> None:
    assert state(bookwatch, record=record)["state"] == expected_state


def test_a_test_booking_and_its_record_are_in_no_figure(bookwatch: Bookwatch) -> None:
    assert not bookwatch.rows("SELECT 1 FROM marts.commission_reconciliation WHERE booking_id = 'is_test'")
    assert not bookwatch.rows("SELECT 1 FROM marts.commission_reconciliation WHERE commission_id = 'c_test'")


def test_the_findings_are_these_and_no_other(bookwatch: Bookwatch) -> None:
    kinds = (
        "duplicate orphan not_due unit_error wrong_rate wrong_amount"
        " wrong_provider ambiguous_reference source_mismatch"
    )
    rows = bookwatch.rows(
        "SELECT finding, commission_id FROM marts.commission_findings"
        f" WHERE finding IN ({', '.join(repr(kind) for kind in kinds.split())})"
    )
    assert {(r["finding"], r["commission_id"]) for r in rows} == {
        ("duplicate", "c_plain"),
        ("orphan", "c_orphan"),
        ("not_due", "c_not_due"),
        ("unit_error", "c_thousands"),
        ("wrong_rate", "c_rate"),
        ("wrong_amount", "c_amount"),
        ("wrong_provider", "c_hotel"),
    }


def test_every_bad_value_is_a_data_finding(bookwatch: Bookwatch) -> None:
    rows = bookwatch.rows("SELECT finding, row_id FROM marts.data_findings")
    found = {(r["finding"], r["row_id"]) for r in rows}
    assert {
        ("amount_unknown", "no_amount"),
        ("amount_disagrees", "disagrees"),
        ("amount_disagrees", "rounded_differs"),
        ("amount_disagrees", "over_rounding"),
        ("amount_implausible", "price_at_limit"),
        ("amount_implausible", "total_hundredths"),
        ("amount_in_thousands", "total_thousands"),
        ("amount_currency", "dollars"),
    } <= found
    assert not {("amount_unknown", name) for name in ("price_at_limit", "dollars", "free")} & found
    sound = {
        "plain",
        "price_rounded",
        "discounted",
        "free",
        "epoch_ms",
        "hh_mm",
        "rupiah_apart",
        "rounding_apart",
    }
    assert not {f for f in found if f[1] in sound}
    assert {"strange_status", "strange_source", "bad_start", "garbage_created"} <= {row for _, row in found}


def test_no_detail_repeats_a_personal_value(bookwatch: Bookwatch) -> None:
    for table in ("marts.data_findings", "marts.commission_findings", "ops.quarantine", "ops.check_results"):
        text = str(bookwatch.rows(f"SELECT * FROM {table}"))
        assert "Wayan" not in text
        assert "81234567890" not in text
        assert "yesterday-ish" not in text
