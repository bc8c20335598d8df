"""A provider's menu: thousands and rupiah, what is no price, and how it is written again."""

from __future__ import annotations

import json

import pytest

from marketplace.menus import menu_of, menu_written
from marketplace.money import AmountBounds


@pytest.mark.parametrize(
    ("pricing", "menu"),
    [
        ('{"60": 150, "90": 210, "120": 270}', {60: 150_000, 90: 210_000, 120: 270_000}),
        ('{"60": "0150", "90": "210"}', {60: 150_000, 90: 210_000}),
        ('{"90": "210.500", "60": 150000}', {60: 150_000, 90: 210_500}),
        ({"60": 152.5}, {60: 152_500}),
        ('{"60": 15, "90": 30000, "45": 100, "120": "USD 20"}', {90: 30_000}),
        ('{"60": null, "90": -5}', {}),
        ("not json", {}),
        (None, {}),
        ("[1, 2]", {}),
    ],
)
def test_a_menu_is_read_as_amounts_are(pricing: object, menu: dict[int, int]) -> None:
    assert menu_of({"pricing": pricing}) == menu


def test_bounds_of_the_settings_count() -> None:
    assert menu_of({"pricing": '{"60": 15}'}, AmountBounds(10_000, 200_000)) == {60: 15_000}


@pytest.mark.parametrize(
    ("before", "prices", "written"),
    [
        ('{"60": 150}', {90: 210_000, 60: 160_000}, {"60": 160, "90": 210}),
        ('{"60": 150}', {60: 160_500}, {"60": 160_500}),
        ('{"60": 150000}', {60: 160_000}, {"60": 160_000}),
        (None, {60: 160_000}, {"60": 160_000}),
    ],
)
def test_it_is_written_in_the_unit_it_has(before: object, prices: dict[int, int], written: object) -> None:
    text = menu_written({"pricing": before}, prices)
    assert json.loads(text) == written
    assert menu_of({"pricing": text}) == prices
