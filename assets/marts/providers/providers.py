"""The mart marts.providers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assets.marts.answers import accounts, asked_and_booked, with_answers
from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import bookings_read, counted, seconds_between, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.provider_spans import ON_LINE, provider_spans
from assets.marts.tables import Instants
from checks.schemas.providers import ProviderFigures
from marketplace.commission import PAID_STATUS, REVENUE_STATUSES, TRACKED_STATES, EntryKind, EntryPart
from marketplace.identifiers import ROLE_WORDS
from marketplace.services import FEWEST_RATINGS, MEDIAN, TAIL
from marketplace.statuses import BookingStatus, ProviderStatus, Role, values

_BY = {
    "cancelled_by_customer": values(Role.CUSTOMER),
    "cancelled_by_provider": values(Role.THERAPIST),
    "cancelled_by_admin": values(Role.ADMIN, Role.SYSTEM),
}
_MINUTE_S = timedelta(minutes=1).total_seconds()
_DAY_S = timedelta(days=1).total_seconds()


@mart(
    ProviderFigures,
    # A status lasts as long as it is looked at.
    clock_columns=(
        "seen_minutes",
        "available_minutes",
        "booked_seen_minutes",
        "utilisation",
        "restricted_days",
    ),
)
def providers(
    bookings: Any,
    booking_offers: Any,
    providers: Any,
    reviews: Any,
    reassignments: Any,
    commission_reconciliation: Any,
    commission_entries: Any,
    provider_spans: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """How each provider does, of all time. Requests are the bookings whose provider it is now, whenever they were
    created, and of a booking that services offered each offer; what was handed on counts for who has it. Ratings are of
    reviews that name the provider, or whose booking does. Availability is what was seen of its status, and utilisation
    is of that time alone. Commission discipline is of the records that are the bookings' own."""
    read = bookings_read(scans) & zones_read(scans)
    asked = _requests(bookings, booking_offers, at)
    rows: Any = _everyone(providers, asked)
    for part in (
        asked,
        _ratings(reviews, bookings),
        _handed(reassignments),
        _seen(provider_spans),
        _served(bookings, provider_spans),
        _paid(commission_reconciliation),
        _fees(commission_entries),
    ):
        rows = rows.left_join(part, rows.provider_id == part.of).drop("of")
    # Columns: each place that asks for one anew is another table for DuckDB to put in order.
    rows = rows.mutate(read=read, reviewed=_read_whole(scans, "reviews"))
    read = rows.read
    counts = {
        name: rows[name].fill_null(0).cast("int64")
        for name in (*_COUNTS, "booked_minutes", "reassigned_away", "reassigned_to")
    }
    ratings: Any = ibis.cases((rows.reviewed, rows.ratings.fill_null(0)))
    available = rows.available_s / _MINUTE_S
    booked_seen = ibis.cases((rows.seen_s.notnull(), rows.booked_seen_s.fill_null(0.0) / _MINUTE_S))
    judged = at.judged_at.notnull()

    def where_judged(count: Any) -> Any:
        return ibis.cases((judged, count.fill_null(0).cast("int64")))

    return rows.select(
        "provider_id",
        "provider_type",
        "provider_name",
        "city",
        **{name: counts[name] for name in _COUNTS[:_DECIDED]},
        acceptance_rate=ibis.cases((read, counts["accepted"] / counts["decided"].nullif(0))),
        responses=counts["responses"],
        p50_response_s=rows.p50_response_s,
        p95_response_s=rows.p95_response_s,
        **{name: counts[name] for name in _COUNTS[_DECIDED + 1 :]},
        reassigned_away=counts["reassigned_away"],
        reassigned_to=counts["reassigned_to"],
        ratings=ratings,
        rating=ibis.cases(((ratings >= FEWEST_RATINGS).fill_null(False), rows.rating)),
        booked_minutes=counts["booked_minutes"],
        seen_minutes=rows.seen_s / _MINUTE_S,
        available_minutes=available,
        booked_seen_minutes=booked_seen,
        utilisation=ibis.cases((read, booked_seen / available.nullif(0.0))),
        paid_in_time=where_judged(rows.paid_in_time),
        paid_late=where_judged(rows.paid_late),
        paid_undated=where_judged(rows.paid_undated),
        fees_idr=where_judged(rows.fees_idr),
        restricted_days=rows.restricted_s / _DAY_S,
        is_complete=ibis.cases((read, True)),
    )


_COUNTS = (
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
    *_BY,
    "cancelled_by_unknown",
)
_DECIDED = _COUNTS.index("responses")


def _read_whole(scans: Any, collection: str) -> Any:
    s = scans.filter((scans.collection == collection) & scans.completed_at.notnull())
    return (s.count() > 0).as_scalar()


