"""Numbers as they are written → exact integers, and the amount of a booking or a commission record in rupiah.

No float takes part: a number is read in millionths (Int64) and rounded half up once. Commission policy is
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

import polars as pl
from babel.numbers import list_currencies

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.rules import (
    AMOUNT_MAX_IDR,
    AMOUNT_MIN_IDR,
    AMOUNT_READ_BELOW_IDR,
    AMOUNT_TOLERANCE_IDR,
    ROUNDED_TOLERANCE_IDR,
    THOUSANDS_BELOW_IDR,
)
from marketplace.statuses import CURRENCY, canonical
from marketplace.text import nulls, read_rest

MICRO: Final = 1_000_000
_PLAIN: Final = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
_EXPONENT: Final = r"^[+-]?[0-9]+(?:\.[0-9]+)?e[+-]?[0-9]{1,3}$"
_GROUPED_DOTS: Final = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?$"
_GROUPED_COMMAS: Final = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?$"
_COMMA_FRACTION: Final = r"^[+-]?[0-9]+,[0-9]{1,2}$"
_BLANKS: Final = r"[\s\u00a0]"
# no currency sign of Unicode is rupiah's; letters may stand before one (US$, S$)
_FOREIGN: Final = (
    r"(?:[a-z]{0,3}\p{Sc}|" + "|".join(sorted({c.lower() for c in list_currencies()} - {"idr"})) + ")"
)
_LARGEST_DIGITS: Final = len(str(AMOUNT_READ_BELOW_IDR - 1))
_PRICE: Final = "price"
_PRICE_IN_THOUSANDS: Final = "price_thousands"
_PRICING_TOTAL: Final = "pricing.total"
TOTALS: Final = ("totalCost", "totalPrice", "totalAmount", _PRICING_TOTAL)
"""What a booking costs after a discount: the lowest of these is its amount where a discountCode stands."""


@dataclass(frozen=True)
class AmountBounds:
    """Between which rupiah (both included) an amount that is not 0 is believed."""

    minimum: int = AMOUNT_MIN_IDR
    maximum: int = AMOUNT_MAX_IDR


DEFAULT_BOUNDS: Final = AmountBounds()


def half_up(micros: pl.Expr) -> pl.Expr:
    """Millionths → units, half up."""
    return (micros + MICRO // 2) // MICRO


def read_micros(text: pl.Series, *, grouped: bool = True) -> pl.Series:
    """Numbers as text → millionths (Int64), half away from zero; null where empty or not a number below a
    trillion.

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
            t.str.replace_all(_BLANKS, "")
            .str.replace(r"^([+-]?)(?:rp\.?|idr|rupiah)", "${1}")
            .str.replace(r"(?:idr|rp\.?|rupiah)$", "")
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
    return _decimals(frame["t"], places=6, whole_digits=_LARGEST_DIGITS, rounded=True)


def _decimals(text: pl.Series, *, places: int, whole_digits: int, rounded: bool) -> pl.Series:
    """Plain numbers and such with an exponent → units of 10^-places (Int64): rounded half away from zero, else cut
    off. Null where it is no number or has more digits before the point."""
    t = pl.col("t")
    whole = t.str.extract(r"^[+-]?0*([0-9]*)").fill_null("")
    fraction = t.str.extract(r"\.([0-9]+)").fill_null("").str.pad_end(places + 1, "0")
    size = (
        pl.when(whole == "").then(pl.lit("0")).otherwise(whole).cast(pl.Int64, strict=False) * 10**places
        + fraction.str.slice(0, places).cast(pl.Int64, strict=False)
    )  # fmt: skip
    if rounded:
        size = size + (fraction.str.slice(places, 1) >= "5").cast(pl.Int64)
    plain = t.str.contains(_PLAIN) & (whole.str.len_chars() <= whole_digits)
    read = text.to_frame("t").select(
        pl.when(plain & t.str.starts_with("-")).then(-size).when(plain).then(size)
    ).to_series()  # fmt: skip
    floating = text.str.contains(_EXPONENT).fill_null(False)
    if floating.any():
        rounding = ROUND_HALF_UP if rounded else ROUND_DOWN
        values = [
            int(value.scaleb(places).to_integral_value(rounding)) if abs(value) < 10**whole_digits else None
            for value in map(Decimal, text.filter(floating).to_list())
        ]
        read = read.scatter(floating.arg_true(), pl.Series(values, dtype=pl.Int64))
    return read


