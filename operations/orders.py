"""What a person orders of one row: finding it in what is published. What is planned of it stands with each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.operations import Operation
from marketplace.transitions import Actor, record_may_move, states_before
from operations.port import Published
from resources.errors import UsageError

_BOOKING = """
SELECT booking_id, origin, business_id, provider_id, provider_type, provider_name, status, mode, source, amount_idr,
       created_at, starts_at, ends_at, response_deadline, utc_offset_minutes, updated_at, is_test,
       (SELECT max_by(room_id, (status = 'active', created_at)) FROM core.chat_rooms r
        WHERE r.booking_ref IN (b.booking_id, b.business_id) AND r.deleted_at IS NULL) AS room_id
FROM core.bookings b
WHERE b.deleted_at IS NULL AND $row IN (b.booking_id, b.business_id)
  AND ($collection = '' OR b.origin = $collection)
"""

_RECORD = """
SELECT c.*, r.booking_id, r.origin, r.state, r.expected_idr, r.booking_amount_idr AS owed_on_idr, r.policy_rate_ppm,
       r.policy_version, r.local_date, r.records, r.utc_offset_minutes AS offset_minutes
FROM core.commissions c LEFT JOIN marts.commission_reconciliation r ON r.commission_id = c.commission_id
WHERE c.deleted_at IS NULL AND c.commission_id = $row
"""


def _one(published: Published, sql: str, operation: Operation, ordered: Mapping[str, str]) -> dict[str, Any]:
    row_id = ordered.get("row", "")
    if not row_id:
        raise UsageError.of("failure.order_without_row", operation=operation.value)
    given = {"row": row_id}
    if "$collection" in sql:
        given["collection"] = ordered.get("collection", "")
        if given["collection"] not in ("", *BOOKING_COLLECTIONS):
            raise UsageError.of("failure.order_collection", names=[*BOOKING_COLLECTIONS])
    found = published.rows(sql, given)
    if not found:
        raise UsageError.of("failure.order_of_nothing", operation=operation.value, row=row_id)
    if len(found) > 1:
        raise UsageError.of("failure.order_of_two", operation=operation.value, row=row_id)
    return found[0]


def ordered_booking(
    published: Published, operation: Operation, ordered: Mapping[str, str], after: str
) -> dict[str, Any]:
    """The booking that an administrator wants in another state, by its ``$id`` or the key the app shows. Raises
    UsageError where there is none, or two, or one that does not go there."""
    row = _one(published, _BOOKING, operation, ordered)
    if row["status"] not in states_before(after, Actor.ADMIN):
        raise UsageError.of(
            "failure.order_not_allowed",
            operation=operation.value,
            row=row["booking_id"],
            status=row["status"],
            states=[*states_before(after, Actor.ADMIN)],
        )
    return row


def ordered_record(published: Published, operation: Operation, ordered: Mapping[str, str]) -> dict[str, Any]:
    """The commission record that an order is about, with what its booking owes. Raises UsageError as above."""
    return _one(published, _RECORD, operation, ordered)


def with_proof(
    row: dict[str, Any], operation: Operation, after: str, ordered: Mapping[str, str]
) -> dict[str, Any]:
    """A record whose payment is decided. Raises UsageError where it has no proof, or another one than the person saw
    who ordered it, or does not go to that state."""
    if row["proof_state"] != "present":
        raise UsageError.of("failure.no_proof", operation=operation.value, row=row["commission_id"])
    if ordered.get("proof", row["proof_key"]) != row["proof_key"]:
        raise UsageError.of("failure.another_proof", row=row["commission_id"])
    if not record_may_move(row["status"], after):
        raise UsageError.of(
            "failure.record_not_allowed",
            operation=operation.value,
            row=row["commission_id"],
            status=row["status"],
        )
    return row
