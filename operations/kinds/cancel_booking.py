"""Cancelling a booking for an administrator, with a reason: both sides are told, its charge is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import (
    attribute,
    booking_status,
    instant_like,
    key_of,
    meaning,
    record_status,
    status_written,
)
from marketplace.collections import RECORDS
from marketplace.offers import OfferState
from marketplace.operations import Operation
from marketplace.statuses import BOOKING_STATUS, BookingStatus, CommissionStatus
from marketplace.telling import Audience, Told
from marketplace.transitions import Actor, may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, change_of, changed, is_now, moved, no_way_back, now
from operations.offers import ended, open_offers
from operations.on_bookings import room_named
from operations.orders import ordered_booking
from operations.port import Published
from operations.records import record_written, records_of, records_taken_back
from operations.telling import Telling, room_of, was_told
from resources.appwrite.writing import Row, Write

_CANCELLED = BookingStatus.CANCELLED.value
_REASONS = ("cancellationReason", "cancelReason", "statusReason")


class CancelBooking:
    operation = Operation.CANCEL_BOOKING
    collection = "bookings"
    description = "Cancel one booking, with a reason."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        row = ordered_booking(published, self.operation, ordered, _CANCELLED)
        yield Proposed(
            row["origin"],
            row["booking_id"],
            before={"status": row["status"]},
            after={"status": _CANCELLED},
            why=Message("acting.why_ordered", {"booking": row["booking_id"], "status": row["status"]}),
            rule="cancelled by an administrator: docs/acting_kinds.md",
            arguments=arguments(
                row, UPDATED_AT, "room_id", "provider_id", "provider_type", "utc_offset_minutes"
            ),
        )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return room_named(action)

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at, origin = action.proposed.arguments, now(moment), action.proposed.collection
        tell = Telling(action.action_id, at, ask)
        if (skip := moved(action, row)) is not None:
            return skip
        status = booking_status(row)
        if not may_move(status, _CANCELLED, Actor.ADMIN):
            return is_now(action, status)
        if not action.reason.strip():
            return Skip(Message("acting.reason_wanted", {"operation": self.operation.value}))
        records = records_taken_back(row, ask)
        if isinstance(records, Skip):
            return records

        has = partial(ask.has, origin)
        data: dict[str, object] = {}
        data |= status_written(row, ALIASES["booking.status"], BOOKING_STATUS, _CANCELLED, has)
        offset = int(given["utc_offset_minutes"]) if "utc_offset_minutes" in given else None
        if (when := attribute(ALIASES["booking.cancelled_at"], has)) is not None:
            data[when] = instant_like(row.get(when), at, offset)
        if (who := attribute(ALIASES["booking.cancelled_by"], has)) is not None:
            data[who] = Actor.ADMIN.value
        if (why := attribute(_REASONS, has)) is not None:
            data[why] = action.reason.strip()
        room = room_of(row, given.get("room_id"), ask)
        provider = key_of(meaning(row, "booking.provider_id"), given.get("provider_id"))
        said = {"booking": action.proposed.row_id}
        return [
            changed(action, row, data),
            *records,
            *ended(open_offers(row, ask), OfferState.WITHDRAWN, at),
            *tell.room(row, room, Told.CANCELLED),
            *tell.customer(row, Told.CANCELLED, said),
            *tell.provider(provider, given.get("provider_type"), Told.CANCELLED, said, booking=row, row=row),
        ]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """Back to what it was, and its cancelled records to pending, if nobody was told."""
        status, origin = booking_status(row), action.proposed.collection
        if status != _CANCELLED:
            return is_now(action, status)
        if any(was_told(action, {Told.CANCELLED: audience}, ask) for audience in Audience):
            return Skip(Message("acting.was_told", {"row": action.proposed.row_id}))

        has = partial(ask.has, origin)
        before = str(action.proposed.before["status"])
        data: dict[str, object] = {}
        data |= status_written(row, ALIASES["booking.status"], BOOKING_STATUS, before, has)
        written = (*ALIASES["booking.cancelled_at"], *ALIASES["booking.cancelled_by"], *_REASONS)
        data |= {name: None for name in written if row.get(name) is not None}
        records = records_of(row, ask)
        if any(record_status(record) == CommissionStatus.REVERSED.value for record in records):
            return no_way_back(action)  # what was paid has to be given back, or is by now
        # What was cancelled before, such as a duplicate, stays so.
        ended = [
            record
            for record in records
            if record_status(record) == CommissionStatus.CANCELLED.value
            and (RECORDS, str(record["$id"])) in action.wrote
        ]
        pending = CommissionStatus.PENDING.value
        return [
            changed(action, row, data),
            *(change_of(RECORDS, record, record_written(record, pending, ask)) for record in ended),
        ]


KIND = CancelBooking()
