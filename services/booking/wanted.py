"""A request to book, read: what is asked, and everything that is wrong with it by itself. What is wrong with it by what
the provider's row, or others, say is found by create.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

import polars as pl

from marketplace.discounts import LONGEST_CODE, normal_code
from marketplace.entries import Entry
from marketplace.identifiers import TOKEN
from marketplace.menus import LENGTHS
from marketplace.phones import e164
from marketplace.rules import TEST_NAME_PATTERN
from marketplace.text import json_text
from services.booking.shapes import (
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_ROOM,
    BookingWanted,
    Customer,
)
from services.problems import Wrong

_ID: Final = re.compile(TOKEN)
_START: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s?(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_ENTRIES: Final = frozenset(entry.value for entry in Entry)
_NAMES: Final = frozenset(one.alias or name for name, one in BookingWanted.model_fields.items())
_CUSTOMER: Final = frozenset(one.alias or name for name, one in Customer.model_fields.items())


@dataclass(frozen=True)
class Start:
    """A start as it was asked for: an instant, or (``is_local``) what a clock at the provider's shows."""

    at: datetime
    is_local: bool


@dataclass
class Wanted:
    """What is asked; None where it is not, or is wrong. ``price``: as it was written; ``phone``: E.164; ``wrong``: what
    is wrong, with what each is about."""

    entry: Entry | None = None
    provider_id: str | None = None
    minutes: int | None = None
    start: Start | None = None
    price: Decimal | None = None
    code: str | None = None
    name: str = ""
    phone: str = ""
    location: str | None = None
    hotel_id: str | None = None
    room_number: str | None = None
    wrong: list[Wrong] = field(default_factory=list[Wrong])

    @property
    def is_test(self) -> bool:
        """Whether the pipeline takes the customer for a test."""
        return re.search(TEST_NAME_PATTERN, self.name) is not None


def read_wanted(body: object) -> Wanted:
    """A request's body, as JSON has it."""
    wanted = Wanted()
    if not isinstance(body, Mapping):
        wanted.wrong.append(Wrong("not_an_object"))
        return wanted
    _Reading(cast("Mapping[str, Any]", body), wanted).read()
    return wanted


@dataclass(frozen=True)
class _Reading:
    body: Mapping[str, Any]
    wanted: Wanted

    def read(self) -> None:
        into = self.wanted
        self._others(self.body, _NAMES, "")
        into.entry = self._entry()
        into.provider_id = self._id("providerId", needed=True)
        into.minutes = self._minutes()
        into.start = self._start()
        if into.start is None and into.entry is Entry.SCHEDULE and self._nothing("startsAt"):
            self._say("start_missing", "/startsAt")
        into.price = self._price()
        into.code = self._code()
        self._customer()
        into.location = self._text(self.body, "location", LONGEST_PLACE)
        into.hotel_id = self._id("hotelId")
        into.room_number = self._text(self.body, "roomNumber", LONGEST_ROOM)
        for one, other in (("hotelId", "roomNumber"), ("roomNumber", "hotelId")):
            if self._nothing(one) and not self._nothing(other):
                self._say("hotel_needs_room" if other == "hotelId" else "room_needs_hotel", f"/{one}")

    def _say(self, code: str, at: str, **args: int | str) -> None:
        self.wanted.wrong.append(Wrong(code, at, args))

    def _one_of(self, said: object, at: str, words: list[str]) -> None:
        self.wanted.wrong.append(
            Wrong("missing", at) if said is None else Wrong("not_one_of", at, {"words": ", ".join(words)})
        )

    def _others(self, given: Mapping[str, Any], known: frozenset[str], at: str) -> None:
        # What is not known is not repeated: a phone may stand in a field's name.
        if given.keys() - known:
            self.wanted.wrong.append(Wrong("unknown_field", at, {"known": sorted(known)}))

    def _nothing(self, name: str) -> bool:
        return json_text(self.body.get(name)) is None

    def _entry(self) -> Entry | None:
        said = self.body.get("entry")
        if not isinstance(said, str) or said not in _ENTRIES:
            self._one_of(said, "/entry", sorted(_ENTRIES))
            return None
        return Entry(said)

    def _minutes(self) -> int | None:
        said = self.body.get("minutes")
        if isinstance(said, bool) or said not in LENGTHS:
            self._one_of(said, "/minutes", [str(length) for length in LENGTHS])
            return None
        return int(said)

    def _start(self) -> Start | None:
        said = self.body.get("startsAt")
        if self._nothing("startsAt"):
            return None
        found = _START.fullmatch(said.strip()) if isinstance(said, str) else None
        try:
            if found is not None:
                at = datetime.fromisoformat(found[0].upper())
                if at.tzinfo is None:
                    return Start(at, is_local=True)
                return Start(at.astimezone(UTC).replace(tzinfo=None), is_local=False)
        except (ValueError, OverflowError):
            pass  # a 31st of February, a year that no clock has: said below as what it is
        self._say("start_unreadable", "/startsAt")
        return None

    def _price(self) -> Decimal | None:
        said = self.body.get("price")
        if said is None:
            return None
        if isinstance(said, bool) or not isinstance(said, int | float):
            self._say("not_a_number", "/price")
            return None
        price = Decimal(str(said))
        if not price.is_finite():
            self._say("not_a_number", "/price")
            return None
        return price

    def _code(self) -> str | None:
        code = self._text(self.body, "discountCode", LONGEST_CODE)
        return normal_code(code) if code is not None else None

    def _customer(self) -> None:
        given = self.body.get("customer")
        if not isinstance(given, Mapping):
            self._say("missing" if given is None else "not_an_object", "/customer")
            return
        customer = cast("Mapping[str, Any]", given)
        self._others(customer, _CUSTOMER, "/customer")
        self.wanted.name = self._text(customer, "name", LONGEST_NAME, "/customer", needed=True) or ""
        written = self._text(customer, "whatsapp", LONGEST_ID, "/customer", needed=True)
        if written is None:
            return
        number, reason = e164(pl.Series([written], dtype=pl.String))
        self.wanted.phone = number[0] or ""
        if number[0] is None:
            # noted.phone_too_short → phone_too_short
            self._say(str(reason[0]).partition(".")[2], "/customer/whatsapp")

    def _id(self, name: str, *, needed: bool = False) -> str | None:
        text = self._text(self.body, name, LONGEST_ID, needed=needed)
        if text is not None and _ID.fullmatch(text) is None:
            self._say("not_an_id", f"/{name}")
            return None
        return text

    def _text(
        self, given: Mapping[str, Any], name: str, most: int, under: str = "", *, needed: bool = False
    ) -> str | None:
        said, at = given.get(name), f"{under}/{name}"
        if said is not None and not isinstance(said, str):
            self._say("not_text", at)
            return None
        text = json_text(unicodedata.normalize("NFC", said)) if said is not None else None
        if text is None:
            if needed:
                self._say("missing", at)
            return None
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
            self._say("not_text", at)
            return None
        if len(text.encode("utf-16-le")) // 2 > most:
            self._say("too_long", at, limit=most)
            return None
        return text
