"""Amounts: exact, in rupiah, whatever unit, currency and spelling they came in; and never one that is not believed."""

from __future__ import annotations

import json
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.attributes import Attributes
from marketplace.money import (
    AmountBounds,
    BookingAmounts,
    CommissionAmounts,
    booking_amounts,
    commission_amounts,
    half_up,
    read_micros,
    read_rates,
)

MICRO = 1_000_000
KINDS = ("unreadable", "negative", "implausible", "thousands", "currency")


def read(*rows: dict[str, Any], discount: bool = False, bounds: AmountBounds | None = None) -> BookingAmounts:
    frame = pl.DataFrame([{"_id": "b", **row} for row in rows], infer_schema_length=None)
    discounted = pl.Series([discount] * len(rows))
    return booking_amounts(Attributes(frame), discounted, *([bounds] if bounds else []))


def amount(discount: bool = False, **values: Any):
    found = read(values, discount=discount)
    return found.amount_idr[0], found.amount_rule[0], found.disagreement[0] is not None


def noted(found: BookingAmounts | CommissionAmounts) -> set[tuple[str, str]]:
    """(kind of finding, attribute) of the first row."""
    return {
        (kind, name)
        for kind in KINDS
        for name, where in getattr(found, kind, {}).items()
        if where.to_list()[0]
    }


# without a discount code: source → amount, rule

SOURCES: list[tuple[dict[str, object], int | None, str | None]] = [
    ({"totalCost": 250000, "price": 250.0}, 250000, "totalCost"),
    ({"totalPrice": "250000", "price": 250}, 250000, "totalPrice"),
    ({"totalAmount": 250000.0}, 250000, "totalAmount"),
    ({"paymentAmount": "250000.00"}, 250000, "paymentAmount"),
    ({"pricing": '{"total": 250000, "base": 1}'}, 250000, "pricing.total"),
    ({"pricing": '{"total": "250000"}'}, 250000, "pricing.total"),
    ({"price": 250}, 250000, "price_thousands"),
    ({"price": "203"}, 203000, "price_thousands"),
    ({"price": 202.5}, 202500, "price_thousands"),
    ({"price": 9999}, 9999000, "price_thousands"),
    ({"price": 9999.999}, 9999999, "price_thousands"),
    ({"price": 202.25}, 202250, "price_thousands"),  # "202.250" in text would be rupiah
    ({"price": 249.99999999999997}, 250000, "price_thousands"),  # a float of 250
    ({"price": 250000}, 250000, "price"),
    ({"totalCost": 0, "totalPrice": 250000}, 250000, "totalPrice"),
    ({"totalCost": 0, "price": 250}, 250000, "price_thousands"),
    ({"totalCost": -250000, "price": 250}, 250000, "price_thousands"),
    ({"totalCost": "none", "price": 250}, 250000, "price_thousands"),
    ({"totalCost": "abc", "price": 250}, 250000, "price_thousands"),
    ({"totalCost": "Rp 250.000"}, 250000, "totalCost"),
    ({"totalCost": "Rp. 250.000,00"}, 250000, "totalCost"),
    ({"totalCost": "250.000 rupiah"}, 250000, "totalCost"),
    ({"totalCost": "250,000 Rp"}, 250000, "totalCost"),
    ({"totalCost": "IDR 250,000.00"}, 250000, "totalCost"),
    ({"totalCost": "1.250.000,-"}, 1250000, "totalCost"),
    ({"totalCost": "2.5e5"}, 250000, "totalCost"),
    ({"totalCost": 250000.5}, 250001, "totalCost"),
    ({"totalCost": 20000}, 20000, "totalCost"),
    ({"totalCost": 20_000_000}, 20_000_000, "totalCost"),
    ({"totalCost": 19_999.5}, 20_000, "totalCost"),
    ({"totalCost": 0}, None, None),
    ({"totalCost": 0, "price": 0}, None, None),
    ({"totalCost": 1e-11}, None, None),  # what a program has left of 0
    ({"price": ""}, None, None),
    ({}, None, None),
]


@pytest.mark.parametrize(("values", "idr", "rule"), SOURCES)
def test_the_first_source_over_zero_is_the_amount(
    values: dict[str, object], idr: int | None, rule: str | None
):
    assert amount(**values)[:2] == (idr, rule)


