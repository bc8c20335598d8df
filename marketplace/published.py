"""Which attributes of a collection are published as ids, codes or words. What these may look like is in identifiers.py
and codes.py; which column they become is in assets/core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.codes import browsers, cities, codes
from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_COLLECTIONS, ROOM_COLLECTIONS
from marketplace.pseudonyms import Pseudonyms, Published
from marketplace.words import BOOKING_STATUS, COMMISSION_STATUS, ROOM_STATUS

Told = Callable[[pl.Series, Pseudonyms], Published]
"""Texts of an attribute → what is published of them."""


def _ids(*of: str) -> Told:
    """References that may name rows of these collections."""
    return lambda text, names: names.ids(text, of)


def _codes(words: dict[str, str] | None = None) -> Told:
    return lambda text, names: codes(text, names, words)


def _all(told: Told, *names: str) -> dict[str, Told]:
    return dict.fromkeys(names, told)


_BOOKING: Final = {
    **_all(
        _ids(),
        *ALIASES["booking.business_id"],
        *ALIASES["booking.customer_id"],
    ),
    **_all(_ids(*PROVIDER_COLLECTIONS), *ALIASES["booking.provider_id"]),
    **_all(_codes(BOOKING_STATUS), *ALIASES["booking.status"]),
    **_all(_codes(), "paymentMethod"),
}
_PROVIDER: Final = {
    **_all(cities, "city"),
    **_all(browsers, "browser"),
    **_all(_codes(), "commissionPlan"),
}
PUBLISHED: Final[Mapping[str, Mapping[str, Told]]] = MappingProxyType(
    {
        "therapists": _PROVIDER,
        "places": _PROVIDER,
        "bookings": _BOOKING,
        "hotel_bookings": _BOOKING,
        "commission_records": {
            **_all(
                _ids(*BOOKING_COLLECTIONS),
                *ALIASES["commission.booking_ref"],
                *ALIASES["commission.booking_doc_ref"],
            ),
            **_all(_ids(*PROVIDER_COLLECTIONS), *ALIASES["commission.provider_id"]),
            **_all(_codes(COMMISSION_STATUS), *ALIASES["commission.status"]),
        },
        "chat_rooms": {
            **_all(_ids(*BOOKING_COLLECTIONS), "bookingId"),
            **_all(_ids(), *ALIASES["room.customer_id"]),
            **_all(_ids(*PROVIDER_COLLECTIONS), *ALIASES["room.provider_id"]),
            **_all(_codes(ROOM_STATUS), "status"),
        },
        "chat_messages": {
            **_all(_ids(*ROOM_COLLECTIONS), *ALIASES["message.room"]),
            **_all(_ids(*BOOKING_COLLECTIONS), "bookingId"),
            **_all(_ids(*PROVIDER_COLLECTIONS), "senderId", "receiverId"),
        },
        "notifications": {
            **_all(_ids(*PROVIDER_COLLECTIONS), *ALIASES["notification.recipient_id"]),
            **_all(_ids(*BOOKING_COLLECTIONS), *ALIASES["notification.booking"]),
            **_all(_codes(), "recipientType", "type", *ALIASES["notification.channel"]),
        },
    }
)
"""Collection → attribute → what is published of it."""


def hidden_values(collection: str, attributes: Attributes, names: Pseudonyms) -> pl.DataFrame:
    """What of some rows is published as a hash: hash, written, collection, row_id (published), attribute."""
    ids = attributes.own("_id", pl.String)
    published = names.row_ids(collection, ids)
    columns = [("$id", ids, published)]
    for name, told in PUBLISHED.get(collection, {}).items():
        text = attributes.text(name)
        if text.null_count() < len(text):
            columns.append((name, text, told(text, names)))
    found = [
        pl.DataFrame({"hash": told.values, "written": written, "row_id": published.values})
        .filter(told.hidden)
        .with_columns(collection=pl.lit(collection), attribute=pl.lit(name))
        for name, written, told in columns
    ]
    return pl.concat(found).select("hash", "written", "collection", "row_id", "attribute")
