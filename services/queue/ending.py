"""Offers that end without an answer: what the clock does to them, one at a time."""

from __future__ import annotations

from marketplace.collections import OFFERS
from marketplace.offers import Offer, OfferState, answered, offer_of
from marketplace.statuses import BookingStatus
from resources.appwrite.writing import Change, Row
from services.moving.standing import Terms, standing
from services.problems import Problem
from services.queue.next_offer import offered_on
from services.store import Decision, View


def end_offer(view: View, offer_id: str, terms: Terms) -> Decision[OfferState | None]:
    """End an offer whose deadline is past: the next provider is asked, or the booking expires with its last one. What
    became of it; None where it is not open any more, or not over yet. Raises CallFailure."""
    row = view.row(OFFERS, offer_id)
    offer = offer_of(row) if row is not None else None
    if row is None or offer is None or not offer.is_open or offer.deadline > view.now:
        return Decision(None)
    try:
        booking = standing(view, offer.booking_id, terms)
    except Problem:
        # The booking is gone: nobody can answer for it.
        return _only(offer, row, OfferState.WITHDRAWN, view)
    if booking.is_claimed:
        # It is being accepted, or was and the process died: the sweeper finishes that or takes it back.
        return Decision(None)
    if booking.now.status != BookingStatus.PENDING.value:
        return _only(offer, row, OfferState.WITHDRAWN, view)
    if any(other.round > offer.round for other in booking.open_offers):
        return _only(offer, row, OfferState.EXPIRED, view)
    _, _, _, writes = offered_on(view, booking, offer, OfferState.EXPIRED, terms)
    return Decision(OfferState.EXPIRED, writes, claims=3, resumes=True)


def _only(offer: Offer, row: Row, state: OfferState, view: View) -> Decision[OfferState | None]:
    seen = str(row["$updatedAt"])
    return Decision(state, [Change(OFFERS, offer.offer_id, answered(state, view.now), seen)])