@pytest.mark.parametrize("name", ["totalCost", "totalPrice", "totalAmount", "paymentAmount", "pricing.total"])
@pytest.mark.parametrize(
    ("written", "idr"),
    [
        (250, 250_000),
        ("250", 250_000),
        (202.5, 202_500),
        (250.125, 250_125),
        (9_999, 9_999_000),
        (20, 20_000),
    ],
)
def test_a_total_below_ten_thousand_is_in_thousands_and_told(name: str, written: object, idr: int):
    found = read(sourced(name, written))
    assert (found.amount_idr[0], found.amount_rule[0]) == (idr, name)
    assert noted(found) == {("thousands", name)}


def test_a_price_in_thousands_is_the_ordinary_way_to_write_one():
    assert noted(read({"price": 250})) == set()


def sourced(name: str, written: object) -> dict[str, object]:
    return {"pricing": json.dumps({"total": written})} if name == "pricing.total" else {name: written}


@pytest.mark.parametrize(
    "name", ["totalCost", "totalPrice", "totalAmount", "paymentAmount", "pricing.total", "price"]
)
@pytest.mark.parametrize(
    "written",
    [
        25_000_000,  # 250,000 in hundredths
        "25000000", "1,25", 1.25, "19.999", 19_999, 10_000, 19.999, 20_000_001, 20_000_000.5, 0.4, 0.0004, 1e11,
        "999999999999",
    ],
)  # fmt: skip
def test_an_amount_out_of_all_proportion_is_not_believed(name: str, written: object):
    found = read(sourced(name, written))
    assert (found.amount_idr[0], found.amount_rule[0]) == (None, None)
    assert noted(found) == {("implausible", name)}
    assert found.explained.to_list() == [True]


def test_what_is_not_believed_gives_way_and_takes_no_part_in_comparing():
    found = read({"totalCost": 25_000_000, "totalPrice": 250_000, "price": 250})
    assert (found.amount_idr[0], found.amount_rule[0], found.disagreement[0]) == (250_000, "totalPrice", None)
    assert noted(found) == {("implausible", "totalCost")}


def test_the_bounds_are_settings():
    few = AmountBounds(500_000, 600_000)
    assert read({"price": 499}, {"price": 500}, {"price": 600_000}, {"price": 600_001},
                bounds=few).amount_idr.to_list() == [None, 500_000, 600_000, None]  # fmt: skip


# with a discount code

DISCOUNTED: list[tuple[dict[str, object], int | None, str | None]] = [
    ({"totalCost": 200_000, "price": 250}, 200_000, "discounted"),
    ({"totalCost": 250_000, "totalPrice": 200_000, "price": 150}, 200_000, "discounted"),
    ({"totalCost": 250_000, "pricing": '{"total": 212500}'}, 212_500, "discounted"),
    ({"totalAmount": 200, "price": 250}, 200_000, "discounted"),
    ({"totalCost": 0, "price": 250}, 0, "free"),
    ({"totalCost": 0, "totalPrice": 250_000}, 0, "free"),
    ({"totalCost": 250_000, "pricing": '{"total": 0}', "paymentAmount": 250_000}, 0, "free"),
    ({"totalAmount": "0,00", "price": 250}, 0, "free"),
    ({"totalCost": 1e-11, "price": 250}, 0, "free"),
    ({"price": 250}, 250_000, "price_thousands"),
    ({"totalCost": "none", "price": 250}, 250_000, "price_thousands"),
    ({"paymentAmount": 250_000, "price": 300}, 300_000, "price_thousands"),
    ({"paymentAmount": 250_000}, 250_000, "paymentAmount"),
    ({"price": 0}, None, None),
    # a total is written and tells nothing: the price is not what it was discounted to
    ({"totalCost": "abc", "price": 250}, None, None),
    ({"totalCost": -1, "price": 250}, None, None),
    ({"totalCost": 25_000_000, "price": 250}, None, None),
    ({"totalCost": 25_000_000, "totalPrice": 200_000, "price": 250}, 200_000, "discounted"),
    ({"totalCost": 200_000, "totalAmount": "abc", "totalPrice": -5}, 200_000, "discounted"),
    ({"totalCost": 200_000, "currency": "USD"}, None, None),
    ({"totalCost": 200_000, "pricing": '{"total": 20, "currency": "USD"}'}, 200_000, "discounted"),
    ({"pricing": '{"total": 0, "currency": "USD"}', "price": 250}, None, None),
]


