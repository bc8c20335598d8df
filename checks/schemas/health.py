"""Whether the marketplace works: the seven points, their past, and the figures beside them."""

from __future__ import annotations

from typing import Final

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import additive, mean, other, quantile, ratio
from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, MartTable, column
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.durations import spelled
from marketplace.findings import SEVERITIES
from marketplace.health import DAY, HEALTH_POINTS, POINT_STATUSES, UPTIME_WINDOWS
from marketplace.links import HOPS, LINK_ROWS_SHOWN, LINK_STATES, LINK_VERDICTS, STEPS
from marketplace.services import TAIL
from marketplace.unusual import SERIES, STATES, UNJUDGED
from messages.figures import counted_in

_NAMES: Final = tuple(point.name for point in HEALTH_POINTS.values())


class HealthPoints(MartTable, id_column="point"):
    """One of the seven health points (docs/health.md)."""

    point: pl.Int32 = column("its number, 1 to 7", words=HEALTH_POINTS, key=True)
    name: pl.String = column("its name", words=_NAMES)
    status: pl.String = column("how it stands", words=POINT_STATUSES)
    figure: pl.Float64 = column("what was measured; in `unit`", null=True, figure=other("point", "unit"))
    limit_value: pl.Float64 = column("what it is held against; in `unit`", figure=other("point", "unit"))
    message: pl.String = column("what it says")
    severity: pl.String = column("how bad it is when broken", words=SEVERITIES)
    evidence_at: pl.Datetime = column("the newest thing it rests on", null=True)
    component: pl.String = column("what is broken when it is, else what the point rests on")
    unit: pl.String = column(
        "of figure and limit",
        words=dict.fromkeys(counted_in(point.metric) for point in HEALTH_POINTS.values()),
    )
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)

    @pa.dataframe_check
    def has_seven_rows(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == len(HEALTH_POINTS))


class HealthHistory(MartTable, id_column="point"):
    """A stretch in which a health point kept its status; from ops.health_changes, which mirrors the ledger."""

    point: pl.Int32 = column("the health point", words=HEALTH_POINTS, figure=other())
    name: pl.String = column("its name", words=_NAMES)
    status: pl.String = column("how it stood", words=POINT_STATUSES)
    since: pl.Datetime = column("from when")
    until: pl.Datetime = column("until when; null: now", null=True)
    seconds: pl.Float64 = column("how long", unit="seconds", ge=0, figure=additive())
    message: pl.String = column("what it said")
    code: pl.String = column(f"{MESSAGE_CODE}; null of an older version", null=True)
    args: pl.String = column(f"{MESSAGE_ARGS}; null of an older version", null=True)

    @pa.dataframe_check
    def a_point_is_in_one_state_at_most_now(cls, data: pa.PolarsData) -> pl.LazyFrame:
        now = pl.col("point").filter(pl.col("until").is_null())
        return data.lazyframe.select(now.n_unique() == now.len())


class HealthUptime(MartTable, id_column="point"):
    """A health point in a window up to now; measured + unknown + unmeasured = the window."""

    point: pl.Int32 = column("the health point", words=HEALTH_POINTS, key=True)
    name: pl.String = column("its name", words=_NAMES)
    time_window: pl.String = column("the window", words=(name for name, _ in UPTIME_WINDOWS), key=True)
    working_share: pl.Float64 = column(
        "working, of the measured time; null: nothing was measured",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("working_seconds", "measured_seconds"),
    )
    broken_seconds: pl.Float64 = column("how long it was broken", ge=0, figure=additive())
    unknown_seconds: pl.Float64 = column("how long it could not be told", ge=0, figure=additive())
    measured_seconds: pl.Float64 = column("working and broken", ge=0, figure=additive())
    status_since: pl.Datetime = column("since when it is as it is")
    unmeasured_seconds: pl.Float64 = column(
        "how long nobody looked", ge=0, figure=other("time_window", "measured_seconds", "unknown_seconds")
    )


class ServiceFigures(MartTable, id_column="bookings_24h"):
    """The figures beside the seven points, one row."""

    avg_response_s: pl.Float64 = column(
        "how long providers take to answer, on average", null=True, ge=0, figure=mean("response_s")
    )
    p95_response_s: pl.Float64 = column(
        "95 of 100 answers were quicker", null=True, ge=0, figure=quantile("response_s", TAIL)
    )
    success_rate: pl.Float64 = column(
        "bookings that were carried out",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("booked", "created"),
    )
    delivery_rate: pl.Float64 = column(
        "notifications that arrived",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("delivered", "sent"),
    )
    newest_booking_at: pl.Datetime = column("when the newest booking was made", null=True)
    bookings_24h: pl.Int64 = column(f"bookings of the last {spelled(DAY)}", unit="bookings", ge=0)

    @pa.dataframe_check
    def has_one_row(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == 1)


