"""The mart marts.reassignments.

One hand-over may be told in three ways; the surest is taken. Hand-overs are few: only bookings of which something
tells one are looked at closely.
"""

from __future__ import annotations

from typing import Any

from assets.marts.answers import offers_of
from assets.marts.behind import itself
from assets.marts.expressions import counted, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.customers import BY_HANDED
from checks.schemas.providers import Reassignments
from marketplace.reassignments import HandOver
from marketplace.statuses import UNKNOWN, BookingStatus, values

_KEY = ("booking_id", "origin")


@mart(Reassignments, part=BY_HANDED)
def reassignments(
    bookings: Any,
    booking_offers: Any,
    booking_providers: Any,
    booking_handovers: Any,
    booking_events: Any,
    providers: Any,
) -> ir.Table:
    """Every hand-over of a booking, in its order. Observed: two versions of it name two providers, whether or not it
    was nobody's in between; one handed back that nobody has yet goes to null. Written: an attribute of it names who
    had it before or has it now, and that was not observed. Status: it is reassigned; who has it now is the provider of
    the booking in its place, where one of the two names the other. A booking that services offered to the next
    provider, as the one asked before declined it or did not answer, was handed over by nobody."""
    b = counted(bookings).select(
        *_KEY,
        "business_id",
        "provider_id",
        "status",
        "created_at",
        "utc_offset_minutes",
    )
    said = _said(b, booking_handovers, providers)
    observed = _observed(b, booking_providers, said, _passed_on(offers_of(bookings, booking_offers)))
    found: Any = ibis.union(
        observed.select(*_COLUMNS),
        _written(b, said, observed).select(*_COLUMNS),
        _ended(b, said, booking_providers, booking_events).select(*_COLUMNS),
        distinct=False,
    )
    order = [found.step, found.reassigned_at, found.change]
    found = found.mutate(
        number=ibis.row_number().over(ibis.window(group_by=[found.booking_id, found.origin], order_by=order))
        + 1,
        local_date=local_day(found.reassigned_at, found.utc_offset_minutes),
    )
    return found.select(
        *_KEY,
        number=found.number.cast("int64"),
        from_provider_id=found.from_provider_id,
        to_provider_id=found.to_provider_id,
        to_booking_id=found.to_booking_id,
        reassigned_at=found.reassigned_at,
        local_date=found.local_date,
        told_by=found.told_by,
        outcome=found.outcome,
    )


_COLUMNS = (
    *_KEY,
    "from_provider_id",
    "to_provider_id",
    "to_booking_id",
    "reassigned_at",
    "utc_offset_minutes",
    "told_by",
    "outcome",
    "step",
    "change",
)


def _row(rows: Any, told_by: HandOver, step: int, **columns: Any) -> Any:
    """Hand-overs of bookings; ``step``: which of a booking's come first."""
    return rows.mutate(
        to_booking_id=columns.pop("to_booking_id", ibis.null("string")),
        told_by=ibis.literal(told_by.value),
        step=ibis.literal(step).cast("int64"),
        **columns,
    )


def _said(b: Any, handovers: Any, providers: Any) -> Any:
    """What bookings say: the booking's columns, the provider who had it and the one who has it (giver, taker), and the
    booking it was and the one it became (was_booking, was_origin, …); handed_at."""
    h = handovers.select(
        said_id="booking_id",
        said_origin="origin",
        giver_ref="handed_from_ref",
        taker_ref="handed_to_ref",
        before_ref="from_booking_ref",
        after_ref="to_booking_ref",
        handed_at="handed_at",
    )
    rows = h.inner_join(b, [h.said_id == b.booking_id, h.said_origin == b.origin])
    keys = _keys(b, rows)
    # A reference of the first two names a provider, unless no provider is called so and a booking is.
    known = providers.select(known="provider_id").distinct()
    for side, other in (("giver", "before"), ("taker", "after")):
        p = known.rename({f"{side}_known": "known"})
        rows = rows.left_join(p, rows[f"{side}_ref"] == p[f"{side}_known"])
        k = keys.select(**{f"{side}_key": keys.key})
        rows = rows.left_join(k, rows[f"{side}_ref"] == k[f"{side}_key"])
        names_booking = rows[f"{side}_known"].isnull() & rows[f"{side}_key"].notnull()
        rows = rows.mutate(
            **{
                side: ibis.cases((~names_booking, rows[f"{side}_ref"])),
                f"{other}_ref": ibis.coalesce(
                    rows[f"{other}_ref"], ibis.cases((names_booking, rows[f"{side}_ref"]))
                ),
            }
        )
        k = keys.select(
            **{f"{other}_key": keys.key, f"{other}_id": keys.target, f"{other}_origin": keys.target_origin}
        )
        rows = rows.left_join(k, rows[f"{other}_ref"] == k[f"{other}_key"])
        # A booking that names itself is in no other's place.
        itself_named = (rows[f"{other}_id"] == rows.booking_id) & (rows[f"{other}_origin"] == rows.origin)
        another = ~itself_named.fill_null(False)
        rows = rows.mutate(
            **{name: ibis.cases((another, rows[name])) for name in (f"{other}_id", f"{other}_origin")}
        )
    return rows.select(
        *b.columns,
        "giver",
        "taker",
        "handed_at",
        *(f"{other}_{part}" for other in ("before", "after") for part in ("id", "origin")),
    )