@pytest.mark.parametrize(("values", "idr", "rule"), DISCOUNTED)
def test_with_a_discount_code_the_lowest_total_is_the_amount(
    values: dict[str, object], idr: int | None, rule: str | None
):
    assert amount(discount=True, **values)[:2] == (idr, rule)


@pytest.mark.parametrize(
    ("values", "before"),
    [
        ({"totalCost": 200_000, "price": 250}, 250_000),
        ({"totalCost": 250_000, "totalPrice": 200_000, "price": 300}, 250_000),  # totals before the price
        ({"totalCost": 250, "pricing": '{"total": 212500}'}, 250_000),
        ({"totalCost": 0, "price": 250}, 250_000),
        ({"totalCost": 0, "totalPrice": 0}, None),
        # rounding is no discount
        ({"totalCost": 202_500, "price": 203}, None),
        ({"totalCost": 202_500, "totalPrice": 203}, None),
        ({"totalCost": 200_000, "totalPrice": 200_001}, None),
        ({"totalCost": 200_000, "totalPrice": 200_002}, 200_002),
        # nothing says what it was before
        ({"totalCost": 200_000}, None),
        ({"price": 250}, None),
        ({"totalCost": 200_000, "paymentAmount": 250_000}, None),  # what was paid may be for more
        ({"totalCost": "ask", "price": 250}, None),
        ({"totalCost": 25_000_000, "totalPrice": 200_000, "price": 250}, 250_000),  # not believed
        ({"totalCost": 200_000, "price": 250, "currency": "USD"}, None),
        ({}, None),
    ],
)
def test_what_a_discounted_booking_cost_before_is_more_than_it_costs(
    values: dict[str, object], before: int | None
):
    assert read(values, discount=True).before_idr.to_list() == [before]
    assert read(values).before_idr.to_list() == [None]


# currency

RUPIAH = [
    "IDR",
    "idr",
    " Idr ",
    "Rp",
    "rp",
    "RP",
    "Rp.",
    "rp. ",
    "rupiah",
    "Rupiah",
    "RUPIAH",
    "",
    "none",
    None,
    "-",
]
OTHERS = ["USD", "usd", "AUD", "SGD", "EUR", "€", "$", "US$", "dollar", "IDRX", "Rs", "840", "I"]


@pytest.mark.parametrize(
    "name", ["currency", "currencyCode", "Currency", "CURRENCY", "currency_code", "priceCurrency"]
)
def test_a_currency_that_is_not_rupiah_leaves_the_amount_unknown(name: str):
    found = read(*({"totalCost": 250_000, name: word} for word in [*RUPIAH, *OTHERS]))
    assert found.amount_idr.to_list() == [250_000] * len(RUPIAH) + [None] * len(OTHERS)
    assert found.amount_rule.to_list() == ["totalCost"] * len(RUPIAH) + [None] * len(OTHERS)
    assert found.currency[name].to_list() == [False] * len(RUPIAH) + [True] * len(OTHERS)
    assert found.explained.to_list() == [False] * len(RUPIAH) + [True] * len(OTHERS)


