"""Completion by the clock: a service that was to end a while ago, and of which nobody said that it is over, is
completed; its provider is on line again, its room and its customer are told. No money moves: what is owed is due so
long after the end that was agreed, as it was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, key_of, meaning
from marketplace.operations import Operation, calendar_guard_id
from marketplace.statuses import BookingStatus
from marketplace.telling import Told
from marketplace.transitions import COMPLETED_AFTER, COMPLETED_WITHIN
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.calendar import GUARDS, available_again, passing
from operations.fresh import UPDATED_AT, arguments, change_of, changed, instant, instant_in, now
from operations.on_bookings import ByClock, provider_named, room_named
from operations.port import Published
from operations.telling import provider_row
from resources.appwrite.writing import Change, Row, Write

OVER = """
WITH over AS (
    SELECT booking_id, origin, business_id, provider_id, provider_type, status, starts_at, ends_at,
           utc_offset_minutes, updated_at
    FROM core.bookings
    WHERE list_contains($states, status) AND ends_at + $after < $now AND ends_at + $within >= $now
      AND updated_at IS NOT NULL AND deleted_at IS NULL AND NOT is_test
), rooms AS (
    SELECT o.booking_id, o.origin, max_by(r.room_id, (r.status = 'active', r.created_at)) AS room_id
    FROM over o JOIN core.chat_rooms r ON r.booking_ref IN (o.booking_id, o.business_id) AND r.deleted_at IS NULL
    GROUP BY ALL
)
SELECT over.*, rooms.room_id FROM over LEFT JOIN rooms USING (booking_id, origin)
ORDER BY ends_at, booking_id, origin
"""


class CompleteBookings(ByClock):
    operation = Operation.COMPLETE_BOOKINGS
    into = BookingStatus.COMPLETED
    told = Told.COMPLETED
    description = "Complete bookings whose service ended and of which nobody said so."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        given = {
            "now": now(moment),
            "states": self.states,
            "after": COMPLETED_AFTER,
            "within": COMPLETED_WITHIN,
        }
        for row in published.rows(OVER, given):
            ended = instant(row["ends_at"])
            yield Proposed(
                row["origin"],
                row["booking_id"],
                before={"status": row["status"], "ends_at": ended},
                after={"status": self.into.value},
                why=Message(
                    "acting.why_completed", {"booking": row["booking_id"], "ended": ended[:16] + "Z"}
                ),
                rule="a service nobody called over ended when it was to end: docs/acting_kinds.md",
                arguments=arguments(
                    row,
                    UPDATED_AT,
                    "room_id",
                    "provider_id",
                    "provider_type",
                    "starts_at",
                    "ends_at",
                    "utc_offset_minutes",
                ),
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return [*room_named(action), *provider_named(action)]

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given = action.proposed.arguments
        if (skip := self.may_not(action, row)) is not None:
            return skip
        ended = instant_in(given["ends_at"])
        if ended is None or ended + COMPLETED_AFTER >= now(moment):
            return Skip(Message("acting.not_yet", {"row": action.proposed.row_id}))
        has = partial(ask.has, action.proposed.collection)
        data = self.state(action, row, ask)
        offset = int(given["utc_offset_minutes"]) if "utc_offset_minutes" in given else None
        if (when := attribute(ALIASES["booking.completed_at"], has)) is not None:
            data[when] = instant_like(row.get(when), ended, offset)
        return [
            changed(action, row, data),
            *_freed(action, row, ask, moment),
            *self.news(action, row, ask, moment, {"booking": action.proposed.row_id}),
        ]

    def taken_back(self, row: Row) -> dict[str, object]:
        """That its provider is on line again stays: they may say so or not."""
        return {name: None for name in ALIASES["booking.completed_at"] if row.get(name) is not None}


def _freed(action: Action, row: Row, ask: Asking, moment: Moment) -> list[Change]:
    """What is written of who carried it out: on line again, as when they say themselves that it is over, and the guard
    of their calendar, so that an acceptance that makes them busy meanwhile is seen."""
    given, at = action.proposed.arguments, now(moment)
    whose = key_of(meaning(row, "booking.provider_id"), given.get("provider_id"))
    found = provider_row(whose, given.get("provider_type"), ask)
    if found is None:
        return []
    collection, provider = found
    starts_at = instant_in(given.get("starts_at", ""))
    again = available_again(ask, at, provider, collection, starts_at, besides=action.proposed.row_id)
    if not again or not ask.has(GUARDS, "version"):
        return again
    guard = ask.row(GUARDS, calendar_guard_id(str(provider["$id"])))
    if guard is None:
        return again  # services never gave them a booking
    return [*again, change_of(GUARDS, guard, passing(guard, str(provider["$id"]), at))]


KIND = CompleteBookings()
