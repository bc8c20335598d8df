"""What is asked and answered about bookings, as JSON has it. How a request is read, and every reason why it is wrong,
is in wanted.py.
"""

from __future__ import annotations

from datetime import date as Day
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from marketplace.discounts import LONGEST_CODE
from marketplace.entries import Entry
from marketplace.menus import LENGTHS

LONGEST_NAME = 96
LONGEST_ID = 64
LONGEST_PLACE = 160
LONGEST_ROOM = 32


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Customer(_Shape):
    """Who is to be served."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="how they are called")
    whatsapp: str = Field(
        min_length=1, max_length=LONGEST_ID, description="their number, however it is written; kept as E.164"
    )


class BookingWanted(_Shape):
    """A booking that is asked for."""

    entry: Entry = Field(description="where in the app it was asked for")
    provider_id: str = Field(min_length=1, max_length=LONGEST_ID, description="the therapist or place")
    minutes: int = Field(
        description="how long the service is to be", json_schema_extra={"enum": list(LENGTHS)}
    )
    starts_at: str | None = Field(
        None,
        max_length=40,
        description="when it begins: ISO 8601, without a zone the provider's. Needed to schedule; none: now",
    )
    price: Annotated[
        float | None,
        Field(
            description="the price that was shown: rupiah, or thousands of them below 10,000; must be the menu's"
        ),
    ] = None
    discount_code: str | None = Field(
        None, max_length=LONGEST_CODE, description="a code that lowers the price"
    )
    customer: Customer
    location: str | None = Field(None, max_length=LONGEST_PLACE, description="where to come to")
    hotel_id: str | None = Field(None, max_length=LONGEST_ID, description="the hotel; needs a room")
    room_number: str | None = Field(None, max_length=LONGEST_ROOM, description="the room; needs a hotel")


class Booked(_Shape):
    """A booking that stands."""

    booking_id: str
    room_id: str | None = Field(None, description="its chat room; none where the app made it without one")
    amount_idr: int | None = Field(None, description="what is paid, in rupiah, the discount taken off")
    source: str
    mode: str
    response_deadline: str | None = Field(None, description="until when the provider may answer; UTC")
    queue_position: int = Field(description="1: the provider's next request; 0: it waits for nobody any more")
    duplicate: bool | None = Field(
        None, description="true: nothing was made; the one that was made before, moments ago, is told"
    )


class BookingTold(_Shape):
    """A booking as it stands now."""

    booking_id: str
    room_id: str | None = None
    status: str
    provider_id: str | None = None
    provider_type: str | None = None
    minutes: int | None = None
    starts_at: str | None = Field(None, description="UTC")
    ends_at: str | None = Field(None, description="UTC")
    amount_idr: int | None = None
    source: str
    mode: str
    created_at: str | None = Field(None, description="UTC")
    response_deadline: str | None = Field(None, description="UTC")
    queue_position: int = Field(description="1: the provider's next request; 0: it waits for nobody any more")


class Slot(_Shape):
    """A start at which the provider is free for the minutes asked."""

    starts_at: str = Field(description="UTC")
    local: str = Field(description="the same in the provider's zone, with its offset")


class Slots(_Shape):
    """The free starts of a provider's local days."""

    provider_id: str
    timezone: str
    minutes: int
    first_day: Day
    days: int
    slots: list[Slot]