@pytest.mark.parametrize(
    ("values", "idr", "notes"),
    [
        ({"pricing": '{"total": 250000, "currency": "IDR"}'}, 250_000, set()),
        ({"pricing": '{"total": 250000, "currency": ""}'}, 250_000, set()),
        ({"pricing": '{"total": 250000, "currency": "USD"}'}, None, {("currency", "pricing.currency")}),
        ({"pricing": '{"total": 25, "currencyCode": "usd"}'}, None, {("currency", "pricing.currencyCode")}),
        # the price beside it may be in that currency as well
        ({"pricing": '{"total": 25, "currency": "USD"}', "price": 25}, None, {("currency", "pricing.currency")}),
        # not the JSON the amount came from
        ({"totalCost": 250_000, "pricing": '{"total": 25, "currency": "USD"}'}, 250_000, set()),
        ({"price": 250, "pricing": '{"currency": "USD"}'}, 250_000, set()),
        ({"price": 250, "pricing": '{"total": 0, "currency": "USD"}'}, 250_000, set()),
        # what is said for the whole row holds for it, whatever the JSON says
        ({"pricing": '{"total": 250000, "currency": "IDR"}', "currency": "USD"}, None, {("currency", "currency")}),
        ({"currency": "USD"}, None, {("currency", "currency")}),
        ({"currency": "IDR", "currencyCode": "USD", "price": 250}, None, {("currency", "currencyCode")}),
        ({"currency": "USD", "totalCost": 25, "price": 25_000_000}, None, {("currency", "currency")}),
        ({"currency": "USD", "totalCost": "abc"}, None, {("currency", "currency"), ("unreadable", "totalCost")}),
        # in the amount itself
        ({"totalCost": "USD 250"}, None, {("currency", "totalCost")}),
        ({"totalCost": "250 aud", "price": 250}, None, {("currency", "totalCost")}),
        ({"totalCost": "$250"}, None, {("currency", "totalCost")}),
        ({"totalCost": "US$ 250.00"}, None, {("currency", "totalCost")}),
        ({"price": "€250"}, None, {("currency", "price")}),
        ({"pricing": '{"total": "250 €"}', "price": 250}, None, {("currency", "pricing.total")}),
        ({"totalCost": "$0", "price": 250}, 250_000, set()),
        ({"totalCost": 250_000, "price": "$20"}, 250_000, set()),
        ({"totalCost": "250 rb", "price": 250}, 250_000, {("unreadable", "totalCost")}),
        ({"totalCost": "$", "price": 250}, 250_000, {("unreadable", "totalCost")}),
        ({"totalCost": "USD", "price": 250}, 250_000, {("unreadable", "totalCost")}),
    ],
)  # fmt: skip
def test_the_currency_of_what_the_amount_came_from(
    values: dict[str, object], idr: int | None, notes: set[tuple[str, str]]
):
    found = read(values)
    assert (found.amount_idr[0], noted(found), found.disagreement[0]) == (idr, notes, None)


# sources that differ


@pytest.mark.parametrize(
    ("values", "discount", "disagrees"),
    [
        ({"totalCost": 202500, "price": 203}, False, False),  # rounded to thousands: exactly Rp 500
        ({"totalCost": 202499, "price": 203}, False, True),
        ({"totalCost": 250000, "price": 250000}, False, False),
        ({"totalCost": 250001, "price": 250000}, False, False),
        ({"totalCost": 250002, "price": 250000}, False, True),
        ({"totalCost": 250000, "totalPrice": 250002}, False, True),
        ({"totalCost": 250000, "pricing": '{"total": 200000}'}, False, True),
        ({"totalCost": 200000, "price": 250}, True, False),
        ({"totalCost": 200000, "totalPrice": 250000, "price": 250}, True, False),
        ({"totalCost": 300000, "price": 250}, True, True),  # a discount explains no higher total
        ({"totalCost": 300000, "price": 250}, False, True),
        ({"totalCost": 250000, "price": 0}, False, False),
        ({"totalCost": 0, "price": 250}, True, False),
        # in rupiah, whatever the unit they were written in
        ({"totalCost": 250, "price": 250}, False, False),
        ({"totalCost": 250, "totalPrice": 250000}, False, False),
        (
            {"totalCost": 203, "totalPrice": 202500},
            False,
            False,
        ),  # a total in whole thousands is rounded as well
        ({"totalCost": 202500, "totalPrice": 203}, False, False),
        ({"totalCost": 203, "totalPrice": 202499}, False, True),
        ({"totalCost": 202.9, "totalPrice": 202500}, False, True),  # this one was not rounded
        ({"totalCost": 203, "price": 202500}, False, False),
        ({"totalCost": 203, "price": 203501}, False, True),
        ({"totalCost": 202, "totalPrice": 203}, False, True),
        ({"totalCost": 203, "totalPrice": 202500, "totalAmount": 202502}, False, True),
        ({"totalCost": 25_000_000, "totalPrice": 250_000}, False, False),
    ],
)
def test_two_sources_disagree_unless_rounding_or_a_discount_explains_it(
    values: dict[str, object], discount: bool, disagrees: bool
):
    assert amount(discount, **values)[2] is disagrees


def test_negative_and_unreadable_amounts_are_told_apart():
    found = read({"totalCost": "-5", "price": 250}, {"totalCost": "abc", "price": 250})
    assert found.negative["totalCost"].to_list() == [True, False]
    assert found.unreadable["totalCost"].to_list() == [False, True]
    assert found.explained.to_list() == [False, False]


# numbers


