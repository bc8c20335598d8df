"""How providers do: whether they can be reached, how quickly they answer, what they were asked for and what became of
it, and when and where there were enough of them."""

from __future__ import annotations

import polars as pl

from checks.schemas.figures import additive, mean, other, quantile, ratio
from checks.schemas.table import MartTable, column
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.members import CALL_REASONS, MEMBER_HEALTH
from marketplace.reassignments import HAND_OVERS
from marketplace.services import (
    ALL_SOURCES,
    BEST_RATING,
    FEWEST_RATINGS,
    MEDIAN,
    NEVER_ANSWERED,
    RESPONSE_BUCKETS,
    TAIL,
    WORST_RATING,
)
from marketplace.statuses import BOOKING_STATUSES, PROVIDER_STATUSES, PROVIDER_TYPES, SOURCES


class MemberHealth(MartTable):
    """A provider and whether it can be reached."""

    provider_id: pl.String = column("the provider", key=True)
    health: pl.String = column("how it stands", words=MEMBER_HEALTH)
    last_seen_at: pl.Datetime = column("when it was last in the app", null=True)
    bookings: pl.Int64 = column("its bookings of late", unit="bookings", ge=0)
    missed_requests: pl.Int64 = column("bookings it did not answer", unit="bookings", ge=0)
    unread_messages: pl.Int64 = column("messages it did not read", unit="messages", ge=0)
    notifications_enabled: pl.Boolean = column("it lets notifications through", null=True)
    sound_enabled: pl.Boolean = column("its notifications make a sound", null=True)
    reasons: pl.String = column("why it stands so; '' where there is none")
    provider_name: pl.String = column("its public name", null=True)
    provider_type: pl.String = column("of which kind it is", words=PROVIDER_TYPES, key=True)
    browser: pl.String = column("the browser it was last seen in", null=True)
    messages: pl.String = column("the reasons as a JSON list of codes and args")


class ResponseTimes(MartTable, id_column="local_date"):
    """A local day and a source: how quickly bookings were answered."""

    local_date: pl.Date = column("the day they were made", key=True)
    source: pl.String = column("where in the app they were made", words=SOURCES, key=True)
    responded: pl.Int64 = column("bookings answered", unit="bookings", ge=0)
    never_answered: pl.Int64 = column("bookings never answered", unit="bookings", ge=0)
    avg_response_s: pl.Float64 = column(
        "how long it took, on average", null=True, ge=0, figure=mean("response_s")
    )
    p50_response_s: pl.Float64 = column(
        "half were quicker", null=True, ge=0, figure=quantile("response_s", MEDIAN)
    )
    p95_response_s: pl.Float64 = column(
        "95 of 100 were quicker", null=True, ge=0, figure=quantile("response_s", TAIL)
    )


class ResponseDistribution(MartTable, id_column="bucket"):
    """A source and a stretch of time in which bookings of the last 30 days were answered, zeros included."""

    source: pl.String = column(
        "where in the app they were made, or all", words=(ALL_SOURCES, *SOURCES), key=True
    )
    bucket: pl.Int32 = column("the stretch; 9: never answered", ge=1, le=NEVER_ANSWERED.number, key=True)
    label: pl.String = column(
        "the stretch in words", words=(bucket.label for bucket in (*RESPONSE_BUCKETS, NEVER_ANSWERED))
    )
    from_s: pl.Float64 = column("where it begins", ge=0, figure=other("bucket"))
    to_s: pl.Float64 = column("where it ends; null: open", null=True, gt=0, figure=other("bucket"))
    bookings: pl.Int64 = column("bookings answered in it", unit="bookings", ge=0)
    share: pl.Float64 = column(
        "of the source's bookings",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("bookings", "bookings", over=("source",)),
    )


