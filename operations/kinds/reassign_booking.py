"""Reassigning a booking to another provider: an acceptance is taken back and what it was charged with it, the booking
waits for the new one's answer, and all three are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.app_rows import (
    attribute,
    booking_status,
    first_of,
    instant_like,
    key_of,
    meaning,
    status_written,
    text_at,
    word,
)
from marketplace.collections import PROVIDER_TYPES
from marketplace.operations import Operation
from marketplace.rules import RESPONSE_MINUTES_IMMEDIATE, RESPONSE_MINUTES_SCHEDULED
from marketplace.statuses import BOOKING_STATUS, PROVIDER_STATUS, BookingStatus, Mode, ProviderStatus
from marketplace.telling import Told
from marketplace.transitions import Actor, may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, change_of, changed, is_now, moved, no_way_back, now
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
        room = action.proposed.arguments.get("room_id")
        return [(ROOMS, room)] if room else []

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
        said = {"booking": action.proposed.row_id}
        return [
            changed(action, row, self._handed_over(action, row, taker, kind, at, deadline, ask)),
            *records,
            *self._room(room, taker, ask),
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

    @staticmethod
    def _handed_over(
        action: Action, row: Row, taker: Row, kind: str, at: Any, deadline: Any, ask: Asking
    ) -> dict[str, Any]:
        """The attributes that say a booking is another provider's, and waits."""
        given, origin = action.proposed.arguments, action.proposed.collection
        offset = int(given["utc_offset_minutes"]) if "utc_offset_minutes" in given else None

        has = partial(ask.has, origin)
        data: dict[str, Any] = {}
        data |= status_written(row, ALIASES["booking.status"], BOOKING_STATUS, _PENDING, has)
        data |= _renamed(row, ALIASES["booking.provider_id"], given["to"], has)
        if (name := meaning(taker, "provider.name")) is not None:
            data |= _renamed(row, ALIASES["booking.provider_name"], name, has)
        if has("providerType"):
            data["providerType"] = kind
        # The acceptance, or whatever else was answered, was the other one's.
        answered = ("accepted_at", "declined_at", "responded_at")
        data |= {n: None for a in answered for n in ALIASES[f"booking.{a}"] if row.get(n) is not None}
        if (when := attribute(ALIASES["booking.response_deadline"], has, row)) is not None:
            data[when] = instant_like(row.get(when), deadline, offset)
        if (giver := attribute(ALIASES["booking.handed_from"], has)) is not None:
            data[giver] = meaning(row, "booking.provider_id")
        if (moment := attribute(ALIASES["booking.handed_at"], has)) is not None:
            data[moment] = instant_like(row.get(moment), at, offset)
        return data

    @staticmethod
    def _room(room: Row | None, taker: Row, ask: Asking) -> list[Change]:
        """The room goes with the booking."""
        if room is None:
            return []
        data = {n: str(taker["$id"]) for n in ALIASES["room.provider_id"] if text_at(room, n) is not None}
        name = meaning(taker, "provider.name")
        if name is not None:
            data |= {n: name for n in ("therapistName", "providerName") if text_at(room, n) is not None}
        return [change_of(ROOMS, room, data)] if data else []


def _renamed(row: Row, names: Sequence[str], value: str, has: Any) -> dict[str, str]:
    """A value under every one of the names that holds one, so that they agree; where the first of those is inside a
    JSON text, or none is, under the first name before it that the collection has."""
    used = first_of(row, names)
    held = [name for name in names if "." not in name and text_at(row, name) is not None]
    if used is None or "." in used[0]:
        held = [name for name in [attribute(names, has)] if name is not None]
    return dict.fromkeys(held, value)


KIND = ReassignBooking()