@given(st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False, allow_infinity=False, places=6))
def test_every_decimal_is_read_exactly_and_rounded_half_up(value: Decimal):
    micros = read_micros(pl.Series([f"{value:f}"]), grouped=False)
    assert micros[0] == int(value * MICRO)
    units = pl.DataFrame({"m": micros}).select(half_up(pl.col("m"))).item()
    assert units == int((value + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_grouping_does_not_change_a_number(value: int):
    written = [f"{value}", f"Rp {value:,}".replace(",", "."), f"IDR {value:,}", f"{value:,}.00", f"{value}.0"]
    assert read_micros(pl.Series(written)).to_list() == [value * MICRO] * len(written)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.integers(min_value=1, max_value=10**12 - 1) | st.integers(1, 30_000), min_size=1, max_size=40)
)
def test_an_amount_means_the_same_in_every_type_and_attribute(written: list[int]):
    rupiah = [n * 1000 if n < 10_000 else n for n in written]
    expected = [n if 20_000 <= n <= 20_000_000 else None for n in rupiah]
    for name in ("price", "totalCost", "paymentAmount"):
        for form in (int, float, str):
            assert read(*({name: form(n)} for n in written)).amount_idr.to_list() == expected


_NUMBERS = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.from_regex(
        r"\A[+-]?(Rp\.? ?|IDR |\$|USD )?[0-9]{1,22}([.,][0-9]{1,9}){0,3}(,-|e[+-]?[0-9]{1,3}| USD| rb)?\Z"
    ),
)


@settings(deadline=None)
@given(st.lists(st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS), min_size=1, max_size=30), st.booleans())
def test_whatever_is_written_the_amount_is_in_range_or_unknown(
    rows: list[tuple[str, str, str, str]], discount: bool
):
    bookings = read(
        *({"totalCost": a, "totalPrice": b, "price": c, "pricing": json.dumps({"total": d})} for a, b, c, d in rows),
        discount=discount,
    )  # fmt: skip
    for idr, rule in zip(bookings.amount_idr, bookings.amount_rule, strict=True):
        assert (idr is None) == (rule is None)
        assert idr is None or 20_000 <= idr <= 20_000_000 or (idr == 0 and rule == "free" and discount)
    records = commission_amounts(
        Attributes(
            pl.DataFrame(
                rows, schema=["bookingAmount", "commissionAmount", "lateFee", "commissionRate"], orient="row"
            )
        )
    )
    for base, commission, fee, rate in zip(
        records.booking_amount_idr, records.commission_idr, records.fee_idr, records.rate_ppm, strict=True
    ):
        assert base is None or base == 0 or 20_000 <= base <= 20_000_000
        assert commission is None or abs(commission) <= (base or 20_000_000)
        assert fee is None or abs(fee) <= 20_000_000
        assert rate is None or 0 <= rate <= MICRO


# commission records


def record(**values: object) -> CommissionAmounts:
    return commission_amounts(Attributes(pl.DataFrame({"_id": ["c"], **{k: [v] for k, v in values.items()}})))


@pytest.mark.parametrize(
    ("values", "base", "commission", "rule"),
    [
        ({"bookingAmount": 250000, "commissionAmount": 75000}, 250000, 75000, "rupiah"),
        ({"bookingAmount": 250.0, "commissionAmount": 75.0}, 250000, 75000, "thousands"),
        ({"serviceAmount": "250", "adminCommission": "75"}, 250000, 75000, "thousands"),
        ({"totalPrice": 250, "commissionAmount": 75000}, 250000, 75000, "thousands"),
        ({"bookingAmount": 202.5, "commissionAmount": 60.75}, 202500, 60750, "thousands"),
        ({"bookingAmount": 202.25, "commissionAmount": 60.68}, 202250, 60680, "thousands"),
        ({"bookingAmount": 250}, 250000, None, "thousands"),
        ({"bookingAmount": 0, "commissionAmount": 75}, 0, 75, "rupiah"),
        ({"bookingAmount": 0, "commissionAmount": 75000}, 0, 75000, "rupiah"),  # 0 says no size
        ({"bookingAmount": 0, "serviceAmount": 250000}, 0, None, "rupiah"),
        ({"commissionAmount": 75000}, None, 75000, "rupiah"),
        ({"commissionAmount": 75}, None, 75, "rupiah"),  # core knows no booking to compare it with
        ({"bookingAmount": 20000, "commissionAmount": 6000}, 20000, 6000, "rupiah"),
        ({"bookingAmount": 250000, "commissionAmount": 250000}, 250000, 250000, "rupiah"),
        ({"bookingAmount": "abc", "commissionAmount": 75000}, None, 75000, "rupiah"),
        # a refund
        ({"bookingAmount": 250000, "commissionAmount": -75000}, 250000, -75000, "rupiah"),
        ({"bookingAmount": -250000, "commissionAmount": -75000}, 250000, -75000, "rupiah"),
        ({"bookingAmount": 250, "commissionAmount": -75}, 250000, -75000, "thousands"),
        ({"bookingAmount": 250, "commissionAmount": -75000}, 250000, -75000, "thousands"),
        ({"commissionAmount": -75000}, None, -75000, "rupiah"),
        ({}, None, None, None),
    ],
)
def test_a_record_in_thousands_is_repaired(
    values: dict[str, object], base: int | None, commission: int | None, rule: str | None
):
    found = record(**values)
    assert (found.booking_amount_idr[0], found.commission_idr[0], found.amount_rule[0]) == (
        base,
        commission,
        rule,
    )
    assert not found.is_implausible[0]
    assert noted(found) <= {("unreadable", "base")}


