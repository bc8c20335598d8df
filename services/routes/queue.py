"""GET /providers/{id}/queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from services.context import Asked
from services.moving.shapes import LONGEST_ID
from services.queue.waiting import Queue, queue_of

ROUTER = APIRouter(tags=["providers"])


@ROUTER.get("/providers/{provider_id}/queue")
def queue(
    provider_id: Annotated[str, Path(max_length=LONGEST_ID, description="the provider's id")], asked: Asked
) -> Queue:
    """The requests that wait for a provider, in the order they came: to a customer, where their own stand and how long
    they may have to wait."""
    return queue_of(asked.view(), asked.caller, provider_id)