class ProviderFigures(MartTable, name="providers"):
    """A provider, whether booked or not, or an id that bookings name without there being such a provider: what was
    asked of it, of all time; of bookings whose provider it is now."""

    provider_id: pl.String = column("the provider", key=True)
    provider_type: pl.String = column(
        "of which kind it is; therapist where the id is of both; null: there is no such provider",
        null=True,
        words=PROVIDER_TYPES,
    )
    provider_name: pl.String = column("its public name", null=True)
    city: pl.String = column("where it is", null=True)
    requests: pl.Int64 = column("counted bookings", unit="bookings", ge=0)
    answered: pl.Int64 = column("of them: accepted or declined, at any time", unit="bookings", ge=0)
    accepted: pl.Int64 = column("of them: that earn now or were ever accepted", unit="bookings", ge=0)
    declined: pl.Int64 = column("of them: that are declined", unit="bookings", ge=0)
    expired: pl.Int64 = column("of them: that expired", unit="bookings", ge=0)
    unanswered: pl.Int64 = column(
        "of them: expired without an answer, or pending past the deadline for one", unit="bookings", ge=0
    )
    decided: pl.Int64 = column("of them: accepted, declined or expired", unit="bookings", ge=0)
    acceptance_rate: pl.Float64 = column(
        "accepted ÷ decided; null where none is, or not all bookings were read",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("accepted", "decided"),
    )
    responses: pl.Int64 = column("of how many it is known when they were answered", unit="bookings", ge=0)
    p50_response_s: pl.Float64 = column(
        "creation to answer: half were quicker", null=True, ge=0, figure=quantile("response_s", MEDIAN)
    )
    p95_response_s: pl.Float64 = column(
        "creation to answer: 95 of 100 were quicker", null=True, ge=0, figure=quantile("response_s", TAIL)
    )
    completed: pl.Int64 = column("of them: that were carried out", unit="bookings", ge=0)
    cancelled: pl.Int64 = column("of them: that are cancelled", unit="bookings", ge=0)
    cancelled_by_customer: pl.Int64 = column("of the cancelled: by the customer", unit="bookings", ge=0)
    cancelled_by_provider: pl.Int64 = column("of the cancelled: by the provider", unit="bookings", ge=0)
    cancelled_by_admin: pl.Int64 = column(
        "of the cancelled: by an administrator or the app itself", unit="bookings", ge=0
    )
    cancelled_by_unknown: pl.Int64 = column("of the cancelled: nobody says by whom", unit="bookings", ge=0)
    reassigned_away: pl.Int64 = column("hand-overs from it (marts.reassignments)", unit="hand-overs", ge=0)
    reassigned_to: pl.Int64 = column("hand-overs to it", unit="hand-overs", ge=0)
    ratings: pl.Int64 = column(
        "reviews with a rating; null: reviews were never read whole", null=True, unit="reviews", ge=0
    )
    rating: pl.Float64 = column(
        f"their mean; null under {FEWEST_RATINGS}",
        null=True,
        unit="stars",
        ge=WORST_RATING,
        le=BEST_RATING,
        figure=mean("stars"),
    )
    booked_minutes: pl.Int64 = column(
        "minutes of the bookings that earn, where they say them", ge=0, figure=additive()
    )
    seen_minutes: pl.Float64 = column(
        "how long its status was known; null: never, or its collection was never read whole",
        null=True,
        ge=0,
        figure=additive(),
    )
    available_minutes: pl.Float64 = column(
        "of them, how long it was AVAILABLE or BUSY; null with seen_minutes",
        null=True,
        ge=0,
        figure=additive(),
    )
    booked_seen_minutes: pl.Float64 = column(
        "minutes of the services that earn, from when its status was first known to when last; null with seen_minutes",
        null=True,
        ge=0,
        figure=additive(),
    )
    utilisation: pl.Float64 = column(
        "booked_seen_minutes ÷ available_minutes; null: it was never seen available, or not all bookings were read;"
        " of a place that serves several at once it may be over 1",
        null=True,
        unit="ratio",
        ge=0,
        figure=ratio("booked_seen_minutes", "available_minutes"),
    )
    paid_in_time: pl.Int64 = column(
        "bookings whose own commission record was paid by its deadline; null: records were never read whole",
        null=True,
        unit="bookings",
        ge=0,
    )
    paid_late: pl.Int64 = column(
        "… after its deadline; null with paid_in_time", null=True, unit="bookings", ge=0
    )
    paid_undated: pl.Int64 = column(
        "… paid, and when, or until when, is not known; null with paid_in_time",
        null=True,
        unit="bookings",
        ge=0,
    )
    fees_idr: pl.Int64 = column(
        "late fees charged to it, what was taken back left out; null with paid_in_time", null=True
    )
    restricted_days: pl.Float64 = column(
        "how long its account was seen RESTRICTED; null with seen_minutes",
        null=True,
        unit="days",
        ge=0,
        figure=additive(),
    )
    is_complete: pl.Boolean = column(
        "all bookings and providers were read; null: not all", null=True, eq=True
    )


class Reassignments(MartTable, id_column="booking_id"):
    """A hand-over of a booking from one provider to another: by a change of its provider, or as the booking itself
    says, or by another booking in its place."""

    booking_id: pl.String = column("the booking that was handed over", key=True)
    origin: pl.String = column("the booking's collection", words=BOOKING_COLLECTIONS, key=True)
    number: pl.Int64 = column("which hand-over of that booking: the first is 1", unit="", ge=1, key=True)
    from_provider_id: pl.String = column("whose it was; null: nobody knows", null=True)
    to_provider_id: pl.String = column("whose it was then; null: nobody's, or nobody knows", null=True)
    to_booking_id: pl.String = column("the booking in its place; null: it is the same booking", null=True)
    reassigned_at: pl.Datetime = column(
        "when: as written, else when it was first seen so; null: nobody knows", null=True
    )
    local_date: pl.Date = column("the day of that; null with it, or where the zone is not known", null=True)
    told_by: pl.String = column("what tells it", words=HAND_OVERS)
    outcome: pl.String = column(
        "the status now of the booking, or of the one in its place; unknown: that one is not known",
        words=BOOKING_STATUSES,
    )


