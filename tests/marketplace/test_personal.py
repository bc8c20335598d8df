"""What of a free sentence may leave the machine."""

from __future__ import annotations

import pytest

from marketplace.personal import without_phones


@pytest.mark.parametrize(
    "number",
    [
        "+6281234567890",
        "081234567890",
        "0812-3456-7890",
        "62 812 3456 7890",
        "(0361) 761234567",
        "+61 412 345 678",
    ],
)
def test_a_phone_number_is_hidden(number: str) -> None:
    assert "(phone number)" in without_phones(f"paid in cash, asked at {number}.")
    assert not set(number) & set("2345") & set(without_phones(f"asked at {number}."))


@pytest.mark.parametrize(
    "sentence",
    [
        "paid in cash on 06-11-2026, see note 12",
        "Rp 62.500.000 and Rp 8.250.000 were paid",
        "booking BK-081234567890 of 2026-11-06 08:15",
        "commission 65f0812345678901234567 is a double of cm000641",
        "",
    ],
)
def test_dates_amounts_and_ids_are_not_phone_numbers(sentence: str) -> None:
    assert without_phones(sentence) == sentence
