"""A booking as it stands now: its row, its offers, the guard of its acceptance; and who may move it."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

from appwrite.permission import Permission
from appwrite.query import Query
from appwrite.role import Role

from marketplace.aliases import ALIASES
from marketplace.app_rows import meaning, status_written, text_at, word
from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.collections import OFFERS, PROVIDER_TYPES
from marketplace.money import DEFAULT_BOUNDS, AmountBounds
from marketplace.offers import Offer, OfferState, answered, offer_of
from marketplace.operations import acceptance_id, calendar_guard_id, room_id
from marketplace.policy import Policy
from marketplace.statuses import BOOKING_STATUS, PROVIDER_TYPE, RoomStatus
from marketplace.transitions import Actor, Transition, ever_moves, move
from operations.calendar import GUARDS, offset_of
from operations.fresh import keys_of
from operations.telling import ROOMS, provider_row, room_of
from resources.appwrite.writing import Change, Create, Row, Write
from services.callers import Caller
from services.problems import Problem
from services.store import View

BOOKINGS: Final = "bookings"
ACCEPTANCE: Final = "acceptance"
CLAIMED, SETTLED, LEAVING, RELEASED = "claimed", "settled", "leaving", "released"
"""The guard of an acceptance: taken by one that is not written to its end yet; by one that is; given up by what is not
written to its end yet; nobody's. On a server with transactions only the second and the last are seen."""
_MOST_OFFERS_READ: Final = 100
_MOST_ROOMS: Final = 10
_USER: Final = re.compile(r"user:([A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class Terms:
    """By what moves are judged: the commission policy, which amounts are believed."""

    policy: Policy
    bounds: AmountBounds = DEFAULT_BOUNDS


@dataclass(frozen=True)
class Provider:
    """A provider's row. ``kind``: therapist or place."""

    provider_id: str
    collection: str
    kind: str
    row: Row


@dataclass(frozen=True)
class Standing:
    """A booking as it stands. ``offers`` by round; ``guard``: of its acceptance; ``provider``: whom its row names;
    ``offset``: minutes east of UTC of their zone."""

    row: Row
    now: BookingNow
    offers: Sequence[Offer]
    offer_rows: Mapping[str, Row]
    guard: Row | None
    provider: Provider | None
    offset: int

    @property
    def booking_id(self) -> str:
        return self.now.booking_id

    @property
    def open_offers(self) -> list[Offer]:
        """Those that wait for an answer, the newest last."""
        return [offer for offer in self.offers if offer.is_open]

    @property
    def holder(self) -> str | None:
        """The provider who holds the guard of its acceptance."""
        if self.guard is None or text_at(self.guard, "state") == RELEASED:
            return None
        return text_at(self.guard, "providerId")

    @property
    def is_claimed(self) -> bool:
        """Whether an acceptance was begun that is not written to its end: on a server without transactions."""
        return self.guard is not None and text_at(self.guard, "state") == CLAIMED

    @property
    def round(self) -> int:
        """The last round it was offered in; a booking that an app made was offered once, to its provider."""
        return max((offer.round for offer in self.offers), default=1)

    @property
    def asked(self) -> frozenset[str]:
        """Whoever was offered it."""
        first = [self.now.provider_id] if self.now.provider_id is not None else []
        return frozenset((*(offer.provider_id for offer in self.offers), *first))

    def offered_to(self, provider_id: str) -> Offer | None:
        """The open offer of a provider."""
        return next((o for o in reversed(self.open_offers) if o.provider_id == provider_id), None)

    def asked_by_the_row(self, provider_id: str) -> bool:
        """Whether its row names a provider who is not asked by an offer: an app made it, or an operation handed it
        over, later than they were offered it last."""
        if self.now.provider_id != provider_id or self.open_offers:
            return False
        until = self.now.response_deadline
        return not any(
            offer.provider_id == provider_id and (until is None or offer.deadline >= until)
            for offer in self.offers
        )

    def ended(self, offer: Offer, state: OfferState, view: View) -> Change:
        """The write that ends an offer."""
        seen = str(self.offer_rows[offer.offer_id]["$updatedAt"])
        return Change(OFFERS, offer.offer_id, answered(state, view.now), seen)

    def withdrawn(self, view: View, *, but: str | None = None) -> list[Change]:
        """The writes that take back what is still open, but for one offer."""
        return [
            self.ended(offer, OfferState.WITHDRAWN, view)
            for offer in self.open_offers
            if offer.offer_id != but
        ]

    def changed(self, data: Mapping[str, Any], permissions: Sequence[str] | None = None) -> Change:
        """The write that changes the booking's row."""
        return Change(BOOKINGS, self.booking_id, data, str(self.row["$updatedAt"]), permissions)

    def status(self, status: str, view: View) -> dict[str, Any]:
        """The attributes that say its state."""
        has = partial(view.has, BOOKINGS)
        return dict(status_written(self.row, ALIASES["booking.status"], BOOKING_STATUS, status, has))


def standing(
    view: View,
    booking_id: str,
    terms: Terms,
    *,
    provider_watched: bool = False,
    calendar_of: str | None = None,
) -> Standing:
    """A booking as it stands; its row and its guard are watched, its provider's where that is asked for.
    ``calendar_of``: a provider whose guard is read with it. Raises Problem (404), CallFailure."""
    row = view.row(BOOKINGS, booking_id)
    if row is None:
        raise Problem(404, "not_found")
    if calendar_of is not None:
        guards = (acceptance_id(BOOKINGS, booking_id), calendar_guard_id(calendar_of))
        view.read((GUARDS, guard) for guard in guards)
    guard = view.row(GUARDS, acceptance_id(BOOKINGS, booking_id))
    listed = view.rows(OFFERS, [Query.equal("bookingId", [booking_id]), Query.limit(_MOST_OFFERS_READ)])
    offers = sorted((offer_of(found) for found in listed), key=lambda offer: (offer.round, offer.offer_id))
    whose, kind = meaning(row, "booking.provider_id"), word(text_at(row, "providerType"), PROVIDER_TYPE)
    provider = provider_of(view, whose, kind, watched=provider_watched)
    offset = offset_of(provider.row if provider is not None else None)
    (now,) = read_bookings([row], offset, terms.bounds)
    rows = {str(found["$id"]): found for found in listed}
    return Standing(row, now, offers, rows, guard, provider, offset)


class _Glancing:
    """Rows that may change without changing the decision."""

    def __init__(self, view: View) -> None:
        self._view = view

    def row(self, collection: str, row_id: str) -> Row | None:
        key = (collection, row_id)
        if key in self._view.watched:
            return self._view.watched[key]
        return self._view.glance(collection, row_id)

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        return self._view.rows(collection, queries)

    def has(self, collection: str, attribute: str) -> bool:
        return self._view.has(collection, attribute)


def provider_of(
    view: View, provider_id: str | None, kind: str | None, *, watched: bool = False
) -> Provider | None:
    """A provider by their id. Raises CallFailure."""
    found = provider_row(provider_id, kind, view if watched else _Glancing(view))
    if found is None:
        return None
    return Provider(str(found[1]["$id"]), found[0], PROVIDER_TYPES[found[0]], found[1])


def room_now(view: View, booking: Row) -> Row | None:
    """The room of a booking: the one of its derived id, else the one that names it, an active one first; not watched.
    Raises CallFailure."""
    ask = _Glancing(view)
    room = room_of(booking, room_id(BOOKINGS, str(booking["$id"])), ask)
    if room is not None or not view.has(ROOMS, "bookingId"):
        return room
    found = view.rows(ROOMS, [Query.equal("bookingId", keys_of(booking)), Query.limit(_MOST_ROOMS)])
    found.sort(key=lambda r: (text_at(r, "status") != RoomStatus.ACTIVE.value, str(r["$id"])))
    return room_of(booking, str(found[0]["$id"]), ask) if found else None


# Who may ------------------------------------------------------------------------------------------------


def is_of(caller: Caller, booking: Standing) -> bool:
    """Whether a booking is somebody's to see: its customer's, its provider's, one's who is or was offered it, an
    administrator's."""
    if caller.actor is Actor.ADMIN:
        return True
    if caller.actor is Actor.PROVIDER:
        return caller.provider_id is not None and caller.provider_id in booking.asked
    return is_customer(caller, booking.now.customer_id)


def is_customer(caller: Caller, customer_id: str | None) -> bool:
    """Whether a booking's customer is a caller."""
    return customer_id is not None and customer_id == caller.user_id and not caller.is_nobody


def acting(booking: Standing, caller: Caller) -> Caller:
    """As whom a caller acts: a provider who booked another one is its customer."""
    if caller.actor is not Actor.PROVIDER or caller.provider_id in booking.asked:
        return caller
    if not is_customer(caller, booking.now.customer_id):
        return caller
    return replace(caller, actor=Actor.CUSTOMER, provider_id=None, provider_collection=None)


def allowed(booking: Standing, after: str, caller: Caller) -> Transition:
    """The move by which a caller leads a booking on. Raises Problem: 404 where it is not theirs, 403 where they never
    may, 409 with its state where they may not now."""
    if not is_of(caller, booking):
        raise Problem(404, "not_found")
    if not ever_moves(after, caller.actor):
        raise Problem(403, "not_allowed")
    found = move(booking.now.status, after, caller.actor)
    if found is None:
        raise wrong_state(booking)
    return found


def holding(booking: Standing, caller: Caller) -> None:
    """Who carries a booking out answers for it, not whoever was asked before. Raises Problem (409)."""
    if caller.actor is Actor.PROVIDER and caller.provider_id != booking.now.provider_id:
        raise refused(booking, "not_offered")


def wrong_state(booking: Standing) -> Problem:
    """What is answered where a booking is past a move."""
    return refused(booking, "booking_is", status=booking.now.status)


def refused(booking: Standing, code: str, **said: str) -> Problem:
    """What is answered where a booking, as it stands, cannot be moved so."""
    return Problem(409, code, args=said, state=booking.now.status)


# What is written ----------------------------------------------------------------------------------------


def guard_written(view: View, booking: Standing, provider_id: str | None, state: str) -> Write:
    """The write that takes the guard of a booking's acceptance for a provider, settles or releases it."""
    row_id = acceptance_id(BOOKINGS, booking.booking_id)
    data: dict[str, Any] = {
        "kind": ACCEPTANCE,
        "bookingId": booking.booking_id,
        "providerId": provider_id,
        "state": state,
        "version": int((booking.guard or {}).get("version") or 0) + 1,
    }
    if booking.guard is None:
        return Create(GUARDS, row_id, data | {"at": answered(OfferState.ACCEPTED, view.now)["answeredAt"]})
    if state == CLAIMED:
        data["at"] = answered(OfferState.ACCEPTED, view.now)["answeredAt"]
    return Change(GUARDS, row_id, data, str(booking.guard["$updatedAt"]))


def readers_with(row: Row, customer_id: str | None, taker: Row) -> list[str] | None:
    """The permissions of a row that goes to another provider: what names people goes to its customer and to them. None
    where the row has none of its own."""
    held = [p for p in cast("Sequence[object]", row.get("$permissions") or ()) if isinstance(p, str)]
    if not held:
        return None
    kept = [p for p in held if "user:" not in p or _USER.findall(p) == [customer_id]]
    return [*dict.fromkeys((*kept, Permission.read(Role.user(account_of(taker)))))]


def account_of(provider: Row) -> str:
    """The account of a provider: the one its row names, else that of the row's own id."""
    return text_at(provider, "userId") or text_at(provider, "accountId") or str(provider["$id"])
