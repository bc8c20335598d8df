"""Expiry: a booking that nobody answered in time is expired, its room and its customer are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import booking_status, first_of, status_written
from marketplace.offers import OfferState, offer_of
from marketplace.operations import Operation
from marketplace.queue import DISPATCHER_DEAD_AFTER
from marketplace.statuses import BOOKING_STATUS, BookingStatus
from marketplace.telling import EXPIRY_REASON, Audience, Told
from marketplace.transitions import Actor, states_before
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import (
    UPDATED_AT,
    arguments,
    changed,
    instant,
    instant_in,
    is_now,
    moved,
    now,
)
from operations.offers import ended, open_offers
from operations.port import Published
from operations.telling import ROOMS, Telling, room_of, was_told
from resources.appwrite.writing import Row, Write

_EXPIRED = BookingStatus.EXPIRED.value
_REASON = "expirationReason"

LATE = """
WITH late AS (
    SELECT booking_id, origin, business_id, status, response_deadline, deadline_rule, updated_at
    FROM core.bookings b
    WHERE list_contains($states, status) AND response_deadline < $now AND updated_at IS NOT NULL
      AND deleted_at IS NULL AND NOT is_test
      -- Nobody answered; or it was seen to be accepted, by a provider from whom it was taken since.
      AND (responded_at IS NULL AND accepted_at IS NULL
           OR accepted_rule = 'observed' AND responded_at IS NOT DISTINCT FROM accepted_at
              AND EXISTS (SELECT 1 FROM core.booking_providers p
                          WHERE p.booking_id = b.booking_id AND p.origin = b.origin
                            AND p.from_provider_id IS NOT NULL AND p.observed_at >= b.accepted_at))
      -- a record says that somebody accepted it all the same: what is so cannot be told
      AND NOT EXISTS (SELECT 1 FROM marts.commission_reconciliation r
                      WHERE r.booking_id = b.booking_id AND r.origin = b.origin AND r.commission_id IS NOT NULL)
), keys AS (
    SELECT booking_id, origin, booking_id AS key FROM late
    UNION
    SELECT booking_id, origin, business_id FROM late WHERE business_id IS NOT NULL
), rooms AS (
    SELECT k.booking_id, k.origin, max_by(r.room_id, (r.status = 'active', r.created_at)) AS room_id
    FROM keys k JOIN core.chat_rooms r ON r.booking_ref = k.key AND r.deleted_at IS NULL
    GROUP BY ALL
)
SELECT late.*, rooms.room_id FROM late LEFT JOIN rooms USING (booking_id, origin)
ORDER BY response_deadline, booking_id, origin
"""


class ExpireBookings:
    operation = Operation.EXPIRE_BOOKINGS
    collection = "bookings"
    description = "Expire bookings that nobody answered by their response deadline."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        at = now(moment)
        given = {"now": at, "states": [*states_before(_EXPIRED, Actor.CLOCK)]}
        for row in published.rows(LATE, given):
            deadline = instant(row["response_deadline"])
            yield Proposed(
                row["origin"],
                row["booking_id"],
                before={"status": row["status"], "response_deadline": deadline},
                after={"status": _EXPIRED},
                why=Message(
                    "acting.why_expired", {"booking": row["booking_id"], "deadline": deadline[:16] + "Z"}
                ),
                rule=f"response deadline ({row['deadline_rule']}): docs/domain.md, Booking",
                arguments=arguments(row, "room_id", UPDATED_AT, "response_deadline"),
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
        if status not in states_before(_EXPIRED, Actor.CLOCK):
            return is_now(action, status)
        deadline = instant_in(given["response_deadline"])
        offers = open_offers(row, ask)
        if (
            deadline is None
            or deadline >= at
            or any(offer_of(offer).deadline + DISPATCHER_DEAD_AFTER > at for offer in offers)
        ):
            return Skip(Message("acting.not_yet", {"row": action.proposed.row_id}))
        origin = action.proposed.collection

        has = partial(ask.has, origin)
        data: dict[str, object] = {}
        data |= status_written(row, ALIASES["booking.status"], BOOKING_STATUS, _EXPIRED, has)
        if has(_REASON):
            data[_REASON] = EXPIRY_REASON
        room = room_of(row, given.get("room_id"), ask)
        return [
            changed(action, row, data),
            *ended(offers, OfferState.EXPIRED, at),
            *tell.room(row, room, Told.EXPIRED),
            *tell.customer(row, Told.EXPIRED),
        ]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """Back to pending, if nobody saw it expire."""
        status = booking_status(row)
        if status != _EXPIRED:
            return is_now(action, status)
        if was_told(action, {Told.EXPIRED: Audience.CUSTOMER}, ask):
            return Skip(Message("acting.was_told", {"row": action.proposed.row_id}))
        origin, before = action.proposed.collection, str(action.proposed.before["status"])
        names = ALIASES["booking.status"]
        data: dict[str, object] = {}
        data |= status_written(row, names, BOOKING_STATUS, before, partial(ask.has, origin))
        if (said := first_of(row, (_REASON,))) is not None and said[1] == EXPIRY_REASON:
            data[_REASON] = None
        return [changed(action, row, data)]


KIND = ExpireBookings()
