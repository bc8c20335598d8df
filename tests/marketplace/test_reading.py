"""Attributes of any type, absent, empty, or inside JSON; zones; the quarantine."""

from __future__ import annotations

import json
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import zones
from marketplace.attributes import Attributes
from marketplace.collections import COLLECTIONS, INGESTED, REQUIRED
from marketplace.instants import creation
from marketplace.quarantine import READ, reject_reasons


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (
            pl.Series([250000.0, 0.5, float("nan"), 250.125, 1e20, 202.25, -1.25]),
            ["250000", "0.50", None, "250.1250", "1e+20", "202.2500", "-1.2500"],
        ),
        (pl.Series([5, None]), ["5", None]),
        (pl.Series([True, False]), ["true", "false"]),
        (pl.Series([" x ", "", "None", "NULL", "undefined", "-", "  ", "0"]), ["x", *[None] * 6, "0"]),
        (pl.Series([datetime(2025, 1, 2, 3, 4, 5, 6)]), ["2025-01-02T03:04:05.000006Z"]),
        (pl.Series([date(2025, 1, 2)]), ["2025-01-02"]),
        (pl.Series([None, None]), [None, None]),
        (pl.Series([["a", "b"]]), ['["a","b"]']),
    ],
)
def test_a_column_of_any_type_is_text(column: pl.Series, text: list[str | None]):
    assert Attributes(pl.DataFrame({"x": column})).text("x").to_list() == text


def test_an_attribute_that_is_not_there_is_nothing():
    assert Attributes(pl.DataFrame({"x": [1, 2]})).text("y").to_list() == [None, None]


def test_the_first_name_that_is_present_and_not_empty_counts():
    attributes = Attributes(pl.DataFrame({"a": ["", None, "1"], "b": ["2", "none", "3"]}))
    assert attributes.first(("a", "b")).to_list() == ["2", None, "1"]
    assert attributes.which(("a", "b")).to_list() == ["b", None, "a"]


def test_objects_in_json_text_are_read_and_broken_ones_are_told():
    written = [
        json.dumps({"total": 250.5}),
        "{broken",
        "plain words",
        json.dumps(json.dumps({"total": "9"})),
        None,
        json.dumps({"total": 202.25}),
    ]
    attributes = Attributes(pl.DataFrame({"pricing": written}))
    assert attributes.text("pricing.total").to_list() == ["250.50", None, None, "9", None, "202.2500"]
    assert attributes.broken_json()["pricing"].to_list() == [False, True, False, False, False, False]


def test_a_value_that_did_not_fit_its_column_is_still_read():
    attributes = Attributes(
        pl.DataFrame(
            {"price": pl.Series([None, 5.0], dtype=pl.Float64), "_misfits": ['{"price": "250"}', None]}
        )
    )
    assert attributes.text("price").to_list() == ["250", "5"]
    assert attributes.misfits() == [(0, "price", "text")]


def test_the_registry_is_the_one_of_the_rules():
    assert REQUIRED == ("bookings", "chat_messages", "commission_records")
    assert "bank_details" not in INGESTED
    assert len(COLLECTIONS) == 22
    assert set(INGESTED) == {
        "bookings", "hotel_bookings", "chat_rooms", "chat_messages", "commission_records", "notifications",
        "therapists", "places", "users", "reviews", "payment_transactions",
        "booking_offers", "service_guards", "service_counters", "service_requests", "discount_codes",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "name", "offset"),
    [
        ("Asia/Jakarta", "Asia/Jakarta", 420), ("asia/makassar", "Asia/Makassar", 480),
        ("Asia/Jayapura", "Asia/Jayapura", 540), ("WIB", "Asia/Jakarta", 420), ("wita", "Asia/Makassar", 480),
        ("WIT", "Asia/Jayapura", 540), ("UTC+8", "Asia/Makassar", 480), ("GMT+05:30", "UTC+05:30", 330),
        ("UTC", "UTC", 0), ("Australia/Perth", "Australia/Perth", 480), ("Europe/Berlin", "Europe/Berlin", 60),
    ],
)  # fmt: skip
def test_a_zone_is_one_fixed_offset(written: str, name: str, offset: int):
    assert zones.resolve(written) == zones.Zone(name, offset)


@pytest.mark.parametrize("written", ["Bali", "Asia/Nowhere", "UTC+99", "../etc/passwd", ""])
def test_an_unknown_zone_is_none(written: str):
    assert zones.resolve(written) is None


def test_a_place_and_a_therapist_of_one_id_keep_their_own_zone():
    providers = pl.DataFrame(
        {
            "provider_id": ["p", "p", "q"],
            "provider_type": ["therapist", "place", "place"],
            "utc_offset_minutes": [420, 540, 420],
        }
    )
    found = zones.ProviderZones.of(providers, 480)
    ids = pl.Series(["p", "p", "p", "q", "r", None])
    kinds = pl.Series(["therapist", "place", None, None, None, None])
    assert found.offsets(ids, kinds).to_list() == [420, 540, 420, 420, 480, 480]