def _keys(b: Any, rows: Any) -> Any:
    """What these references mean among bookings: key (as written), target, target_origin. Of a reference that fits
    exactly nothing is by case; one that fits two bookings means neither."""
    written: Any = ibis.union(
        *(rows.select(key=rows[f"{name}_ref"]) for name in ("giver", "taker", "before", "after")),
        distinct=True,
    )
    written = written.filter(written.key.notnull())
    written = written.mutate(folded=written.key.lower())
    candidates: Any = ibis.union(
        *(
            b.select(name=b[column], target=b.booking_id, target_origin=b.origin)
            for column in ("booking_id", "business_id")
        ),
        distinct=False,
    )
    candidates = candidates.filter(candidates.name.notnull())
    fits = written.inner_join(candidates, written.folded == candidates.name.lower())
    fits = fits.mutate(exact=fits.name == fits.key)
    fits = fits.mutate(any_exact=fits.exact.any().over(ibis.window(group_by="key")))
    fits = fits.filter(fits.exact == fits.any_exact)
    meant = fits.group_by("key").aggregate(
        target=fits.target.min(),
        target_origin=fits.target_origin.min(),
        one=(fits.target.min() == fits.target.max()) & (fits.target_origin.min() == fits.target_origin.max()),
    )
    return meant.filter(meant.one).drop("one")


def _passed_on(o: Any) -> Any:
    """Of bookings that were offered: who let one go (was), and who accepted it (taker)."""
    left = o.filter(o.status.isin(_LEFT)).select(*_KEY, was="provider_id")
    taken = o.filter(o.status == BookingStatus.ACCEPTED.value).select(*_KEY, taker="provider_id")
    return left.inner_join(taken, list(_KEY)).distinct()


_LEFT = values(BookingStatus.DECLINED, BookingStatus.EXPIRED)


def _observed(b: Any, seen: Any, said: Any, passed: Any) -> Any:
    """The changes of provider between versions, without those to and from nobody in between, and without what was
    passed on by offers."""
    # Few bookings change hands: what stands of all the others is only their first sight.
    moved = seen.filter(seen.from_provider_id.notnull()).select(*_KEY).distinct()
    rows = seen.semi_join(moved, list(_KEY))
    order: Any = {"group_by": ["booking_id", "origin"], "order_by": "change"}
    had = rows.to_provider_id.notnull()
    # How many providers it had so far tells which version was the last that named one.
    rows = rows.mutate(turn=had.cast("int64").sum().over(ibis.window(**order, preceding=None, following=0)))
    rows = rows.mutate(
        next_turn=rows.turn.max().over(ibis.window(group_by=["booking_id", "origin"])),
        back=rows.to_provider_id.isnull() & rows.from_provider_id.notnull(),
    )
    # Handed back to nobody counts only where nobody has had it since.
    rows = rows.filter(had | (rows.back & (rows.turn == rows.next_turn)))
    rows = rows.mutate(giver=rows.to_provider_id.lag().over(ibis.window(**order)))
    rows = rows.filter(rows.giver.notnull() & (rows.giver != rows.to_provider_id).fill_null(True))
    rows = rows.mutate(
        last=rows.change == rows.change.max().over(ibis.window(group_by=["booking_id", "origin"]))
    )
    rows = rows.select(
        *_KEY,
        "change",
        "observed_at",
        "last",
        from_provider_id=rows.giver,
        to_provider_id=rows.to_provider_id,
    )
    rows = rows.anti_join(
        passed,
        [
            rows.booking_id == passed.booking_id,
            rows.origin == passed.origin,
            rows.from_provider_id == passed.was,
            rows.to_provider_id == passed.taker,
        ],
    )
    facts = b.select(*_KEY, "status", "utc_offset_minutes")
    rows = rows.inner_join(facts, list(_KEY))
    moments = said.select(*_KEY, handed_at=said.handed_at)
    rows = rows.left_join(moments, list(_KEY))
    # What is written is the moment of the last one; the others were written over.
    at = ibis.cases((rows["last"], ibis.coalesce(rows.handed_at, rows.observed_at)), else_=rows.observed_at)
    return _row(rows, HandOver.OBSERVED, 1, reassigned_at=at, outcome=rows.status)


