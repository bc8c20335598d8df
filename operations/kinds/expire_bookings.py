"""Expiry: a booking that nobody answered in time is expired, its room and its customer are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import first_of
from marketplace.offers import OfferState, offer_of
from marketplace.operations import Operation
from marketplace.queue import DISPATCHER_DEAD_AFTER
from marketplace.statuses import BookingStatus
from marketplace.telling import EXPIRY_REASON, Told
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, changed, instant, instant_in, now
from operations.offers import ended, open_offers
from operations.on_bookings import ByClock
from operations.port import Published
from resources.appwrite.writing import Row, Write

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


class ExpireBookings(ByClock):
    operation = Operation.EXPIRE_BOOKINGS
    into = BookingStatus.EXPIRED
    told = Told.EXPIRED
    description = "Expire bookings that nobody answered by their response deadline."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        for row in published.rows(LATE, {"now": now(moment), "states": self.states}):
            deadline = instant(row["response_deadline"])
            yield Proposed(
                row["origin"],
                row["booking_id"],
                before={"status": row["status"], "response_deadline": deadline},
                after={"status": self.into.value},
                why=Message(
                    "acting.why_expired", {"booking": row["booking_id"], "deadline": deadline[:16] + "Z"}
                ),
                rule=f"response deadline ({row['deadline_rule']}): docs/domain.md, Booking",
                arguments=arguments(row, "room_id", UPDATED_AT, "response_deadline"),
            )

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        at = now(moment)
        if (skip := self.may_not(action, row)) is not None:
            return skip
        deadline = instant_in(action.proposed.arguments["response_deadline"])
        offers = open_offers(row, ask)
        if (
            deadline is None
            or deadline >= at
            or any(offer_of(offer).deadline + DISPATCHER_DEAD_AFTER > at for offer in offers)
        ):
            return Skip(Message("acting.not_yet", {"row": action.proposed.row_id}))
        data = self.state(action, row, ask)
        if ask.has(action.proposed.collection, _REASON):
            data[_REASON] = EXPIRY_REASON
        return [
            changed(action, row, data),
            *ended(offers, OfferState.EXPIRED, at),
            *self.news(action, row, ask, moment),
        ]

    def taken_back(self, row: Row) -> dict[str, object]:
        said = first_of(row, (_REASON,))
        return {_REASON: None} if said is not None and said[1] == EXPIRY_REASON else {}


KIND = ExpireBookings()
