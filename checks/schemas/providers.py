"""How providers do: whether they can be reached and how quickly they answer."""

from __future__ import annotations

import polars as pl

from checks.schemas.figures import mean, other, quantile, ratio
from checks.schemas.table import MartTable, column
from marketplace.members import MEMBER_HEALTH
from marketplace.services import ALL_SOURCES, MEDIAN, NEVER_ANSWERED, RESPONSE_BUCKETS, TAIL
from marketplace.statuses import PROVIDER_TYPES, SOURCES


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