def _written(b: Any, said: Any, observed: Any) -> Any:
    """What a booking says of its hand-over where that was not observed; but of one that stands in the place of another
    that is reassigned what the other tells."""
    first = observed.group_by(*_KEY).aggregate(
        first_from=observed.from_provider_id.argmin(observed.change), seen=observed.count()
    )
    rows = said.left_join(first, list(_KEY)).drop("booking_id_right", "origin_right")
    told = observed.select(*_KEY, "from_provider_id").distinct()
    told = told.rename(told_id="booking_id", told_origin="origin", told_from="from_provider_id")
    # The provider it has now is who has it, unless it names another; before that, whom it was seen with first.
    holder: Any = ibis.coalesce(rows.taker, rows.provider_id)
    giver: Any = ibis.coalesce(
        rows.giver, ibis.cases(((rows.taker != rows.provider_id).fill_null(False), rows.provider_id))
    )
    rows = rows.mutate(from_provider_id=giver, to_provider_id=ibis.coalesce(rows.first_from, holder))
    rows = rows.anti_join(
        told,
        [
            rows.booking_id == told.told_id,
            rows.origin == told.told_origin,
            rows.from_provider_id == told.told_from,
        ],
    )
    was = b.filter(b.status == BookingStatus.REASSIGNED.value).select(
        was_id="booking_id", was_origin="origin"
    )
    rows = rows.left_join(was, [rows.before_id == was.was_id, rows.before_origin == was.was_origin])
    ends_here = (rows.status == BookingStatus.REASSIGNED.value) & rows.giver.isnull()
    rows = rows.filter(
        ~ends_here
        & rows.was_id.isnull()
        & (rows.giver.notnull() | (rows.taker.notnull() & rows.seen.isnull()))
        & (rows.from_provider_id != rows.to_provider_id).fill_null(True)
    )
    rows = rows.drop("was_id", "was_origin")
    return _row(
        rows,
        HandOver.WRITTEN,
        0,
        reassigned_at=ibis.cases((rows.seen.isnull(), rows.handed_at)),
        outcome=rows.status,
        change=ibis.literal(0).cast("int64"),
    )


def _ended(b: Any, said: Any, seen: Any, events: Any) -> Any:
    """Bookings that are reassigned, beside the booking in their place."""
    gone = b.filter(b.status == BookingStatus.REASSIGNED.value)
    turned = events.filter(
        (events.to_status == BookingStatus.REASSIGNED.value) & events.from_status.notnull()
    )
    turned = turned.group_by(turned_id="booking_id", turned_origin="origin").aggregate(
        turned_at=turned.observed_at.argmax(turned.change), change=turned.change.max()
    )
    rows = gone.left_join(
        turned, [gone.booking_id == turned.turned_id, gone.origin == turned.turned_origin]
    ).drop("turned_id", "turned_origin")
    # Handed over in the very write that ended it: that is one hand-over, and was observed.
    at_once = seen.filter(seen.from_provider_id.notnull() & seen.to_provider_id.notnull()).select(
        *_KEY, "change"
    )
    rows = rows.anti_join(at_once, [*_KEY, "change"])
    own = said.select(
        *_KEY, taker="taker", own_at="handed_at", after_id="after_id", after_origin="after_origin"
    )
    rows = rows.left_join(own, list(_KEY)).drop("booking_id_right", "origin_right")
    # Of several that name it as what they were, the first.
    heirs = said.filter(said.before_id.notnull())
    heirs = heirs.group_by(heir_of="before_id", heir_of_origin="before_origin").aggregate(
        heir_id=heirs.booking_id.argmin(heirs.created_at),
        heir_origin=heirs.origin.argmin(heirs.created_at),
        heir_at=heirs.handed_at.argmin(heirs.created_at, where=heirs.handed_at.notnull()),
    )
    rows = rows.left_join(heirs, [rows.booking_id == heirs.heir_of, rows.origin == heirs.heir_of_origin])
    rows = rows.mutate(
        next_id=ibis.coalesce(rows.after_id, rows.heir_id),
        next_origin=ibis.cases((rows.after_id.notnull(), rows.after_origin), else_=rows.heir_origin),
    )
    heir = b.select(
        to_id="booking_id",
        to_origin="origin",
        to_provider="provider_id",
        to_status="status",
        to_created="created_at",
    )
    rows = rows.left_join(heir, [rows.next_id == heir.to_id, rows.next_origin == heir.to_origin])
    return _row(
        rows,
        HandOver.STATUS,
        2,
        from_provider_id=rows.provider_id,
        to_provider_id=ibis.coalesce(
            rows.to_provider, ibis.cases(((rows.taker != rows.provider_id).fill_null(True), rows.taker))
        ),
        to_booking_id=rows.to_id,
        reassigned_at=ibis.coalesce(rows.own_at, rows.heir_at, rows.turned_at, rows.to_created),
        outcome=ibis.coalesce(rows.to_status, UNKNOWN),
        change=rows.change.fill_null(0),
    )


itself(reassignments, of="core.bookings")