def read_rates(text: pl.Series) -> pl.Series:
    """0.30, 30 or "30 %" → millionths of one (Int64), rounded half up from the number as it is written; null where
    empty or not between 0 and 100 %.

    0.29999999999999993, what binary arithmetic leaves of 0.3, is 300,000.
    """
    percent = text.str.ends_with("%").fill_null(False)
    number = text.str.to_lowercase().str.replace(r"\s*%$", "").str.replace(",", ".", literal=True)
    # one place more than is kept: cut off there, a number rounds to four places or to six as the whole of it would
    read = _decimals(number, places=7, whole_digits=3, rounded=False)
    tenths = pl.col("tenths")
    fraction, of_hundred = (tenths + 5) // 10, (tenths + 500) // 1_000
    return pl.DataFrame({"tenths": read, "percent": percent}).select(
        pl.when(tenths < 0).then(None)
        .when(~pl.col("percent") & (fraction <= MICRO)).then(fraction)
        .when(of_hundred <= MICRO).then(of_hundred)
    ).to_series()  # fmt: skip


@dataclass(frozen=True)
class _Read:
    """An amount as written. ``micros``: in rupiah, null where it is none; ``foreign``: millionths of what carries the
    sign or code of another currency."""

    written: pl.Series
    micros: pl.Series
    foreign: pl.Series

    @classmethod
    def of(cls, text: pl.Series) -> _Read:
        micros = read_micros(text)
        rest = micros.is_null() & text.is_not_null()
        foreign = nulls(len(text), pl.Int64)
        if rest.any():
            rows = text.filter(rest).str.to_lowercase().str.replace_all(_BLANKS, "")
            bare = rows.str.replace(rf"^([+-]?){_FOREIGN}\.?", "${1}")
            bare = bare.zip_with(bare != rows, rows.str.replace(rf"{_FOREIGN}$", ""))
            foreign = foreign.scatter(rest.arg_true(), read_micros(bare.set(bare == rows, None)))
        return cls(text.is_not_null(), micros, foreign)

    @property
    def unreadable(self) -> pl.Series:
        return self.written & self.micros.is_null() & self.foreign.is_null()


def _other_currencies(attributes: Attributes, names: Iterable[str]) -> dict[str, pl.Series]:
    """Of the attributes that name a currency, where each names another than rupiah."""
    found: dict[str, pl.Series] = {}
    for name in names:
        text = attributes.text(name)
        if text.null_count() < len(text):
            other = text.is_not_null() & canonical(text, CURRENCY).is_null()
            if other.any():
                found[name] = other
    return found


def _any(columns: Iterable[pl.Series], height: int) -> pl.Series:
    result = pl.Series([False], dtype=pl.Boolean).new_from_index(0, height)
    for column in columns:
        result = result | column
    return result


Noted = dict[str, pl.Series]
"""Attribute → Boolean, true on the rows a finding is about."""


_NUMERIC: Final = r"^[+-]?\d+(?:[.,]\d+)*(?:,-)?$"
NOT_A_NUMBER: Final = "noted.not_a_number"
TOO_LARGE: Final = "noted.too_large"


