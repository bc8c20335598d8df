"""Times as they are written → naive UTC instants: Z, an offset, none (the provider's zone), epoch, HH:MM
beside a date.

Which attribute holds which time is in aliases.py. An instant outside the plausible years is unreadable; one of what
has happened that lies after the row was written is not believed (NOT_YET).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.rules import DEFAULT_TIMEZONE, EARLIEST_INSTANT, LATEST_INSTANT, NOT_YET_MINUTES
from marketplace.text import as_text, coalesce, nulls, read_rest
from marketplace.zones import resolve

INSTANT: Final = pl.Datetime("us")
NOT_AN_INSTANT: Final = "noted.not_an_instant"
IMPLAUSIBLE: Final = "noted.implausible_instant"
NO_DATE: Final = "noted.no_date"
NOT_YET: Final = "noted.not_yet"

HAPPENED: Final = frozenset(
    {
        *ALIASES["creation"],
        *ALIASES["booking.accepted_at"],
        *ALIASES["booking.declined_at"],
        *ALIASES["booking.responded_at"],
        *ALIASES["booking.completed_at"],
        *ALIASES["booking.cancelled_at"],
        *ALIASES["booking.handed_at"],
        *ALIASES["message.sent_at"],
        *ALIASES["provider.last_seen_at"],
        "paidAt",
        "verifiedAt",
        "paymentProofUploadedAt",
        "restrictedAt",
        "offeredAt",
        "answeredAt",
        "deliveredAt",
        "failedAt",
    }
)
"""Attributes that say when something happened: what lies in the future there is not believed."""
PLANNED: Final = frozenset(
    {
        *ALIASES["booking.start"],
        *ALIASES["booking.start_date"],
        *ALIASES["booking.response_deadline"],
        "paymentDeadline",
        "expiresAt",
        "deadline",
    }
)
"""Attributes that say when something is to happen: any plausible instant is believed."""
NO_ZONE: Final = "noted.no_zone"
"""Why a bare local time has no instant while its provider was not read: it is none in the default zone."""

_CANONICAL: Final = "%Y-%m-%dT%H:%M:%S%.fZ"
_WRITTEN: Final = (
    r"^(?<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt\s]+(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?"
    r"\s*(?<zone>[Zz]|(?i:utc|gmt|wib|wita|wit)|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_EPOCH: Final = r"^\d{9,14}$"
_TIME_OF_DAY: Final = (
    r"^(?<hour>\d{1,2})[:.](?<minute>\d{2})(?:[:.](?<second>\d{2})(?:\.\d+)?)?\s*(?<half>(?i:am|pm))?"
    r"\s*(?<zone>(?i:wib|wita|wit))?$"
)
_ZONE_MINUTES: Final = {"z": 0, "utc": 0, "gmt": 0, "wib": 420, "wita": 480, "wit": 540}
_MS_FROM: Final = 100_000_000_000
"""Whole numbers from here on are epoch milliseconds, below it seconds: as milliseconds those would lie
before 1974."""


@dataclass(frozen=True)
class Instants:
    """``values``: naive UTC; ``reasons``: why a value that was written could not be read, a code of
    messages/, else null."""

    values: pl.Series
    reasons: pl.Series


def plausible(values: pl.Series) -> pl.Series:
    """Instants → the same, null outside the plausible years."""
    lowest, highest = values.min(), values.max()
    if lowest is None or (lowest >= EARLIEST_INSTANT and highest < LATEST_INSTANT):  # type: ignore[operator] - Polars types the least and the greatest as any literal
        return values
    return values.set(~values.is_between(EARLIEST_INSTANT, LATEST_INSTANT, closed="left"), None)


def read(text: pl.Series, offset_minutes: pl.Series) -> Instants:
    """Text → instants. ``offset_minutes``: the zone in which a bare local time of that row is read; where that is
    null, such a time has no instant (NO_ZONE)."""
    if text.null_count() == len(text):
        return Instants(nulls(len(text), INSTANT), nulls(len(text), pl.String))
    fast = text.str.strptime(INSTANT, _CANONICAL, strict=False)
    parsed = read_rest(fast, text, _slow, offset=offset_minutes)
    values = plausible(parsed)
    missing = values.is_null() & text.is_not_null()
    if not missing.any():
        return Instants(values, nulls(len(text), pl.String))
    reasons = pl.DataFrame({"missing": missing, "parsed": parsed, "text": text}).select(
        pl.when("missing").then(
            pl.when(pl.col("parsed").is_not_null() | pl.col("text").str.contains(r"^\d+$"))
            .then(pl.lit(IMPLAUSIBLE))
            .otherwise(pl.lit(NOT_AN_INSTANT))
        )
    ).to_series()  # fmt: skip
    placeless = missing & parsed.is_null() & offset_minutes.is_null()
    if placeless.any():
        at = placeless.arg_true()
        anywhere = _slow(text.gather(at).to_frame("text").with_columns(pl.lit(0, pl.Int64).alias("offset")))
        reasons = reasons.scatter(at.filter(anywhere.is_not_null()), IMPLAUSIBLE)
        reasons = reasons.scatter(at.filter(plausible(anywhere).is_not_null()), NO_ZONE)
    return Instants(values, reasons)


def _slow(rows: pl.DataFrame) -> pl.Series:
    parts = rows["text"].str.extract_groups(_WRITTEN).struct.unnest()
    frame = pl.concat([rows, parts], how="horizontal")
    clock = pl.concat_str(
        pl.col("hour").fill_null("00").str.zfill(2),
        pl.col("minute").fill_null("00"),
        pl.col("second").fill_null("00"),
        separator=":",
    )
    fraction = pl.col("fraction").fill_null("0").str.pad_end(9, "0").str.slice(0, 6)
    zone = pl.col("zone").str.to_lowercase()
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    numeric = sign * (
        zone.str.extract(r"^[+-](\d{2})").cast(pl.Int64) * 60
        + zone.str.extract(r"^[+-]\d{2}:?(\d{2})").cast(pl.Int64).fill_null(0)
    )
    east = pl.coalesce(
        zone.replace_strict(_ZONE_MINUTES, default=None, return_dtype=pl.Int64), numeric, pl.col("offset")
    )
    local = pl.concat_str("date", clock, separator=" ").str.strptime(
        INSTANT, "%Y-%m-%d %H:%M:%S", strict=False
    )
    written = local + pl.duration(microseconds=fraction.cast(pl.Int64)) - pl.duration(minutes=east)
    count = pl.col("text").str.extract(f"({_EPOCH})").cast(pl.Int64, strict=False)
    epoch = (pl.when(count >= _MS_FROM).then(count * 1_000).otherwise(count * 1_000_000)).cast(INSTANT)
    return frame.select(pl.coalesce(written, epoch).cast(INSTANT)).to_series()


def believed_until(attributes: Attributes) -> pl.Series:
    """Per row the last instant at which anything it tells of can have happened: NOT_YET_MINUTES after the later of
    ``$updatedAt`` and the clock at which this version was first stored. Null where neither is known.

    Both are kept with the version, so that a rebuild in a year believes what was believed at first.
    """
    changed, stored = attributes.own("_updated_at", INSTANT), attributes.own("_ingested_at", INSTANT)
    later = pl.max_horizontal("c", "s").clip(
        EARLIEST_INSTANT, LATEST_INSTANT
    )  # beyond, no instant is read at all
    return pl.DataFrame({"c": changed, "s": stored}).select(
        (later + pl.duration(minutes=NOT_YET_MINUTES)).cast(INSTANT)
    ).to_series()  # fmt: skip


def not_yet(values: pl.Series, until: pl.Series) -> pl.Series:
    """Boolean: later than ``until``; false where either is null."""
    return (values > until).fill_null(False)


@dataclass(frozen=True)
class Creation:
    """``values``: naive UTC, null where it cannot be read or believed; ``rule``: createdAt, booking.createdAt or
    $createdAt; ``not_yet``: the attribute whose value was not believed, else null; ``refused``: nothing that is written
    can be believed; ``waiting``: what is written is a local time whose zone is not known yet (NO_ZONE), and Appwrite's
    own $createdAt stands in for it."""

    values: pl.Series
    rule: pl.Series
    not_yet: pl.Series
    refused: pl.Series
    waiting: pl.Series


def creation(attributes: Attributes, offset_minutes: pl.Series) -> Creation:
    """Creation of each row. The first of createdAt, booking.createdAt, $createdAt that is present is taken; if that one
    cannot be read there is none. One that is not believed falls back to $createdAt, if that can be believed.

    Rows are taken or quarantined before their zone is known, by DEFAULT_TIMEZONE: where only the zone makes the
    difference, and $createdAt is of no help, a bare local time is what it was when the row was taken.
    """
    names = ALIASES["creation"]
    text = attributes.first(names)
    rule = attributes.which(names).fill_null("$createdAt")
    server = attributes.own("_created_at", INSTANT)
    written = text if text.null_count() == 0 else coalesce(text, as_text(server))
    found = read(written, offset_minutes)
    until = believed_until(attributes)
    late = not_yet(found.values, until)
    server = plausible(server)
    waiting = (found.reasons == NO_ZONE).fill_null(False)
    if waiting.any():
        believed = server.set(not_yet(server, until), None)
        stamps = coalesce(believed, attributes.own("_ingested_at", INSTANT))
        found = Instants(found.values.zip_with(~waiting, stamps), found.reasons)
        rule = rule.set(waiting, "$createdAt")
    if not late.any():
        nothing = nulls(len(late), pl.String)
        return Creation(found.values, rule, nothing, late, waiting)
    usable = late & server.is_not_null() & ~not_yet(server, until)
    as_taken = read(text, default_offsets(len(late))).values
    in_time = late & ~usable & as_taken.is_not_null() & ~not_yet(as_taken, until)
    values = server.zip_with(usable, as_taken.zip_with(in_time, found.values))
    refused = late & ~usable & ~in_time
    return Creation(
        values.set(refused, None),
        rule.set(usable, "$createdAt"),
        rule.set(~late, None),
        refused,
        waiting,
    )


def default_offsets(height: int) -> pl.Series:
    """DEFAULT_TIMEZONE for so many rows, in minutes east of UTC."""
    zone = resolve(DEFAULT_TIMEZONE)
    return pl.Series([zone.offset_minutes if zone else 0], dtype=pl.Int64).new_from_index(0, height)


def times_of_day(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """HH:MM (or 14.30, 2:30 PM) → (seconds of the day, minutes east of UTC if the zone is written), else
    null."""
    if text.null_count() == len(text):
        return nulls(len(text), pl.Int64), nulls(len(text), pl.Int64)
    parts = text.str.extract_groups(_TIME_OF_DAY).struct.unnest()
    hour, half = pl.col("hour").cast(pl.Int64), pl.col("half").str.to_lowercase()
    hour24 = (
        pl.when(half.is_null() & (hour < 24)).then(hour)
        .when(half.is_not_null() & hour.is_between(1, 12))
        .then(hour % 12 + pl.when(half == "pm").then(12).otherwise(0))
    )  # fmt: skip
    minute = pl.col("minute").cast(pl.Int64)
    second = pl.col("second").cast(pl.Int64).fill_null(0)
    result = parts.select(
        pl.when((minute < 60) & (second < 60)).then(hour24 * 3600 + minute * 60 + second).alias("seconds"),
        pl.col("zone")
        .str.to_lowercase()
        .replace_strict(_ZONE_MINUTES, default=None, return_dtype=pl.Int64)
        .alias("zone"),
    )
    return result["seconds"], result["zone"]


def local_dates(text: pl.Series, offset_minutes: pl.Series) -> pl.Series:
    """A date, or an instant seen in its zone → the local date."""
    bare = text.str.strptime(pl.Date, "%Y-%m-%d", strict=False)
    instants = read(text, offset_minutes).values
    shifted = pl.DataFrame({"i": instants, "o": offset_minutes}).select(
        (pl.col("i") + pl.duration(minutes="o")).dt.date()
    ).to_series()  # fmt: skip
    dates = coalesce(bare, shifted)
    return dates.set(~dates.is_between(EARLIEST_INSTANT.date(), LATEST_INSTANT.date(), closed="left"), None)


def starts(attributes: Attributes, offset_minutes: pl.Series) -> tuple[Instants, pl.Series]:
    """Start of each booking and the attribute it was read from: startTime, scheduledTime, scheduledDate +
    time, date + time, bookingDateTime, checkInDate. A time of day takes its date from scheduledDate, date,
    bookingDate."""
    names = ALIASES["booking.start"]
    frame = pl.DataFrame({n: attributes.text(n) for n in names})
    time = pl.col("time")
    options = (
        ("startTime", pl.col("startTime")),
        ("scheduledTime", pl.col("scheduledTime")),
        ("time", pl.when(pl.col("scheduledDate").is_not_null() | pl.col("date").is_not_null()).then(time)),
        ("bookingDateTime", pl.col("bookingDateTime")),
        ("checkInDate", pl.col("checkInDate")),
    )
    chosen = frame.select(
        pl.coalesce(*(value for _, value in options)).alias("text"),
        pl.coalesce(*(pl.when(value.is_not_null()).then(pl.lit(name)) for name, value in options)).alias(
            "attribute"
        ),
    )
    text, attribute = chosen["text"], chosen["attribute"]
    seconds, zone = times_of_day(text)
    found = read(text.set(seconds.is_not_null(), None), offset_minutes)
    if seconds.null_count() == len(seconds):
        return found, attribute
    dates = local_dates(attributes.first(ALIASES["booking.start_date"]), offset_minutes)
    clock = pl.DataFrame(
        {
            "s": seconds,
            "d": dates,
            "o": coalesce(zone, offset_minutes),
            "v": found.values,
            "r": found.reasons,
            # An instant beside the time of day is no date either, while nobody knows in which zone to look at it.
            "undated": dates.is_null()
            & offset_minutes.is_null()
            & attributes.first(ALIASES["booking.start_date"]).is_not_null(),
        }
    )
    at = pl.col("d").cast(INSTANT) + pl.duration(seconds="s") - pl.duration(minutes="o")
    combined = clock.select(
        pl.coalesce("v", at).cast(INSTANT).alias("values"),
        pl.when(
            pl.col("s").is_not_null()
            & (pl.col("undated") | (pl.col("d").is_not_null() & pl.col("o").is_null()))
        )
        .then(pl.lit(NO_ZONE))
        .when(pl.col("s").is_not_null() & pl.col("d").is_null())
        .then(pl.lit(NO_DATE))
        .otherwise("r")
        .alias("reasons"),
    )
    return Instants(combined["values"], combined["reasons"]), attribute
