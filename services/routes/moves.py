"""POST /bookings/{id}/accept, decline, confirm, complete, cancel, reassign."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from services.context import AskedOnce
from services.moving.accepting import accept
from services.moving.ending import cancel, decline
from services.moving.finishing import complete, confirm
from services.moving.reassigning import reassign
from services.moving.shapes import LONGEST_ID, Cancelling, Declining, Moved, Nothing, Reassigning
from services.moving.terms import terms_of

ROUTER = APIRouter(tags=["bookings"])
BookingId = Annotated[str, Path(max_length=LONGEST_ID, description="the booking's id")]
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Moved, "description": "How it stands now."}
}


@ROUTER.post("/bookings/{booking_id}/accept", responses=_ANSWERS)
def accept_booking(booking_id: BookingId, asked: AskedOnce, body: Nothing | None = None) -> JSONResponse:
    """Accept a booking that is offered to you, before its deadline; as an administrator, on behalf of its provider. Of
    any number of acceptances one comes to stand; the others get 409."""
    terms = terms_of(asked.services.settings)
    return asked.command("accept_booking", lambda view: accept(view, asked.caller, booking_id, terms))


@ROUTER.post("/bookings/{booking_id}/decline", responses=_ANSWERS)
def decline_booking(booking_id: BookingId, asked: AskedOnce, body: Declining | None = None) -> JSONResponse:
    """Say no to a booking that is offered to you: the next provider is asked, or it ends with its last offer."""
    terms, reason = terms_of(asked.services.settings), body.reason if body is not None else None
    return asked.command(
        "decline_booking", lambda view: decline(view, asked.caller, booking_id, terms, reason)
    )


@ROUTER.post("/bookings/{booking_id}/confirm", responses=_ANSWERS)
def confirm_booking(booking_id: BookingId, asked: AskedOnce, body: Nothing | None = None) -> JSONResponse:
    """Confirm a booking that was accepted: either side may."""
    terms = terms_of(asked.services.settings)
    return asked.command("confirm_booking", lambda view: confirm(view, asked.caller, booking_id, terms))


@ROUTER.post("/bookings/{booking_id}/complete", responses=_ANSWERS)
def complete_booking(booking_id: BookingId, asked: AskedOnce, body: Nothing | None = None) -> JSONResponse:
    """Say that your service is over: what is owed is due so long after its end."""
    terms = terms_of(asked.services.settings)
    return asked.command("complete_booking", lambda view: complete(view, asked.caller, booking_id, terms))


@ROUTER.post("/bookings/{booking_id}/cancel", responses=_ANSWERS)
def cancel_booking(booking_id: BookingId, asked: AskedOnce, body: Cancelling | None = None) -> JSONResponse:
    """End a booking; once it was accepted with a reason. What was charged for it is taken back."""
    terms, reason = terms_of(asked.services.settings), body.reason if body is not None else None
    return asked.command("cancel_booking", lambda view: cancel(view, asked.caller, booking_id, terms, reason))


@ROUTER.post("/bookings/{booking_id}/reassign", responses=_ANSWERS)
def reassign_booking(booking_id: BookingId, asked: AskedOnce, body: Reassigning) -> JSONResponse:
    """Ask another provider, as an administrator; an acceptance is taken back with what was charged."""
    terms = terms_of(asked.services.settings)
    return asked.command(
        "reassign_booking", lambda view: reassign(view, asked.caller, booking_id, terms, body.provider_id)
    )
