"""The mart marts.booking_funnel.

A record of a commission is due from the acceptance on, so it may stand before the booking is carried out. In the funnel
it counts once the booking is completed; the others stand apart (recorded_early), so that each step is some of the one
before.
"""

from __future__ import annotations

from typing import Any

from assets.marts.answers import offers_of
from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.cohorts import dated_bookings_read, ends, is_final
from assets.marts.expressions import (
    accrual,
    counted,
    dated,
    interval,
    is_free,
    local_day,
    of_days,
    seconds_between,
)
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from assets.marts.tables import Instants
from checks.schemas.demand import BookingFunnel
from marketplace.cohorts import FUNNEL_SETTLES, FURTHEST_AHEAD, OPEN_ENDED
from marketplace.commission import (
    ENDED_STATUSES,
    PAID_STATUS,
    REVENUE_STATUSES,
    UNKNOWN_STATUS,
    RowState,
)
from marketplace.services import MEDIAN, TAIL
from marketplace.statuses import BookingStatus

#: The steps that take time.
_TIMED = ("answer", "acceptance", "completion", "record", "payment")


@mart(BookingFunnel, part=BY_DAY)
def booking_funnel(
    commission_reviews: Any,
    commission_reconciliation: Any,
    bookings: Any,
    booking_offers: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """How far the bookings of each local day of creation and source came (one cohort a row), whenever
    that was; how long each step took, in seconds; and where those went that were not completed. A
    time that is not known or runs backwards is in no quantile. ``recorded`` and ``paid`` are of the
    completed ones, by the live record that is the booking's own. A cohort is complete a day after
    its last service ended."""
    r = commission_reviews
    own = r.filter(r.live & r.earns & (r.link == "booking") & (r["rank"] == 1)).select(
        own_id="booking_id",
        own_origin="origin",
        recorded_at="created_at",
        collected_at=ibis.coalesce(r.paid_at, r.verified_at),
        settled="settled",
    )
    b = _steps(_with_records(_made(of_days(bookings), booking_offers), own, commission_reconciliation), at)
    lost = _lost(b)
    known: Any = at.judged_at.notnull()
    times = {
        name: _quantiles(b, b[f"{step}_s"], quantile)
        for step in _TIMED
        for name, quantile in (
            (f"{step}_times", None),
            (f"p50_{step}_s", MEDIAN),
            (f"p95_{step}_s", TAIL),
        )
    }
    rows = b.group_by("local_date", "source").aggregate(
        created=b.count(),
        answered=b.count(where=b.answered),
        accepted=b.count(where=b.accepted),
        completed=b.count(where=b.completed),
        recorded=b.count(where=b.completed & b.recorded),
        paid=b.count(where=b.completed & b.recorded & b.settled),
        **{name: b.count(where=where) for name, where in lost.items()},
        free=b.count(where=b.completed & b.free),
        record_unknown=b.count(where=b.completed & b.doubtful),
        recorded_early=b.count(where=b.underway & b.recorded),
        paid_early=b.count(where=b.underway & b.recorded & b.settled),
        settles_at=b.settles_at.max(),
        **times,
    )
    over: Any = ibis.greatest(ends(rows.local_date), rows.settles_at) + interval(FUNNEL_SETTLES)

    def where_read(name: str) -> Any:
        return ibis.cases((known, rows[name]))

    return rows.select(
        "local_date",
        "source",
        "created",
        "answered",
        "accepted",
        "completed",
        recorded=where_read("recorded"),
        paid=where_read("paid"),
        is_complete=is_final(over <= at.now, dated_bookings_read(scans) & known),
        **{name: rows[name] for name in (*lost, "free")},
        record_unknown=where_read("record_unknown"),
        recorded_early=where_read("recorded_early"),
        paid_early=where_read("paid_early"),
        **{name: rows[name] for name in times},
        settles_at=rows.settles_at,
    )


def _lost(b: Any) -> dict[str, Any]:
    """Where a booking went that was not completed."""
    return {
        "declined": b.status == BookingStatus.DECLINED.value,
        "unanswered": b.ignored,
        "expired_answered": (b.status == BookingStatus.EXPIRED.value) & ~b.ignored,
        "cancelled": b.status == BookingStatus.CANCELLED.value,
        "reassigned": b.status == BookingStatus.REASSIGNED.value,
        "still_open": b.underway | ((b.status == BookingStatus.PENDING.value) & ~b.ignored),
        "unknown": b.status == BookingStatus.UNKNOWN.value,
    }


def _made(bookings: Any, booking_offers: Any) -> Any:
    """The bookings that have a local day. One that services offered was answered when its first offer was."""
    b = counted(bookings)
    o = offers_of(bookings, booking_offers)
    first = o.group_by(offered="booking_id", offered_origin="origin").aggregate(
        answer_at=o.responded_at.min()
    )
    b = b.left_join(first, [b.booking_id == first.offered, b.origin == first.offered_origin])
    b = b.mutate(responded_at=ibis.coalesce(b.answer_at, b.responded_at))
    b = b.drop("offered", "offered_origin", "answer_at")
    return dated(b.mutate(local_date=lambda b: local_day(b.created_at, b.utc_offset_minutes)))


def _with_records(b: Any, own: Any, commission_reconciliation: Any) -> Any:
    """Bookings beside their own record, and whether it is doubtful that they have one."""
    c = commission_reconciliation
    doubted = c.filter(
        c.commission_id.isnull() & c.booking_id.notnull() & (c.state == RowState.UNKNOWN.value)
    ).select(doubted="booking_id", doubted_origin="origin")
    b = b.left_join(own, [b.booking_id == own.own_id, b.origin == own.own_origin])
    return b.left_join(doubted, [b.booking_id == doubted.doubted, b.origin == doubted.doubted_origin])


def _steps(b: Any, at: Instants) -> Any:
    """Of each booking how far it came, and how long each step took."""
    accepted = b.status.isin(REVENUE_STATUSES) | b.accepted_at.notnull()
    answered = accepted | b.responded_at.notnull() | (b.status == BookingStatus.DECLINED.value)
    late = (b.status == BookingStatus.PENDING.value) & (b.response_deadline < at.now).fill_null(False)
    completed = b.status == BookingStatus.COMPLETED.value
    recorded = b.recorded_at.notnull()
    until = ibis.coalesce(b.ends_at, b.created_at + interval(OPEN_ENDED))
    return b.mutate(
        accepted=accepted,
        answered=answered,
        ignored=~answered & ((b.status == BookingStatus.EXPIRED.value) | late),
        completed=completed,
        underway=b.status.isin(REVENUE_STATUSES) & ~completed,
        recorded=recorded,
        settled=b.settled.fill_null(False),
        doubtful=b.doubted.notnull(),
        free=is_free(b.amount_idr),
        settles_at=ibis.cases(
            (b.status.isin(ENDED_STATUSES), b.created_at),
            else_=ibis.least(until, b.created_at + interval(FURTHEST_AHEAD)),
        ),
        answer_s=_seconds(b.created_at, b.responded_at),
        acceptance_s=_seconds(b.created_at, b.accepted_at),
        completion_s=ibis.cases((completed, _seconds(b.accepted_at, b.completed_at))),
        record_s=ibis.cases((completed, _seconds(accrual(b.accepted_at, b.created_at), b.recorded_at))),
        payment_s=ibis.cases(
            (completed & b.settled.fill_null(False), _seconds(b.recorded_at, b.collected_at))
        ),
    )


def _seconds(earlier: Any, later: Any) -> Any:
    """How long it took; null where one of the two is not known, or clocks that disagree make it run backwards."""
    return ibis.cases(((later >= earlier).fill_null(False), seconds_between(earlier, later)))


def _quantiles(b: Any, seconds: Any, quantile: float | None) -> Any:
    """A quantile of what is known of a step; without one: of how many it is known."""
    return seconds.count() if quantile is None else seconds.quantile(quantile)


@behind(booking_funnel)
def booking_funnel_rows(
    commission_reconciliation: Any, commissions: Any, bookings: Any, booking_offers: Any, at: Instants
) -> ir.Table:
    """The bookings of each day and source."""
    made = _made(bookings, booking_offers)
    text, moment = ibis.null("string"), ibis.null("timestamp")
    alone = made.mutate(recorded_at=moment, collected_at=moment, settled=ibis.null("boolean"), doubted=text)
    b = _steps(alone, at)
    came = of_booking(
        b,
        "local_date",
        "accepted_at",
        "responded_at",
        "response_deadline",
        "completed_at",
        created=one(),
        answered=where(b.answered),
        accepted=where(b.accepted),
        completed=where(b.completed),
        free=where(b.completed & b.free),
        **{name: where(condition) for name, condition in _lost(b).items()},
        **_times(b, "answer", "acceptance", "completion"),
    )
    r = commission_reconciliation
    r = r.filter(r.commission_id.notnull() & r.booking_status.isin(REVENUE_STATUSES).fill_null(False))
    c = commissions.select(
        "commission_id",
        recorded_at="created_at",
        collected_at=ibis.coalesce(commissions.paid_at, commissions.verified_at),
        settled=(commissions.status == PAID_STATUS)
        | ((commissions.status == UNKNOWN_STATUS) & commissions.paid_at.notnull()),
    )
    own = r.select("commission_id", own_id="booking_id", own_origin="origin").inner_join(c, "commission_id")
    # Apart, so that no other figure waits for the records: the bookings that have one, or of which nobody knows.
    known = _with_records(made, own, commission_reconciliation)
    b = _steps(known.filter(known.recorded_at.notnull() | known.doubted.notnull()), at)
    recorded = of_booking(
        b,
        "local_date",
        "commission_id",
        "recorded_at",
        "collected_at",
        recorded=where(b.completed & b.recorded),
        paid=where(b.completed & b.recorded & b.settled),
        record_unknown=where(b.completed & b.doubtful),
        recorded_early=where(b.underway & b.recorded),
        paid_early=where(b.underway & b.recorded & b.settled),
        **_times(b, "record", "payment"),
    )
    return gather(came, recorded)


def _times(b: Any, *steps: str) -> dict[str, Any]:
    """What is known of how long these steps took, and of how many that is."""
    seconds = {f"{step}_s": b[f"{step}_s"] for step in steps}
    return seconds | {f"{step}_times": where(b[f"{step}_s"].notnull()) for step in steps}
