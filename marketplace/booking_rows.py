"""Bookings as their rows say them, whatever app wrote these: when they are, for how long, what they cost, where they
were made. By these rules core reads all of them, and a service the one it is asked about.

What is said of a value that cannot be read stands in assets/core/bookings.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.app_rows import booking_status, meaning, text_at, word
from marketplace.attributes import Attributes
from marketplace.instants import INSTANT, creation, starts
from marketplace.instants import read as read_instants
from marketplace.money import DEFAULT_BOUNDS, MICRO, AmountBounds, booking_amounts, read_micros
from marketplace.rules import (
    EARLIEST_INSTANT,
    IMMEDIATE_DEADLINE_MINUTES,
    IMMEDIATE_START_MINUTES,
    LONGEST_SERVICE_MINUTES,
    NOT_YET_MINUTES,
    TEST_NAME_PATTERN,
    THOUSANDS_BELOW_IDR,
)
from marketplace.statuses import (
    FLAG,
    MODE,
    PROVIDER_TYPE,
    SOURCE,
    UNKNOWN,
    Mode,
    Source,
    canonical,
    values,
)
from marketplace.test_rows import test_rule
from marketplace.text import coalesce, json_text

_MINUTES: Final = r"(?i)^\+?(\d{1,6}(?:\.\d*)?)\s*(?:m|min|mins|minute|minutes|menit)?\.?$"


# Columns of many rows -----------------------------------------------------------------------------------


def minutes_of(a: Attributes) -> tuple[pl.Series, pl.Series]:
    """(minutes, the text they were read from); ``service`` counts only where it is a number."""
    service = a.text("service").str.extract(_MINUTES)
    text = coalesce(
        coalesce(a.text("duration"), a.text("serviceDuration")),
        coalesce(service, a.text("serviceDetails.duration")),
    )
    micros = read_micros(text.str.extract(_MINUTES), grouped=False)
    minutes = micros.to_frame("m").select(
        pl.when(
            (pl.col("m") % MICRO == 0) & pl.col("m").is_between(MICRO, LONGEST_SERVICE_MINUTES * MICRO)
        ).then(pl.col("m") // MICRO)
    ).to_series()  # fmt: skip
    return minutes, text


def source_of(a: Attributes, chat_window_open: pl.Series) -> pl.DataFrame:
    """source, rule, has_value, chat_window_open: the explicit value; else scheduled by mode or bookingType,
    or by a scheduledTime where neither says anything; else chatWindow where the window was open; else
    unknown."""
    written = a.text("source")
    frame = pl.DataFrame(
        {
            "has_value": written.is_not_null(),
            "explicit": canonical(written, SOURCE),
            "mode": canonical(a.text("mode"), MODE),
            "type": canonical(a.text("bookingType"), MODE),
            "scheduled_time": a.text("scheduledTime").is_not_null(),
            "chat_window_open": chat_window_open,
        }
    )
    says_scheduled = (
        (pl.col("mode") == Mode.SCHEDULED.value) | (pl.col("type") == Mode.SCHEDULED.value)
    ).fill_null(False)
    says_nothing = pl.col("mode").is_null() & pl.col("type").is_null()
    by_time = says_nothing & pl.col("scheduled_time")
    chat = pl.col("chat_window_open").fill_null(False)
    return frame.select(
        pl.when("has_value").then(pl.col("explicit").fill_null(UNKNOWN))
        .when(says_scheduled | by_time).then(pl.lit(Source.SCHEDULED.value))
        .when(chat).then(pl.lit(Source.CHAT_WINDOW.value))
        .otherwise(pl.lit(UNKNOWN)).alias("source"),
        pl.when("has_value").then(pl.lit("explicit"))
        .when(says_scheduled).then(pl.lit("mode"))
        .when(by_time).then(pl.lit("scheduled_time"))
        .when(chat).then(pl.lit("chat_window"))
        .otherwise(pl.lit("none")).alias("rule"),
        "has_value",
        "chat_window_open",
    )  # fmt: skip


def mode_of(
    a: Attributes, created: pl.Series, start: pl.Series, deadline: pl.Series, start_waits: pl.Series
) -> pl.DataFrame:
    """mode, rule, has_value, has_schedule: mode, bookingType, metadata.bookingType, a scheduledTime, the
    start, the response deadline; else unknown. A word that is no mode is passed over. A start that is written
    and has no zone yet is waited for."""
    keys = ("by_mode", "by_type", "by_metadata")
    frame = pl.DataFrame(
        {
            **{
                key: canonical(a.text(name), MODE)
                for key, name in zip(keys, ALIASES["booking.mode"], strict=True)
            },
            "has_value": a.text("mode").is_not_null() | a.text("bookingType").is_not_null(),
            "has_schedule": a.text("scheduledTime").is_not_null(),
            "created": created,
            "start": start,
            "deadline": deadline.set(start_waits.fill_null(False), None),
        }
    )
    soon = pl.col("start") - pl.col("created") <= pl.duration(minutes=IMMEDIATE_START_MINUTES)
    has_start = pl.col("start").is_not_null() & pl.col("created").is_not_null()
    short = (
        pl.col("deadline") - pl.col("created") <= pl.duration(minutes=IMMEDIATE_DEADLINE_MINUTES)
    ).fill_null(False)
    short = short & pl.col("start").is_null()
    scheduled, immediate = values(Mode.SCHEDULED, Mode.IMMEDIATE)
    return frame.select(
        pl.coalesce("by_mode", "by_type", "by_metadata",
            pl.when("has_schedule").then(pl.lit(scheduled))
            .when(has_start & soon).then(pl.lit(immediate))
            .when(has_start).then(pl.lit(scheduled))
            .when(short).then(pl.lit(immediate))
            .otherwise(pl.lit(UNKNOWN))).alias("mode"),
        pl.when(pl.col("by_mode").is_not_null()).then(pl.lit("mode"))
        .when(pl.col("by_type").is_not_null()).then(pl.lit("bookingType"))
        .when(pl.col("by_metadata").is_not_null()).then(pl.lit("metadata"))
        .when("has_schedule").then(pl.lit("scheduled_time"))
        .when(has_start).then(pl.lit("start"))
        .when(short).then(pl.lit("deadline"))
        .otherwise(pl.lit("none")).alias("rule"),
        "has_value",
        "has_schedule",
    )  # fmt: skip


# A few rows ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BookingNow:
    """What a booking's row says now. Instants are naive UTC, amounts rupiah; None: it does not say."""

    booking_id: str
    status: str
    provider_id: str | None
    provider_type: str | None
    customer_id: str | None
    source: str
    mode: str
    minutes: int | None
    amount_idr: int | None
    before_idr: int | None
    created_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    completed_at: datetime | None
    response_deadline: datetime | None
    is_test: bool

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether it takes some of [starts_at, ends_at); where it begins or ends is not known it takes none."""
        if self.starts_at is None or self.ends_at is None or self.ends_at <= self.starts_at:
            return False
        return self.starts_at < ends_at and starts_at < self.ends_at


_MEANT: Final = (
    *(
        "minutes",
        "mode",
        "amount",
        "pricing_currency",
        "start",
        "start_date",
        "customer_name",
        "customer_phone",
    ),
    *("response_deadline", "completed_at"),
)
_READ: Final = tuple(
    dict.fromkeys(
        name.split(".", 1)[0]
        for names in (
            *(ALIASES[f"booking.{meant}"] for meant in _MEANT),
            ALIASES["creation"],
            ALIASES["currency"],
            ("source", "chatWindowOpen", "isTest", "discountCode"),
        )
        for name in names
    )
)


def read_bookings(
    rows: Sequence[Mapping[str, Any]], offset_minutes: int, bounds: AmountBounds = DEFAULT_BOUNDS
) -> list[BookingNow]:
    """Bookings as Appwrite answers them. ``offset_minutes``: the zone in which a bare local time of theirs is read."""
    plain = [_plain(row, bounds) for row in rows]
    others = [row for row, found in zip(rows, plain, strict=True) if found is None]
    read = iter(_read_any(others, offset_minutes, bounds) if others else ())
    return [found if found is not None else next(read) for found in plain]


def _read_any(
    rows: Sequence[Mapping[str, Any]], offset_minutes: int, bounds: AmountBounds
) -> list[BookingNow]:
    columns = {
        name: pl.Series([json_text(row.get(name)) for row in rows], dtype=pl.String)
        for name in _READ
        if any(row.get(name) is not None for row in rows)
    }
    own = {
        f"_{key}": pl.Series([_server(row.get(f"${name}")) for row in rows], dtype=INSTANT)
        for key, name in (("created_at", "createdAt"), ("updated_at", "updatedAt"))
    }
    a = Attributes(pl.DataFrame({**columns, **own}))
    offsets = pl.Series([offset_minutes], dtype=pl.Int64).new_from_index(0, len(rows))
    created = creation(a, offsets).values
    start, _ = starts(a, offsets)
    minutes, _ = minutes_of(a)
    completed = read_instants(a.first(ALIASES["booking.completed_at"]), offsets).values
    deadline = read_instants(a.first(ALIASES["booking.response_deadline"]), offsets).values
    amounts = booking_amounts(a, a.text("discountCode").is_not_null(), bounds)
    nowhere = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(rows))
    mode = mode_of(a, created, start.values, deadline, nowhere)["mode"]
    source = source_of(a, canonical(a.text("chatWindowOpen"), FLAG) == "true")["source"]
    phone = a.first(ALIASES["booking.customer_phone"])
    is_test = test_rule(
        canonical(a.text("isTest"), FLAG) == "true", a.first(ALIASES["booking.customer_name"]), phone
    )
    ends = pl.DataFrame({"done": completed, "start": start.values, "minutes": minutes}).select(
        pl.coalesce("done", pl.col("start") + pl.duration(minutes="minutes")).cast(INSTANT)
    ).to_series()  # fmt: skip
    return [
        BookingNow(
            str(row["$id"]),
            booking_status(row),
            meaning(row, "booking.provider_id"),
            _known(word(text_at(row, "providerType"), PROVIDER_TYPE)),
            meaning(row, "booking.customer_id"),
            source[n],
            mode[n],
            minutes[n],
            amounts.amount_idr[n],
            amounts.before_idr[n],
            created[n] or own["_created_at"][n],
            start.values[n],
            ends[n],
            completed[n],
            deadline[n],
            is_test[n] is not None,
        )
        for n, row in enumerate(rows)
    ]


# As services write them: the same, without the price of reading anything ------------------------------

_UTC: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)")
_NOT_YET: Final = timedelta(minutes=NOT_YET_MINUTES)
_TEST_NAME: Final = re.compile(TEST_NAME_PATTERN)
_PHONE: Final = re.compile(r"\+[1-9]\d{7,14}")
_PLAIN: Final = frozenset(
    {
        *(
            "duration",
            "service",
            "startTime",
            "scheduledTime",
            "price",
            "totalCost",
            "source",
            "mode",
            "bookingType",
        ),
        *("chatWindowOpen", "isTest", "customerName", "customerWhatsApp", "createdAt", "responseDeadline"),
        *("completedAt", "metadata", "location"),
    }
)
_OTHERWISE: Final = tuple(name for name in _READ if name not in _PLAIN)


def _plain(row: Mapping[str, Any], bounds: AmountBounds) -> BookingNow | None:
    """A booking in the canonical shape, each value in its one form; None for any other, which is read as everything is.
    What it says is what ``_read_any`` says of it."""
    if any(row.get(name) is not None for name in _OTHERWISE):
        return None
    minutes, amount, is_test = row.get("duration"), row.get("totalCost"), row.get("isTest")
    name, phone = row.get("customerName"), row.get("customerWhatsApp")
    source, mode = word(text_at(row, "source"), SOURCE), word(text_at(row, "mode"), MODE)
    if (
        type(minutes) is not int
        or type(amount) is not int
        or not 1 <= minutes <= LONGEST_SERVICE_MINUTES
        or not max(THOUSANDS_BELOW_IDR, bounds.minimum) <= amount <= bounds.maximum
        or is_test not in (None, False)
        or UNKNOWN in (source, mode)
        or not (name is None or (isinstance(name, str) and _TEST_NAME.search(name) is None))
        or not (
            phone is None or (isinstance(phone, str) and _PHONE.fullmatch(phone) and phone[3:].strip("0"))
        )
    ):
        return None
    made, changed = _exact(row.get("createdAt")), _exact(row.get("$updatedAt"))
    starts_at = _exact(row.get("startTime"))
    written = [row.get("responseDeadline"), row.get("completedAt")]
    deadline, completed = (_exact(at) for at in written)
    if (
        made is None
        or changed is None
        or made > changed + _NOT_YET
        or starts_at is None
        or any(
            at is not None and read_at is None
            for at, read_at in zip(written, (deadline, completed), strict=True)
        )
    ):
        return None
    return BookingNow(
        str(row["$id"]),
        booking_status(row),
        meaning(row, "booking.provider_id"),
        _known(word(text_at(row, "providerType"), PROVIDER_TYPE)),
        meaning(row, "booking.customer_id"),
        source,
        mode,
        minutes,
        amount,
        None,
        made,
        starts_at,
        completed or starts_at + timedelta(minutes=minutes),
        completed,
        deadline,
        False,
    )


def _exact(written: object) -> datetime | None:
    """An instant in UTC as services write it, naive; None for any other form."""
    if not isinstance(written, str) or _UTC.fullmatch(written) is None:
        return None
    try:
        at = datetime.fromisoformat(written).replace(tzinfo=None)
    except ValueError:
        return None
    return at if at >= EARLIEST_INSTANT else None


def _known(said: str) -> str | None:
    return None if said == UNKNOWN else said


def _server(written: object) -> datetime | None:
    """An instant of Appwrite's own, naive UTC."""
    return datetime.fromisoformat(written[:23]) if isinstance(written, str) else None
