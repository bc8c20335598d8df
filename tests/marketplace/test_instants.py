"""Times: every way they are written, in the zone they were meant in."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace import instants
from marketplace.attributes import Attributes


def read(value: object, offset: int | None = 480):
    text = Attributes(pl.DataFrame({"x": [value]})).text("x")
    found = instants.read(text, pl.Series([offset], dtype=pl.Int64))
    return found.values[0], found.reasons[0]


EXPECTED = datetime(2025, 11, 20, 6, 30)


@pytest.mark.parametrize(
    "written",
    [
        "2025-11-20T06:30:00Z",
        "2025-11-20T06:30:00.000Z",
        "2025-11-20T06:30:00.000+00:00",
        "2025-11-20T14:30:00+08:00",
        "2025-11-20T14:30:00.000+0800",
        "2025-11-20T14:30+08",
        "2025-11-20T01:30:00-05:00",
        "2025-11-20T14:30:00",
        "2025-11-20 14:30:00",
        "2025-11-20 14:30",
        "  2025-11-20T14:30:00.000 ",
        "2025-11-20 13:30 WIB",
        "1763620200000",
        1763620200000,
        1763620200000.0,
        "1763620200",
        datetime(2025, 11, 20, 6, 30),
    ],
)
def test_every_way_of_writing_is_the_same_instant(written: object):
    assert read(written) == (EXPECTED, None)


@pytest.mark.parametrize(
    ("written", "value", "reason"),
    [
        ("2025-11-20T14:30:00", None, instants.NO_ZONE),
        ("2025-11-20", None, instants.NO_ZONE),
        ("2025-11-20T14:30:00+08:00", EXPECTED, None),
        ("2025-11-20 13:30 WIB", EXPECTED, None),
        ("1763620200", EXPECTED, None),
        # No zone would make an instant of these.
        ("1970-01-01 10:00", None, instants.IMPLAUSIBLE),
        ("soon", None, instants.NOT_AN_INSTANT),
        (45000, None, instants.IMPLAUSIBLE),
        (None, None, None),
    ],
)
def test_without_a_zone_only_a_bare_time_is_unknown_and_says_why(
    written: object, value: datetime | None, reason: str | None
):
    assert read(written, None) == (value, reason)


def test_a_bare_time_is_read_in_the_zone_of_its_provider():
    values = instants.read(pl.Series(["2025-11-20T14:30:00"] * 3), pl.Series([420, 480, 540])).values
    assert [v.hour for v in values] == [7, 6, 5]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("45000", instants.IMPLAUSIBLE),
        (45000.0, instants.IMPLAUSIBLE),
        ("1970", instants.IMPLAUSIBLE),
        ("1970-01-01T00:00:00Z", instants.IMPLAUSIBLE),
        ("2014-12-31T23:59:59.999Z", instants.IMPLAUSIBLE),
        ("2100-01-01T00:00:00Z", instants.IMPLAUSIBLE),
        ("yesterday", instants.NOT_AN_INSTANT),
        ("14:30", instants.NOT_AN_INSTANT),
        ("2025-02-30T10:00:00Z", instants.NOT_AN_INSTANT),
        ("2025-13-01", instants.NOT_AN_INSTANT),
        ("20/11/2025", instants.NOT_AN_INSTANT),
        ("99999999999999999999", instants.IMPLAUSIBLE),
    ],
)
def test_what_cannot_be_read_is_null_with_its_reason(written: object, reason: str):
    assert read(written) == (None, reason)


@pytest.mark.parametrize("written", [None, "", "none", "NULL", " undefined ", "-"])
def test_nothing_is_no_time_and_no_finding(written: object):
    assert read(written) == (None, None)


@given(
    st.datetimes(min_value=datetime(2015, 1, 2), max_value=datetime(2099, 12, 30)),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_offset_and_local_and_epoch_forms_agree(moment: datetime, offset: int):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    local = moment + timedelta(minutes=offset)
    sign, size = ("-" if offset < 0 else "+"), abs(offset)
    forms = [
        moment.isoformat(timespec="milliseconds") + "Z",
        f"{local.isoformat(timespec='milliseconds')}{sign}{size // 60:02}:{size % 60:02}",
        local.isoformat(timespec="milliseconds"),
        str(int((moment - datetime(1970, 1, 1)) / timedelta(milliseconds=1))),
    ]
    found = instants.read(pl.Series(forms), pl.Series([offset] * len(forms)))
    assert found.values.to_list() == [moment] * len(forms)


@given(st.text())
def test_no_text_is_a_crash(text: str):
    read(text)


def start(offset: int = 480, **values: object):
    frame = pl.DataFrame({"_id": ["b"], **{k: [v] for k, v in values.items()}})
    found, attribute = instants.starts(Attributes(frame), pl.Series([offset]))
    return found.values[0], attribute[0], found.reasons[0]


@pytest.mark.parametrize(
    ("values", "attribute"),
    [
        ({"startTime": "2025-11-20T06:30:00Z", "scheduledTime": "x"}, "startTime"),
        ({"startTime": "", "scheduledTime": "2025-11-20T14:30:00"}, "scheduledTime"),
        ({"scheduledDate": "2025-11-20", "time": "14:30"}, "time"),
        ({"date": "2025-11-20", "time": "14:30"}, "time"),
        ({"scheduledDate": "2025-11-20", "date": "2025-11-25", "time": "14:30"}, "time"),
        ({"time": "09:00", "bookingDateTime": "2025-11-20T14:30:00+08:00"}, "bookingDateTime"),
        ({"bookingDateTime": 1763620200000}, "bookingDateTime"),
        ({"checkInDate": "2025-11-20T14:30"}, "checkInDate"),
        ({"startTime": "14:30", "scheduledDate": "2025-11-20", "date": "2025-11-21"}, "startTime"),
        ({"startTime": "14:30", "date": "2025-11-20", "bookingDate": "2025-11-21"}, "startTime"),
        ({"startTime": "14:30", "bookingDate": "2025-11-20"}, "startTime"),
        ({"startTime": "2:30 PM", "bookingDate": "2025-11-20"}, "startTime"),
        ({"startTime": "14.30", "bookingDate": "2025-11-20T00:00:00.000+00:00"}, "startTime"),
        ({"startTime": "13:30 WIB", "bookingDate": datetime(2025, 11, 19, 16, 0)}, "startTime"),
        ({"scheduledTime": "14:30:00", "scheduledDate": datetime(2025, 11, 20)}, "scheduledTime"),
    ],
)
def test_a_start_is_read_from_the_first_attribute_that_holds_one(values: dict[str, object], attribute: str):
    assert start(**values) == (EXPECTED, attribute, None)


def test_a_start_near_midnight_belongs_to_the_local_day():
    assert start(startTime="00:30", date="2025-11-20")[0] == datetime(2025, 11, 19, 16, 30)


def test_a_time_of_day_without_a_date_is_unreadable():
    assert start(startTime="14:30") == (None, "startTime", instants.NO_DATE)


def test_a_start_that_cannot_be_read_is_not_replaced_by_a_later_name():
    assert start(startTime="soon", bookingDateTime="2025-11-20T14:30:00") == (
        None,
        "startTime",
        instants.NOT_AN_INSTANT,
    )
