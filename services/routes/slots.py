"""GET /providers/{id}/slots."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from marketplace.menus import LENGTHS
from services.booking.create import terms_of
from services.booking.shapes import Slots
from services.booking.slots import MOST_DAYS, slots_of
from services.context import Asked

ROUTER: Final = APIRouter(tags=["bookings"])


@ROUTER.get("/providers/{provider_id}/slots", summary="When a provider is free")
def slots(
    provider_id: Annotated[str, Path(max_length=64, description="The therapist or place.")],
    asked: Asked,
    minutes: Annotated[
        int, Query(description="How long the service is to be.", json_schema_extra={"enum": list(LENGTHS)})
    ] = LENGTHS[0],
    day: Annotated[date | None, Query(description="The first local day; without it, today there.")] = None,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="So many days.")] = 1,
) -> Slots:
    return slots_of(asked.view(), provider_id, day, days, minutes, terms_of(asked.services.settings))