def why_unreadable(text: pl.Series) -> pl.Series:
    """Why ``read_micros`` could not read a text, a code of messages/: NOT_A_NUMBER, or TOO_LARGE."""
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
    """Per booking: ``amount_idr`` (Int64), ``before_idr`` (with a discount code: what it cost before; null where
    nothing says so), ``amount_rule``, ``disagreement`` (the sources, null where they agree), and what could not be
    taken as written: ``unreadable``, ``negative``, ``implausible``, ``thousands`` (a total), ``currency`` (by the
    attribute that names another one).
    """

    amount_idr: pl.Series
    before_idr: pl.Series
    amount_rule: pl.Series
    disagreement: pl.Series
    unreadable: Noted
    negative: Noted
    implausible: Noted
    thousands: Noted
    currency: Noted

    @property
    def explained(self) -> pl.Series:
        """Whether a finding on an amount that was passed over already says why the booking may have none."""
        return _any((*self.implausible.values(), *self.currency.values()), len(self.amount_idr))


def booking_amounts(
    attributes: Attributes, discounted: pl.Series, bounds: AmountBounds = DEFAULT_BOUNDS
) -> BookingAmounts:
    """The amount of each booking: the first source over 0 that is believed; with a discount code the lowest total that
    is written, 0 included.

    An amount over 0 and below 10,000 is thousands of rupiah. One outside the bounds is not believed and gives way to
    the next; one in another currency does not, for the next may be in that currency as well. Two sources further
    apart than the tolerance disagree, unless a discount code stands and the lower one is a total.
    """
    height = attributes.height
    others = _other_currencies(attributes, ALIASES["currency"])
    in_pricing = _other_currencies(attributes, ALIASES["booking.pricing_currency"])
    abroad = _any(others.values(), height)
    read: dict[str, _Read] = {}
    for name in ALIASES["booking.amount"]:
        text = attributes.text(name)
        if text.null_count() < height:
            read[name] = _Read.of(text)
    nothing = nulls(height, pl.String)
    if not read:
        none = nulls(height, pl.Int64)
        return BookingAmounts(none, none, nothing, nothing, {}, {}, {}, {}, others)
    used = tuple(read)
    written = _any((read[n].written for n in TOTALS if n in read), height)
    columns = {"discounted": discounted, "total written": written, "abroad": abroad}
    pricing_abroad = _any(in_pricing.values(), height)
    for name, amount in read.items():
        elsewhere = amount.foreign.is_not_null()
        micros = amount.micros.zip_with(~elsewhere, amount.foreign)
        if name == _PRICING_TOTAL:
            elsewhere = elsewhere | pricing_abroad
        columns |= {name: micros, f"{name} abroad": elsewhere & micros.is_not_null()}
    frame = pl.DataFrame(columns).with_columns(column for name in used for column in _judged(name, bounds))
    by_first = _first_over_zero(used)
    totals = tuple(n for n in TOTALS if n in read)
    chosen = by_first
    if discounted.any():
        low = _lowest_total(totals) if totals else _NOTHING
        # Where no total is written the price is what it costs; what was paid beside it may be a part.
        by_price = _first_over_zero(tuple(sorted(used, key=lambda name: name != _PRICE)))
        chosen = tuple(
            pl.when(~pl.col("discounted")).then(first).when("total written").then(of_total).otherwise(price)
            for of_total, price, first in zip(low, by_price, by_first, strict=True)
        )
    rupiah = ~pl.col("abroad")
    result = frame.select(
        pl.when(rupiah).then(chosen[0]).alias("amount_idr"),
        pl.when(rupiah & pl.col("discounted")).then(_before(used, chosen[0])).alias("before_idr"),
        pl.when(rupiah).then(chosen[1]).alias("amount_rule"),
        pl.when(rupiah).then(chosen[2]).alias("foreign_source"),
        pl.when(rupiah & _disagrees(used)).then(_said(used)).alias("disagreement"),
        *(pl.col(f"{n} {kind}") for n in used for kind in ("implausible", "thousands")),
    )
    for name in used:
        here = (result["foreign_source"] == name).fill_null(False)
        if not here.any():
            continue
        if read[name].foreign.filter(here).null_count() < here.sum():
            others[name] = here & read[name].foreign.is_not_null()
        if name == _PRICING_TOTAL:
            others |= {n: named for n, other in in_pricing.items() if (named := other & here).any()}
    return BookingAmounts(
        result["amount_idr"],
        result["before_idr"],
        result["amount_rule"],
        result["disagreement"],
        {n: amount.unreadable for n, amount in read.items()},
        {n: (amount.micros < 0).fill_null(False) for n, amount in read.items()},
        {n: result[f"{n} implausible"] for n in used},
        {n: result[f"{n} thousands"] for n in used if n != _PRICE},
        others,
    )


