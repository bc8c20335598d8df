"""Rooms: a chat room that is open though its booking is over, or past its own time, is closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import booking_status, text_at, word
from marketplace.chats import CLOSED_ROOMS, ROOM_STAYS
from marketplace.commission import ENDED_STATUSES
from marketplace.operations import Operation
from marketplace.statuses import ROOM_STATUS, BookingStatus, RoomStatus
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, changed, is_now, moved, no_way_back, now
from operations.port import Published
from operations.telling import ROOMS
from resources.appwrite.writing import Row, Write

_COMPLETED = BookingStatus.COMPLETED.value

OPEN = """
WITH open_rooms AS (
    SELECT room_id, booking_ref, status, expires_at, updated_at FROM core.chat_rooms
    WHERE status = $active AND deleted_at IS NULL AND updated_at IS NOT NULL AND booking_ref IS NOT NULL
), named AS (
    SELECT r.room_id, b.origin, b.booking_id FROM open_rooms r JOIN core.bookings b ON b.booking_id = r.booking_ref
    WHERE b.deleted_at IS NULL
    UNION
    SELECT r.room_id, b.origin, b.booking_id FROM open_rooms r JOIN core.bookings b ON b.business_id = r.booking_ref
    WHERE b.deleted_at IS NULL
), one AS (
    -- a room of one of two bookings is left open: which one is meant cannot be told
    SELECT room_id, any_value(origin) AS origin, any_value(booking_id) AS booking_id FROM named
    GROUP BY room_id HAVING count(*) = 1
)
SELECT r.*, b.origin, b.booking_id, b.status AS booking_status
FROM open_rooms r JOIN one USING (room_id) JOIN core.bookings b USING (origin, booking_id)
WHERE list_contains($ended, b.status)
   OR (b.status = $completed AND coalesce(r.expires_at, b.ends_at + $stays) < $now)
ORDER BY r.room_id
"""


class CloseRooms:
    operation = Operation.CLOSE_ROOMS
    collection = ROOMS
    description = "Close chat rooms whose booking has ended."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        given = {
            "now": now(moment),
            "active": RoomStatus.ACTIVE.value,
            "ended": list(ENDED_STATUSES),
            "completed": _COMPLETED,
            "stays": ROOM_STAYS,
        }
        for row in published.rows(OPEN, given):
            closed = _closed(row["booking_status"])
            yield Proposed(
                ROOMS,
                row["room_id"],
                before={"status": row["status"]},
                after={"status": closed},
                why=Message(
                    "acting.why_closed",
                    {"room": row["room_id"], "booking": row["booking_id"], "status": row["booking_status"]},
                ),
                rule="a room is open as long as its booking: docs/acting_kinds.md",
                arguments=arguments(row, UPDATED_AT, "origin", "booking_id", "booking_status"),
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        given = action.proposed.arguments
        return [(given["origin"], given["booking_id"])]

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given = action.proposed.arguments
        if (skip := moved(action, row)) is not None:
            return skip
        status = word(text_at(row, "status"), ROOM_STATUS)
        if status in CLOSED_ROOMS:
            return is_now(action, status)
        booking = ask.row(given["origin"], given["booking_id"])
        if booking is None:
            return Skip(Message("acting.gone", {"row": given["booking_id"]}))
        if (by_now := booking_status(booking)) != given["booking_status"]:
            return Skip(Message("acting.is_now", {"row": given["booking_id"], "status": by_now}))
        return [changed(action, row, {"status": _closed(by_now)})]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


def _closed(booking_status: str) -> str:
    return (RoomStatus.COMPLETED if booking_status == _COMPLETED else RoomStatus.CANCELLED).value


KIND = CloseRooms()
