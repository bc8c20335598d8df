"""Step: which provider each review is of."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_REVIEW


@step(part=BY_REVIEW)
def rated_reviews(reviews: Any, bookings: Any) -> ir.Table:
    """The rows of ``rated``."""
    return rated(reviews, bookings)


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
