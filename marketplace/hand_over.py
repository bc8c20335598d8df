"""A booking that goes to another provider, as its row and its room say it. Whether it may does not live here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.app_rows import Has, Row, attribute, first_of, instant_like, meaning, status_written, text_at
from marketplace.personal import without_contacts
from marketplace.statuses import BOOKING_STATUS, BookingStatus


def now_with(row: Row, taker: Row, kind: str, has: Has) -> dict[str, Any]:
    """The attributes that say whose a booking is. ``taker``: the provider's row; ``kind``: therapist or place."""
    data: dict[str, Any] = _renamed(row, ALIASES["booking.provider_id"], str(taker["$id"]), has)
    name, names = shown_name(taker), ALIASES["booking.provider_name"]
    if name is not None or first_of(row, names) is not None:
        data |= _renamed(row, names, name or "", has)  # the name of who had it is not theirs
    if has("providerType"):
        data["providerType"] = kind
    return data


def handed_over(
    row: Row, taker: Row, kind: str, at: datetime, deadline: datetime, offset_minutes: int | None, has: Has
) -> dict[str, Any]:
    """The attributes that say that a booking was handed over at an instant (naive UTC), and waits for the new
    provider's answer until another."""
    data: dict[str, Any] = {}
    pending = BookingStatus.PENDING.value
    data |= status_written(row, ALIASES["booking.status"], BOOKING_STATUS, pending, has)
    data |= now_with(row, taker, kind, has)
    # The acceptance, or whatever else was answered, was the other one's.
    answered = ("accepted_at", "declined_at", "responded_at")
    data |= {n: None for a in answered for n in ALIASES[f"booking.{a}"] if row.get(n) is not None}
    data |= waits_until(row, deadline, offset_minutes, has)
    if (giver := attribute(ALIASES["booking.handed_from"], has)) is not None:
        data[giver] = meaning(row, "booking.provider_id")
    if (moment := attribute(ALIASES["booking.handed_at"], has)) is not None:
        data[moment] = instant_like(row.get(moment), at, offset_minutes)
    return data


def waits_until(row: Row, deadline: datetime, offset_minutes: int | None, has: Has) -> dict[str, Any]:
    """The attribute that says until when a booking waits for an answer."""
    when = attribute(ALIASES["booking.response_deadline"], has, row)
    return {when: instant_like(row.get(when), deadline, offset_minutes)} if when is not None else {}


def room_with(room: Row, taker: Row) -> dict[str, str]:
    """What changes of a room that goes with its booking."""
    data = {n: str(taker["$id"]) for n in ALIASES["room.provider_id"] if text_at(room, n) is not None}
    name = shown_name(taker) or ""
    return data | {n: name for n in ("therapistName", "providerName") if text_at(room, n) is not None}


def shown_name(provider: Row) -> str | None:
    """The name of a provider that customers may be shown: none where a phone or an address stands in it."""
    name = meaning(provider, "provider.name")
    return name if without_contacts(pl.Series([name], dtype=pl.String))[0] == name else None


def _renamed(row: Row, names: Sequence[str], value: str, has: Has) -> dict[str, str]:
    """A value under every one of the names that holds one, so that they agree; where the first of those is inside a
    JSON text, or none is, under the first name before it that the collection has."""
    used = first_of(row, names)
    held = [name for name in names if "." not in name and text_at(row, name) is not None]
    if used is None or "." in used[0]:
        held = [name for name in [attribute(names, has)] if name is not None]
    return dict.fromkeys(held, value)