@pytest.mark.parametrize(
    ("values", "base", "commission", "notes"),
    [
        # in hundredths
        ({"bookingAmount": 25_000_000, "commissionAmount": 7_500_000}, None, None, {("implausible", "base")}),
        ({"bookingAmount": "1,25", "commissionAmount": "0,37"}, None, None, {("implausible", "base")}),
        ({"bookingAmount": 10_000, "commissionAmount": 3_000}, None, None, {("implausible", "base")}),
        ({"bookingAmount": -250_000, "commissionAmount": 75_000}, None, None, {("implausible", "base")}),
        ({"bookingAmount": -250_000}, None, None, {("implausible", "base")}),
        ({"bookingAmount": 250_000, "commissionAmount": 7_500_000}, 250_000, None, {("implausible", "commission")}),
        ({"bookingAmount": 250_000, "commissionAmount": 250_001}, 250_000, None, {("implausible", "commission")}),
        ({"bookingAmount": 250_000, "commissionAmount": -250_001}, 250_000, None, {("implausible", "commission")}),
        ({"bookingAmount": 250, "commissionAmount": 300}, 250_000, None, {("implausible", "commission")}),
        ({"commissionAmount": 20_000_001}, None, None, {("implausible", "commission")}),
        ({"bookingAmount": 0, "commissionAmount": 999_999_999_999}, 0, None, {("implausible", "commission")}),
        ({"bookingAmount": 250_000, "commissionAmount": 75_000, "currency": "USD"}, None, None,
         {("currency", "currency")}),
        ({"bookingAmount": "USD 250", "commissionAmount": 75}, None, None, {("currency", "base")}),
        ({"bookingAmount": 250_000, "commissionAmount": "$75"}, 250_000, None, {("currency", "commission")}),
    ],
)  # fmt: skip
def test_a_record_that_is_not_believed_has_no_amount(
    values: dict[str, object], base: int | None, commission: int | None, notes: set[tuple[str, str]]
):
    found = record(**values)
    assert (found.booking_amount_idr[0], found.commission_idr[0]) == (base, commission)
    assert found.is_implausible[0] is True
    assert noted(found) == notes


def test_amounts_that_are_not_believed_were_read_by_no_rule():
    assert record(bookingAmount=1.25, commissionAmount=1).amount_rule[0] is None


@pytest.mark.parametrize(
    ("values", "fee", "due", "notes"),
    [
        ({"bookingAmount": 250_000, "lateFee": 25_000, "totalDue": 100_000}, 25_000, 100_000, set()),
        ({"bookingAmount": 250, "lateFee": 25, "totalDue": 100}, 25_000, 100_000, set()),
        ({"bookingAmount": 250, "lateFee": 25_000, "totalDue": 100_000}, 25_000, 100_000, set()),
        ({"bookingAmount": 250, "lateFee": 0}, 0, None, set()),
        ({"lateFee": 25, "totalDue": 100}, 25, 100, set()),
        ({"lateFee": 25_000, "totalDue": 100_000, "currency": "AUD"}, None, None, {("currency", "currency")}),
        ({"lateFee": "AUD 25"}, None, None, {("currency", "fee")}),
        ({"lateFee": 999_999_999_999, "totalDue": 20_000_001}, None, None,
         {("implausible", "fee"), ("implausible", "due")}),
    ],
)  # fmt: skip
def test_fee_and_due_are_in_the_unit_and_currency_of_their_record(
    values: dict[str, object], fee: int | None, due: int | None, notes: set[tuple[str, str]]
):
    found = record(**values)
    assert (found.fee_idr[0], found.due_idr[0], noted(found)) == (fee, due, notes)


