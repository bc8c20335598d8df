"""Times as they are written → naive UTC instants: Z, an offset, none (the provider's zone), epoch, HH:MM
beside a date.

Which attribute holds which time is in aliases.py. An instant outside the plausible years is unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.rules import EARLIEST_INSTANT, LATEST_INSTANT
from marketplace.text import as_text, coalesce, nulls, read_rest

INSTANT: Final = pl.Datetime("us")
NOT_AN_INSTANT: Final = "not a date and time"
IMPLAUSIBLE: Final = "outside 2015 to 2099"
NO_DATE: Final = "a time of day without a date"
NO_ZONE: Final = "a local time, and the zone of its provider is not known yet"
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
    """``values``: naive UTC; ``reasons``: why a value that was written could not be read, else null."""

    values: pl.Series
    reasons: pl.Series


def plausible(values: pl.Series) -> pl.Series:
    """Instants → the same, null outside the plausible years."""
    lowest, highest = values.min(), values.max()
    if lowest is None or (lowest >= EARLIEST_INSTANT and highest < LATEST_INSTANT):  # type: ignore[operator]
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


def creation(attributes: Attributes, offset_minutes: pl.Series) -> tuple[Instants, pl.Series]:
    """Creation of each row and its rule (createdAt, booking.createdAt, $createdAt). The first that is
    present is taken;
    if that one cannot be read there is none. A local time whose zone is not known yet (NO_ZONE) stays its reason, and
    Appwrite's own $createdAt stands in for it."""
    names = ALIASES["creation"]
    text = attributes.first(names)
    rule = attributes.which(names)
    own = attributes.own("_created_at", INSTANT)
    found = read(coalesce(text, as_text(own)), offset_minutes)
    rule = rule.fill_null("$createdAt")
    waiting = (found.reasons == NO_ZONE).fill_null(False)
    if waiting.any():
        stamps = coalesce(plausible(own), attributes.own("_ingested_at", INSTANT))
        found = Instants(found.values.zip_with(~waiting, stamps), found.reasons)
        rule = rule.set(waiting, "$createdAt")
    return found, rule


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
    time,
    date + time, bookingDateTime, checkInDate. A time of day takes its date from scheduledDate, date,
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
