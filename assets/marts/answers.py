"""Ibis expressions the marts of providers share: what a provider was asked, how a request was answered, and who a
provider is. No mart is here."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.expressions import counted, seconds_between
from assets.marts.later import ibis
from assets.marts.tables import Instants
from marketplace.commission import REVENUE_STATUSES
from marketplace.identifiers import ROLE_WORDS
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus, Role, values

#: The collection whose bookings services offer.
OFFERED: Final = "bookings"
_ENDED: Final = values(OfferState.DECLINED, OfferState.EXPIRED)


def asked(bookings: Any, booking_offers: Any) -> Any:
    """What providers were asked: counted bookings, each once; one that services offered as often as it was offered,
    each time as a booking of that provider's own, made when it was offered and with that offer's deadline and answer
    (``offer_id`` tells which; null for a booking). What was withdrawn, or stands open though its booking ended, counts
    as cancelled: nobody is to blame that it was not answered."""
    return ibis.union(*_asked(bookings, booking_offers), distinct=False)


def asked_and_booked(bookings: Any, booking_offers: Any) -> Any:
    """The same, and the bookings that were offered, too: ``is_request`` tells what was asked, ``is_booking`` what is a
    booking. One that was never offered is both."""
    alone, rows = _asked(bookings, booking_offers)
    o = _there(booking_offers)
    offered = counted(bookings.semi_join(o, _of(bookings, o))).mutate(offer_id=ibis.null("string"))
    yes, no = ibis.literal(True), ibis.literal(False)
    return ibis.union(
        alone.mutate(is_request=yes, is_booking=yes),
        rows.mutate(is_request=yes, is_booking=no),
        offered.select(*alone.columns).mutate(is_request=no, is_booking=yes),
        distinct=False,
    )


def _asked(bookings: Any, booking_offers: Any) -> tuple[Any, Any]:
    """Bookings that were never offered, and offers as bookings; with offer_id.

    Counted bookings are asked for anew in each part: named twice, DuckDB would write them all down in between."""
    b, o = counted(bookings), _there(booking_offers)
    alone = b.anti_join(o, _of(b, o)).mutate(offer_id=ibis.null("string"))
    rows = offers_of(bookings, booking_offers).select(*_BOOKING, *_OF_OFFER, "offer_id")
    rows = counted(rows.inner_join(bookings.drop(*_OF_OFFER), [*_BOOKING]))
    return alone, rows.select(*alone.columns)


_BOOKING: Final = ("booking_id", "origin")
_OF_OFFER: Final = (
    "provider_id",
    "provider_type",
    "status",
    "created_at",
    "response_deadline",
    "accepted_at",
    "responded_at",
)
"""What of a request is its offer's, where there is one, and not its booking's."""


def _there(booking_offers: Any) -> Any:
    """The offers that count: not deleted, of a booking, made at a moment that is known."""
    o = booking_offers
    return o.filter(o.deleted_at.isnull() & o.booking_id.notnull() & o.offered_at.notnull())


def _of(b: Any, o: Any) -> list[Any]:
    return [b.booking_id == o.booking_id, b.origin == OFFERED]


def offers_of(bookings: Any, booking_offers: Any) -> Any:
    """Offers in the words of bookings: booking_id, origin, offer_id, round, and _OF_OFFER; also those of a test or of a
    deleted booking."""
    o = _there(booking_offers)
    known = bookings.filter(bookings.origin == OFFERED).select(
        "booking_id", "origin", booking_status=bookings.status
    )
    o = o.inner_join(known, "booking_id")
    accepted = o.state == OfferState.ACCEPTED.value
    open_still = (o.state == OfferState.OFFERED.value) & (o.booking_status == BookingStatus.PENDING.value)
    moment = ibis.null("timestamp")
    status: Any = ibis.cases(
        (accepted, BookingStatus.ACCEPTED.value),
        (open_still, BookingStatus.PENDING.value),
        (o.state.isin(_ENDED), o.state),
        else_=BookingStatus.CANCELLED.value,
    )
    answered = accepted | (o.state == OfferState.DECLINED.value)
    return o.select(
        "booking_id",
        "origin",
        "offer_id",
        "round",
        "provider_id",
        "provider_type",
        status=status,
        created_at=o.offered_at,
        response_deadline=o.deadline,
        accepted_at=ibis.cases((accepted, o.answered_at), else_=moment),
        responded_at=ibis.cases((answered, o.answered_at), else_=moment),
    )


def with_answers(b: Any, at: Instants) -> Any:
    """Add to bookings: accepted (earns now or was ever accepted), answered (accepted or declined, at any time),
    unanswered (expired without an answer, or pending past the deadline for one) and undecided (pending otherwise)."""
    accepted = b.status.isin(REVENUE_STATUSES) | b.accepted_at.notnull()
    answered = accepted | b.responded_at.notnull() | (b.status == BookingStatus.DECLINED.value)
    pending = b.status == BookingStatus.PENDING.value
    late = pending & (b.response_deadline < at.now).fill_null(False)
    return b.mutate(
        accepted=accepted,
        answered=answered,
        unanswered=~answered & ((b.status == BookingStatus.EXPIRED.value) | late),
        undecided=pending & ~late,
    )


#: Who may have cancelled a booking, by the count of those.
CANCELLED_BY: Final = {
    "cancelled_by_customer": values(Role.CUSTOMER),
    "cancelled_by_provider": values(Role.THERAPIST),
    "cancelled_by_admin": values(Role.ADMIN, Role.SYSTEM),
}
#: What is counted of the bookings that name a provider, and of what it was asked.
PROVIDER_COUNTS: Final = (
    "requests",
    "answered",
    "accepted",
    "declined",
    "expired",
    "unanswered",
    "decided",
    "responses",
    "completed",
    "cancelled",
    *CANCELLED_BY,
    "cancelled_by_unknown",
)


def _named(b: Any) -> Any:
    """Those that name a provider. A role word names nobody: bookings of "therapist" are of many."""
    return b.filter(b.provider_id.notnull() & ~b.provider_id.lower().isin(ROLE_WORDS))


def asked_of_providers(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """Counted bookings that name a provider, with what became of each and the seconds to its answer (response_s, null
    where it is not known); of one that was offered, what was asked stands in the offers' rows."""
    b = with_answers(_named(asked_and_booked(bookings, booking_offers)), at)
    timed = b.is_request & (b.responded_at >= b.created_at).fill_null(False)
    accepted = b.is_request & b.accepted
    declined = b.is_request & (b.status == BookingStatus.DECLINED.value)
    expired = b.is_request & (b.status == BookingStatus.EXPIRED.value)
    cancelled = b.is_booking & (b.status == BookingStatus.CANCELLED.value)
    by = {
        name: cancelled & b.cancelled_by.isin(roles).fill_null(False) for name, roles in CANCELLED_BY.items()
    }
    nobody: Any = cancelled
    for told in by.values():
        nobody = nobody & ~told
    return b.mutate(
        requests=b.is_request,
        answered=b.is_request & b.answered,
        accepted=accepted,
        unanswered=b.is_request & b.unanswered,
        declined=declined,
        expired=expired,
        decided=accepted | declined | expired,
        responses=timed,
        response_s=ibis.cases((timed, seconds_between(b.created_at, b.responded_at))),
        completed=b.is_booking & (b.status == BookingStatus.COMPLETED.value),
        cancelled=cancelled,
        **by,
        cancelled_by_unknown=nobody,
        earning_minutes=ibis.cases((b.is_booking & b.status.isin(REVENUE_STATUSES), b.service_minutes)),
    )


def responses(bookings: Any, booking_offers: Any) -> Any:
    """What was asked of a provider and answered, with the whole microseconds that took (took_us)."""
    b = _named(asked(bookings, booking_offers))
    b = b.filter(b.responded_at >= b.created_at)
    return b.mutate(took_us=b.responded_at.delta(b.created_at, unit="microsecond"))


def accounts(providers: Any) -> Any:
    """One row an id of a provider, a therapist before a place of the same id: account, kind, name, city, there (it was
    not deleted)."""
    # Of an id of both kinds what is known of the therapist counts: the greater word.
    first = providers.provider_type
    return providers.group_by(account="provider_id").aggregate(
        kind=first.max(),
        name=providers.provider_name.argmax(first, where=providers.provider_name.notnull()),
        home=providers.city.argmax(first, where=providers.city.notnull()),
        there=providers.deleted_at.isnull().any(),
    )
