"""Phones: E.164, or null with the reason."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import phones
from marketplace.test_rows import test_rule as rule_of_test


def one(written: str | None):
    numbers, reasons = phones.e164(pl.Series([written], dtype=pl.String))
    return numbers[0], reasons[0]


@pytest.mark.parametrize(
    "written",
    [
        "+6281234567890", "081234567890", "+62081234567890", "+62+6281234567890", "6281234567890", "81234567890",
        "0812-3456-7890", "+62 812 3456 7890", "(0812) 3456.7890", "006281234567890", "whatsapp:+6281234567890",
        "62081234567890", "+62+62081234567890", "https://wa.me/6281234567890",
    ],
)  # fmt: skip
def test_each_way_of_writing_an_indonesian_mobile_is_one_number(written: str):
    assert one(written) == ("+6281234567890", None)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+61412345678", "+61412345678"),
        ("61412345678", "+61412345678"),
        ("+1 415 555 2671", "+14155552671"),
        ("+44 7911 123456", "+447911123456"),
        ("0044 7911 123456", "+447911123456"),
        ("+81 90 1234 5678", "+819012345678"),
        ("+8613812345678", "+8613812345678"),
        ("(0361) 751011", "+62361751011"),
    ],
)
def test_foreign_numbers_and_landlines_keep_their_country(written: str, number: str):
    assert one(written) == (number, None)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, phones.ABSENT),
        ("call me", phones.NOT_A_NUMBER),
        ("+", phones.NOT_A_NUMBER),
        ("+62812", phones.TOO_SHORT),
        ("+62812345678901234567", phones.TOO_LONG),
        ("000000000", phones.NOT_A_NUMBER),
        ("+999123456789", phones.NOT_A_NUMBER),
    ],
)
def test_a_phone_that_cannot_be_read_is_null_with_the_reason(written: str | None, reason: str):
    number, found = one(written)
    assert number is None
    assert found == reason


@given(st.lists(st.one_of(st.none(), st.text(alphabet="+0123456789 -()abc"), st.text()), max_size=8))
def test_a_row_has_exactly_a_number_or_a_reason(written: list[str | None]):
    numbers, reasons = phones.e164(pl.Series(written, dtype=pl.String))
    assert all((n is None) != (r is None) for n, r in zip(numbers, reasons, strict=True))
    assert all(n is None or n.startswith("+") for n in numbers)


def test_a_hash_tells_equal_from_different_and_needs_the_key():
    numbers = pl.Series(["+6281234567890", "+6281234567890", "+6281234567891", None])
    first, again, other = (
        phones.keyed(numbers, b"k"),
        phones.keyed(numbers, b"k"),
        phones.keyed(numbers, b"other"),
    )
    assert first.to_list() == again.to_list()
    assert first[0] == first[1] != first[2]
    assert first[3] is None
    assert first[0] != other[0]


@pytest.mark.parametrize(
    ("flag", "name", "phone", "rule"),
    [
        (True, "Wayan", "0812", "isTest"),
        (None, "Admin Test", None, "name"),
        (False, "test", None, "name"),
        (False, "TEST user", None, "name"),
        (False, "Testing 2", None, "name"),
        (False, "Wayan", "000000000", "phone"),
        (False, "Wayan", "+62000000000", "phone"),
        (False, "Testa Rossa", "+6281234567890", None),
        (False, "Contest Winner", None, None),
        (None, None, None, None),
    ],
)
def test_test_rows_are_known_by_flag_name_or_phone(flag, name, phone, rule):
    found = rule_of_test(
        pl.Series([flag], dtype=pl.Boolean),
        pl.Series([name], dtype=pl.String),
        pl.Series([phone], dtype=pl.String),
    )
    assert found[0] == rule


def test_zeros_by_the_megabyte_are_no_phone_and_are_read_in_one_pass():
    # Taken away one by one, each with a copy of the rest, they took hours: this test then did not end.
    numbers, reasons = phones.e164(pl.Series(["62" + "0" * 1_000_000, "62" * 500_000]))
    assert numbers.to_list() == [None, None]
    assert reasons.null_count() == 0