class Capacity(MartTable, id_column="local_hour"):
    """A local hour and a city: what was asked for in it, and how many providers there were: each hour since the first
    provider of the city was seen, and those before in which anything was booked."""

    local_hour: pl.Datetime = column("the hour, by its local begin", unit="local time", key=True)
    city: pl.String = column("the provider's city; null where none is known", null=True, key=True)
    requests: pl.Int64 = column("counted bookings created in it", unit="bookings", ge=0)
    accepted: pl.Int64 = column("of them: that earn now or were ever accepted", unit="bookings", ge=0)
    unanswered: pl.Int64 = column(
        "of them: expired without an answer, or pending past the deadline for one", unit="bookings", ge=0
    )
    undecided: pl.Int64 = column("of them: pending within the deadline", unit="bookings", ge=0)
    providers_seen: pl.Int64 = column(
        "providers whose status was known at some moment of it", unit="providers", ge=0
    )
    providers_online: pl.Int64 = column(
        "of them: AVAILABLE or BUSY at some moment of it; null: none was seen",
        null=True,
        unit="providers",
        ge=0,
    )
    providers_busy: pl.Int64 = column(
        "of them: BUSY at some moment of it; null: none was seen", null=True, unit="providers", ge=0
    )
    providers_free: pl.Int64 = column(
        "on line and at no moment of it busy; null: none was seen",
        null=True,
        unit="providers",
        ge=0,
        figure=other("providers_online", "providers_busy"),
    )
    is_complete: pl.Boolean = column(
        "it is over and nothing created in it is undecided; null: so it is, but not all bookings were read",
        null=True,
    )


class ShortHours(MartTable, id_column="hour"):
    """A city and an hour of its local week: what was asked for in it in the last 4 weeks, how many providers there
    were, and what nobody answered while none was free. Counted are hours of marts.capacity that are complete."""

    city: pl.String = column("the provider's city; null where none is known", null=True, key=True)
    weekday: pl.Int64 = column("1 = Monday", ge=1, le=7, key=True)
    hour: pl.Int64 = column("the local hour", ge=0, le=23, key=True)
    hours: pl.Int64 = column("how often that hour was counted", unit="hours", ge=0)
    seen_hours: pl.Int64 = column("of them: in which some provider's status was known", unit="hours", ge=0)
    requests: pl.Int64 = column("counted bookings created in it", unit="bookings", ge=0)
    accepted: pl.Int64 = column("of them: that earn now or were ever accepted", unit="bookings", ge=0)
    unanswered: pl.Int64 = column(
        "of them: expired without an answer, or pending past the deadline for one", unit="bookings", ge=0
    )
    unserved: pl.Int64 = column(
        "of the unanswered: in hours in which no provider was free; those of which nothing is known not among them",
        unit="bookings",
        ge=0,
    )
    short_hours: pl.Int64 = column(
        "of seen_hours: in which a booking stayed unanswered and no provider was free", unit="hours", ge=0
    )
    providers_online: pl.Float64 = column(
        "on line, the mean of seen_hours", null=True, unit="providers", ge=0, figure=mean("providers_online")
    )
    providers_free: pl.Float64 = column(
        "free, the mean of seen_hours", null=True, unit="providers", ge=0, figure=mean("providers_free")
    )


class ProviderCalls(MartTable):
    """A provider that somebody should call now: bookings wait for its answer, and it may not see them."""

    provider_id: pl.String = column("the provider", key=True)
    provider_type: pl.String = column("of which kind it is", words=PROVIDER_TYPES, key=True)
    provider_name: pl.String = column("its public name", null=True)
    city: pl.String = column("where it is", null=True)
    reason: pl.String = column("why it should be called", words=CALL_REASONS)
    status: pl.String = column("its status in the app", null=True, words=PROVIDER_STATUSES)
    last_seen_at: pl.Datetime = column("when it was last in the app", null=True)
    open_requests: pl.Int64 = column(
        "bookings that wait for its answer and are not long past their deadline", unit="bookings", ge=1
    )
    past_deadline: pl.Int64 = column("of them: past the deadline for an answer", unit="bookings", ge=0)
    oldest_request_at: pl.Datetime = column("since when the oldest of them waits")
    next_deadline_at: pl.Datetime = column("the next deadline to come; null: none is", null=True)
