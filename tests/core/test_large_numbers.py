"""A number that is too large for its column, or for an amount, is called that."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from marketplace.money import NOT_A_NUMBER, TOO_LARGE, read_micros, why_unreadable
from tests.core.test_bookings import CLEAN, derive


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("99999999999999999999", TOO_LARGE), ("1000000000000", TOO_LARGE), ("-5000000000000.5", TOO_LARGE),
        ("Rp 1.000.000.000.000", TOO_LARGE), ("1,000,000,000,000.00", TOO_LARGE), ("1e300", TOO_LARGE),
        ("4,000,000,000,000,-", TOO_LARGE), ("1e12", TOO_LARGE),
        ("abc", NOT_A_NUMBER), ("12 x", NOT_A_NUMBER), ("12.34.56", NOT_A_NUMBER), ("1e", NOT_A_NUMBER),
        ("0000000000000012x", NOT_A_NUMBER), ("6281234567890 and 6281234567891", NOT_A_NUMBER),
    ],
)  # fmt: skip
def test_why_a_number_cannot_be_read(text: str, why: str) -> None:
    given = pl.Series([text])
    assert read_micros(given)[0] is None
    assert why_unreadable(given)[0] == why


@pytest.mark.parametrize(
    ("misfit", "detail"),
    [
        (10**20, "a number too large for its column"),
        (-(10**20), "a number too large for its column"),
        ("123456789012345678901234", "a number too large for its column"),
        (250_000.25, "a number in an attribute of another type"),
        ("soon", "a text in an attribute of another type"),
        ("nan", "a text in an attribute of another type"),
        (True, "a boolean in an attribute of another type"),
    ],
)
def test_what_did_not_fit_its_column_is_called_what_it_is(misfit: Any, detail: str) -> None:
    row = {**CLEAN, "totalCost": None, "totalPrice": 250_000, "_misfits": json.dumps({"totalCost": misfit})}
    # Two rows, so that the column is one of numbers.
    found = derive({**CLEAN, "totalPrice": 250_000}, row)
    assert found.rows["amount_idr"][0] == 250_000
    mine = found.findings.filter(pl.col("row_id") == "b1")
    told = dict(zip(mine["finding"], mine["detail"], strict=True))
    codes = dict(zip(mine["finding"], mine["code"], strict=True))
    assert told["type_mismatch"] == detail
    if "too large" in detail:
        assert codes["number_unreadable"] == TOO_LARGE
    assert str(misfit) not in "".join(told.values())
