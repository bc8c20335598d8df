"""POST /bookings, GET /bookings/{id}. What becomes of a booking later is moves.py."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from services.booking.create import book, terms_of
from services.booking.shapes import Booked, BookingTold, BookingWanted
from services.booking.told import booking_told
from services.booking.wanted import read_wanted
from services.context import Asked, AskedOnce

ROUTER: Final = APIRouter(tags=["bookings"])
BookingId = Annotated[str, Path(max_length=64, description="The booking's id.")]


def _schema() -> dict[str, Any]:
    """The body of a request as OpenAPI has it: what stands under a name of its own is put where it is used."""
    schema = BookingWanted.model_json_schema()
    named = schema.pop("$defs", {})

    def placed(part: Any) -> Any:
        if isinstance(part, list):
            return [placed(one) for one in cast("list[Any]", part)]
        if not isinstance(part, dict):
            return part
        given = cast("dict[str, Any]", part)
        if "$ref" in given:
            return placed(
                {
                    **named[str(given["$ref"]).rpartition("/")[2]],
                    **{k: v for k, v in given.items() if k != "$ref"},
                }
            )
        return {key: placed(value) for key, value in given.items()}

    return placed(schema)


@ROUTER.post(
    "/bookings",
    status_code=201,
    response_model=Booked,
    summary="Book a provider",
    description="Makes the booking, its chat room with the first messages, and the first offer, all or none. The same"
    " customer and provider within minutes: the first one is told again (200, duplicate: true).",
    responses={200: {"model": Booked, "description": "It was made before, moments ago."}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _schema()}}}},
)
def create(asked: AskedOnce) -> JSONResponse:
    # The body is read here and not by FastAPI: what is wrong with it and what is wrong with it at the provider's are
    # told at once.
    try:
        body: object = json.loads(asked.body or b"null")
    except (ValueError, RecursionError):
        body = None
    wanted, terms = read_wanted(body), terms_of(asked.services.settings)
    return asked.command(
        "create_booking",
        lambda view: book(view, asked.caller, wanted, asked.key or "", terms),
        status=lambda told: 200 if told.duplicate else 201,
    )


@ROUTER.get("/bookings/{booking_id}", response_model_exclude_none=True, summary="A booking as it stands now")
def one(booking_id: BookingId, asked: Asked) -> BookingTold:
    return booking_told(asked.view(), asked.caller, booking_id, asked.services.settings.timezone)