def _judged(name: str, bounds: AmountBounds) -> tuple[pl.Expr, ...]:
    """Of a source: ``<name> idr`` (rupiah, where it is over 0 and ``believed``), ``implausible``, ``thousands`` and
    ``whole`` (believed, and written in thousands; without a fraction), ``zero``, ``foreign`` (over 0 in another
    currency)."""
    micros = pl.col(name)
    here = ~(pl.col("abroad") | pl.col(f"{name} abroad"))
    over = here & (micros > 0).fill_null(False)
    small = over & (micros < THOUSANDS_BELOW_IDR * MICRO).fill_null(False)
    idr = half_up(micros * pl.when(small).then(1_000).otherwise(1))
    believed = over & idr.is_between(bounds.minimum, bounds.maximum).fill_null(False)
    return (
        pl.when(believed).then(idr).alias(f"{name} idr"),
        believed.alias(f"{name} believed"),
        (over & ~believed).alias(f"{name} implausible"),
        (small & believed).alias(f"{name} thousands"),
        (small & believed & (micros % MICRO == 0)).alias(f"{name} whole"),
        (here & (micros == 0).fill_null(False)).alias(f"{name} zero"),
        (pl.col(f"{name} abroad") & (micros > 0)).alias(f"{name} foreign"),
    )


def _label(name: str) -> pl.Expr:
    if name != _PRICE:
        return pl.lit(name)
    return pl.when(f"{_PRICE} thousands").then(pl.lit(_PRICE_IN_THOUSANDS)).otherwise(pl.lit(_PRICE))


Choice = tuple[pl.Expr, pl.Expr, pl.Expr]
"""Rupiah, the rule, and the source that is in another currency where that is why there are none."""


_NOTHING: Final[Choice] = (pl.lit(None, pl.Int64), pl.lit(None, pl.String), pl.lit(None, pl.String))


def _first_over_zero(used: tuple[str, ...]) -> Choice:
    idr, rule, foreign = pl.lit(None, pl.Int64), pl.lit(None, pl.String), pl.lit(None, pl.String)
    for name in reversed(used):
        believed, elsewhere = pl.col(f"{name} believed"), pl.col(f"{name} foreign")
        idr = pl.when(believed).then(pl.col(f"{name} idr")).when(~elsewhere).then(idr)
        rule = pl.when(believed).then(_label(name)).when(~elsewhere).then(rule)
        foreign = pl.when(elsewhere).then(pl.lit(name)).when(~believed).then(foreign)
    return idr, rule, foreign


def _lowest_total(totals: tuple[str, ...]) -> Choice:
    idr = pl.min_horizontal(
        pl.when(f"{n} zero").then(pl.lit(0, pl.Int64)).otherwise(pl.col(f"{n} idr")) for n in totals
    )
    rule = pl.when(idr == 0).then(pl.lit("free")).when(idr.is_not_null()).then(pl.lit("discounted"))
    foreign = pl.coalesce(pl.when(f"{n} abroad").then(pl.lit(n)) for n in totals)
    return idr, rule, pl.when(idr.is_null()).then(foreign)


