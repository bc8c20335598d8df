"""Whose bookings count together: by the account, as the pipeline does; by the phone where the account is a role word,
which names nobody.

A customer's bookings are counted in one row that everybody changes who adds to them. So which bookings they have is a
list that a decision can rest on, over any number of processes.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, meaning, text_at
from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.identifiers import ROLE_WORDS
from marketplace.phones import e164_of
from marketplace.rates import WINDOW, Rate
from marketplace.zones import zone_of
from resources.appwrite.writing import Row, Write
from services.once import once
from services.rates import Counted, log_of, written
from services.store import View

BOOKINGS: Final = "bookings"
DEFAULT_OFFSET: Final = zone_of(None).offset_minutes
"""In which zone bare times are read where no provider says another."""
_MOST: Final = 100


@dataclass(frozen=True)
class Whose:
    """Whose bookings they are. ``phone``: E.164, "" where it is not known."""

    user_id: str
    phone: str

    @property
    def is_nobody(self) -> bool:
        """The account is of many: each of them is known by the phone."""
        return self.user_id.lower() in ROLE_WORDS

    @property
    def key(self) -> str:
        """What their bookings are counted by. A phone is not written: of one there is a hash."""
        if not self.is_nobody:
            return f"c:{self.user_id.lower()}"
        return f"p:{hashlib.sha256(self.phone.encode()).hexdigest()[:32]}"

    @property
    def condition(self) -> tuple[str, str]:
        """(meaning of the alias table, value) of their rows."""
        if self.is_nobody:
            return "booking.customer_phone", self.phone
        return "booking.customer_id", self.user_id


def whose(booking: Row) -> Whose | None:
    """Of a booking as it is written; None where nobody can be told."""
    user_id = meaning(booking, "booking.customer_id")
    phone = e164_of(meaning(booking, "booking.customer_phone")) or ""
    found = Whose(user_id or ROLE_WORDS[0], phone)
    return None if found.is_nobody and not phone else found


@dataclass
class Customer:
    """A customer's latest bookings. ``offset_minutes``: in which zone bare times of their rows are read."""

    view: View
    whose: Whose
    offset_minutes: int

    @once
    def counted(self) -> list[Counted]:
        """What their row counts; the row is watched."""
        return log_of(self.view, self.whose.key, Rate.BOOKINGS)

    @once
    def rows(self) -> list[Row]:
        """Their bookings of the latest window, whoever wrote them, newest first."""
        counted = {one.booking for one in self.counted if one.booking}  # before the list, which it makes safe
        meant, value = self.whose.condition
        since = instant_like(None, self.view.now - WINDOW - WINDOW)
        queries = [
            Query.greater_than("$createdAt", since),
            Query.order_desc("$createdAt"),
            Query.limit(_MOST),
        ]
        found = self._listed(meant, value, queries)
        # The list goes by the server's clock. What it leaves out where ours is another one is found by its id.
        others = counted - {str(row["$id"]) for row in found}
        more = self.view.gateway.fresh((BOOKINGS, booking) for booking in sorted(others)) if others else {}
        return [*found, *(row for row in more.values() if row is not None)]

    @once
    def bookings(self) -> list[BookingNow]:
        """The same, as they say."""
        return read_bookings(self.rows, self.offset_minutes)

    def with_code(self, code: str) -> list[BookingNow]:
        """Every booking of theirs with a discount code, as many as are listed."""
        _ = self.counted
        if not self.view.has(BOOKINGS, "discountCode"):
            return []
        meant, value = self.whose.condition
        queries = [Query.equal("discountCode", [code]), Query.limit(_MOST)]
        return read_bookings(self._listed(meant, value, queries), self.offset_minutes)

    @property
    def instants(self) -> list[Counted]:
        """What counts of them: what is counted, and bookings that another writer made."""
        known = {one.booking for one in self.counted}
        others = [
            Counted(booking.created_at, booking.booking_id, booking.provider_id or "")
            for booking in self.bookings
            if booking.booking_id not in known
        ]
        return [*self.counted, *others]

    def write(self, found: Sequence[Counted], at: datetime) -> Write:
        """The write of their row. It says the account; of one that is nobody's, the word."""
        return written(self.view, self.whose.key, Rate.BOOKINGS, found, at, self.whose.user_id)

    def _listed(self, meant: str, value: str, queries: Sequence[str]) -> list[Row]:
        name = attribute(ALIASES[meant], lambda one: self.view.has(BOOKINGS, one))
        if name is None:
            return []
        rows = self.view.rows(BOOKINGS, [Query.equal(name, [value]), *queries])
        # The server minds neither case nor whose phone it is: an account's booking is not that of a guest who has the
        # same phone.
        return [row for row in rows if self._is_theirs(row)]

    def _is_theirs(self, row: Row) -> bool:
        user_id = meaning(row, "booking.customer_id")
        if not self.whose.is_nobody:
            return user_id is not None and user_id.lower() == self.whose.user_id.lower()
        return user_id is None or user_id.lower() in ROLE_WORDS


def account_of(provider: Row) -> str:
    """The account of a provider: the one its row names, else the one of its id."""
    return next(
        (told for name in ("userId", "accountId") if (told := text_at(provider, name))), str(provider["$id"])
    )
