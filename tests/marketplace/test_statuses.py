"""Word tables: each word of the rules, in any case and spelling."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import statuses
from marketplace.decline_reasons import REASONS, categories

STATUS = {
    "pending": "pending pending_accept idle registering searching waiting waiting_for_location",
    "accepted": "accepted active on_the_way",
    "confirmed": "confirmed in_progress payment_received",
    "completed": "completed done finished",
    "cancelled": "cancelled canceled",
    "declined": "declined rejected",
    "expired": "expired timeout",
    "reassigned": "reassigned",
}
COMMISSION = {
    "pending": "pending pending_collection accepted unpaid",
    "awaiting_verification": "awaiting_verification submitted",
    "paid": "paid verified confirmed completed partially_refunded partial_refund",
    "rejected": "rejected",
    "overdue": "overdue expired",
    "cancelled": "cancelled canceled",
    "reversed": "reversed refunded",
}
SOURCE = {
    "bookingButton": "bookingButton button booknow platform",
    "chatWindow": "chatWindow chat",
    "menuSlider": "menuSlider menu",
    "priceSlider": "priceSlider",
    "scheduled": "scheduled",
    "direct": "direct manual whatsapp share profile search",
}
MODE = {"immediate": "immediate book_now now", "scheduled": "scheduled"}
TABLES = [
    (statuses.BOOKING_STATUS, STATUS),
    (statuses.COMMISSION_STATUS, COMMISSION),
    (statuses.SOURCE, SOURCE),
    (statuses.MODE, MODE),
]
ROWS = [(t, w, c) for t, rows in TABLES for c, listed in rows.items() for w in listed.split()]


@pytest.mark.parametrize(("table", "word", "canonical"), ROWS)
def test_each_word_has_its_value_in_any_spelling(table: dict[str, str], word: str, canonical: str):
    spellings = [
        word, word.upper(), word.title(), word.replace("_", " "), word.replace("_", "-"), word.replace("_", ""),
        f"{word[:2]}_{word[2:]}",
    ]  # fmt: skip
    assert statuses.canonical(pl.Series(spellings), table).to_list() == [canonical] * len(spellings)


@pytest.mark.parametrize(("table", "rows"), TABLES)
def test_a_table_holds_the_words_of_the_rules_and_no_other(table: dict[str, str], rows: dict[str, str]):
    expected = {statuses.normalised(w): c for c, listed in rows.items() for w in listed.split()}
    assert table == expected


@given(st.text(min_size=1))
def test_any_other_word_is_no_value(text: str):
    found = statuses.canonical(pl.Series([text]), statuses.BOOKING_STATUS)[0]
    assert found in (None, *statuses.BOOKING_STATUSES)
    assert (found is None) == (statuses.normalised(text) not in statuses.BOOKING_STATUS)


def test_yes_and_no_are_read_from_any_type():
    found = statuses.flags(pl.Series(["true", "1", "Yes", "false", "0", "no", "perhaps", None]))
    assert found.to_list() == [True, True, True, False, False, False, None, None]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("Too far from my location", "too_far"),
        ("terlalu jauh", "too_far"),
        ("I am busy", "busy"),
        ("lagi sibuk", "busy"),
        ("sakit", "illness"),
        ("No response from therapist", "no_response"),
        ("cancelled by customer", "customer_cancelled"),
        ("harga terlalu mahal", "price"),
        ("hujan deras", "weather_traffic"),
        ("ask Ketut", "other"),
        ("will explain", "other"),
    ],
)
def test_a_reason_is_one_of_a_fixed_list(written: str, reason: str):
    assert categories(pl.Series([written, None])).to_list() == [reason, None]
    assert reason in REASONS
