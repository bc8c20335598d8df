"""Whose a row is, and what of it goes when a person is forgotten: tables of attributes, and pure functions on one row.

Finding the rows and writing them does not live here (resources/erasure.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, cast

import orjson
import polars as pl

from marketplace.aliases import ALIASES
from marketplace.collection import PersonKeys
from marketplace.collections import BY_NAME, COLLECTIONS
from marketplace.decline_reasons import categories
from marketplace.json_values import read_json
from marketplace.phones import e164
from marketplace.statuses import ROLE, Role, canonical
from marketplace.test_rows import test_rule
from marketplace.text import json_text

PERSON_KEYS: Final[Mapping[str, PersonKeys]] = MappingProxyType(
    {collection.name: collection.keys for collection in COLLECTIONS if collection.keys}
)
"""Collection → how its rows refer to customers. A provider is a business: therapists and places are left alone."""

SHOWN_NAMES: Final = frozenset(
    name
    for meaning in ("booking.provider_name", "commission.provider_name")
    for name in ALIASES[meaning]
    if "." not in name
)
"""Where names of businesses are written, which may be shown: a customer of the same name does not take them away
where a therapist or place really is called so."""

BUSINESS_NAMES: Final = ALIASES["provider.name"]
"""What therapists and places are called by."""
TOLD_OF_PROVIDERS: Final = "city"
"""What is published of a provider besides its name and is written by hand: it may hold a customer's name."""

CUSTOMER_ROLES: Final = frozenset({"customer", "user", "client", "guest"})

NAMES: Final = frozenset(
    [
        "customerName",
        "userName",
        "guestName",
        "hotelGuestName",
        "senderName",
        "receiverName",
        "receivername",
        "payerName",
        "reviewerName",
        "name",
        "customerDetails.name",
    ]
)
PHONES: Final = frozenset(
    ["customerWhatsApp", "customerPhone", "customerphone", "whatsappNumber", "phone", "customerDetails.phone"]
)
MAILS: Final = frozenset(("customerEmail", "email", "customerDetails.email"))
PLACES: Final = frozenset(
    [
        "roomNumber",
        "roomnumber",
        "hotelRoomNumber",
        "location",
        "locationDetails",
        "customerLocation",
        "address",
        "customerAddress",
        "locationAddress",
        "coordinates",
    ]
)

KEPT_KEYS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "booking": frozenset({"createdAt"}),
        "metadata": frozenset({"bookingType"}),
        "customerDetails": frozenset({"id"}),
    }
)
"""Attribute holding JSON text → the keys figures rest on, which hold nothing of a person and stay."""

TEST_NAME: Final = "Test"
"""Stands in for the name of a test booking: without it the booking would enter the figures."""

NOT_NAMES: Final = frozenset(
    {"guest", "customer", "user", "client", "tamu", "admin", "test", "testing", "unknown", "none", "null"}
    | {"anonymous", "hotel", "villa"}
)
"""What writers put where a name is not known: says nothing of anybody, and stands in many texts."""

SHORTEST_NAME: Final = 3
LONGEST_VALUE: Final = 300
"""Letters: longer than any name, phone or address. What is longer goes with its row, and is sought nowhere else."""
PHONE_DIGITS: Final = 8
"""So many last digits make a phone: the country code is written in many ways, or not at all."""
_DIGITS = re.compile(r"\+?\d(?:[\s().\-/_:]{0,2}\d){6,}")


def personal(collection: str) -> frozenset[str]:
    """Attributes of a collection that hold a person's name, phone, words or whereabouts."""
    known = BY_NAME.get(collection)
    return frozenset(known.personal) if known else frozenset()


def references(collection: str) -> frozenset[str]:
    """Attributes by which rows refer to each other: never blanked, or a booking would lose its commission."""
    keys = PERSON_KEYS[collection]
    return frozenset(name for name in (*keys.people, *keys.linked, *keys.own) if "." not in name)


def json_object(text: object, *, ours: bool = False) -> dict[str, Any] | None:
    """The object in a JSON text, also where it was encoded twice; None for anything else. ``ours``: by the mirror."""
    found: object = text
    for _ in range(2):
        if not isinstance(found, str) or not found.lstrip().startswith(("{", '"')):
            break
        try:
            found = read_json(found, ours=ours)
        except ValueError:
            return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def text_of(row: Mapping[str, Any], name: str) -> str | None:
    """The value of an attribute, or at a path into JSON text, as the rules read it; None if it says nothing."""
    attribute, _, path = name.partition(".")
    value = row.get(attribute)
    if path:
        found = json_object(value)
        value = found.get(path) if found else None
    return json_text(value)


def told_by_id(text: str) -> dict[str, str]:
    """What an id that is none tells of the person, by an attribute that holds such a value: a phone, an address, else a
    name."""
    number, _ = e164(pl.Series([text], dtype=pl.String))
    if number.item() is not None:
        return {"phone": text}
    if "@" in text:
        return {"email": text.removeprefix("mailto:")}
    return {"name": text}