def _asked(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """Counted bookings that name a provider, with what became of each and the seconds to its answer (response_s, null
    where it is not known); of one that was offered, what was asked stands in the offers' rows."""
    b = asked_and_booked(bookings, booking_offers)
    # A role word names nobody: bookings of "therapist" are of many.
    b = with_answers(b.filter(b.provider_id.notnull() & ~b.provider_id.lower().isin(ROLE_WORDS)), at)
    timed = b.is_request & (b.responded_at >= b.created_at).fill_null(False)
    accepted = b.is_request & b.accepted
    declined = b.is_request & (b.status == BookingStatus.DECLINED.value)
    expired = b.is_request & (b.status == BookingStatus.EXPIRED.value)
    cancelled = b.is_booking & (b.status == BookingStatus.CANCELLED.value)
    by = {name: cancelled & b.cancelled_by.isin(roles).fill_null(False) for name, roles in _BY.items()}
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


def _requests(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    b = _asked(bookings, booking_offers, at)
    return b.group_by(of="provider_id").aggregate(
        **{name: b.count(where=b[name]) for name in _COUNTS},
        p50_response_s=b.response_s.quantile(MEDIAN),
        p95_response_s=b.response_s.quantile(TAIL),
        booked_minutes=b.earning_minutes.sum(),
    )


def _everyone(providers: Any, asked: Any) -> Any:
    """Providers that are there, and whoever bookings name."""
    p = accounts(providers)
    booked = asked.select(booked="of")
    rows = p.outer_join(booked, p.account == booked.booked)
    rows = rows.filter(rows.there.fill_null(False) | rows.booked.notnull())
    return rows.select(
        provider_id=ibis.coalesce(rows.account, rows.booked),
        provider_type=rows.kind,
        provider_name=rows.name,
        city=rows.home,
    )


def rated(reviews: Any, bookings: Any) -> Any:
    """Reviews with a rating and the provider they are of (``of``): their own, else their booking's. Without those of
    test bookings."""
    r = reviews.filter(reviews.deleted_at.isnull() & reviews.rating.notnull())
    b = bookings.filter(bookings.deleted_at.isnull())
    keys: Any = ibis.union(
        *(
            b.select(key=b[column], theirs=b.provider_id, test=b.is_test.fill_null(False))
            for column in ("booking_id", "business_id")
        ),
        distinct=False,
    )
    keys = keys.filter(keys.key.notnull()).mutate(folded=lambda k: k.key.lower())
    tests, real = keys.filter(keys.test), keys.filter(~keys.test)
    # Of a test booking and a real one the real one is meant.
    tests = tests.select("folded").distinct()
    tests = tests.anti_join(real.semi_join(tests, "folded").select("folded"), "folded")
    r = r.mutate(named=r.booking_ref.lower())
    r = r.anti_join(tests, r.named == tests.folded)
    alone = r.filter(r.provider_id.isnull() & r.named.notnull()).select("booking_ref", "named").distinct()
    fits = alone.inner_join(real, alone.named == real.folded)
    # But for case where nothing is spelled so; two bookings of two providers mean neither.
    fits = fits.mutate(exact=fits.key == fits.booking_ref)
    fits = fits.mutate(any_exact=fits.exact.any().over(ibis.window(group_by="booking_ref")))
    fits = fits.filter(fits.exact == fits.any_exact)
    meant = fits.group_by(written="booking_ref").aggregate(
        theirs=fits.theirs.min(),
        agree=(fits.theirs.min() == fits.theirs.max()) & (fits.theirs.count() == fits.count()),
    )
    meant = meant.filter(meant.agree.fill_null(False))
    rows = r.left_join(meant, r.booking_ref == meant.written)
    rows = rows.mutate(of=ibis.coalesce(rows.provider_id, rows.theirs))
    return rows.filter(rows.of.notnull()).select(
        "review_id", "of", "rating", "created_at", "booking_ref", "change"
    )


def _ratings(reviews: Any, bookings: Any) -> Any:
    rows = rated(reviews, bookings)
    return rows.group_by("of").aggregate(ratings=rows.count(), rating=rows.rating.mean())


def _handed(reassignments: Any) -> Any:
    h = reassignments
    none = ibis.literal(0).cast("int64")
    sides: Any = ibis.union(
        h.select(of=h.from_provider_id, away=one(), to=none),
        h.select(of=h.to_provider_id, away=none, to=one()),
        distinct=False,
    )
    sides = sides.filter(sides.of.notnull())
    return sides.group_by("of").aggregate(reassigned_away=sides.away.sum(), reassigned_to=sides.to.sum())


def _seen(spans: Any) -> Any:
    seconds = seconds_between(spans.from_at, spans.to_at)
    return spans.group_by(of="provider_id").aggregate(
        seen_s=seconds.sum(),
        available_s=seconds.sum(where=spans.status.isin(ON_LINE)).fill_null(0.0),
        restricted_s=seconds.sum(where=spans.status == ProviderStatus.RESTRICTED.value).fill_null(0.0),
    )


def _services(bookings: Any, spans: Any) -> Any:
    """Bookings that earn, with the seconds of their service (inside_s) from when the provider's status was first known
    to when last."""
    known = spans.group_by(seen="provider_id").aggregate(since=spans.from_at.min(), until=spans.to_at.max())
    b = counted(bookings)
    b = b.filter(b.status.isin(REVENUE_STATUSES) & b.starts_at.notnull() & b.service_minutes.notnull())
    rows = b.inner_join(known, b.provider_id == known.seen)
    over_at = rows.starts_at + ibis.interval(minutes=1) * rows.service_minutes
    inside = seconds_between(ibis.greatest(rows.starts_at, rows.since), ibis.least(over_at, rows.until))
    return rows.mutate(inside_s=ibis.greatest(inside, ibis.literal(0.0)))


def _served(bookings: Any, spans: Any) -> Any:
    rows = _services(bookings, spans)
    return rows.group_by(of="provider_id").aggregate(booked_seen_s=rows.inside_s.sum())


def _own_paid(commission_reconciliation: Any) -> Any:
    """Bookings whose own record is paid, with ``in_time`` (null where that cannot be told)."""
    r = commission_reconciliation
    r = r.filter(
        r.state.isin(TRACKED_STATES) & (r.commission_status == PAID_STATUS) & r.provider_id.notnull()
    )
    return r.mutate(in_time=r.paid_at <= r.deadline_at)


def _paid(commission_reconciliation: Any) -> Any:
    r = _own_paid(commission_reconciliation)
    return r.group_by(of="provider_id").aggregate(
        paid_in_time=r.count(where=r.in_time.fill_null(False)),
        paid_late=r.count(where=(~r.in_time).fill_null(False)),
        paid_undated=r.count(where=r.in_time.isnull()),
    )


def _fee_entries(commission_entries: Any) -> Any:
    e = commission_entries
    return e.filter((e.part == EntryPart.FEE.value) & e.kind.isin(values(EntryKind.FEE, EntryKind.REVERSAL)))


def _fees(commission_entries: Any) -> Any:
    e = _fee_entries(commission_entries)
    return e.group_by(of="provider_id").aggregate(fees_idr=e.amount_idr.sum())


_figures = providers  # its arguments are called as it is


@behind(_figures)
def provider_rows(
    bookings: Any,
    booking_offers: Any,
    providers: Any,
    provider_states: Any,
    reviews: Any,
    reassignments: Any,
    commission_reconciliation: Any,
    commission_entries: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """The bookings, reviews, hand-overs, statuses, records and fees of each provider."""
    b = _asked(bookings, booking_offers, at)
    spans = provider_spans(provider_states, providers, scans, at)
    minutes = seconds_between(spans.from_at, spans.to_at) / _MINUTE_S
    served = _services(bookings, spans)
    stars = rated(reviews, bookings)
    r = _own_paid(commission_reconciliation)
    e = _fee_entries(commission_entries)
    h = reassignments

    def handed(side: str, figure: str) -> Any:
        rows = h.filter(h[side].notnull())
        return rows.select(
            id=rows.booking_id,
            of=ibis.literal("marts.reassignments"),
            provider_id=rows[side],
            origin=rows.origin,
            outcome=rows.outcome,
            reassigned_at=rows.reassigned_at,
            **{figure: one()},
        )

    return gather(
        of_booking(
            b,
            "provider_id",
            "response_s",
            booked_minutes=b.earning_minutes,
            **{name: where(b[name]) for name in _COUNTS},
        ),
        of_booking(served, "provider_id", "starts_at", booked_seen_minutes=served.inside_s / _MINUTE_S),
        stars.select(
            id=stars.review_id,
            of=ibis.literal("core.reviews"),
            provider_id=stars.of,
            created_at=stars.created_at,
            change=stars.change,
            ratings=one(),
            stars=stars.rating,
        ),
        handed("from_provider_id", "reassigned_away"),
        handed("to_provider_id", "reassigned_to"),
        spans.select(
            id=spans.provider_id,
            of=ibis.literal("core.provider_states"),
            provider_id=spans.provider_id,
            status=spans.status,
            from_at=spans.from_at,
            to_at=spans.to_at,
            seen_minutes=minutes,
            available_minutes=where(spans.status.isin(ON_LINE), minutes),
            restricted_days=where(
                spans.status == ProviderStatus.RESTRICTED.value, minutes * (_MINUTE_S / _DAY_S)
            ),
        ),
        r.select(
            id=r.commission_id,
            of=ibis.literal("core.commissions"),
            provider_id=r.provider_id,
            paid_at=r.paid_at,
            deadline_at=r.deadline_at,
            paid_in_time=where(r.in_time),
            paid_late=where(~r.in_time),
            paid_undated=where(r.in_time.isnull()),
        ),
        e.select(
            id=e.entry_id,
            of=ibis.literal("marts.commission_entries"),
            provider_id=e.provider_id,
            local_date=e.local_date,
            fees_idr=e.amount_idr,
        ),
    )