THREE = datetime(2025, 11, 20, 3)
LONG_STORED = {"_created_at": THREE, "_updated_at": THREE, "_ingested_at": THREE}
AHEAD = {**LONG_STORED, "_created_at": datetime(2025, 11, 20, 3, 5, 1)}
"""A row whose own $createdAt is no more to be believed."""


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ({"_id": "a"}, None),
        ({"_id": None}, ["id_missing"]),
        ({"_id": "  "}, ["id_missing"]),
        ({"_id": "a", "createdAt": "45000"}, ["creation_unreadable"]),
        ({"_id": "a", "createdAt": "1970-01-01T00:00:00Z"}, ["creation_unreadable"]),
        ({"_id": "a", "createdAt": "garbage"}, ["creation_unreadable"]),
        ({"_id": "a", "createdAt": ""}, None),
        ({"_id": "a", "createdAt": "none"}, None),
        ({"_id": "a", "createdAt": "2025-11-20T10:00:00"}, None),
        ({"_id": "a", "createdAt": 1763620200000}, None),
        ({"_id": "a", "createdAt": 45000.0}, ["creation_unreadable"]),
        ({"_id": "a", "createdAt": None, "booking": '{"createdAt": "1970"}'}, ["creation_unreadable"]),
        ({"_id": "a", "createdAt": None, "booking": '{"createdAt": "2025-11-20T10:00:00Z"}'}, None),
        ({"_id": "a", "createdAt": None, "_misfits": '{"createdAt": "garbage"}'}, ["creation_unreadable"]),
        ({"_id": "a", "_created_at": None}, ["creation_unreadable"]),
        ({"_id": "", "_created_at": None}, ["id_missing", "creation_unreadable"]),
        ({"_id": "a", "price": "abc", "status": "??"}, None),
        ({"_id": "a", "createdAt": "2025-11-20T10:00:00Z", **LONG_STORED}, None),
        ({"_id": "a", "createdAt": "2025-11-20T03:05:00Z", **LONG_STORED}, None),
        ({"_id": "a", **AHEAD}, ["creation_in_the_future"]),
        ({"_id": "a", "createdAt": "2025-11-20T10:00:00Z", **AHEAD}, ["creation_in_the_future"]),
        ({"_id": "a", "createdAt": "2025-11-20T18:00:00", **AHEAD}, ["creation_in_the_future"]),
        ({"_id": "a", "createdAt": "2025-11-20T10:00:00+08:00", **AHEAD}, None),
        ({"_id": "a", "createdAt": "2025-11-20T03:05:00.000Z", **AHEAD}, None),
        ({"_id": "a", "createdAt": "2025-11-20T03:05:00.001Z", **AHEAD}, ["creation_in_the_future"]),
        (
            {
                "_id": "a",
                "createdAt": "2025-11-20T03:05:00.001Z",
                **AHEAD,
                "_ingested_at": datetime(2025, 11, 21),
            },
            None,
        ),
        (
            {"_id": "a", "booking": '{"createdAt": "2025-11-21T10:00:00Z"}', **AHEAD},
            ["creation_in_the_future"],
        ),
        ({"_id": "a", "createdAt": "garbage", **AHEAD}, ["creation_unreadable"]),
        ({"_id": "", **AHEAD}, ["id_missing", "creation_in_the_future"]),
    ],
)
@pytest.mark.parametrize("collection", ["bookings", "chat_messages", "commission_records"])
def test_only_a_row_without_id_or_readable_creation_is_quarantined(collection, row, reasons):
    frame = pl.DataFrame([{"_created_at": datetime(2025, 11, 20), **row}], infer_schema_length=1)
    found = reject_reasons(collection, frame)[0]
    assert (None if found is None else json.loads(found)) == reasons


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_a_version_written_in_any_year_is_judged(year: int):
    at = {"_updated_at": datetime(year, 12, 31, 23, 59, 59), "_ingested_at": None, "_created_at": THREE}
    frame = pl.DataFrame([{"_id": "a", "createdAt": "2025-11-20T03:00:00Z", **at}], schema_overrides={
        "_ingested_at": pl.Datetime("us"), "_updated_at": pl.Datetime("us")})  # fmt: skip
    expected = None if year == 9999 else '["creation_in_the_future"]'
    assert reject_reasons("bookings", frame).to_list() == [expected]


WRITTEN = st.one_of(
    st.none(),
    st.sampled_from(["", "-", "none", "45000", "1763620200000", "10:30", "2025-11-20", "2099-12-31T23:59:59Z"]),
    st.from_regex(r"(20|19|21)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?"
                  r"(Z|[+-][01][0-9]:?[0-9]{2})?", fullmatch=True),
)  # fmt: skip


ANY_TIME = st.datetimes(datetime(1990, 1, 1), datetime(2120, 1, 1))


@given(
    st.lists(
        st.tuples(
            WRITTEN,
            st.none() | WRITTEN.map(lambda text: json.dumps({"createdAt": text})),
            st.none() | WRITTEN.map(lambda text: json.dumps({"createdAt": text})),
            st.none() | ANY_TIME,
            st.none() | ANY_TIME,
            st.none() | ANY_TIME,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_told_at_a_glance_is_what_reading_closely_tells(rows):
    own = ("_created_at", "_updated_at", "_ingested_at")
    schema = dict.fromkeys((*READ, "_misfits"), pl.String) | {name: pl.Datetime("us") for name in own}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.lit("a").alias("_id"))
    offsets = pl.Series([480]).new_from_index(0, frame.height)
    closely = creation(Attributes(frame), offsets)
    told = [
        None if not unread else '["creation_in_the_future"]' if refused else '["creation_unreadable"]'
        for unread, refused in zip(closely.values.is_null(), closely.refused, strict=True)
    ]
    assert reject_reasons("bookings", frame).to_list() == told
