"""Reassigning a booking to another provider: an acceptance is taken back and what it was charged with it, the booking
waits for the new one's answer, and all three are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from marketplace.app_rows import (
    booking_status,
    key_of,
    meaning,
    text_at,
    word,
)
from marketplace.collections import PROVIDER_TYPES
from marketplace.hand_over import handed_over, room_with
from marketplace.offers import OfferState
from marketplace.operations import Operation
from marketplace.rules import RESPONSE_MINUTES_IMMEDIATE, RESPONSE_MINUTES_SCHEDULED
from marketplace.statuses import PROVIDER_STATUS, BookingStatus, Mode, ProviderStatus
from marketplace.telling import Told
from marketplace.transitions import Actor, may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, change_of, changed, is_now, moved, no_way_back, now
from operations.offers import ended, open_offers
from operations.on_bookings import room_named
from operations.orders import ordered_booking
from operations.port import Published
from operations.records import local, records_taken_back
from operations.telling import ROOMS, Telling, provider_row, room_of
from resources.appwrite.writing import Change, Row, Write
from resources.errors import UsageError

_REASSIGNED, _PENDING = BookingStatus.REASSIGNED.value, BookingStatus.PENDING.value
PROVIDER = """
SELECT provider_id, provider_type, status FROM core.providers
WHERE provider_id = $provider AND deleted_at IS NULL ORDER BY provider_type = $kind DESC LIMIT 1
"""


class ReassignBooking:
    operation = Operation.REASSIGN_BOOKING
    collection = "bookings"
    description = "Hand one booking over to another provider, who is asked anew."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        row = ordered_booking(published, self.operation, ordered, _REASSIGNED)
        given = {"provider": ordered.get("provider", ""), "kind": row["provider_type"] or ""}
        found = published.rows(PROVIDER, given)
        if not found or given["provider"] == row["provider_id"]:
            raise UsageError.of(
                "failure.reassign_to_nobody", row=row["booking_id"], provider=given["provider"]
            )
        if found[0]["status"] == ProviderStatus.RESTRICTED.value:
            raise UsageError.of("failure.reassign_to_restricted", provider=given["provider"])
        yield Proposed(
            row["origin"],
            row["booking_id"],
            before={"status": row["status"], "provider_id": row["provider_id"]},
            after={"status": _PENDING, "provider_id": given["provider"]},
            why=Message("acting.why_ordered", {"booking": row["booking_id"], "status": row["status"]}),
            rule="reassigned by an administrator: docs/acting_kinds.md",
            arguments=arguments(
                row,
                UPDATED_AT,
                "room_id",
                "provider_id",
                "provider_type",
                "utc_offset_minutes",
                "mode",
                to=given["provider"],
                to_type=found[0]["provider_type"],
            ),
        )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return room_named(action)

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at = action.proposed.arguments, now(moment)
        tell = Telling(action.action_id, at, ask)
        if (skip := moved(action, row)) is not None:
            return skip
        status = booking_status(row)
        if not may_move(status, _REASSIGNED, Actor.ADMIN):
            return is_now(action, status)
        found = provider_row(given["to"], given["to_type"], ask)
        if found is None:
            return Skip(Message("acting.no_provider", {"provider": given["to"]}))
        collection, taker = found
        if word(text_at(taker, "status"), PROVIDER_STATUS) == ProviderStatus.RESTRICTED.value:
            return Skip(Message("acting.provider_restricted", {"provider": given["to"]}))
        records = records_taken_back(row, ask)
        if isinstance(records, Skip):
            return records
        kind = PROVIDER_TYPES[collection]
        minutes = (
            RESPONSE_MINUTES_SCHEDULED
            if given["mode"] == Mode.SCHEDULED.value
            else RESPONSE_MINUTES_IMMEDIATE
        )
        deadline = at + timedelta(minutes=minutes)
        giver = key_of(meaning(row, "booking.provider_id"), given.get("provider_id"))
        room = room_of(row, given.get("room_id"), ask)
        offset = int(given.get("utc_offset_minutes", 0))
        written_in = offset if "utc_offset_minutes" in given else None
        has = partial(ask.has, action.proposed.collection)
        said = {"booking": action.proposed.row_id}
        return [
            changed(action, row, handed_over(row, taker, kind, at, deadline, written_in, has)),
            *records,
            *ended(open_offers(row, ask), OfferState.WITHDRAWN, at),
            *_room(room, taker),
            *tell.room(row, room, Told.REASSIGNED),
            *tell.customer(row, Told.REASSIGNED, said),
            *tell.provider(giver, given.get("provider_type"), Told.HANDED_ON, said, booking=row, row=row),
            *tell.provider(
                given["to"],
                kind,
                Told.OFFERED,
                {**said, "deadline": local(deadline, offset)},
                booking=row,
                row=taker,
            ),
        ]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


def _room(room: Row | None, taker: Row) -> list[Change]:
    """The room goes with the booking."""
    data = room_with(room, taker) if room is not None else {}
    return [change_of(ROOMS, room, data)] if room is not None and data else []


KIND = ReassignBooking()
