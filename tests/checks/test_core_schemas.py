"""Each core schema: a good row passes, a bad row of each kind fails and is named without its value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from checks.derived_rows import violations
from checks.schemas import CORE

AT = datetime(2025, 11, 20)
GOOD: dict[str, dict[str, Any]] = {
    "bookings": {
        "booking_id": "b", "origin": "bookings", "status": "pending", "source": "unknown", "source_rule": "none",
        "mode": "unknown", "mode_rule": "none", "created_at": AT, "created_rule": "$createdAt", "discounted": False,
        "has_source_value": False, "has_mode_value": False, "has_schedule_value": False, "utc_offset_minutes": 480,
        "is_test": False, "earns": False, "change": 1,
    },
    "commissions": {
        "commission_id": "c", "is_implausible": False, "status": "paid", "is_live": True, "created_at": AT,
        "proof_state": "absent", "fee_state": "absent", "utc_offset_minutes": 480, "is_test": False, "change": 1,
        "paid_rule": "paidAt",
    },
    "messages": {"message_id": "m", "sender_role": "unknown", "kind": "text", "created_at": AT, "change": 1},
    "chat_rooms": {"room_id": "r", "status": "active", "created_at": AT, "change": 1},
    "notifications": {"notification_id": "n", "created_at": AT, "change": 1},
    "providers": {"provider_id": "p", "provider_type": "place", "utc_offset_minutes": 480, "created_at": AT,
                  "change": 1},
    "reviews": {"review_id": "v", "created_at": AT, "change": 1},
    "booking_offers": {"offer_id": "o", "state": "offered", "created_at": AT, "change": 1},
    "booking_providers": {"booking_id": "b", "origin": "bookings", "change": 1},
    "booking_handovers": {"booking_id": "b", "origin": "bookings", "change": 1},
    "provider_states": {"provider_id": "p", "provider_type": "place", "change": 1},
    "booking_events": {"booking_id": "b", "to_status": "pending", "change": 1, "origin": "bookings"},
    "data_findings": {
        "finding": "amount_unknown", "collection": "bookings", "row_id": "b", "attribute": "price", "detail": "none",
        "change": 1, "code": "noted.no_amount", "args": "{}",
    },
    "quarantined": {"collection": "bookings", "row_id": "b", "reasons": '["id_missing"]', "change": 1},
}  # fmt: skip
BAD: dict[str, dict[str, Any]] = {
    "bookings": {
        "origin": "zzbad", "provider_type": "zzbad", "status": "zzbad", "source": "zzbad", "source_rule": "zzbad",
        "mode": "zzbad", "mode_rule": "zzbad", "service_minutes": 0, "amount_idr": -1, "amount_rule": "zzbad",
        "created_at": datetime(1970, 1, 1), "created_rule": "zzbad", "starts_at": datetime(2100, 1, 1),
        "deadline_rule": "zzbad", "accepted_rule": "zzbad", "completed_at": datetime(1970, 1, 1),
        "cancelled_at": datetime(1970, 1, 1), "decline_reason": "zzbad", "customer_key": "+6281234567890",
        "utc_offset_minutes": 1000, "test_rule": "zzbad", "change": -1, "cancelled_by": "zzbad",
    },
    "commissions": {
        "rate": 30.0, "rate_ppm": 30_000_000, "amount_rule": "zzbad", "status": "zzbad", "source": "zzbad",
        "created_at": datetime(1970, 1, 1), "deadline_at": datetime(1970, 1, 1), "paid_at": datetime(2100, 1, 1),
        "verified_at": datetime(1970, 1, 1), "proof_at": datetime(1970, 1, 1), "proof_state": "zzbad",
        "fee_state": "zzbad", "restricted_at": datetime(1970, 1, 1), "utc_offset_minutes": -1000, "change": -1,
    },
    "messages": {"sender_role": "zzbad", "receiver_role": "zzbad", "kind": "zzbad", "sent_at": datetime(1970, 1, 1),
                 "created_at": datetime(1970, 1, 1), "change": -1},
    "chat_rooms": {"status": "zzbad", "expires_at": datetime(1970, 1, 1), "created_at": datetime(1970, 1, 1),
                   "change": -1},
    "notifications": {"sent_at": datetime(1970, 1, 1), "delivered_at": datetime(1970, 1, 1),
                      "failed_at": datetime(1970, 1, 1), "created_at": datetime(1970, 1, 1), "change": -1},
    "providers": {"provider_type": "zzbad", "status": "zzbad", "utc_offset_minutes": 1000,
                  "last_seen_at": datetime(1970, 1, 1), "created_at": datetime(1970, 1, 1), "change": -1},
    "reviews": {"rating": 6, "created_at": datetime(1970, 1, 1), "change": -1},
    "booking_offers": {"provider_type": "zzbad", "state": "zzbad", "round": 0, "offered_at": datetime(1970, 1, 1),
                       "deadline": datetime(1970, 1, 1), "answered_at": datetime(1970, 1, 1),
                       "created_at": datetime(1970, 1, 1), "change": -1},
    "booking_providers": {"origin": "zzbad", "change": -1},
    "booking_handovers": {"origin": "zzbad", "handed_at": datetime(1970, 1, 1), "change": -1},
    "provider_states": {"provider_type": "zzbad", "status": "zzbad", "last_seen_at": datetime(1970, 1, 1),
                        "change": -1},
    "booking_events": {"from_status": "zzbad", "to_status": "zzbad", "origin": "zzbad", "change": -1},
    "data_findings": {"finding": "zzbad", "collection": "zzbad", "change": -1},
    "quarantined": {"collection": "bank_details", "reasons": "zzbad", "change": -1},
}  # fmt: skip


def test_every_core_table_that_is_checked_has_a_good_and_a_bad_row():
    assert set(GOOD) == set(BAD) == {name for name, one in CORE.items() if one.checked}


def frame(table: str, *rows: dict[str, Any]) -> pl.DataFrame:
    columns = CORE[table].polars_schema
    return pl.DataFrame([{**dict.fromkeys(columns), **row} for row in rows], schema=columns)


@pytest.mark.parametrize("table", GOOD)
def test_a_good_row_and_an_empty_table_pass(table: str):
    assert violations(table, frame(table, GOOD[table])) == []
    assert violations(table, frame(table)) == []


@pytest.mark.parametrize("table", GOOD)
def test_a_bad_value_in_any_column_fails_and_is_not_repeated(table: str):
    found = violations(table, frame(table, {**GOOD[table], **BAD[table]}))
    assert {v.column for v in found} == set(BAD[table])
    assert all(v.rows == 1 for v in found)
    assert "zzbad" not in repr(found)
    assert "+62" not in repr(found)


@pytest.mark.parametrize("table", GOOD)
def test_a_null_where_a_value_must_stand_fails(table: str):
    required = {column.name for column in CORE[table].columns if not column.null}
    assert required <= set(GOOD[table])
    found = violations(table, frame(table, {**GOOD[table], **dict.fromkeys(required)}))
    assert {v.column for v in found if v.check == "not_nullable"} == required


@pytest.mark.parametrize("table", GOOD)
def test_a_row_that_stands_twice_fails(table: str):
    found = violations(table, frame(table, GOOD[table], GOOD[table]))
    assert [(v.check, v.rows) for v in found] == [("multiple_fields_uniqueness", 2)]


@pytest.mark.parametrize("table", GOOD)
def test_a_missing_added_moved_or_retyped_column_fails(table: str):
    good = frame(table, GOOD[table])
    last = good.columns[-1]
    for wrong in (
        good.drop(last),
        good.with_columns(pl.lit(1).alias("surplus")),
        good.select(reversed(good.columns)),
        good.with_columns(pl.lit(1.5).alias(last)),
    ):
        assert violations(table, wrong), wrong.columns


def test_a_lazy_frame_is_refused_because_its_data_would_not_be_checked():
    with pytest.raises(TypeError):
        violations("messages", frame("messages", GOOD["messages"]).lazy())  # type: ignore[arg-type] - what it must refuse
