"""Amounts: exact, in rupiah, whatever unit and spelling they came in."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.attributes import Attributes
from marketplace.money import booking_amounts, commission_amounts, half_up, read_micros, read_rates

MICRO = 1_000_000


def amount(discount: bool = False, **values: object):
    frame = pl.DataFrame({"_id": ["b"], **{k: [v] for k, v in values.items()}})
    found = booking_amounts(Attributes(frame), pl.Series([discount]))
    return found.amount_idr[0], found.amount_rule[0], found.disagreement[0] is not None


@pytest.mark.parametrize(
    ("values", "idr", "rule"),
    [
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
        ({"price": 10000}, 10000, "price"),
        ({"price": 250000}, 250000, "price"),
        ({"totalCost": 0, "totalPrice": 250000}, 250000, "totalPrice"),
        ({"totalCost": -250000, "price": 250}, 250000, "price_thousands"),
        ({"totalCost": "none", "price": 250}, 250000, "price_thousands"),
        ({"totalCost": "abc", "price": 250}, 250000, "price_thousands"),
        ({"totalCost": "Rp 250.000"}, 250000, "totalCost"),
        ({"totalCost": "IDR 250,000.00"}, 250000, "totalCost"),
        ({"totalCost": "1.250.000,-"}, 1250000, "totalCost"),
        ({"totalCost": 250000.5}, 250001, "totalCost"),
        ({"totalCost": 250.125}, 250, "totalCost"),
        ({"totalCost": 0}, None, None),
        ({"price": ""}, None, None),
        ({}, None, None),
    ],
)
def test_the_first_source_over_zero_is_the_amount(
    values: dict[str, object], idr: int | None, rule: str | None
):
    found = amount(**values)
    assert found[:2] == (idr, rule)


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
        ({"totalCost": 250, "price": 250}, False, True),
        ({"totalCost": 250000, "price": 0}, False, False),
    ],
)
def test_two_sources_disagree_unless_rounding_or_a_discount_explains_it(
    values: dict[str, object], discount: bool, disagrees: bool
):
    assert amount(discount, **values)[2] is disagrees


def test_negative_and_unreadable_amounts_are_told_apart():
    frame = pl.DataFrame({"_id": ["a", "b"], "totalCost": ["-5", "abc"], "price": [250, 250]})
    found = booking_amounts(Attributes(frame), pl.Series([False, False]))
    assert found.negative["totalCost"].to_list() == [True, False]
    assert found.unreadable["totalCost"].to_list() == [False, True]


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


@given(st.integers(min_value=1, max_value=10**9))
def test_a_price_means_the_same_in_every_type(price: int):
    expected = price * 1000 if price < 10_000 else price
    assert {amount(price=price)[0], amount(price=float(price))[0], amount(price=str(price))[0]} == {expected}


@given(st.text())
def test_no_text_is_a_crash(text: str):
    read_micros(pl.Series([text]))
    read_rates(pl.Series([text]))


def record(**values: object):
    return commission_amounts(Attributes(pl.DataFrame({"_id": ["c"], **{k: [v] for k, v in values.items()}})))


@pytest.mark.parametrize(
    ("values", "base", "commission", "rule"),
    [
        ({"bookingAmount": 250000, "commissionAmount": 75000}, 250000, 75000, "rupiah"),
        ({"bookingAmount": 250.0, "commissionAmount": 75.0}, 250000, 75000, "thousands"),
        ({"serviceAmount": "250", "adminCommission": "75"}, 250000, 75000, "thousands"),
        ({"totalPrice": 250, "commissionAmount": 75000}, 250000, 75000, "thousands"),
        ({"bookingAmount": 202.5, "commissionAmount": 60.75}, 202500, 60750, "thousands"),
        ({"bookingAmount": 0, "commissionAmount": 75}, 0, 75, "rupiah"),
        ({"bookingAmount": 0, "serviceAmount": 250000}, 0, None, "rupiah"),
        ({"commissionAmount": 75000}, None, 75000, "rupiah"),
        ({"bookingAmount": 10000, "commissionAmount": 3000}, 10000, 3000, "rupiah"),
        ({"bookingAmount": 250000, "commissionAmount": -75000}, 250000, -75000, "rupiah"),
        ({}, None, None, None),
    ],
)
def test_a_record_in_thousands_is_repaired(values, base, commission, rule):
    found = record(**values)
    assert (found.booking_amount_idr[0], found.commission_idr[0], found.amount_rule[0]) == (
        base,
        commission,
        rule,
    )


def test_the_values_as_written_are_kept():
    found = record(bookingAmount=250.0, commissionAmount="75")
    assert (found.written_booking_amount[0], found.written_commission[0]) == (250.0, 75.0)


@pytest.mark.parametrize(
    ("written", "ppm"),
    [
        (0.30, 300_000), (30, 300_000), ("30", 300_000), ("0.300", 300_000), ("30%", 300_000), ("30 %", 300_000),
        (0.3333333, 333_333), (12.5, 125_000), (1, 1_000_000), (0, 0), (100, 1_000_000), (101, None), (-0.3, None),
        ("0,3", 300_000), ("thirty", None), (None, None),
    ],
)  # fmt: skip
def test_a_rate_is_a_fraction(written: object, ppm: int | None):
    assert record(commissionRate=written).rate_ppm[0] == ppm