def _before(used: tuple[str, ...], amount: pl.Expr) -> pl.Expr:
    """What a discounted booking cost before: the highest total, else the price, where that is more than the amount by
    more than rounding makes it."""
    sources = [
        [pl.when(~pl.col(f"{n} whole")).then(pl.col(f"{n} idr")) for n in used if n in TOTALS],
        [pl.when(f"{n} whole").then(pl.col(f"{n} idr")) for n in used if n in TOTALS],
        [pl.col(f"{n} idr") for n in used if n == _PRICE],
    ]
    tolerances = (AMOUNT_TOLERANCE_IDR, ROUNDED_TOLERANCE_IDR, ROUNDED_TOLERANCE_IDR)
    above = [
        pl.when(highest - amount > tolerance).then(highest)
        for group, tolerance in zip(sources, tolerances, strict=True)
        if group
        for highest in (pl.max_horizontal(group),)
    ]
    return pl.coalesce(above) if above else pl.lit(None, pl.Int64)


def _disagrees(used: tuple[str, ...]) -> pl.Expr:
    """Whether two believed sources are further apart than the tolerance of the two, and no discount explains it."""
    totals = [n for n in used if n != _PRICE]
    if not totals:
        return pl.lit(False)
    exact = [pl.when(~pl.col(f"{n} whole")).then(pl.col(f"{n} idr")) for n in totals]
    rounded = [pl.when(f"{n} whole").then(pl.col(f"{n} idr")) for n in totals]
    everything = [pl.col(f"{n} idr") for n in totals]

    def apart(higher: Sequence[pl.Expr], lower: Sequence[pl.Expr], tolerance: pl.Expr | int) -> pl.Expr:
        return (pl.max_horizontal(higher) - pl.min_horizontal(lower) > tolerance).fill_null(False)

    between_totals = (
        apart(exact, exact, AMOUNT_TOLERANCE_IDR)
        | apart(everything, rounded, ROUNDED_TOLERANCE_IDR)
        | apart(rounded, everything, ROUNDED_TOLERANCE_IDR)
    )
    price_lower = price_higher = pl.lit(False)
    if _PRICE in used:
        price = [pl.col(f"{_PRICE} idr")]
        tolerance = pl.when(f"{_PRICE} thousands").then(ROUNDED_TOLERANCE_IDR).otherwise(AMOUNT_TOLERANCE_IDR)
        price_lower = apart(exact, price, tolerance) | apart(rounded, price, ROUNDED_TOLERANCE_IDR)
        price_higher = apart(price, exact, tolerance) | apart(price, rounded, ROUNDED_TOLERANCE_IDR)
    return price_lower | (~pl.col("discounted") & (between_totals | price_higher))


def _said(used: tuple[str, ...]) -> pl.Expr:
    return pl.concat_str(
        [pl.format("{} {}", _label(n), pl.col(f"{n} idr")) for n in used], separator=", ", ignore_nulls=True
    )


@dataclass(frozen=True)
class CommissionAmounts:
    """Per record: repaired integers in rupiah (null where not believed), the rule, the values as written, the rate in
    millionths, whether its base or commission was not believed, and what could not be taken as written.

    Keys of ``unreadable`` and ``implausible`` are base, commission, fee, due; of ``currency`` also attributes.
    """

    booking_amount_idr: pl.Series
    commission_idr: pl.Series
    fee_idr: pl.Series
    due_idr: pl.Series
    amount_rule: pl.Series
    written_booking_amount: pl.Series
    written_commission: pl.Series
    is_implausible: pl.Series
    rate_ppm: pl.Series
    rate_unreadable: pl.Series
    unreadable: Noted
    implausible: Noted
    currency: Noted


RECORD_AMOUNTS: Final = {kind: ALIASES[f"commission.{kind}"] for kind in ("base", "commission", "fee", "due")}
"""What of a record is an amount → the attributes it is read from."""


