"""The mart marts.providers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assets.marts.answers import PROVIDER_COUNTS, accounts, asked_of_providers
from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import bookings_read, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.account_spans import seen
from assets.marts.steps.provider_dues import late_fees, own_paid
from assets.marts.steps.provider_served import services
from assets.marts.steps.rated_reviews import rated
from assets.marts.steps.status_spans import ON_LINE, spans_of
from assets.marts.tables import Instants
from checks.schemas.providers import ProviderFigures
from marketplace.services import FEWEST_RATINGS
from marketplace.statuses import ProviderStatus

_MINUTE_US = timedelta(minutes=1) / timedelta(microseconds=1)
_DAY_US = timedelta(days=1) / timedelta(microseconds=1)


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
    providers: Any,
    reassignments: Any,
    provider_requests: Any,
    provider_responses: Any,
    provider_ratings: Any,
    provider_dues: Any,
    account_spans: Any,
    provider_served: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """How each provider does, of all time. Requests are the bookings whose provider it is now, whenever they were
    created, and of a booking that services offered each offer; what was handed on counts for who has it. Ratings are of
    reviews that name the provider, or whose booking does. Availability is what was seen of its status, and utilisation
    is of that time alone. Commission discipline is of the records that are the bookings' own."""
    read = bookings_read(scans) & zones_read(scans)
    rows: Any = _everyone(providers, provider_requests)
    for part in (
        provider_requests.rename(of="provider_id").drop("lines"),
        provider_responses.rename(of="provider_id"),
        provider_ratings.rename(of="provider_id"),
        _handed(reassignments),
        seen(account_spans, scans, at).rename(of="provider_id"),
        provider_served.rename(of="provider_id").drop("lines"),
        provider_dues.rename(of="provider_id").drop("lines"),
    ):
        rows = rows.left_join(part, rows.provider_id == part.of).drop("of")
    # Columns: each place that asks for one anew is another table for DuckDB to put in order.
    rows = rows.mutate(read=read, reviewed=_read_whole(scans, "reviews"))
    read = rows.read
    counts = {
        name: rows[name].fill_null(0).cast("int64")
        for name in (*PROVIDER_COUNTS, "booked_minutes", "reassigned_away", "reassigned_to")
    }
    ratings: Any = ibis.cases((rows.reviewed, rows.ratings.fill_null(0)))
    available = rows.available_us / _MINUTE_US
    booked_seen = ibis.cases((rows.seen_us.notnull(), rows.served_us.fill_null(0) / _MINUTE_US))
    judged = at.judged_at.notnull()

    def where_judged(count: Any) -> Any:
        return ibis.cases((judged, count.fill_null(0).cast("int64")))

    return rows.select(
        "provider_id",
        "provider_type",
        "provider_name",
        "city",
        **{name: counts[name] for name in PROVIDER_COUNTS[:_DECIDED]},
        acceptance_rate=ibis.cases((read, counts["accepted"] / counts["decided"].nullif(0))),
        responses=counts["responses"],
        p50_response_s=rows.p50_us / 1e6,
        p95_response_s=rows.p95_us / 1e6,
        **{name: counts[name] for name in PROVIDER_COUNTS[_DECIDED + 1 :]},
        reassigned_away=counts["reassigned_away"],
        reassigned_to=counts["reassigned_to"],
        ratings=ratings,
        rating=ibis.cases(((ratings >= FEWEST_RATINGS).fill_null(False), rows.stars / rows.ratings)),
        booked_minutes=counts["booked_minutes"],
        seen_minutes=rows.seen_us / _MINUTE_US,
        available_minutes=available,
        booked_seen_minutes=booked_seen,
        utilisation=ibis.cases((read, booked_seen / available.nullif(0.0))),
        paid_in_time=where_judged(rows.paid_in_time),
        paid_late=where_judged(rows.paid_late),
        paid_undated=where_judged(rows.paid_undated),
        fees_idr=where_judged(rows.fees_idr),
        restricted_days=rows.restricted_us / _DAY_US,
        is_complete=ibis.cases((read, True)),
    )


_DECIDED = PROVIDER_COUNTS.index("responses")


def _read_whole(scans: Any, collection: str) -> Any:
    s = scans.filter((scans.collection == collection) & scans.completed_at.notnull())
    return (s.count() > 0).as_scalar()


def _everyone(providers: Any, asked: Any) -> Any:
    """Providers that are there, and whoever bookings name."""
    p = accounts(providers)
    booked = asked.select(booked="provider_id")
    rows = p.outer_join(booked, p.account == booked.booked)
    rows = rows.filter(rows.there.fill_null(False) | rows.booked.notnull())
    return rows.select(
        provider_id=ibis.coalesce(rows.account, rows.booked),
        provider_type=rows.kind,
        provider_name=rows.name,
        city=rows.home,
    )


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
    b = asked_of_providers(bookings, booking_offers, at)
    spans = spans_of(provider_states, providers, scans, at)
    minutes = spans.to_at.delta(spans.from_at, unit="microsecond") / _MINUTE_US
    known = spans.group_by("provider_id").aggregate(since_at=spans.from_at.min(), until_at=spans.to_at.max())
    served = services(bookings, known)
    stars = rated(reviews, bookings)
    r = own_paid(commission_reconciliation)
    e = late_fees(commission_entries)
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
            **{name: where(b[name]) for name in PROVIDER_COUNTS},
        ),
        of_booking(served, "provider_id", "starts_at", booked_seen_minutes=served.inside_us / _MINUTE_US),
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
                spans.status == ProviderStatus.RESTRICTED.value, minutes * (_MINUTE_US / _DAY_US)
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
