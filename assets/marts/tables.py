"""What the marts are made from, as Ibis tables: the columns of core and ops they read, and what a build is given
(given.py). No rule lives here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ibis

from assets.marts.given import GIVEN, INSTANTS

_TEXT, _INT, _FLOAT, _BOOL, _TIME = "string", "int64", "float64", "boolean", "timestamp"

#: Columns of each source table in order, with Ibis's type names (docs/tables.md).
SOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "core.bookings": {
        "booking_id": _TEXT,
        "origin": _TEXT,
        "business_id": _TEXT,
        "customer_id": _TEXT,
        "provider_id": _TEXT,
        "provider_type": _TEXT,
        "provider_name": _TEXT,
        "status": _TEXT,
        "raw_status": _TEXT,
        "source": _TEXT,
        "source_rule": _TEXT,
        "mode": _TEXT,
        "mode_rule": _TEXT,
        "service_minutes": _INT,
        "amount_idr": _INT,
        "amount_rule": _TEXT,
        "created_at": _TIME,
        "created_rule": _TEXT,
        "updated_at": _TIME,
        "starts_at": _TIME,
        "ends_at": _TIME,
        "response_deadline": _TIME,
        "deadline_rule": _TEXT,
        "accepted_at": _TIME,
        "accepted_rule": _TEXT,
        "responded_at": _TIME,
        "completed_at": _TIME,
        "cancelled_at": _TIME,
        "decline_reason": _TEXT,
        "payment_method": _TEXT,
        "discounted": _BOOL,
        "chat_window_open": _BOOL,
        "has_source_value": _BOOL,
        "has_mode_value": _BOOL,
        "has_schedule_value": _BOOL,
        "customer_key": _TEXT,
        "utc_offset_minutes": _INT,
        "is_test": _BOOL,
        "test_rule": _TEXT,
        "earns": _BOOL,
        "deleted_at": _TIME,
        "change": _INT,
    },
    "core.commissions": {
        "commission_id": _TEXT,
        "booking_ref": _TEXT,
        "booking_doc_ref": _TEXT,
        "provider_id": _TEXT,
        "provider_name": _TEXT,
        "booking_amount_idr": _INT,
        "rate": _FLOAT,
        "rate_ppm": _INT,
        "commission_idr": _INT,
        "amount_rule": _TEXT,
        "written_booking_amount": _FLOAT,
        "written_commission": _FLOAT,
        "is_implausible": _BOOL,
        "status": _TEXT,
        "raw_status": _TEXT,
        "is_live": _BOOL,
        "source": _TEXT,
        "created_at": _TIME,
        "deadline_at": _TIME,
        "paid_at": _TIME,
        "verified_at": _TIME,
        "proof_at": _TIME,
        "proof_state": _TEXT,
        "fee_idr": _INT,
        "fee_state": _TEXT,
        "fee_required": _BOOL,
        "due_idr": _INT,
        "restricted_at": _TIME,
        "utc_offset_minutes": _INT,
        "is_test": _BOOL,
        "updated_at": _TIME,
        "deleted_at": _TIME,
        "change": _INT,
    },
    "core.messages": {
        "message_id": _TEXT,
        "conversation_id": _TEXT,
        "booking_ref": _TEXT,
        "sender_id": _TEXT,
        "sender_role": _TEXT,
        "receiver_id": _TEXT,
        "receiver_role": _TEXT,
        "kind": _TEXT,
        "sent_at": _TIME,
        "is_read": _BOOL,
        "created_at": _TIME,
        "updated_at": _TIME,
        "deleted_at": _TIME,
        "change": _INT,
    },
    "core.chat_rooms": {
        "room_id": _TEXT,
        "booking_ref": _TEXT,
        "customer_id": _TEXT,
        "provider_id": _TEXT,
        "status": _TEXT,
        "raw_status": _TEXT,
        "expires_at": _TIME,
        "created_at": _TIME,
        "updated_at": _TIME,
        "deleted_at": _TIME,
        "change": _INT,
    },
    "core.notifications": {
        "notification_id": _TEXT,
        "recipient_id": _TEXT,
        "recipient_type": _TEXT,
        "kind": _TEXT,
        "channel": _TEXT,
        "booking_ref": _TEXT,
        "sent_at": _TIME,
        "delivered_at": _TIME,
        "failed_at": _TIME,
        "is_read": _BOOL,
        "created_at": _TIME,
        "updated_at": _TIME,
        "deleted_at": _TIME,
        "change": _INT,
    },
    "core.providers": {
        "provider_id": _TEXT,
        "provider_type": _TEXT,
        "provider_name": _TEXT,
        "status": _TEXT,
        "city": _TEXT,
        "timezone": _TEXT,
        "utc_offset_minutes": _INT,
        "commission_plan": _TEXT,
        "notifications_enabled": _BOOL,
        "sound_enabled": _BOOL,
        "last_seen_at": _TIME,
        "browser": _TEXT,
        "capacity": _INT,
        "created_at": _TIME,
        "updated_at": _TIME,
        "deleted_at": _TIME,
        "change": _INT,
    },
    "core.data_findings": {
        "finding": _TEXT,
        "collection": _TEXT,
        "row_id": _TEXT,
        "attribute": _TEXT,
        "detail": _TEXT,
        "change": _INT,
    },
    "core.quarantined": {
        "collection": _TEXT,
        "row_id": _TEXT,
        "business_id": _TEXT,
        "reasons": _TEXT,
        "first_seen_at": _TIME,
        "change": _INT,
    },
    "ops.health_changes": {
        "change_id": _INT,
        "point": "int32",
        "status": _TEXT,
        "since": _TIME,
        "evaluated_before": _TIME,
        "evaluated_at": _TIME,
        "message": _TEXT,
    },
    "ops.scans": {
        "collection": _TEXT,
        "watermark": _TIME,
        "completed_at": _TIME,
        "required": _BOOL,
        "outcome": _TEXT,
        "detail": _TEXT,
        "unread": _TEXT,
        "read_until": _TIME,
    },
}


class Tables:
    """Ibis tables by their short name: sources (``t.bookings``), steps and marts already made
    (``t.commission_reviews``)."""

    def __init__(self, made: Mapping[str, Any] | None = None) -> None:
        self._tables: dict[str, Any] = dict(made or {})

    @classmethod
    def of_sources(cls) -> Tables:
        """Unbound tables of every source."""
        tables = cls()
        for name, columns in SOURCES.items():
            schema, table = name.split(".")
            tables.add(table, ibis.schema(dict(columns)), schema)
        for name, columns in GIVEN.items():
            tables.add(name, ibis.schema(dict(columns)), None)
        return tables

    def add(self, name: str, schema: Any, database: str | None) -> None:
        """Make a table known to those that come after it."""
        self._tables[name] = ibis.table(schema, name=name, database=database)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._tables[name]
        except KeyError:
            raise AttributeError(f"no table {name!r} was made before this one") from None


class Instants:
    """The instants as scalars of a one-row table, so that compiled SQL does not change with the clock."""

    def __init__(self, row: Any | None = None) -> None:
        self.row = row if row is not None else ibis.table(dict(INSTANTS), name="instants")

    @property
    def now(self) -> Any:
        """The clock: naive UTC."""
        return self.row.select("now").as_scalar()

    @property
    def judged_at(self) -> Any:
        """The earlier of the clock and the newest complete scan of commission_records; null if never
        scanned."""
        return self.row.select("judged_at").as_scalar()

    @property
    def quiet(self) -> Any:
        """Whether the clock lies in the quiet hours."""
        return self.row.select("quiet").as_scalar()

    @property
    def local_month(self) -> Any:
        """The first day of the clock's month in the marketplace's zone: a date."""
        return self.row.select("local_month").as_scalar()