@dataclass
class PersonValues:
    """What a person is called, reached by and found at, as collected from their own rows."""

    names: set[str] = field(default_factory=set[str])
    phones: set[str] = field(default_factory=set[str])
    mails: set[str] = field(default_factory=set[str])
    places: set[str] = field(default_factory=set[str])
    businesses: frozenset[str] = frozenset()
    """Names of therapists and places, in lower case, that one of their names stands in."""

    def collect(self, row: Mapping[str, Any], *, only: Iterable[str] | None = None) -> None:
        """Take the values of a row of theirs (``only``: of these attributes)."""
        for group, attributes in (
            (self.names, NAMES),
            (self.phones, PHONES),
            (self.mails, MAILS),
            (self.places, PLACES),
        ):
            for name in attributes if only is None else attributes & frozenset(only):
                text = text_of(row, name)
                if text is not None and len(text) <= LONGEST_VALUE:
                    group.add(text)
        for derived in ("whole_names", "numbers", "addresses"):
            self.__dict__.pop(derived, None)

    @cached_property
    def whole_names(self) -> frozenset[str]:
        named = (n for n in self.names if set(re.split(r"\W+", n.casefold())) - NOT_NAMES - {""})
        return frozenset(n.casefold() for n in named if len(n) >= SHORTEST_NAME)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The last digits of each phone."""
        digits = (re.sub(r"\D", "", phone) for phone in self.phones)
        return frozenset(d[-PHONE_DIGITS:] for d in digits if len(d) >= PHONE_DIGITS)

    @cached_property
    def addresses(self) -> frozenset[str]:
        return frozenset(m.casefold() for m in self.mails if "@" in m)

    def called(self, text: str) -> bool:
        """Whether a text is nothing but a name of theirs, which no business has."""
        folded = text.strip().casefold()
        return folded in self.whole_names and folded not in self.businesses

    def in_text(self, text: str, *, shown: bool = False) -> bool:
        """Whether a text holds a whole name, a phone (however written) or an e-mail address of theirs. ``shown``: a
        business may be named in it, which does not count."""
        folded = text.casefold()
        if any(value in folded for value in self.addresses):
            return True
        named = folded
        for business in self.businesses if shown else ():
            named = named.replace(business, " ")
        if any(word_in(name, named) for name in self.whole_names):
            return True
        numbers = self.numbers
        if not numbers:
            return False
        runs = (re.sub(r"\D", "", found) for found in _DIGITS.findall(text))
        return any(run.endswith(number) or number in run for run in runs for number in numbers)

    def hinted_in(self, text: str) -> bool:
        """As ``in_text``, and a part of a name or a place: for texts of their own bookings and rooms only."""
        if self.in_text(text):
            return True
        folded = text.casefold()
        parts = {
            part for name in self.whole_names for part in re.split(r"\W+", name) if len(part) >= SHORTEST_NAME
        } - NOT_NAMES
        return any(word_in(part, folded) for part in parts) or any(
            word_in(place.casefold(), folded) for place in self.places if len(place) > 1
        )


def word_in(value: str, text: str) -> bool:
    """Whether ``value`` stands in ``text`` with nothing of a word on either side."""
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (before.isalnum() and value[0].isalnum()) and not (after.isalnum() and value[-1].isalnum()):
            return True
        start = text.find(value, start + 1)
    return False


def own_slips(
    collection: str, row: Mapping[str, Any], values: PersonValues, is_business: Callable[[str], bool]
) -> frozenset[str]:
    """Attributes of a person's own row that are not for personal values, and repeat one all the same: a writer who
    put the customer's name where the business belongs. ``is_business``: whether a therapist or place is called so."""
    kept = personal(collection) | references(collection)
    held = {
        name: text
        for name, text in row.items()
        if isinstance(text, str) and not name.startswith("_") and name not in kept and values.in_text(text)
    }
    return frozenset(name for name, text in held.items() if not is_business(text))


def is_test_row(row: Mapping[str, Any]) -> bool:
    """Whether a booking's name or phone makes it a test."""
    name = next((t for n in ALIASES["booking.customer_name"] if (t := text_of(row, n))), None)
    phone = next((t for n in ALIASES["booking.customer_phone"] if (t := text_of(row, n))), None)
    flags = pl.Series([False])
    texts = (pl.Series([value], dtype=pl.String) for value in (name, phone))
    return test_rule(flags, *texts).item() is not None


def blanked(attribute: str, value: object, row: Mapping[str, Any]) -> str | None:
    """What remains of a personal attribute of a row: of an object the keys figures rest on, of a reason its category,
    of who cancelled the role, else nothing."""
    if attribute in ALIASES["booking.reason"] and isinstance(value, str) and value.strip():
        # The category is read as itself again, so the counts of reasons stay as they are.
        return categories(pl.Series([value.strip()])).item()
    if attribute in ALIASES["booking.cancelled_by"]:
        return _role_of(value, row)
    kept = KEPT_KEYS.get(attribute)
    found = json_object(value) if kept else None
    if not kept or not found:
        return None
    remaining = {key: found[key] for key in found if key in kept and not isinstance(found[key], dict | list)}
    return orjson.dumps(remaining).decode() if remaining else None


def _role_of(value: object, row: Mapping[str, Any]) -> str | None:
    """The role that a booking names, by a word or by the id of its customer or provider."""
    text = json_text(value)
    if text is None:
        return None
    role: str | None = canonical(pl.Series([text], dtype=pl.String), ROLE).item()
    for who, meaning in ((Role.THERAPIST, "booking.provider_id"), (Role.CUSTOMER, "booking.customer_id")):
        names = (text_of(row, name) for name in ALIASES[meaning])
        if role is None and any(name is not None and name.lower() == text.lower() for name in names):
            role = who.value
    return role
