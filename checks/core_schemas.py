"""What must hold of every core table, structurally: columns and their order, types, enumerations, ranges,
unique ids.

Money and health rules are not here: they never block publishing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from marketplace.collections import BOOKING_COLLECTIONS, INGESTED
from marketplace.data_codes import DATA_FINDINGS
from marketplace.decline_reasons import REASONS as DECLINE_REASONS
from marketplace.money import MICRO
from marketplace.rules import EARLIEST_INSTANT, LATEST_INSTANT, LONGEST_SERVICE_MINUTES
from marketplace.trials import RULES as TEST_RULES
from marketplace.words import (
    BOOKING_STATUSES,
    COMMISSION_STATUSES,
    MESSAGE_KINDS,
    MODES,
    PROVIDER_STATUSES,
    PROVIDER_TYPES,
    ROLES,
    ROOM_STATUSES,
    SOURCES,
)

AMOUNT_RULES = (
    "totalCost",
    "totalPrice",
    "totalAmount",
    "paymentAmount",
    "pricing.total",
    "price",
    "price_thousands",
    "discounted",
    "free",
)
STATES = ("present", "empty", "absent")
_OFFSETS: dict[str, Any] = {"ge": -14 * 60, "le": 14 * 60}
_INSTANTS: dict[str, Any] = {"ge": EARLIEST_INSTANT, "lt": LATEST_INSTANT}


class CoreTable(pa.DataFrameModel):
    """Rules of every core table."""

    class Config:  # pyright: ignore[reportIncompatibleVariableOverride] - how Pandera is told
        strict = True
        ordered = True


class Bookings(CoreTable):
    booking_id: pl.String
    origin: pl.String = pa.Field(isin=BOOKING_COLLECTIONS)
    business_id: pl.String = pa.Field(nullable=True)
    customer_id: pl.String = pa.Field(nullable=True)
    provider_id: pl.String = pa.Field(nullable=True)
    provider_type: pl.String = pa.Field(nullable=True, isin=PROVIDER_TYPES)
    provider_name: pl.String = pa.Field(nullable=True)
    status: pl.String = pa.Field(isin=BOOKING_STATUSES)
    raw_status: pl.String = pa.Field(nullable=True)
    source: pl.String = pa.Field(isin=SOURCES)
    source_rule: pl.String = pa.Field(isin=("explicit", "mode", "scheduled_time", "chat_window", "none"))
    mode: pl.String = pa.Field(isin=MODES)
    mode_rule: pl.String = pa.Field(
        isin=("mode", "bookingType", "metadata", "scheduled_time", "start", "deadline", "none")
    )
    service_minutes: pl.Int64 = pa.Field(nullable=True, ge=1, le=LONGEST_SERVICE_MINUTES)
    amount_idr: pl.Int64 = pa.Field(nullable=True, ge=0)
    amount_rule: pl.String = pa.Field(nullable=True, isin=AMOUNT_RULES)
    created_at: pl.Datetime = pa.Field(**_INSTANTS)
    created_rule: pl.String = pa.Field(isin=("createdAt", "booking.createdAt", "$createdAt"))
    updated_at: pl.Datetime = pa.Field(nullable=True)
    starts_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    ends_at: pl.Datetime = pa.Field(nullable=True)
    response_deadline: pl.Datetime = pa.Field(nullable=True)
    deadline_rule: pl.String = pa.Field(nullable=True, isin=("explicit", "default"))
    accepted_at: pl.Datetime = pa.Field(nullable=True)
    accepted_rule: pl.String = pa.Field(nullable=True, isin=("explicit", "observed"))
    responded_at: pl.Datetime = pa.Field(nullable=True)
    completed_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    cancelled_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    decline_reason: pl.String = pa.Field(nullable=True, isin=DECLINE_REASONS)
    payment_method: pl.String = pa.Field(nullable=True)
    discounted: pl.Boolean
    chat_window_open: pl.Boolean = pa.Field(nullable=True)
    has_source_value: pl.Boolean
    has_mode_value: pl.Boolean
    has_schedule_value: pl.Boolean
    customer_key: pl.String = pa.Field(nullable=True, str_matches=r"^(c:.|p:[0-9a-f]{32}$)")
    utc_offset_minutes: pl.Int64 = pa.Field(nullable=True, **_OFFSETS)
    is_test: pl.Boolean
    test_rule: pl.String = pa.Field(nullable=True, isin=TEST_RULES)
    earns: pl.Boolean
    deleted_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        # two collections: Appwrite promises a $id to be unique in each, not in both
        unique = (
            "origin",
            "booking_id",
        )


class Commissions(CoreTable):
    commission_id: pl.String
    booking_ref: pl.String = pa.Field(nullable=True)
    booking_doc_ref: pl.String = pa.Field(nullable=True)
    provider_id: pl.String = pa.Field(nullable=True)
    provider_name: pl.String = pa.Field(nullable=True)
    booking_amount_idr: pl.Int64 = pa.Field(nullable=True)
    rate: pl.Float64 = pa.Field(nullable=True, ge=0, le=1)
    rate_ppm: pl.Int64 = pa.Field(nullable=True, ge=0, le=MICRO)
    commission_idr: pl.Int64 = pa.Field(nullable=True)
    amount_rule: pl.String = pa.Field(nullable=True, isin=("rupiah", "thousands"))
    written_booking_amount: pl.Float64 = pa.Field(nullable=True)
    written_commission: pl.Float64 = pa.Field(nullable=True)
    is_implausible: pl.Boolean
    status: pl.String = pa.Field(isin=COMMISSION_STATUSES)
    raw_status: pl.String = pa.Field(nullable=True)
    is_live: pl.Boolean
    source: pl.String = pa.Field(nullable=True, isin=SOURCES)
    created_at: pl.Datetime = pa.Field(**_INSTANTS)
    deadline_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    paid_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    verified_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    proof_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    proof_state: pl.String = pa.Field(isin=STATES)
    fee_idr: pl.Int64 = pa.Field(nullable=True)
    fee_state: pl.String = pa.Field(isin=STATES)
    fee_required: pl.Boolean = pa.Field(nullable=True)
    due_idr: pl.Int64 = pa.Field(nullable=True)
    restricted_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    utc_offset_minutes: pl.Int64 = pa.Field(nullable=True, **_OFFSETS)
    is_test: pl.Boolean
    updated_at: pl.Datetime = pa.Field(nullable=True)
    deleted_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = ("commission_id",)


class Messages(CoreTable):
    message_id: pl.String
    conversation_id: pl.String = pa.Field(nullable=True)
    booking_ref: pl.String = pa.Field(nullable=True)
    sender_id: pl.String = pa.Field(nullable=True)
    sender_role: pl.String = pa.Field(isin=ROLES)
    receiver_id: pl.String = pa.Field(nullable=True)
    receiver_role: pl.String = pa.Field(nullable=True, isin=ROLES)
    kind: pl.String = pa.Field(isin=MESSAGE_KINDS)
    sent_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    is_read: pl.Boolean = pa.Field(nullable=True)
    created_at: pl.Datetime = pa.Field(**_INSTANTS)
    updated_at: pl.Datetime = pa.Field(nullable=True)
    deleted_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = ("message_id",)


class ChatRooms(CoreTable):
    room_id: pl.String
    booking_ref: pl.String = pa.Field(nullable=True)
    customer_id: pl.String = pa.Field(nullable=True)
    provider_id: pl.String = pa.Field(nullable=True)
    status: pl.String = pa.Field(isin=ROOM_STATUSES)
    raw_status: pl.String = pa.Field(nullable=True)
    expires_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    created_at: pl.Datetime = pa.Field(**_INSTANTS)
    updated_at: pl.Datetime = pa.Field(nullable=True)
    deleted_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = ("room_id",)


class Notifications(CoreTable):
    notification_id: pl.String
    recipient_id: pl.String = pa.Field(nullable=True)
    recipient_type: pl.String = pa.Field(nullable=True)
    kind: pl.String = pa.Field(nullable=True)
    channel: pl.String = pa.Field(nullable=True)
    booking_ref: pl.String = pa.Field(nullable=True)
    sent_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    delivered_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    failed_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    is_read: pl.Boolean = pa.Field(nullable=True)
    created_at: pl.Datetime = pa.Field(**_INSTANTS)
    updated_at: pl.Datetime = pa.Field(nullable=True)
    deleted_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = ("notification_id",)


class Providers(CoreTable):
    provider_id: pl.String
    provider_type: pl.String = pa.Field(isin=PROVIDER_TYPES)
    provider_name: pl.String = pa.Field(nullable=True)
    status: pl.String = pa.Field(nullable=True, isin=PROVIDER_STATUSES)
    city: pl.String = pa.Field(nullable=True)
    timezone: pl.String = pa.Field(nullable=True)
    utc_offset_minutes: pl.Int64 = pa.Field(**_OFFSETS)
    commission_plan: pl.String = pa.Field(nullable=True)
    notifications_enabled: pl.Boolean = pa.Field(nullable=True)
    sound_enabled: pl.Boolean = pa.Field(nullable=True)
    last_seen_at: pl.Datetime = pa.Field(nullable=True, **_INSTANTS)
    browser: pl.String = pa.Field(nullable=True)
    capacity: pl.Int64 = pa.Field(nullable=True, ge=1)
    created_at: pl.Datetime = pa.Field(**_INSTANTS)
    updated_at: pl.Datetime = pa.Field(nullable=True)
    deleted_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = (
            "provider_type",
            "provider_id",
        )


class BookingEvents(CoreTable):
    booking_id: pl.String
    from_status: pl.String = pa.Field(nullable=True, isin=BOOKING_STATUSES)
    to_status: pl.String = pa.Field(isin=BOOKING_STATUSES)
    observed_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)
    origin: pl.String = pa.Field(isin=BOOKING_COLLECTIONS)

    class Config(CoreTable.Config):
        unique = (
            "origin",
            "booking_id",
            "change",
        )


class DataFindings(CoreTable):
    finding: pl.String = pa.Field(isin=tuple(DATA_FINDINGS))
    collection: pl.String = pa.Field(isin=INGESTED)
    row_id: pl.String
    attribute: pl.String
    detail: pl.String
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = (
            "finding",
            "collection",
            "row_id",
            "attribute",
        )


class Quarantined(CoreTable):
    collection: pl.String = pa.Field(isin=INGESTED)
    row_id: pl.String
    business_id: pl.String = pa.Field(nullable=True)
    reasons: pl.String = pa.Field(str_startswith="[")
    first_seen_at: pl.Datetime = pa.Field(nullable=True)
    change: pl.Int64 = pa.Field(ge=0)

    class Config(CoreTable.Config):
        unique = (
            "collection",
            "row_id",
        )


CORE_SCHEMAS: Mapping[str, type[CoreTable]] = {
    "bookings": Bookings,
    "commissions": Commissions,
    "messages": Messages,
    "chat_rooms": ChatRooms,
    "notifications": Notifications,
    "providers": Providers,
    "booking_events": BookingEvents,
    "data_findings": DataFindings,
    "quarantined": Quarantined,
}
"""Core table → its schema."""


@dataclass(frozen=True)
class Violation:
    """A rule of a schema that does not hold. ``rows``: how many rows break it, null where it is about the
    whole table."""

    table: str
    column: str
    check: str
    rows: int | None


def violations(table: str, frame: pl.DataFrame) -> list[Violation]:
    """What a frame breaks of the schema of its core table; never a value of a row. The frame must be a
    DataFrame:
    a LazyFrame would be validated without its data."""
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("only a DataFrame is validated; on a LazyFrame every data check would be skipped")
    try:
        CORE_SCHEMAS[table].validate(frame, lazy=True)
    except SchemaErrors as broken:
        counted: dict[tuple[str, str], int | None] = {}
        for error in broken.schema_errors:
            column = str(getattr(error.schema, "name", None) or "")
            check = str(getattr(error.check, "name", None) or error.check or error.reason_code)
            cases = error.failure_cases
            rows = cases.height if isinstance(cases, pl.DataFrame) else None
            counted[(column if column in frame.columns else "", check.split("(")[0])] = rows
        return [Violation(table, column, check, rows) for (column, check), rows in counted.items()]
    return []
