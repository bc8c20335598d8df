"""Commissions: the record that an earning booking lacks is written as the app would have, and its provider is told what
is due. Its amount is the pipeline's own figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import key_of, meaning, record_status, text_at, word
from marketplace.collections import RECORDS
from marketplace.commission import RowState
from marketplace.new_records import Charge
from marketplace.operations import RECORD_PREFIX, Operation, commission_id
from marketplace.statuses import FLAG, CommissionStatus
from marketplace.telling import Told
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import (
    UPDATED_AT,
    arguments,
    change_of,
    instant,
    instant_in,
    moved,
    not_earning,
    now,
)
from operations.on_bookings import provider_named
from operations.port import Published
from operations.records import created_record, due_said, free_record_id, live, record_written, records_of
from operations.telling import Telling, provider_row
from resources.appwrite.writing import Row, Write

MISSING = """
WITH missing AS (
    SELECT r.booking_id, r.origin, r.provider_id, r.expected_idr, r.booking_amount_idr, r.policy_rate_ppm,
           r.policy_version, r.deadline_at, r.local_date, r.utc_offset_minutes, r.source,
           b.business_id, b.provider_type, b.created_at, b.starts_at, b.updated_at
    FROM marts.commission_reconciliation r JOIN core.bookings b USING (origin, booking_id)
    WHERE r.state = $missing AND r.expected_idr > 0 AND r.booking_amount_idr > 0 AND r.provider_id IS NOT NULL
      AND r.policy_rate_ppm IS NOT NULL AND r.local_date IS NOT NULL AND b.updated_at IS NOT NULL
      AND b.deleted_at IS NULL AND NOT b.is_test
      -- somebody said that it may be missing
      AND NOT EXISTS (SELECT 1 FROM marts.commission_findings f
                      WHERE f.finding = 'missing' AND f.booking_id = r.booking_id AND f.origin = r.origin AND f.waived)
), keys AS (
    SELECT booking_id AS key FROM missing UNION SELECT business_id FROM missing WHERE business_id IS NOT NULL
), fits AS (
    -- how many bookings a reference would fit: one that fits two is nobody's
    SELECT key, count(*) AS bookings FROM (
        SELECT k.key, b.origin, b.booking_id FROM core.bookings b JOIN keys k ON b.booking_id = k.key
        UNION
        SELECT k.key, b.origin, b.booking_id FROM core.bookings b JOIN keys k ON b.business_id = k.key
    ) GROUP BY key
)
SELECT missing.*, CASE WHEN own.bookings = 1 THEN missing.booking_id ELSE missing.business_id END AS reference
FROM missing
LEFT JOIN fits own ON own.key = missing.booking_id
LEFT JOIN fits shown ON shown.key = missing.business_id
WHERE own.bookings = 1 OR shown.bookings = 1
ORDER BY missing.local_date, missing.booking_id, missing.origin
"""
OURS = "SELECT commission_id, provider_id FROM core.commissions WHERE starts_with(commission_id, $prefix)"


class RecordMissingCommissions:
    operation = Operation.RECORD_MISSING_COMMISSIONS
    collection = "bookings"
    description = "Write the commission record of bookings that earn and have none."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        ours = {
            (row["commission_id"], row["provider_id"])
            for row in published.rows(OURS, {"prefix": RECORD_PREFIX})
        }
        for row in published.rows(MISSING, {"missing": RowState.MISSING.value}):
            row_id = commission_id(row["origin"], row["booking_id"])
            if (row_id, row["provider_id"]) in ours:
                continue  # it was taken back by a person: what they decided stands
            yield Proposed(
                row["origin"],
                row["booking_id"],
                before={"commission": None},
                after={
                    "commission": row_id,
                    "commission_idr": row["expected_idr"],
                    "booking_amount_idr": row["booking_amount_idr"],
                    "rate_ppm": row["policy_rate_ppm"],
                    "deadline_at": instant(row["deadline_at"]) or None,
                    "status": CommissionStatus.PENDING.value,
                },
                why=Message(
                    "acting.why_recorded", {"booking": row["booking_id"], "expected": row["expected_idr"]}
                ),
                rule=f"commission policy {row['policy_version']}, accrued {row['local_date']}",
                arguments=arguments(
                    row,
                    UPDATED_AT,
                    "reference",
                    "provider_id",
                    "provider_type",
                    "booking_amount_idr",
                    "policy_rate_ppm",
                    "expected_idr",
                    "deadline_at",
                    "source",
                    "created_at",
                    "starts_at",
                    "utc_offset_minutes",
                ),
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return [(RECORDS, str(action.proposed.after["commission"])), *provider_named(action)]

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at, booking_id = action.proposed.arguments, now(moment), action.proposed.row_id
        tell = Telling(action.action_id, at, ask)
        if (skip := moved(action, row) or not_earning(row, booking_id)) is not None:
            return skip
        if standing := live(records_of(row, ask)):
            return Skip(
                Message("acting.recorded", {"booking": booking_id, "commission": str(standing[0]["$id"])})
            )
        provider = key_of(meaning(row, "booking.provider_id"), given["provider_id"])
        if provider is None:
            return Skip(Message("acting.moved", {"row": booking_id}))
        row_id = free_record_id(action.proposed.collection, booking_id, provider, ask)
        if row_id is None:
            return Skip(Message("acting.record_taken_back", {"booking": booking_id}))
        # A key that is no id is published as a hash: what is written refers by what stands in the row.
        reference = booking_id if given["reference"] == booking_id else meaning(row, "booking.business_id")
        if reference is None:
            return Skip(Message("acting.moved", {"row": booking_id}))
        found = provider_row(provider, given.get("provider_type"), ask)
        account = found[1] if found else None
        if account is not None and word(text_at(account, "isTest"), FLAG) == "true":
            return Skip(Message("acting.is_test", {"row": provider}))
        name = meaning(account, "provider.name") if account else None
        created = instant_in(given["created_at"])
        assert created is not None, "a booking without a creation is not published"
        charge = Charge(
            booking=reference,
            provider_id=provider,
            provider_name=name or meaning(row, "booking.provider_name"),
            amount_idr=int(given["booking_amount_idr"]),
            rate_ppm=int(given["policy_rate_ppm"]),
            commission_idr=int(given["expected_idr"]),
            deadline_at=instant_in(given.get("deadline_at", "")),
            source=given["source"],
            booked_at=created,
            starts_at=instant_in(given.get("starts_at", "")),
            offset_minutes=int(given["utc_offset_minutes"]),
            made_at=at,
        )
        return [
            created_record(row_id, charge, ask),
            *tell.provider(
                provider,
                given.get("provider_type"),
                Told.PAYMENT_DUE,
                due_said(charge),
                booking=row,
                row=account,
            ),
        ]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """A record is never deleted: it is cancelled, while nothing happened to it."""
        record = ask.row(RECORDS, str(action.proposed.after["commission"]))
        if record is None:
            return Skip(Message("acting.gone", {"row": str(action.proposed.after["commission"])}))
        status = record_status(record)
        if status != CommissionStatus.PENDING.value:
            return Skip(Message("acting.is_now", {"row": str(record["$id"]), "status": status}))
        cancelled = record_written(record, CommissionStatus.CANCELLED.value, ask)
        return [change_of(RECORDS, record, cancelled)]


KIND = RecordMissingCommissions()
