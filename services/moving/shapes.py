"""What a move is asked with, and what it answers: JSON as docs/contract.md names it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from marketplace.app_rows import instant_like

LONGEST_REASON: Final = 128
"""Characters of a reason: what the columns of the marketplace take."""
LONGEST_NOTE: Final = 500
LONGEST_ID: Final = 64


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def _trimmed(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None


Reason = Annotated[str | None, Field(max_length=LONGEST_REASON), AfterValidator(_trimmed)]


class Nothing(_Shape):
    """A move that takes nothing more."""


class Declining(_Shape):
    """A provider who cannot take a booking."""

    reason: Reason = None


class Cancelling(_Shape):
    """A booking that ends; one that was accepted takes a reason."""

    reason: Reason = None


class Reassigning(_Shape):
    """A booking that another provider is asked for."""

    provider_id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID, description="who is asked now")]
    reason: Annotated[
        str | None,
        Field(
            max_length=LONGEST_NOTE,
            deprecated="Taken and not kept: rows of a booking are read by its people.",
        ),
    ] = None


class Moved(_Shape):
    """How a booking stands after a move. ``status``: the canonical word; ``provider_id``: whose it is, or who is asked
    now; the commission is told to its provider and to administrators."""

    booking_id: str
    status: str
    provider_id: str | None = None
    response_deadline: str | None = None
    commission_idr: int | None = None
    commission_due: str | None = None


def instant(at: datetime | None) -> str | None:
    """An instant (naive UTC) as answers have it."""
    return str(instant_like(None, at)) if at is not None else None
