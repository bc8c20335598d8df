"""Which bookings are tests: kept, flagged, counted, in no figure."""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.phones import is_test_phone
from marketplace.rules import TEST_NAME_PATTERN

IS_TEST: Final = "isTest"
NAME: Final = "name"
PHONE: Final = "phone"
RULES: Final = (IS_TEST, NAME, PHONE)


def test_rule(is_test: pl.Series, customer_name: pl.Series, phone_text: pl.Series) -> pl.Series:
    """The first rule that makes a row a test (isTest, name, phone), null for a real one."""
    frame = pl.DataFrame(
        {
            "flag": is_test.fill_null(False),
            "name": customer_name.str.contains(TEST_NAME_PATTERN).fill_null(False),
            "phone": is_test_phone(phone_text),
        }
    )
    return frame.select(
        pl.when("flag")
        .then(pl.lit(IS_TEST))
        .when("name")
        .then(pl.lit(NAME))
        .when("phone")
        .then(pl.lit(PHONE))
    ).to_series()


test_rule.__test__ = False  # type: ignore[attr-defined]  # not a pytest function, wherever it is imported
