"""A provider's menu: what each length of service costs, as the row has it and as it is written.

What a booking costs in the end does not live here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

import polars as pl

from marketplace.app_rows import value_at
from marketplace.json_values import read_json
from marketplace.money import DEFAULT_BOUNDS, MICRO, AmountBounds, half_up, read_micros
from marketplace.rules import THOUSANDS_BELOW_IDR
from marketplace.text import json_text

MENU: Final = "pricing"
"""The attribute of therapists and places that holds it: minutes → price, as JSON text."""
LENGTHS: Final = (60, 90, 120)
"""Minutes a service may have."""
_THOUSAND: Final = 1_000
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,8}")


def menu_of(row: Mapping[str, Any], bounds: AmountBounds = DEFAULT_BOUNDS) -> dict[int, int]:
    """Minutes → rupiah, the shortest first; a price below 10,000 is in thousands. What cannot be read, or is no amount
    that is believed, is left out: it has no price."""
    written = _written(row)
    found = _plain(written)
    if found is None:
        found = _by_columns(written)
    return {
        minutes: price
        for minutes, price in sorted(found.items())
        if price is not None and bounds.minimum <= price <= bounds.maximum
    }


def _plain(written: Mapping[int, str | None]) -> dict[int, int | None] | None:
    """The prices, where all of them are digits alone; None where not. It is what the rules for columns make of the
    same, without the columns."""
    found: dict[int, int | None] = {}
    for minutes, text in written.items():
        if text is None or _DIGITS.fullmatch(text) is None:
            return None
        price = int(text)
        found[minutes] = price * _THOUSAND if price < THOUSANDS_BELOW_IDR else price
    return found


def _by_columns(written: Mapping[int, str | None]) -> dict[int, int | None]:
    micros = read_micros(pl.Series(list(written.values()), dtype=pl.String))
    small = micros < THOUSANDS_BELOW_IDR * MICRO
    idr = pl.DataFrame({"m": micros, "s": small}).select(
        half_up(pl.col("m") * pl.when("s").then(_THOUSAND).otherwise(1))
    )
    return dict(zip(written, idr.to_series().to_list(), strict=True))


def menu_written(row: Mapping[str, Any], prices: Mapping[int, int]) -> str:
    """A menu as the row has it: in thousands where its prices are and all of the new ones are whole thousands, else in
    rupiah. Of a new menu without any before, rupiah."""
    before = [value for value in _written(row).values() if value is not None]
    micros = read_micros(pl.Series(before, dtype=pl.String)).drop_nulls()
    in_thousands = (
        len(micros) > 0
        and bool((micros < THOUSANDS_BELOW_IDR * MICRO).all())
        and all(price % _THOUSAND == 0 for price in prices.values())
    )
    unit = _THOUSAND if in_thousands else 1
    return json.dumps({str(minutes): price // unit for minutes, price in sorted(prices.items())})


def _written(row: Mapping[str, Any]) -> dict[int, str | None]:
    """The prices of the lengths there are, as text."""
    value = value_at(row, MENU)
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            return {}
    if not isinstance(value, dict):
        return {}
    held = cast("dict[str, object]", value)
    return {minutes: json_text(held[key]) for minutes in LENGTHS if (key := str(minutes)) in held}