def test_the_values_as_written_are_kept():
    found = record(bookingAmount=250.0, commissionAmount="75")
    assert (found.written_booking_amount[0], found.written_commission[0]) == (250.0, 75.0)
    lost = record(bookingAmount=25_000_000, commissionAmount=-5)
    assert (lost.written_booking_amount[0], lost.written_commission[0]) == (25_000_000.0, -5.0)


# rates


@pytest.mark.parametrize(
    ("written", "ppm"),
    [
        (0.30, 300_000), (30, 300_000), ("30", 300_000), ("0.300", 300_000), ("30%", 300_000), ("30 %", 300_000),
        (0.3333333, 333_333), (12.5, 125_000), (1, 1_000_000), (0, 0), (100, 1_000_000), (101, None), (-0.3, None),
        ("0,3", 300_000), ("thirty", None), (None, None),
        (0.29999999999999993, 300_000), ("0.29999999999999993", 300_000), (0.30000000000000004, 300_000),
        (29.999999999999996, 300_000), ("29.999999999999996", 300_000), ("29.999999999999996 %", 300_000),
        ("29,999999999999996%", 300_000), ("2.9999999999999993e-01", 300_000), ("2.9999999999999996E+1", 300_000),
        ("3e-1", 300_000), ("30e0 %", 300_000), (1 - 0.7, 300_000), (0.1 + 0.2, 300_000), (3 * 0.1 * 100, 300_000),
        (0.9999999999999999, 1_000_000), (1.0000000000000002, 1_000_000), (100.00000000000001, 1_000_000),
        (100.001, None), (1e-17, 0), (-1e-17, 0), ("1e-999", 0), ("1e999", None), (0.2999994, 299_999),
        (0.2999995, 300_000), (33.33333, 333_333), (33.33335, 333_334),
    ],
)  # fmt: skip
def test_a_rate_is_a_fraction(written: object, ppm: int | None):
    assert record(commissionRate=written).rate_ppm[0] == ppm


@given(st.floats(min_value=0.01, max_value=1), st.booleans())
def test_a_rate_is_rounded_once_from_the_number_as_it_is_written(rate: float, percent: bool):
    written = rate * 100 if percent else rate
    exact = Decimal(repr(written)) / (100 if percent else 1)
    expected = int((exact * MICRO).quantize(Decimal(1), ROUND_HALF_UP))
    texts = pl.Series([f"{Decimal(repr(written)):f}" + ("%" if percent else "")])
    assert read_rates(texts).to_list() == [expected]


@given(st.integers(min_value=10_000, max_value=MICRO))
def test_a_rate_in_millionths_survives_every_spelling_and_the_last_bits_of_a_float(ppm: int):
    fraction = ppm / MICRO
    near = [fraction, fraction * (1 - 2**-52), fraction * (1 + 2**-52)]
    texts = [repr(value) for value in near] + [f"{value * 100:.15g}%" for value in near]
    assert set(read_rates(pl.Series(texts)).to_list()) == {ppm}


@given(st.decimals(min_value=0, max_value=1, places=9, allow_nan=False), st.integers(-2, 2))
def test_an_exponent_changes_no_number(value: Decimal, shift: int):
    text = f"{value.scaleb(-shift):f}e{shift}"
    assert read_micros(pl.Series([text]), grouped=False)[0] == int(
        (value * MICRO).to_integral_value(ROUND_HALF_UP)
    )
    if value <= Decimal("0.999999"):
        assert (
            read_rates(pl.Series([text]))[0] == int((value * 10**7).to_integral_value(ROUND_DOWN) + 5) // 10
        )


@given(st.text())
def test_no_text_is_a_crash(text: str):
    read_micros(pl.Series([text]))
    read_rates(pl.Series([text]))
