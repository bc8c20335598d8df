"""What is published of the attributes that are published as ids, codes or words.

Which these are stands in their collection's record (collections.py), what they may look like in identifiers.py and
codes.py, which column they become in assets/core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from marketplace.attributes import Attributes
from marketplace.codes import browsers, cities, codes
from marketplace.collection import Form
from marketplace.collections import BOOKING_COLLECTIONS, COLLECTIONS, PROVIDER_COLLECTIONS, ROOM_COLLECTIONS
from marketplace.pseudonyms import Pseudonyms, Published
from marketplace.statuses import BOOKING_STATUS, COMMISSION_STATUS, ROOM_STATUS

Told = Callable[[pl.Series, Pseudonyms], Published]
"""Texts of an attribute → what is published of them."""


def _ids(*of: str) -> Told:
    """References that may name rows of these collections."""
    return lambda text, names: names.ids(text, of)


def _codes(words: dict[str, str] | None = None) -> Told:
    return lambda text, names: codes(text, names, words)


_TOLD: Final[Mapping[Form, Told]] = MappingProxyType(
    {
        Form.ID: _ids(),
        Form.PROVIDER: _ids(*PROVIDER_COLLECTIONS),
        Form.BOOKING: _ids(*BOOKING_COLLECTIONS),
        Form.ROOM: _ids(*ROOM_COLLECTIONS),
        Form.PROVIDER_OR_BOOKING: _ids(*PROVIDER_COLLECTIONS, *BOOKING_COLLECTIONS),
        Form.CODE: _codes(),
        Form.BOOKING_STATUS: _codes(BOOKING_STATUS),
        Form.COMMISSION_STATUS: _codes(COMMISSION_STATUS),
        Form.ROOM_STATUS: _codes(ROOM_STATUS),
        Form.CITY: cities,
        Form.BROWSER: browsers,
    }
)
PUBLISHED: Final[Mapping[str, Mapping[str, Told]]] = MappingProxyType(
    {
        collection.name: {name: _TOLD[form] for name, form in collection.published.items()}
        for collection in COLLECTIONS
        if collection.published
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
