"""That the offers of the services and their bookings agree."""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.commission import REVENUE_STATUSES
from marketplace.findings import Severity
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus
from messages.message import Message

_ACCEPTED, _OPEN = OfferState.ACCEPTED.value, OfferState.OFFERED.value

# Offers are few beside bookings, or none: what is looked at are theirs. A booking and its offers are read one after the
# other: where either was written last, the other may be older. Of two accepted at one moment the later round counts.
_OFFERED: Final = f"""
WITH offers AS (
    SELECT booking_id, provider_id, state, answered_at, round, updated_at FROM core.booking_offers
    WHERE deleted_at IS NULL AND booking_id IS NOT NULL
),
read_until AS (
    SELECT min(coalesce(read_until, watermark)) AS until FROM ops.scans
    WHERE collection IN ('bookings', 'booking_offers') AND watermark IS NOT NULL
),
theirs AS (
    SELECT b.booking_id, b.provider_id, b.status, b.updated_at FROM core.bookings AS b
    WHERE b.origin = 'bookings' AND b.deleted_at IS NULL AND b.booking_id IN (SELECT o.booking_id FROM offers AS o)
),
settled AS (
    SELECT t.booking_id, t.provider_id, t.status,
           count(*) FILTER (o.state = '{_ACCEPTED}') AS accepted,
           arg_max(o.provider_id, epoch_us(o.answered_at) * 1000 + coalesce(o.round, 0))
               FILTER (o.state = '{_ACCEPTED}') AS taker,
           count(*) FILTER (o.state = '{_OPEN}') AS open
    FROM theirs AS t JOIN offers AS o ON o.booking_id = t.booking_id
    GROUP BY t.booking_id, t.provider_id, t.status, t.updated_at
    HAVING NOT coalesce(greatest(t.updated_at, max(o.updated_at)) > (SELECT until FROM read_until), false)
)
"""

# Who handed a booking over had accepted it: it is told by the booking, or was seen.
_ONE_ACCEPTED: Final = f"""{_OFFERED},
handed AS (
    SELECT booking_id FROM core.booking_providers WHERE origin = 'bookings' AND from_provider_id IS NOT NULL
    UNION ALL
    SELECT booking_id FROM core.booking_handovers WHERE origin = 'bookings'
)
SELECT 'broken.offers_accepted' AS code, {{'accepted': accepted}} AS args, s.booking_id
FROM settled AS s
WHERE s.status IN {REVENUE_STATUSES}
  AND (s.taker IS NULL OR s.taker IS DISTINCT FROM s.provider_id
       OR (accepted > 1 AND s.booking_id NOT IN (SELECT h.booking_id FROM handed AS h)))
"""
_NONE_OPEN: Final = f"""{_OFFERED}
SELECT 'broken.offer_open' AS code, {{'open': open, 'status': status}} AS args, booking_id
FROM settled WHERE status <> '{BookingStatus.PENDING.value}' AND open > 0
"""

CHECKS: Final = (
    Check(
        "offer_accepted",
        "marts/providers",
        _ONE_ACCEPTED,
        level=Severity.HIGH,
        looks_for="a booking that was offered and earns, and whose newest accepted offer is not its provider's; or of"
        " which several are accepted, and it was never handed over",
        what_to_do=Message("check.offer_accepted_do"),
    ),
    Check(
        "offer_closed",
        "marts/providers",
        _NONE_OPEN,
        level=Severity.LOW,
        looks_for="a booking that is not pending any more and has an offer that is open still",
        what_to_do=Message("check.offer_closed_do"),
    ),
)