class BrokenLinks(MartTable, id_column="hop"):
    """A hop of the chain from a booking to its commission (docs/health.md); entered = passed + broken + unknown."""

    hop: pl.Int32 = column("its number, 1 to 6", words=HOPS, key=True)
    from_step: pl.String = column("where it begins", words=STEPS)
    to_step: pl.String = column("where it leads", words=STEPS)
    entered: pl.Int64 = column("bookings that came to it", unit="bookings", ge=0)
    passed: pl.Int64 = column("that went on", unit="bookings", ge=0)
    broken: pl.Int64 = column("that did not", unit="bookings", ge=0)
    unknown: pl.Int64 = column(
        "of which it cannot be told, also those found only by a key that fits two bookings",
        unit="bookings",
        ge=0,
    )
    state: pl.String = column("how it stands", words=LINK_STATES)

    @pa.dataframe_check
    def entered_is_the_sum_of_its_parts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("entered") == pl.sum_horizontal("passed", "broken", "unknown"))

    @pa.dataframe_check
    def has_a_row_a_hop(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len() == len(HOPS))


class LinkStates(MartTable):
    """A booking of the last 7 days at a hop of the chain that it could take."""

    hop: pl.Int32 = column("the hop", words=HOPS, key=True)
    row_id: pl.String = column("the booking", key=True)
    origin: pl.String = column("the booking's collection", words=BOOKING_COLLECTIONS, key=True)
    since: pl.Datetime = column("when the next step was due")
    verdict: pl.String = column("whether it took the hop", words=LINK_VERDICTS)


class BrokenLinkRows(MartTable):
    """A booking at which a hop broke; the newest 200 a hop."""

    hop: pl.Int32 = column("the hop", words=HOPS, key=True)
    row_id: pl.String = column("the booking at the break", key=True)
    since: pl.Datetime = column("when the next step was due")
    origin: pl.String = column("the booking's collection", words=BOOKING_COLLECTIONS, key=True)

    @pa.dataframe_check
    def a_hop_shows_so_many_at_most(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.len().over("hop") <= LINK_ROWS_SHOWN)


class Unusual(MartTable, id_column="source"):
    """An hour of a series: those of the last 7 days that were unusual, and the open one (docs/health.md)."""

    series: pl.String = column("what is counted", words=SERIES, key=True)
    source: pl.String = column("of which entry point, of rows which collection; all: in all", key=True)
    hour_start: pl.Datetime = column("when the hour began", key=True)
    figure: pl.Float64 = column(
        "what was seen from `counted_from` to `counted_until`: a number of things, or a share; null: nothing to make"
        " a share of, or not read",
        null=True,
        ge=0,
        figure=other("numerator", "denominator"),
    )
    expected: pl.Float64 = column(
        "what the same weekday and hour of the weeks before let expect there; null: unknown",
        null=True,
        ge=0,
        figure=other(),
    )
    low: pl.Float64 = column(
        "under it lies a figure in one of 200 such hours", null=True, ge=0, figure=other("expected")
    )
    high: pl.Float64 = column(
        "over it lies a figure in one of 200 such hours", null=True, ge=0, figure=other("expected")
    )
    likelihood: pl.Float64 = column(
        "how likely a figure so far out, on either side",
        null=True,
        ge=0,
        le=1,
        figure=other("figure", "expected"),
    )
    since: pl.Datetime = column(
        "since when it is unusual; of an unknown hour, since when it was while it could last be told",
        null=True,
    )
    state: pl.String = column("how the hour stands", words=STATES)
    why: pl.String = column("why it is unknown; null where it is not", null=True, words=UNJUDGED)
    is_open: pl.Boolean = column("the hour goes on, or its things are not complete yet")
    counted_from: pl.Datetime = column(
        "from when figure and expected are counted: the hour, or what makes it unusual"
    )
    counted_until: pl.Datetime = column("up to when they are counted")
    numerator: pl.Int64 = column(
        "of a share what it counts; null of a number", null=True, ge=0, figure=other()
    )
    denominator: pl.Int64 = column(
        "of a share of how many; null of a number", null=True, ge=0, figure=other()
    )

    @pa.dataframe_check
    def unknown_says_why(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col("state") == "unknown") == pl.col("why").is_not_null())

    @pa.dataframe_check
    def unusual_says_since_when(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col("state") != "unusual") | pl.col("since").is_not_null())
