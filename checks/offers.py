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
# other: where either was written last, the other may be older.
_OFFERED: Final = f"""
WITH offers AS (
    SELECT booking_ref, provider_id, state, updated_at FROM core.booking_offers
    WHERE deleted_at IS NULL AND booking_ref IS NOT NULL
),
read_until AS (
    SELECT min(coalesce(read_until, watermark)) AS until FROM ops.scans
    WHERE collection IN ('bookings', 'booking_offers') AND watermark IS NOT NULL
),
theirs AS (
    SELECT booking_id, provider_id, status, updated_at FROM core.bookings
    WHERE origin = 'bookings' AND deleted_at IS NULL AND booking_id IN (SELECT booking_ref FROM offers)
),
settled AS (
    SELECT booking_id, t.provider_id, t.status,
           count(*) FILTER (o.state = '{_ACCEPTED}') AS accepted,
           count(*) FILTER (o.state = '{_ACCEPTED}' AND o.provider_id IS NOT DISTINCT FROM t.provider_id) AS own,
           count(*) FILTER (o.state = '{_OPEN}') AS open
    FROM theirs AS t JOIN offers AS o ON o.booking_ref = t.booking_id
    GROUP BY booking_id, t.provider_id, t.status, t.updated_at
    HAVING NOT coalesce(greatest(t.updated_at, max(o.updated_at)) > (SELECT until FROM read_until), false)
)
"""

_ONE_ACCEPTED: Final = f"""{_OFFERED}
SELECT 'broken.offers_accepted' AS code, {{'accepted': accepted, 'own': own}} AS args, booking_id
FROM settled WHERE status IN {REVENUE_STATUSES} AND (accepted <> 1 OR own <> 1)
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
        looks_for="a booking that was offered and earns, and not exactly one offer of it is accepted: its provider's",
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