def commission_amounts(attributes: Attributes, bounds: AmountBounds = DEFAULT_BOUNDS) -> CommissionAmounts:
    """A record whose base is over 0 and below 10,000 is in thousands, and its commission, fee and due with it, but
    for such as are 10,000 or more: those are rupiah already.

    A base outside the bounds is not believed, nor its commission, nor one that is larger than its base. A base of 0
    says no size: beside it, as without a base, a commission of at most the upper bound is believed, as a fee and a
    due are. A refund (a commission below zero) may have its base below zero as well: it is the booking's amount.
    """
    height = attributes.height
    read = {kind: _Read.of(attributes.first(names)) for kind, names in RECORD_AMOUNTS.items()}
    currency = _other_currencies(attributes, ALIASES["currency"])
    abroad = _any(currency.values(), height)
    frame = pl.DataFrame(
        {"abroad": abroad, "base abroad": read["base"].foreign.is_not_null()}
        | {kind: amount.micros for kind, amount in read.items()}
    )
    limit = THOUSANDS_BELOW_IDR * MICRO
    base, commission, here = pl.col("base"), pl.col("commission"), ~pl.col("abroad")
    base = pl.when(commission < 0).then(base.abs()).otherwise(base)
    thousands = (here & (base > 0) & (base < limit)).fill_null(False)

    def rupiah(micros: pl.Expr) -> pl.Expr:
        return half_up(micros * pl.when(thousands & (micros.abs() < limit)).then(1_000).otherwise(1))

    base_idr = rupiah(base)
    believed = (base == 0) | base_idr.is_between(bounds.minimum, bounds.maximum)
    base_lost = (here & ~believed).fill_null(False) | pl.col("base abroad")
    ceiling = pl.when(believed & (base_idr > 0)).then(base_idr).otherwise(bounds.maximum)
    too_large = {
        "commission": (here & ~base_lost & (rupiah(commission).abs() > ceiling)).fill_null(False),
        "fee": (here & (rupiah(pl.col("fee")).abs() > bounds.maximum)).fill_null(False),
        "due": (here & (rupiah(pl.col("due")).abs() > bounds.maximum)).fill_null(False),
    }
    result = frame.select(
        pl.when(here & ~base_lost).then(base_idr).alias("base"),
        pl.when(here & ~base_lost & ~too_large["commission"]).then(rupiah(commission)).alias("commission"),
        *(pl.when(here & ~too_large[k]).then(rupiah(pl.col(k))).alias(k) for k in ("fee", "due")),
        thousands.alias("thousands"),
        (pl.col("base") / MICRO).alias("written_base"),
        (commission / MICRO).alias("written_commission"),
        (here & ~believed).fill_null(False).alias("base implausible"),
        *(where.alias(f"{kind} implausible") for kind, where in too_large.items()),
    )
    lost = (
        frame["abroad"]
        | frame["base abroad"]
        | read["commission"].foreign.is_not_null()
        | result["base implausible"]
        | result["commission implausible"]
    )
    rule = result.select(
        pl.when(pl.col("thousands") & pl.col("base").is_not_null()).then(pl.lit("thousands"))
        .when(pl.col("base").is_not_null() | pl.col("commission").is_not_null()).then(pl.lit("rupiah"))
    ).to_series()  # fmt: skip
    rate_text = attributes.text("commissionRate")
    rate = read_rates(rate_text)
    return CommissionAmounts(
        booking_amount_idr=result["base"],
        commission_idr=result["commission"],
        fee_idr=result["fee"],
        due_idr=result["due"],
        amount_rule=rule,
        written_booking_amount=result["written_base"],
        written_commission=result["written_commission"],
        is_implausible=lost,
        rate_ppm=rate,
        rate_unreadable=rate_text.is_not_null() & rate.is_null(),
        unreadable={kind: amount.unreadable for kind, amount in read.items()},
        implausible={kind: result[f"{kind} implausible"] for kind in read},
        currency=currency | {kind: amount.foreign.is_not_null() for kind, amount in read.items()},
    )
