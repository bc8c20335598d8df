"""Numbers as they are written → exact integers, and the amount of a booking or a commission record in rupiah.

No float takes part: a number is read in millionths (Int64) and rounded half up once. Commission policy is
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.rules import AMOUNT_TOLERANCE_IDR, ROUNDED_PRICE_TOLERANCE_IDR, THOUSANDS_BELOW_IDR
from marketplace.text import nulls, read_rest

MICRO: Final = 1_000_000
_PLAIN: Final = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$"
_EXPONENT: Final = r"^[+-]?\d+(?:\.\d+)?e[+-]?\d{1,2}$"
_GROUPED_DOTS: Final = r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d{1,2})?$"
_GROUPED_COMMAS: Final = r"^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{1,2})?$"
_COMMA_FRACTION: Final = r"^[+-]?\d+,\d{1,2}$"
_LARGEST_DIGITS: Final = 12


def half_up(micros: pl.Expr) -> pl.Expr:
    """Millionths → units, half up."""
    return (micros + MICRO // 2) // MICRO


def read_micros(text: pl.Series, *, grouped: bool = True) -> pl.Series:
    """Numbers as text → millionths (Int64); null where empty or not a number below a trillion.

    ``grouped``: also read amounts as people write them, "Rp 250.000", "IDR 250,000.00", "250.000,-". Off for
    rates, where "0.300" is a fraction.
    """
    if text.null_count() == len(text):
        return nulls(len(text), pl.Int64)
    digits = text.str.contains(r"^[0-9]{1,12}$")
    fast = text.to_frame("t").select(
        pl.when(digits).then(pl.col("t")).cast(pl.Int64, strict=False) * MICRO
    ).to_series()  # fmt: skip
    return read_rest(fast, text, lambda rows: _slow_micros(rows["text"], grouped=grouped))


def _slow_micros(text: pl.Series, *, grouped: bool) -> pl.Series:
    t = pl.col("t")
    frame = text.str.to_lowercase().to_frame("t")
    if grouped:
        frame = frame.select(
            t.str.replace_all(r"[\s\u00a0]", "")
            .str.replace(r"^([+-]?)(?:rp\.?|idr)", "${1}")
            .str.replace(r"(?:idr|rupiah)$", "")
            .str.replace(r",-$", "")
        )
        frame = frame.select(
            pl.when(t.str.contains(_GROUPED_DOTS))
            .then(t.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
            .when(t.str.contains(_GROUPED_COMMAS))
            .then(t.str.replace_all(",", "", literal=True))
            .when(t.str.contains(_COMMA_FRACTION))
            .then(t.str.replace(",", ".", literal=True))
            .otherwise(t)
        )
    whole = t.str.extract(r"^[+-]?0*(\d*)").fill_null("")
    fraction = t.str.extract(r"\.(\d{1,6})").fill_null("")
    size = pl.when(whole == "").then(pl.lit("0")).otherwise(whole).cast(pl.Int64, strict=False) * MICRO + (
        fraction.str.pad_end(6, "0").cast(pl.Int64, strict=False)
    )
    plain = t.str.contains(_PLAIN) & (whole.str.len_chars() <= _LARGEST_DIGITS)
    floating = t.str.extract(f"({_EXPONENT})").cast(pl.Float64, strict=False)
    return frame.select(
        pl.when(plain & t.str.starts_with("-")).then(-size)
        .when(plain).then(size)
        .when(floating.abs() < 10**_LARGEST_DIGITS)
        .then((floating * MICRO).round(0).cast(pl.Int64, strict=False))
    ).to_series()  # fmt: skip


_NUMERIC: Final = r"^[+-]?\d+(?:[.,]\d+)*(?:,-)?$"
NOT_A_NUMBER: Final = "not a number"
TOO_LARGE: Final = "too large a number (a trillion or more)"


def why_unreadable(text: pl.Series) -> pl.Series:
    """Why ``read_micros`` could not read a text: NOT_A_NUMBER, or TOO_LARGE."""
    t = pl.col("t")
    frame = text.str.to_lowercase().to_frame("t").select(
        t.str.replace_all(r"[\s\u00a0]", "").str.replace(r"^([+-]?)(?:rp\.?|idr)", "${1}")
        .str.replace(r"(?:idr|rupiah)$", "").fill_null("")
    )  # fmt: skip
    digits = t.str.replace(r"[.,](?:\d{1,2}|-)$", "").str.replace_all(r"\D", "").str.strip_chars_start("0")
    exponent = t.str.extract(r"^([+-]?\d+(?:\.\d+)?e[+-]?\d{1,4})$").cast(pl.Float64, strict=False)
    large = (t.str.contains(_NUMERIC) & (digits.str.len_chars() > _LARGEST_DIGITS)) | (
        exponent.abs() >= 10**_LARGEST_DIGITS
    ).fill_null(False)
    return frame.select(pl.when(large).then(pl.lit(TOO_LARGE)).otherwise(pl.lit(NOT_A_NUMBER))).to_series()


@dataclass(frozen=True)
class BookingAmounts:
    """Per booking: ``amount_idr`` (Int64), ``amount_rule``, ``disagreement`` (the sources, null where they
    agree),
    ``unreadable`` and ``negative``: attribute → Boolean."""

    amount_idr: pl.Series
    amount_rule: pl.Series
    disagreement: pl.Series
    unreadable: dict[str, pl.Series]
    negative: dict[str, pl.Series]


def booking_amounts(attributes: Attributes, discounted: pl.Series) -> BookingAmounts:
    """The amount of each booking: the first source over 0; a price below 10,000 is thousands of rupiah.

    Two sources further apart than the tolerance disagree, unless a discount code stands and the lower one is
    a total.
    """
    names = ALIASES["booking.amount"]
    columns: dict[str, pl.Series] = {"discounted": discounted}
    unreadable: dict[str, pl.Series] = {}
    negative: dict[str, pl.Series] = {}
    used: list[str] = []
    for name in names:
        text = attributes.text(name)
        if text.null_count() == len(text):
            continue
        micros = read_micros(text)
        used.append(name)
        columns[name] = micros
        unreadable[name] = micros.is_null() & text.is_not_null()
        negative[name] = (micros < 0).fill_null(False)
    height = attributes.height
    if not used:
        empty = nulls(height, pl.String)
        return BookingAmounts(nulls(height, pl.Int64), empty, empty, {}, {})
    frame = pl.DataFrame(columns)
    price_in_thousands = pl.lit(False)
    if "price" in used:
        price = pl.col("price")
        price_in_thousands = (price > 0) & (price < THOUSANDS_BELOW_IDR * MICRO)
        frame = frame.with_columns(
            price_in_thousands.fill_null(False).alias("thousands"),
            pl.when(price_in_thousands).then(price * 1_000).otherwise(price).alias("price"),
        )
    frame = frame.with_columns(
        pl.when(half_up(pl.col(n)) > 0).then(half_up(pl.col(n))).cast(pl.Int64).alias(n) for n in used
    )
    labels = {n: pl.lit(n) for n in used}
    if "price" in used:
        labels["price"] = pl.when("thousands").then(pl.lit("price_thousands")).otherwise(pl.lit("price"))
    totals = [n for n in used if n != "price"]
    frame = frame.with_columns(
        pl.coalesce(used).alias("amount_idr"),
        pl.coalesce(*(pl.when(pl.col(n).is_not_null()).then(labels[n]) for n in used)).alias("amount_rule"),
        (pl.max_horizontal(totals) if totals else pl.lit(None, pl.Int64)).alias("high"),
        (pl.min_horizontal(totals) if totals else pl.lit(None, pl.Int64)).alias("low"),
    )
    between_totals = (pl.col("high") - pl.col("low") > AMOUNT_TOLERANCE_IDR).fill_null(False)
    price_lower = price_higher = pl.lit(False)
    if "price" in used:
        tolerance = pl.when("thousands").then(ROUNDED_PRICE_TOLERANCE_IDR).otherwise(AMOUNT_TOLERANCE_IDR)
        price_lower = (pl.col("high") - pl.col("price") > tolerance).fill_null(False)
        price_higher = (pl.col("price") - pl.col("low") > tolerance).fill_null(False)
    disagrees = price_lower | (~pl.col("discounted") & (between_totals | price_higher))
    sources = pl.concat_str(
        [pl.format("{} {}", labels[n], pl.col(n)) for n in used], separator=", ", ignore_nulls=True
    )
    result = frame.select("amount_idr", "amount_rule", pl.when(disagrees).then(sources).alias("disagreement"))
    return BookingAmounts(
        result["amount_idr"], result["amount_rule"], result["disagreement"], unreadable, negative
    )


@dataclass(frozen=True)
class CommissionAmounts:
    """Per record: repaired integers in rupiah, the rule, the values as written, the rate in millionths, and
    what could not
    be read (attribute list → Boolean)."""

    booking_amount_idr: pl.Series
    commission_idr: pl.Series
    amount_rule: pl.Series
    written_booking_amount: pl.Series
    written_commission: pl.Series
    rate_ppm: pl.Series
    base_unreadable: pl.Series
    commission_unreadable: pl.Series
    rate_unreadable: pl.Series


def commission_amounts(attributes: Attributes) -> CommissionAmounts:
    """A record whose base is over 0 and below 10,000 is in thousands, and its commission with it, unless
    that is itself
    10,000 or more (it would be larger than its base)."""
    base_text = attributes.first(ALIASES["commission.base"])
    commission_text = attributes.first(ALIASES["commission.commission"])
    rate_text = attributes.text("commissionRate")
    frame = pl.DataFrame({"base": read_micros(base_text), "commission": read_micros(commission_text)})
    base, commission = pl.col("base"), pl.col("commission")
    limit = THOUSANDS_BELOW_IDR * MICRO
    thousands = ((base > 0) & (base < limit)).fill_null(False)
    result = frame.select(
        half_up(pl.when(thousands).then(base * 1_000).otherwise(base)).alias("base_idr"),
        half_up(
            pl.when(thousands & (commission < limit)).then(commission * 1_000).otherwise(commission)
        ).alias("commission_idr"),
        pl.when(thousands)
        .then(pl.lit("thousands"))
        .when(base.is_not_null() | commission.is_not_null())
        .then(pl.lit("rupiah"))
        .alias("amount_rule"),
        (base / MICRO).alias("written_base"),
        (commission / MICRO).alias("written_commission"),
    )
    rate = read_rates(rate_text)
    return CommissionAmounts(
        result["base_idr"],
        result["commission_idr"],
        result["amount_rule"],
        result["written_base"],
        result["written_commission"],
        rate,
        base_text.is_not_null() & frame["base"].is_null(),
        commission_text.is_not_null() & frame["commission"].is_null(),
        rate_text.is_not_null() & rate.is_null(),
    )


def read_rates(text: pl.Series) -> pl.Series:
    """0.30, 30 or "30 %" → millionths of one (Int64); null where empty or not between 0 and 100 %."""
    percent = text.str.ends_with("%").fill_null(False)
    micros = read_micros(text.str.replace(r"\s*%$", "").str.replace(",", ".", literal=True), grouped=False)
    return pl.DataFrame({"m": micros, "percent": percent}).select(
        pl.when((pl.col("m") < 0) | (pl.col("m") > 100 * MICRO)).then(None)
        .when(pl.col("percent") | (pl.col("m") > MICRO)).then((pl.col("m") + 50) // 100)
        .otherwise(pl.col("m"))
    ).to_series()  # fmt: skip
