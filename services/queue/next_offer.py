"""What becomes of a booking when an offer of it ends: the next provider is asked, or it ends with its last offer.

Fair: among those who may be asked the one who was offered anything longest ago is; a provider's guard says when that
was, and is changed with each offer, so that two dispatchers do not give one provider two turns.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from appwrite.permission import Permission
from appwrite.query import Query
from appwrite.role import Role

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, names_somebody, text_at
from marketplace.booking_rows import BookingNow
from marketplace.collections import OFFERS, PROVIDER_TYPES
from marketplace.hand_over import waits_until
from marketplace.menus import menu_of
from marketplace.offers import Offer, OfferState, instant_at, offer_row
from marketplace.operations import calendar_guard_id, round_guard_id
from marketplace.queue import MOST_OFFERS, Candidate, answer_time, in_band, in_turn, is_free
from marketplace.statuses import BookingStatus
from marketplace.telling import EXPIRY_REASON, Told
from operations.calendar import GUARDS, most_at_once, offset_of, takes_at_once
from operations.records import local
from operations.telling import Telling, collection_of
from resources.appwrite.paging import every_row
from resources.appwrite.writing import Create, Row, Write
from services.booking.duplicates import standing_with
from services.moving.calendar import guard_of, passed, taken
from services.moving.standing import (
    BOOKINGS,
    Provider,
    Standing,
    Terms,
    account_of,
    provider_of,
    readers_with,
    room_now,
)
from services.store import Underway, View

ROUND: Final = "round"
_PAGE: Final = 100
_OFFERS_READ: Final = 500
"""So many of the newest offers tell who was offered something when; of those before, the guards do."""


def offered_on(
    view: View,
    booking: Standing,
    ending: Offer | None,
    ended_by: OfferState,
    terms: Terms,
    *,
    reason: str | None = None,
) -> tuple[BookingStatus, Provider | None, datetime | None, list[Write]]:
    """What is written when an offer of a pending booking ends unaccepted: the state of the booking then, who is asked
    now and until when, and the writes. ``ending``: None where an app asked its provider without one; ``reason``: that
    of a provider who declined. Raises CallFailure."""
    found = _next(view, booking, terms) if booking.round < MOST_OFFERS else None
    if found is None:
        declined = ended_by is OfferState.DECLINED
        after = BookingStatus.DECLINED if declined else BookingStatus.EXPIRED
        return after, None, None, _over(view, booking, ending, ended_by, after, reason)
    provider, deadline = found
    return (
        BookingStatus.PENDING,
        provider,
        deadline,
        asked(view, booking, provider, deadline, ending, ended_by),
    )


def asked(
    view: View,
    booking: Standing,
    taker: Provider,
    deadline: datetime,
    ending: Offer | None,
    ended_by: OfferState,
) -> list[Write]:
    """The writes by which the next provider is asked until a deadline. Raises CallFailure."""
    number = booking.round + 1
    data = waits_until(booking.row, deadline, booking.offset, partial(view.has, BOOKINGS))
    claim = round_claimed(view, booking, taker, number)
    row_id, offer = offer_row(booking.booking_id, taker.provider_id, taker.kind, number, view.now, deadline)
    said = {"booking": booking.booking_id, "deadline": local(deadline, booking.offset)}
    tell = Telling(row_id, view.now, view)
    may_read = [Permission.read(Role.user(account_of(taker.row)))]
    # The next offer before the last one ends: at every moment an open offer tells that the booking waits.
    return [
        passed(view, taker.provider_id, offeredAt=instant_like(None, view.now)),
        *claim,
        *([booking.changed(data)] if data else []),
        Create(OFFERS, row_id, offer, readers_with(booking.row, booking.now.customer_id, taker.row)),
        *([booking.ended(ending, ended_by, view)] if ending is not None else []),
        *booking.withdrawn(view, but=ending.offer_id if ending is not None else None),
        *tell.room(booking.row, room_now(view, booking.row), Told.OFFERED_ON),
        *tell.customer(booking.row, Told.OFFERED_ON, said),
        *tell.provider(
            taker.provider_id,
            taker.kind,
            Told.OFFERED,
            said,
            booking=booking.row,
            row={"$permissions": may_read},
        ),
    ]


def round_claimed(view: View, booking: Standing, taker: Provider, number: int) -> list[Write]:
    """On a server without transactions the guard of a round says who is asked in it: one, whoever asks them. Raises
    Underway where somebody else is being asked in it, CallFailure."""
    if view.gateway.has_transactions:
        return []
    row_id = round_guard_id(booking.booking_id, number)
    held = view.row(GUARDS, row_id)
    if held is not None:
        if text_at(held, "providerId") != taker.provider_id:
            raise Underway
        return []
    data = {
        "kind": ROUND,
        "bookingId": booking.booking_id,
        "providerId": taker.provider_id,
        "round": number,
        "version": 1,
        "at": instant_like(None, view.now),
    }
    return [Create(GUARDS, row_id, data)]


def _over(
    view: View,
    booking: Standing,
    ending: Offer | None,
    ended_by: OfferState,
    after: BookingStatus,
    reason: str | None,
) -> list[Write]:
    """The writes by which a booking ends with its last offer."""
    has = partial(view.has, BOOKINGS)
    data: dict[str, Any] = booking.status(after.value, view)
    declined = after is BookingStatus.DECLINED
    for names in (ALIASES["booking.declined_at"], ALIASES["booking.responded_at"]) if declined else ():
        if (name := attribute(names, has)) is not None:
            data[name] = instant_like(booking.row.get(name), view.now, booking.offset)
    if declined and reason is not None and has("declineReason"):
        data["declineReason"] = reason
    if not declined and has("expirationReason"):
        data["expirationReason"] = EXPIRY_REASON
    kind = Told.DECLINED if declined else Told.EXPIRED
    tell = Telling(f"over:{booking.booking_id}:{booking.round}", view.now, view)
    return [
        booking.changed(data),
        *([booking.ended(ending, ended_by, view)] if ending is not None else []),
        *booking.withdrawn(view, but=ending.offer_id if ending is not None else None),
        *tell.room(booking.row, room_now(view, booking.row), kind),
        *tell.customer(booking.row, kind, {"booking": booking.booking_id}),
    ]


# Who is next --------------------------------------------------------------------------------------------


def _next(view: View, booking: Standing, terms: Terms) -> tuple[Provider, datetime] | None:
    """The next provider for a booking and until when they may answer. None: there is nobody, or no time left."""
    now = booking.now
    deadline = view.now + answer_time(now.mode)
    if now.starts_at is None or now.ends_at is None or now.starts_at <= view.now:
        return None
    deadline = min(deadline, now.starts_at)
    if not view.gateway.has_transactions:
        claimed = view.row(GUARDS, round_guard_id(booking.booking_id, booking.round + 1))
        if claimed is not None:
            taker = provider_of(view, text_at(claimed, "providerId"), now.provider_type)
            return (taker, deadline) if taker is not None else None
    rows = _of_the_kind(view, booking, terms)
    # Before the list of offers: whoever is offered anything meanwhile has another guard then.
    guards = view.gateway.fresh((GUARDS, calendar_guard_id(one)) for one in rows)
    when = _offered_at(view, list(rows), guards)
    turn = in_turn([Candidate(one, when.get(one)) for one in rows], booking.asked)
    for candidate in turn:
        taker = Provider(candidate.provider_id, *rows[candidate.provider_id])
        # Their guard is watched: who takes the time meanwhile makes this be decided again.
        guard, seen = guard_of(view, taker.provider_id), guards[GUARDS, calendar_guard_id(taker.provider_id)]
        if (guard or {}).get("$updatedAt") != (seen or {}).get("$updatedAt"):
            raise Underway
        if now.customer_id is not None and now.customer_id in (taker.provider_id, account_of(taker.row)):
            continue  # nobody is asked to serve themselves
        if not names_somebody(taker.provider_id) or not _has_time(view, now, taker):
            continue
        if standing_with(view, booking.row, taker.provider_id) is None:
            return taker, deadline
    return None


def _of_the_kind(view: View, booking: Standing, terms: Terms) -> dict[str, tuple[str, str, Row]]:
    """Provider → (collection, kind, row) of those who are free, of the city, service and price band of the first one
    that was asked. Raises CallFailure."""
    first = booking.provider
    if first is None or (city := text_at(first.row, "city")) is None or booking.now.minutes is None:
        return {}
    price = menu_of(first.row, terms.bounds).get(booking.now.minutes) or (
        booking.now.before_idr or booking.now.amount_idr
    )
    collection = collection_of(booking.now.provider_type) or first.collection
    if price is None or not view.has(collection, "status"):
        return {}
    found: dict[str, tuple[str, str, Row]] = {}
    asked = [Query.equal("city", [city]), Query.equal("status", ["AVAILABLE"])]
    for row in every_row(view, collection, asked):
        theirs = menu_of(row, terms.bounds).get(booking.now.minutes)
        if is_free(row) and theirs is not None and in_band(theirs, price):
            found[str(row["$id"])] = (collection, PROVIDER_TYPES[collection], row)
    return found


def _offered_at(
    view: View, providers: Sequence[str], guards: Mapping[tuple[str, str], Row | None]
) -> dict[str, datetime]:
    """When each of some providers was last offered anything. ``guards``: of their calendars. Raises CallFailure."""
    when: dict[str, datetime] = {}
    for first in range(0, len(providers), _PAGE):
        some = list(providers[first : first + _PAGE])
        newest = view.rows(
            OFFERS,
            [
                Query.equal("providerId", some),
                Query.order_desc("offeredAt"),
                Query.limit(_OFFERS_READ),
            ],
        )
        for offer in newest:
            whose, at = str(offer["providerId"]), instant_at(offer, "offeredAt")
            if at is not None and whose not in when:
                when[whose] = at
        for one in some:
            guard = guards[GUARDS, calendar_guard_id(one)]
            if one not in when and guard is not None and (at := instant_at(guard, "offeredAt")) is not None:
                when[one] = at
    return when


def _has_time(view: View, now: BookingNow, taker: Provider) -> bool:
    """Whether a provider can carry a booking out beside those they accepted."""
    limit = takes_at_once(taker.row, taker.collection)
    if limit is None or now.starts_at is None or now.ends_at is None:
        return True
    zone = offset_of(taker.row)
    others = taken(view, taker.provider_id, now.starts_at, now.ends_at, zone, besides=now.booking_id)
    return most_at_once(others, now.starts_at, now.ends_at) < limit
